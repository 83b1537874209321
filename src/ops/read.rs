//! Reading an object to its end although connections break: the rest is asked for, of the same object.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::aws::s3::{Body, S3};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// How often a stream is taken up again without much coming in between.
const RESUMES: u32 = 5;

/// Bytes that are worth the trouble of another five.
const PROGRESS: u64 = 1 << 20;

/// An object that is being read from its beginning to its end.
#[derive(Debug)]
pub struct Reader {
    s3: S3,
    uri: S3Uri,
    version: Option<String>,
    /// Whatever comes later must be of the object that came first.
    etag: Option<String>,
    body: Option<Body>,
    size: Option<u64>,
    last_modified: Option<Timestamp>,
    offset: u64,
    resumed_at: u64,
    failures: u32,
}

impl Reader {
    /// Reads `uri`; with `etag`, only that object.
    pub fn new(s3: S3, uri: S3Uri, etag: Option<String>) -> Self {
        Self {
            s3,
            uri,
            version: None,
            etag,
            body: None,
            size: None,
            last_modified: None,
            offset: 0,
            resumed_at: 0,
            failures: 0,
        }
    }

    /// Reads this version of it, where it is not the latest.
    pub fn of_version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    /// The size in bytes, once the first answer has come.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// When the object was written, once the first answer has come.
    pub fn last_modified(&self) -> Option<Timestamp> {
        self.last_modified
    }

    /// The next bytes; `None` at the end, when all of them have come.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one by now; [`Error::Network`] when it could not be reached at
    /// all, or broke off too often.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            match self.attempt().await {
                Ok(Some(bytes)) => {
                    self.offset += bytes.len() as u64;
                    if self.offset >= self.resumed_at + PROGRESS {
                        self.failures = 0;
                    }
                    return Ok(Some(bytes));
                }
                // The first request was tried several times by the SDK already.
                Err(Error::Network { .. }) if self.size.is_some() && self.failures < RESUMES => {
                    self.body = None;
                    self.failures += 1;
                    self.resumed_at = self.offset;
                    tracing::info!(key = ?self.uri.key, offset = self.offset, "the stream broke; asking for the rest");
                    tokio::time::sleep(Duration::from_millis(200 << self.failures)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>> {
        if self.size == Some(self.offset) {
            return Ok(None);
        }
        let body = match &mut self.body {
            Some(body) => body,
            None => {
                let body = self.s3.body(&self.uri, self.version.as_deref(), self.offset, self.etag.as_deref()).await?;
                self.etag = self.etag.take().or_else(|| body.etag.clone());
                self.size = Some(body.object_size);
                self.last_modified = body.last_modified;
                self.body.insert(body)
            }
        };
        match body.next().await? {
            Some(bytes) => Ok(Some(bytes)),
            None if self.size == Some(self.offset) => Ok(None),
            None => {
                let message = format!("{} of {} bytes came", self.offset, body.object_size);
                Err(Error::Network { endpoint: self.uri.to_string(), message })
            }
        }
    }
}
