//! Buckets, and listings page by page.

pub(super) mod answer;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;

use super::{S3, Use};
use crate::aws::errors::Call;
use crate::aws::timestamp;
use crate::domain::object::{Bucket, Page};
use crate::domain::uri::S3Uri;
use crate::error::Result;
use answer::{ReadOurselves, Slot};

/// What a listing shows below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Prefixes and objects of this level.
    Level,
    /// All objects below.
    All,
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin<'a> {
    /// At the first key.
    First,
    /// Where the page before it said.
    Token(&'a str),
    /// After this key.
    After(&'a str),
}

impl<'a> Begin<'a> {
    fn token(self) -> Option<&'a str> {
        match self {
            Self::Token(token) => Some(token),
            _ => None,
        }
    }

    fn key(self) -> Option<&'a str> {
        match self {
            Self::After(key) => Some(key),
            _ => None,
        }
    }
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
            token = onward(&call, token, answer.continuation_token)?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// One page of what is below `uri`: S3 gives at most 1,000 lines.
    pub async fn page(&self, uri: &S3Uri, depth: Depth, token: Option<&str>) -> Result<Page> {
        self.page_from(uri, depth, token.map_or(Begin::First, Begin::Token)).await
    }

    /// One page of what is below `uri`, from the middle on. Prefixes come before objects.
    pub async fn page_from(&self, uri: &S3Uri, depth: Depth, begin: Begin<'_>) -> Result<Page> {
        let resource = self.arn(&S3Uri::new(&uri.bucket, ""));
        let call = self.call("s3:ListBucket", &resource, Some(&uri.bucket));
        let slot = Slot::default();
        let request = |client: Client| {
            let request = client
                .list_objects_v2()
                .bucket(&uri.bucket)
                .set_prefix((!uri.key.is_empty()).then(|| uri.key.clone()))
                .set_delimiter((depth == Depth::Level).then(|| "/".to_owned()))
                .set_continuation_token(begin.token().map(str::to_owned))
                .set_start_after(begin.key().map(str::to_owned))
                // Keys may hold characters that XML cannot.
                .encoding_type(EncodingType::Url)
                .customize()
                .interceptor(ReadOurselves(slot.clone()))
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        self.in_region(&uri.bucket, request).await?;
        let mut page = slot.take().ok_or_else(|| call.incomplete("the answer is no listing"))?;
        page.next = onward(&call, begin.token().map(str::to_owned), page.next)?;
        Ok(page)
    }
}

/// Where the page after an answer begins. A server that gives the place again that it was `asked` for would be asked for
/// ever.
pub(super) fn onward<Place: PartialEq>(
    call: &Call<'_>,
    asked: Option<Place>,
    next: Option<Place>,
) -> Result<Option<Place>> {
    if next.is_some() && next == asked {
        return Err(call.incomplete("the listing does not go on: its next page is the same page again"));
    }
    Ok(next)
}
