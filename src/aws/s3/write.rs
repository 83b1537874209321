//! Writing objects: whole ones from memory, copies that S3 makes by itself, and uploads part by part.
//!
//! Every call is one attempt: who writes asks again.

use std::future::Future;
use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, MetadataDirective, TaggingDirective,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::Headers;
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{S3, Use, time_to_send};
use crate::aws::errors::Call;
use crate::domain::checksum::{Algorithm, Checksum};
use crate::domain::copy::{Encryption, Storage, Stored};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// What `x-amz-copy-source` keeps as it is: unreserved characters of RFC 3986, and the slashes. A `+` is `%2B`.
const COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The object that is copied from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub uri: S3Uri,
    /// Which version; `None` is the latest.
    pub version: Option<String>,
    /// Only if it still has this entity tag.
    pub etag: Option<String>,
}

impl Source {
    fn header(&self) -> String {
        let path = format!("{}/{}", self.uri.bucket, self.uri.key);
        let path = utf8_percent_encode(&path, COPY_SOURCE);
        match &self.version {
            Some(version) => format!("{path}?versionId={}", utf8_percent_encode(version, COPY_SOURCE)),
            None => path.to_string(),
        }
    }
}

/// What may stand at the target when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// Nothing: another writer's object is not replaced.
    Nothing,
    /// Anything.
    Anything,
}

/// An object, or a part of one, as the server has it now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Its entity tag.
    pub etag: Option<String>,
    /// Its checksums, of the whole.
    pub checksums: Vec<Checksum>,
    /// Whether the ETag is an MD5 for all we know: it is none with SSE-KMS and SSE-C.
    pub etag_is_md5: bool,
}

impl Written {
    /// The checksum of this algorithm; MD5 from the ETag.
    pub fn checksum(&self, algorithm: Algorithm) -> Option<Checksum> {
        match algorithm {
            Algorithm::Md5 if self.etag_is_md5 => self.etag.as_deref().and_then(Checksum::from_etag),
            _ => self.checksums.iter().find(|checksum| checksum.algorithm == algorithm).cloned(),
        }
    }
}

/// The checksums of an answer: the SDK has a type for each of them, with the same names.
macro_rules! checksums {
    ($answer:expr) => {{
        let told = [
            (Algorithm::Crc64Nvme, &$answer.checksum_crc64_nvme),
            (Algorithm::Crc32, &$answer.checksum_crc32),
            (Algorithm::Crc32c, &$answer.checksum_crc32_c),
            (Algorithm::Sha1, &$answer.checksum_sha1),
            (Algorithm::Sha256, &$answer.checksum_sha256),
        ];
        let told = told.into_iter();
        told.filter_map(|(algorithm, value)| Checksum::from_header(algorithm, value.as_deref()?)).collect::<Vec<_>>()
    }};
}

/// An upload that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Of which object.
    pub uri: S3Uri,
    /// Its id at S3.
    pub id: String,
    /// The checksum that its parts have, where the server knows of such.
    pub algorithm: Option<Algorithm>,
}

/// A part that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPart {
    /// 1 is the first.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// What the server says of it.
    pub written: Written,
}

impl S3 {
    /// Writes an object from memory, and has the server compare it with `checksum`.
    ///
    /// # Errors
    /// [`Error::Replaced`] when something stands there that should not.
    pub async fn put(
        &self,
        uri: &S3Uri,
        bytes: Bytes,
        (stored, storage): (&Stored, &Storage),
        checksum: &Checksum,
        onto: Onto,
    ) -> Result<Written> {
        let request = |client: Client| {
            let request = client.put_object().bucket(&uri.bucket).key(&uri.key).set_if_none_match(none_match(onto));
            let (stored, storage, checksum) = (stored.clone(), storage.clone(), checksum.clone());
            let length = bytes.len();
            request.body(ByteStream::from(bytes.clone())).content_length(length as i64).customize().mutate_request(
                move |request| {
                    dress(request.headers_mut(), &stored, &storage);
                    if let Some(name) = checksum.algorithm.header() {
                        set(request.headers_mut(), name, &checksum.header_value());
                    }
                },
            )
        };
        let request = |client: Client| in_time(bytes.len(), request(client).send());
        let answer = self.writing(Use::Send, "s3:PutObject", uri, request).await?;
        let encryption = answer.server_side_encryption.as_ref().map(|kind| kind.as_str());
        Ok(Written { etag_is_md5: is_md5(encryption), checksums: checksums!(answer), etag: answer.e_tag })
    }

    /// Has S3 copy an object of at most 5 GiB. `stored` is what the copy gets; `None` leaves that to S3, which takes
    /// everything along but the storage class.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the source is another one by now, or something stands at the target that should not.
    pub async fn copy(
        &self,
        source: &Source,
        uri: &S3Uri,
        (stored, storage): (Option<&Stored>, &Storage),
        onto: Onto,
    ) -> Result<Written> {
        let request = |client: Client| {
            let tags = if storage.without_tags || stored.is_some() { Some(TaggingDirective::Replace) } else { None };
            let request = client
                .copy_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .copy_source(source.header())
                .set_copy_source_if_match(source.etag.clone())
                .set_if_none_match(none_match(onto))
                .set_metadata_directive(stored.map(|_| MetadataDirective::Replace))
                .set_tagging_directive(tags);
            let (stored, storage) = (stored.cloned(), storage.clone());
            request.customize().mutate_request(move |request| match &stored {
                Some(stored) => dress(request.headers_mut(), stored, &storage),
                None => stow(request.headers_mut(), storage.class_of(""), &storage.encryption),
            })
        };
        let answer = self.writing(Use::Copy, "s3:PutObject", uri, |client| request(client).send()).await;
        let answer = answer.map_err(|error| of_source(error, source))?;
        let encryption = answer.server_side_encryption.as_ref().map(|kind| kind.as_str());
        let etag_is_md5 = is_md5(encryption);
        let Some(result) = answer.copy_object_result else {
            return Err(self.call("s3:PutObject", &self.arn(uri), None).incomplete("nothing is said of the copy"));
        };
        Ok(Written { etag_is_md5, checksums: checksums!(result), etag: result.e_tag })
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// What S3 says.
    pub async fn begin_upload(
        &self,
        uri: &S3Uri,
        (stored, storage): (&Stored, &Storage),
        algorithm: Algorithm,
    ) -> Result<Upload> {
        let request = |client: Client| {
            let request = client
                .create_multipart_upload()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .checksum_algorithm(ChecksumAlgorithm::from(algorithm.name()))
                .checksum_type(ChecksumType::FullObject);
            let (stored, storage) = (stored.clone(), storage.clone());
            request.customize().mutate_request(move |request| dress(request.headers_mut(), &stored, &storage))
        };
        let answer = self.writing(Use::Browse, "s3:PutObject", uri, |client| request(client).send()).await?;
        let knows = answer.checksum_algorithm.is_some_and(|told| told.as_str() == algorithm.name())
            && answer.checksum_type == Some(ChecksumType::FullObject);
        let Some(id) = answer.upload_id else {
            return Err(self.call("s3:PutObject", &self.arn(uri), None).incomplete("no upload id"));
        };
        Ok(Upload { uri: uri.clone(), id, algorithm: knows.then_some(algorithm) })
    }

    /// Writes a part from memory, and has the server compare it with `checksum` where it knows how.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the upload is no more.
    pub async fn upload_part(
        &self,
        upload: &Upload,
        number: u32,
        bytes: Bytes,
        checksum: &Checksum,
    ) -> Result<Written> {
        let request = |client: Client| {
            let request = client
                .upload_part()
                .bucket(&upload.uri.bucket)
                .key(&upload.uri.key)
                .upload_id(&upload.id)
                .part_number(number as i32);
            let named = upload.algorithm.filter(|algorithm| *algorithm == checksum.algorithm);
            let (header, value) = (named.and_then(Algorithm::header), checksum.header_value());
            let length = bytes.len();
            request.body(ByteStream::from(bytes.clone())).content_length(length as i64).customize().mutate_request(
                move |request| {
                    if let Some(name) = header {
                        set(request.headers_mut(), name, &value);
                    }
                },
            )
        };
        let request = |client: Client| in_time(bytes.len(), request(client).send());
        let answer = self.writing(Use::Send, "s3:PutObject", &upload.uri, request).await?;
        let encryption = answer.server_side_encryption.as_ref().map(|kind| kind.as_str());
        Ok(Written { etag_is_md5: is_md5(encryption), checksums: checksums!(answer), etag: answer.e_tag })
    }

    /// Has S3 copy a part; without a range, of the whole source.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the source is another one by now.
    pub async fn copy_part(
        &self,
        source: &Source,
        range: Option<Range<u64>>,
        upload: &Upload,
        number: u32,
    ) -> Result<Written> {
        let request = |client: Client| {
            client
                .upload_part_copy()
                .bucket(&upload.uri.bucket)
                .key(&upload.uri.key)
                .upload_id(&upload.id)
                .part_number(number as i32)
                .copy_source(source.header())
                .set_copy_source_if_match(source.etag.clone())
                .set_copy_source_range(range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1)))
                .send()
        };
        let answer = self.writing(Use::Copy, "s3:PutObject", &upload.uri, request).await;
        let answer = answer.map_err(|error| of_source(error, source))?;
        let encryption = answer.server_side_encryption.as_ref().map(|kind| kind.as_str());
        let etag_is_md5 = is_md5(encryption);
        let Some(result) = answer.copy_part_result else {
            let call = self.call("s3:PutObject", &upload.uri.bucket, None);
            return Err(call.incomplete("nothing is said of the part"));
        };
        Ok(Written { etag_is_md5, checksums: checksums!(result), etag: result.e_tag })
    }

    /// The parts that are there, in their order; `None` when the upload is no more.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:ListMultipartUploadParts.
    pub async fn uploaded_parts(&self, upload: &Upload) -> Result<Option<Vec<UploadedPart>>> {
        let mut parts = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let request = |client: Client| {
                client
                    .list_parts()
                    .bucket(&upload.uri.bucket)
                    .key(&upload.uri.key)
                    .upload_id(&upload.id)
                    .set_part_number_marker(after.clone())
                    .send()
            };
            let answer = match self.writing(Use::Browse, "s3:ListMultipartUploadParts", &upload.uri, request).await {
                Err(Error::Aws { code, .. }) if code == "NoSuchUpload" => return Ok(None),
                answer => answer?,
            };
            for part in answer.parts.unwrap_or_default() {
                let number = part.part_number.and_then(|number| u32::try_from(number).ok());
                let size = part.size.and_then(|size| u64::try_from(size).ok());
                let Some((number, size)) = number.zip(size) else { continue };
                let written = Written { etag_is_md5: false, checksums: checksums!(part), etag: part.e_tag };
                parts.push(UploadedPart { number, size, written });
            }
            match answer.next_part_number_marker {
                // A marker that does not move would never end.
                Some(next) if answer.is_truncated == Some(true) && after.as_ref() != Some(&next) => after = Some(next),
                _ => return Ok(Some(parts)),
            }
        }
    }

    /// Makes an object of the parts, and has the server compare it with `checksum` where it knows how.
    ///
    /// # Errors
    /// [`Error::Replaced`] when something stands there that should not.
    pub async fn complete(
        &self,
        upload: &Upload,
        parts: &[UploadedPart],
        checksum: Option<&Checksum>,
        onto: Onto,
    ) -> Result<Written> {
        let parts: Vec<_> = parts.iter().map(|part| completed(part, upload.algorithm)).collect();
        let request = |client: Client| {
            let request = client
                .complete_multipart_upload()
                .bucket(&upload.uri.bucket)
                .key(&upload.uri.key)
                .upload_id(&upload.id)
                .set_if_none_match(none_match(onto))
                .set_checksum_type(upload.algorithm.map(|_| ChecksumType::FullObject))
                .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts.clone())).build());
            let named = checksum.filter(|checksum| upload.algorithm == Some(checksum.algorithm));
            let named = named.and_then(|checksum| Some((checksum.algorithm.header()?, checksum.header_value())));
            request.customize().mutate_request(move |request| {
                if let Some((name, value)) = &named {
                    set(request.headers_mut(), name, value);
                }
            })
        };
        let answer = self.writing(Use::Copy, "s3:PutObject", &upload.uri, |client| request(client).send()).await?;
        Ok(Written { etag_is_md5: false, checksums: checksums!(answer), etag: answer.e_tag })
    }

    /// Gives an upload up, so that its parts cost nothing more.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:AbortMultipartUpload.
    pub async fn abort(&self, upload: &Upload) -> Result<()> {
        let request = |client: Client| {
            let uri = &upload.uri;
            client.abort_multipart_upload().bucket(&uri.bucket).key(&uri.key).upload_id(&upload.id).send()
        };
        match self.writing(Use::Browse, "s3:AbortMultipartUpload", &upload.uri, request).await {
            Err(Error::Aws { code, .. }) if code == "NoSuchUpload" => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// Makes a call that writes `uri`, as `action`.
    async fn writing<T, E, Answer>(
        &self,
        purpose: Use,
        action: &str,
        uri: &S3Uri,
        request: impl Fn(Client) -> Answer,
    ) -> Result<T>
    where
        Answer: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (resource, name) = (self.arn(uri), uri.to_string());
        let call = Call { name: &name, ..self.call(action, &resource, Some(&uri.bucket)) };
        let call = &call;
        let request = |client: Client| {
            let answer = request(client);
            async move { answer.await.map_err(|error| damaged(told(call, &error), call.name)) }
        };
        self.in_region_for(purpose, &uri.bucket, request).await
    }
}

/// An answer that has to come in the time that so many bytes may take on their way there.
async fn in_time<T, E>(
    bytes: usize,
    answer: impl Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
) -> std::result::Result<T, SdkError<E, HttpResponse>> {
    let limit = time_to_send(bytes);
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(SdkError::timeout_error(format!("no answer in {} s", limit.as_secs()))),
    }
}

/// One call may need several permissions, and S3 says in its words which is missing: that one is told.
fn told<E>(call: &Call<'_>, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let failed = call.failed(error);
    let Error::Denied { message, .. } = &failed else { return failed };
    let Some((action, resource)) = refused_action(message) else { return failed };
    let (action, resource) = (action.to_owned(), resource.to_owned());
    Call { action: &action, resource: &resource, endpoint: call.endpoint.clone(), ..*call }.failed(error)
}

/// The action and the resource of "… is not authorized to perform: ACTION on resource: "ARN" because …".
fn refused_action(message: &str) -> Option<(&str, &str)> {
    let (action, rest) = message.split_once("to perform: ")?.1.split_once(" on resource: ")?;
    let resource = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest.split_once(" because")?.0,
    };
    (action.contains(':') && !action.contains(' ') && resource.starts_with("arn:")).then_some((action, resource))
}

/// What S3 refuses because other bytes arrived than were sent (Amazon S3 API Reference, "Error responses").
fn damaged(error: Error, name: &str) -> Error {
    let algorithm = match &error {
        Error::Aws { code, .. } if code == "BadDigest" => "checksum",
        Error::Aws { code, .. } if code == "XAmzContentSHA256Mismatch" => "SHA256",
        _ => return error,
    };
    Error::Corrupt { resource: name.to_owned(), algorithm }
}

fn none_match(onto: Onto) -> Option<String> {
    (onto == Onto::Nothing).then(|| "*".to_owned())
}

fn is_md5(encryption: Option<&str>) -> bool {
    encryption.is_none_or(|kind| kind == "AES256")
}

fn completed(part: &UploadedPart, algorithm: Option<Algorithm>) -> CompletedPart {
    let value = |wanted: Algorithm| {
        let told = part.written.checksums.iter().find(|told| told.algorithm == wanted && algorithm == Some(wanted));
        told.map(Checksum::header_value)
    };
    CompletedPart::builder()
        .part_number(part.number as i32)
        .set_e_tag(part.written.etag.clone())
        .set_checksum_crc64_nvme(value(Algorithm::Crc64Nvme))
        .set_checksum_crc32(value(Algorithm::Crc32))
        .set_checksum_crc32_c(value(Algorithm::Crc32c))
        .build()
}

/// What the copy gets beside its bytes. PutObject, CopyObject and CreateMultipartUpload know the same headers.
fn dress(headers: &mut Headers, stored: &Stored, storage: &Storage) {
    for (name, value) in &stored.headers {
        set(headers, name, value);
    }
    for (name, value) in &stored.metadata {
        set(headers, &format!("x-amz-meta-{name}"), value);
    }
    if !storage.without_tags && !stored.tags.is_empty() {
        let mut tags = form_urlencoded::Serializer::new(String::new());
        stored.tags.iter().for_each(|(name, value)| _ = tags.append_pair(name, value));
        set(headers, "x-amz-tagging", &tags.finish());
    }
    stow(headers, storage.class_of(&stored.storage_class), &storage.encryption);
}

fn stow(headers: &mut Headers, class: Option<&str>, encryption: &Encryption) {
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        set(headers, "x-amz-storage-class", class);
    }
    match encryption {
        Encryption::Bucket => {}
        Encryption::Aes256 => set(headers, "x-amz-server-side-encryption", "AES256"),
        Encryption::Kms(key) => {
            set(headers, "x-amz-server-side-encryption", "aws:kms");
            if let Some(key) = key {
                set(headers, "x-amz-server-side-encryption-aws-kms-key-id", key);
            }
        }
    }
}

/// Sets a header. What a header cannot hold never came in one.
fn set(headers: &mut Headers, name: &str, value: &str) {
    if let Err(error) = headers.try_insert(name.to_owned(), value.to_owned()) {
        tracing::warn!(name, %error, "a header cannot be sent");
    }
}

/// What is missing, or another one by now, is the source where S3 copies by itself.
fn of_source(error: Error, source: &Source) -> Error {
    match error {
        Error::Replaced { .. } => Error::Replaced { resource: source.uri.to_string() },
        Error::NotFound { .. } => Error::NotFound { message: format!("there is no {}", source.uri), hint: None },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_permission_that_is_missing_is_read_from_the_refusal() {
        let arn = "arn:aws:s3:::b/a \u{1b}k";
        for (message, expected) in [
            (
                format!("User: u is not authorized to perform: s3:PutObjectTagging on resource: \"{arn}\" because no"),
                Some(arn),
            ),
            (
                format!("User: u is not authorized to perform: s3:PutObjectTagging on resource: {arn} because no"),
                Some(arn),
            ),
            ("Access Denied".to_owned(), None),
            ("to perform: s3:GetObject on resource: ".to_owned(), None),
        ] {
            assert_eq!(refused_action(&message), expected.map(|arn| ("s3:PutObjectTagging", arn)), "{message}");
        }
    }

    #[test]
    fn copy_sources_are_encoded_as_a_header_wants_them() {
        for (key, version, expected) in [
            ("a/b c+d%.txt", None, "bucket/a/b%20c%2Bd%25.txt"),
            ("ü\u{1b}?", Some("v/1="), "bucket/%C3%BC%1B%3F?versionId=v/1%3D"),
            ("../x", None, "bucket/../x"),
        ] {
            let version = version.map(str::to_owned);
            let source = Source { uri: S3Uri::new("bucket", key), version, etag: None };
            assert_eq!(source.header(), expected);
        }
    }
}
