//! GetObject and HeadObject: versions, ranges, parts, conditions and checksums.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED};
use s3s::dto::*;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::list::timestamp;
use super::{Signed, Store};
use crate::demo::access::planned;
use crate::demo::bucket::{Object, Restored};
use crate::demo::cloud::http_date;
use crate::demo::content::Sending;
use crate::demo::directory::KnownBucket;
use crate::demo::versions::{Found, Version};
use crate::domain::checksum::Algorithm;
use crate::domain::policy::Context;

/// The conditions of a read.
pub(super) struct Conditions<'a> {
    pub if_match: Option<&'a ETagCondition>,
    pub if_none_match: Option<&'a ETagCondition>,
    pub if_modified_since: Option<&'a Timestamp>,
    pub if_unmodified_since: Option<&'a Timestamp>,
}

/// An object that the caller may read, with what it may know of it.
pub(super) struct Read {
    pub object: Arc<Object>,
    pub version_id: Option<String>,
    pub charged: Option<RequestCharged>,
    /// Whether the caller may see the retention, the legal hold, and the tags.
    sees: [bool; 3],
}

/// What GetObject and HeadObject answer in common.
struct Answer {
    read: Read,
    range: std::ops::Range<u64>,
    content_range: Option<String>,
    parts_count: Option<PartsCount>,
    checksum: Option<(Algorithm, bool, String)>,
    now: jiff::Timestamp,
}

/// The part of a question that both ask alike.
macro_rules! question {
    ($input:expr) => {
        Question {
            range: $input.range,
            part_number: $input.part_number,
            checksum_mode: $input.checksum_mode.as_ref(),
            conditions: Conditions {
                if_match: $input.if_match.as_ref(),
                if_none_match: $input.if_none_match.as_ref(),
                if_modified_since: $input.if_modified_since.as_ref(),
                if_unmodified_since: $input.if_unmodified_since.as_ref(),
            },
        }
    };
}

/// The fields that both answers have, in `$output`.
macro_rules! told {
    ($output:ident, $answer:expr) => {{
        let Answer { read, range, content_range, parts_count, checksum, now } = $answer;
        let Read { object, version_id, charged, sees: [retention, legal_hold, _] } = read;
        let (headers, lock) = (&object.headers, &object.lock);
        let sum = |wanted| checksum.as_ref().filter(|(algorithm, ..)| *algorithm == wanted).map(|sum| sum.2.clone());
        let lock_mode = lock.retention.as_ref().filter(|_| *retention);
        $output {
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range: content_range.clone(),
            accept_ranges: Some("bytes".to_owned()),
            parts_count: *parts_count,
            e_tag: Some(ETag::Strong(object.etag().to_owned())),
            last_modified: Some(timestamp(object.modified)),
            content_type: Some(content_type(object)),
            cache_control: headers.cache_control.clone(),
            content_disposition: headers.content_disposition.clone(),
            content_encoding: headers.content_encoding.clone(),
            content_language: headers.content_language.clone(),
            website_redirect_location: headers.website_redirect_location.clone(),
            replication_status: headers.replication_status.clone().map(ReplicationStatus::from),
            expiration: headers.expiration.clone(),
            restore: object.restored.and_then(|copy| restore_header(copy, *now)),
            storage_class: storage_class(object),
            object_lock_mode: lock_mode.map(|(mode, _)| ObjectLockMode::from(mode.clone())),
            object_lock_retain_until_date: lock_mode.map(|(_, until)| timestamp(*until)),
            object_lock_legal_hold_status: lock.legal_hold.filter(|_| *legal_hold).map(hold_status),
            server_side_encryption: Some(encryption(object)),
            ssekms_key_id: object.kms_key().map(str::to_owned),
            checksum_type: checksum.as_ref().map(|(_, composite, _)| checksum_type(*composite)),
            checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
            checksum_crc32: sum(Algorithm::Crc32),
            checksum_crc32c: sum(Algorithm::Crc32c),
            checksum_sha1: sum(Algorithm::Sha1),
            checksum_sha256: sum(Algorithm::Sha256),
            metadata: metadata(object),
            version_id: version_id.clone(),
            request_charged: charged.clone(),
            ..$output::default()
        }
    }};
}

/// GetObject.
pub(super) async fn get_object(store: &Store, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let from = Signed::of(&req)?;
    let fault = planned(&req.extensions);
    let input = req.input;
    let read = find(store, &from, &input.bucket, &input.key, input.version_id.as_deref(), true)?;
    // "Restoring an archived object": a HEAD still answers, the bytes are out of reach.
    if read.object.is_cold(store.0.now()) {
        let text = "The operation is not valid for the object's storage class";
        return Err(S3Error::with_message(S3ErrorCode::InvalidObjectState, text));
    }
    let answer = answer(store, read, question!(input)).await?;
    let object = &answer.read.object;
    store.0.ledger.reading(format!("{}/{}", input.bucket, input.key), answer.range.clone());
    let body = Sending::new(object.content.clone(), answer.range.clone(), fault.body, store.0.clone());
    let output = told!(GetObjectOutput, &answer);
    Ok(S3Response::new(GetObjectOutput {
        body: Some(StreamingBlob::from(Body::http_body(body))),
        tag_count: i32::try_from(object.tags.len()).ok().filter(|count| *count > 0 && answer.read.sees[2]),
        ..output
    }))
}

/// HeadObject.
pub(super) async fn head_object(
    store: &Store,
    req: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    // Only the checksum is out of reach of whoever may not decrypt.
    let decrypts = input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let read = find(store, &from, &input.bucket, &input.key, input.version_id.as_deref(), decrypts)?;
    let answer = answer(store, read, question!(input)).await?;
    let mut response = S3Response::new(told!(HeadObjectOutput, &answer));
    if answer.content_range.is_some() {
        response.status = Some(StatusCode::PARTIAL_CONTENT);
    }
    Ok(response)
}

/// What a read asks.
struct Question<'a> {
    range: Option<Range>,
    part_number: Option<PartNumber>,
    checksum_mode: Option<&'a ChecksumMode>,
    conditions: Conditions<'a>,
}

/// The object that the caller may read; `decrypts` says whether it wants what is encrypted.
pub(super) fn find(
    store: &Store,
    from: &Signed,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    decrypts: bool,
) -> S3Result<Read> {
    let action = if version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    let read = look(store, from, bucket, key, version_id, &[action])?;
    if decrypts && let Some(key_arn) = read.object.kms_key() {
        let buckets = store.0.buckets();
        store.allow_key(from, store.bucket(&buckets, bucket, from)?, key_arn, "kms:Decrypt")?;
    }
    Ok(read)
}

/// The object or version, if the caller may do all of `actions` with it.
pub(super) fn look(
    store: &Store,
    from: &Signed,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    actions: &[&str],
) -> S3Result<Read> {
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, bucket, from)?;
    let context = circumstances(known, key, version_id);
    for action in actions {
        store.allow(from, action, known, Some(key), &context)?;
    }
    if version_id == Some("") {
        let text = "Version id cannot be the empty string";
        return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text));
    }
    match known.bucket.find(key, version_id) {
        Found::Object(object, found) => {
            let may = |action| store.allow(from, action, known, Some(key), &context).is_ok();
            let tagging = if version_id.is_some() { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" };
            let sees = [may("s3:GetObjectRetention"), may("s3:GetObjectLegalHold"), may(tagging)];
            Ok(Read { object, version_id: found, charged: from.charged(known), sees })
        }
        Found::Marker(marker) if version_id.is_some() => {
            let text = "The specified method is not allowed against this resource.";
            Err(at_marker(S3Error::with_message(S3ErrorCode::MethodNotAllowed, text), &marker))
        }
        Found::Marker(marker) => Err(at_marker(store.missing(from, known, key), &marker)),
        Found::Nothing if version_id.is_some() => {
            let text = "The specified version does not exist.";
            Err(S3Error::with_message(S3ErrorCode::NoSuchVersion, text))
        }
        Found::Nothing => Err(store.missing(from, known, key)),
    }
}

/// The condition keys of an object that is there.
pub(super) fn circumstances(known: &KnownBucket, key: &str, version_id: Option<&str>) -> Context {
    let mut context = Context::new();
    if let Some(id) = version_id {
        context.set("s3:VersionId", id);
    }
    if let Found::Object(object, _) = known.bucket.find(key, version_id) {
        for (key, value) in &object.tags {
            context.set(&format!("s3:ExistingObjectTag/{key}"), value);
        }
    }
    context
}

/// Tells that a delete marker is in the way. Who may not even know that there is nothing learns nothing of it.
fn at_marker(mut error: S3Error, marker: &Version) -> S3Error {
    if *error.code() == S3ErrorCode::AccessDenied {
        return error;
    }
    let mut headers = hyper::HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::from_str(&marker.id) {
        headers.insert("x-amz-version-id", id);
    }
    if *error.code() == S3ErrorCode::MethodNotAllowed {
        headers.insert(ALLOW, HeaderValue::from_static("DELETE"));
        if let Ok(modified) = HeaderValue::from_str(&http_date(marker.modified)) {
            headers.insert(LAST_MODIFIED, modified);
        }
    }
    error.set_headers(headers);
    error
}

async fn answer(store: &Store, read: Read, question: Question<'_>) -> S3Result<Answer> {
    let object = &read.object;
    question.conditions.check(object)?;
    let length = object.length();
    let (part, parts_count) = match question.part_number {
        None => (None, None),
        Some(number) => {
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let part = index.and_then(|index| object.parts().nth(index)).ok_or_else(no_such_part)?;
            (Some(part), object.part_count().and_then(|count| i32::try_from(count).ok()))
        }
    };
    let range = match (question.range, part) {
        (Some(range), _) => Some(range.check(length).map_err(|_| out_of_range(length))?),
        (None, part) => part,
    };
    let header = |range: &std::ops::Range<u64>| {
        let header = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
        Some(header).filter(|_| length > 0)
    };
    let content_range = range.as_ref().and_then(header);
    // The checksum is that of the whole object, so S3 does not send it along with a part.
    let wanted =
        content_range.is_none() && question.checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    let checksum = if wanted { checksum(object.clone()).await } else { None };
    let range = range.unwrap_or(0..length);
    Ok(Answer { read, range, content_range, parts_count, checksum, now: store.0.now() })
}

/// The checksum, whether it is a composite one, and its value, computed aside where that takes time.
pub(super) async fn checksum(object: Arc<Object>) -> Option<(Algorithm, bool, String)> {
    /// So much is read in a millisecond or two.
    const SHORT: u64 = 1024 * 1024;
    let (algorithm, composite) = object.sum()?;
    let short = object.length() <= SHORT;
    let value = move || object.checksum_value().map(str::to_owned);
    let value = if short { value() } else { tokio::task::spawn_blocking(value).await.ok().flatten() };
    Some((algorithm, composite, value?))
}

impl Conditions<'_> {
    /// RFC 9110 section 13.2.2, with S3's rule that an ETag's condition makes that of the time count for nothing.
    pub(super) fn check(&self, object: &Object) -> S3Result<()> {
        let etag = object.etag();
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

fn no_such_part() -> S3Error {
    let code = S3ErrorCode::from_bytes(b"InvalidPartNumber").unwrap_or(S3ErrorCode::InvalidRange);
    let mut error = S3Error::with_message(code, "The requested partnumber is not satisfiable");
    error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

fn out_of_range(length: u64) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    let mut headers = hyper::HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
        headers.insert(CONTENT_RANGE, value);
    }
    error.set_headers(headers);
    error
}

/// What x-amz-restore says of a temporary copy, until it is gone.
fn restore_header(copy: Restored, now: jiff::Timestamp) -> Option<String> {
    if now < copy.from {
        return Some("ongoing-request=\"true\"".to_owned());
    }
    (now < copy.until).then(|| format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date(copy.until)))
}

/// What S3 says of a legal hold.
pub(super) fn hold_status(on: bool) -> ObjectLockLegalHoldStatus {
    ObjectLockLegalHoldStatus::from_static(match on {
        true => ObjectLockLegalHoldStatus::ON,
        false => ObjectLockLegalHoldStatus::OFF,
    })
}

/// Everything is encrypted, at least with S3's own keys.
pub(super) fn encryption(object: &Object) -> ServerSideEncryption {
    ServerSideEncryption::from_static(match object.kms_key() {
        Some(_) => ServerSideEncryption::AWS_KMS,
        None => ServerSideEncryption::AES256,
    })
}

/// Of what a checksum is.
pub(super) fn checksum_type(composite: bool) -> ChecksumType {
    ChecksumType::from_static(if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}

fn content_type(object: &Object) -> String {
    object.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned())
}

/// S3 leaves the header away for STANDARD.
pub(super) fn storage_class(object: &Object) -> Option<StorageClass> {
    Some(object.storage_class.clone()).filter(|class| class != "STANDARD").map(StorageClass::from)
}

fn metadata(object: &Object) -> Option<Metadata> {
    Some(object.metadata.iter().cloned().collect()).filter(|map: &Metadata| !map.is_empty())
}
