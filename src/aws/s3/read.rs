//! The bytes of objects.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType, ServerSideEncryption};
use bytes::Bytes;

use super::{S3, Use};
use crate::aws::errors::{Call, innermost};
use crate::aws::timestamp;
use crate::domain::checksum::{Algorithm, Checksum};
use crate::domain::copy::{STORED_HEADERS, Stored};
use crate::domain::object::Object;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// Which bytes of an object, and of which object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The bytes; `None` is all of them.
    pub range: Option<Range<u64>>,
    /// Only if the object still has this entity tag.
    pub etag: Option<String>,
    /// This version.
    pub version: Option<String>,
}

impl Ask {
    /// The action that a policy would name.
    fn action(&self) -> &'static str {
        if self.version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" }
    }
}

/// What an answer says of the object that it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Bytes of the whole object, also when a part of it was asked for.
    pub size: u64,
    /// The entity tag.
    pub etag: Option<String>,
    /// When it was written.
    pub last_modified: Option<jiff::Timestamp>,
    /// The cheapest checksum of the whole object that the answer knows.
    pub checksum: Option<Checksum>,
    /// The MD5 that an ETag is, beside it: two objects may have no other one in common.
    pub md5: Option<Checksum>,
}

impl Stat {
    /// All checksums that another object's may be compared with.
    pub fn checksums(&self) -> impl Iterator<Item = &Checksum> {
        self.checksum.iter().chain(&self.md5)
    }

    /// As a listing would tell it.
    pub fn listed(self, key: &str) -> Object {
        let Self { size, etag, last_modified, .. } = self;
        Object { key: key.to_owned(), size, last_modified, etag, storage_class: None }
    }
}

/// The bytes of an object as they arrive.
#[derive(Debug)]
pub struct Body {
    stream: ByteStream,
    /// The object that they are of.
    pub stat: Stat,
    /// Bytes that are to come.
    pub length: u64,
    endpoint: String,
}

impl Body {
    /// The next bytes, when they come in time.
    ///
    /// # Errors
    /// [`Error::Network`] when the connection broke, or nothing came in time.
    pub async fn next_within(&mut self, silence: Duration) -> Result<Option<Bytes>> {
        let broke = |message| Error::Network { endpoint: self.endpoint.clone(), message };
        match tokio::time::timeout(silence, self.stream.next()).await {
            Ok(next) => next.transpose().map_err(|error| broke(innermost(&error))),
            Err(_) => Err(broke(format!("nothing came for {} s", silence.as_secs()))),
        }
    }
}

/// What GetObject and HeadObject tell of an object's checksums.
struct Told<'a> {
    /// The cheapest first.
    checksums: [(Algorithm, Option<&'a str>); 5],
    kind: Option<&'a ChecksumType>,
    etag: Option<&'a str>,
    encryption: Option<&'a ServerSideEncryption>,
    /// The algorithm of a key that the customer keeps.
    customer_key: Option<&'a str>,
}

/// What an answer tells: the SDK has a type of its own for each of the two operations, with the same names.
macro_rules! told {
    ($answer:expr) => {
        Told {
            checksums: [
                (Algorithm::Crc64Nvme, $answer.checksum_crc64_nvme()),
                (Algorithm::Crc32c, $answer.checksum_crc32_c()),
                (Algorithm::Crc32, $answer.checksum_crc32()),
                (Algorithm::Sha1, $answer.checksum_sha1()),
                (Algorithm::Sha256, $answer.checksum_sha256()),
            ],
            kind: $answer.checksum_type(),
            etag: $answer.e_tag(),
            encryption: $answer.server_side_encryption(),
            customer_key: $answer.sse_customer_algorithm(),
        }
    };
}

/// What is kept with an object beside its bytes, as GetObject and HeadObject tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// All but the tags, which are asked for by themselves.
    pub stored: Stored,
    /// How many tags there are; `None` where there are none, and where the role may not know.
    pub tags: Option<u32>,
}

/// As with [`told!`].
macro_rules! described {
    ($answer:expr) => {{
        let headers = STORED_HEADERS.into_iter().zip([
            &$answer.cache_control,
            &$answer.content_disposition,
            &$answer.content_encoding,
            &$answer.content_language,
            &$answer.content_type,
            &$answer.expires_string,
            &$answer.website_redirect_location,
        ]);
        let metadata = $answer.metadata.clone().unwrap_or_default();
        Described {
            stored: Stored {
                headers: headers.filter_map(|(name, value)| Some((name, value.clone()?))).collect(),
                metadata: metadata.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect(),
                tags: Vec::new(),
                storage_class: $answer.storage_class.as_ref().map_or("STANDARD", |class| class.as_str()).to_owned(),
            },
            tags: $answer.tag_count.and_then(|count| count.try_into().ok()),
        }
    }};
}

impl Told<'_> {
    /// The cheapest checksum of the whole object; the ETag last.
    fn of_the_whole(&self) -> Option<Checksum> {
        let of_parts = self.kind == Some(&ChecksumType::Composite);
        let checksums = self.checksums.iter().filter(|_| !of_parts);
        let told = checksums.filter_map(|(algorithm, value)| Checksum::from_header(*algorithm, (*value)?)).next();
        told.or_else(|| self.md5())
    }

    /// The ETag, where it is an MD5 (Amazon S3 API Reference, "Object": it is none with SSE-KMS, SSE-C and DSSE-KMS).
    fn md5(&self) -> Option<Checksum> {
        let plain =
            self.customer_key.is_none() && self.encryption.is_none_or(|kind| *kind == ServerSideEncryption::Aes256);
        self.etag.filter(|_| plain).and_then(Checksum::from_etag)
    }
}

impl S3 {
    /// The bytes that are asked for, to be read at once. It is one attempt: who reads them asks again.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one by now.
    pub async fn get(&self, uri: &S3Uri, ask: &Ask) -> Result<Body> {
        let answer = self.answer(uri, ask).await?;
        self.body(uri, ask, answer)
    }

    /// The same, with what is stored beside the bytes; [`Described::tags`] says how many tags there are.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_described(&self, uri: &S3Uri, ask: &Ask) -> Result<(Body, Described)> {
        let answer = self.answer(uri, ask).await?;
        let described = described!(answer);
        Ok((self.body(uri, ask, answer)?, described))
    }

    async fn answer(&self, uri: &S3Uri, ask: &Ask) -> Result<GetObjectOutput> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call(ask.action(), &resource, Some(&uri.bucket)) };
        let range = ask.range.as_ref().map(header);
        let request = |client: Client| {
            let request = client
                .get_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .set_range(range.clone())
                .set_if_match(ask.etag.clone())
                .set_version_id(ask.version.clone())
                .customize()
                // By hand: with `checksum_mode` the SDK would make the checksum once more as we do.
                .mutate_request(|request| _ = request.headers_mut().insert("x-amz-checksum-mode", "ENABLED"))
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        self.in_region_for(Use::Transfer, &uri.bucket, request).await
    }

    fn body(&self, uri: &S3Uri, ask: &Ask, answer: GetObjectOutput) -> Result<Body> {
        let replaced = || Error::Replaced { resource: uri.to_string() };
        let length = answer.content_length.and_then(|length| length.try_into().ok()).unwrap_or(0);
        let size = match (&ask.range, &answer.content_range) {
            (None, _) => length,
            (Some(asked), Some(sent)) => match read_content_range(sent) {
                Some((start, end, size)) if start == asked.start && end <= asked.end && end - start == length => size,
                _ => return Err(replaced()),
            },
            // A server that does not know ranges sends the whole object; written behind the first half it would be a
            // lie.
            (Some(_), None) => return Err(replaced()),
        };
        let told = told!(answer);
        // What comes with a part of an object may be that part's.
        let checksum = if ask.range.is_none() { told.of_the_whole() } else { None };
        let md5 = told.md5();
        Ok(Body {
            length,
            endpoint: self.inner.endpoint.name("s3"),
            stat: Stat {
                size,
                checksum,
                md5,
                last_modified: answer.last_modified.as_ref().and_then(timestamp),
                etag: answer.e_tag,
            },
            stream: answer.body,
        })
    }

    /// What is known of an object before it is read in parts; with the entity tag of `ask`, only of that one.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one by now.
    pub async fn stat(&self, uri: &S3Uri, ask: &Ask) -> Result<Stat> {
        self.describe(uri, ask).await.map(|(stat, _)| stat)
    }

    /// The same, with what is stored beside the bytes.
    ///
    /// # Errors
    /// As [`Self::stat`].
    pub async fn describe(&self, uri: &S3Uri, ask: &Ask) -> Result<(Stat, Described)> {
        let answer = self.ask_head(uri, ask, None).await?;
        let told = told!(answer);
        let stat = Stat {
            size: answer.content_length.and_then(|size| size.try_into().ok()).unwrap_or(0),
            checksum: told.of_the_whole(),
            md5: told.md5(),
            last_modified: answer.last_modified.as_ref().and_then(timestamp),
            etag: answer.e_tag.clone(),
        };
        Ok((stat, described!(answer)))
    }

    /// The length of the first part that the object was uploaded in, and how many there are; `None` for one that was
    /// uploaded whole, and from servers that do not tell.
    ///
    /// # Errors
    /// As [`Self::stat`].
    pub async fn first_part(&self, uri: &S3Uri, ask: &Ask) -> Result<Option<(u64, u64)>> {
        let answer = self.ask_head(uri, ask, Some(1)).await?;
        let number = |value: i64| u64::try_from(value).ok();
        let (length, count) = (answer.content_length.and_then(number), answer.parts_count.map(i64::from));
        Ok(length.zip(count.and_then(number)))
    }

    async fn ask_head(&self, uri: &S3Uri, ask: &Ask, part: Option<i32>) -> Result<HeadObjectOutput> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call(ask.action(), &resource, Some(&uri.bucket)) };
        let request = |client: Client| {
            let request = client
                .head_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .set_part_number(part)
                .set_if_match(ask.etag.clone())
                .set_version_id(ask.version.clone())
                .checksum_mode(ChecksumMode::Enabled)
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        self.bodiless(uri, ask.version.as_deref(), request).await
    }

    /// Makes a call whose answers have no body. A 400 then names no code, only the bucket's region, and an ended
    /// session looks like a wrong request: GET says which, and with that there is a new one.
    pub(super) async fn bodiless<T, Answer: Future<Output = Result<T>>>(
        &self,
        uri: &S3Uri,
        version: Option<&str>,
        request: impl Fn(Client) -> Answer,
    ) -> Result<T> {
        let error = match self.in_region(&uri.bucket, &request).await {
            Err(error) if is_mute(&error) => error,
            answer => return answer,
        };
        let one = Ask { range: Some(0..1), version: version.map(str::to_owned), ..Ask::default() };
        match self.get(uri, &one).await {
            Ok(_) => {}
            // Of an object without bytes.
            Err(Error::Aws { code, .. }) if code == "InvalidRange" => {}
            Err(said) => return Err(if is_mute(&said) { error } else { said }),
        }
        self.in_region(&uri.bucket, &request).await
    }
}

/// Whether S3 refused and had no room to say why.
fn is_mute(error: &Error) -> bool {
    match error {
        Error::OtherRegion { .. } => true,
        Error::Aws { code, .. } => code == "HTTP 400",
        _ => false,
    }
}

/// The `Range` header; an end beyond everything is left open.
fn header(range: &Range<u64>) -> String {
    match range.end {
        u64::MAX => format!("bytes={}-", range.start),
        end => format!("bytes={}-{}", range.start, end.saturating_sub(1)),
    }
}

/// `bytes 0-9/100` as start, end (behind the last byte) and size of the whole.
fn read_content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?, size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_headers() {
        assert_eq!(header(&(5..u64::MAX)), "bytes=5-");
        assert_eq!(header(&(0..10)), "bytes=0-9");
        assert_eq!(read_content_range("bytes 0-9/100"), Some((0, 10, 100)));
        for wrong in ["bytes */100", "bytes 0-9/*", "0-9/100", ""] {
            assert_eq!(read_content_range(wrong), None, "{wrong}");
        }
    }
}
