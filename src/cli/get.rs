//! `xsw get`: downloads, with progress on stderr when a person watches.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::find::found_something;
use super::place::{get_hint, with_hint};
use super::progress::Progress;
use super::{Context, GetArguments, IfExistsWord, output};
use crate::domain::role::RoleIndex;
use crate::domain::select::{Select, Words, size};
use crate::domain::text::{bytes, count, escaped, plural};
use crate::domain::transfer::{Done, Event, Failed, IfExists, Summary, Why};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;
use crate::local::prompt;
use crate::ops::download::{Answer, AskExists, Job, OnHalt, Pick, Wishes};

pub(super) async fn run(context: &Context, role: RoleIndex, asked: GetArguments) -> Result<()> {
    let mut picks = picks(&asked.paths, asked.recursive)?;
    if let Some(id) = &asked.version_id {
        let [Pick::Object { version, .. }] = picks.as_mut_slice() else {
            return Err(Error::usage("a version is of one object: name that one alone"));
        };
        *version = Some(id.clone());
    }
    let select = select(&asked)?;
    let max_memory = asked.max_memory.as_deref().map(memory).transpose()?;
    context.session(role).await?;
    let core = Arc::clone(&context.core);
    let progress = Progress::start(Arc::new(move || core.lasting(role)));
    let (if_exists, at_terminal) = (if_exists(&asked), io::stdin().is_terminal() && io::stderr().is_terminal());
    let wishes = Wishes {
        if_exists: if_exists.unwrap_or(if at_terminal { IfExists::Ask } else { IfExists::Refuse }),
        ask: Some(question(&progress)),
        select,
        dry_run: asked.dry_run,
        on_halt: on_halt(context, role, &progress),
        max_memory,
        ..Wishes::default()
    };
    let printer = Arc::new(Printer {
        shape: Shape::of(asked.json, asked.dry_run),
        progress: progress.clone(),
        broken: Mutex::default(),
    });
    let picks_of: Vec<S3Uri> = picks.iter().map(|pick| pick.uri().clone()).collect();
    let one_object = matches!(picks.as_slice(), [Pick::Object { .. }]);
    let (shown, told) = (progress.clone(), Arc::clone(&printer));
    let job = Job {
        on_event: Arc::new(move |event| told.event(event)),
        ..Job::new(picks, wishes, Arc::new(move |now| shown.on_progress(now)))
    };
    let mut summary = context.core.download(role, job).await;
    progress.finish();
    if summary.stopped.is_some() {
        tell(&summary, asked.json, asked.dry_run);
        return summary.outcome();
    }
    for Failed { uri, error } in &mut summary.failed {
        *error = with_hint(error.clone(), get_hint(uri));
    }
    // One object that failed is the whole story: its own error, hint and exit status.
    if one_object && summary.failures == 1 && !summary.failed.is_empty() {
        return Err(summary.failed.remove(0).error);
    }
    if summary.met() == 0 {
        let filtered =
            !(asked.include.is_empty() && asked.exclude.is_empty()) || asked.newer.is_some() || asked.older.is_some();
        match picks_of.as_slice() {
            // As `find`: there is nothing of the kind, and that is an answer.
            _ if filtered => output::note("nothing there is what was asked for"),
            [uri, ..] => found_something(uri).map_err(|error| with_hint(error, get_hint(uri)))?,
            [] => {}
        }
    }
    tell(&summary, asked.json, asked.dry_run);
    // That nobody read on is no failure; what failed is one all the same.
    summary.outcome().and(held(&printer.broken).take().map_or(Ok(()), Err))
}

fn picks(paths: &[String], recursive: bool) -> Result<Vec<Pick>> {
    let (sources, destination) = match paths {
        [sources @ .., last] if !sources.is_empty() && !last.starts_with("s3://") => (sources, last.as_str()),
        sources => (sources, "."),
    };
    if destination == "-" {
        let hint = Some("`xsw cat` prints objects; ./- is a file of that name".to_owned());
        return Err(Error::Usage { message: "- is no file or folder to download to".into(), hint });
    }
    let destination_path = Path::new(destination);
    let into_folder =
        sources.len() > 1 || destination.ends_with(['/', std::path::MAIN_SEPARATOR]) || destination_path.is_dir();
    let pick = |source: &String| {
        let uri: S3Uri = source.parse().map_err(Error::usage)?;
        if recursive {
            return Ok(Pick::below(uri, destination_path));
        }
        if uri.key.is_empty() || uri.key.ends_with('/') {
            let hint = Some("everything below it: add -r".to_owned());
            return Err(Error::Usage { message: format!("{} is no object", escaped(&uri.to_string())), hint });
        }
        Ok(if into_folder {
            Pick::into_folder(uri, None, destination_path)
        } else {
            Pick::into_file(uri, destination_path)
        })
    };
    sources.iter().map(pick).collect()
}

fn select(asked: &GetArguments) -> Result<Select> {
    let words = Words {
        include: ("--include", &asked.include),
        exclude: ("--exclude", &asked.exclude),
        newer: asked.newer.as_deref(),
        older: asked.older.as_deref(),
        sizes: &[],
    };
    Select::new(&words, Timestamp::now(), &TimeZone::system())
}

pub(super) fn memory(text: &str) -> Result<u64> {
    size(text).ok_or_else(|| Error::Usage {
        message: format!("--max-memory: {} is no size", escaped(text)),
        hint: Some("write 64MiB or 1G".into()),
    })
}

fn if_exists(asked: &GetArguments) -> Option<IfExists> {
    match asked.if_exists {
        _ if asked.force => Some(IfExists::Overwrite),
        None => None,
        Some(IfExistsWord::Skip) => Some(IfExists::Skip),
        Some(IfExistsWord::Overwrite) => Some(IfExists::Overwrite),
        Some(IfExistsWord::Rename) => Some(IfExists::Rename),
        Some(IfExistsWord::Ask) => Some(IfExists::Ask),
    }
}

/// Asks about one file; a capital letter is the answer for all that come.
fn question(progress: &Progress) -> AskExists {
    let (for_all, progress) = (Arc::new(Mutex::new(None)), progress.clone());
    Arc::new(move |path: &Path| -> Answer<IfExists> {
        let (for_all, progress, path) = (Arc::clone(&for_all), progress.clone(), path.to_owned());
        Box::pin(async move {
            if let Some(wish) = *held(&for_all) {
                return Ok(wish);
            }
            let (wish, all) = ask(&progress, &path).await?;
            if all {
                *held(&for_all) = Some(wish);
            }
            Ok(wish)
        })
    })
}

async fn ask(progress: &Progress, path: &Path) -> Result<(IfExists, bool)> {
    let name = escaped(&path.to_string_lossy()).into_owned();
    let _hold = progress.hold();
    loop {
        let question = format!("{name} is there and differs. skip, overwrite, rename? [s/o/r, S/O/R for all] ");
        let Some(answer) = prompt::ask(question).await? else { return Ok((IfExists::Refuse, true)) };
        let wish = match answer.trim().chars().next() {
            Some('s' | 'S') => IfExists::Skip,
            Some('o' | 'O') => IfExists::Overwrite,
            Some('r' | 'R') => IfExists::Rename,
            _ => continue,
        };
        return Ok((wish, answer.trim().starts_with(char::is_uppercase)));
    }
}

/// When the session ends on the way the person is asked for a code, as at the beginning.
pub(super) fn on_halt(context: &Context, role: RoleIndex, progress: &Progress) -> OnHalt {
    let (core, progress) = (Arc::clone(&context.core), progress.clone());
    OnHalt::Ask(Arc::new(move |_error| -> Answer<()> {
        let (core, progress) = (Arc::clone(&core), progress.clone());
        Box::pin(async move {
            let _hold = progress.hold();
            core.session_asked(role, None).await.map(|_| ())
        })
    }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Quiet,
    /// What a dry run would do.
    Plan,
    Json,
}

impl Shape {
    pub(super) fn of(json: bool, dry_run: bool) -> Self {
        match (json, dry_run) {
            (true, _) => Self::Json,
            (false, true) => Self::Plan,
            (false, false) => Self::Quiet,
        }
    }
}

/// Prints what becomes of each object, as it happens.
pub(super) struct Printer {
    pub(super) shape: Shape,
    pub(super) progress: Progress,
    /// Why stdout takes no more.
    pub(super) broken: Mutex<Option<Error>>,
}

impl Printer {
    pub(super) fn event(&self, event: &Event) {
        if let Event::Note(uri, text) = event {
            self.progress.note(&format!("{} {text}", escaped(&uri.to_string())));
            return;
        }
        if self.shape == Shape::Quiet || held(&self.broken).is_some() {
            return;
        }
        let printed = self.progress.suspend(|| {
            output::print(|out| match self.shape {
                Shape::Json => output::json_line(out, &as_json(event)),
                _ => match event {
                    Event::Written(done) => {
                        writeln!(out, "{:>10}  {}", bytes(done.size), output::name(&done.path.to_string_lossy()))
                    }
                    _ => Ok(()),
                },
            })
        });
        if let Err(error) = printed {
            *held(&self.broken) = Some(error);
        }
    }
}

fn as_json(event: &Event) -> Value {
    let object = |kind: &str, done: &Done| {
        json!({
            "type": kind,
            "uri": done.uri.to_string(),
            "path": done.path,
            "size": done.size,
            "checked": done.checked,
        })
    };
    match event {
        Event::Written(done) => object("object", done),
        Event::Skipped(done, why) => {
            let mut line = object("skipped", done);
            line["reason"] = match why {
                Why::Equal => "equal".into(),
                Why::Exists => "exists".into(),
            };
            line
        }
        Event::Failed(Failed { uri, error }) => json!({
            "type": "failed",
            "uri": uri.to_string(),
            "error": error.to_string(),
            "hint": error.hint(),
            "kind": error.kind(),
        }),
        Event::Note(uri, text) => json!({ "type": "note", "uri": uri.to_string(), "note": text }),
    }
}

/// The end of a job: what failed, line by line, and what was done.
pub(super) fn tell(summary: &Summary, json: bool, dry_run: bool) {
    if json {
        return;
    }
    if summary.written + summary.skipped > 0 || summary.failures > 1 {
        summary.failed.iter().for_each(output::note_failed);
        let unnamed = summary.failures - summary.failed.len() as u64;
        if unnamed > 0 {
            output::note(&format!("{} more failed", count(unnamed)));
        }
        // A hint is worth saying once, however many objects it is for; that of an archived one names the object.
        let archived = |error: &Error| matches!(error, Error::Aws { code, .. } if code == "InvalidObjectState");
        let (archived, other): (Vec<_>, Vec<_>) =
            summary.failed.iter().map(|failed| &failed.error).partition(|error| archived(error));
        let hints = other.into_iter().chain(archived.into_iter().take(1));
        let hints: BTreeSet<String> = hints.filter_map(Error::hint).collect();
        hints.iter().for_each(|hint| output::hint(hint));
    }
    let mut parts = Vec::new();
    if summary.written > 0 {
        let done = if dry_run { "would be written" } else { "written" };
        parts.push(format!("{} {done}, {}", plural(summary.written, "object"), bytes(summary.bytes)));
    }
    if summary.skipped > 0 {
        parts.push(format!("{} left as they are", count(summary.skipped)));
    }
    if !parts.is_empty() {
        output::note(&parts.join("; "));
    }
    if summary.taken_up > 0 {
        output::note(&format!("{} of it were there from an earlier run", bytes(summary.taken_up)));
    }
    if summary.unchecked > 0 {
        let objects = plural(summary.unchecked, "object");
        output::note(&format!("{objects} with no checksum of the whole: the length alone was compared"));
    }
}
