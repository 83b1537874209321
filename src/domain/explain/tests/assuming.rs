//! AssumeRole: who is let in, and which side is told when not.

use serde_json::{Value, json};

use super::{HUB, ME, PROD, allow, deny, inline, no_policy, seen};
use crate::domain::explain::assume::{Facts, explain};
use crate::domain::explain::facts::{NamedPolicy, Outcome, Own, PolicyKind, RoleFacts, Seen, Simulated, Viewers, Who};
use crate::domain::explain::{Answer, Decision, SideAnswer, side_name};
use crate::domain::policy::{Context, Policy, Principal, PrincipalKind};

const ROLE: &str = "arn:aws:iam::222222222222:role/S3Reader";
const GENERIC: &str = "User: arn:aws:iam::111111111111:user/me is not authorized to perform: sts:AssumeRole on \
                       resource: arn:aws:iam::222222222222:role/S3Reader";

fn refused(message: &str) -> Outcome {
    Outcome::Refused { message: message.into() }
}

fn allowed() -> Outcome {
    Outcome::Allowed { how: "sts:AssumeRole gave a session".into() }
}

fn trust(principal: Value, condition: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn described(trust: &Value) -> Seen<Option<RoleFacts>> {
    seen(Some(RoleFacts { arn: ROLE.into(), trust: trust.to_string(), ..RoleFacts::default() }))
}

/// The user me of the hub, refused without a reason; nobody may look.
fn facts() -> Facts {
    let absent =
        ["sts:externalid", "sts:sourceidentity", "aws:tagkeys", "aws:requesttag/", "aws:multifactorauthpresent"];
    Facts {
        who: Who {
            principal: Principal::user(HUB, ME),
            name: "the source corp".into(),
            kind: "an IAM user".into(),
            context: Context::new(),
            absent: Vec::new(),
        },
        role: ROLE.parse().unwrap(),
        label: "prod/S3Reader".into(),
        request: Context::new(),
        absent: absent.map(str::to_owned).to_vec(),
        outcome: refused(GENERIC),
        own: Own::default(),
        described: Seen::NotAsked,
        alike: Vec::new(),
        own_viewers: Viewers { roles: vec!["hub/Audit".into()], command: "xsw explain prod/S3Reader".into() },
        role_viewers: Viewers { roles: Vec::new(), command: "xsw explain prod/S3Reader".into() },
    }
}

/// The same, with the policies of me that allow it.
fn with_own() -> Facts {
    let policies = seen(vec![inline(&allow("sts:AssumeRole", "arn:aws:iam::222222222222:role/*"))]);
    Facts { own: Own { policies, ..Own::default() }, ..facts() }
}

fn chained(mut facts: Facts) -> Facts {
    let (session, role) = ("arn:aws:sts::111111111111:assumed-role/Jump/me", "arn:aws:iam::111111111111:role/Jump");
    facts.who.principal = Principal::session(HUB, session, role);
    facts.who.name = "hub/Jump".into();
    facts.who.context.set("aws:MultiFactorAuthPresent", "false");
    facts
}

fn side<'a>(answer: &'a Answer, name: &str) -> &'a SideAnswer {
    let found = answer.sides.iter().find(|side| side_name(side.side) == name);
    found.unwrap_or_else(|| panic!("no side {name}: {answer:#?}"))
}

/// Asserts the decision, the side that decides, what its reason says, and what its next step says.
#[track_caller]
fn told(facts: &Facts, decision: Decision, name: &str, reason: &str, next: &str) -> Answer {
    let answer = explain(facts);
    assert_eq!(answer.decision, decision, "{answer:#?}");
    let deciding = answer.deciding().unwrap_or_else(|| side(&answer, name));
    assert_eq!(side_name(deciding.side), name, "{answer:#?}");
    assert!(deciding.reason.contains(reason), "{:?} lacks {reason:?}", deciding.reason);
    let remedy = deciding.remedy.as_ref().map_or(String::new(), |remedy| {
        format!("{} {}", remedy.command, remedy.policy.as_ref().map_or(String::new(), Value::to_string))
    });
    assert!(remedy.contains(next), "{remedy:?} lacks {next:?}");
    answer
}

#[test]
fn aws_names_the_side() {
    let denied = |words: &str| refused(&format!("{GENERIC} {words}"));
    for (words, name, reason, next) in [
        (
            "because no identity-based policy allows the sts:AssumeRole action",
            "identity",
            "no policy of",
            "put-user-policy",
        ),
        (
            "with an explicit deny in an identity-based policy",
            "identity",
            "denies sts:AssumeRole outright",
            "--with hub/Audit",
        ),
        ("with an explicit deny in a service control policy", "scp", "the organization", "management account"),
        ("because no permissions boundary allows the sts:AssumeRole action", "boundary", "does not allow", "boundary"),
        ("because no session policy allows the sts:AssumeRole action", "session", "the session policy", "policy_arns"),
        (
            "because no resource-based policy allows the sts:AssumeRole action",
            "trust",
            "does not let you in",
            "update-assume-role-policy",
        ),
        ("with an explicit deny in a resource-based policy", "trust", "denies it outright", "get-role"),
    ] {
        told(&Facts { outcome: denied(words), ..facts() }, Decision::Denied, name, reason, next);
    }
    let wrong_code = refused("MultiFactorAuthentication failed with invalid MFA one time pass code.");
    told(&Facts { outcome: wrong_code, ..facts() }, Decision::Denied, "trust", "MFA code was wrong", "wait");
}

#[test]
fn what_nobody_sees_is_unknown_and_names_who_can() {
    let answer = told(&facts(), Decision::Denied, "identity", "account 111111111111 can see", "--with hub/Audit");
    let trust = side(&answer, "trust");
    assert_eq!((trust.decision, trust.account_id.as_str()), (Decision::Unknown, PROD));
    assert!(trust.reason.contains("account 222222222222 can see it"), "{trust:?}");
    assert!(trust.remedy.as_ref().unwrap().command.contains("ask whoever looks after account 222222222222"));
    let untried = Outcome::NotTried { why: "an MFA code is wanted".into() };
    assert_eq!(explain(&Facts { outcome: untried, ..facts() }).decision, Decision::Unknown);
}

#[test]
fn of_two_sides_the_one_that_is_not_seen_refuses() {
    let answer = told(&with_own(), Decision::Denied, "trust", "so it is the role's side", "");
    assert_eq!(side(&answer, "identity").decision, Decision::Allowed);
    let trusted = described(&trust(json!({ "AWS": HUB }), Value::Null));
    let unseen = Facts { described: trusted, ..facts() };
    told(&unseen, Decision::Denied, "identity", "so it is your side", "put-user-policy");
}

#[test]
fn the_trust_policy_says_what_it_wants() {
    let me = || json!({ "AWS": ME });
    let string = |key: &str, value: &str| json!({ "StringEquals": { key: value } });
    let cases = [
        (
            trust(json!({ "AWS": "444444444444" }), Value::Null),
            "trusts people of account 444444444444; it does not name",
            ME,
        ),
        (trust(me(), string("sts:ExternalId", "x-1")), "external ID x-1: there is none", "external_id = \"x-1\""),
        (trust(me(), json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } })), "with MFA", "mfa_serial ="),
        (trust(me(), string("sts:SourceIdentity", "ann")), "source identity ann", "source_identity = \"ann\""),
        (
            trust(me(), string("aws:RequestTag/Project", "x")),
            "session tag Project = x",
            "tags = { \"Project\" = \"x\" }",
        ),
        (
            trust(json!({ "Service": "lambda.amazonaws.com" }), Value::Null),
            "only Lambda in: a service role, not for people",
            "xsw policy trust",
        ),
        (
            trust(json!({ "Federated": "arn:aws:iam::222222222222:saml-provider/Corp" }), Value::Null),
            "SAML provider Corp",
            "TrustCallers",
        ),
    ];
    for (document, reason, next) in cases {
        let facts = Facts { described: described(&document), ..with_own() };
        told(&facts, Decision::Denied, "trust", reason, next);
    }
}

#[test]
fn several_conditions_are_told_together() {
    let both = json!({ "StringEquals": { "sts:ExternalId": "x-1", "sts:SourceIdentity": "ann" } });
    let facts = Facts { described: described(&trust(json!({ "AWS": ME }), both)), ..with_own() };
    let next = "external_id = \"x-1\" and source_identity = \"ann\"";
    told(&facts, Decision::Denied, "trust", "external ID x-1: there is none, and", next);
}

#[test]
fn another_external_id_is_told_apart_from_none_and_not_repeated() {
    let document = trust(json!({ "AWS": ME }), json!({ "StringEquals": { "sts:ExternalId": "right" } }));
    let mut facts = Facts { described: described(&document), ..with_own() };
    facts.request.set("sts:ExternalId", "very-secret");
    let answer = told(&facts, Decision::Denied, "trust", "the profile file has another", "external_id = \"right\"");
    assert!(!format!("{answer:?}").contains("very-secret"));
}

#[test]
fn the_session_of_a_role_can_show_no_mfa() {
    let jump = json!({ "AWS": "arn:aws:iam::111111111111:role/Jump" });
    let document = trust(jump, json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }));
    let facts = chained(Facts { described: described(&document), ..with_own() });
    let answer = told(&facts, Decision::Denied, "trust", "shows no MFA", "come as a user with an MFA device");
    no_policy(&answer);
}

/// A second statement without the condition would let in without MFA, external ID or address.
#[test]
fn no_policy_is_written_around_a_condition() {
    let me = || json!({ "AWS": ME });
    let ids = json!({ "StringEquals": { "sts:ExternalId": ["x-1", "x-2"] } });
    let address = json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    let mut elsewhere = with_own();
    elsewhere.request.set("aws:SourceIp", "192.0.2.1");
    for (facts, condition, next) in [
        (with_own(), ids, "external ID x-1 or x-2"),
        (elsewhere, address.clone(), "meet the condition (from 10.0.0.0/8); or ask whoever looks after account 2222"),
    ] {
        let facts = Facts { described: described(&trust(me(), condition)), ..facts };
        no_policy(&told(&facts, Decision::Denied, "trust", "its trust policy names you, and", next));
    }
    // Tagging is not allowed; a statement of its own would also let in without MFA.
    let mut tagged = with_own();
    tagged.own.policies = seen(vec![inline(&allow("sts:*", "*"))]);
    tagged.request.set("aws:RequestTag/a", "b").set_all("aws:TagKeys", vec!["a".into()]);
    tagged.request.set("aws:MultiFactorAuthPresent", "true");
    tagged.described = described(&trust(me(), json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } })));
    no_policy(&told(&tagged, Decision::Denied, "trust", "does not allow sts:TagSession", "under the conditions"));

    let mut own = allow("sts:AssumeRole", "*");
    own["Statement"][0]["Condition"] = address;
    let mut narrowed = facts();
    narrowed.own.policies = seen(vec![inline(&own)]);
    narrowed.described = described(&trust(me(), Value::Null));
    // AWS refuses, and the address is not known here.
    no_policy(&told(&narrowed, Decision::Denied, "identity", "so it is your side", ""));
    narrowed.request.set("aws:SourceIp", "192.0.2.1");
    no_policy(&told(&narrowed, Decision::Denied, "identity", "only from 10.0.0.0/8", "meet the condition"));
}

#[test]
fn what_depends_on_the_unknown_is_unknown_until_aws_says() {
    let document = trust(json!({ "AWS": ME }), json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } }));
    let untried = Outcome::NotTried { why: "no code".into() };
    let facts = Facts { described: described(&document), outcome: untried, ..with_own() };
    told(&facts, Decision::Unknown, "trust", "in the organization o-1, which cannot be known here", "ask whoever");
    let refused = Facts { outcome: refused(GENERIC), ..facts.clone() };
    told(&refused, Decision::Denied, "trust", "all else allows it and AWS refuses", "");
    let answer = explain(&Facts { outcome: allowed(), ..facts });
    assert_eq!((answer.decision, side(&answer, "trust").decision), (Decision::Allowed, Decision::Allowed));
}

#[test]
fn roles_that_are_spelt_otherwise() {
    let none = Facts { described: seen(None), ..facts() };
    told(
        &none,
        Decision::Denied,
        "trust",
        "there is no role S3Reader in account 222222222222",
        "correct the role's name",
    );
    let arn = "arn:aws:iam::222222222222:role/S3Readers";
    let alike = Facts { alike: vec![arn.into()], ..none };
    told(
        &alike,
        Decision::Denied,
        "trust",
        "there is arn:aws:iam::222222222222:role/S3Readers",
        &format!("arn = \"{arn}\""),
    );
    let path = "arn:aws:iam::222222222222:role/team/S3Reader";
    let role = RoleFacts { arn: path.into(), trust: "{}".into(), ..RoleFacts::default() };
    let other_path = Facts { described: seen(Some(role)), ..facts() };
    told(&other_path, Decision::Denied, "trust", &format!("ARN is {path}"), &format!("arn = \"{path}\""));
    let linked = RoleFacts {
        arn: "arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/S3Reader".into(),
        ..RoleFacts::default()
    };
    told(
        &Facts { described: seen(Some(linked)), ..facts() },
        Decision::Denied,
        "trust",
        "linked to a service",
        "of your own",
    );
}

#[test]
fn what_no_policy_mends() {
    let mut root = facts();
    root.who.principal = Principal::root(HUB);
    told(&root, Decision::Denied, "identity", "no root user assume a role", "IAM user or role");
    let mut china = facts();
    china.who.principal = Principal::user(HUB, "arn:aws-cn:iam::111111111111:user/me");
    told(&china, Decision::Denied, "identity", "partition aws-cn", "partition aws");
}

#[test]
fn your_own_side_by_your_policies() {
    let with = |document: &Value| {
        let policies = seen(vec![inline(document)]);
        Facts { own: Own { policies, ..Own::default() }, ..facts() }
    };
    told(
        &with(&allow("sts:AssumeRole", "arn:aws:iam::222222222222:role/Other")),
        Decision::Denied,
        "identity",
        "no policy of the source corp allows sts:AssumeRole",
        ROLE,
    );
    let answer = told(
        &with(&deny("sts:*", "*")),
        Decision::Denied,
        "identity",
        "statement 2 (No) of p denies",
        "put-user-policy --user-name me --policy-name p",
    );
    let mended = side(&answer, "identity").remedy.as_ref().unwrap().policy.as_ref().unwrap();
    assert_eq!(mended["Statement"].as_array().map(Vec::len), Some(1));
    let mut tagged = with_own();
    tagged.request.set("aws:RequestTag/a", "b").set_all("aws:TagKeys", vec!["a".into()]);
    told(&tagged, Decision::Denied, "identity", "allows sts:TagSession", "sts:TagSession");
}

/// Whoever runs the command for the user would leave the group's statement where it is.
#[test]
fn what_a_group_denies_is_taken_out_of_the_group() {
    let kind = PolicyKind::OfGroup { group: "Data Team".into() };
    let mut facts = facts();
    facts.own.policies = seen(vec![NamedPolicy { kind, ..inline(&deny("sts:*", "*")) }]);
    let next = "aws iam put-group-policy --group-name 'Data Team' --policy-name p";
    told(&facts, Decision::Denied, "identity", "statement 2 (No) of p of the group Data Team denies", next);
}

#[test]
fn the_simulator_speaks_where_no_policy_is_seen() {
    let said = |simulated: Simulated| {
        let own = Own { simulated: seen(simulated), ..Own::default() };
        Facts { own, ..facts() }
    };
    let decision = |word: &str| Simulated { decision: word.into(), ..Simulated::default() };
    told(&said(decision("allowed")), Decision::Denied, "trust", "so it is the role's side", "");
    told(&said(decision("implicitDeny")), Decision::Denied, "identity", "no policy of", "put-user-policy");
    let organization = Simulated { by_organization: Some(false), ..decision("implicitDeny") };
    told(&said(organization), Decision::Denied, "scp", "the organization", "management account");
    let boundary = Simulated { by_boundary: Some(false), ..decision("implicitDeny") };
    told(&said(boundary), Decision::Denied, "boundary", "boundary does not allow", "boundary");
}

#[test]
fn what_narrows_your_side() {
    let trusted = described(&trust(json!({ "AWS": ME }), Value::Null));
    let mut bounded = Facts { described: trusted, ..with_own() };
    bounded.own.boundary = seen(Some(inline(&allow("s3:*", "*"))));
    told(&bounded, Decision::Denied, "boundary", "the permissions boundary does not allow sts:AssumeRole", "boundary");
    let jump = described(&trust(json!({ "AWS": "arn:aws:iam::111111111111:role/Jump" }), Value::Null));
    let mut narrowed = chained(Facts { described: jump, ..with_own() });
    let session = NamedPolicy { kind: PolicyKind::Session, ..inline(&allow("s3:*", "*")) };
    narrowed.own.session = seen(vec![session]);
    told(&narrowed, Decision::Denied, "session", "the session policy does not allow", "profile file");
}

#[test]
fn inside_one_account_a_trust_policy_that_names_you_is_enough() {
    let role = "arn:aws:iam::111111111111:role/S3Reader";
    let inside = |principal: &str| {
        let described = RoleFacts {
            arn: role.into(),
            trust: trust(json!({ "AWS": principal }), Value::Null).to_string(),
            ..RoleFacts::default()
        };
        let own = Own { policies: seen(Vec::new()), ..Own::default() };
        let outcome = Outcome::NotTried { why: "no code".into() };
        Facts { role: role.parse().unwrap(), described: seen(Some(described)), own, outcome, ..facts() }
    };
    assert_eq!(explain(&inside(ME)).decision, Decision::Allowed);
    told(&inside(HUB), Decision::Denied, "identity", "no policy of", "put-user-policy");
    // A Deny outside the office, and nobody here knows the address.
    let mut denied = deny("sts:*", "*");
    denied["Statement"][1]["Condition"] = json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    let mut perhaps = inside(ME);
    perhaps.own.policies = seen(vec![inline(&denied)]);
    told(&perhaps, Decision::Unknown, "identity", "a statement may deny it", "--with hub/Audit");
}

/// What a remedy attaches is what the evaluator then allows.
#[test]
fn the_policies_of_a_remedy_mend_it() {
    let not_named = Facts { described: described(&trust(json!({ "AWS": "444444444444" }), Value::Null)), ..with_own() };
    let answer = explain(&not_named);
    let mended = answer.deciding().unwrap().remedy.as_ref().unwrap().policy.clone().unwrap();
    Policy::from_json(&mended).unwrap().check_trust().unwrap();
    let untried = Outcome::NotTried { why: String::new() };
    let after = Facts { described: described(&mended), outcome: untried.clone(), ..not_named };
    assert_eq!(explain(&after).decision, Decision::Allowed);

    let trusted = described(&trust(json!({ "AWS": HUB }), Value::Null));
    let own = Own { policies: seen(Vec::new()), ..Own::default() };
    let not_allowed = Facts { described: trusted, own, ..facts() };
    let answer = explain(&not_allowed);
    let mended = answer.deciding().unwrap().remedy.as_ref().unwrap().policy.clone().unwrap();
    let own = Own { policies: seen(vec![inline(&mended)]), ..Own::default() };
    assert_eq!(explain(&Facts { own, outcome: untried, ..not_allowed }).decision, Decision::Allowed);
}

#[test]
fn a_policy_that_cannot_be_read_leaves_it_unknown() {
    let broken = NamedPolicy { document: "{".into(), ..inline(&Value::Null) };
    let own = Own { policies: seen(vec![broken]), ..Own::default() };
    let untried = Outcome::NotTried { why: String::new() };
    told(&Facts { own, outcome: untried, ..facts() }, Decision::Unknown, "identity", "cannot be read", "");
}

#[test]
fn an_allowed_role_is_allowed_on_every_side() {
    let answer = explain(&Facts { outcome: allowed(), ..facts() });
    assert_eq!(answer.decision, Decision::Allowed);
    assert!(answer.deciding().is_none() && answer.sides.iter().all(|side| side.decision == Decision::Allowed));
    assert_eq!(answer.principal, ME);
    assert_ne!(PrincipalKind::Root, facts().who.principal.kind);
}
