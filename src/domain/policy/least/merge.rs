//! Adding statements to a policy that is there: what it had stays, and nothing is said twice.

use serde_json::{Map, Value, json};

use super::Grant;

impl Grant {
    /// The policy `existing` with this one's statements added: for what AWS replaces as a whole, which are trust, bucket
    /// and key policies. A statement that is there already is not added; one whose Sid is taken gets another.
    pub fn merged_into(&self, existing: &Value) -> Value {
        merged(existing, &self.policy)
    }
}

/// `existing` with the statements of `added`.
pub(super) fn merged(existing: &Value, added: &Value) -> Value {
    let Some(top) = existing.as_object().filter(|top| top.contains_key("Statement")) else {
        return added.clone();
    };
    let mut top: Map<String, Value> = top.clone();
    let mut all = statements(existing);
    // Our statements are of version 2012-10-17, where `${*}` is a variable. In the older one, which is also meant where
    // none is named, `${` is plain text, and must stay so.
    if top.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
        all.iter_mut().for_each(keep_literal);
        top.insert("Version".into(), json!("2012-10-17"));
    }
    for new in statements(added) {
        if all.iter().any(|known| meaning(known) == meaning(&new)) {
            continue;
        }
        all.push(new);
    }
    top.insert("Statement".into(), Value::Array(all));
    distinct_sids(Value::Object(top))
}

/// The document with a number behind every Sid that an earlier statement has.
pub(super) fn distinct_sids(mut policy: Value) -> Value {
    let mut taken: Vec<String> = Vec::new();
    let all = policy.get_mut("Statement").and_then(Value::as_array_mut);
    for statement in all.into_iter().flatten() {
        let Some(sid) = statement.get("Sid").and_then(Value::as_str).map(str::to_owned) else { continue };
        let free = (1..).map(|number| match number {
            1 => sid.clone(),
            number => format!("{sid}{number}"),
        });
        let Some(free) = free.into_iter().find(|name| !taken.contains(name)) else { continue };
        statement["Sid"] = json!(free);
        taken.push(free);
    }
    policy
}

fn statements(policy: &Value) -> Vec<Value> {
    match policy.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    }
}

/// A statement without its Sid, lists sorted, a list of one as the one, an account as its root: as AWS may give back
/// what was put.
fn meaning(statement: &Value) -> Value {
    let mut plain = statement.clone();
    if let Some(map) = plain.as_object_mut() {
        map.remove("Sid");
    }
    normal(&plain)
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Array(many) => {
            let mut many: Vec<Value> = many.iter().map(normal).collect();
            many.sort_by_key(Value::to_string);
            many.dedup();
            if many.len() == 1 { many.remove(0) } else { Value::Array(many) }
        }
        Value::Object(map) => {
            let account = |value: Value| match value.as_str() {
                Some(id) if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) => {
                    json!(format!("arn:aws:iam::{id}:root"))
                }
                _ => value,
            };
            let aws = |key: &str, value: &Value| match (key, normal(value)) {
                ("AWS", Value::Array(many)) => Value::Array(many.into_iter().map(account).collect()),
                ("AWS", one) => account(one),
                (_, other) => other,
            };
            Value::Object(map.iter().map(|(key, value)| (key.clone(), aws(key, value))).collect())
        }
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
        other => other.clone(),
    }
}

/// Every `${` of resources and conditions as text.
fn keep_literal(value: &mut Value) {
    match value {
        Value::String(text) if text.contains("${") => *text = text.replace("${", "${$}{"),
        Value::Array(many) => many.iter_mut().for_each(keep_literal),
        Value::Object(map) => map.values_mut().for_each(keep_literal),
        _ => {}
    }
}
