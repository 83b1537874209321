//! Buckets: the role's permissions, the bucket policy, the key, the owner of objects.

use serde_json::{Value, json};

use super::{HUB, PROD, allow, deny, inline, no_policy, seen};
use crate::domain::account::AccountId;
use crate::domain::explain::bucket::{Facts, explain};
use crate::domain::explain::facts::{Asked, Outcome, Own, Seen, Viewers, Who};
use crate::domain::explain::{Answer, Decision, side_name};
use crate::domain::policy::{Context, Principal};
use crate::domain::uri::S3Uri;

const ROLE: &str = "arn:aws:iam::222222222222:role/S3Reader";

fn facts(owner: &str) -> Facts {
    let arn = "arn:aws:sts::222222222222:assumed-role/S3Reader/me";
    let mut request = Context::new();
    request.set("s3:prefix", "reports/").set("aws:SecureTransport", "true");
    let policies = seen(vec![inline(&allow("s3:*", "*"))]);
    Facts {
        who: Who {
            principal: Principal::session(PROD, arn, ROLE),
            name: "prod/S3Reader".into(),
            kind: "the session of a role".into(),
            context: Context::new(),
            absent: Vec::new(),
        },
        asked: Asked { action: "s3:ListBucket", resource: "arn:aws:s3:::data".into(), prefix: "reports/".into() },
        uri: S3Uri::new("data", "reports/"),
        below: true,
        write: false,
        owner: owner.parse::<AccountId>().map_or(Seen::NotAsked, seen),
        request,
        absent: vec!["s3:x-amz-".into()],
        outcome: Outcome::Refused { message: "Access Denied".into() },
        own: Own { policies, ..Own::default() },
        policy: seen(None),
        ownership: Seen::NotAsked,
        own_viewers: Viewers::default(),
        bucket_viewers: Viewers::default(),
    }
}

fn bucket(effect: &str, principal: Value, condition: Value) -> Seen<Option<String>> {
    let mut statement = json!({ "Sid": "Some", "Effect": effect, "Principal": principal, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"] });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    seen(Some(json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()))
}

#[track_caller]
fn told(facts: &Facts, decision: Decision, name: &str, reason: &str, next: &str) -> Answer {
    let answer = explain(facts);
    assert_eq!(answer.decision, decision, "{answer:#?}");
    let deciding = answer.deciding().unwrap_or_else(|| panic!("{answer:#?}"));
    assert_eq!(side_name(deciding.side), name, "{answer:#?}");
    assert!(deciding.reason.contains(reason), "{:?} lacks {reason:?}", deciding.reason);
    let remedy = deciding.remedy.as_ref().map_or(String::new(), |remedy| {
        format!("{} {}", remedy.command, remedy.policy.as_ref().map_or(String::new(), Value::to_string))
    });
    assert!(remedy.contains(next), "{remedy:?} lacks {next:?}");
    answer
}

#[test]
fn another_accounts_bucket_must_name_the_role() {
    told(&facts(HUB), Decision::Denied, "bucket", "it has no policy", ROLE);
    let other = bucket("Allow", json!({ "AWS": "444444444444" }), Value::Null);
    told(
        &Facts { policy: other, ..facts(HUB) },
        Decision::Denied,
        "bucket",
        "does not allow s3:ListBucket to this role",
        "444444444444",
    );
    let on_vpn = bucket("Allow", json!({ "AWS": ROLE }), json!({ "StringEquals": { "s3:prefix": "public/" } }));
    told(
        &Facts { policy: on_vpn, ..facts(HUB) },
        Decision::Denied,
        "bucket",
        "only where s3:prefix",
        "put-bucket-policy",
    );
}

/// A second statement without the condition would open the bucket to every network.
#[test]
fn no_policy_is_written_around_a_condition() {
    let endpoint = || json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } });
    let policy = bucket("Allow", json!({ "AWS": ROLE }), endpoint());
    let next = "meet the condition (from vpce-1)";
    let absent = || vec!["aws:sourcevpce".to_owned()];
    let theirs = Facts { policy: policy.clone(), absent: absent(), ..facts(HUB) };
    no_policy(&told(&theirs, Decision::Denied, "bucket", "only from vpce-1", next));
    let unknown = Facts { policy, ..facts(HUB) };
    no_policy(&told(&unknown, Decision::Denied, "bucket", "so it is the bucket's side", "get-bucket-policy"));

    let mut document = allow("s3:*", "*");
    document["Statement"][0]["Condition"] = endpoint();
    let own = || Own { policies: seen(vec![inline(&document)]), ..Own::default() };
    let ours = Facts { own: own(), absent: absent(), ..facts(PROD) };
    no_policy(&told(&ours, Decision::Denied, "permissions", "only from vpce-1", next));
    let message = "not authorized because no identity-based policy allows the s3:ListBucket action".into();
    let named = Facts { outcome: Outcome::Refused { message }, ..ours };
    no_policy(&told(&named, Decision::Denied, "permissions", "no policy of", next));
}

#[test]
fn an_explicit_deny_is_told_with_its_statement() {
    let policy = bucket("Deny", json!("*"), Value::Null);
    told(
        &Facts { policy, ..facts(PROD) },
        Decision::Denied,
        "bucket",
        "statement 1 (Some) of the bucket policy denies",
        "delete-bucket-policy",
    );
    let own = Own { policies: seen(vec![inline(&deny("s3:List*", "*"))]), ..Own::default() };
    told(
        &Facts { own, ..facts(PROD) },
        Decision::Denied,
        "permissions",
        "statement 2 (No) of p denies",
        "put-role-policy --role-name S3Reader --policy-name p",
    );
    // Only over TLS, and we come over TLS.
    let tls = bucket("Deny", json!("*"), json!({ "Bool": { "aws:SecureTransport": "false" } }));
    let outcome = Outcome::NotTried { why: String::new() };
    assert_eq!(explain(&Facts { policy: tls, outcome, ..facts(PROD) }).decision, Decision::Allowed);
}

/// Listing what is there belongs to writing what is missing; reading does not.
#[test]
fn who_writes_is_not_told_to_read() {
    let own = || Own { policies: seen(Vec::new()), ..Own::default() };
    let writes = Facts { own: own(), write: true, ..facts(PROD) };
    let put = Asked { action: "s3:PutObject", resource: "arn:aws:s3:::data/reports/*".into(), ..writes.asked.clone() };
    let putting = Facts { asked: put, outcome: Outcome::NotTried { why: String::new() }, ..writes.clone() };
    for (facts, lists) in [(writes, true), (putting, false)] {
        let answer =
            told(&facts, Decision::Denied, "permissions", "no policy of prod/S3Reader allows s3:", "PutObject");
        let policy = answer.deciding().unwrap().remedy.as_ref().unwrap().policy.as_ref().unwrap().to_string();
        assert_eq!(policy.contains("s3:ListBucket"), lists, "{policy}");
        assert!(!policy.contains("s3:GetObject"), "{policy}");
    }
}

#[test]
fn the_roles_own_policies() {
    let own = || Own { policies: seen(Vec::new()), ..Own::default() };
    told(
        &Facts { own: own(), ..facts(PROD) },
        Decision::Denied,
        "permissions",
        "no policy of prod/S3Reader allows s3:ListBucket",
        "put-role-policy",
    );
    let elsewhere =
        Own { policies: seen(vec![inline(&allow("s3:ListBucket", "arn:aws:s3:::other"))]), ..Own::default() };
    told(
        &Facts { own: elsewhere, ..facts(PROD) },
        Decision::Denied,
        "permissions",
        "it allows the action elsewhere",
        "arn:aws:s3:::data",
    );
    let outcome = Outcome::NotTried { why: String::new() };
    let policy = bucket("Allow", json!({ "AWS": ROLE }), Value::Null);
    // Inside one account the bucket policy is enough; across accounts it is not.
    let inside = Facts { own: own(), policy: policy.clone(), outcome: outcome.clone(), ..facts(PROD) };
    assert_eq!(explain(&inside).decision, Decision::Allowed);
    told(
        &Facts { own: own(), policy, outcome, ..facts(HUB) },
        Decision::Denied,
        "permissions",
        "no policy of",
        "put-role-policy",
    );
}

#[test]
fn what_is_not_seen_is_unknown_or_what_is_left() {
    let unseen =
        Facts { policy: Seen::No { tried: "s3:GetBucketPolicy is refused to prod/S3Reader".into() }, ..facts("") };
    told(&unseen, Decision::Denied, "bucket", "so it is the bucket's side", "put-bucket-policy");
    let nothing = Facts { own: Own::default(), ..unseen.clone() };
    told(&nothing, Decision::Denied, "permissions", "cannot be seen from here", "ask whoever");
    let untried = Facts { outcome: Outcome::NotTried { why: String::new() }, ..unseen };
    told(&untried, Decision::Unknown, "bucket", "the account that owns it can see it", "get-bucket-policy");
}

#[test]
fn the_key_of_an_encrypted_object() {
    let key = "arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let says = |reason: &str| Outcome::Refused {
        message: format!("User: x is not authorized to perform: kms:Decrypt on resource: {key} {reason}"),
    };
    let object =
        Asked { action: "s3:GetObject", resource: "arn:aws:s3:::data/reports/a".into(), prefix: "reports/".into() };
    let by_key = says("because no resource-based policy allows the kms:Decrypt action");
    let facts = Facts { asked: object, outcome: by_key, ..facts(PROD) };
    told(&facts, Decision::Denied, "kms", "kms:Decrypt is not allowed by the key's policy", "put-key-policy");
    let by_role = says("because no identity-based policy allows the kms:Decrypt action");
    told(
        &Facts { outcome: by_role, ..facts },
        Decision::Denied,
        "kms",
        "by the policies of prod/S3Reader",
        "kms:Decrypt",
    );
}

#[test]
fn an_object_that_somebody_else_wrote() {
    let object =
        Asked { action: "s3:GetObject", resource: "arn:aws:s3:::data/reports/a".into(), prefix: "reports/".into() };
    let facts = Facts { asked: object, ownership: seen("ObjectWriter".into()), ..facts(PROD) };
    told(&facts, Decision::Denied, "bucket", "belongs to the account that wrote it", "BucketOwnerEnforced");
    let enforced = Facts { ownership: seen("BucketOwnerEnforced".into()), ..facts };
    told(&enforced, Decision::Denied, "bucket", "may stand between", "CloudTrail");
}
