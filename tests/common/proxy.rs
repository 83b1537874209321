//! A proxy between xsw and a server of S3, which lets answers go wrong by a seed.
//!
//! It passes bytes on as they are, the Host header too, so that signatures stay whole: clients are pointed at the
//! proxy, sign for its address, and the server checks against the Host that came. It knows as much of HTTP/1.1 as it
//! takes to tell one answer from the next; it takes no chunked requests.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What can go wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The connection is reset somewhere in the answer, its head or its body.
    Reset,
    /// The connection ends in the body, whose length the head tells right.
    Truncated,
    /// One byte of the body has one bit turned over. Not in an error.
    Flipped,
    /// 500 InternalError; the server sees nothing of the request.
    InternalError,
    /// 503 SlowDown; the server sees nothing of the request.
    SlowDown,
    /// Somewhere in the answer nothing more comes, and the connection stays open.
    Stall,
    /// The connection ends after the request; the server sees nothing of it.
    Closed,
}

/// How likely each of them is, from 0 to 1, and together no more than 1. What happens follows from the seed and the
/// number of the request alone.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub seed: u64,
    pub reset: f64,
    pub truncated: f64,
    pub flipped: f64,
    pub internal_error: f64,
    pub slow_down: f64,
    pub stall: f64,
    pub closed: f64,
    /// Only requests whose first line (`GET /bucket/key HTTP/1.1`) is meant are counted and harmed; without it all.
    pub meant: Option<fn(&str) -> bool>,
    /// After so many faults nothing goes wrong any more.
    pub most: Option<usize>,
}

impl Faults {
    /// None at all: for a proxy that only passes on.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every kind alike, which together are this likely.
    pub fn all(seed: u64, likely: f64) -> Self {
        let each = likely / 7.0;
        Self {
            seed,
            reset: each,
            truncated: each,
            flipped: each,
            internal_error: each,
            slow_down: each,
            stall: each,
            closed: each,
            meant: None,
            most: None,
        }
    }

    /// What goes wrong with the answer to this request, counted from 0, and a number that tells where.
    pub fn of(&self, request: u64) -> Option<(Kind, u64)> {
        let first = scramble(self.seed ^ scramble(request));
        let mut left = first as f64 / u64::MAX as f64;
        let kinds = [
            (Kind::Reset, self.reset),
            (Kind::Truncated, self.truncated),
            (Kind::Flipped, self.flipped),
            (Kind::InternalError, self.internal_error),
            (Kind::SlowDown, self.slow_down),
            (Kind::Stall, self.stall),
            (Kind::Closed, self.closed),
        ];
        for (kind, likely) in kinds {
            if left < likely {
                return Some((kind, scramble(first)));
            }
            left -= likely;
        }
        None
    }
}

/// The finalizer of SplitMix64.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// It runs on a thread of its own until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    runtime: Option<Runtime>,
}

struct Inner {
    upstream: String,
    state: Mutex<State>,
}

struct State {
    faults: Faults,
    requests: u64,
    done: BTreeMap<Kind, usize>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A plain drop would wait, which a test's own runtime forbids.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Proxy {
    /// Starts one before this server: `http://127.0.0.1:1234` or `127.0.0.1:1234`.
    pub fn start(upstream: &str, faults: Faults) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let state = Mutex::new(State { faults, requests: 0, done: BTreeMap::new() });
        let inner = Arc::new(Inner { upstream, state });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = inner.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let inner = serving.clone();
                // An error is a side that went away, which ends both.
                tokio::spawn(async move { _ = inner.serve(stream).await });
            }
        });
        Self { address, inner, runtime: Some(runtime) }
    }

    /// Where clients go, for `endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Plans anew from here on; requests and faults are counted from 0 again.
    pub fn plan(&self, faults: Faults) {
        *self.inner.state.lock().unwrap() = State { faults, requests: 0, done: BTreeMap::new() };
    }

    /// How many requests came that were meant.
    pub fn requests(&self) -> u64 {
        self.inner.state.lock().unwrap().requests
    }

    /// How often an answer went wrong in this way.
    pub fn count(&self, kind: Kind) -> usize {
        self.inner.state.lock().unwrap().done.get(&kind).copied().unwrap_or_default()
    }

    /// How many answers went wrong.
    pub fn faults(&self) -> usize {
        self.inner.state.lock().unwrap().done.values().sum()
    }
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(u64),
    Chunked,
    UntilEnd,
}

/// The first lines of a request or an answer.
struct Head {
    bytes: Vec<u8>,
    first_line: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// The next head; `None` when the side has closed between two.
    async fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        loop {
            let before = bytes.len();
            if from.read_until(b'\n', &mut bytes).await? == 0 {
                return if before == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            if matches!(&bytes[before..], b"\r\n" | b"\n") {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = text.lines();
        let first_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines.filter_map(|line| line.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Ok(Some(Self { bytes, first_line, fields }))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    fn says(&self, name: &str, value: &str) -> bool {
        self.field(name).is_some_and(|field| field.eq_ignore_ascii_case(value))
    }

    fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    fn content_length(&self) -> Option<u64> {
        self.field("content-length")?.parse().ok()
    }

    /// The length of this answer's body: RFC 9112 section 6.3.
    fn length(&self, to_head: bool) -> Length {
        if to_head || matches!(self.status(), 100..200 | 204 | 304) {
            Length::Known(0)
        } else if self.says("transfer-encoding", "chunked") {
            Length::Chunked
        } else {
            self.content_length().map_or(Length::UntilEnd, Length::Known)
        }
    }
}

/// What the answer to come suffers.
#[derive(Clone, Copy)]
enum Harm {
    None,
    /// After so many bytes of head and body together.
    At(Kind, u64),
    /// This byte of the body.
    Flip(u64),
}

impl Inner {
    /// One client's connection: request by request, each with its answer.
    async fn serve(&self, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut client = BufReader::new(client);
        let mut upstream: Option<BufReader<TcpStream>> = None;
        while let Some(request) = Head::read(&mut client).await? {
            if request.says("transfer-encoding", "chunked") {
                return Err(io::Error::other("the proxy takes no chunked requests"));
            }
            if request.says("expect", "100-continue") {
                client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            let mut body = vec![0; request.content_length().unwrap_or(0) as usize];
            client.read_exact(&mut body).await?;
            let to_head = request.first_line.starts_with("HEAD ");
            let fault = self.next_fault(&request.first_line);
            match fault {
                Some((Kind::Closed, _)) => {
                    self.did(Kind::Closed);
                    return Ok(());
                }
                Some((kind @ (Kind::InternalError | Kind::SlowDown), _)) => {
                    self.did(kind);
                    client.write_all(&error(kind, to_head)).await?;
                    continue;
                }
                _ => {}
            }
            let answer = self.ask(&mut upstream, &request, &body).await?;
            let Some(server) = &mut upstream else {
                return Ok(());
            };
            let length = answer.length(to_head);
            let harm = self.harm(fault, &answer, length);
            match pass_on(&mut client, server, &answer, length, harm).await? {
                Passed::Whole if length == Length::UntilEnd || answer.says("connection", "close") => return Ok(()),
                Passed::Whole => {}
                Passed::Broken(Kind::Reset) => {
                    client.get_ref().set_zero_linger()?;
                    return Ok(());
                }
                Passed::Broken(Kind::Stall) => {
                    // Until the client has had enough.
                    let mut rest = [0; 1024];
                    while client.read(&mut rest).await.is_ok_and(|bytes| bytes > 0) {}
                    return Ok(());
                }
                Passed::Broken(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Sends the request and reads the head of the answer, over a new connection where the old one has ended.
    async fn ask(&self, upstream: &mut Option<BufReader<TcpStream>>, request: &Head, body: &[u8]) -> io::Result<Head> {
        if let Some(mut server) = upstream.take()
            && let Ok(Some(answer)) = exchange(&mut server, request, body).await
        {
            *upstream = Some(server);
            return Ok(answer);
        }
        let server = TcpStream::connect(&self.upstream).await?;
        server.set_nodelay(true)?;
        let mut server = BufReader::new(server);
        let answer = exchange(&mut server, request, body).await?;
        *upstream = Some(server);
        answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Counts a request that is meant, and decides over it.
    fn next_fault(&self, first_line: &str) -> Option<(Kind, u64)> {
        let mut state = self.state.lock().unwrap();
        if state.faults.meant.is_some_and(|meant| !meant(first_line)) {
            return None;
        }
        let number = state.requests;
        state.requests += 1;
        let done: usize = state.done.values().sum();
        if state.faults.most.is_some_and(|most| done >= most) { None } else { state.faults.of(number) }
    }

    fn did(&self, kind: Kind) {
        *self.state.lock().unwrap().done.entry(kind).or_default() += 1;
    }

    /// What a fault does to this very answer, counted where it does anything.
    fn harm(&self, fault: Option<(Kind, u64)>, answer: &Head, length: Length) -> Harm {
        let Some((kind, random)) = fault else {
            return Harm::None;
        };
        let head = answer.bytes.len() as u64;
        let body = if let Length::Known(body) = length { body } else { 0 };
        let harm = match kind {
            Kind::Reset | Kind::Stall => Harm::At(kind, random % (head + body).max(1)),
            Kind::Truncated if body > 0 => Harm::At(kind, head + random % body),
            Kind::Flipped if body > 0 && answer.status() < 300 => Harm::Flip(random % body),
            _ => return Harm::None,
        };
        self.did(kind);
        harm
    }
}

async fn exchange(server: &mut BufReader<TcpStream>, request: &Head, body: &[u8]) -> io::Result<Option<Head>> {
    server.write_all(&request.bytes).await?;
    server.write_all(body).await?;
    loop {
        let answer = Head::read(server).await?;
        // The client has its 100 Continue already.
        if answer.as_ref().is_none_or(|answer| !(100..200).contains(&answer.status())) {
            return Ok(answer);
        }
    }
}

/// How an answer went.
enum Passed {
    Whole,
    Broken(Kind),
}

async fn pass_on(
    client: &mut BufReader<TcpStream>,
    server: &mut BufReader<TcpStream>,
    answer: &Head,
    length: Length,
    harm: Harm,
) -> io::Result<Passed> {
    let head = answer.bytes.len() as u64;
    if let Harm::At(kind, place) = harm
        && place <= head
    {
        client.write_all(&answer.bytes[..place as usize]).await?;
        return Ok(Passed::Broken(kind));
    }
    client.write_all(&answer.bytes).await?;
    match length {
        Length::UntilEnd => _ = tokio::io::copy_buf(server, client).await?,
        Length::Chunked => pass_chunks(client, server).await?,
        Length::Known(length) => {
            let mut position = 0;
            while position < length {
                let bytes = server.fill_buf().await?;
                if bytes.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let mut bytes = bytes[..bytes.len().min((length - position) as usize)].to_vec();
                server.consume(bytes.len());
                let end = position + bytes.len() as u64;
                match harm {
                    Harm::At(kind, place) if place < head + end => {
                        bytes.truncate((place - head - position) as usize);
                        client.write_all(&bytes).await?;
                        return Ok(Passed::Broken(kind));
                    }
                    Harm::Flip(place) if (position..end).contains(&place) => bytes[(place - position) as usize] ^= 1,
                    _ => {}
                }
                client.write_all(&bytes).await?;
                position = end;
            }
        }
    }
    Ok(Passed::Whole)
}

/// Passes a chunked body on as it is: RFC 9112 section 7.1.
async fn pass_chunks(client: &mut BufReader<TcpStream>, server: &mut BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        server.read_until(b'\n', &mut line).await?;
        let size = String::from_utf8_lossy(&line);
        let size = size.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let size = size.ok_or_else(|| io::Error::other("no chunk"))?;
        client.write_all(&line).await?;
        if size == 0 {
            break;
        }
        let mut chunk = vec![0; size + 2];
        server.read_exact(&mut chunk).await?;
        client.write_all(&chunk).await?;
    }
    // Trailers, and the empty line.
    loop {
        let mut line = Vec::new();
        server.read_until(b'\n', &mut line).await?;
        client.write_all(&line).await?;
        if matches!(line.as_slice(), b"\r\n" | b"\n" | b"") {
            return Ok(());
        }
    }
}

/// An error as S3 writes it.
fn error(kind: Kind, to_head: bool) -> Vec<u8> {
    let (status, code, message) = match kind {
        Kind::SlowDown => ("503 Slow Down", "SlowDown", "Please reduce your request rate."),
        _ => ("500 Internal Server Error", "InternalError", "We encountered an internal error. Please try again."),
    };
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let length = xml.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\n\r\n");
    (if to_head { head } else { head + &xml }).into_bytes()
}
