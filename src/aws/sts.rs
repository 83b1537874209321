//! STS: AssumeRole and GetCallerIdentity.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_sts::config::Intercept;
use aws_sdk_sts::error::BoxError;
use aws_sdk_sts::types::{Credentials, PolicyDescriptorType, Tag};
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use jiff::{SignedDuration, Timestamp};

use super::errors::Call;
use super::{Aws, Endpoint, sdk_credentials, timestamp};
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::session::{Keys, Session};
use crate::error::{Error, Result};
use crate::local::lock::held;

/// Who signs a call, for its errors.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Its credentials.
    pub keys: &'a Keys,
    /// `account/role` or the source's name.
    pub name: &'a str,
    /// Whether these are source credentials and not a session's.
    pub is_source: bool,
}

impl<'a> Caller<'a> {
    fn call(&self, action: &'a str, resource: &'a str, endpoint: &Endpoint) -> Call<'a> {
        Call {
            action,
            resource,
            name: resource,
            caller: self.name,
            caller_is_source: self.is_source,
            bucket: None,
            endpoint: endpoint.name("sts"),
        }
    }
}

/// All that AssumeRole takes (AWS STS API Reference, `AssumeRole`). Debug shows neither code nor external ID.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct AssumeRole<'a> {
    pub role_arn: &'a RoleArn,
    pub role_session_name: String,
    pub external_id: Option<&'a str>,
    /// Serial number and code.
    pub mfa: Option<(&'a str, &'a str)>,
    pub duration: Option<Duration>,
    pub source_identity: Option<&'a str>,
    pub tags: Vec<(&'a str, &'a str)>,
    pub transitive_tag_keys: &'a [String],
    pub policy: Option<&'a str>,
    pub policy_arns: &'a [String],
}

impl fmt::Debug for AssumeRole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole")
            .field("role_arn", &self.role_arn)
            .field("role_session_name", &self.role_session_name)
            .field("mfa", &self.mfa.map(|(serial, _)| (serial, "[redacted]")))
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

/// What AssumeRole gave, its times by this machine's clock, and how far AWS's clock is ahead of it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the words are those of `Identity`")]
pub struct Assumed {
    pub session: Session,
    /// Seconds that AWS's clock is ahead of this machine's, when the answer told.
    pub clock_ahead: Option<i64>,
}

/// Beyond this many seconds a clock is wrong: AWS refuses signatures that are more than 5 minutes off (15 for S3). The
/// SDK finds that out and signs again, for AWS's time.
pub const CLOCK_LIMIT: i64 = 300;

/// What GetCallerIdentity tells, and how far AWS's clock is ahead of ours.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct Identity {
    pub account: String,
    pub arn: String,
    pub user_id: String,
    /// Seconds that AWS's clock is ahead of this machine's, when the answer told.
    pub clock_ahead: Option<i64>,
}

impl Aws {
    /// A client that signs with these keys, and the clock that its answers tell.
    fn sts(&self, endpoint: &Endpoint, keys: &Keys) -> (aws_sdk_sts::Client, ServerClock) {
        let clock = ServerClock::default();
        let config = aws_sdk_sts::config::Builder::from(&self.config(endpoint))
            .credentials_provider(sdk_credentials(keys))
            .interceptor(clock.clone());
        (aws_sdk_sts::Client::from_conf(config.build()), clock)
    }

    /// Assumes a role.
    ///
    /// # Errors
    /// [`Error::Denied`] when either side refuses; [`Error::Aws`] with the code `ValidationError` for durations that
    /// the role or role chaining does not allow.
    pub async fn assume_role(
        &self,
        endpoint: &Endpoint,
        caller: Caller<'_>,
        request: &AssumeRole<'_>,
    ) -> Result<Assumed> {
        let resource = request.role_arn.to_string();
        let call = caller.call("sts:AssumeRole", &resource, endpoint);
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
        let tags = request.tags.iter().map(tag).collect::<Result<Vec<_>, _>>();
        let tags = tags.map_err(|error| Error::usage(format!("a session tag is wrong: {error}")))?;
        let policies = request.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build());
        let (client, clock) = self.sts(endpoint, caller.keys);
        let answer = client
            .assume_role()
            .role_arn(&resource)
            .role_session_name(&request.role_session_name)
            .set_external_id(request.external_id.map(str::to_owned))
            .set_serial_number(request.mfa.map(|(serial, _)| serial.to_owned()))
            .set_token_code(request.mfa.map(|(_, code)| code.to_owned()))
            .set_duration_seconds(request.duration.and_then(|duration| duration.as_secs().try_into().ok()))
            .set_source_identity(request.source_identity.map(str::to_owned))
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_transitive_tag_keys(
                (!request.transitive_tag_keys.is_empty()).then(|| request.transitive_tag_keys.to_vec()),
            )
            .set_policy(request.policy.map(str::to_owned))
            .set_policy_arns((!request.policy_arns.is_empty()).then(|| policies.collect()))
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        let user = answer.assumed_role_user.ok_or_else(|| call.incomplete("the answer does not say who we are"))?;
        assumed(&call, answer.credentials, clock.ahead(), user.arn, request.role_arn.account())
    }

    /// A session of the calling user that knows of an MFA code (`mfa`: the device's serial number and its code), for as
    /// long as AWS gives it when nothing is said: 12 hours (AWS STS API Reference, `GetSessionToken`).
    ///
    /// # Errors
    /// [`Error::Denied`] for a wrong code, and when the caller is no user.
    pub async fn session_token(
        &self,
        endpoint: &Endpoint,
        caller: Caller<'_>,
        (serial, code): (&str, &str),
        account_id: AccountId,
    ) -> Result<Assumed> {
        let call = caller.call("sts:GetSessionToken", serial, endpoint);
        let (client, clock) = self.sts(endpoint, caller.keys);
        let answer = client
            .get_session_token()
            .serial_number(serial)
            .token_code(code)
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        assumed(&call, answer.credentials, clock.ahead(), serial.to_owned(), account_id)
    }

    /// Asks who the caller is. Everybody may ask, so a refusal means that the credentials are wrong.
    pub async fn caller_identity(&self, endpoint: &Endpoint, caller: Caller<'_>) -> Result<Identity> {
        let call = caller.call("sts:GetCallerIdentity", "*", endpoint);
        let (client, clock) = self.sts(endpoint, caller.keys);
        let answer = client.get_caller_identity().send().await.map_err(|error| call.failed(&error))?;
        Ok(Identity {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
            user_id: answer.user_id.unwrap_or_default(),
            clock_ahead: clock.ahead(),
        })
    }
}

/// The session of STS's answer, its end by this machine's clock: everything here that looks at the time looks at that.
fn assumed(
    call: &Call<'_>,
    credentials: Option<Credentials>,
    clock_ahead: Option<i64>,
    arn: String,
    account_id: AccountId,
) -> Result<Assumed> {
    let credentials = credentials.ok_or_else(|| call.incomplete("the answer holds no credentials"))?;
    let off = clock_ahead.filter(|ahead| ahead.abs() >= CLOCK_LIMIT).unwrap_or(0);
    let expiration = timestamp(&credentials.expiration)
        .and_then(|end| end.checked_sub(SignedDuration::from_secs(off)).ok())
        .ok_or_else(|| call.incomplete("the answer's expiration is no time"))?;
    let keys = Keys {
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.into(),
        session_token: Some(credentials.session_token.into()),
    };
    Ok(Assumed { session: Session { keys, issued: Timestamp::now(), expiration, arn, account_id }, clock_ahead })
}

/// Reads the `Date` header of an answer (RFC 9110, section 6.6.1).
#[derive(Clone, Debug, Default)]
struct ServerClock(Arc<Mutex<Option<i64>>>);

impl ServerClock {
    fn ahead(&self) -> Option<i64> {
        *held(&self.0)
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let ahead = theirs.map(|theirs| theirs.timestamp().duration_since(Timestamp::now()).as_secs());
        *held(&self.0) = ahead;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_an_mfa_code_or_an_external_id() {
        let arn = "arn:aws:iam::222222222222:role/S3Reader".parse().unwrap();
        let request = AssumeRole {
            role_arn: &arn,
            role_session_name: "me".into(),
            external_id: Some("very-secret"),
            mfa: Some(("arn:aws:iam::111111111111:mfa/me", "123456")),
            duration: None,
            source_identity: None,
            tags: Vec::new(),
            transitive_tag_keys: &[],
            policy: None,
            policy_arns: &[],
        };
        let shown = format!("{request:?}");
        assert!(shown.contains("mfa/me") && !shown.contains("123456") && !shown.contains("very-"), "{shown}");
    }
}
