//! The options of `xsw get`: what happens to files that are there, which objects are meant, what is told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use xsw::demo::{Fault, Object};
use xsw::domain::checksum::Algorithm;

use crate::home::{Said, json_lines};
use crate::stage::{Stage, snapshot};

const KEPT: &str = "s3://hub-artifacts/kept/";

/// Objects in a folder of their own, and the words that get them.
fn stage() -> Stage {
    let stage = Stage::new();
    for (name, text) in [("a.txt", "alpha\n"), ("b.csv", "bravo\n"), ("sub/c.txt", "charlie\n")] {
        stage.cloud().put_object("hub-artifacts", &format!("kept/{name}"), Object::new(text).aged(7200));
    }
    stage
}

fn get(stage: &Stage, more: &[&str]) -> Said {
    stage.says(["get", "-r", KEPT, "out", "--as", "dev"].iter().chain(more))
}

/// Another time than the object's.
fn touch(stage: &Stage, name: &str) {
    let file = File::options().write(true).open(stage.path(name)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

fn texts(stage: &Stage) -> BTreeMap<String, String> {
    let text = |name: String| (name.clone(), String::from_utf8(stage.read(&name)).unwrap());
    stage.files("out").into_iter().map(text).collect()
}

#[track_caller]
fn holds(stage: &Stage, expected: &[(&str, &str)]) {
    let expected: BTreeMap<String, String> =
        expected.iter().map(|(name, text)| (format!("out/{name}"), (*text).to_owned())).collect();
    assert_eq!(texts(stage), expected);
}

const ALL: [(&str, &str); 3] = [("a.txt", "alpha\n"), ("b.csv", "bravo\n"), ("sub/c.txt", "charlie\n")];

#[test]
fn what_is_equal_is_not_fetched_twice() {
    let stage = stage();
    assert_eq!(get(&stage, &[]).err, "note: 3 objects written, 20 B\n");
    let (calls, bytes) = (stage.cloud().calls("s3:GetObject"), stage.cloud().body_bytes());
    assert_eq!(calls, 3);
    for option in
        [&[][..], &["--force"], &["--if-exists", "skip"], &["--if-exists", "rename"], &["--max-memory", "40MiB"]]
    {
        let said = get(&stage, option);
        assert_eq!(said.err, "note: 3 left as they are\n", "{option:?}");
        said.done();
    }
    // The time says nothing any more, and the ETag is the MD5 of what is there.
    ALL.iter().for_each(|(name, _)| touch(&stage, &format!("out/{name}")));
    get(&stage, &[]).done();
    assert_eq!((stage.cloud().calls("s3:GetObject"), stage.cloud().body_bytes()), (calls, bytes));
    holds(&stage, &ALL);
    // One that was told by its name alone is looked at as well, and fetched when that was the wish.
    let one = ["get", "s3://hub-artifacts/kept/a.txt", "out/a.txt", "--as", "dev"];
    assert_eq!(stage.says(one).err, "note: 1 left as it is\n");
    assert_eq!(stage.cloud().calls("s3:GetObject"), calls);
    stage.says(one.iter().chain(&["--force"])).done();
    assert_eq!(stage.cloud().calls("s3:GetObject"), calls + 1);
}

#[test]
fn a_file_that_differs_is_refused_skipped_replaced_or_avoided() {
    let stage = stage();
    let start = |text: &str| {
        _ = fs::remove_dir_all(stage.path("out"));
        stage.write("out/a.txt", text);
    };
    for mine in ["mine", "ALPHA\n"] {
        start(mine);
        let err = get(&stage, &[]).failed(1);
        assert!(
            err.contains("out/a.txt is there already") && err.ends_with("error: 1 of 3 objects not written\n"),
            "{err}"
        );
        holds(&stage, &[("a.txt", mine), ALL[1], ALL[2]]);

        start(mine);
        let said = get(&stage, &["--if-exists", "skip"]);
        assert_eq!(said.err, "note: 2 objects written, 14 B; 1 left as it is\n");
        said.done();
        holds(&stage, &[("a.txt", mine), ALL[1], ALL[2]]);

        for words in [&["--if-exists", "overwrite"][..], &["--force"]] {
            start(mine);
            get(&stage, words).done();
            holds(&stage, &ALL);
        }

        start(mine);
        let said = get(&stage, &["--if-exists", "rename"]);
        assert!(said.err.contains("kept/a.txt goes to a (2).txt: another file has its name\n"), "{}", said.err);
        said.done();
        holds(&stage, &[("a (2).txt", "alpha\n"), ("a.txt", mine), ALL[1], ALL[2]]);
        // The same again finds it under its new name, also when the time says nothing.
        for _ in 0..2 {
            let again = json_lines(&get(&stage, &["--if-exists", "rename", "--json"]).done());
            assert!(again.iter().all(|line| line["type"] == "skipped" && line["reason"] == "equal"), "{again:?}");
            assert!(again.iter().any(|line| line["path"] == "out/a (2).txt"), "{again:?}");
            assert_eq!(stage.files("out").len(), 4);
            touch(&stage, "out/a (2).txt");
        }
        // An object that is another one by now gets one name more.
        stage.cloud().put_object("hub-artifacts", "kept/a.txt", Object::new("newer\n").aged(3600));
        let plan = get(&stage, &["--if-exists", "rename", "--dry-run"]).done();
        assert!(plan.ends_with("  out/a (3).txt\n"), "{plan}");
        let newer = json_lines(&get(&stage, &["--if-exists", "rename", "--json"]).done());
        let written = newer.into_iter().find(|line| line["type"] == "object").unwrap();
        assert_eq!(written["path"], "out/a (3).txt");
        assert_eq!(stage.read("out/a (3).txt"), b"newer\n");
        stage.cloud().put_object("hub-artifacts", "kept/a.txt", Object::new("alpha\n").aged(7200));
    }
    // Nobody to ask: it is refused, as nothing was decided.
    start("mine");
    let said = stage.detached(&format!("get -r {KEPT} out --as dev --if-exists ask"));
    assert!(said.failed(1).contains("out/a.txt is there already"));
    holds(&stage, &[("a.txt", "mine"), ALL[1], ALL[2]]);
    for words in [&["--if-exists", "burn"][..], &["--force", "--if-exists", "skip"]] {
        get(&stage, words).failed(2);
    }
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let stage = stage();
    stage.write("there/a.txt", "mine");
    let before = stage.files("");
    snapshot!(stage, ["get", "-r", KEPT, "out", "--as", "dev", "--dry-run"], @"
    success: true
    exit_code: 0
    ----- stdout -----
           6 B  out/a.txt
           6 B  out/b.csv
           8 B  out/sub/c.txt

    ----- stderr -----
    note: 3 objects would be written, 20 B
    ");
    let said = stage.says(["get", "-r", KEPT, "there", "--as", "dev", "--dry-run", "--if-exists", "skip", "--json"]);
    let lines = json_lines(&said.out);
    let told: Vec<_> = lines.iter().map(|line| (line["type"].as_str(), line["path"].as_str())).collect();
    assert_eq!(told.len(), 3);
    assert!(told.contains(&(Some("skipped"), Some("there/a.txt"))), "{told:?}");
    assert!(told.contains(&(Some("object"), Some("there/sub/c.txt"))), "{told:?}");
    let one = ["get", "s3://hub-artifacts/kept/a.txt", "new/x", "--as", "dev", "--dry-run"];
    assert_eq!(stage.says(one).done(), "       6 B  new/x\n");
    stage.says(["get", "-r", KEPT, "there", "--as", "dev", "--dry-run"]).failed(1);
    let after: Vec<String> = stage.files("").into_iter().filter(|file| !file.starts_with('.')).collect();
    assert_eq!(after, before.into_iter().filter(|file| !file.starts_with('.')).collect::<Vec<_>>());
    assert!(!stage.holds("out") && !stage.holds("new"));
    assert_eq!(stage.cloud().calls("s3:GetObject"), 0);
}

#[test]
fn globs_and_ages_say_which_objects_are_meant() {
    let stage = stage();
    let old = Object::new("old\n").aged(40 * 86_400);
    stage.cloud().put_object("hub-artifacts", "kept/sub/old.txt", old);
    for (words, expected) in [
        (&["--include", "*.txt"][..], &["a.txt", "sub/c.txt", "sub/old.txt"][..]),
        (&["--include", "sub/*"], &["sub/c.txt", "sub/old.txt"]),
        (&["--include", "*.txt", "--include", "*.csv", "--exclude", "old*"], &["a.txt", "b.csv", "sub/c.txt"]),
        (&["--exclude", "*.txt"], &["b.csv"]),
        (&["--newer", "1d"], &["a.txt", "b.csv", "sub/c.txt"]),
        (&["--older", "7d"], &["sub/old.txt"]),
        (&["--older", "1h", "--newer", "30d", "--include", "*.csv"], &["b.csv"]),
    ] {
        let said = get(&stage, words);
        assert_eq!(said.code, Some(0), "{words:?} {said:?}");
        let files: Vec<String> = expected.iter().map(|name| format!("out/{name}")).collect();
        assert_eq!(stage.files("out"), files, "{words:?}");
        fs::remove_dir_all(stage.path("out")).unwrap();
    }
    let said = get(&stage, &["--include", "*.zip"]);
    assert!(said.err.contains("note: nothing there is what was asked for"), "{said:?}");
    said.done();
    for words in [&["--newer", "yesteryear"][..], &["--include", "a[b"]] {
        let err = get(&stage, words).failed(2);
        assert!(err.contains(words[0]), "{err}");
    }
    // They are about what is below a prefix.
    stage.says(["get", "s3://hub-artifacts/kept/a.txt", "--include", "*", "--as", "dev"]).failed(2);
    assert!(!stage.holds("out"));
}

#[test]
fn memory_is_a_size() {
    let stage = stage();
    stage.cloud().put_object("hub-artifacts", "kept/large.bin", Object::made(20 << 20, 5));
    for memory in ["1", "40MiB", "64MiB", "1G"] {
        get(&stage, &["--max-memory", memory]).done();
        assert_eq!(stage.path("out/large.bin").metadata().unwrap().len(), 20 << 20);
        fs::remove_dir_all(stage.path("out")).unwrap();
    }
    for memory in ["", "lots", "-1", "12 parsecs", "\u{1b}[2J"] {
        let err = get(&stage, &[&format!("--max-memory={memory}")]).failed(2);
        assert!(err.contains("is no size") && !err.contains('\u{1b}'), "{err}");
    }
    assert!(!stage.holds("out"));
}

/// Every kind of checksum that S3 gives, and what has none, small and in ranges.
#[test]
fn objects_are_compared_with_what_they_have() {
    let stage = Stage::new();
    let kinds = [
        ("crc64nvme", Algorithm::Crc64Nvme, json!("CRC64NVME")),
        ("crc32", Algorithm::Crc32, json!("CRC32")),
        ("crc32c", Algorithm::Crc32c, json!("CRC32C")),
        ("sha1", Algorithm::Sha1, json!("SHA1")),
        ("sha256", Algorithm::Sha256, json!("SHA256")),
        ("md5", Algorithm::Md5, json!("MD5")),
    ];
    let mut expected = BTreeMap::new();
    for (place, size) in [10, (1 << 20) + 1, (9 << 20) + 7].into_iter().enumerate() {
        for (name, algorithm, checked) in &kinds {
            let name = format!("sums/{place}/{name}");
            stage.cloud().put_object("hub-artifacts", &name, Object::made(size, 7).checksum(*algorithm));
            expected.insert(name, checked.clone());
        }
        let parts = Object::made(size, 7).checksum(Algorithm::Sha256).multipart(5 << 20);
        stage.cloud().put_object("hub-artifacts", &format!("sums/{place}/of-parts"), parts);
        expected.insert(format!("sums/{place}/of-parts"), Value::Null);
    }
    let said = stage.says(["get", "-r", "s3://hub-artifacts/sums/", "out", "--as", "dev", "--json"]);
    let lines = json_lines(&said.out);
    let told: BTreeMap<String, Value> = lines
        .iter()
        .map(|line| (line["uri"].as_str().unwrap()["s3://hub-artifacts/".len()..].to_owned(), line["checked"].clone()))
        .collect();
    assert_eq!(told, expected);
    let said = stage.says(["get", "s3://hub-artifacts/sums/0/of-parts", "alone", "--as", "dev"]);
    let note = "note: 1 object with no checksum of the whole: the length alone was compared\n";
    assert!(said.err.ends_with(note), "{said:?}");

    // What came damaged every time is not written, whatever the checksum; what has none is.
    for (name, checked) in expected.iter().filter(|(name, _)| !name.starts_with("sums/2")) {
        let object = format!("hub-artifacts/{name}");
        stage.cloud().plan_for("s3:GetObject", &object, 4, Fault::flip(3));
        let said = stage.says(["get", &format!("s3://{object}"), "wrong/file", "--as", "dev", "--json"]);
        assert_eq!(said.code, Some(i32::from(!checked.is_null())), "{name} {said:?}");
        if let Some(algorithm) = checked.as_str() {
            assert!(said.err.contains(algorithm), "{name} {said:?}");
            assert_eq!(stage.files("wrong"), [""; 0], "{name}");
        }
        _ = fs::remove_file(stage.path("wrong/file"));
    }
}

#[test]
fn every_kind_of_line_in_json() {
    let stage = stage();
    stage.cloud().put_object("hub-artifacts", "kept/cold.tar", Object::new("cold").storage_class("GLACIER"));
    stage.cloud().put_object("hub-artifacts", "kept/..", Object::new("trick"));
    stage.cloud().put_object("hub-artifacts", "kept/damaged.txt", Object::new("damaged"));
    stage.cloud().plan_for("s3:GetObject", "hub-artifacts/kept/damaged.txt", 1, Fault::flip(1));
    stage.write("out/a.txt", "alpha\n");
    stage.write("out/b.csv", "mine");
    let said = get(&stage, &["--json", "--if-exists", "skip"]);
    let mut lines = json_lines(&said.out);
    lines.sort_by_key(|line| (line["uri"].to_string(), line["type"].to_string()));
    let uri = |name: &str| format!("{KEPT}{name}");
    let hint = "the object is archived; restore a copy, then wait for it: aws s3api restore-object --bucket hub-artifacts \
                --key kept/cold.tar --restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'";
    let cold = "s3:GetObject failed: InvalidObjectState: The operation is not valid for the object's storage class";
    let written = |name: &str, size: u64| {
        let path = format!("out/{name}");
        json!({ "type": "object", "uri": uri(name), "path": path, "size": size, "checked": "CRC64NVME" })
    };
    let skipped = |name: &str, reason: &str| {
        let path = format!("out/{name}");
        json!({ "type": "skipped", "uri": uri(name), "path": path, "size": 6, "checked": null, "reason": reason })
    };
    assert_eq!(lines[0]["kind"], "unsafe_key");
    assert_eq!(
        lines[1..],
        [
            skipped("a.txt", "equal"),
            skipped("b.csv", "exists"),
            json!({ "type": "failed", "uri": uri("cold.tar"), "error": cold, "hint": hint, "kind": "aws" }),
            written("damaged.txt", 7),
            written("sub/c.txt", 8),
        ]
    );
    // What happened on the way is no result.
    assert!(said.err.contains("kept/damaged.txt came damaged; it is fetched anew"), "{}", said.err);
    let error: Value = serde_json::from_str(said.failed(1).lines().last().unwrap()).unwrap();
    assert_eq!(error, json!({ "error": "2 of 6 objects not written", "hint": null, "kind": "partial" }));
}

#[test]
fn what_is_archived_fails_with_its_hint_and_the_rest_goes_on() {
    let stage = stage();
    for name in ["one.tar", "two.tar"] {
        stage.cloud().put_object("hub-artifacts", &format!("kept/{name}"), Object::new(name).storage_class("GLACIER"));
    }
    let large = Object::made(9 << 20, 1).storage_class("DEEP_ARCHIVE");
    stage.cloud().put_object("hub-artifacts", "kept/three.tar", large);
    let err = get(&stage, &[]).failed(1);
    for name in ["one.tar", "two.tar", "three.tar"] {
        assert!(err.contains(&format!("{KEPT}{name}: s3:GetObject failed: InvalidObjectState")), "{err}");
    }
    assert_eq!(err.matches("hint: the object is archived; restore a copy").count(), 1, "{err}");
    assert!(err.contains("note: 3 objects written, 20 B\n"), "{err}");
    holds(&stage, &ALL);
}
