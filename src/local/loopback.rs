//! Servers of ours on 127.0.0.1, each for one caller that was told where it is: the endpoint of a renewing child, the end
//! of a sign-in, the way to the web console. One request for each connection, little patience and little room.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroize as _;

/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);

/// The most that a request may have of headers, and how many.
pub(super) const HEADER_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;

/// A random port of 127.0.0.1 on which nobody else can be reached.
#[derive(Debug)]
pub(super) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Loopback {
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { address: listener.local_addr()?, listener })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, and who is at its other end.
    pub(super) async fn accept(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "a server on loopback cannot accept a connection");
                    // Without file descriptors there is nothing to do but to wait for one.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// Answers the one request of a connection; whoever sends none in time, or too much, is cut off. When it returns, the
/// answer has gone out.
pub(super) async fn serve<S>(stream: TcpStream, service: S)
where
    S: HttpService<Incoming, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    S::ResBody: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + 'static,
{
    let mut server = http1::Builder::new();
    server.keep_alive(false).auto_date_header(false).timer(TokioTimer::new());
    server.header_read_timeout(ARRIVAL).max_buf_size(HEADER_BYTES).max_headers(HEADERS);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a request on loopback broke off");
    }
}

/// 256 random bits, as text that headers and paths take.
pub(super) fn random_token() -> io::Result<SecretString> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut token = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        token.extend([byte >> 4, byte & 0xf].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    bytes.zeroize();
    Ok(token.into())
}
