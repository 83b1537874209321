//! What there is to say of one transfer, row by row: how far it is while it runs, what it did when it has ended.
//!
//! `view` draws the rows, and `update` scrolls no further than they go.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr as _;

use super::hint::hint;
use super::keys::KeyMap;
use super::labelled::{self, Row, Tone};
use super::state::{Job, Outcome, State, What};
use crate::domain::copy::{Class, Storage, Way};
use crate::domain::duration::{clock, words};
use crate::domain::local_path::PART_SUFFIX;
use crate::domain::role::Profile;
use crate::domain::text::{bar, bytes, count, cut_start, escaped, plural};
use crate::domain::transfer::{Active, Done, Failed, IfExists, Progress, Summary};
use crate::error::Error;
use crate::ops::copy::Plan;

/// Columns of the labels.
const LABEL: usize = 10;

/// Names that are shown of each kind: a screen of a thousand helps nobody.
const SHOWN: usize = 200;

/// Columns of the bar of an object.
const BAR: usize = 10;

/// Rows for a transfer, none wider than `width`.
pub(super) fn report(state: &State, job: &Job, width: usize) -> Vec<Row> {
    let mut rows = Rows { rows: Vec::new(), keys: &state.keys, width };
    rows.fact("from", &from(job), Tone::Plain);
    rows.fact("to", &state.shown_target(job), Tone::Plain);
    match &job.what {
        What::Download { role, .. } => {
            rows.fact("as", &escaped(&state.profile.label(*role)), Tone::Plain);
            rows.fact("files", &format!("that are there and differ {}", kept(job.if_exists, false)), Tone::Plain);
        }
        What::Copy { plan, storage, .. } => {
            rows.fact("way", &way(&state.profile, plan), Tone::Plain);
            rows.fact("copies", &stored(storage), Tone::Plain);
            let text = format!("objects that are there and differ {}", kept(job.if_exists, true));
            rows.fact("target", &text, Tone::Plain);
        }
    }
    match &job.outcome {
        Outcome::Queued | Outcome::Running => open(state, job, &mut rows),
        Outcome::Done(summary) => done(job, summary, &mut rows),
        Outcome::Failed(error) => {
            so_far(&job.progress, &mut rows);
            rows.fact("failed", &error.to_string(), Tone::Bad);
            rows.hint(error);
        }
        Outcome::Cancelled => {
            so_far(&job.progress, &mut rows);
            rows.fact("state", "cancelled; tried again, it goes on where it was", Tone::Dim);
            if job.has_left_parts() {
                left(job, &mut rows);
            }
        }
    }
    rows.rows
}

/// What becomes of the session of a transfer that needs longer than it lives.
pub(super) fn renewal(may_ask: bool) -> &'static str {
    if may_ask { "then it may wait for an MFA code" } else { "it is renewed without asking" }
}

/// Which way a copy goes, and by whom.
pub(super) fn way(profile: &Profile, plan: &Plan) -> String {
    let (reader, writer) = (profile.label(plan.reader), profile.label(plan.writer));
    let (reader, writer) = (escaped(&reader), escaped(&writer));
    match plan.way {
        Way::Server => format!("S3 copies by itself, as {writer}"),
        Way::Streamed if plan.reader == plan.writer => format!("through this machine, as {writer}"),
        Way::Streamed => format!("through this machine: {reader} reads, {writer} writes"),
    }
}

/// How copies are stored.
pub(super) fn stored(storage: &Storage) -> String {
    let class = match &storage.class {
        Class::Standard => "of class STANDARD".to_owned(),
        Class::Keep => "of the class of their source".to_owned(),
        Class::Named(class) => format!("of class {}", escaped(class)),
    };
    format!("{class}, {}", if storage.without_tags { "without tags" } else { "with their tags" })
}

/// What happens to files or objects that are there and differ, after `files that …`.
pub(super) fn kept(if_exists: IfExists, is_copy: bool) -> &'static str {
    match if_exists {
        IfExists::Refuse if is_copy => "are kept, and count as failed",
        IfExists::Skip if is_copy => "are kept, and count as skipped",
        IfExists::Refuse => "are kept, and their objects count as failed",
        IfExists::Skip => "are kept, and their objects are skipped",
        IfExists::Overwrite => "are OVERWRITTEN",
        IfExists::Rename => "are kept; the objects go beside them, as in `report (2).csv`",
        IfExists::Ask => "are asked about",
    }
}

/// `3 of 1,204+`: the plus where more may come.
pub(super) fn objects(progress: &Progress, between: &str) -> String {
    let more = if progress.total_known { "" } else { "+" };
    format!("{}{between}{}{more}", count(progress.objects), count(progress.total_objects))
}

fn from(job: &Job) -> String {
    match job.what.about() {
        (None, _) => job.title.clone(),
        (Some(only), 1) => escaped(&only.to_string()).into_owned(),
        (Some(first), number) => format!("{} of {}", plural(number as u64, "item"), escaped(&first.bucket)),
    }
}

fn open(state: &State, job: &Job, rows: &mut Rows<'_>) {
    let progress = &job.progress;
    let (text, tone) = standing(job);
    rows.fact("state", &text, tone);
    if let Some(error) = job.lacks_session() {
        rows.fact("", &error.to_string(), Tone::Warn);
    }
    so_far(progress, rows);
    if job.runs() && progress.halt.is_none() {
        let speed = format!("{}/s", bytes(job.speed.bytes_per_second() as u64));
        let left = job.seconds_left().map_or("time left not known yet".to_owned(), |left| words(left) + " left");
        rows.fact("speed", &format!("{speed}, {left}"), Tone::Plain);
    }
    match (state.ends_first(job), state.session_left(job)) {
        (Some(left), _) => {
            let then = renewal(state.may_ask_code(job));
            rows.fact("session", &format!("ends in {}, before the transfer does: {then}", words(left)), Tone::Warn);
        }
        (None, Some(left)) => rows.fact("session", &clock(left), Tone::Plain),
        (None, None) => {}
    }
    if !progress.active.is_empty() {
        rows.blank();
    }
    for active in &progress.active {
        let text = in_flight(active, rows.width);
        rows.push(text, Tone::Bar);
    }
}

fn standing(job: &Job) -> (String, Tone) {
    match (job.waits(), job.begun.is_some(), job.held) {
        (true, true, true) => ("paused".into(), Tone::Warn),
        (true, true, false) => ("goes on when another transfer ends".into(), Tone::Dim),
        (true, false, true) => ("held back".into(), Tone::Warn),
        (true, false, false) => ("waits until another transfer ends".into(), Tone::Dim),
        (false, ..) if job.lacks_session().is_some() => ("waits for a session".into(), Tone::Warn),
        (false, ..) => ("running".into(), Tone::Good),
    }
}

fn so_far(progress: &Progress, rows: &mut Rows<'_>) {
    if let Some(percent) = progress.percent() {
        let columns = rows.width.saturating_sub(LABEL + 6).min(40);
        let bar = bar(progress.bytes, progress.total_bytes.max(1), columns);
        rows.push(format!("{percent:>3} % {bar}"), Tone::Bar);
    }
    let more = if progress.total_known { "" } else { " so far found" };
    let spared = match progress.spared {
        0 => String::new(),
        spared => format!("; {} of it were here before", bytes(spared)),
    };
    let text = format!("{} of {}{more}{spared}", bytes(progress.bytes), bytes(progress.total_bytes));
    rows.fact("bytes", &text, Tone::Plain);
    rows.fact("objects", &objects(progress, " of "), Tone::Plain);
    if progress.failed > 0 {
        rows.fact("failed", &count(progress.failed), Tone::Bad);
    }
}

/// `████░░░░░░  45 %  90.0 MiB of 200.0 MiB  …/disk.img`
fn in_flight(active: &Active, width: usize) -> String {
    let percent = match active.size {
        0 => 0,
        size => u128::from(active.bytes.min(size)) * 100 / u128::from(size),
    };
    let bar = bar(active.bytes, active.size.max(1), BAR);
    let numbers = format!("{bar} {percent:>3} %  {:>10} of {:<10}  ", bytes(active.bytes), bytes(active.size));
    let key = escaped(&active.key);
    let room = width.saturating_sub(numbers.width());
    format!("{numbers}{}", cut_start(&key, room))
}

fn left(job: &Job, rows: &mut Rows<'_>) {
    if job.what.is_copy() {
        rows.fact("left", "unfinished uploads stay in the target; the same copy goes on with them", Tone::Warn);
        return;
    }
    rows.fact("left", &format!("unfinished files stay beside their place, as .NAME{PART_SUFFIX}"), Tone::Warn);
}

fn done(job: &Job, summary: &Summary, rows: &mut Rows<'_>) {
    if let Some(error) = &summary.stopped {
        rows.fact("stopped", &error.to_string(), Tone::Bad);
        rows.hint(error);
    }
    let tone = if job.can_be_retried() { Tone::Plain } else { Tone::Good };
    let written = format!("{}, {}", plural(summary.written, "object"), bytes(summary.bytes));
    rows.fact("written", &written, tone);
    if summary.skipped > 0 {
        let text = format!("{}, equal or kept as wished", plural(summary.skipped, "object"));
        rows.fact("skipped", &text, Tone::Plain);
    }
    if summary.failures > 0 {
        rows.fact("failed", &plural(summary.failures, "object"), Tone::Bad);
    }
    if job.has_left_parts() {
        left(job, rows);
    }
    let taken_up = match summary.taken_up {
        0 => String::new(),
        taken_up => format!("; {} were here before", bytes(taken_up)),
    };
    rows.fact("network", &format!("{} fetched{taken_up}", bytes(summary.fetched)), Tone::Plain);
    if summary.unchecked > 0 {
        let text =
            format!("{} by the length alone: there is no checksum of the whole", plural(summary.unchecked, "object"));
        rows.fact("checked", &text, Tone::Warn);
    }
    failures(summary, rows);
    if !summary.done.is_empty() {
        rows.blank();
    }
    for Done { to, size, checked, .. } in summary.done.iter().take(SHOWN) {
        let numbers = format!("{:>10}  {:<9}  ", bytes(*size), checked.unwrap_or("length"));
        let room = rows.width.saturating_sub(numbers.width());
        let text = format!("{numbers}{}", cut_start(&escaped(&to.to_string()), room));
        rows.push(text, Tone::Plain);
    }
    rows.more(summary.written, summary.done.len().min(SHOWN));
}

/// What failed and why, kind by kind, each kind with its hint once.
fn failures(summary: &Summary, rows: &mut Rows<'_>) {
    let shown = &summary.failed[..summary.failed.len().min(SHOWN)];
    let mut kinds: Vec<(&'static str, Vec<&Failed>)> = Vec::new();
    for failed in shown {
        let kind = failed.error.kind();
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, of_kind)) => of_kind.push(failed),
            None => kinds.push((kind, vec![failed])),
        }
    }
    for (_, of_kind) in kinds {
        rows.blank();
        of_kind.iter().for_each(|failed| rows.fact("", &failed.to_string(), Tone::Bad));
        let hints: BTreeSet<String> = of_kind.iter().filter_map(|failed| hint(rows.keys, &failed.error)).collect();
        hints.iter().for_each(|hint| rows.fact("hint", hint, Tone::Plain));
    }
    rows.more(summary.failures, shown.len());
}

struct Rows<'a> {
    rows: Vec<Row>,
    keys: &'a KeyMap,
    width: usize,
}

impl Rows<'_> {
    /// A row that was measured already.
    fn push(&mut self, text: String, tone: Tone) {
        self.rows.push(Row { label: String::new(), text, tone });
    }

    fn blank(&mut self) {
        self.push(String::new(), Tone::Plain);
    }

    /// A fact on as many rows as it takes; without a label it has the whole width.
    fn fact(&mut self, label: &str, text: &str, tone: Tone) {
        let column = if label.is_empty() { 0 } else { LABEL };
        self.rows.extend(labelled::rows(label, text, tone, (column, self.width)));
    }

    fn hint(&mut self, error: &Error) {
        if let Some(hint) = hint(self.keys, error) {
            self.fact("hint", &hint, Tone::Plain);
        }
    }

    fn more(&mut self, all: u64, shown: usize) {
        let rest = all.saturating_sub(shown as u64);
        if rest > 0 {
            self.push(format!("… and {} more", count(rest)), Tone::Dim);
        }
    }
}
