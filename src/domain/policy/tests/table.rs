//! The published rules, one line each: `table.txt` has the cases and tells how a line is read.
//!
//! The cases follow "Policy evaluation logic", "Cross-account policy evaluation logic", "IAM JSON policy elements" and
//! "AWS global condition context keys" of the IAM User Guide.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::policy::{
    Attached, Context, Decision, Opinion, Policies, Policy, Principal, Request, Resource, Side, decide,
};

const TABLE: &str = include_str!("table.txt");

/// Who may call.
fn caller(name: &str) -> Principal {
    let session = |account: &str, role: &str| {
        let plain = role.rsplit('/').next().unwrap();
        let arn = format!("arn:aws:sts::{account}:assumed-role/{plain}/run");
        Principal::session(account, arn, format!("arn:aws:iam::{account}:role/{role}"))
    };
    match name {
        "user" => Principal::user("111111111111", "arn:aws:iam::111111111111:user/team/me"),
        "role" => session("111111111111", "team/Reader"),
        "root" => Principal::root("111111111111"),
        "lambda" => Principal::service("lambda.amazonaws.com"),
        "stranger" => Principal::user("999999999999", "arn:aws:iam::999999999999:user/x"),
        other => panic!("no caller {other}"),
    }
}

/// A principal as a policy writes it.
fn principal(word: &str) -> Value {
    let aws = |arn: &str| json!({ "AWS": arn });
    match word {
        "*" => json!("*"),
        "aws*" => aws("*"),
        "user" => aws("arn:aws:iam::111111111111:user/team/me"),
        "other" => aws("arn:aws:iam::111111111111:user/other"),
        "role" => aws("arn:aws:iam::111111111111:role/team/Reader"),
        "pathless" => aws("arn:aws:iam::111111111111:role/Reader"),
        "session" => aws("arn:aws:sts::111111111111:assumed-role/Reader/run"),
        "session2" => aws("arn:aws:sts::111111111111:assumed-role/Reader/other"),
        "account" => aws("111111111111"),
        "root" => aws("arn:aws:iam::111111111111:root"),
        "foreign" => aws("999999999999"),
        "lambda" => json!({ "Service": "lambda.amazonaws.com" }),
        "ec2" => json!({ "Service": "ec2.amazonaws.com" }),
        "saml" => json!({ "Federated": "arn:aws:iam::111111111111:saml-provider/p" }),
        "canonical" => json!({ "CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be" }),
        other => panic!("no principal {other}"),
    }
}

/// One statement: `+` or `-`, then words such as `P:user`, `!A:s3:Get*`, `R:b/*`, `C:Bool:key=true`.
fn statement(text: &str, side: Side) -> Value {
    let text = text.trim();
    let (effect, words) = match text.split_at(1) {
        ("+", words) => ("Allow", words),
        ("-", words) => ("Deny", words),
        _ => panic!("{text:?} is no statement"),
    };
    let mut statement = json!({ "Effect": effect });
    let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut conditions = json!({});
    for word in words.split_whitespace() {
        let (negated, word) = word.strip_prefix('!').map_or(("", word), |word| ("Not", word));
        let (kind, value) = word.split_once(':').unwrap();
        match kind {
            "P" => statement[format!("{negated}Principal")] = principal(value),
            "A" => lists.entry(format!("{negated}Action")).or_default().push(json!(value)),
            "R" => {
                let whole = value == "*" || value.starts_with("arn:");
                let arn = if whole { value.to_owned() } else { format!("arn:aws:s3:::{value}") };
                lists.entry(format!("{negated}Resource")).or_default().push(json!(arn));
            }
            "C" => {
                // The operator may have a colon itself: ForAnyValue:StringLike.
                let place = match value.starts_with("For") {
                    true => value.match_indices(':').nth(1).unwrap().0,
                    false => value.find(':').unwrap(),
                };
                let (operator, (key, values)) = (&value[..place], value[place + 1..].split_once('=').unwrap());
                let values: Vec<&str> = values.split('|').map(|value| if value == "''" { "" } else { value }).collect();
                conditions[operator][key] = json!(values);
            }
            _ => panic!("{word:?} is no word of a statement"),
        }
    }
    for (element, values) in lists {
        statement[element] = Value::Array(values);
    }
    if conditions != json!({}) {
        statement["Condition"] = conditions;
    }
    // What a line does not say does not matter in it.
    if statement.get("Action").is_none() && statement.get("NotAction").is_none() {
        statement["Action"] = json!("*");
    }
    if side != Side::Trust && statement.get("Resource").is_none() && statement.get("NotResource").is_none() {
        statement["Resource"] = json!("*");
    }
    statement
}

struct Case {
    who: Principal,
    action: String,
    resource: String,
    context: Context,
    owner: String,
    side: Side,
    policies: Vec<(Side, Policy)>,
    expected: (Decision, Side),
}

fn case(line: &str) -> Case {
    let fields: Vec<&str> = line.split(';').map(str::trim).collect();
    let [call, policies @ .., expected] = &fields[..] else { panic!("{line:?}") };
    let mut words = call.split_whitespace();
    let who = caller(words.next().unwrap());
    let action = words.next().unwrap().to_owned();
    let resource = words.next().unwrap();
    let mut context = Context::new();
    context.set("aws:PrincipalArn", who.principal_arn()).set("aws:PrincipalAccount", &who.account);
    let mut owner = "111111111111".to_owned();
    for word in words {
        let (key, values) = word.split_once('=').unwrap();
        match key {
            "owner" => owner = values.to_owned(),
            _ => {
                let values = values.split('|').filter(|value| !value.is_empty());
                let values: Vec<String> = values.map(str::to_owned).collect();
                context.set_all(key, values);
            }
        }
    }
    let side = match action.split(':').next().unwrap() {
        "sts" => Side::Trust,
        "kms" => Side::Kms,
        _ => Side::Bucket,
    };
    let parsed = policies.iter().filter(|text| !text.is_empty()).map(|text| {
        let (kind, text) = text.split_once(' ').unwrap_or_else(|| panic!("{text:?}"));
        let of = match kind {
            "id" => Side::Identity,
            "res" => side,
            "bound" => Side::Boundary,
            "session" => Side::Session,
            "scp" => Side::Scp,
            other => panic!("no policy {other}"),
        };
        let version = if text.trim().starts_with("2008") { "2008-10-17" } else { "2012-10-17" };
        let text = text.trim().trim_start_matches("2008");
        let statements: Vec<Value> = text.split(" & ").map(|text| statement(text, of)).collect();
        let document = json!({ "Version": version, "Statement": statements });
        (of, Policy::from_json(&document).unwrap_or_else(|error| panic!("{line}: {error}")))
    });
    let policies: Vec<(Side, Policy)> = parsed.collect();
    let (decision, by) = expected.split_once(' ').unwrap();
    let decision = match decision {
        "allow" => Decision::Allowed,
        "deny" => Decision::DeniedExplicitly,
        "none" => Decision::DeniedImplicitly,
        other => panic!("no decision {other}"),
    };
    let own = match who.kind {
        crate::domain::policy::PrincipalKind::Session { .. } => Side::Permissions,
        _ => Side::Identity,
    };
    let by = match by {
        "id" => own,
        "res" => side,
        "bound" => Side::Boundary,
        "session" => Side::Session,
        "scp" => Side::Scp,
        other => panic!("no side {other}"),
    };
    let arn = match resource {
        "role" => "arn:aws:iam::111111111111:role/ops".to_owned(),
        "key" => "arn:aws:kms:eu-west-1:111111111111:key/1".to_owned(),
        whole if whole == "*" || whole.starts_with("arn:") => whole.to_owned(),
        path => format!("arn:aws:s3:::{path}"),
    };
    Case { who, action, resource: arn, context, owner, side, policies, expected: (decision, by) }
}

impl Case {
    fn run(&self) -> ((Decision, Side), bool) {
        let of = |side: Side| -> Vec<Attached> {
            let all = self.policies.iter().filter(|(of, _)| *of == side);
            all.map(|(_, policy)| Attached { name: "p", policy }).collect()
        };
        let policies = Policies {
            identity: of(Side::Identity),
            boundary: of(Side::Boundary).first().copied(),
            session: of(Side::Session),
            scp: of(Side::Scp),
            resource: Resource { side: self.side, account: &self.owner, policy: of(self.side).first().copied() },
        };
        let request =
            Request { principal: &self.who, action: &self.action, resource: &self.resource, context: &self.context };
        let verdict = decide(&request, &policies);
        // A denial has its statement among the sides, and an allowed request no side that denies.
        let denied = verdict.sides.iter().any(|side| side.opinion == Opinion::Denies);
        ((verdict.decision, verdict.side), denied)
    }
}

fn lines() -> impl Iterator<Item = (usize, &'static str)> {
    let numbered = TABLE.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn the_published_rules() {
    let mut wrong = Vec::new();
    for (number, line) in lines() {
        let case = case(line);
        let (decided, denied) = case.run();
        if decided != case.expected || denied != (decided.0 == Decision::DeniedExplicitly) {
            wrong.push(format!("line {number}: {line}\n    decided {decided:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_as_long_as_it_should_be() {
    let mut seen = std::collections::BTreeSet::new();
    for (number, line) in lines() {
        assert!(seen.insert(line), "line {number} is there twice: {line}");
    }
    assert!(seen.len() >= 200, "{} cases", seen.len());
}
