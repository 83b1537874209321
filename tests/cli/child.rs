//! `xsw exec` and `xsw shell`: what a child gets, and how its end is ours.

use std::io::Write as _;
use std::process::Stdio;

use crate::home::{Said, run};
use crate::stage::{Stage, snapshot, with_variables};

#[test]
fn the_exit_status_is_the_childs() {
    let stage = Stage::new();
    for (script, code) in
        [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
    {
        let said = stage.says(["exec", "dev", "--", "sh", "-c", script]);
        assert_eq!((said.code, &*said.err), (Some(code), ""), "{script}");
    }
    assert_eq!(stage.assumed(), 1);
}

#[test]
fn a_command_that_cannot_run_ends_as_in_a_shell() {
    let stage = Stage::new();
    stage.write("data.txt", "no program\n");
    snapshot!(stage, ["exec", "dev", "--", "no-such-command-anywhere", "x"], @"
    success: false
    exit_code: 127
    ----- stdout -----

    ----- stderr -----
    error: cannot run no-such-command-anywhere: No such file or directory (os error 2)
    hint: check the command's name and your PATH
    ");
    snapshot!(stage, ["exec", "dev", "--", "./data.txt"], @"
    success: false
    exit_code: 126
    ----- stdout -----

    ----- stderr -----
    error: cannot run ./data.txt: Permission denied (os error 13)
    hint: make it executable, or name the program that runs it
    ");
    snapshot!(stage, ["exec", "dev"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: the following required arguments were not provided:
      <CMD>...

    Usage: xsw exec <ROLE> <CMD>...

    For more information, try '--help'.
    ");
}

/// Output, input and arguments pass through untouched.
#[test]
fn the_childs_streams_and_words_are_its_own() {
    let stage = Stage::new();
    let words = ["exec", "dev", "--", "printf", "%s|", "-x", "--json", "two words", "$HOME", ""];
    assert_eq!(stage.says(words).done(), "-x|--json|two words|$HOME||");
    let mut child = stage.xsw(["exec", "dev", "--", "cat"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through\0me\xff").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"through\0me\xff");
}

/// FIELD.md, "Environment of a child".
#[test]
fn the_child_has_the_session_and_no_other_way_to_credentials() {
    let stage = Stage::new();
    let stale = [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SECURITY_TOKEN",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    let replaced = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_SESSION_EXPIRATION",
        "XSW_ROLE_ARN",
        "XSW_ACCOUNT_ID",
    ];
    let given = stale.iter().chain(&replaced).map(|name| (*name, "stale"));
    let command = with_variables(stage.xsw(["exec", "reader", "--", "env"]), given);
    let out = run(command).done();
    let value = |name: &str| out.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    for name in stale {
        assert_eq!(value(name), None, "{name}");
    }
    let settings = stage.says(["env", "reader", "--format", "json"]).json();
    for (name, setting) in settings.as_object().unwrap() {
        assert_eq!(value(name), setting.as_str(), "{name}");
    }
    for name in replaced {
        assert!(value(name).is_some_and(|value| value != "stale"), "{name}");
    }
    assert_eq!(value("XSW_ROLE"), Some("prod/S3Reader"));
    assert_eq!(value("XSW_ROLE_ARN"), Some("arn:aws:iam::222222222222:role/S3Reader"));
    assert_eq!(value("XSW_ACCOUNT_ID"), Some("222222222222"));
    assert_eq!(value("AWS_REGION"), Some("ap-northeast-1"));
    assert!(value("AWS_CREDENTIAL_EXPIRATION").is_some_and(|end| end.ends_with('Z')));
    // The profile file's server is that of the child's tools too.
    assert_eq!(value("AWS_ENDPOINT_URL"), Some(&*stage.cloud().endpoint_url()));
    assert_eq!(value("HOME").map(Into::into), Some(stage.path("").to_string_lossy().trim_end_matches('/').to_owned()));
}

/// In the subshell of a role with another server, the server is left with the role. One of the person's own stays.
#[test]
fn the_server_of_a_subshell_around_does_not_count() {
    let stage = Stage::new();
    let dead = "http://127.0.0.1:9";
    let around = [("AWS_ENDPOINT_URL", dead), ("XSW_ENDPOINT_URL", dead)];
    let url = stage.cloud().endpoint_url();
    for renew in ["--renew", "--no-renew"] {
        let out = run(with_variables(stage.xsw(["exec", renew, "reader", "--", "env"]), around)).done();
        for name in ["AWS_ENDPOINT_URL", "XSW_ENDPOINT_URL"] {
            assert!(out.lines().any(|line| line == format!("{name}={url}")), "{renew} {name}: {out}");
        }
    }
    let unset = |variables: &[(&str, &str)]| {
        run(with_variables(stage.xsw(["env", "--unset"]), variables.iter().copied())).done()
    };
    assert!(unset(&around).ends_with("unset AWS_ENDPOINT_URL\nunset XSW_ENDPOINT_URL\n"));
    let own = unset(&[("AWS_ENDPOINT_URL", dead)]);
    assert!(own.ends_with("\nunset XSW_ENDPOINT_URL\n") && !own.contains("unset AWS_ENDPOINT_URL"), "{own}");
}

#[test]
fn a_role_that_is_refused_starts_no_child() {
    let stage = Stage::new();
    stage.says(["exec", "partner", "--", "touch", "started"]).failed(3);
    assert!(!stage.holds("started"));
}

#[test]
fn inside_a_child_the_verbs_take_its_role() {
    let stage = Stage::new();
    let out = stage.line("xsw exec reader -- xsw ls s3://gautamtest-assume-role/reports/").done();
    assert!(out.contains("reports/summary.csv"), "{out}");
    assert_eq!(stage.assumed(), 2);
}

fn shell(stage: &Stage, shell: &str, script: &str) -> Option<Said> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(shell)).find(|file| file.is_file())?;
    let mut command = stage.xsw(["shell", "reader"]);
    let mut child = command
        .env("SHELL", found)
        .env("AWS_PROFILE", "stale")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap().into())
}

/// tests/shells.rs drives the same shells in a terminal; this is `xsw shell ROLE < script`.
#[test]
fn a_subshell_without_a_terminal_reads_its_script() {
    let stage = Stage::new();
    for name in ["sh", "bash", "zsh", "fish"] {
        let script = "echo \"role $XSW_ROLE profile <$AWS_PROFILE>\"\nexit 9\n";
        // tests/shells.rs tells which shells are not installed.
        let Some(said) = shell(&stage, name, script) else { continue };
        assert_eq!((said.code, &*said.out), (Some(9), "role prod/S3Reader profile <>\n"), "{name}: {said:?}");
    }
}

#[test]
fn a_subshell_in_a_subshell_says_so() {
    let stage = Stage::new();
    let mut command = stage.xsw(["shell", "dev"]);
    command.env("XSW_ROLE", "prod/S3Reader").env("SHELL", "/bin/sh");
    let said = run(command);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.err, "note: inside the subshell of prod/S3Reader: the new session replaces it here\n");
}
