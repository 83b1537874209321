//! Sessions: GetSessionToken, MFA codes, and what a call for credentials gives back.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Form, Refused, escape};
use crate::demo::directory::{Caller, Kind};
use crate::demo::random;
use crate::demo::state::{Session, State, locked};

/// GetSessionToken: a session of the calling user, with MFA when a code comes along.
pub(super) fn get_session_token(state: &State, caller: &Caller, form: &Form) -> Result<String, Refused> {
    if caller.kind != Kind::User {
        return Err(Refused::denied("Cannot call GetSessionToken with session credentials"));
    }
    let asked = duration(form, 129_600)?.unwrap_or(43_200);
    let seconds = state.directory.cut_sessions.get(&caller.principal.arn).map_or(asked, |cut| asked.min(*cut));
    let mfa_at = mfa(state, caller, form)?;
    let mut session = caller.clone();
    session.kind = Kind::UserSession;
    session.mfa_at = mfa_at;
    // Present with every session and absent with long-lived keys: "AWS global condition context keys".
    session.context.set("aws:MultiFactorAuthPresent", mfa_at.is_some().to_string());
    Ok(credentials(state, session, seconds))
}

/// Checks SerialNumber and TokenCode, and gives the time of the authentication when both are there and right.
pub(super) fn mfa(state: &State, caller: &Caller, form: &Form) -> Result<Option<i64>, Refused> {
    let (serial, code) = match (form.get("SerialNumber"), form.get("TokenCode")) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            let text = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
            return Err(Refused::denied(text));
        }
    };
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(constraint("tokenCode", code, "satisfy regular expression pattern: [\\d]*"));
    }
    let now = state.now().as_second();
    if caller.kind == Kind::RoleSession || !state.devices.take(serial, &caller.principal.arn, code, now) {
        return Err(Refused::denied("MultiFactorAuthentication failed with invalid MFA one time pass code. "));
    }
    Ok(Some(now))
}

/// DurationSeconds, if it was sent. AWS takes nothing below 900; here a session may be as short as a second, so
/// that a person, or a test, can see a clock run out.
pub(super) fn duration(form: &Form, longest: u32) -> Result<Option<u32>, Refused> {
    let Some(text) = form.get("DurationSeconds") else {
        return Ok(None);
    };
    match text.parse::<u32>() {
        Ok(0) | Err(_) => Err(constraint("durationSeconds", text, "have value greater than or equal to 900")),
        Ok(seconds) if seconds > longest => {
            Err(constraint("durationSeconds", text, &format!("have value less than or equal to {longest}")))
        }
        Ok(seconds) => Ok(Some(seconds)),
    }
}

/// A field that breaks a rule of the API's model, in AWS's words.
pub(super) fn constraint(field: &str, value: &str, rule: &str) -> Refused {
    Refused::invalid(format!(
        "1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: Member must {rule}"
    ))
}

/// Opens a session and gives its Credentials element.
pub(super) fn credentials(state: &State, caller: Caller, seconds: u32) -> String {
    let Opened { key, secret, token, expires } = open(state, caller, seconds);
    format!(
        "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{expires}</Expiration></Credentials>",
        escape(secret.expose_secret()),
        escape(token.expose_secret()),
    )
}

/// A session as its holder gets it.
pub(in crate::demo) struct Opened {
    pub key: String,
    pub secret: SecretString,
    pub token: SecretString,
    pub expires: Timestamp,
}

/// Opens a session.
pub(in crate::demo) fn open(state: &State, caller: Caller, seconds: u32) -> Opened {
    let now = state.now();
    let expires = now.checked_add(Duration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX);
    // S3 and STS tell times to the second; a fraction would make the session end before the time it shows.
    let expires = Timestamp::from_second(expires.as_second()).unwrap_or(expires);
    let key = random::identifier("ASIA", 16);
    let (secret, token) = (random::secret_key(), random::session_token());
    let session = Session { secret: secret.clone(), token: token.clone(), expires, caller: Arc::new(caller) };
    let mut sessions = locked(&state.sessions);
    // What expired an hour ago is only "an unknown key" to a client by now.
    let stale = now.checked_sub(Duration::from_secs(3600)).unwrap_or(now);
    sessions.retain(|_, session| session.expires > stale);
    sessions.insert(key.clone(), session);
    Opened { key, secret, token, expires }
}
