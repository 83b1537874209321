//! A copy by S3 Batch Operations: what its job's role, whoever makes the job, and the buckets must agree to.
//!
//! Amazon S3 User Guide, "Granting permissions for Batch Operations".

use serde_json::{Value, json};

use super::objects::{Deed, granted, literal};
use super::session::assuming;
use super::{Access, AttachTo, Copy, Grant, KeyArn, NoPolicy, Objects, Party, document, gathered, one_or_many};
use crate::domain::account::RoleArn;
use crate::domain::batch::SERVICE;
use crate::domain::policy::Side;

/// Where manifests and reports are, and who the job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The role that the job works under.
    pub role: RoleArn,
    /// The folder of manifests and reports.
    pub place: Objects,
}

/// The least that all sides need: the caller's, the trust policies, the permissions of the roles, buckets, keys.
///
/// `copy.from` lists the sources, `copy.to` writes the manifest and makes the job, whose role reads and writes.
///
/// # Errors
/// As [`super::copy`].
pub fn batch_copy(copy: &Copy, batch: &Batch) -> Result<Vec<Grant>, NoPolicy> {
    let purpose = format!("batch-{}-to-{}", copy.source.uri.bucket, copy.target.uri.bucket);
    let owners = [copy.source.owner, copy.target.owner];
    if let Some(key) = copy.keys.iter().find(|key| !owners.contains(&key.account())) {
        return Err(NoPolicy::ForeignKey { key: key.to_string(), owner: key.account() });
    }
    let job = Party::Role(batch.role.clone());
    let keys_of = |objects: &Objects| -> Vec<KeyArn> {
        copy.keys.iter().filter(|key| key.account() == objects.owner).cloned().collect()
    };
    let access = |who: &Party, objects: &Objects, tags: bool, keys: Vec<KeyArn>| Access {
        who: who.clone(),
        objects: vec![objects.clone()],
        tags,
        versions: false,
        keys,
        naming: copy.naming,
    };
    let mut grants = Vec::new();
    if copy.from != copy.to {
        grants.extend(assumed(&copy.from, copy.from_caller.as_ref())?);
    }
    grants.extend(assumed(&copy.to, copy.to_caller.as_ref())?);
    // Whoever makes the job: lists the sources, looks whether the target is empty, writes the manifest.
    grants.extend(granted(Deed::List, &access(&copy.from, &copy.source, false, Vec::new()), &purpose)?);
    grants.extend(granted(Deed::List, &access(&copy.to, &copy.target, false, Vec::new()), &purpose)?);
    let place = access(&copy.to, &batch.place, false, Vec::new());
    grants.extend(granted(Deed::Fetch, &place, &purpose)?);
    grants.extend(granted(Deed::Upload, &place, &purpose)?);
    grants.push(making(&copy.to, batch, &purpose)?);
    // The job itself: reads the manifest and the sources, writes the copies and its report.
    grants.push(trusting(&batch.role));
    let source = access(&job, &copy.source, copy.tags, keys_of(&copy.source));
    grants.extend(granted(Deed::Fetch, &source, &purpose)?);
    let target = access(&job, &copy.target, copy.tags, keys_of(&copy.target));
    grants.extend(granted(Deed::Put, &target, &purpose)?);
    let place = access(&job, &batch.place, false, Vec::new());
    grants.extend(granted(Deed::Fetch, &place, &purpose)?);
    grants.extend(granted(Deed::Put, &place, &purpose)?);
    let mut grants = gathered(grants);
    grants.iter_mut().for_each(|grant| say_once(&mut grant.policy));
    Ok(grants)
}

/// Takes out of a policy the actions that an earlier statement allows the same callers on the same resources: to the
/// bucket of manifests the job and its maker may be one account.
fn say_once(policy: &mut Value) {
    let Some(Value::Array(statements)) = policy.get_mut("Statement") else { return };
    let actions = |statement: &Value| -> Vec<String> {
        match &statement["Action"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect(),
        }
    };
    let rest = |statement: &Value| ["Effect", "Principal", "Resource", "Condition"].map(|name| statement[name].clone());
    let mut kept: Vec<Value> = Vec::new();
    for mut statement in std::mem::take(statements) {
        let same = kept.iter().filter(|known| rest(known) == rest(&statement));
        let known: Vec<String> = same.flat_map(actions).collect();
        let new: Vec<String> = actions(&statement).into_iter().filter(|action| !known.contains(action)).collect();
        if new.is_empty() {
            continue;
        }
        statement["Action"] = one_or_many(&new);
        kept.push(statement);
    }
    *statements = kept;
}

fn assumed(role: &Party, caller: Option<&(Party, super::Trust)>) -> Result<Vec<Grant>, NoPolicy> {
    match (role, caller) {
        (Party::Role(role), Some((caller, wishes))) => assuming(caller, role, wishes),
        _ => Ok(Vec::new()),
    }
}

/// What making, following and cancelling a job takes. CreateJob is about no resource, and the job has no name before.
fn making(who: &Party, batch: &Batch, purpose: &str) -> Result<Grant, NoPolicy> {
    let (side, account, target) = who.own_policies()?;
    let (role, partition) = (&batch.role, batch.role.partition());
    super::session::same_partition(who, partition)?;
    let statements = [
        json!({
            "Sid": "MakeJob",
            "Effect": "Allow",
            "Action": "s3:CreateJob",
            "Resource": "*",
        }),
        json!({
            "Sid": "FollowJob",
            "Effect": "Allow",
            "Action": ["s3:DescribeJob", "s3:UpdateJobStatus"],
            "Resource": format!("arn:{partition}:s3:*:{}:job/*", role.account()),
        }),
        json!({
            "Sid": "PassRole",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": literal(&role.to_string()),
            "Condition": { "StringEquals": { "iam:PassedToService": SERVICE } },
        }),
    ];
    Ok(Grant { side, account, target, purpose: purpose.to_owned(), policy: document(statements) })
}

/// The trust policy of the job's role: only for jobs of its own account, so that no other account's job is its deputy
/// (IAM User Guide, "The confused deputy problem").
fn trusting(role: &RoleArn) -> Grant {
    let statement: Value = json!({
        "Sid": "TrustBatchOperations",
        "Effect": "Allow",
        "Principal": { "Service": SERVICE },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "aws:SourceAccount": role.account() } },
    });
    Grant {
        side: Side::Trust,
        account: role.account(),
        target: AttachTo::Trust { role: role.clone() },
        purpose: format!("trust-{}", role.name()),
        policy: document([statement]),
    }
}
