//! The proxy itself: what it passes on whole, and how each fault looks to a client.

use std::io::ErrorKind;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use xsw::demo::{Account, Bucket, Cloud, Object, User, World, allow};

use super::proxy::{Faults, Kind, Proxy};

const LENGTH: usize = 100_000;

/// A cloud with one object, and a client that goes through the proxy before it.
async fn stage(faults: Faults) -> (Cloud, Proxy, aws_sdk_s3::Client) {
    let me = User::new("me").policy("p", allow(&["s3:*"], &["*"]));
    let keys =
        Credentials::new(me.access_key_id.clone(), me.secret_access_key.expose_secret().to_owned(), None, None, "test");
    let bucket = Bucket::new("things").object("a b+c", Object::made(LENGTH as u64, 1));
    let account = Account::new("111111111111").user(me).bucket(bucket);
    let cloud = Cloud::start(World::new().account(account)).await.unwrap();
    let proxy = Proxy::start(&cloud.endpoint_url(), faults);
    let client = client(&proxy, keys);
    (cloud, proxy, client)
}

fn client(proxy: &Proxy, keys: Credentials) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-1"))
        .endpoint_url(proxy.url())
        .force_path_style(true)
        .credentials_provider(keys)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(20)).build())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_s3::Client::from_conf(config.build())
}

async fn url(client: &aws_sdk_s3::Client) -> String {
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(600)).unwrap();
    client.get_object().bucket("things").key("a b+c").presigned(config).await.unwrap().uri().to_owned()
}

/// What a plain GET brings: the head, the body, and the error that ended it.
async fn get(url: &str) -> (String, Vec<u8>, Option<ErrorKind>) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(Duration::from_millis(500), stream.read_to_end(&mut answer)).await;
    let ended = match reading {
        Err(_) => Some(ErrorKind::TimedOut),
        Ok(read) => read.err().map(|error| error.kind()),
    };
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |place| place + 4);
    let body = answer.split_off(head);
    (String::from_utf8(answer).unwrap(), body, ended)
}

#[tokio::test]
async fn signed_requests_pass_whole() {
    let (cloud, proxy, client) = stage(Faults::none()).await;
    for _ in 0..2 {
        let object = client.get_object().bucket("things").key("a b+c").send().await.unwrap();
        assert_eq!(object.body.collect().await.unwrap().into_bytes().len(), LENGTH);
    }
    assert_eq!(client.list_objects_v2().bucket("things").send().await.unwrap().key_count(), Some(1));
    client.put_object().bucket("things").key("new").body(vec![7; 70_000].into()).send().await.unwrap();
    let head = client.head_object().bucket("things").key("a b+c").send().await.unwrap();
    assert_eq!(head.content_length(), Some(LENGTH as i64));
    assert_eq!(client.head_object().bucket("things").key("absent").send().await.unwrap_err().code(), Some("NotFound"));
    assert_eq!((proxy.requests(), proxy.faults()), (6, 0));
    assert_eq!(cloud.calls("s3:GetObject"), 2);
}

#[tokio::test]
async fn every_fault_is_what_it_says() {
    let (cloud, proxy, client) = stage(Faults::none()).await;
    let url = url(&client).await;
    let whole = get(&url).await;
    assert_eq!((whole.1.len(), whole.2), (LENGTH, None));
    let one = |change: fn(&mut Faults)| {
        let mut faults = Faults { most: Some(1), ..Faults::default() };
        change(&mut faults);
        proxy.plan(faults);
    };
    for seed in 0..8 {
        proxy.plan(Faults { seed, reset: 1.0, ..Faults::default() });
        assert_eq!(get(&url).await.2, Some(ErrorKind::ConnectionReset));

        proxy.plan(Faults { seed, truncated: 1.0, ..Faults::default() });
        let (head, body, ended) = get(&url).await;
        assert_eq!((head.contains(&format!("content-length: {LENGTH}\r\n")), ended), (true, None), "{head}");
        assert!(body.len() < LENGTH && body == whole.1[..body.len()]);

        proxy.plan(Faults { seed, flipped: 1.0, ..Faults::default() });
        let (head, body, ended) = get(&url).await;
        assert_eq!((head.starts_with("HTTP/1.1 200 "), body.len(), ended), (true, LENGTH, None));
        assert_eq!(body.iter().zip(&whole.1).filter(|(is, was)| is != was).count(), 1);
    }
    let before = cloud.calls("s3:GetObject");
    one(|faults| faults.internal_error = 1.0);
    let (head, body, _) = get(&url).await;
    assert!(head.starts_with("HTTP/1.1 500 ") && String::from_utf8_lossy(&body).contains("<Code>InternalError</Code>"));
    one(|faults| faults.slow_down = 1.0);
    let object = client.get_object().bucket("things").key("a b+c").send().await;
    assert_eq!(object.unwrap_err().code(), Some("SlowDown"));
    one(|faults| faults.closed = 1.0);
    assert_eq!(get(&url).await, (String::new(), Vec::new(), None));
    assert_eq!(cloud.calls("s3:GetObject"), before, "the server saw none of them");

    one(|faults| faults.stall = 1.0);
    let (head, body, ended) = get(&url).await;
    assert_eq!(ended, Some(ErrorKind::TimedOut));
    assert!(head.len() + body.len() < whole.0.len() + LENGTH);
    // That was the one that was asked for.
    assert_eq!(get(&url).await.1, whole.1);
    assert_eq!((proxy.requests(), proxy.count(Kind::Stall), proxy.faults()), (2, 1, 1));
}

#[tokio::test]
async fn only_what_is_meant_goes_wrong() {
    let meant = |line: &str| line.starts_with("GET /things/");
    let faults = Faults { slow_down: 1.0, meant: Some(meant), ..Faults::default() };
    let (_cloud, proxy, client) = stage(faults).await;
    assert!(client.list_objects_v2().bucket("things").prefix("a").send().await.is_err());
    proxy.plan(Faults { slow_down: 1.0, meant: Some(|line| line.contains("/a%20b")), ..Faults::default() });
    assert!(client.list_objects_v2().bucket("things").send().await.is_ok());
    assert!(client.get_object().bucket("things").key("a b+c").send().await.is_err());
    assert_eq!((proxy.requests(), proxy.count(Kind::SlowDown)), (1, 1));
}

#[test]
fn the_seed_decides() {
    let faults = |seed| (0..2000).map(|number| Faults::all(seed, 0.5).of(number)).collect::<Vec<_>>();
    assert_eq!(faults(1), faults(1));
    assert_ne!(faults(1), faults(2));
    let harmed = faults(1).into_iter().flatten().count();
    assert!((900..1100).contains(&harmed), "{harmed} of 2000");
    let kinds = [Kind::Reset, Kind::Truncated, Kind::Flipped, Kind::InternalError, Kind::SlowDown, Kind::Stall];
    for kind in kinds.into_iter().chain([Kind::Closed]) {
        assert!(faults(3).iter().flatten().any(|(one, _)| *one == kind), "{kind:?}");
    }
}

/// For MiniStack and SeaweedFS: `XSW_TEST_S3=http://KEY:SECRET@127.0.0.1:8333`.
#[tokio::test]
#[ignore = "wants a server of S3: XSW_TEST_S3"]
async fn another_server_takes_the_signatures_too() {
    let server = std::env::var("XSW_TEST_S3").expect("XSW_TEST_S3 is http://KEY:SECRET@HOST:PORT");
    let (keys, address) = server.trim_start_matches("http://").rsplit_once('@').expect("KEY:SECRET@HOST:PORT");
    let (id, secret) = keys.split_once(':').expect("KEY:SECRET");
    let proxy = Proxy::start(address, Faults::none());
    let through = |secret: &str| client(&proxy, Credentials::new(id, secret, None, None, "test"));
    let client = through(secret);
    let name = format!("proxied-{}", std::process::id());
    let place = aws_sdk_s3::types::BucketLocationConstraint::ApNortheast1;
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(place).build();
    client.create_bucket().bucket(&name).create_bucket_configuration(place).send().await.unwrap();
    client.put_object().bucket(&name).key("a b+c").body(vec![7; 70_000].into()).send().await.unwrap();
    let list = client.list_objects_v2().bucket(&name).send().await.unwrap();
    assert_eq!(list.contents()[0].key(), Some("a b+c"));
    let get = || client.get_object().bucket(&name).key("a b+c");
    assert_eq!(get().send().await.unwrap().body.collect().await.unwrap().into_bytes(), vec![7; 70_000]);
    let wrong = through("wrong").get_object().bucket(&name).key("a b+c").send().await.unwrap_err();
    assert_eq!(wrong.raw_response().map(|answer| answer.status().as_u16()), Some(403));

    proxy.plan(Faults { flipped: 1.0, ..Faults::default() });
    let body = get().range("bytes=100-").send().await.unwrap().body.collect().await.unwrap().into_bytes();
    assert_eq!((body.len(), body.iter().filter(|byte| **byte != 7).count()), (69_900, 1));
}
