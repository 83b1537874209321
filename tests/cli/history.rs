//! The audit trail: what is written down, and `xsw history`.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::Value;

use crate::home::{Home, STATE, json_lines, run};
use crate::stage::Stage;

fn trail(stage: &Stage, words: &[&str]) -> Vec<Value> {
    json_lines(&stage.says(["history", "--json"].iter().chain(words)).done())
}

const KEYS: [&str; 19] = [
    "time",
    "event",
    "user",
    "host",
    "source",
    "account",
    "account_id",
    "role",
    "alias",
    "role_arn",
    "session_name",
    "source_identity",
    "access_key_id",
    "session_arn",
    "expiration",
    "outcome",
    "error",
    "duration_ms",
    "details",
];

#[test]
fn an_assumed_role_is_written_down_as_cloudtrail_has_it() {
    let stage = Stage::new();
    let session = stage.says(["env", "dev", "--format", "json"]).json();
    // The living session is used again, which is no assume.
    stage.says(["env", "dev"]).done();
    let printed = trail(&stage, &["--event", "env"]);
    assert_eq!(printed.len(), 2);
    assert_eq!(printed[0]["access_key_id"], session["AWS_ACCESS_KEY_ID"]);
    let lines = trail(&stage, &["--event", "assume"]);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    let mut keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    keys.sort();
    let mut known = KEYS;
    known.sort_unstable();
    assert_eq!(keys, known);
    for (key, value) in [
        ("event", "assume".into()),
        ("user", "me".into()),
        ("source", "demo".into()),
        ("account", "hub".into()),
        ("account_id", "111111111111".into()),
        ("role", "Developer".into()),
        ("role_arn", "arn:aws:iam::111111111111:role/Developer".into()),
        ("access_key_id", session["AWS_ACCESS_KEY_ID"].clone()),
        ("source_identity", Value::Null),
        ("outcome", "ok".into()),
        ("error", Value::Null),
    ] {
        assert_eq!(line[key], value, "{key}");
    }
    let name = line["session_name"].as_str().unwrap();
    assert!(name.starts_with("me@") && line["session_arn"].as_str().unwrap().ends_with(&format!("/Developer/{name}")));
    let end = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(end(&line["expiration"]).as_second(), end(&session["AWS_CREDENTIAL_EXPIRATION"]).as_second());
    assert!(end(&line["time"]) <= jiff::Timestamp::now() && line["duration_ms"].as_i64().unwrap() < 20_000);

    let file = stage.path(STATE).join("history.jsonl");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(String::from_utf8(std::fs::read(file).unwrap()).unwrap().lines().count(), 3);
}

#[test]
fn a_refused_role_is_written_down() {
    let stage = Stage::new();
    stage.says(["env", "partner"]).failed(3);
    let lines = trail(&stage, &[]);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((&line["event"], &line["outcome"]), (&"assume".into(), &"denied".into()));
    assert!(line["error"].as_str().unwrap().contains("not allowed to sts:AssumeRole on"), "{line}");
    assert!(line["session_name"].as_str().unwrap().starts_with("me@"));
    assert!(line["access_key_id"].is_null() && line["session_arn"].is_null() && line["expiration"].is_null());
}

#[test]
fn a_download_is_one_line_and_so_are_many_refusals() {
    let stage = Stage::new();
    stage.says(["get", "-r", "s3://gautamtest-assume-role/reports/", "here", "--as", "reader"]).done();
    let lines = trail(&stage, &["--event", "download"]);
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    let files = stage.files("here");
    let size: u64 = files.iter().map(|file| stage.read(file).len() as u64).sum();
    assert!(files.len() > 1, "{files:?}");
    let details = serde_json::json!({
        "buckets": ["gautamtest-assume-role"], "objects": files.len(), "bytes": size, "failed": 0
    });
    assert_eq!((&line["details"], &line["outcome"]), (&details, &"ok".into()));
    assert!(line["access_key_id"].as_str().unwrap().starts_with("ASIA"));

    // A listing that is refused: the refusal, and the job that came to nothing.
    stage.says(["get", "-r", "s3://gautamtest-assume-role/", "there", "--as", "dev"]).failed(3);
    let lines = trail(&stage, &["--role", "dev"]);
    let told: Vec<_> =
        lines.iter().map(|line| (line["event"].as_str().unwrap(), line["outcome"].as_str().unwrap())).collect();
    assert!(told.contains(&("refusal", "denied")) && told.contains(&("download", "denied")), "{told:?}");

    // Several objects that are refused one by one.
    let paths = ["test.txt", "test2.txt", "big.bin"].map(|key| format!("s3://gautamtest-assume-role/{key}"));
    stage.says(["get"].into_iter().chain(paths.iter().map(String::as_str)).chain(["there", "--as", "dev"])).failed(1);
    let refused: Vec<_> = trail(&stage, &["--event", "refusal"])
        .into_iter()
        .filter(|line| line["details"]["action"] == "s3:GetObject")
        .collect();
    let [line] = refused.as_slice() else { panic!("{refused:#?}") };
    assert!(
        line["details"]["resource"].as_str().unwrap().starts_with("arn:aws:s3:::gautamtest-assume-role/"),
        "{line}"
    );
    assert_eq!(line["outcome"], "denied");
    let partial = trail(&stage, &["--event", "download", "-n", "1"]);
    assert_eq!((&partial[0]["outcome"], &partial[0]["details"]["failed"]), (&"partial".into(), &3.into()));
}

#[test]
fn objects_that_are_printed_are_a_download() {
    let stage = Stage::new();
    let [one, two, none] = ["test.txt", "test2.txt", "none"].map(|key| format!("s3://gautamtest-assume-role/{key}"));
    let printed = stage.says(["cat", &one, &two, "--as", "reader"]).done();
    stage.says(["cat", &one, &none, &two, "--as", "reader"]).failed(1);
    stage.says(["cat", &one, "--as", "dev"]).failed(3);
    // Names no object: nothing is asked for.
    stage.says(["cat", &one, "s3://gautamtest-assume-role/", "--as", "reader"]).failed(2);
    let lines = trail(&stage, &["--event", "download"]);
    let told: Vec<_> = lines.iter().map(|line| (line["details"].clone(), line["outcome"].clone())).collect();
    let details = |objects: u64, bytes: usize, failed: u64| {
        serde_json::json!({
            "buckets": ["gautamtest-assume-role"], "objects": objects, "bytes": bytes, "failed": failed
        })
    };
    let first = "hello from production\n".len();
    assert_eq!(
        told,
        [
            (details(2, printed.len(), 0), "ok".into()),
            (details(1, first, 1), "not_found".into()),
            (details(0, 0, 1), "denied".into()),
        ]
    );
    assert!(lines[0]["access_key_id"].as_str().unwrap().starts_with("ASIA"));
}

/// A program by its name alone: its folder, its arguments and its environment may hold a secret.
#[test]
fn commands_are_written_down_without_their_arguments() {
    let stage = Stage::new();
    stage.says(["exec", "dev", "--", "/bin/sh", "-c", "exit 7 # token-in-an-argument"]).failed(7);
    stage.says(["exec", "dev", "--renew", "--", "true"]).done();
    stage.says(["exec", "dev", "--", "/nowhere/at-all"]).failed(127);
    let lines = trail(&stage, &["--event", "exec"]);
    let told: Vec<_> = lines.iter().map(|line| (line["details"].clone(), line["outcome"].clone())).collect();
    assert_eq!(
        told,
        [
            (serde_json::json!({ "program": "sh", "arguments": 2, "status": 7 }), "ok".into()),
            (serde_json::json!({ "program": "true", "arguments": 0, "status": 0, "renews": true }), "ok".into()),
            (serde_json::json!({ "program": "at-all", "arguments": 0, "status": null }), "child".into()),
        ]
    );
    assert!(!String::from_utf8_lossy(&stage.read(&format!("{STATE}/history.jsonl"))).contains("token-in"));
    let mut shell = stage.xsw(["shell", "dev"]);
    shell.env("SHELL", "/bin/sh").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(shell.status().unwrap().success());
    assert_eq!(trail(&stage, &["--event", "shell"])[0]["details"]["program"], "sh");
}

/// One write for each line: no two processes mix theirs.
#[test]
fn parallel_processes_write_whole_lines() {
    let stage = Stage::new();
    let start = |_| stage.xsw(["env", "partner"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let running: Vec<_> = (0..8).map(start).collect();
    running.into_iter().for_each(|mut child| _ = child.wait().unwrap());
    let said = stage.says(["history", "--json"]);
    assert_eq!((said.err.as_str(), json_lines(&said.out).len()), ("", 8));
}

#[test]
fn filters_choose_and_the_newest_is_last() {
    let stage = Stage::new();
    stage.says(["whoami", "reader"]).done();
    stage.says(["whoami", "partner"]).failed(3);
    let roles = |words: &[&str]| -> Vec<String> {
        trail(&stage, words).iter().map(|line| line["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&[]), ["Jump", "S3Reader", "Partner"]);
    assert_eq!(roles(&["--role", "prod/S3Reader"]), ["S3Reader"]);
    assert_eq!(roles(&["--role", "READER"]), ["S3Reader"]);
    assert_eq!(roles(&["--role", "arn:aws:iam::333333333333:role/"]), ["Partner"]);
    assert_eq!(roles(&["-n", "2"]), ["S3Reader", "Partner"]);
    assert_eq!(roles(&["-n", "0"]), [""; 0]);
    assert_eq!(roles(&["--event", "assume", "--since", "1h"]).len(), 3);
    assert_eq!(roles(&["--event", "exec"]), [""; 0]);
    // Whatever AWS denied is a refusal.
    assert_eq!(roles(&["--event", "refusal"]), ["Partner"]);
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    assert_eq!(roles(&["--since", &later]), [""; 0]);

    let table = stage.says(["history"]).done();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(
        rows[0].contains("  assume  hub/Jump ") && rows[0].contains("  ok  ") && rows[0].contains("  me@"),
        "{table}"
    );
    assert!(
        rows[2].contains("  audit/Partner  denied  ") && rows[2].contains("  not allowed to sts:AssumeRole"),
        "{table}"
    );

    let err = stage.says(["history", "--event", "asume"]).failed(2);
    assert_eq!(err, "error: there is no event asume\nhint: did you mean assume?\n");
    let err = stage.says(["history", "--since", "yesterday"]).failed(2);
    assert!(err.contains("hint: write 30m, 12h, 7d, 2026-11-01"), "{err}");
}

const LINE: &str = r#"{"time":"2026-11-22T09:30:00.5Z","event":"exec","user":"me","host":"h","source":"corp","account":"prod","account_id":"222222222222","role":"R","alias":null,"role_arn":null,"session_name":"me@h","source_identity":null,"access_key_id":"ASIAX","session_arn":null,"expiration":null,"outcome":"ok","error":null,"duration_ms":61000,"details":{"program":"tool","arguments":2,"status":7}}"#;

#[test]
fn it_is_read_without_a_profile_file_from_full_files_too_and_corrupt_lines_are_told() {
    let home = Home::new();
    let said = run(home.xsw(["history"]));
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""));
    assert!(said.err.contains("there is no audit trail yet"), "{said:?}");

    let at = |hour: u32| LINE.replace("T09", &format!("T{hour:02}"));
    home.write(&format!("{STATE}/history.2.jsonl"), at(1) + "\n");
    home.write(&format!("{STATE}/history.1.jsonl"), at(2) + "\n{\"half\":");
    // A shell that began before the rest ended after them, and stands after them.
    home.write(&format!("{STATE}/history.jsonl"), format!("{}\nnonsense\n\n{}\n", at(4), at(3)));
    let said = run(home.xsw(["history", "--json"]));
    assert_eq!(said.err, "note: 2 lines of the audit trail are not readable and left out\n");
    assert_eq!(said.out, (1..=4).map(|hour| at(hour) + "\n").collect::<String>());
    let said = run(home.xsw(["history", "-n", "1"]));
    assert_eq!(said.out, "2026-11-22 04:30:00  exec  prod/R  ok  1 min  tool (2 arguments), status 7\n");
}

#[test]
fn nothing_in_it_reaches_a_terminal_unescaped() {
    let home = Home::new();
    let hostile = "\\u001b]0;x\\u0007\u{9b}31m\u{202e}";
    home.write(
        &format!("{STATE}/history.jsonl"),
        LINE.replace("prod", hostile)
            .replace("tool", hostile)
            .replace("\"ok\",\"error\":null", &format!("\"{hostile}\",\"error\":\"{hostile}\""))
            + "\n",
    );
    for words in [&["history"][..], &["history", "--json"]] {
        let out = run(home.xsw(words)).done();
        assert!(out.len() > 80 && !out.trim_end().contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{out:?}");
    }
    let line = json_lines(&run(home.xsw(["history", "--json"])).done()).remove(0);
    assert_eq!(line["account"], "\u{1b}]0;x\u{7}\u{9b}31m\u{202e}");
}

#[test]
fn a_trail_of_several_megabytes_is_read_at_once() {
    let home = Home::new();
    let lines = (LINE.to_owned() + "\n").repeat((1 << 20) / LINE.len());
    for name in ["history.3", "history.2", "history.1", "history"] {
        home.write(&format!("{STATE}/{name}.jsonl"), &lines);
    }
    let start = std::time::Instant::now();
    assert_eq!(run(home.xsw(["history", "-n", "5"])).done().lines().count(), 5);
    // This is a debug build; the release build takes a tenth.
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}
