//! Checksums of whole objects: what S3 tells of one, and what bytes have.
//!
//! Amazon S3 User Guide, "Checking object integrity in Amazon S3": a checksum of type FULL_OBJECT, or one of an object
//! that was uploaded in one piece, is that of its bytes. Of an object in parts the others are checksums of checksums,
//! written `…-N`, and say nothing about the bytes as a whole; so does an ETag with `-N`, or one of an object that is
//! encrypted with SSE-KMS or SSE-C.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;

use super::text::hex;

/// How a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// CRC-64/NVME, what S3 gives every new object.
    Crc64Nvme,
    /// CRC-32.
    Crc32,
    /// CRC-32C.
    Crc32c,
    /// MD5, as an ETag.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header that carries such a checksum; MD5 has another one.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Self::Crc64Nvme => Some("x-amz-checksum-crc64nvme"),
            Self::Crc32 => Some("x-amz-checksum-crc32"),
            Self::Crc32c => Some("x-amz-checksum-crc32c"),
            Self::Sha1 => Some("x-amz-checksum-sha1"),
            Self::Sha256 => Some("x-amz-checksum-sha256"),
            Self::Md5 => None,
        }
    }

    /// Whether checksums of parts can be combined to that of the whole, in any order of their making.
    pub fn combines(self) -> bool {
        self.crc().is_some()
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Md5 | Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Bytes of such a checksum.
    fn length(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32 | Self::Crc32c => 4,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// The checksum of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How it is made.
    pub algorithm: Algorithm,
    value: Vec<u8>,
}

impl Checksum {
    /// Reads the value of a header such as `x-amz-checksum-crc64nvme`; `None` for one that is not of the whole object.
    pub fn from_header(algorithm: Algorithm, value: &str) -> Option<Self> {
        let value = STANDARD.decode(value).ok()?;
        (value.len() == algorithm.length()).then_some(Self { algorithm, value })
    }

    /// Reads an ETag, with or without its quotes; `None` for one that is no MD5 by its looks. Whether it is one is for
    /// the caller to know: see the head of this file.
    pub fn from_etag(etag: &str) -> Option<Self> {
        let digits = etag.trim_matches('"');
        let is_hex = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let byte = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16).ok();
        is_hex
            .then(|| (0..32).step_by(2).filter_map(byte).collect())
            .map(|value| Self { algorithm: Algorithm::Md5, value })
    }
}

impl Checksum {
    /// The value of a header such as `x-amz-checksum-crc64nvme`.
    pub fn header_value(&self) -> String {
        STANDARD.encode(&self.value)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.value
    }

    /// A CRC as a number; `None` for what is longer than 64 bits.
    pub fn number(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.get_mut(8_usize.checked_sub(self.value.len())?..)?.copy_from_slice(&self.value);
        Some(u64::from_be_bytes(bytes))
    }
}

/// Bytes on their way to a checksum.
#[derive(Clone)]
pub enum Hasher {
    /// A CRC.
    Crc(Algorithm, crc_fast::Digest),
    /// MD5.
    Md5(Md5),
    /// SHA-1.
    Sha1(Sha1),
    /// SHA-256.
    Sha256(Sha256),
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hasher({})", self.algorithm().name())
    }
}

impl Hasher {
    /// Of no bytes yet.
    pub fn new(algorithm: Algorithm) -> Self {
        match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => Self::Crc(algorithm, crc_fast::Digest::new(crc)),
            (Algorithm::Sha1, _) => Self::Sha1(Sha1::new()),
            (Algorithm::Sha256, _) => Self::Sha256(Sha256::new()),
            _ => Self::Md5(Md5::new()),
        }
    }

    /// How the checksum is made.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Crc(algorithm, _) => *algorithm,
            Self::Md5(_) => Algorithm::Md5,
            Self::Sha1(_) => Algorithm::Sha1,
            Self::Sha256(_) => Algorithm::Sha256,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Md5(digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all bytes that were taken.
    pub fn finish(self) -> Checksum {
        let algorithm = self.algorithm();
        let value = match self {
            Self::Crc(_, digest) => big_endian(algorithm, digest.finalize()),
            Self::Md5(digest) => digest.finalize().to_vec(),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        };
        Checksum { algorithm, value }
    }
}

/// The CRC of a text whose pieces have these CRCs and lengths, in their order. `None` for what is no CRC.
pub fn combined(algorithm: Algorithm, pieces: impl IntoIterator<Item = (u64, u64)>) -> Option<Checksum> {
    let crc = algorithm.crc()?;
    let none = crc_fast::checksum(crc, b"");
    let whole =
        pieces.into_iter().fold(none, |before, (piece, length)| crc_fast::checksum_combine(crc, before, piece, length));
    Some(Checksum { algorithm, value: big_endian(algorithm, whole) })
}

/// The ETag without quotes of an object whose parts have these ETags, in their order: the MD5 of their MD5s, and how
/// many there are. `None` where one of them is no MD5 by its looks.
pub fn etag_of_parts<'a>(etags: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let (mut md5, mut count) = (Md5::new(), 0);
    for etag in etags {
        md5.update(Checksum::from_etag(etag)?.bytes());
        count += 1;
    }
    Some(format!("{}-{count}", hex(&md5.finalize())))
}

/// The CRC of some bytes as a number, for [`combined`]; 0 for what is no CRC.
pub fn crc(algorithm: Algorithm, bytes: &[u8]) -> u64 {
    algorithm.crc().map_or(0, |crc| crc_fast::checksum(crc, bytes))
}

/// S3 sends the bytes of the number, the highest first.
fn big_endian(algorithm: Algorithm, value: u64) -> Vec<u8> {
    value.to_be_bytes()[8 - algorithm.length()..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of parametrised CRC algorithms, and of the RFCs 1321, 3174 and FIPS 180-4.
    #[test]
    fn checksums_of_known_texts() {
        for (algorithm, text, value) in [
            (Algorithm::Crc64Nvme, "123456789", "rosUhgp5mIg="),
            (Algorithm::Crc32, "123456789", "y/Q5Jg=="),
            (Algorithm::Crc32c, "123456789", "4waSgw=="),
            (Algorithm::Sha1, "abc", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
            (Algorithm::Sha256, "abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
            (Algorithm::Md5, "abc", "kAFQmDzST7DWlj99KOF/cg=="),
        ] {
            let mut hasher = Hasher::new(algorithm);
            let (first, rest) = text.as_bytes().split_at(1);
            hasher.update(first);
            hasher.update(rest);
            assert_eq!(Some(hasher.finish()), Checksum::from_header(algorithm, value), "{algorithm:?}");
        }
        assert_eq!(
            Checksum::from_etag("\"900150983cd24fb0d6963f7d28e17f72\""),
            Checksum::from_header(Algorithm::Md5, "kAFQmDzST7DWlj99KOF/cg==")
        );
    }

    #[test]
    fn etags_of_parts_make_that_of_the_whole() {
        let part = "900150983cd24fb0d6963f7d28e17f72";
        // The MD5 of these 32 bytes.
        assert_eq!(etag_of_parts([part, part]).unwrap(), "043a916d6cfeecedf5e04f0312ba762d-2");
        assert_eq!(etag_of_parts([part, "x-2"]), None);
    }

    #[test]
    fn pieces_combine_to_the_whole() {
        for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Crc32] {
            assert!(algorithm.combines(), "{algorithm:?}");
            let pieces = ["12", "", "3456", "789"].map(|text| (crc(algorithm, text.as_bytes()), text.len() as u64));
            let mut whole = Hasher::new(algorithm);
            whole.update(b"123456789");
            assert_eq!(combined(algorithm, pieces), Some(whole.finish()));
        }
        assert_eq!(combined(Algorithm::Md5, []), None);
    }

    #[test]
    fn what_is_no_checksum_of_the_whole_is_none() {
        for etag in ["\"900150983cd24fb0d6963f7d28e17f72-3\"", "", "\"\"", "\"zz0150983cd24fb0d6963f7d28e17f72\""] {
            assert_eq!(Checksum::from_etag(etag), None, "{etag}");
        }
        assert_eq!(Checksum::from_header(Algorithm::Crc32, "y/Q5Jg==-4"), None);
        assert_eq!(Checksum::from_header(Algorithm::Crc32, "y/Q5"), None);
    }
}
