//! Keys are strangers' text: nothing is written outside the chosen folder, nothing reaches the terminal raw.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use xsw::demo::Object;
use xsw::domain::local_path::local_path;
use xsw::domain::transfer::IfExists;
use xsw::domain::uri::S3Uri;
use xsw::ops::download::{Job, Pick, Wishes};

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
    // Here they are two; where they are one the second is refused.
    ("Case.txt", Some("Case.txt")),
    ("case.txt", Some("case.txt")),
    ("trailing-dot.", Some("trailing-dot.")),
    ("trailing-space ", Some("trailing-space ")),
    ("title\u{1b}]0;owned\u{7}.txt", Some("title\u{1b}]0;owned\u{7}.txt")),
    ("c1\u{9b}31m.txt", Some("c1\u{9b}31m.txt")),
    ("invoice\rreport.txt", Some("invoice\rreport.txt")),
    ("two\nlines.txt", Some("two\nlines.txt")),
    ("invoice\u{202e}fdp.exe", Some("invoice\u{202e}fdp.exe")),
    ("zero\u{200b}width.txt", Some("zero\u{200b}width.txt")),
    ("zerowidth.txt", Some("zerowidth.txt")),
    ("日本語の請求書.pdf", Some("日本語の請求書.pdf")),
    ("cafe\u{301}.txt", Some("cafe\u{301}.txt")),
    ("café.txt", Some("café.txt")),
    ("percent%.txt", Some("percent%.txt")),
    (" leading-space.txt", Some(" leading-space.txt")),
    ("and&equals=.txt", Some("and&equals=.txt")),
    ("question?hash#.txt", Some("question?hash#.txt")),
    ("quote'\"<xml>.txt", Some("quote'\"<xml>.txt")),
    ("star*brackets[1]{2}.txt", Some("star*brackets[1]{2}.txt")),
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

/// A key that is both a file and a folder: one of the two is written, the other is told, neither harms the other.
#[test]
fn a_key_that_is_a_file_and_a_folder_is_one_of_them() {
    let stage = Stage::new();
    let said = stage.says(["get", "-r", "s3://prod-hostile-keys/both", "out", "--as", "sprint", "--json"]);
    let lines = json_lines(&said.out);
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("object"), of("failed"), lines.len()), (1, 1, 2), "{said:?}");
    assert_eq!(stage.files("out").len(), 1);
    said.failed(1);
}

/// `NAME.xsw-part` as a key would be the unfinished file of another one.
#[test]
fn a_key_that_looks_like_an_unfinished_file_is_refused() {
    let stage = Stage::new();
    for key in [".big.xsw-part", "sub/.a.xsw-part", ".BIG.XSW-PART", "x.xsw-part"] {
        stage.cloud().put_object("hub-artifacts", &format!("parts/{key}"), Object::new("theirs"));
    }
    stage.cloud().put_object("hub-artifacts", "parts/big", Object::made(9 << 20, 1));
    let err = stage.says(["get", "-r", "s3://hub-artifacts/parts/", "out", "--as", "dev"]).failed(1);
    assert_eq!(err.matches("those of unfinished files here").count(), 4, "{err}");
    assert_eq!(stage.files("out"), ["out/big"]);
}

// --- any keys at all -------------------------------------------------------------------------------------------------

/// What a key, a folder and a trap are made of.
const NAMES: [&str; 26] = [
    "a",
    "A",
    "b",
    "c",
    "~",
    " ",
    "...",
    "é",
    "e\u{301}",
    "\u{1b}]0;x\u{7}",
    "\u{202e}x",
    "-rf",
    "%2e%2e",
    "a\n", // allowed
    "",
    ".",
    "..",
    "\0",
    "..\\a",
    "C:x",
    "con",
    "aux.b",
    ".a.xsw-part",
    "\\",
    "/",
    "\u{1}",
];

fn any_key() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        5 => prop::sample::select(NAMES[..14].to_vec()).prop_map(str::to_owned),
        2 => prop::sample::select(NAMES[14..].to_vec()).prop_map(str::to_owned),
        1 => prop::collection::vec(any::<char>(), 1..5).prop_map(|chars| chars.into_iter().collect()),
    ];
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

/// Something that stands in the target before: its name there, and what it leads to.
fn any_trap() -> impl Strategy<Value = (&'static str, &'static str)> {
    let name = prop::sample::select(vec!["a", "b", "c", "~", ".a.xsw-part", ".b.xsw-part"]);
    (name, prop::sample::select(vec!["../outside", "../outside/precious", "../outside/new", ".", "b"]))
}

/// Whether the object of a key has no bytes, as those that the console makes for folders.
fn marks_a_folder(key: &str) -> bool {
    key.is_empty() || key.ends_with('/') && key.len().is_multiple_of(2)
}

/// All that is below a folder: links as where they lead, files with their bytes and times.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, Option<SystemTime>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap();
            let what = if kind.is_symlink() {
                (fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(), None)
            } else if kind.is_dir() {
                folders.push(path.clone());
                (b"a folder".to_vec(), None)
            } else {
                (fs::read(&path).unwrap(), Some(kind.modified().unwrap()))
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), what);
        }
    }
    found
}

/// Whatever a bucket holds and whatever stands in the target: nothing outside changes, each file is that of its own
/// key, what may be written is, and each key is told once.
#[test]
fn any_keys_stay_within_their_folder() {
    let stage = Stage::new();
    let core = stage.core();
    let role = core.profile.find("hub/Developer").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let sets = (prop::collection::btree_set(any_key(), 1..14), prop::collection::vec(any_trap(), 0..3), any::<bool>());
    let outcome = runner.run(&sets, |(keys, traps, force)| {
        number.set(number.get() + 1);
        let prefix = format!("case-{}/", number.get());
        let place = tempfile::tempdir().unwrap();
        let (target, outside) = (place.path().join("target"), place.path().join("outside"));
        fs::create_dir(&target).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "precious").unwrap();
        let mut planted = BTreeSet::new();
        for (name, to) in traps {
            if planted.insert(PathBuf::from(name)) {
                symlink(to, target.join(name)).unwrap();
            }
        }
        for key in &keys {
            // A key alone is its object's text; a marker of a folder has none.
            let text = if marks_a_folder(key) { "" } else { key };
            stage.cloud().put_object("hub-artifacts", &format!("{prefix}{key}"), Object::new(text.to_owned()));
        }
        let before = everything(place.path());
        let if_exists = if force { IfExists::Overwrite } else { IfExists::Refuse };
        let picks = vec![Pick::below(S3Uri::new("hub-artifacts", &prefix), &target)];
        let wishes = Wishes { if_exists, ..Wishes::default() };
        let summary = runtime.block_on(core.download(role, Job::new(picks, wishes, Arc::new(|_| {}))));
        let after = everything(place.path());
        keys.iter().for_each(|key| _ = stage.cloud().remove_object("hub-artifacts", &format!("{prefix}{key}")));

        let is_outside = |(path, _): &(&PathBuf, &_)| !path.starts_with("target");
        prop_assert!(before.iter().filter(is_outside).eq(after.iter().filter(is_outside)), "{:?}", after.keys());
        let is_marker = |key: &&String| marks_a_folder(key);
        let paths: BTreeMap<PathBuf, &String> = keys
            .iter()
            .filter(|key| !is_marker(key))
            .filter_map(|key| Some((local_path("", key).ok()?, key)))
            .collect();
        let markers = keys.iter().filter(is_marker).filter_map(|key| local_path("", key.trim_end_matches('/')).ok());
        let folders: BTreeSet<PathBuf> = markers
            .flat_map(|path| path.ancestors().map(Path::to_owned).collect::<Vec<_>>())
            .chain(paths.keys().flat_map(|path| path.ancestors().skip(1).map(Path::to_owned)))
            .collect();
        // Each file there is a key's own, or the trap that was set.
        for (path, (bytes, time)) in after.iter().filter(|(path, _)| path.starts_with("target")) {
            let path = path.strip_prefix("target").unwrap();
            if time.is_some() {
                let key = paths.get(path);
                prop_assert!(key.is_some_and(|key| key.as_bytes() == bytes), "{path:?} is {bytes:?}");
            } else if bytes != b"a folder" {
                prop_assert!(planted.contains(path), "{path:?}");
            }
        }
        let mut written = 0;
        for (path, key) in &paths {
            let there = after.get(&Path::new("target").join(path)).is_some_and(|(_, time)| time.is_some());
            written += u64::from(there);
            let part = path.with_file_name(format!(".{}.xsw-part", path.file_name().unwrap().to_str().unwrap()));
            let trapped = path.ancestors().skip(1).any(|folder| planted.contains(folder))
                || planted.contains(&part)
                || planted.contains(path) && !force;
            prop_assert!(!(trapped && there), "{key:?} went through a link");
            let is_both = folders.contains(path) || path.ancestors().skip(1).any(|folder| paths.contains_key(folder));
            prop_assert!(there || trapped || is_both, "{key:?} is missing: {:?}", summary.failed);
        }
        prop_assert_eq!(summary.written, written, "{:?}", summary);
        let objects = keys.iter().filter(|key| !is_marker(key)).count() as u64;
        prop_assert!(summary.met() >= objects && summary.met() <= keys.len() as u64, "{:?}", summary);
        Ok(())
    });
    outcome.unwrap();
}
