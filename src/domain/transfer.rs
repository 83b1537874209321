//! What a download does and how far it is.

use std::fmt;
use std::path::PathBuf;

use super::text::escaped;
use super::uri::S3Uri;
use crate::error::Error;

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

/// An object that was not written.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The exact URI.
    pub uri: S3Uri,
    /// Why, and what next.
    pub error: Error,
}

impl fmt::Display for Failed {
    /// One line that names the object, fit for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, key) = (self.error.to_string(), escaped(&self.uri.key));
        if !self.uri.bucket.is_empty() && !text.contains(&*key) {
            write!(f, "{}: ", escaped(&self.uri.to_string()))?;
        }
        f.write_str(&text)
    }
}

/// What a finished job did.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Objects written, with their URI and place.
    pub done: Vec<Done>,
    /// Bytes written.
    pub bytes: u64,
    /// Objects that were not written, and why.
    pub failed: Vec<Failed>,
}

/// An object that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The exact URI.
    pub uri: S3Uri,
    /// The file.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
}
