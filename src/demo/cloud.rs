//! The running cloud: the listener, the first look at a request, and the knobs that tests turn.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::crypto::{Checksum as _, Sha256};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::access::Door;
use super::bucket::Object;
use super::directory;
use super::federation;
use super::iam;
use super::ledger::Fault;
use super::random;
use super::s3::Store;
use super::s3control;
use super::sso;
use super::state::{State, locked};
use super::sts::{Form, Shaped, Sts, error_xml, reshape};
use super::visit;
use super::world::World;
use crate::domain::text::hex;

/// The most bytes of a call of STS or IAM: a policy of 10,240 characters may be three times as long in a form.
const FORM: usize = 64 * 1024;

/// STS, S3 and IAM Identity Center on 127.0.0.1. It stops when it is dropped, and forgets everything.
#[derive(Debug)]
pub struct Cloud {
    address: SocketAddr,
    state: Arc<State>,
    listener: AbortHandle,
}

impl Cloud {
    /// Starts serving a world on a random port. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// No port to listen on, or (`InvalidData`) a policy in `world` that is none.
    pub async fn start(world: World) -> io::Result<Cloud> {
        let (directory, buckets) =
            directory::open(world).map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
        let state = Arc::new(State::new(directory, buckets));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, Front { service: service(&state), state: state.clone() }));
        Ok(Cloud { address, state, listener: task.abort_handle() })
    }

    /// The address of all services, for `endpoint_url`. Buckets are in the path.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often an action reached the cloud with a valid signature: `sts:AssumeRole`, `s3:GetObject`. The names
    /// are those of the API's operations, so a listing is `s3:ListObjectsV2`.
    pub fn calls(&self, action: &str) -> usize {
        self.state.ledger.calls(action)
    }

    /// The same for the calls that this access key signed: which of several sessions did what.
    pub fn calls_by(&self, access_key: &str, action: &str) -> usize {
        self.state.ledger.calls_by(access_key, action)
    }

    /// The fields of every call of an STS action, in the order of their arrival and without codes and tokens.
    pub fn sent(&self, action: &str) -> Vec<Vec<(String, String)>> {
        self.state.ledger.sent(action)
    }

    /// Waits until a browser has signed in to the console and has its page, but no longer than `patience`.
    pub async fn until_signed_in(&self, patience: Duration) {
        let signed_in = async {
            while self.calls("signin:login") == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // The page is on its way.
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        _ = tokio::time::timeout(patience, signed_in).await;
    }

    /// The code that this MFA device would be believed now; none when it is unknown or its codes are used up for
    /// the next seconds.
    pub fn mfa_code(&self, serial: &str) -> Option<String> {
        self.state.devices.code(serial, self.state.now().as_second())
    }

    /// Lets the next `times` calls of an action go wrong.
    pub fn plan(&self, action: &str, times: usize, fault: Fault) {
        self.state.ledger.plan(action, times, fault);
    }

    /// Lets the next `times` calls of an action on one object (`bucket/key`) go wrong; they come before those of
    /// [`Cloud::plan`].
    pub fn plan_for(&self, action: &str, object: &str, times: usize, fault: Fault) {
        self.state.ledger.plan(&format!("{action} {object}"), times, fault);
    }

    /// Ends every session that is open now.
    pub fn expire_sessions(&self) {
        let now = self.state.now();
        for session in locked(&self.state.sessions).values_mut() {
            session.expires = session.expires.min(now);
        }
    }

    /// Ends every sign-in of IAM Identity Center, as an administrator can.
    pub fn end_sign_ins(&self) {
        locked(&self.state.sign_ins).end_all();
    }

    /// Forgets every client that was registered.
    pub fn forget_clients(&self) {
        locked(&self.state.sign_ins).forget_clients();
    }

    /// Puts the cloud's clock ahead of this machine's by that many seconds, or behind it. Requests signed more
    /// than fifteen minutes off are refused, and sessions and MFA codes go by this clock.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.state.set_clock_offset(seconds);
    }

    /// The time by the cloud's clock.
    pub fn now(&self) -> Timestamp {
        self.state.now()
    }

    /// Writes an object past all policies, in a versioned bucket as a new version. False when there is no such bucket.
    pub fn put_object(&self, bucket: &str, key: &str, object: Object) -> bool {
        let mut buckets = self.state.buckets_mut();
        let known = buckets.get_mut(bucket);
        known.map(|known| known.bucket.put(key, object)).is_some()
    }

    /// Deletes an object past all policies, in a versioned bucket with a delete marker. False when there was none.
    pub fn remove_object(&self, bucket: &str, key: &str) -> bool {
        let now = self.state.now();
        let mut buckets = self.state.buckets_mut();
        let known = buckets.get_mut(bucket).filter(|known| known.bucket.objects.contains_key(key));
        known.map(|known| known.bucket.delete(key, None, now)).is_some()
    }

    /// An object as it is now, past all policies.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Object> {
        let buckets = self.state.buckets();
        let object = buckets.get(bucket)?.bucket.get(key)?;
        Some((*object).clone())
    }

    /// The keys of the objects that are kept in a bucket, in their order; those of a series are not among them.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let buckets = self.state.buckets();
        buckets.get(bucket).map(|known| known.bucket.objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// How many uploads in parts have begun in a bucket and are neither complete nor given up.
    pub fn uploads(&self, bucket: &str) -> usize {
        self.state.buckets().get(bucket).map_or(0, |known| known.uploads.len())
    }

    /// How many parts these uploads have by now.
    pub fn uploaded_parts(&self, bucket: &str) -> usize {
        let buckets = self.state.buckets();
        buckets.get(bucket).map_or(0, |known| known.uploads.values().map(|upload| upload.parts.len()).sum())
    }

    /// How many bytes of objects were sent, whole ones and ranges together. What left may still be on its way.
    pub fn body_bytes(&self) -> u64 {
        self.state.ledger.body_bytes()
    }

    /// What was read of an object (`bucket/key`), in the order of the requests; the whole is `0..length`.
    pub fn ranges(&self, object: &str) -> Vec<Range<u64>> {
        self.state.ledger.ranges(object)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn service(state: &Arc<State>) -> S3Service {
    let mut config = S3Config::default();
    // Our own clock judges, which a test may have put off; s3s knows only the machine's.
    config.presigned_url_max_skew_time_secs = u32::MAX;
    let mut builder = S3ServiceBuilder::new(Store(state.clone()));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(Door(state.clone()));
    builder.set_access(Door(state.clone()));
    builder.set_route(Sts(state.clone()));
    builder.build()
}

/// Accepts connections until it is aborted; the connections end with it.
async fn serve(listener: TcpListener, front: Front) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, front.clone()));
                }
                // Out of file descriptors, most likely: some may be free in a moment.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, front: Front) {
    // Nothing is lost without it but some milliseconds.
    let _ = stream.set_nodelay(true);
    let reset = Reset::default();
    let told = reset.clone();
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let (front, reset) = (front.clone(), told.clone());
        request.extensions_mut().insert(reset.clone());
        // Pinned, as `poll_without_shutdown` below asks for.
        Box::pin(async move {
            match front.answer(request).await {
                Ok(_) if reset.is_asked() => Err(HttpError::new("reset, as the test asked".into())),
                answer => answer,
            }
        })
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new());
    let mut connection = http.serve_connection(TokioIo::new(stream), answer);
    // A client that goes away, or a cut that a test asked for, ends here as an error. Nobody waits for it.
    let ended = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut stream = connection.into_parts().io.into_inner();
    if reset.is_asked() {
        // Closed with this, the connection ends in a reset.
        let _ = stream.set_zero_linger();
    } else if ended.is_ok() {
        let _ = stream.shutdown().await;
    }
}

/// Whether a test asked for the connection's reset. It goes with a request to wherever faults are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Reset(Arc<AtomicBool>);

impl Reset {
    /// Sees to it that no answer leaves.
    pub(super) fn ask(extensions: &hyper::http::Extensions) {
        if let Some(reset) = extensions.get::<Reset>() {
            reset.0.store(true, Ordering::Relaxed);
        }
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What stands before s3s: tells STS and IAM Identity Center from S3, and stamps the answers.
#[derive(Clone)]
struct Front {
    service: S3Service,
    state: Arc<State>,
}

impl Front {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
        let to_console = federation::is_meant(&request);
        let form = request.method() == Method::POST
            && request.uri().path() == "/"
            && request
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let shows_code = request.method() == Method::GET && request.uri().path() == visit::CODES;
        let mut response = match (form, sso::Operation::of(&request)) {
            _ if shows_code => self.shown_code(request.uri().query().unwrap_or_default()),
            _ if to_console => federation::answer(&self.state, request).await,
            _ if s3control::is_meant(&request) => s3control::answer(&self.state, request).await,
            (true, _) => self.query(request).await?,
            (false, Some(operation)) => sso::answer(&self.state, operation, request).await,
            (false, None) => self.service.call(request.map(Body::from)).await?,
        };
        let headers = response.headers_mut();
        let id = random::request_id();
        for name in ["x-amz-request-id", "x-amzn-requestid"] {
            if let Ok(value) = HeaderValue::from_str(&id) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        // Clients set their clocks by this header, so it must be the cloud's time.
        if let Ok(value) = HeaderValue::from_str(&http_date(self.state.now())) {
            headers.insert(DATE, value);
        }
        Ok(response)
    }

    /// What the display of an MFA device shows, which AWS does not know and a visitor of the demo has to see.
    fn shown_code(&self, query: &str) -> Response<Body> {
        let serial = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "serial");
        let code = serial.and_then(|(_, serial)| self.state.devices.code(&serial, self.state.now().as_second()));
        let mut response = Response::new(Body::from(code.clone().unwrap_or_default()));
        *response.status_mut() = if code.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        response
    }

    /// A call of IAM or STS. IAM's is answered here. That of STS: its form is read here and goes on to the route, s3s checks the signature in between.
    async fn query(&self, request: Request<Incoming>) -> Result<Response<Body>, HttpError> {
        let (mut parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, FORM).collect().await else {
            return Ok(xml(413, error_xml(413, "RequestEntityTooLarge", "The call is too long.")));
        };
        let body = body.to_bytes();
        let form = Form::parse(&body);
        if form.get("Version") == Some(iam::VERSION) {
            let (status, text) = iam::answer(&self.state, &parts, &body).await;
            return Ok(xml(status, text));
        }
        // STS clients send no hash of the body. With this one s3s need not read the body, of which it takes no
        // more than 8 KiB; as it is not among the signed headers, the signature stays what it was.
        if !parts.headers.contains_key("x-amz-content-sha256")
            && let Ok(hash) = HeaderValue::from_str(&hex(Sha256::checksum(&body).as_ref()))
        {
            parts.headers.insert("x-amz-content-sha256", hash);
        }
        parts.headers.insert(CONTENT_LENGTH, body.len().into());
        parts.extensions.insert(form);
        let answer = self.service.call(Request::from_parts(parts, Body::from(body))).await?;
        if answer.extensions().get::<Shaped>().is_some() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_else(|_| Bytes::new());
        let (status, text) = reshape(status, &String::from_utf8_lossy(&text));
        Ok(xml(status, text))
    }
}

fn xml(status: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// `Sat, 21 Nov 2026 10:15:00 GMT`
pub(super) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
