//! The evaluator over the grants.

use serde_json::{Value, json};

use crate::domain::account::{AccountId, RoleArn};
use crate::domain::policy::least::{
    Access, AttachTo, Copy, CopyForm, Grant, KeyArn, Naming, NoPolicy, Objects, Party, Trust, assume, copy, read,
    trust, write,
};
use crate::domain::policy::{Attached, Context, Policies, Policy, Principal, Request, Resource, Side, Verdict, decide};
use crate::domain::uri::S3Uri;

pub(super) const ONE: &str = "111111111111";
pub(super) const TWO: &str = "222222222222";

pub(super) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

pub(super) fn role(arn: &str) -> RoleArn {
    arn.parse().unwrap()
}

pub(super) fn party(text: &str) -> Party {
    text.parse().unwrap()
}

/// One call that must go through: by whom, what, on what, with which keys of the context.
pub(super) struct Call {
    pub(super) who: Principal,
    action: String,
    resource: String,
    context: Context,
    side: Side,
    owner: String,
    /// Which grant is the resource's own policy.
    place: fn(&AttachTo, &str) -> bool,
}

/// A session of a role, or a user.
pub(super) fn principal(arn: &str) -> Principal {
    let account = arn.split(':').nth(4).unwrap();
    match arn.split_once(":role/") {
        Some((_, path)) => {
            let name = path.rsplit('/').next().unwrap();
            Principal::session(account, format!("arn:aws:sts::{account}:assumed-role/{name}/me"), arn)
        }
        None => Principal::user(account, arn),
    }
}

pub(super) fn context(principal: &Principal, keys: &[(&str, &str)]) -> Context {
    let mut context = Context::new();
    context.set("aws:PrincipalArn", principal.principal_arn());
    for (key, value) in keys {
        context.set(key, *value);
    }
    context
}

pub(super) fn assumes(who: &str, role: &str, keys: &[(&str, &str)]) -> Call {
    call(who, "sts:AssumeRole", role, keys)
}

pub(super) fn call(who: &str, action: &str, resource: &str, keys: &[(&str, &str)]) -> Call {
    let who = principal(who);
    let context = context(&who, keys);
    let owner = resource.split(':').nth(4).unwrap().to_owned();
    let (side, place): (Side, fn(&AttachTo, &str) -> bool) = match action.split(':').next().unwrap() {
        "sts" => (Side::Trust, |target, arn| matches!(target, AttachTo::Trust { role } if role.to_string() == arn)),
        "kms" => (Side::Kms, |target, arn| matches!(target, AttachTo::Key { arn: key } if key.as_str() == arn)),
        _ => (Side::Bucket, |target, arn| {
            let bucket = arn.rsplit(":::").next().unwrap().split('/').next().unwrap();
            matches!(target, AttachTo::Bucket { bucket: name } if name == bucket)
        }),
    };
    Call { who, action: action.into(), resource: resource.into(), context, side, owner, place }
}

impl Call {
    pub(super) fn owned_by(mut self, owner: &str) -> Call {
        self.owner = owner.into();
        self
    }

    /// What the world with these grants and nothing else says; keys of one's own account hand on to IAM.
    pub(super) fn verdict(&self, grants: &[(AccountId, AttachTo, Policy)]) -> Verdict {
        let own = |target: &AttachTo, account: &AccountId| match target {
            AttachTo::User { arn } => *arn == self.who.arn,
            AttachTo::Role { name, .. } => {
                account.as_str() == self.who.account && self.who.arn.contains(&format!(":assumed-role/{name}/"))
            }
            AttachTo::PermissionSet { name, .. } => {
                account.as_str() == self.who.account && self.who.arn.contains(&format!("/AWSReservedSSO_{name}_"))
            }
            _ => false,
        };
        let attached = |policy| Attached { name: "p", policy };
        let identity = grants.iter().filter(|(account, target, _)| own(target, account));
        let resource = grants.iter().find(|(_, target, _)| (self.place)(target, &self.resource));
        let default_key = Policy::from_json(&json!({
            "Version": "2012-10-17",
            "Statement": { "Effect": "Allow", "Principal": { "AWS": self.owner }, "Action": "kms:*", "Resource": "*" },
        }))
        .unwrap();
        let policy = match (resource, self.side) {
            (Some((.., policy)), _) => Some(policy),
            (None, Side::Kms) => Some(&default_key),
            (None, _) => None,
        };
        let policies = Policies {
            identity: identity.map(|(.., policy)| attached(policy)).collect(),
            boundary: None,
            session: Vec::new(),
            scp: Vec::new(),
            resource: Resource { side: self.side, account: &self.owner, policy: policy.map(attached) },
        };
        let request =
            Request { principal: &self.who, action: &self.action, resource: &self.resource, context: &self.context };
        decide(&request, &policies)
    }
}

pub(super) fn parsed(grants: &[Grant]) -> Vec<(AccountId, AttachTo, Policy)> {
    let parse = |grant: &Grant| {
        let policy = Policy::from_json(&grant.policy).unwrap();
        match grant.target {
            AttachTo::Trust { .. } => policy.check_trust(),
            AttachTo::Bucket { .. } | AttachTo::Key { .. } => policy.check_bucket(),
            _ => policy.check_identity(),
        }
        .unwrap();
        (grant.account, grant.target.clone(), policy)
    };
    grants.iter().map(parse).collect()
}

/// Every smaller set of grants: without one statement, without one action of one, without one resource of one.
fn smaller(grants: &[Grant]) -> Vec<(usize, String, Vec<Grant>)> {
    let mut all = Vec::new();
    for (place, grant) in grants.iter().enumerate() {
        let statements = grant.policy["Statement"].as_array().unwrap();
        let mut with = |what: String, statements: Vec<Value>| {
            let mut fewer = grants.to_vec();
            if statements.is_empty() {
                // AWS has no policy without statements: it is not attached.
                fewer.remove(place);
            } else {
                fewer[place].policy["Statement"] = Value::Array(statements);
            }
            all.push((place, what, fewer));
        };
        for (index, statement) in statements.iter().enumerate() {
            let mut without = statements.clone();
            without.remove(index);
            with(statement["Sid"].to_string(), without);
            for element in ["Action", "Resource"] {
                let values = statement[element].as_array().cloned().unwrap_or_default();
                for value in 0..values.len() {
                    let mut fewer = values.clone();
                    let gone = fewer.remove(value);
                    let mut cut = statements.clone();
                    cut[index][element] = Value::Array(fewer);
                    with(format!("{} {gone}", statement["Sid"]), cut);
                }
            }
        }
    }
    all
}

/// With all grants every call goes through; with less, some call is denied by the side that has less.
#[track_caller]
pub(super) fn exactly(grants: &[Grant], calls: &[Call]) {
    let whole = parsed(grants);
    for call in calls {
        let verdict = call.verdict(&whole);
        assert!(verdict.is_allowed(), "{} {} on {}: {verdict:?}", call.who.arn, call.action, call.resource);
    }
    for (place, what, fewer) in smaller(grants) {
        let fewer = parsed(&fewer);
        let denied: Vec<Side> =
            calls.iter().map(|call| call.verdict(&fewer)).filter(|one| !one.is_allowed()).map(|one| one.side).collect();
        let side = grants[place].side;
        assert!(denied.contains(&side), "without {what} of {}: denied by {denied:?}", grants[place].file_name());
    }
}

pub(super) fn objects(uri: &str, below: bool, owner: &str) -> Objects {
    Objects { uri: uri.parse::<S3Uri>().unwrap(), below, owner: account(owner) }
}

fn access(who: &str, objects: Vec<Objects>) -> Access {
    Access { who: party(who), objects, tags: false, versions: false, keys: Vec::new(), naming: Naming::Exactly }
}

pub(super) const READER: &str = "arn:aws:iam::222222222222:role/S3Reader";
pub(super) const JUMP: &str = "arn:aws:iam::111111111111:role/team/Jump";
pub(super) const ME: &str = "arn:aws:iam::111111111111:user/people/me";

#[test]
fn assuming_takes_the_caller_and_the_trust_policy() {
    let sso =
        "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Dev_0123456789abcdef";
    // A session's ARN tells the role's name without its path.
    let pathless = "arn:aws:sts::111111111111:assumed-role/Jump/me";
    for (caller, named_as) in [(ME, ME), (JUMP, JUMP), (JUMP, pathless), (sso, sso)] {
        for naming in [Naming::Exactly, Naming::Account] {
            for (external_id, tags, identity) in [(None, false, false), (Some("x-1/y"), true, true)] {
                let wishes = Trust {
                    external_id: external_id.map(str::to_owned),
                    session_tags: tags,
                    source_identity: identity,
                    naming,
                    ..Trust::default()
                };
                let who = party(named_as);
                let grants =
                    [assume(&who, &role(READER), &wishes).unwrap(), trust(&role(READER), &[who], &wishes).unwrap()];
                let keys: Vec<_> = external_id.map(|id| ("sts:ExternalId", id)).into_iter().collect();
                let mut calls = vec![assumes(caller, READER, &keys)];
                if tags {
                    calls.push(call(caller, "sts:TagSession", READER, &keys));
                    calls.push(call(caller, "sts:SetSourceIdentity", READER, &keys));
                }
                exactly(&grants, &calls);
                // Another role of the same account is not let in by a policy that names one.
                let other = assumes("arn:aws:iam::111111111111:role/Other", READER, &keys);
                let trusts = parsed(&grants);
                let granted = (account(ONE), AttachTo::Role { account: account(ONE), name: "Other".into() });
                let own = assume(&party("arn:aws:iam::111111111111:role/Other"), &role(READER), &wishes).unwrap();
                let with_own: Vec<_> = trusts
                    .into_iter()
                    .chain([(granted.0, granted.1, Policy::from_json(&own.policy).unwrap())])
                    .collect();
                assert_eq!(other.verdict(&with_own).is_allowed(), naming == Naming::Account, "{named_as}");
                if external_id.is_some() {
                    let wrong = assumes(caller, READER, &[("sts:ExternalId", "other")]);
                    assert_eq!(wrong.verdict(&parsed(&grants)).side, Side::Trust);
                }
            }
        }
    }
}

#[test]
fn several_callers_share_a_trust_policy() {
    let callers =
        [ME, JUMP, "arn:aws:sts::333333333333:assumed-role/A/s", "arn:aws:sts::333333333333:assumed-role/B/s"];
    let parties: Vec<Party> = callers.iter().map(|text| party(text)).collect();
    let mut grants = vec![trust(&role(READER), &parties, &Trust::default()).unwrap()];
    for one in &parties {
        grants.push(assume(one, &role(READER), &Trust::default()).unwrap());
    }
    let (a, b) = ("arn:aws:iam::333333333333:role/x/A", "arn:aws:iam::333333333333:role/B");
    let calls: Vec<Call> = [ME, JUMP, a, b].iter().map(|who| assumes(who, READER, &[])).collect();
    exactly(&grants, &calls);
}

#[test]
fn mfa_is_asked_of_who_can_show_it() {
    let wishes = Trust { require_mfa: true, ..Trust::default() };
    let grants =
        [assume(&party(ME), &role(READER), &wishes).unwrap(), trust(&role(READER), &[party(ME)], &wishes).unwrap()];
    exactly(&grants, &[assumes(ME, READER, &[("aws:MultiFactorAuthPresent", "true")])]);
    let without = assumes(ME, READER, &[]).verdict(&parsed(&grants));
    assert_eq!((without.is_allowed(), without.side), (false, Side::Trust));
    let refused = trust(&role(READER), &[party(JUMP)], &wishes);
    assert_eq!(refused, Err(NoPolicy::NoMfaInSessions(JUMP.into())));
}

#[test]
fn who_has_no_policies_is_told_so() {
    let wishes = Trust::default();
    assert_eq!(assume(&party(ONE), &role(READER), &wishes), Err(NoPolicy::WholeAccount(account(ONE))));
    let root = party("arn:aws:iam::111111111111:root");
    assert_eq!(assume(&root, &role(READER), &wishes), Err(NoPolicy::WholeAccount(account(ONE))));
    let lambda = party("lambda.amazonaws.com");
    assert!(matches!(assume(&lambda, &role(READER), &wishes), Err(NoPolicy::Service(_))));
    assert_eq!(trust(&role(READER), &[], &wishes), Err(NoPolicy::Nothing));
    let china = "arn:aws-cn:iam::222222222222:role/S3Reader";
    assert_eq!(assume(&party(ME), &role(china), &wishes), Err(NoPolicy::Partitions("aws".into(), "aws-cn".into())));
    // A service is trusted without what only people can give.
    let asks = Trust { external_id: Some("id".into()), require_mfa: true, ..Trust::default() };
    let trusts = trust(&role(READER), &[party("batchoperations.s3.amazonaws.com")], &asks).unwrap();
    assert_eq!(trusts.policy["Statement"][0]["Condition"], Value::Null);
}

/// The calls of a reader: listing below each prefix, and each object.
pub(super) fn reads(
    who: &str,
    bucket: &str,
    owner: &str,
    prefix: Option<&str>,
    key: &str,
    extra: &[&str],
) -> Vec<Call> {
    let mut calls = Vec::new();
    if let Some(prefix) = prefix {
        let listing = format!("arn:aws:s3:::{bucket}");
        let keys: &[(&str, &str)] = if prefix.is_empty() { &[] } else { &[("s3:prefix", prefix)] };
        calls.push(call(who, "s3:ListBucket", &listing, keys).owned_by(owner));
        if extra.contains(&"s3:GetObjectVersion") {
            calls.push(call(who, "s3:ListBucketVersions", &listing, keys).owned_by(owner));
        }
    }
    for action in ["s3:GetObject"].iter().chain(extra) {
        calls.push(call(who, action, &format!("arn:aws:s3:::{bucket}/{key}"), &[]).owned_by(owner));
    }
    calls
}

fn writes(who: &str, bucket: &str, owner: &str, key: &str, tags: bool) -> Vec<Call> {
    let mut actions = vec!["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
    if tags {
        actions.push("s3:PutObjectTagging");
    }
    let object = format!("arn:aws:s3:::{bucket}/{key}");
    actions.into_iter().map(|action| call(who, action, &object, &[]).owned_by(owner)).collect()
}

#[test]
fn reading_is_exactly_what_is_named() {
    for owner in [ONE, TWO] {
        for naming in [Naming::Exactly, Naming::Account] {
            for (tags, versions) in [(false, false), (true, false), (false, true), (true, true)] {
                for (uri, below, prefix, key) in [
                    ("s3://data/in/", true, Some("in/x"), "in/x/y"),
                    ("s3://data", true, Some(""), "anything"),
                    ("s3://data/one.txt", false, None, "one.txt"),
                    ("s3://data/a*b?c${d}", false, None, "a*b?c${d}"),
                    ("s3://data/we${ird}*/", true, Some("we${ird}*/2026"), "we${ird}*/2026/x"),
                    ("s3://data/日本/𝄞", false, None, "日本/𝄞"),
                ] {
                    let mut wish = access(READER, vec![objects(uri, below, owner)]);
                    (wish.tags, wish.versions, wish.naming) = (tags, versions, naming);
                    let grants = read(&wish).unwrap();
                    assert_eq!(grants.len(), if owner == ONE { 2 } else { 1 });
                    let mut extra = Vec::new();
                    extra.extend(tags.then_some("s3:GetObjectTagging"));
                    extra.extend(versions.then_some("s3:GetObjectVersion"));
                    extra.extend((tags && versions).then_some("s3:GetObjectVersionTagging"));
                    exactly(&grants, &reads(READER, "data", owner, prefix, key, &extra));
                }
            }
        }
    }
}

#[test]
fn nothing_else_is_read() {
    let grants =
        read(&access(READER, vec![objects("s3://data/in/", true, ONE), objects("s3://data/a*b", false, ONE)])).unwrap();
    let grants = parsed(&grants);
    for (action, resource, keys) in [
        ("s3:GetObject", "arn:aws:s3:::data/out/x", vec![]),
        ("s3:GetObject", "arn:aws:s3:::data/axb", vec![]),
        ("s3:GetObject", "arn:aws:s3:::other/in/x", vec![]),
        ("s3:PutObject", "arn:aws:s3:::data/in/x", vec![]),
        ("s3:DeleteObject", "arn:aws:s3:::data/in/x", vec![]),
        ("s3:GetObjectTagging", "arn:aws:s3:::data/in/x", vec![]),
        ("s3:ListBucket", "arn:aws:s3:::data", vec![]),
        ("s3:ListBucket", "arn:aws:s3:::data", vec![("s3:prefix", "out/")]),
        ("s3:ListBucket", "arn:aws:s3:::data", vec![("s3:prefix", "")]),
    ] {
        assert!(
            !call(READER, action, resource, &keys).owned_by(ONE).verdict(&grants).is_allowed(),
            "{action} {resource}"
        );
    }
    for key in ["in/x", "a*b"] {
        let one = call(READER, "s3:GetObject", &format!("arn:aws:s3:::data/{key}"), &[]).owned_by(ONE);
        assert!(one.verdict(&grants).is_allowed(), "{key}");
    }
}

#[test]
fn several_buckets_of_several_owners() {
    let wish = access(
        READER,
        vec![
            objects("s3://one/a/", true, ONE),
            objects("s3://one/b/", true, ONE),
            objects("s3://two/k", false, TWO),
            objects("s3://three/c/", true, "333333333333"),
        ],
    );
    let grants = read(&wish).unwrap();
    let files: Vec<String> = grants.iter().map(Grant::file_name).collect();
    let expected =
        ["role-222222222222-S3Reader.json", "bucket-111111111111-one.json", "bucket-333333333333-three.json"];
    assert_eq!(files, expected);
    let mut calls = reads(READER, "one", ONE, Some("a/"), "a/x", &[]);
    calls.extend(reads(READER, "one", ONE, Some("b/"), "b/x", &[]));
    calls.extend(reads(READER, "two", TWO, None, "k", &[]));
    calls.extend(reads(READER, "three", "333333333333", Some("c/"), "c/x", &[]));
    exactly(&grants, &calls);
}

#[test]
fn writing_is_exactly_what_is_named() {
    for owner in [ONE, TWO] {
        for tags in [false, true] {
            for (uri, below, key) in [("s3://data/in/", true, "in/x/y"), ("s3://data/o?e", false, "o?e")] {
                let mut wish = access(READER, vec![objects(uri, below, owner)]);
                wish.tags = tags;
                let grants = write(&wish).unwrap();
                exactly(&grants, &writes(READER, "data", owner, key, tags));
                let read = call(READER, "s3:GetObject", &format!("arn:aws:s3:::data/{key}"), &[]).owned_by(owner);
                assert!(!read.verdict(&parsed(&grants)).is_allowed());
            }
        }
    }
}

#[test]
fn keys_are_used_through_s3_alone() {
    let here = "arn:aws:kms:eu-west-1:222222222222:key/11111111-2222-3333-4444-555555555555";
    let there = "arn:aws:kms:eu-west-1:111111111111:key/mrk-1234abcd";
    let via = ("kms:ViaService", "s3.eu-west-1.amazonaws.com");
    for keys in [vec![here], vec![there], vec![here, there]] {
        for write_too in [false, true] {
            let mut wish = access(READER, vec![objects("s3://data/in/", true, TWO)]);
            wish.keys = keys.iter().map(|key| key.parse().unwrap()).collect();
            let grants = if write_too { write(&wish).unwrap() } else { read(&wish).unwrap() };
            let mut calls = match write_too {
                true => writes(READER, "data", TWO, "in/x", false),
                false => reads(READER, "data", TWO, Some("in/"), "in/x", &[]),
            };
            for key in &keys {
                calls.push(call(READER, "kms:Decrypt", key, &[via]));
                if write_too {
                    calls.push(call(READER, "kms:GenerateDataKey", key, &[via]));
                }
                let bare = call(READER, "kms:Decrypt", key, &[]);
                assert!(!bare.verdict(&parsed(&grants)).is_allowed(), "without S3");
            }
            exactly(&grants, &calls);
        }
    }
    let alias = "arn:aws:kms:eu-west-1:111111111111:alias/data".parse::<KeyArn>().unwrap_err();
    assert!(alias.contains("is an alias"), "{alias}");
    for wrong in [
        "key/1",
        "arn:aws:kms::111111111111:key/1",
        "arn:aws:kms:eu-west-1:1:key/1",
        "arn:aws:kms:x:111111111111:key/a b",
    ] {
        assert!(wrong.parse::<KeyArn>().is_err(), "{wrong}");
    }
}

fn copying(form: CopyForm, tags: bool, versions: bool, below: bool, keys: &[&str], naming: Naming) -> Copy {
    let (source, target) = match below {
        true => ("s3://src/in/", "s3://dst/out/"),
        false => ("s3://src/in/x", "s3://dst/out/x"),
    };
    Copy {
        source: objects(source, below, ONE),
        target: objects(target, below, TWO),
        from: party(JUMP),
        to: party(READER),
        from_caller: (form == CopyForm::TwoRoles).then(|| (party(ME), Trust::default())),
        to_caller: Some((party(JUMP), Trust::default())),
        form,
        tags,
        versions,
        keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        naming,
    }
}

#[test]
fn a_copy_takes_every_side_and_no_more() {
    let source_key = "arn:aws:kms:eu-west-1:111111111111:key/s";
    let target_key = "arn:aws:kms:eu-west-1:222222222222:key/t";
    let via = ("kms:ViaService", "s3.eu-west-1.amazonaws.com");
    for form in [CopyForm::OneRole, CopyForm::TwoRoles] {
        let reader = if form == CopyForm::OneRole { READER } else { JUMP };
        for (tags, versions, below) in
            [(false, false, true), (true, false, true), (false, true, true), (true, true, false), (false, false, false)]
        {
            for keys in [&[][..], &[source_key, target_key]] {
                for naming in [Naming::Exactly, Naming::Account] {
                    let grants = copy(&copying(form, tags, versions, below, keys, naming)).unwrap();
                    let mut extra = Vec::new();
                    extra.extend(tags.then_some("s3:GetObjectTagging"));
                    extra.extend(versions.then_some("s3:GetObjectVersion"));
                    extra.extend((tags && versions).then_some("s3:GetObjectVersionTagging"));
                    let mut calls = vec![assumes(JUMP, READER, &[])];
                    if form == CopyForm::TwoRoles {
                        calls.push(assumes(ME, JUMP, &[]));
                    }
                    calls.extend(reads(reader, "src", ONE, below.then_some("in/"), "in/x", &extra));
                    calls.extend(writes(READER, "dst", TWO, "out/x", tags));
                    let look =
                        || call(READER, "s3:ListBucket", "arn:aws:s3:::dst", &[("s3:prefix", "out/")]).owned_by(TWO);
                    calls.extend(below.then(look));
                    if !keys.is_empty() {
                        calls.push(call(reader, "kms:Decrypt", source_key, &[via]));
                        calls.push(call(READER, "kms:GenerateDataKey", target_key, &[via]));
                        calls.push(call(READER, "kms:Decrypt", target_key, &[via]));
                    }
                    exactly(&grants, &calls);
                }
            }
        }
    }
}

#[test]
fn the_plain_case_is_four_policies() {
    let grants = copy(&copying(CopyForm::OneRole, false, false, true, &[], Naming::Exactly)).unwrap();
    let sides: Vec<(Side, &str, String)> =
        grants.iter().map(|grant| (grant.side, grant.account.as_str(), grant.file_name())).collect();
    assert_eq!(
        sides,
        [
            (Side::Permissions, ONE, "role-111111111111-Jump.json".into()),
            (Side::Trust, TWO, "trust-222222222222-S3Reader.json".into()),
            (Side::Permissions, TWO, "role-222222222222-S3Reader.json".into()),
            (Side::Bucket, ONE, "bucket-111111111111-src.json".into()),
        ]
    );
    assert_eq!(grants[3].policy["Statement"][1]["Principal"], json!({ "AWS": READER }));
    let account = copy(&copying(CopyForm::OneRole, false, false, true, &[], Naming::Account)).unwrap();
    assert_eq!(account[3].policy["Statement"][1]["Principal"], json!({ "AWS": "arn:aws:iam::222222222222:root" }));
}

#[test]
fn one_role_on_both_sides_gets_one_policy() {
    let mut wish = copying(CopyForm::TwoRoles, false, false, true, &[], Naming::Exactly);
    wish.from = wish.to.clone();
    let grants = copy(&wish).unwrap();
    let files: Vec<String> = grants.iter().map(Grant::file_name).collect();
    assert_eq!(files.iter().filter(|file| file.starts_with("role-222222222222-S3Reader")).count(), 1, "{files:?}");
    wish.keys = vec!["arn:aws:kms:eu-west-1:333333333333:key/x".parse().unwrap()];
    assert!(matches!(copy(&wish), Err(NoPolicy::ForeignKey { .. })));
}
