//! A statement held against a request, element by element: what [`decide`](super::decide()) answers with yes or no, told
//! apart for whoever explains it. A condition on a key that nobody here can know is neither met nor unmet.

use super::decide::{Grip, contains, named};
use super::document::{Condition, Effect, Policy, Statement};
use super::pattern;
use super::request::Request;

/// Whether something holds, as far as can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// It depends on what is not known here.
    Unknown,
}

/// How a statement meets a request.
#[derive(Clone, Debug)]
pub struct Meeting<'a> {
    /// The position of the statement in its policy, from 0.
    pub index: usize,
    /// The statement.
    pub statement: &'a Statement,
    /// How closely it names the caller; `None` where it names somebody else. In identity policies it is the caller's own.
    pub grip: Option<Grip>,
    /// Whether it is about the action.
    pub action: bool,
    /// Whether it is about the resource.
    pub resource: bool,
    /// Each condition, and whether it is met.
    pub conditions: Vec<(&'a Condition, Truth)>,
}

impl Meeting<'_> {
    /// Whether the statement applies.
    pub fn applies(&self) -> Truth {
        if self.grip.is_none() || !self.action || !self.resource {
            return Truth::Fails;
        }
        let all = |truth: Truth| self.conditions.iter().any(|(_, one)| *one == truth);
        if all(Truth::Fails) {
            Truth::Fails
        } else if all(Truth::Unknown) {
            Truth::Unknown
        } else {
            Truth::Holds
        }
    }

    /// Whether it allows.
    pub fn is_allow(&self) -> bool {
        self.statement.effect == Effect::Allow
    }
}

/// Holds every statement of a policy against a request. `known` says of a condition key whether the context has all that
/// there is to know of it, be it that the key is absent.
pub fn study<'a>(policy: &'a Policy, request: &Request, known: &dyn Fn(&str) -> bool) -> Vec<Meeting<'a>> {
    let one = |(index, statement): (usize, &'a Statement)| Meeting {
        index,
        statement,
        grip: match &statement.principal {
            Some(_) => named(statement, request.principal),
            None => Some(Grip::Account),
        },
        action: contains(&statement.action, |wanted| pattern::matches_action(wanted, request.action)),
        resource: statement.resource.as_ref().is_none_or(|resource| {
            contains(resource, |wanted| match policy.variables {
                true => pattern::matches_with_variables(wanted, request.resource, request.context),
                false => pattern::matches(wanted, request.resource),
            })
        }),
        conditions: statement
            .conditions
            .iter()
            .map(|condition| {
                let truth = match (known(&condition.key), condition.holds(request.context, policy.variables)) {
                    (false, _) => Truth::Unknown,
                    (true, true) => Truth::Holds,
                    (true, false) => Truth::Fails,
                };
                (condition, truth)
            })
            .collect(),
    };
    policy.statements.iter().enumerate().map(one).collect()
}
