//! Versions of objects and delete markers, page by page.

use std::cmp::Reverse;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::EncodingType;

use super::S3;
use super::list::answer::decoded;
use super::list::onward;
use crate::aws::timestamp;
use crate::domain::object::{Version, VersionPage};
use crate::domain::uri::S3Uri;
use crate::error::Result;

/// Whose versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// Of the object that has exactly this key.
    Object,
    /// Of everything at this level.
    Level,
    /// Of everything below.
    All,
}

impl S3 {
    /// One page of the versions: S3 gives at most 1,000 lines.
    pub async fn versions(&self, uri: &S3Uri, of: Of, after: Option<&(String, Option<String>)>) -> Result<VersionPage> {
        let resource = self.arn(&S3Uri::new(&uri.bucket, ""));
        let call = self.call("s3:ListBucketVersions", &resource, Some(&uri.bucket));
        let (key, version) = after.cloned().unzip();
        let request = |client: Client| {
            let request = client
                .list_object_versions()
                .bucket(&uri.bucket)
                .set_prefix((!uri.key.is_empty()).then(|| uri.key.clone()))
                .set_delimiter((of == Of::Level).then(|| "/".to_owned()))
                .set_key_marker(key.clone())
                .set_version_id_marker(version.clone().flatten())
                // Keys may hold characters that XML cannot.
                .encoding_type(EncodingType::Url)
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let decode = |key: String| if encoded { decoded(&key).into_owned() } else { key };
        let mut versions: Vec<Version> = Vec::new();
        for version in answer.versions.unwrap_or_default() {
            let Some(key) = version.key else { continue };
            versions.push(Version {
                key: decode(key),
                version_id: version.version_id.unwrap_or_else(|| "null".into()),
                latest: version.is_latest == Some(true),
                deleted: false,
                size: version.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
                last_modified: version.last_modified.as_ref().and_then(timestamp),
                etag: version.e_tag,
                storage_class: version.storage_class.map(|class| class.as_str().to_owned()),
            });
        }
        for marker in answer.delete_markers.unwrap_or_default() {
            let Some(key) = marker.key else { continue };
            versions.push(Version {
                key: decode(key),
                version_id: marker.version_id.unwrap_or_else(|| "null".into()),
                latest: marker.is_latest == Some(true),
                deleted: true,
                last_modified: marker.last_modified.as_ref().and_then(timestamp),
                ..Version::default()
            });
        }
        in_order(&mut versions);
        let more = answer.is_truncated == Some(true);
        let mut next = answer.next_key_marker.filter(|_| more).map(|key| (decode(key), answer.next_version_id_marker));
        next = onward(&call, after.cloned(), next)?;
        if of == Of::Object {
            // The key itself is the first of all keys that begin with it.
            next = next.filter(|(key, _)| *key == uri.key);
            versions.retain(|version| version.key == uri.key);
        }
        let prefixes = answer.common_prefixes.unwrap_or_default();
        let prefixes = prefixes.into_iter().filter_map(|prefix| prefix.prefix).map(decode).collect();
        Ok(VersionPage { prefixes, versions, next })
    }
}

/// The SDK gives versions and delete markers apart; in S3's answer they stand together: by key, the newest first. The
/// sort is stable, so that versions of one second stay as they came.
fn in_order(versions: &mut [Version]) {
    versions.sort_by(|a, b| {
        let newest = |version: &Version| (Reverse(version.latest), Reverse(version.last_modified));
        a.key.cmp(&b.key).then_with(|| newest(a).cmp(&newest(b)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_markers_of_a_key_stand_together() {
        let version = |key: &str, id: &str, latest, deleted, seconds| Version {
            key: key.into(),
            version_id: id.into(),
            latest,
            deleted,
            last_modified: jiff::Timestamp::from_second(seconds).ok(),
            ..Version::default()
        };
        let mut versions = vec![
            version("a", "2", false, false, 20),
            version("a", "1", false, false, 10),
            version("b", "1", true, false, 5),
            // Deleted in the second in which the last version was written.
            version("a", "3", true, true, 20),
        ];
        in_order(&mut versions);
        let order: Vec<_> = versions.iter().map(|version| format!("{}{}", version.key, version.version_id)).collect();
        assert_eq!(order, ["a3", "a2", "a1", "b1"]);
    }
}
