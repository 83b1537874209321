//! xsw against SeaweedFS, an S3 that others wrote, with an STS of its own. `.ci/run` starts one and runs these; by hand:
//!
//! ```text
//! weed server -dir=D -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.telemetry=false -volume.max=1000 -s3 -s3.port=8333 \
//!   -s3.port.iceberg=0 -s3.port.lance=0 -s3.config=tests/seaweedfs/s3.json -s3.iam.config=tests/seaweedfs/iam.json
//! XSW_TEST_SEAWEEDFS=http://127.0.0.1:8333 cargo test --test seaweedfs -- --ignored
//! ```
//! The session is real: the user `tester` assumes the role `Reader` at SeaweedFS, which checks every signature and
//! session token after that, and refuses whatever is no reading. What is not proved here is anything between accounts:
//! it knows but one. Who has no credentials may put objects and do nothing else, so that thousands are put soon; the
//! AWS CLI, which must be on PATH, puts the others.
#![cfg(unix)]

#[path = "common/foreign.rs"]
mod foreign;
#[path = "common/home.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod home;
#[path = "common/proxy.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod proxy;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use foreign::{keys, large_object, looked_at, made, plain_get};
use home::{Home, PROFILE_FILE, Said, json_lines, run};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::Value;
use sha2::Digest as _;

const PROFILE: &str = r#"
[sources.tester]
profile = "default"
[[accounts]]
name = "weed"
[[accounts.roles]]
arn = "arn:aws:iam::111111111111:role/Reader"
alias = "reader"
"#;

/// A bucket of the test's own, and a home whose role `reader` reads it.
struct Story {
    address: String,
    home: Home,
    bucket: String,
}

impl Story {
    fn new(name: &str) -> Self {
        let url = std::env::var("XSW_TEST_SEAWEEDFS").expect("XSW_TEST_SEAWEEDFS is the address of a SeaweedFS");
        let address = url.strip_prefix("http://").expect("http://HOST:PORT").trim_end_matches('/').to_owned();
        let home = Home::new();
        home.write(
            ".aws/credentials",
            "[default]\naws_access_key_id = tester\naws_secret_access_key = no-secret-on-loopback\n",
        );
        home.write(
            PROFILE_FILE,
            format!("[settings]\nregion = \"us-east-1\"\nendpoint_url = \"http://{address}\"\n{PROFILE}"),
        );
        // A server may see the tests more than once.
        let bucket = format!("{name}-{}", jiff::Timestamp::now().as_microsecond());
        let story = Self { address, home, bucket };
        story.cli(&["s3api", "create-bucket", "--bucket", &story.bucket]);
        story
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// The AWS CLI as the user `tester`, who may do everything.
    #[track_caller]
    fn cli(&self, words: &[&str]) -> String {
        let mut command = self.home.command("aws");
        command.args(words).env("AWS_ENDPOINT_URL", self.url()).env("AWS_DEFAULT_REGION", "us-east-1");
        run(command).done()
    }

    fn xsw(&self, words: &[&str]) -> Said {
        run(self.home.xsw(words.iter().chain(&["--as", "reader"])))
    }

    /// Puts one object over a connection of its own.
    fn put(&self, key: &str, body: &[u8]) {
        self.put_all(&BTreeMap::from([(key.to_owned(), body.to_vec())]));
    }

    /// Puts objects over several connections at once.
    fn put_all(&self, objects: &BTreeMap<String, Vec<u8>>) {
        let objects: Vec<_> = objects.iter().collect();
        std::thread::scope(|scope| {
            for share in objects.chunks(objects.len().div_ceil(8)) {
                scope.spawn(move || self.put_share(share, ""));
            }
        });
    }

    fn put_share(&self, objects: &[(&String, &Vec<u8>)], headers: &str) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap());
        for (key, body) in objects {
            let encoded = percent_encode(key.as_bytes(), NON_ALPHANUMERIC);
            let (bucket, address, length) = (&self.bucket, &self.address, body.len());
            let head = format!(
                "PUT /{bucket}/{encoded} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{headers}\r\n"
            );
            stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
            let (mut status, mut length, mut line) = (String::new(), 0, String::new());
            loop {
                line.clear();
                answers.read_line(&mut line).unwrap();
                match line.trim_end().to_ascii_lowercase() {
                    end if end.is_empty() => break,
                    first if status.is_empty() => status = first,
                    header => {
                        if let Some(value) = header.strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                    }
                }
            }
            let mut rest = vec![0; length];
            answers.read_exact(&mut rest).unwrap();
            assert!(status.starts_with("http/1.1 200"), "{key}: {status} {}", String::from_utf8_lossy(&rest));
        }
    }

    /// Downloads everything below the prefix, twice, and compares it with what was put.
    #[track_caller]
    fn got(&self, prefix: &str, objects: &BTreeMap<String, Vec<u8>>) {
        let get = ["get", "-r", &self.uri(prefix), "out", "--json"];
        let first = json_lines(&self.xsw(&get).done());
        assert_eq!(first.len(), objects.len());
        assert!(first.iter().all(|line| line["type"] == "object" && line["checked"] == "MD5"), "{:?}", first.first());
        for (key, body) in objects {
            let path = format!("out/{}", key.strip_prefix(prefix).unwrap());
            assert!(self.home.read(&path) == *body, "{key}");
        }
        assert_eq!(self.home.files("out").len(), objects.len());
        let second = json_lines(&self.xsw(&get).done());
        assert_eq!(second.len(), objects.len());
        assert!(second.iter().all(|line| line["reason"] == "equal"), "{:?}", second.first());
    }
}

/// Objects that tell their keys.
fn named(keys: impl IntoIterator<Item = String>) -> BTreeMap<String, Vec<u8>> {
    keys.into_iter().map(|key| (key.clone(), key.into_bytes())).collect()
}

#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn a_role_of_its_own_sts_reads_and_does_nothing_else() {
    let story = Story::new("role");
    story.put("test.txt", b"hello");
    let source = run(story.home.xsw(["whoami", "--json"])).json();
    assert!(source["arn"].as_str().unwrap().ends_with(":user/tester"), "{source}");
    let role = run(story.home.xsw(["whoami", "reader", "--json"])).json();
    assert!(role["arn"].as_str().unwrap().contains(":assumed-role/Reader/me@"), "{role}");
    assert_eq!(story.xsw(&["cat", &story.uri("test.txt")]).done(), "hello");
    assert!(story.xsw(&["ls"]).done().contains(&story.bucket));
    assert_eq!(story.home.sessions().len(), 1);

    let endpoint = story.url();
    story.home.write("new.txt", "no");
    let put =
        ["exec", "reader", "--", "aws", "--endpoint-url", &endpoint, "s3", "cp", "new.txt", &story.uri("new.txt")];
    let refused = run(story.home.xsw(put));
    assert!(refused.code == Some(1) && refused.err.contains("AccessDenied"), "{refused:?}");

    let url = story.xsw(&["presign", &story.uri("test.txt")]).done();
    let url = url.trim_end();
    assert_eq!(plain_get(url), (200, "hello".to_owned()));
    assert_eq!(plain_get(&url.replace("X-Amz-Expires=", "X-Amz-Expires=1")).0, 403);
    assert_eq!(plain_get(url.split_once('?').unwrap().0).0, 403);
    story.xsw(&["cat", &story.uri("none.txt")]).failed(1);
}

#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn odd_keys_are_listed_and_downloaded() {
    let story = Story::new("odd");
    let odd =
        ["a b.txt", "a+b.txt", "a&b=c.txt", "日本語/é.txt", "100%.txt", "%2F.txt", "quote'\"<x>.txt", "🦀", "a/b/c"];
    let objects = named(odd.map(str::to_owned));
    story.put_all(&objects);
    let listed = keys(&story.xsw(&["ls", "-r", &story.uri(""), "--json"]).done());
    assert_eq!(listed, objects.keys().cloned().collect::<Vec<_>>());
    for (key, body) in &objects {
        assert_eq!(story.xsw(&["cat", &story.uri(key)]).done().as_bytes(), body, "{key}");
    }
    story.got("", &objects);
}

/// SeaweedFS lists folder by folder, where AWS goes by the bytes of the keys: `a/1` comes before `a+1`.
#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn thousands_of_objects_are_listed_as_they_were_put() {
    let story = Story::new("many");
    let flat = (0..2500).map(|number| format!("flat/{number:05}"));
    let tree = (0..900).map(|number| format!("tree/{}/{}-x/{number}", number % 10, number % 7));
    let between =
        (0..400).map(|number| format!("mixed{}{}/{number}", ["", "-", "+", ".", "0"][number % 5], number % 3));
    let objects = named(flat.chain(tree).chain(between).chain(["mixed".to_owned() + "/a", "last".to_owned()]));
    story.put_all(&objects);
    for prefix in ["", "flat/", "flat/01", "tree/", "tree/3/", "mixed", "mixed-"] {
        let wanted: Vec<_> = objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        let uri = story.uri(prefix);
        assert_eq!(keys(&story.xsw(&["ls", "-r", &uri, "--json"]).done()), wanted, "{prefix}");
        let size: usize = wanted.iter().map(String::len).sum();
        let total = story.xsw(&["du", &uri, "--json"]).json();
        assert_eq!((&total["objects"], &total["size"]), (&wanted.len().into(), &size.into()), "{prefix}: {total}");
    }
    let found = keys(&story.xsw(&["find", &story.uri(""), "--name", "*99", "--json"]).done());
    assert_eq!(found, objects.keys().filter(|key| key.ends_with("99")).cloned().collect::<Vec<_>>());
    let level = json_lines(&story.xsw(&["ls", &story.uri("tree/"), "--json"]).done());
    let prefixes: Vec<_> = level.iter().map(|line| line["key"].as_str().unwrap()).collect();
    assert_eq!(prefixes, (0..10).map(|number| format!("tree/{number}/")).collect::<Vec<_>>());
    story.got("tree/", &objects.into_iter().filter(|(key, _)| key.starts_with("tree/")).collect());
}

#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn a_large_object_is_taken_up_where_it_was_and_never_mixed() {
    let story = Story::new("large");
    large_object(&story.home, &story.url(), &story.uri("blob"), |bytes| story.put("blob", bytes));
}

#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn objects_are_checked_by_what_they_have() {
    let story = Story::new("checked");
    let body = made(100_000, 3);
    let crc =
        |algorithm, bytes: usize| STANDARD.encode(&crc_fast::checksum(algorithm, &body).to_be_bytes()[8 - bytes..]);
    let own = [
        ("CRC64NVME", crc(CrcAlgorithm::Crc64Nvme, 8)),
        ("CRC32", crc(CrcAlgorithm::Crc32IsoHdlc, 4)),
        ("CRC32C", crc(CrcAlgorithm::Crc32Iscsi, 4)),
        ("SHA1", STANDARD.encode(sha1::Sha1::digest(&body))),
        ("SHA256", STANDARD.encode(sha2::Sha256::digest(&body))),
    ];
    for (name, value) in own {
        let header = format!("x-amz-checksum-{}: {value}\r\n", name.to_ascii_lowercase());
        story.put_share(&[(&name.to_owned(), &body)], &header);
        let got = story.xsw(&["get", &story.uri(name), "out/", "--json"]).json();
        assert_eq!(got["checked"], name);
        assert!(story.home.read(&format!("out/{name}")) == body);
    }
    story.put("MD5", &body);
    assert_eq!(story.xsw(&["get", &story.uri("MD5"), "out/", "--json"]).json()["checked"], "MD5");

    // In parts of 8 MiB, as the AWS CLI does it.
    let body = made(20 << 20, 4);
    let file = story.home.write("body", &body);
    story.cli(&["s3", "cp", file.to_str().unwrap(), &story.uri("parts")]);
    let got = story.xsw(&["get", &story.uri("parts"), "out/", "--json"]).json();
    assert!(got["checked"].is_null(), "{got}");
    assert!(story.home.read("out/parts") == body);

    // In parts that have a checksum of the whole too.
    let bucket = story.bucket.as_str();
    let upload = |action: &str, more: &[&str]| {
        story.cli(&[&["s3api", action, "--bucket", bucket, "--key", "whole"], more].concat())
    };
    let created =
        upload("create-multipart-upload", &["--checksum-algorithm", "CRC32", "--checksum-type", "FULL_OBJECT"]);
    let created: Value = serde_json::from_str(&created).unwrap();
    let id = ["--upload-id", created["UploadId"].as_str().unwrap()];
    let mut parts = Vec::new();
    for (number, part) in (1..).zip(body.chunks(12 << 20)) {
        story.home.write("part", part);
        let number = number.to_string();
        let part = ["--part-number", &number, "--body", "part", "--checksum-algorithm", "CRC32"];
        let sent: Value = serde_json::from_str(&upload("upload-part", &[&id[..], &part].concat())).unwrap();
        let (etag, crc) = (sent["ETag"].as_str().unwrap().trim_matches('"'), sent["ChecksumCRC32"].as_str().unwrap());
        parts.push(format!("{{PartNumber={number},ETag={etag},ChecksumCRC32={crc}}}"));
    }
    let parts = format!("Parts=[{}]", parts.join(","));
    let whole = ["--multipart-upload", &parts, "--checksum-type", "FULL_OBJECT"];
    upload("complete-multipart-upload", &[&id[..], &whole].concat());
    let got = story.xsw(&["get", &story.uri("whole"), "out/", "--json"]).json();
    assert_eq!(got["checked"], "CRC32");
    assert!(story.home.read("out/whole") == body);
}

#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn an_object_is_looked_at() {
    let story = Story::new("look");
    let mut text = String::from("id,region\n");
    (0..50_000).for_each(|row| _ = writeln!(text, "{row},Region {row}"));
    let headers = "Content-Type: text/csv\r\nx-amz-meta-made-by: hand\r\nx-amz-tagging: team=blue\r\n";
    story.put_share(&[(&"a b.csv".to_owned(), &text.clone().into_bytes())], headers);
    let (details, look) = looked_at(&story.home, &story.uri("a b.csv"));
    let head = details.head.unwrap();
    assert_eq!((head.size, head.content_type.as_deref()), (text.len() as u64, Some("text/csv")));
    assert_eq!(head.metadata, [("made-by".to_owned(), "hand".to_owned())]);
    assert_eq!(details.tags.unwrap(), [("team".to_owned(), "blue".to_owned())]);
    assert_eq!((look.read, look.size, look.looks[0].name), (256 << 10, text.len() as u64, "table"));
}

#[test]
#[ignore = "wants a SeaweedFS: XSW_TEST_SEAWEEDFS"]
fn versions_are_listed_and_read() {
    let story = Story::new("versions");
    let enable = ["s3api", "put-bucket-versioning", "--bucket", &story.bucket, "--versioning-configuration"];
    story.cli(&[&enable[..], &["Status=Enabled"]].concat());
    for body in ["first", "second!"] {
        story.put("k.txt", body.as_bytes());
    }
    story.cli(&["s3api", "delete-object", "--bucket", &story.bucket, "--key", "k.txt"]);
    let listed = json_lines(&story.xsw(&["ls", "--versions", "--json", &story.uri("k.txt")]).done());
    let told: Vec<_> = listed.iter().map(|line| (line["type"].as_str().unwrap(), line["size"].as_u64())).collect();
    assert_eq!(told, [("delete_marker", None), ("version", Some(7)), ("version", Some(5))]);
    story.xsw(&["cat", &story.uri("k.txt")]).failed(1);
    let id = |place: usize| -> &str { Value::as_str(&listed[place]["version_id"]).unwrap() };
    assert_eq!(story.xsw(&["cat", &story.uri("k.txt"), "--version-id", id(2)]).done(), "first");
    story.xsw(&["get", &story.uri("k.txt"), "out/", "--version-id", id(1)]).done();
    assert_eq!(story.home.read("out/k.txt"), b"second!");
    let url = story.xsw(&["presign", &story.uri("k.txt"), "--version-id", id(2)]).done();
    assert_eq!(plain_get(url.trim_end()), (200, "first".to_owned()));
}
