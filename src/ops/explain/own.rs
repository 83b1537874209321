//! The policies of who asks, and what IAM knows of a role.

use super::view::{Views, see, see_as};
use crate::aws::iam::{Iam, Owner};
use crate::domain::account::AccountId;
use crate::domain::explain::facts::{NamedPolicy, Own, PolicyKind, RoleFacts, Seen, Who};
use crate::domain::policy::PrincipalKind;
use crate::domain::role::RoleIndex;
use crate::error::{Error, Result};
use crate::ops::Core;

impl Core {
    /// The policies of who asks, and what the simulator says of an action. What IAM tells of the tags and the path of
    /// who asks is put into it.
    pub(super) async fn own(
        &self,
        who: &mut Who,
        views: &Views,
        ((action, resource), account): ((&str, String), Option<AccountId>),
    ) -> Own {
        let Some(account) = account else { return Own::default() };
        let arn = who.principal.principal_arn().to_owned();
        let name = arn.rsplit('/').next().unwrap_or(&arn).to_owned();
        let simulate = see(self, views, account, "iam:SimulatePrincipalPolicy", async |iam: Iam<'_>| {
            iam.simulate(&arn, action, &resource).await
        });
        let empty = || Seen::Yes { value: Vec::new(), by: "the profile file".into() };
        match &who.principal.kind {
            // No policy of its account is about the root user, and a service is no caller of ours.
            PrincipalKind::Root | PrincipalKind::Service => Own::default(),
            PrincipalKind::User => {
                let (policies, described, simulated) = tokio::join!(
                    self.user_policies(views, account, &name),
                    see(self, views, account, "iam:GetUser", async |iam: Iam<'_>| iam.user(&name).await),
                    simulate,
                );
                let boundary = match &described {
                    Seen::Yes { value, .. } => {
                        self.boundary(views, account, value.boundary.as_deref(), &described).await
                    }
                    other => other.map(|_| None),
                };
                if let Some(user) = described.value() {
                    know_tags(who, &user.tags);
                }
                Own { policies, boundary, session: empty(), simulated }
            }
            PrincipalKind::Session { .. } => {
                let (policies, described, simulated) = tokio::join!(
                    self.role_policies(views, account, &name),
                    self.describe(views, account, &name),
                    simulate,
                );
                let role = described.value().and_then(Option::as_ref);
                let boundary = match role {
                    Some(role) => self.boundary(views, account, role.boundary.as_deref(), &described).await,
                    None => described.map(|_| None),
                };
                if let Some(role) = role {
                    know_tags(who, &role.tags);
                    who.context.set("aws:PrincipalArn", &role.arn);
                    who.principal.kind = PrincipalKind::Session { role_arn: role.arn.clone() };
                }
                Own { policies, boundary, session: empty(), simulated }
            }
        }
    }

    /// The policies of a user and of its groups.
    async fn user_policies(&self, views: &Views, account: AccountId, name: &str) -> Seen<Vec<NamedPolicy>> {
        see(self, views, account, "iam:GetUserPolicy", async |iam: Iam<'_>| {
            let mut policies = iam.policies(Owner::User, name).await?;
            for group in iam.groups(name).await? {
                let of_group = |policy: NamedPolicy| match policy.kind {
                    PolicyKind::Inline => NamedPolicy { kind: PolicyKind::OfGroup { group: group.clone() }, ..policy },
                    _ => policy,
                };
                policies.extend(iam.policies(Owner::Group, &group).await?.into_iter().map(of_group));
            }
            Ok(policies)
        })
        .await
    }

    /// The policies of a role.
    pub(super) async fn role_policies(&self, views: &Views, account: AccountId, name: &str) -> Seen<Vec<NamedPolicy>> {
        see(self, views, account, "iam:GetRolePolicy", async |iam: Iam<'_>| iam.policies(Owner::Role, name).await).await
    }

    /// What IAM knows of a role; `None` where there is none of that name.
    pub(super) async fn describe(&self, views: &Views, account: AccountId, name: &str) -> Seen<Option<RoleFacts>> {
        let ask = async |iam: Iam<'_>| -> Result<Option<RoleFacts>> {
            match iam.role(name).await {
                Ok(role) => Ok(Some(role)),
                Err(Error::Aws { code, .. }) if code == "NoSuchEntity" => Ok(None),
                Err(error) => Err(error),
            }
        };
        see(self, views, account, "iam:GetRole", ask).await
    }

    /// A permissions boundary with its document. `from` is the look that told of it.
    pub(super) async fn boundary<T>(
        &self,
        views: &Views,
        account: AccountId,
        arn: Option<&str>,
        from: &Seen<T>,
    ) -> Seen<Option<NamedPolicy>> {
        let Some(arn) = arn else { return from.map(|_| None) };
        see(self, views, account, "iam:GetPolicyVersion", async |iam: Iam<'_>| iam.managed(arn).await)
            .await
            .map(|policy| Some(policy.clone()))
    }

    /// What the profile file narrows the sessions of a role by. Managed policies are looked up by whoever may.
    pub(super) async fn session_policies(&self, role: RoleIndex, views: &Views) -> Seen<Vec<NamedPolicy>> {
        let role = self.profile.role(role);
        let document = role.policy.as_ref().map(|document| NamedPolicy {
            name: "the session policy".into(),
            kind: PolicyKind::Session,
            document: document.clone(),
        });
        let mut policies: Vec<NamedPolicy> = document.into_iter().collect();
        for arn in &role.policy_arns {
            let policy = see_as(self, views.all(), "iam:GetPolicyVersion", async |iam: Iam<'_>| iam.managed(arn).await);
            match policy.await {
                Seen::Yes { value, .. } => policies.push(value),
                Seen::No { tried } => return Seen::No { tried },
                Seen::NotAsked => return Seen::NotAsked,
            }
        }
        Seen::Yes { value: policies, by: "the profile file".into() }
    }
}

/// Puts all tags of a user or role into the condition keys; where a session has one of the same name, that one stays.
fn know_tags(who: &mut Who, tags: &[(String, String)]) {
    for (key, value) in tags {
        let key = format!("aws:PrincipalTag/{key}");
        if who.context.get(&key).is_none() {
            who.context.set(&key, value);
        }
    }
    who.absent.push("aws:principaltag/".into());
}
