//! `xsw demo VERB`: everything in one process, in a home that stays as empty as it was.

use crate::home::{Home, run};

#[test]
fn the_demo_needs_nothing_and_leaves_nothing() {
    let home = Home::new();
    let tmp = home.path("tmp");
    std::fs::create_dir_all(&tmp).unwrap();
    let demo = |words: &[&str]| {
        let mut command = home.xsw(std::iter::once(&"demo").chain(words));
        command.env("TMPDIR", &tmp).env("AWS_PROFILE", "mine").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        run(command)
    };
    let out = demo(&["ls", "s3://gautamtest-assume-role/", "--as", "reader"]).done();
    assert!(out.contains("test.txt"), "{out}");
    let out = demo(&["accounts"]).done();
    assert!(out.contains("S3Reader") && out.contains("Partner"), "{out}");
    assert_eq!(demo(&["exec", "dev", "--", "sh", "-c", "echo $XSW_ROLE; exit 5"]).failed(5), "");
    assert!(demo(&["whoami", "partner"]).failed(3).contains("not allowed to sts:AssumeRole"));
    let err = demo(&["ls", "--as", "reader", "--json"]).failed(3);
    let error: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!(error["kind"], "denied");
    assert_eq!(demo(&["demo", "accounts"]).code, Some(2));
    demo(&["get", "s3://gautamtest-assume-role/test.txt", "test.txt", "--as", "reader"]).done();
    assert_eq!(home.files(""), ["test.txt"]);
}

/// A command in the demo finds the demo, not the accounts of the machine.
#[test]
fn a_child_of_the_demo_finds_the_demo() {
    let home = Home::new();
    let out = run(home.shell("xsw demo exec reader -- xsw cat s3://gautamtest-assume-role/test.txt")).done();
    assert_eq!(out, "hello from production\n");
}
