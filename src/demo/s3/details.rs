//! What is told about objects and buckets beside their bytes, and the restoration of archived objects.

use std::time::Duration;

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::list::timestamp;
use super::read::{Read, checksum, checksum_type, hold_status, look, storage_class};
use super::{Signed, Store};
use crate::demo::bucket::Restored;
use crate::demo::directory::KnownBucket;
use crate::domain::checksum::Algorithm;
use crate::domain::object::is_archived;
use crate::domain::policy::Context;

const HOUR: u64 = 3600;

/// GetObjectAttributes.
pub(super) async fn attributes(
    store: &Store,
    req: S3Request<GetObjectAttributesInput>,
) -> S3Result<S3Response<GetObjectAttributesOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let version = input.version_id.as_deref();
    let actions: &[&str] = match version {
        Some(_) => &["s3:GetObjectVersion", "s3:GetObjectVersionAttributes"],
        None => &["s3:GetObject", "s3:GetObjectAttributes"],
    };
    let Read { object, version_id, charged, .. } = look(store, &from, &input.bucket, &input.key, version, actions)?;
    if let Some(key_arn) = object.kms_key() {
        let buckets = store.0.buckets();
        store.allow_key(&from, store.bucket(&buckets, &input.bucket, &from)?, key_arn, "kms:Decrypt")?;
    }
    let wanted = |name: &str| input.object_attributes.iter().any(|one| one.as_str() == name);
    let sum = if wanted(ObjectAttributes::CHECKSUM) { checksum(object.clone()).await } else { None };
    let parts = object.part_count().filter(|_| wanted(ObjectAttributes::OBJECT_PARTS)).map(|count| {
        // Parts are listed where each has a checksum of its own, which an object with one of the whole has not.
        let listed = object.sum().filter(|(_, composite)| *composite);
        let limit = usize::try_from(input.max_parts.unwrap_or(1000).clamp(0, 1000)).unwrap_or_default();
        let marker = usize::try_from(input.part_number_marker.unwrap_or(0)).unwrap_or_default();
        let parts: Vec<ObjectPart> = listed.map_or_else(Vec::new, |(algorithm, _)| {
            let parts = object.parts().enumerate().skip(marker).take(limit);
            let part = |(index, range): (usize, std::ops::Range<u64>)| {
                let sum = |wanted| (algorithm == wanted).then(|| object.part_checksum(range.clone())).flatten();
                ObjectPart {
                    part_number: i32::try_from(index + 1).ok(),
                    size: i64::try_from(range.end - range.start).ok(),
                    checksum_crc32: sum(Algorithm::Crc32),
                    checksum_crc32c: sum(Algorithm::Crc32c),
                    checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
                    checksum_sha1: sum(Algorithm::Sha1),
                    checksum_sha256: sum(Algorithm::Sha256),
                }
            };
            parts.map(part).collect()
        });
        let last = marker + parts.len();
        let number = |number: usize| i32::try_from(number).ok();
        GetObjectAttributesParts {
            total_parts_count: number(count),
            is_truncated: listed.map(|_| last < count),
            max_parts: listed.and(number(limit)),
            part_number_marker: listed.and(number(marker)),
            next_part_number_marker: listed.and(number(last)),
            parts: Some(parts).filter(|parts| !parts.is_empty()),
        }
    });
    Ok(S3Response::new(GetObjectAttributesOutput {
        checksum: sum.map(|(algorithm, composite, value)| {
            let of = |wanted| Some(value.clone()).filter(|_| algorithm == wanted);
            Checksum {
                checksum_crc32: of(Algorithm::Crc32),
                checksum_crc32c: of(Algorithm::Crc32c),
                checksum_crc64nvme: of(Algorithm::Crc64Nvme),
                checksum_sha1: of(Algorithm::Sha1),
                checksum_sha256: of(Algorithm::Sha256),
                checksum_type: Some(checksum_type(composite)),
            }
        }),
        e_tag: wanted(ObjectAttributes::ETAG).then(|| ETag::Strong(object.etag().to_owned())),
        object_parts: parts,
        object_size: i64::try_from(object.length()).ok().filter(|_| wanted(ObjectAttributes::OBJECT_SIZE)),
        storage_class: wanted(ObjectAttributes::STORAGE_CLASS)
            .then(|| storage_class(&object).unwrap_or(StorageClass::from_static(StorageClass::STANDARD))),
        last_modified: Some(timestamp(object.modified)),
        request_charged: charged,
        version_id,
        delete_marker: None,
    }))
}

/// GetObjectRetention.
pub(super) fn retention(
    store: &Store,
    req: S3Request<GetObjectRetentionInput>,
) -> S3Result<S3Response<GetObjectRetentionOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let read = look(store, &from, &input.bucket, &input.key, input.version_id.as_deref(), &["s3:GetObjectRetention"])?;
    has_locks(store, &from, &input.bucket)?;
    let (mode, until) = read.object.lock.retention.as_ref().ok_or_else(no_lock)?;
    let retention = ObjectLockRetention {
        mode: Some(ObjectLockRetentionMode::from(mode.clone())),
        retain_until_date: Some(timestamp(*until)),
    };
    Ok(S3Response::new(GetObjectRetentionOutput { retention: Some(retention) }))
}

/// GetObjectLegalHold.
pub(super) fn legal_hold(
    store: &Store,
    req: S3Request<GetObjectLegalHoldInput>,
) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let read = look(store, &from, &input.bucket, &input.key, input.version_id.as_deref(), &["s3:GetObjectLegalHold"])?;
    has_locks(store, &from, &input.bucket)?;
    let on = read.object.lock.legal_hold.ok_or_else(no_lock)?;
    let legal_hold = ObjectLockLegalHold { status: Some(hold_status(on)) };
    Ok(S3Response::new(GetObjectLegalHoldOutput { legal_hold: Some(legal_hold) }))
}

fn has_locks(store: &Store, from: &Signed, bucket: &str) -> S3Result<()> {
    let buckets = store.0.buckets();
    if store.bucket(&buckets, bucket, from)?.bucket.object_lock {
        return Ok(());
    }
    Err(S3Error::with_message(S3ErrorCode::InvalidRequest, "Bucket is missing Object Lock Configuration"))
}

fn no_lock() -> S3Error {
    let text = "The specified object does not have a ObjectLock configuration";
    S3Error::with_message(S3ErrorCode::NoSuchObjectLockConfiguration, text)
}

/// What the caller may know of a bucket.
fn of_bucket<Told>(
    store: &Store,
    from: &Signed,
    bucket: &str,
    action: &str,
    told: impl FnOnce(&KnownBucket) -> Told,
) -> S3Result<S3Response<Told>> {
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, bucket, from)?;
    store.allow(from, action, known, None, &Context::new())?;
    Ok(S3Response::new(told(known)))
}

/// GetBucketVersioning: an empty answer when there never were versions.
pub(super) fn bucket_versioning(
    store: &Store,
    req: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let from = Signed::of(&req)?;
    of_bucket(store, &from, &req.input.bucket, "s3:GetBucketVersioning", |known| {
        let enabled = BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED);
        let status = known.bucket.versioned.then_some(enabled);
        GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }
    })
}

/// GetBucketEncryption: every bucket has one, AES256 unless told.
pub(super) fn bucket_encryption(
    store: &Store,
    req: S3Request<GetBucketEncryptionInput>,
) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
    let from = Signed::of(&req)?;
    of_bucket(store, &from, &req.input.bucket, "s3:GetEncryptionConfiguration", |known| {
        let kms_key = known.bucket.kms_key.clone();
        let algorithm = if kms_key.is_some() { ServerSideEncryption::AWS_KMS } else { ServerSideEncryption::AES256 };
        let rule = ServerSideEncryptionRule {
            bucket_key_enabled: Some(kms_key.is_some()),
            apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                kms_master_key_id: kms_key,
                sse_algorithm: ServerSideEncryption::from_static(algorithm),
            }),
        };
        let configuration = ServerSideEncryptionConfiguration { rules: vec![rule] };
        GetBucketEncryptionOutput { server_side_encryption_configuration: Some(configuration) }
    })
}

/// GetBucketRequestPayment.
pub(super) fn bucket_payment(
    store: &Store,
    req: S3Request<GetBucketRequestPaymentInput>,
) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
    let from = Signed::of(&req)?;
    of_bucket(store, &from, &req.input.bucket, "s3:GetBucketRequestPayment", |known| {
        let payer = if known.bucket.requester_pays { Payer::REQUESTER } else { Payer::BUCKET_OWNER };
        GetBucketRequestPaymentOutput { payer: Some(Payer::from_static(payer)) }
    })
}

/// RestoreObject. How long it takes is what the S3 User Guide gives as usual: a minute, some hours, or half a day or
/// two, by the cloud's clock.
pub(super) fn restore(store: &Store, req: S3Request<RestoreObjectInput>) -> S3Result<S3Response<RestoreObjectOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let version = input.version_id.as_deref();
    let read = look(store, &from, &input.bucket, &input.key, version, &["s3:RestoreObject"])?;
    let request = input.restore_request.unwrap_or_default();
    let malformed = || {
        let text = "The XML you provided was not well-formed or did not validate against our published schema";
        S3Error::with_message(S3ErrorCode::MalformedXML, text)
    };
    let days = request.days.and_then(|days| u64::try_from(days).ok()).filter(|days| *days > 0).ok_or_else(malformed)?;
    if !is_archived(&read.object.storage_class) {
        let text = "Restore is not allowed for the object's current storage class";
        return Err(S3Error::with_message(S3ErrorCode::InvalidObjectState, text));
    }
    let tier = request.glacier_job_parameters.map(|job| job.tier).or(request.tier);
    let tier = tier.as_ref().map_or(Tier::STANDARD, |tier| tier.as_str());
    let seconds = match (read.object.storage_class.as_str(), tier) {
        ("DEEP_ARCHIVE", Tier::STANDARD) => 12 * HOUR,
        ("DEEP_ARCHIVE", Tier::BULK) => 48 * HOUR,
        ("DEEP_ARCHIVE", Tier::EXPEDITED) => {
            let text = "Retrieval option is not supported by this storage class";
            return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text));
        }
        (_, Tier::EXPEDITED) => 60,
        (_, Tier::STANDARD) => 4 * HOUR,
        (_, Tier::BULK) => 12 * HOUR,
        _ => return Err(malformed()),
    };
    let now = store.0.now();
    let present = read.object.restored.filter(|copy| now < copy.until);
    if present.is_some_and(|copy| now < copy.from) {
        let text = "Object restore is already in progress";
        return Err(S3Error::with_message(S3ErrorCode::RestoreAlreadyInProgress, text));
    }
    let mut object = (*read.object).clone();
    // A copy that is there stays there; asking again moves its end.
    let copy_from = present.map_or_else(|| now + Duration::from_secs(seconds), |copy| copy.from);
    let until = now.max(copy_from) + Duration::from_secs(days * 24 * HOUR);
    object.restored = Some(Restored { from: copy_from, until });
    if let Some(known) = store.0.buckets_mut().get_mut(&input.bucket) {
        known.bucket.replace(&input.key, version, object);
    }
    let mut response =
        S3Response::new(RestoreObjectOutput { request_charged: read.charged, ..RestoreObjectOutput::default() });
    response.status = Some(match present {
        Some(_) => hyper::StatusCode::OK,
        None => hyper::StatusCode::ACCEPTED,
    });
    Ok(response)
}
