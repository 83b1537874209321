//! What policies say of a request, as far as can be known here.

use super::facts::NamedPolicy;
use super::words::condition_in_words;
use crate::domain::policy::{Condition, Context, Grip, Policy, Request, Truth, study};

/// What documents say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Allows,
    Denies,
    /// No statement applies.
    Silent,
    /// It depends on what is not known here.
    Unsure,
}

/// A statement that comes near, and the conditions that decide.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub action: bool,
    pub resource: bool,
    pub unmet: Vec<Condition>,
    pub unknown: Vec<Condition>,
    /// Whether it has conditions, met or not, on more than the place in a bucket.
    pub guarded: bool,
}

/// What was heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub stand: Stand,
    pub grip: Grip,
    /// `statement 2 (ReadReports) of S3Reader`.
    pub statement: String,
    /// The policy of that statement and its place in it.
    pub place: Option<(NamedPolicy, usize)>,
    /// Statements that name the caller and do not apply.
    pub near: Vec<Near>,
    /// Policies that cannot be read, each with why.
    pub unreadable: Vec<String>,
}

impl Heard {
    /// A statement that would allow it if its conditions were met: whoever wrote them wants them, and a statement
    /// without them would take them away.
    pub(super) fn guard(&self) -> Option<&Near> {
        let here = self.near.iter().filter(|near| near.action && near.resource && near.guarded);
        here.min_by_key(|near| near.unmet.len())
    }

    /// The reason, and what a statement that comes near lacks.
    pub(super) fn why(&self, reason: &str) -> String {
        let near = self.near.iter().filter(|near| near.action);
        match near.min_by_key(|near| (!near.resource, near.unmet.len())) {
            Some(near) if !near.resource => format!("{reason}: it allows the action elsewhere"),
            Some(near) if !near.unmet.is_empty() => {
                let unmet: Vec<String> = near.unmet.iter().map(condition_in_words).collect();
                format!("{reason}: only {}", unmet.join(" and "))
            }
            _ => reason.to_owned(),
        }
    }

    /// Why nothing follows from it.
    pub(super) fn unsure(&self) -> String {
        let conditions: Vec<String> = self.near.iter().flat_map(|near| &near.unknown).map(condition_in_words).collect();
        match (self.unreadable.first(), conditions.is_empty()) {
            (Some(wrong), _) => format!("a policy cannot be read: {wrong}"),
            (None, true) => "a statement may deny it, on conditions that cannot be known here".into(),
            (None, false) => {
                format!("{} allows it {}, which cannot be known here", self.statement, conditions.join(", "))
            }
        }
    }
}

/// Asks every policy.
pub(super) fn hear(policies: &[NamedPolicy], request: &Request, known: &dyn Fn(&str) -> bool) -> Heard {
    let mut heard = Heard {
        stand: Stand::Silent,
        grip: Grip::Account,
        statement: String::new(),
        place: None,
        near: Vec::new(),
        unreadable: Vec::new(),
    };
    let mut denies_perhaps = false;
    for named in policies {
        let policy = match Policy::parse(&named.document) {
            Ok(policy) => policy,
            Err(wrong) => {
                heard.unreadable.push(format!("{}: {wrong}", named.in_words()));
                continue;
            }
        };
        for meeting in study(&policy, request, known) {
            let Some(grip) = meeting.grip else { continue };
            let sid = meeting.statement.sid.as_ref().map_or(String::new(), |sid| format!(" ({sid})"));
            let statement = format!("statement {}{sid} of {}", meeting.index + 1, named.in_words());
            let place = Some((named.clone(), meeting.index));
            match (meeting.is_allow(), meeting.applies()) {
                (false, Truth::Holds) => {
                    return Heard { stand: Stand::Denies, statement, place, grip, ..heard };
                }
                (true, Truth::Holds) if heard.stand != Stand::Allows || grip > heard.grip => {
                    heard = Heard { stand: Stand::Allows, statement, place, grip, ..heard };
                }
                (true, Truth::Holds) => {}
                (false, Truth::Unknown) => denies_perhaps = true,
                (true, applies) => {
                    let conditions = |wanted: Truth| {
                        let these = meeting.conditions.iter().filter(move |(_, truth)| *truth == wanted);
                        these.map(|(condition, _)| (*condition).clone()).collect::<Vec<_>>()
                    };
                    heard.near.push(Near {
                        action: meeting.action,
                        resource: meeting.resource,
                        unmet: conditions(Truth::Fails),
                        unknown: conditions(Truth::Unknown),
                        guarded: meeting.conditions.iter().any(|(condition, _)| is_guard(condition)),
                    });
                    if applies == Truth::Unknown && heard.stand == Stand::Silent {
                        heard = Heard { stand: Stand::Unsure, statement, place, grip, ..heard };
                    }
                }
                (false, Truth::Fails) => {}
            }
        }
    }
    if denies_perhaps || !heard.unreadable.is_empty() && heard.stand == Stand::Silent {
        heard.stand = Stand::Unsure;
    }
    heard
}

/// Whether a condition guards who asks and how; some only say where in a bucket, as a resource does.
pub fn is_guard(condition: &Condition) -> bool {
    !["s3:prefix", "s3:delimiter"].iter().any(|key| condition.key.eq_ignore_ascii_case(key))
}

/// Whether all is known that there is to know of a condition key: the context has it, or it is certainly absent.
/// `absent` holds keys in lower case; one that ends in `/` or `-` stands for all that begin so.
pub(super) fn knows<'a>(context: &'a Context, absent: &'a [String]) -> impl Fn(&str) -> bool + 'a {
    move |key| {
        let key = key.to_ascii_lowercase();
        let is = |known: &String| *known == key || known.ends_with(['/', '-']) && key.starts_with(known.as_str());
        context.get(&key).is_some() || absent.iter().any(is)
    }
}
