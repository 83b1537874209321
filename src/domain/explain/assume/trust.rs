//! The role's side: whether its trust policy names who asks, and under which conditions.

use super::super::evidence::{Heard, Near, Stand};
use super::super::facts::{NamedPolicy, Outcome, PolicyKind};
use super::super::remedy::{self, Holder};
use super::super::words::{condition_in_words, is_service_linked, only_service, trust_in_words};
use super::super::{Decision, Refusal, Remedy, Side, SideAnswer};
use super::{Facts, aws_says_of, is_mistyped, let_in};
use crate::domain::policy::{Condition, Context, Grip, PrincipalKind};
use crate::domain::shell_word::quoted;

/// The role's side: whether its trust policy names you, and under which conditions. With how closely it does.
pub(super) fn side(facts: &Facts, refusal: &Refusal) -> (SideAnswer, Option<Grip>) {
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
            remedy: remedy::denied_by(&heard, &Holder::Trust(&facts.role)),
            ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
        },
        Stand::Unsure if matches!(facts.outcome, Outcome::Allowed { .. }) => let_in(facts, Side::Trust),
        Stand::Unsure => SideAnswer {
            remedy: Some(remedy::look(
                &facts.role_viewers,
                facts.role.account().as_str(),
                "the values of those conditions",
            )),
            ..side(Decision::Unknown, heard.unsure(), by)
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
            _ => Some(remedy::on_conditions(near, &facts.label, facts.role.account().as_str(), can_show_mfa)),
        };
        return denied(reason, remedy);
    }
    let others = || heard.near.iter().filter(|near| !near.action);
    if others().next().is_some() {
        // A statement of its own would let in without the conditions of the one that is there.
        let by_hand = || {
            let account = facts.role.account();
            remedy::words(format!(
                "ask whoever looks after account {account} to add {action} to the statement of the trust policy that \
                 names you, under the conditions that it has"
            ))
        };
        let remedy = if others().any(|near| near.guarded) { Some(by_hand()) } else { add() };
        return denied(format!("its trust policy names you, and does not allow {action}"), remedy);
    }
    if let Some(service) = only_service(trust) {
        let reason = format!("its trust policy lets only {service} in: a service role, not for people");
        let arn = quoted(facts.who.principal.principal_arn());
        let remedy = remedy::words(format!(
            "use or make a role for people; `xsw policy trust --for {arn} {}` prints what would let you into this one",
            quoted(&facts.label)
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
    let show =
        format!("aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument", quoted(facts.role.name()));
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
