//! Transfers that run beside everything else: a few at once, the others in line.

use std::path::Path;

use jiff::Timestamp;

use super::{browser, new_number, roles};
use crate::domain::duration::words;
use crate::domain::lasting::is_steady;
use crate::domain::local_path::PART_SUFFIX;
use crate::domain::role::RoleIndex;
use crate::domain::text::{count, escaped};
use crate::domain::transfer::{IfExists, Progress, Speed, Summary};
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::layout::report_room;
use crate::tui::msg::JobId;
use crate::tui::report::{renewal, report};
use crate::tui::state::{After, Assuming, Cursor, Focus, Job, Modal, Outcome, Picked, State, What, picks};

/// Transfers that run at the same time; each fetches many objects at once already.
const AT_ONCE: usize = 3;

pub(super) fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let length = state.jobs.len();
    match action {
        Action::Up => state.job_cursor.go(-1, length),
        Action::Down => state.job_cursor.go(1, length),
        Action::Top | Action::PageUp => state.job_cursor.at = 0,
        Action::Bottom | Action::PageDown => state.job_cursor.at = length.saturating_sub(1),
        Action::Open | Action::Details => {
            state.modal = state.jobs.get(state.job_cursor.at).map(|job| Modal::Transfer { job: job.id, top: 0 });
        }
        Action::Explain => super::inquiry::of_job(state, state.job_cursor.at, effects),
        Action::Mark => pause_or_go_on(state, effects),
        Action::Refresh => retry(state),
        Action::MoveUp => reorder(state, -1),
        Action::MoveDown => reorder(state, 1),
        Action::Remove => remove(state),
        Action::Close => cancel(state, effects),
        Action::Parent => state.focus = Focus::Browser,
        Action::Shell => browser::as_shown(state, After::Shell, effects),
        Action::Console => browser::as_shown(state, After::Console { here: true }, effects),
        _ => {}
    }
}

/// Puts a download into `folder` at the end of the line.
pub(super) fn start(state: &mut State, role: RoleIndex, picked: &[Picked], folder: &Path, if_exists: IfExists) {
    let what = What::Download { role, folder: folder.to_owned(), picks: picks(picked, folder) };
    put_in_line(state, picked, what, if_exists);
}

/// Puts a transfer of what was picked at the end of the line.
pub(super) fn put_in_line(state: &mut State, picked: &[Picked], what: What, if_exists: IfExists) {
    let id = JobId(new_number(state));
    let title = match picked {
        [Picked { uri, .. }] => escaped(if uri.key.is_empty() { &uri.bucket } else { uri.name() }).into_owned(),
        _ => format!("{} items", count(picked.len() as u64)),
    };
    state.jobs.push(Job::new(id, title, what, if_exists));
    state.job_cursor = Cursor { at: state.jobs.len() - 1, ..state.job_cursor };
}

/// After every message: who is next in line begins, and who lacks a session has somebody asked for it.
pub(super) fn settle(state: &mut State, effects: &mut Vec<Effect>) {
    let now = state.now;
    let free = AT_ONCE.saturating_sub(state.running().filter(|job| job.lacks_session().is_none()).count());
    for job in state.jobs.iter_mut().filter(|job| job.waits() && !job.held).take(free) {
        job.outcome = Outcome::Running;
        effects.push(match job.begun {
            Some(_) => Effect::ResumeJob(job.id),
            None => begin(job),
        });
        job.begun = job.begun.or(Some(now));
    }
    // One question at a time, and none in front of another.
    if state.modal.is_some() || state.assuming.is_some() {
        return;
    }
    let lacking = state.jobs.iter().find(|job| job.lacks_session().is_some() && !job.asked);
    let Some(role) = lacking.and_then(Job::lacking) else { return };
    mark_asked(state, role, true);
    roles::assume(state, role, After::Resume, None, false, effects);
}

fn begin(job: &Job) -> Effect {
    let (id, if_exists) = (job.id, job.if_exists);
    match job.what.clone() {
        What::Download { role, picks, .. } => Effect::Download { job: id, role, picks, if_exists },
        What::Copy { plan, picks, storage, .. } => Effect::Copy { job: id, plan, picks, if_exists, storage },
    }
}

/// A session of `role` is there: what waits for it goes on.
pub(super) fn session_came(state: &mut State, role: RoleIndex, effects: &mut Vec<Effect>) {
    for job in state.jobs.iter_mut().filter(|job| job.lacking() == Some(role)) {
        // Another one that halts now has not been asked for yet.
        job.asked = false;
        job.progress.halt = None;
        effects.push(Effect::ResumeJob(job.id));
    }
}

/// The question for a session gave way to something else: it is put again later, if transfers wait for it.
pub(super) fn not_answered(state: &mut State, assuming: &Assuming) {
    if assuming.then == After::Resume {
        mark_asked(state, assuming.role, false);
    }
}

fn mark_asked(state: &mut State, role: RoleIndex, asked: bool) {
    for job in state.jobs.iter_mut().filter(|job| job.what.roles().any(|of| of == role)) {
        job.asked = asked && job.lacking() == Some(role);
    }
}

fn pause_or_go_on(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(job) = state.jobs.get_mut(state.job_cursor.at) else { return };
    match job.outcome {
        // It stands already; what it lacks is somebody's answer.
        Outcome::Running if job.lacks_session().is_some() => job.asked = false,
        Outcome::Running => {
            // Its place is free for the next in line.
            job.outcome = Outcome::Queued;
            job.held = true;
            job.speed = Speed::default();
            effects.push(Effect::PauseJob(job.id));
        }
        Outcome::Queued => job.held = !job.held,
        Outcome::Done(_) | Outcome::Failed(_) | Outcome::Cancelled => {
            state.notice = Some(format!("{} has ended", job.title));
        }
    }
}

fn retry(state: &mut State) {
    let Some(job) = state.jobs.get(state.job_cursor.at) else { return };
    if !job.can_be_retried() {
        let why = if job.is_open() { "has not ended" } else { "has nothing that failed" };
        state.notice = Some(format!("{} {why}", job.title));
        return;
    }
    let (id, if_exists) = (job.id, job.if_exists);
    if job.stood_in_its_way() > 0 {
        // The same again would fail again.
        state.modal = Some(Modal::Again { job: id, if_exists });
    } else {
        again(state, id, if_exists);
    }
}

/// Puts a transfer that has ended into the line again.
pub(super) fn again(state: &mut State, job: JobId, if_exists: IfExists) {
    let id = JobId(new_number(state));
    let Some(job) = state.jobs.iter_mut().find(|known| known.id == job) else { return };
    let equal = if job.what.is_copy() { "objects" } else { "files" };
    state.notice = Some(format!("{} goes on where it was; {equal} that are equal are skipped", job.title));
    let title = std::mem::take(&mut job.title);
    *job = Job::new(id, title, job.what.clone(), if_exists);
}

/// Changes places with the next one in line in that direction; what runs or has ended stays where it is.
fn reorder(state: &mut State, by: isize) {
    let at = state.job_cursor.at;
    if !state.jobs.get(at).is_some_and(Job::waits) {
        state.notice = Some("only a transfer that waits can be moved".into());
        return;
    }
    let waits = |place: &usize| state.jobs[*place].waits();
    let other = if by < 0 { (0..at).rev().find(waits) } else { (at + 1..state.jobs.len()).find(waits) };
    if let Some(other) = other {
        state.jobs.swap(at, other);
        state.job_cursor.at = other;
    }
}

fn remove(state: &mut State) {
    let Some(job) = state.jobs.get(state.job_cursor.at) else { return };
    if job.is_open() {
        let key = state.keys.key(Action::Close).unwrap_or_default();
        state.notice = Some(format!("{} has not ended; {key} cancels it", job.title));
        return;
    }
    if job.has_left_parts() {
        // Nothing else would ever tell of them.
        state.notice = Some(match job.what.is_copy() {
            true => format!("unfinished uploads of {} stay in the target; the same copy goes on with them", job.title),
            false => format!("unfinished files of {} stay there, as .NAME{PART_SUFFIX}", job.title),
        });
    }
    state.jobs.remove(state.job_cursor.at);
}

fn cancel(state: &mut State, effects: &mut Vec<Effect>) {
    let retry = state.keys.key(Action::Refresh).unwrap_or_default();
    let back = state.keys.key(Action::Transfers).unwrap_or_default();
    let Some(job) = state.jobs.get_mut(state.job_cursor.at) else { return };
    if !job.is_open() {
        state.notice = Some(format!("{} has ended: there is nothing to cancel; {back} leads back", job.title));
        return;
    }
    job.outcome = Outcome::Cancelled;
    // One that never began has nothing to stop.
    let begun = job.begun.is_some();
    let goes_on = if begun { "goes on where it was" } else { "puts it in line again" };
    state.notice = Some(format!("{} was cancelled; {retry} {goes_on}", job.title));
    effects.extend(begun.then_some(Effect::CancelJob(job.id)));
}

pub(super) fn progress(state: &mut State, id: JobId, progress: Progress) {
    let Some(place) = state.jobs.iter().position(|job| job.id == id && job.is_open()) else { return };
    state.jobs[place].progress = progress;
    let job = &state.jobs[place];
    // One answer serves all of the role.
    let is_asked = |other: &Job| other.asked && other.lacking() == job.lacking();
    state.jobs[place].asked = job.lacks_session().is_some() && state.jobs.iter().any(is_asked);
}

/// The end of a transfer; one that was cancelled stays so.
pub(super) fn finished(state: &mut State, id: JobId, answer: Result<Summary>) {
    let Some(job) = state.jobs.iter_mut().find(|job| job.id == id && job.is_open()) else { return };
    job.progress.active.clear();
    job.progress.halt = None;
    job.outcome = match answer {
        Ok(summary) => {
            state.notice = Some(what_was_done(&job.title, &summary));
            Outcome::Done(summary)
        }
        Err(error) => {
            state.notice = Some(format!("{}: {error}", job.title));
            Outcome::Failed(error)
        }
    };
}

fn what_was_done(title: &str, summary: &Summary) -> String {
    if let Some(error) = &summary.stopped {
        return format!("{title} stopped: {error}");
    }
    if let (0, 0, [only]) = (summary.written, summary.skipped, summary.failed.as_slice()) {
        return only.error.to_string();
    }
    let mut text = format!("{title}: {} written", count(summary.written));
    for (number, word) in [(summary.skipped, "skipped"), (summary.failures, "failed")] {
        if number > 0 {
            text += &format!(", {} {word}", count(number));
        }
    }
    text
}

/// Measures speeds, and says once of each transfer that its session ends before it.
pub(super) fn measure(state: &mut State, now: Timestamp) {
    for job in state.jobs.iter_mut().filter(|job| job.runs()) {
        match job.progress.halt {
            // Standing still is no speed.
            Some(_) => job.speed = Speed::default(),
            None => job.speed.see(now, &job.progress),
        }
    }
    let steady = |job: &Job| job.begun.is_some_and(|begun| is_steady(begun, now));
    let first = state.running().position(|job| !job.told && steady(job) && state.ends_first(job).is_some());
    let Some(job) = first.and_then(|place| state.running().nth(place)) else { return };
    let (id, left) = (job.id, state.ends_first(job).unwrap_or_default());
    let needed = job.seconds_left().unwrap_or_default();
    let then = renewal(state.may_ask_code(job));
    let text = format!("{} needs {} more, its session ends in {}: {then}", job.title, words(needed), words(left));
    state.jobs.iter_mut().filter(|job| job.id == id).for_each(|job| job.told = true);
    state.notice = Some(text);
}

/// What the next press of Tab wishes for files that are there.
pub(super) fn next_wish(if_exists: IfExists, is_copy: bool) -> IfExists {
    match if_exists {
        IfExists::Refuse => IfExists::Skip,
        IfExists::Skip => IfExists::Overwrite,
        // A copy has one name.
        IfExists::Overwrite if is_copy => IfExists::Refuse,
        IfExists::Overwrite => IfExists::Rename,
        // File by file is for the command line.
        IfExists::Rename | IfExists::Ask => IfExists::Refuse,
    }
}

/// Keeps the view of a transfer's report within it: it shrinks and grows while the transfer runs.
pub(super) fn keep_in_report(state: &mut State) {
    let Some(Modal::Transfer { job: id, top }) = &state.modal else { return };
    let Some(job) = state.jobs.iter().find(|job| job.id == *id) else { return };
    let (width, height) = report_room(state.size);
    let last = report(state, job, width).len().saturating_sub(height);
    let kept = (*top).min(last);
    if let Some(Modal::Transfer { top, .. }) = &mut state.modal {
        *top = kept;
    }
}
