//! `xsw get`: downloads appear whole or not at all, and never over a file that is there.

use serde_json::json;
use xsw::demo::{Fault, Object};

use crate::home::{json_lines, run};
use crate::stage::{Stage, snapshot};

/// What is said of a download that ends before its end.
pub const STAYS: &str =
    "what is written stays, whole files and pieces of large ones: the same command goes on from there";

const TEST: &str = "s3://gautamtest-assume-role/test.txt";
const TEST2: &str = "s3://gautamtest-assume-role/test2.txt";
const REPORTS: &str = "s3://gautamtest-assume-role/reports/";

#[test]
fn one_object_goes_to_a_file_a_folder_or_here() {
    let stage = Stage::new();
    snapshot!(stage, ["get", TEST, "mine.txt", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: 1 object written, 22 B
    ");
    snapshot!(stage, ["get", TEST, "new-folder/", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: 1 object written, 22 B
    ");
    stage.says(["get", TEST2, "new-folder", "--as", "reader"]).done();
    stage.says(["get", TEST, "--as", "reader"]).done();
    stage.says(["get", TEST, "deeper/still/name.txt", "--as", "reader"]).done();
    for name in ["mine.txt", "new-folder/test.txt", "test.txt", "deeper/still/name.txt"] {
        assert_eq!(stage.read(name), b"hello from production\n", "{name}");
    }
    assert_eq!(stage.read("new-folder/test2.txt"), b"hello again, production");
    let age = stage.path("mine.txt").metadata().unwrap().modified().unwrap().elapsed().unwrap().as_secs();
    assert!((2 * 86_400..4 * 86_400).contains(&age), "the file has the object's time: {age}");
}

#[test]
fn several_objects_go_into_a_folder() {
    let stage = Stage::new();
    snapshot!(stage, ["get", TEST, TEST2, "both", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: 2 objects written, 45 B
    ");
    assert_eq!(stage.files("both"), ["both/test.txt", "both/test2.txt"]);
}

#[test]
fn everything_below_a_prefix_keeps_its_folders() {
    let stage = Stage::new();
    snapshot!(stage, ["get", "-r", REPORTS, "out", "--as", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: 13 objects written, 747.9 KiB
    ");
    let files = stage.files("out");
    assert_eq!((files.len(), &*files[0], &*files[12]), (13, "out/2025/01/report.csv", "out/summary.csv"));
    assert_eq!(stage.read("out/2025/02/report.csv"), b"month,total\n2025-02,2018\n");
    let printed = stage.says(["cat", &format!("{REPORTS}summary.csv"), "--as", "reader"]).done();
    assert_eq!(stage.read("out/summary.csv"), printed.as_bytes());
}

/// Straight into a folder that was named, as with `aws s3 cp --recursive`; else into one with its own name.
#[test]
fn everything_below_a_prefix_is_strewn_over_no_folder_that_nobody_named() {
    let stage = Stage::new();
    for key in ["place/top.txt", "place/logs/a.gz", "place/logs/2025/b.gz"] {
        stage.cloud().put_object("hub-artifacts", key, Object::new(key));
    }
    for (words, files) in [
        ("s3://hub-artifacts/place/logs/ .", ["./2025/b.gz", "./a.gz"]),
        ("s3://hub-artifacts/place/logs/ out", ["out/2025/b.gz", "out/a.gz"]),
        ("s3://hub-artifacts/place/logs/", ["./logs/2025/b.gz", "./logs/a.gz"]),
        ("s3://hub-artifacts/place/lo", ["./logs/2025/b.gz", "./logs/a.gz"]),
        ("s3://hub-artifacts/place/logs/2025/ s3://hub-artifacts/place/top", ["./2025/b.gz", "./top.txt"]),
        (
            "s3://hub-artifacts --include place/logs/*",
            ["./hub-artifacts/place/logs/2025/b.gz", "./hub-artifacts/place/logs/a.gz"],
        ),
    ] {
        let words = ["get", "-r", "--as", "dev"].into_iter().chain(words.split(' '));
        // What a dry run shows is where it goes.
        let plan = stage.says(words.clone().chain(["--dry-run"])).done();
        let shown: Vec<&str> = plan.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
        assert_eq!(shown, files);
        stage.says(words).done();
        assert!(files.iter().all(|file| stage.holds(file)), "{files:?}: {:?}", stage.files(""));
        files.iter().for_each(|file| std::fs::remove_file(stage.path(file)).unwrap());
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten_without_force() {
    let stage = Stage::new();
    stage.write("mine.txt", "precious");
    snapshot!(stage, ["get", TEST, "mine.txt", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: mine.txt is there already
    hint: choose another name, or overwrite it with --force
    ");
    assert_eq!(stage.read("mine.txt"), b"precious");
    stage.write("out/summary.csv", "precious");
    let said = stage.says(["get", "-r", REPORTS, "out", "--as", "reader"]);
    let err = said.failed(1);
    assert!(err.contains("out/summary.csv is there already") && err.contains("12 objects written"), "{err}");
    assert!(err.ends_with("error: 1 of 13 objects not written\n"), "{err}");
    assert_eq!(stage.read("out/summary.csv"), b"precious");
    stage.says(["get", TEST, "mine.txt", "--as", "reader", "--force"]).done();
    assert_eq!(stage.read("mine.txt"), b"hello from production\n");
    stage.says(["get", "-r", REPORTS, "out", "--as", "reader", "--force"]).done();
    assert!(stage.files("").iter().all(|name| !name.contains(".part")));
}

#[test]
fn get_as_json_lines() {
    let stage = Stage::new();
    stage.write("both/test.txt", "precious");
    let said = stage.says(["get", TEST, TEST2, "both", "--as", "reader", "--json"]);
    let mut lines = json_lines(&said.out);
    // As they end.
    lines.sort_by_key(|line| line["type"] == "failed");
    let done = json!({ "type": "object", "uri": TEST2, "path": "both/test2.txt", "size": 23, "checked": "CRC64NVME" });
    assert_eq!(lines[0], done);
    assert_eq!(
        (&lines[1]["type"], &lines[1]["uri"], &lines[1]["kind"]),
        (&json!("failed"), &json!(TEST), &json!("exists"))
    );
    assert!(lines[1]["error"].take().as_str().unwrap().contains("is there already"));
    assert_eq!(lines.len(), 2);
    let error: serde_json::Value = serde_json::from_str(&said.failed(1)).unwrap();
    assert_eq!(error, json!({ "error": "1 of 2 objects not written", "hint": null, "kind": "partial" }));
}

#[test]
fn what_cannot_be_downloaded_is_told() {
    let stage = Stage::new();
    snapshot!(stage, ["get", "s3://gautamtest-assume-role/no-such.txt", "x", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no s3://gautamtest-assume-role/no-such.txt
    ");
    snapshot!(stage, ["get", "-r", "s3://gautamtest-assume-role/no-such/", "x", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: nothing begins with s3://gautamtest-assume-role/no-such/
    hint: check the prefix; `xsw ls` of the level above shows what there is
    ");
    snapshot!(stage, ["get", REPORTS, "x", "--as", "reader"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: s3://gautamtest-assume-role/reports/ is no object
    hint: everything below it: add -r
    ");
    snapshot!(stage, ["get", "s3://prod-hostile-keys/harmless.txt", "x", "--as", "reader"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to s3:GetObject on arn:aws:s3:::prod-hostile-keys/harmless.txt: User: arn:aws:sts::222222222222:assumed-role/S3Reader/me@[host] is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::prod-hostile-keys/harmless.txt" because no identity-based policy allows the s3:GetObject action
    hint: the role's permissions policy refuses: allow s3:GetObject on arn:aws:s3:::prod-hostile-keys/harmless.txt; `xsw explain prod/S3Reader s3://prod-hostile-keys/harmless.txt` prints the policy
    "#);
    snapshot!(stage, ["get", "s3://gautamtest-assume-role/archive-2024.tar", "x", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: s3:GetObject failed: InvalidObjectState: The operation is not valid for the object's storage class
    hint: the object is archived; restore a copy, then wait for it: aws s3api restore-object --bucket gautamtest-assume-role --key archive-2024.tar --restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'
    ");
    assert_eq!(stage.files(""), stage.files("").into_iter().filter(|name| name.starts_with('.')).collect::<Vec<_>>());
}

/// The Rust SDK retries nothing once a body streams (FIELD.md).
#[test]
fn a_body_that_is_cut_is_taken_up_where_it_broke() {
    let stage = Stage::new();
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|place| (place * 31 % 251) as u8).collect();
    stage.cloud().put_object("hub-artifacts", "blob", Object::new(bytes.clone()));
    for cut in [1, 300_000, 65_536] {
        stage.cloud().plan("s3:GetObject", 1, Fault::cut(cut));
    }
    stage.says(["get", "s3://hub-artifacts/blob", "blob", "--as", "dev"]).done();
    assert!(stage.read("blob") == bytes);
    assert_eq!(stage.cloud().calls("s3:GetObject"), 4);
}

#[test]
fn a_body_that_is_cut_for_ever_leaves_nothing() {
    let stage = Stage::new();
    stage.cloud().put_object("hub-artifacts", "blob", Object::new(vec![7; 500_000]));
    stage.cloud().plan("s3:GetObject", 40, Fault::cut(10));
    let err = stage.says(["get", "s3://hub-artifacts/blob", "out/blob", "--as", "dev"]).failed(1);
    assert!(err.starts_with("error: cannot reach "), "{err}");
    assert_eq!(stage.files("out"), [""; 0]);
}

/// A new object came in the middle: the first half must not be finished with the second half of another.
#[test]
fn an_object_that_is_replaced_on_the_way_is_not_mixed() {
    let stage = Stage::new();
    stage.cloud().put_object("hub-artifacts", "blob", Object::made(8 << 20, 1).paced(4 << 20));
    let child = stage
        .xsw(["get", "s3://hub-artifacts/blob", "blob", "--as", "dev"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    stage.cloud().plan("s3:GetObject", 1, Fault::cut(1 << 20));
    while !stage.files("").iter().any(|file| file.ends_with(".blob.xsw-part")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    stage.cloud().put_object("hub-artifacts", "blob", Object::made(8 << 20, 2));
    let said: crate::home::Said = child.wait_with_output().unwrap().into();
    assert!(said.err.contains("s3://hub-artifacts/blob was replaced meanwhile; it is fetched anew"), "{}", said.err);
    said.done();
    stage.says(["get", "s3://hub-artifacts/blob", "again", "--as", "dev"]).done();
    assert!(stage.read("blob") == stage.read("again"));
}

/// Writes past the limit fail as on a full disk, with another word for it.
#[test]
fn a_disk_that_takes_no_more_is_told_and_no_half_file_stays() {
    let stage = Stage::new();
    stage.cloud().put_object("hub-artifacts", "blob", Object::made(4 << 20, 9));
    let line = "trap '' XFSZ; ulimit -f 1024; xsw get s3://hub-artifacts/blob out/blob --as dev";
    let err = run(stage.shell(line)).failed(1);
    assert!(err.starts_with("error: cannot write out/blob: "), "{err}");
    assert_eq!(stage.files("out"), [""; 0]);
}

#[test]
fn a_target_that_cannot_be_made_is_told() {
    let stage = Stage::new();
    stage.write("file", "");
    let err = stage.says(["get", TEST, "file/below.txt", "--as", "reader"]).failed(1);
    assert!(err.starts_with("error: cannot make the folder file: "), "{err}");
    assert_eq!(stage.read("file"), b"");
}

/// Whoever presses Ctrl-C finds no half file.
#[test]
fn an_interrupted_download_leaves_nothing() {
    let stage = Stage::new();
    stage.cloud().put_object("hub-artifacts", "blob", Object::made(64 << 20, 1).paced(4 << 20));
    let child = stage
        .xsw(["get", "s3://hub-artifacts/blob", "out/blob", "--as", "dev"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while stage.files("out").is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let said: crate::home::Said = child.wait_with_output().unwrap().into();
    assert_eq!(said.failed(130), format!("note: {STAYS}\nerror: interrupted\n"));
    assert_eq!(stage.files("out"), [""; 0]);
    // It is written down nevertheless, by its own end.
    let trail = crate::home::json_lines(&stage.says(["history", "--event", "download", "--json"]).done());
    assert_eq!((trail.len(), &trail[0]["outcome"]), (1, &"interrupted".into()));
}

/// The console makes objects of no bytes for folders: they come first, when nothing has been made here yet.
#[test]
fn a_folder_marker_makes_its_folder_in_a_new_target() {
    let stage = Stage::new();
    stage.cloud().put_object("hub-artifacts", "made/", Object::new(""));
    stage.cloud().put_object("hub-artifacts", "made/a.txt", Object::new("a"));
    stage.says(["get", "-r", "s3://hub-artifacts/made", "new/out", "--as", "dev"]).done();
    assert_eq!(stage.read("new/out/made/a.txt"), b"a");
}

#[test]
fn every_object_that_failed_is_named_and_a_hint_is_told_once() {
    let stage = Stage::new();
    let err = stage.says(["get", "-r", "s3://hub-artifacts/archive/", "out", "--as", "dev"]).failed(1);
    for key in ["archive/2023.tar", "archive/2024.tar"] {
        assert!(err.contains(&format!("s3://hub-artifacts/{key}: ")), "{err}");
    }
    assert_eq!(err.matches("hint: ").count(), 1, "{err}");
}
