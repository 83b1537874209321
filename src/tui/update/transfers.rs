//! Transfers that run beside everything else.

use std::path::Path;

use jiff::Timestamp;

use super::{new_number, roles, runs};
use crate::domain::role::RoleIndex;
use crate::domain::text::{count, escaped};
use crate::domain::transfer::{IfExists, Progress, Summary};
use crate::error::{Error, Result};
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::msg::JobId;
use crate::tui::state::{After, Cursor, Focus, Job, Modal, Outcome, Picked, State, picks};

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
        Action::Close => match state.jobs.get_mut(state.job_cursor.at).filter(|job| runs(&job.outcome)) {
            Some(job) => {
                job.outcome = Outcome::Cancelled;
                effects.push(Effect::CancelJob(job.id));
            }
            None => state.focus = Focus::Browser,
        },
        Action::Parent => state.focus = Focus::Browser,
        _ => {}
    }
}

/// Starts a download into `folder`.
pub(super) fn start(
    state: &mut State,
    role: RoleIndex,
    picked: &[Picked],
    folder: &Path,
    overwrite: bool,
    effects: &mut Vec<Effect>,
) {
    let job = JobId(new_number(state));
    let title = match picked {
        [Picked { uri, .. }] => escaped(if uri.key.is_empty() { &uri.bucket } else { uri.name() }).into_owned(),
        _ => format!("{} items", count(picked.len() as u64)),
    };
    state.jobs.push(Job {
        id: job,
        title,
        role,
        progress: Progress::default(),
        speed: 0.0,
        measured: (state.now, 0),
        outcome: Outcome::Running,
    });
    state.job_cursor = Cursor { at: state.jobs.len() - 1, ..state.job_cursor };
    let picks = picks(picked, folder);
    let if_exists = if overwrite { IfExists::Overwrite } else { IfExists::Refuse };
    effects.push(Effect::Download { job, role, picks, if_exists });
}

pub(super) fn progress(state: &mut State, id: JobId, progress: Progress) {
    if let Some(job) = state.jobs.iter_mut().find(|job| job.id == id && runs(&job.outcome)) {
        job.progress = progress;
    }
}

/// The end of a transfer; one that was cancelled stays so.
pub(super) fn finished(state: &mut State, id: JobId, answer: Result<Summary>) {
    let Some(job) = state.jobs.iter_mut().find(|job| job.id == id && runs(&job.outcome)) else { return };
    job.outcome = match answer {
        Ok(summary) => {
            let (done, failed) = (count(summary.written), summary.failures as usize);
            // The last progress may have been overtaken by the end.
            job.progress.bytes = summary.bytes;
            job.progress.objects = summary.met();
            job.progress.total_objects = job.progress.objects;
            job.progress.total_bytes = job.progress.total_bytes.max(summary.bytes);
            state.notice = Some(if let ("0", [only]) = (done.as_str(), summary.failed.as_slice()) {
                only.error.to_string()
            } else if failed == 0 {
                format!("{}: {done} written", job.title)
            } else {
                format!("{}: {done} written, {} failed", job.title, count(failed as u64))
            });
            Outcome::Done(summary)
        }
        Err(error) => {
            state.notice = Some(format!("{}: {error}", job.title));
            Outcome::Failed(error)
        }
    };
    // The session ended before it began: with a code it can be started again.
    if let (Outcome::Failed(Error::MfaRequired { role: wanting, serial }), None) = (&job.outcome, &state.modal) {
        let (role, wanting, serial) = (job.role, wanting.clone(), serial.clone());
        roles::ask_code(state, role, After::Relist, (&wanting, &serial), None);
    }
}

/// Measures speeds, at most twice a second, and smooths them.
pub(super) fn measure(state: &mut State, now: Timestamp) {
    for job in state.jobs.iter_mut().filter(|job| runs(&job.outcome)) {
        let (then, bytes) = job.measured;
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds < 0.5 {
            continue;
        }
        let speed = job.progress.bytes.saturating_sub(bytes) as f64 / seconds;
        job.speed = if job.speed == 0.0 { speed } else { job.speed * 0.7 + speed * 0.3 };
        job.measured = (now, job.progress.bytes);
    }
}
