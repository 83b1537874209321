//! IAM policies and how AWS decides over them.
//!
//! [`Policy`] is a parsed document, [`Request`] is one call with its context, and [`decide`] says who allows or
//! denies it and by which statement. `xsw explain` shows that answer; the embedded cloud enforces it.
//! [`least`] goes the other way: from what is to be allowed to the policies that allow it and nothing else.
//! The rules are those of "Policy evaluation logic" in the AWS IAM User Guide.

mod condition;
mod decide;
mod document;
pub mod least;
mod message;
mod pattern;
mod request;
mod study;

pub use decide::{
    Attached, Decision, Grip, Opinion, Policies, Resource, Side, SideOpinion, StatementRef, Verdict, decide,
};
pub use document::{Clause, Condition, Effect, Policy, PolicyError, PrincipalPattern, Statement};
pub use message::{denial, denial_in_s3};
pub use request::{Context, Principal, PrincipalKind, Request};
pub use study::{Meeting, Truth, study};

#[cfg(test)]
mod tests;
