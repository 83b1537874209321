//! MFA once: one code for every role of a source, and where codes come from.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use xsw::demo::{Account, Role, User, World, allow, trust};

use crate::stage::Stage;

const ME: &str = "arn:aws:iam::111111111111:user/me";
const SERIAL: &str = "arn:aws:iam::111111111111:mfa/me";

/// Three roles that want a code, one of them a code of the last ten minutes and sessions of four hours.
fn world() -> World {
    let present = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let young = json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "600" } });
    let role = |name: &str, condition| Role::new(name, trust(&[ME], Some(condition)));
    let hub = Account::new("111111111111")
        .user(User::new("me").with_mfa().policy("Switch", allow(&["sts:AssumeRole"], &["*"])))
        .role(role("One", present.clone()).policy("On", allow(&["sts:AssumeRole"], &["*"])))
        .role(role("Two", present.clone()).max_session(4 * 3600))
        .role(role("Young", young))
        .role(Role::new("Far", trust(&["arn:aws:iam::111111111111:role/One"], None)))
        .role(Role::new("Closed", trust(&["arn:aws:iam::999999999999:role/x"], None)));
    World::new().account(hub)
}

fn stage(settings: &str) -> Stage {
    let stage = Stage::of(world());
    let mut roles = String::new();
    for (name, more) in [
        ("One", "alias = \"one\""),
        ("Two", "alias = \"two\"\n  duration = \"12h\""),
        ("Young", "alias = \"young\""),
        ("Closed", "alias = \"closed\""),
    ] {
        roles += &format!("  [[accounts.roles]]\n  name = \"{name}\"\n  mfa_serial = \"{SERIAL}\"\n  {more}\n");
    }
    roles += "  [[accounts.roles]]\n  name = \"Far\"\n  alias = \"far\"\n  via = \"hub/One\"\n";
    let url = stage.cloud().endpoint_url();
    let top = format!("[settings]\nregion = \"eu-west-1\"\nendpoint_url = \"{url}\"\n{settings}\n");
    let sources = "[sources.demo]\nprofile = \"demo\"\n[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\n";
    stage.write(crate::home::PROFILE_FILE, top + sources + &roles);
    stage
}

fn tokens(stage: &Stage) -> usize {
    stage.cloud().calls("sts:GetSessionToken")
}

#[test]
fn one_code_serves_every_role_of_the_source() {
    let stage = stage("");
    let code = stage.mfa_code();
    stage.says(["env", "one", "--mfa-code", &code]).done();
    stage.says(["env", "two"]).done();
    stage.says(["env", "far"]).done();
    stage.says(["exec", "young", "--", "true"]).done();
    assert_eq!(tokens(&stage), 1);
    // It is a user's session and no role's: no role chaining, so a role gives as long as it allows.
    let said = stage.says(["env", "two", "--format", "json"]).json();
    let end: jiff::Timestamp = said["AWS_CREDENTIAL_EXPIRATION"].as_str().unwrap().parse().unwrap();
    assert!(end.duration_since(jiff::Timestamp::now()).as_secs() > 3 * 3600, "{end}");
}

#[test]
fn an_mfa_session_that_aws_has_ended_is_made_again() {
    let stage = stage("");
    let code = stage.mfa_code();
    stage.says(["env", "one", "--mfa-code", &code]).done();
    stage.cloud().expire_sessions();
    let err = stage.says(["env", "two", "--mfa-code", &code]).failed(4);
    assert!(err.contains("was sent already, and each works once"), "{err}");
    let code = stage.mfa_code();
    stage.says(["env", "two", "--mfa-code", &code]).done();
    assert_eq!(tokens(&stage), 2);
}

/// A code that was refused is not sent again either: too many wrong ones lock a device out.
#[test]
fn a_code_is_sent_once() {
    let stage = stage("");
    let right = stage.mfa_code();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    stage.says(["env", "one", "--mfa-code", wrong]).failed(3);
    let err = stage.says(["env", "one", "--mfa-code", wrong]).failed(4);
    assert!(err.contains("hint: wait for the next code"), "{err}");
    assert_eq!(tokens(&stage), 1);
    stage.says(["env", "one", "--mfa-code", &right]).done();
}

/// A session of ten minutes ago is too old for a trust policy that says so; others are still served by it.
#[test]
fn a_role_that_wants_a_newer_code_gets_one() {
    let stage = stage("");
    let code = stage.mfa_code();
    stage.says(["env", "one", "--mfa-code", &code]).done();
    let age = |seconds: i64| {
        for file in stage.sessions() {
            let mut stored: serde_json::Value = serde_json::from_slice(&stage.read(&file)).unwrap();
            let issued: jiff::Timestamp = stored["issued"].as_str().unwrap().parse().unwrap();
            stored["issued"] = (issued - jiff::SignedDuration::from_secs(seconds)).to_string().into();
            stage.write(&file, stored.to_string());
        }
    };
    age(900);
    stage.cloud().set_clock_offset(601);
    // Nobody can bring one: the refusal stands.
    let err = stage.detached("env young").failed(3);
    assert!(err.contains("hub/Young refused; it may want a newer MFA code"), "{err}");
    let code = stage.mfa_code();
    stage.says(["env", "young", "--mfa-code", &code]).done();
    assert_eq!(tokens(&stage), 2);
    stage.says(["env", "two"]).done();
    assert_eq!(tokens(&stage), 2);
}

#[test]
fn a_role_that_refuses_is_not_asked_with_a_second_code() {
    let stage = stage("");
    let code = stage.mfa_code();
    stage.says(["env", "closed", "--mfa-code", &code]).failed(3);
    stage.says(["env", "closed"]).failed(3);
    assert_eq!((tokens(&stage), stage.assumed()), (1, 2));
}

/// A program in the home's folder that prints what `print` prints, and counts how often it ran.
fn command(stage: &Stage, print: &str) -> String {
    let path = stage.write("code", format!("#!/bin/sh\necho ran \"$@\" >> \"$HOME/ran\"\n{print}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    format!("mfa_command = ['{}', 'for', '{{serial}}']", path.display())
}

fn with_command(print: impl FnOnce(&Stage) -> String) -> Stage {
    let stage = stage("");
    let print = print(&stage);
    let line = command(&stage, &print);
    let text = String::from_utf8(stage.read(crate::home::PROFILE_FILE)).unwrap();
    stage.write(crate::home::PROFILE_FILE, text.replacen("[settings]\n", &format!("[settings]\n{line}\n"), 1));
    stage
}

#[test]
fn mfa_command_brings_the_code() {
    let stage = with_command(|stage| format!("echo \"AWS:me  {}\"", stage.mfa_code()));
    stage.says(["env", "one"]).done();
    stage.says(["env", "two"]).done();
    assert_eq!(String::from_utf8(stage.read("ran")).unwrap(), format!("ran for {SERIAL}\n"));
    assert_eq!(tokens(&stage), 1);
}

/// Nobody is at a terminal here, so the error is the last word.
#[test]
fn a_command_that_brings_no_code_is_told() {
    for (print, word) in [
        ("echo secret-looking-text", "it printed no code of six digits"),
        ("echo 123456; exit 3", "it ended with exit status: 3"),
    ] {
        let stage = with_command(|_| print.to_owned());
        let said = stage.detached("env one");
        let err = said.failed(4);
        assert!(err.contains(word) && !err.contains("secret-looking-text"), "{err}");
        assert_eq!(tokens(&stage), 0);
    }
}
