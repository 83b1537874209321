//! The decision: which policies speak, and who has the last word.

use super::document::{Clause, Effect, Policy, PrincipalPattern, Statement};
use super::pattern;
use super::request::{Principal, PrincipalKind, Request};

/// A policy under the name it is attached by.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// The name of the policy, for messages.
    pub name: &'a str,
    /// The policy.
    pub policy: &'a Policy,
}

/// Who may have a say in a request. The words are those of `xsw explain --json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The identity policies of a user.
    Identity,
    /// The trust policy of the role that is to be assumed.
    Trust,
    /// The permissions policies of the role whose session calls.
    Permissions,
    /// The policy of the bucket.
    Bucket,
    /// The permissions boundary of the user or role.
    Boundary,
    /// The service control policies of the caller's account.
    Scp,
    /// The session policies given with AssumeRole.
    Session,
    /// The policy of the KMS key.
    Kms,
}

impl Side {
    /// The word of `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Trust => "trust",
            Self::Permissions => "permissions",
            Self::Bucket => "bucket",
            Self::Boundary => "boundary",
            Self::Scp => "scp",
            Self::Session => "session",
            Self::Kms => "kms",
        }
    }
}

/// The resource's part in a decision.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Trust, Bucket or Kms.
    pub side: Side,
    /// The account that owns the resource.
    pub account: &'a str,
    /// The resource's policy, where it has one.
    pub policy: Option<Attached<'a>>,
}

/// Every policy that has a say in a request.
#[derive(Clone, Debug)]
pub struct Policies<'a> {
    /// What is attached to the calling user or role.
    pub identity: Vec<Attached<'a>>,
    /// The boundary of the calling user or role.
    pub boundary: Option<Attached<'a>>,
    /// The policies given with AssumeRole; empty when none were, and then nothing is taken away.
    pub session: Vec<Attached<'a>>,
    /// The service control policies of the caller's account; empty when there are none.
    pub scp: Vec<Attached<'a>>,
    /// The resource that is asked for.
    pub resource: Resource<'a>,
}

/// What comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request may go on.
    Allowed,
    /// A statement denies it; nothing can allow it.
    DeniedExplicitly,
    /// Nobody who would have to allow it does.
    DeniedImplicitly,
}

/// What one side says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// A statement allows the request.
    Allows,
    /// A statement denies the request.
    Denies,
    /// No statement applies.
    Silent,
}

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRef {
    /// The name of the policy.
    pub policy: String,
    /// The position of the statement in it, from 0.
    pub index: usize,
    /// Its Sid, where it has one.
    pub sid: Option<String>,
}

/// The opinion of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideOpinion {
    /// Whose opinion.
    pub side: Side,
    /// The opinion.
    pub opinion: Opinion,
    /// The statement it comes from.
    pub statement: Option<StatementRef>,
}

/// The answer to a request: the decision, who made it, and what every side said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The side that decided: that allowed, denied, or was missing.
    pub side: Side,
    /// The statement that decided; absent when a missing permission did.
    pub statement: Option<StatementRef>,
    /// All sides that were asked.
    pub sides: Vec<SideOpinion>,
}

impl Verdict {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allowed
    }
}

/// How closely a resource policy names the caller. The closer, the fewer other policies limit what it grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grip {
    /// The caller's whole account: it hands the decision to that account's own policies.
    Account,
    /// The caller's role, or everybody: boundary and session policies still limit it.
    Role,
    /// This very user or session.
    Exact,
}

/// Decides a request by "Policy evaluation logic" of the IAM User Guide: an explicit deny wins; within one account
/// either the identity or the resource policy suffices (a trust or key policy must always allow); across accounts
/// both must allow; boundary, session and service control policies only take away.
pub fn decide(request: &Request, policies: &Policies) -> Verdict {
    let own_side = match request.principal.kind {
        PrincipalKind::Session { .. } => Side::Permissions,
        _ => Side::Identity,
    };
    let resource_side = policies.resource.side;
    let (resource, grip) = match policies.resource.policy {
        Some(attached) => resource_opinion(attached, resource_side, request),
        None => (silent(resource_side), Grip::Account),
    };
    let identity = match request.principal.kind {
        // Policies do not apply to the root user; "AWS account root user" says it may do everything.
        PrincipalKind::Root => SideOpinion { side: own_side, opinion: Opinion::Allows, statement: None },
        _ => opinion(own_side, &policies.identity, request),
    };
    let mut sides = Vec::with_capacity(5);
    let mut limits = Vec::with_capacity(3);
    if !policies.scp.is_empty() {
        limits.push(opinion(Side::Scp, &policies.scp, request));
    }
    if let Some(boundary) = policies.boundary {
        limits.push(opinion(Side::Boundary, &[boundary], request));
    }
    if !policies.session.is_empty() {
        limits.push(opinion(Side::Session, &policies.session, request));
    }
    sides.push(identity.clone());
    if policies.resource.policy.is_some() || request.principal.account != policies.resource.account {
        sides.push(resource.clone());
    }
    sides.extend(limits.iter().cloned());

    let verdict = |decision, by: &SideOpinion| Verdict {
        decision,
        side: by.side,
        statement: if decision == Decision::DeniedImplicitly { None } else { by.statement.clone() },
        sides: sides.clone(),
    };

    if let Some(denies) = sides.iter().find(|side| side.opinion == Opinion::Denies) {
        return verdict(Decision::DeniedExplicitly, denies);
    }
    let own = identity.opinion == Opinion::Allows;
    let theirs = resource.opinion == Opinion::Allows;
    let same_account = request.principal.account == policies.resource.account;
    let service = request.principal.kind == PrincipalKind::Service;
    let must_allow = matches!(resource_side, Side::Trust | Side::Kms);

    // A resource policy that names more than the account is enough by itself inside the account.
    let resource_suffices = theirs && (service || same_account && grip > Grip::Account);
    let allowed = resource_suffices || own && (theirs || same_account && !must_allow);
    if !allowed {
        // Where the resource must allow, the caller's own permission would not help; it is not what is missing first.
        let resource_first = own || service || same_account && must_allow && !theirs;
        let missing = if resource_first { &resource } else { &identity };
        return verdict(Decision::DeniedImplicitly, missing);
    }
    let beyond_limits = resource_suffices && grip == Grip::Exact;
    let limiting =
        limits.iter().find(|limit| limit.opinion == Opinion::Silent && (limit.side == Side::Scp || !beyond_limits));
    if let Some(limit) = limiting {
        return verdict(Decision::DeniedImplicitly, limit);
    }
    verdict(Decision::Allowed, if own { &identity } else { &resource })
}

fn silent(side: Side) -> SideOpinion {
    SideOpinion { side, opinion: Opinion::Silent, statement: None }
}

fn found(side: Side, opinion: Opinion, attached: &Attached, index: usize) -> SideOpinion {
    let statement =
        StatementRef { policy: attached.name.to_owned(), index, sid: attached.policy.statements[index].sid.clone() };
    SideOpinion { side, opinion, statement: Some(statement) }
}

/// What policies without principals say: of a user, a role, a session, a boundary, an organization.
fn opinion(side: Side, attached: &[Attached], request: &Request) -> SideOpinion {
    let mut answer = silent(side);
    for one in attached {
        for (index, statement) in one.policy.statements.iter().enumerate() {
            if !applies(one.policy, statement, request) {
                continue;
            }
            match statement.effect {
                Effect::Deny => return found(side, Opinion::Denies, one, index),
                Effect::Allow if answer.opinion == Opinion::Silent => {
                    answer = found(side, Opinion::Allows, one, index);
                }
                Effect::Allow => {}
            }
        }
    }
    answer
}

/// What the resource's policy says, and how closely it names the caller.
fn resource_opinion(attached: Attached, side: Side, request: &Request) -> (SideOpinion, Grip) {
    let mut answer = (silent(side), Grip::Account);
    for (index, statement) in attached.policy.statements.iter().enumerate() {
        let Some(grip) = named(statement, request.principal) else {
            continue;
        };
        if !applies(attached.policy, statement, request) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return (found(side, Opinion::Denies, &attached, index), grip),
            Effect::Allow if answer.0.opinion == Opinion::Silent || grip > answer.1 => {
                answer = (found(side, Opinion::Allows, &attached, index), grip);
            }
            Effect::Allow => {}
        }
    }
    answer
}

/// Whether a statement is about this action, resource and circumstances.
fn applies(policy: &Policy, statement: &Statement, request: &Request) -> bool {
    let action = contains(&statement.action, |wanted| pattern::matches_action(wanted, request.action));
    let resource = statement.resource.as_ref().is_none_or(|resource| {
        contains(resource, |wanted| match policy.variables {
            true => pattern::matches_with_variables(wanted, request.resource, request.context),
            false => pattern::matches(wanted, request.resource),
        })
    });
    action && resource && statement.conditions.iter().all(|one| one.holds(request.context, policy.variables))
}

pub(super) fn contains<T>(clause: &Clause<T>, fits: impl Fn(&T) -> bool) -> bool {
    match clause {
        Clause::Any(all) => all.iter().any(fits),
        Clause::Not(all) => !all.iter().any(fits),
    }
}

/// How closely a statement names the caller, if at all.
pub(super) fn named(statement: &Statement, principal: &Principal) -> Option<Grip> {
    match statement.principal.as_ref()? {
        Clause::Any(patterns) => patterns.iter().filter_map(|pattern| grip(pattern, principal)).max(),
        Clause::Not(patterns) => match patterns.iter().any(|pattern| grip(pattern, principal).is_some()) {
            true => None,
            false => Some(Grip::Role),
        },
    }
}

fn grip(pattern: &PrincipalPattern, principal: &Principal) -> Option<Grip> {
    match (pattern, &principal.kind) {
        (PrincipalPattern::Everyone, _) => Some(Grip::Role),
        (PrincipalPattern::Service(name), PrincipalKind::Service) => (*name == principal.arn).then_some(Grip::Exact),
        (_, PrincipalKind::Service) => None,
        (PrincipalPattern::Account(id), _) => (*id == principal.account).then_some(Grip::Account),
        (PrincipalPattern::Arn(arn), _) if *arn == principal.arn => Some(Grip::Exact),
        (PrincipalPattern::Arn(arn), PrincipalKind::Session { role_arn }) => (arn == role_arn).then_some(Grip::Role),
        _ => None,
    }
}
