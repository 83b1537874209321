//! The role of the machine that xsw runs on: of an EC2 instance or of a container.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::{self, credentials::ImdsCredentialsProvider};
use aws_credential_types::provider::ProvideCredentials as _;

use super::{Missing, SourceKeys};
use crate::aws::errors::innermost;
use crate::aws::{Aws, Endpoint, http};

/// An instance answers within milliseconds; where there is none, mostly nobody answers at all.
const INSTANCE_TIMEOUT: Duration = Duration::from_secs(2);
/// What answers for a container may have to ask AWS itself.
const CONTAINER_TIMEOUT: Duration = Duration::from_secs(15);

impl Aws {
    /// The role of the EC2 instance (EC2 User Guide, "Instance metadata").
    pub(super) async fn instance_keys(&self) -> Result<SourceKeys, Missing> {
        let hint = "credential_source = \"Ec2InstanceMetadata\" works on EC2 instances with an instance profile alone; \
                    elsewhere name an AWS profile as the source";
        if self.environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            let message = "the instance metadata service is switched off by AWS_EC2_METADATA_DISABLED";
            return Err(Missing::new(message, "take AWS_EC2_METADATA_DISABLED away, or name another source"));
        }
        let provider = self.instance_provider();
        match tokio::time::timeout(INSTANCE_TIMEOUT, provider.provide_credentials()).await {
            Ok(Ok(found)) => Ok(SourceKeys::new(&found, true)),
            Ok(Err(error)) => {
                Err(Missing::new(format!("the instance metadata service gave none: {}", innermost(&error)), hint))
            }
            Err(_) => Err(Missing::new("no instance metadata service answers here", hint)),
        }
    }

    pub(super) fn instance_provider(&self) -> ImdsCredentialsProvider {
        let config = self.provider_config(&self.nowhere(), http::Connections::of_this_machine().client());
        let mut client = imds::Client::builder().configure(&config).max_attempts(1);
        // The variable of our environment; its mode and the files' settings are read by the SDK.
        if let Some(address) = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
            match client.clone().endpoint(address) {
                Ok(with_address) => client = with_address,
                Err(error) => tracing::warn!(%error, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no address"),
            }
        }
        ImdsCredentialsProvider::builder().configure(&config).imds_client(client.build()).build()
    }

    /// The variable that names where a container gets its credentials; `xsw shell --renew` sets one as well.
    pub(super) fn container_address(&self) -> Option<&str> {
        let names = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        names.iter().find_map(|name| self.environment.get(name))
    }

    /// The role of the container (AWS SDKs and Tools Reference Guide, "Container credential provider").
    pub(super) async fn container_keys(&self) -> Result<SourceKeys, Missing> {
        let hint = "credential_source = \"EcsContainer\" works in containers of ECS and EKS, which set \
                    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI; elsewhere name an AWS profile as the source";
        let Some(address) = self.container_address() else {
            return Err(Missing::new("this is no container with a role", hint));
        };
        let provider = self.container_provider();
        let said = match tokio::time::timeout(CONTAINER_TIMEOUT, provider.provide_credentials()).await {
            Ok(Ok(found)) => return Ok(SourceKeys::new(&found, true)),
            Ok(Err(error)) => innermost(&error),
            Err(_) => "no answer in time".into(),
        };
        Err(Missing::new(format!("the container's credentials at {address} cannot be had: {said}"), hint))
    }

    /// The SDK reads the address and the token from the process's environment.
    pub(super) fn container_provider(&self) -> EcsCredentialsProvider {
        let config = self.provider_config(&self.nowhere(), http::Connections::of_this_machine().client());
        EcsCredentialsProvider::builder().configure(&config).build()
    }

    /// These services have no region.
    fn nowhere(&self) -> Endpoint {
        Endpoint { region: self.environment.region().unwrap_or("us-east-1").to_owned(), url: None }
    }
}
