//! The first credentials: from a profile of `~/.aws`, the environment, or an IAM Identity Center sign-in.

use std::error::Error as _;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use jiff::Timestamp;

use super::{Aws, errors::innermost, keys};
use crate::domain::role::Source;
use crate::domain::session::Keys;
use crate::error::{Error, Result};

/// Source credentials, and when they end if they do.
#[derive(Clone, Debug)]
pub struct SourceKeys {
    /// The credentials.
    pub keys: Keys,
    /// Long-lived keys have none.
    pub expiration: Option<Timestamp>,
}

impl Aws {
    /// Fetches the source credentials; `region` is the one that STS would be asked in.
    ///
    /// # Errors
    /// [`Error::SignedOut`] with the next step: sign in, or write the missing profile.
    pub async fn source_keys(&self, name: &str, source: &Source, region: &str) -> Result<SourceKeys> {
        let provider = ProviderConfig::default()
            .with_behavior_version(Some(BehaviorVersion::latest()))
            .with_http_client(self.http.clone())
            .with_sleep_impl(self.sleep.clone())
            .with_region(Some(Region::new(region.to_owned())));
        let (found, hint) = match source {
            Source::AwsProfile(profile) => {
                let provider = ProfileFileCredentialsProvider::builder()
                    .configure(&provider)
                    .profile_files(self.profile_files())
                    .profile_name(profile)
                    .build();
                let hint = format!(
                    "check the profile with `aws sts get-caller-identity --profile {profile}`; sign in with `aws sso \
                     login --profile {profile}`, or write its keys with `aws configure --profile {profile}`"
                );
                (provider.provide_credentials().await, hint)
            }
            Source::Environment => (
                EnvironmentVariableCredentialsProvider::new().provide_credentials().await,
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name an AWS profile as the source".to_owned(),
            ),
            // To be filled in.
            Source::InstanceRole | Source::ContainerRole => return Err(Error::usage("no such source yet")),
            Source::IdentityCenter { .. } => {
                return Err(Error::SignedOut {
                    source_name: name.to_owned(),
                    message: "its sign-in gives permission sets and no credentials of its own".into(),
                    hint: Some("give the source sso_account_id and sso_role_name".into()),
                });
            }
        };
        let found = found.map_err(|error| Error::SignedOut {
            source_name: name.to_owned(),
            message: match (&error, source) {
                // The SDK's own words for it: "the credential provider was not enabled".
                (CredentialsError::CredentialsNotLoaded(_), source) if error.source().is_none() => match source {
                    Source::AwsProfile(profile) => format!("there is no AWS profile {profile} with credentials"),
                    _ => "there are none".into(),
                },
                _ => innermost(&error),
            },
            hint: Some(hint),
        })?;
        let expiration = found.expiry().and_then(|expiry| Timestamp::try_from(expiry).ok());
        Ok(SourceKeys { keys: keys(&found), expiration })
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
