//! The line of a download or a copy in the audit trail.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::audit::{Deed, Event};
use super::download::OnProgress;
use super::{Core, held};
use crate::domain::role::RoleIndex;
use crate::domain::transfer::Summary;
use crate::error::{Error, Result};

/// A download for the audit trail: written down when it is dropped, so also when it was cancelled.
pub(super) struct Record {
    core: Arc<Core>,
    deed: Deed,
    role: RoleIndex,
    began: Timestamp,
    buckets: BTreeSet<String>,
    /// Objects and bytes as the progress told last.
    so_far: SoFar,
    /// How it ended; `None` until it has.
    ended: Option<Ended>,
}

/// How a download ended.
pub(super) struct Ended {
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) failed: u64,
    pub(super) outcome: Result<()>,
}

impl Ended {
    pub(super) fn of(summary: &Summary) -> Self {
        let (objects, failed) = (summary.written + summary.skipped, summary.failures);
        Self { objects, bytes: summary.bytes, failed, outcome: summary.outcome() }
    }
}

/// Objects and bytes.
pub(super) type SoFar = Arc<Mutex<(u64, u64)>>;

impl Record {
    /// A download that begins now.
    pub(super) fn new(core: &Arc<Core>, role: RoleIndex, buckets: BTreeSet<String>) -> Self {
        Self::of(Deed::Download, core, role, buckets)
    }

    /// A copy that begins now, written by `role`.
    pub(super) fn of_copy(core: &Arc<Core>, role: RoleIndex, buckets: BTreeSet<String>) -> Self {
        Self::of(Deed::Copy, core, role, buckets)
    }

    fn of(deed: Deed, core: &Arc<Core>, role: RoleIndex, buckets: BTreeSet<String>) -> Self {
        let core = Arc::clone(core);
        Self { core, deed, role, began: Timestamp::now(), buckets, so_far: Arc::default(), ended: None }
    }

    /// Where the job tells how far it is.
    pub(super) fn so_far(&self) -> SoFar {
        Arc::clone(&self.so_far)
    }

    /// The download has ended.
    pub(super) fn ended(&mut self, how: Ended) {
        self.ended = Some(how);
    }
}

/// Has a job written down, where it is one to write down, however it ends.
pub(super) async fn recorded<F: Future<Output = Summary>>(
    mut record: Option<Record>,
    told: OnProgress,
    job: impl FnOnce(OnProgress) -> F,
) -> Summary {
    let so_far = record.as_ref().map(Record::so_far);
    let on_progress: OnProgress = Arc::new(move |progress| {
        if let Some(so_far) = &so_far {
            *held(so_far) = (progress.objects, progress.bytes);
        }
        told(progress);
    });
    let summary = job(on_progress).await;
    if let Some(record) = &mut record {
        record.ended(Ended::of(&summary));
    }
    summary
}

impl Drop for Record {
    fn drop(&mut self) {
        let cancelled = || {
            let (objects, bytes) = *held(&self.so_far);
            Ended { objects, bytes, failed: 0, outcome: Err(Error::Interrupted) }
        };
        let Ended { objects, bytes, failed, outcome } = self.ended.take().unwrap_or_else(cancelled);
        let session = held(&self.core.sessions).get(&self.role).cloned();
        self.core.record(&Event {
            deed: self.deed,
            role: self.role,
            began: self.began,
            session: session.as_ref(),
            outcome: outcome.as_ref().copied(),
            details: vec![
                ("buckets", self.buckets.iter().cloned().collect()),
                ("objects", objects.into()),
                ("bytes", bytes.into()),
                ("failed", failed.into()),
            ],
        });
    }
}
