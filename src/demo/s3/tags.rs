//! The tags of objects.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::read::{Read, look};
use super::{Signed, Store};
use crate::domain::policy::Context;

/// The most tags of an object.
const MOST: usize = 10;

/// GetObjectTagging.
pub(super) fn get(
    store: &Store,
    req: S3Request<GetObjectTaggingInput>,
) -> S3Result<S3Response<GetObjectTaggingOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let version = input.version_id.as_deref();
    let action = if version.is_some() { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" };
    let Read { object, version_id, .. } = look(store, &from, &input.bucket, &input.key, version, &[action])?;
    let tag = |(key, value): &(String, String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    let tag_set = object.tags.iter().map(tag).collect();
    Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id }))
}

/// PutObjectTagging: all tags in the place of all.
pub(super) fn put(
    store: &Store,
    req: S3Request<PutObjectTaggingInput>,
) -> S3Result<S3Response<PutObjectTaggingOutput>> {
    let from = Signed::of(&req)?;
    let PutObjectTaggingInput { bucket, key, version_id, tagging: Tagging { tag_set }, .. } = req.input;
    let tag = |tag: Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Vec<(String, String)> = tag_set.into_iter().map(tag).collect();
    let action = if version_id.is_some() { "s3:PutObjectVersionTagging" } else { "s3:PutObjectTagging" };
    let version_id = set(store, &from, &bucket, &key, version_id.as_deref(), action, tags)?;
    Ok(S3Response::new(PutObjectTaggingOutput { version_id }))
}

/// DeleteObjectTagging.
pub(super) fn delete(
    store: &Store,
    req: S3Request<DeleteObjectTaggingInput>,
) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
    let from = Signed::of(&req)?;
    let DeleteObjectTaggingInput { bucket, key, version_id, .. } = req.input;
    let action = if version_id.is_some() { "s3:DeleteObjectVersionTagging" } else { "s3:DeleteObjectTagging" };
    let version_id = set(store, &from, &bucket, &key, version_id.as_deref(), action, Vec::new())?;
    Ok(S3Response::new(DeleteObjectTaggingOutput { version_id }))
}

fn set(
    store: &Store,
    from: &Signed,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    action: &str,
    tags: Vec<(String, String)>,
) -> S3Result<Option<String>> {
    {
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, bucket, from)?;
        let mut context = Context::new();
        for (key, value) in &tags {
            context.set(&format!("s3:RequestObjectTag/{key}"), value);
        }
        context.set_all("s3:RequestObjectTagKeys", tags.iter().map(|(key, _)| key.clone()).collect());
        store.allow(from, action, known, Some(key), &context)?;
    }
    check(&tags)?;
    let Read { object, version_id, .. } = look(store, from, bucket, key, version, &[])?;
    let mut object = (*object).clone();
    object.tags = tags;
    if let Some(known) = store.0.buckets_mut().get_mut(bucket) {
        known.bucket.replace(key, version, object);
    }
    Ok(version_id)
}

/// Says whether an object can have these tags.
pub(super) fn check(tags: &[(String, String)]) -> S3Result<()> {
    let refused = |code: &str, text: &str| {
        let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InvalidTag);
        let mut error = S3Error::with_message(code, text.to_owned());
        error.set_status_code(hyper::StatusCode::BAD_REQUEST);
        Err(error)
    };
    if tags.len() > MOST {
        return refused("BadRequest", "Object tags cannot be greater than 10");
    }
    if tags.iter().any(|(key, _)| key.is_empty() || key.chars().count() > 128) {
        return refused("InvalidTag", "The TagKey you have provided is invalid");
    }
    if tags.iter().any(|(_, value)| value.chars().count() > 256) {
        return refused("InvalidTag", "The TagValue you have provided is invalid");
    }
    let doubled = (1..tags.len()).any(|place| tags[..place].iter().any(|(key, _)| *key == tags[place].0));
    if doubled {
        return refused("InvalidTag", "Cannot provide multiple Tags with the same key");
    }
    Ok(())
}
