//! The bytes of objects.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::S3;
use crate::aws::errors::{Call, innermost};
use crate::aws::timestamp;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// The bytes of an object as they arrive.
#[derive(Debug)]
pub struct Body {
    stream: ByteStream,
    /// Bytes of the whole object, also when a part of it was asked for.
    pub object_size: u64,
    /// The entity tag.
    pub etag: Option<String>,
    /// When it was written.
    pub last_modified: Option<jiff::Timestamp>,
    endpoint: String,
}

impl Body {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Network`] when the connection broke: ask for the rest again.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.stream.next().await.transpose();
        next.map_err(|error| Error::Network { endpoint: self.endpoint.clone(), message: innermost(&error) })
    }
}

impl S3 {
    /// The bytes of an object, or of this version of it, from `start` on; with `etag`, only if it is still that one.
    ///
    /// # Errors
    /// [`Error::Replaced`] when it is another one by now.
    pub async fn body(&self, uri: &S3Uri, version: Option<&str>, start: u64, etag: Option<&str>) -> Result<Body> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call {
            name: &uri_text,
            ..self.call(
                if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" },
                &resource,
                Some(&uri.bucket),
            )
        };
        let request = |client: Client| {
            let request = client
                .get_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .set_version_id(version.map(str::to_owned))
                .set_range((start > 0).then(|| format!("bytes={start}-")))
                .set_if_match(etag.map(str::to_owned))
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        let sent: u64 = answer.content_length.and_then(|length| length.try_into().ok()).unwrap_or(0);
        if start > 0 && answer.content_range.is_none() {
            // A server that does not know ranges sends the whole object; appended to the first half it would be a lie.
            return Err(Error::Replaced { resource: uri_text });
        }
        Ok(Body {
            stream: answer.body,
            object_size: start + sent,
            etag: answer.e_tag,
            last_modified: answer.last_modified.as_ref().and_then(timestamp),
            endpoint: self.inner.endpoint.name("s3"),
        })
    }
}
