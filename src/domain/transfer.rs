//! What a transfer is asked to do, how far it is, and what it did.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::role::RoleIndex;
use super::text::{count, escaped, plural};
use super::uri::S3Uri;
use crate::error::Error;

/// What happens to a file that is there already and is not equal to its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfExists {
    /// It is kept, and its object counts as failed.
    #[default]
    Refuse,
    /// It is kept.
    Skip,
    /// It is replaced.
    Overwrite,
    /// It is kept, and the object goes beside it under a free name: `report (2).csv`.
    Rename,
    /// A person decides, file by file.
    Ask,
}

/// An object as a listing told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// The entity tag, where it was kept.
    pub etag: Option<String>,
}

/// How far a job is; a job is one object or many.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Bytes that are there: written, kept from an earlier run, or skipped because they were equal.
    pub bytes: u64,
    /// Of those, what this run did not have to fetch.
    pub spared: u64,
    /// Bytes in all, as far as known.
    pub total_bytes: u64,
    /// Objects done, well or badly.
    pub objects: u64,
    /// Of those, what failed.
    pub failed: u64,
    /// Objects in all, as far as known.
    pub total_objects: u64,
    /// Whether the totals are final: a listing may still be running.
    pub total_known: bool,
    /// What is fetched now, the oldest first; not more than a screen has room for.
    pub active: Vec<Active>,
    /// Why nothing moves, when nothing does.
    pub halt: Option<Halt>,
}

impl Progress {
    /// The part in percent, when it is known what the whole is.
    pub fn percent(&self) -> Option<u64> {
        match (self.total_known, self.total_bytes) {
            (false, _) => None,
            // Empty objects are done one by one.
            (true, 0) => Some(if self.objects < self.total_objects { 0 } else { 100 }),
            (true, whole) => Some((u128::from(self.bytes.min(whole)) * 100 / u128::from(whole)) as u64),
        }
    }
}

/// Up to this size an object is held in memory until it is whole and right; a larger one is written on its way.
pub const SMALL: u64 = 1 << 20;

/// An object that is being fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// The exact key.
    pub key: String,
    /// Bytes that are there.
    pub bytes: u64,
    /// Bytes in all.
    pub size: u64,
}

/// Why a job stands still.
#[derive(Clone, Debug, PartialEq)]
pub enum Halt {
    /// Somebody paused it.
    Paused,
    /// A session has ended, and a new one needs somebody.
    Session(Halted),
}

/// Whose session a job waits for, and over which error. Two of the same words are equal.
#[derive(Clone, Debug)]
pub struct Halted {
    /// The role whose session has ended.
    pub role: RoleIndex,
    /// What AWS or the broker said.
    pub error: Error,
}

impl PartialEq for Halted {
    fn eq(&self, other: &Self) -> bool {
        self.role == other.role && self.error.to_string() == other.error.to_string()
    }
}

/// Bytes a second, smoothed, and how long the rest takes at that speed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    bytes_per_second: f64,
    measured: Option<(Timestamp, u64)>,
}

impl Speed {
    /// How long something is watched before its speed is believed, in seconds.
    const SPAN: f64 = 0.5;

    /// Sees how much was fetched by `now`; looks closer only every half second.
    pub fn see(&mut self, now: Timestamp, progress: &Progress) {
        let fetched = progress.bytes.saturating_sub(progress.spared);
        let Some((then, before)) = self.measured else {
            self.measured = Some((now, fetched));
            return;
        };
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds < Self::SPAN {
            return;
        }
        let speed = fetched.saturating_sub(before) as f64 / seconds;
        let first = self.bytes_per_second == 0.0;
        self.bytes_per_second = if first { speed } else { self.bytes_per_second * 0.7 + speed * 0.3 };
        self.measured = Some((now, fetched));
    }

    /// Bytes a second.
    pub fn bytes_per_second(&self) -> f64 {
        self.bytes_per_second
    }

    /// Seconds until the job is done at this speed; `None` while nobody knows.
    pub fn seconds_left(&self, progress: &Progress) -> Option<u64> {
        let rest = progress.total_bytes.saturating_sub(progress.bytes);
        let known = progress.total_known && progress.halt.is_none() && self.bytes_per_second >= 1.0;
        known.then(|| (rest as f64 / self.bytes_per_second).ceil() as u64)
    }
}

/// What becomes of an object, told as it happens.
#[derive(Clone, Debug)]
pub enum Event {
    /// Written, or in a dry run: would be.
    Written(Done),
    /// Left as it is.
    Skipped(Done, Why),
    /// Not written.
    Failed(Failed),
    /// Something that the user should know of an object that goes on: it was replaced meanwhile, say.
    Note(S3Uri, String),
}

/// Why an object was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The file is there and equal.
    Equal,
    /// A file is there, and [`IfExists::Skip`] or a person said so.
    Exists,
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

/// What a finished job did. Of a million objects it keeps the counts; each was told as an [`Event`].
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Objects written.
    pub written: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Of those, bytes that were there from an earlier run, in parts of files.
    pub taken_up: u64,
    /// Bytes that came over the network, also of what failed; some may have come twice.
    pub fetched: u64,
    /// Objects that were left as they are.
    pub skipped: u64,
    /// Objects that were not written.
    pub failures: u64,
    /// Objects of which nothing but the length could be checked, because they have no checksum of the whole.
    pub unchecked: u64,
    /// Objects of which an unfinished file stays, for the next run to go on with.
    pub left: u64,
    /// Why the job stopped before its end: a disk without room, a session that nobody could renew.
    pub stopped: Option<Error>,
    /// The first of what was written.
    pub done: Vec<Done>,
    /// The first of what failed, and why.
    pub failed: Vec<Failed>,
}

impl Summary {
    /// How many of each kind are kept with their names.
    pub const KEPT: usize = 1000;

    /// Counts what happened.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Written(done) => {
                self.written += 1;
                self.bytes += done.size;
                if self.done.len() < Self::KEPT {
                    self.done.push(done.clone());
                }
            }
            Event::Skipped(..) => self.skipped += 1,
            Event::Failed(failed) => {
                self.failures += 1;
                if self.failed.len() < Self::KEPT {
                    self.failed.push(failed.clone());
                }
            }
            Event::Note(..) => {}
        }
    }

    /// How the job ended: why it stopped, or that a part of it failed.
    ///
    /// # Errors
    /// Why it stopped; the only failure there was; [`Error::Partial`].
    pub fn outcome(&self) -> Result<(), Error> {
        match (&self.stopped, self.written + self.skipped, self.failed.as_slice()) {
            (Some(error), _, _) => Err(error.clone()),
            (None, _, []) => Ok(()),
            // One failure alone (a listing that was refused, say) is the whole story.
            (None, 0, [only]) => Err(only.error.clone()),
            _ => Err(Error::Partial {
                message: format!("{} of {} not written", count(self.failures), plural(self.met(), "object")),
            }),
        }
    }

    /// Objects that the job met, whatever became of them.
    pub fn met(&self) -> u64 {
        self.written + self.skipped + self.failures
    }
}

/// Where a transfer puts an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file here.
    File(PathBuf),
    /// An object of a bucket.
    Object(S3Uri),
}

impl fmt::Display for Place {
    /// A stranger's text, as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(&path.to_string_lossy()),
            Self::Object(uri) => uri.fmt(f),
        }
    }
}

/// An object, and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The exact URI.
    pub uri: S3Uri,
    /// The file, or the copy.
    pub to: Place,
    /// Bytes.
    pub size: u64,
    /// The checksum that it was compared with, by its name at AWS: `CRC64NVME`, `MD5`, …; `None` when the
    /// object has none of the whole.
    pub checked: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `bytes` of 1,000 are there, of which `spared` were not fetched now.
    fn progress(bytes: u64, spared: u64) -> Progress {
        Progress { bytes, spared, total_bytes: 1000, total_known: true, ..Progress::default() }
    }

    #[test]
    fn speed_is_what_was_fetched_in_the_time_between() {
        // Milliseconds, bytes, spared; bytes a second and seconds left after it.
        for (seen, speed, left) in [
            (&[(0, 0, 0)][..], 0.0, None),
            (&[(0, 0, 0), (400, 100, 0)], 0.0, None),
            (&[(0, 0, 0), (1000, 100, 0)], 100.0, Some(9)),
            // Half a second is looked at as a whole, however often it is asked.
            (&[(0, 0, 0), (200, 10, 0), (400, 20, 0), (500, 50, 0)], 100.0, Some(10)),
            // What an earlier run had is no speed.
            (&[(0, 0, 0), (1000, 800, 700)], 100.0, Some(2)),
            // A slower second weighs three tenths.
            (&[(0, 0, 0), (1000, 100, 0), (2000, 150, 0)], 85.0, Some(10)),
            // Bytes that are taken back, because an object was replaced, are no speed either.
            (&[(0, 0, 0), (1000, 100, 0), (2000, 20, 0)], 70.0, Some(14)),
            (&[(0, 0, 0), (1000, 1000, 0)], 1000.0, Some(0)),
        ] {
            let mut measured = Speed::default();
            let mut last = Progress::default();
            for (milliseconds, bytes, spared) in seen {
                last = progress(*bytes, *spared);
                measured.see(Timestamp::from_millisecond(*milliseconds).unwrap(), &last);
            }
            assert!((measured.bytes_per_second() - speed).abs() < 1e-9, "{seen:?}: {measured:?}");
            assert_eq!(measured.seconds_left(&last), left, "{seen:?}");
        }
    }

    #[test]
    fn nobody_knows_the_time_left_of_what_stands_still_or_has_no_end() {
        let mut speed = Speed::default();
        speed.see(Timestamp::UNIX_EPOCH, &progress(0, 0));
        speed.see(Timestamp::from_second(1).unwrap(), &progress(100, 0));
        let known = progress(100, 0);
        for (progress, left) in [
            (known.clone(), Some(9)),
            (Progress { total_known: false, ..known.clone() }, None),
            (Progress { halt: Some(Halt::Paused), ..known }, None),
        ] {
            assert_eq!(speed.seconds_left(&progress), left);
        }
    }
}
