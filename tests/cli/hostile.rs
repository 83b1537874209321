//! Keys are strangers' text: nothing is written outside the chosen folder, nothing reaches the terminal raw.

use std::fs;
use std::os::unix::fs::symlink;

use crate::home::json_lines;
use crate::stage::Stage;

/// Some keys of the bucket and whether they may become files (FIELD.md).
const KEYS: &[(&str, Option<&str>)] = &[
    ("harmless.txt", Some("harmless.txt")),
    ("~/.ssh/authorized_keys", Some("~/.ssh/authorized_keys")),
    ("-rf", Some("-rf")),
    ("with space.txt", Some("with space.txt")),
    ("plus+sign.txt", Some("plus+sign.txt")),
    ("percent%2Fslash.txt", Some("percent%2Fslash.txt")),
    ("emoji-🦀.txt", Some("emoji-🦀.txt")),
    ("clear\u{1b}[2J.tar", Some("clear\u{1b}[2J.tar")),
    ("../outside.txt", None),
    ("../../etc/cron.d/x", None),
    ("/etc/x", None),
    ("a//b", None),
    ("a/./b", None),
    ("a/../../b", None),
    ("..", None),
    ("folder/", None),
    ("nul\0byte", None),
    ("back\\slash", None),
    ("..\\outside.txt", None),
    ("C:\\x", None),
    ("CON", None),
    ("aux.txt", None),
];

#[test]
fn a_hostile_bucket_stays_within_its_folder() {
    let stage = Stage::new();
    stage.says(["env", "sprint"]).done();
    let before = stage.files("");
    let said = stage.says(["get", "-r", "s3://prod-hostile-keys/", "a/b/target", "--as", "sprint", "--json"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let lines = json_lines(&said.out);
    let uri = |key: &str| format!("s3://prod-hostile-keys/{key}");
    for (key, file) in KEYS {
        let line = lines.iter().find(|line| line["uri"] == *uri(key)).unwrap_or_else(|| panic!("{key:?} is not told"));
        match file {
            Some(file) => {
                assert_eq!(line["type"], "object", "{line}");
                let text = format!("The key of this object is {key:?}.\n");
                let text = if *key == "harmless.txt" { "Nothing wrong with this one.\n".into() } else { text };
                assert_eq!(String::from_utf8_lossy(&stage.read(&format!("a/b/target/{file}"))), text);
            }
            None => assert_eq!(
                (line["type"].as_str(), line["kind"].as_str()),
                (Some("failed"), Some("unsafe_key")),
                "{line}"
            ),
        }
    }
    let long = lines.iter().find(|line| line["uri"] == *uri(&"n".repeat(300))).unwrap();
    assert_eq!(long["kind"], "unsafe_key");

    let all = stage.says(["ls", "-r", "s3://prod-hostile-keys/", "--as", "sprint", "--json"]).done().lines().count();
    assert_eq!(lines.len(), all);
    let done = lines.iter().filter(|line| line["type"] == "object").count();
    assert_eq!(stage.files("a").len(), done);
    let outside: Vec<String> = stage.files("").into_iter().filter(|file| !file.starts_with("a/b/target/")).collect();
    assert_eq!(outside, before);
}

#[test]
fn each_refused_key_is_told_on_a_line_that_a_terminal_can_show() {
    let stage = Stage::new();
    let said = stage.says(["get", "-r", "s3://prod-hostile-keys/", "target", "--as", "sprint"]);
    let err = said.failed(1);
    for (key, file) in KEYS {
        let told = err
            .lines()
            .any(|line| line.starts_with(&format!("note: {} is not written: ", xsw::domain::text::escaped(key))));
        assert_eq!(told, file.is_none(), "{key:?}\n{err}");
    }
    assert!(err.chars().all(|c| c == '\n' || !c.is_control()), "{err:?}");
    let last = err.lines().last().unwrap();
    assert!(last.starts_with("error: ") && last.ends_with(" objects not written"), "{last}");
}

/// A key alone may be given a name of one's own.
#[test]
fn a_refused_key_can_be_had_under_another_name() {
    let stage = Stage::new();
    let uri = "s3://prod-hostile-keys/../outside.txt";
    let err = stage.says(["get", uri, "folder/", "--as", "sprint"]);
    // `..` is part of the key and leads nowhere: its name here is outside.txt.
    assert_eq!(err.code, Some(0), "{err:?}");
    assert_eq!(stage.files("folder"), ["folder/outside.txt"]);
    stage.says(["get", "s3://prod-hostile-keys/..", "folder/", "--as", "sprint"]).failed(1);
    stage.says(["get", "s3://prod-hostile-keys/..", "folder/two-dots", "--as", "sprint"]).done();
    assert_eq!(stage.files("folder"), ["folder/outside.txt", "folder/two-dots"]);
}

#[test]
fn a_symlink_inside_the_target_is_not_followed() {
    let stage = Stage::new();
    fs::create_dir_all(stage.path("elsewhere")).unwrap();
    fs::create_dir_all(stage.path("target/2025")).unwrap();
    symlink(stage.path("elsewhere"), stage.path("target/2025/03")).unwrap();
    symlink(stage.path("elsewhere/new.csv"), stage.path("target/summary.csv")).unwrap();
    let words = ["get", "-r", "s3://gautamtest-assume-role/reports/", "target", "--as", "reader"];
    let err = stage.says(words).failed(1);
    assert!(err.contains("target/2025/03: a symlink stands there"), "{err}");
    assert!(err.contains("target/summary.csv is there already"), "{err}");
    assert!(err.ends_with("error: 2 of 13 objects not written\n"), "{err}");
    assert_eq!(stage.files("elsewhere"), [""; 0]);
    // With --force the link itself gives way to the file; what it names stays untouched.
    stage.says(words.into_iter().chain(["--force"])).failed(1);
    assert!(stage.path("target/summary.csv").symlink_metadata().unwrap().is_file());
    assert_eq!(stage.files("elsewhere"), [""; 0]);
}
