//! ListObjectVersions.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::list::{PAGE, Text, checksum_algorithm, owner, timestamp};
use super::read::checksum_type;
use super::{Signed, Store};
use crate::demo::listing::{VersionsQuestion, versions_page};
use crate::domain::policy::Context;

/// ListObjectVersions.
pub(super) fn list(
    store: &Store,
    req: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    if input.max_keys.is_some_and(|keys| keys < 0) {
        let text = "Argument maxKeys must be an integer between 0 and 2147483647";
        return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text));
    }
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (key_marker, version_id_marker) = (given(&input.key_marker), given(&input.version_id_marker));
    if version_id_marker.is_some() && key_marker.is_none() {
        let text = "A version-id marker cannot be specified without a key marker.";
        return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text));
    }
    let delimiter = given(&input.delimiter);
    let text = Text::new(input.encoding_type.as_ref())?;
    let limit = input.max_keys.unwrap_or(PAGE).clamp(0, PAGE);

    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, &input.bucket, &from)?;
    let mut context = Context::new();
    if let Some(prefix) = &input.prefix {
        context.set("s3:prefix", prefix);
    }
    if let Some(delimiter) = &input.delimiter {
        context.set("s3:delimiter", delimiter);
    }
    if let Some(keys) = input.max_keys {
        context.set("s3:max-keys", keys.to_string());
    }
    store.allow(&from, "s3:ListBucketVersions", known, None, &context)?;

    let question = VersionsQuestion {
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: delimiter.as_deref(),
        key_marker: key_marker.as_deref(),
        version_id_marker: version_id_marker.as_deref(),
        limit: usize::try_from(limit).unwrap_or_default(),
    };
    let page = versions_page(&known.bucket, &question);
    let owner = owner(&known.account);
    let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
    for (key, version, is_latest) in &page.versions {
        let Some(object) = &version.object else {
            delete_markers.push(DeleteMarkerEntry {
                key: Some(text.encode(key)),
                version_id: Some(version.id.clone()),
                is_latest: Some(*is_latest),
                last_modified: Some(timestamp(version.modified)),
                owner: Some(owner.clone()),
            });
            continue;
        };
        let sum = object.sum();
        versions.push(ObjectVersion {
            key: Some(text.encode(key)),
            version_id: Some(version.id.clone()),
            is_latest: Some(*is_latest),
            last_modified: Some(timestamp(version.modified)),
            e_tag: Some(ETag::Strong(object.etag().to_owned())),
            size: i64::try_from(object.length()).ok(),
            storage_class: Some(ObjectVersionStorageClass::from(object.storage_class.clone())),
            checksum_algorithm: sum.map(|(algorithm, _)| vec![checksum_algorithm(algorithm)]),
            checksum_type: sum.map(|(_, composite)| checksum_type(composite)),
            owner: Some(owner.clone()),
            restore_status: None,
        });
    }
    let common_prefixes = page.prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(text.encode(prefix)) });
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket.clone()),
        prefix: Some(text.encode(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.encode(delimiter)),
        key_marker: Some(text.encode(input.key_marker.as_deref().unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.clone().unwrap_or_default()),
        max_keys: Some(limit),
        is_truncated: Some(page.next.is_some()),
        next_key_marker: page.next.as_ref().map(|(key, _)| text.encode(key)),
        next_version_id_marker: page.next.as_ref().and_then(|(_, id)| id.clone()),
        versions: Some(versions),
        delete_markers: Some(delete_markers),
        common_prefixes: Some(common_prefixes.collect()),
        encoding_type: input.encoding_type.clone(),
        request_charged: from.charged(known),
    }))
}
