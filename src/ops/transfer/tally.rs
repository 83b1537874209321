//! How far a job is: counted as it happens, told from time to time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::domain::transfer::{Active, Event, Halt, Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::local::lock::held;

/// Objects in flight that are told by name.
const NAMED: usize = 16;

/// The counts of a job.
#[derive(Debug, Default)]
pub(in crate::ops) struct Tally {
    bytes: AtomicU64,
    spared: AtomicU64,
    fetched: AtomicU64,
    total_bytes: AtomicU64,
    total_objects: AtomicU64,
    listed: AtomicBool,
    active: Mutex<VecDeque<Arc<Counts>>>,
    halt: Mutex<Option<Halt>>,
    summary: Mutex<Summary>,
}

#[derive(Debug)]
struct Counts {
    key: String,
    size: AtomicU64,
    bytes: AtomicU64,
    spared: AtomicU64,
}

/// What one object adds to the counts of its job.
#[derive(Debug)]
pub(in crate::ops) struct Share {
    tally: Arc<Tally>,
    counts: Arc<Counts>,
}

impl Tally {
    /// An object was found.
    pub(in crate::ops) fn found(&self, size: u64) {
        self.total_objects.fetch_add(1, Relaxed);
        self.total_bytes.fetch_add(size, Relaxed);
    }

    /// Everything was found.
    pub(in crate::ops) fn listed(&self) {
        self.listed.store(true, Relaxed);
    }

    /// An object begins, of which the totals count `size` already.
    pub(in crate::ops) fn begin(self: &Arc<Self>, uri: &S3Uri, size: u64) -> Share {
        let (bytes, spared) = (AtomicU64::new(0), AtomicU64::new(0));
        let counts = Arc::new(Counts { key: uri.key.clone(), size: AtomicU64::new(size), bytes, spared });
        held(&self.active).push_back(Arc::clone(&counts));
        Share { tally: Arc::clone(self), counts }
    }

    /// Something became of an object.
    pub(in crate::ops) fn happened(&self, event: &Event) {
        held(&self.summary).add(event);
    }

    /// The whole job stops for this reason.
    pub(in crate::ops) fn stop(&self, error: Error) {
        held(&self.summary).stopped.get_or_insert(error);
    }

    /// Why the whole job stops.
    pub(in crate::ops) fn stopped(&self) -> Option<Error> {
        held(&self.summary).stopped.clone()
    }

    /// Only the length of an object could be compared.
    pub(in crate::ops) fn unchecked(&self) {
        held(&self.summary).unchecked += 1;
    }

    /// Of an object that failed an unfinished file stays.
    pub(in crate::ops) fn left(&self) {
        held(&self.summary).left += 1;
    }

    /// Why nothing moves.
    pub(in crate::ops) fn halt(&self, halt: Option<Halt>) {
        *held(&self.halt) = halt;
    }

    /// Where the job stands.
    pub(in crate::ops) fn progress(&self, paused: bool) -> Progress {
        let (met, failed) = {
            let summary = held(&self.summary);
            (summary.met(), summary.failures)
        };
        let active = held(&self.active).iter().take(NAMED).map(|counts| counts.active()).collect();
        let halt = held(&self.halt).clone().or(paused.then_some(Halt::Paused));
        Progress {
            bytes: self.bytes.load(Relaxed),
            spared: self.spared.load(Relaxed),
            total_bytes: self.total_bytes.load(Relaxed),
            objects: met,
            failed,
            total_objects: self.total_objects.load(Relaxed),
            total_known: self.listed.load(Relaxed),
            active,
            halt,
        }
    }

    /// What was done, in the end.
    pub(in crate::ops) fn summary(&self) -> Summary {
        let mut summary = std::mem::take(&mut *held(&self.summary));
        summary.fetched = self.fetched.load(Relaxed);
        summary
    }
}

impl Counts {
    fn active(&self) -> Active {
        Active { key: self.key.clone(), bytes: self.bytes.load(Relaxed), size: self.size.load(Relaxed) }
    }
}

impl Share {
    /// Bytes came over the network; they count when they are written.
    pub(in crate::ops) fn fetched(&self, bytes: u64) {
        self.tally.fetched.fetch_add(bytes, Relaxed);
    }

    /// Bytes were written.
    pub(in crate::ops) fn written(&self, bytes: u64) {
        self.tally.bytes.fetch_add(bytes, Relaxed);
        self.counts.bytes.fetch_add(bytes, Relaxed);
    }

    /// Bytes were there already.
    pub(in crate::ops) fn spared(&self, bytes: u64) {
        self.written(bytes);
        self.tally.spared.fetch_add(bytes, Relaxed);
        self.counts.spared.fetch_add(bytes, Relaxed);
    }

    /// The object is written: what was spared of it is of an earlier run.
    pub(in crate::ops) fn taken_up(&self) {
        held(&self.tally.summary).taken_up += self.counts.spared.load(Relaxed);
    }

    /// The object begins anew, or failed: what it had counted counts no more.
    pub(in crate::ops) fn reset(&self) {
        self.tally.bytes.fetch_sub(self.counts.bytes.swap(0, Relaxed), Relaxed);
        self.tally.spared.fetch_sub(self.counts.spared.swap(0, Relaxed), Relaxed);
    }

    /// An answer knows the size better than the listing did, or the caller who had none.
    pub(in crate::ops) fn resize(&self, size: u64) {
        let before = self.counts.size.swap(size, Relaxed);
        self.tally.total_bytes.fetch_add(size.wrapping_sub(before), Relaxed);
    }

    /// The object will not come: it is no part of the whole.
    pub(in crate::ops) fn give_up(&self) {
        self.reset();
        self.resize(0);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.give_up();
        }
        held(&self.tally.active).retain(|counts| !Arc::ptr_eq(counts, &self.counts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_right_through_restarts_and_failures() {
        let tally = Arc::new(Tally::default());
        let uri = |key: &str| S3Uri::new("bucket", key);
        (0..2).for_each(|_| tally.found(100));
        let (one, two) = (tally.begin(&uri("one"), 100), tally.begin(&uri("two"), 100));
        one.spared(40);
        one.written(30);
        two.written(50);
        let progress = tally.progress(false);
        assert_eq!((progress.bytes, progress.spared, progress.total_bytes), (120, 40, 200));
        assert_eq!(progress.active[0], Active { key: "one".into(), bytes: 70, size: 100 });
        one.reset();
        one.resize(120);
        let progress = tally.progress(true);
        assert_eq!((progress.bytes, progress.spared, progress.total_bytes), (50, 0, 220));
        assert_eq!(progress.halt, Some(Halt::Paused));
        two.give_up();
        drop(two);
        let progress = tally.progress(false);
        assert_eq!((progress.bytes, progress.total_bytes, progress.active.len()), (0, 120, 1));
    }
}
