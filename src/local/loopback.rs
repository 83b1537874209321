//! Servers of ours on 127.0.0.1, each for one caller that was told where it is: the endpoint of a renewing child, the
//! end of a sign-in, the way to the web console. One request for each connection, little patience and little room.

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

use crate::domain::text::hex;

/// How long a request may take to arrive.
pub(super) const ARRIVAL: Duration = Duration::from_secs(5);

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
    let token = hex(&bytes);
    bytes.zeroize();
    Ok(token.into())
}

/// Whether the other end of a connection is another user's, who may have read the address in the list of processes.
/// Root's is not: it could read all of our memory, and what WSL2 relays from Windows is root's. Where the system does
/// not tell, the address alone decides.
#[cfg(target_os = "linux")]
pub(super) fn is_somebody_elses(peer: SocketAddr, here: SocketAddr) -> bool {
    let connections = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    is_stranger(owner(&connections, peer, here), rustix::process::getuid().as_raw())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_somebody_elses(_: SocketAddr, _: SocketAddr) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn is_stranger(owner: Option<u32>, us: u32) -> bool {
    owner.is_some_and(|owner| owner != us && owner != 0)
}

/// The user of the end `peer` of the connection to `here`, from the kernel's table (proc_pid_net(5)).
#[cfg(target_os = "linux")]
fn owner(connections: &str, peer: SocketAddr, here: SocketAddr) -> Option<u32> {
    let shown = |address: SocketAddr| match address {
        // The four bytes as a number of this machine.
        SocketAddr::V4(v4) => Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port())),
        SocketAddr::V6(_) => None,
    };
    let ends = (shown(peer)?, shown(here)?);
    connections.lines().find_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let is_it = columns.next()? == ends.0 && columns.next()? == ends.1;
        // State, queues, timer, retransmits; then the user.
        is_it.then(|| columns.nth(4)?.parse().ok()).flatten()
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_tells_whose_connection_it_is() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let here = listener.local_addr().unwrap();
        let _visitor = TcpStream::connect(here).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let us = rustix::process::getuid().as_raw();
        assert_eq!(owner(&connections, peer, here), Some(us));
        assert!(!is_somebody_elses(peer, here));
        // The listener's own line is not the visitor's.
        assert_eq!(owner(&connections, here, peer), Some(us));
        assert_eq!(owner(&connections, here, here), None);
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout \
                     inode\n   7: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1234        0 99 1\n";
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        for (owner, stranger) in [(None, false), (Some(0), false), (Some(1000), false), (Some(1234), true)] {
            assert_eq!(is_stranger(owner, 1000), stranger, "{owner:?}");
        }
        if cfg!(target_endian = "little") {
            assert_eq!(owner(table, address(0xd431), address(0x1f90)), Some(1234));
        }
    }
}
