//! The S3 operations, each: whose bucket, which region, may the caller, then the answer.

mod copy;
mod details;
mod list;
mod multipart;
mod policies;
mod read;
mod tags;
mod versions;
mod write;

use std::sync::Arc;

use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::access::judge;
use super::directory::{Buckets, Caller, KnownBucket};
use super::state::State;
use crate::domain::policy::{Attached, Context, Policy, Request, Resource, Side, denial_in_s3};

const PAYER: &str = "x-amz-request-payer";

/// S3 over the state of a cloud.
#[derive(Clone, Debug)]
pub(super) struct Store(pub Arc<State>);

/// A request's caller and region, taken from it before its input is.
#[derive(Clone)]
struct Signed {
    caller: Arc<Caller>,
    /// The region that the request was signed for.
    region: Option<String>,
    /// Whether the caller said that it pays for the request.
    pays: bool,
}

impl Signed {
    fn of<T>(request: &S3Request<T>) -> S3Result<Signed> {
        let caller = request.extensions.get::<Arc<Caller>>().cloned();
        let caller = caller.ok_or_else(|| S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"))?;
        let region = request.region.as_ref().map(|region| region.as_str().to_owned());
        // A presigned URL says it in its query.
        let query = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes());
        let pays = request.headers.get(PAYER).is_some_and(|value| value == RequestPayer::REQUESTER)
            || query.into_iter().any(|(name, value)| name == PAYER && value == RequestPayer::REQUESTER);
        Ok(Signed { caller, region, pays })
    }

    /// Whether the caller pays for its request to a bucket, which the answer then says.
    fn charged(&self, known: &KnownBucket) -> Option<RequestCharged> {
        let charged = known.bucket.requester_pays && self.caller.principal.account != known.account;
        charged.then(|| RequestCharged::from_static(RequestCharged::REQUESTER))
    }
}

impl Store {
    /// The bucket of a request, if it is in the region that the request was signed for.
    fn bucket<'a>(&self, buckets: &'a Buckets, name: &str, from: &Signed) -> S3Result<&'a KnownBucket> {
        let known = buckets
            .get(name)
            .ok_or_else(|| S3Error::with_message(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"))?;
        match &from.region {
            Some(region) if *region != known.bucket.region => {
                let text = "The bucket you are attempting to access must be addressed using the specified endpoint. \
                            Please send all future requests to this endpoint.";
                let mut error = S3Error::with_message(S3ErrorCode::PermanentRedirect, text);
                error.set_status_code(hyper::StatusCode::MOVED_PERMANENTLY);
                Err(in_region(error, known))
            }
            _ => Ok(known),
        }
    }

    /// Lets the caller do `action` on the bucket, or on the key in it.
    fn allow(
        &self,
        from: &Signed,
        action: &str,
        known: &KnownBucket,
        key: Option<&str>,
        context: &Context,
    ) -> S3Result<()> {
        let name = &known.bucket.name;
        let resource = match key {
            Some(key) => format!("arn:aws:s3:::{name}/{key}"),
            None => format!("arn:aws:s3:::{name}"),
        };
        let mut context = context.clone();
        context.set("s3:ResourceAccount", &known.account).set("aws:ResourceAccount", &known.account);
        if let Some(region) = &from.region {
            context.set("aws:RequestedRegion", region);
        }
        let principal = &from.caller.principal;
        let request = Request { principal, action, resource: &resource, context: &context };
        let policy = known.policy.as_ref().map(|policy| Attached { name: "bucket policy", policy });
        let owner = Resource { side: Side::Bucket, account: &known.account, policy };
        let verdict = judge(&self.0, &from.caller, &request, owner);
        let same_account = principal.account == known.account;
        if verdict.is_allowed() {
            if from.charged(known).is_some() && !from.pays {
                return Err(in_region(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"), known));
            }
            return Ok(());
        }
        let text = denial_in_s3(&verdict, &request, same_account);
        Err(in_region(S3Error::with_message(S3ErrorCode::AccessDenied, text), known))
    }

    /// Lets the caller use a key of KMS. The key's policy leaves that to its account's IAM, as that of a new key does;
    /// the one that AWS keeps for S3 is for everybody in its account, and for nobody else.
    fn allow_key(&self, from: &Signed, known: &KnownBucket, key_arn: &str, action: &str) -> S3Result<()> {
        let principal = &from.caller.principal;
        let account = key_arn.split(':').nth(4).unwrap_or_default();
        if key_arn.ends_with(":alias/aws/s3") && principal.account == account {
            return Ok(());
        }
        let mut context = Context::new();
        context
            .set("kms:ViaService", format!("s3.{}.amazonaws.com", known.bucket.region))
            .set("kms:CallerAccount", &principal.account);
        let request = Request { principal, action, resource: key_arn, context: &context };
        let policy = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                "Action": "kms:*",
                "Resource": "*",
            }],
        });
        let policy = Policy::from_json(&policy).ok().filter(|_| !key_arn.ends_with(":alias/aws/s3"));
        let policy = policy.as_ref().map(|policy| Attached { name: "key policy", policy });
        let verdict = judge(&self.0, &from.caller, &request, Resource { side: Side::Kms, account, policy });
        if verdict.is_allowed() {
            return Ok(());
        }
        let text = denial_in_s3(&verdict, &request, true);
        Err(in_region(S3Error::with_message(S3ErrorCode::AccessDenied, text), known))
    }

    /// What S3 says of a key that is not there: only who may list the bucket learns that.
    fn missing(&self, from: &Signed, known: &KnownBucket, key: &str) -> S3Error {
        let mut context = Context::new();
        context.set("s3:prefix", key);
        match self.allow(from, "s3:ListBucket", known, None, &context) {
            Ok(()) => S3Error::with_message(S3ErrorCode::NoSuchKey, "The specified key does not exist."),
            Err(denied) => denied,
        }
    }
}

/// Adds the bucket's region to an error, as S3 does for whoever may ask at all.
pub(super) fn in_region(mut error: S3Error, known: &KnownBucket) -> S3Error {
    let mut headers = HeaderMap::new();
    // The headers of an error replace those that s3s would set.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(region) = HeaderValue::from_str(&known.bucket.region) {
        headers.insert(HeaderName::from_static("x-amz-bucket-region"), region);
    }
    error.set_headers(headers);
    error
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        list::buckets(self, req)
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        list::head_bucket(self, req)
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        list::bucket_location(self, req)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        list::objects(self, req)
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        list::objects_v2(self, req)
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        versions::list(self, req)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        read::get_object(self, req).await
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        read::head_object(self, req).await
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        tags::get(self, req)
    }

    async fn put_object_tagging(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        tags::put(self, req)
    }

    async fn delete_object_tagging(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        tags::delete(self, req)
    }

    async fn get_object_attributes(
        &self,
        req: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        details::attributes(self, req).await
    }

    async fn get_object_retention(
        &self,
        req: S3Request<GetObjectRetentionInput>,
    ) -> S3Result<S3Response<GetObjectRetentionOutput>> {
        details::retention(self, req)
    }

    async fn get_object_legal_hold(
        &self,
        req: S3Request<GetObjectLegalHoldInput>,
    ) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
        details::legal_hold(self, req)
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        details::bucket_versioning(self, req)
    }

    async fn get_bucket_encryption(
        &self,
        req: S3Request<GetBucketEncryptionInput>,
    ) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
        details::bucket_encryption(self, req)
    }

    async fn get_bucket_request_payment(
        &self,
        req: S3Request<GetBucketRequestPaymentInput>,
    ) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
        details::bucket_payment(self, req)
    }

    async fn restore_object(&self, req: S3Request<RestoreObjectInput>) -> S3Result<S3Response<RestoreObjectOutput>> {
        details::restore(self, req)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        write::put_object(self, req).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        write::delete_object(self, req)
    }
    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        write::delete_objects(self, req)
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        copy::copy_object(self, req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        multipart::create(self, req)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        multipart::upload_part(self, req).await
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        copy::upload_part_copy(self, req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        multipart::complete(self, req).await
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        multipart::abort(self, req)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        multipart::list_parts(self, req)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        multipart::list_uploads(self, req)
    }

    async fn get_bucket_policy(
        &self,
        req: S3Request<GetBucketPolicyInput>,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        policies::get(self, req)
    }

    async fn put_bucket_policy(
        &self,
        req: S3Request<PutBucketPolicyInput>,
    ) -> S3Result<S3Response<PutBucketPolicyOutput>> {
        policies::put(self, req)
    }

    async fn delete_bucket_policy(
        &self,
        req: S3Request<DeleteBucketPolicyInput>,
    ) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
        policies::delete(self, req)
    }

    async fn get_bucket_policy_status(
        &self,
        req: S3Request<GetBucketPolicyStatusInput>,
    ) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
        policies::status(self, req)
    }

    async fn get_bucket_ownership_controls(
        &self,
        req: S3Request<GetBucketOwnershipControlsInput>,
    ) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
        policies::ownership(self, req)
    }
}
