//! What would mend a side: a policy and the command that attaches it, or a line for the profile file.

use serde_json::Value;

use super::evidence::{Heard, Near};
use super::facts::{NamedPolicy, PolicyKind, Viewers};
use super::words::condition_in_words;
use super::{Remedy, Side};
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::policy::least::{self, Access, AttachTo, Grant, KeyArn, Naming, Objects, Party, Trust};
use crate::domain::policy::{Condition, Principal, PrincipalKind};
use crate::domain::shell_word::quoted;
use crate::domain::text::{escaped, escaped_json};
use crate::domain::uri::S3Uri;

/// A line for the profile file.
pub(super) fn in_profile(label: &str, line: &str) -> Remedy {
    words(format!("write in the profile file, at the role {label}: {line}"))
}

/// Something that only a person can do.
pub(super) fn words(command: impl Into<String>) -> Remedy {
    Remedy { command: command.into(), ..Remedy::default() }
}

/// How to see what could not be seen: as another configured role of that account, or by asking who looks after it.
pub(super) fn look(viewers: &Viewers, account: &str, show: &str) -> Remedy {
    let command = match viewers.roles.first() {
        Some(role) => format!("{} --with {}", viewers.command, quoted(role)),
        None if account.is_empty() => format!("ask whoever owns it for: {show}"),
        None => format!("ask whoever looks after account {account} for: {show}"),
    };
    words(command)
}

/// Who the principal is, as somebody that policies are attached to.
pub(super) fn party(principal: &Principal) -> Option<Party> {
    match &principal.kind {
        // The profile knows the path, which the session's own ARN leaves out.
        PrincipalKind::Session { role_arn } if !role_arn.is_empty() => role_arn.parse().ok(),
        _ => principal.arn.parse().ok(),
    }
}

/// The caller's own side of assuming a role.
pub(super) fn assume(caller: &Principal, role: &RoleArn, wishes: &Trust) -> Option<Remedy> {
    of_grant(&least::assume(&party(caller)?, role, wishes).ok()?, None)
}

/// The role's side of it, added to the trust policy that is there.
pub(super) fn trust(caller: &Principal, role: &RoleArn, wishes: &Trust, present: Option<&str>) -> Option<Remedy> {
    of_grant(&least::trust(role, &[party(caller)?], wishes).ok()?, present)
}

/// What reading or writing below a prefix needs on one side.
pub(super) fn objects(side: Side, wanted: &ObjectsWanted<'_>, present: Option<&str>) -> Option<Remedy> {
    let who = party(wanted.who)?;
    // A bucket whose owner nobody knows is another account's, as far as its policy must be shown at all.
    let owner =
        wanted.owner.or_else(|| if side == Side::Bucket { "000000000000".parse().ok() } else { who.account() })?;
    let objects = Objects { uri: wanted.uri.clone(), below: wanted.below, owner };
    let access = Access {
        who,
        objects: vec![objects],
        tags: false,
        versions: false,
        keys: wanted.key.iter().cloned().collect(),
        naming: Naming::Exactly,
    };
    let grants = match wanted.deed {
        Deed::Read => least::read(&access),
        Deed::Add => least::add(&access),
        Deed::Write => least::write(&access),
    };
    let fits = |grant: &&Grant| match side {
        Side::Bucket => matches!(grant.target, AttachTo::Bucket { .. }),
        Side::Kms => matches!(grant.target, AttachTo::Key { .. }),
        _ => !matches!(grant.target, AttachTo::Bucket { .. } | AttachTo::Key { .. }),
    };
    let mut remedy = of_grant(grants.ok()?.iter().find(fits)?, present)?;
    if side == Side::Bucket && wanted.owner.is_none() {
        remedy.grant = None;
    }
    Some(remedy)
}

/// What is done with the objects.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Read,
    /// Writes those that are not there already, which lists them.
    Add,
    Write,
}

/// Who wants which objects.
pub(super) struct ObjectsWanted<'a> {
    pub who: &'a Principal,
    pub uri: &'a S3Uri,
    pub below: bool,
    pub deed: Deed,
    pub owner: Option<AccountId>,
    pub key: Option<KeyArn>,
}

/// A grant as a remedy. Some policies replace what is there: with `present` the new one holds both, and without it the
/// command that shows the present one comes first.
fn of_grant(grant: &Grant, present: Option<&str>) -> Option<Remedy> {
    let file = match grant.target {
        AttachTo::Trust { .. } => "trust.json",
        AttachTo::Bucket { .. } => "bucket.json",
        AttachTo::Key { .. } => "key.json",
        _ => "policy.json",
    };
    let existing = present.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let command = match (&existing, grant.present()) {
        (None, Some(show)) if present != Some("") => {
            format!("{} # holds the statement below, and those that `{show}` shows", grant.command_from(file))
        }
        _ => grant.command_from(file),
    };
    let policy = existing.map_or_else(|| grant.policy.clone(), |existing| grant.merged_into(&existing));
    // A permission set is written in IAM Identity Center, and whoever writes a key policy wrongly is locked out.
    let by_hand = matches!(grant.target, AttachTo::PermissionSet { .. } | AttachTo::Key { .. });
    let written = (!by_hand).then(|| Box::new(grant.clone()));
    Some(Remedy { command, policy: Some(policy), file: Some(file), grant: written })
}

/// What holds a statement that denies.
pub(super) enum Holder<'a> {
    /// An inline policy of a user, of a group that the user is in, or of a role.
    Identity(&'a Principal),
    /// A role's trust policy.
    Trust(&'a RoleArn),
    /// A bucket's policy.
    Bucket(&'a str),
}

/// The policy without the statement that was heard to deny.
pub(super) fn denied_by(heard: &Heard, holder: &Holder<'_>) -> Option<Remedy> {
    let (policy, index) = heard.place.as_ref()?;
    Some(without(holder, policy, *index))
}

/// A policy without its statement that denies: nothing else can allow what one denies.
fn without(holder: &Holder<'_>, policy: &NamedPolicy, index: usize) -> Remedy {
    let mut document: Value = serde_json::from_str(&policy.document).unwrap_or_default();
    let empty = match &mut document["Statement"] {
        Value::Array(statements) if statements.len() > 1 && index < statements.len() => {
            statements.remove(index);
            false
        }
        _ => true,
    };
    let name = quoted(&policy.name);
    let (attach, delete, file) = match (holder, &policy.kind) {
        (_, PolicyKind::Managed { arn }) => {
            let attach = format!(
                "aws iam create-policy-version --set-as-default --policy-arn {} --policy-document",
                quoted(arn)
            );
            (attach, format!("take statement {} out of {arn}", index + 1), "policy.json")
        }
        (Holder::Identity(principal), _) => {
            let (kind, owner) = match &policy.kind {
                PolicyKind::OfGroup { group } => ("group", group.as_str()),
                _ => owner_of(principal),
            };
            let to = format!("--{kind}-name {} --policy-name {name}", quoted(owner));
            let attach = format!("aws iam put-{kind}-policy {to} --policy-document");
            (attach, format!("aws iam delete-{kind}-policy {to}"), "policy.json")
        }
        (Holder::Trust(role), _) => {
            let to = format!("--role-name {}", quoted(role.name()));
            let attach = format!("aws iam update-assume-role-policy {to} --policy-document");
            (attach, format!("write another trust policy for the role {}", role.name()), "trust.json")
        }
        (Holder::Bucket(bucket), _) => {
            let attach = format!("aws s3api put-bucket-policy --bucket {} --policy", quoted(bucket));
            (attach, format!("aws s3api delete-bucket-policy --bucket {}", quoted(bucket)), "bucket.json")
        }
    };
    if empty {
        return words(delete);
    }
    // Somebody wrote it, and may have had a reason.
    let command = format!("{attach} file://{file} # without statement {}, which may stand there on purpose", index + 1);
    Remedy { command, policy: Some(document), file: Some(file), grant: None }
}

/// `user` or `role`, and its name.
fn owner_of(principal: &Principal) -> (&'static str, &str) {
    match &principal.kind {
        PrincipalKind::Session { role_arn } => ("role", role_arn.rsplit('/').next().unwrap_or(role_arn)),
        _ => ("user", principal.arn.rsplit('/').next().unwrap_or(&principal.arn)),
    }
}

/// What would let somebody in whom a statement allows on conditions that are not met. In words alone: a policy without
/// the conditions would take away what somebody put there to guard the account.
pub(super) fn on_conditions(near: &Near, label: &str, account: &str, can_show_mfa: bool) -> Remedy {
    let meets = |one: &Condition| {
        if let Some(remedy) = to_meet(one, label, can_show_mfa) {
            return remedy.command;
        }
        let asked = condition_in_words(one);
        let asked = escaped(&asked);
        match one.key.to_ascii_lowercase().as_str() {
            "aws:multifactorauthpresent" | "aws:multifactorauthage" if !can_show_mfa => {
                "come as a user with an MFA device, for the session of a role shows none".to_owned()
            }
            "sts:externalid" => format!("write the external ID in the profile file, at the role {label}: come {asked}"),
            _ => format!("meet the condition ({asked})"),
        }
    };
    let unmet: Vec<String> = near.unmet.iter().map(meets).collect();
    let unmet = if unmet.is_empty() { "meet the conditions of the statement".into() } else { unmet.join("; and ") };
    let whose = if account.is_empty() { "it".into() } else { format!("account {account}") };
    words(format!(
        "{unmet}; or ask whoever looks after {whose}, who decides of the condition: xsw writes no policy around it"
    ))
}

/// What would meet a condition of a trust policy, where the profile file can.
pub(super) fn to_meet(condition: &Condition, label: &str, can_show_mfa: bool) -> Option<Remedy> {
    let key = condition.key.to_ascii_lowercase();
    let value = match condition.values.as_slice() {
        [one] if !condition.operator_name.contains("Not") && !one.contains(['*', '$']) => Some(one.as_str()),
        _ => None,
    };
    // The file's texts are JSON's.
    let text = |value: &str| escaped_json(&Value::from(value).to_string()).into_owned();
    match (key.as_str(), value) {
        ("sts:externalid", Some(value)) => Some(in_profile(label, &format!("external_id = {}", text(value)))),
        ("sts:sourceidentity" | "aws:sourceidentity", Some(value)) => {
            Some(in_profile(label, &format!("source_identity = {}", text(value))))
        }
        ("sts:rolesessionname", Some(value)) => Some(in_profile(label, &format!("session_name = {}", text(value)))),
        ("aws:multifactorauthpresent" | "aws:multifactorauthage", _) if can_show_mfa => {
            Some(in_profile(label, "mfa_serial = \"arn:aws:iam::ACCOUNT:mfa/YOUR_DEVICE\""))
        }
        (key, Some(value)) => {
            let tag = condition.key.get(key.strip_prefix("aws:requesttag/").map(|tag| key.len() - tag.len())?..)?;
            Some(in_profile(label, &format!("tags = {{ {} = {} }}", text(tag), text(value))))
        }
        _ => None,
    }
}
