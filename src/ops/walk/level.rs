//! One level below a prefix, listed as fast as everything below it: a level may hold a million objects.

use super::Walk;
use super::stretch::Stretch;
use crate::aws::s3::S3;
use crate::domain::object::{Entry, Object};
use crate::domain::uri::S3Uri;
use crate::error::Result;

/// A listing of one level.
#[derive(Debug)]
pub struct Level {
    walk: Walk,
}

impl Level {
    /// Lists the level of `uri`. Nothing is asked before [`Self::next`]; dropping it stops what runs.
    pub fn new(s3: S3, uri: S3Uri) -> Self {
        Self { walk: Walk::with(s3, uri, Stretch::level) }
    }

    /// The next entries, the prefixes among them first; `None` at the end. An empty answer is not the end.
    ///
    /// # Errors
    /// As [`Walk::next`].
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>> {
        let Some(objects) = self.walk.next().await? else { return Ok(None) };
        let below = self.walk.prefix.len();
        // What has a delimiter behind the prefix is not listed by its key but as the prefix that ends there.
        let is_prefix = |object: &Object| object.key.len() > below && object.key.ends_with('/');
        let (prefixes, objects): (Vec<_>, Vec<_>) = objects.into_iter().partition(is_prefix);
        let prefixes = prefixes.into_iter().map(|object| Entry::Prefix(object.key));
        Ok(Some(prefixes.chain(objects.into_iter().map(Entry::Object)).collect()))
    }
}
