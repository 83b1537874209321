//! Every object below a prefix, in the order of the keys.

use crate::aws::s3::{Depth, S3};
use crate::domain::object::{Entry, Object};
use crate::domain::uri::S3Uri;
use crate::error::Result;

/// A listing of all objects below a prefix.
#[derive(Debug)]
pub struct Walk {
    s3: S3,
    uri: S3Uri,
    /// The next page's token; the outer `None` is the end.
    token: Option<Option<String>>,
}

impl Walk {
    /// Lists what is below `uri`. Nothing is asked before [`Self::next`]; dropping it stops what runs.
    pub fn new(s3: S3, uri: S3Uri) -> Self {
        Self { s3, uri, token: Some(None) }
    }

    /// The next objects; `None` at the end. An empty answer is not the end.
    ///
    /// # Errors
    /// What the listing says; after an error there is nothing more.
    pub async fn next(&mut self) -> Result<Option<Vec<Object>>> {
        let Some(token) = self.token.take() else { return Ok(None) };
        let page = self.s3.page(&self.uri, Depth::All, token.as_deref()).await?;
        self.token = page.next.map(Some);
        let objects = page.entries.into_iter().filter_map(|entry| match entry {
            Entry::Object(object) => Some(object),
            Entry::Prefix(_) => None,
        });
        Ok(Some(objects.collect()))
    }
}
