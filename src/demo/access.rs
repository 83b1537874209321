//! The door of the cloud: access keys, session tokens, expiry, the clock, and the decision over policies.
//! s3s checks the signatures; it asks here for the secret, and looks at no session token itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3ErrorCode, S3Result};
use secrecy::ExposeSecret as _;

use super::cloud::Reset;
use super::directory::Caller;
use super::ledger::Fault;
use super::s3::in_region;
use super::state::{State, locked};
use crate::domain::policy::{Attached, Context, Policies, Request, Resource, Verdict, decide};

/// How far a client's clock may be off; AWS says fifteen minutes.
const SKEW_SECONDS: u64 = 15 * 60;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownKey,
    WrongToken,
    Expired,
}

/// The caller behind an access key id, whose signature was checked, and its session token.
pub(super) fn caller(state: &State, access_key: &str, token: Option<&str>) -> Result<Arc<Caller>, Refusal> {
    if let Some(keys) = state.directory.users.get(access_key) {
        return if token.is_none() { Ok(keys.caller.clone()) } else { Err(Refusal::WrongToken) };
    }
    let sessions = locked(&state.sessions);
    let session = sessions.get(access_key).ok_or(Refusal::UnknownKey)?;
    if token != Some(session.token.expose_secret()) {
        return Err(Refusal::WrongToken);
    }
    if session.expires <= state.now() {
        return Err(Refusal::Expired);
    }
    Ok(session.caller.clone())
}

/// The session token of a request, from its header or from a presigned URL.
pub(super) fn session_token(headers: &hyper::HeaderMap, uri: &hyper::Uri) -> Option<String> {
    if let Some(token) = headers.get("x-amz-security-token") {
        return token.to_str().ok().map(str::to_owned);
    }
    let query = form_urlencoded::parse(uri.query()?.as_bytes());
    let mut tokens = query.filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-security-token"));
    tokens.next().map(|(_, token)| token.into_owned())
}

/// Whether a signed request was made within fifteen minutes of the cloud's clock. A presigned URL is not asked:
/// it carries its own end.
pub(super) fn clock_agrees(state: &State, headers: &hyper::HeaderMap) -> bool {
    let Some(stamp) = headers.get("x-amz-date").and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let Some(made) = amz_date(stamp) else {
        return true;
    };
    made.duration_since(state.now()).unsigned_abs() <= Duration::from_secs(SKEW_SECONDS)
}

/// Whether a presigned URL is good still, by the cloud's clock; s3s has only asked the machine's.
fn within_its_time(state: &State, uri: &hyper::Uri) -> S3Result<()> {
    /// A week.
    const LONGEST: u64 = 604_800;
    let query = uri.query().unwrap_or_default();
    let field = |wanted: &str| {
        let mut fields = form_urlencoded::parse(query.as_bytes());
        fields.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let (Some(made), Some(seconds)) = (field("X-Amz-Date"), field("X-Amz-Expires")) else {
        return Ok(());
    };
    let seconds: u64 = seconds.parse().unwrap_or(u64::MAX);
    if seconds > LONGEST {
        let text = "X-Amz-Expires must be less than a week (in seconds) that is 604800";
        return Err(S3Error::with_message(S3ErrorCode::AuthorizationQueryParametersError, text));
    }
    let made = amz_date(&made).unwrap_or(Timestamp::MIN);
    let now = state.now();
    if made.checked_add(Duration::from_secs(seconds)).is_ok_and(|end| end < now) {
        return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Request has expired"));
    }
    if made.duration_since(now) > jiff::SignedDuration::from_secs(SKEW_SECONDS as i64) {
        return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Request is not valid yet"));
    }
    Ok(())
}

/// Reads `20261121T101500Z`.
fn amz_date(stamp: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// Decides over a request of `caller`: its own policies, what limits them, and the resource's.
pub(super) fn judge(state: &State, caller: &Caller, request: &Request, resource: Resource) -> Verdict {
    let rules = caller.rules.now();
    let policies = Policies {
        identity: rules.identity(),
        boundary: rules.boundary(),
        session: caller.session_policies.iter().map(|(name, policy)| Attached { name, policy }).collect(),
        scp: state.directory.scp(&caller.principal.account),
        resource,
    };
    let mut context = circumstances(state, caller);
    context.extend(request.context);
    decide(&Request { context: &context, ..request.clone() }, &policies)
}

/// The condition keys that every request of a caller has.
fn circumstances(state: &State, caller: &Caller) -> Context {
    let now = state.now();
    let mut context = caller.context.clone();
    context
        .set("aws:CurrentTime", now.to_string())
        .set("aws:EpochTime", now.as_second().to_string())
        .set("aws:SourceIp", "127.0.0.1")
        .set("aws:SecureTransport", "false");
    if let Some(since) = caller.mfa_at {
        context.set("aws:MultiFactorAuthAge", (now.as_second() - since).to_string());
    }
    context
}

/// What s3s asks before each S3 operation.
#[derive(Clone, Debug)]
pub(super) struct Door(pub Arc<State>);

#[async_trait::async_trait]
impl S3Auth for Door {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if let Some(keys) = self.0.directory.users.get(access_key) {
            return Ok(keys.secret.expose_secret().into());
        }
        match locked(&self.0.sessions).get(access_key) {
            Some(session) => Ok(session.secret.expose_secret().into()),
            None => Err(s3_refusal(Refusal::UnknownKey)),
        }
    }
}

#[async_trait::async_trait]
impl S3Access for Door {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let object = cx.s3_path().as_object().map(|(bucket, key)| format!("{bucket}/{key}"));
        let action = format!("s3:{}", cx.s3_op().name());
        let fault = self.0.ledger.note(&action, object.as_deref()).unwrap_or_default();
        if let Some(credentials) = cx.credentials() {
            self.0.ledger.signed(&action, &credentials.access_key);
        }
        tokio::time::sleep(fault.delay).await;
        if fault.reset {
            Reset::ask(cx.extensions_mut());
        }
        if let Some((status, code)) = &fault.error {
            return Err(failure(*status, code));
        }
        if !clock_agrees(&self.0, cx.headers()) {
            let text = "The difference between the request time and the current time is too large.";
            return Err(S3Error::with_message(S3ErrorCode::RequestTimeTooSkewed, text));
        }
        within_its_time(&self.0, cx.uri())?;
        let Some(credentials) = cx.credentials() else {
            return Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"));
        };
        let token = session_token(cx.headers(), cx.uri());
        let caller = caller(&self.0, &credentials.access_key, token.as_deref()).map_err(|refusal| {
            let error = s3_refusal(refusal);
            let buckets = self.0.buckets();
            match cx.s3_path().get_bucket_name().and_then(|name| buckets.get(name)) {
                Some(known) => in_region(error, known),
                None => error,
            }
        })?;
        cx.extensions_mut().insert(caller);
        cx.extensions_mut().insert(fault);
        Ok(())
    }
}

/// The fault that was planned for a request, which [`Door`] left with it.
pub(super) fn planned(extensions: &hyper::http::Extensions) -> Fault {
    extensions.get::<Fault>().cloned().unwrap_or_default()
}

fn failure(status: u16, code: &str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut error = S3Error::with_message(code, "The test asked for this failure.");
    error.set_status_code(hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR));
    error
}

fn s3_refusal(refusal: Refusal) -> S3Error {
    match refusal {
        Refusal::UnknownKey => S3Error::with_message(
            S3ErrorCode::InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Refusal::WrongToken => {
            S3Error::with_message(S3ErrorCode::InvalidToken, "The provided token is malformed or otherwise invalid.")
        }
        Refusal::Expired => S3Error::with_message(S3ErrorCode::ExpiredToken, "The provided token has expired."),
    }
}
