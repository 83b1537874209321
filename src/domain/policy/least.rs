//! The least policies that a thing needs, one [`Grant`] for each side that must agree.
//!
//! `xsw policy` prints them and `xsw explain` ends with one of them. Nothing here asks AWS: what is granted follows
//! from who calls, what is called, and which account owns it.
//!
//! ```text
//! party.rs     who is granted something           session.rs   assuming a role: the caller's side and the trust policy
//! objects.rs   reading and writing objects        copy.rs      a copy from bucket to bucket, all sides
//! batch.rs     a copy by S3 Batch Operations
//! merge.rs     adding to a policy that is there   text.rs      names, commands, the order that people write in
//! ```

mod batch;
mod copy;
mod merge;
mod objects;
mod party;
mod session;
mod text;

use serde_json::{Value, json};

pub use batch::{Batch, batch_copy};
pub use copy::{Copy, CopyForm, copy};
pub use objects::{Access, KeyArn, Objects, add, read, write};
pub use party::Party;
pub use session::{Trust, assume, assuming, trust};
pub use text::Ordered;

use super::Side;
use crate::domain::account::{AccountId, RoleArn};

/// What one side must be given: a policy, and where it is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose consent it is, in the words of [`super::decide`].
    pub side: Side,
    /// The account whose administrator can give it.
    pub account: AccountId,
    /// Where it is attached.
    pub target: AttachTo,
    /// What it is for, in a word and the names that tell it from others: `read-my-bucket`.
    pub purpose: String,
    /// The policy, with these statements and no others.
    pub policy: Value,
}

/// What a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachTo {
    /// A user, as an inline policy.
    User {
        /// The user's ARN.
        arn: String,
    },
    /// A role, as an inline policy.
    Role {
        /// The account of the role.
        account: AccountId,
        /// The role's name.
        name: String,
    },
    /// A permission set of IAM Identity Center: the roles that it makes cannot be changed in their accounts.
    PermissionSet {
        /// The account that it is used in.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// The trust policy of a role.
    Trust {
        /// The role.
        role: RoleArn,
    },
    /// The policy of a bucket.
    Bucket {
        /// The bucket's name.
        bucket: String,
    },
    /// The policy of a KMS key.
    Key {
        /// The key.
        arn: KeyArn,
    },
}

/// Why there is no policy that would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPolicy {
    /// AWS STS API Reference, `AssumeRole`: not for the root user.
    #[error("{0} as a whole assumes no role: its root user may not call AssumeRole; name a user or role of it")]
    WholeAccount(AccountId),
    /// A service is no caller of ours.
    #[error("{0} is a service of AWS: it gets its permissions from the role that trusts it, and has no policy itself")]
    Service(String),
    /// "Secure API access with MFA" of the IAM User Guide: AssumeRole's sessions know of no MFA.
    #[error(
        "{0} is a role: its sessions show no MFA to AssumeRole, so a trust policy that wants it lets none of them in"
    )]
    NoMfaInSessions(String),
    /// Nothing crosses partitions.
    #[error("{0} and {1} are partitions of AWS that share nothing: no policy reaches from one into the other")]
    Partitions(String, String),
    /// A key that has nothing to do with it.
    #[error("the key {key} belongs to {owner}, which is the account of neither bucket")]
    ForeignKey {
        /// The key.
        key: String,
        /// Its account.
        owner: AccountId,
    },
    /// No principals, or no objects.
    #[error("nothing is named that the policy should be about")]
    Nothing,
}

/// How a policy of another account names the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// The role or user itself: nobody else is let in.
    #[default]
    Exactly,
    /// Its whole account, whose administrators then decide who of it.
    Account,
}

/// A document of these statements.
fn document(statements: impl IntoIterator<Item = Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements.into_iter().collect::<Vec<_>>() })
}

/// One value as itself and several as a list: so they are written by people.
fn one_or_many(values: &[String]) -> Value {
    match values {
        [one] => json!(one),
        many => json!(many),
    }
}

/// Grants with one policy for each place: what goes to the same place becomes one document.
fn gathered(grants: Vec<Grant>) -> Vec<Grant> {
    let mut gathered: Vec<Grant> = Vec::new();
    for grant in grants {
        match gathered.iter_mut().find(|known| known.target == grant.target && known.account == grant.account) {
            Some(known) => known.policy = merge::merged(&known.policy, &grant.policy),
            None => gathered.push(grant),
        }
    }
    gathered
}

#[cfg(test)]
mod tests;
