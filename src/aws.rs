//! AWS: the only place that names the SDK. Every SDK value becomes one of ours here, or an error.

mod errors;
pub mod federation;
mod http;
pub mod iam;
pub mod oidc;
pub mod s3;
#[cfg(feature = "batch")]
pub mod s3control;
pub mod source;
pub mod sso;
pub mod sts;

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::domain::session::Keys;
use crate::local::environment::Environment;

/// How to reach a service: its region and, where it is not AWS's own, its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `ap-northeast-1`, ….
    pub region: String,
    /// `http://…` or `https://…`; `None` is AWS's own for the region.
    pub url: Option<String>,
}

impl Endpoint {
    /// Where errors say that they come from.
    fn name(&self, service: &str) -> String {
        match &self.url {
            Some(url) => url.clone(),
            None => format!("{service} in {}", self.region),
        }
    }
}

/// The connection to AWS: one HTTP client for all accounts and regions (aws-sdk-rust #975). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Aws {
    connections: http::Connections,
    http: SharedHttpClient,
    sleep: SharedAsyncSleep,
    environment: Arc<Environment>,
}

impl Aws {
    /// Nothing is connected before the first call.
    pub fn new(environment: Arc<Environment>) -> Self {
        let connections = http::Connections::new(&environment);
        let http = connections.client();
        Self { connections, http, sleep: SharedAsyncSleep::new(TokioSleep::new()), environment }
    }

    /// What a client of a service for small answers is built from.
    fn config(&self, endpoint: &Endpoint) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .sleep_impl(self.sleep.clone())
            .timeout_config(Self::short_timeouts())
            .region(Region::new(endpoint.region.clone()));
        config.set_endpoint_url(endpoint.url.clone());
        config.build()
    }

    /// For calls whose answers are small: STS, listings, HEAD. Without an attempt timeout a silent peer would hold
    /// the caller for ever.
    fn short_timeouts() -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(http::CONNECT_TIMEOUT)
            .operation_attempt_timeout(Duration::from_secs(15))
            .build()
    }
}

/// Keys as the SDK wants them.
fn sdk_credentials(keys: &Keys) -> Credentials {
    Credentials::new(keys.access_key_id.clone(), keys.secret().to_owned(), keys.token().map(str::to_owned), None, "xsw")
}

/// Keys as xsw has them.
fn keys(credentials: &Credentials) -> Keys {
    Keys {
        access_key_id: credentials.access_key_id().to_owned(),
        secret_access_key: credentials.secret_access_key().to_owned().into(),
        session_token: credentials.session_token().map(|token| token.to_owned().into()),
    }
}

/// The SDK's time as jiff's.
fn timestamp(time: &aws_smithy_types::DateTime) -> Option<jiff::Timestamp> {
    jiff::Timestamp::new(time.secs(), time.subsec_nanos().try_into().ok()?).ok()
}
