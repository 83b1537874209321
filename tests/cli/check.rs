//! `xsw check`: the profile file, the source credentials, the clock, the state directory.

use serde_json::Value;

use crate::home::Said;
use crate::stage::{Stage, snapshot};

#[test]
fn all_is_well() {
    let stage = Stage::new();
    snapshot!(stage, ["check"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    ok   profile file: [config]/config.toml: 5 accounts, 13 roles
    ok   source demo: arn:aws:iam::111111111111:user/me (AWS profile demo: keys)
    ?    source demo: these are long-lived keys: they work for whoever gets hold of them, until they are deleted
         better: IAM Identity Center (`aws configure sso`), `aws login`, or a password manager as credential_process
    ?    source staff: nobody has signed in yet, so it gives no roles
         sign in: `xsw login staff`
    ok   clock: agrees with AWS's
    ok   state: [state] (log: [state]/xsw.log)
    ok   terminal: stdout is none; the verbs work, the screen would not

    ----- stderr -----
    ");
}

#[test]
fn check_as_json() {
    let stage = Stage::new();
    let found = stage.says(["check", "--json"]).json();
    let subjects: Vec<&str> = found.as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["profile file", "source demo", "source demo", "source staff", "clock", "state", "terminal"]);
    for (place, one) in found.as_array().unwrap().iter().enumerate() {
        // Its keys are long-lived, and nobody has signed in: these are remarks.
        let standing = if [2, 3].contains(&place) { "warning" } else { "good" };
        assert_eq!(one["standing"], standing, "{one}");
        assert!(one["message"].is_string() && one["hint"].is_null() == (standing == "good"), "{one}");
    }
}

/// Keys of a session, or those that a password manager hands out, are no keys that lie about.
#[test]
fn long_lived_keys_are_told_of() {
    let stage = Stage::new();
    let told = |stage: &Stage| stage.says(["check"]).done().contains("these are long-lived keys");
    assert!(told(&stage));
    let keys = String::from_utf8(stage.read(".aws/credentials")).unwrap();
    let key = |number: usize| keys.lines().nth(number).unwrap().split(" = ").nth(1).unwrap().to_owned();
    let printed = serde_json::json!({ "Version": 1, "AccessKeyId": key(1), "SecretAccessKey": key(2) });
    let file = stage.write("printed.json", printed.to_string());
    let session = stage.says(["env", "dev", "--format", "json"]).json();
    stage.write(".aws/credentials", format!("[demo]\ncredential_process = cat {}\n", file.display()));
    assert!(!told(&stage));
    let of_session = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"]
        .map(|name| format!("aws_{} = {}\n", name.to_lowercase(), session[format!("AWS_{name}")].as_str().unwrap()));
    stage.write(".aws/credentials", format!("[demo]\n{}", of_session.concat()));
    assert!(!told(&stage));
}

#[test]
fn the_keys_of_the_screen_are_checked() {
    let stage = Stage::new();
    let keys = std::path::Path::new(crate::home::PROFILE_FILE).with_file_name("keys.toml");
    stage.write(keys.to_str().unwrap(), "open = [\"q\"]\n");
    let said = stage.says(["check"]);
    assert!(said.out.contains("BAD  keys: ") && said.out.contains("is bound twice"), "{said:?}");
    said.failed(1);
    stage.write(keys.to_str().unwrap(), "");
    assert!(stage.says(["check"]).done().contains("ok   keys: "));
}

#[test]
fn a_source_with_wrong_keys_or_none_is_told() {
    let stage = Stage::new();
    stage.write(".aws/credentials", "[demo]\naws_access_key_id = AKIANOBODY0000000000\naws_secret_access_key = x\n");
    snapshot!(stage, ["check"], @"
    success: false
    exit_code: 1
    ----- stdout -----
    ok   profile file: [config]/config.toml: 5 accounts, 13 roles
    BAD  source demo: no credentials from demo: The security token included in the request is invalid.
         AWS does not know these keys: check that they are active and complete
    ?    source staff: nobody has signed in yet, so it gives no roles
         sign in: `xsw login staff`
    ok   state: [state] (log: [state]/xsw.log)
    ok   terminal: stdout is none; the verbs work, the screen would not

    ----- stderr -----
    error: 1 of 5 checks failed
    ");
    stage.write(".aws/credentials", "[other]\naws_access_key_id = AKIANOBODY0000000000\naws_secret_access_key = x\n");
    snapshot!(stage, ["check"], @"
    success: false
    exit_code: 1
    ----- stdout -----
    ok   profile file: [config]/config.toml: 5 accounts, 13 roles
    BAD  source demo: no credentials from demo: there is no AWS profile demo
         write its keys with `aws configure --profile demo`, or make it with `aws configure sso`, or name another in [sources]
    ?    source staff: nobody has signed in yet, so it gives no roles
         sign in: `xsw login staff`
    ok   state: [state] (log: [state]/xsw.log)
    ok   terminal: stdout is none; the verbs work, the screen would not

    ----- stderr -----
    error: 1 of 5 checks failed
    ");
}

fn clock(said: Said) -> Value {
    let found: Value = serde_json::from_str(&said.out).unwrap();
    found.as_array().unwrap().iter().find(|one| one["subject"] == "clock").cloned().unwrap_or_default()
}

/// AWS takes signatures that are some minutes off, so a clock that drifts is seen before it hurts.
#[test]
fn a_clock_that_drifts_is_told() {
    let stage = Stage::new();
    stage.cloud().set_clock_offset(-120);
    let found = clock(stage.says(["check", "--json"]));
    assert_eq!(found["standing"], "warning", "{found}");
    assert_eq!(found["message"], "this machine's clock is 2 min ahead of AWS's");

    stage.cloud().set_clock_offset(10 * 60 + 30);
    let said = stage.says(["check", "--json"]);
    assert_eq!(said.code, Some(1));
    let found = clock(said);
    assert_eq!(found["standing"], "bad", "{found}");
    assert!(found["message"].as_str().unwrap().contains("10 min behind AWS's"), "{found}");
}

/// The SDK finds the difference out and signs for AWS's time, so all works; but the person must know.
#[test]
fn a_clock_that_is_hours_off_is_told() {
    for (offset, told) in [(3 * 3600 + 90, "3 h 1 min behind"), (-3 * 3600 - 90, "3 h 1 min ahead of")] {
        let stage = Stage::new();
        stage.cloud().set_clock_offset(offset);
        let said = stage.says(["ls", "s3://gautamtest-assume-role/", "--as", "reader"]);
        assert!(said.err.contains(&format!("note: this machine's clock is {told} AWS's")), "{said:?}");
        assert!(said.done().contains("test.txt"));
        // The session is counted by this machine's clock: it has an hour, and is reused.
        let left = stage.says(["accounts", "--json"]).json()[2]["session"]["seconds_left"].as_u64();
        assert!(left.is_some_and(|left| (3000..=3600).contains(&left)), "{told}: {left:?}");
        let assumed = stage.assumed();
        stage.says(["whoami", "reader"]).done();
        assert_eq!(stage.assumed(), assumed, "{told}");
        let said = stage.says(["check"]);
        assert_eq!(said.code, Some(1), "{said:?}");
        let line = format!("BAD  clock: this machine's clock is {told} AWS's");
        assert!(said.out.contains(&line), "{said:?}");
    }
}

/// A clock that is set right afterwards: what was noted with the wrong one counts no more.
#[test]
fn a_session_from_the_future_is_replaced() {
    let stage = Stage::new();
    stage.says(["env", "dev"]).done();
    let file = stage.sessions().remove(0);
    let mut stored: Value = serde_json::from_slice(&stage.read(&file)).unwrap();
    let hours = |hours: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours)).to_string();
    stored["issued"] = hours(3).into();
    stored["expiration"] = hours(4).into();
    stage.write(&file, stored.to_string());
    stage.says(["env", "dev"]).done();
    assert_eq!(stage.assumed(), 2);
}
