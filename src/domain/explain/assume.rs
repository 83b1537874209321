//! One AssumeRole: your side, the role's trust policy, and what narrows either.

mod trust;

use super::evidence::{Heard, Stand, hear, knows};
use super::facts::{NamedPolicy, Outcome, Own, RoleFacts, Seen, Viewers, Who};
use super::limits::Limited;
use super::refusal::aws_says;
use super::remedy::{self, Holder};
use super::{Answer, Decision, LET_IN, Refusal, Side, SideAnswer};
use crate::domain::account::RoleArn;
use crate::domain::policy::least::Trust;
use crate::domain::policy::{Context, Grip, PrincipalKind, Request};

/// All that could be seen of one AssumeRole.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Who assumes.
    pub who: Who,
    /// The role, as the profile spells it.
    pub role: RoleArn,
    /// `account/role`.
    pub label: String,
    /// The condition keys of the call.
    pub request: Context,
    /// Condition keys that are certainly absent where the context lacks them; `…/` stands for all that begin so.
    pub absent: Vec<String>,
    /// What AWS answered.
    pub outcome: Outcome,
    /// The policies of who assumes.
    pub own: Own,
    /// The role, as IAM knows it; `None` where there is none of that name.
    pub described: Seen<Option<RoleFacts>>,
    /// Roles of that account with a like name, where there is none of this one.
    pub alike: Vec<String>,
    /// Who may be able to see the caller's side.
    pub own_viewers: Viewers,
    /// Who may be able to see the role's.
    pub role_viewers: Viewers,
}

impl Facts {
    /// Session tags and a source identity are permissions of their own (AWS STS API Reference, `AssumeRole`).
    fn actions(&self) -> Vec<&'static str> {
        let mut actions = vec!["sts:AssumeRole"];
        if self.request.get("aws:TagKeys").is_some() {
            actions.push("sts:TagSession");
        }
        if self.request.get("sts:SourceIdentity").is_some() {
            actions.push("sts:SetSourceIdentity");
        }
        actions
    }

    fn wishes(&self) -> Trust {
        Trust {
            external_id: self.request.single("sts:ExternalId").map(str::to_owned),
            session_tags: self.request.get("aws:TagKeys").is_some(),
            source_identity: self.request.get("sts:SourceIdentity").is_some(),
            ..Trust::default()
        }
    }

    fn context(&self) -> Context {
        let mut context = self.who.context.clone();
        context.extend(&self.request);
        context.set("aws:ResourceAccount", self.role.account().as_str());
        context
    }

    /// Holds policies against the actions in turn; the first that is not allowed tells.
    fn heard(&self, policies: &[NamedPolicy]) -> (&'static str, Heard) {
        let (context, resource) = (self.context(), self.role.to_string());
        let known = knows(&context, &self.absent);
        let mut first = None;
        for action in self.actions() {
            let request = Request { principal: &self.who.principal, action, resource: &resource, context: &context };
            let heard = hear(policies, &request, &known);
            if heard.stand != Stand::Allows {
                return (action, heard);
            }
            first.get_or_insert((action, heard));
        }
        // There is always AssumeRole itself.
        first.unwrap_or_else(|| {
            let request = Request {
                principal: &self.who.principal,
                action: "sts:AssumeRole",
                resource: &resource,
                context: &context,
            };
            ("sts:AssumeRole", hear(policies, &request, &known))
        })
    }

    fn is_same_account(&self) -> bool {
        self.who.principal.account == self.role.account().as_str()
    }

    fn own_side(&self, side: Side, decision: Decision, reason: String, evidence: String) -> SideAnswer {
        let account_id = self.who.principal.account.clone();
        SideAnswer { side, account_id, decision, reason, evidence, remedy: None }
    }

    fn role_side(&self, decision: Decision, reason: String, evidence: String) -> SideAnswer {
        let account_id = self.role.account().to_string();
        SideAnswer { side: Side::Trust, account_id, decision, reason, evidence, remedy: None }
    }
}

/// Explains one AssumeRole.
pub fn explain(facts: &Facts) -> Answer {
    let mut sides = match hopeless(facts) {
        Some(side) => vec![side],
        None => sides(facts),
    };
    let refused = matches!(facts.outcome, Outcome::Refused { .. });
    if refused && !sides.iter().any(|side| side.decision == Decision::Denied) {
        eliminate(facts, &mut sides);
    }
    Answer {
        decision: Decision::of(&facts.outcome, &sides),
        action: "sts:AssumeRole".into(),
        resource: facts.role.to_string(),
        principal: facts.who.principal.arn.clone(),
        sides,
    }
}

/// What no policy can mend.
fn hopeless(facts: &Facts) -> Option<SideAnswer> {
    let own = facts.who.principal.arn.split(':').nth(1).unwrap_or("aws");
    let (reason, remedy) = if own != facts.role.partition() && facts.who.principal.arn.starts_with("arn:") {
        let theirs = facts.role.partition();
        (
            format!(
                "you are in the partition {own} and the role in {theirs}: they share nothing, and no role of one can be assumed from the other"
            ),
            format!(
                "use source credentials of the partition {theirs}, or write the ARN with arn:{own}: if the role is there"
            ),
        )
    } else if facts.who.principal.kind == PrincipalKind::Root {
        (
            "you are the root user, and AWS lets no root user assume a role".to_owned(),
            format!("use source credentials of an IAM user or role of account {}", facts.who.principal.account),
        )
    } else {
        return None;
    };
    let mut side = facts.own_side(Side::Identity, Decision::Denied, reason, "sts:GetCallerIdentity".into());
    side.remedy = Some(remedy::words(remedy));
    Some(side)
}

fn sides(facts: &Facts) -> Vec<SideAnswer> {
    let refusal = match &facts.outcome {
        Outcome::Refused { message } => Refusal::read(message),
        _ => Refusal::default(),
    };
    let trust = trust::side(facts, &refusal);
    // No policy helps a role that is not there, or is spelt otherwise.
    if is_mistyped(facts) {
        return vec![trust.0];
    }
    let mut sides = vec![identity(facts, &refusal, &trust), trust.0];
    let limited = Limited {
        who: &facts.who,
        own: &facts.own,
        outcome: &facts.outcome,
        refusal: &refusal,
        place: "on this role",
        simulated: &[Side::Boundary, Side::Scp],
        hear: &|policies| facts.heard(policies),
    };
    sides.extend(limited.sides());
    sides
}

/// Whether the profile names a role that is not there: none of this name, or one of another path.
fn is_mistyped(facts: &Facts) -> bool {
    let allowed = matches!(facts.outcome, Outcome::Allowed { .. });
    let other = |role: &Option<RoleFacts>| role.as_ref().is_none_or(|role| role.arn != facts.role.to_string());
    !allowed && facts.described.value().is_some_and(other)
}

/// Your side: whether your policies allow the call.
fn identity(facts: &Facts, refusal: &Refusal, (trust, grip): &(SideAnswer, Option<Grip>)) -> SideAnswer {
    let side = |decision, reason, evidence| facts.own_side(Side::Identity, decision, reason, evidence);
    let wishes = facts.wishes();
    let can_show_mfa = matches!(facts.who.principal.kind, PrincipalKind::User);
    let mend = |heard: Option<&Heard>| match heard.and_then(Heard::guard) {
        Some(near) => Some(remedy::on_conditions(near, &facts.label, &facts.who.principal.account, can_show_mfa)),
        None => remedy::assume(&facts.who.principal, &facts.role, &wishes),
    };
    let documents = facts.own.policies.value().map(|policies| (policies, facts.heard(policies)));
    // Inside one account a trust policy that names the very caller is enough.
    let suffices =
        facts.is_same_account() && trust.decision == Decision::Allowed && grip.is_some_and(|grip| grip > Grip::Account);
    if let Outcome::Refused { message } = &facts.outcome
        && refusal.side == Some(Side::Identity)
    {
        let action = refusal.action.as_deref().unwrap_or("sts:AssumeRole");
        let mut answer = if refusal.explicit {
            side(
                Decision::Denied,
                format!("a policy of {} denies {action} outright", facts.who.name),
                aws_says(message),
            )
        } else {
            let reason = format!("no policy of {} allows {action} on this role", facts.who.name);
            side(Decision::Denied, reason, aws_says(message))
        };
        answer.remedy = match &documents {
            Some((_, (_, heard))) if heard.stand == Stand::Denies => {
                answer.reason = format!("{} denies {action} outright", heard.statement);
                remedy::denied_by(heard, &Holder::Identity(&facts.who.principal))
            }
            _ if refusal.explicit => {
                Some(remedy::look(&facts.own_viewers, &facts.who.principal.account, "the policies with Effect Deny"))
            }
            _ => mend(documents.as_ref().map(|(_, (_, heard))| heard)),
        };
        return answer;
    }
    if let Some((_, (action, heard))) = documents {
        let by = facts.own.policies.told();
        return match heard.stand {
            Stand::Allows => side(Decision::Allowed, format!("{} allows it", heard.statement), by),
            Stand::Denies => SideAnswer {
                remedy: remedy::denied_by(&heard, &Holder::Identity(&facts.who.principal)),
                ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
            },
            // One that may deny says something.
            Stand::Silent if suffices => side(
                Decision::Allowed,
                "your policies say nothing, and inside one account a trust policy that names you is enough".into(),
                by,
            ),
            Stand::Silent => {
                let reason = format!("no policy of {} allows {action} on this role", facts.who.name);
                SideAnswer { remedy: mend(Some(&heard)), ..side(Decision::Denied, heard.why(&reason), by) }
            }
            Stand::Unsure if matches!(facts.outcome, Outcome::Allowed { .. }) => let_in(facts, Side::Identity),
            Stand::Unsure => SideAnswer {
                remedy: Some(remedy::look(
                    &facts.own_viewers,
                    &facts.who.principal.account,
                    "the values of those conditions",
                )),
                ..side(Decision::Unknown, heard.unsure(), by)
            },
        };
    }
    if matches!(facts.outcome, Outcome::Allowed { .. }) {
        return let_in(facts, Side::Identity);
    }
    if let Some(simulated) = facts.own.simulated.value() {
        let by = facts.own.simulated.told();
        let missing = match simulated.missing.as_slice() {
            [] => String::new(),
            keys => format!(", not knowing {}", keys.join(", ")),
        };
        let others_limit = simulated.by_organization == Some(false) || simulated.by_boundary == Some(false);
        return match simulated.decision.as_str() {
            "allowed" => side(Decision::Allowed, format!("IAM's simulator finds it allowed{missing}"), by),
            // The side that limits says so itself.
            _ if others_limit => side(
                Decision::Unknown,
                "IAM's simulator names another policy than yours as the one that refuses".into(),
                by,
            ),
            "explicitDeny" => SideAnswer {
                remedy: Some(remedy::words(format!(
                    "take the statement with Effect Deny out of {}",
                    simulated.policies.join(", ")
                ))),
                ..side(Decision::Denied, format!("{} denies it outright", simulated.policies.join(", ")), by)
            },
            _ if suffices => side(
                Decision::Allowed,
                "your policies say nothing, and inside one account a trust policy that names you is enough".into(),
                by,
            ),
            _ if !simulated.missing.is_empty() => SideAnswer {
                remedy: Some(remedy::look(
                    &facts.own_viewers,
                    &facts.who.principal.account,
                    "the policies of who you are",
                )),
                ..side(Decision::Unknown, format!("IAM's simulator finds it refused{missing}"), by)
            },
            _ => SideAnswer {
                remedy: mend(None),
                ..side(
                    Decision::Denied,
                    format!("no policy of {} allows sts:AssumeRole on this role", facts.who.name),
                    by,
                )
            },
        };
    }
    let show = format!("the policies of {}", facts.who.principal.principal_arn());
    SideAnswer {
        remedy: Some(remedy::look(&facts.own_viewers, &facts.who.principal.account, &show)),
        ..side(
            Decision::Unknown,
            format!(
                "the policies of {} cannot be seen from here; account {} can see them",
                facts.who.name, facts.who.principal.account
            ),
            facts.own.policies.told(),
        )
    }
}

/// AWS refuses, and what is seen allows: the side that is not seen must be the one.
fn eliminate(facts: &Facts, sides: &mut [SideAnswer]) {
    let unknown: Vec<usize> = (0..sides.len()).filter(|place| sides[*place].decision == Decision::Unknown).collect();
    let refused = aws_says_of(facts);
    let [only] = unknown[..] else {
        for place in unknown {
            sides[place].evidence = format!("{refused}; {}", sides[place].evidence);
        }
        return;
    };
    let account = facts.role.account();
    let side = &mut sides[only];
    side.decision = Decision::Denied;
    match side.side {
        Side::Trust if facts.described.value().is_none() => {
            side.reason = format!(
                "your side allows it and AWS refuses, so it is the role's side: there is no role {} in account {account}, \
                 or its trust policy does not name you, or a condition of it (external ID, MFA, source identity, \
                 organization, address) is not met; account {account} can see which",
                facts.role.name()
            );
            side.evidence = format!("{refused}; {}", facts.described.told());
        }
        Side::Identity => {
            side.reason = format!(
                "the trust policy lets you in and AWS refuses, so it is your side: no policy of {} allows it, or a \
                 boundary or the organization forbids it",
                facts.who.name
            );
            side.evidence = refused;
            // What is seen, and is not sure, hangs on conditions: no policy is written around those.
            let hangs = facts.own.simulated.value().is_some_and(|said| !said.missing.is_empty());
            if facts.own.policies.value().is_none() && !hangs {
                side.remedy =
                    remedy::assume(&facts.who.principal, &facts.role, &facts.wishes()).or_else(|| side.remedy.take());
            }
        }
        _ => {
            side.reason = format!("all else allows it and AWS refuses, so this does: {}", side.reason);
            side.evidence = format!("{refused}; {}", side.evidence);
        }
    }
}

/// A side that must allow it, because AWS did it.
fn let_in(facts: &Facts, side: Side) -> SideAnswer {
    let how = match &facts.outcome {
        Outcome::Allowed { how } => how.clone(),
        _ => String::new(),
    };
    let answer = match side {
        Side::Trust => facts.role_side(Decision::Allowed, String::new(), how),
        side => facts.own_side(side, Decision::Allowed, String::new(), how),
    };
    SideAnswer { reason: LET_IN.into(), ..answer }
}

fn aws_says_of(facts: &Facts) -> String {
    match &facts.outcome {
        Outcome::Refused { message } => aws_says(message),
        Outcome::Allowed { how } => how.clone(),
        Outcome::NotTried { why } => why.clone(),
    }
}
