//! `xsw du`: count and size of what is below a prefix.

use serde_json::json;

use crate::home::json_lines;
use crate::stage::{Stage, snapshot};

#[test]
fn sizes_below_a_prefix() {
    let stage = Stage::new();
    snapshot!(stage, ["du", "s3://gautamtest-assume-role/reports/2025/", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
         303 B           12  s3://gautamtest-assume-role/reports/2025/

    ----- stderr -----
    ");
    snapshot!(stage, ["du", "-d", "1", "s3://gautamtest-assume-role/", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
     747.9 KiB           13  s3://gautamtest-assume-role/reports/
       4.0 GiB           17  s3://gautamtest-assume-role/

    ----- stderr -----
    ");
    snapshot!(stage, ["du", "s3://gautamtest-assume-role/nothing/", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: nothing begins with s3://gautamtest-assume-role/nothing/
    hint: check the prefix; `xsw ls` of the level above shows what there is
    ");
}

#[test]
fn du_as_json() {
    let stage = Stage::new();
    let said = stage.says(["du", "s3://gautamtest-assume-role/reports/2025/", "--as", "reader", "--json"]).done();
    let total: serde_json::Value = serde_json::from_str(&said).unwrap();
    let uri = "s3://gautamtest-assume-role/reports/2025/";
    assert_eq!(total, json!({ "type": "total", "uri": uri, "objects": 12, "size": 303 }));
    let words = "du s3://gautamtest-assume-role/reports/2025/ --as reader --json --depth 1";
    let lines = json_lines(&stage.says(words.split(' ')).done());
    assert_eq!(lines.len(), 13);
    assert_eq!(lines[0], json!({ "type": "prefix", "key": "reports/2025/01/", "objects": 1, "size": 25 }));
    assert_eq!(lines[12], total);
}

/// A role that may not list is told so, as everywhere.
#[test]
fn a_bucket_that_the_role_may_not_list_is_denied() {
    let stage = Stage::new();
    let said = stage.says(["du", "s3://prod-hostile-keys/", "--as", "reader", "--json"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("\"kind\":\"denied\""), "{said:?}");
}
