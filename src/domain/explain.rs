//! Why a role can or cannot be assumed, or reach a bucket, and what would mend it.
//!
//! All here is a calculation over [facts](facts): what could be seen of each side, and what AWS itself answered. What
//! could not be seen stays unknown, with the account that can see it. [`assume::explain`] and [`bucket::explain`] give an
//! [`Answer`]; `ops::explain` gathers the facts.

pub mod assume;
pub mod bucket;
mod evidence;
pub mod facts;
pub mod graph;
mod limits;
mod refusal;
mod remedy;
pub mod typing;
pub mod words;

use serde::Serialize;
use serde_json::Value;

pub use super::policy::Side;
use super::policy::least::Grant;
pub use evidence::is_guard;
pub use facts::{
    Asked, Inspection, LastUsed, NamedPolicy, Outcome, Own, PolicyKind, RoleFacts, Seen, Simulated, UserFacts, Viewers,
    Who,
};
pub use refusal::Refusal;
pub use words::condition_in_words;

/// What comes out, of a side or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// AWS allows it.
    Allowed,
    /// AWS refuses it.
    Denied,
    /// It depends on what could not be seen.
    Unknown,
}

impl Decision {
    /// What comes out of all sides: what AWS answered, else the hardest of what they say.
    fn of(outcome: &Outcome, sides: &[SideAnswer]) -> Self {
        let any = |decision| sides.iter().any(|side| side.decision == decision);
        match outcome {
            Outcome::Allowed { .. } => Self::Allowed,
            Outcome::Refused { .. } => Self::Denied,
            Outcome::NotTried { .. } if any(Self::Denied) => Self::Denied,
            Outcome::NotTried { .. } if any(Self::Unknown) => Self::Unknown,
            Outcome::NotTried { .. } => Self::Allowed,
        }
    }

    /// The word of `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }
}

/// What is said of a side that must allow it, because AWS did it.
const LET_IN: &str = "AWS allows it (tried)";

/// The answer to one question: may this principal do that?
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// What comes out.
    pub decision: Decision,
    /// The action, such as `sts:AssumeRole`.
    pub action: String,
    /// The ARN that it is asked for.
    pub resource: String,
    /// The ARN of who asks.
    pub principal: String,
    /// Each side that has a say, in the order in which AWS asks them.
    pub sides: Vec<SideAnswer>,
}

impl Answer {
    /// How it showed, where nothing is known but that AWS did it: no side has more to say.
    pub fn tried(&self) -> Option<String> {
        let only = self.sides.iter().all(|side| side.reason == LET_IN);
        let first = self.sides.first().filter(|_| only && self.decision == Decision::Allowed)?;
        Some(format!("{LET_IN}: {}", first.evidence))
    }

    /// The side that decides: the first that denies, else the first that is unknown.
    pub fn deciding(&self) -> Option<&SideAnswer> {
        let first = |decision| self.sides.iter().find(|side| side.decision == decision);
        match self.decision {
            Decision::Allowed => None,
            Decision::Denied => first(Decision::Denied).or_else(|| first(Decision::Unknown)),
            Decision::Unknown => first(Decision::Unknown),
        }
    }
}

/// What one side says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SideAnswer {
    /// Whose policies.
    #[serde(serialize_with = "side_word")]
    pub side: Side,
    /// The account in which they are; empty where nobody knows.
    pub account_id: String,
    /// What it says.
    pub decision: Decision,
    /// Why, in a sentence.
    pub reason: String,
    /// Where that is known from.
    pub evidence: String,
    /// What would mend it, or show it.
    pub remedy: Option<Remedy>,
}

/// The next step on a side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What to run, or to write into the profile file.
    pub command: String,
    /// The policy that the command attaches.
    pub policy: Option<Value>,
    /// The file that the command reads the policy from.
    #[serde(skip)]
    pub file: Option<&'static str>,
    /// The statements that are missing and where they go, where xsw can write them itself.
    #[serde(skip)]
    pub grant: Option<Box<Grant>>,
}

/// The word of a side in `--json`.
pub fn side_name(side: Side) -> &'static str {
    match side {
        Side::Identity => "identity",
        Side::Trust => "trust",
        Side::Permissions => "permissions",
        Side::Bucket => "bucket",
        Side::Boundary => "boundary",
        Side::Scp => "scp",
        Side::Session => "session",
        Side::Kms => "kms",
    }
}

fn side_word<S: serde::Serializer>(side: &Side, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(side_name(*side))
}

#[cfg(test)]
mod tests;
