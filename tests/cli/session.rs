//! Assuming a role: sessions are kept, reused, replaced and chained; refusals say which side refused.

use std::os::unix::fs::PermissionsExt as _;

use crate::home::{Home, STATE, run};
use crate::stage::{Stage, snapshot};

const CHAIN: &str = r#"
[[accounts]]
name = "hub"
id = "111111111111"
  [[accounts.roles]]
  name = "Jump"
[[accounts]]
name = "prod"
id = "222222222222"
  [[accounts.roles]]
  name = "S3Reader"
  VIA
"#;

fn key_id(stage: &Stage, role: &str) -> String {
    stage.says(["env", role, "--format", "json"]).json()["AWS_ACCESS_KEY_ID"].as_str().unwrap().to_owned()
}

#[test]
fn a_living_session_is_reused() {
    let stage = Stage::new();
    let first = key_id(&stage, "dev");
    assert_eq!(key_id(&stage, "dev"), first);
    assert_eq!(stage.assumed(), 1);
    // Another role is another session.
    assert_ne!(key_id(&stage, "sprint"), first);
    assert_eq!(stage.assumed(), 2);
}

#[test]
fn a_session_at_rest_is_ours_alone_and_holds_no_long_lived_key() {
    let stage = Stage::new();
    stage.says(["env", "reader"]).done();
    let mode = |path: &str| stage.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(STATE), 0o700);
    assert_eq!(mode(&format!("{STATE}/sessions")), 0o700);
    let files = stage.files(STATE);
    assert_eq!(stage.sessions().len(), 2, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{file}");
        let text = String::from_utf8(stage.read(file)).unwrap();
        assert!(!text.contains("AKIA") && !text.contains(&crate::secrets::long_lived_secret(&stage)), "{file}");
    }
}

#[test]
fn a_corrupt_cached_session_is_replaced() {
    let stage = Stage::new();
    let first = key_id(&stage, "dev");
    let file = stage.sessions().remove(0);
    for (calls, text) in [(2, "{"), (3, ""), (4, "\0\u{1}garbage"), (5, "{\"version\":99}")] {
        stage.write(&file, text);
        let again = stage.says(["env", "dev", "--format", "json"]);
        assert_eq!(again.err, "", "{text:?}");
        assert_ne!(again.json()["AWS_ACCESS_KEY_ID"], *first);
        assert_eq!(stage.assumed(), calls, "{text:?}");
    }
    let kept = key_id(&stage, "dev");
    assert_eq!(key_id(&stage, "dev"), kept);
    assert_eq!(stage.assumed(), 5);
}

/// A session whose end is near is not handed out; here its file says that the end has come.
#[test]
fn a_session_that_has_ended_is_replaced() {
    let stage = Stage::new();
    let first = key_id(&stage, "dev");
    let file = stage.sessions().remove(0);
    let mut stored: serde_json::Value = serde_json::from_slice(&stage.read(&file)).unwrap();
    stored["expiration"] = "2026-01-01T00:00:00Z".into();
    stage.write(&file, stored.to_string());
    assert_eq!(stage.says(["accounts", "--json"]).json()[1]["session"], serde_json::Value::Null);
    assert_ne!(key_id(&stage, "dev"), first);
    assert_eq!(stage.assumed(), 2);
}

/// AWS may end a session before its time, or count the time by another clock: the next call gets a new one.
#[test]
fn a_session_that_aws_has_ended_is_replaced() {
    let stage = Stage::new();
    let listed = stage.says(["ls", "s3://gautamtest-assume-role/", "--as", "reader"]).done();
    assert_eq!(stage.assumed(), 2);
    stage.cloud().expire_sessions();
    assert_eq!(stage.says(["ls", "s3://gautamtest-assume-role/", "--as", "reader"]).done(), listed);
    stage.cloud().expire_sessions();
    stage.says(["whoami", "reader"]).done();
    stage.cloud().expire_sessions();
    assert_eq!(
        stage.says(["cat", "s3://gautamtest-assume-role/test.txt", "--as", "reader"]).done(),
        "hello from production\n"
    );
    stage.cloud().expire_sessions();
    // The first role of the chain alone lives in the cache, and has ended at AWS.
    let reader =
        stage.sessions().into_iter().find(|file| String::from_utf8_lossy(&stage.read(file)).contains("S3Reader"));
    std::fs::remove_file(stage.path(&reader.unwrap())).unwrap();
    stage.says(["env", "reader"]).done();
}

/// A state directory below a regular file can be made by nobody, not even by root.
#[test]
fn an_unwritable_state_directory_is_told_and_all_goes_on() {
    let stage = Stage::new();
    stage.write("file", "");
    let state = stage.path("file/state");
    let unwritable = |words: &[&str]| {
        let mut command = stage.xsw(words);
        command.env("XSW_STATE_DIR", &state);
        command
    };
    stage.filters().bind(|| {
        insta_cmd::assert_cmd_snapshot!(unwritable(&["ls", "s3://gautamtest-assume-role/", "--as", "reader"]), @"
        success: true
        exit_code: 0
        ----- stdout -----
                                      —  reports/
        [date and time]     4.0 GiB  archive-2024.tar  GLACIER
        [date and time]    24.0 MiB  big.bin
        [date and time]        22 B  test.txt
        [date and time]        23 B  test2.txt

        ----- stderr -----
        note: sessions are not kept on disk, ~/file/state cannot be written: Not a directory (os error 20)
        note: the audit trail is not kept, ~/file/state cannot be written: Not a directory (os error 20)
        ");
        insta_cmd::assert_cmd_snapshot!(unwritable(&["exec", "dev", "--", "echo", "done"]), @"
        success: true
        exit_code: 0
        ----- stdout -----
        done

        ----- stderr -----
        note: sessions are not kept on disk, ~/file/state cannot be written: Not a directory (os error 20)
        note: the audit trail is not kept, ~/file/state cannot be written: Not a directory (os error 20)
        ");
        insta_cmd::assert_cmd_snapshot!(unwritable(&["check"]), @"
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
        ?    state: cannot write in ~/file/state: Not a directory (os error 20)
             xsw goes on without keeping sessions; set XSW_STATE_DIR to a folder of your own
        ok   terminal: stdout is none; the verbs work, the screen would not

        ----- stderr -----
        ");
    });
    assert_eq!(stage.assumed(), 3);
}

#[test]
fn a_role_is_reached_through_another() {
    let stage = Stage::with(&CHAIN.replace("VIA", "via = \"hub/Jump\""));
    stage.says(["env", "S3Reader"]).done();
    assert_eq!(stage.assumed(), 2);
    // The first role has its own session, which serves the next chain.
    stage.says(["env", "Jump"]).done();
    assert_eq!(stage.assumed(), 2);

    let direct = Stage::with(&CHAIN.replace("VIA", ""));
    snapshot!(direct, ["env", "S3Reader"], @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to sts:AssumeRole on arn:aws:iam::222222222222:role/S3Reader: User: arn:aws:iam::111111111111:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/S3Reader
    hint: the role does not exist, or its trust policy does not name demo or has a condition (external ID, MFA, source identity) that is not met, or demo may not call sts:AssumeRole on it: `xsw explain arn:aws:iam::222222222222:role/S3Reader` looks which
    ");
}

/// Role chaining gives one hour at most, and AWS refuses to be asked for more.
#[test]
fn a_chained_role_asks_for_an_hour_at_most() {
    let stage = Stage::with(&CHAIN.replace("VIA", "via = \"hub/Jump\"\n  duration = \"4h\""));
    let said = stage.says(["env", "S3Reader", "--format", "json"]);
    assert!(
        said.err.contains("prod/S3Reader is reached through another role, and AWS gives such sessions 1 h, not 4 h")
    );
    let expiration: jiff::Timestamp = said.json()["AWS_CREDENTIAL_EXPIRATION"].as_str().unwrap().parse().unwrap();
    let left = expiration.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((3000..=3600).contains(&left), "{left}");
    assert_eq!(stage.assumed(), 2);
    // It is said once.
    stage.end_sessions();
    assert_eq!(stage.says(["whoami", "S3Reader"]).err, "");
    assert_eq!(stage.assumed(), 4);
}

#[test]
fn a_role_that_allows_less_than_was_asked_for_gives_what_it_allows() {
    let stage =
        Stage::with(&CHAIN.replace("VIA", "").replace("name = \"Jump\"", "name = \"Jump\"\n  duration = \"8h\""));
    let said = stage.says(["env", "Jump", "--format", "json"]);
    assert!(said.err.contains("hub/Jump gives no session of 8 h; asked for 1 h instead"), "{said:?}");
    said.json();
    // 8, 4, 2 and 1 hours.
    assert_eq!(stage.assumed(), 4);
    // It is kept under what was asked for, so the second run neither asks nor complains.
    assert_eq!(stage.says(["env", "Jump"]).err, "");
    assert_eq!(stage.assumed(), 4);
    // What the role allows is known from then on.
    stage.end_sessions();
    assert_eq!(stage.says(["env", "Jump"]).err, "");
    assert_eq!(stage.assumed(), 5);
}

/// In a container, or from cron: the system knows who we are.
#[test]
fn without_user_in_the_environment_the_system_tells_who_we_are() {
    let stage = Stage::new();
    let mut command = stage.xsw(["whoami", "dev", "--json"]);
    command.env_remove("USER");
    let arn = run(command).json()["arn"].as_str().unwrap().to_owned();
    let system = std::process::Command::new("id").arg("-un").output().unwrap();
    let name = String::from_utf8(system.stdout).unwrap();
    assert!(arn.contains(&format!("/Developer/{}@", name.trim())), "{arn} {name}");
}

const AUDIT: &str = r#"
[[accounts]]
name = "audit"
id = "333333333333"
  [[accounts.roles]]
  name = "ReadOnly"
  external_id = "ID"
"#;

#[test]
fn the_external_id_decides() {
    let right = Stage::with(&AUDIT.replace("ID", "audit-2026"));
    right.says(["env", "ReadOnly"]).done();
    let wrong = Stage::with(&AUDIT.replace("ID", "audit-2025"));
    snapshot!(wrong, ["env", "ReadOnly"], @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to sts:AssumeRole on arn:aws:iam::333333333333:role/ReadOnly: User: arn:aws:iam::111111111111:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::333333333333:role/ReadOnly
    hint: the role does not exist, or its trust policy does not name demo or has a condition (external ID, MFA, source identity) that is not met, or demo may not call sts:AssumeRole on it: `xsw explain arn:aws:iam::333333333333:role/ReadOnly` looks which
    ");
    // A corrected profile file counts at once.
    wrong.profile(&AUDIT.replace("ID", "audit-2026"));
    wrong.says(["env", "ReadOnly"]).done();
}

#[test]
fn a_role_that_does_not_name_you_is_refused() {
    let stage = Stage::new();
    snapshot!(stage, ["env", "partner"], @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to sts:AssumeRole on arn:aws:iam::333333333333:role/Partner: User: arn:aws:iam::111111111111:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::333333333333:role/Partner
    hint: the role does not exist, or its trust policy does not name demo or has a condition (external ID, MFA, source identity) that is not met, or demo may not call sts:AssumeRole on it: `xsw explain arn:aws:iam::333333333333:role/Partner` looks which
    ");
    snapshot!(stage, ["whoami", "partner", "--json"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    {"error":"not allowed to sts:AssumeRole on arn:aws:iam::333333333333:role/Partner: User: arn:aws:iam::111111111111:user/me is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::333333333333:role/Partner","hint":"the role does not exist, or its trust policy does not name demo or has a condition (external ID, MFA, source identity) that is not met, or demo may not call sts:AssumeRole on it: `xsw explain arn:aws:iam::333333333333:role/Partner` looks which","kind":"denied"}
    "#);
    assert_eq!(stage.sessions(), [""; 0]);
}

#[test]
fn an_mfa_code_opens_a_role_that_wants_one() {
    let stage = Stage::new();
    let code = stage.mfa_code();
    stage.says(["env", "admin", "--mfa-code", &code]).done();
    assert_eq!(stage.assumed(), 1);
    // While the session lives nobody is asked again.
    stage.says(["env", "admin"]).done();
    assert_eq!(stage.assumed(), 1);
}

#[test]
fn a_wrong_mfa_code_is_refused_and_a_broken_one_is_not_even_sent() {
    let stage = Stage::new();
    let right = stage.mfa_code();
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let err = stage.says(["env", "admin", "--mfa-code", wrong]).failed(3);
    assert!(err.contains("MultiFactorAuthentication failed with invalid MFA one time pass code."), "{err}");
    assert!(err.contains("\nhint: the MFA code was wrong or used already"), "{err}");
    assert_eq!(stage.cloud().calls("sts:GetSessionToken"), 1);
    snapshot!(stage, ["env", "admin", "--mfa-code", "12345"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: an MFA code is six digits
    ");
    assert_eq!(stage.cloud().calls("sts:GetSessionToken"), 1);
}

#[test]
fn without_a_terminal_a_missing_mfa_code_is_told() {
    let stage = Stage::new();
    let err = stage.detached("env admin").failed(4);
    assert_eq!(
        err,
        "error: prod/Admin wants a code of the MFA device arn:aws:iam::111111111111:mfa/me\nhint: give the code with \
         --mfa-code, or run xsw in a terminal\n"
    );
    let err = stage.detached("ls --as admin --json").failed(4);
    let error: serde_json::Value = serde_json::from_str(&err).unwrap();
    assert_eq!(error["kind"], "mfa_required");
    assert_eq!(stage.assumed(), 0);
}

#[test]
fn a_source_profile_that_does_not_exist_is_told() {
    let stage = Stage::new();
    stage.write(".aws/credentials", "");
    snapshot!(stage, ["env", "dev"], @"
    success: false
    exit_code: 4
    ----- stdout -----

    ----- stderr -----
    error: no credentials from demo: there is no AWS profile demo
    hint: write its keys with `aws configure --profile demo`, or make it with `aws configure sso`, or name another in [sources]
    ");
    snapshot!(stage, ["whoami", "--json"], @r#"
    success: false
    exit_code: 4
    ----- stdout -----

    ----- stderr -----
    {"error":"no credentials from demo: there is no AWS profile demo","hint":"write its keys with `aws configure --profile demo`, or make it with `aws configure sso`, or name another in [sources]","kind":"signed_out"}
    "#);
}

#[test]
fn keys_of_the_environment_can_be_the_source() {
    let stage = Stage::new();
    let url = stage.cloud().endpoint_url();
    stage.write(
        crate::home::PROFILE_FILE,
        format!(
            "[settings]\nendpoint_url = \"{url}\"\nregion = \"eu-west-1\"\n[sources.shell]\nenvironment = \
             true\n[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\n[[accounts.roles]]\nname = \"Jump\"\n"
        ),
    );
    let err = stage.says(["env", "Jump"]).failed(4);
    assert!(err.contains("hint: set AWS_ACCESS_KEY_ID"), "{err}");
    let (id, secret) = crate::secrets::long_lived_keys(&stage);
    let mut command = stage.xsw(["whoami", "Jump"]);
    command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
    assert!(run(command).done().contains(":assumed-role/Jump/"));
}

#[test]
fn no_network_is_told_soon() {
    // A port that was free a moment ago, and listens no more.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let home = Home::new();
    home.write(".aws/credentials", "[demo]\naws_access_key_id = AKIANOBODY0000000000\naws_secret_access_key = x\n");
    home.write(
        crate::home::PROFILE_FILE,
        format!(
            "[settings]\nendpoint_url = \"http://127.0.0.1:{port}\"\nregion = \"eu-west-1\"\n[sources.demo]\nprofile = \
             \"demo\"\n[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\n[[accounts.roles]]\nname = \"Jump\"\n"
        ),
    );
    let start = std::time::Instant::now();
    let err = run(home.xsw(["ls", "--as", "Jump"])).failed(1);
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(err.starts_with(&format!("error: cannot reach http://127.0.0.1:{port}: ")), "{err}");
    assert!(err.to_lowercase().contains("connection refused") && err.contains("\nhint: check the network"), "{err}");
    let said = run(home.xsw(["check"]));
    assert!(said.code == Some(1) && said.out.contains("BAD  source demo: cannot reach"), "{said:?}");
}
