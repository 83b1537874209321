//! Copying between buckets, and between accounts: one object, or everything below a prefix.
//!
//! ```text
//! plan.rs      which way: S3 by itself under one role, or through here with two sessions; proved with one object
//! list.rs      what shall be copied, side by side with what is at the target already
//! object.rs    one object: compared, copied, compared again
//! parts.rs     a large one, part by part; uploads.rs of local/ remembers how far it was
//! ```
//! Who waits, asks again and pauses is the engine of all transfers (`ops/transfer.rs`).

mod list;
mod object;
mod parts;
mod plan;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::Core;
use super::control::Control;
use super::download::{OnEvent, OnHalt, OnProgress};
use super::transfer::fetch::Line;
use super::transfer::gate::Gate;
use super::transfer::pool::DEFAULT_MEMORY;
use super::transfer::retry::Patience;
use super::transfer::run::{self, Work};
use super::transfer::tally::Tally;
use crate::domain::copy::Storage;
use crate::domain::role::RoleIndex;
use crate::domain::select::Select;
use crate::domain::transfer::{Event, IfExists, Summary};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::downloaded::{Record, recorded};
use object::{Desk, Item};
pub use plan::{Plan, Refused};

/// What to copy, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyPick {
    /// One object.
    Object {
        /// Which.
        uri: S3Uri,
        /// Which version; `None` is the latest.
        version: Option<String>,
        /// What the copy is called.
        target: S3Uri,
    },
    /// All objects whose keys begin with a prefix.
    Prefix {
        /// The prefix.
        uri: S3Uri,
        /// What is left out of the keys; what is left of them goes behind the target's.
        strip: String,
        /// What the keys of the copies begin with: empty, or a folder with its `/`.
        target: S3Uri,
    },
}

impl CopyPick {
    /// What is copied.
    pub fn uri(&self) -> &S3Uri {
        match self {
            Self::Object { uri, .. } | Self::Prefix { uri, .. } => uri,
        }
    }

    /// Where it goes.
    pub fn target(&self) -> &S3Uri {
        match self {
            Self::Object { target, .. } | Self::Prefix { target, .. } => target,
        }
    }

    /// Where the object of this key goes; `None` for a key that is not below the prefix.
    pub fn target_of(&self, key: &str) -> Option<S3Uri> {
        match self {
            Self::Object { target, .. } => Some(target.clone()),
            Self::Prefix { strip, target, .. } => {
                let rest = key.strip_prefix(strip.as_str())?;
                Some(S3Uri::new(&target.bucket, format!("{}{rest}", target.key)))
            }
        }
    }
}

/// Who reads and who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// The role that may read the source.
    pub from: RoleIndex,
    /// The role that may write the target.
    pub to: RoleIndex,
}

/// How a copy goes about its objects.
#[derive(Clone, Default)]
pub struct CopyWishes {
    /// What happens to objects that are there and differ; [`IfExists::Rename`] and [`IfExists::Ask`] count as
    /// [`IfExists::Refuse`].
    pub if_exists: IfExists,
    /// Which objects below a prefix are meant.
    pub select: Select,
    /// How the copies are stored.
    pub storage: Storage,
    /// Only tell what would be copied.
    pub dry_run: bool,
    /// How often and how long things are tried again.
    pub patience: Patience,
    /// Bytes that transfers may make the process use; [`DEFAULT_MEMORY`] when nothing is said.
    pub max_memory: Option<u64>,
}

/// Says for a role what happens when its session ends on the way.
pub type OnHaltOf = Arc<dyn Fn(RoleIndex) -> OnHalt + Send + Sync>;

/// A copy that somebody wants.
#[derive(Clone)]
pub struct CopyJob {
    /// What, and where to; shared, for a million rows may be marked.
    pub picks: Arc<[CopyPick]>,
    /// How.
    pub wishes: CopyWishes,
    /// What happens when a session ends.
    pub on_halt: OnHaltOf,
    /// The hand that pauses it.
    pub control: Control,
    /// Hears how far it is.
    pub on_progress: OnProgress,
    /// Hears what becomes of each object.
    pub on_event: OnEvent,
}

impl Core {
    /// Copies all picks as planned. What fails is in the summary, and the rest goes on; dropping the future cancels the
    /// job, of which finished objects and finished parts of large ones stay. Either way the job is written down.
    pub async fn copy(self: &Arc<Self>, plan: &Plan, job: CopyJob) -> Summary {
        let buckets: BTreeSet<String> =
            job.picks.iter().flat_map(|pick| [pick.uri().bucket.clone(), pick.target().bucket.clone()]).collect();
        // A job that writes nothing is no copy.
        let record = (!job.wishes.dry_run).then(|| Record::of_copy(self, plan.writer, buckets));
        self.pool.limit_memory(job.wishes.max_memory.unwrap_or(DEFAULT_MEMORY));
        let told = Arc::clone(&job.on_progress);
        recorded(record, told, |on_progress| self.run_copy(plan, CopyJob { on_progress, ..job })).await
    }

    async fn run_copy(self: &Arc<Self>, plan: &Plan, job: CopyJob) -> Summary {
        let CopyJob { picks, wishes, on_halt, control, on_progress, on_event } = job;
        let tally = Arc::new(Tally::default());
        let line = |role: RoleIndex| Line {
            s3: self.s3(role),
            pool: self.pool.clone(),
            control: control.clone(),
            patience: wishes.patience,
            gate: Arc::new(Gate::new(role, on_halt(role), Arc::clone(&tally))),
        };
        let writer = line(plan.writer);
        let reader = if plan.reader == plan.writer { writer.clone() } else { line(plan.reader) };
        let journals = self.environment.state_directory();
        let ends = self.ends.clone();
        let mut desk = Desk::new((reader, writer), plan.way, wishes, Arc::clone(&tally), on_event, (journals, ends));
        desk.claimed = (picks.len() > 1).then(Default::default);
        let desk = Arc::new(desk);
        let subject = picks.first().map_or_else(|| S3Uri::new("", ""), |pick| pick.uri().clone());
        run::run(desk, (picks, subject), &control, &on_progress).await
    }
}

impl Work for Desk {
    type Item = Item;
    type Picks = Arc<[CopyPick]>;

    fn uri(item: &Item) -> &S3Uri {
        &item.uri
    }

    fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    fn is_dry_run(&self) -> bool {
        self.wishes.dry_run
    }

    fn tell(&self, event: Event) {
        Self::tell(self, event);
    }

    async fn list(self: Arc<Self>, picks: Arc<[CopyPick]>, queue: mpsc::Sender<Item>) {
        list::list(&self, &picks, queue).await;
    }

    async fn object(self: Arc<Self>, item: Item) {
        self.copy(item).await;
    }
}

/// Whether an error says that S3 there cannot copy by itself: some servers do not find another account's bucket, some
/// do not know the call.
fn cannot_by_itself(error: &Error) -> bool {
    match error {
        Error::NotFound { .. } => true,
        Error::Aws { code, .. } => {
            matches!(code.as_str(), "NotImplemented" | "MethodNotAllowed" | "HTTP 501" | "HTTP 405" | "NoSuchUpload")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_below_a_prefix_keep_what_is_left_of_them() {
        let prefix = CopyPick::Prefix {
            uri: S3Uri::new("a", "reports/20"),
            strip: "reports/".into(),
            target: S3Uri::new("b", "backup/"),
        };
        assert_eq!(prefix.target_of("reports/2025/x"), Some(S3Uri::new("b", "backup/2025/x")));
        assert_eq!(prefix.target_of("other"), None);
    }
}
