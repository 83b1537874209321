//! The transfers that the screen knows: which wait, which run, how each ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::State;
use crate::domain::copy::Storage;
use crate::domain::lasting::Lasting;
use crate::domain::role::RoleIndex;
use crate::domain::session::seconds_left;
use crate::domain::text::escaped;
use crate::domain::transfer::{Active, Halt, Halted, IfExists, Progress, SMALL, Speed, Summary};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::copy::{CopyPick, Plan};
use crate::ops::download::Pick;
use crate::tui::msg::JobId;

/// A transfer.
#[derive(Debug)]
pub struct Job {
    /// Which. A job that is tried again gets a new one: what its last run still says is nobody's.
    pub id: JobId,
    /// What is transferred, already fit for the screen.
    pub title: String,
    /// What is done.
    pub what: What,
    /// What happens to files or objects that are there and differ.
    pub if_exists: IfExists,
    /// Whether the user holds it back: it does not start, or stands still where it is.
    pub held: bool,
    /// Since when there is a task for it; one that is paused still has it.
    pub begun: Option<Timestamp>,
    /// How far it is.
    pub progress: Progress,
    /// How fast.
    pub speed: Speed,
    /// Whether somebody was asked for the session that it waits for.
    pub asked: bool,
    /// Whether it was told that the session ends before it is done.
    pub told: bool,
    /// How it ended, if it has.
    pub outcome: Outcome,
}

/// What a transfer does. What it is about is shared with the task that does it.
#[derive(Clone, Debug)]
pub enum What {
    /// It downloads.
    Download {
        /// Whose session.
        role: RoleIndex,
        /// The folder that was asked for.
        folder: PathBuf,
        /// What to download, and where to.
        picks: Arc<[Pick]>,
    },
    /// It copies from bucket to bucket.
    Copy {
        /// Which way, and whose sessions.
        plan: Plan,
        /// The place that was asked for.
        target: S3Uri,
        /// What to copy, and where to.
        picks: Arc<[CopyPick]>,
        /// How the copies are stored.
        storage: Storage,
    },
}

impl What {
    /// Whose sessions it needs; who writes comes last.
    pub fn roles(&self) -> impl Iterator<Item = RoleIndex> + use<> {
        let (first, second) = match self {
            Self::Download { role, .. } => (*role, None),
            Self::Copy { plan, .. } => (plan.reader, Some(plan.writer).filter(|writer| *writer != plan.reader)),
        };
        std::iter::once(first).chain(second)
    }

    /// Whether objects are copied to objects.
    pub fn is_copy(&self) -> bool {
        matches!(self, Self::Copy { .. })
    }

    /// The first thing it is about, and how many there are.
    pub fn about(&self) -> (Option<&S3Uri>, usize) {
        match self {
            Self::Download { picks, .. } => (picks.first().map(Pick::uri), picks.len()),
            Self::Copy { picks, .. } => (picks.first().map(CopyPick::uri), picks.len()),
        }
    }
}

/// How a transfer ended, or that it has not.
#[derive(Debug)]
pub enum Outcome {
    /// It stands in line: others run, or the user holds it back.
    Queued,
    Running,
    Done(Summary),
    Failed(Error),
    Cancelled,
}

impl Job {
    /// A job at the end of the line.
    pub fn new(id: JobId, title: String, what: What, if_exists: IfExists) -> Self {
        Self {
            id,
            title,
            what,
            if_exists,
            held: false,
            begun: None,
            progress: Progress::default(),
            speed: Speed::default(),
            asked: false,
            told: false,
            outcome: Outcome::Queued,
        }
    }

    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Queued | Outcome::Running)
    }

    /// Whether it has one of the places of those that run.
    pub fn runs(&self) -> bool {
        matches!(self.outcome, Outcome::Running)
    }

    /// Whether it stands in line.
    pub fn waits(&self) -> bool {
        matches!(self.outcome, Outcome::Queued)
    }

    /// Why it stands still, when it waits for a session that needs somebody.
    pub fn lacks_session(&self) -> Option<&Error> {
        self.halted().map(|halted| &halted.error)
    }

    /// Whose session that is.
    pub fn lacking(&self) -> Option<RoleIndex> {
        self.halted().map(|halted| halted.role)
    }

    fn halted(&self) -> Option<&Halted> {
        match &self.progress.halt {
            Some(Halt::Session(halted)) if self.runs() => Some(halted),
            _ => None,
        }
    }

    /// Whether trying it again could do more than this run did.
    pub fn can_be_retried(&self) -> bool {
        match &self.outcome {
            Outcome::Done(summary) => summary.failures > 0 || summary.stopped.is_some(),
            Outcome::Failed(_) | Outcome::Cancelled => true,
            Outcome::Queued | Outcome::Running => false,
        }
    }

    /// Whether it was stopped in the middle of objects, of which unfinished files or uploads are there. They stay until the same
    /// is downloaded again, or the user deletes them: hours of work may be in them, and what stands beside the files of
    /// a folder that the user chose is never deleted unasked, however hidden.
    pub fn has_left_parts(&self) -> bool {
        let is_begun = |active: &Active| active.size > SMALL && active.bytes > 0;
        match &self.outcome {
            Outcome::Cancelled => self.progress.active.iter().any(is_begun),
            Outcome::Done(summary) => summary.left > 0,
            Outcome::Queued | Outcome::Running | Outcome::Failed(_) => false,
        }
    }

    /// How many files stood in its way, as far as they were kept by name.
    pub fn stood_in_its_way(&self) -> u64 {
        let Outcome::Done(summary) = &self.outcome else { return 0 };
        summary.failed.iter().filter(|failed| matches!(failed.error, Error::Exists { .. })).count() as u64
    }

    /// Seconds until it is done; `None` while nobody knows.
    pub fn seconds_left(&self) -> Option<u64> {
        self.speed.seconds_left(&self.progress).filter(|_| self.runs())
    }
}

impl State {
    /// A folder as it is shown: from the root on, or from the user's home.
    pub fn shown_folder(&self, folder: &Path) -> String {
        let whole = self.here.as_deref().map_or_else(|| folder.to_owned(), |here| here.join(folder));
        // Without the `.` that people type.
        let whole: PathBuf = whole.components().collect();
        let below_home = self.home.as_deref().and_then(|home| whole.strip_prefix(home).ok());
        let shown = below_home.map_or(whole.clone(), |below| Path::new("~").join(below));
        escaped(&shown.to_string_lossy()).into_owned()
    }

    /// Transfers that run.
    pub fn running(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.runs())
    }

    /// Seconds that the session of a transfer still has, as far as the screen knows; of two the one that ends first.
    pub fn session_left(&self, job: &Job) -> Option<u64> {
        let left = |role| self.roles.lives.get(&role).map(|life| seconds_left(life.expiration, self.now));
        job.what.roles().filter_map(left).min()
    }

    /// Seconds until the session of a transfer ends, when that is before the transfer does.
    pub fn ends_first(&self, job: &Job) -> Option<u64> {
        let needed = job.seconds_left();
        job.what.roles().filter_map(|role| self.lasting(role)?.ends_first(self.now, needed)).min()
    }

    /// Where a transfer goes, as it is shown.
    pub fn shown_target(&self, job: &Job) -> String {
        match &job.what {
            What::Download { folder, .. } => self.shown_folder(folder),
            What::Copy { target, .. } => escaped(&target.to_string()).into_owned(),
        }
    }

    fn lasting(&self, role: RoleIndex) -> Option<Lasting> {
        self.profile.lasting(role, |role| self.roles.lives.get(&role).map(|life| life.expiration))
    }

    /// Whether renewing a session of a transfer may want an MFA code from the user.
    pub fn may_ask_code(&self, job: &Job) -> bool {
        job.what.roles().filter_map(|role| self.lasting(role)).any(|lasting| lasting.may_ask_code)
    }
}
