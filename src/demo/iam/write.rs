//! Changes of policies. They hold from the next request on, also for sessions that are open.

use serde_json::Value;

use super::{Call, Refused};
use crate::demo::directory::{KnownRole, Rules, Written, trust_policy, written};
use crate::domain::policy::{Clause, PolicyError, PrincipalPattern};

/// The most characters of all inline policies together, of a role and of a user, and of a trust policy.
const OF_ROLE: usize = 10_240;
const OF_USER: usize = 2_048;
const OF_TRUST: usize = 2_048;

fn malformed(message: impl Into<String>) -> Refused {
    Refused::new(400, "MalformedPolicyDocument", message)
}

/// The document of a call.
fn document(call: &Call, check: impl Fn(Value) -> Result<Written, PolicyError>) -> Result<Written, Refused> {
    let text = call.required("PolicyDocument")?;
    let value: Value = serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    check(value).map_err(|error| malformed(error.to_string()))
}

/// Characters that count: IAM leaves white space away.
fn size(written: &Written) -> usize {
    written.document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

fn put(call: &Call, rules: &Rules, most: usize, owner: &str) -> Result<String, Refused> {
    let name = call.required("PolicyName")?;
    let letters = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.len() > 128 || !name.chars().all(letters) {
        let text = "The specified value for policyName is invalid. It must contain only alphanumeric characters and/or \
                    the following: +=,.@_-";
        return Err(Refused::invalid(text));
    }
    let written = document(call, written)?;
    let set = rules.now();
    let others = set.identity.iter().filter(|one| one.arn.is_none() && one.name != name).map(|one| size(&one.written));
    if others.sum::<usize>() + size(&written) > most {
        let text = format!("Maximum policy size of {most} bytes exceeded for {owner}");
        return Err(Refused::new(409, "LimitExceeded", text));
    }
    rules.put(name, written);
    Ok(String::new())
}

fn delete(call: &Call, rules: &Rules, kind: &str) -> Result<String, Refused> {
    let name = call.required("PolicyName")?;
    match rules.remove(name) {
        true => Ok(String::new()),
        false => Err(Refused::missing(format!("The {kind} policy with name {name} cannot be found."))),
    }
}

/// The role of a call, if people may change it: what AWS made for itself is not theirs.
fn changeable<'a>(call: &Call<'a>) -> Result<&'a KnownRole, Refused> {
    let role = call.role()?;
    match role.path.starts_with("/aws-reserved/") || role.path.starts_with("/aws-service-role/") {
        true => {
            let text = format!(
                "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                role.name
            );
            Err(Refused::new(400, "UnmodifiableEntity", text))
        }
        false => Ok(role),
    }
}

/// PutRolePolicy.
pub(super) fn put_role_policy(call: &Call) -> Result<String, Refused> {
    let role = changeable(call)?;
    put(call, &role.rules, OF_ROLE, &format!("role {}", role.name))
}

/// PutUserPolicy.
pub(super) fn put_user_policy(call: &Call) -> Result<String, Refused> {
    let user = call.user()?;
    put(call, &user.caller.rules, OF_USER, &format!("user {}", user.name))
}

/// DeleteRolePolicy.
pub(super) fn delete_role_policy(call: &Call) -> Result<String, Refused> {
    delete(call, &changeable(call)?.rules, "role")
}

/// DeleteUserPolicy.
pub(super) fn delete_user_policy(call: &Call) -> Result<String, Refused> {
    delete(call, &call.user()?.caller.rules, "user")
}

/// UpdateAssumeRolePolicy.
pub(super) fn update_trust(call: &Call) -> Result<String, Refused> {
    let role = changeable(call)?;
    let trust = document(call, trust_policy)?;
    for statement in &trust.policy.statements {
        let (Some(Clause::Any(principals)) | Some(Clause::Not(principals))) = &statement.principal else {
            continue;
        };
        let unknown = principals.iter().find_map(|principal| match principal {
            PrincipalPattern::Arn(arn) if !call.state.directory.is_possible(arn) => Some(arn),
            _ => None,
        });
        if let Some(arn) = unknown {
            return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{arn}\"")));
        }
    }
    if size(&trust) > OF_TRUST {
        let text = format!("Cannot exceed quota for ACLSizePerRole: {OF_TRUST}");
        return Err(Refused::new(409, "LimitExceeded", text));
    }
    role.set_trust(trust);
    Ok(String::new())
}
