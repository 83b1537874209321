//! `xsw credential-process`: what the AWS CLI and the SDKs call.

use crate::home::run;
use crate::stage::{Stage, with_variables};

#[test]
fn one_document_from_the_cache() {
    let stage = Stage::new();
    let said = stage.says(["credential-process", "reader"]);
    assert_eq!(said.err, "");
    let answer = said.json();
    let env = stage.says(["env", "reader", "--format", "json"]).json();
    let names: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]);
    assert_eq!(answer["Version"], 1);
    for (name, variable) in [
        ("AccessKeyId", "AWS_ACCESS_KEY_ID"),
        ("SecretAccessKey", "AWS_SECRET_ACCESS_KEY"),
        ("SessionToken", "AWS_SESSION_TOKEN"),
        ("Expiration", "AWS_CREDENTIAL_EXPIRATION"),
    ] {
        assert_eq!(answer[name], env[variable], "{name}");
    }
    // `2026-11-21T10:15:00Z`
    let expiration = answer["Expiration"].as_str().unwrap();
    assert!(expiration.len() == 20 && expiration.ends_with('Z'), "{expiration}");
    expiration.parse::<jiff::Timestamp>().unwrap();
    // aws-cli #5585: it calls twice.
    assert_eq!(stage.says(["credential-process", "reader"]).json(), answer);
    assert_eq!(stage.assumed(), 2);
}

#[test]
fn errors_are_on_stderr_with_an_exit_status() {
    let stage = Stage::new();
    for (words, code, complaint) in [
        (["credential-process", "partner"], 3, "not allowed to sts:AssumeRole"),
        (["credential-process", "admin"], 4, "wants a code of the MFA device"),
        (["credential-process", "nobody"], 2, "no role matches"),
    ] {
        let said = stage.says(words);
        assert_eq!((said.code, &*said.out), (Some(code), ""), "{said:?}");
        assert!(said.err.contains(complaint), "{said:?}");
    }
}

/// A program calls it, and there is nobody to type a name.
#[test]
fn a_guarded_account_is_served() {
    let stage = Stage::with(
        "[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\nconfirm = true\n[[accounts.roles]]\nname = \"Developer\"\n",
    );
    stage.says(["credential-process", "hub/Developer"]).json();
}

/// With the real AWS CLI, as `aws`; XSW_TEST_AWS names it.
#[test]
#[ignore = "needs the AWS CLI"]
fn the_aws_cli_takes_it() {
    let aws = std::env::var("XSW_TEST_AWS").unwrap_or_else(|_| "aws".into());
    let stage = Stage::new();
    let xsw = env!("CARGO_BIN_EXE_xsw");
    let url = stage.cloud().endpoint_url();
    let config = format!(
        "[profile reader]\ncredential_process = {xsw} credential-process prod/S3Reader\nregion = ap-northeast-1\nendpoint_url = {url}\n"
    );
    stage.write(".aws/config", config);
    for _ in 0..2 {
        let command = stage.command(&aws);
        let mut command = with_variables(command, [("AWS_PROFILE", "reader")]);
        command.args(["sts", "get-caller-identity", "--output", "json"]);
        let identity = run(command).json();
        assert!(identity["Arn"].as_str().unwrap().contains("assumed-role/S3Reader/"), "{identity}");
    }
    assert_eq!(stage.assumed(), 2);
}
