//! `xsw cp`: what is copied, how it is stored, what is left as it is, and what it says of it.

use serde_json::{Value, json};
use xsw::demo::{Account, Bucket, Fault, Object, Role, Stored, User, World, allow, trust};
use xsw::domain::checksum::Algorithm;

use crate::home::{Said, json_lines};
use crate::stage::{Stage, snapshot};

pub(crate) const SOURCE: &str = "src-data";
pub(crate) const TARGET: &str = "dst-data";
const ME: &str = "arn:aws:iam::111111111111:user/me";
pub(crate) const KEY: &str = "arn:aws:kms:ap-northeast-1:222222222222:key/11111111-2222-3333-4444-555555555555";

pub(crate) const ACCOUNTS: &str = r#"
[[accounts]]
name = "a"
id = "111111111111"
source = "demo"
  [[accounts.roles]]
  name = "Reader"

[[accounts]]
name = "b"
id = "222222222222"
source = "demo"
  [[accounts.roles]]
  name = "Writer"
  [[accounts.roles]]
  name = "Copier"
"#;

/// What reading needs, and no more.
pub(crate) fn reading() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::src-data" },
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::src-data/*" },
        { "Effect": "Allow", "Action": "s3:GetObjectTagging", "Resource": "arn:aws:s3:::src-data/*" },
    ]})
}

/// What writing needs, and no more.
pub(crate) fn writing() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::dst-data" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::dst-data/*" },
        { "Effect": "Allow", "Action": "s3:PutObjectTagging", "Resource": "arn:aws:s3:::dst-data/*" },
        { "Effect": "Allow", "Action": "s3:AbortMultipartUpload", "Resource": "arn:aws:s3:::dst-data/*" },
        { "Effect": "Allow", "Action": "s3:ListMultipartUploadParts", "Resource": "arn:aws:s3:::dst-data/*" },
    ]})
}

/// A policy without the statement about `action`.
pub(crate) fn without(mut policy: Value, action: &str) -> Value {
    let statements = policy["Statement"].as_array_mut().unwrap();
    let before = statements.len();
    statements.retain(|statement| statement["Action"] != action);
    assert_eq!(statements.len() + 1, before, "{action}");
    policy
}

/// Two accounts: a/Reader reads the bucket of the one, b/Writer writes that of the other, b/Copier does both.
pub(crate) fn world(reading: &Value, writing: &Value) -> World {
    let me = User::new("me").policy("Assume", allow(&["sts:AssumeRole"], &["*"]));
    let trusted = || trust(&[ME], None);
    let mut theirs = self::reading();
    for statement in theirs["Statement"].as_array_mut().unwrap() {
        statement["Principal"] = json!({ "AWS": "arn:aws:iam::222222222222:role/Copier" });
    }
    let source = Bucket::new(SOURCE).policy(theirs).object("in/a.txt", alpha()).object("in/b.csv", small("bravo\n"));
    let source = source.object("in/sub/c.txt", small("charlie\n")).object("in/sub/empty", small(""));
    let writer = Role::new("Writer", trusted()).policy("Write", writing.clone());
    let copier = Role::new("Copier", trusted()).policy("Write", writing.clone()).policy("Read", self::reading());
    let key = allow(&["kms:GenerateDataKey", "kms:Decrypt"], &[KEY]);
    World::new()
        .account(
            Account::new("111111111111")
                .user(me)
                .role(Role::new("Reader", trusted()).policy("Read", reading.clone()))
                .bucket(source),
        )
        .account(
            Account::new("222222222222")
                .role(writer.policy("Key", key.clone()))
                .role(copier.policy("Key", key))
                .bucket(Bucket::new(TARGET)),
        )
}

fn small(text: &'static str) -> Object {
    Object::new(text).aged(7200)
}

/// One with all that an object can have beside its bytes.
fn alpha() -> Object {
    let headers = Stored {
        cache_control: Some("max-age=60".into()),
        content_disposition: Some("attachment; filename=\"a.txt\"".into()),
        content_encoding: Some("identity".into()),
        content_language: Some("de".into()),
        ..Stored::default()
    };
    let object =
        small("alpha\n").content_type("text/x-alpha").headers(headers).tag("team", "blue & green").tag("a", "");
    object.metadata("owner", "me").metadata("name", "Zoë")
}

pub(crate) fn stage() -> Stage {
    stage_of(world(&reading(), &writing()))
}

pub(crate) fn stage_of(world: World) -> Stage {
    let stage = Stage::of(world);
    stage.profile(ACCOUNTS);
    stage
}

/// Both ways: by S3 itself as one role, and through here with two sessions.
pub(crate) const WAYS: [(&str, &str); 2] = [("b/Copier", "server-side"), ("b/Writer", "streamed")];

pub(crate) fn cp(stage: &Stage, to: &str, words: &[&str]) -> Said {
    stage.says(["cp", "--from", "a/Reader", "--to", to].iter().chain(words))
}

pub(crate) const TREE: [&str; 3] = ["-r", "s3://src-data/in/", "s3://dst-data/out/"];

fn tree(stage: &Stage, to: &str, more: &[&str]) -> Said {
    cp(stage, to, &[&TREE, more].concat())
}

#[track_caller]
pub(crate) fn text(stage: &Stage, key: &str) -> String {
    let object = stage.cloud().object(TARGET, key).unwrap_or_else(|| panic!("no {key}"));
    String::from_utf8(object.bytes().to_vec()).unwrap()
}

const ALL: [&str; 4] = ["out/a.txt", "out/b.csv", "out/sub/c.txt", "out/sub/empty"];

/// Calls that write objects.
fn writes(stage: &Stage) -> usize {
    ["s3:CopyObject", "s3:PutObject", "s3:CompleteMultipartUpload"].map(|call| stage.cloud().calls(call)).iter().sum()
}

#[test]
fn one_role_has_s3_copy_and_two_sessions_copy_through_here() {
    for (to, way) in WAYS {
        let stage = stage();
        let said = tree(&stage, to, &[]);
        let announced = match way {
            "server-side" => "note: S3 copies by itself, as b/Copier\n",
            _ => "note: through this machine: a/Reader reads, b/Writer writes\n",
        };
        assert!(said.err.contains(announced), "{said:?}");
        assert!(said.err.ends_with("note: 4 objects copied, 20 B\n"), "{said:?}");
        assert_eq!(said.done(), "");
        assert_eq!(stage.cloud().keys(TARGET), ALL);
        assert_eq!([text(&stage, ALL[0]), text(&stage, ALL[2]), text(&stage, ALL[3])], ["alpha\n", "charlie\n", ""]);
        let server_side = stage.cloud().calls("s3:CopyObject");
        assert_eq!(server_side, if way == "server-side" { 4 } else { 0 }, "{way}");
        assert_eq!(stage.cloud().calls("s3:PutObject"), 4 - server_side);
        assert_eq!(stage.cloud().uploads(TARGET), 0, "what was tried is given up again");
    }
}

#[test]
fn why_s3_does_not_copy_by_itself_is_said_before_it_starts() {
    let stage = stage();
    snapshot!(stage, ["cp", "--from", "a/Reader", "--to", "b/Writer", "s3://src-data/in/b.csv", "s3://dst-data/"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: S3 does not copy by itself as b/Writer: not allowed to s3:GetObject on arn:aws:s3:::src-data/in/b.csv: Access Denied
    note: through this machine: a/Reader reads, b/Writer writes
    note: 1 object copied, 6 B
    ");
}

#[test]
fn a_way_can_be_wished_for() {
    let stage = stage();
    let said = tree(&stage, "b/Copier", &["--streamed"]);
    assert!(said.err.contains("note: through this machine"), "{said:?}");
    said.done();
    assert_eq!((stage.cloud().calls("s3:CopyObject"), stage.cloud().keys(TARGET).len()), (0, 4));
    let stage = self::stage();
    tree(&stage, "b/Writer", &["--server-side"]).failed(3);
    assert_eq!((stage.cloud().keys(TARGET).len(), writes(&stage)), (0, 0));
    let both = tree(&stage, "b/Copier", &["--server-side", "--streamed"]).failed(2);
    assert!(both.contains("--server-side") && both.contains("--streamed"), "{both}");
}

#[test]
fn copies_get_the_names_that_were_meant() {
    let stage = stage();
    for (words, expected) in [
        (&["s3://src-data/in/a.txt", "s3://dst-data"][..], "a.txt"),
        (&["s3://src-data/in/a.txt", "s3://dst-data/x/"], "x/a.txt"),
        (&["s3://src-data/in/a.txt", "s3://dst-data/y"], "y"),
        (&["-r", "s3://src-data/in/sub/c", "s3://dst-data/z"], "z/c.txt"),
        (&["-r", "s3://src-data/in/sub/c", "s3://dst-data/zz/"], "zz/c.txt"),
    ] {
        cp(&stage, "b/Copier", words).done();
        assert!(stage.cloud().object(TARGET, expected).is_some(), "{words:?}: {:?}", stage.cloud().keys(TARGET));
    }
    let several = ["s3://src-data/in/a.txt", "s3://src-data/in/b.csv", "s3://dst-data/several"];
    cp(&stage, "b/Writer", &several).done();
    assert_eq!(text(&stage, "several/a.txt") + &text(&stage, "several/b.csv"), "alpha\nbravo\n");
    let two = ["-r", "s3://src-data/in/sub/", "s3://src-data/in/b", "s3://dst-data/two/"];
    cp(&stage, "b/Writer", &two).done();
    assert_eq!([text(&stage, "two/c.txt"), text(&stage, "two/b.csv")], ["charlie\n", "bravo\n"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let stage = stage();
    for (words, part) in [
        (&["s3://src-data/in/a.txt", "s3://src-data/in/"][..], "would be copied onto itself"),
        (&["s3://src-data/in/a.txt", "s3://src-data/in/a.txt"], "would be copied onto itself"),
        (&["-r", "s3://src-data/in/", "s3://src-data/in/"], "lies within what is copied"),
        (&["-r", "s3://src-data/in", "s3://src-data/in/sub"], "lies within what is copied"),
        (&["s3://src-data/in/", "s3://dst-data/"], "is no object"),
        (&["s3://src-data/in/a.txt", "here"], "is no s3:// address"),
        (&["s3://src-data/in/a.txt"], "S3URI"),
        (&["-r", "--newer", "soon", "s3://src-data/in/", "s3://dst-data/"], "soon"),
        (&["--storage-class", "cheap", "s3://src-data/in/a.txt", "s3://dst-data/"], "is no storage class"),
        (&["--encryption", "AES256", "--kms-key", KEY, "s3://src-data/in/a.txt", "s3://dst-data/"], "--kms-key"),
        (&["--version-id", "x", "s3://src-data/in/a.txt", "s3://src-data/in/b.csv", "s3://dst-data/"], "a version"),
    ] {
        let err = cp(&stage, "b/Copier", words).failed(2);
        assert!(err.contains(part), "{words:?}: {err}");
    }
    assert_eq!((writes(&stage), stage.cloud().keys(SOURCE).len()), (0, 4));
}

#[test]
fn filters_say_which_objects_are_meant() {
    for (more, expected) in [
        (&["--include", "*.txt"][..], &["out/a.txt", "out/sub/c.txt"][..]),
        (&["--exclude", "sub/*"], &["out/a.txt", "out/b.csv"]),
        (&["--include", "*.txt", "--exclude", "a*"], &["out/sub/c.txt"]),
        (&["--newer", "3h", "--include", "b*"], &["out/b.csv"]),
        (&["--newer", "1h"], &[]),
    ] {
        let stage = stage();
        let said = tree(&stage, "b/Writer", more);
        if expected.is_empty() {
            assert!(said.err.contains("nothing there is what was asked for"), "{said:?}");
        }
        said.done();
        assert_eq!(stage.cloud().keys(TARGET), expected, "{more:?}");
    }
}

#[test]
fn copies_have_what_the_source_has_beside_its_bytes() {
    for (to, way) in WAYS {
        let stage = stage();
        tree(&stage, to, &[]).done();
        let (source, copy) = ("in/a.txt", "out/a.txt");
        let (source, copy) =
            (stage.cloud().object(SOURCE, source).unwrap(), stage.cloud().object(TARGET, copy).unwrap());
        assert_eq!(copy.etag(), source.etag(), "{way}");
        assert_eq!(copy.content_type, source.content_type, "{way}");
        let sorted = |mut all: Vec<(String, String)>| {
            all.sort();
            all
        };
        assert_eq!(sorted(copy.metadata), sorted(source.metadata), "{way}");
        assert_eq!(sorted(copy.tags), sorted(source.tags), "{way}");
        let (of, is) = (source.headers, copy.headers);
        assert_eq!(
            [is.cache_control, is.content_disposition, is.content_encoding, is.content_language],
            [of.cache_control, of.content_disposition, of.content_encoding, of.content_language],
            "{way}"
        );
    }
}

#[test]
fn tags_stay_behind_where_that_was_said() {
    for (to, way) in WAYS {
        // Nobody asks for them either: the roles may not read or write them.
        let stage =
            stage_of(world(&without(reading(), "s3:GetObjectTagging"), &without(writing(), "s3:PutObjectTagging")));
        let err = tree(&stage, "b/Writer", &[]).failed(3);
        assert!(err.contains("s3:GetObjectTagging") && err.contains("--no-tags"), "{err}");
        assert_eq!(writes(&stage), 0);
        tree(&stage, to, &["--no-tags"]).done();
        let copy = stage.cloud().object(TARGET, "out/a.txt").unwrap();
        assert_eq!((copy.tags.len(), copy.metadata.len()), (0, 2), "{way}");
    }
}

#[test]
fn tags_that_may_not_be_seen_in_one_folder_are_not_lost() {
    let tags = "s3:GetObjectTagging";
    let mut reading = without(reading(), tags);
    let shown = json!({ "Effect": "Allow", "Action": tags, "Resource": "arn:aws:s3:::src-data/in/*.txt" });
    let hidden = json!({ "Effect": "Deny", "Action": tags, "Resource": "arn:aws:s3:::src-data/in/sub/*" });
    reading["Statement"].as_array_mut().unwrap().extend([shown, hidden]);
    let stage = stage_of(world(&reading, &writing()));
    stage.cloud().remove_object(SOURCE, "in/b.csv");
    stage.cloud().put_object(SOURCE, "in/sub/c.txt", small("charlie\n").tag("team", "blue"));
    stage.cloud().remove_object(SOURCE, "in/sub/empty");
    let err = tree(&stage, "b/Writer", &[]).failed(1);
    assert!(err.contains("s3:GetObjectTagging") && err.contains("--no-tags"), "{err}");
    assert_eq!(stage.cloud().keys(TARGET), ["out/a.txt"]);
}

#[test]
fn copies_are_stored_as_it_was_asked() {
    for (to, way) in WAYS {
        let stage = stage();
        stage.cloud().put_object(SOURCE, "in/cool", Object::new("cool").storage_class("STANDARD_IA").aged(7200));
        let copied = |more: &[&str]| {
            cp(&stage, to, &[&["-r", "--force", "s3://src-data/in/", "s3://dst-data/new/"], more].concat()).done();
            let copy = stage.cloud().object(TARGET, "new/cool").unwrap();
            stage.cloud().keys(TARGET).iter().for_each(|key| assert!(stage.cloud().remove_object(TARGET, key)));
            (copy.storage_class.clone(), copy.kms_key().map(str::to_owned))
        };
        assert_eq!(copied(&[]).0, "STANDARD", "{way}");
        assert_eq!(copied(&["--storage-class", "keep"]).0, "STANDARD_IA", "{way}");
        assert_eq!(copied(&["--storage-class", "GLACIER_IR"]).0, "GLACIER_IR", "{way}");
        assert_eq!(copied(&["--encryption", "AES256"]).1, None, "{way}");
        assert_eq!(copied(&["--kms-key", KEY]).1.as_deref(), Some(KEY), "{way}");
        assert_eq!(copied(&["--encryption", "aws:kms", "--kms-key", KEY]).1.as_deref(), Some(KEY), "{way}");
    }
}

#[test]
fn what_is_there_and_equal_is_left_as_it_is() {
    for (to, way) in WAYS {
        let stage = stage();
        // In parts, and by SSE-KMS: the ETags of their copies are others.
        stage.cloud().put_object(SOURCE, "in/parts", Object::made(12 << 20, 1).multipart(6 << 20).aged(7200));
        tree(&stage, to, &[]).done();
        let (before, again) = (writes(&stage), tree(&stage, to, &[]));
        assert!(again.err.ends_with("note: 5 left as they are\n"), "{way}: {again:?}");
        again.done();
        assert_eq!(writes(&stage), before, "{way}");
        // So it is where only one object is named, and with --force.
        let one = ["s3://src-data/in/b.csv", "s3://dst-data/out/"];
        assert!(cp(&stage, "b/Copier", &one).err.ends_with("note: 1 left as it is\n"));
        assert_eq!(writes(&stage), before, "{way}");
        // Who replaces what differs, and may not see whether the one in parts does, copies it again; through here it
        // got the same parts, and with them the same ETag.
        let forced = tree(&stage, to, &["--force"]);
        let (left, copied) = if way == "server-side" { (4, 1) } else { (5, 0) };
        assert!(forced.err.contains(&format!("{left} left as they are\n")), "{way}: {forced:?}");
        assert_eq!(writes(&stage), before + copied, "{way}");
    }
}

#[test]
fn what_is_there_and_differs_is_refused_replaced_or_skipped() {
    for (to, way) in WAYS {
        let stage = stage();
        // Longer, as long and older, as long and newer than its source.
        let there = [("out/a.txt", "another\n", 0), ("out/b.csv", "BRAVO\n", 9000)];
        there
            .iter()
            .for_each(|(key, text, age)| _ = stage.cloud().put_object(TARGET, key, Object::new(*text).aged(*age)));
        let err = tree(&stage, to, &[]).failed(1);
        assert!(err.contains("s3://dst-data/out/a.txt") && err.contains("s3://dst-data/out/b.csv"), "{way}: {err}");
        assert!(err.contains("note: 2 objects copied"), "{way}: {err}");
        assert_eq!([text(&stage, "out/a.txt"), text(&stage, "out/b.csv")], ["another\n", "BRAVO\n"]);
        let skipped = tree(&stage, to, &["--if-exists", "skip"]);
        assert!(skipped.err.ends_with("note: 4 left as they are\n"), "{way}: {skipped:?}");
        skipped.done();
        tree(&stage, to, &["--force"]).done();
        assert_eq!([text(&stage, "out/a.txt"), text(&stage, "out/b.csv")], ["alpha\n", "bravo\n"]);
    }
}

#[test]
fn a_newer_one_of_the_same_length_is_no_copy() {
    for (to, way) in WAYS {
        let mut writing = writing();
        let read = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::dst-data/*" });
        writing["Statement"].as_array_mut().unwrap().push(read);
        let stage = stage_of(world(&reading(), &writing));
        stage.cloud().put_object(TARGET, "out/b.csv", Object::new("BRAVO\n"));
        let err = tree(&stage, to, &[]).failed(1);
        assert!(err.contains("s3://dst-data/out/b.csv"), "{way}: {err}");
        assert_eq!(text(&stage, "out/b.csv"), "BRAVO\n");
    }
}

#[test]
fn objects_without_a_checksum_in_common_are_told_apart_by_their_etags() {
    let read = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::dst-data/*" });
    let mut writing = writing();
    writing["Statement"].as_array_mut().unwrap().push(read);
    for (to, way) in WAYS {
        let stage = stage_of(world(&reading(), &writing));
        stage.cloud().put_object(SOURCE, "in/d", Object::new("one").checksum(Algorithm::Sha256).aged(7200));
        stage.cloud().put_object(TARGET, "out/d", Object::new("two").checksum(Algorithm::Crc32).aged(60));
        let words = ["s3://src-data/in/d", "s3://dst-data/out/"];
        cp(&stage, to, &words).failed(1);
        cp(&stage, to, &[&words[..], &["--force"]].concat()).done();
        assert_eq!(text(&stage, "out/d"), "one", "{way}");
        // Nothing in common at all: one of the same size that is newer counts as a copy, but not for --force.
        let sealed = Object::new("six").checksum(Algorithm::Crc32).kms(KEY).aged(60);
        stage.cloud().put_object(TARGET, "out/d", sealed);
        assert!(cp(&stage, to, &words).err.ends_with("note: 1 left as it is\n"), "{way}");
        cp(&stage, to, &[&words[..], &["--force"]].concat()).done();
        assert_eq!(text(&stage, "out/d"), "one", "{way}");
    }
}

#[test]
fn two_objects_do_not_go_to_one_place() {
    let stage = stage();
    stage.cloud().put_object(SOURCE, "else/b.csv", Object::new("other\n").aged(7200));
    let words = ["--force", "s3://src-data/in/b.csv", "s3://src-data/else/b.csv", "s3://dst-data/"];
    let err = cp(&stage, "b/Copier", &words).failed(1);
    assert!(err.contains("/b.csv goes to s3://dst-data/b.csv too"), "{err}");
    assert_eq!(writes(&stage), 1);
}

#[test]
fn whoever_may_not_look_replaces_nothing() {
    for (to, way) in WAYS {
        let stage = stage_of(world(&reading(), &without(writing(), "s3:ListBucket")));
        stage.cloud().put_object(TARGET, "there", Object::new("theirs\n"));
        let one = ["s3://src-data/in/b.csv", "s3://dst-data/there"];
        let err = cp(&stage, to, &one).failed(1);
        assert!(err.contains("error: s3://dst-data/there is there"), "{way}: {err}");
        assert_eq!(text(&stage, "there"), "theirs\n", "{way}");
        cp(&stage, to, &[&one[..], &["--force"]].concat()).done();
        assert_eq!(text(&stage, "there"), "bravo\n", "{way}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    for (to, way) in WAYS {
        let stage = stage();
        stage.cloud().put_object(TARGET, "out/a.txt", stage.cloud().object(SOURCE, "in/a.txt").unwrap());
        let said = tree(&stage, to, &["--dry-run"]);
        assert!(said.err.contains("3 objects would be copied, 14 B; 1 left as it is"), "{way}: {said:?}");
        let planned = ["s3://dst-data/out/b.csv", "s3://dst-data/out/sub/c.txt", "s3://dst-data/out/sub/empty"];
        assert!(said.err.contains("may write there is not known"), "{way}: {said:?}");
        // For one object as for many, which is another question to S3.
        let one = cp(&stage, to, &["--dry-run", "s3://src-data/in/b.csv", "s3://dst-data/"]);
        for said in [&said, &one] {
            assert_eq!(said.err.contains("through this machine: a/Reader reads"), way == "streamed", "{said:?}");
        }
        let out = said.done();
        let places: Vec<&str> = out.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert_eq!(places, planned, "{way}");
        assert_eq!(stage.cloud().keys(TARGET), ["out/a.txt"]);
        assert_eq!((writes(&stage), stage.cloud().calls("s3:CreateMultipartUpload")), (0, 0));
    }
}

#[test]
fn json_tells_the_plan_and_each_object() {
    let stage = stage();
    stage.cloud().put_object(TARGET, "out/b.csv", Object::new("longer than bravo"));
    let said = tree(&stage, "b/Writer", &["--json"]);
    assert_eq!(said.code, Some(1));
    let mut lines = json_lines(&said.out);
    let plan = lines.remove(0);
    assert_eq!(
        [&plan["type"], &plan["way"], &plan["from"], &plan["to"]],
        ["plan", "streamed", "a/Reader", "b/Writer"].map(Value::from).each_ref()
    );
    lines.sort_by_key(|line| line["uri"].to_string());
    let told: Vec<_> = lines.iter().map(|line| [&line["type"], &line["to"], &line["size"], &line["kind"]]).collect();
    let [object, none] = ["object".into(), Value::Null];
    assert_eq!(
        told,
        [
            [&object, &"s3://dst-data/out/a.txt".into(), &6.into(), &none],
            [&"failed".into(), &none, &none, &"exists".into()],
            [&object, &"s3://dst-data/out/sub/c.txt".into(), &8.into(), &none],
            [&object, &"s3://dst-data/out/sub/empty".into(), &0.into(), &none],
        ]
    );
    assert!(lines.iter().filter(|line| line["type"] == "object").all(|line| !line["checked"].is_null()), "{lines:?}");
}

#[test]
fn a_failure_is_told_to_a_command() {
    let stage = stage();
    stage.cloud().put_object(TARGET, "out/b.csv", Object::new("longer than bravo"));
    let said = tree(&stage, "b/Writer", &["--on-failure", "cat > told; exit 7"]);
    assert!(said.err.contains("the command for failures"), "{said:?}");
    assert_eq!((said.code, &*said.out), (Some(1), ""), "the exit status is xsw's own");
    let told: Value = serde_json::from_slice(&stage.read("told")).unwrap();
    assert_eq!([&told["verb"], &told["way"]], ["cp", "streamed"].map(Value::from).each_ref());
    assert_eq!([&told["done"]["written"], &told["done"]["failed"]], [3, 1].map(Value::from).each_ref());
    assert_eq!(told["done"]["failures"][0]["uri"], "s3://src-data/in/b.csv");
    assert_eq!(told["done"]["failures"][0]["kind"], "exists");

    // What the profile file says is for everyone; a refusal is told as well, and a dry run is not.
    let file = String::from_utf8(stage.read(crate::home::PROFILE_FILE)).unwrap();
    let hook = stage.write("hook", "#!/bin/sh\ncat > from-file\n");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let line = format!("[settings]\non_failure = [\"{}\"]\n", hook.display());
    stage.write(crate::home::PROFILE_FILE, file.replacen("[settings]\n", &line, 1));
    let refused = ["-r", "s3://src-data/in/", "s3://prod-of-others/"];
    cp(&stage, "b/Writer", &[&refused[..], &["--dry-run"]].concat()).failed(1);
    assert!(!stage.holds("from-file"));
    cp(&stage, "b/Writer", &refused).failed(1);
    let told: Value = serde_json::from_slice(&stage.read("from-file")).unwrap();
    assert_eq!((&told["kind"], &told["done"]), (&"not_found".into(), &Value::Null));
    // One that cannot be started changes nothing but a line.
    let err = tree(&stage, "b/Writer", &["--on-failure", "./no-such-command"]).failed(1);
    assert!(err.contains("the command for failures"), "{err}");
}

#[test]
fn a_copy_is_in_the_audit_trail() {
    let stage = stage();
    tree(&stage, "b/Writer", &["--dry-run"]).done();
    tree(&stage, "b/Writer", &[]).done();
    let lines = json_lines(&stage.says(["history", "--json", "--event", "copy"]).done());
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!([&line["role"], &line["outcome"]], ["Writer", "ok"].map(Value::from).each_ref(), "{line}");
    assert_eq!([&line["details"]["objects"], &line["details"]["bytes"]], [4, 20].map(Value::from).each_ref());
    assert_eq!(line["details"]["buckets"], json!([TARGET, SOURCE]));
}

#[test]
fn nothing_below_a_prefix_is_said() {
    let stage = stage();
    let said = cp(&stage, "b/Writer", &["-r", "s3://src-data/nowhere/", "s3://dst-data/"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("s3://src-data/nowhere/"), "{said:?}");
    let said = cp(&stage, "b/Writer", &["s3://src-data/nowhere", "s3://dst-data/"]);
    assert!(said.err.contains("there is no s3://src-data/nowhere"), "{said:?}");
    assert_eq!((said.code, writes(&stage)), (Some(1), 0));
}

#[test]
fn archived_objects_fail_and_the_rest_goes_on() {
    for (to, way) in WAYS {
        let stage = stage();
        // The first, by which everything is tried.
        stage.cloud().put_object(SOURCE, "in/Archive.tar", Object::new("cold").storage_class("GLACIER"));
        let err = tree(&stage, to, &[]).failed(1);
        assert!(err.contains("s3://src-data/in/Archive.tar"), "{way}: {err}");
        assert!(err.contains("aws s3api restore-object --bucket src-data --key in/Archive.tar"), "{way}: {err}");
        assert_eq!(stage.cloud().keys(TARGET), ALL, "{way}");
    }
}

/// The keys of FIELD.md and more, each with its own text.
fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plus+sign.txt",
        "percent%2Fslash.txt",
        "percent%.txt",
        "with space.txt",
        " leading",
        "and&equals=.txt",
        "question?hash#.txt",
        "quote'\"<xml>.txt",
        "emoji-🦀.txt",
        "../outside.txt",
        "../../etc/x",
        "/etc/x",
        "a//b",
        "a/./b",
        "a/../../b",
        "..",
        "folder/",
        "back\\slash",
        "C:\\x",
        "both",
        "both/and-folder.txt",
        "trailing ",
        "title\u{1b}]0;owned\u{7}.txt",
        "clear\u{1b}[2J.tar",
        "invoice\rreport.txt",
        "two\nlines.txt",
        "tab\there",
        "bidi\u{202e}fdp.exe",
        "zero\u{200b}width",
        "bom\u{feff}",
        "日本語.pdf",
        "cafe\u{301}",
        "café",
        "del\u{7f}",
        "line\u{2028}separator",
        "star*[1]{2}$?.txt",
        "semi;colon,comma",
        "~!@^`|",
    ]
    .map(|key| format!("odd/{key}"))
    .to_vec();
    keys.push(format!("odd/{}", "l".repeat(1020 - "bck".len())));
    keys.push(format!("odd/{}", "ü".repeat(500)));
    keys.sort();
    keys
}

#[test]
fn odd_keys_are_copied_as_they_are() {
    let keys = odd_keys();
    for (to, way) in WAYS {
        let stage = stage();
        for key in &keys {
            stage.cloud().put_object(SOURCE, key, Object::new(format!("of {key:?}")).aged(7200));
        }
        let said = cp(&stage, to, &["-r", "s3://src-data/odd/", "s3://dst-data/bck/"]);
        assert!(!said.err.contains('\u{1b}') && !said.err.contains('\u{202e}'), "{way}: {:?}", said.err);
        said.done();
        let expected: Vec<String> = keys.iter().map(|key| key.replacen("odd/", "bck/", 1)).collect();
        assert_eq!(stage.cloud().keys(TARGET), expected, "{way}");
        for key in &keys {
            let copy = stage.cloud().object(TARGET, &key.replacen("odd/", "bck/", 1)).unwrap();
            assert_eq!(copy.bytes(), format!("of {key:?}"), "{way}");
        }
        // Each of them is found again: none is copied twice.
        let before = writes(&stage);
        cp(&stage, to, &["-r", "s3://src-data/odd/", "s3://dst-data/bck/"]).done();
        assert_eq!(writes(&stage), before, "{way}");
    }
}

#[test]
fn a_key_that_would_be_too_long_there_fails_alone() {
    let stage = stage();
    stage.cloud().put_object(SOURCE, &format!("in/{}", "x".repeat(1021)), Object::new("long"));
    let err = tree(&stage, "b/Writer", &[]).failed(1);
    assert!(err.contains("KeyTooLong") || err.contains("1024") || err.contains("too long"), "{err}");
    assert_eq!(stage.cloud().keys(TARGET), ALL);
}

#[test]
fn a_version_is_copied_by_its_id() {
    let me = User::new("me").policy("Assume", allow(&["sts:AssumeRole"], &["*"]));
    let all = || allow(&["s3:*"], &["*"]);
    let kept = Bucket::new("kept-here").versioned().object("k.txt", Object::new("first").tag("number", "1"));
    let kept = kept.object("k.txt", Object::new("second!"));
    let role = |name: &str| Role::new(name, trust(&[ME], None)).policy("All", all());
    let home = Account::new("111111111111").user(me).role(role("Reader")).bucket(kept).bucket(Bucket::new("old-ones"));
    let stage = stage_of(World::new().account(home).account(Account::new("222222222222").role(role("Writer"))));
    let listed = json_lines(&stage.says(["ls", "--versions", "--json", "s3://kept-here/", "--as", "a/Reader"]).done());
    let id = listed[1]["version_id"].as_str().unwrap();
    for way in ["--server-side", "--streamed"] {
        let target = format!("s3://old-ones/{way}");
        stage.says(["cp", "s3://kept-here/k.txt", &target, "--version-id", id, way, "--as", "a/Reader"]).done();
        let copy = stage.cloud().object("old-ones", way).unwrap();
        assert_eq!((&copy.bytes()[..], copy.tags.len()), (&b"first"[..], 1), "{way}");
    }
    // An old one in the place of the newest.
    let k = "s3://kept-here/k.txt";
    stage.says(["cp", k, k, "--version-id", id, "--force", "--as", "a/Reader"]).done();
    assert_eq!(stage.cloud().object("kept-here", "k.txt").unwrap().bytes(), "first");
}

#[test]
fn buckets_of_two_regions_and_one_that_wants_to_be_paid() {
    for (way, flag) in [("server-side", "--server-side"), ("streamed", "--streamed")] {
        let me = User::new("me").policy("Assume", allow(&["sts:AssumeRole"], &["*"]));
        let role = |name: &str| Role::new(name, trust(&[ME], None)).policy("All", allow(&["s3:*"], &["*"]));
        let open = allow(
            &["s3:ListBucket", "s3:GetObject", "s3:GetObjectTagging"],
            &["arn:aws:s3:::open-data", "arn:aws:s3:::open-data/*"],
        );
        let mut open = open;
        open["Statement"][0]["Principal"] = "*".into();
        let paid = Bucket::new("open-data").requester_pays().policy(open).region("eu-west-1");
        let stage = stage_of(
            World::new()
                .account(Account::new("111111111111").user(me).role(role("Reader")).bucket(Bucket::new("mine")))
                .account(
                    Account::new("222222222222").role(role("Writer")).bucket(paid.object("x", Object::new("open"))),
                ),
        );
        let words = ["cp", "-r", "s3://open-data/", "s3://mine/", "--as", "a/Reader", flag];
        let err = stage.says(words).failed(3);
        assert!(err.contains("--requester-pays"), "{way}: {err}");
        stage.says(words.iter().chain(&["--requester-pays"])).done();
        assert_eq!(stage.cloud().object("mine", "x").unwrap().bytes(), "open", "{way}");
    }
}

#[test]
fn an_object_that_is_replaced_on_the_way_is_copied_anew() {
    for (to, way) in WAYS {
        let stage = stage();
        // The listing knows the old one: what comes after the first page is the new one.
        let call = if way == "server-side" { "s3:CopyObject" } else { "s3:GetObject" };
        let object = if way == "server-side" { "dst-data/out/sub/c.txt" } else { "src-data/in/sub/c.txt" };
        stage.cloud().plan_for(call, object, 1, Fault::slow(std::time::Duration::from_millis(1500)));
        let said = std::thread::scope(|scope| {
            let running = scope.spawn(|| tree(&stage, to, &[]));
            let start = std::time::Instant::now();
            while stage.cloud().keys(TARGET).len() < 3 {
                assert!(start.elapsed().as_secs() < 60 && !running.is_finished());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            stage.cloud().put_object(SOURCE, "in/sub/c.txt", Object::new("Charlie the second\n"));
            running.join().unwrap()
        });
        assert!(said.err.contains("s3://src-data/in/sub/c.txt was replaced meanwhile; it is copied anew"), "{said:?}");
        said.done();
        assert_eq!(text(&stage, "out/sub/c.txt"), "Charlie the second\n", "{way}");
    }
}

#[test]
fn what_goes_wrong_on_the_way_is_done_again() {
    for (to, way) in WAYS {
        let stage = stage();
        let (read, write) = ("src-data/in/sub/c.txt", "dst-data/out/sub/c.txt");
        let cloud = stage.cloud();
        for fault in [Fault::error(503, "SlowDown"), Fault::reset(), Fault::error(500, "InternalError")] {
            for (call, object) in [("s3:GetObject", read), ("s3:PutObject", write), ("s3:CopyObject", write)] {
                cloud.plan_for(call, object, 1, fault.clone());
            }
        }
        cloud.plan("s3:ListObjectsV2", 1, Fault::error(503, "SlowDown"));
        if way == "streamed" {
            cloud.plan_for("s3:GetObject", read, 1, Fault::cut(3));
            cloud.plan_for("s3:GetObject", read, 1, Fault::flip(3));
        }
        let said = tree(&stage, to, &[]);
        assert_eq!(said.err.contains("in/sub/c.txt came damaged; it is copied anew"), way == "streamed", "{said:?}");
        said.done();
        assert_eq!(cloud.keys(TARGET), ALL);
        assert_eq!(text(&stage, "out/sub/c.txt"), "charlie\n", "{way}");
    }
}

#[test]
fn a_session_that_ends_on_the_way_is_renewed() {
    for (to, way) in WAYS {
        let stage = stage();
        let (read, write) = ("src-data/in/sub/c.txt", "dst-data/out/sub/c.txt");
        for (call, object) in [("s3:GetObject", read), ("s3:PutObject", write), ("s3:CopyObject", write)] {
            stage.cloud().plan_for(call, object, 1, Fault::error(400, "ExpiredToken"));
        }
        tree(&stage, to, &[]).done();
        assert_eq!(text(&stage, "out/sub/c.txt"), "charlie\n", "{way}");
        // Both, where there are two.
        assert_eq!(stage.assumed(), if way == "streamed" { 4 } else { 3 }, "{way}");
    }
}
