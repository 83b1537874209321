//! What a copy of an object takes along, how it is cut, and when two objects are the same.

use super::checksum::Checksum;
use super::object::Object;

/// Bytes of a part at least, but of the last one (Amazon S3 User Guide, "Amazon S3 multipart upload limits").
pub const LEAST_PART: u64 = 5 << 20;

/// Parts of an object at most.
pub const MOST_PARTS: u64 = 10_000;

/// What one CopyObject or one part takes at most.
pub const LARGEST_COPY: u64 = 5 << 30;

/// The headers that are stored with an object and come back with it. `expires` is among them as it was written.
pub const STORED_HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-website-redirect-location",
];

/// What is kept with an object beside its bytes, and goes with it into a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Of [`STORED_HEADERS`] those that it has.
    pub headers: Vec<(&'static str, String)>,
    /// User metadata, without `x-amz-meta-`.
    pub metadata: Vec<(String, String)>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// `STANDARD`, `GLACIER_IR`, …
    pub storage_class: String,
}

/// How the copies shall be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// Their storage class.
    pub class: Class,
    /// How they are encrypted.
    pub encryption: Encryption,
    /// Whether the tags are left behind.
    pub without_tags: bool,
}

impl Storage {
    /// The storage class to name, for a source of this one; `None` is the bucket's own.
    pub fn class_of<'a>(&'a self, source: &'a str) -> Option<&'a str> {
        match &self.class {
            Class::Standard => None,
            Class::Keep => Some(source),
            Class::Named(class) => Some(class),
        }
    }
}

/// The storage class of copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// STANDARD, which S3 takes when none is named.
    #[default]
    Standard,
    /// That of the source.
    Keep,
    /// This one.
    Named(String),
}

/// The encryption of copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// As the target bucket does it.
    #[default]
    Bucket,
    /// SSE-S3.
    Aes256,
    /// SSE-KMS, with this key or with the one that AWS manages.
    Kms(Option<String>),
}

/// How bytes get from one bucket to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// S3 copies by itself, under one role.
    Server,
    /// Through this machine: one session reads, one writes. They may be the same role's.
    Streamed,
}

impl Way {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server-side",
            Self::Streamed => "streamed",
        }
    }
}

/// What two listings tell of an object and its namesake in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// The same bytes.
    Same,
    /// Others.
    Different,
    /// Of one size, and the target is no older: their checksums have to be asked for.
    Unclear,
}

/// Compares what listings tell. ETags of objects in parts, or encrypted with KMS, differ although the bytes do not
/// (Amazon S3 API Reference, "Object").
pub fn compared(source: &Object, target: &Object) -> Sameness {
    if source.size != target.size {
        return Sameness::Different;
    }
    match (bare(&source.etag), bare(&target.etag)) {
        (Some(source), Some(target)) if source == target => Sameness::Same,
        _ if source.size == 0 => Sameness::Same,
        // Written before what it would be a copy of.
        _ if target.last_modified < source.last_modified => Sameness::Different,
        _ => Sameness::Unclear,
    }
}

/// An ETag without its quotes.
pub fn bare(etag: &Option<String>) -> Option<&str> {
    etag.as_deref().map(|etag| etag.trim_matches('"'))
}

/// Whether two objects of one size are the same by what is known of their bytes; `None` when nothing can be compared.
pub fn same_bytes<'a>(
    source: impl IntoIterator<Item = &'a Checksum>,
    target: impl IntoIterator<Item = &'a Checksum> + Clone,
) -> Option<bool> {
    source.into_iter().find_map(|source| {
        let mut targets = target.clone().into_iter();
        targets.find(|target| target.algorithm == source.algorithm).map(|target| target == source)
    })
}

/// How an object is cut into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part: u64,
}

impl Cut {
    /// Parts of at least `wished` bytes, and of so many more that there are no more than 10,000.
    pub fn new(size: u64, wished: u64) -> Self {
        let least = size.div_ceil(MOST_PARTS).next_multiple_of(1 << 20);
        Self { size, part: wished.max(least).max(LEAST_PART) }
    }

    /// The parts that the source itself was uploaded in, so that the copy's ETag is the source's: `first` is the
    /// length of its first one, `count` how many it has. `None` when they are not all of one length, or too large.
    pub fn of_source(size: u64, first: u64, count: u64, largest: u64) -> Option<Self> {
        let fits = (LEAST_PART..=largest).contains(&first) && size.div_ceil(first) == count;
        fits.then_some(Self { size, part: first })
    }

    /// How many parts there are.
    pub fn parts(&self) -> u64 {
        self.size.div_ceil(self.part)
    }

    /// The bytes of a part; the first is number 1, as S3 counts.
    pub fn range(&self, number: u64) -> std::ops::Range<u64> {
        let start = (number - 1) * self.part;
        start..(start + self.part).min(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::checksum::Algorithm;

    fn object(size: u64, etag: &str, second: i64) -> Object {
        let last_modified = jiff::Timestamp::from_second(second).ok();
        Object { size, etag: Some(etag.to_owned()), last_modified, ..Object::default() }
    }

    #[test]
    fn what_two_listings_tell() {
        for (source, target, expected) in [
            (object(5, "\"a\"", 10), object(5, "a", 1), Sameness::Same),
            (object(5, "a", 10), object(6, "a", 20), Sameness::Different),
            // Older than its source: no copy of it.
            (object(5, "a", 10), object(5, "b", 9), Sameness::Different),
            (object(5, "a", 10), object(5, "b", 10), Sameness::Unclear),
            (object(5, "a-2", 10), object(5, "b", 11), Sameness::Unclear),
            (object(0, "a", 10), object(0, "b", 1), Sameness::Same),
        ] {
            assert_eq!(compared(&source, &target), expected, "{source:?} {target:?}");
        }
    }

    #[test]
    fn checksums_tell_what_they_have_in_common() {
        let crc = |value: &str| Checksum::from_header(Algorithm::Crc32, value).unwrap();
        let md5 = |digit: &str| Checksum::from_etag(&digit.repeat(32)).unwrap();
        for (source, target, expected) in [
            (vec![crc("AAAAAA==")], vec![crc("AAAAAA==")], Some(true)),
            (vec![crc("AAAAAA=="), md5("a")], vec![md5("a")], Some(true)),
            (vec![md5("a")], vec![crc("AAAAAA=="), md5("b")], Some(false)),
            (vec![md5("a")], vec![crc("AAAAAA==")], None),
            (vec![], vec![], None),
        ] {
            assert_eq!(same_bytes(&source, &target), expected, "{source:?} {target:?}");
        }
    }

    #[test]
    fn parts_are_within_the_limits_of_s3() {
        for (size, wished, part, parts) in [
            (6 << 30, 8 << 20, 8 << 20, 768),
            (100, 8 << 20, 8 << 20, 1),
            (100 << 20, 1, 5 << 20, 20),
            // 5 TiB in 10,000 parts.
            (5 << 40, 8 << 20, 525 << 20, 9987),
        ] {
            let cut = Cut::new(size, wished);
            assert_eq!((cut.part, cut.parts()), (part, parts));
            assert_eq!(cut.range(cut.parts()).end, size);
            assert!(cut.parts() <= MOST_PARTS && cut.part <= LARGEST_COPY);
        }
        assert_eq!(Cut::new(10 << 20, 8 << 20).range(2), (8 << 20)..(10 << 20));
    }

    #[test]
    fn a_copy_is_cut_as_its_source_was() {
        let mib = 1 << 20;
        for (size, first, count, expected) in [
            (20 * mib, 8 * mib, 3, Some(8 * mib)),
            // A last part that is longer, parts of several lengths, one that is too small or too large.
            (20 * mib, 8 * mib, 2, None),
            (20 * mib, 8 * mib, 4, None),
            (20 * mib, mib, 20, None),
            (400 * mib, 100 * mib, 4, None),
        ] {
            let cut = Cut::of_source(size, first, count, 64 * mib);
            assert_eq!(cut.map(|cut| cut.part), expected, "{size} {first} {count}");
        }
    }
}
