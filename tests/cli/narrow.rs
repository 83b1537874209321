//! What a request for a session carries: source identity, session tags, session policies.

use serde_json::json;
use xsw::demo::{Account, Bucket, Object, Role, User, World, allow, trust};

use crate::stage::{Stage, snapshot};

const ME: &str = "arn:aws:iam::111111111111:user/me";

/// `Tagged` opens to the source identity `me` and the tag Project=apollo alone; `Inner`, reached through it, reads with
/// that tag alone; `Wide` may do everything in S3.
fn world() -> World {
    let assume = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    let me = User::new("me").policy("Assume", allow(&assume, &["*"]));
    let marked = json!({ "StringEquals": { "sts:SourceIdentity": "me", "aws:RequestTag/Project": "apollo" } });
    let same = json!({ "StringEquals": { "aws:SourceIdentity": "me" } });
    let mut with_tag = allow(&["s3:GetObject"], &["*"]);
    with_tag["Statement"][0]["Condition"] = json!({ "StringEquals": { "aws:PrincipalTag/Project": "apollo" } });
    let tagged = Role::new("Tagged", trust(&[ME], Some(marked))).policy("Assume", allow(&assume, &["*"]));
    let inner = Role::new("Inner", trust(&["arn:aws:iam::111111111111:role/Tagged"], Some(same)))
        .policy("ReadWithTag", with_tag);
    let wide = Role::new("Wide", trust(&[ME], None)).policy("All", allow(&["s3:*"], &["*"]));
    let bucket =
        Bucket::new("papers").object("a/one.txt", Object::new("one\n")).object("two.txt", Object::new("two\n"));
    World::new().account(Account::new("111111111111").user(me).role(tagged).role(inner).role(wide).bucket(bucket))
}

fn stage(roles: &str) -> Stage {
    let stage = Stage::of(world());
    stage.profile(&format!("[[accounts]]\nname = \"lab\"\nid = \"111111111111\"\n{roles}"));
    stage
}

#[test]
fn source_identity_and_tags_open_the_role_that_asks_for_them() {
    let right = "[[accounts.roles]]\nname = \"Tagged\"\nsource_identity = \"me\"\ntags = { Project = \"apollo\" }\n\
                 transitive_tags = [\"Project\"]\n[[accounts.roles]]\nname = \"Inner\"\nvia = \"lab/Tagged\"\n";
    let read = ["cat", "s3://papers/two.txt", "--as", "Inner"];
    stage(right).says(["env", "Tagged"]).done();
    assert_eq!(stage(right).says(read).done(), "two\n");
    for (there, instead) in [
        ("source_identity = \"me\"\n", ""),
        ("source_identity = \"me\"", "source_identity = \"other\""),
        ("apollo", "gemini"),
    ] {
        let wrong = stage(&right.replace(there, instead));
        let err = wrong.says(["env", "Tagged"]).failed(3);
        assert!(err.starts_with("error: not allowed to sts:AssumeRole on "), "{err}");
    }
    let forgotten = stage(&right.replace("transitive_tags = [\"Project\"]\n", ""));
    forgotten.says(["env", "Inner"]).done();
    forgotten.says(read).failed(3);
}

#[test]
fn a_session_policy_takes_away() {
    let list_only = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::papers" }],
    });
    let narrow = stage(&format!("[[accounts.roles]]\nname = \"Wide\"\npolicy = '{list_only}'\n"));
    snapshot!(narrow, ["ls", "s3://papers/", "--as", "Wide"], @"
    success: true
    exit_code: 0
    ----- stdout -----
                                  —  a/
    [date and time]         4 B  two.txt

    ----- stderr -----
    ");
    snapshot!(narrow, ["get", "s3://papers/two.txt", "two.txt", "--as", "Wide"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to s3:GetObject on arn:aws:s3:::papers/two.txt: User: arn:aws:sts::111111111111:assumed-role/Wide/me@[host] is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::papers/two.txt" because no session policy allows the s3:GetObject action
    hint: the session policy (`policy` or `policy_arns` in the profile file) does not allow it
    "#);
    assert!(!narrow.holds("two.txt"));

    let from_file = stage("[[accounts.roles]]\nname = \"Wide\"\npolicy = \"narrow.json\"\n");
    let beside = std::path::Path::new(crate::home::PROFILE_FILE).with_file_name("narrow.json");
    from_file.write(beside.to_str().unwrap(), list_only.to_string());
    from_file.says(["cat", "s3://papers/two.txt", "--as", "Wide"]).failed(3);

    stage("[[accounts.roles]]\nname = \"Wide\"\n").says(["cat", "s3://papers/two.txt", "--as", "Wide"]).done();
}

#[test]
fn managed_policies_take_away_too() {
    let role =
        |arn: &str| format!("[[accounts.roles]]\nname = \"Wide\"\npolicy_arns = [\"arn:aws:iam::aws:policy/{arn}\"]\n");
    stage(&role("ReadOnlyAccess")).says(["cat", "s3://papers/two.txt", "--as", "Wide"]).done();
    let unknown = stage(&role("NoSuchPolicy"));
    let err = unknown.says(["cat", "s3://papers/two.txt", "--as", "Wide"]).failed(1);
    assert!(err.contains("arn:aws:iam::aws:policy/NoSuchPolicy does not exist"), "{err}");
}
