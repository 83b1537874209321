//! What each side says of what could be seen of it; and what stays unknown.

mod assuming;
mod buckets;
mod names;

use serde_json::{Value, json};

use super::Answer;
use super::facts::{NamedPolicy, PolicyKind, Seen};

const HUB: &str = "111111111111";
const PROD: &str = "222222222222";
const ME: &str = "arn:aws:iam::111111111111:user/me";

/// Asserts that the side which decides ends in words: nothing that `--mend` could write.
#[track_caller]
fn no_policy(answer: &Answer) {
    let remedy = answer.deciding().unwrap().remedy.as_ref().unwrap();
    assert!(remedy.policy.is_none() && remedy.grant.is_none() && remedy.file.is_none(), "{remedy:#?}");
}

fn seen<T>(value: T) -> Seen<T> {
    Seen::Yes { value, by: "a look".into() }
}

fn inline(document: &Value) -> NamedPolicy {
    NamedPolicy { name: "p".into(), kind: PolicyKind::Inline, document: document.to_string() }
}

fn allow(action: &str, resource: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resource }] })
}

fn deny(action: &str, resource: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Sid": "No", "Effect": "Deny", "Action": action, "Resource": resource },
    ] })
}
