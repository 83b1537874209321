//! What is asked: who calls which action on what, and what else is known about the call.

use std::collections::BTreeMap;

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The twelve digits of the account the caller belongs to; empty for a service.
    pub account: String,
    /// The ARN that GetCallerIdentity gives: of the user, of the role session, of the account's root.
    pub arn: String,
    /// What kind of caller it is.
    pub kind: PrincipalKind,
}

/// The kinds of callers that policies tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root user of the account. Identity policies do not apply to it.
    Root,
    /// An IAM user.
    User,
    /// A session of a role. Policies name the role, or this one session.
    Session {
        /// The ARN of the role, with its path.
        role_arn: String,
    },
    /// An AWS service such as `lambda.amazonaws.com`; the ARN field holds that name.
    Service,
}

impl Principal {
    /// An IAM user by ARN.
    pub fn user(account: impl Into<String>, arn: impl Into<String>) -> Principal {
        Principal { account: account.into(), arn: arn.into(), kind: PrincipalKind::User }
    }

    /// The root user of an account.
    pub fn root(account: impl Into<String>) -> Principal {
        let account = account.into();
        Principal { arn: format!("arn:aws:iam::{account}:root"), account, kind: PrincipalKind::Root }
    }

    /// A session of a role: `arn` is the assumed-role ARN, `role_arn` that of the role.
    pub fn session(account: impl Into<String>, arn: impl Into<String>, role_arn: impl Into<String>) -> Principal {
        Principal {
            account: account.into(),
            arn: arn.into(),
            kind: PrincipalKind::Session { role_arn: role_arn.into() },
        }
    }

    /// An AWS service by its name.
    pub fn service(name: impl Into<String>) -> Principal {
        Principal { account: String::new(), arn: name.into(), kind: PrincipalKind::Service }
    }

    /// The value of `aws:PrincipalArn`: the role's ARN for a session, else the caller's own.
    pub fn principal_arn(&self) -> &str {
        match &self.kind {
            PrincipalKind::Session { role_arn } => role_arn,
            _ => &self.arn,
        }
    }
}

/// Condition keys and their values. Keys are compared without case, as "IAM JSON policy elements: Condition" says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// A context without any key.
    pub fn new() -> Context {
        Context::default()
    }

    /// Sets a key to one value, in place of what it had.
    pub fn set(&mut self, key: &str, value: impl Into<String>) -> &mut Context {
        self.values.insert(key.to_ascii_lowercase(), vec![value.into()]);
        self
    }

    /// Sets a key to several values; an empty list counts as an absent key.
    pub fn set_all(&mut self, key: &str, values: Vec<String>) -> &mut Context {
        self.values.insert(key.to_ascii_lowercase(), values);
        self
    }

    /// Takes every key of `other`; where both have a key, the other's value stays.
    pub fn extend(&mut self, other: &Context) -> &mut Context {
        self.values.extend(other.values.clone());
        self
    }

    /// The values of a key, or none when it is absent or empty.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.values.get(&key.to_ascii_lowercase()).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// The value of a key that has exactly one.
    pub fn single(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some([value]) => Some(value),
            _ => None,
        }
    }
}

/// One call: who, what, on what, and under which circumstances.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The action, such as `s3:GetObject`.
    pub action: &'a str,
    /// The ARN of the resource, or `*` where the action has none.
    pub resource: &'a str,
    /// The condition keys of the call.
    pub context: &'a Context,
}
