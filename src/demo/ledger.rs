//! What was called how often, what was read, and what shall go wrong next. For tests alone.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::state::locked;

/// Something that goes wrong with one call.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// How long the answer is held back.
    pub delay: Duration,
    /// The HTTP status and error code of the answer, such as 503 and `SlowDown`.
    pub error: Option<(u16, String)>,
    /// Whether the connection is reset instead of an answer.
    pub reset: bool,
    /// What happens to the bytes of the object. For GetObject alone.
    pub body: Option<Damage>,
}

/// Something that goes wrong with the bytes of an object, counted from the first that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// After so many bytes the connection breaks, though the header promised more.
    Cut(u64),
    /// After so many bytes nothing more comes, and the connection stays open.
    Stall(u64),
    /// This byte, counted from 0, arrives with one bit turned over; length and headers are right.
    Flip(u64),
}

impl Fault {
    /// The call fails with this HTTP status and error code.
    pub fn error(status: u16, code: impl Into<String>) -> Fault {
        Fault { error: Some((status, code.into())), ..Fault::default() }
    }

    /// The answer comes this much later.
    pub fn slow(delay: Duration) -> Fault {
        Fault { delay, ..Fault::default() }
    }

    /// The connection is reset before any byte of an answer. For calls of S3 and STS.
    pub fn reset() -> Fault {
        Fault { reset: true, ..Fault::default() }
    }

    /// The connection breaks after this many bytes of the object.
    pub fn cut(bytes: u64) -> Fault {
        Fault { body: Some(Damage::Cut(bytes)), ..Fault::default() }
    }

    /// Nothing more comes after this many bytes of the object, and nothing ends.
    pub fn stall(bytes: u64) -> Fault {
        Fault { body: Some(Damage::Stall(bytes)), ..Fault::default() }
    }

    /// This byte of the answer's body arrives wrong.
    pub fn flip(byte: u64) -> Fault {
        Fault { body: Some(Damage::Flip(byte)), ..Fault::default() }
    }
}

/// The fields of a call.
pub(super) type Fields = Vec<(String, String)>;

/// The counts, and the faults to come, by action: `sts:AssumeRole`, `s3:ListObjectsV2`.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    calls: Mutex<HashMap<String, usize>>,
    /// By access key id and action.
    calls_by: Mutex<HashMap<(String, String), usize>>,
    /// By action, and by action and object: `s3:GetObject bucket/key`.
    faults: Mutex<HashMap<String, VecDeque<Fault>>>,
    sent: Mutex<HashMap<String, Vec<Fields>>>,
    /// What was read of each object, by `bucket/key`.
    ranges: Mutex<HashMap<String, Vec<Range<u64>>>>,
    body_bytes: AtomicU64,
}

impl Ledger {
    /// Counts a call and says what shall go wrong with it. What was planned for `object` (`bucket/key`) comes first.
    pub(super) fn note(&self, action: &str, object: Option<&str>) -> Option<Fault> {
        *locked(&self.calls).entry(action.to_owned()).or_default() += 1;
        let mut faults = locked(&self.faults);
        let of_object = object.and_then(|object| faults.get_mut(&format!("{action} {object}"))?.pop_front());
        of_object.or_else(|| faults.get_mut(action)?.pop_front())
    }

    /// Counts a call for the access key that signed it.
    pub(super) fn signed(&self, action: &str, access_key: &str) {
        *locked(&self.calls_by).entry((access_key.to_owned(), action.to_owned())).or_default() += 1;
    }

    pub(super) fn calls_by(&self, access_key: &str, action: &str) -> usize {
        locked(&self.calls_by).get(&(access_key.to_owned(), action.to_owned())).copied().unwrap_or_default()
    }

    /// Keeps what came with a call.
    pub(super) fn keep(&self, action: &str, fields: Fields) {
        locked(&self.sent).entry(action.to_owned()).or_default().push(fields);
    }

    pub(super) fn sent(&self, action: &str) -> Vec<Fields> {
        locked(&self.sent).get(action).cloned().unwrap_or_default()
    }

    pub(super) fn calls(&self, action: &str) -> usize {
        locked(&self.calls).get(action).copied().unwrap_or_default()
    }

    pub(super) fn plan(&self, action: &str, times: usize, fault: Fault) {
        locked(&self.faults).entry(action.to_owned()).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// Takes down what GetObject answers.
    pub(super) fn reading(&self, object: String, range: Range<u64>) {
        locked(&self.ranges).entry(object).or_default().push(range);
    }

    pub(super) fn ranges(&self, object: &str) -> Vec<Range<u64>> {
        locked(&self.ranges).get(object).cloned().unwrap_or_default()
    }

    /// Counts bytes of an object that left.
    pub(super) fn carried(&self, bytes: u64) {
        self.body_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn body_bytes(&self) -> u64 {
        self.body_bytes.load(Ordering::Relaxed)
    }
}
