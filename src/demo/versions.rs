//! The versions of a bucket's objects, and what writing and deleting does to them.
//!
//! Amazon S3 User Guide, "Retaining multiple versions of objects with S3 Versioning": what was there before versioning
//! was turned on is the version `null`; a DeleteObject without a version adds a delete marker, one with a version takes
//! that version away for ever.

use std::sync::Arc;

use jiff::Timestamp;

use super::bucket::{Bucket, Object};
use super::content::scramble;

/// The id of what was written without versioning.
pub(super) const NULL: &str = "null";

/// A version of an object, or a delete marker.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub id: String,
    /// When it was written.
    pub modified: Timestamp,
    /// None for a delete marker.
    pub object: Option<Arc<Object>>,
}

/// What a key, or a version of it, leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// An object; its version where the bucket has versions.
    Object(Arc<Object>, Option<String>),
    /// A delete marker.
    Marker(Version),
    /// No such key, or no such version.
    Nothing,
}

/// What a deletion did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    /// The version that was deleted, or the delete marker that was made.
    pub version_id: Option<String>,
    /// Whether that is a delete marker.
    pub marker: bool,
}

impl Bucket {
    /// Writes an object; gives its version where the bucket has versions.
    pub(super) fn put(&mut self, key: &str, object: Object) -> Option<String> {
        let modified = object.modified;
        let object = Arc::new(object);
        let id = self.versioned.then(|| self.add(key, modified, Some(object.clone())));
        self.objects.insert(key.to_owned(), object);
        id
    }

    /// Deletes a key, or a version of it for ever.
    pub(super) fn delete(&mut self, key: &str, version_id: Option<&str>, now: Timestamp) -> Deleted {
        let Some(id) = version_id else {
            if self.versioned {
                let id = self.add(key, now, None);
                self.objects.remove(key);
                return Deleted { version_id: Some(id), marker: true };
            }
            self.objects.remove(key);
            return Deleted::default();
        };
        let deleted = |marker| Deleted { version_id: Some(id.to_owned()), marker };
        let Some(history) = self.versions.get_mut(key) else {
            if id == NULL {
                self.objects.remove(key);
            }
            return deleted(false);
        };
        let Some(place) = history.iter().position(|version| version.id == id) else {
            return deleted(false);
        };
        let gone = history.remove(place);
        match history.last().map(|version| version.object.clone()) {
            Some(Some(object)) => _ = self.objects.insert(key.to_owned(), object),
            _ => _ = self.objects.remove(key),
        }
        if history.is_empty() {
            self.versions.remove(key);
        }
        deleted(gone.object.is_none())
    }

    /// What a key leads to, or a version of it.
    pub(super) fn find(&self, key: &str, version_id: Option<&str>) -> Found {
        let versions = self.versions_of(key);
        let found = match version_id {
            Some(id) => versions.into_iter().find(|version| version.id == id),
            None => versions.into_iter().next(),
        };
        match found {
            Some(Version { id, object: Some(object), .. }) => Found::Object(object, self.versioned.then_some(id)),
            Some(marker) => Found::Marker(marker),
            None => Found::Nothing,
        }
    }

    /// The versions of a key, the newest first.
    pub(super) fn versions_of(&self, key: &str) -> Vec<Version> {
        match self.versions.get(key) {
            Some(history) => history.iter().rev().cloned().collect(),
            None => self.get(key).into_iter().map(unversioned).collect(),
        }
    }

    /// Puts another object in the place of a version, as a restoration does.
    pub(super) fn replace(&mut self, key: &str, version_id: Option<&str>, object: Object) {
        let object = Arc::new(object);
        let history = self.versions.get_mut(key);
        let newest = history.as_ref().and_then(|history| history.last()).map(|version| version.id.clone());
        let wanted = version_id.map(str::to_owned).or_else(|| newest.clone());
        if let Some(version) = history.into_iter().flatten().find(|version| Some(&version.id) == wanted.as_ref()) {
            version.object = Some(object.clone());
        }
        if wanted == newest || newest.is_none() {
            self.objects.insert(key.to_owned(), object);
        }
    }

    fn add(&mut self, key: &str, modified: Timestamp, object: Option<Arc<Object>>) -> String {
        self.written += 1;
        let id = version_id(key, self.written);
        let before = self.get(key);
        let history = self.versions.entry(key.to_owned());
        let history = history.or_insert_with(|| before.into_iter().map(unversioned).collect());
        history.push(Version { id: id.clone(), modified, object });
        id
    }
}

fn unversioned(object: Arc<Object>) -> Version {
    Version { id: NULL.to_owned(), modified: object.modified, object: Some(object) }
}

/// An id as S3 makes them: thirty-two characters that say nothing. The same world has the same ones in every run.
fn version_id(key: &str, number: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    let mut state = key.bytes().fold(number, |state, byte| scramble(state ^ u64::from(byte)));
    let letters = (0..32).map(|_| {
        state = scramble(state);
        char::from(LETTERS[(state % 64) as usize])
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The versions of `k`, the newest first: the bytes of each, `-` for a delete marker.
    fn history(bucket: &Bucket) -> String {
        let shown = |version: Version| match version.object {
            Some(object) => String::from_utf8_lossy(&object.content.read(0, 99)).into_owned(),
            None => "-".to_owned(),
        };
        bucket.versions_of("k").into_iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn writing_and_deleting_make_versions() {
        let now = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::new("b").object("k", Object::new("old")).versioned();
        assert_eq!(history(&bucket), "old");
        let new = bucket.put("k", Object::new("new"));
        let marker = bucket.delete("k", None, now);
        assert!(marker.marker && marker.version_id.is_some());
        assert_eq!(history(&bucket), "- new old");
        assert!(matches!(bucket.find("k", None), Found::Marker(_)) && bucket.get("k").is_none());
        assert!(matches!(bucket.find("k", new.as_deref()), Found::Object(_, id) if id == new));
        assert!(matches!(bucket.find("k", Some("other")), Found::Nothing));

        let gone = bucket.delete("k", marker.version_id.as_deref(), now);
        assert!(gone.marker && bucket.get("k").is_some());
        assert!(!bucket.delete("k", new.as_deref(), now).marker);
        assert_eq!(history(&bucket), "old");
        bucket.delete("k", Some(NULL), now);
        assert_eq!(history(&bucket), "");
        assert!(bucket.get("k").is_none() && bucket.versions.is_empty());
    }

    #[test]
    fn a_bucket_without_versions_forgets() {
        let mut bucket = Bucket::new("b").object("k", Object::new("old"));
        assert_eq!(bucket.put("k", Object::new("new")), None);
        assert!(matches!(bucket.find("k", Some(NULL)), Found::Object(_, None)));
        assert_eq!(bucket.delete("k", None, Timestamp::UNIX_EPOCH), Deleted::default());
        assert_eq!(history(&bucket), "");
    }
}
