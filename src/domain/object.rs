//! What a listing shows: buckets, prefixes, objects.

use jiff::Timestamp;
use serde::Serialize;

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

/// All that HeadObject tells of an object; what the role may not see is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
    /// The entity tag.
    pub etag: Option<String>,
    /// `STANDARD` when S3 says nothing.
    pub storage_class: String,
    /// The media type.
    pub content_type: Option<String>,
    /// `aws:kms`, `AES256`, …
    pub encryption: Option<String>,
    /// The KMS key.
    pub kms_key_id: Option<String>,
    /// The version.
    pub version_id: Option<String>,
    /// Checksums by algorithm.
    pub checksums: Vec<(&'static str, String)>,
    /// User metadata, sorted.
    pub metadata: Vec<(String, String)>,
}
