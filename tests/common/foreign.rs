//! What every S3 that others wrote is asked alike: a home whose role `reader` reads it, plain HTTP, and downloads that
//! are killed. `interop` and `seaweedfs` use it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use xsw::config::{Places, load};
use xsw::domain::object::Details;
use xsw::domain::uri::S3Uri;
use xsw::local::environment::Environment;
use xsw::ops::preview::Preview;
use xsw::ops::{Core, MfaHint};

use crate::home::{Home, PROFILE_FILE, STATE, Said, json_lines, run};
use crate::proxy::{Faults, Kind, Proxy};

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

const PIECE: usize = 8 << 20;

/// Bytes that are no two alike, and never zero.
pub fn made(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8 | 1
    };
    (0..size).map(|_| next()).collect()
}

/// Gets an address as a stranger would: without credentials.
pub fn plain_get(url: &str) -> (u16, String) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// The keys of the JSON lines that `ls` or `find` printed, in order of their bytes.
pub fn keys(printed: &str) -> Vec<String> {
    let mut keys: Vec<String> =
        json_lines(printed).iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect();
    keys.sort_unstable();
    keys
}

/// What the screen would show of an object to the role `reader`: its details, and what it looks like.
pub fn looked_at(home: &Home, uri: &str) -> (Details, Preview) {
    let mut environment = Environment::default();
    environment.overlay("HOME", Some(home.path("").into()));
    environment.overlay("XSW_STATE_DIR", Some(home.path(STATE).into()));
    let places = Places {
        named: Some(home.path(PROFILE_FILE)),
        default_file: home.path(PROFILE_FILE),
        aws_config: environment.aws_config(),
        aws_credentials: environment.aws_credentials(),
        snapshot: None,
    };
    let profile = load(&places).unwrap().profile;
    let role = profile.find("reader").unwrap();
    let core = Core::new(profile, environment, None, MfaHint::default());
    let uri: S3Uri = uri.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { (core.s3(role).details(&uri, None).await, core.preview(role, &uri, None).await.unwrap()) })
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A large object's download, which goes through a proxy so that it can be stopped in its middle.
pub struct Large<'a> {
    home: &'a Home,
    uri: &'a str,
    proxy: Proxy,
}

impl<'a> Large<'a> {
    /// The object's key ends in `blob`.
    pub fn new(home: &'a Home, server: &str, uri: &'a str) -> Self {
        Self { home, uri, proxy: Proxy::start(server, Faults::none()) }
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.home.xsw(["get", self.uri, "out/blob", "--as", "reader", "--json"]);
        command.env("AWS_ENDPOINT_URL_S3", self.proxy.url());
        command
    }

    /// Downloads until pieces of it are on the disk and others hang, then kills it as `kill -9` does.
    pub fn killed(&self) {
        // A seed in which the first three requests get whole answers, one of them perhaps the short last piece.
        let plan = |seed| Faults { seed, stall: 0.5, meant: Some(is_read), ..Faults::default() };
        let faults = |seed| [0, 1, 2, 3, 4].map(|request| plan(seed).of(request).is_some());
        let seed = (0..).find(|seed| faults(*seed) == [false, false, false, true, true]).unwrap();
        self.proxy.plan(plan(seed));
        let mut running = Running(self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let start = Instant::now();
        while self.proxy.count(Kind::Stall) == 0 || self.pieces_there() < 2 {
            assert!(start.elapsed() < DEADLINE, "no piece comes");
            assert!(running.0.try_wait().unwrap().is_none(), "it ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        // The journal follows the bytes.
        std::thread::sleep(Duration::from_millis(300));
        drop(running);
        assert_eq!(self.home.files("out"), ["out/.blob.xsw-part"]);
    }

    /// Downloads, and has the object replaced when the first of its requests are answered; tells what was said.
    fn overtaken(&self, replace: impl FnOnce()) -> Said {
        // A seed in which one request gets its answer and the others are told to slow down.
        let plan = |seed| Faults { seed, slow_down: 0.9, meant: Some(is_read), ..Faults::default() };
        let is_meant = |seed: &u64| (0..20).all(|request| plan(*seed).of(request).is_some() == (request > 0));
        self.proxy.plan(plan((0..).find(is_meant).unwrap()));
        let mut command = self.command();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while self.proxy.count(Kind::SlowDown) == 0 {
            assert!(start.elapsed() < DEADLINE, "nothing is asked for");
            std::thread::sleep(Duration::from_millis(5));
        }
        replace();
        self.proxy.plan(Faults::none());
        child.wait_with_output().unwrap().into()
    }

    /// Pieces whose last bytes are written.
    fn pieces_there(&self) -> usize {
        let part = std::fs::read(self.home.path("out/.blob.xsw-part")).unwrap_or_default();
        part.chunks_exact(PIECE).filter(|piece| !piece.ends_with(b"\0")).count()
    }

    /// The same command again, with nothing in its way; tells how many requests it took.
    pub fn again(&self) -> (Said, u64) {
        self.proxy.plan(Faults { meant: Some(is_read), ..Faults::none() });
        let said = run(self.command());
        (said, self.proxy.requests())
    }
}

fn is_read(line: &str) -> bool {
    line.starts_with("GET ") && line.contains("/blob")
}

/// The whole story of a large object: killed, taken up, replaced between two runs and in the middle of one. `put` puts
/// these bytes there.
pub fn large_object(home: &Home, server: &str, uri: &str, put: impl Fn(&[u8])) {
    let first = made(5 * PIECE + 12_345, 1);
    put(&first);
    let large = Large::new(home, server, uri);
    let (said, whole) = large.again();
    said.done();
    assert!(home.read("out/blob") == first);
    assert!(whole >= 6, "{whole} requests");
    std::fs::remove_file(home.path("out/blob")).unwrap();

    large.killed();
    let (said, rest) = large.again();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(rest < whole, "{rest} requests for the rest, {whole} for the whole");
    assert!(home.read("out/blob") == first);
    assert_eq!(home.files("out"), ["out/blob"]);
    std::fs::remove_file(home.path("out/blob")).unwrap();

    large.killed();
    let second = made(5 * PIECE + 54_321, 2);
    put(&second);
    let (said, _) = large.again();
    assert!(said.err.contains("it begins anew"), "{said:?}");
    said.done();
    assert!(home.read("out/blob") == second);
    assert_eq!(home.files("out"), ["out/blob"]);
    std::fs::remove_file(home.path("out/blob")).unwrap();

    let said = large.overtaken(|| put(&first));
    assert!(said.err.contains("was replaced meanwhile; it is fetched anew"), "{said:?}");
    said.done();
    assert!(home.read("out/blob") == first);
}
