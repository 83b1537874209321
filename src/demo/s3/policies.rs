//! What a bucket's owner says about it: its policy, and who owns what others write.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::{Signed, Store};
use crate::demo::directory::{Directory, KnownBucket};
use crate::domain::policy::{self, Clause, Context, Effect, PrincipalPattern, Statement};

/// The most bytes of a bucket policy.
const LARGEST: usize = 20 * 1024;

/// Gives the bucket to whoever may do `action` on it. The policy is for the owner's account alone.
fn owned<T>(
    store: &Store,
    from: &Signed,
    bucket: &str,
    action: &str,
    act: impl FnOnce(&KnownBucket) -> S3Result<T>,
) -> S3Result<T> {
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, bucket, from)?;
    store.allow(from, action, known, None, &Context::new())?;
    if from.caller.principal.account != known.account {
        let text = "The specified method is not allowed against this resource.";
        return Err(S3Error::with_message(S3ErrorCode::MethodNotAllowed, text));
    }
    act(known)
}

fn no_policy() -> S3Error {
    S3Error::with_message(S3ErrorCode::NoSuchBucketPolicy, "The bucket policy does not exist")
}

/// GetBucketPolicy.
pub(super) fn get(store: &Store, req: S3Request<GetBucketPolicyInput>) -> S3Result<S3Response<GetBucketPolicyOutput>> {
    let from = Signed::of(&req)?;
    let policy = owned(store, &from, &req.input.bucket, "s3:GetBucketPolicy", |known| {
        known.bucket.policy.as_ref().map(ToString::to_string).ok_or_else(no_policy)
    })?;
    Ok(S3Response::new(GetBucketPolicyOutput { policy: Some(policy) }))
}

/// PutBucketPolicy: from the next request on it is that one which holds.
pub(super) fn put(store: &Store, req: S3Request<PutBucketPolicyInput>) -> S3Result<S3Response<PutBucketPolicyOutput>> {
    let from = Signed::of(&req)?;
    let PutBucketPolicyInput { bucket, policy: text, .. } = req.input;
    owned(store, &from, &bucket, "s3:PutBucketPolicy", |_| Ok(()))?;
    let malformed = |text: &str| S3Error::with_message(S3ErrorCode::MalformedPolicy, text.to_owned());
    if text.len() > LARGEST {
        return Err(malformed("Policy exceeds the maximum allowed document size."));
    }
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|_| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
    let parsed = policy::Policy::from_json(&value).map_err(|error| malformed(&error.to_string()))?;
    parsed.check_bucket().map_err(|error| malformed(&error.to_string()))?;
    for statement in &parsed.statements {
        if !principals_exist(statement, &store.0.directory) {
            return Err(malformed("Invalid principal in policy"));
        }
        if !is_about(statement, &bucket) {
            return Err(malformed("Policy has invalid resource"));
        }
    }
    if let Some(known) = store.0.buckets_mut().get_mut(&bucket) {
        known.policy = Some(parsed);
        known.bucket.policy = Some(value);
    }
    let mut response = S3Response::new(PutBucketPolicyOutput::default());
    response.status = Some(hyper::StatusCode::NO_CONTENT);
    Ok(response)
}

/// Whether S3 knows whom a statement names: a user or role that is not there is refused when the policy is written.
/// Of accounts that are not in this world nobody knows.
fn principals_exist(statement: &Statement, directory: &Directory) -> bool {
    let (Some(Clause::Any(principals)) | Some(Clause::Not(principals))) = &statement.principal else {
        return true;
    };
    principals.iter().all(|principal| match principal {
        PrincipalPattern::Arn(arn) => directory.is_possible(arn),
        _ => true,
    })
}

/// Whether all resources of a statement are this bucket and what is in it.
fn is_about(statement: &Statement, bucket: &str) -> bool {
    let (Some(Clause::Any(resources)) | Some(Clause::Not(resources))) = &statement.resource else {
        return true;
    };
    let own = format!("arn:aws:s3:::{bucket}");
    resources.iter().all(|resource| {
        resource == "*"
            || resource.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']))
    })
}

/// DeleteBucketPolicy: no error when there is none.
pub(super) fn delete(
    store: &Store,
    req: S3Request<DeleteBucketPolicyInput>,
) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
    let from = Signed::of(&req)?;
    let bucket = req.input.bucket;
    owned(store, &from, &bucket, "s3:DeleteBucketPolicy", |_| Ok(()))?;
    if let Some(known) = store.0.buckets_mut().get_mut(&bucket) {
        known.policy = None;
        known.bucket.policy = None;
    }
    Ok(S3Response::new(DeleteBucketPolicyOutput::default()))
}

/// GetBucketPolicyStatus: public is a bucket that a statement without conditions opens to everybody.
pub(super) fn status(
    store: &Store,
    req: S3Request<GetBucketPolicyStatusInput>,
) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
    let from = Signed::of(&req)?;
    let public = owned(store, &from, &req.input.bucket, "s3:GetBucketPolicyStatus", |known| {
        let policy = known.policy.as_ref().ok_or_else(no_policy)?;
        Ok(policy.statements.iter().any(|statement| {
            let everybody = match &statement.principal {
                Some(Clause::Any(principals)) => principals.contains(&PrincipalPattern::Everyone),
                Some(Clause::Not(_)) => true,
                None => false,
            };
            everybody && statement.effect == Effect::Allow && statement.conditions.is_empty()
        }))
    })?;
    let policy_status = Some(PolicyStatus { is_public: Some(public) });
    Ok(S3Response::new(GetBucketPolicyStatusOutput { policy_status }))
}

/// GetBucketOwnershipControls.
pub(super) fn ownership(
    store: &Store,
    req: S3Request<GetBucketOwnershipControlsInput>,
) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
    let from = Signed::of(&req)?;
    let bucket = req.input.bucket;
    let ownership =
        owned(store, &from, &bucket, "s3:GetBucketOwnershipControls", |known| Ok(known.bucket.ownership.clone()))?;
    let rule = OwnershipControlsRule { object_ownership: ObjectOwnership::from(ownership) };
    let ownership_controls = Some(OwnershipControls { rules: vec![rule] });
    Ok(S3Response::new(GetBucketOwnershipControlsOutput { ownership_controls }))
}
