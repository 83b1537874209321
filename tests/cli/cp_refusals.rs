//! What refuses a copy is told before the first object is written, with its side and what would mend it.

use serde_json::json;
use xsw::demo::Object;

use crate::cp::{SOURCE, TARGET, TREE, WAYS, cp, reading, stage, stage_of, without, world, writing};
use crate::home::PROFILE_FILE;
use crate::stage::{Stage, snapshot};

/// Nothing is written, nothing is begun and left.
#[track_caller]
fn nothing_was_written(stage: &Stage) {
    assert_eq!((stage.cloud().keys(TARGET).len(), stage.cloud().uploads(TARGET)), (0, 0));
    for call in ["s3:CopyObject", "s3:PutObject", "s3:CompleteMultipartUpload"] {
        assert_eq!(stage.cloud().calls(call), 0, "{call}");
    }
}

#[test]
fn each_permission_that_is_missing_is_told_before_anything_is_written() {
    for action in ["s3:ListBucket", "s3:GetObject", "s3:GetObjectTagging"] {
        let stage = stage_of(world(&without(reading(), action), &writing()));
        let err = cp(&stage, "b/Writer", &TREE).failed(3);
        assert!(err.contains(&format!("error: not allowed to {action} on arn:aws:s3:::src-data")), "{action}: {err}");
        assert!(err.contains("`xsw explain a/Reader s3://src-data/in/`"), "{action}: {err}");
        assert!(err.contains("`xsw policy copy -r --from a/Reader --to b/Writer s3://"), "{action}: {err}");
        nothing_was_written(&stage);
    }
    for (to, way) in WAYS {
        for action in ["s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload", "s3:ListBucket"] {
            let stage = stage_of(world(&reading(), &without(writing(), action)));
            let err = cp(&stage, to, &TREE).failed(3);
            let told = format!("error: not allowed to {action} on arn:aws:s3:::dst-data");
            assert!(err.contains(&told), "{way} {action}: {err}");
            assert!(err.contains(&format!("`xsw explain {to} s3://dst-data/out/ --write`")), "{way} {action}: {err}");
            assert_eq!(stage.cloud().keys(TARGET).len(), 0);
            assert_eq!((stage.cloud().calls("s3:CopyObject"), stage.cloud().calls("s3:PutObject")), (0, 0));
        }
    }
}

/// What a hint tells to run mends what was tried, with all its options.
#[test]
fn the_command_of_a_hint_is_about_the_same_copy() {
    let prefix = ["-r", "s3://src-data/in/b", "s3://dst-data/out;reboot"];
    let object = ["s3://src-data/in/it's\nmine", "s3://dst-data/out/"];
    for (paths, more, command) in [
        (
            &prefix[..],
            "--no-tags",
            "-r --from a/Reader --to b/Writer --no-tags s3://src-data/in/b 's3://dst-data/out;reboot/'",
        ),
        (
            &prefix,
            "--streamed",
            "-r --from a/Reader --to b/Writer --streamed s3://src-data/in/b 's3://dst-data/out;reboot/'",
        ),
        (
            &object,
            "--no-tags",
            r"--from a/Reader --to b/Writer --no-tags $'s3://src-data/in/it\'s\012mine' $'s3://dst-data/out/it\'s\012mine'",
        ),
    ] {
        let stage = stage_of(world(&without(reading(), "s3:GetObject"), &writing()));
        stage.cloud().put_object(SOURCE, "in/it's\nmine", Object::new("mine\n"));
        let err = cp(&stage, "b/Writer", &[paths, &[more]].concat()).failed(3);
        assert!(err.contains(&format!("`xsw policy copy {command}` prints what it needs")), "{err}");
    }
}

#[test]
fn who_replaces_everything_need_not_look() {
    let stage = stage_of(world(&reading(), &without(writing(), "s3:ListBucket")));
    let err = cp(&stage, "b/Writer", &TREE).failed(3);
    assert!(err.contains("--force"), "{err}");
    stage.cloud().put_object(TARGET, "out/b.csv", Object::new("theirs\n"));
    let said = cp(&stage, "b/Writer", &[&TREE[..], &["--force"]].concat());
    assert!(said.err.contains("s3:ListBucket"), "{said:?}");
    said.done();
    assert_eq!(stage.cloud().keys(TARGET).len(), 4);
    assert_eq!(stage.cloud().object(TARGET, "out/b.csv").unwrap().bytes(), "bravo\n");
}

#[test]
fn both_sides_of_another_accounts_bucket_are_told_apart() {
    // The role may, the bucket does not let it.
    let mut world = world(&reading(), &writing());
    world.accounts[0].buckets[0].policy = None;
    let stage = stage_of(world);
    let err = cp(&stage, "b/Copier", &[&TREE[..], &["--server-side"]].concat()).failed(3);
    assert!(err.contains("error: not allowed to s3:ListBucket on arn:aws:s3:::src-data"), "{err}");
    assert!(err.contains("the bucket policy must both allow"), "{err}");
    nothing_was_written(&stage);
    // An explicit deny on the target's side.
    let mut world = crate::cp::world(&reading(), &writing());
    world.accounts[1].buckets[0].policy = Some(json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::dst-data/*" },
    ]}));
    let stage = stage_of(world);
    let err = cp(&stage, "b/Writer", &TREE).failed(3);
    assert!(err.contains("explicit deny") && err.contains("s3:PutObject"), "{err}");
    nothing_was_written(&stage);
}

#[test]
fn a_role_that_cannot_be_assumed_is_told_first() {
    let mut world = world(&reading(), &writing());
    world.accounts[1].roles[0].trust = xsw::demo::trust(&["arn:aws:iam::111111111111:user/somebody"], None);
    let stage = stage_of(world);
    let err = cp(&stage, "b/Writer", &TREE).failed(3);
    assert!(err.contains("sts:AssumeRole on arn:aws:iam::222222222222:role/Writer"), "{err}");
    nothing_was_written(&stage);
}

#[test]
fn a_bucket_that_is_not_there_is_told_first() {
    let stage = stage();
    let err = cp(&stage, "b/Writer", &["-r", "s3://src-data/in/", "s3://dst-nowhere/"]).failed(1);
    assert!(err.contains("dst-nowhere"), "{err}");
    let err = cp(&stage, "b/Writer", &["-r", "s3://src-nowhere/in/", "s3://dst-data/"]).failed(1);
    assert!(err.contains("src-nowhere"), "{err}");
    nothing_was_written(&stage);
    assert_eq!(stage.cloud().keys(SOURCE).len(), 4);
}

#[test]
fn a_role_is_needed() {
    let stage = stage();
    snapshot!(stage, ["cp", "s3://src-data/in/a.txt", "s3://dst-data/"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: which role? There are several
    hint: name the role that reads with --from and the one that writes with --to
    ");
    assert!(stage.holds(PROFILE_FILE));
    nothing_was_written(&stage);
}
