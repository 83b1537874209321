//! The end of a sign-in in the browser: it sends the browser back to a port of ours, with a code in the address
//! (RFC 8252, section 7.3, "Loopback Interface Redirection").

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::loopback::{self, Loopback};

/// Where the browser is sent; the port comes in between.
const PATH: &str = "/oauth/callback";

/// What the browser brought.
#[derive(Clone, Debug)]
pub enum Redirected {
    /// The code, which gets a token once.
    Code(SecretString),
    /// The sign-in was refused, or went wrong: the words of IAM Identity Center.
    Refused(String),
}

/// A port that waits for the browser.
#[derive(Debug)]
pub struct Redirect {
    loopback: Loopback,
}

impl Redirect {
    /// Waits on a random port of 127.0.0.1.
    pub async fn listen() -> io::Result<Self> {
        Ok(Self { loopback: Loopback::open().await? })
    }

    /// The address that the browser is to come back to.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.loopback.address())
    }

    /// Waits for a browser with this `state`. One without it is somebody else's, and is sent away.
    pub async fn answer(self, state: &str) -> Redirected {
        let (sender, mut receiver) = mpsc::channel(1);
        let door = Arc::new(Door { host: self.loopback.address().to_string(), state: state.to_owned(), found: sender });
        let mut connections = JoinSet::new();
        let found = loop {
            tokio::select! {
                Some(found) = receiver.recv() => break found,
                (stream, _) = self.loopback.accept() => {
                    let door = door.clone();
                    let service = service_fn(move |request| {
                        let door = door.clone();
                        async move { Ok::<_, Infallible>(door.open(&request)) }
                    });
                    connections.spawn(loopback::serve(stream, service));
                }
                Some(_) = connections.join_next() => {}
            }
        };
        // The browser is still to read its page; one that never sends a request must not hold us up.
        let done = async { while connections.join_next().await.is_some() {} };
        _ = tokio::time::timeout(std::time::Duration::from_secs(1), done).await;
        found
    }
}

struct Door {
    host: String,
    state: String,
    found: mpsc::Sender<Redirected>,
}

impl Door {
    fn open(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request.headers().get(HOST).is_some_and(|host| host.as_bytes() == self.host.as_bytes());
        if !host || request.method() != hyper::Method::GET || request.uri().path() != PATH {
            return page(StatusCode::NOT_FOUND, "There is nothing here.");
        }
        let (status, found) = read(request.uri().query().unwrap_or_default(), &self.state);
        let text = match (&found, status) {
            (Some(Redirected::Code(_)), _) => "You are signed in. You can close this page and go back to xsw.",
            (Some(Redirected::Refused(_)), _) => "You are not signed in. Go back to xsw to see why.",
            (None, _) => "This is not the sign-in that xsw waits for.",
        };
        if let Some(found) = found {
            // When one was found already, a second changes nothing.
            _ = self.found.try_send(found);
        }
        page(status, text)
    }
}

/// What the query of the redirect says (RFC 6749, sections 4.1.2 and 4.1.2.1).
fn read(query: &str, state: &str) -> (StatusCode, Option<Redirected>) {
    let fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if !bool::from(get("state").unwrap_or_default().as_bytes().ct_eq(state.as_bytes())) {
        return (StatusCode::BAD_REQUEST, None);
    }
    match (get("code"), get("error")) {
        (Some(code), None) if !code.is_empty() => (StatusCode::OK, Some(Redirected::Code(code.to_owned().into()))),
        (_, Some(error)) => {
            let words = get("error_description").filter(|words| !words.is_empty()).unwrap_or(error);
            (StatusCode::OK, Some(Redirected::Refused(words.to_owned())))
        }
        _ => (StatusCode::BAD_REQUEST, None),
    }
}

fn page(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let html = format!("<!doctype html><meta charset=utf-8><title>xsw</title><p>{text}</p>\n");
    let mut response = Response::new(Full::new(Bytes::from(html)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn only_the_sign_in_that_was_begun_counts() {
        for (query, expected) in [
            ("code=abc&state=s3cret", Some("code abc")),
            ("state=s3cret&code=a%2Bb", Some("code a+b")),
            ("error=access_denied&state=s3cret", Some("refused access_denied")),
            ("error=access_denied&error_description=No+way&state=s3cret", Some("refused No way")),
            ("code=abc&state=other", None),
            ("code=abc", None),
            ("code=&state=s3cret", None),
            ("error=access_denied&state=", None),
            ("", None),
        ] {
            let shown = read(query, "s3cret").1.map(|found| match found {
                Redirected::Code(code) => format!("code {}", code.expose_secret()),
                Redirected::Refused(words) => format!("refused {words}"),
            });
            assert_eq!(shown.as_deref(), expected, "{query}");
        }
    }
}
