//! IAM Identity Center: the sign-in (OIDC), the portal, and the two pages at which a person says yes. REST with JSON;
//! see the IAM Identity Center OIDC and Portal API References.

mod oidc;
mod portal;

use std::collections::HashMap;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use s3s::Body;
use serde_json::{Value, json};

use super::state::State;

/// The most bytes of a call.
const LONGEST: usize = 64 * 1024;

/// What IAM Identity Center is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    RegisterClient,
    StartDeviceAuthorization,
    CreateToken,
    /// The page that sends a browser back with a code.
    Authorize,
    /// The page at which a person says yes to a device's code.
    Device,
    ListAccounts,
    ListAccountRoles,
    GetRoleCredentials,
    Logout,
}

impl Operation {
    /// Which one a request is, if any: S3 has other paths, and its requests are signed.
    pub(super) fn of<Any>(request: &Request<Any>) -> Option<Operation> {
        if request.headers().contains_key(AUTHORIZATION) {
            return None;
        }
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/client/register") => Some(Self::RegisterClient),
            (&Method::POST, "/device_authorization") => Some(Self::StartDeviceAuthorization),
            (&Method::POST, "/token") => Some(Self::CreateToken),
            (&Method::GET, "/authorize") => Some(Self::Authorize),
            (&Method::GET, "/device") => Some(Self::Device),
            (&Method::GET, "/assignment/accounts") => Some(Self::ListAccounts),
            (&Method::GET, "/assignment/roles") => Some(Self::ListAccountRoles),
            (&Method::GET, "/federation/credentials") => Some(Self::GetRoleCredentials),
            (&Method::POST, "/logout") => Some(Self::Logout),
            _ => None,
        }
    }

    /// Its name in the ledger.
    fn action(self) -> &'static str {
        match self {
            Self::RegisterClient => "sso-oauth:RegisterClient",
            Self::StartDeviceAuthorization => "sso-oauth:StartDeviceAuthorization",
            Self::CreateToken => "sso-oauth:CreateToken",
            Self::Authorize => "sso-oauth:Authorize",
            Self::Device => "sso-oauth:Device",
            Self::ListAccounts => "sso:ListAccounts",
            Self::ListAccountRoles => "sso:ListAccountRoles",
            Self::GetRoleCredentials => "sso:GetRoleCredentials",
            Self::Logout => "sso:Logout",
        }
    }
}

/// What was given out and not taken back. Everything ends by the cloud's clock.
#[derive(Default)]
pub(super) struct SignIns {
    clients: HashMap<String, Client>,
    /// By device code.
    devices: HashMap<String, Device>,
    /// By authorization code.
    codes: HashMap<String, Code>,
    /// By access token: when it ends, and whose sign-in it is.
    tokens: HashMap<String, (Timestamp, u64)>,
    /// By refresh token: the client that it was made out for, and whose sign-in it is.
    refresh_tokens: HashMap<String, (String, u64)>,
    /// How many people have signed in.
    count: u64,
}

struct Client {
    secret: String,
    expires: Timestamp,
    grants: Vec<String>,
    redirects: Vec<String>,
}

struct Device {
    client: String,
    user_code: String,
    expires: Timestamp,
    /// What the person said.
    answer: Option<bool>,
    asked: Option<Timestamp>,
}

struct Code {
    client: String,
    redirect: String,
    challenge: String,
    expires: Timestamp,
}

// Tokens are secrets.
impl std::fmt::Debug for SignIns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIns").field("count", &self.count).finish_non_exhaustive()
    }
}

impl SignIns {
    pub(super) fn end_all(&mut self) {
        self.tokens.clear();
        self.refresh_tokens.clear();
    }

    pub(super) fn forget_clients(&mut self) {
        self.clients.clear();
    }

    /// Ends one sign-in with all its tokens.
    fn end(&mut self, sign_in: u64) {
        self.tokens.retain(|_, (_, of)| *of != sign_in);
        self.refresh_tokens.retain(|_, (_, of)| *of != sign_in);
    }
}

/// A refused call.
struct Refused {
    status: u16,
    code: String,
    message: String,
}

impl Refused {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Refused {
        Refused { status, code: code.to_owned(), message: message.into() }
    }
}

/// What a call came with.
struct Call {
    query: HashMap<String, String>,
    body: Value,
    /// The access token.
    token: Option<String>,
    /// Where the caller found us.
    base: String,
}

impl Call {
    /// A field of the body; the error is AWS's.
    fn field(&self, name: &str) -> Result<&str, Refused> {
        let text = self.body[name].as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| Refused::new(400, "InvalidRequestException", format!("{name} is missing")))
    }

    fn get(&self, name: &str) -> Result<&str, Refused> {
        let text = self.query.get(name).map(String::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| Refused::new(400, "InvalidRequestException", format!("{name} is missing")))
    }
}

/// An answer that is no JSON.
enum Page {
    Json(Value),
    Html(u16, String),
    Redirect(String),
}

/// Answers a request.
pub(super) async fn answer(state: &State, operation: Operation, request: Request<Incoming>) -> Response<Body> {
    let fault = state.ledger.note(operation.action(), None).unwrap_or_default();
    tokio::time::sleep(fault.delay).await;
    let done = match fault.error {
        Some((status, code)) => Err(Refused::new(status, &code, "The test asked for this failure.")),
        None => match call(request).await {
            Ok(call) => perform(state, operation, &call),
            Err(refused) => Err(refused),
        },
    };
    match done {
        Ok(Page::Json(value)) => response(200, "application/json", value.to_string()),
        Ok(Page::Html(status, text)) => response(status, "text/html; charset=utf-8", html(&text)),
        Ok(Page::Redirect(to)) => {
            let mut response = response(302, "text/plain", String::new());
            if let Ok(to) = HeaderValue::from_str(&to) {
                response.headers_mut().insert(LOCATION, to);
            }
            response
        }
        // A person reads it.
        Err(refused) if matches!(operation, Operation::Authorize | Operation::Device) => {
            response(refused.status, "text/html; charset=utf-8", html(&refused.message))
        }
        Err(refused) => error(operation, &refused),
    }
}

fn perform(state: &State, operation: Operation, call: &Call) -> Result<Page, Refused> {
    match operation {
        Operation::RegisterClient => oidc::register_client(state, call).map(Page::Json),
        Operation::StartDeviceAuthorization => oidc::start_device_authorization(state, call).map(Page::Json),
        Operation::CreateToken => oidc::create_token(state, call).map(Page::Json),
        Operation::Authorize => oidc::authorize(state, call).map(Page::Redirect),
        Operation::Device => oidc::device(state, call).map(|text| Page::Html(200, text)),
        Operation::ListAccounts => portal::list_accounts(state, call).map(Page::Json),
        Operation::ListAccountRoles => portal::list_account_roles(state, call).map(Page::Json),
        Operation::GetRoleCredentials => portal::get_role_credentials(state, call).map(Page::Json),
        Operation::Logout => portal::logout(state, call).map(Page::Json),
    }
}

async fn call(request: Request<Incoming>) -> Result<Call, Refused> {
    let (parts, body) = request.into_parts();
    let invalid = |message: &str| Refused::new(400, "InvalidRequestException", message);
    let bytes = Limited::new(body, LONGEST).collect().await.map_err(|_| invalid("The call is too long."))?.to_bytes();
    let body = match bytes.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&bytes).map_err(|_| invalid("The call is no JSON."))?,
    };
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let base = format!("http://{}", header(HOST.as_str()).unwrap_or_default());
    Ok(Call { query, body, token: header("x-amz-sso_bearer_token"), base })
}

fn error(operation: Operation, refused: &Refused) -> Response<Body> {
    let body = if operation.action().starts_with("sso-oauth:") {
        // RFC 6749, section 5.2: `InvalidGrantException` is `invalid_grant` there.
        json!({ "error": snake(refused.code.trim_end_matches("Exception")), "error_description": refused.message })
    } else {
        json!({ "message": refused.message })
    };
    let mut response = response(refused.status, "application/json", body.to_string());
    if let Ok(code) = HeaderValue::from_str(&refused.code) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
    }
    response
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

fn response(status: u16, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A page that holds `text`, which is plain.
fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<!doctype html><meta charset=utf-8><title>xsw demo</title><h1>The demo's IAM Identity Center</h1><p>{text}</p>\n"
    )
}
