//! The AWS managed policies that are known here: roles have them attached, sessions are narrowed by them.

use serde_json::{Value, json};

use super::directory::{self, Written};
use crate::domain::policy::Policy;

/// The managed policy of an ARN, if the cloud knows it.
pub(super) fn policy(arn: &str) -> Option<Policy> {
    written(arn).map(|written| written.policy)
}

/// The same with its document.
pub(super) fn written(arn: &str) -> Option<Written> {
    directory::written(document(arn)?).ok()
}

/// What AWS's document says, as far as it is about the services that are here.
fn document(arn: &str) -> Option<Value> {
    let actions = match arn.strip_prefix("arn:aws:iam::aws:policy/")? {
        "AdministratorAccess" => json!("*"),
        "ReadOnlyAccess" => {
            json!(["s3:Get*", "s3:List*", "s3:Describe*", "sts:GetCallerIdentity", "iam:Get*", "iam:List*"])
        }
        "SecurityAudit" => json!([
            "iam:Get*",
            "iam:List*",
            "iam:SimulatePrincipalPolicy",
            "s3:GetBucketPolicy",
            "s3:GetBucketPolicyStatus",
            "s3:GetBucketOwnershipControls",
            "s3:GetEncryptionConfiguration",
            "s3:ListAllMyBuckets",
        ]),
        "IAMReadOnlyAccess" => json!(["iam:Get*", "iam:List*", "iam:SimulatePrincipalPolicy"]),
        "AmazonS3FullAccess" => json!("s3:*"),
        "AmazonS3ReadOnlyAccess" => json!(["s3:Get*", "s3:List*", "s3:Describe*"]),
        _ => return None,
    };
    Some(json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    }))
}
