//! The policy document: from JSON text to typed statements, or an error that names the element.

use serde_json::{Map, Value};

use super::condition::Operator;

/// A policy document as in "IAM JSON policy elements reference".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether `${aws:username}` is a variable here: it is from version 2012-10-17 on.
    pub variables: bool,
    /// The Id element.
    pub id: Option<String>,
    /// The statements, in the document's order.
    pub statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The Sid element.
    pub sid: Option<String>,
    /// What the statement does when it applies.
    pub effect: Effect,
    /// Principal or NotPrincipal; absent in identity policies.
    pub principal: Option<Clause<PrincipalPattern>>,
    /// Action or NotAction.
    pub action: Clause<String>,
    /// Resource or NotResource; absent in trust policies.
    pub resource: Option<Clause<String>>,
    /// The conditions, all of which must hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows the request.
    Allow,
    /// It denies the request, whatever else allows it.
    Deny,
}

/// An element that comes plain or negated, such as Action and NotAction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause<T> {
    /// One of these.
    Any(Vec<T>),
    /// None of these.
    Not(Vec<T>),
}

/// A principal as a resource policy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`: everybody, in every account.
    Everyone,
    /// A whole account, by its twelve digits or by its root ARN.
    Account(String),
    /// A user, a role, or one session of a role, by ARN.
    Arn(String),
    /// An AWS service.
    Service(String),
    /// An identity provider.
    Federated(String),
    /// A canonical user id of S3.
    Canonical(String),
}

/// One line of a Condition block: operator, key, values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub(super) operator: Operator,
    /// The operator as it is written in the document.
    pub operator_name: String,
    /// The condition key.
    pub key: String,
    /// The values, of which one must fit.
    pub values: Vec<String>,
}

/// A document that is no policy: what is wrong, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}, at {place} of the policy")]
pub struct PolicyError {
    /// The element, such as `Statement[1].Effect`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

fn error(place: impl Into<String>, problem: impl Into<String>) -> PolicyError {
    PolicyError { place: place.into(), problem: problem.into() }
}

impl Policy {
    /// Reads any policy document.
    ///
    /// # Errors
    /// What is no JSON, or no policy by "IAM JSON policy elements reference".
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|source| error(format!("line {}, column {}", source.line(), source.column()), "not valid JSON"))?;
        Policy::from_json(&value)
    }

    /// Reads a policy of a user, role or session: every statement has a resource and none a principal.
    ///
    /// # Errors
    /// As [`Policy::parse`], and a statement of another kind of policy.
    pub fn parse_identity(text: &str) -> Result<Policy, PolicyError> {
        let policy = Policy::parse(text)?;
        policy.check_identity()?;
        Ok(policy)
    }

    /// Reads a policy from JSON that is already parsed.
    ///
    /// # Errors
    /// What is no policy by "IAM JSON policy elements reference".
    pub fn from_json(value: &Value) -> Result<Policy, PolicyError> {
        let top = value.as_object().ok_or_else(|| error("the top", "a JSON object is expected"))?;
        only(top, &["Version", "Id", "Statement"], "the top")?;
        let variables = match top.get("Version") {
            None => false,
            Some(Value::String(version)) if version == "2012-10-17" => true,
            Some(Value::String(version)) if version == "2008-10-17" => false,
            Some(_) => {
                return Err(error("Version", "\"2012-10-17\" or \"2008-10-17\" is expected"));
            }
        };
        let statements = match top.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements
                .iter()
                .enumerate()
                .map(|(index, statement)| self::statement(statement, &format!("Statement[{index}]")))
                .collect::<Result<_, _>>()?,
            Some(statement @ Value::Object(_)) => vec![self::statement(statement, "Statement")?],
            Some(_) => {
                return Err(error("Statement", "a statement or a list of statements is expected"));
            }
            None => return Err(error("the top", "the element Statement is missing")),
        };
        Ok(Policy { variables, id: text(top, "Id", "the top")?, statements })
    }

    /// Says whether this is a policy for a user, role or session.
    ///
    /// # Errors
    /// The first statement with a principal or without a resource.
    pub fn check_identity(&self) -> Result<(), PolicyError> {
        self.check(|statement, place| match (&statement.principal, &statement.resource) {
            (Some(_), _) => Err(error(place, "an identity policy has no Principal")),
            (None, None) => Err(error(place, "the element Resource is missing")),
            (None, Some(_)) => Ok(()),
        })
    }

    /// Says whether this is a trust policy of a role.
    ///
    /// # Errors
    /// The first statement without a principal or with a resource.
    pub fn check_trust(&self) -> Result<(), PolicyError> {
        self.check(|statement, place| match (&statement.principal, &statement.resource) {
            (None, _) => Err(error(place, "the element Principal is missing")),
            (Some(_), Some(_)) => Err(error(place, "a trust policy has no Resource")),
            (Some(_), None) => Ok(()),
        })
    }

    /// Says whether this is a policy of a bucket.
    ///
    /// # Errors
    /// The first statement without a principal or without a resource.
    pub fn check_bucket(&self) -> Result<(), PolicyError> {
        self.check(|statement, place| match (&statement.principal, &statement.resource) {
            (None, _) => Err(error(place, "the element Principal is missing")),
            (Some(_), None) => Err(error(place, "the element Resource is missing")),
            (Some(_), Some(_)) => Ok(()),
        })
    }

    fn check(&self, rule: impl Fn(&Statement, String) -> Result<(), PolicyError>) -> Result<(), PolicyError> {
        let mut numbered = self.statements.iter().enumerate();
        numbered.try_for_each(|(index, statement)| rule(statement, format!("Statement[{index}]")))
    }
}

fn statement(value: &Value, place: &str) -> Result<Statement, PolicyError> {
    let map = value.as_object().ok_or_else(|| error(place, "a JSON object is expected"))?;
    let known =
        ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    only(map, &known, place)?;
    let effect = match map.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(_) => {
            return Err(error(format!("{place}.Effect"), "\"Allow\" or \"Deny\" is expected"));
        }
        None => return Err(error(place, "the element Effect is missing")),
    };
    let action = clause(map, "Action", place, strings)?.ok_or_else(|| error(place, "the element Action is missing"))?;
    let (Clause::Any(names) | Clause::Not(names)) = &action;
    if let Some(name) = names.iter().find(|name| *name != "*" && !name.contains(':')) {
        return Err(error(format!("{place}.Action"), format!("{name:?} is no action; one looks like s3:GetObject")));
    }
    let resource = clause(map, "Resource", place, strings)?;
    if let Some(Clause::Any(arns) | Clause::Not(arns)) = &resource
        && let Some(arn) = arns.iter().find(|arn| *arn != "*" && !looks_like_arn(arn))
    {
        return Err(error(format!("{place}.Resource"), format!("{arn:?} is neither an ARN nor \"*\"")));
    }
    Ok(Statement {
        sid: text(map, "Sid", place)?,
        effect,
        principal: clause(map, "Principal", place, principals)?,
        action,
        resource,
        conditions: conditions(map, place)?,
    })
}

fn looks_like_arn(text: &str) -> bool {
    text.split(':').count() >= 6 && text.starts_with("arn:") || text.starts_with("arn:") && text.contains('*')
}

/// The plain or the negated form of an element; both at once are an error.
fn clause<T>(
    map: &Map<String, Value>,
    name: &str,
    place: &str,
    read: impl Fn(&Value, &str) -> Result<Vec<T>, PolicyError>,
) -> Result<Option<Clause<T>>, PolicyError> {
    let negated = format!("Not{name}");
    match (map.get(name), map.get(&negated)) {
        (Some(_), Some(_)) => Err(error(place, format!("{name} and {negated} exclude each other"))),
        (Some(value), None) => Ok(Some(Clause::Any(read(value, &format!("{place}.{name}"))?))),
        (None, Some(value)) => Ok(Some(Clause::Not(read(value, &format!("{place}.{negated}"))?))),
        (None, None) => Ok(None),
    }
}

fn strings(value: &Value, place: &str) -> Result<Vec<String>, PolicyError> {
    let wrong = || error(place, "a text or a list of texts is expected");
    match value {
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Array(many) if !many.is_empty() => {
            many.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

fn principals(value: &Value, place: &str) -> Result<Vec<PrincipalPattern>, PolicyError> {
    if value.as_str() == Some("*") {
        return Ok(vec![PrincipalPattern::Everyone]);
    }
    let map = value.as_object().ok_or_else(|| error(place, "\"*\" or an object such as {\"AWS\": …} is expected"))?;
    let mut patterns = Vec::new();
    for (kind, names) in map {
        let place = format!("{place}.{kind}");
        for name in strings(names, &place)? {
            patterns.push(match kind.as_str() {
                "AWS" => aws_principal(name, &place)?,
                "Service" => PrincipalPattern::Service(name),
                "Federated" => PrincipalPattern::Federated(name),
                "CanonicalUser" => PrincipalPattern::Canonical(name),
                _ => {
                    return Err(error(place, "AWS, Service, Federated or CanonicalUser is expected"));
                }
            });
        }
    }
    Ok(patterns)
}

fn aws_principal(name: String, place: &str) -> Result<PrincipalPattern, PolicyError> {
    if name == "*" {
        return Ok(PrincipalPattern::Everyone);
    }
    if is_account(&name) {
        return Ok(PrincipalPattern::Account(name));
    }
    // What AWS shows in place of a user or role that is no more: its unique id. Nobody is named by it.
    let is_unique_id = |id: &str| id.len() >= 16 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if (name.starts_with("AIDA") || name.starts_with("AROA")) && is_unique_id(&name) {
        return Ok(PrincipalPattern::Arn(name));
    }
    // An origin access identity of CloudFront is in no account.
    if name.starts_with("arn:aws:iam::cloudfront:user/") && !name.contains(['*', '?']) {
        return Ok(PrincipalPattern::Arn(name));
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, "root"] if is_account(account) => {
            Ok(PrincipalPattern::Account(account.to_owned()))
        }
        ["arn", _, "iam" | "sts", "", account, rest] if is_account(account) && rest.contains('/') => {
            // AWS refuses wildcards here: only the whole element may be "*".
            if name.contains(['*', '?']) {
                return Err(error(place, format!("{name:?} has a wildcard, which a principal cannot have")));
            }
            Ok(PrincipalPattern::Arn(name))
        }
        _ => Err(error(place, format!("{name:?} is no account id and no ARN of a user, role or session"))),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn conditions(map: &Map<String, Value>, place: &str) -> Result<Vec<Condition>, PolicyError> {
    let Some(block) = map.get("Condition") else {
        return Ok(Vec::new());
    };
    let place = format!("{place}.Condition");
    let block = block.as_object().ok_or_else(|| error(&place, "a JSON object is expected"))?;
    let mut conditions = Vec::new();
    for (name, keys) in block {
        let place = format!("{place}.{name}");
        let operator = Operator::parse(name).ok_or_else(|| error(&place, "an unknown condition operator"))?;
        let keys = keys.as_object().ok_or_else(|| error(&place, "an object of keys and values is expected"))?;
        for (key, values) in keys {
            let place = format!("{place}.{key}");
            conditions.push(Condition {
                operator,
                operator_name: name.clone(),
                key: key.clone(),
                values: scalars(values, &place)?,
            });
        }
    }
    Ok(conditions)
}

/// Condition values may be written as texts, numbers or booleans; AWS reads them all as texts.
fn scalars(value: &Value, place: &str) -> Result<Vec<String>, PolicyError> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(error(place, "a text, a number, true or false is expected")),
    };
    match value {
        Value::Array(many) => many.iter().map(one).collect(),
        single => Ok(vec![one(single)?]),
    }
}

fn text(map: &Map<String, Value>, name: &str, place: &str) -> Result<Option<String>, PolicyError> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(error(format!("{place}.{name}"), "a text is expected")),
    }
}

fn only(map: &Map<String, Value>, known: &[&str], place: &str) -> Result<(), PolicyError> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            Err(error(format!("{place}.{key}"), format!("an unknown element; known are {}", known.join(", "))))
        }
        None => Ok(()),
    }
}
