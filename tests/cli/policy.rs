//! `xsw policy`: what it prints is enough, and no more; what it writes replaces nothing.

use serde_json::{Value, json};
use xsw::demo::{Account, Bucket, Object, Role, User, World};

use crate::home::Said;
use crate::stage::{Stage, snapshot};

/// Two accounts in which nobody may do anything yet; then with what `xsw policy --json` printed.
fn world(grants: &[Value]) -> World {
    let of = |kind: &str, name: &str| -> Vec<(String, Value)> {
        let fits = |grant: &&Value| {
            grant["attach_to"]["type"] == kind
                && grant["attach_to"]["name"]
                    .as_str()
                    .is_some_and(|known| known == name || known.ends_with(&format!("/{name}")))
        };
        let named = |grant: &Value| (grant["name"].as_str().unwrap().to_owned(), grant["policy"].clone());
        grants.iter().filter(fits).map(named).collect()
    };
    let nobody = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "sts:TagSession" }] });
    let role = |name: &str| {
        let trust = of("trust", name).pop().map_or_else(|| nobody.clone(), |(_, policy)| policy);
        of("role", name).into_iter().fold(Role::new(name, trust), |role, (name, policy)| role.policy(name, policy))
    };
    let bucket = |name: &str| {
        let bucket =
            Bucket::new(name).object("in/a b.txt", Object::new("a\n")).object("in/x/c.txt", Object::new("c\n"));
        let bucket =
            bucket.object("other/secret.txt", Object::new("secret\n")).object("one*.txt", Object::new("one\n"));
        of("bucket", name).into_iter().fold(bucket, |bucket, (_, policy)| bucket.policy(policy))
    };
    let me = of("user", "me").into_iter().fold(User::new("me"), |me, (name, policy)| me.policy(name, policy));
    World::new()
        .account(Account::new("111111111111").user(me).role(role("Jump")).bucket(bucket("source-data")))
        .account(Account::new("222222222222").role(role("Reader")).bucket(bucket("target-data")))
}

const ACCOUNTS: &str = r#"
[[accounts]]
name = "one"
id = "111111111111"
source = "demo"
[[accounts.roles]]
name = "Jump"
[[accounts]]
name = "two"
id = "222222222222"
source = "demo"
[[accounts.roles]]
name = "Reader"
alias = "reader"
external_id = "known-1"
[[accounts.roles]]
name = "Copier"
via = "one/Jump"
"#;

fn stage(grants: &[Value]) -> Stage {
    let stage = Stage::of(world(grants));
    stage.profile(ACCOUNTS);
    stage
}

fn grants(said: Said) -> Vec<Value> {
    said.json()["grants"].as_array().unwrap().clone()
}

#[test]
fn what_it_prints_is_enough_and_no_statement_is_too_much() {
    let empty = stage(&[]);
    empty.says(["ls", "s3://source-data/in/", "--as", "reader"]).failed(3);
    let mut printed = grants(empty.says(["policy", "assume", "reader", "--json"]));
    let words = ["policy", "read", "s3://source-data/in/", "s3://source-data/one*.txt", "--as", "reader"];
    printed.extend(grants(empty.says(words.into_iter().chain(["--bucket-account", "one", "--json"]))));
    let files: Vec<&str> = printed.iter().map(|grant| grant["file"].as_str().unwrap()).collect();
    assert_eq!(
        files,
        [
            "user-111111111111-me.json",
            "trust-222222222222-Reader.json",
            "role-222222222222-Reader.json",
            "bucket-111111111111-source-data.json",
        ]
    );
    let list = ["ls", "s3://source-data/in/", "-r", "--as", "reader"];
    let read = ["cat", "s3://source-data/in/a b.txt", "s3://source-data/one*.txt", "--as", "reader"];
    let granted = stage(&printed);
    assert_eq!(granted.says(list).done().lines().count(), 2);
    assert_eq!(granted.says(read).done(), "a\none\n");
    // No wider than it was asked for.
    granted.says(["ls", "s3://source-data/", "--as", "reader"]).failed(3);
    granted.says(["cat", "s3://source-data/other/secret.txt", "--as", "reader"]).failed(3);
    granted.says(["ls", "s3://target-data/in/", "--as", "reader"]).failed(3);
    // Without any one statement something is refused.
    for (place, grant) in printed.iter().enumerate() {
        let statements = grant["policy"]["Statement"].as_array().unwrap();
        for index in 0..statements.len() {
            let mut fewer = printed.clone();
            let mut rest = statements.clone();
            let gone = rest.remove(index);
            match rest.is_empty() {
                true => _ = fewer.remove(place),
                false => fewer[place]["policy"]["Statement"] = Value::Array(rest),
            }
            let stage = stage(&fewer);
            let refused = [stage.says(list).code, stage.says(read).code].contains(&Some(3));
            assert!(refused, "without {gone} of {}", grant["file"]);
        }
    }
}

#[test]
fn a_copy_is_four_policies() {
    let stage = stage(&[]);
    let copy =
        ["policy", "copy", "--from", "one/Jump", "--to", "two/Copier", "s3://source-data/in/", "s3://target-data/"];
    let said = stage.says(copy.into_iter().chain(["--json"]));
    assert_eq!(said.err, "");
    let printed = grants(said);
    let sides: Vec<(&str, &str)> =
        printed.iter().map(|grant| (grant["side"].as_str().unwrap(), grant["account_id"].as_str().unwrap())).collect();
    assert_eq!(
        sides,
        [
            ("permissions", "111111111111"),
            ("trust", "222222222222"),
            ("permissions", "222222222222"),
            ("bucket", "111111111111"),
        ]
    );
    let principal = |grants: &[Value]| grants[3]["policy"]["Statement"][0]["Principal"]["AWS"].clone();
    assert_eq!(principal(&printed), "arn:aws:iam::222222222222:role/Copier");
    let account = grants(stage.says(copy.into_iter().chain(["--principal", "account", "--json"])));
    assert_eq!(principal(&account), "arn:aws:iam::222222222222:root");
    // With both sessions each role has its own half, and no bucket is another account's.
    let streamed = grants(stage.says(copy.into_iter().chain(["--streamed", "--json"])));
    let files: Vec<&str> = streamed.iter().map(|grant| grant["file"].as_str().unwrap()).collect();
    assert_eq!(
        files,
        [
            "trust-111111111111-Jump.json",
            "role-111111111111-Jump.json",
            "trust-222222222222-Copier.json",
            "role-222222222222-Copier.json",
        ]
    );
    assert_eq!(stage.cloud().calls("sts:AssumeRole"), 0);
}

#[test]
fn roles_that_no_profile_file_knows_get_policies_too() {
    let stage = stage(&[]);
    let calls = stage.cloud().calls("sts:GetCallerIdentity");
    let (from, to) = ("arn:aws:iam::333333333333:role/a/From", "arn:aws:iam::444444444444:role/To");
    let printed =
        grants(stage.says(["policy", "copy", "--from", from, "--to", to, "s3://src/k.txt", "s3://dst/in/", "--json"]));
    assert_eq!(printed.len(), 4);
    let write = &printed[2]["policy"]["Statement"][1];
    assert_eq!(write["Resource"], "arn:aws:s3:::dst/in/k.txt");
    let error = stage.says(["policy", "assume", to]).failed(2);
    assert_eq!(
        error,
        "error: who assumes the role is not known\nhint: name who assumes the role: --caller PRINCIPAL\n"
    );
    stage.says(["policy", "assume", to, "--caller", from]).done();
    assert_eq!(stage.cloud().calls("sts:GetCallerIdentity"), calls);
}

#[test]
fn a_trust_policy_in_words_and_json() {
    let stage = stage(&[]);
    snapshot!(stage, ["policy", "trust", "reader", "--for", "one/Jump", "--for", "444444444444"], @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    1. trust policy of the role Reader, account 222222222222 (two)
       An administrator of 222222222222 adds the statements to the trust policy; the command alone replaces it.
       file    trust-222222222222-Reader.json
       first   aws iam get-role --role-name Reader --query Role.AssumeRolePolicyDocument > trust-222222222222-Reader.json
       then    this command again, with --out . --merge
       attach  aws iam update-assume-role-policy --role-name Reader --policy-document file://trust-222222222222-Reader.json
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "TrustCallers",
          "Effect": "Allow",
          "Principal": {
            "AWS": [
              "arn:aws:iam::111111111111:role/Jump",
              "arn:aws:iam::444444444444:root"
            ]
          },
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": {
              "sts:ExternalId": "known-1"
            }
          }
        }
      ]
    }

    ----- stderr -----
    "#);
}

#[test]
fn an_external_id_is_made_on_request() {
    let stage = stage(&[]);
    let new = || {
        let said = stage.says(["policy", "trust", "reader", "--for", "444444444444", "--external-id", "new", "--json"]);
        let told = said.err.clone();
        let id = grants(said)[0]["policy"]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"].clone();
        let id = id.as_str().unwrap().to_owned();
        assert!(told.contains(&format!("the new external ID is {id}")), "{told}");
        id
    };
    let (one, other) = (new(), new());
    assert!(one.len() == 32 && one != other, "{one} {other}");
    let error = stage.says(["policy", "trust", "reader", "--for", "444444444444", "--external-id", "a b"]).failed(2);
    assert_eq!(error, "error: an external ID may not hold ' '\n");
}

#[test]
fn what_cannot_be_is_said() {
    let stage = stage(&[]);
    let rows: &[(&[&str], &str)] = &[
        (&["policy", "trust", "reader", "--for", "one/Jump", "--require-mfa"], "is a role: its sessions show no MFA"),
        (&["policy", "assume", "reader", "--caller", "111111111111"], "its root user may not call AssumeRole"),
        (&["policy", "assume", "reader", "--caller", "lambda.amazonaws.com"], "is a service of AWS"),
        (&["policy", "trust", "reader", "--for", "arn:aws:iam::11111:user/x"], "has 12 digits"),
        (&["policy", "trust", "reader", "--for", "arn:aws:iam::111111111111:user/*"], "has a wildcard"),
        (&["policy", "trust", "reader", "--for", "nobody"], "nobody"),
        (&["policy", "assume", "reader", "--caller", "arn:aws-cn:iam::111111111111:user/x"], "share nothing"),
        (
            &["policy", "read", "s3://b-b/k", "--as", "reader", "--kms", "arn:aws:kms:eu-west-1:111111111111:alias/x"],
            "is an alias",
        ),
        (&["policy", "read", "s3://b-b/k", "--as", "reader", "--bucket-account", "three"], "an account id"),
    ];
    for (words, what) in rows {
        let error = stage.says(*words).failed(2);
        assert!(error.contains(what), "{words:?}: {error}");
    }
    let error = stage.says(["policy", "assume", "reader", "--json", "--caller", "111111111111"]).failed(2);
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["kind"], "usage");
}

#[test]
fn files_are_written_and_never_replaced() {
    let stage = stage(&[]);
    let folder = stage.path("policies");
    let folder = folder.to_str().unwrap();
    let words =
        ["policy", "read", "s3://source-data/in/", "--as", "reader", "--bucket-account", "one", "--out", folder];
    let said = stage.says(words).done();
    assert!(said.contains("file://") && !said.contains("\"Version\""), "{said}");
    let file = "policies/bucket-111111111111-source-data.json";
    let bucket: Value = serde_json::from_slice(&stage.read(file)).unwrap();
    assert_eq!(bucket["Statement"][0]["Sid"], "List");
    assert!(String::from_utf8(stage.read(file)).unwrap().starts_with("{\n  \"Version\""));
    // Again is nothing new; another policy does not replace it, and then nothing at all is written.
    stage.says(words).done();
    stage.write(file, "{}");
    let role = stage.read("policies/role-222222222222-Reader.json");
    let other = words.map(|word| if word == "s3://source-data/in/" { "s3://source-data/out/" } else { word });
    let error = stage.says(other).failed(1);
    assert!(error.contains("is there; --merge adds"), "{error}");
    assert_eq!((stage.read(file).as_slice(), stage.read("policies/role-222222222222-Reader.json")), (&b"{}"[..], role));
    // What is no policy is not added to.
    let merged = other.into_iter().chain(["--merge"]);
    let error = stage.says(merged.clone()).failed(1);
    assert!(error.contains("cannot add to") && error.contains("Statement is missing"), "{error}");
    // What is there stays.
    let kept = json!({ "Sid": "Read", "Effect": "Deny", "Principal": "*", "Action": "s3:Put*",
        "Resource": "arn:aws:s3:::source-data/*" });
    stage.write(file, json!({ "Version": "2008-10-17", "Statement": kept }).to_string());
    stage.says(merged.clone()).done();
    let once = stage.read(file);
    let bucket: Value = serde_json::from_slice(&once).unwrap();
    assert_eq!(bucket["Statement"][0], kept);
    assert_eq!(bucket["Statement"][2]["Sid"], "Read2");
    stage.says(merged).done();
    assert_eq!(stage.read(file), once);
}

#[test]
fn a_key_cannot_speak_to_the_terminal() {
    let stage = stage(&[]);
    let key = "s3://source-data/\u{9b}31m\u{202e}x\u{1b}]0;y\u{7}";
    let said = stage.says(["policy", "read", key, "--as", "reader"]);
    assert!(said.err.contains("characters that policies of IAM cannot hold"), "{}", said.err);
    let json = stage.says(["policy", "read", key, "--as", "reader", "--json"]);
    for text in [&said.out, &said.err, &json.out] {
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
    }
    // The policy itself has the one character that IAM takes, and a wildcard for each of the others.
    let resource = grants(json)[0]["policy"]["Statement"][0]["Resource"].clone();
    assert_eq!(resource, "arn:aws:s3:::source-data/\u{9b}31m?x?]0;y?");
}

#[cfg(unix)]
#[test]
fn a_symlink_is_no_way_out_of_the_folder() {
    let stage = stage(&[]);
    let outside = stage.write("outside.json", "mine");
    std::fs::create_dir(stage.path("policies")).unwrap();
    std::os::unix::fs::symlink(&outside, stage.path("policies/trust-222222222222-Reader.json")).unwrap();
    let folder = stage.path("policies");
    let words = ["policy", "trust", "reader", "--for", "444444444444", "--out", folder.to_str().unwrap()];
    stage.says(words).failed(1);
    assert_eq!(stage.read("outside.json"), b"mine");
}
