//! Reading and writing objects: the permissions of who does it, and the policies of buckets and keys of other accounts.
//!
//! The actions are those of "Actions, resources, and condition keys for Amazon S3" in the Service Authorization Reference.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::party::Principal;
use super::session::same_partition;
use super::{AttachTo, Grant, Naming, NoPolicy, Party, document, one_or_many};
use crate::domain::account::AccountId;
use crate::domain::policy::Side;
use crate::domain::uri::S3Uri;

/// One object, or all below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objects {
    /// The key, or the prefix.
    pub uri: S3Uri,
    /// Whether it is a prefix.
    pub below: bool,
    /// The account that owns the bucket.
    pub owner: AccountId,
}

/// Who reads or writes what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who does it.
    pub who: Party,
    /// The objects.
    pub objects: Vec<Objects>,
    /// Their tags too.
    pub tags: bool,
    /// Older versions too.
    pub versions: bool,
    /// The KMS keys that the objects are encrypted with.
    pub keys: Vec<KeyArn>,
    /// How policies of other accounts name who does it.
    pub naming: Naming,
}

/// `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyArn {
    text: String,
    account: AccountId,
}

impl KeyArn {
    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that owns the key.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The partition.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    fn part(&self, place: usize) -> &str {
        self.text.split(':').nth(place).unwrap_or_default()
    }
}

impl FromStr for KeyArn {
    type Err = String;

    /// Takes a key's ARN; an alias is none, because permissions are about keys.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", _, "kms", region, account, key] = parts[..] else {
            return Err(format!("{text:?} is no ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID"));
        };
        if key.starts_with("alias/") {
            return Err(format!(
                "{text:?} is an alias; policies name the key itself: arn:aws:kms:REGION:ACCOUNT:key/ID"
            ));
        }
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let id = key.strip_prefix("key/").unwrap_or_default();
        if id.is_empty() || region.is_empty() || !parts.iter().all(|part| plain(part.trim_start_matches("key/"))) {
            return Err(format!("{text:?} is no ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID"));
        }
        Ok(Self { text: text.to_owned(), account: account.parse()? })
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is needed to read, on all sides.
///
/// # Errors
/// For who has no permissions of its own, for nothing, and across partitions.
pub fn read(access: &Access) -> Result<Vec<Grant>, NoPolicy> {
    granted(Deed::Read, access, &purpose("read", access))
}

/// What is needed to write, on all sides.
///
/// # Errors
/// As [`read`].
pub fn write(access: &Access) -> Result<Vec<Grant>, NoPolicy> {
    granted(Deed::Write, access, &purpose("write", access))
}

/// What is needed to write what is not there already, which has to be looked for, on all sides.
///
/// # Errors
/// As [`read`].
pub fn add(access: &Access) -> Result<Vec<Grant>, NoPolicy> {
    granted(Deed::Copy, access, &purpose("write", access))
}

fn purpose(deed: &str, access: &Access) -> String {
    format!("{deed}-{}", access.objects.first().map_or("", |objects| &objects.uri.bucket))
}

/// What is done with objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Lists them and gets them.
    Read,
    /// Puts them, in parts too.
    Write,
    /// Write what is not there already, which has to be looked for.
    Copy,
    /// Only lists them.
    List,
    /// Only gets them, by names that are known.
    Fetch,
    /// Only puts them, whole.
    Put,
    /// Puts them in parts, and takes up none that was begun before.
    Upload,
}

/// One permission, not yet said by or to anybody.
struct Need {
    sid: &'static str,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Map<String, Value>,
}

impl Need {
    /// The statement for a policy of who does it.
    fn own(&self) -> Value {
        let mut statement = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": one_or_many(&self.actions),
            "Resource": one_or_many(&self.resources),
        });
        if !self.conditions.is_empty() {
            statement["Condition"] = json!(self.conditions);
        }
        statement
    }

    /// The statement for a policy of the bucket or key.
    fn theirs(&self, principal: &Principal, like: &[String]) -> Value {
        let mut statement = self.own();
        statement["Principal"] = Principal::element(std::slice::from_ref(principal));
        if !like.is_empty() {
            statement["Condition"]["ArnLike"] = json!({ "aws:PrincipalArn": one_or_many(like) });
        }
        statement
    }
}

pub(super) fn granted(deed: Deed, access: &Access, purpose: &str) -> Result<Vec<Grant>, NoPolicy> {
    if access.objects.is_empty() {
        return Err(NoPolicy::Nothing);
    }
    let (side, account, target) = access.who.own_policies()?;
    let partition = access.who.partition().unwrap_or("aws");
    let (principal, like) = access.who.named(access.naming);
    let mut buckets: Vec<(&str, AccountId, Vec<&Objects>)> = Vec::new();
    for objects in &access.objects {
        match buckets.iter_mut().find(|(bucket, ..)| *bucket == objects.uri.bucket) {
            Some((.., all)) => all.push(objects),
            None => buckets.push((&objects.uri.bucket, objects.owner, vec![objects])),
        }
    }
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for (bucket, owner, objects) in buckets {
        let needs = needs_of(deed, access, partition, bucket, &objects);
        own.extend(needs.iter().map(Need::own));
        if owner != account {
            theirs.push(Grant {
                side: Side::Bucket,
                account: owner,
                target: AttachTo::Bucket { bucket: bucket.to_owned() },
                purpose: purpose.to_owned(),
                policy: document(needs.iter().map(|need| need.theirs(&principal, &like))),
            });
        }
    }
    for key in &access.keys {
        same_partition(&access.who, key.partition())?;
    }
    if !access.keys.is_empty() {
        own.push(key_need(deed, &access.keys).own());
    }
    // A key policy of one's own account hands the decision to IAM, unless somebody took that out of it.
    for key in access.keys.iter().filter(|key| key.account() != account) {
        let mut need = key_need(deed, std::slice::from_ref(key));
        // "In a key policy, the value of the Resource element is "*", which means this KMS key."
        need.resources = vec!["*".into()];
        theirs.push(Grant {
            side: Side::Kms,
            account: key.account(),
            target: AttachTo::Key { arn: key.clone() },
            purpose: purpose.to_owned(),
            policy: document([need.theirs(&principal, &like)]),
        });
    }
    let policy = super::merge::distinct_sids(document(own));
    let mut grants = vec![Grant { side, account, target, purpose: purpose.to_owned(), policy }];
    grants.extend(theirs);
    Ok(grants)
}

fn needs_of(deed: Deed, access: &Access, partition: &str, bucket: &str, objects: &[&Objects]) -> Vec<Need> {
    let bucket_arn = format!("arn:{partition}:s3:::{bucket}");
    let resource = |objects: &&Objects| {
        let below = if objects.below { "*" } else { "" };
        format!("{bucket_arn}/{}{below}", literal(&objects.uri.key))
    };
    let mut resources: Vec<String> = Vec::new();
    for resource in objects.iter().map(resource) {
        if !resources.contains(&resource) {
            resources.push(resource);
        }
    }
    let actions = |all: &[(bool, &str)]| -> Vec<String> {
        all.iter().filter(|(wanted, _)| *wanted).map(|(_, action)| (*action).to_owned()).collect()
    };
    let (tags, versions) = (access.tags, access.versions);
    match deed {
        Deed::Read | Deed::List | Deed::Fetch => {
            let list = actions(&[(true, "s3:ListBucket"), (versions, "s3:ListBucketVersions")]);
            let list = listing(objects, &bucket_arn, list).filter(|_| deed != Deed::Fetch);
            let mut needs: Vec<Need> = list.into_iter().collect();
            if deed == Deed::List {
                return needs;
            }
            needs.push(Need {
                sid: "Read",
                actions: actions(&[
                    (true, "s3:GetObject"),
                    (tags, "s3:GetObjectTagging"),
                    (versions, "s3:GetObjectVersion"),
                    (tags && versions, "s3:GetObjectVersionTagging"),
                ]),
                resources,
                conditions: Map::new(),
            });
            needs
        }
        // CreateMultipartUpload, UploadPart and CompleteMultipartUpload are PutObject; what is given up must be aborted,
        // and what goes on must know which parts are there.
        Deed::Write | Deed::Copy | Deed::Put | Deed::Upload => {
            let list = (deed == Deed::Copy).then(|| listing(objects, &bucket_arn, actions(&[(true, "s3:ListBucket")])));
            let write = Need {
                sid: "Write",
                actions: actions(&[
                    (true, "s3:PutObject"),
                    (tags, "s3:PutObjectTagging"),
                    (deed != Deed::Put, "s3:AbortMultipartUpload"),
                    (matches!(deed, Deed::Write | Deed::Copy), "s3:ListMultipartUploadParts"),
                ]),
                resources,
                conditions: Map::new(),
            };
            list.flatten().into_iter().chain([write]).collect()
        }
    }
}

/// Listing what is below the prefixes among the objects; nothing for objects that are named one by one.
fn listing(objects: &[&Objects], bucket_arn: &str, actions: Vec<String>) -> Option<Need> {
    let prefixes: Vec<&str> =
        objects.iter().filter(|objects| objects.below).map(|objects| objects.uri.key.as_str()).collect();
    if prefixes.is_empty() {
        return None;
    }
    let mut conditions = Map::new();
    // A listing of the whole bucket has no prefix.
    if !prefixes.contains(&"") {
        let patterns: Vec<String> = prefixes.iter().map(|prefix| literal(prefix) + "*").collect();
        conditions.insert("StringLike".into(), json!({ "s3:prefix": one_or_many(&patterns) }));
    }
    Some(Need { sid: "List", actions, resources: vec![bucket_arn.to_owned()], conditions })
}

/// Amazon S3 User Guide, "Protecting data with SSE-KMS": reading decrypts, writing makes a data key, and a multipart
/// upload decrypts it again for each part.
fn key_need(deed: Deed, keys: &[KeyArn]) -> Need {
    let (sid, actions): (_, &[&str]) = match deed {
        Deed::Read | Deed::List | Deed::Fetch => ("Decrypt", &["kms:Decrypt"]),
        // In one piece nothing has to be decrypted again.
        Deed::Put => ("Encrypt", &["kms:GenerateDataKey"]),
        Deed::Write | Deed::Copy | Deed::Upload => ("Encrypt", &["kms:GenerateDataKey", "kms:Decrypt"]),
    };
    // Only S3 may use the key in the caller's name.
    let mut services: Vec<String> = keys.iter().filter_map(s3_of).collect();
    services.dedup();
    let mut conditions = Map::new();
    if !services.is_empty() {
        conditions.insert("StringEquals".into(), json!({ "kms:ViaService": one_or_many(&services) }));
    }
    Need {
        sid,
        actions: actions_of(actions),
        resources: keys.iter().map(|key| key.as_str().to_owned()).collect(),
        conditions,
    }
}

fn actions_of(all: &[&str]) -> Vec<String> {
    all.iter().map(|&action| action.to_owned()).collect()
}

/// The value of `kms:ViaService` for S3 in the key's region, in the partitions whose services all end the same.
fn s3_of(key: &KeyArn) -> Option<String> {
    matches!(key.partition(), "aws" | "aws-us-gov").then(|| format!("s3.{}.amazonaws.com", key.region()))
}

/// `text` as a pattern that nothing but itself is like.
///
/// `*`, `?` and `$` have a spelling of their own ("IAM policy elements: Variables and tags"). Characters beyond Latin-1,
/// which IAM's policies cannot hold, become the wildcard for one character.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' => pattern.push_str("${*}"),
            '?' => pattern.push_str("${?}"),
            '$' => pattern.push_str("${$}"),
            '\t' | '\n' | '\r' | ' '..='\u{ff}' => pattern.push(c),
            // IAM may count one character beyond the first plane as two.
            '\u{10000}'.. => pattern.push('*'),
            _ => pattern.push('?'),
        }
    }
    pattern
}

impl Objects {
    /// Whether the policy must be wider than the key, because it has characters that IAM's policies cannot hold.
    pub fn is_widened(&self) -> bool {
        self.uri.key.chars().any(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}'))
    }
}
