//! `xsw find`: objects by name, size and age.

use xsw::demo::Object;

use crate::home::json_lines;
use crate::stage::{Stage, snapshot};

/// The keys that are found, one in each line.
fn found(stage: &Stage, words: &str) -> String {
    let words = format!("find s3://gautamtest-assume-role/ --as reader --json {words}");
    let lines = json_lines(&stage.says(words.split(' ').filter(|word| !word.is_empty())).done());
    lines.iter().map(|line| line["key"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn objects_are_found_by_name_size_and_age() {
    let stage = Stage::new();
    for (words, keys) in [
        ("--name test*", "test.txt test2.txt"),
        ("--name *.csv --not-name report*", "reports/summary.csv"),
        ("--name *.bin --name *.tar", "archive-2024.tar big.bin"),
        ("--name reports/2025/0[12]/*", "reports/2025/01/report.csv reports/2025/02/report.csv"),
        ("--size +1MiB", "archive-2024.tar big.bin"),
        ("--size +1MiB --size -1GB", "big.bin"),
        ("--size 22", "test.txt"),
        ("--size -23B --not-name report.csv", "test.txt test2.txt"),
        ("--newer 1d", "reports/summary.csv"),
        ("--newer 4d --older 1d", "test.txt test2.txt"),
        ("--older 370d", "archive-2024.tar"),
        ("--older 2000-01-01", ""),
    ] {
        assert_eq!(found(&stage, words), keys, "{words}");
    }
}

#[test]
fn names_with_a_slash_are_about_what_is_behind_the_prefix() {
    let stage = Stage::new();
    let words =
        ["find", "s3://gautamtest-assume-role/reports/2025/", "--as", "reader", "--name", "03/*", "--summarize"];
    snapshot!(stage, words, @"
    success: true
    exit_code: 0
    ----- stdout -----
    [date and time]        25 B  reports/2025/03/report.csv
    1 object, 25 B

    ----- stderr -----
    ");
}

#[test]
fn find_as_json_lines() {
    let stage = Stage::new();
    let words = "find s3://gautamtest-assume-role/ --as reader --json --summarize --name big.bin";
    let lines = json_lines(&stage.says(words.split(' ')).done());
    assert_eq!(lines[0]["type"], "object");
    assert_eq!((&lines[0]["key"], &lines[0]["size"]), (&"big.bin".into(), &(24 << 20).into()));
    assert_eq!(lines[1], serde_json::json!({ "type": "summary", "objects": 1, "size": 24 << 20 }));
}

/// For other programs: names alone, and such that a line end in one divides nothing.
#[test]
fn names_alone_go_through_a_pipe() {
    let stage = Stage::new();
    for (key, text) in [("in/a b", "one"), ("in/c\nd", "two"), ("in/'e'", "three")] {
        stage.cloud().put_object("hub-artifacts", key, Object::new(text));
    }
    let find = ["find", "s3://hub-artifacts/in/", "--as", "dev", "--not-name", "c*"];
    assert_eq!(
        stage.says(find.into_iter().chain(["--uri"])).done(),
        "s3://hub-artifacts/in/'e'\ns3://hub-artifacts/in/a b\n"
    );
    let of_all = "xsw find s3://hub-artifacts/in/ --as dev";
    assert_eq!(stage.line(&format!("{of_all} -0 | tr '\\0' '|'")).done(), "in/'e'|in/a b|in/c\nd|");
    assert_eq!(stage.line(&format!("{of_all} -0 --uri | xargs -0 xsw cat --as dev")).done(), "threeonetwo");
    stage.says(find.into_iter().chain(["--uri", "--json"])).failed(2);
}

#[test]
fn words_that_mean_nothing_are_told() {
    let stage = Stage::new();
    for (option, word, message) in [
        ("--size", "big", "error: --size: big is no size\nhint: write +1MiB"),
        ("--newer", "soon", "error: --newer: soon is no time\nhint: write 30m"),
        ("--older", "9", "error: --older: 9 is no time\nhint: write 30m"),
        ("--name", "[a", "error: --name: error parsing glob '[a'"),
    ] {
        let said = stage.says(["find", "s3://gautamtest-assume-role/", "--as", "reader", option, word]);
        assert_eq!((said.code, &*said.out), (Some(2), ""), "{said:?}");
        assert!(said.err.starts_with(message), "{said:?}");
    }
    assert_eq!(stage.cloud().calls("s3:ListObjectsV2"), 0);
    let said = stage.says(["find", "s3://gautamtest-assume-role/nothing", "--as", "reader"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.starts_with("error: nothing begins with s3://gautamtest-assume-role/nothing"), "{said:?}");
}
