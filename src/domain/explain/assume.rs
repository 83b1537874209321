//! One AssumeRole: your side, the role's trust policy, and what narrows either.

use super::evidence::{Heard, Near, Stand, hear, knows};
use super::facts::{NamedPolicy, Outcome, Own, PolicyKind, RoleFacts, Seen, Viewers, Who};
use super::remedy::{self, Holder};
use super::words::{condition_in_words, is_service_linked, only_service, trust_in_words};
use super::{Answer, Decision, Refusal, Remedy, Side, SideAnswer};
use crate::domain::account::RoleArn;
use crate::domain::policy::least::Trust;
use crate::domain::policy::{Condition, Context, Grip, PrincipalKind, Request};

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
    let any = |decision| sides.iter().any(|side| side.decision == decision);
    let decision = match &facts.outcome {
        Outcome::Allowed { .. } => Decision::Allowed,
        Outcome::Refused { .. } => Decision::Denied,
        Outcome::NotTried { .. } if any(Decision::Denied) => Decision::Denied,
        Outcome::NotTried { .. } if any(Decision::Unknown) => Decision::Unknown,
        Outcome::NotTried { .. } => Decision::Allowed,
    };
    Answer {
        decision,
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
    let trust = trust(facts, &refusal);
    // No policy helps a role that is not there, or is spelt otherwise.
    if is_mistyped(facts) {
        return vec![trust.0];
    }
    let mut sides = vec![identity(facts, &refusal, &trust), trust.0];
    sides.extend(limits(facts, &refusal));
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
    let mend = || remedy::assume(&facts.who.principal, &facts.role, &wishes);
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
                denied_by(heard, &Holder::Identity(&facts.who.principal))
            }
            _ if refusal.explicit => {
                Some(remedy::look(&facts.own_viewers, &facts.who.principal.account, "the policies with Effect Deny"))
            }
            _ => mend(),
        };
        return answer;
    }
    if let Some((_, (action, heard))) = documents {
        let by = facts.own.policies.told();
        return match heard.stand {
            Stand::Allows => side(Decision::Allowed, format!("{} allows it", heard.statement), by),
            Stand::Denies => SideAnswer {
                remedy: denied_by(&heard, &Holder::Identity(&facts.who.principal)),
                ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
            },
            _ if suffices => side(
                Decision::Allowed,
                "your policies say nothing, and inside one account a trust policy that names you is enough".into(),
                by,
            ),
            Stand::Silent => SideAnswer {
                remedy: mend(),
                ..side(Decision::Denied, format!("no policy of {} allows {action} on this role", facts.who.name), by)
            },
            Stand::Unsure if matches!(facts.outcome, Outcome::Allowed { .. }) => let_in(facts, Side::Identity),
            Stand::Unsure => SideAnswer {
                remedy: Some(remedy::look(
                    &facts.own_viewers,
                    &facts.who.principal.account,
                    "the values of those conditions",
                )),
                ..side(Decision::Unknown, unsure(&heard), by)
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
                remedy: mend(),
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

/// The role's side: whether its trust policy names you, and under which conditions. With how closely it does.
fn trust(facts: &Facts, refusal: &Refusal) -> (SideAnswer, Option<Grip>) {
    let side = |decision, reason, evidence| facts.role_side(decision, reason, evidence);
    let by = facts.described.told();
    if refusal.wrong_code {
        let code = side(Decision::Denied, "the MFA code was wrong, or was used already".into(), aws_says_of(facts));
        return (SideAnswer { remedy: Some(remedy::words("wait for the next code and run it again")), ..code }, None);
    }
    let role = match facts.described.value() {
        Some(Some(role)) => role,
        Some(None) => return (no_such_role(facts), None),
        None if matches!(facts.outcome, Outcome::Allowed { .. }) => return (let_in(facts, Side::Trust), None),
        None => return (unseen(facts, refusal), None),
    };
    if is_service_linked(&role.arn) {
        let reason = "it is linked to a service: only that service uses it, and its trust policy cannot be changed";
        let linked = side(Decision::Denied, reason.into(), by);
        let remedy = remedy::words("make a role of your own for what you want to do");
        return (SideAnswer { remedy: Some(remedy), ..linked }, None);
    }
    if is_mistyped(facts) {
        let reason = format!("the role's ARN is {}, and the profile says {}", role.arn, facts.role);
        let remedy = Some(remedy::in_profile(&facts.label, &format!("arn = \"{}\"", role.arn)));
        return (SideAnswer { remedy, ..side(Decision::Denied, reason, by) }, None);
    }
    let document =
        NamedPolicy { name: "the trust policy".into(), kind: PolicyKind::Inline, document: role.trust.clone() };
    let (action, heard) = facts.heard(std::slice::from_ref(&document));
    let answer = match heard.stand {
        Stand::Allows => {
            let grip = if heard.grip == Grip::Account { "names your account" } else { "names you" };
            return (side(Decision::Allowed, format!("{} {grip}", heard.statement), by), Some(heard.grip));
        }
        Stand::Denies => SideAnswer {
            remedy: denied_by(&heard, &Holder::Trust(&facts.role)),
            ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
        },
        Stand::Unsure if matches!(facts.outcome, Outcome::Allowed { .. }) => let_in(facts, Side::Trust),
        Stand::Unsure => SideAnswer {
            remedy: Some(remedy::look(
                &facts.role_viewers,
                facts.role.account().as_str(),
                "the values of those conditions",
            )),
            ..side(Decision::Unknown, unsure(&heard), by)
        },
        Stand::Silent => not_trusted(facts, action, &role.trust, &heard, by),
    };
    (answer, None)
}

/// A trust policy that does not let you in: because of a condition, an action, or because it names others.
fn not_trusted(facts: &Facts, action: &str, trust: &str, heard: &Heard, by: String) -> SideAnswer {
    let denied = |reason, remedy| SideAnswer { remedy, ..facts.role_side(Decision::Denied, reason, by.clone()) };
    let add = || remedy::trust(&facts.who.principal, &facts.role, &facts.wishes(), Some(trust));
    let with_action = |near: &&Near| near.action && !near.unmet.is_empty();
    if let Some(near) = heard.near.iter().filter(with_action).min_by_key(|near| near.unmet.len()) {
        let unmet: Vec<String> = near.unmet.iter().map(|condition| unmet(condition, &facts.context())).collect();
        let can_show_mfa = matches!(facts.who.principal.kind, PrincipalKind::User);
        let wants_mfa = near.unmet.iter().any(|one| one.key.to_ascii_lowercase().starts_with("aws:multifactorauth"));
        let mut reason = format!("its trust policy names you, and {}", unmet.join(", and "));
        if wants_mfa && !can_show_mfa {
            reason += "; the session of a role shows no MFA, so that this role can only be assumed by a user";
        }
        let remedies: Vec<Remedy> =
            near.unmet.iter().filter_map(|one| remedy::to_meet(one, &facts.label, can_show_mfa)).collect();
        // What the profile file can bring alone is better than another trust policy.
        let remedy = match remedies.split_first() {
            Some((first, rest)) if remedies.len() == near.unmet.len() => {
                let lines = rest.iter().filter_map(|other| other.command.split_once(": "));
                let command = lines.fold(first.command.clone(), |all, (_, line)| format!("{all} and {line}"));
                Some(Remedy { command, ..first.clone() })
            }
            _ => add(),
        };
        return denied(reason, remedy);
    }
    if heard.near.iter().any(|near| !near.action) {
        return denied(format!("its trust policy names you, and does not allow {action}"), add());
    }
    if let Some(service) = only_service(trust) {
        let reason = format!("its trust policy lets only {service} in: a service role, not for people");
        let arn = facts.who.principal.principal_arn();
        let remedy = remedy::words(format!(
            "use or make a role for people; `xsw policy trust --for {arn} {}` prints what would let you into this one",
            facts.label
        ));
        return denied(reason, Some(remedy));
    }
    let trusted = trust_in_words(trust).map_or_else(|wrong| wrong.to_string(), |lines| lines.join("; "));
    denied(
        format!("its trust policy trusts {trusted}; it does not name {}", facts.who.principal.principal_arn()),
        add(),
    )
}

/// What a condition wants, and what it gets.
fn unmet(condition: &Condition, context: &Context) -> String {
    let wants = condition_in_words(condition);
    let gets = match context.get(&condition.key) {
        None => "there is none".to_owned(),
        // Who may see the trust policy may not know what the profile file says.
        Some(_) if condition.key.eq_ignore_ascii_case("sts:ExternalId") => "the profile file has another".to_owned(),
        Some(values) => format!("here it is {}", values.join(", ")),
    };
    format!("lets in only who comes {wants}: {gets}")
}

fn unsure(heard: &Heard) -> String {
    let conditions: Vec<String> = heard.near.iter().flat_map(|near| &near.unknown).map(condition_in_words).collect();
    match (heard.unreadable.first(), conditions.is_empty()) {
        (Some(wrong), _) => format!("a policy cannot be read: {wrong}"),
        (None, true) => "it depends on conditions that cannot be known here".into(),
        (None, false) => format!("{} allows it {}, which cannot be known here", heard.statement, conditions.join(", ")),
    }
}

fn no_such_role(facts: &Facts) -> SideAnswer {
    let account = facts.role.account();
    let reason = format!("there is no role {} in account {account}", facts.role.name());
    let remedy = match facts.alike.first() {
        Some(arn) => remedy::in_profile(&facts.label, &format!("arn = \"{arn}\"")),
        None => {
            remedy::words(format!("correct the role's name in the profile file, or make the role in account {account}"))
        }
    };
    let reason = match facts.alike.as_slice() {
        [] => reason,
        arns => format!("{reason}; there is {}", arns.join(" and ")),
    };
    SideAnswer { remedy: Some(remedy), ..facts.role_side(Decision::Denied, reason, facts.described.told()) }
}

/// A trust policy that nobody here may see.
fn unseen(facts: &Facts, refusal: &Refusal) -> SideAnswer {
    let account = facts.role.account();
    let show = format!("aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument", facts.role.name());
    if matches!(refusal.side, Some(Side::Trust | Side::Bucket)) {
        let reason = if refusal.explicit {
            "the trust policy denies it outright"
        } else {
            "the trust policy does not let you in"
        };
        let remedy = if refusal.explicit {
            Some(remedy::look(&facts.role_viewers, account.as_str(), &show))
        } else {
            remedy::trust(&facts.who.principal, &facts.role, &facts.wishes(), None)
        };
        return SideAnswer { remedy, ..facts.role_side(Decision::Denied, reason.into(), aws_says_of(facts)) };
    }
    let reason = format!("the trust policy cannot be seen from here; account {account} can see it");
    let remedy = Some(remedy::look(&facts.role_viewers, account.as_str(), &show));
    SideAnswer { remedy, ..facts.role_side(Decision::Unknown, reason, facts.described.told()) }
}

/// What narrows your side: boundary, organization, session policies. Each is told only where something is known of it.
fn limits(facts: &Facts, refusal: &Refusal) -> Vec<SideAnswer> {
    let mut found = Vec::new();
    let boundary: Vec<NamedPolicy> = facts.own.boundary.value().into_iter().flatten().cloned().collect();
    let session = facts.own.session.value().cloned().unwrap_or_default();
    let simulated = facts.own.simulated.value();
    let places = [
        (Side::Boundary, boundary, facts.own.boundary.told(), simulated.and_then(|said| said.by_boundary)),
        (Side::Scp, Vec::new(), String::new(), simulated.and_then(|said| said.by_organization)),
        (Side::Session, session, facts.own.session.told(), None),
    ];
    for (side, policies, by, simulator) in places {
        if let Some(answer) = limit(facts, refusal, side, (&policies, by), simulator) {
            found.push(answer);
        }
    }
    found
}

fn limit(
    facts: &Facts,
    refusal: &Refusal,
    side: Side,
    (policies, by): (&[NamedPolicy], String),
    simulator: Option<bool>,
) -> Option<SideAnswer> {
    let name = limit_name(side);
    let make = |decision, reason: String, evidence| facts.own_side(side, decision, reason, evidence);
    let mend = limit_remedy(side, &facts.who);
    if refusal.side == Some(side) {
        let how = if refusal.explicit { "denies it outright" } else { "does not allow it" };
        let answer = make(Decision::Denied, format!("{name} {how}"), aws_says_of(facts));
        return Some(SideAnswer { remedy: Some(mend), ..answer });
    }
    if !policies.is_empty() {
        let (action, heard) = facts.heard(policies);
        return Some(match heard.stand {
            Stand::Allows => make(Decision::Allowed, format!("{} allows it", heard.statement), by),
            Stand::Denies => SideAnswer {
                remedy: Some(mend),
                ..make(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
            },
            Stand::Silent => SideAnswer {
                remedy: Some(mend),
                ..make(Decision::Denied, format!("{name} does not allow {action} on this role"), by)
            },
            Stand::Unsure if matches!(facts.outcome, Outcome::Allowed { .. }) => let_in(facts, side),
            Stand::Unsure => SideAnswer { remedy: Some(mend), ..make(Decision::Unknown, unsure(&heard), by) },
        });
    }
    match simulator {
        Some(false) => {
            let answer = make(Decision::Denied, format!("{name} does not allow it"), facts.own.simulated.told());
            Some(SideAnswer { remedy: Some(mend), ..answer })
        }
        Some(true) => Some(make(Decision::Allowed, format!("{name} allows it"), facts.own.simulated.told())),
        None => None,
    }
}

/// The words for what narrows.
pub(super) fn limit_name(side: Side) -> &'static str {
    match side {
        Side::Boundary => "the permissions boundary",
        Side::Scp => "the organization (a service or resource control policy)",
        _ => "the session policy",
    }
}

/// Who can change what narrows.
pub(super) fn limit_remedy(side: Side, who: &Who) -> Remedy {
    let account = &who.principal.account;
    match side {
        Side::Boundary => remedy::words(format!(
            "ask whoever set the permissions boundary of {} in account {account} to allow it there; no other policy can",
            who.principal.principal_arn()
        )),
        Side::Scp => remedy::words(format!(
            "ask whoever looks after the organization of account {account}: its management account changes these \
             policies, and no role or bucket policy can stand against them"
        )),
        _ => remedy::words(format!("change `policy` or `policy_arns` of {} in the profile file", who.name)),
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
            side.remedy =
                remedy::assume(&facts.who.principal, &facts.role, &facts.wishes()).or_else(|| side.remedy.take());
        }
        _ => {
            side.reason = format!("all else allows it and AWS refuses, so this does: {}", side.reason);
            side.evidence = format!("{refused}; {}", side.evidence);
        }
    }
}

fn denied_by(heard: &Heard, holder: &Holder<'_>) -> Option<Remedy> {
    let (policy, index) = heard.place.as_ref()?;
    Some(remedy::without(holder, policy, *index))
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
    SideAnswer { reason: "AWS let you in".into(), ..answer }
}

fn aws_says_of(facts: &Facts) -> String {
    match &facts.outcome {
        Outcome::Refused { message } => aws_says(message),
        Outcome::Allowed { how } => how.clone(),
        Outcome::NotTried { why } => why.clone(),
    }
}

/// AWS's words as evidence.
pub(super) fn aws_says(message: &str) -> String {
    if message.is_empty() { "AWS says no more than AccessDenied".into() } else { format!("AWS says: {message}") }
}
