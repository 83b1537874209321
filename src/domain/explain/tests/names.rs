//! Words: trust policies, refusals, mistyped names, graphs.

use serde_json::json;

use crate::domain::account::AccountId;
use crate::domain::explain::Refusal;
use crate::domain::explain::graph::Graph;
use crate::domain::explain::typing::mistake;
use crate::domain::explain::words::{is_service_linked, only_service, trust_in_words};
use crate::domain::policy::Side;
use crate::domain::role::{Account, Profile, Role};

#[test]
fn trust_policies_in_words() {
    let statement = |principal: serde_json::Value, condition: serde_json::Value| {
        let mut one = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
        if !condition.is_null() {
            one["Condition"] = condition;
        }
        json!({ "Version": "2012-10-17", "Statement": one }).to_string()
    };
    let none = serde_json::Value::Null;
    for (principal, condition, words) in [
        (json!({ "AWS": "222222222222" }), none.clone(), "people of account 222222222222"),
        (
            json!({ "AWS": "arn:aws:iam::222222222222:root" }),
            json!({ "StringEquals": { "sts:ExternalId": "x" } }),
            "people of account 222222222222, with the external ID x",
        ),
        // Thirteen digits are no account.
        (json!({ "AWS": ["arn:aws:iam::1111111111111:user/me"] }), none.clone(), ""),
        (
            json!({ "AWS": ["arn:aws:iam::111111111111:user/me", "arn:aws:iam::111111111111:role/team/Jump"] }),
            json!({ "Bool": { "aws:MultiFactorAuthPresent": true } }),
            "the user me of account 111111111111 and the role Jump of account 111111111111, with MFA",
        ),
        (json!({ "Service": "lambda.amazonaws.com" }), none.clone(), "only Lambda: a service role, not for people"),
        (json!({ "Service": "x.amazonaws.com" }), none.clone(), "only x.amazonaws.com: a service role, not for people"),
        (
            json!("*"),
            json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" }, "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "::1"] } }),
            "everybody, in every AWS account, from 10.0.0.0/8 or ::1 and in the organization o-1",
        ),
        (
            json!({ "Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com" }),
            json!({ "StringLike": { "token.actions.githubusercontent.com:sub": "repo:x/*" } }),
            "GitHub Actions, where token.actions.githubusercontent.com:sub StringLike repo:x/*",
        ),
        (
            json!({ "AWS": "111111111111" }),
            json!({ "StringEquals": { "aws:PrincipalTag/Team": "data" } }),
            "people of account 111111111111, whose tag Team is data",
        ),
    ] {
        let document = statement(principal, condition);
        match trust_in_words(&document) {
            Ok(lines) => assert_eq!(lines, [words], "{document}"),
            Err(wrong) => assert!(words.is_empty(), "{wrong}: {document}"),
        }
    }
    let service = statement(json!({ "Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"] }), none.clone());
    assert_eq!(only_service(&service).as_deref(), Some("EC2 and Lambda"));
    let mixed = statement(json!({ "Service": "ec2.amazonaws.com", "AWS": "111111111111" }), none);
    assert_eq!(only_service(&mixed), None);
    assert!(is_service_linked("arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"));
    assert!(!is_service_linked("arn:aws:iam::1:role/service-role/x"));
}

#[test]
fn refusals_are_read_as_aws_words_them() {
    let who = "User: arn:aws:iam::111111111111:user/me is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/k\"";
    for (words, side, explicit) in [
        (" because no identity-based policy allows the s3:GetObject action", Some(Side::Identity), false),
        (" with an explicit deny in an identity-based policy", Some(Side::Identity), true),
        (" with an explicit deny in a resource control policy", Some(Side::Scp), true),
        (" because no resource-based policy allows the s3:GetObject action", Some(Side::Bucket), false),
        ("", None, false),
    ] {
        let refusal = Refusal::read(&format!("{who}{words}"));
        assert_eq!((refusal.side, refusal.explicit), (side, explicit), "{words}");
        assert_eq!(refusal.action.as_deref(), Some("s3:GetObject"));
        assert_eq!(refusal.resource.as_deref(), Some("arn:aws:s3:::b/k"));
    }
    assert_eq!(Refusal::read("Access Denied"), Refusal::default());
}

fn profile() -> Profile {
    let account = |name: &str, id: &str| Account {
        name: name.into(),
        id: id.parse().unwrap(),
        source: "corp".into(),
        region: None,
        environment: None,
        color: None,
        confirm: false,
        endpoint_url: None,
        path_style: None,
    };
    let role = |arn: &str, account: usize| Role::new(arn.parse().unwrap(), account);
    Profile {
        accounts: vec![account("prod", "222222222222"), account("zero", "012345678901")],
        roles: vec![
            role("arn:aws:iam::222222222222:role/S3Reader", 0),
            role("arn:aws:iam::222222222222:role/team/Admin", 0),
            role("arn:aws:iam::012345678901:role/Ops", 1),
        ],
        ..Profile::default()
    }
}

#[test]
fn mistyped_names_tell_what_is_wrong_and_what_was_meant() {
    let profile = profile();
    for (text, what, meant) in [
        ("arn:aws:iam:222222222222:role/S3Reader", "a colon is missing", Some("prod/S3Reader")),
        ("arn:aws:iam::22222222222:role/S3Reader", "has 11", Some("prod/S3Reader")),
        ("arn:aws:iam::12345678901:role/Ops", "has 11", Some("zero/Ops")),
        ("arn:aws:iam::222222222222:S3Reader", "`role/` is missing", Some("prod/S3Reader")),
        ("arn:aws:iam::222222222222:role:S3Reader", "a slash", Some("prod/S3Reader")),
        ("arn:iam::222222222222:role/S3Reader", "the partition is missing", Some("prod/S3Reader")),
        ("arn:aws:sts::222222222222:assumed-role/S3Reader/me", "a session of a role", Some("prod/S3Reader")),
        ("arn:aws:iam::222222222222:role/Admin", "path is another", Some("prod/Admin")),
        ("arn:aws-cn:iam::222222222222:role/S3Reader", "partition is another", Some("prod/S3Reader")),
        ("arn:aws:iam::222222222222:role/S3Raeder", "spells the role S3Reader", Some("prod/S3Reader")),
        ("arn:aws:iam::222222222223:role/S3Reader", "account id is 222222222222", Some("prod/S3Reader")),
        ("22222222222/S3Reader", "has 11", Some("222222222222/S3Reader")),
        ("12345678901/Ops", "has 11", Some("012345678901/Ops")),
        ("99/Ops", "has 2", None),
    ] {
        let found = mistake(text, &profile).unwrap_or_else(|| panic!("{text}"));
        assert!(found.what.contains(what), "{text}: {found:?}");
        assert_eq!(found.meant.as_deref(), meant, "{text}");
    }
    for right in ["prod/S3Reader", "S3", "arn:aws:iam::222222222222:role/S3Reader", "arn:", "é", "arn:aws:s3:::b", ""]
    {
        assert_eq!(mistake(right, &profile), None, "{right}");
    }
    assert!("12345678901".parse::<AccountId>().is_err());
}

#[test]
fn the_graph_tells_conditions_and_leaves_out_what_assumes_nothing() {
    let mut graph = Graph::default();
    let (me, reader) = ("arn:aws:iam::111111111111:user/me", "arn:aws:iam::222222222222:role/Reader");
    graph.add(me, "user/me", "111111111111");
    graph.add(reader, "prod/Reader", "222222222222");
    graph.configured(me, reader);
    let statement = |principal: serde_json::Value, action: &str, condition: serde_json::Value| json!({ "Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition });
    let mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        statement(json!({ "AWS": me }), "sts:AssumeRole", mfa.clone()),
        statement(json!({ "AWS": "333333333333" }), "sts:TagSession", json!({})),
        statement(json!({ "AWS": "444444444444" }), "sts:*", mfa),
        statement(json!({ "AWS": "444444444444" }), "sts:AssumeRole", json!({})),
        statement(json!({ "Federated": "accounts.example.com" }), "sts:AssumeRoleWithWebIdentity", json!({})),
    ] });
    graph.trust(reader, &trust.to_string(), &[(me.to_owned(), "111111111111".to_owned(), me.to_owned())]);
    insta::assert_snapshot!(graph.text(), @r"
    111111111111  (hub)
      user/me
        -> prod/Reader  configured and trusted, with MFA
    444444444444
      people of account 444444444444
        -> prod/Reader  trusted
    elsewhere
      whoever accounts.example.com signs in
        -> prod/Reader  trusted
    ");
    let only_tags = json!({ "Statement": [statement(json!({ "AWS": me }), "sts:TagSession", json!({}))] });
    graph.trust(reader, &only_tags.to_string(), &[(me.to_owned(), "111111111111".to_owned(), me.to_owned())]);
    assert!(graph.text().contains("configured, but not trusted"), "{}", graph.text());
}

#[test]
fn the_graph_has_the_hub_first() {
    let mut graph = Graph::default();
    let (me, jump) = ("arn:aws:iam::111111111111:user/me", "arn:aws:iam::111111111111:role/Jump");
    let (reader, admin) = ("arn:aws:iam::222222222222:role/Reader", "arn:aws:iam::222222222222:role/Admin");
    for (id, label, account) in [
        (me, "user/me", "111111111111"),
        (jump, "hub/Jump", "111111111111"),
        (reader, "prod/Reader", "222222222222"),
        (admin, "prod/Admin", "222222222222"),
    ] {
        graph.add(id, label, account);
    }
    graph.accounts.insert("111111111111".into(), "hub".into());
    graph.configured(me, jump);
    graph.configured(jump, reader);
    graph.configured(me, admin);
    let trust = |principal: &str| {
        let principal = json!({ "AWS": principal });
        json!({ "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" }] }).to_string()
    };
    let from = |id: &str| [(id.to_owned(), "111111111111".to_owned(), id.to_owned())];
    graph.trust(reader, &trust("111111111111"), &from(jump));
    graph.trust(admin, &trust("arn:aws:iam::333333333333:role/Ops\u{1b}"), &from(me));
    let text = graph.text();
    insta::assert_snapshot!(text, @r"
    hub 111111111111  (hub)
      people of account 111111111111
        -> prod/Reader  trusted
      hub/Jump
        -> prod/Reader  configured and trusted
      user/me
        -> hub/Jump  configured; trust policy not seen
        -> prod/Admin  configured, but not trusted
    333333333333
      the role Ops\x1b of account 333333333333
        -> prod/Admin  trusted
    ");
    let dot = graph.dot();
    assert!(
        dot.starts_with("digraph assume {") && dot.ends_with("}\n") && dot.contains("label=\"hub 111111111111\""),
        "{dot}"
    );
    assert!(!dot.contains('\u{1b}') && dot.matches(" -> ").count() == 5, "{dot}");
}
