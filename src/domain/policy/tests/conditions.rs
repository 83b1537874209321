//! Wildcards, variables and condition operators.

use serde_json::{Value, json};

use crate::domain::policy::{Attached, Context, Policies, Policy, Principal, Request, Resource, Side, decide};

/// Whether an identity policy of this one statement allows the request.
fn allows(statement: Value, action: &str, resource: &str, context: &Context) -> bool {
    let mut statement = statement;
    statement["Effect"] = json!("Allow");
    let policy = Policy::from_json(&json!({ "Version": "2012-10-17", "Statement": statement })).unwrap();
    let principal = Principal::user("111111111111", "arn:aws:iam::111111111111:user/me");
    let policies = Policies {
        identity: vec![Attached { name: "p", policy: &policy }],
        boundary: None,
        session: Vec::new(),
        scp: Vec::new(),
        resource: Resource { side: Side::Bucket, account: "111111111111", policy: None },
    };
    decide(&Request { principal: &principal, action, resource, context }, &policies).is_allowed()
}

fn context(keys: &[(&str, &str)]) -> Context {
    let mut context = Context::new();
    for (key, value) in keys {
        context.set(key, *value);
    }
    context
}

#[test]
fn wildcards_and_variables() {
    let keys = context(&[("aws:username", "me"), ("aws:PrincipalTag/team", "web*")]);
    #[rustfmt::skip]
    let rows = [
        ("s3:GetObject",  "*",                              "s3:GetObject", "arn:aws:s3:::b/k",        true),
        ("S3:getobject",  "*",                              "s3:GetObject", "arn:aws:s3:::b/k",        true),
        ("s3:Get*",       "*",                              "s3:GetObject", "arn:aws:s3:::b/k",        true),
        ("s3:Get*",       "*",                              "s3:PutObject", "arn:aws:s3:::b/k",        false),
        ("s3:?etObject",  "*",                              "s3:GetObject", "arn:aws:s3:::b/k",        true),
        ("*",             "arn:aws:s3:::b/*",               "s3:GetObject", "arn:aws:s3:::b/a/b/c",    true),
        ("*",             "arn:aws:s3:::b/*",               "s3:GetObject", "arn:aws:s3:::b",          false),
        ("*",             "arn:aws:s3:::b",                 "s3:GetObject", "arn:aws:s3:::B",          false),
        ("*",             "arn:aws:s3:::*/x/*.txt",         "s3:GetObject", "arn:aws:s3:::b/y/x/z.txt", true),
        ("*",             "arn:aws:s3:::b/?.txt",           "s3:GetObject", "arn:aws:s3:::b/é.txt",    true),
        ("*",             "arn:aws:s3:::b/?.txt",           "s3:GetObject", "arn:aws:s3:::b/ab.txt",   false),
        ("*",             "arn:aws:s3:::b/${aws:username}/*", "s3:GetObject", "arn:aws:s3:::b/me/k",   true),
        ("*",             "arn:aws:s3:::b/${aws:username}/*", "s3:GetObject", "arn:aws:s3:::b/you/k",  false),
        ("*",             "arn:aws:s3:::b/${aws:absent}/*", "s3:GetObject", "arn:aws:s3:::b//k",       false),
        ("*",             "arn:aws:s3:::b/${aws:absent, 'all'}/*", "s3:GetObject", "arn:aws:s3:::b/all/k", true),
        ("*",             "arn:aws:s3:::b/${*}",            "s3:GetObject", "arn:aws:s3:::b/*",        true),
        ("*",             "arn:aws:s3:::b/${*}",            "s3:GetObject", "arn:aws:s3:::b/x",        false),
        // A star that comes out of a variable is no wildcard.
        ("*",             "arn:aws:s3:::b/${aws:PrincipalTag/team}", "s3:GetObject", "arn:aws:s3:::b/website", false),
        ("*",             "arn:aws:s3:::b/${aws:PrincipalTag/team}", "s3:GetObject", "arn:aws:s3:::b/web*", true),
    ];
    for (action, resource, asked, of, expected) in rows {
        let statement = json!({ "Action": action, "Resource": resource });
        assert_eq!(allows(statement, asked, of, &keys), expected, "{action} {resource} <- {asked} {of}");
    }
    let not_action = json!({ "NotAction": "s3:Delete*", "Resource": "*" });
    assert!(allows(not_action.clone(), "s3:GetObject", "arn:aws:s3:::b/k", &keys));
    assert!(!allows(not_action, "s3:DeleteObject", "arn:aws:s3:::b/k", &keys));
    let not_resource = json!({ "Action": "*", "NotResource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"] });
    assert!(allows(not_resource.clone(), "s3:GetObject", "arn:aws:s3:::c/k", &keys));
    assert!(!allows(not_resource, "s3:GetObject", "arn:aws:s3:::b/k", &keys));
}

#[test]
fn operators() {
    #[rustfmt::skip]
    let rows = [
        ("StringEquals",              json!("a"),            Some("a"),                    true),
        ("StringEquals",              json!(["x", "a"]),     Some("a"),                    true),
        ("StringEquals",              json!("A"),            Some("a"),                    false),
        ("StringEquals",              json!("a*"),           Some("ab"),                   false),
        ("StringEquals",              json!("a"),            None,                         false),
        ("StringEqualsIfExists",      json!("a"),            None,                         true),
        ("StringEqualsIfExists",      json!("a"),            Some("b"),                    false),
        ("StringNotEquals",           json!(["a", "b"]),     Some("c"),                    true),
        ("StringNotEquals",           json!(["a", "b"]),     Some("b"),                    false),
        ("StringNotEquals",           json!("a"),            None,                         true),
        ("StringEqualsIgnoreCase",    json!("ÄB"),           Some("äb"),                   true),
        ("StringNotEqualsIgnoreCase", json!("AB"),           Some("ab"),                   false),
        ("StringLike",                json!("home/*"),       Some("home/x/y"),             true),
        ("StringLike",                json!(["", "home/"]),  Some(""),                     true),
        ("StringLike",                json!("home/*"),       Some("other/"),               false),
        ("StringNotLike",             json!("home/*"),       Some("other/"),               true),
        ("StringNotLike",             json!("home/*"),       None,                         true),
        ("ArnLike",      json!("arn:aws:iam::*:role/a*"),    Some("arn:aws:iam::1:role/ab"),  true),
        ("ArnEquals",    json!("arn:aws:iam::*:role/ab"),    Some("arn:aws:iam::1:role/ab"),  true),
        // A star of one part does not reach into the next.
        ("ArnLike",      json!("arn:aws:*:role/ab"),         Some("arn:aws:iam::1:role/ab"),  false),
        ("ArnNotLike",   json!("arn:aws:iam::1:*"),          Some("arn:aws:iam::2:role/ab"),  true),
        ("ArnNotEquals", json!("arn:aws:iam::2:role/ab"),    Some("arn:aws:iam::2:role/ab"),  false),
        ("Bool",                      json!("true"),         Some("true"),                 true),
        ("Bool",                      json!(true),           Some("true"),                 true),
        ("Bool",                      json!("true"),         Some("false"),                false),
        ("Bool",                      json!("true"),         None,                         false),
        ("BoolIfExists",              json!("true"),         None,                         true),
        ("Null",                      json!("true"),         None,                         true),
        ("Null",                      json!("true"),         Some("x"),                    false),
        ("Null",                      json!(false),          Some("x"),                    true),
        ("Null",                      json!(false),          None,                         false),
        ("NumericEquals",             json!(10),             Some("10.0"),                 true),
        ("NumericNotEquals",          json!("10"),           Some("11"),                   true),
        ("NumericLessThan",           json!("10"),           Some("9"),                    true),
        ("NumericLessThan",           json!("10"),           Some("10"),                   false),
        ("NumericLessThanEquals",     json!("10"),           Some("10"),                   true),
        ("NumericGreaterThan",        json!("10"),           Some("100"),                  true),
        ("NumericGreaterThanEquals",  json!("10"),           Some("9.99"),                 false),
        ("NumericLessThan",           json!("10"),           Some("many"),                 false),
        ("DateLessThan",              json!("2026-01-01T00:00:00Z"), Some("2025-12-31T23:59:59Z"), true),
        ("DateGreaterThan",           json!("2026-01-01"),   Some("2026-01-01T00:00:01Z"), true),
        ("DateGreaterThan",           json!("2026-01-01T00:00:00+09:00"), Some("2025-12-31T15:00:00Z"), false),
        ("DateGreaterThanEquals",     json!("1767225600"),   Some("2026-01-01T00:00:00Z"), true),
        ("DateEquals",                json!("2026-01-01T00:00:00Z"), Some("1767225600"),   true),
        ("IpAddress",                 json!("203.0.113.0/24"), Some("203.0.113.7"),        true),
        ("IpAddress",                 json!("203.0.113.0/24"), Some("203.0.114.7"),        false),
        ("IpAddress",                 json!("203.0.113.7"),  Some("203.0.113.7"),          true),
        ("IpAddress",                 json!("0.0.0.0/0"),    Some("8.8.8.8"),              true),
        ("IpAddress",                 json!("2001:db8::/32"), Some("2001:db8:1::1"),       true),
        ("IpAddress",                 json!("0.0.0.0/0"),    Some("2001:db8::1"),          false),
        ("NotIpAddress",              json!("203.0.113.0/24"), Some("8.8.8.8"),            true),
        ("NotIpAddress",              json!("203.0.113.0/24"), Some("203.0.113.1"),        false),
        ("StringEquals",              json!("${aws:username}"), Some("me"),                true),
        ("StringEquals",              json!("${aws:absent}"),   Some(""),                  false),
        ("StringLike",                json!("${aws:username}-*"), Some("me-laptop"),       true),
        ("BinaryEquals",              json!("AAEC"),         Some("AAEC"),                 true),
    ];
    for (operator, wanted, actual, expected) in rows {
        let mut keys = context(&[("aws:username", "me")]);
        if let Some(actual) = actual {
            keys.set("the:key", actual);
        }
        let statement = json!({ "Action": "*", "Resource": "*", "Condition": { operator: { "The:Key": wanted } } });
        let row = format!("{operator} {wanted} <- {actual:?}");
        assert_eq!(allows(statement, "s3:GetObject", "arn:aws:s3:::b/k", &keys), expected, "{row}");
    }
}

#[test]
fn operators_over_keys_of_several_values() {
    #[rustfmt::skip]
    let rows: [(&str, Value, &[&str], bool); 12] = [
        ("ForAllValues:StringEquals",    json!(["a", "b"]), &["a", "b"], true),
        ("ForAllValues:StringEquals",    json!(["a", "b"]), &["a", "c"], false),
        ("ForAllValues:StringEquals",    json!(["a", "b"]), &[],         true),
        ("ForAnyValue:StringEquals",     json!(["a", "b"]), &["b", "c"], true),
        ("ForAnyValue:StringEquals",     json!(["a", "b"]), &["c"],      false),
        ("ForAnyValue:StringEquals",     json!(["a", "b"]), &[],         false),
        ("ForAllValues:StringNotEquals", json!(["a", "b"]), &["c", "d"], true),
        ("ForAllValues:StringNotEquals", json!(["a", "b"]), &["a", "d"], false),
        ("ForAnyValue:StringNotEquals",  json!(["a", "b"]), &["a", "d"], true),
        ("ForAnyValue:StringNotEquals",  json!(["a", "b"]), &[],         false),
        ("ForAllValues:StringLike",      json!("team-*"),   &["team-a"], true),
        ("ForAnyValue:StringLikeIfExists", json!("team-*"), &[],         true),
    ];
    for (operator, wanted, actual, expected) in rows {
        let mut keys = Context::new();
        keys.set_all("aws:TagKeys", actual.iter().map(|&value| value.to_owned()).collect());
        let statement = json!({ "Action": "*", "Resource": "*", "Condition": { operator: { "aws:TagKeys": wanted } } });
        let row = format!("{operator} {wanted} <- {actual:?}");
        assert_eq!(allows(statement, "s3:GetObject", "arn:aws:s3:::b/k", &keys), expected, "{row}");
    }
}

#[test]
fn all_conditions_of_a_statement_must_hold() {
    let statement = json!({
        "Action": "*",
        "Resource": "*",
        "Condition": { "StringEquals": { "a": "1", "b": "2" }, "Bool": { "c": "true" } },
    });
    let allowed = |keys: &[(&str, &str)]| allows(statement.clone(), "s3:GetObject", "arn:aws:s3:::b", &context(keys));
    assert!(allowed(&[("a", "1"), ("b", "2"), ("c", "true")]));
    assert!(!allowed(&[("a", "1"), ("b", "3"), ("c", "true")]));
    assert!(!allowed(&[("a", "1"), ("b", "2"), ("c", "false")]));
}

#[test]
fn variables_belong_to_the_later_version_alone() {
    let text = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}"#;
    let policy = Policy::parse(text).unwrap();
    assert!(!policy.variables);
}
