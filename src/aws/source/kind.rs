//! Of which kind a source is: for the next step when it gives nothing, and for `xsw check`.

use std::fmt;

use aws_config::profile::{Profile, load};

use crate::aws::Aws;
use crate::domain::role::Source;

/// Where source credentials come from, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "`Display` says it")]
pub enum SourceKind {
    Keys,
    IdentityCenter,
    Process,
    WebIdentity,
    /// `aws login`; of a console session that is a role's.
    Login {
        of_role: bool,
    },
    /// An AWS profile with a role_arn.
    Role,
    Environment,
    Instance,
    Container,
    /// There is no such AWS profile.
    NoProfile,
    /// The AWS profile has no credentials.
    Nothing,
}

impl SourceKind {
    /// Whether what it gives is a role's session for sure. Keys and what a process gives may be anything.
    pub(super) fn is_role_session(&self) -> bool {
        match self {
            Self::IdentityCenter | Self::WebIdentity | Self::Role | Self::Instance | Self::Container => true,
            Self::Login { of_role } => *of_role,
            Self::Keys | Self::Process | Self::Environment | Self::NoProfile | Self::Nothing => false,
        }
    }

    /// As the SDK's profile provider decides it.
    fn of(profile: &Profile) -> Self {
        let has = |keys: &[&str]| keys.iter().any(|key| profile.get(key).is_some_and(|value| !value.is_empty()));
        if has(&["role_arn"]) && !has(&["web_identity_token_file"]) {
            Self::Role
        } else if has(&["credential_source"]) {
            Self::Environment
        } else if has(&["web_identity_token_file"]) {
            Self::WebIdentity
        } else if has(&["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"]) {
            Self::IdentityCenter
        } else if let Some(session) = profile.get("login_session") {
            Self::Login { of_role: session.contains(":assumed-role/") }
        } else if has(&["credential_process"]) {
            Self::Process
        } else if has(&["aws_access_key_id", "aws_secret_access_key"]) {
            Self::Keys
        } else {
            Self::Nothing
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "keys",
            Self::IdentityCenter => "IAM Identity Center",
            Self::Process => "credential_process",
            Self::WebIdentity => "web identity",
            Self::Login { .. } => "aws login",
            Self::Role => "a role",
            Self::Environment => "environment",
            Self::Instance => "instance role",
            Self::Container => "container role",
            Self::NoProfile | Self::Nothing => "nothing",
        })
    }
}

impl Aws {
    /// Of which kind a source is; reads the files of the AWS CLI and asks nobody.
    pub async fn source_kind(&self, source: &Source) -> SourceKind {
        match source {
            Source::AwsProfile(profile) => Box::pin(self.profile_kind(profile)).await,
            Source::Environment if self.environment.get("AWS_ACCESS_KEY_ID").is_some() => SourceKind::Environment,
            Source::Environment if self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() => {
                SourceKind::WebIdentity
            }
            Source::Environment if self.container_address().is_some() => SourceKind::Container,
            Source::Environment => SourceKind::Environment,
            Source::InstanceRole => SourceKind::Instance,
            Source::ContainerRole => SourceKind::Container,
            Source::IdentityCenter { .. } => SourceKind::IdentityCenter,
        }
    }

    pub(super) async fn profile_kind(&self, profile: &str) -> SourceKind {
        let name = profile.to_owned().into();
        // The environment matters for the places of the files alone, and those are named.
        let found = load(&Default::default(), &Default::default(), &self.profile_files(), Some(name)).await;
        match &found {
            Ok(profiles) => profiles.get_profile(profile).map_or(SourceKind::NoProfile, SourceKind::of),
            Err(_) => SourceKind::Nothing,
        }
    }
}
