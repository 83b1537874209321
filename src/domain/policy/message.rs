//! A refusal in AWS's own words, as "Troubleshoot access denied error messages" of the IAM User Guide lists them.

use super::decide::{Decision, Side, Verdict};
use super::request::Request;

/// The text that STS and most services give for a refused request.
///
/// When the trust policy refuses, AWS tells no reason: the text is the same as for a role that does not exist.
pub fn denial(verdict: &Verdict, request: &Request) -> String {
    let Request { principal, action, resource, .. } = request;
    let who = format!("User: {} is not authorized to perform: {action} on resource: {resource}", principal.arn);
    match verdict.side {
        Side::Trust => who,
        _ => format!("{who} {}", reason(verdict, action)),
    }
}

/// The text that S3 gives: with the reason inside one account, and nothing at all across accounts.
pub fn denial_in_s3(verdict: &Verdict, request: &Request, same_account: bool) -> String {
    if !same_account {
        return "Access Denied".to_owned();
    }
    let Request { principal, action, resource, .. } = request;
    format!(
        "User: {} is not authorized to perform: {action} on resource: \"{resource}\" {}",
        principal.arn,
        reason(verdict, action)
    )
}

fn reason(verdict: &Verdict, action: &str) -> String {
    let (article, kind) = match verdict.side {
        Side::Identity | Side::Permissions => ("an", "identity-based policy"),
        Side::Trust | Side::Bucket | Side::Kms => ("a", "resource-based policy"),
        Side::Boundary => ("a", "permissions boundary"),
        Side::Scp => ("a", "service control policy"),
        Side::Session => ("a", "session policy"),
    };
    match verdict.decision {
        Decision::DeniedExplicitly => format!("with an explicit deny in {article} {kind}"),
        _ => format!("because no {kind} allows the {action} action"),
    }
}
