//! `xsw ls`: buckets, prefixes, objects.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::home::json_lines;
use crate::stage::{Stage, snapshot};

#[test]
fn buckets_are_listed() {
    let stage = Stage::new();
    snapshot!(stage, ["ls", "--as", "dev"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    [date and time]  hub-artifacts  ap-northeast-1
    [date and time]  hub-europe     eu-central-1
    [date and time]  hub-million    ap-northeast-1
    [date and time]  hub-samples    ap-northeast-1
    [date and time]  hub-versions   ap-northeast-1

    ----- stderr -----
    ");
    snapshot!(stage, ["ls", "--as", "dev", "--summarize"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    [date and time]  hub-artifacts  ap-northeast-1
    [date and time]  hub-europe     eu-central-1
    [date and time]  hub-million    ap-northeast-1
    [date and time]  hub-samples    ap-northeast-1
    [date and time]  hub-versions   ap-northeast-1
    5 buckets

    ----- stderr -----
    ");
    let lines = json_lines(&stage.says(["ls", "--as", "dev", "--json"]).done());
    assert_eq!((&lines[0]["type"], &lines[0]["name"]), (&json!("bucket"), &json!("hub-artifacts")));
}

#[test]
fn a_level_of_a_bucket_is_listed() {
    let stage = Stage::new();
    snapshot!(stage, ["ls", "s3://gautamtest-assume-role", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
                                  —  reports/
    [date and time]     4.0 GiB  archive-2024.tar  GLACIER
    [date and time]    24.0 MiB  big.bin
    [date and time]        22 B  test.txt
    [date and time]        23 B  test2.txt

    ----- stderr -----
    ");
    snapshot!(stage, ["ls", "s3://gautamtest-assume-role/reports/", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
                                  —  reports/2025/
    [date and time]   747.6 KiB  reports/summary.csv

    ----- stderr -----
    ");
    // A prefix need not end with a slash.
    snapshot!(stage, ["ls", "s3://gautamtest-assume-role/te", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    [date and time]        22 B  test.txt
    [date and time]        23 B  test2.txt

    ----- stderr -----
    ");
}

#[test]
fn everything_below_a_prefix_is_listed_and_summed_up() {
    let stage = Stage::new();
    snapshot!(stage, ["ls", "-r", "s3://gautamtest-assume-role/reports/2025/", "--as", "reader", "--summarize"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    [date and time]        25 B  reports/2025/01/report.csv
    [date and time]        25 B  reports/2025/02/report.csv
    [date and time]        25 B  reports/2025/03/report.csv
    [date and time]        25 B  reports/2025/04/report.csv
    [date and time]        25 B  reports/2025/05/report.csv
    [date and time]        25 B  reports/2025/06/report.csv
    [date and time]        25 B  reports/2025/07/report.csv
    [date and time]        25 B  reports/2025/08/report.csv
    [date and time]        25 B  reports/2025/09/report.csv
    [date and time]        26 B  reports/2025/10/report.csv
    [date and time]        26 B  reports/2025/11/report.csv
    [date and time]        26 B  reports/2025/12/report.csv
    12 objects, 303 B

    ----- stderr -----
    ");
}

/// DESIGN.md: `{type: bucket|prefix|object, name|key, size, last_modified, etag, storage_class}`
#[test]
fn ls_as_json_lines() {
    let stage = Stage::new();
    let lines = json_lines(
        &stage.says(["ls", "s3://gautamtest-assume-role/", "--as", "reader", "--json", "--summarize"]).done(),
    );
    let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["prefix", "object", "object", "object", "object", "summary"]);
    assert_eq!(lines[0], json!({ "type": "prefix", "key": "reports/" }));
    let mut test = lines[3].clone();
    let modified = test["last_modified"].take();
    assert!(modified.as_str().unwrap().ends_with('Z'), "{modified}");
    let etag = test["etag"].take();
    assert!(etag.as_str().unwrap().trim_matches('"').len() == 32, "{etag}");
    assert_eq!(
        test,
        json!({
            "type": "object",
            "key": "test.txt",
            "size": 22,
            "last_modified": null,
            "etag": null,
            "storage_class": "STANDARD",
        })
    );
    assert_eq!(lines[1]["storage_class"], "GLACIER");
}

/// The bucket is in eu-west-1; S3 answers with its region, and xsw asks there.
#[test]
fn a_bucket_of_another_region_is_listed() {
    let stage = Stage::new();
    let out = stage.says(["--region", "ap-northeast-1", "ls", "s3://audit-logs/", "--as", "audit"]).done();
    assert!(out.ends_with("AWSLogs/\n"), "{out}");
    assert_eq!(stage.cloud().calls("s3:ListObjectsV2"), 2);
}

#[test]
fn a_denied_list_of_buckets_names_the_bookmarks() {
    let stage = Stage::new();
    snapshot!(stage, ["ls", "--as", "reader"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to s3:ListAllMyBuckets on *: User: arn:aws:sts::222222222222:assumed-role/S3Reader/me@[host] is not authorized to perform: s3:ListAllMyBuckets on resource: "arn:aws:s3:::*" because no identity-based policy allows the s3:ListAllMyBuckets action
    hint: a bucket can still be opened by its name; this role's bookmarks: s3://gautamtest-assume-role/
    "#);
    snapshot!(stage, ["ls", "--as", "reader", "--json"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    {"error":"not allowed to s3:ListAllMyBuckets on *: User: arn:aws:sts::222222222222:assumed-role/S3Reader/me@[host] is not authorized to perform: s3:ListAllMyBuckets on resource: \"arn:aws:s3:::*\" because no identity-based policy allows the s3:ListAllMyBuckets action","hint":"a bucket can still be opened by its name; this role's bookmarks: s3://gautamtest-assume-role/","kind":"denied"}
    "#);
}

#[test]
fn a_bucket_or_prefix_that_is_not_there_is_told() {
    let stage = Stage::new();
    snapshot!(stage, ["ls", "s3://no-such-bucket-here/", "--as", "dev"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no bucket no-such-bucket-here
    hint: check its name; a bucket of another partition cannot be seen from here
    ");
    snapshot!(stage, ["ls", "s3://hub-artifacts/relaeses/", "--as", "dev"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: nothing begins with s3://hub-artifacts/relaeses/
    hint: check the prefix; `xsw ls` of the level above shows what there is
    ");
    snapshot!(stage, ["ls", "s3://hub-artifacts/relaeses/", "--as", "dev", "--json"], @r#"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    {"error":"nothing begins with s3://hub-artifacts/relaeses/","hint":"check the prefix; `xsw ls` of the level above shows what there is","kind":"not_found"}
    "#);
    snapshot!(stage, ["ls", "hub-artifacts", "--as", "dev"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: invalid value 'hub-artifacts' for '[URI]': "hub-artifacts" is no S3 URI: write s3://bucket/key

    For more information, try '--help'.
    "#);
}

#[test]
fn a_bucket_that_the_role_may_not_read_is_denied() {
    let stage = Stage::new();
    snapshot!(stage, ["ls", "s3://prod-hostile-keys/", "--as", "reader"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to s3:ListBucket on arn:aws:s3:::prod-hostile-keys: User: arn:aws:sts::222222222222:assumed-role/S3Reader/me@[host] is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::prod-hostile-keys" because no identity-based policy allows the s3:ListBucket action
    hint: the role's permissions policy refuses: allow s3:ListBucket on arn:aws:s3:::prod-hostile-keys; `xsw explain prod/S3Reader s3://prod-hostile-keys/` prints the policy
    "#);
}

/// A million keys are never waited for: the reader has its lines and goes, and xsw ends quietly.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let stage = Stage::new();
    let start = Instant::now();
    let line = "set -o pipefail; xsw ls -r s3://hub-million/events/ --as dev | head -n 2; echo \"${PIPESTATUS[@]}\"";
    let said = stage.line(line);
    assert_eq!(said.err, "", "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].ends_with("events/0000000.json") && lines[1].ends_with("events/0000001.json"), "{said:?}");
    assert_eq!(lines[2], "0 0");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(stage.cloud().calls("s3:ListObjectsV2") < 500);
    let said = stage.line("xsw ls -r --json s3://hub-million/events/ --as dev | head -n 1 | wc -l");
    assert_eq!((&*said.err, said.out.trim()), ("", "1"));
}

/// What programs read must be exact: each key as it is, and no line of text broken by one.
#[test]
fn hostile_keys_come_out_exactly_as_json() {
    let stage = Stage::new();
    let lines = json_lines(&stage.says(["ls", "-r", "s3://prod-hostile-keys/", "--as", "sprint", "--json"]).done());
    let keys: Vec<&str> = lines.iter().map(|line| line["key"].as_str().unwrap()).collect();
    for key in [
        "../outside.txt",
        "nul\0byte",
        "clear\u{1b}[2J.tar",
        "two\nlines.txt",
        "percent%2Fslash.txt",
        "plus+sign.txt",
        "with space.txt",
        "cafe\u{301}.txt",
        "café.txt",
    ] {
        assert!(keys.contains(&key), "{key:?} is not in {keys:?}");
    }
}

/// AWS slows callers down; xsw asks again and says nothing.
#[test]
fn a_server_that_is_busy_is_asked_again() {
    let stage = Stage::new();
    stage.cloud().plan("s3:ListObjectsV2", 2, xsw::demo::Fault::error(503, "SlowDown"));
    let said = stage.says(["ls", "s3://gautamtest-assume-role/", "--as", "reader"]);
    assert_eq!(said.err, "");
    said.done();
    assert_eq!(stage.cloud().calls("s3:ListObjectsV2"), 3);
}

/// Prefixes, a long flat run, and keys between them: in parallel, and as one page after the other would have it.
#[test]
fn a_long_listing_is_in_the_order_of_the_keys() {
    let stage = Stage::new();
    for (uri, role) in
        [("s3://hub-artifacts/", "dev"), ("s3://audit-logs/", "audit"), ("s3://prod-hostile-keys/", "sprint")]
    {
        let lines = json_lines(&stage.says(["ls", "-r", uri, "--as", role, "--json"]).done());
        let keys: Vec<&str> = lines.iter().map(|line| line["key"].as_str().unwrap()).collect();
        assert!(keys.is_sorted() && keys.len() > 10, "{uri}: {keys:?}");
    }
    let out = stage.says(["ls", "-r", "s3://hub-million/events/00", "--as", "dev"]).done();
    let keys: Vec<&str> = out.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    let expected: Vec<String> = (0..100_000).map(|number| format!("events/{number:07}.json")).collect();
    assert!(keys == expected, "{} keys", keys.len());
}

/// AWS asks for fewer requests in the middle of a long listing: all keys come nevertheless.
#[test]
fn a_long_listing_survives_a_busy_server() {
    let stage = Stage::new();
    stage.cloud().plan("s3:ListObjectsV2", 12, xsw::demo::Fault::error(503, "SlowDown"));
    let said = stage.says(["ls", "-r", "s3://hub-million/events/000", "--as", "dev", "--summarize"]);
    assert_eq!(said.err, "");
    assert!(said.done().ends_with("10,000 objects, 1.2 MiB (1,280,000 B)\n"));
}
