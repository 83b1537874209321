//! What was called how often, and what shall go wrong next. For tests alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use super::state::locked;

/// Something that goes wrong with one call.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// How long the answer is held back.
    pub delay: Duration,
    /// The HTTP status and error code of the answer, such as 503 and `SlowDown`.
    pub error: Option<(u16, String)>,
    /// How many bytes of the object arrive before the connection breaks. For GetObject alone.
    pub cut_after: Option<u64>,
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

    /// The connection breaks after this many bytes of the object.
    pub fn cut(bytes: u64) -> Fault {
        Fault { cut_after: Some(bytes), ..Fault::default() }
    }
}

/// The fields of a call.
pub(super) type Fields = Vec<(String, String)>;

/// The counts, and the faults to come, by action: `sts:AssumeRole`, `s3:ListObjectsV2`.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    calls: Mutex<HashMap<String, usize>>,
    faults: Mutex<HashMap<String, VecDeque<Fault>>>,
    sent: Mutex<HashMap<String, Vec<Fields>>>,
}

impl Ledger {
    /// Counts a call and says what shall go wrong with it.
    pub(super) fn note(&self, action: &str) -> Option<Fault> {
        *locked(&self.calls).entry(action.to_owned()).or_default() += 1;
        locked(&self.faults).get_mut(action)?.pop_front()
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
}
