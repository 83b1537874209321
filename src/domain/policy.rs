//! IAM policies and how AWS decides over them.
//!
//! [`Policy`] is a parsed document, [`Request`] is one call with its context, and [`decide`] says who allows or
//! denies it and by which statement. `xsw explain` shows that answer; the embedded cloud enforces it.
//! The rules are those of "Policy evaluation logic" in the AWS IAM User Guide.

mod condition;
mod decide;
mod document;
mod message;
mod pattern;
mod request;
mod study;

pub use decide::{Attached, Decision, Grip, Opinion, Policies, Resource, Side, SideOpinion, StatementRef, Verdict, decide};
pub use document::{Clause, Condition, Effect, Policy, PolicyError, PrincipalPattern, Statement};
pub use message::{denial, denial_in_s3};
pub use request::{Context, Principal, PrincipalKind, Request};
pub use study::{Meeting, Truth, study};

#[cfg(test)]
mod tests;
