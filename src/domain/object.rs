//! What a listing shows: buckets, prefixes, objects.

use jiff::Timestamp;
use serde::Serialize;

use crate::error::Result;

/// A bucket of the caller's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region, when the listing told.
    pub region: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A common prefix: all keys that begin so and go on after the delimiter.
    Prefix(String),
    /// An object.
    Object(Object),
}

impl Entry {
    /// The exact key or prefix.
    pub fn key(&self) -> &str {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Object(object) => &object.key,
        }
    }
}

/// An object as ListObjectsV2 tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Object {
    /// The exact key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
    /// The entity tag with its quotes, as If-Match wants it.
    pub etag: Option<String>,
    /// `STANDARD`, `GLACIER`, …
    pub storage_class: Option<String>,
}

/// Whether objects of this storage class must be restored before they can be read (Amazon S3 User Guide, "Restoring an
/// archived object").
pub fn is_archived(storage_class: &str) -> bool {
    matches!(storage_class, "GLACIER" | "DEEP_ARCHIVE")
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the keys.
    pub entries: Vec<Entry>,
    /// The continuation token of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A version of an object, or the marker that says that it was deleted then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The exact key.
    pub key: String,
    /// Which version; `null` is the one from before the bucket kept versions.
    pub version_id: String,
    /// Whether it is what the key means now.
    pub latest: bool,
    /// Whether it is a delete marker, which has neither bytes nor entity tag.
    pub deleted: bool,
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
    /// The entity tag with its quotes.
    pub etag: Option<String>,
    /// `STANDARD`, `GLACIER`, …
    pub storage_class: Option<String>,
}

/// One page of a listing of versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// In the order of the keys, the newest of each key first.
    pub versions: Vec<Version>,
    /// Key and version after which the next page begins; `None` at the end.
    pub next: Option<(String, Option<String>)>,
}

/// What is known of an object. Each part was asked for on its own: one that is denied hides no other.
#[derive(Clone, Debug)]
pub struct Details {
    /// What HeadObject tells.
    pub head: Result<Head>,
    /// The tags, in the order in which they were set.
    pub tags: Result<Vec<(String, String)>>,
    /// Until when it cannot be deleted; `None` where nothing forbids it, or the bucket knows no object lock.
    pub retention: Result<Option<Retention>>,
    /// Whether it is held; `None` where nobody ever said so, or the bucket knows no object lock.
    pub legal_hold: Result<Option<bool>>,
}

/// Until when a version cannot be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// Until then.
    pub until: Option<Timestamp>,
}

/// All that HeadObject tells of an object; what the role may not see is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
    /// The entity tag.
    pub etag: Option<String>,
    /// `STANDARD` when S3 says nothing.
    pub storage_class: String,
    /// What S3 says of a restore that runs or is done, in the words of its header.
    pub restore: Option<String>,
    /// Whether Intelligent-Tiering has archived it: `ARCHIVE_ACCESS` or `DEEP_ARCHIVE_ACCESS`.
    pub archive_status: Option<String>,
    /// When a lifecycle rule deletes it, in the words of its header.
    pub expiration: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
    /// `Cache-Control`, `Content-Encoding`, `Content-Disposition`, …, each with its value.
    pub headers: Vec<(&'static str, String)>,
    /// `aws:kms`, `AES256`, …
    pub encryption: Option<String>,
    /// The KMS key.
    pub kms_key_id: Option<String>,
    /// `PENDING`, `COMPLETED`, `FAILED`, `REPLICA`.
    pub replication: Option<String>,
    /// The version.
    pub version_id: Option<String>,
    /// Checksums by algorithm.
    pub checksums: Vec<(&'static str, String)>,
    /// `FULL_OBJECT` or `COMPOSITE`: the checksum of the bytes, or of the parts' checksums.
    pub checksum_type: Option<String>,
    /// User metadata, sorted.
    pub metadata: Vec<(String, String)>,
}

impl Head {
    /// How many parts it was written in, which the entity tag tells (`"…-12"`); `None` for one that was written whole.
    pub fn parts(&self) -> Option<u32> {
        let (_, parts) = self.etag.as_deref()?.trim_matches('"').rsplit_once('-')?;
        parts.parse().ok()
    }

    /// Whether it must be restored before it can be read, and nobody has done so.
    pub fn must_be_restored(&self) -> bool {
        (is_archived(&self.storage_class) || self.archive_status.is_some()) && self.restore.is_none()
    }
}
