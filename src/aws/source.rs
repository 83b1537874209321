//! The first credentials: from a profile of `~/.aws`, the environment, this machine's role, or a sign-in.

mod kind;
mod machine;

use std::error::Error as _;
use std::path::Path;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::result::ConnectorError;
use jiff::Timestamp;

pub use kind::SourceKind;

use super::errors::Call;
use super::{Aws, Endpoint, errors::innermost, keys, timestamp};
use crate::domain::role::Source;
use crate::domain::session::Keys;
use crate::error::{Error, Result};

/// Source credentials, and what is known of them.
#[derive(Clone, Debug)]
pub struct SourceKeys {
    /// The credentials.
    pub keys: Keys,
    /// Long-lived keys have none.
    pub expiration: Option<Timestamp>,
    /// Whether they are a user's own keys, which end only when somebody takes them away.
    pub long_lived: bool,
    /// Whether they are known to be a role's session: what they assume is role chaining then, one hour at most, and
    /// GetSessionToken is not for them.
    pub is_role_session: bool,
}

impl SourceKeys {
    fn new(found: &Credentials, is_role_session: bool) -> Self {
        let expiration = found.expiry().and_then(|expiry| Timestamp::try_from(expiry).ok());
        let keys = keys(found);
        let long_lived = keys.session_token.is_none() && expiration.is_none();
        Self { keys, expiration, long_lived, is_role_session: is_role_session && !long_lived }
    }
}

/// No credentials: why, and what to do.
struct Missing {
    message: String,
    hint: String,
}

impl Missing {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// Either there are none, or asking AWS for them failed.
enum Failed {
    Missing(Missing),
    Asking(Error),
}

impl From<Missing> for Failed {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl Aws {
    /// Fetches the source credentials; `endpoint` is the one where STS would be asked.
    ///
    /// # Errors
    /// [`Error::SignedOut`] with the next step: sign in, or write the missing profile.
    pub async fn source_keys(&self, name: &str, source: &Source, endpoint: &Endpoint) -> Result<SourceKeys> {
        // In boxes, because the SDK's futures are deeper than the compiler likes to lay out.
        let found = match source {
            Source::AwsProfile(profile) => Box::pin(self.profile_keys(name, profile, endpoint)).await,
            Source::Environment => Box::pin(self.environment_keys(name, endpoint)).await,
            Source::InstanceRole => Box::pin(self.instance_keys()).await.map_err(Failed::from),
            Source::ContainerRole => Box::pin(self.container_keys()).await.map_err(Failed::from),
            Source::IdentityCenter { .. } => Err(Failed::Missing(Missing::new(
                "its sign-in gives permission sets and no credentials of its own",
                "give the source sso_account_id and sso_role_name",
            ))),
        };
        found.map_err(|failed| match failed {
            Failed::Missing(Missing { message, hint }) => {
                Error::SignedOut { source_name: name.to_owned(), message, hint: Some(hint) }
            }
            Failed::Asking(error) => error,
        })
    }

    /// What the providers of the SDK stand on. Region and HTTP client are ours; the variables that a provider looks
    /// for by itself are those of the process, because the SDK takes no others.
    fn provider_config(&self, endpoint: &Endpoint, http: SharedHttpClient) -> ProviderConfig {
        ProviderConfig::default()
            .with_behavior_version(Some(BehaviorVersion::latest()))
            .with_http_client(http)
            .with_sleep_impl(self.sleep.clone())
            .with_region(Some(Region::new(endpoint.region.clone())))
    }

    /// Whatever stands in an AWS profile: keys, SSO, credential_process, web identity, login_session, or a role.
    async fn profile_keys(&self, name: &str, profile: &str, endpoint: &Endpoint) -> Result<SourceKeys, Failed> {
        let kind = self.profile_kind(profile).await;
        let mut provider = ProfileFileCredentialsProvider::builder()
            .configure(&self.provider_config(endpoint, self.http.clone()))
            .profile_files(self.profile_files())
            .profile_name(profile)
            .with_custom_provider("Ec2InstanceMetadata", self.instance_provider())
            .with_custom_provider("EcsContainer", self.container_provider());
        if let Ok(Some(keys)) = self.keys_of_environment() {
            provider = provider.with_custom_provider("Environment", keys);
        }
        match provider.build().provide_credentials().await {
            Ok(found) => Ok(SourceKeys::new(&found, kind.is_role_session())),
            Err(error) => {
                if let Some(message) = not_reached(&error) {
                    let endpoint = format!("what gives the AWS profile {profile} its credentials");
                    return Err(Failed::Asking(Error::Network { endpoint, message }));
                }
                let said = match &error {
                    // The SDK's own words for it: "the credential provider was not enabled".
                    CredentialsError::CredentialsNotLoaded(_) if error.source().is_none() => String::new(),
                    error => innermost(error),
                };
                Err(Failed::Missing(profile_missing(name, profile, &kind, &said)))
            }
        }
    }

    /// The keys of the environment, else a web identity or a container that it names: what the AWS CLI takes, in its
    /// order (AWS SDKs and Tools Reference Guide, "Standardized credential providers").
    async fn environment_keys(&self, name: &str, endpoint: &Endpoint) -> Result<SourceKeys, Failed> {
        if let Some(found) = self.keys_of_environment()? {
            // In a subshell of xsw they are the session of its role.
            return Ok(SourceKeys::new(&found, self.environment.get("XSW_ROLE").is_some()));
        }
        if let Some(token_file) = self.environment.path("AWS_WEB_IDENTITY_TOKEN_FILE") {
            return self.web_identity_keys(name, &token_file, endpoint).await;
        }
        if self.container_address().is_some() {
            return Ok(self.container_keys().await?);
        }
        Err(Failed::Missing(Missing::new(
            "there are none",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name an AWS profile as the source",
        )))
    }

    /// The variables AWS_ACCESS_KEY_ID and so on of our environment, which need not be the process's.
    fn keys_of_environment(&self) -> Result<Option<Credentials>, Missing> {
        let get = |name: &str| self.environment.get(name).map(str::trim).filter(|value| !value.is_empty());
        let incomplete = |there: &str, gone: &str| {
            Missing::new(format!("{there} is set and {gone} is not"), format!("set {gone} too, or name an AWS profile"))
        };
        match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                let token = get("AWS_SESSION_TOKEN").map(str::to_owned);
                Ok(Some(Credentials::new(id, secret, token, None, "environment")))
            }
            (Some(_), None) => Err(incomplete("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
            (None, Some(_)) => Err(incomplete("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
            (None, None) => Ok(None),
        }
    }

    /// AWS STS API Reference, `AssumeRoleWithWebIdentity`, which nobody signs.
    async fn web_identity_keys(&self, name: &str, file: &Path, endpoint: &Endpoint) -> Result<SourceKeys, Failed> {
        let Some(role_arn) = self.environment.get("AWS_ROLE_ARN") else {
            return Err(Failed::Missing(Missing::new(
                "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not",
                "set AWS_ROLE_ARN to the role that the token is for",
            )));
        };
        let token = std::fs::read_to_string(file).map_err(|error| {
            Missing::new(
                format!("the web identity token {} cannot be read: {error}", file.display()),
                "check AWS_WEB_IDENTITY_TOKEN_FILE",
            )
        })?;
        let call = Call {
            action: "sts:AssumeRoleWithWebIdentity",
            resource: role_arn,
            name: role_arn,
            caller: name,
            caller_is_source: true,
            bucket: None,
            endpoint: endpoint.name("sts"),
        };
        let answer = aws_sdk_sts::Client::new(&self.config(endpoint))
            .assume_role_with_web_identity()
            .role_arn(role_arn)
            .role_session_name(self.environment.get("AWS_ROLE_SESSION_NAME").unwrap_or("xsw"))
            .web_identity_token(token.trim())
            .send()
            .await
            .map_err(|error| Failed::Asking(call.failed(&error)))?;
        let given = answer.credentials.ok_or_else(|| Missing::new("STS gave none", "try again"))?;
        Ok(SourceKeys {
            expiration: timestamp(&given.expiration),
            keys: Keys {
                access_key_id: given.access_key_id,
                secret_access_key: given.secret_access_key.into(),
                session_token: Some(given.session_token.into()),
            },
            long_lived: false,
            is_role_session: true,
        })
    }

    /// The two files by name, so that the environment of the demo and of the tests counts, not the process's.
    fn profile_files(&self) -> EnvConfigFiles {
        let files = [
            (EnvConfigFileKind::Config, self.environment.aws_config()),
            (EnvConfigFileKind::Credentials, self.environment.aws_credentials()),
        ];
        // A named file that is missing would be an error; either may be.
        let present = files.into_iter().filter(|(_, path)| path.exists());
        // The SDK panics over no file at all.
        let empty = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
        present.fold(empty, |builder, (kind, path)| builder.with_file(kind, path)).build()
    }
}

/// Why an AWS profile gives none, and what to do, by its kind; `said` is what the SDK said, if it said something.
fn profile_missing(name: &str, profile: &str, kind: &SourceKind, said: &str) -> Missing {
    let because = if said.is_empty() { String::new() } else { format!(" ({said})") };
    let check = format!("check the profile with `aws sts get-caller-identity --profile {profile}`");
    match kind {
        SourceKind::NoProfile => Missing::new(
            format!("there is no AWS profile {profile}"),
            format!(
                "write its keys with `aws configure --profile {profile}`, or make it with `aws configure sso`, or \
                 name another in [sources]"
            ),
        ),
        SourceKind::Nothing if said.is_empty() => Missing::new(
            format!("there is no AWS profile {profile} with credentials"),
            format!("write its keys with `aws configure --profile {profile}`, or sign it in with `aws login`"),
        ),
        SourceKind::IdentityCenter => Missing::new(
            format!("nobody is signed in to IAM Identity Center, or no more{because}"),
            format!("sign in: `xsw login {name}`"),
        ),
        SourceKind::Login { .. } => Missing::new(
            format!("nobody is signed in to the AWS profile {profile}, or no more{because}"),
            format!("sign in: `aws login --profile {profile}`"),
        ),
        SourceKind::Process => Missing::new(
            format!("the credential_process of the AWS profile {profile} gave none{because}"),
            format!("run it by itself to see why: `aws configure get credential_process --profile {profile}`"),
        ),
        SourceKind::WebIdentity => Missing::new(
            format!("the web identity of the AWS profile {profile} gave none{because}"),
            "check that web_identity_token_file holds a token that has not expired, and that the role trusts its \
             issuer",
        ),
        _ if said.is_empty() => Missing::new(format!("the AWS profile {profile} has none"), check),
        _ => Missing::new(said, check),
    }
}

/// What the connection said, when the way to the credentials failed and not the credentials.
fn not_reached(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut at = Some(error);
    while let Some(error) = at {
        if error.downcast_ref::<ConnectorError>().is_some() {
            return Some(innermost(error));
        }
        at = error.source();
    }
    None
}
