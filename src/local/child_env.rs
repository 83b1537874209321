//! A session as environment variables: which a child gets, and which it must lose.
//!
//! Called for `exec`, `shell` and `env`. What is set and unset, and why, is in FIELD.md under "Environment of a child".

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::account::{AccountId, RoleArn};
use crate::domain::session::Session;

/// Everything that [`session_env`] sets.
const SET: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "XSW_ROLE",
    "XSW_ACCOUNT_ID",
    "XSW_ROLE_ARN",
];

/// Other ways to credentials that some SDK would prefer to, or mix with, the session's keys.
const UNSET: [&str; 8] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    // botocore reads it before AWS_SESSION_TOKEN.
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// Changes of an environment, in order. Debug shows the names alone.
#[derive(Clone, Default)]
pub struct ChildEnv(Vec<(&'static str, Option<SecretString>)>);

impl ChildEnv {
    /// Adds a variable with its value.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, Some(value.into().into())));
    }

    /// Adds a variable that must not be there.
    pub fn unset(&mut self, name: &'static str) {
        self.0.push((name, None));
    }

    /// Each variable with its value; `None` is one that must not be there. The values are secrets.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (*name, value.as_ref().map(ExposeSecret::expose_secret)))
    }
}

impl fmt::Debug for ChildEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: Option<&str>| if value.is_some() { "[redacted]" } else { "[unset]" };
        f.debug_map().entries(self.iter().map(|(name, value)| (name, shown(value)))).finish()
    }
}

/// What a child is told about the role beside its credentials.
#[derive(Clone, Copy, Debug)]
pub struct RoleFacts<'a> {
    /// `account/role`.
    pub label: &'a str,
    /// The role that was assumed; nobody knows that of a permission set.
    pub arn: Option<&'a RoleArn>,
    /// Its account.
    pub account_id: AccountId,
    /// The region that the profile file gives it; without one the child keeps its own.
    pub region: Option<&'a str>,
}

/// The environment that holds the session.
pub fn session_env(session: &Session, role: &RoleFacts<'_>) -> ChildEnv {
    let mut env = ChildEnv::default();
    env.set("AWS_ACCESS_KEY_ID", &*session.keys.access_key_id);
    env.set("AWS_SECRET_ACCESS_KEY", session.keys.secret());
    match session.keys.token() {
        Some(token) => env.set("AWS_SESSION_TOKEN", token),
        // One that is there belongs to other keys.
        None => env.unset("AWS_SESSION_TOKEN"),
    }
    if let Some(region) = role.region {
        env.set("AWS_REGION", region);
        env.set("AWS_DEFAULT_REGION", region);
    }
    let expiration = rfc3339(session.expiration);
    env.set("AWS_CREDENTIAL_EXPIRATION", &*expiration);
    env.set("AWS_SESSION_EXPIRATION", expiration);
    env.set("XSW_ROLE", role.label);
    env.set("XSW_ACCOUNT_ID", role.account_id.as_str());
    match role.arn {
        Some(arn) => env.set("XSW_ROLE_ARN", arn.to_string()),
        // One that is there is that of a subshell around this one.
        None => env.unset("XSW_ROLE_ARN"),
    }
    UNSET.iter().for_each(|name| env.unset(name));
    env
}

/// Takes back what [`session_env`] sets. What it unset stays so: nobody knows its value any more.
pub fn unset_env() -> ChildEnv {
    let mut env = ChildEnv::default();
    SET.iter().for_each(|name| env.unset(name));
    env
}

/// Whole seconds: some readers of these variables take no fraction.
fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Keys;

    fn env(region: Option<&str>, token: Option<&str>) -> ChildEnv {
        let session = Session {
            keys: Keys {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: "very-secret".to_owned().into(),
                session_token: token.map(|token| token.to_owned().into()),
            },
            issued: Timestamp::UNIX_EPOCH,
            expiration: "2026-01-02T03:04:05.678+01:00".parse().unwrap(),
            arn: "arn:aws:sts::222222222222:assumed-role/S3Reader/me".into(),
            account_id: "222222222222".parse().unwrap(),
        };
        let arn = "arn:aws:iam::222222222222:role/team/S3Reader".parse().unwrap();
        let role = RoleFacts { label: "prod/S3Reader", arn: Some(&arn), account_id: session.account_id, region };
        session_env(&session, &role)
    }

    /// FIELD.md, "Environment of a child", word for word.
    #[test]
    fn a_child_gets_and_loses_what_the_field_notes_say() {
        let env = env(Some("ap-northeast-1"), Some("very-token"));
        let expected = [
            ("AWS_ACCESS_KEY_ID", Some("ASIAEXAMPLE")),
            ("AWS_SECRET_ACCESS_KEY", Some("very-secret")),
            ("AWS_SESSION_TOKEN", Some("very-token")),
            ("AWS_REGION", Some("ap-northeast-1")),
            ("AWS_DEFAULT_REGION", Some("ap-northeast-1")),
            ("AWS_CREDENTIAL_EXPIRATION", Some("2026-01-02T02:04:05Z")),
            ("AWS_SESSION_EXPIRATION", Some("2026-01-02T02:04:05Z")),
            ("XSW_ROLE", Some("prod/S3Reader")),
            ("XSW_ACCOUNT_ID", Some("222222222222")),
            ("XSW_ROLE_ARN", Some("arn:aws:iam::222222222222:role/team/S3Reader")),
            ("AWS_PROFILE", None),
            ("AWS_DEFAULT_PROFILE", None),
            ("AWS_SECURITY_TOKEN", None),
            ("AWS_ROLE_ARN", None),
            ("AWS_ROLE_SESSION_NAME", None),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", None),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", None),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", None),
        ];
        assert_eq!(env.iter().collect::<Vec<_>>(), expected);

        let taken_back = unset_env();
        let set: Vec<_> = expected.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| (*name, None)).collect();
        assert_eq!(taken_back.iter().collect::<Vec<_>>(), set);
    }

    #[test]
    fn without_a_region_the_child_keeps_its_own_and_without_a_token_it_keeps_none() {
        let env = env(None, None);
        assert!(env.iter().all(|(name, _)| !name.ends_with("REGION")), "{env:?}");
        assert!(env.iter().any(|change| change == ("AWS_SESSION_TOKEN", None)), "{env:?}");
    }

    #[test]
    fn debug_never_shows_a_value() {
        let shown = format!("{:?}", env(Some("ap-northeast-1"), Some("very-token")));
        assert!(shown.contains("AWS_SESSION_TOKEN") && !shown.contains("very-"), "{shown}");
    }
}
