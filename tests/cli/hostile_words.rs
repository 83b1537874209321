//! A key with a backslash and an escape sequence in all that is said of it: made visible once, and not twice.

use xsw::demo::{Fault, Object};
use xsw::domain::restore::restore_command;
use xsw::domain::uri::S3Uri;

use crate::home::json_lines;
use crate::stage::Stage;

const KEY: &str = "back\\slash\u{1b}[2J";
const SHOWN: &str = r"s3://hub-artifacts/back\\slash\x1b[2J";

fn stage() -> (Stage, String) {
    (Stage::new(), format!("s3://hub-artifacts/{KEY}"))
}

#[test]
fn errors() {
    let (stage, uri) = stage();
    for (words, error) in [
        (vec!["get", &uri, "x"], format!("error: there is no {SHOWN}\n")),
        (vec!["cat", &uri], format!("error: there is no {SHOWN}\n")),
        (vec!["ls", &uri], format!("error: nothing begins with {SHOWN}\n")),
        (vec!["get", &format!("{uri}/"), "x"], format!("error: {SHOWN}/ is no object\n")),
        (vec!["find", &uri, "--name", "\\"], "error: --name: error parsing glob '\\\\': dangling '\\\\'\n".into()),
    ] {
        let said = stage.says(words.iter().copied().chain(["--as", "dev"]));
        assert!(said.err.starts_with(&error), "{words:?}: {}", said.err);
    }
}

/// What is to be pasted into a shell stands there as the shell wants it.
#[test]
fn a_hint_is_the_command_itself() {
    let (stage, uri) = stage();
    stage.cloud().put_object("hub-artifacts", KEY, Object::new("cold").storage_class("GLACIER"));
    let command = restore_command(&S3Uri::new("hub-artifacts", KEY), None, "GLACIER");
    assert!(command.contains(r"--key $'back\\slash\033[2J'"), "{command}");
    let err = stage.says(["get", &uri, "x", "--as", "dev"]).failed(1);
    assert!(err.contains(&format!(": {command}\n")), "{err}");
    let said = stage.says(["get", &uri, "x", "--as", "dev", "--json"]);
    let line = &json_lines(&said.out)[0];
    assert_eq!(line["uri"], uri);
    assert!(line["hint"].as_str().unwrap().ends_with(&command), "{line}");
    let error: serde_json::Value = serde_json::from_str(&said.failed(1)).unwrap();
    assert!(error["hint"].as_str().unwrap().ends_with(&command), "{error}");
}

#[test]
fn notes() {
    let (stage, uri) = stage();
    stage.cloud().put_object("hub-artifacts", KEY, Object::new("all right"));
    stage.cloud().plan("s3:GetObject", 1, Fault::flip(0));
    let said = stage.says(["get", &uri, "x", "--as", "dev", "--json"]);
    assert!(said.err.starts_with(&format!("note: {SHOWN} came damaged; it is fetched anew\n")), "{}", said.err);
    let lines = json_lines(&said.out);
    assert!(lines.iter().all(|line| line["uri"] == uri), "{}", said.out);
    assert_eq!(stage.read("x"), b"all right");
    said.done();
}
