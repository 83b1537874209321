//! What `get` and `cp` have in common: the questions on the way, what is printed of each object, the end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::progress::Progress;
use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::domain::select::{Select, Words, size};
use crate::domain::text::{bytes, count, escaped, plural};
use crate::domain::transfer::{Done, Event, Failed, Place, Summary, Why};
use crate::error::{Error, Result};
use crate::local::lock::held;
use crate::ops::download::{Answer, OnHalt};

/// When the session ends on the way the person is asked for a code, as at the beginning; no progress is drawn meanwhile.
pub(super) fn on_halt(context: &Context, role: RoleIndex, progress: Option<&Progress>) -> OnHalt {
    let (core, progress) = (Arc::clone(&context.core), progress.cloned());
    OnHalt::Ask(Arc::new(move |_error| -> Answer<()> {
        let (core, progress) = (Arc::clone(&core), progress.clone());
        Box::pin(async move {
            let _hold = progress.as_ref().map(Progress::hold);
            core.session_asked(role, None).await.map(|_| ())
        })
    }))
}

/// Which objects below a prefix are meant.
#[derive(Debug, Default, Args)]
pub struct Chosen {
    /// Only keys like this glob: without a slash it is about their last part, with one about all behind the prefix
    #[arg(long, value_name = "GLOB", requires = "recursive")]
    include: Vec<String>,
    /// No keys like this glob
    #[arg(long, value_name = "GLOB", requires = "recursive")]
    exclude: Vec<String>,
    /// Only what was written since: 30m, 12h, 7d, or a date
    #[arg(long, value_name = "TIME", requires = "recursive")]
    newer: Option<String>,
    /// Only what was written before: 30m, 12h, 7d, or a date
    #[arg(long, value_name = "TIME", requires = "recursive")]
    older: Option<String>,
}

impl Chosen {
    /// Whether not all of them are.
    pub(super) fn is_some(&self) -> bool {
        !(self.include.is_empty() && self.exclude.is_empty()) || self.newer.is_some() || self.older.is_some()
    }

    pub(super) fn select(&self) -> Result<Select> {
        let words = Words {
            include: ("--include", &self.include),
            exclude: ("--exclude", &self.exclude),
            newer: self.newer.as_deref(),
            older: self.older.as_deref(),
            sizes: &[],
        };
        Select::new(&words, Timestamp::now(), &TimeZone::system())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Quiet,
    /// What a dry run would do.
    Plan,
    Json,
}

/// How a job is told.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    /// JSON Lines in place of words.
    pub(super) json: bool,
    /// Nothing is done, only told.
    pub(super) dry_run: bool,
    /// `written`, `copied`
    pub(super) done: &'static str,
    /// What becomes of a job that ends before its end.
    pub(super) stays: &'static str,
}

impl Telling {
    fn shape(self) -> Shape {
        match (self.json, self.dry_run) {
            (true, _) => Shape::Json,
            (false, true) => Shape::Plan,
            (false, false) => Shape::Quiet,
        }
    }
}

/// Prints what becomes of each object, as it happens.
pub(super) struct Printer {
    shape: Shape,
    progress: Progress,
    /// Why stdout takes no more.
    broken: Mutex<Option<Error>>,
}

impl Printer {
    pub(super) fn new(telling: Telling, progress: Progress) -> Self {
        Self { shape: telling.shape(), progress, broken: Mutex::default() }
    }

    /// Why stdout took no more. That nobody read on is no failure of the job.
    pub(super) fn outcome(&self) -> Result<()> {
        held(&self.broken).take().map_or(Ok(()), Err)
    }

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
                        writeln!(out, "{:>10}  {}", bytes(done.size), output::name(&done.to.to_string()))
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
        let to = match done.to {
            Place::File(_) => "path",
            Place::Object(_) => "to",
        };
        json!({
            "type": kind,
            "uri": done.uri.to_string(),
            to: done.to.to_string(),
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
        Event::Failed(failed) => {
            let mut line = failed_as_json(failed);
            line["type"] = "failed".into();
            line
        }
        Event::Note(uri, text) => json!({ "type": "note", "uri": uri.to_string(), "note": text }),
    }
}

/// An object that failed, and why.
pub(super) fn failed_as_json(Failed { uri, error }: &Failed) -> Value {
    json!({ "uri": uri.to_string(), "error": error.to_string(), "hint": error.hint(), "kind": error.kind() })
}

/// The end of a job: what failed, line by line, and what was done.
pub(super) fn tell(summary: &Summary, telling: Telling) {
    if telling.json {
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
        let done = if telling.dry_run { format!("would be {}", telling.done) } else { telling.done.to_owned() };
        parts.push(format!("{} {done}, {}", plural(summary.written, "object"), bytes(summary.bytes)));
    }
    if summary.skipped > 0 {
        let left = if summary.skipped == 1 { "left as it is" } else { "left as they are" };
        parts.push(format!("{} {left}", count(summary.skipped)));
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

/// Reads `--max-memory`.
pub(super) fn memory(text: &str) -> Result<u64> {
    size(text).ok_or_else(|| Error::Usage {
        message: format!("--max-memory: {} is no size", escaped(text)),
        hint: Some("write 64MiB or 1G".into()),
    })
}

/// Says when it is dropped, as Ctrl-C does it, that nothing was in vain.
pub(super) struct OnItsWay(Option<(Progress, Telling)>);

impl OnItsWay {
    /// A job begins.
    pub(super) fn new(progress: &Progress, telling: Telling) -> Self {
        Self((!telling.dry_run).then(|| (progress.clone(), telling)))
    }

    /// It has come to its end.
    pub(super) fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        if let Some((progress, telling)) = self.0.take() {
            progress.finish();
            output::note(telling.stays);
        }
    }
}
