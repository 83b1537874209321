//! Versions and delete markers: listed, read, downloaded. Requester pays.

use serde_json::json;
use xsw::demo::{Account, Bucket, Object, Role, World, allow, trust};

use crate::home::json_lines;
use crate::stage::{Stage, snapshot};

const ACCOUNTS: &str = r#"
[[accounts]]
name = "hub"
id = "111111111111"
[[accounts.roles]]
name = "Developer"
alias = "dev"
[[accounts]]
name = "data"
id = "777777777777"
[[accounts.roles]]
name = "Keeper"
alias = "keeper"
"#;

/// The demo's world with one more account, whose role `keeper` sees versions, and whose buckets are in another region.
pub fn stage() -> Stage {
    let role = Role::new("Keeper", trust(&["arn:aws:iam::111111111111:user/me"], None));
    let role = role.policy("p", allow(&["s3:List*", "s3:Get*"], &["*"]));
    let kept = Bucket::new("kept-here")
        .region("eu-west-1")
        .versioned()
        .object("a/b.txt", Object::new("below").aged(50))
        .object("k.txt", Object::new("first").aged(300))
        .object("k.txt", Object::new("second!").aged(200))
        .object("gone.txt", Object::new("gone").aged(400))
        .deleted("gone.txt", 100);
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::open-data", "arn:aws:s3:::open-data/*"] }],
    });
    let open = Bucket::new("open-data").region("eu-west-1").requester_pays().policy(policy);
    let open = open.object("x.txt", Object::new("open"));
    let account = Account::new("777777777777").role(role).bucket(kept).bucket(open);
    let stage = Stage::of(World::demo().account(account));
    stage.profile(ACCOUNTS);
    stage
}

/// The id of the version of `key` that is so many back from the latest.
fn id(stage: &Stage, key: &str, back: usize) -> String {
    let out = stage.says(["ls", "--versions", "--json", &format!("s3://kept-here/{key}"), "--as", "keeper"]).done();
    json_lines(&out)[back]["version_id"].as_str().unwrap().to_owned()
}

#[test]
fn versions_and_delete_markers_are_listed() {
    let stage = stage();
    let out = stage.says(["ls", "--versions", "-r", "--json", "s3://kept-here/", "--as", "keeper"]).done();
    let told: Vec<_> = json_lines(&out)
        .iter()
        .map(|line| format!("{} {} {} {}", line["type"], line["key"], line["latest"], line["size"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "version a/b.txt true 5",
            "delete_marker gone.txt true null",
            "version gone.txt false 4",
            "version k.txt true 7",
            "version k.txt false 5",
        ]
    );
    let out = stage.says(["ls", "--versions", "--summarize", "s3://kept-here/", "--as", "keeper"]).done();
    let lines: Vec<_> = out.lines().collect();
    assert!(
        lines[0].ends_with("a/") && lines[1].contains("deleted") && lines[1].ends_with("latest  gone.txt"),
        "{out}"
    );
    assert_eq!(lines.last(), Some(&"4 versions, 16 B"), "{out}");
    // The demo's reader may not see versions.
    let demo = Stage::new();
    let err = demo.says(["ls", "--versions", "s3://gautamtest-assume-role/", "--as", "reader"]).failed(3);
    assert!(err.contains("s3:ListBucketVersions"), "{err}");
}

#[test]
fn a_version_is_read_and_downloaded_by_its_id() {
    let stage = stage();
    let first = id(&stage, "k.txt", 1);
    let k = "s3://kept-here/k.txt";
    assert_eq!(stage.says(["cat", k, "--as", "keeper"]).done(), "second!");
    assert_eq!(stage.says(["cat", k, "--version-id", &first, "--as", "keeper"]).done(), "first");
    stage.says(["get", k, "old.txt", "--version-id", &first, "--as", "keeper"]).done();
    assert_eq!(stage.read("old.txt"), b"first");
    // What was deleted is still there.
    let gone = id(&stage, "gone.txt", 1);
    let there = stage.says(["cat", "s3://kept-here/gone.txt", "--version-id", &gone, "--as", "keeper"]);
    assert_eq!(there.done(), "gone");
    stage.says(["cat", "s3://kept-here/gone.txt", "--as", "keeper"]).failed(1);
    let marker = id(&stage, "gone.txt", 0);
    let err = stage.says(["cat", "s3://kept-here/gone.txt", "--version-id", &marker, "--as", "keeper"]).failed(1);
    assert!(err.contains("is a delete marker"), "{err}");
    let err = stage.says(["cat", k, "--version-id", "no-such-version", "--as", "keeper"]).failed(1);
    assert!(err.contains("there is no such version of s3://kept-here/k.txt"), "{err}");
    snapshot!(stage, ["get", k, "s3://kept-here/gone.txt", ".", "--version-id", "x", "--as", "keeper"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: a version is of one object: name that one alone
    ");
}

#[test]
fn requests_are_paid_for_where_that_was_said() {
    let stage = stage();
    let list = ["ls", "s3://open-data/", "--as", "dev"];
    let err = stage.says(list).failed(3);
    assert!(err.contains("--requester-pays"), "{err}");
    let paid = ["ls", "s3://open-data/", "--as", "dev", "--requester-pays"];
    assert!(stage.says(paid).done().ends_with("x.txt\n"));
    let get = ["get", "s3://open-data/x.txt", "x", "--requester-pays", "--as", "dev"];
    stage.says(get).done();
    assert_eq!(stage.read("x"), b"open");
    // Or in the profile file, for these buckets alone.
    let with =
        |buckets: &str| ACCOUNTS.replace("alias = \"dev\"", &format!("alias = \"dev\"\nrequester_pays = [{buckets}]"));
    let cat = ["cat", "s3://open-data/x.txt", "--as", "dev"];
    stage.profile(&with("\"s3://open-data/\""));
    assert_eq!(stage.says(cat).done(), "open");
    stage.profile(&with("\"hub-artifacts\""));
    stage.says(cat).failed(3);
}
