//! Buckets: objects that are kept, and series of objects that are made up as they are asked for.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::content::{Content, Digests, Pace};

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
    pub(super) objects: BTreeMap<String, Arc<Object>>,
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
    digests: OnceLock<Digests>,
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
            objects: BTreeMap::new(),
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

    /// Adds an object.
    pub fn object(mut self, key: impl Into<String>, object: Object) -> Bucket {
        self.objects.insert(key.into(), Arc::new(object));
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

    fn of(content: Content) -> Object {
        Object {
            content,
            modified: Timestamp::now(),
            storage_class: "STANDARD".to_owned(),
            content_type: None,
            tags: Vec::new(),
            metadata: Vec::new(),
            digests: OnceLock::new(),
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

    /// The length in bytes.
    pub fn length(&self) -> u64 {
        self.content.length()
    }

    /// The ETag and checksum, computed when first asked for.
    pub(super) fn digests(&self) -> &Digests {
        self.digests.get_or_init(|| self.content.digests())
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
