//! `s3://bucket/key`, kept exactly: a key is any text, and nothing of it is normalized.

use std::fmt;
use std::str::FromStr;

/// A bucket and a key or prefix in it. The key may be empty, which is the whole bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct S3Uri {
    /// The bucket's name.
    pub bucket: String,
    /// The key or prefix, exactly; `` for the whole bucket.
    pub key: String,
}

impl S3Uri {
    /// A bucket and a key that were checked before, or came from S3 itself.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.into(), key: key.into() }
    }

    /// The prefix one level up, or `None` at the top of the bucket.
    pub fn parent(&self) -> Option<Self> {
        if self.key.is_empty() {
            return None;
        }
        let trimmed = self.key.strip_suffix('/').unwrap_or(&self.key);
        let parent = trimmed.rfind('/').map_or("", |slash| &trimmed[..=slash]);
        Some(Self::new(&self.bucket, parent))
    }

    /// The ARN that a policy would name (Amazon S3 User Guide, "Policy resources for Amazon S3").
    pub fn arn(&self, partition: &str) -> String {
        let slash = if self.key.is_empty() { "" } else { "/" };
        format!("arn:{partition}:s3:::{}{slash}{}", self.bucket, self.key)
    }

    /// The last segment of the key, with the `/` that a prefix ends in.
    pub fn name(&self) -> &str {
        last_segment(&self.key)
    }
}

/// The part after the last `/` that is not the end: `a/b/` gives `b/`, `a/b` gives `b`.
pub fn last_segment(key: &str) -> &str {
    let trimmed = key.strip_suffix('/').unwrap_or(key);
    trimmed.rfind('/').map_or(key, |slash| &key[slash + 1..])
}

impl FromStr for S3Uri {
    type Err = String;

    /// Takes `s3://bucket`, `s3://bucket/` or `s3://bucket/key`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(rest) = text.strip_prefix("s3://") else {
            return Err(format!("{text:?} is no S3 URI: write s3://bucket/key"));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket_name(bucket)?;
        if key.len() > 1024 {
            return Err(format!("a key has at most 1,024 bytes, this one has {}", key.len()));
        }
        Ok(Self::new(bucket, key))
    }
}

/// Amazon S3 User Guide, "General purpose bucket naming rules", as far as old buckets keep them too:
/// 3 to 255 letters, digits, `.`, `-` and `_`.
pub fn check_bucket_name(bucket: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    if !(3..=255).contains(&bucket.len()) {
        return Err(format!("a bucket's name has 3 to 63 characters: {bucket:?}"));
    }
    match bucket.bytes().find(|b| !allowed(*b)) {
        Some(b) => Err(format!("a bucket's name may not hold {:?}: {bucket:?}", char::from(b))),
        None => Ok(()),
    }
}

impl fmt::Display for S3Uri {
    /// The exact text, for machines; what goes to a terminal is escaped by [`super::text::escaped`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_keep_the_key_exactly() {
        for (text, bucket, key) in [
            ("s3://bucket", "bucket", ""),
            ("s3://bucket/", "bucket", ""),
            ("s3://bucket//a//b/", "bucket", "/a//b/"),
            ("s3://bucket/../x?y#z", "bucket", "../x?y#z"),
        ] {
            assert_eq!(text.parse(), Ok(S3Uri::new(bucket, key)));
        }
        for text in ["bucket/key", "s3:/bucket", "s3://", "s3://b", "s3://a b/c"] {
            assert!(text.parse::<S3Uri>().is_err(), "{text}");
        }
    }

    #[test]
    fn parents_and_names() {
        for (key, parent, name) in [
            ("a/b/c", Some("a/b/"), "c"),
            ("a/b/", Some("a/"), "b/"),
            ("a", Some(""), "a"),
            ("a//", Some("a/"), "/"),
            ("/", Some(""), "/"),
            ("", None, ""),
        ] {
            let uri = S3Uri::new("bucket", key);
            assert_eq!(uri.parent().as_ref().map(|uri| uri.key.as_str()), parent, "{key}");
            assert_eq!(uri.name(), name, "{key}");
        }
    }
}
