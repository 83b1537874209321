//! What S3 tells about the bytes of an object: its ETag, its checksum, and those of its parts.
//!
//! Amazon S3 User Guide, "Checking object integrity in Amazon S3". The sums are s3s's own, and those of `leap`, so that
//! the code of xsw which compares them does not judge itself.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};

use super::content::{Content, scramble};
use super::leap;
use crate::domain::checksum::Algorithm;
use crate::domain::text::hex;

/// Above this length the MD5 of made-up content is not worth its time: the ETag is then one as of a multipart upload,
/// which promises nothing about the bytes. Copies of it are no exception, though S3 would give them an MD5.
const DIGESTED: u64 = 16 * 1024 * 1024;

/// Above this length made-up content has no checksum but CRC64NVME, for which it need not be made: see `leap`.
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
    /// Where the parts of a multipart upload end, when they are not all of one size.
    pub ends: Option<Arc<[u64]>>,
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
            ends: None,
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
        self.algorithm.filter(|algorithm| is_worth_it(*algorithm, content))
    }

    /// Of an object that was uploaded elsewhere in parts, for which ETag and checksum are known: see `uploads`.
    pub(super) fn uploaded(
        algorithm: Algorithm,
        composite: bool,
        ends: Vec<u64>,
        etag: String,
        checksum: Option<String>,
    ) -> Digests {
        let known = |value: Option<String>| value.map_or_else(OnceLock::new, OnceLock::from);
        Digests {
            algorithm: Some(algorithm),
            ends: Some(ends.into()),
            of_whole: !composite,
            etag: known(Some(etag)),
            checksum: known(checksum),
            ..Digests::default()
        }
    }

    /// Bytes in a part, of an object that was uploaded in parts of one size.
    fn part_size(&self, content: &Content) -> Option<u64> {
        self.part_size.or((content.made_up() > DIGESTED).then_some(PART)).map(|size| size.max(1))
    }

    /// Whether the object was uploaded in parts, or says so.
    pub(super) fn is_in_parts(&self, content: &Content) -> bool {
        self.ends.is_some() || self.part_size(content).is_some()
    }

    /// Whether the checksum is one of the checksums of the parts.
    pub(super) fn is_composite(&self, content: &Content) -> bool {
        let parts = match self.algorithm {
            Some(Algorithm::Sha1 | Algorithm::Sha256) => true,
            Some(Algorithm::Crc32 | Algorithm::Crc32c) => !self.of_whole,
            _ => false,
        };
        parts && self.is_in_parts(content)
    }

    /// The ETag without its quotes.
    pub(super) fn etag(&self, content: &Content) -> &str {
        self.etag.get_or_init(|| {
            let length = content.length();
            let parts = self.is_in_parts(content).then(|| self.parts(content).count());
            let digits = match content {
                content if content.made_up() > DIGESTED => opaque(content),
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
        let ends = self.ends.clone();
        let count = ends.as_ref().map_or(length.div_ceil(size).max(1), |ends| ends.len() as u64);
        (0..count).map(move |part| match &ends {
            Some(ends) => part.checked_sub(1).map_or(0, |before| ends[before as usize])..ends[part as usize],
            None => part * size..((part + 1) * size).min(length),
        })
    }

    /// The sums of all parts, one behind the other.
    fn raw_of_parts(&self, content: &Content, sum: impl Fn(&Content, Range<u64>) -> Vec<u8>) -> Vec<u8> {
        self.parts(content).flat_map(|part| sum(content, part)).collect()
    }
}

/// What stands for the MD5 of long made-up content: it follows from where the bytes come from.
fn opaque(content: &Content) -> String {
    if let Content::Made { seed, length, .. } = content {
        return format!("{:016x}{:016x}", scramble(*seed), scramble(*length));
    }
    let origin = content.pieces(0..content.length()).map(|(piece, range)| match piece {
        Content::Made { seed, .. } => format!("{seed} {range:?};"),
        _ => format!("{:x?};", sum(Algorithm::Crc64Nvme, piece, range)),
    });
    hex(&Md5::checksum(origin.collect::<String>().as_bytes()))
}

/// The ETag of a part that is uploaded, and its checksum where it has one.
pub(super) fn part_digests(content: &Content, algorithm: Algorithm) -> (String, Option<String>) {
    let length = content.length();
    let etag = match content.made_up() > DIGESTED {
        true => opaque(content),
        false => hex(&raw::<Md5>(content, 0..length)),
    };
    (etag, is_worth_it(algorithm, content).then(|| base64(&sum(algorithm, content, 0..length))))
}

/// Whether a checksum of this content is computed at all.
fn is_worth_it(algorithm: Algorithm, content: &Content) -> bool {
    algorithm == Algorithm::Crc64Nvme || content.made_up() <= CHECKED
}

fn raw<Sum: Checksum>(content: &Content, range: Range<u64>) -> Vec<u8> {
    let mut sum = Sum::new();
    content.chunks(range).for_each(|chunk| sum.update(&chunk));
    sum.finalize().as_ref().to_vec()
}

fn sum(algorithm: Algorithm, content: &Content, range: Range<u64>) -> Vec<u8> {
    match algorithm {
        Algorithm::Crc64Nvme if content.made_up() > 0 => leap::crc64(content, range).to_be_bytes().to_vec(),
        Algorithm::Crc64Nvme => raw::<Crc64Nvme>(content, range),
        Algorithm::Crc32 => raw::<Crc32>(content, range),
        Algorithm::Crc32c => raw::<Crc32c>(content, range),
        Algorithm::Md5 => raw::<Md5>(content, range),
        Algorithm::Sha1 => raw::<Sha1>(content, range),
        Algorithm::Sha256 => raw::<Sha256>(content, range),
    }
}

/// The ETag of an object of these parts: the MD5 of their MD5s.
pub(super) fn etag_of_parts<'a>(etags: impl Iterator<Item = &'a str>) -> String {
    let mut count = 0;
    let digits = etags.inspect(|_| count += 1).collect::<String>();
    let bytes: Vec<u8> =
        (0..digits.len() / 2).filter_map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).ok()).collect();
    format!("{}-{count}", hex(&Md5::checksum(&bytes)))
}

/// The composite checksum of an object whose parts have these.
pub(super) fn composite<'a>(algorithm: Algorithm, sums: impl Iterator<Item = &'a str>) -> String {
    let mut count = 0;
    let bytes: Vec<u8> = sums.inspect(|_| count += 1).flat_map(unbase64).collect();
    format!("{}-{count}", base64(&sum_of(algorithm, &bytes)))
}

fn sum_of(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let content = Content::Kept(bytes.to_vec().into());
    sum(algorithm, &content, 0..content.length())
}

pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
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
        assert_eq!(digests.algorithm(&made(CHECKED + 1)), Some(Algorithm::Crc64Nvme));
        let sha256 = Digests { algorithm: Some(Algorithm::Sha256), ..Digests::default() };
        assert_eq!(sha256.algorithm(&made(CHECKED)), Some(Algorithm::Sha256));
        assert_eq!(sha256.algorithm(&made(CHECKED + 1)), None);
        assert!(digests.parts(&Content::Kept(Bytes::new())).eq(std::iter::once(0..0)));
    }
}
