//! Addresses of objects: the plain one, and one that lets whoever has it read the object for a while.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents, SharedCredentialsProvider};
use aws_sdk_s3::presigning::PresigningConfig;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{S3, Use};
use crate::aws::errors::{Call, innermost};
use crate::domain::account::partition_of;
use crate::domain::presigned::{Presigned, life};
use crate::domain::restore::can_be_read;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// What AWS leaves as it is in a path (IAM User Guide, "Create a signed AWS API request", UriEncode).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const WORD: &AsciiSet = &PATH.add(b'/');

impl S3 {
    /// An address that gives the object to whoever has it, for `wanted`, but no longer than the session lives that
    /// signs it; without `wanted`, as long as that.
    ///
    /// The object is asked for first: an address that leads nowhere, or that is refused, is told here. It also teaches
    /// the bucket's region, which an address cannot learn later.
    ///
    /// # Errors
    /// What HeadObject says; that the object is archived; [`Error::Expired`] when the session is about to end.
    pub async fn presign(&self, uri: &S3Uri, version: Option<&str>, wanted: Option<Duration>) -> Result<Presigned> {
        can_be_read(uri, version, &self.head(uri, version).await?)?;
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call("s3:GetObject", &resource, Some(&uri.bucket)) };
        let not_signed = |error: &(dyn std::error::Error + 'static)| call.incomplete(&innermost(error));
        // The very session that signs is the one whose end counts.
        let credentials = self.inner.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| self.session_error(&error))?;
        let now = SystemTime::now();
        let left = credentials.expiry().map(|end| end.duration_since(now).unwrap_or_default());
        let (length, limit) = life(wanted, left).ok_or_else(|| Error::Expired { role: self.inner.caller.clone() })?;
        let mut config = self.config(&self.region_of(&uri.bucket), Use::Browse);
        config.set_credentials_provider(Some(SharedCredentialsProvider::new(credentials)));
        if self.pays_for(&uri.bucket) {
            config = config.interceptor(RequesterPaysByAddress);
        }
        let client = Client::from_conf(config.build());
        let signing = PresigningConfig::builder().start_time(now).expires_in(length).build();
        let signing = signing.map_err(|error| not_signed(&error))?;
        let request = client.get_object().bucket(&uri.bucket).key(&uri.key).set_version_id(version.map(str::to_owned));
        let signed = Box::pin(request.presigned(signing)).await.map_err(|error| call.failed(&error))?;
        let end = Timestamp::try_from(now + length).unwrap_or(Timestamp::MAX);
        Ok(Presigned::new(signed.uri().to_owned(), end, limit))
    }

    fn session_error(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let mut at = Some(error);
        while let Some(error) = at {
            if let Some(ours) = error.downcast_ref::<Error>() {
                return ours.clone();
            }
            at = error.source();
        }
        Error::Expired { role: self.inner.caller.clone() }
    }

    /// The object's plain address, which opens where everybody may read it: with the bucket in the host's name, or in
    /// the path where the endpoint wants it so.
    pub fn https_url(&self, uri: &S3Uri, version: Option<&str>) -> String {
        let region = self.region_of(&uri.bucket);
        let base = match &self.inner.endpoint.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let suffix = if partition_of(&region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://s3.{region}.{suffix}")
            }
        };
        // A dot in the bucket's name would be no part of the certificate's wildcard.
        let in_path = self.has_path_style() || uri.bucket.contains('.');
        let start = match base.split_once("://") {
            Some((scheme, host)) if !in_path => format!("{scheme}://{}.{host}", uri.bucket),
            _ => format!("{base}/{}", uri.bucket),
        };
        let key = utf8_percent_encode(&uri.key, PATH);
        let version = version.map(|id| format!("?versionId={}", utf8_percent_encode(id, WORD))).unwrap_or_default();
        format!("{start}/{key}{version}")
    }
}

/// Whoever opens an address sends no header of ours: that we pay stands in the address.
#[derive(Debug)]
struct RequesterPaysByAddress;

impl Intercept for RequesterPaysByAddress {
    fn name(&self) -> &'static str {
        "RequesterPaysByAddress"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), aws_smithy_runtime_api::box_error::BoxError> {
        let request = context.request_mut();
        let between = if request.uri().contains('?') { '&' } else { '?' };
        let uri = format!("{}{between}x-amz-request-payer=requester", request.uri());
        request.set_uri(uri)?;
        Ok(())
    }
}
