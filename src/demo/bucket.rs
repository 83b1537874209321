//! Buckets: objects that are kept, and series of objects that are made up as they are asked for.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::content::{Content, Pace};
use super::digests::Digests;
use super::versions::Version;
use crate::domain::checksum::Algorithm;
use crate::domain::object::is_archived;

/// A bucket with what is in it.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region, `ap-northeast-1` unless told.
    pub region: String,
    /// Its policy.
    pub policy: Option<Value>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether whoever reads it from another account pays for that, and has to say so.
    pub requester_pays: bool,
    /// Whether its objects can be locked.
    pub object_lock: bool,
    /// The key of SSE-KMS that new objects are encrypted with.
    pub kms_key: Option<String>,
    /// Who owns what others write into it: `BucketOwnerEnforced` unless told, which knows no ACLs.
    pub ownership: String,
    /// Whether it keeps versions.
    pub(super) versioned: bool,
    /// What a GET without a version finds.
    pub(super) objects: BTreeMap<String, Arc<Object>>,
    /// All versions, the newest last, of the keys that were written or deleted since there are versions.
    pub(super) versions: BTreeMap<String, Vec<Version>>,
    /// How many versions were made.
    pub(super) written: u64,
    pub(super) series: Vec<Series>,
}

/// An object.
#[derive(Clone, Debug)]
pub struct Object {
    pub(super) content: Content,
    /// When it was last written.
    pub modified: Timestamp,
    /// `STANDARD`, `GLACIER`, …
    pub storage_class: String,
    /// Its Content-Type.
    pub content_type: Option<String>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Its user metadata.
    pub metadata: Vec<(String, String)>,
    /// Headers that it was stored with.
    pub headers: Stored,
    /// Its lock.
    pub lock: Lock,
    /// Until when it can be read although it is archived.
    pub(super) restored: Option<Restored>,
    digests: Digests,
}

/// Headers that S3 keeps with an object, or tells about it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// Cache-Control.
    pub cache_control: Option<String>,
    /// Content-Disposition.
    pub content_disposition: Option<String>,
    /// Content-Encoding.
    pub content_encoding: Option<String>,
    /// Content-Language.
    pub content_language: Option<String>,
    /// x-amz-website-redirect-location.
    pub website_redirect_location: Option<String>,
    /// x-amz-replication-status: `COMPLETED`, `PENDING`, `FAILED`, `REPLICA`.
    pub replication_status: Option<String>,
    /// x-amz-expiration: `expiry-date="…", rule-id="…"`.
    pub expiration: Option<String>,
}

/// What S3 Object Lock keeps of an object.
#[derive(Clone, Debug, Default)]
pub struct Lock {
    /// `GOVERNANCE` or `COMPLIANCE`, and until when.
    pub retention: Option<(String, Timestamp)>,
    /// Whether there is a legal hold.
    pub legal_hold: Option<bool>,
}

/// A temporary copy of an archived object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restored {
    /// When it is there.
    pub from: Timestamp,
    /// When it goes again.
    pub until: Timestamp,
}

/// Objects numbered from 0 whose keys are `prefix`, the number with leading zeros, `suffix`. They take no memory.
#[derive(Clone, Debug)]
pub struct Series {
    /// What every key begins with.
    pub prefix: String,
    /// How many there are.
    pub count: u64,
    /// Digits of the number; it must be enough for `count`, or the keys would not be in order.
    pub digits: usize,
    /// What every key ends with.
    pub suffix: String,
    /// Bytes in every object.
    pub size: usize,
    /// When they were written.
    pub modified: Timestamp,
}

impl Bucket {
    /// An empty bucket without a policy, made one hundred days ago.
    pub fn new(name: impl Into<String>) -> Bucket {
        Bucket {
            name: name.into(),
            region: "ap-northeast-1".to_owned(),
            policy: None,
            created: ago(100 * 86_400),
            requester_pays: false,
            object_lock: false,
            kms_key: None,
            ownership: "BucketOwnerEnforced".to_owned(),
            versioned: false,
            objects: BTreeMap::new(),
            versions: BTreeMap::new(),
            written: 0,
            series: Vec::new(),
        }
    }

    /// Puts the bucket into a region.
    pub fn region(mut self, region: impl Into<String>) -> Bucket {
        self.region = region.into();
        self
    }

    /// Gives the bucket a policy.
    pub fn policy(mut self, policy: Value) -> Bucket {
        self.policy = Some(policy);
        self
    }

    /// Lets the bucket keep versions from here on: what it holds already are the versions `null`.
    pub fn versioned(mut self) -> Bucket {
        self.versioned = true;
        self
    }

    /// Lets whoever reads the bucket from another account pay.
    pub fn requester_pays(mut self) -> Bucket {
        self.requester_pays = true;
        self
    }

    /// Lets objects be locked, which needs versions.
    pub fn object_lock(mut self) -> Bucket {
        self.object_lock = true;
        self.versioned()
    }

    /// Encrypts new objects with this key, by SSE-KMS.
    pub fn kms(mut self, key_arn: impl Into<String>) -> Bucket {
        self.kms_key = Some(key_arn.into());
        self
    }

    /// Sets S3 Object Ownership: `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.
    pub fn ownership(mut self, ownership: impl Into<String>) -> Bucket {
        self.ownership = ownership.into();
        self
    }

    /// Adds an object, in a versioned bucket as the newest version of its key.
    pub fn object(mut self, key: impl Into<String>, object: Object) -> Bucket {
        self.put(&key.into(), object);
        self
    }

    /// Deletes a key this many seconds ago, which leaves a delete marker in a versioned bucket.
    pub fn deleted(mut self, key: &str, seconds: u64) -> Bucket {
        self.delete(key, None, ago(seconds));
        self
    }

    /// Adds a series of objects.
    pub fn series(mut self, series: Series) -> Bucket {
        self.series.push(series);
        self
    }

    /// The object of a key, kept or made up.
    pub(super) fn get(&self, key: &str) -> Option<Arc<Object>> {
        match self.objects.get(key) {
            Some(object) => Some(object.clone()),
            None => self.series.iter().find_map(|series| Some(Arc::new(series.object(series.number(key)?)))),
        }
    }
}

impl Object {
    /// An object of these bytes, written just now.
    pub fn new(bytes: impl Into<Bytes>) -> Object {
        Object::of(Content::Kept(bytes.into()))
    }

    /// An object of `length` bytes that are made up from `seed` as they are read.
    pub fn made(length: u64, seed: u64) -> Object {
        Object::of(Content::Made { length, seed, pace: None })
    }

    /// An object whose bytes `draw` makes when somebody first looks at it.
    pub fn drawn(draw: fn() -> Bytes) -> Object {
        Object::of(Content::Drawn(Arc::new(LazyLock::new(draw))))
    }

    fn of(content: Content) -> Object {
        Object {
            content,
            modified: Timestamp::now(),
            storage_class: "STANDARD".to_owned(),
            content_type: None,
            tags: Vec::new(),
            metadata: Vec::new(),
            headers: Stored::default(),
            lock: Lock::default(),
            restored: None,
            digests: Digests::default(),
        }
    }

    /// Sends a made-up object at this many bytes per second, over all its readers together, so that a person can
    /// watch the progress. No effect on other objects.
    pub fn paced(mut self, bytes_per_second: u64) -> Object {
        if let Content::Made { pace, .. } = &mut self.content {
            *pace = Some(Arc::new(Pace::new(bytes_per_second)));
        }
        self
    }

    /// Makes the object this many seconds old.
    pub fn aged(mut self, seconds: u64) -> Object {
        self.modified = ago(seconds);
        self
    }

    /// Sets the storage class.
    pub fn storage_class(mut self, class: impl Into<String>) -> Object {
        self.storage_class = class.into();
        self
    }

    /// Sets the Content-Type.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Object {
        self.content_type = Some(content_type.into());
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Object {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Adds user metadata, whose name is in lower case.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Object {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// Gives the object this checksum instead of CRC64NVME. With MD5 it has none but its ETag, as an object from the
    /// time before checksums.
    pub fn checksum(mut self, algorithm: Algorithm) -> Object {
        self.digests.algorithm = Some(algorithm).filter(|algorithm| *algorithm != Algorithm::Md5);
        self
    }

    /// Uploads the object in parts of this size: the ETag ends in `-N`, and so do all checksums but CRC64NVME.
    pub fn multipart(mut self, part_size: u64) -> Object {
        self.digests.part_size = Some(part_size);
        self
    }

    /// Makes the CRC-32 or CRC-32C of an object in parts that of the whole: FULL_OBJECT.
    pub fn full_object(mut self) -> Object {
        self.digests.of_whole = true;
        self
    }

    /// Encrypts the object with SSE-KMS: the ETag is not the MD5, and reading needs kms:Decrypt on the key.
    pub fn kms(mut self, key_arn: impl Into<String>) -> Object {
        self.digests.kms_key = Some(key_arn.into());
        self
    }

    /// Retains the object in this mode (`GOVERNANCE`, `COMPLIANCE`) until that time.
    pub fn retained(mut self, mode: impl Into<String>, until: Timestamp) -> Object {
        self.lock.retention = Some((mode.into(), until));
        self
    }

    /// Turns the legal hold on or off.
    pub fn legal_hold(mut self, on: bool) -> Object {
        self.lock.legal_hold = Some(on);
        self
    }

    /// Gives an archived object a temporary copy that stays this many days.
    pub fn restored(mut self, days: u64) -> Object {
        let until = ago(0).checked_add(Duration::from_secs(days * 86_400)).unwrap_or(Timestamp::MAX);
        self.restored = Some(Restored { from: ago(0), until });
        self
    }

    /// Sets the headers that are stored with it.
    pub fn headers(mut self, headers: Stored) -> Object {
        self.headers = headers;
        self
    }

    /// The length in bytes.
    pub fn length(&self) -> u64 {
        self.content.length()
    }

    /// All its bytes.
    pub fn bytes(&self) -> Bytes {
        self.read(0..self.length())
    }

    /// The bytes of a range.
    pub fn read(&self, range: std::ops::Range<u64>) -> Bytes {
        self.content.read(range.start, range.end.saturating_sub(range.start))
    }

    /// The key of SSE-KMS.
    pub fn kms_key(&self) -> Option<&str> {
        self.digests.kms_key.as_deref()
    }

    /// The checksum that it was given, whether or not that is worth its time.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.digests.algorithm
    }

    /// An object of this content that was uploaded in parts, with the ETag and the checksum that came of that.
    pub(super) fn uploaded(mut self, content: Content, digests: Digests) -> Object {
        let kms_key = self.digests.kms_key.take();
        self.content = content;
        self.digests = digests;
        self.digests.kms_key = kms_key;
        self
    }

    /// An object of the same bytes in one piece, written now: what CopyObject makes, with nothing else of it kept.
    pub(super) fn copied(&self, algorithm: Algorithm) -> Object {
        let same = self.part_count().is_none() && self.kms_key().is_none() && self.digests.algorithm == Some(algorithm);
        let mut copy = Object::of(self.content.clone());
        copy.digests = if same { self.digests.clone() } else { Digests::default() };
        copy.checksum(algorithm)
    }

    /// The ETag without its quotes.
    pub fn etag(&self) -> &str {
        self.digests.etag(&self.content)
    }

    /// Which checksum it has, and whether that is one of checksums.
    pub(super) fn sum(&self) -> Option<(Algorithm, bool)> {
        Some((self.digests.algorithm(&self.content)?, self.digests.is_composite(&self.content)))
    }

    /// The checksum in base64. It reads the whole object, the first time.
    pub(super) fn checksum_value(&self) -> Option<&str> {
        self.digests.checksum(&self.content)
    }

    /// How many parts it was uploaded in; none for one piece.
    pub(super) fn part_count(&self) -> Option<usize> {
        self.digests.is_in_parts(&self.content).then(|| self.parts().count())
    }

    /// Where its parts are.
    pub(super) fn parts(&self) -> impl Iterator<Item = std::ops::Range<u64>> + use<> {
        self.digests.parts(&self.content)
    }

    /// The checksum of a part, in base64.
    pub(super) fn part_checksum(&self, range: std::ops::Range<u64>) -> Option<String> {
        self.digests.of_part(&self.content, range)
    }

    /// Whether the bytes are out of reach at that time.
    pub(super) fn is_cold(&self, now: Timestamp) -> bool {
        is_archived(&self.storage_class) && !self.restored.is_some_and(|copy| copy.from <= now && now < copy.until)
    }
}

impl Series {
    /// The key of a number.
    pub(super) fn key(&self, number: u64) -> String {
        format!("{}{number:0width$}{}", self.prefix, self.suffix, width = self.digits)
    }

    /// The number of a key, if it is one of this series.
    fn number(&self, key: &str) -> Option<u64> {
        let digits = key.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?;
        let plain = digits.len() == self.digits && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|number| plain && *number < self.count)
    }

    /// The first number whose key lies within `from`, by halving: a million keys take twenty steps.
    pub(super) fn first(&self, from: &Bound<String>) -> u64 {
        let before = |number: u64| match from {
            Bound::Included(key) => self.key(number) < *key,
            Bound::Excluded(key) => self.key(number) <= *key,
            Bound::Unbounded => false,
        };
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The object of a number: a line of JSON, filled up with spaces to the size.
    pub(super) fn object(&self, number: u64) -> Object {
        let line = format!("{{\"number\":{number},\"key\":\"{}\"}}", self.key(number).escape_default());
        let mut bytes = line.into_bytes();
        bytes.resize(self.size, b' ');
        if let Some(last) = bytes.last_mut() {
            *last = b'\n';
        }
        let mut object = Object::new(bytes).content_type("application/json");
        object.modified = self.modified;
        object
    }
}

/// The moment this many seconds ago, to the second, which is all that S3 keeps.
pub(super) fn ago(seconds: u64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    now.checked_sub(Duration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
}
