//! GetObject and HeadObject with ranges and conditions, and tags.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{CONTENT_RANGE, ETAG, HeaderValue};
use s3s::dto::*;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::list::timestamp;
use super::{Signed, Store};
use crate::demo::access::planned;
use crate::demo::bucket::Object;
use crate::demo::content::Sending;
use crate::domain::object::is_archived;
use crate::domain::policy::Context;

/// The conditions of a read.
struct Conditions<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

/// What GetObject and HeadObject have in common.
struct Answer {
    object: Arc<Object>,
    range: std::ops::Range<u64>,
    content_range: Option<String>,
    checksum: Option<String>,
}

/// GetObject.
pub(super) fn get_object(store: &Store, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let from = Signed::of(&req)?;
    let fault = planned(&req.extensions);
    let input = req.input;
    let object = find(store, &from, &input.bucket, &input.key)?;
    // "Restoring an archived object": a HEAD still answers, the bytes are out of reach.
    if is_archived(&object.storage_class) {
        let text = "The operation is not valid for the object's storage class";
        return Err(S3Error::with_message(S3ErrorCode::InvalidObjectState, text));
    }
    let conditions = Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        if_modified_since: input.if_modified_since.as_ref(),
        if_unmodified_since: input.if_unmodified_since.as_ref(),
    };
    let answer = answer(object, &conditions, input.range.as_ref(), input.checksum_mode.as_ref())?;
    let Answer { object, range, content_range, checksum } = answer;
    let length = range.end - range.start;
    let body = Sending::new(object.content.clone(), range, fault.cut_after);
    Ok(S3Response::new(GetObjectOutput {
        body: Some(StreamingBlob::from(Body::http_body(body))),
        content_length: i64::try_from(length).ok(),
        content_range,
        accept_ranges: Some("bytes".to_owned()),
        e_tag: Some(ETag::Strong(object.digests().etag.clone())),
        last_modified: Some(timestamp(object.modified)),
        content_type: Some(content_type(&object)),
        storage_class: storage_class(&object),
        checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_crc64nvme: checksum,
        metadata: metadata(&object),
        tag_count: i32::try_from(object.tags.len()).ok().filter(|count| *count > 0),
        ..GetObjectOutput::default()
    }))
}

/// HeadObject.
pub(super) fn head_object(store: &Store, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let object = find(store, &from, &input.bucket, &input.key)?;
    let conditions = Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        if_modified_since: input.if_modified_since.as_ref(),
        if_unmodified_since: input.if_unmodified_since.as_ref(),
    };
    let answer = answer(object, &conditions, input.range.as_ref(), input.checksum_mode.as_ref())?;
    let Answer { object, range, content_range, checksum } = answer;
    let mut response = S3Response::new(HeadObjectOutput {
        content_length: i64::try_from(range.end - range.start).ok(),
        accept_ranges: Some("bytes".to_owned()),
        e_tag: Some(ETag::Strong(object.digests().etag.clone())),
        last_modified: Some(timestamp(object.modified)),
        content_type: Some(content_type(&object)),
        storage_class: storage_class(&object),
        checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_crc64nvme: checksum,
        metadata: metadata(&object),
        content_range: content_range.clone(),
        ..HeadObjectOutput::default()
    });
    if content_range.is_some() {
        response.status = Some(StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

/// GetObjectTagging.
pub(super) fn object_tagging(
    store: &Store,
    req: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let from = Signed::of(&req)?;
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, &req.input.bucket, &from)?;
    store.allow(&from, "s3:GetObjectTagging", known, Some(&req.input.key), &Context::new())?;
    let object = known.bucket.get(&req.input.key).ok_or_else(|| store.missing(&from, known, &req.input.key))?;
    let tag = |(key, value): &(String, String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    let tag_set = object.tags.iter().map(tag).collect();
    Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
}

fn find(store: &Store, from: &Signed, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, bucket, from)?;
    store.allow(from, "s3:GetObject", known, Some(key), &Context::new())?;
    known.bucket.get(key).ok_or_else(|| store.missing(from, known, key))
}

fn answer(
    object: Arc<Object>,
    conditions: &Conditions,
    range: Option<&Range>,
    checksum_mode: Option<&ChecksumMode>,
) -> S3Result<Answer> {
    conditions.check(&object)?;
    let length = object.length();
    let (range, content_range) = match range {
        None => (0..length, None),
        Some(range) => {
            let range = range.check(length).map_err(|_| out_of_range(length))?;
            let header = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
            (range, Some(header))
        }
    };
    // The checksum is that of the whole object, so S3 does not send it along with a part.
    let wanted = content_range.is_none() && checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let checksum = object.digests().crc64nvme.clone().filter(|_| wanted);
    Ok(Answer { object, range, content_range, checksum })
}

impl Conditions<'_> {
    /// RFC 9110 section 13.2.2, with S3's rule that an ETag's condition makes that of the time count for nothing.
    fn check(&self, object: &Object) -> S3Result<()> {
        let etag = &object.digests().etag;
        let is = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => wanted.value() == etag,
        };
        let changed = match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) => !is(condition),
            (None, Some(since)) => later(object, since),
            (None, None) => false,
        };
        if changed {
            let text = "At least one of the pre-conditions you specified did not hold";
            return Err(S3Error::with_message(S3ErrorCode::PreconditionFailed, text));
        }
        let unchanged = match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) => is(condition),
            (None, Some(since)) => !later(object, since),
            (None, None) => false,
        };
        if unchanged {
            let mut error = S3Error::with_message(S3ErrorCode::NotModified, "Not Modified");
            error.set_status_code(StatusCode::NOT_MODIFIED);
            let mut headers = hyper::HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(&format!("\"{etag}\"")) {
                headers.insert(ETAG, value);
            }
            error.set_headers(headers);
            return Err(error);
        }
        Ok(())
    }
}

/// Whether an object was modified after a header's time, which has no fractions of a second.
fn later(object: &Object, header: &Timestamp) -> bool {
    let whole = jiff::Timestamp::from_second(object.modified.as_second()).unwrap_or_default();
    timestamp(whole) > *header
}

fn out_of_range(length: u64) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    let mut headers = hyper::HeaderMap::new();
    headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
        headers.insert(CONTENT_RANGE, value);
    }
    error.set_headers(headers);
    error
}

fn content_type(object: &Object) -> String {
    object.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())
}

/// S3 leaves the header away for STANDARD.
fn storage_class(object: &Object) -> Option<StorageClass> {
    Some(object.storage_class.clone()).filter(|class| class != "STANDARD").map(StorageClass::from)
}

fn metadata(object: &Object) -> Option<Metadata> {
    Some(object.metadata.iter().cloned().collect()).filter(|map: &Metadata| !map.is_empty())
}
