//! Uploads in parts: begun, listed, completed, given up. The rules are those of the Amazon S3 API Reference.

use std::sync::Arc;

use hyper::StatusCode;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::list::{PAGE, Text, checksum_algorithm, owner, timestamp};
use super::read::{checksum, checksum_type, encryption, storage_class};
use super::write::{Present, Target, body, header_tags, no_such_bucket, now, stored, told};
use super::{Signed, Store, tags};
use crate::demo::bucket::Object;
use crate::demo::content::{Content, recognized};
use crate::demo::digests::part_digests;
use crate::demo::directory::KnownBucket;
use crate::demo::random;
use crate::demo::uploads::{Incomplete, PARTS, SMALLEST_PART, Upload, UploadedPart};
use crate::domain::checksum::Algorithm;
use crate::domain::policy::Context;

/// Which upload a call is about.
#[derive(Clone, Copy)]
pub(super) struct Address<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub upload_id: &'a str,
}

/// An upload, as far as whoever adds a part has to know it.
pub(super) struct Writing {
    pub algorithm: Algorithm,
    pub asked: bool,
    pub kms_key: Option<String>,
    pub charged: Option<RequestCharged>,
}

impl Writing {
    pub(super) fn encryption(&self) -> ServerSideEncryption {
        ServerSideEncryption::from_static(match self.kms_key {
            Some(_) => ServerSideEncryption::AWS_KMS,
            None => ServerSideEncryption::AES256,
        })
    }
}

fn refused(code: S3ErrorCode, text: impl Into<String>) -> S3Error {
    S3Error::with_message(code, text.into())
}

fn no_such_upload() -> S3Error {
    let text = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted \
                or completed.";
    refused(S3ErrorCode::NoSuchUpload, text)
}

/// The algorithm of a header.
pub(super) fn algorithm(asked: &ChecksumAlgorithm) -> S3Result<Algorithm> {
    let all = [Algorithm::Crc64Nvme, Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Sha1, Algorithm::Sha256];
    all.into_iter().find(|one| one.name() == asked.as_str()).ok_or_else(|| {
        let text = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, \
                    CRC32C, CRC64NVME, SHA1, SHA256]";
        refused(S3ErrorCode::InvalidRequest, text)
    })
}

impl Address<'_> {
    fn slot(&self) -> (String, String) {
        (self.key.to_owned(), self.upload_id.to_owned())
    }

    fn upload<'b>(&self, known: &'b KnownBucket) -> S3Result<&'b Upload> {
        known.uploads.get(&self.slot()).ok_or_else(no_such_upload)
    }

    /// Lets the caller do `action` on the key, and gives what `look` makes of the bucket.
    fn allow<T>(
        &self,
        store: &Store,
        from: &Signed,
        action: &str,
        context: &Context,
        look: impl FnOnce(&KnownBucket) -> S3Result<T>,
    ) -> S3Result<T> {
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, self.bucket, from)?;
        store.allow(from, action, known, Some(self.key), context)?;
        look(known)
    }

    /// Lets the caller add a part.
    pub(super) fn allow_part(
        &self,
        store: &Store,
        from: &Signed,
        number: PartNumber,
        context: &Context,
    ) -> S3Result<Writing> {
        self.allow(store, from, "s3:PutObject", context, |known| {
            if !(1..=PARTS).contains(&number) {
                let text = "Part number must be an integer between 1 and 10000, inclusive";
                return Err(refused(S3ErrorCode::InvalidArgument, text));
            }
            let upload = self.upload(known)?;
            let kms_key = upload.object.kms_key().map(str::to_owned);
            if let Some(key_arn) = &kms_key {
                store.allow_key(from, known, key_arn, "kms:GenerateDataKey")?;
            }
            Ok(Writing { algorithm: upload.algorithm, asked: upload.asked, kms_key, charged: from.charged(known) })
        })
    }

    /// Keeps a part in the place of what had its number. `told` is the algorithm of the checksum that came with it.
    pub(super) async fn keep_part(
        &self,
        store: &Store,
        number: PartNumber,
        content: Content,
        told: Option<Algorithm>,
    ) -> S3Result<UploadedPart> {
        let algorithm = {
            let buckets = store.0.buckets();
            self.upload(buckets.get(self.bucket).ok_or_else(no_such_bucket)?)?.algorithm
        };
        let algorithm = told.unwrap_or(algorithm);
        let part = content.clone();
        let digests = tokio::task::spawn_blocking(move || part_digests(&part, algorithm));
        let (etag, checksum) = digests.await.map_err(S3Error::internal_error)?;
        let content = recognized_in(store, content);
        let part = UploadedPart { content, etag, checksum, modified: now(store) };
        let mut buckets = store.0.buckets_mut();
        let known = buckets.get_mut(self.bucket).ok_or_else(no_such_bucket)?;
        let upload = known.uploads.get_mut(&self.slot()).ok_or_else(no_such_upload)?;
        upload.parts.insert(number, part.clone());
        Ok(part)
    }
}

/// The same content by reference, where the bytes are those of an object that is made up.
fn recognized_in(store: &Store, content: Content) -> Content {
    let Content::Kept(bytes) = &content else {
        return content;
    };
    let buckets = store.0.buckets();
    let known = buckets.values().flat_map(|known| known.bucket.objects.values()).map(|object| &object.content);
    recognized(bytes, known).unwrap_or(content)
}

/// CreateMultipartUpload.
pub(super) fn create(
    store: &Store,
    req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let tags = header_tags(input.tagging.as_deref());
    tags::check(&tags)?;
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
    let asked = input.checksum_algorithm.as_ref();
    let algorithm = asked.map_or(Ok(Algorithm::Crc64Nvme), algorithm)?;
    let composite = composite(asked.is_some(), algorithm, input.checksum_type.as_ref())?;
    let mut object = Object::new("");
    object.content_type = input.content_type;
    if let Some(class) = &input.storage_class {
        object.storage_class = class.as_str().to_owned();
    }
    object.metadata = input.metadata.unwrap_or_default().into_iter().collect();
    object.tags = tags;
    object.headers = stored!(input);
    if let Some(kms_key) = &writing.kms_key {
        object = object.kms(kms_key.clone());
    }
    let (server_side_encryption, ssekms_key_id) = (Some(encryption(&object)), writing.kms_key);
    let initiated = now(store);
    // Those of one key are listed in the order in which they were begun.
    let upload_id = format!("{:014x}{}", store.0.now().as_microsecond(), random::request_id());
    let upload = Upload {
        initiated,
        initiator: from.caller.principal.arn.clone(),
        object,
        algorithm,
        asked: asked.is_some(),
        composite,
        parts: std::collections::BTreeMap::new(),
    };
    let mut buckets = store.0.buckets_mut();
    let known = buckets.get_mut(&input.bucket).ok_or_else(no_such_bucket)?;
    known.uploads.insert((input.key.clone(), upload_id.clone()), upload);
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(upload_id),
        checksum_algorithm: asked.cloned(),
        checksum_type: asked.map(|_| checksum_type(composite)),
        server_side_encryption,
        ssekms_key_id,
        request_charged: writing.charged,
        ..CreateMultipartUploadOutput::default()
    }))
}

/// Whether the checksum will be one of the checksums of the parts: "Checking object integrity" says what goes together.
fn composite(asked: bool, algorithm: Algorithm, kind: Option<&ChecksumType>) -> S3Result<bool> {
    let name = algorithm.name().to_ascii_lowercase();
    match (algorithm, kind.map(ChecksumType::as_str)) {
        (_, Some(_)) if !asked => {
            let text = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            Err(refused(S3ErrorCode::InvalidRequest, text))
        }
        (Algorithm::Crc64Nvme, Some(ChecksumType::COMPOSITE))
        | (Algorithm::Sha1 | Algorithm::Sha256, Some(ChecksumType::FULL_OBJECT)) => {
            let kind = kind.map_or("", ChecksumType::as_str);
            let text = format!("The {kind} checksum type cannot be used with the {name} checksum algorithm.");
            Err(refused(S3ErrorCode::InvalidRequest, text))
        }
        (Algorithm::Crc64Nvme, _) | (_, Some(ChecksumType::FULL_OBJECT)) => Ok(false),
        (_, None | Some(ChecksumType::COMPOSITE)) => Ok(true),
        (_, Some(_)) => Err(refused(S3ErrorCode::InvalidRequest, "Value for x-amz-checksum-type header is invalid.")),
    }
}

/// UploadPart.
pub(super) async fn upload_part(
    store: &Store,
    req: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let from = Signed::of(&req)?;
    let trailing = req.trailing_headers.clone();
    let mut input = req.input;
    let at = Address { bucket: &input.bucket, key: &input.key, upload_id: &input.upload_id };
    let writing = at.allow_part(store, &from, input.part_number, &Context::new())?;
    let bytes = body(input.body.take()).await?;
    let told = told!(input, trailing);
    told.check(&bytes)?;
    let given = told.algorithm();
    let fits = given.is_none_or(|given| given == writing.algorithm || !writing.asked);
    // CRC64NVME is made by S3 where it does not come along; any other comes with every part.
    if !fits || given.is_none() && writing.asked && writing.algorithm != Algorithm::Crc64Nvme {
        let name = |algorithm: Algorithm| algorithm.name().to_ascii_lowercase();
        let text = format!(
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            name(writing.algorithm),
            given.map_or("null".to_owned(), name)
        );
        return Err(refused(S3ErrorCode::InvalidRequest, text));
    }
    let part = at.keep_part(store, input.part_number, Content::Kept(bytes), given).await?;
    let of = |wanted| part.checksum.clone().filter(|_| given == Some(wanted));
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag.clone())),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        server_side_encryption: Some(writing.encryption()),
        ssekms_key_id: writing.kms_key,
        request_charged: writing.charged,
        ..UploadPartOutput::default()
    }))
}

/// The checksum of this algorithm in what has one field for each.
macro_rules! sum_in {
    ($from:expr, $algorithm:expr) => {
        match $algorithm {
            Algorithm::Crc64Nvme => $from.checksum_crc64nvme.as_deref(),
            Algorithm::Crc32 => $from.checksum_crc32.as_deref(),
            Algorithm::Crc32c => $from.checksum_crc32c.as_deref(),
            Algorithm::Sha1 => $from.checksum_sha1.as_deref(),
            Algorithm::Sha256 => $from.checksum_sha256.as_deref(),
            Algorithm::Md5 => None,
        }
    };
}

/// CompleteMultipartUpload.
pub(super) async fn complete(
    store: &Store,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let at = Address { bucket: &input.bucket, key: &input.key, upload_id: &input.upload_id };
    let (upload, request_charged) = at.allow(store, &from, "s3:PutObject", &Context::new(), |known| {
        let upload = at.upload(known)?.clone();
        if let Some(key_arn) = upload.object.kms_key() {
            store.allow_key(&from, known, key_arn, "kms:Decrypt")?;
        }
        Ok((upload, from.charged(known)))
    })?;
    let listed = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
    if listed.is_empty() {
        let text = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(refused(S3ErrorCode::MalformedXML, text));
    }
    check_parts(&upload, listed)?;
    let parts = listed.iter().map(|part| {
        let etag = part.e_tag.as_ref().map_or("", ETag::value);
        (part.part_number.unwrap_or_default(), etag)
    });
    let mut object = upload.complete(parts).map_err(|incomplete| match incomplete {
        Incomplete::Order => {
            let text = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            refused(S3ErrorCode::InvalidPartOrder, text)
        }
        Incomplete::Invalid => {
            let text = "One or more of the specified parts could not be found. The part may not have been uploaded, \
                        or the specified entity tag may not match the part's entity tag.";
            refused(S3ErrorCode::InvalidPart, text)
        }
        Incomplete::Small(number) => {
            let text = format!(
                "Your proposed upload is smaller than the minimum allowed size: part {number} has less than \
                 {SMALLEST_PART} bytes"
            );
            refused(S3ErrorCode::EntityTooSmall, text)
        }
    })?;
    object.modified = now(store);
    if input.mpu_object_size.is_some_and(|size| u64::try_from(size) != Ok(object.length())) {
        let text = "The provided 'x-amz-mp-object-size' header value does not match what was computed.";
        return Err(refused(S3ErrorCode::InvalidRequest, text));
    }
    let object = Arc::new(object);
    let sum = checksum(object.clone()).await;
    if let Some(kind) = &input.checksum_type
        && upload.asked
        && *kind != checksum_type(upload.composite)
    {
        let text = format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            checksum_type(upload.composite).as_str()
        );
        return Err(refused(S3ErrorCode::InvalidRequest, text));
    }
    if let (Some(told), Some((_, _, own))) = (sum_in!(input, upload.algorithm), &sum)
        && told != own
        && own.split_once('-').is_none_or(|(own, _)| own != told)
    {
        let name = upload.algorithm.name().to_ascii_lowercase();
        let text = format!("The {name} you specified did not match the calculated checksum.");
        return Err(refused(S3ErrorCode::BadDigest, text));
    }
    let present = Present { if_match: input.if_match.clone(), if_none_match: input.if_none_match.clone() };
    let version_id = {
        let mut buckets = store.0.buckets_mut();
        let known = buckets.get_mut(at.bucket).ok_or_else(no_such_bucket)?;
        // Of two that complete it at once, the other one finds no upload any more.
        at.upload(known)?;
        present.check(known, at.key)?;
        known.uploads.remove(&at.slot());
        known.bucket.put(at.key, (*object).clone())
    };
    let of = |wanted| sum.as_ref().filter(|(algorithm, ..)| *algorithm == wanted).map(|sum| sum.2.clone());
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        e_tag: Some(ETag::Strong(object.etag().to_owned())),
        checksum_type: sum.as_ref().map(|(_, composite, _)| checksum_type(*composite)),
        checksum_crc64nvme: of(Algorithm::Crc64Nvme),
        checksum_crc32: of(Algorithm::Crc32),
        checksum_crc32c: of(Algorithm::Crc32c),
        checksum_sha1: of(Algorithm::Sha1),
        checksum_sha256: of(Algorithm::Sha256),
        server_side_encryption: Some(encryption(&object)),
        ssekms_key_id: object.kms_key().map(str::to_owned),
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        version_id,
        request_charged,
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// Holds the checksums of the list against those of the parts; a composite checksum asks for all of them.
fn check_parts(upload: &Upload, listed: &[CompletedPart]) -> S3Result<()> {
    for part in listed {
        let number = part.part_number.unwrap_or_default();
        let own = upload.parts.get(&number).and_then(|part| part.checksum.as_deref());
        match sum_in!(part, upload.algorithm) {
            Some(told) if own.is_some_and(|own| own != told) => {
                let text = "One or more of the specified parts could not be found. The part may not have been \
                            uploaded, or the specified entity tag may not match the part's entity tag.";
                return Err(refused(S3ErrorCode::InvalidPart, text));
            }
            None if upload.composite => {
                let name = upload.algorithm.name().to_ascii_lowercase();
                let text = format!(
                    "The upload was created using a {name} checksum. The complete request must include the checksum \
                     for each part. It was missing for part {number} in the request."
                );
                return Err(refused(S3ErrorCode::InvalidRequest, text));
            }
            _ => {}
        }
    }
    Ok(())
}

/// AbortMultipartUpload.
pub(super) fn abort(
    store: &Store,
    req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let at = Address { bucket: &input.bucket, key: &input.key, upload_id: &input.upload_id };
    let request_charged =
        at.allow(store, &from, "s3:AbortMultipartUpload", &Context::new(), |known| Ok(from.charged(known)))?;
    let mut buckets = store.0.buckets_mut();
    let known = buckets.get_mut(at.bucket).ok_or_else(no_such_bucket)?;
    known.uploads.remove(&at.slot()).ok_or_else(no_such_upload)?;
    let mut response = S3Response::new(AbortMultipartUploadOutput { request_charged });
    response.status = Some(StatusCode::NO_CONTENT);
    Ok(response)
}

fn initiator(upload: &Upload) -> Initiator {
    Initiator { id: Some(upload.initiator.clone()), display_name: None }
}

/// ListParts.
pub(super) fn list_parts(store: &Store, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let at = Address { bucket: &input.bucket, key: &input.key, upload_id: &input.upload_id };
    at.allow(store, &from, "s3:ListMultipartUploadParts", &Context::new(), |known| {
        let upload = at.upload(known)?;
        let limit = input.max_parts.unwrap_or(PAGE).clamp(0, PAGE);
        let marker = input.part_number_marker.unwrap_or(0);
        let mut left = upload.parts.range(marker.saturating_add(1)..);
        let part = |(number, part): (&i32, &UploadedPart)| {
            let of = |wanted| part.checksum.clone().filter(|_| upload.asked && upload.algorithm == wanted);
            Part {
                part_number: Some(*number),
                e_tag: Some(ETag::Strong(part.etag.clone())),
                size: i64::try_from(part.content.length()).ok(),
                last_modified: Some(timestamp(part.modified)),
                checksum_crc64nvme: of(Algorithm::Crc64Nvme),
                checksum_crc32: of(Algorithm::Crc32),
                checksum_crc32c: of(Algorithm::Crc32c),
                checksum_sha1: of(Algorithm::Sha1),
                checksum_sha256: of(Algorithm::Sha256),
            }
        };
        let parts: Vec<Part> = left.by_ref().take(usize::try_from(limit).unwrap_or_default()).map(part).collect();
        let last = parts.last().and_then(|part| part.part_number);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(input.upload_id.clone()),
            is_truncated: Some(left.next().is_some()),
            max_parts: Some(limit),
            part_number_marker: Some(marker),
            next_part_number_marker: last.or(Some(0)),
            parts: Some(parts),
            initiator: Some(initiator(upload)),
            owner: Some(owner(&known.account)),
            storage_class: storage_class(&upload.object).or(Some(StorageClass::from_static(StorageClass::STANDARD))),
            checksum_algorithm: upload.asked.then(|| checksum_algorithm(upload.algorithm)),
            checksum_type: upload.asked.then(|| checksum_type(upload.composite)),
            request_charged: from.charged(known),
            ..ListPartsOutput::default()
        }))
    })
}

/// ListMultipartUploads.
pub(super) fn list_uploads(
    store: &Store,
    req: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let text = Text::new(input.encoding_type.as_ref())?;
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, &input.bucket, &from)?;
    store.allow(&from, "s3:ListBucketMultipartUploads", known, None, &Context::new())?;

    let prefix = input.prefix.as_deref().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let limit = input.max_uploads.unwrap_or(PAGE).clamp(0, PAGE);
    let key_marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let id_marker = input.upload_id_marker.as_deref().filter(|marker| !marker.is_empty());
    // A key marker alone leaves that key behind.
    let after = |(key, id): &(String, String)| match (key_marker, id_marker) {
        (None, _) => true,
        (Some(marker), None) => key.as_str() > marker,
        (Some(marker), Some(upload)) => (key.as_str(), id.as_str()) > (marker, upload),
    };
    let folder = |key: &str| {
        let delimiter = delimiter?;
        let end = prefix.len() + key.get(prefix.len()..)?.find(delimiter)? + delimiter.len();
        Some(key[..end].to_owned())
    };
    let (mut uploads, mut prefixes, mut next) = (Vec::new(), Vec::<String>::new(), None);
    let mut is_truncated = false;
    for (slot @ (key, id), upload) in &known.uploads {
        let folder = folder(key);
        // A folder that the page before has ended with is told already.
        let told = folder.as_deref().is_some_and(|folder| key_marker.is_some_and(|marker| marker.starts_with(folder)));
        if !key.starts_with(prefix) || !after(slot) || told || folder.as_ref() == prefixes.last() && folder.is_some() {
            continue;
        }
        if uploads.len() + prefixes.len() == usize::try_from(limit).unwrap_or_default() {
            is_truncated = true;
            break;
        }
        next = Some(match &folder {
            Some(folder) => (folder.clone(), String::new()),
            None => slot.clone(),
        });
        match folder {
            Some(folder) => prefixes.push(folder),
            None => uploads.push(MultipartUpload {
                key: Some(text.encode(key)),
                upload_id: Some(id.clone()),
                initiated: Some(timestamp(upload.initiated)),
                initiator: Some(initiator(upload)),
                owner: Some(owner(&known.account)),
                storage_class: storage_class(&upload.object)
                    .or(Some(StorageClass::from_static(StorageClass::STANDARD))),
                checksum_algorithm: upload.asked.then(|| checksum_algorithm(upload.algorithm)),
                checksum_type: upload.asked.then(|| checksum_type(upload.composite)),
            }),
        }
    }
    let next = next.filter(|_| is_truncated);
    let common_prefixes = prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(text.encode(prefix)) });
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        prefix: Some(text.encode(prefix)),
        delimiter: delimiter.map(|delimiter| text.encode(delimiter)),
        key_marker: Some(text.encode(key_marker.unwrap_or_default())),
        upload_id_marker: Some(id_marker.unwrap_or_default().to_owned()),
        next_key_marker: next.as_ref().map(|(key, _)| text.encode(key)),
        next_upload_id_marker: next.as_ref().map(|(_, id)| id.clone()),
        max_uploads: Some(limit),
        is_truncated: Some(is_truncated),
        common_prefixes: Some(common_prefixes.collect()),
        uploads: Some(uploads),
        encoding_type: input.encoding_type.clone(),
        request_charged: from.charged(known),
    }))
}
