//! Reading an object to its end although connections break: the rest is asked for, of the same object, and in the end
//! its checksum is compared.

use bytes::Bytes;

use super::transfer::retry::{Patience, Verdict, verdict};
use crate::aws::s3::{Ask, Body, S3, Stat};
use crate::domain::checksum::Hasher;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// An object that is being read from its beginning to its end.
#[derive(Debug)]
pub struct Reader {
    s3: S3,
    uri: S3Uri,
    /// Whatever comes later must be of the object that came first.
    ask: Ask,
    body: Option<Body>,
    /// What the first answer said.
    stat: Option<Stat>,
    hasher: Option<Hasher>,
    offset: u64,
    failures: u32,
    patience: Patience,
}

impl Reader {
    /// Reads `uri`; with an entity tag in `ask`, only that object. A range in `ask` counts for nothing.
    pub fn new(s3: S3, uri: S3Uri, ask: Ask) -> Self {
        let (body, stat, hasher, patience) = Default::default();
        Self { s3, uri, ask, body, stat, hasher, offset: 0, failures: 0, patience }
    }

    /// The size in bytes, once the first answer has come.
    pub fn size(&self) -> Option<u64> {
        self.stat.as_ref().map(|stat| stat.size)
    }

    /// The next bytes; `None` at the end, when all of them have come and their checksum is the object's.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one by now; [`Error::Corrupt`] at the end, when what came is not
    /// the object; [`Error::Network`] when it could not be reached at all, or broke off too often.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let error = match self.attempt().await {
                Ok(Some(bytes)) => {
                    self.offset += bytes.len() as u64;
                    self.failures = 0;
                    if let Some(hasher) = &mut self.hasher {
                        hasher.update(&bytes);
                    }
                    return Ok(Some(bytes));
                }
                Ok(None) => return self.compared().map(|()| None),
                Err(error) => error,
            };
            self.body = None;
            self.failures += 1;
            let pause = match verdict(&error) {
                Verdict::Again | Verdict::SlowDown => self.patience.after(self.failures),
                Verdict::Session | Verdict::Anew | Verdict::Final => None,
            };
            let Some(pause) = pause else { return Err(error) };
            tracing::info!(key = ?self.uri.key, offset = self.offset, %error, "the stream broke; asking for the rest");
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&mut self) -> Result<Option<Bytes>> {
        if self.size() == Some(self.offset) {
            return Ok(None);
        }
        let body = match &mut self.body {
            Some(body) => body,
            None => {
                self.ask.range = (self.offset > 0).then_some(self.offset..u64::MAX);
                let body = self.s3.get(&self.uri, &self.ask).await?;
                if self.stat.is_none() {
                    self.ask.etag = self.ask.etag.take().or_else(|| body.stat.etag.clone());
                    self.hasher = body.stat.checksum.as_ref().map(|checksum| Hasher::new(checksum.algorithm));
                    self.stat = Some(body.stat.clone());
                }
                self.body.insert(body)
            }
        };
        match body.next_within(self.patience.silence).await? {
            Some(bytes) => Ok(Some(bytes)),
            None if self.size() == Some(self.offset) => Ok(None),
            None => {
                let message = format!("{} of {} bytes came", self.offset, self.size().unwrap_or_default());
                Err(Error::Network { endpoint: self.uri.to_string(), message })
            }
        }
    }

    fn compared(&mut self) -> Result<()> {
        let told = self.stat.as_ref().and_then(|stat| stat.checksum.as_ref());
        match (told, self.hasher.take().map(Hasher::finish)) {
            (Some(told), Some(is)) if *told != is => {
                Err(Error::Corrupt { resource: self.uri.to_string(), algorithm: told.algorithm.name() })
            }
            _ => Ok(()),
        }
    }
}
