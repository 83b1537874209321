//! The federation endpoint: a role's session becomes a sign-in token, and the token a console that says whose it is.
//!
//! IAM User Guide, "Enable custom identity broker access to the AWS console".

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use s3s::Body;
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::access::caller;
use super::directory::Kind;
use super::random;
use super::state::{State, locked};
use super::sts::{Form, escape};
use crate::domain::text::escaped;

/// How long a sign-in token can be used.
const TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);

/// The most bytes of a call: three secrets in a form.
const LONGEST: usize = 16 * 1024;

/// The sign-in tokens that were given out, and when each ends.
#[derive(Default)]
pub(super) struct Tokens(Mutex<HashMap<String, (Timestamp, String)>>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("number", &locked(&self.0).len()).finish()
    }
}

/// Whether a request is for this endpoint, and not for a bucket of that name.
pub(super) fn is_meant<B>(request: &Request<B>) -> bool {
    let asks = |query: &str| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "Action");
    request.uri().path() == "/federation"
        && (request.method() == Method::POST
            || request.method() == Method::GET && request.uri().query().is_some_and(asks))
}

/// Answers a call, by POST or GET.
pub(super) async fn answer(state: &State, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut fields = parts.uri.query().unwrap_or_default().to_owned();
    if parts.method == Method::POST {
        let Ok(body) = Limited::new(body, LONGEST).collect().await else {
            return page(413, "The call is too long");
        };
        fields.push('&');
        fields.push_str(&String::from_utf8_lossy(&body.to_bytes()));
    }
    let form = Form::parse(fields.as_bytes());
    let action = form.get("Action").unwrap_or_default();
    let fault = state.ledger.note(&format!("signin:{action}"), None).unwrap_or_default();
    tokio::time::sleep(fault.delay).await;
    if let Some((status, code)) = fault.error {
        return page(status, &code);
    }
    match action {
        "getSigninToken" => sign_in_token(state, &form),
        "login" => login(state, &form),
        _ => page(400, "Invalid Action parameter"),
    }
}

/// `getSigninToken`: only a role's session that lives gets one.
fn sign_in_token(state: &State, form: &Form) -> Response<Body> {
    let session: serde_json::Value =
        form.get("Session").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let field = |name: &str| session[name].as_str();
    let (Some(id), Some(key), Some(token)) = (field("sessionId"), field("sessionKey"), field("sessionToken")) else {
        return page(400, "Invalid session parameter");
    };
    let refused = || page(400, "Invalid credentials parameter");
    let is_key = locked(&state.sessions)
        .get(id)
        .is_some_and(|session| bool::from(session.secret.expose_secret().as_bytes().ct_eq(key.as_bytes())));
    let known = caller(state, id, Some(token)).ok().filter(|caller| is_key && caller.kind == Kind::RoleSession);
    let Some(caller) = known else { return refused() };
    let now = state.now();
    let Ok(end) = now.checked_add(TOKEN_LIFE) else { return refused() };
    let token = random::session_token().expose_secret().to_owned();
    let mut tokens = locked(&state.sign_in_tokens.0);
    tokens.retain(|_, (end, _)| *end > now);
    tokens.insert(token.clone(), (end, caller.principal.arn.clone()));
    let mut response = Response::new(Body::from(serde_json::json!({ "SigninToken": token }).to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `login`: the demo has no console, so it says whose it would be and where.
fn login(state: &State, form: &Form) -> Response<Body> {
    let token = form.get("SigninToken").unwrap_or_default();
    let known = locked(&state.sign_in_tokens.0).get(token).filter(|(end, _)| *end > state.now()).cloned();
    let Some((_, arn)) = known else { return page(400, "Invalid or expired SigninToken parameter") };
    let destination = form.get("Destination").unwrap_or_default();
    if !is_console(destination) {
        return page(400, "Invalid Destination parameter");
    }
    page(200, &format!("The console of {arn} would open {destination}"))
}

/// AWS signs in to its own pages alone.
fn is_console(destination: &str) -> bool {
    let Some(rest) = destination.strip_prefix("https://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let homes =
        ["console.aws.amazon.com", "console.amazonaws.cn", "console.amazonaws-us-gov.com", "console.amazonaws-eusc.eu"];
    homes.iter().any(|home| host == *home || host.strip_suffix(home).is_some_and(|region| region.ends_with('.')))
}

fn page(status: u16, text: &str) -> Response<Body> {
    let text = escape(&escaped(text));
    let title = if status == 200 { "xsw demo" } else { "Error" };
    let html = format!("<!doctype html><meta charset=\"utf-8\"><title>{title}</title><p>{text}</p>\n");
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_consoles_own_pages_are_signed_in_to() {
        for (destination, known) in [
            ("https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1", true),
            ("https://console.aws.amazon.com/", true),
            ("https://cn-north-1.console.amazonaws.cn/", true),
            ("http://console.aws.amazon.com/", false),
            ("https://evilconsole.aws.amazon.com/", false),
            ("https://console.aws.amazon.com.evil.example/", false),
            ("https://console.aws.amazon.com@evil.example/", false),
            ("https://console.aws.amazon.com:443@evil.example/", false),
            ("", false),
        ] {
            assert_eq!(is_console(destination), known, "{destination}");
        }
    }
}
