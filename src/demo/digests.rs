//! What S3 tells about the bytes of an object: its ETag, its checksum, and those of its parts.
//!
//! Amazon S3 User Guide, "Checking object integrity in Amazon S3". The sums are s3s's own, so that the code of xsw
//! which compares them does not judge itself.

use std::ops::Range;
use std::sync::OnceLock;

use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};

use super::content::{Content, scramble};
use crate::domain::checksum::Algorithm;
use crate::domain::text::hex;

/// Above this length the MD5 of made-up content is not worth its time: the ETag is then one as of a multipart upload,
/// which promises nothing about the bytes.
const DIGESTED: u64 = 16 * 1024 * 1024;

/// Above this length made-up content has no checksum at all.
const CHECKED: u64 = 512 * 1024 * 1024;

/// The part size that an opaque ETag pretends.
const PART: u64 = 8 * 1024 * 1024;

/// How an object was uploaded, as far as its ETag and its checksum tell, and both of them once they were asked for.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    /// Which checksum it has.
    pub algorithm: Option<Algorithm>,
    /// Bytes in a part of a multipart upload.
    pub part_size: Option<u64>,
    /// Whether a CRC-32 or CRC-32C of a multipart upload is that of the whole object.
    pub of_whole: bool,
    /// The key of SSE-KMS, which makes the ETag say nothing.
    pub kms_key: Option<String>,
    etag: OnceLock<String>,
    checksum: OnceLock<String>,
}

impl Default for Digests {
    /// CRC64NVME is what S3 gives every object that comes without a checksum of its own.
    fn default() -> Digests {
        Digests {
            algorithm: Some(Algorithm::Crc64Nvme),
            part_size: None,
            of_whole: false,
            kms_key: None,
            etag: OnceLock::new(),
            checksum: OnceLock::new(),
        }
    }
}

impl Digests {
    /// The checksum's algorithm, where there is a checksum.
    pub(super) fn algorithm(&self, content: &Content) -> Option<Algorithm> {
        let unknown = matches!(content, Content::Made { length, .. } if *length > CHECKED);
        self.algorithm.filter(|_| !unknown)
    }

    /// Bytes in a part, of an object that was uploaded in parts.
    pub(super) fn part_size(&self, content: &Content) -> Option<u64> {
        let pretended = matches!(content, Content::Made { length, .. } if *length > DIGESTED);
        self.part_size.or(pretended.then_some(PART)).map(|size| size.max(1))
    }

    /// Whether the checksum is one of the checksums of the parts.
    pub(super) fn is_composite(&self, content: &Content) -> bool {
        let parts = match self.algorithm {
            Some(Algorithm::Sha1 | Algorithm::Sha256) => true,
            Some(Algorithm::Crc32 | Algorithm::Crc32c) => !self.of_whole,
            _ => false,
        };
        parts && self.part_size(content).is_some()
    }

    /// The ETag without its quotes.
    pub(super) fn etag(&self, content: &Content) -> &str {
        self.etag.get_or_init(|| {
            let length = content.length();
            let parts = self.part_size(content).map(|size| length.div_ceil(size).max(1));
            let digits = match content {
                Content::Made { seed, .. } if length > DIGESTED => {
                    format!("{:016x}{:016x}", scramble(*seed), scramble(length))
                }
                _ => hex(&match (&self.kms_key, parts) {
                    (Some(key), _) => Md5::checksum(&[raw::<Md5>(content, 0..length), key.clone().into()].concat()),
                    (None, Some(_)) => Md5::checksum(&self.raw_of_parts(content, raw::<Md5>)),
                    (None, None) => raw::<Md5>(content, 0..length).try_into().unwrap_or_default(),
                }),
            };
            match parts {
                Some(parts) => format!("{digits}-{parts}"),
                None => digits,
            }
        })
    }

    /// The checksum in base64, and `-N` behind a composite one. It reads the whole content, once.
    pub(super) fn checksum(&self, content: &Content) -> Option<&str> {
        let algorithm = self.algorithm(content)?;
        Some(self.checksum.get_or_init(|| {
            if self.is_composite(content) {
                let sums = self.raw_of_parts(content, |content, range| sum(algorithm, content, range));
                let parts = self.parts(content).count();
                return format!("{}-{parts}", base64(&sum_of(algorithm, &sums)));
            }
            base64(&sum(algorithm, content, 0..content.length()))
        }))
    }

    /// The checksum of one part, in base64.
    pub(super) fn of_part(&self, content: &Content, range: Range<u64>) -> Option<String> {
        Some(base64(&sum(self.algorithm(content)?, content, range)))
    }

    /// Where the parts are. An object that was uploaded in one piece is one part.
    pub(super) fn parts(&self, content: &Content) -> impl Iterator<Item = Range<u64>> + use<> {
        let length = content.length();
        let size = self.part_size(content).unwrap_or(length.max(1));
        (0..length.div_ceil(size).max(1)).map(move |part| part * size..((part + 1) * size).min(length))
    }

    /// The sums of all parts, one behind the other.
    fn raw_of_parts(&self, content: &Content, sum: impl Fn(&Content, Range<u64>) -> Vec<u8>) -> Vec<u8> {
        self.parts(content).flat_map(|part| sum(content, part)).collect()
    }
}

fn raw<Sum: Checksum>(content: &Content, range: Range<u64>) -> Vec<u8> {
    let mut sum = Sum::new();
    content.chunks(range).for_each(|chunk| sum.update(&chunk));
    sum.finalize().as_ref().to_vec()
}

fn sum(algorithm: Algorithm, content: &Content, range: Range<u64>) -> Vec<u8> {
    match algorithm {
        Algorithm::Crc64Nvme => raw::<Crc64Nvme>(content, range),
        Algorithm::Crc32 => raw::<Crc32>(content, range),
        Algorithm::Crc32c => raw::<Crc32c>(content, range),
        Algorithm::Md5 => raw::<Md5>(content, range),
        Algorithm::Sha1 => raw::<Sha1>(content, range),
        Algorithm::Sha256 => raw::<Sha256>(content, range),
    }
}

fn sum_of(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let content = Content::Kept(bytes.to_vec().into());
    sum(algorithm, &content, 0..content.length())
}

pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::*;

    fn nine() -> Content {
        Content::Kept(Bytes::from_static(b"123456789"))
    }

    #[test]
    fn digests_of_an_object_in_one_piece() {
        let digests = Digests::default();
        assert_eq!(digests.etag(&nine()), "25f9e794323b453885f5181f1b624d0b");
        // The check value of CRC-64/NVME is ae8b14860a799888.
        assert_eq!(digests.checksum(&nine()), Some("rosUhgp5mIg="));
        let kms = Digests { kms_key: Some("key".to_owned()), ..Digests::default() };
        assert_eq!(kms.etag(&nine()).len(), 32);
        assert_ne!(kms.etag(&nine()), digests.etag(&nine()));
    }

    #[test]
    fn digests_of_an_object_in_parts() {
        let of = |algorithm, of_whole| {
            let digests = Digests { algorithm: Some(algorithm), part_size: Some(4), of_whole, ..Digests::default() };
            (digests.is_composite(&nine()), digests.checksum(&nine()).unwrap_or_default().to_owned())
        };
        // Of the whole: the catalogue's check values.
        assert_eq!(of(Algorithm::Crc64Nvme, false), (false, "rosUhgp5mIg=".to_owned()));
        assert_eq!(of(Algorithm::Crc32, true), (false, "y/Q5Jg==".to_owned()));
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Sha1, Algorithm::Sha256] {
            let (composite, value) = of(algorithm, false);
            assert!(composite && value.ends_with("=-3"), "{value}");
        }
        let sums = [&b"1234"[..], b"5678", b"9"].map(Crc32::checksum).concat();
        assert_eq!(of(Algorithm::Crc32, false).1, format!("{}-3", base64(&Crc32::checksum(&sums))));
        let etag = Digests { part_size: Some(4), ..Digests::default() }.etag(&nine()).to_owned();
        let sums = [&b"1234"[..], b"5678", b"9"].map(Md5::checksum).concat();
        assert_eq!(etag, format!("{}-3", hex(&Md5::checksum(&sums))));
    }

    #[test]
    fn long_made_up_content_has_what_is_worth_its_time() {
        let made = |length| Content::Made { length, seed: 1, pace: None };
        let digests = Digests::default();
        assert!(digests.etag(&made(200 << 20)).ends_with("-25"));
        assert_eq!(digests.algorithm(&made(CHECKED)), Some(Algorithm::Crc64Nvme));
        assert_eq!(digests.algorithm(&made(CHECKED + 1)), None);
        assert!(digests.parts(&Content::Kept(Bytes::new())).eq(std::iter::once(0..0)));
    }
}
