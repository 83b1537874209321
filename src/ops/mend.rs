//! Applies what an explanation ends with, when somebody says so: the policy that is there is read, the statements that
//! are missing are added, and the whole is written back.
//!
//! AWS has no way to write a policy only if it is still the one that was read. It is read again right before, and what
//! has changed since it was shown is left alone.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Core;
use super::audit::{Deed, Event};
use crate::aws::iam::{Iam, Owner};
use crate::aws::sts::Caller;
use crate::domain::explain::{condition_in_words, is_guard};
use crate::domain::policy::least::{AttachTo, Grant, Ordered};
use crate::domain::policy::{Clause, Context, Policy, Principal, PrincipalPattern, Request, study};
use crate::domain::role::{Profile, RoleIndex};
use crate::domain::session::Session;
use crate::domain::text::escaped;
use crate::error::{Error, Result};

/// What would be written, where, and as whom; nothing has been yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mending {
    /// The statements, and what they are attached to.
    pub grant: Grant,
    /// The role that writes.
    pub by: RoleIndex,
    /// The policy that is there, as AWS gave it; `None` where there is none.
    pub present: Option<String>,
    /// What is written: that one with the statements.
    pub policy: Value,
}

impl Mending {
    /// The call that writes it.
    pub fn action(&self) -> &'static str {
        match self.grant.target {
            AttachTo::User { .. } => "iam:PutUserPolicy",
            AttachTo::Role { .. } => "iam:PutRolePolicy",
            AttachTo::Trust { .. } => "iam:UpdateAssumeRolePolicy",
            AttachTo::Bucket { .. } => "s3:PutBucketPolicy",
            AttachTo::PermissionSet { .. } | AttachTo::Key { .. } => "",
        }
    }

    /// What is written, in words: `the new inline policy xsw-… of the role S3Reader`.
    pub fn place(&self) -> String {
        let of = |kind: &str, name: &str| {
            let new = if self.present.is_some() { "inline policy" } else { "new inline policy" };
            format!("the {new} {} of the {kind} {}", self.grant.policy_name(), escaped(name))
        };
        match &self.grant.target {
            AttachTo::User { arn } => of("user", user_name(arn)),
            AttachTo::Role { name, .. } => of("role", name),
            _ => format!("the {}", escaped(&self.grant.place())),
        }
    }

    /// The policy as it is written, for people to read.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&Ordered(&self.policy)).unwrap_or_default()
    }

    /// The same without what only people need: IAM counts characters.
    fn document(&self) -> String {
        serde_json::to_string(&Ordered(&self.policy)).unwrap_or_default()
    }
}

/// The configured roles that may be able to write it: those of the account, by their names the likeliest first.
pub fn menders(profile: &Profile, grant: &Grant) -> Vec<RoleIndex> {
    let of_account = |role: &RoleIndex| profile.role(*role).arn.account() == grant.account;
    let mut roles: Vec<RoleIndex> = profile.indices().filter(of_account).collect();
    roles.sort_by_key(|role| {
        let name = profile.role(*role).name.to_lowercase();
        !["admin", "owner", "power", "deploy", "security"].iter().any(|word| name.contains(word))
    });
    roles
}

impl Core {
    /// Reads what is there as `by`, whose session must be there when it wants an MFA code, and adds the statements.
    ///
    /// # Errors
    /// [`Error::Usage`] where `by` is of another account, where nothing is missing, or where the policy that is there
    /// cannot be added to; what reading it says.
    pub async fn plan_mending(self: &Arc<Self>, grant: &Grant, by: RoleIndex) -> Result<Mending> {
        let account = self.profile.role(by).arn.account();
        if account != grant.account {
            return Err(Error::Usage {
                message: format!(
                    "{} is of account {account}, and the {} is of account {}",
                    escaped(&self.profile.label(by)),
                    escaped(&grant.place()),
                    grant.account
                ),
                hint: Some("name a role of that account".into()),
            });
        }
        let session = self.session(by, None).await?;
        let present = self.present(grant, by, &session).await?;
        let policy = match &present {
            None => grant.policy.clone(),
            Some(text) => {
                keeps_conditions(grant, text)?;
                merged(grant, text)?
            }
        };
        Ok(Mending { grant: grant.clone(), by, present, policy })
    }

    /// Writes it, and a line of the audit trail.
    ///
    /// # Errors
    /// [`Error::Usage`] where the policy is another by now; what AWS says.
    pub async fn mend(self: &Arc<Self>, mending: &Mending) -> Result<()> {
        let began = Timestamp::now();
        let mut used = None;
        let answer = self.write(mending, &mut used).await;
        let (kind, name) = mending.grant.attach_to();
        let mut details = vec![("attached_to", kind.into()), ("name", name.into())];
        if matches!(mending.grant.target, AttachTo::User { .. } | AttachTo::Role { .. }) {
            details.push(("policy_name", mending.grant.policy_name().into()));
        }
        let outcome = answer.as_ref().copied();
        let (role, session) = (mending.by, used.as_ref());
        self.record(&Event { deed: Deed::Mend, role, began, session, outcome, details });
        answer
    }

    async fn write(self: &Arc<Self>, mending: &Mending, used: &mut Option<Session>) -> Result<()> {
        let (grant, by) = (&mending.grant, mending.by);
        let session = &*used.insert(self.session(by, None).await?);
        if self.present(grant, by, session).await? != mending.present {
            return Err(Error::Usage {
                message: format!("{} was changed meanwhile: nothing was written", mending.place()),
                hint: Some("look at it again: what is written must hold what is there now".into()),
            });
        }
        let (document, label) = (mending.document(), self.profile.label(by));
        let endpoint = self.endpoint(by, "IAM");
        let iam = self.aws.iam(&endpoint, Caller { keys: &session.keys, name: &label, is_source: false });
        match &grant.target {
            AttachTo::User { arn } => {
                iam.put_inline(Owner::User, user_name(arn), &grant.policy_name(), &document).await
            }
            AttachTo::Role { name, .. } => iam.put_inline(Owner::Role, name, &grant.policy_name(), &document).await,
            AttachTo::Trust { role } => iam.update_trust(role.name(), &document).await,
            AttachTo::Bucket { bucket } => self.s3(by).put_bucket_policy(bucket, grant.account, &document).await,
            AttachTo::PermissionSet { .. } | AttachTo::Key { .. } => Err(not_written(grant)),
        }
    }

    /// What is there in the place of a grant.
    async fn present(self: &Arc<Self>, grant: &Grant, by: RoleIndex, session: &Session) -> Result<Option<String>> {
        let label = self.profile.label(by);
        let endpoint = self.endpoint(by, "IAM");
        let iam: Iam<'_> = self.aws.iam(&endpoint, Caller { keys: &session.keys, name: &label, is_source: false });
        match &grant.target {
            AttachTo::User { arn } => iam.inline(Owner::User, user_name(arn), &grant.policy_name()).await,
            AttachTo::Role { name, .. } => iam.inline(Owner::Role, name, &grant.policy_name()).await,
            AttachTo::Trust { role } => iam.role(role.name()).await.map(|role| Some(role.trust)),
            AttachTo::Bucket { bucket } => self.s3(by).bucket_policy(bucket).await,
            AttachTo::PermissionSet { .. } | AttachTo::Key { .. } => Err(not_written(grant)),
        }
    }
}

/// Whoever was told of a refusal may not have seen the policy: where it names the same people for the same on
/// conditions, statements without these would take somebody's guard away.
fn keeps_conditions(grant: &Grant, present: &str) -> Result<()> {
    // An unreadable one is refused when the statements are to be added.
    let (Ok(there), Ok(new)) = (Policy::parse(present), Policy::from_json(&grant.policy)) else { return Ok(()) };
    let context = Context::new();
    for statement in &new.statements {
        let Some(Clause::Any(patterns)) = &statement.principal else { continue };
        let Clause::Any(actions) = &statement.action else { continue };
        let resources = match &statement.resource {
            Some(Clause::Any(resources)) => resources.clone(),
            _ => vec![String::new()],
        };
        let principals: Vec<Principal> = patterns.iter().filter_map(principal).collect();
        for (principal, action, resource) in principals
            .iter()
            .flat_map(|principal| actions.iter().map(move |action| (principal, action)))
            .flat_map(|(principal, action)| resources.iter().map(move |resource| (principal, action, resource)))
        {
            let request = Request { principal, action, resource, context: &context };
            let lost = study(&there, &request, &|_| false)
                .iter()
                .filter(|one| one.is_allow() && one.grip.is_some() && one.action && one.resource)
                .flat_map(|one| &one.statement.conditions)
                .find(|known| is_guard(known) && !statement.conditions.contains(known))
                .map(condition_in_words);
            if let Some(lost) = lost {
                return Err(Error::Usage {
                    message: format!(
                        "the {} names them already, on a condition ({}): xsw writes no policy around it",
                        escaped(&grant.place()),
                        escaped(&lost)
                    ),
                    hint: Some("look with a role of that account: what meets the condition is told then".into()),
                });
            }
        }
    }
    Ok(())
}

/// Whom a pattern names, as somebody who asks.
fn principal(pattern: &PrincipalPattern) -> Option<Principal> {
    let PrincipalPattern::Arn(arn) = pattern else { return None };
    let account = arn.split(':').nth(4)?;
    Some(match arn.split_once(":role/") {
        Some((_, name)) => {
            let session = format!("arn:aws:sts::{account}:assumed-role/{}/xsw", user_name(name));
            Principal::session(account, session, arn.as_str())
        }
        None => Principal::user(account, arn.as_str()),
    })
}

/// The policy that is there with the statements of the grant.
fn merged(grant: &Grant, present: &str) -> Result<Value> {
    let place = escaped(&grant.place()).into_owned();
    let known: Option<Value> =
        serde_json::from_str(present).ok().filter(|known: &Value| known["Statement"] != Value::Null);
    let Some(known) = known else {
        // What cannot be read would be lost.
        return Err(Error::usage(format!("the {place} that is there cannot be read as a policy: it is left alone")));
    };
    let policy = grant.merged_into(&known);
    if policy == known {
        return Err(Error::Usage {
            message: format!("nothing is missing: the {place} says it already"),
            hint: Some("AWS may need some seconds to act by it; ask again then".into()),
        });
    }
    Ok(policy)
}

fn not_written(grant: &Grant) -> Error {
    Error::Usage {
        message: format!("xsw does not write the {}", escaped(&grant.place())),
        hint: Some(grant.sentence()),
    }
}

/// IAM's calls take the name, without the path.
fn user_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::policy::Side;

    fn grant() -> Grant {
        Grant {
            side: Side::Bucket,
            account: "222222222222".parse().unwrap(),
            target: AttachTo::Bucket { bucket: "data".into() },
            purpose: "read-data".into(),
            policy: json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject" }] }),
        }
    }

    #[test]
    fn no_statement_goes_around_a_condition_that_is_there() {
        let role = "arn:aws:iam::222222222222:role/S3Reader";
        let trusting = |principal: &str, condition: Value| {
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Principal": { "AWS": principal }, "Action": "sts:AssumeRole", "Condition": condition }] })
        };
        let me = "arn:aws:iam::111111111111:user/me";
        let mfa = || json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
        let target = AttachTo::Trust { role: role.parse().unwrap() };
        let grant = Grant { side: Side::Trust, target, policy: trusting(me, json!({})), ..grant() };
        for (principal, condition, kept) in
            [(me, mfa(), false), ("111111111111", mfa(), false), ("444444444444", mfa(), true), (me, json!({}), true)]
        {
            let said = keeps_conditions(&grant, &trusting(principal, condition.clone()).to_string());
            assert_eq!(said.is_ok(), kept, "{principal} {condition}: {said:?}");
        }
        let same = Grant { policy: trusting(me, mfa()), ..grant };
        assert!(keeps_conditions(&same, &trusting("111111111111", mfa()).to_string()).is_ok());
    }

    #[test]
    fn what_is_there_stays_and_what_cannot_be_read_is_left_alone() {
        let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:PutObject"}}"#;
        assert_eq!(merged(&grant(), deny).unwrap()["Statement"].as_array().unwrap().len(), 2);
        for (present, why) in [
            ("", "cannot be read"),
            ("{", "cannot be read"),
            (r#"{"Version":"2012-10-17"}"#, "cannot be read"),
            (&grant().policy.to_string(), "nothing is missing"),
        ] {
            let error = merged(&grant(), present).unwrap_err().to_string();
            assert!(error.contains(why), "{present}: {error}");
        }
    }
}
