//! `xsw presign`: whoever has the address reads the object, until it ends; and nobody else hears of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::stage::{Stage, snapshot};
use crate::versions;

const TEST: &str = "s3://gautamtest-assume-role/test.txt";

/// Gets an address as a stranger would.
fn get(url: &str) -> (u16, String) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn whoever_has_the_address_reads_the_object() {
    let stage = Stage::new();
    let said = stage.says(["presign", TEST, "--as", "reader", "--expires", "15m"]);
    let url = said.out.trim_end().to_owned();
    assert!(said.err.starts_with("note: who has this address reads the object until"), "{}", said.err);
    assert!(said.err.ends_with("(15 min)\n") || said.err.ends_with("(14 min)\n"), "{}", said.err);
    assert!(url.contains("X-Amz-Expires=900"), "{url}");
    let (status, body) = get(&url);
    assert_eq!((status, body.as_str()), (200, "hello from production\n"));
    // The address is the key: another object has another one.
    assert_eq!(get(&url.replace("test.txt", "test2.txt")).0, 403);
    // It is nowhere but there.
    let signature = url.split_once("X-Amz-Signature=").unwrap().1.to_owned();
    let history = stage.says(["history", "--json", "--event", "presign"]).done();
    assert!(history.contains("\"bucket\":\"gautamtest-assume-role\"") && history.contains("\"end\""), "{history}");
    for (place, text) in [("the log", stage.log()), ("the trail", history), ("stderr", said.err.clone())] {
        assert!(!text.contains(&signature) && !text.contains("X-Amz-"), "{place}: {text}");
    }
}

#[test]
fn an_address_lives_no_longer_than_its_session() {
    let stage = Stage::new();
    let said = stage.says(["presign", TEST, "--as", "reader", "--expires", "7d"]);
    assert!(said.err.contains(", because the session that signed it ends then"), "{}", said.err);
    let seconds = said.out.split_once("X-Amz-Expires=").unwrap().1.split('&').next().unwrap();
    let seconds: u64 = seconds.parse().unwrap();
    assert!((3000..=3600).contains(&seconds), "{seconds}");
    assert!(said.err.contains("\nhint: an address ends with the session that signs it; `duration` of"), "{}", said.err);
    // Who asks for nothing is not lectured.
    assert!(!stage.says(["presign", TEST, "--as", "reader"]).err.contains("hint"));
    snapshot!(stage, ["presign", TEST, "--as", "reader", "--expires", "8d"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: --expires: AWS takes seven days at most
    hint: write 7d or less; an address ends with the session that signs it; `duration` of the role in the profile file asks for longer ones, up to the role's maximum session duration, an hour where roles are chained
    ");
}

#[test]
fn an_address_that_would_be_refused_is_not_made() {
    let stage = Stage::new();
    snapshot!(stage, ["presign", "s3://gautamtest-assume-role/no-such.txt", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no s3://gautamtest-assume-role/no-such.txt
    ");
    snapshot!(stage, ["presign", "s3://gautamtest-assume-role/", "--as", "reader"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: s3://gautamtest-assume-role/ names no object
    ");
    snapshot!(stage, ["presign", "s3://gautamtest-assume-role/archive-2024.tar", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: s3:GetObject failed: InvalidObjectState: s3://gautamtest-assume-role/archive-2024.tar is archived (GLACIER)
    hint: the object is archived; restore a copy, then wait for it: aws s3api restore-object --bucket gautamtest-assume-role --key archive-2024.tar --restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'
    ");
    assert_eq!(stage.says(["presign", "s3://audit-logs/x", "--as", "reader"]).failed(3).lines().count(), 2);
    stage.says(["presign", TEST, "--as", "reader", "--expires", "soon"]).failed(2);
}

#[test]
fn an_address_has_its_bucket_s_region_its_version_and_who_pays() {
    let stage = versions::stage();
    let listed = stage.says(["ls", "--versions", "--json", "s3://kept-here/k.txt", "--as", "keeper"]).done();
    let first = crate::home::json_lines(&listed)[1]["version_id"].as_str().unwrap().to_owned();
    let words = ["presign", "s3://kept-here/k.txt", "--version-id", &first, "--as", "keeper"];
    assert_eq!(get(stage.says(words).done().trim_end()), (200, "first".to_owned()));
    let words = ["presign", "s3://open-data/x.txt", "--requester-pays", "--as", "dev"];
    assert_eq!(get(stage.says(words).done().trim_end()), (200, "open".to_owned()));
}
