//! A trust policy in words: who may assume the role, and under which conditions.

use crate::domain::policy::{Clause, Condition, Effect, Policy, PolicyError, PrincipalPattern, Statement};

/// A line for each statement of a trust policy.
///
/// # Errors
/// What is no policy.
pub fn trust_in_words(document: &str) -> Result<Vec<String>, PolicyError> {
    let policy = Policy::parse(document)?;
    Ok(policy.statements.iter().map(in_words).collect())
}

/// The service that a role is made for, when people cannot assume it: `Lambda`.
pub fn only_service(document: &str) -> Option<String> {
    let policy = Policy::parse(document).ok()?;
    let mut names = Vec::new();
    for statement in policy.statements.iter().filter(|one| one.effect == Effect::Allow) {
        let Some(Clause::Any(patterns)) = &statement.principal else { return None };
        for pattern in patterns {
            let PrincipalPattern::Service(service) = pattern else { return None };
            names.push(service_name(service));
        }
    }
    names.dedup();
    (!names.is_empty()).then(|| names.join(" and "))
}

/// Whether a role is linked to a service: only that service uses it, and nobody can change its trust policy (IAM User
/// Guide, "Create a service-linked role").
pub fn is_service_linked(arn: &str) -> bool {
    arn.contains(":role/aws-service-role/")
}

fn in_words(statement: &Statement) -> String {
    let never = if statement.effect == Effect::Deny { "never " } else { "" };
    let services = match &statement.principal {
        Some(Clause::Any(patterns)) => patterns
            .iter()
            .map(|pattern| if let PrincipalPattern::Service(name) = pattern { Some(service_name(name)) } else { None })
            .collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let who = match (&statement.principal, services) {
        (_, Some(services)) if never.is_empty() => {
            return with_conditions(
                format!("only {}: a service role, not for people", services.join(" and ")),
                &statement.conditions,
            );
        }
        (Some(Clause::Any(patterns)), _) => joined(patterns.iter().map(principal), "and"),
        (Some(Clause::Not(patterns)), _) => format!("everybody but {}", joined(patterns.iter().map(principal), "and")),
        (None, _) => "nobody".into(),
    };
    with_conditions(format!("{never}{who}"), &statement.conditions)
}

fn with_conditions(who: String, conditions: &[Condition]) -> String {
    match conditions {
        [] => who,
        conditions => format!("{who}, {}", conditions_in_words(conditions)),
    }
}

/// What all conditions of a statement ask for; empty where there are none.
pub(super) fn conditions_in_words(conditions: &[Condition]) -> String {
    joined(conditions.iter().map(condition_in_words), "and")
}

fn joined(words: impl Iterator<Item = String>, last: &str) -> String {
    let words: Vec<String> = words.collect();
    match words.split_last() {
        Some((one, [])) => one.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
        None => String::new(),
    }
}

/// Whom a principal names.
pub fn principal(pattern: &PrincipalPattern) -> String {
    match pattern {
        PrincipalPattern::Everyone => "everybody, in every AWS account".into(),
        PrincipalPattern::Account(id) => format!("people of account {id}"),
        PrincipalPattern::Service(name) => service_name(name),
        PrincipalPattern::Canonical(id) => format!("the canonical user {id}"),
        PrincipalPattern::Federated(provider) => federated(provider),
        PrincipalPattern::Arn(arn) => {
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            let [.., account, resource] = parts[..] else { return arn.clone() };
            let (kind, name) = resource.split_once('/').unwrap_or(("", resource));
            let last = name.rsplit('/').next().unwrap_or(name);
            match kind {
                "user" => format!("the user {last} of account {account}"),
                "role" => format!("the role {last} of account {account}"),
                "assumed-role" => format!("the session {name} of account {account}"),
                _ => arn.clone(),
            }
        }
    }
}

fn federated(provider: &str) -> String {
    let name = provider.rsplit_once("-provider/").map_or(provider, |(_, name)| name);
    match (provider.contains(":saml-provider/"), name) {
        (true, name) => format!("people who sign in through the SAML provider {name}"),
        (_, "token.actions.githubusercontent.com") => "GitHub Actions".into(),
        (_, "cognito-identity.amazonaws.com") => "people who sign in through Cognito".into(),
        (_, name) if name.starts_with("oidc.eks.") => "pods of an EKS cluster".into(),
        (_, name) => format!("whoever {name} signs in"),
    }
}

/// A service by the name that people use.
fn service_name(principal: &str) -> String {
    let name = principal.split('.').next().unwrap_or(principal);
    match name {
        "apigateway" => "API Gateway",
        "batchoperations" => "S3 Batch Operations",
        "cloudformation" => "CloudFormation",
        "cloudtrail" => "CloudTrail",
        "codebuild" => "CodeBuild",
        "codepipeline" => "CodePipeline",
        "ec2" => "EC2",
        "ecs" => "ECS",
        "ecs-tasks" => "ECS tasks",
        "edgelambda" => "Lambda@Edge",
        "eks" => "EKS",
        "events" => "EventBridge",
        "firehose" => "Firehose",
        "glue" => "Glue",
        "lambda" => "Lambda",
        "pods" => "EKS pods",
        "s3" => "S3",
        "sagemaker" => "SageMaker",
        "scheduler" => "EventBridge Scheduler",
        "ssm" => "Systems Manager",
        "states" => "Step Functions",
        _ => return principal.to_owned(),
    }
    .to_owned()
}

/// What a condition asks for.
pub fn condition_in_words(condition: &Condition) -> String {
    let values = joined(condition.values.iter().cloned(), "or");
    let (operator, key) = (condition.operator_name.as_str(), condition.key.to_ascii_lowercase());
    let plain = ["StringEquals", "StringLike", "ArnEquals", "ArnLike", "StringEqualsIgnoreCase"].contains(&operator);
    let says_true = condition.values.iter().all(|value| value.eq_ignore_ascii_case("true"));
    let tag = |prefix: &str| Some(&condition.key[key.strip_prefix(prefix).map(|tag| key.len() - tag.len())?..]);
    match key.as_str() {
        "sts:externalid" if plain => "with the external ID".to_owned() + " " + &values,
        "aws:multifactorauthpresent" if operator.starts_with("Bool") && says_true => "with MFA".into(),
        "aws:multifactorauthage" if operator.starts_with("NumericLess") => {
            format!("with an MFA code of the last {values} seconds")
        }
        "aws:principalorgid" if plain => format!("in the organization {values}"),
        "aws:principalarn" if plain => format!("as {values}"),
        "aws:principalaccount" if plain => format!("in account {values}"),
        "sts:sourceidentity" | "aws:sourceidentity" if plain => format!("with the source identity {values}"),
        "sts:rolesessionname" if plain => format!("with the role session name {values}"),
        "aws:sourceip" if operator == "IpAddress" => format!("from {values}"),
        "aws:sourcevpc" | "aws:sourcevpce" if plain => format!("from {values}"),
        "aws:sourceaccount" if plain => format!("for account {values}"),
        "aws:sourcearn" if plain => format!("for {values}"),
        _ => match (tag("aws:principaltag/"), tag("aws:requesttag/")) {
            (Some(tag), _) if plain => format!("whose tag {tag} is {values}"),
            (_, Some(tag)) if plain => format!("with the session tag {tag} = {values}"),
            _ => format!("where {} {operator} {values}", condition.key),
        },
    }
}
