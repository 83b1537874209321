//! Which policies there are, and what they say.

use super::{Call, Refused, shape};
use crate::demo::directory::{Rules, Written};
use crate::demo::random;
use crate::demo::sts::escape;

/// The names of the inline policies.
pub(super) fn inline(call: &Call, rules: &Rules) -> Result<String, Refused> {
    let rules = rules.now();
    let names = rules.identity.iter().filter(|one| one.arn.is_none()).map(|one| escape(&one.name));
    call.page("PolicyNames", names.collect())
}

/// The managed policies that are attached.
pub(super) fn attached(call: &Call, rules: &Rules) -> Result<String, Refused> {
    let rules = rules.now();
    let member = |(name, arn): (&str, &str)| {
        format!("<PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn>", escape(name), escape(arn))
    };
    let managed = rules.identity.iter().filter_map(|one| Some((one.name.as_str(), one.arn.as_deref()?)));
    call.page("AttachedPolicies", managed.map(member).collect())
}

fn found(rules: &Rules, name: &str, kind: &str) -> Result<Written, Refused> {
    let rules = rules.now();
    let policy = rules.identity.iter().find(|one| one.arn.is_none() && one.name == name);
    let missing = || Refused::missing(format!("The {kind} policy with name {name} cannot be found."));
    policy.map(|one| one.written.clone()).ok_or_else(missing)
}

fn told(owner: &str, owner_name: &str, name: &str, written: &Written) -> String {
    format!(
        "<{owner}>{}</{owner}><PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>",
        escape(owner_name),
        escape(name),
        shape::document(&written.document)
    )
}

/// GetRolePolicy.
pub(super) fn one_of_role(call: &Call) -> Result<String, Refused> {
    let (role, name) = (call.role()?, call.required("PolicyName")?);
    Ok(told("RoleName", &role.name, name, &found(&role.rules, name, "role")?))
}

/// GetUserPolicy.
pub(super) fn one_of_user(call: &Call) -> Result<String, Refused> {
    let (user, name) = (call.user()?, call.required("PolicyName")?);
    Ok(told("UserName", &user.name, name, &found(&user.caller.rules, name, "user")?))
}

/// The managed policy that is named: one of AWS, or of the caller's account.
fn policy<'a>(call: &Call<'a>) -> Result<(&'a str, Written), Refused> {
    let arn = call.required("PolicyArn")?;
    call.allow(arn, &format!("policy {arn}"))?;
    let owner = arn.split(':').nth(4).unwrap_or_default();
    let written = call.state.directory.managed(arn).filter(|_| owner == "aws" || owner == call.account());
    let missing = || Refused::missing(format!("Policy {arn} does not exist or is not attachable."));
    Ok((arn, written.ok_or_else(missing)?))
}

/// GetPolicy.
pub(super) fn managed(call: &Call) -> Result<String, Refused> {
    let (arn, _) = policy(call)?;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let directory = &call.state.directory;
    let own_roles = directory.roles.values().filter(|role| role.account == call.account()).map(|role| &role.rules);
    let own_users = directory.users.values().map(|keys| &keys.caller);
    let own_users = own_users.filter(|caller| caller.principal.account == call.account()).map(|caller| &caller.rules);
    let (mut attachments, mut boundaries) = (0, 0);
    for rules in own_roles.chain(own_users).map(|rules| rules.now()) {
        attachments += rules.identity.iter().filter(|one| one.arn.as_deref() == Some(arn)).count();
        boundaries += usize::from(rules.boundary.as_ref().is_some_and(|one| one.arn.as_deref() == Some(arn)));
    }
    let created = shape::created();
    Ok(format!(
        "<Policy><PolicyName>{}</PolicyName><PolicyId>{}</PolicyId><Arn>{}</Arn><Path>/</Path>\
         <DefaultVersionId>v1</DefaultVersionId><AttachmentCount>{attachments}</AttachmentCount>\
         <PermissionsBoundaryUsageCount>{boundaries}</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable>\
         <CreateDate>{created}</CreateDate><UpdateDate>{created}</UpdateDate></Policy>",
        escape(name),
        random::identifier("ANPA", 17),
        escape(arn),
    ))
}

/// GetPolicyVersion: there is one version of each.
pub(super) fn version(call: &Call) -> Result<String, Refused> {
    let (arn, written) = policy(call)?;
    let wanted = call.required("VersionId")?;
    if wanted != "v1" {
        let text = format!("Policy {arn} version {wanted} does not exist or is not attachable.");
        return Err(Refused::missing(text));
    }
    Ok(format!(
        "<PolicyVersion><Document>{}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion>\
         <CreateDate>{}</CreateDate></PolicyVersion>",
        shape::document(&written.document),
        shape::created()
    ))
}
