//! SimulatePrincipalPolicy: what a user's or role's policies would say, by the evaluator that judges here.

use std::collections::BTreeSet;

use super::{Call, Refused};
use crate::demo::sts::escape;
use crate::domain::policy::{
    Attached, Context, Decision, Policies, Policy, Principal, Request, Resource, Side, decide,
};

/// SimulatePrincipalPolicy.
pub(super) fn principal_policy(call: &Call) -> Result<String, Refused> {
    let source = call.required("PolicySourceArn")?;
    call.allow(source, source)?;
    let missing = || Refused::missing(format!("The entity with ARN {source} cannot be found."));
    let rules = call.rules_of(source).ok_or_else(missing)?.now();
    let actions = call.form.members("ActionNames", "");
    if actions.is_empty() {
        return Err(Refused::invalid(
            "1 validation error detected: Value null at 'actionNames' failed to satisfy \
                                     constraint: Member must not be null",
        ));
    }
    let resources = Some(call.form.members("ResourceArns", "")).filter(|arns| !arns.is_empty());
    let resources = resources.unwrap_or_else(|| vec!["*".to_owned()]);
    let context = context(call);
    let extra: Vec<Policy> = call
        .form
        .members("PolicyInputList", "")
        .iter()
        .map(|text| Policy::parse_identity(text))
        .collect::<Result<_, _>>()
        .map_err(|error| Refused::new(400, "InvalidInput", error.to_string()))?;
    let bucket = call.form.get("ResourcePolicy").map(Policy::parse).transpose();
    let bucket = bucket.map_err(|error| Refused::new(400, "InvalidInput", error.to_string()))?;
    let owner = call.form.get("ResourceOwner").and_then(|owner| owner.split(':').nth(4)).unwrap_or(call.account());
    let principal = principal(call, source);

    let mut identity = rules.identity();
    identity.extend(extra.iter().map(|policy| Attached { name: "PolicyInputList", policy }));
    let asked = identity.iter().flat_map(|one| &one.policy.statements).flat_map(|statement| &statement.conditions);
    let asked: BTreeSet<&str> = asked.map(|condition| condition.key.as_str()).collect();
    let unknown: String = asked
        .into_iter()
        .filter(|key| context.get(key).is_none())
        .map(|key| format!("<member>{}</member>", escape(key)))
        .collect();
    let policies = Policies {
        identity,
        boundary: rules.boundary(),
        session: Vec::new(),
        scp: call.state.directory.scp(call.account()),
        resource: Resource {
            side: Side::Bucket,
            account: owner,
            policy: bucket.as_ref().map(|policy| Attached { name: "resource policy", policy }),
        },
    };
    let mut results = Vec::new();
    for action in &actions {
        for resource in &resources {
            let request = Request { principal: &principal, action, resource, context: &context };
            let verdict = decide(&request, &policies);
            let decision = match verdict.decision {
                Decision::Allowed => "allowed",
                Decision::DeniedExplicitly => "explicitDeny",
                Decision::DeniedImplicitly => "implicitDeny",
            };
            let by = |side| verdict.is_allowed() || verdict.side != side;
            let mut details = String::new();
            if !policies.scp.is_empty() {
                details += &format!(
                    "<OrganizationsDecisionDetail><AllowedByOrganizations>{}</AllowedByOrganizations>\
                     </OrganizationsDecisionDetail>",
                    by(Side::Scp)
                );
            }
            if policies.boundary.is_some() {
                details += &format!(
                    "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>{}\
                     </AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>",
                    by(Side::Boundary)
                );
            }
            results.push(format!(
                "<EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision><MatchedStatements/>\
                 <MissingContextValues>{unknown}</MissingContextValues>{details}",
                escape(action),
                escape(resource),
            ));
        }
    }
    call.page("EvaluationResults", results)
}

/// Who would call.
fn principal(call: &Call, arn: &str) -> Principal {
    let name = arn.rsplit('/').next().unwrap_or_default();
    match call.state.directory.roles.contains_key(arn) {
        true => {
            let session = format!("arn:aws:sts::{}:assumed-role/{name}/simulation", call.account());
            Principal::session(call.account(), session, arn)
        }
        false => Principal::user(call.account(), arn),
    }
}

/// The condition keys that the call gives. IAM fills in none by itself.
fn context(call: &Call) -> Context {
    let mut context = Context::new();
    for (number, key) in (1..).zip(call.form.members("ContextEntries", "ContextKeyName")) {
        let values = call.form.members(&format!("ContextEntries.member.{number}.ContextKeyValues"), "");
        context.set_all(&key, values);
    }
    context
}
