//! A server whose listings give the same page again and again.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::home::run;
use crate::stage::{Stage, with_variables};

const OBJECTS: &str = "<ListBucketResult><IsTruncated>true</IsTruncated>\
    <NextContinuationToken>again</NextContinuationToken>\
    <Contents><Key>logs/one</Key><Size>3</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>\
    </ListBucketResult>";

const VERSIONS: &str = "<ListVersionsResult><IsTruncated>true</IsTruncated>\
    <NextKeyMarker>logs/one</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>\
    <Version><Key>logs/one</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest><Size>3</Size></Version>\
    </ListVersionsResult>";

const BUCKETS: &str = "<ListAllMyBucketsResult><Buckets><Bucket><Name>first-bucket</Name></Bucket></Buckets>\
    <ContinuationToken>again</ContinuationToken></ListAllMyBucketsResult>";

fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut line = String::from("headers");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    let body = match first {
        _ if first.contains("versions") => VERSIONS,
        _ if first.contains("list-type") => OBJECTS,
        _ => BUCKETS,
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n";
    write!(reader.get_mut(), "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok()
}

#[test]
fn a_listing_whose_next_page_is_the_same_page_ends_with_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| _ = answer(stream)));
    let stage = Stage::new();
    for words in [
        "ls",
        "ls s3://a-bucket/",
        "ls s3://a-bucket/ -r",
        "ls s3://a-bucket/ --versions",
        "du s3://a-bucket/",
        "get s3://a-bucket/ out -r",
    ] {
        let words: Vec<&str> = words.split(' ').chain(["--as", "dev"]).collect();
        let said = run(with_variables(stage.xsw(&words), [("AWS_ENDPOINT_URL_S3", &*url)]));
        let err = said.failed(1);
        assert!(err.contains("the listing does not go on"), "{words:?}: {err}");
    }
}
