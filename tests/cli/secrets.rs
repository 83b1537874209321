//! Secrets stay dark: they are in the environment of a child, in what `xsw env` prints, in a 0600 file, and nowhere else.

use crate::home::{STATE, run};
use crate::stage::Stage;

/// The visitor's access key id and secret access key.
pub fn long_lived_keys(stage: &Stage) -> (String, String) {
    let text = String::from_utf8(stage.read(".aws/credentials")).unwrap();
    let value =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim_matches([' ', '=']).to_owned();
    (value("aws_access_key_id"), value("aws_secret_access_key"))
}

pub fn long_lived_secret(stage: &Stage) -> String {
    long_lived_keys(stage).1
}

#[test]
fn no_verb_but_env_prints_a_secret_and_the_log_holds_none() {
    let stage = Stage::new();
    let code = stage.mfa_code();
    stage.says(["env", "admin", "--mfa-code", &code]).done();
    let mut secrets = vec![long_lived_secret(&stage)];
    for role in ["jump", "reader", "admin", "dev"] {
        let env = stage.says(["env", role, "--format", "json"]).json();
        secrets
            .extend(["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(|name| env[name].as_str().unwrap().to_owned()));
    }
    assert!(secrets.iter().all(|secret| secret.len() >= 16));
    let runs: &[&[&str]] = &[
        &["accounts"],
        &["accounts", "--json"],
        &["whoami"],
        &["whoami", "reader", "--json"],
        &["check"],
        &["check", "--json"],
        &["ls", "--as", "dev"],
        &["ls", "--as", "reader"],
        &["ls", "s3://no-such-bucket-here/", "--as", "dev", "--json"],
        &["get", "s3://gautamtest-assume-role/test.txt", "x", "--as", "reader"],
        &["get", "s3://gautamtest-assume-role/none", "x", "--as", "reader", "--json"],
        &["cat", "s3://gautamtest-assume-role/test.txt", "--as", "admin"],
        &["env", "partner"],
        &["env", "--unset"],
        &["exec", "reader", "--", "no-such-command-anywhere"],
        &["exec", "reader", "--", "sh", "-c", "exit 1"],
        &["history"],
        &["history", "--json"],
        &["logout", "reader"],
        &["logout", "--all"],
        &["history", "--json"],
    ];
    let dark = |text: &str, place: &str| {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret in {place}: {text}");
        }
    };
    for words in runs {
        let mut command = stage.xsw(*words);
        command.env("XSW_LOG", "trace").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        let said = run(command);
        dark(&said.out, &words.join(" "));
        dark(&said.err, &words.join(" "));
    }
    let log = stage.log();
    assert!(log.contains("assumed"), "{log}");
    dark(&log, "the log");
    let trail = String::from_utf8(stage.read(&format!("{STATE}/history.jsonl"))).unwrap();
    assert!(trail.contains("\"assume\"") && trail.contains("\"download\"") && trail.contains("\"refusal\""), "{trail}");
    dark(&trail, "the audit trail");
    let sessions = stage.sessions();
    for file in stage.files("") {
        if !sessions.contains(&file) && file != ".aws/credentials" {
            dark(&String::from_utf8_lossy(&stage.read(&file)), &file);
        }
    }
}

/// What a program that gives credentials says when it fails goes to the person, and rests nowhere.
#[test]
fn the_words_of_a_credential_process_are_not_written_down() {
    let stage = Stage::new();
    stage.write(".aws/credentials", "");
    stage.write(".aws/config", "[profile demo]\ncredential_process = sh -c 'echo very-secret >&2; exit 1'\n");
    let err = stage.says(["env", "dev"]).failed(4);
    assert!(err.contains("very-secret"), "{err}");
    let trail = stage.says(["history", "--json"]).done();
    assert!(trail.contains("\"signed_out\""), "{trail}");
    for file in stage.files(STATE) {
        assert!(!String::from_utf8_lossy(&stage.read(&file)).contains("very-secret"), "{file}");
    }
}
