//! `xsw logout` forgets sessions and says which.

use crate::home::{PROFILE_FILE, run};
use crate::stage::{Stage, snapshot};

/// The settings of the demo's profile file with one more line.
fn set(stage: &Stage, line: &str) {
    let text = String::from_utf8(stage.read(PROFILE_FILE)).unwrap();
    assert!(text.contains("[settings]\n"), "{text}");
    stage.write(PROFILE_FILE, text.replace("[settings]\n", &format!("[settings]\n{line}\n")));
}

#[test]
fn a_role_is_forgotten() {
    let stage = Stage::new();
    stage.says(["env", "reader"]).done();
    assert_eq!(stage.sessions().len(), 2);
    let out = stage.says(["logout", "reader"]).done();
    assert!(out.starts_with("forgot the session of prod/S3Reader (") && out.ends_with(" were left)\n"), "{out}");
    // The role before it in the chain has a session of its own.
    assert_eq!(stage.sessions().len(), 1);
    snapshot!(stage, ["logout", "reader"], @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    nothing to forget: prod/S3Reader has no session

    ----- stderr -----
    "#);
    snapshot!(stage, ["logout"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: which session?
    hint: name a role or a source, or say --all
    "#);
    snapshot!(stage, ["logout", "nobody-at-all"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: no role matches `nobody-at-all`
    hint: `xsw accounts` lists the roles; `xsw login staff` may bring more
    "#);
    assert_eq!(stage.assumed(), 2);
    stage.says(["env", "reader"]).done();
    assert_eq!(stage.assumed(), 3);
}

#[test]
fn in_a_subshell_its_own_role_is_meant() {
    let stage = Stage::new();
    stage.says(["env", "dev"]).done();
    let mut command = stage.xsw(["logout"]);
    command.env("XSW_ROLE", "hub/Developer");
    let said = run(command);
    assert!(said.out.starts_with("forgot the session of hub/Developer ("), "{said:?}");
    assert!(said.err.contains("eval \"$(xsw env --unset)\""), "{said:?}");
    assert_eq!(stage.sessions(), [""; 0]);
}

#[test]
fn all_sessions_are_forgotten_also_of_roles_that_are_gone() {
    let stage = Stage::new();
    stage.says(["env", "reader"]).done();
    stage.says(["env", "dev"]).done();
    stage.profile("[[accounts]]\nname = \"other\"\nid = \"111111111111\"\n[[accounts.roles]]\nname = \"Other\"\n");
    snapshot!(stage, ["logout", "--all"], @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    forgot 3 sessions

    ----- stderr -----
    note: whoever copied these credentials can use them until they end; the IAM console revokes them (the role's page, Revoke sessions)
    "#);
    assert_eq!(stage.sessions(), [""; 0]);
    snapshot!(stage, ["logout", "--all"], @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    nothing to forget: there is no session

    ----- stderr -----
    "#);
}

#[test]
fn the_sessions_of_a_source_are_forgotten() {
    let stage = Stage::new();
    stage.says(["env", "dev"]).done();
    let out = stage.says(["logout", "demo"]).done();
    assert!(out.starts_with("forgot the session of hub/Developer ("), "{out}");
    assert_eq!(stage.says(["logout", "demo"]).done(), "nothing to forget: no role of demo has a session\n");
    assert_eq!(stage.sessions(), [""; 0]);
}

#[test]
fn the_session_that_an_mfa_code_opened_is_forgotten_with_its_source() {
    let stage = Stage::new();
    stage.says(["env", "admin", "--mfa-code", &stage.mfa_code()]).done();
    stage.says(["logout", "admin"]).done();
    assert_eq!(stage.sessions().len(), 1);
    assert_eq!(stage.says(["logout", "demo"]).done(), "forgot the session that an MFA code was given for\n");
    assert_eq!(stage.sessions(), [""; 0]);
    assert_eq!(stage.says(["logout", "demo"]).done(), "nothing to forget: no role of demo has a session\n");
}

#[test]
fn without_a_cache_nothing_is_at_rest_and_the_trail_is_written() {
    let stage = Stage::new();
    stage.says(["env", "dev"]).done();
    assert_eq!(stage.sessions().len(), 1);
    set(&stage, "cache = \"none\"");
    // What was at rest is not read, and goes.
    stage.says(["ls", "s3://gautamtest-assume-role/", "--as", "reader"]).done();
    assert_eq!(stage.assumed(), 3);
    stage.says(["env", "dev"]).done();
    assert_eq!(stage.assumed(), 4);
    let left = stage.files(&format!("{}/sessions", crate::home::STATE));
    assert!(left.iter().all(|file| file.ends_with(".lock") && stage.read(file).is_empty()), "{left:?}");
    assert_eq!(stage.says(["history", "--json"]).done().lines().count(), 6);
    assert_eq!(stage.says(["logout", "dev"]).done(), "nothing to forget: hub/Developer has no session\n");
}

/// No D-Bus, no keyring: said once, and everything goes on.
#[cfg(target_os = "linux")]
#[test]
fn without_a_keyring_the_word_is_clear_and_all_goes_on() {
    let stage = Stage::new();
    set(&stage, "cache = \"keyring\"");
    snapshot!(stage, ["ls", "s3://gautamtest-assume-role/reports/", "--as", "reader"], @r#"
    success: true
    exit_code: 0
    ----- stdout -----
                                  —  reports/2025/
    [date and time]   747.6 KiB  reports/summary.csv

    ----- stderr -----
    note: sessions are kept for this run alone: no keyring can be reached, because there is no D-Bus session: over SSH, in a container, under WSL or without a desktop that is usual; to keep them in files, write cache = "file" under [settings]
    "#);
    assert_eq!(stage.sessions(), [""; 0]);
    assert!(!stage.files("").iter().any(|file| file.ends_with(".keyring")));
    // A bus address that nobody listens at.
    let mut command = stage.xsw(["exec", "dev", "--", "echo", "done"]);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/at/all");
    let said = run(command);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "done\n"));
    assert!(
        said.err.contains("sessions are kept for this run alone: no keyring can be reached, because no Secret Service"),
        "{said:?}"
    );
    assert!(said.err.contains("cache = \"file\""), "{said:?}");
    assert_eq!(stage.says(["logout", "--all"]).done(), "nothing to forget: there is no session\n");
    // Nothing is there, and nothing had to be asked for.
    assert_eq!(stage.says(["logout", "dev"]).done(), "nothing to forget: hub/Developer has no session\n");
}

/// `.ci/run` starts both. Whoever wants to use a keyring of their own for it says so with XSW_TEST_KEYRING=1: all that
/// xsw has in it goes.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a D-Bus session, an unlocked Secret Service on it, and XSW_TEST_KEYRING=1"]
fn the_real_keyring_keeps_and_forgets_secrets() {
    assert_eq!(std::env::var("XSW_TEST_KEYRING").as_deref(), Ok("1"), "say that the keyring may be used");
    let stage = Stage::new();
    set(&stage, "cache = \"keyring\"");
    let bus = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
    let says = |words: &[&str]| {
        let mut command = stage.xsw(words);
        command.env("DBUS_SESSION_BUS_ADDRESS", &bus);
        run(command)
    };
    let first = says(&["env", "reader", "--format", "json"]);
    assert_eq!(first.err, "");
    let first = first.json();
    // Another process finds them.
    assert_eq!(says(&["env", "reader", "--format", "json"]).json(), first);
    assert_eq!(stage.assumed(), 2);
    for file in stage.files(crate::home::STATE) {
        let text = String::from_utf8_lossy(&stage.read(&file)).into_owned();
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            assert!(!text.contains(first[name].as_str().unwrap()), "{file}");
        }
    }
    // What is shown needs no keyring.
    let accounts = stage.says(["accounts", "--json"]).json();
    assert!(accounts.as_array().unwrap().iter().any(|role| role["session"]["seconds_left"].as_u64() > Some(3000)));

    // Many at once.
    let start = |_| {
        let mut command = stage.xsw(["env", "dev", "--format", "json"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", &bus).stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..8).map(start).collect();
    let printed: Vec<_> = running.into_iter().map(|child| child.wait_with_output().unwrap().stdout).collect();
    assert!(printed.iter().all(|text| !text.is_empty() && text == &printed[0]));
    assert_eq!(stage.assumed(), 3);

    let out = says(&["logout", "reader"]).done();
    assert!(out.starts_with("forgot the session of prod/S3Reader ("), "{out}");
    says(&["env", "reader"]).done();
    assert_eq!(stage.assumed(), 4);

    // Secrets whose files are gone are forgotten too.
    for file in stage.files(crate::home::STATE).iter().filter(|file| file.ends_with(".keyring")) {
        std::fs::remove_file(stage.path(file)).unwrap();
    }
    assert_eq!(says(&["logout", "--all"]).done(), "forgot 3 sessions that had ended, or of which nothing was known\n");
    assert_eq!(says(&["logout", "--all"]).done(), "nothing to forget: there is no session\n");

    // Back to files: what the keyring had goes.
    says(&["env", "dev"]).done();
    let text = String::from_utf8(stage.read(PROFILE_FILE)).unwrap();
    stage.write(PROFILE_FILE, text.replace("cache = \"keyring\"\n", ""));
    says(&["env", "dev"]).done();
    assert_eq!((stage.sessions().len(), stage.assumed()), (1, 6));
    set(&stage, "cache = \"keyring\"");
    assert_eq!(says(&["logout", "--all"]).done(), "forgot 1 session\n");
}

/// A renewing child holds no keys, and gets new ones whatever is forgotten.
#[test]
fn logout_in_a_renewing_shell_says_that_it_goes_on() {
    let stage = Stage::new();
    let said = stage.line("xsw exec --renew dev -- xsw logout");
    assert!(said.out.starts_with("forgot the session of hub/Developer ("), "{said:?}");
    assert!(said.err.contains("note: this shell's session renews itself"), "{said:?}");
    let said = stage.line("xsw exec dev -- xsw logout demo");
    assert!(said.err.contains("note: this shell still holds its session in its variables"), "{said:?}");
}
