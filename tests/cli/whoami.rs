//! `xsw whoami`: the source, a role, and both as JSON.

use serde_json::json;

use crate::home::run;
use crate::stage::{Stage, snapshot, with_variables};

#[test]
fn the_source_and_a_role_tell_who_they_are() {
    let stage = Stage::new();
    snapshot!(stage, ["whoami"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    account  111111111111
    arn      arn:aws:iam::111111111111:user/me
    user id  AIDA[id]

    ----- stderr -----
    ");
    snapshot!(stage, ["whoami", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    account  222222222222
    arn      arn:aws:sts::222222222222:assumed-role/S3Reader/me@[host]
    user id  AROA[id]:me@[host]
    until    [time]

    ----- stderr -----
    ");
    snapshot!(stage, ["whoami", "--source", "corp"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no source corp with a role
    hint: there are: demo
    ");
}

/// DESIGN.md: `{account_id, arn, user_id, expiration}`
#[test]
fn whoami_as_json() {
    let stage = Stage::new();
    let mut source = stage.says(["whoami", "--json"]).json();
    assert!(source["user_id"].take().as_str().unwrap().starts_with("AIDA"));
    let me = "arn:aws:iam::111111111111:user/me";
    assert_eq!(source, json!({ "account_id": "111111111111", "arn": me, "user_id": null, "expiration": null }));

    let role = stage.says(["whoami", "reader", "--json"]).json();
    let arn = role["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:sts::222222222222:assumed-role/S3Reader/me@"), "{arn}");
    let expiration = role["expiration"].as_str().unwrap();
    assert!(expiration.ends_with('Z') && expiration.parse::<jiff::Timestamp>().is_ok(), "{expiration}");
    assert_eq!(role.as_object().unwrap().keys().collect::<Vec<_>>(), ["account_id", "arn", "expiration", "user_id"]);
}

/// In a subshell of xsw the question is about that shell's role.
#[test]
fn in_a_subshell_whoami_is_about_its_role() {
    let stage = Stage::new();
    let inner = with_variables(stage.xsw(["whoami", "--json"]), [("XSW_ROLE", "hub/Developer")]);
    let arn = run(inner).json()["arn"].as_str().unwrap().to_owned();
    assert!(arn.starts_with("arn:aws:sts::111111111111:assumed-role/Developer/"), "{arn}");
    let said = stage.line("xsw exec dev -- xsw whoami").done();
    assert!(said.contains(":assumed-role/Developer/"), "{said}");
}

/// The shell's own keys are no good any more, and the new session is not in its environment.
#[test]
fn in_a_subshell_whose_session_has_ended_whoami_says_so() {
    let stage = Stage::new();
    let ended = [("XSW_ROLE", "hub/Developer"), ("AWS_SESSION_EXPIRATION", "2026-01-01T00:00:00Z")];
    let said = run(with_variables(stage.xsw(["whoami"]), ended));
    assert!(said.err.contains("the session in this shell has ended (2026-01-01T00:00:00Z)"), "{said:?}");
    assert_eq!(stage.says(["whoami", "dev"]).err, "");
    said.done();
}
