//! PutObject, DeleteObject and DeleteObjects, and what all that write objects have in common.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::*;
use s3s::{Body, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, TrailingHeaders};

use super::read::encryption;
use super::{Signed, Store};
use crate::demo::bucket::Object;
use crate::demo::digests::base64;
use crate::demo::directory::KnownBucket;
use crate::demo::versions::Deleted;
use crate::domain::checksum::Algorithm;
use crate::domain::policy::Context;

/// The largest object that the cloud keeps: it lives in memory.
const LARGEST: usize = 256 * 1024 * 1024;

/// Where something is written, and how: what policies are asked about.
pub(super) struct Target<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub storage_class: Option<&'a StorageClass>,
    pub encryption: Option<&'a ServerSideEncryption>,
    pub kms_key: Option<&'a str>,
    pub acl: Option<&'a ObjectCannedACL>,
    pub tags: &'a [(String, String)],
}

/// What may be written, as the bucket sees it.
pub(super) struct Writing {
    /// The key of SSE-KMS that it is encrypted with.
    pub kms_key: Option<String>,
    pub charged: Option<RequestCharged>,
}

impl Target<'_> {
    /// Lets the caller write there. `more` are the condition keys that only this operation has.
    pub(super) fn allow(&self, store: &Store, from: &Signed, more: &Context) -> S3Result<Writing> {
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, self.bucket, from)?;
        let mut context = more.clone();
        let told = [
            ("s3:x-amz-storage-class", self.storage_class.map(|class| class.as_str())),
            ("s3:x-amz-server-side-encryption", self.encryption.map(|kind| kind.as_str())),
            ("s3:x-amz-server-side-encryption-aws-kms-key-id", self.kms_key),
            ("s3:x-amz-acl", self.acl.map(|acl| acl.as_str())),
        ];
        for (name, value) in told {
            value.into_iter().for_each(|value| _ = context.set(name, value));
        }
        for (key, value) in self.tags {
            context.set(&format!("s3:RequestObjectTag/{key}"), value);
        }
        context.set_all("s3:RequestObjectTagKeys", self.tags.iter().map(|(key, _)| key.clone()).collect());
        store.allow(from, "s3:PutObject", known, Some(self.key), &context)?;
        if !self.tags.is_empty() {
            store.allow(from, "s3:PutObjectTagging", known, Some(self.key), &context)?;
        }
        if let Some(acl) = self.acl {
            if known.bucket.ownership == ObjectOwnership::BUCKET_OWNER_ENFORCED
                && acl.as_str() != ObjectCannedACL::BUCKET_OWNER_FULL_CONTROL
            {
                let text = "The bucket does not allow ACLs";
                return Err(S3Error::with_message(S3ErrorCode::AccessControlListNotSupported, text));
            }
            store.allow(from, "s3:PutObjectAcl", known, Some(self.key), &context)?;
        }
        let kms_key = self.kms_key(known, from);
        if let Some(key_arn) = &kms_key {
            store.allow_key(from, known, key_arn, "kms:GenerateDataKey")?;
        }
        Ok(Writing { kms_key, charged: from.charged(known) })
    }

    /// The key of SSE-KMS: the one that was named, the bucket's own, or the one that AWS keeps for S3.
    fn kms_key(&self, known: &KnownBucket, from: &Signed) -> Option<String> {
        let wanted = match self.encryption {
            Some(kind) => kind.as_str().starts_with("aws:kms"),
            None => known.bucket.kms_key.is_some(),
        };
        let region = &known.bucket.region;
        let key = match self.kms_key {
            Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
            Some(id) => format!("arn:aws:kms:{region}:{}:key/{id}", from.caller.principal.account),
            None => {
                let own = known.bucket.kms_key.clone();
                own.unwrap_or_else(|| format!("arn:aws:kms:{region}:{}:alias/aws/s3", known.account))
            }
        };
        wanted.then_some(key)
    }
}

/// The conditions on what is there already, which PutObject and its kin take.
#[derive(Default)]
pub(super) struct Present {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

impl Present {
    /// From the headers: s3s does not know them with every operation that has them.
    pub(super) fn of(headers: &hyper::HeaderMap) -> Present {
        let condition =
            |name: &str| headers.get(name).and_then(|value| ETagCondition::parse_http_header(value.as_bytes()).ok());
        Present { if_match: condition("if-match"), if_none_match: condition("if-none-match") }
    }

    /// Holds them against the object that the key has now.
    pub(super) fn check(&self, known: &KnownBucket, key: &str) -> S3Result<()> {
        let present = known.bucket.get(key);
        let holds = |condition: &ETagCondition| match (condition, &present) {
            (_, None) => false,
            (ETagCondition::Any, Some(_)) => true,
            (ETagCondition::ETag(wanted), Some(object)) => wanted.value() == object.etag(),
        };
        if self.if_match.is_some() && present.is_none() {
            return Err(S3Error::with_message(S3ErrorCode::NoSuchKey, "The specified key does not exist."));
        }
        if self.if_none_match.as_ref().is_some_and(holds) || self.if_match.as_ref().is_some_and(|one| !holds(one)) {
            let text = "At least one of the pre-conditions you specified did not hold";
            return Err(S3Error::with_message(S3ErrorCode::PreconditionFailed, text));
        }
        Ok(())
    }
}

/// Writes an object; gives its version where the bucket has versions. The conditions are asked under the lock under
/// which it is written: of two that put at once, one finds the other's object.
pub(super) fn put(
    store: &Store,
    bucket: &str,
    key: &str,
    object: Object,
    present: &Present,
) -> S3Result<Option<String>> {
    let mut buckets = store.0.buckets_mut();
    let known = buckets.get_mut(bucket).ok_or_else(no_such_bucket)?;
    present.check(known, key)?;
    Ok(known.bucket.put(key, object))
}

pub(super) fn no_such_bucket() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist")
}

/// The tags of a header: `a=b&c=d`.
pub(super) fn header_tags(header: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(header.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The cloud's time, to the second, which is all that S3 keeps.
pub(super) fn now(store: &Store) -> jiff::Timestamp {
    jiff::Timestamp::from_second(store.0.now().as_second()).unwrap_or_default()
}

/// The checksums that came with some bytes, in headers and behind the body.
pub(super) struct Told([Option<String>; 6]);

/// Takes them out of an input, in the order of [`Told::ORDER`].
macro_rules! told {
    ($input:expr, $trailing:expr) => {{
        let trailers = $trailing.and_then(|trailing| trailing.take()).unwrap_or_default();
        $crate::demo::s3::write::Told::new(
            [
                $input.content_md5.take(),
                $input.checksum_crc64nvme.take(),
                $input.checksum_crc32.take(),
                $input.checksum_crc32c.take(),
                $input.checksum_sha1.take(),
                $input.checksum_sha256.take(),
            ],
            &trailers,
        )
    }};
}
pub(super) use told;

impl Told {
    const ORDER: [Algorithm; 6] =
        [Algorithm::Md5, Algorithm::Crc64Nvme, Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Sha1, Algorithm::Sha256];

    pub(super) fn new(headers: [Option<String>; 6], trailers: &hyper::HeaderMap) -> Told {
        let mut told = headers;
        for (value, algorithm) in told.iter_mut().zip(Self::ORDER) {
            let trailer = trailers.get(format!("x-amz-checksum-{}", algorithm.name().to_ascii_lowercase()));
            *value = value.take().or_else(|| trailer?.to_str().ok().map(str::to_owned));
        }
        Told(told)
    }

    /// Holds them against the bytes.
    pub(super) fn check(&self, bytes: &[u8]) -> S3Result<()> {
        for (told, algorithm) in self.0.iter().zip(Self::ORDER) {
            let Some(told) = told else { continue };
            let own = match algorithm {
                Algorithm::Md5 => base64(Md5::checksum(bytes).as_ref()),
                Algorithm::Crc64Nvme => base64(Crc64Nvme::checksum(bytes).as_ref()),
                Algorithm::Crc32 => base64(Crc32::checksum(bytes).as_ref()),
                Algorithm::Crc32c => base64(Crc32c::checksum(bytes).as_ref()),
                Algorithm::Sha1 => base64(Sha1::checksum(bytes).as_ref()),
                Algorithm::Sha256 => base64(Sha256::checksum(bytes).as_ref()),
            };
            if *told != own {
                let text = match algorithm {
                    Algorithm::Md5 => "The Content-MD5 you specified did not match what we received.".to_owned(),
                    other => format!(
                        "The {} you specified did not match the calculated checksum.",
                        other.name().to_ascii_lowercase()
                    ),
                };
                return Err(S3Error::with_message(S3ErrorCode::BadDigest, text));
            }
        }
        Ok(())
    }

    /// The algorithm of the checksum that came along, which the object keeps.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        let mut told = self.0.iter().zip(Self::ORDER).skip(1);
        told.find(|(told, _)| told.is_some()).map(|(_, algorithm)| algorithm)
    }
}

/// What S3 keeps with an object of the headers that it comes with, from any input that has them.
macro_rules! stored {
    ($input:expr) => {
        $crate::demo::bucket::Stored {
            cache_control: $input.cache_control,
            content_disposition: $input.content_disposition,
            content_encoding: $input.content_encoding,
            content_language: $input.content_language,
            website_redirect_location: $input.website_redirect_location,
            ..$crate::demo::bucket::Stored::default()
        }
    };
}
pub(super) use stored;

/// PutObject.
pub(super) async fn put_object(store: &Store, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let from = Signed::of(&req)?;
    let trailing: Option<TrailingHeaders> = req.trailing_headers.clone();
    let mut input = req.input;
    let tags = header_tags(input.tagging.as_deref());
    let target = Target {
        bucket: &input.bucket,
        key: &input.key,
        storage_class: input.storage_class.as_ref(),
        encryption: input.server_side_encryption.as_ref(),
        kms_key: input.ssekms_key_id.as_deref(),
        acl: input.acl.as_ref(),
        tags: &tags,
    };
    let writing = target.allow(store, &from, &Context::new())?;
    let bytes = body(input.body.take()).await?;
    let told = told!(input, trailing);
    told.check(&bytes)?;
    let mut object = Object::new(bytes);
    if let Some(algorithm) = told.algorithm() {
        object = object.checksum(algorithm);
    }
    object.modified = now(store);
    object.content_type = input.content_type;
    if let Some(class) = &input.storage_class {
        object.storage_class = class.as_str().to_owned();
    }
    object.metadata = input.metadata.unwrap_or_default().into_iter().collect();
    object.tags = tags;
    object.headers = stored!(input);
    if let Some(kms_key) = writing.kms_key {
        object = object.kms(kms_key);
    }
    let present = Present { if_match: input.if_match, if_none_match: input.if_none_match };
    let version_id = put(store, &input.bucket, &input.key, object.clone(), &present)?;
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
        request_charged: writing.charged,
        ..PutObjectOutput::default()
    }))
}

/// The bytes of a request.
pub(super) async fn body(blob: Option<StreamingBlob>) -> S3Result<Bytes> {
    match blob {
        Some(blob) => read(blob).await,
        None => Ok(Bytes::new()),
    }
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
    let (deleted, request_charged) = delete(store, &from, &bucket, &key, version_id.as_deref())?;
    let delete_marker = deleted.marker.then_some(true);
    Ok(S3Response::new(DeleteObjectOutput { delete_marker, version_id: deleted.version_id, request_charged }))
}

fn delete(
    store: &Store,
    from: &Signed,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> S3Result<(Deleted, Option<RequestCharged>)> {
    let charged = {
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, bucket, from)?;
        let action = if version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        store.allow(from, action, known, Some(key), &Context::new())?;
        from.charged(known)
    };
    let now = store.0.now();
    let mut buckets = store.0.buckets_mut();
    let deleted = buckets.get_mut(bucket).map(|known| known.bucket.delete(key, version_id, now));
    Ok((deleted.unwrap_or_default(), charged))
}

/// DeleteObjects: each key by itself.
pub(super) fn delete_objects(
    store: &Store,
    req: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    /// The most keys of one call.
    const MOST: usize = 1000;
    let from = Signed::of(&req)?;
    let DeleteObjectsInput { bucket, delete: Delete { objects, quiet }, .. } = req.input;
    if objects.is_empty() || objects.len() > MOST {
        let text = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(S3Error::with_message(S3ErrorCode::MalformedXML, text));
    }
    store.bucket(&store.0.buckets(), &bucket, &from)?;
    let (mut done, mut errors, mut request_charged) = (Vec::new(), Vec::new(), None);
    for ObjectIdentifier { key, version_id, .. } in objects {
        match delete(store, &from, &bucket, &key, version_id.as_deref()) {
            Ok((deleted, charged)) => {
                request_charged = charged;
                done.push(DeletedObject {
                    delete_marker: deleted.marker.then_some(true),
                    delete_marker_version_id: deleted.version_id.filter(|_| deleted.marker),
                    key: Some(key),
                    version_id,
                });
            }
            Err(error) => errors.push(s3s::dto::Error {
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                key: Some(key),
                version_id,
            }),
        }
    }
    let deleted = Some(done).filter(|done| !done.is_empty() && quiet != Some(true));
    let errors = Some(errors).filter(|errors| !errors.is_empty());
    Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, request_charged }))
}
