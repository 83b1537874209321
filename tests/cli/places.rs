//! What a command line may name: all buckets, and patterns, which are told how they are meant.

use xsw::demo::Object;

use crate::stage::{Stage, snapshot};

#[test]
fn the_uri_of_no_bucket_is_all_of_them() {
    let stage = Stage::new();
    let buckets = stage.says(["ls", "--as", "dev"]).done();
    assert!(buckets.contains("hub-artifacts"), "{buckets}");
    assert_eq!(stage.says(["ls", "s3://", "--as", "dev"]).done(), buckets);
    assert!(stage.says(["ls", "s3://", "--versions", "--as", "dev"]).failed(2).contains("versions are of a bucket"));
}

#[test]
fn a_pattern_for_a_key_is_told_the_command_that_takes_one() {
    let stage = Stage::new();
    for name in ["a.gz", "b.gz", "c.txt"] {
        stage.cloud().put_object("hub-artifacts", &format!("logs/{name}"), Object::new(name));
    }
    snapshot!(stage, ["get", "s3://hub-artifacts/logs/*.gz", "out", "--as", "dev"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no s3://hub-artifacts/logs/*.gz
    hint: a key is taken as it is; for all that a pattern matches: xsw get -r s3://hub-artifacts/logs/ DEST --include '*.gz'
    ");
    for (words, hint) in [
        (
            vec!["get", "-r", "s3://hub-artifacts/logs/*.gz", "out"],
            "xsw get -r s3://hub-artifacts/logs/ DEST --include",
        ),
        (vec!["cat", "s3://hub-artifacts/logs/*.gz"], "xsw find s3://hub-artifacts/logs/ --name '*.gz'"),
        (vec!["ls", "s3://hub-artifacts/l*"], "xsw find s3://hub-artifacts/ --name 'l*'"),
        (vec!["du", "s3://hub-artifacts/l*/"], "xsw find s3://hub-artifacts/ --name 'l*/'"),
    ] {
        let err = stage.says(words.iter().copied().chain(["--as", "dev"])).failed(1);
        assert!(err.contains(hint), "{words:?}: {err}");
    }
    // What the hint says is what was meant.
    let words = ["get", "-r", "s3://hub-artifacts/logs/", "out", "--include", "*.gz", "--as", "dev"];
    stage.says(words).done();
    assert_eq!(stage.files("out"), ["out/a.gz", "out/b.gz"]);
    // A key may hold the same characters.
    stage.cloud().put_object("hub-artifacts", "logs/*.gz", Object::new("itself"));
    stage.says(["get", "s3://hub-artifacts/logs/*.gz", "itself", "--as", "dev"]).done();
    assert_eq!(stage.read("itself"), b"itself");
}
