//! S3 as one principal sees it: buckets of all regions, listings page by page, objects.

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
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, EncodingType};
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::errors::{Call, innermost};
use super::{Aws, Endpoint, http, sdk_credentials, timestamp};
use crate::domain::account::partition_of;
use crate::domain::object::{Bucket, Details, Entry, Object, Page};
use crate::domain::session::Session;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;

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

/// What a listing shows below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Prefixes and objects of this level.
    Level,
    /// All objects below.
    All,
}

/// The bytes of an object as they arrive.
#[derive(Debug)]
pub struct Body {
    stream: ByteStream,
    /// Bytes of the whole object, also when a part of it was asked for.
    pub object_size: u64,
    /// The entity tag.
    pub etag: Option<String>,
    /// When it was written.
    pub last_modified: Option<jiff::Timestamp>,
    endpoint: String,
}

impl Body {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Network`] when the connection broke: ask for the rest again.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.stream.next().await.transpose();
        next.map_err(|error| Error::Network { endpoint: self.endpoint.clone(), message: innermost(&error) })
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

    /// The buckets of the caller's account, in the order of their names.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:ListAllMyBuckets; a bucket can still be opened by name.
    pub async fn buckets(&self) -> Result<Vec<Bucket>> {
        let call = self.call("s3:ListAllMyBuckets", "*", None);
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = |client: Client| {
                let request = client.list_buckets().set_continuation_token(token.clone()).max_buckets(1000).send();
                async { request.await.map_err(|error| call.failed(&error)) }
            };
            let answer = self.in_session(&self.inner.endpoint.region, &request).await?;
            for bucket in answer.buckets.unwrap_or_default() {
                let Some(name) = bucket.name else { continue };
                if let Some(region) = &bucket.bucket_region {
                    self.learn_region(&name, region);
                }
                let created = bucket.creation_date.as_ref().and_then(timestamp);
                found.push(Bucket { name, region: bucket.bucket_region, created });
            }
            token = answer.continuation_token;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// One page of what is below `uri`: S3 gives at most 1,000 lines.
    pub async fn page(&self, uri: &S3Uri, depth: Depth, token: Option<&str>) -> Result<Page> {
        let resource = self.arn(&S3Uri::new(&uri.bucket, ""));
        let call = self.call("s3:ListBucket", &resource, Some(&uri.bucket));
        let request = |client: Client| {
            let request = client
                .list_objects_v2()
                .bucket(&uri.bucket)
                .set_prefix((!uri.key.is_empty()).then(|| uri.key.clone()))
                .set_delimiter((depth == Depth::Level).then(|| "/".to_owned()))
                .set_continuation_token(token.map(str::to_owned))
                // Keys may hold characters that XML cannot.
                .encoding_type(EncodingType::Url)
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let decode = |key: String| if encoded { decoded(&key) } else { key };
        let mut entries = Vec::with_capacity(answer.key_count.unwrap_or(0).try_into().unwrap_or(0));
        for prefix in answer.common_prefixes.unwrap_or_default() {
            entries.extend(prefix.prefix.map(|prefix| Entry::Prefix(decode(prefix))));
        }
        for object in answer.contents.unwrap_or_default() {
            let Some(key) = object.key else { continue };
            entries.push(Entry::Object(Object {
                key: decode(key),
                size: object.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
                last_modified: object.last_modified.as_ref().and_then(timestamp),
                etag: object.e_tag,
                storage_class: object.storage_class.map(|class| class.as_str().to_owned()),
            }));
        }
        let next = answer.next_continuation_token.filter(|_| answer.is_truncated == Some(true));
        Ok(Page { entries, next })
    }

    /// All that HeadObject tells.
    pub async fn details(&self, uri: &S3Uri) -> Result<Details> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call("s3:GetObject", &resource, Some(&uri.bucket)) };
        let request = |client: Client| {
            let request =
                client.head_object().bucket(&uri.bucket).key(&uri.key).checksum_mode(ChecksumMode::Enabled).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        let checksums = [
            ("CRC64NVME", answer.checksum_crc64_nvme),
            ("CRC32", answer.checksum_crc32),
            ("CRC32C", answer.checksum_crc32_c),
            ("SHA1", answer.checksum_sha1),
            ("SHA256", answer.checksum_sha256),
        ];
        let mut metadata: Vec<_> = answer.metadata.unwrap_or_default().into_iter().collect();
        metadata.sort();
        Ok(Details {
            size: answer.content_length.and_then(|size| size.try_into().ok()).unwrap_or(0),
            last_modified: answer.last_modified.as_ref().and_then(timestamp),
            etag: answer.e_tag,
            storage_class: answer.storage_class.map_or("STANDARD".into(), |class| class.as_str().to_owned()),
            content_type: answer.content_type,
            encryption: answer.server_side_encryption.map(|kind| kind.as_str().to_owned()),
            kms_key_id: answer.ssekms_key_id,
            version_id: answer.version_id,
            checksums: checksums.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            metadata,
        })
    }

    /// The bytes of an object from `start` on; with `etag`, only if it is still that one.
    ///
    /// # Errors
    /// [`Error::Replaced`] when it is another one by now.
    pub async fn body(&self, uri: &S3Uri, start: u64, etag: Option<&str>) -> Result<Body> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call("s3:GetObject", &resource, Some(&uri.bucket)) };
        let request = |client: Client| {
            let request = client
                .get_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .set_range((start > 0).then(|| format!("bytes={start}-")))
                .set_if_match(etag.map(str::to_owned))
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        let sent: u64 = answer.content_length.and_then(|length| length.try_into().ok()).unwrap_or(0);
        if start > 0 && answer.content_range.is_none() {
            // A server that does not know ranges sends the whole object; appended to the first half it would be a lie.
            return Err(Error::Replaced { resource: uri_text });
        }
        Ok(Body {
            stream: answer.body,
            object_size: start + sent,
            etag: answer.e_tag,
            last_modified: answer.last_modified.as_ref().and_then(timestamp),
            endpoint: self.inner.endpoint.name("s3"),
        })
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

/// Undoes `encoding-type=url`: `+` is a space, and what is left is percent-encoded UTF-8.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_keys_are_decoded_exactly() {
        for (encoded, key) in
            [("a+b", "a b"), ("a%2Bb", "a+b"), ("a%252Fb", "a%2Fb"), ("%1B%5B2J", "\x1b[2J"), ("%E6%97%A5/x", "日/x")]
        {
            assert_eq!(decoded(encoded), key);
        }
    }
}
