//! Which objects of a listing are meant: by name, by age, by size.

use globset::{Glob, GlobSet, GlobSetBuilder};
use jiff::Timestamp;

/// A choice among objects. The default lets all of them through.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Only keys that one of these matches; `None` is every key.
    pub include: Option<Globs>,
    /// Without keys that one of these matches.
    pub exclude: Option<Globs>,
    /// Only what was written at or after this time.
    pub newer: Option<Timestamp>,
    /// Only what was written before this time.
    pub older: Option<Timestamp>,
    /// Only what has at least so many bytes.
    pub at_least: Option<u64>,
    /// Only what has at most so many bytes.
    pub at_most: Option<u64>,
}

/// Glob patterns. One without a `/` is about the last segment of a key, one with it about the whole key below the
/// prefix that was asked for.
#[derive(Clone, Debug)]
pub struct Globs {
    names: GlobSet,
    paths: GlobSet,
}

impl Globs {
    /// `None` for no pattern at all.
    ///
    /// # Errors
    /// What is wrong with a pattern, in words.
    pub fn new(patterns: &[String]) -> Result<Option<Self>, String> {
        if patterns.is_empty() {
            return Ok(None);
        }
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let glob = Glob::new(pattern).map_err(|error| error.to_string())?;
            if pattern.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        let built = |set: GlobSetBuilder| set.build().map_err(|error| error.to_string());
        Ok(Some(Self { names: built(names)?, paths: built(paths)? }))
    }

    fn is_match(&self, path: &str) -> bool {
        let name = super::uri::last_segment(path);
        self.names.is_match(name) || self.paths.is_match(path)
    }
}

impl Select {
    /// Whether an object is meant. `path` is its key below the prefix that was asked for.
    pub fn allows(&self, path: &str, size: u64, modified: Option<Timestamp>) -> bool {
        self.include.as_ref().is_none_or(|globs| globs.is_match(path))
            && !self.exclude.as_ref().is_some_and(|globs| globs.is_match(path))
            && self.newer.is_none_or(|limit| modified.is_some_and(|time| time >= limit))
            && self.older.is_none_or(|limit| modified.is_some_and(|time| time < limit))
            && self.at_least.is_none_or(|limit| size >= limit)
            && self.at_most.is_none_or(|limit| size <= limit)
    }
}
