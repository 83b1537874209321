//! S3 as one principal sees it: buckets of all regions, listings page by page, objects.

mod details;
mod excerpt;
mod list;
mod policy;
mod presign;
mod read;
mod versions;
mod write;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, ConfigBag, Intercept, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_smithy_types::timeout::TimeoutConfig;

use super::errors::Call;
use super::{Aws, Endpoint, http, sdk_credentials};
use crate::domain::account::partition_of;
use crate::domain::session::Session;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;

pub use excerpt::{Excerpt, ExcerptOf};
pub use list::{Begin, Depth};
pub use read::{Ask, Body, Described, Stat};
pub use versions::Of;
pub use write::{Onto, Source, Upload, UploadedPart, Written};

/// How long an answer may take to begin.
const ATTEMPT: Duration = Duration::from_secs(20);

/// Bytes a second that a body is sent with at least, among many at the same time: slower than that, it is sent again.
const SLOWEST: u64 = 16 << 10;

/// How long S3 may take to copy 5 GiB.
const LONGEST_COPY: Duration = Duration::from_secs(15 * 60);

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
    path_style: Option<bool>,
    /// Buckets whose requests this role pays for.
    paid: HashSet<String>,
    /// Whether it pays for those of all others too.
    pays: AtomicBool,
    /// A client for each region and use, and another for the buckets there whose requests we pay for.
    clients: Mutex<HashMap<(String, Use, bool), Client>>,
    /// Where buckets are, as S3 told (aws-sdk-rust #183: the SDK does not follow).
    regions: Mutex<HashMap<String, String>>,
    watch: Watch,
    /// How often that was done.
    forgotten: Mutex<u64>,
}

/// What is particular about the buckets of a role.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// Whether a bucket's name stands in the path of an address; `None`: at a custom endpoint it does.
    pub path_style: Option<bool>,
    /// Buckets whose requests this role pays for, in place of their owners.
    pub paid: Vec<String>,
}

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Use {
    /// Small answers, which the SDK asks for again when they fail.
    Browse,
    /// Bodies: who reads them asks again, and with that takes nothing from the retries that browsing has.
    Transfer,
    /// Bodies that are sent: how long that may take is for each of them to say.
    Send,
    /// Copies that S3 makes by itself and says nothing for minutes. Who waits asks again.
    Copy,
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
        ways: Ways,
        session: impl Fn() -> SessionFuture + Send + Sync + 'static,
        watch: Watch,
    ) -> Self {
        let credentials = SharedCredentialsProvider::new(Broker(Box::new(session)));
        let (clients, regions, forgotten) = Default::default();
        let (path_style, paid, pays) = (ways.path_style, ways.paid.into_iter().collect(), AtomicBool::new(false));
        let inner =
            Inner { aws, endpoint, caller, credentials, path_style, paid, pays, clients, regions, watch, forgotten };
        Self { inner: Arc::new(inner) }
    }

    /// Whose sessions these are: `account/role`.
    pub fn caller(&self) -> &str {
        &self.inner.caller
    }

    /// What another client needs to work with the same sessions.
    #[cfg(feature = "batch")]
    pub(super) fn means(&self) -> (&Aws, SharedCredentialsProvider) {
        (&self.inner.aws, self.inner.credentials.clone())
    }

    /// The region that a bucket is in, as far as that is known: S3 tells it when it refuses a call to another one.
    #[cfg(feature = "batch")]
    pub fn known_region(&self, bucket: &str) -> String {
        self.region_of(bucket)
    }

    /// From now on this role pays for its requests, whatever bucket they are for: where nobody asks for that, it costs
    /// nothing more.
    pub fn pay(&self) {
        self.inner.pays.store(true, Ordering::Relaxed);
    }

    fn pays_for(&self, bucket: &str) -> bool {
        self.inner.pays.load(Ordering::Relaxed) || self.inner.paid.contains(bucket)
    }

    /// Its ARN in the partition of our region.
    fn arn(&self, uri: &S3Uri) -> String {
        uri.arn(partition_of(&self.inner.endpoint.region))
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
        self.in_region_for(Use::Browse, bucket, request).await
    }

    /// The same with a client for that use.
    async fn in_region_for<T, Answer: Future<Output = Result<T>>>(
        &self,
        purpose: Use,
        bucket: &str,
        request: impl Fn(Client) -> Answer,
    ) -> Result<T> {
        let (region, purpose) = (self.region_of(bucket), (purpose, self.pays_for(bucket)));
        match self.in_session(purpose, &region, &request).await {
            Err(Error::OtherRegion { region: other, .. }) if other != region => {
                self.learn_region(bucket, &other);
                self.in_session(purpose, &other, &request).await
            }
            answer => answer,
        }
    }

    /// Makes a call, and once more with a new session when AWS has ended the one that we thought alive.
    async fn in_session<T, Answer: Future<Output = Result<T>>>(
        &self,
        (purpose, pays): (Use, bool),
        region: &str,
        request: &impl Fn(Client) -> Answer,
    ) -> Result<T> {
        let (before, began) = (*self.forgotten(), jiff::Timestamp::now());
        // In boxes, because the SDK's futures are deeper than the compiler likes to lay out.
        let answer = match Box::pin(request(self.client(region, purpose, pays))).await {
            Err(Error::Expired { .. }) => {
                self.forget_session(before);
                Box::pin(request(self.client(region, purpose, pays))).await
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

    /// Where a bucket is, as far as that is known.
    fn region_of(&self, bucket: &str) -> String {
        self.regions().get(bucket).cloned().unwrap_or_else(|| self.inner.endpoint.region.clone())
    }

    fn client(&self, region: &str, purpose: Use, pays: bool) -> Client {
        let mut clients = held(&self.inner.clients);
        let new = || {
            let config = self.config(region, purpose);
            let config = if pays { config.interceptor(RequesterPays) } else { config };
            Client::from_conf(config.build())
        };
        clients.entry((region.to_owned(), purpose, pays)).or_insert_with(new).clone()
    }

    /// Whether a bucket's name stands in the path of an address and not in the name of the host.
    fn has_path_style(&self) -> bool {
        // Other S3 servers seldom know virtual hosts.
        self.inner.path_style.unwrap_or(self.inner.endpoint.url.is_some())
    }

    fn config(&self, region: &str, purpose: Use) -> aws_sdk_s3::config::Builder {
        let inner = &self.inner;
        let (retries, stalls) = match purpose {
            Use::Browse => {
                (RetryConfig::standard().with_max_attempts(4), StalledStreamProtectionConfig::enabled().build())
            }
            Use::Transfer | Use::Send | Use::Copy => {
                (RetryConfig::disabled(), StalledStreamProtectionConfig::disabled())
            }
        };
        let attempt = match purpose {
            Use::Browse | Use::Transfer => Some(ATTEMPT),
            Use::Copy => Some(LONGEST_COPY),
            Use::Send => None,
        };
        // The time to the first byte of an answer, not of a body: those are watched by the stalled stream protection.
        let mut timeouts = TimeoutConfig::builder().connect_timeout(http::CONNECT_TIMEOUT);
        timeouts.set_operation_attempt_timeout(attempt);
        let builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(inner.aws.http.clone())
            .sleep_impl(inner.aws.sleep.clone())
            .timeout_config(timeouts.build())
            .retry_config(retries)
            .stalled_stream_protection(stalls)
            .region(Region::new(region.to_owned()))
            .credentials_provider(inner.credentials.clone())
            .force_path_style(self.has_path_style());
        // Who reads bodies compares them; the SDK would do it once more.
        let builder = match purpose {
            Use::Browse => builder,
            // What is written comes with the checksum that we made.
            Use::Transfer | Use::Send | Use::Copy => builder
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
        };
        match &inner.endpoint.url {
            // Other S3 servers do not know all checksums.
            Some(url) => builder
                .endpoint_url(url)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
            None => builder,
        }
    }
}

/// How long an answer may take that comes after so many bytes were sent.
fn time_to_send(bytes: usize) -> Duration {
    ATTEMPT + Duration::from_secs(bytes as u64 / SLOWEST)
}

/// Says in every request that we pay for it (Amazon S3 User Guide, "Using Requester Pays general purpose buckets").
#[derive(Debug)]
struct RequesterPays;

impl Intercept for RequesterPays {
    fn name(&self) -> &'static str {
        "RequesterPays"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        context.request_mut().headers_mut().insert("x-amz-request-payer", "requester");
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_has_time_for_a_slow_line() {
        for (bytes, seconds) in [(0, 20), (5, 20), (8 << 20, 20 + 512), (16 << 20, 20 + 1024)] {
            assert_eq!(time_to_send(bytes), Duration::from_secs(seconds));
        }
    }
}
