//! A session as environment variables: which a child gets, and which it must lose.
//!
//! Called for `exec`, `shell` and `env`. What is set and unset, and why, is in FIELD.md under "Environment of a child".

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::endpoint::Address;
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::session::Session;
use crate::domain::text::rfc3339;

/// Everything that [`session_env`] and [`renewing_env`] set.
const SET: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "XSW_SESSION_EXPIRES_AT",
    "XSW_ROLE",
    "XSW_ACCOUNT_ID",
    "XSW_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];

/// A session, and how long it lives; a renewing child must have none of them.
const KEYS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "XSW_SESSION_EXPIRES_AT",
];

/// The endpoint of a renewing child; a plain child inside of one must not come to its session.
const ENDPOINT: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

/// Other ways to credentials that some SDK would prefer to, or mix with, the session's.
const UNSET: [&str; 8] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    // botocore reads it before AWS_SESSION_TOKEN.
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    // These two beat those of the endpoint.
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
    tell_region(&mut env, role);
    let expiration = rfc3339(session.expiration);
    env.set("AWS_CREDENTIAL_EXPIRATION", &*expiration);
    env.set("AWS_SESSION_EXPIRATION", expiration);
    // Seconds since 1970, with which a prompt can count without knowing calendars.
    env.set("XSW_SESSION_EXPIRES_AT", session.expiration.as_second().to_string());
    tell_role(&mut env, role);
    UNSET.iter().chain(&ENDPOINT).for_each(|name| env.unset(name));
    env
}

/// The environment that holds the way to a session which renews itself. Keys beside it would win, and end.
pub fn renewing_env(endpoint: &Address, role: &RoleFacts<'_>) -> ChildEnv {
    let mut env = ChildEnv::default();
    env.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri());
    env.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", endpoint.token());
    tell_region(&mut env, role);
    tell_role(&mut env, role);
    KEYS.iter().chain(&UNSET).for_each(|name| env.unset(name));
    env
}

fn tell_region(env: &mut ChildEnv, role: &RoleFacts<'_>) {
    if let Some(region) = role.region {
        env.set("AWS_REGION", region);
        env.set("AWS_DEFAULT_REGION", region);
    }
}

fn tell_role(env: &mut ChildEnv, role: &RoleFacts<'_>) {
    env.set("XSW_ROLE", role.label);
    env.set("XSW_ACCOUNT_ID", role.account_id.as_str());
    match role.arn {
        Some(arn) => env.set("XSW_ROLE_ARN", arn.to_string()),
        // One that is there is that of a subshell around this one.
        None => env.unset("XSW_ROLE_ARN"),
    }
}

/// Takes back what [`session_env`] and [`renewing_env`] set. What they unset stays so: nobody knows its value any more.
pub fn unset_env() -> ChildEnv {
    let mut env = ChildEnv::default();
    SET.iter().for_each(|name| env.unset(name));
    env
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::session::Keys;

    fn role<T>(region: Option<&str>, use_it: impl FnOnce(&RoleFacts<'_>) -> T) -> T {
        let arn: RoleArn = "arn:aws:iam::222222222222:role/team/S3Reader".parse().unwrap();
        use_it(&RoleFacts { label: "prod/S3Reader", arn: Some(&arn), account_id: arn.account(), region })
    }

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
        role(region, |role| session_env(&session, role))
    }

    /// FIELD.md, "Environment of a child", word for word: each variable as a plain child, as a renewing child and as
    /// `xsw env --unset` have it. `None` is unset; the last column tells whether it is touched at all.
    #[test]
    fn a_child_gets_and_loses_what_the_field_notes_say() {
        let uri = "http://127.0.0.1:4711/session";
        #[rustfmt::skip]
        let table = [
            // variable                                 plain                           renewing                taken back
            ("AWS_ACCESS_KEY_ID",                       Some("ASIAEXAMPLE"),            None,                   true),
            ("AWS_SECRET_ACCESS_KEY",                   Some("very-secret"),            None,                   true),
            ("AWS_SESSION_TOKEN",                       Some("very-token"),             None,                   true),
            ("AWS_REGION",                              Some("ap-northeast-1"),         Some("ap-northeast-1"), true),
            ("AWS_DEFAULT_REGION",                      Some("ap-northeast-1"),         Some("ap-northeast-1"), true),
            ("AWS_CREDENTIAL_EXPIRATION",               Some("2026-01-02T02:04:05Z"),   None,                   true),
            ("AWS_SESSION_EXPIRATION",                  Some("2026-01-02T02:04:05Z"),   None,                   true),
            ("XSW_SESSION_EXPIRES_AT",                  Some("1767319445"),             None,                   true),
            ("XSW_ROLE",                                Some("prod/S3Reader"),          Some("prod/S3Reader"),  true),
            ("XSW_ACCOUNT_ID",                          Some("222222222222"),           Some("222222222222"),   true),
            ("XSW_ROLE_ARN",                            Some("arn:aws:iam::222222222222:role/team/S3Reader"),
                                                        Some("arn:aws:iam::222222222222:role/team/S3Reader"),   true),
            ("AWS_PROFILE",                             None,                           None,                   false),
            ("AWS_DEFAULT_PROFILE",                     None,                           None,                   false),
            ("AWS_SECURITY_TOKEN",                      None,                           None,                   false),
            ("AWS_ROLE_ARN",                            None,                           None,                   false),
            ("AWS_ROLE_SESSION_NAME",                   None,                           None,                   false),
            ("AWS_WEB_IDENTITY_TOKEN_FILE",             None,                           None,                   false),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",  None,                           None,                   false),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",  None,                           None,                   false),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI",      None,                           Some(uri),              true),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN",       None,                           Some("very-random"),    true),
        ];
        let endpoint = Address::new(4711, "very-random".to_owned().into());
        let renewing = role(Some("ap-northeast-1"), |role| renewing_env(&endpoint, role));
        let plain = env(Some("ap-northeast-1"), Some("very-token"));
        let sorted = |env: &ChildEnv| {
            let mut all: Vec<_> = env.iter().map(|(name, value)| (name, value.map(str::to_owned))).collect();
            all.sort();
            all
        };
        let expected = |rows: Vec<(&'static str, Option<&str>)>| {
            let mut all: Vec<_> = rows.into_iter().map(|(name, value)| (name, value.map(str::to_owned))).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&plain), expected(table.map(|row| (row.0, row.1)).to_vec()));
        assert_eq!(sorted(&renewing), expected(table.map(|row| (row.0, row.2)).to_vec()));
        let taken_back = table.iter().filter(|row| row.3).map(|row| (row.0, None)).collect();
        assert_eq!(sorted(&unset_env()), expected(taken_back));
        assert!(!format!("{renewing:?} {endpoint:?}").contains("very-"), "{renewing:?} {endpoint:?}");
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
