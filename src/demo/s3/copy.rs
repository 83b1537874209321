//! CopyObject and UploadPartCopy: one object is read and another written, without a byte on the way. Both sides'
//! policies are asked about the one caller.

use std::ops::Range;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::list::timestamp;
use super::multipart::{self, Address};
use super::read::{Conditions, Read, checksum, checksum_type, circumstances, encryption, find};
use super::write::{Present, Target, header_tags, no_such_bucket, now, put, stored};
use super::{Signed, Store, tags};
use crate::demo::bucket::Object;
use crate::domain::checksum::Algorithm;
use crate::domain::policy::Context;

/// The most bytes that one call copies.
const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// What is copied.
struct Source {
    bucket: String,
    key: String,
    version_id: Option<String>,
    /// The caller, as the source's bucket sees the request: it may be in another region.
    from: Signed,
    read: Read,
}

/// Reads the header of an input with conditions on its source, and gives what the caller may read.
macro_rules! source {
    ($store:expr, $from:expr, $input:expr) => {{
        let conditions = Conditions {
            if_match: $input.copy_source_if_match.as_ref(),
            if_none_match: $input.copy_source_if_none_match.as_ref(),
            if_modified_since: $input.copy_source_if_modified_since.as_ref(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.as_ref(),
        };
        Source::open($store, $from, &$input.copy_source, &conditions)
    }};
}

impl Source {
    fn open(store: &Store, from: &Signed, source: &CopySource, conditions: &Conditions<'_>) -> S3Result<Source> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            let text = "The embedded cloud copies from buckets alone";
            return Err(S3Error::with_message(S3ErrorCode::NotImplemented, text));
        };
        let (bucket, key) = (bucket.to_string(), key.to_string());
        let version_id = version_id.as_deref().map(str::to_owned);
        let region =
            store.0.buckets().get(&bucket).map(|known| known.bucket.region.clone()).ok_or_else(no_such_bucket)?;
        let from = Signed { region: Some(region), ..from.clone() };
        let read = find(store, &from, &bucket, &key, version_id.as_deref(), true).map_err(|error| {
            if *error.code() == S3ErrorCode::MethodNotAllowed {
                let text = "The source of a copy request may not specifically refer to a delete marker by version id.";
                return S3Error::with_message(S3ErrorCode::InvalidRequest, text);
            }
            error
        })?;
        conditions.check(&read.object).map_err(|error| match *error.code() == S3ErrorCode::NotModified {
            true => {
                let text = "At least one of the pre-conditions you specified did not hold";
                S3Error::with_message(S3ErrorCode::PreconditionFailed, text)
            }
            false => error,
        })?;
        if read.object.is_cold(store.0.now()) {
            let text = "Operation is not valid for the source object's storage class";
            return Err(S3Error::with_message(S3ErrorCode::InvalidObjectState, text));
        }
        Ok(Source { bucket, key, version_id, from, read })
    }

    /// The tags, if there are any and the caller may read them.
    fn tags(&self, store: &Store) -> S3Result<Vec<(String, String)>> {
        let tags = &self.read.object.tags;
        if !tags.is_empty() {
            let buckets = store.0.buckets();
            let known = store.bucket(&buckets, &self.bucket, &self.from)?;
            let action = match self.version_id {
                Some(_) => "s3:GetObjectVersionTagging",
                None => "s3:GetObjectTagging",
            };
            let context = circumstances(known, &self.key, self.version_id.as_deref());
            store.allow(&self.from, action, known, Some(&self.key), &context)?;
        }
        Ok(tags.clone())
    }

    /// The condition keys that a copy has beside those of every write.
    fn context(&self) -> Context {
        let mut context = Context::new();
        context.set("s3:x-amz-copy-source", format!("{}/{}", self.bucket, self.key));
        context
    }
}

/// CopyObject.
pub(super) async fn copy_object(
    store: &Store,
    req: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let from = Signed::of(&req)?;
    let present = Present::of(&req.headers);
    let input = req.input;
    let source = source!(store, &from, input)?;
    let old = source.read.object.clone();
    let replaces = input.metadata_directive.as_ref().is_some_and(|one| one.as_str() == MetadataDirective::REPLACE);
    let tags = match input.tagging_directive.as_ref().map(TaggingDirective::as_str) {
        Some(TaggingDirective::REPLACE) => header_tags(input.tagging.as_deref()),
        _ => source.tags(store)?,
    };
    tags::check(&tags)?;
    let mut context = source.context();
    if let Some(directive) = &input.metadata_directive {
        context.set("s3:x-amz-metadata-directive", directive.as_str());
    }
    let target = Target {
        bucket: &input.bucket,
        key: &input.key,
        storage_class: input.storage_class.as_ref(),
        encryption: input.server_side_encryption.as_ref(),
        kms_key: input.ssekms_key_id.as_deref(),
        acl: input.acl.as_ref(),
        tags: &tags,
    };
    let writing = target.allow(store, &from, &context)?;
    if old.length() > LARGEST {
        return Err(too_large());
    }
    let onto_itself = (&source.bucket, &source.key, &source.version_id) == (&input.bucket, &input.key, &None);
    let changes = replaces
        || input.storage_class.is_some()
        || input.server_side_encryption.is_some()
        || input.website_redirect_location.is_some();
    if onto_itself && !changes {
        let text = "This copy request is illegal because it is trying to copy an object to itself without changing \
                    the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(S3Error::with_message(S3ErrorCode::InvalidRequest, text));
    }
    let mut object = old.copied(wanted(input.checksum_algorithm.as_ref(), &old)?);
    object.modified = now(store);
    if let Some(class) = &input.storage_class {
        object.storage_class = class.as_str().to_owned();
    }
    object.tags = tags;
    match replaces {
        true => {
            object.content_type = input.content_type;
            object.metadata = input.metadata.unwrap_or_default().into_iter().collect();
            object.headers = stored!(input);
        }
        false => {
            object.content_type = old.content_type.clone();
            object.metadata = old.metadata.clone();
            object.headers.cache_control = old.headers.cache_control.clone();
            object.headers.content_disposition = old.headers.content_disposition.clone();
            object.headers.content_encoding = old.headers.content_encoding.clone();
            object.headers.content_language = old.headers.content_language.clone();
            object.headers.website_redirect_location = input.website_redirect_location;
        }
    }
    if let Some(kms_key) = writing.kms_key {
        object = object.kms(kms_key);
    }
    let object = Arc::new(object);
    let (etag, sum) = digests(&object).await;
    let version_id = put(store, &input.bucket, &input.key, (*object).clone(), &present)?;
    let of = |wanted| sum.as_ref().filter(|(algorithm, ..)| *algorithm == wanted).map(|sum| sum.2.clone());
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(timestamp(object.modified)),
            checksum_type: sum.as_ref().map(|(_, composite, _)| checksum_type(*composite)),
            checksum_crc64nvme: of(Algorithm::Crc64Nvme),
            checksum_crc32: of(Algorithm::Crc32),
            checksum_crc32c: of(Algorithm::Crc32c),
            checksum_sha1: of(Algorithm::Sha1),
            checksum_sha256: of(Algorithm::Sha256),
        }),
        copy_source_version_id: source.read.version_id,
        server_side_encryption: Some(encryption(&object)),
        ssekms_key_id: object.kms_key().map(str::to_owned),
        version_id,
        request_charged: writing.charged,
        ..CopyObjectOutput::default()
    }))
}

/// The checksum that a copy gets: the one that is asked for, else that of the source, else S3's own.
fn wanted(asked: Option<&ChecksumAlgorithm>, old: &Object) -> S3Result<Algorithm> {
    match asked {
        Some(asked) => multipart::algorithm(asked),
        None => Ok(old.algorithm().unwrap_or(Algorithm::Crc64Nvme)),
    }
}

/// ETag and checksum of an object, computed aside where that takes time.
pub(super) async fn digests(object: &Arc<Object>) -> (String, Option<(Algorithm, bool, String)>) {
    /// So much is read in a millisecond or two.
    const SHORT: u64 = 1024 * 1024;
    if object.length() > SHORT {
        let object = object.clone();
        _ = tokio::task::spawn_blocking(move || object.etag().len()).await;
    }
    (object.etag().to_owned(), checksum(object.clone()).await)
}

fn too_large() -> S3Error {
    let text = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
    S3Error::with_message(S3ErrorCode::InvalidRequest, text)
}

/// UploadPartCopy.
pub(super) async fn upload_part_copy(
    store: &Store,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let source = source!(store, &from, input)?;
    let at = Address { bucket: &input.bucket, key: &input.key, upload_id: &input.upload_id };
    let writing = at.allow_part(store, &from, input.part_number, &source.context())?;
    let object = &source.read.object;
    let range = match &input.copy_source_range {
        Some(header) => part_range(header, object.length())?,
        None => 0..object.length(),
    };
    if range.end - range.start > LARGEST {
        return Err(too_large());
    }
    let part = at.keep_part(store, input.part_number, object.content.part(range), None).await?;
    let of = |wanted| part.checksum.clone().filter(|_| writing.algorithm == wanted);
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(ETag::Strong(part.etag.clone())),
            last_modified: Some(timestamp(part.modified)),
            checksum_crc64nvme: of(Algorithm::Crc64Nvme).filter(|_| writing.asked),
            checksum_crc32: of(Algorithm::Crc32),
            checksum_crc32c: of(Algorithm::Crc32c),
            checksum_sha1: of(Algorithm::Sha1),
            checksum_sha256: of(Algorithm::Sha256),
        }),
        copy_source_version_id: source.read.version_id,
        server_side_encryption: Some(writing.encryption()),
        ssekms_key_id: writing.kms_key,
        request_charged: writing.charged,
        ..UploadPartCopyOutput::default()
    }))
}

/// Reads `bytes=first-last`, the one form that is taken here, within an object of this length.
fn part_range(header: &str, length: u64) -> S3Result<Range<u64>> {
    let ends = header.strip_prefix("bytes=").and_then(|ends| ends.split_once('-'));
    let ends = ends.and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)));
    match ends {
        None => {
            let text = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last \
                        are the zero-based offsets of the first and last bytes to copy";
            Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text))
        }
        Some((first, last)) if first > last || last >= length => {
            let text = format!("Range specified is not valid for source object of size: {length}");
            Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text))
        }
        Some((first, last)) => Ok(first..last + 1),
    }
}
