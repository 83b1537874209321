//! An excerpt of an object, whole in memory: for previews, which must never read more than they show.

use std::ops::Range;

use aws_sdk_s3::Client;
use bytes::{Bytes, BytesMut};

use super::S3;
use crate::aws::errors::{Call, innermost};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// Which bytes of which object.
#[derive(Clone, Debug)]
pub struct ExcerptOf<'a> {
    /// The object.
    pub uri: &'a S3Uri,
    /// Its version; `None` is the current one.
    pub version: Option<&'a str>,
    /// Only if it is still this one.
    pub etag: Option<&'a str>,
    /// The bytes; what lies behind the object's end is not there.
    pub range: Range<u64>,
}

/// Some bytes of an object.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// As many as were asked for, or as the object has.
    pub bytes: Bytes,
    /// Bytes of the whole object.
    pub object_size: u64,
    /// The entity tag.
    pub etag: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
}

impl S3 {
    /// Reads some of an object in one request. The connection is closed after the range's last byte, also when the
    /// server does not know ranges and sends all.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one by now.
    pub async fn excerpt(&self, of: &ExcerptOf<'_>) -> Result<Excerpt> {
        match self.ranged(of, true).await {
            // An empty object has no first byte, so every range is refused; without one it answers.
            Err(Error::Aws { code, .. }) if code == "InvalidRange" && of.range.start == 0 => {
                self.ranged(of, false).await
            }
            answer => answer,
        }
    }

    async fn ranged(&self, of: &ExcerptOf<'_>, ranged: bool) -> Result<Excerpt> {
        let ExcerptOf { uri, version, etag, ref range } = *of;
        let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call(action, &resource, Some(&uri.bucket)) };
        let request = |client: Client| {
            let request = client
                .get_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .set_version_id(version.map(str::to_owned))
                .set_range(ranged.then(|| format!("bytes={}-{}", range.start, range.end.saturating_sub(1))))
                .set_if_match(etag.map(str::to_owned))
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let mut answer = self.in_region(&uri.bucket, request).await?;
        let sent: u64 = answer.content_length.and_then(|length| length.try_into().ok()).unwrap_or(0);
        // `bytes 0-9/100`; a server that does not know ranges sends the whole object.
        let whole = answer.content_range.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        if range.start > 0 && whole.is_none() {
            return Err(Error::Replaced { resource: uri_text });
        }
        let limit = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::new();
        while bytes.len() < limit {
            let next = answer.body.next().await.transpose();
            let endpoint = || self.inner.endpoint.name("s3");
            let next = next.map_err(|error| Error::Network { endpoint: endpoint(), message: innermost(&error) })?;
            let Some(chunk) = next else { break };
            bytes.extend_from_slice(&chunk[..chunk.len().min(limit - bytes.len())]);
        }
        Ok(Excerpt {
            bytes: bytes.freeze(),
            object_size: whole.unwrap_or(sent),
            etag: answer.e_tag,
            content_type: answer.content_type,
        })
    }
}
