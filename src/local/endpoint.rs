//! The endpoint from which a renewing child's SDKs fetch the session, over and over (AWS SDKs and Tools Reference
//! Guide, "Container credential provider").
//!
//! It is for one child alone: loopback, a random port, a random token that travels in the child's environment. A
//! request without the token, for another host (DNS rebinding: aws-vault #578) or another path is refused without a
//! hint, and another user gets no connection.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use zeroize::Zeroizing;

use super::loopback::{self, Loopback};
use crate::domain::session::Session;
use crate::domain::text::rfc3339;
use crate::error::{Error, Result};

/// The one path. It is no secret; the token is.
const PATH: &str = "/session";

/// Connections that may be open at once; those beyond wait. More than any child opens, and an end to what a stranger
/// can make us hold.
const CONNECTIONS: usize = 256;

/// Where the endpoint is, and what opens it: for the environment of one child. Debug does not show the token.
#[derive(Clone)]
pub struct Address {
    port: u16,
    token: SecretString,
}

impl Address {
    /// On this machine's loopback.
    pub fn new(port: u16, token: SecretString) -> Self {
        Self { port, token }
    }

    /// For AWS_CONTAINER_CREDENTIALS_FULL_URI.
    pub fn uri(&self) -> String {
        format!("http://{}{PATH}", self.host())
    }

    /// For AWS_CONTAINER_AUTHORIZATION_TOKEN.
    pub fn token(&self) -> &str {
        self.token.expose_secret()
    }

    fn host(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("port", &self.port).field("token", &"[redacted]").finish()
    }
}

/// An endpoint that listens until it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    address: Address,
    task: AbortHandle,
}

impl Endpoint {
    /// Starts to listen; each request that may is answered with what `session` gives then.
    pub async fn start<Answer>(session: impl Fn() -> Answer + Send + Sync + 'static) -> io::Result<Self>
    where
        Answer: Future<Output = Result<Session>> + Send + 'static,
    {
        let loopback = Loopback::open().await?;
        let address = Address::new(loopback.address().port(), loopback::random_token()?);
        let gate = Arc::new(Gate { address: address.clone(), session, refused: AtomicBool::new(false) });
        let task = tokio::spawn(listen(loopback, gate)).abort_handle();
        Ok(Self { address, task })
    }

    /// What its child has to know.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // The connections are the task's, and end with it.
        self.task.abort();
    }
}

async fn listen<Answer>(loopback: Loopback, gate: Arc<Gate<impl Fn() -> Answer + Send + Sync + 'static>>)
where
    Answer: Future<Output = Result<Session>> + Send + 'static,
{
    let here = loopback.address();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, peer) = loopback.accept().await;
        let gate = Arc::clone(&gate);
        connections.spawn(async move {
            if loopback::is_somebody_elses(peer, here) {
                gate.tell_refused("another user's connection");
                return;
            }
            let service = service_fn(|request| {
                let gate = Arc::clone(&gate);
                async move { Ok::<_, Infallible>(gate.answer(&request, peer).await) }
            });
            loopback::serve(stream, service).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Who is let in, and what is answered.
struct Gate<F> {
    address: Address,
    session: F,
    /// Whether somebody was refused: once is worth a warning, and a stranger must not fill the log.
    refused: AtomicBool,
}

impl<F> Gate<F> {
    fn tell_refused(&self, what: &str) {
        if self.refused.swap(true, Ordering::Relaxed) {
            tracing::debug!("the renewing endpoint refused {what} again");
        } else {
            tracing::warn!("the renewing endpoint refused {what}; it tells so once");
        }
    }
}

impl<F, Answer> Gate<F>
where
    F: Fn() -> Answer,
    Answer: Future<Output = Result<Session>>,
{
    async fn answer(&self, request: &Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        if !self.lets_in(request, peer) {
            self.tell_refused("a request");
            let mut refusal = Response::new(Full::default());
            *refusal.status_mut() = StatusCode::FORBIDDEN;
            return refusal;
        }
        let (status, body) = match (self.session)().await {
            Ok(session) => (StatusCode::OK, json(&Credentials::of(&session))),
            Err(error) => {
                tracing::warn!(%error, "the renewing endpoint has no session");
                (status(&error), json(&Complaint::of(&error)))
            }
        };
        let mut answer = Response::new(Full::new(Bytes::from_owner(body)));
        *answer.status_mut() = status;
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
        answer.headers_mut().extend(headers.map(|(name, value)| (name, value.parse().expect("a header's value"))));
        answer
    }

    fn lets_in(&self, request: &Request<Incoming>, peer: SocketAddr) -> bool {
        let only = |name: HeaderName| {
            let mut all = request.headers().get_all(name).iter();
            all.next().filter(|_| all.next().is_none()).map_or(&b""[..], |value| value.as_bytes())
        };
        let has_token: bool = only(AUTHORIZATION).ct_eq(self.address.token().as_bytes()).into();
        has_token
            && peer.ip().is_loopback()
            && only(HOST) == self.address.host().as_bytes()
            && request.method() == Method::GET
            // The path alone: a whole address is what a proxy is asked for.
            && *request.uri() == *PATH
    }
}

/// What SDKs want to read. A refusal of AWS and a question that nobody answered do not mend themselves; what does is
/// asked for again.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Network { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Denied { .. }
        | Error::MfaRequired { .. }
        | Error::SignedOut { .. }
        | Error::Expired { .. }
        | Error::Interrupted => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: Option<&'a str>,
    expiration: String,
    account_id: &'a str,
}

impl<'a> Credentials<'a> {
    fn of(session: &'a Session) -> Self {
        Self {
            access_key_id: &session.keys.access_key_id,
            secret_access_key: session.keys.secret(),
            token: session.keys.token(),
            expiration: rfc3339(session.expiration),
            account_id: session.account_id.as_str(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Complaint {
    code: &'static str,
    message: String,
}

impl Complaint {
    fn of(error: &Error) -> Self {
        let hint = error.hint().map(|hint| format!(" ({hint})"));
        Self { code: error.kind(), message: format!("xsw: {error}{}", hint.unwrap_or_default()) }
    }
}

fn json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    // Large enough from the start: a buffer that grows leaves its old self behind.
    let mut body = Zeroizing::new(Vec::with_capacity(8 << 10));
    serde_json::to_writer(&mut *body, value).expect("texts are JSON");
    body
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use tokio::net::TcpStream;

    use super::super::loopback::HEADER_BYTES;
    use super::*;
    use crate::domain::session::Keys;

    fn session() -> Session {
        Session {
            keys: Keys {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: "very-secret".to_owned().into(),
                session_token: Some("very-token".to_owned().into()),
            },
            issued: jiff::Timestamp::UNIX_EPOCH,
            expiration: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            arn: "arn:aws:sts::222222222222:assumed-role/S3Reader/me".into(),
            account_id: "222222222222".parse().unwrap(),
        }
    }

    async fn said(endpoint: &Endpoint, request: &str) -> (String, String) {
        let address = endpoint.address();
        let request = request.replace("HOST", &address.host()).replace("TOKEN", address.token());
        let mut stream = TcpStream::connect(address.host()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    const RIGHT: &str = "GET /session HTTP/1.1\r\nHost: HOST\r\nAuthorization: TOKEN\r\n\r\n";

    #[tokio::test]
    async fn the_session_is_answered_as_sdks_read_it() {
        let endpoint = Endpoint::start(async || Ok(session())).await.unwrap();
        let (head, body) = said(&endpoint, RIGHT).await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("application/json"), "{head}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = serde_json::json!({
            "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "very-secret", "Token": "very-token",
            "Expiration": "2026-01-02T03:04:05Z", "AccountId": "222222222222",
        });
        assert_eq!(body, expected);
        assert!(!format!("{endpoint:?}").contains(endpoint.address().token()));
        assert_eq!(endpoint.address().token().len(), 64);
    }

    #[tokio::test]
    async fn anything_else_is_refused_without_a_hint() {
        let endpoint = Endpoint::start(async || Ok(session())).await.unwrap();
        let wrong = "0".repeat(64);
        for request in [
            RIGHT.replace("Authorization: TOKEN\r\n", ""),
            RIGHT.replace("TOKEN", ""),
            RIGHT.replace("TOKEN", &wrong),
            RIGHT.replace("TOKEN", "TOKENx"),
            RIGHT.replace("TOKEN", &endpoint.address().token()[..63]),
            RIGHT.replace("TOKEN", "Bearer TOKEN"),
            RIGHT.replace("\r\n\r\n", &format!("\r\nAuthorization: {wrong}\r\n\r\n")),
            RIGHT.replace("Host: HOST", "Host: evil.example"),
            RIGHT.replace("Host: HOST", "Host: 127.0.0.1"),
            RIGHT.replace("127.0.0.1", "localhost").replace("HOST", &format!("localhost:{}", endpoint.address.port)),
            RIGHT.replace("Host: HOST", "X: y"),
            RIGHT.replace("\r\n\r\n", "\r\nHost: evil.example\r\n\r\n"),
            RIGHT.replace("/session", "/"),
            RIGHT.replace("/session", "/session/"),
            RIGHT.replace("/session", "/session?x"),
            RIGHT.replace("/session", "http://evil.example/session"),
            RIGHT.replace("/session", "http://HOST/session"),
            RIGHT.replace("GET", "POST"),
            RIGHT.replace("GET", "OPTIONS"),
            RIGHT.replace("GET", "HEAD"),
        ] {
            let (head, body) = said(&endpoint, &request).await;
            assert!(head.starts_with("HTTP/1.1 403 Forbidden\r\n") && body.is_empty(), "{request}: {head} {body}");
            let told = head.to_lowercase();
            assert!(["server", "date", "www-auth", "xsw"].iter().all(|hint| !told.contains(hint)), "{head}");
        }
        // What is no HTTP, or too much of it, gets no more.
        for request in ["\x16\x03\x01\r\n\r\n".to_owned(), RIGHT.replace("HOST", &"x".repeat(2 * HEADER_BYTES))] {
            let (head, body) = said(&endpoint, &request).await;
            assert!(head.starts_with("HTTP/1.1 4") && body.is_empty(), "{head} {body}");
        }
    }

    #[tokio::test]
    async fn what_fails_is_told_so_that_sdks_know_whether_to_ask_again() {
        let network = Error::Network { endpoint: "sts".into(), message: "refused \"\u{1b}[2J".into() };
        let denied = Error::Denied {
            action: "sts:AssumeRole".into(),
            resource: "arn".into(),
            message: "no".into(),
            hint: Some("ask".into()),
        };
        for (error, status, code, message) in [
            (network, 503, "network", r#"xsw: cannot reach sts: refused "\x1b[2J (check the network"#),
            (denied, 400, "denied", "xsw: not allowed to sts:AssumeRole on arn: no (ask)"),
        ] {
            let endpoint = Endpoint::start(move || std::future::ready(Err(error.clone()))).await.unwrap();
            let (head, body) = said(&endpoint, RIGHT).await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["Code"], code);
            assert!(body["Message"].as_str().unwrap().starts_with(message), "{body}");
        }
    }

    #[tokio::test]
    async fn one_that_says_nothing_holds_up_nobody_and_nothing_listens_afterwards() {
        let endpoint = Endpoint::start(async || Ok(session())).await.unwrap();
        let mut silent = TcpStream::connect(endpoint.address().host()).await.unwrap();
        assert!(said(&endpoint, RIGHT).await.0.contains("200"));
        let host = endpoint.address().host();
        drop(endpoint);
        let mut rest = Vec::new();
        // Either the end or a reset.
        assert_eq!(silent.read_to_end(&mut rest).await.unwrap_or(0), 0);
        assert!(TcpStream::connect(host).await.is_err());
    }
}
