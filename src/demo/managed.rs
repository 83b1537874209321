//! The AWS managed policies that a session may be narrowed by here.

use serde_json::json;

use crate::domain::policy::Policy;

/// The managed policy of an ARN, if the cloud knows it.
pub(super) fn policy(arn: &str) -> Option<Policy> {
    let actions = match arn.strip_prefix("arn:aws:iam::aws:policy/")? {
        "ReadOnlyAccess" => {
            json!(["s3:Get*", "s3:List*", "s3:Describe*", "sts:GetCallerIdentity", "iam:Get*", "iam:List*"])
        }
        "AmazonS3ReadOnlyAccess" => json!(["s3:Get*", "s3:List*", "s3:Describe*"]),
        _ => return None,
    };
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    });
    Policy::from_json(&document).ok()
}
