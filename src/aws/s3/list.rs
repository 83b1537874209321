//! Buckets, and listings page by page.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::percent_decode_str;

use super::{S3, Use};
use crate::aws::timestamp;
use crate::domain::object::{Bucket, Entry, Object, Page};
use crate::domain::uri::S3Uri;
use crate::error::Result;

/// What a listing shows below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Prefixes and objects of this level.
    Level,
    /// All objects below.
    All,
}

impl S3 {
    /// The buckets of the caller's account, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:ListAllMyBuckets; a bucket can still be opened by name.
    pub async fn buckets(&self) -> Result<Vec<Bucket>> {
        let call = self.call("s3:ListAllMyBuckets", "*", None);
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = |client: Client| {
                let request = client.list_buckets().set_continuation_token(token.clone()).max_buckets(1000).send();
                async { request.await.map_err(|error| call.failed(&error)) }
            };
            let answer = self.in_session((Use::Browse, false), &self.inner.endpoint.region, &request).await?;
            for bucket in answer.buckets.unwrap_or_default() {
                let Some(name) = bucket.name else { continue };
                if let Some(region) = &bucket.bucket_region {
                    self.learn_region(&name, region);
                }
                let created = bucket.creation_date.as_ref().and_then(timestamp);
                found.push(Bucket { name, region: bucket.bucket_region, created });
            }
            token = answer.continuation_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// One page of what is below `uri`: S3 gives at most 1,000 lines.
    pub async fn page(&self, uri: &S3Uri, depth: Depth, token: Option<&str>) -> Result<Page> {
        let resource = self.arn(&S3Uri::new(&uri.bucket, ""));
        let call = self.call("s3:ListBucket", &resource, Some(&uri.bucket));
        let request = |client: Client| {
            let request = client
                .list_objects_v2()
                .bucket(&uri.bucket)
                .set_prefix((!uri.key.is_empty()).then(|| uri.key.clone()))
                .set_delimiter((depth == Depth::Level).then(|| "/".to_owned()))
                .set_continuation_token(token.map(str::to_owned))
                // Keys may hold characters that XML cannot.
                .encoding_type(EncodingType::Url)
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let decode = |key: String| if encoded { decoded(&key) } else { key };
        let mut entries = Vec::with_capacity(answer.key_count.unwrap_or(0).try_into().unwrap_or(0));
        for prefix in answer.common_prefixes.unwrap_or_default() {
            entries.extend(prefix.prefix.map(|prefix| Entry::Prefix(decode(prefix))));
        }
        for object in answer.contents.unwrap_or_default() {
            let Some(key) = object.key else { continue };
            entries.push(Entry::Object(Object {
                key: decode(key),
                size: object.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
                last_modified: object.last_modified.as_ref().and_then(timestamp),
                etag: object.e_tag,
                storage_class: object.storage_class.map(|class| class.as_str().to_owned()),
            }));
        }
        let next = answer.next_continuation_token.filter(|_| answer.is_truncated == Some(true));
        Ok(Page { entries, next })
    }
}

/// Undoes `encoding-type=url`: `+` is a space, and what is left is percent-encoded UTF-8.
pub(super) fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_keys_are_decoded_exactly() {
        for (encoded, key) in
            [("a+b", "a b"), ("a%2Bb", "a+b"), ("a%252Fb", "a%2Fb"), ("%1B%5B2J", "\x1b[2J"), ("%E6%97%A5/x", "日/x")]
        {
            assert_eq!(decoded(encoded), key);
        }
    }
}
