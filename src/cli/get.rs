//! `xsw get`: downloads, with progress on stderr when a person watches.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::find::found_something;
use super::job::{OnItsWay, Printer, Telling, memory, on_halt, tell};
use super::place::{get_hint, with_hint};
use super::progress::Progress;
use super::{Context, GetArguments, IfExistsWord, output};
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, escaped};
use crate::domain::transfer::{Failed, IfExists};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;
use crate::local::prompt;
use crate::ops::download::{Answer, AskExists, Clash, Job, Pick, Wishes};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(super) async fn run(context: &Context, role: RoleIndex, asked: GetArguments) -> Result<()> {
    let mut picks = picks(&asked.paths, asked.recursive)?;
    if let Some(id) = &asked.version_id {
        let [Pick::Object { version, .. }] = picks.as_mut_slice() else {
            return Err(Error::usage("a version is of one object: name that one alone"));
        };
        *version = Some(id.clone());
    }
    let select = asked.chosen.select()?;
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
        on_halt: on_halt(context, role, Some(&progress)),
        max_memory,
        ..Wishes::default()
    };
    let telling = Telling { json: asked.json, dry_run: asked.dry_run, done: "written", stays: STAYS };
    let printer = Arc::new(Printer::new(telling, progress.clone()));
    let picks_of: Vec<S3Uri> = picks.iter().map(|pick| pick.uri().clone()).collect();
    let one_object = matches!(picks.as_slice(), [Pick::Object { .. }]);
    let (shown, told) = (progress.clone(), Arc::clone(&printer));
    let job = Job {
        on_event: Arc::new(move |event| told.event(event)),
        ..Job::new(picks, wishes, Arc::new(move |now| shown.on_progress(now)))
    };
    let on_its_way = OnItsWay::new(&progress, telling);
    let mut summary = context.core.download(role, job).await;
    on_its_way.has_ended();
    progress.finish();
    if summary.stopped.is_some() {
        tell(&summary, telling);
        if !asked.dry_run {
            output::note(STAYS);
        }
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
        let filtered = asked.chosen.is_some();
        match picks_of.as_slice() {
            // As `find`: there is nothing of the kind, and that is an answer.
            _ if filtered => output::note("nothing there is what was asked for"),
            [uri, ..] => found_something(uri).map_err(|error| with_hint(error, get_hint(uri)))?,
            [] => {}
        }
    }
    tell(&summary, telling);
    // That nobody read on is no failure; what failed is one all the same.
    summary.outcome().and(printer.outcome())
}

/// What becomes of a download that ends before its end.
const STAYS: &str = "what is written stays, whole files and pieces of large ones: the same command goes on from there";

fn picks(paths: &[String], recursive: bool) -> Result<Vec<Pick>> {
    let (sources, destination) = match paths {
        [sources @ .., last] if !sources.is_empty() && !last.starts_with("s3://") => (sources, Some(last.as_str())),
        sources => (sources, None),
    };
    let (is_named, destination) = (destination.is_some(), destination.unwrap_or("."));
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
            return Ok(match is_named {
                // As `aws s3 cp --recursive` and s5cmd do.
                true => Pick::below(uri, destination_path),
                // Nobody said that a thousand files may be strewn over this folder.
                false if uri.key.is_empty() => Pick::below(uri.clone(), &destination_path.join(&uri.bucket)),
                false => Pick::folder(uri, destination_path),
            });
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
    Arc::new(move |clash: Clash| -> Answer<IfExists> {
        let (for_all, progress) = (Arc::clone(&for_all), progress.clone());
        Box::pin(async move {
            if let Some(wish) = *held(&for_all) {
                return Ok(wish);
            }
            let (wish, all) = ask(&progress, &clash).await?;
            if all {
                *held(&for_all) = Some(wish);
            }
            Ok(wish)
        })
    })
}

async fn ask(progress: &Progress, clash: &Clash) -> Result<(IfExists, bool)> {
    let name = escaped(&clash.path.to_string_lossy()).into_owned();
    let file = tokio::fs::symlink_metadata(&clash.path).await.ok();
    let written = file.as_ref().and_then(|file| Timestamp::try_from(file.modified().ok()?).ok());
    let (mine, theirs) = (version(file.map(|file| file.len()), written), version(Some(clash.size), clash.modified));
    let _hold = progress.hold();
    loop {
        let question = format!(
            "{name} is there and differs: it is {mine}, the object {theirs}\n\
             skip, overwrite, rename? [s/o/r, S/O/R for all, Ctrl-C stops] "
        );
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

/// How large a file or an object is and from when, as `ls` tells it.
fn version(size: Option<u64>, modified: Option<Timestamp>) -> String {
    let size = size.map_or("of no known size".to_owned(), bytes);
    let time = modified.map(|time| format!(" of {}", time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S")));
    size + &time.unwrap_or_default()
}
