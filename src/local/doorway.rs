//! A one-time address of this machine that leads a browser on to a secret one.
//!
//! The words that a browser is started with are everybody's to see on this machine. They hold this address, which is
//! good for one visit; the secret one goes through the connection alone.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, HOST, HeaderValue, LOCATION, REFERRER_POLICY};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::lock::held;
use super::loopback::{self, Loopback};

/// Listens until it is dropped, on 127.0.0.1 and a random port.
pub struct Doorway {
    loopback: Loopback,
    address: SecretString,
    door: Arc<Door>,
}

// The path and where it leads are secrets.
impl std::fmt::Debug for Doorway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doorway").field("port", &self.door.here.port()).finish_non_exhaustive()
    }
}

struct Door {
    here: SocketAddr,
    path: String,
    /// Where it leads; taken by the one who comes first.
    beyond: Mutex<Option<SecretString>>,
    passed: Notify,
}

impl Doorway {
    /// Starts to listen; `beyond` is where the address leads.
    pub async fn open(beyond: SecretString) -> io::Result<Self> {
        let loopback = Loopback::open().await?;
        let here = loopback.address();
        let path = format!("/{}", loopback::random_token()?.expose_secret());
        let address = format!("http://{here}{path}").into();
        let door = Arc::new(Door { here, path, beyond: Mutex::new(Some(beyond)), passed: Notify::new() });
        Ok(Self { loopback, address, door })
    }

    /// What the browser is given.
    pub fn address(&self) -> &str {
        self.address.expose_secret()
    }

    /// Waits until somebody has been led on; false when nobody came in time.
    pub async fn passed(self, patience: Duration) -> bool {
        let mut visits = JoinSet::new();
        let led_on = async {
            loop {
                tokio::select! {
                    () = self.door.passed.notified() => return,
                    // Browsers open connections ahead and say nothing on them: each is a task of its own.
                    (stream, peer) = self.loopback.accept() => {
                        visits.spawn(visit(stream, peer, self.door.clone()));
                    }
                    Some(_) = visits.join_next() => {}
                }
            }
        };
        tokio::time::timeout(patience, led_on).await.is_ok()
    }
}

async fn visit(stream: TcpStream, peer: SocketAddr, door: Arc<Door>) {
    let is_stranger = loopback::is_somebody_elses(peer, door.here);
    let led_on = AtomicBool::new(false);
    let answer = service_fn(|request: Request<Incoming>| {
        let response = if is_stranger { refusal() } else { door.answer(&request) };
        led_on.fetch_or(response.status() == StatusCode::FOUND, Ordering::Relaxed);
        async move { Ok::<_, Infallible>(response) }
    });
    loopback::serve(stream, answer).await;
    if led_on.into_inner() {
        door.passed.notify_one();
    }
}

impl Door {
    fn answer<B>(&self, request: &Request<B>) -> Response<Empty<Bytes>> {
        let mut response = refusal();
        if let Some(location) = self.beyond(request) {
            response.headers_mut().insert(LOCATION, location);
            *response.status_mut() = StatusCode::FOUND;
        }
        response
    }

    /// Where the request is led: once, and only the one with the path, who named this very address.
    fn beyond<B>(&self, request: &Request<B>) -> Option<HeaderValue> {
        // A page elsewhere whose name was made to lead here says that name (DNS rebinding).
        let host = request.headers().get(HOST)?;
        let is_known = request.method() == Method::GET
            && host.as_bytes() == self.here.to_string().as_bytes()
            && request.uri().query().is_none()
            && bool::from(request.uri().path().as_bytes().ct_eq(self.path.as_bytes()));
        if !is_known {
            return None;
        }
        let beyond = held(&self.beyond).take()?;
        let mut location = HeaderValue::from_str(beyond.expose_secret()).ok()?;
        location.set_sensitive(true);
        Some(location)
    }
}

fn refusal() -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::FORBIDDEN;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const BEYOND: &str = "https://signin.example/federation?SigninToken=very-secret";

    async fn door() -> Doorway {
        Doorway::open(BEYOND.to_owned().into()).await.unwrap()
    }

    /// Sends a request line and a Host, and gives all of the answer.
    async fn ask(here: SocketAddr, line: &str, host: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(here).await.unwrap();
        stream.write_all(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_address_leads_on_once_and_nobody_else_learns_anything() {
        let doorway = door().await;
        let (here, path) = (doorway.door.here, doorway.door.path.clone());
        assert_eq!(doorway.address(), format!("http://{here}{path}"));
        assert!(!format!("{doorway:?}").contains(&path[1..]));
        assert_eq!(path.len(), 65);
        // Opened ahead, as browsers do; it must hold nothing up.
        let _silent = tokio::net::TcpStream::connect(here).await.unwrap();
        let waiting = tokio::spawn(doorway.passed(Duration::from_secs(20)));
        let host = here.to_string();
        let wrong = format!("{}{}", &path[..64], if path.ends_with('0') { '1' } else { '0' });
        let other_host = format!("localhost:{}", here.port());
        for (line, host) in [
            ("GET /".to_owned(), &host),
            ("GET /favicon.ico".to_owned(), &host),
            (format!("GET {wrong}"), &host),
            (format!("GET {path}?x=1"), &host),
            (format!("HEAD {path}"), &host),
            (format!("POST {path}"), &host),
            (format!("GET {path}"), &other_host),
            (format!("GET {path}"), &"evil.example".to_owned()),
        ] {
            let answer = ask(here, &line, host).await;
            assert!(answer.starts_with("HTTP/1.1 403 "), "{line}: {answer}");
            assert!(answer.ends_with("\r\n\r\n") && !answer.contains("signin"), "{line}: {answer}");
        }
        let answer = ask(here, &format!("GET {path}"), &host).await;
        assert!(answer.starts_with("HTTP/1.1 302 ") && answer.ends_with("\r\n\r\n"), "{answer}");
        for header in
            [&format!("location: {BEYOND}\r\n"), "cache-control: no-store\r\n", "referrer-policy: no-referrer\r\n"]
        {
            assert!(answer.contains(header), "{answer}");
        }
        // It does not wait until the silent connection is cut off.
        let ended = tokio::time::timeout(loopback::ARRIVAL / 4, waiting).await.unwrap();
        assert!(ended.unwrap());
        assert!(tokio::net::TcpStream::connect(here).await.is_err());
    }

    #[tokio::test]
    async fn the_second_visitor_is_refused() {
        let doorway = door().await;
        let (door, here) = (doorway.door.clone(), doorway.door.here);
        let request = || Request::get(door.path.clone()).header(HOST, here.to_string()).body(()).unwrap();
        assert_eq!(door.answer(&request()).status(), StatusCode::FOUND);
        assert_eq!(door.answer(&request()).status(), StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn nobody_is_waited_for_for_ever() {
        assert!(!door().await.passed(Duration::from_millis(50)).await);
    }
}
