//! What a grant is called, what attaches it, and how its policy is written down.

use std::hash::Hasher as _;

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::Value;

use super::{AttachTo, Grant};
use crate::domain::shell_word::quoted;

impl Grant {
    /// The name of its file: `trust-222222222222-S3Reader.json`.
    pub fn file_name(&self) -> String {
        let account = self.account;
        let stem = match &self.target {
            AttachTo::User { arn } => format!("user-{account}-{}", last(arn)),
            AttachTo::Role { name, .. } => format!("role-{account}-{name}"),
            AttachTo::PermissionSet { name, .. } => format!("permission-set-{account}-{name}"),
            AttachTo::Trust { role } => format!("trust-{account}-{}", role.name()),
            AttachTo::Bucket { bucket } => format!("bucket-{account}-{bucket}"),
            AttachTo::Key { arn } => format!("key-{account}-{}", last(arn.as_str())),
        };
        format!("{}.json", plain(&stem))
    }

    /// The name of an inline policy: what it is for, and a number that follows from its statements. The same policy has
    /// the same name, another has another: AWS replaces an inline policy by one of the same name without a word.
    pub fn policy_name(&self) -> String {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        hasher.write(self.policy.to_string().as_bytes());
        let number = hasher.finish() as u32;
        // IAM takes 128 characters.
        let purpose: String = plain(&self.purpose).chars().take(128 - "xsw--".len() - 8).collect();
        format!("xsw-{purpose}-{number:08x}")
    }

    /// The command of the AWS CLI that attaches it from its file.
    pub fn command(&self) -> String {
        self.command_from(&self.file_name())
    }

    /// The same from another file.
    pub fn command_from(&self, file: &str) -> String {
        let file = quoted(&format!("file://{file}"));
        match &self.target {
            AttachTo::User { arn } => format!(
                "aws iam put-user-policy --user-name {} --policy-name {} --policy-document {file}",
                quoted(last(arn)),
                quoted(&self.policy_name())
            ),
            AttachTo::Role { name, .. } => format!(
                "aws iam put-role-policy --role-name {} --policy-name {} --policy-document {file}",
                quoted(name),
                quoted(&self.policy_name())
            ),
            AttachTo::PermissionSet { .. } => format!(
                "aws sso-admin put-inline-policy-to-permission-set --instance-arn INSTANCE_ARN \
                 --permission-set-arn PERMISSION_SET_ARN --inline-policy {file}"
            ),
            AttachTo::Trust { role } => format!(
                "aws iam update-assume-role-policy --role-name {} --policy-document {file}",
                quoted(role.name())
            ),
            AttachTo::Bucket { bucket } => {
                format!("aws s3api put-bucket-policy --bucket {} --policy {file}", quoted(bucket))
            }
            AttachTo::Key { arn } => format!(
                "aws kms put-key-policy --region {} --key-id {} --policy-name default --policy {file}",
                quoted(arn.region()),
                quoted(arn.as_str())
            ),
        }
    }

    /// The command that shows the policy which the new one would replace; none where nothing is replaced.
    pub fn present(&self) -> Option<String> {
        match &self.target {
            AttachTo::User { .. } | AttachTo::Role { .. } => None,
            AttachTo::PermissionSet { .. } => Some(
                "aws sso-admin get-inline-policy-for-permission-set --instance-arn INSTANCE_ARN \
                 --permission-set-arn PERMISSION_SET_ARN --query InlinePolicy --output text"
                    .to_owned(),
            ),
            AttachTo::Trust { role } => Some(format!(
                "aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument",
                quoted(role.name())
            )),
            AttachTo::Bucket { bucket } => {
                Some(format!("aws s3api get-bucket-policy --bucket {} --query Policy --output text", quoted(bucket)))
            }
            AttachTo::Key { arn } => Some(format!(
                "aws kms get-key-policy --region {} --key-id {} --policy-name default --query Policy --output text",
                quoted(arn.region()),
                quoted(arn.as_str())
            )),
        }
    }

    /// Whether attaching the bare policy would replace what is there.
    pub fn replaces(&self) -> bool {
        self.present().is_some()
    }

    /// What it is attached to, for machines: its kind, and its name or ARN.
    pub fn attach_to(&self) -> (&'static str, String) {
        match &self.target {
            AttachTo::User { arn } => ("user", arn.clone()),
            AttachTo::Role { name, .. } => ("role", name.clone()),
            AttachTo::PermissionSet { name, .. } => ("permission_set", name.clone()),
            AttachTo::Trust { role } => ("trust", role.to_string()),
            AttachTo::Bucket { bucket } => ("bucket", bucket.clone()),
            AttachTo::Key { arn } => ("key", arn.to_string()),
        }
    }

    /// What it is attached to, in words: `trust policy of the role S3Reader`.
    pub fn place(&self) -> String {
        match &self.target {
            AttachTo::User { arn } => format!("permissions of the user {}", last(arn)),
            AttachTo::Role { name, .. } => format!("permissions of the role {name}"),
            AttachTo::PermissionSet { name, .. } => format!("permission set {name}"),
            AttachTo::Trust { role } => format!("trust policy of the role {}", role.name()),
            AttachTo::Bucket { bucket } => format!("policy of the bucket {bucket}"),
            AttachTo::Key { arn } => format!("policy of the key {}", last(arn.as_str())),
        }
    }

    /// Who must do what with it, in a sentence.
    pub fn sentence(&self) -> String {
        let account = self.account;
        match &self.target {
            AttachTo::User { .. } | AttachTo::Role { .. } => {
                format!("An administrator of {account} attaches it as an inline policy; nothing else changes.")
            }
            AttachTo::PermissionSet { name, .. } => format!(
                "IAM denies changes to the roles of permission sets, so an administrator of IAM Identity Center adds the \
                 statements to the inline policy of {name}, and provisions it to {account} again."
            ),
            AttachTo::Trust { .. } => format!(
                "An administrator of {account} adds the statements to the trust policy; the command alone replaces it."
            ),
            AttachTo::Bucket { .. } => format!(
                "An administrator of {account}, which owns the bucket, adds the statements to its policy; the command \
                 alone replaces it."
            ),
            AttachTo::Key { .. } => format!(
                "An administrator of the key in {account} adds the statements to its policy; the command alone replaces \
                 it, and a key policy without its administrators locks everybody out."
            ),
        }
    }
}

impl Grant {
    /// What the policy alone cannot bring about, where there is such a thing.
    pub fn caution(&self) -> Option<&'static str> {
        let writes = self.policy.to_string().contains("s3:PutObject");
        match self.target {
            // Amazon S3 User Guide, "Controlling ownership of objects".
            AttachTo::Bucket { .. } if writes => Some(
                "New buckets own what is written to them; where the bucket's ownership is not BucketOwnerEnforced, the \
                 writer owns it unless the ACL bucket-owner-full-control goes with it.",
            ),
            _ => None,
        }
    }
}

/// FNV-1a: a name needs no more, and it is the same on every machine.
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What both a file and an inline policy may be called.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "+=,.@-_".contains(c) { c } else { '-' }).collect()
}

/// A Sid takes letters and digits alone.
pub(super) fn sid(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A policy in the order in which people write one: Version first, Sid and Effect before the rest.
#[derive(Clone, Copy, Debug)]
pub struct Ordered<'a>(pub &'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const ORDER: [&str; 11] = [
            "Version",
            "Id",
            "Statement",
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
        ];
        match self.0 {
            Value::Object(map) => {
                let mut fields: Vec<_> = map.iter().collect();
                fields.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
                let mut out = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    out.serialize_entry(name, &Ordered(value))?;
                }
                out.end()
            }
            Value::Array(many) => {
                let mut out = serializer.serialize_seq(Some(many.len()))?;
                for value in many {
                    out.serialize_element(&Ordered(value))?;
                }
                out.end()
            }
            other => other.serialize(serializer),
        }
    }
}
