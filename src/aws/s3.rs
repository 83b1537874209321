//! S3 as one principal sees it: buckets of all regions, listings page by page, objects.

mod details;
mod list;
mod part;
mod read;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_smithy_types::timeout::TimeoutConfig;

use super::errors::Call;
use super::{Aws, Endpoint, http, sdk_credentials};
use crate::domain::account::partition_of;
use crate::domain::session::Session;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;

pub use list::Depth;
pub use part::{Part, PartOf};
pub use read::Body;

/// What gives a living session whenever one is needed: a long transfer outlives its first one.
pub type SessionFuture = Pin<Box<dyn Future<Output = Result<Session>> + Send>>;

/// S3 under one role. Cheap to clone.
#[derive(Clone, Debug)]
pub struct S3 {
    inner: Arc<Inner>,
}

struct Inner {
    aws: Aws,
    endpoint: Endpoint,
    /// `account/role`, for errors.
    caller: String,
    credentials: SharedCredentialsProvider,
    /// A client for each region.
    clients: Mutex<HashMap<String, Client>>,
    /// Where buckets are, as S3 told (aws-sdk-rust #183: the SDK does not follow).
    regions: Mutex<HashMap<String, String>>,
    watch: Watch,
    /// How often that was done.
    forgotten: Mutex<u64>,
}

/// Hears of an [`Error::Denied`], and when its call began.
pub type OnRefused = Box<dyn Fn(&Error, jiff::Timestamp) + Send + Sync>;

/// Who hears what becomes of the calls.
pub struct Watch {
    /// Forgets a session that AWS has ended, so that the next one is new.
    pub forget: Box<dyn Fn() + Send + Sync>,
    /// Hears of every refusal.
    pub refused: OnRefused,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("caller", &self.caller).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl S3 {
    /// S3 with the sessions that `session` gives, for `caller` (`account/role`).
    pub fn new(
        aws: Aws,
        endpoint: Endpoint,
        caller: String,
        session: impl Fn() -> SessionFuture + Send + Sync + 'static,
        watch: Watch,
    ) -> Self {
        let credentials = SharedCredentialsProvider::new(Broker(Box::new(session)));
        let (clients, regions, forgotten) = Default::default();
        Self { inner: Arc::new(Inner { aws, endpoint, caller, credentials, clients, regions, watch, forgotten }) }
    }

    /// The ARN that a policy would name (Amazon S3 User Guide, "Policy resources for Amazon S3").
    fn arn(&self, uri: &S3Uri) -> String {
        let partition = partition_of(&self.inner.endpoint.region);
        let slash = if uri.key.is_empty() { "" } else { "/" };
        format!("arn:{partition}:s3:::{}{slash}{}", uri.bucket, uri.key)
    }

    fn call<'a>(&'a self, action: &'a str, resource: &'a str, bucket: Option<&'a str>) -> Call<'a> {
        Call {
            action,
            resource,
            name: resource,
            caller: &self.inner.caller,
            caller_is_source: false,
            bucket,
            endpoint: self.inner.endpoint.name("s3"),
        }
    }

    /// Makes a call with the client of the bucket's region, which S3's refusal teaches when it is another one.
    async fn in_region<T, Answer: Future<Output = Result<T>>>(
        &self,
        bucket: &str,
        request: impl Fn(Client) -> Answer,
    ) -> Result<T> {
        let known = self.regions().get(bucket).cloned();
        let region = known.unwrap_or_else(|| self.inner.endpoint.region.clone());
        match self.in_session(&region, &request).await {
            Err(Error::OtherRegion { region: other, .. }) if other != region => {
                self.learn_region(bucket, &other);
                self.in_session(&other, &request).await
            }
            answer => answer,
        }
    }

    /// Makes a call, and once more with a new session when AWS has ended the one that we thought alive.
    async fn in_session<T, Answer: Future<Output = Result<T>>>(
        &self,
        region: &str,
        request: &impl Fn(Client) -> Answer,
    ) -> Result<T> {
        let (before, began) = (*self.forgotten(), jiff::Timestamp::now());
        // In boxes, because the SDK's futures are deeper than the compiler likes to lay out.
        let answer = match Box::pin(request(self.client(region))).await {
            Err(Error::Expired { .. }) => {
                self.forget_session(before);
                Box::pin(request(self.client(region))).await
            }
            answer => answer,
        };
        answer.inspect_err(|error| {
            if matches!(error, Error::Denied { .. }) {
                (self.inner.watch.refused)(error, began);
            }
        })
    }

    /// Of many calls that meet the end at once, only the first one forgets: the others find the new session.
    fn forget_session(&self, before: u64) {
        let mut forgotten = self.forgotten();
        if *forgotten == before {
            (self.inner.watch.forget)();
            // Each client keeps the credentials that it has until they end by our clock.
            held(&self.inner.clients).clear();
            *forgotten += 1;
        }
    }

    fn forgotten(&self) -> std::sync::MutexGuard<'_, u64> {
        held(&self.inner.forgotten)
    }

    fn learn_region(&self, bucket: &str, region: &str) {
        self.regions().insert(bucket.to_owned(), region.to_owned());
    }

    fn regions(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        held(&self.inner.regions)
    }

    fn client(&self, region: &str) -> Client {
        let mut clients = held(&self.inner.clients);
        clients.entry(region.to_owned()).or_insert_with(|| self.new_client(region)).clone()
    }

    fn new_client(&self, region: &str) -> Client {
        let inner = &self.inner;
        // The time to the first byte of an answer, not of a body: those are watched by the stalled stream protection.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(http::CONNECT_TIMEOUT)
            .operation_attempt_timeout(std::time::Duration::from_secs(20))
            .build();
        let builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(inner.aws.http.clone())
            .sleep_impl(inner.aws.sleep.clone())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
            .region(Region::new(region.to_owned()))
            .credentials_provider(inner.credentials.clone());
        let config = match &inner.endpoint.url {
            // Other S3 servers know neither virtual hosts nor all checksums.
            Some(url) => builder
                .endpoint_url(url)
                .force_path_style(true)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
            None => builder,
        };
        Client::from_conf(config.build())
    }
}

/// The sessions of a role as the SDK's credentials.
struct Broker(Box<dyn Fn() -> SessionFuture + Send + Sync>);

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broker")
    }
}

impl Broker {
    async fn session(&self) -> provider::Result {
        let session = (self.0)().await.map_err(CredentialsError::provider_error)?;
        let mut credentials = sdk_credentials(&session.keys);
        // The SDK asks again shortly before this.
        *credentials.expiry_mut() = Some(session.expiration.into());
        Ok(credentials)
    }
}

impl ProvideCredentials for Broker {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.session())
    }
}
