//! PutObject and DeleteObject.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::*;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::{Signed, Store};
use crate::demo::bucket::Object;
use crate::demo::content::base64;
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
    object.modified = jiff::Timestamp::from_second(store.0.now().as_second()).unwrap_or_default();
    object.content_type = input.content_type;
    if let Some(class) = &input.storage_class {
        object.storage_class = class.as_str().to_owned();
    }
    object.metadata = input.metadata.unwrap_or_default().into_iter().collect();
    let tags = input.tagging.unwrap_or_default();
    object.tags = form_urlencoded::parse(tags.as_bytes()).into_owned().collect();
    let digests = object.digests().clone();

    let mut buckets = store.0.buckets_mut();
    let known = buckets
        .get_mut(&input.bucket)
        .ok_or_else(|| S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"))?;
    // Asked under the lock under which it is written: of two that put at once, one finds the other's object.
    let present = known.bucket.get(&input.key);
    let holds = |condition: &ETagCondition| match (condition, &present) {
        (_, None) => false,
        (ETagCondition::Any, Some(_)) => true,
        (ETagCondition::ETag(wanted), Some(object)) => wanted.value() == object.digests().etag,
    };
    if input.if_none_match.as_ref().is_some_and(holds) || input.if_match.as_ref().is_some_and(|one| !holds(one)) {
        let text = "At least one of the pre-conditions you specified did not hold";
        return Err(S3Error::with_message(S3ErrorCode::PreconditionFailed, text));
    }
    known.bucket.objects.insert(input.key, Arc::new(object));
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(ETag::Strong(digests.etag)),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_crc64nvme: digests.crc64nvme,
        ..PutObjectOutput::default()
    }))
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
    {
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, &req.input.bucket, &from)?;
        store.allow(&from, "s3:DeleteObject", known, Some(&req.input.key), &Context::new())?;
    }
    if let Some(known) = store.0.buckets_mut().get_mut(&req.input.bucket) {
        known.bucket.objects.remove(&req.input.key);
    }
    Ok(S3Response::new(DeleteObjectOutput::default()))
}
