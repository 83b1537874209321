//! The bucket's side: asks S3 for real, reads the bucket policy as whoever may, and puts each question to the rules.

use std::sync::Arc;

use super::view::{View, Views};
use super::{ABSENT, Question, Step};
use crate::aws::s3::{Ask, Depth, S3};
use crate::domain::account::AccountId;
use crate::domain::explain::facts::{Asked, Outcome, Seen, Viewers, Who};
use crate::domain::explain::{Own, bucket};
use crate::domain::object::Entry;
use crate::domain::policy::Context;
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::Core;

/// What is asked of a bucket.
pub(super) struct Wanted<'a> {
    pub uri: &'a S3Uri,
    pub write: bool,
    /// Whether the role is assumed.
    pub inside: bool,
    /// The command that asks the same again.
    pub command: &'a str,
}

/// Condition keys of S3 that our calls lack.
const ABSENT_IN_S3: [&str; 6] = [
    "s3:x-amz-",
    "s3:versionid",
    "s3:existingobjecttag/",
    "s3:requestobjecttag/",
    "s3:object-lock-",
    "s3:signatureage",
];

impl Core {
    /// Explains each action that reading, or writing, below `uri` takes.
    pub(super) async fn explain_bucket(
        self: &Arc<Self>,
        question: &Question,
        mut who: Who,
        wanted: Wanted<'_>,
        views: &Views,
    ) -> Result<Vec<Step>> {
        let role = question.role;
        let (uri, partition) = (wanted.uri, self.profile.role(role).arn.partition());
        let below = uri.key.is_empty() || uri.key.ends_with('/');
        let (listed, read, sample) = match wanted.inside {
            true => try_reading(&self.s3(role), uri, below, !wanted.write).await?,
            false => {
                let why = || Outcome::NotTried { why: format!("{} is not assumed", self.profile.label(role)) };
                (why(), why(), None)
            }
        };
        let (policy, owner) = self.bucket_policy(uri, views).await;
        let ownership = match policy {
            Seen::NotAsked => Seen::NotAsked,
            _ => self.ownership(uri, views).await,
        };
        let https = self.endpoint(role, "S3").url.is_none_or(|url| url.starts_with("https:"));
        let objects = |key: &str| S3Uri::new(&uri.bucket, key).arn(partition);
        let all_below =
            format!("{}*", objects(&uri.key)).replace(&format!("{}*", uri.bucket), &format!("{}/*", uri.bucket));
        let object =
            sample.map_or_else(|| if below { all_below.clone() } else { objects(&uri.key) }, |key| objects(&key));
        let mut asked = Vec::new();
        if below {
            let whole = S3Uri::new(&uri.bucket, "").arn(partition);
            asked.push((Asked { action: "s3:ListBucket", resource: whole, prefix: uri.key.clone() }, listed));
        }
        // Who writes need not read: policies for writing alone are enough for it.
        if wanted.write {
            let resource = if below { all_below } else { objects(&uri.key) };
            let untried = Outcome::NotTried { why: "nothing is written to find out".into() };
            asked.push((Asked { action: "s3:PutObject", resource, prefix: uri.key.clone() }, untried));
        } else {
            asked.push((Asked { action: "s3:GetObject", resource: object, prefix: uri.key.clone() }, read));
        }
        let account = self.profile.role(role).arn.account();
        let mut steps = Vec::new();
        for (asked, outcome) in asked {
            let mut request = Context::new();
            request.set("aws:SecureTransport", https.to_string());
            if asked.action == "s3:ListBucket" {
                request.set("s3:prefix", &asked.prefix).set("s3:delimiter", "/");
            }
            let call = ((asked.action, asked.resource.clone()), Some(account));
            let mut own = match outcome {
                Outcome::Allowed { .. } if question.with.is_empty() => Own::default(),
                _ => self.own(&mut who, views, call).await,
            };
            own.session = self.session_policies(role, views).await;
            let known = ABSENT.iter().chain(&ABSENT_IN_S3).map(|key| (*key).to_owned());
            let absent = known.chain(who.absent.iter().cloned()).collect();
            let facts = bucket::Facts {
                write: wanted.write,
                asked,
                uri: uri.clone(),
                below,
                owner: owner.clone(),
                request,
                absent,
                outcome,
                own,
                policy: policy.clone(),
                ownership: ownership.clone(),
                own_viewers: self.viewers(role, Some(account), views, wanted.command),
                bucket_viewers: self.bucket_viewers(role, uri, owner.value().copied(), views, wanted.command),
                who: who.clone(),
            };
            steps.push(Step { role: self.profile.label(role), answer: bucket::explain(&facts) });
        }
        Ok(steps)
    }

    /// The bucket policy as whoever may see it, and with that the account that owns the bucket: S3 shows it to nobody
    /// else. Where all are refused, a list of somebody's buckets may still tell the owner.
    async fn bucket_policy(self: &Arc<Self>, uri: &S3Uri, views: &Views) -> (Seen<Option<String>>, Seen<AccountId>) {
        let mut refused = Vec::new();
        for view in self.roles_among(views) {
            match self.s3(view.role).bucket_policy(&uri.bucket).await {
                Ok(policy) => {
                    let by = format!("s3:GetBucketPolicy as {}", view.name);
                    return (Seen::Yes { value: policy, by: by.clone() }, Seen::Yes { value: view.account, by });
                }
                Err(error) => {
                    tracing::info!(%error, name = view.name, "the bucket policy is not shown");
                    refused.push(view.name.clone());
                }
            }
        }
        if refused.is_empty() {
            return (Seen::NotAsked, Seen::NotAsked);
        }
        let tried = format!("s3:GetBucketPolicy is refused to {}", refused.join(" and "));
        let mut owner = Seen::No { tried: tried.clone() };
        for view in self.roles_among(views) {
            let buckets = self.s3(view.role).buckets().await.unwrap_or_default();
            if buckets.iter().any(|bucket| bucket.name == uri.bucket) {
                owner = Seen::Yes { value: view.account, by: format!("s3:ListAllMyBuckets as {}", view.name) };
                break;
            }
        }
        (Seen::No { tried }, owner)
    }

    /// The roles that could look at a bucket: those of its account, else those whose bookmarks name it.
    fn bucket_viewers(
        &self,
        role: RoleIndex,
        uri: &S3Uri,
        owner: Option<AccountId>,
        views: &Views,
        command: &str,
    ) -> Viewers {
        let mut viewers = self.viewers(role, owner, views, command);
        if owner.is_none() {
            let names_it = |index: &RoleIndex| {
                *index != role
                    && !views.holds(&self.profile.label(*index))
                    && self.profile.role(*index).buckets.iter().any(|known| known.bucket == uri.bucket)
            };
            viewers.roles = self.profile.indices().filter(names_it).map(|index| self.profile.label(index)).collect();
        }
        viewers
    }

    async fn ownership(self: &Arc<Self>, uri: &S3Uri, views: &Views) -> Seen<String> {
        let mut refused = Vec::new();
        for view in self.roles_among(views) {
            match self.s3(view.role).object_ownership(&uri.bucket).await {
                Ok(value) => {
                    return Seen::Yes { value, by: format!("s3:GetBucketOwnershipControls as {}", view.name) };
                }
                Err(_) => refused.push(view.name.clone()),
            }
        }
        Seen::No { tried: format!("s3:GetBucketOwnershipControls is refused to {}", refused.join(" and ")) }
    }

    /// The views that are roles: sources ask S3 for nothing here.
    fn roles_among<'v>(&self, views: &'v Views) -> impl Iterator<Item = &'v View> {
        views.all().filter(|view| !view.is_source)
    }
}

/// Lists, and reads a byte of the object or of the first one below the prefix where that is `wanted`; with that one's
/// key.
async fn try_reading(s3: &S3, uri: &S3Uri, below: bool, wanted: bool) -> Result<(Outcome, Outcome, Option<String>)> {
    let (mut listed, mut key) = (Outcome::NotTried { why: String::new() }, None);
    if below {
        listed = match s3.page(uri, Depth::All, None).await {
            Ok(page) => {
                key = page.entries.into_iter().find_map(|entry| match entry {
                    // An object that ends in a slash stands for a folder, and is an object all the same.
                    Entry::Object(object) => Some(object.key),
                    Entry::Prefix(_) => None,
                });
                Outcome::Allowed { how: "S3 lists it".into() }
            }
            Err(error) => refused(error)?,
        };
    } else {
        key = Some(uri.key.clone());
    }
    let Some(key) = key.filter(|_| wanted) else {
        return Ok((listed, Outcome::NotTried { why: "there is no object to try it with".into() }, None));
    };
    let ask = Ask { range: Some(0..1), ..Ask::default() };
    let read = match s3.get(&S3Uri::new(&uri.bucket, &key), &ask).await {
        Ok(_) => Outcome::Allowed { how: "S3 gives it".into() },
        // These come after the permission was found.
        Err(Error::Aws { code, .. }) if matches!(code.as_str(), "InvalidRange" | "InvalidObjectState") => {
            Outcome::Allowed { how: format!("S3 says {code}, which it says to those who may read") }
        }
        Err(Error::NotFound { message, hint }) if message.contains("no bucket") => {
            return Err(Error::NotFound { message, hint });
        }
        Err(Error::NotFound { .. }) => Outcome::NotTried { why: "there is no such object to try it with".into() },
        Err(error) => refused(error)?,
    };
    Ok((listed, read, Some(key)))
}

/// A refusal as an outcome; what is none ends the explanation.
fn refused(error: Error) -> Result<Outcome> {
    match error {
        Error::Denied { message, .. } => Ok(Outcome::Refused { message }),
        error => Err(error),
    }
}
