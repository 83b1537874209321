//! PutObject and DeleteObject.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::*;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::read::encryption;
use super::{Signed, Store};
use crate::demo::bucket::Object;
use crate::demo::digests::base64;
use crate::domain::checksum::Algorithm;
use crate::domain::policy::Context;

/// The largest object that the cloud keeps: it lives in memory.
const LARGEST: usize = 256 * 1024 * 1024;

/// PutObject.
pub(super) async fn put_object(store: &Store, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let from = Signed::of(&req)?;
    let trailing = req.trailing_headers.clone();
    let mut input = req.input;
    may_put(store, &from, &input)?;
    let bytes = match input.body.take() {
        Some(blob) => read(blob).await?,
        None => Bytes::new(),
    };
    let trailers = trailing.and_then(|trailing| trailing.take()).unwrap_or_default();
    let trailer = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let told = told_algorithm(&input, trailers.keys().map(|name| name.as_str()));
    let sums = [
        (input.content_md5, base64(Md5::checksum(&bytes).as_ref())),
        (input.checksum_crc32.or_else(|| trailer("x-amz-checksum-crc32")), base64(Crc32::checksum(&bytes).as_ref())),
        (input.checksum_crc32c.or_else(|| trailer("x-amz-checksum-crc32c")), base64(Crc32c::checksum(&bytes).as_ref())),
        (
            input.checksum_crc64nvme.or_else(|| trailer("x-amz-checksum-crc64nvme")),
            base64(Crc64Nvme::checksum(&bytes).as_ref()),
        ),
        (input.checksum_sha1.or_else(|| trailer("x-amz-checksum-sha1")), base64(Sha1::checksum(&bytes).as_ref())),
        (input.checksum_sha256.or_else(|| trailer("x-amz-checksum-sha256")), base64(Sha256::checksum(&bytes).as_ref())),
    ];
    if sums.iter().any(|(told, own)| told.as_ref().is_some_and(|told| told != own)) {
        let text = "The checksum you specified did not match what we received.";
        return Err(S3Error::with_message(S3ErrorCode::BadDigest, text));
    }
    let mut object = Object::new(bytes);
    if let Some(algorithm) = told {
        object = object.checksum(algorithm);
    }
    object.modified = jiff::Timestamp::from_second(store.0.now().as_second()).unwrap_or_default();
    object.content_type = input.content_type;
    if let Some(class) = &input.storage_class {
        object.storage_class = class.as_str().to_owned();
    }
    object.metadata = input.metadata.unwrap_or_default().into_iter().collect();
    let tags = input.tagging.unwrap_or_default();
    object.tags = form_urlencoded::parse(tags.as_bytes()).into_owned().collect();
    let stored = &mut object.headers;
    stored.cache_control = input.cache_control;
    stored.content_disposition = input.content_disposition;
    stored.content_encoding = input.content_encoding;
    stored.content_language = input.content_language;
    stored.website_redirect_location = input.website_redirect_location;

    let mut buckets = store.0.buckets_mut();
    let known = buckets
        .get_mut(&input.bucket)
        .ok_or_else(|| S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"))?;
    // Asked under the lock under which it is written: of two that put at once, one finds the other's object.
    let present = known.bucket.get(&input.key);
    let holds = |condition: &ETagCondition| match (condition, &present) {
        (_, None) => false,
        (ETagCondition::Any, Some(_)) => true,
        (ETagCondition::ETag(wanted), Some(object)) => wanted.value() == object.etag(),
    };
    if input.if_none_match.as_ref().is_some_and(holds) || input.if_match.as_ref().is_some_and(|one| !holds(one)) {
        let text = "At least one of the pre-conditions you specified did not hold";
        return Err(S3Error::with_message(S3ErrorCode::PreconditionFailed, text));
    }
    let kms_key = input.ssekms_key_id.or_else(|| known.bucket.kms_key.clone());
    let uses_kms = input
        .server_side_encryption
        .map_or(known.bucket.kms_key.is_some(), |kind| kind.as_str().starts_with("aws:kms"));
    if uses_kms && let Some(kms_key) = kms_key {
        object = object.kms(kms_key);
    }
    let request_charged = from.charged(known);
    let version_id = known.bucket.put(&input.key, object.clone());
    let value = object.checksum_value().map(str::to_owned);
    let sum = |wanted| value.clone().filter(|_| object.sum() == Some((wanted, false)));
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(object.etag().to_owned())),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        server_side_encryption: Some(encryption(&object)),
        ssekms_key_id: object.kms_key().map(str::to_owned),
        version_id,
        request_charged,
        ..PutObjectOutput::default()
    }))
}

/// The algorithm of the checksum that came with the object, which it keeps.
fn told_algorithm<'a>(input: &PutObjectInput, trailers: impl Iterator<Item = &'a str>) -> Option<Algorithm> {
    let trailers: Vec<&str> = trailers.collect();
    let told = [
        (Algorithm::Crc64Nvme, input.checksum_crc64nvme.is_some()),
        (Algorithm::Crc32, input.checksum_crc32.is_some()),
        (Algorithm::Crc32c, input.checksum_crc32c.is_some()),
        (Algorithm::Sha1, input.checksum_sha1.is_some()),
        (Algorithm::Sha256, input.checksum_sha256.is_some()),
    ];
    let trailed = |algorithm: Algorithm| {
        let name = format!("x-amz-checksum-{}", algorithm.name().to_ascii_lowercase());
        trailers.iter().any(|trailer| *trailer == name)
    };
    told.into_iter().find(|(algorithm, told)| *told || trailed(*algorithm)).map(|(algorithm, _)| algorithm)
}

fn may_put(store: &Store, from: &Signed, input: &PutObjectInput) -> S3Result<()> {
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, &input.bucket, from)?;
    let context = Context::new();
    store.allow(from, "s3:PutObject", known, Some(&input.key), &context)?;
    if input.tagging.as_ref().is_some_and(|tags| !tags.is_empty()) {
        store.allow(from, "s3:PutObjectTagging", known, Some(&input.key), &context)?;
    }
    Ok(())
}

async fn read(blob: StreamingBlob) -> S3Result<Bytes> {
    match Limited::new(Body::from(blob), LARGEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let text = "The embedded cloud keeps its objects in memory and takes none above 256 MiB";
            Err(S3Error::with_message(S3ErrorCode::EntityTooLarge, text))
        }
        // s3s compares the body with its signed hash while it is read.
        Err(error) => Err(S3Error::with_source(S3ErrorCode::IncompleteBody, error)),
    }
}

/// DeleteObject: no error when there is nothing to delete.
pub(super) fn delete_object(
    store: &Store,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let from = Signed::of(&req)?;
    let DeleteObjectInput { bucket, key, version_id, .. } = req.input;
    let request_charged = {
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, &bucket, &from)?;
        let action = if version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        store.allow(&from, action, known, Some(&key), &Context::new())?;
        from.charged(known)
    };
    let now = store.0.now();
    let mut buckets = store.0.buckets_mut();
    let deleted = buckets.get_mut(&bucket).map(|known| known.bucket.delete(&key, version_id.as_deref(), now));
    let deleted = deleted.unwrap_or_default();
    let delete_marker = deleted.marker.then_some(true);
    Ok(S3Response::new(DeleteObjectOutput { delete_marker, version_id: deleted.version_id, request_charged }))
}
