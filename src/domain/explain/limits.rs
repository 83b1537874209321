//! What narrows who asks, whatever else allows it: the boundary, the organization's policies, session policies.

use super::evidence::{Heard, Stand};
use super::facts::{NamedPolicy, Outcome, Own, Who};
use super::refusal::aws_says;
use super::{Decision, LET_IN, Refusal, Remedy, Side, SideAnswer, remedy};

/// Whom it narrows, and at what.
pub(super) struct Limited<'a> {
    pub who: &'a Who,
    pub own: &'a Own,
    pub outcome: &'a Outcome,
    pub refusal: &'a Refusal,
    /// The place of the action in a sentence.
    pub place: &'static str,
    /// Whether the simulator's word on these counts.
    pub simulated: &'a [Side],
    /// Holds policies against the action, which it gives too.
    pub hear: &'a dyn Fn(&[NamedPolicy]) -> (&'static str, Heard),
}

impl Limited<'_> {
    /// Each is told only where something is known of it.
    pub(super) fn sides(&self) -> Vec<SideAnswer> {
        let own = self.own;
        let boundary: Vec<NamedPolicy> = own.boundary.value().into_iter().flatten().cloned().collect();
        let session = own.session.value().cloned().unwrap_or_default();
        let places = [
            (Side::Boundary, boundary, own.boundary.told()),
            (Side::Scp, Vec::new(), String::new()),
            (Side::Session, session, own.session.told()),
        ];
        places.into_iter().filter_map(|(side, policies, by)| self.side(side, &policies, by)).collect()
    }

    fn side(&self, side: Side, policies: &[NamedPolicy], by: String) -> Option<SideAnswer> {
        let name = name_of(side);
        let make = |decision, reason: String, evidence| SideAnswer {
            side,
            account_id: self.who.principal.account.clone(),
            decision,
            reason,
            evidence,
            remedy: (decision != Decision::Allowed).then(|| remedy_of(side, self.who)),
        };
        if let Outcome::Refused { message } = self.outcome
            && self.refusal.side == Some(side)
        {
            let how = if self.refusal.explicit { "denies it outright" } else { "does not allow it" };
            return Some(make(Decision::Denied, format!("{name} {how}"), aws_says(message)));
        }
        if !policies.is_empty() {
            let (action, heard) = (self.hear)(policies);
            return Some(match (heard.stand, self.outcome) {
                (Stand::Allows, _) => make(Decision::Allowed, format!("{} allows it", heard.statement), by),
                (Stand::Denies, _) => {
                    make(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
                }
                (Stand::Silent, _) => {
                    make(Decision::Denied, format!("{name} does not allow {action} {}", self.place), by)
                }
                (Stand::Unsure, Outcome::Allowed { how }) => make(Decision::Allowed, LET_IN.into(), how.clone()),
                (Stand::Unsure, _) => make(Decision::Unknown, heard.unsure(), by),
            });
        }
        let by = self.own.simulated.told();
        let allows =
            self.own.simulated.value().filter(|_| self.simulated.contains(&side)).and_then(|said| match side {
                Side::Boundary => said.by_boundary,
                Side::Scp => said.by_organization,
                _ => None,
            });
        match allows? {
            false => Some(make(Decision::Denied, format!("{name} does not allow it"), by)),
            true => Some(make(Decision::Allowed, format!("{name} allows it"), by)),
        }
    }
}

/// The words for what narrows.
fn name_of(side: Side) -> &'static str {
    match side {
        Side::Boundary => "the permissions boundary",
        Side::Scp => "the organization (a service or resource control policy)",
        _ => "the session policy",
    }
}

/// Who can change what narrows.
fn remedy_of(side: Side, who: &Who) -> Remedy {
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
