//! Assuming a role: what the caller must be allowed, and whom the role must trust.

use serde_json::{Map, Value, json};

use super::party::Principal;
use super::{AttachTo, Grant, Naming, NoPolicy, Party, document, one_or_many};
use crate::domain::account::RoleArn;
use crate::domain::policy::Side;

/// What a trust policy asks for, and what else the caller brings along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The external ID that a third party must give.
    pub external_id: Option<String>,
    /// Whether the caller must have shown an MFA code.
    pub require_mfa: bool,
    /// Whether the caller sends session tags.
    pub session_tags: bool,
    /// Whether the caller sends a source identity.
    pub source_identity: bool,
    /// How the trust policy names the callers.
    pub naming: Naming,
}

impl Trust {
    /// AWS STS API Reference, `AssumeRole`: tags and the source identity are permissions of their own.
    fn actions(&self) -> Vec<String> {
        let all = [
            (true, "sts:AssumeRole"),
            (self.session_tags, "sts:TagSession"),
            (self.source_identity, "sts:SetSourceIdentity"),
        ];
        all.iter().filter(|(wanted, _)| *wanted).map(|(_, action)| (*action).to_owned()).collect()
    }

    fn conditions(&self) -> Map<String, Value> {
        let mut conditions = Map::new();
        if let Some(id) = &self.external_id {
            conditions.insert("StringEquals".into(), json!({ "sts:ExternalId": super::objects::literal(id) }));
        }
        if self.require_mfa {
            conditions.insert("Bool".into(), json!({ "aws:MultiFactorAuthPresent": "true" }));
        }
        conditions
    }
}

/// What `caller` needs itself to assume `role`.
///
/// # Errors
/// For callers that have no policies of their own, and across partitions.
pub fn assume(caller: &Party, role: &RoleArn, wishes: &Trust) -> Result<Grant, NoPolicy> {
    let (side, account, target) = caller.own_policies()?;
    same_partition(caller, role.partition())?;
    let statement = json!({
        "Sid": format!("Assume{}", super::text::sid(role.name())),
        "Effect": "Allow",
        "Action": one_or_many(&wishes.actions()),
        "Resource": role.to_string(),
    });
    let purpose = format!("assume-{}-{}", role.account(), role.name());
    Ok(Grant { side, account, target, purpose, policy: document([statement]) })
}

/// The trust policy with which `role` lets these in.
///
/// # Errors
/// For nobody, across partitions, and when MFA is asked of somebody who can show none.
pub fn trust(role: &RoleArn, callers: &[Party], wishes: &Trust) -> Result<Grant, NoPolicy> {
    if callers.is_empty() {
        return Err(NoPolicy::Nothing);
    }
    if wishes.require_mfa
        && let Some(role) = callers.iter().find(|caller| caller.is_session())
    {
        return Err(NoPolicy::NoMfaInSessions(role.to_string()));
    }
    let (mut plain, mut like) = (Vec::new(), Vec::new());
    let mut statements = Vec::new();
    for caller in callers {
        same_partition(caller, role.partition())?;
        match caller.named(wishes.naming) {
            // A service gives no external ID and shows no MFA.
            (service @ Principal::Service(_), _) => statements.push(json!({
                "Sid": format!("Trust{}", super::text::sid(caller.name())),
                "Effect": "Allow",
                "Principal": Principal::element(&[service]),
                "Action": "sts:AssumeRole",
            })),
            (principal, arns) if arns.is_empty() => {
                if !plain.contains(&principal) {
                    plain.push(principal);
                }
            }
            (principal, arns) => like.push((caller.name(), principal, arns)),
        }
    }
    let statement = |sid: String, principals: &[Principal], arns: &[String]| {
        let mut conditions = wishes.conditions();
        if !arns.is_empty() {
            conditions.insert("ArnLike".into(), json!({ "aws:PrincipalArn": one_or_many(arns) }));
        }
        let mut statement = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": Principal::element(principals),
            "Action": one_or_many(&wishes.actions()),
        });
        if !conditions.is_empty() {
            statement["Condition"] = Value::Object(conditions);
        }
        statement
    };
    if !plain.is_empty() {
        statements.insert(0, statement("TrustCallers".into(), &plain, &[]));
    }
    for (name, principal, arns) in like {
        statements.push(statement(format!("Trust{}", super::text::sid(name)), &[principal], &arns));
    }
    Ok(Grant {
        side: Side::Trust,
        account: role.account(),
        target: AttachTo::Trust { role: role.clone() },
        purpose: format!("trust-{}", role.name()),
        policy: super::merge::distinct_sids(document(statements)),
    })
}

/// Both sides of assuming a role: the caller's, where it has one and needs it, and the trust policy.
///
/// # Errors
/// As [`trust`].
pub fn assuming(caller: &Party, role: &RoleArn, wishes: &Trust) -> Result<Vec<Grant>, NoPolicy> {
    let mut grants = Vec::with_capacity(2);
    // Within one account a trust policy that names the caller itself is enough.
    let suffices = caller.account() == Some(role.account()) && caller.is_named_itself(wishes.naming);
    match assume(caller, role, wishes) {
        Ok(_) if suffices => {}
        Ok(grant) => grants.push(grant),
        // Who of the account or service calls is not said: its own side is not known.
        Err(NoPolicy::WholeAccount(_) | NoPolicy::Service(_)) => {}
        Err(other) => return Err(other),
    }
    grants.push(trust(role, std::slice::from_ref(caller), wishes)?);
    Ok(grants)
}

/// Whether the two can meet at all.
pub(super) fn same_partition(caller: &Party, partition: &str) -> Result<(), NoPolicy> {
    match caller.partition() {
        Some(own) if own != partition => Err(NoPolicy::Partitions(own.to_owned(), partition.to_owned())),
        _ => Ok(()),
    }
}
