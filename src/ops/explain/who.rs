//! Who asks, as policies see it: the source, the session of a role, and the condition keys that their requests have.

use jiff::Timestamp;

use super::view::Views;
use crate::domain::account::AccountId;
use crate::domain::explain::Who;
use crate::domain::policy::{Context, Principal, PrincipalKind};
use crate::domain::role::RoleIndex;
use crate::error::Result;
use crate::ops::Core;

impl Core {
    /// Who the source is, and what it sees with.
    pub(super) async fn first_caller(&self, role: RoleIndex, views: &mut Views) -> Result<Who> {
        let first = self.profile.chain(role)[0];
        let identity = self.source_identity(role).await?;
        let name = self.profile.source_name(role);
        let account: Option<AccountId> = identity.account.parse().ok();
        if self.profile.role(first).permission_set {
            return Ok(self.session_of(first, identity.arn));
        }
        let keys = self.source_keys(role).await?.keys;
        let has_token = keys.token().is_some();
        if let Some(account) = account {
            views.add_source(format!("the source {name}"), keys, account, first);
        }
        let (principal, kind) = principal_of(&identity.arn, &identity.account);
        let mut context = common_context(&principal, &identity.user_id);
        if principal.kind == PrincipalKind::User
            && let Some(user) = identity.arn.rsplit('/').next()
        {
            context.set("aws:username", user);
        }
        // Plain keys show no MFA, and leave these out; a session of GetSessionToken may have them.
        let mfa = ["aws:multifactorauthpresent", "aws:multifactorauthage"];
        let absent = if has_token { Vec::new() } else { mfa.map(str::to_owned).to_vec() };
        Ok(Who { principal, name: format!("the source {name}"), kind: kind.into(), context, absent })
    }

    /// The session of a configured role.
    pub(super) fn session_of(&self, role: RoleIndex, arn: String) -> Who {
        let configured = self.profile.role(role);
        let account = configured.arn.account().to_string();
        let (principal, kind) = match configured.permission_set {
            true => principal_of(&arn, &account),
            false => (Principal::session(&account, &arn, configured.arn.to_string()), "the session of a role"),
        };
        let mut context = common_context(&principal, "");
        context.set("aws:MultiFactorAuthPresent", "false");
        for (key, value) in &configured.tags {
            context.set(&format!("aws:PrincipalTag/{key}"), value);
        }
        if let Some(identity) = &configured.source_identity {
            context.set("aws:SourceIdentity", identity);
        }
        Who { principal, name: self.profile.label(role), kind: kind.into(), context, absent: Vec::new() }
    }

    /// Who a sign-in would be, had it given a session.
    pub(super) fn unknown_caller(&self, role: RoleIndex) -> Who {
        let account = self.profile.role(role).arn.account().to_string();
        let principal = Principal { account, arn: String::new(), kind: PrincipalKind::User };
        let name = format!("the sign-in {}", self.profile.source_name(role));
        Who {
            principal,
            name,
            kind: "a person of IAM Identity Center".into(),
            context: Context::new(),
            absent: Vec::new(),
        }
    }
}

/// The condition keys that every request of a principal has.
fn common_context(principal: &Principal, user_id: &str) -> Context {
    let now = Timestamp::now();
    let mut context = Context::new();
    context
        .set("aws:PrincipalArn", principal.principal_arn())
        .set("aws:PrincipalAccount", &principal.account)
        .set("aws:PrincipalIsAWSService", "false")
        .set("aws:ViaAWSService", "false")
        .set("aws:CurrentTime", now.to_string())
        .set("aws:EpochTime", now.as_second().to_string());
    if !user_id.is_empty() {
        context.set("aws:userid", user_id);
    }
    context
}

/// Who an ARN of GetCallerIdentity is, and in words.
fn principal_of(arn: &str, account: &str) -> (Principal, &'static str) {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, service, _, _, resource] = parts[..] else {
        return (Principal::user(account, arn), "an identity that this version does not know");
    };
    match (service, resource.split_once('/').unwrap_or((resource, ""))) {
        ("iam", ("root", _)) => {
            (Principal { kind: PrincipalKind::Root, ..Principal::user(account, arn) }, "the root user")
        }
        ("iam", ("user", _)) => (Principal::user(account, arn), "an IAM user"),
        ("sts", ("assumed-role", rest)) => {
            let name = rest.split('/').next().unwrap_or(rest);
            let is_sso = name.starts_with("AWSReservedSSO_");
            let kind = if is_sso { "a permission set of IAM Identity Center" } else { "the session of a role" };
            // A session's ARN leaves the path out; where IAM shows the role, it is put right.
            let role_arn = format!("arn:{partition}:iam::{account}:role/{name}");
            (Principal::session(account, arn, role_arn), kind)
        }
        ("sts", ("federated-user", _)) => (Principal::user(account, arn), "a federated user"),
        _ => (Principal::user(account, arn), "an IAM identity"),
    }
}
