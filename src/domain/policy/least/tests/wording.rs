//! Names, commands, merging.

use serde_json::{Value, json};

use crate::domain::policy::Policy;
use crate::domain::policy::least::{Access, Grant, Naming, Objects, Ordered, Party, Trust, assume, read, trust};

fn grant(caller: &str) -> Grant {
    let role = "arn:aws:iam::222222222222:role/team/S3Reader".parse().unwrap();
    assume(&caller.parse::<Party>().unwrap(), &role, &Trust::default()).unwrap()
}

fn trusting(callers: &[&str]) -> Grant {
    let role = "arn:aws:iam::222222222222:role/team/S3Reader".parse().unwrap();
    let callers: Vec<Party> = callers.iter().map(|one| one.parse().unwrap()).collect();
    trust(&role, &callers, &Trust::default()).unwrap()
}

fn bucket(uri: &str) -> Grant {
    let wish = Access {
        who: "arn:aws:iam::222222222222:role/S3Reader".parse().unwrap(),
        objects: vec![Objects { uri: uri.parse().unwrap(), below: true, owner: "111111111111".parse().unwrap() }],
        tags: false,
        versions: false,
        keys: Vec::new(),
        naming: Naming::Exactly,
    };
    read(&wish).unwrap().remove(1)
}

#[test]
fn each_place_has_its_file_and_its_command() {
    let rows = [
        (
            grant("arn:aws:iam::111111111111:user/people/me"),
            "user-111111111111-me.json",
            "aws iam put-user-policy --user-name me --policy-name xsw-assume-222222222222-S3Reader-",
        ),
        (
            grant("arn:aws:sts::111111111111:assumed-role/Jump/me"),
            "role-111111111111-Jump.json",
            "aws iam put-role-policy --role-name Jump --policy-name xsw-assume-222222222222-S3Reader-",
        ),
        (
            grant("arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Power_User_0123456789abcdef/me@x"),
            "permission-set-111111111111-Power_User.json",
            "aws sso-admin put-inline-policy-to-permission-set --instance-arn INSTANCE_ARN",
        ),
        (
            trusting(&["111111111111"]),
            "trust-222222222222-S3Reader.json",
            "aws iam update-assume-role-policy --role-name S3Reader --policy-document \
             file://trust-222222222222-S3Reader.json",
        ),
        (
            bucket("s3://my.data/in/"),
            "bucket-111111111111-my.data.json",
            "aws s3api put-bucket-policy --bucket my.data --policy file://bucket-111111111111-my.data.json",
        ),
    ];
    for (grant, file, command) in rows {
        assert_eq!(grant.file_name(), file);
        assert!(grant.command().starts_with(command), "{}", grant.command());
        assert_eq!(grant.replaces(), grant.present().is_some());
        assert!(grant.sentence().contains(grant.account.as_str()), "{}", grant.sentence());
    }
    let quoted = trusting(&["111111111111"]).command_from("it's here/x.json");
    assert!(quoted.ends_with(r#"--policy-document 'file://it'"'"'s here/x.json'"#), "{quoted}");
}

#[test]
fn another_policy_has_another_name() {
    let name = |caller: &str| grant(caller).policy_name();
    let me = name("arn:aws:iam::111111111111:user/me");
    assert_eq!(me, name("arn:aws:iam::111111111111:user/me"));
    assert_ne!(bucket("s3://data/a/").policy_name(), bucket("s3://data/b/").policy_name());
    let long = bucket(&format!("s3://{}/", "b".repeat(200)));
    assert!(long.policy_name().len() <= 128, "{}", long.policy_name());
}

#[test]
fn statements_join_what_is_there() {
    let ours = trusting(&["arn:aws:iam::111111111111:user/me"]);
    let ours_alone = ours.policy["Statement"][0].clone();
    let other = json!({ "Sid": "TrustCallers", "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" },
        "Action": "sts:AssumeRole" });
    let existing = json!({ "Version": "2012-10-17", "Id": "keep", "Statement": other });
    let merged = ours.merged_into(&existing);
    assert_eq!(merged["Id"], "keep");
    assert_eq!(merged["Statement"][0], other);
    // The Sid was taken.
    assert_eq!(merged["Statement"][1]["Sid"], "TrustCallers2");
    assert_eq!(merged["Statement"][1]["Principal"], ours_alone["Principal"]);
    // A second time changes nothing.
    assert_eq!(ours.merged_into(&merged), merged);
    // AWS gives lists back in another shape.
    let mut reshaped = merged.clone();
    reshaped["Statement"][1]["Action"] = json!(["sts:AssumeRole"]);
    reshaped["Statement"][1]["Principal"] = json!({ "AWS": ["arn:aws:iam::111111111111:user/me"] });
    reshaped["Statement"][1]["Sid"] = json!("Named by somebody");
    assert_eq!(ours.merged_into(&reshaped)["Statement"].as_array().unwrap().len(), 2);
    // An account is its root.
    let account = trusting(&["111111111111"]);
    let mut digits = account.policy.clone();
    digits["Statement"][0]["Principal"] = json!({ "AWS": "111111111111" });
    assert_eq!(account.merged_into(&digits), digits);
    // Nothing there.
    for nothing in [Value::Null, json!({}), json!("")] {
        assert_eq!(ours.merged_into(&nothing), ours.policy);
    }
    // A Deny like our Allow is another statement.
    let mut deny = ours.policy.clone();
    deny["Statement"][0]["Effect"] = json!("Deny");
    assert_eq!(ours.merged_into(&deny)["Statement"].as_array().unwrap().len(), 2);
}

#[test]
fn an_older_policy_keeps_its_meaning() {
    let existing = json!({ "Version": "2008-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*",
        "Action": "s3:*", "Resource": "arn:aws:s3:::data/${aws:username}" }] });
    let merged = bucket("s3://data/in/").merged_into(&existing);
    assert_eq!(merged["Version"], "2012-10-17");
    assert_eq!(merged["Statement"][0]["Resource"], "arn:aws:s3:::data/${$}{aws:username}");
    assert!(Policy::from_json(&merged).unwrap().variables);
}

#[test]
fn parties_are_read_from_what_people_have() {
    for (text, account, name) in [
        ("111111111111", Some("111111111111"), "111111111111"),
        ("arn:aws:iam::111111111111:root", Some("111111111111"), "111111111111"),
        ("arn:aws:iam::111111111111:user/a/b/me", Some("111111111111"), "me"),
        ("arn:aws:iam::111111111111:role/a/Jump", Some("111111111111"), "Jump"),
        ("arn:aws-cn:sts::111111111111:assumed-role/Jump/s", Some("111111111111"), "Jump"),
        ("arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_A_B_0123456789abcdef/s", Some("111111111111"), "A_B"),
        ("batchoperations.s3.amazonaws.com", None, "batchoperations.s3.amazonaws.com"),
    ] {
        let party: Party = text.parse().unwrap();
        assert_eq!((party.account().as_ref().map(|id| id.as_str()), party.name()), (account, name), "{text}");
    }
    for wrong in [
        "",
        "me",
        "11111111111",
        "arn:aws:iam:111111111111:user/me",
        "arn:aws:iam::111111111111:user/*",
        "arn:aws:iam::111111111111:group/g",
        "arn:aws:iam::111111111111:user/",
        "arn:aws:sts::111111111111:assumed-role/Jump",
        "arn:aws:iam::111111111111:user/\u{202e}x",
        "arn:aws:s3:::bucket",
    ] {
        assert!(wrong.parse::<Party>().is_err(), "{wrong}");
    }
}

#[test]
fn policies_are_written_in_the_order_of_people() {
    let text = serde_json::to_string(&Ordered(&trusting(&["111111111111"]).policy)).unwrap();
    assert_eq!(
        text,
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"TrustCallers","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole"}]}"#
    );
}
