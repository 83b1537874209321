//! What a bucket says of itself: its policy, and who owns what is written into it.

use aws_sdk_s3::Client;

use super::S3;
use crate::domain::account::AccountId;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

impl S3 {
    /// The policy of a bucket, or `None` where it has none. S3 shows it to the account that owns the bucket alone.
    pub async fn bucket_policy(&self, bucket: &str) -> Result<Option<String>> {
        let resource = self.arn(&S3Uri::new(bucket, ""));
        let call = self.call("s3:GetBucketPolicy", &resource, Some(bucket));
        let request = |client: Client| {
            let request = client.get_bucket_policy().bucket(bucket).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        match self.in_region(bucket, request).await {
            Ok(answer) => Ok(answer.policy.filter(|policy| !policy.is_empty())),
            Err(Error::Aws { code, .. }) if code == "NoSuchBucketPolicy" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the policy of a bucket, if `owner` is the account that owns it.
    pub async fn put_bucket_policy(&self, bucket: &str, owner: AccountId, document: &str) -> Result<()> {
        let resource = self.arn(&S3Uri::new(bucket, ""));
        let call = self.call("s3:PutBucketPolicy", &resource, Some(bucket));
        let request = |client: Client| {
            let request = client.put_bucket_policy().bucket(bucket).policy(document);
            let request = request.expected_bucket_owner(owner.as_str()).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        self.in_region(bucket, request).await.map(|_| ())
    }

    /// Who owns new objects: `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`, which is what buckets
    /// without the setting have (Amazon S3 User Guide, "Controlling ownership of objects").
    pub async fn object_ownership(&self, bucket: &str) -> Result<String> {
        let resource = self.arn(&S3Uri::new(bucket, ""));
        let call = self.call("s3:GetBucketOwnershipControls", &resource, Some(bucket));
        let request = |client: Client| {
            let request = client.get_bucket_ownership_controls().bucket(bucket).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let rule = match self.in_region(bucket, request).await {
            Ok(answer) => answer.ownership_controls.and_then(|controls| controls.rules.into_iter().next()),
            Err(Error::Aws { code, .. }) if code == "OwnershipControlsNotFoundError" => None,
            Err(error) => return Err(error),
        };
        Ok(rule.map_or("ObjectWriter".to_owned(), |rule| rule.object_ownership.as_str().to_owned()))
    }
}
