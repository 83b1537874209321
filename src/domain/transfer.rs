//! What a download does and how far it is.

/// How far a job is; a job is one object or many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes written so far.
    pub bytes: u64,
    /// Bytes in all, as far as known.
    pub total_bytes: u64,
    /// Objects done, well or badly.
    pub objects: u64,
    /// Objects in all, as far as known.
    pub total_objects: u64,
    /// Whether the totals are final: a listing may still be running.
    pub total_known: bool,
    /// The key that is being written now, exact.
    pub current: String,
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The exact key.
    pub key: String,
    /// Why, and what next.
    pub reason: String,
}

/// What a finished job did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects written.
    pub done: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Objects that were not written, and why.
    pub failed: Vec<Failed>,
}
