//! AssumeRole: the checks in the order that AWS makes them, then the session.

use secrecy::ExposeSecret as _;

use super::session::{constraint, credentials, duration, mfa};
use super::{Form, Refused, escape};
use crate::demo::access::judge;
use crate::demo::directory::{Caller, Kind, KnownRole, common_keys, tag_keys};
use crate::demo::managed;
use crate::demo::state::{State, locked};
use crate::domain::policy::{Attached, Context, Policy, Principal, Request, Resource, Side, denial};

/// The longest DurationSeconds of a role's session by default, and the most for role chaining.
const HOUR: u32 = 3600;
/// The most characters of a session policy, and of what it is packed with.
const POLICY_CHARACTERS: usize = 2048;
const POLICY_ARNS: usize = 10;
const TAGS: usize = 50;

/// Everything of the form, checked for its syntax.
struct Wanted<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    seconds: Option<u32>,
    tags: Vec<(String, String)>,
    transitive_keys: Vec<String>,
    session_policies: Vec<(String, Policy)>,
    /// How much of the room for session policies and tags is used, in percent.
    packed: usize,
}

/// AssumeRole.
pub(super) fn assume_role(state: &State, caller: &Caller, form: &Form) -> Result<String, Refused> {
    let wanted = wanted(form)?;
    let mfa_at = mfa(state, caller, form)?;
    if let (Some(old), Some(new)) = (&caller.source_identity, wanted.source_identity)
        && old != new
    {
        return Err(Refused::denied("You cannot change the source identity of a session".to_owned()));
    }
    let context = request_keys(caller, &wanted, mfa_at.is_some());
    let role = state.directory.roles.get(wanted.role_arn);
    let mut actions = vec!["sts:AssumeRole"];
    if !wanted.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if wanted.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    for action in actions {
        authorize(state, caller, &wanted, role, action, &context)?;
    }
    // `authorize` lets nobody into a role that does not exist.
    let Some(role) = role else {
        return Err(Refused::denied("Access denied"));
    };
    let seconds = wanted.seconds.unwrap_or(HOUR);
    if caller.kind == Kind::RoleSession && seconds > HOUR {
        return Err(Refused::invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    if seconds > role.max_session_seconds {
        return Err(Refused::invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let seconds = role.session_seconds.map_or(seconds, |cut| seconds.min(cut));
    let session = session(Some(caller), role, &wanted, mfa_at);
    *locked(&role.last_used) = Some(state.now());
    Ok(answer(state, session, seconds, wanted.packed))
}

/// AssumeRoleWithWebIdentity, which nobody signs: the token says who comes.
pub(super) fn assume_role_with_web_identity(state: &State, form: &Form) -> Result<String, Refused> {
    let wanted = wanted(form)?;
    let token = form.get("WebIdentityToken").unwrap_or_default();
    let role = state.directory.roles.get(wanted.role_arn);
    let known = role.and_then(|role| role.web_identity_token.as_ref());
    let (Some(role), Some(known)) = (role, known) else {
        return Err(Refused::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity"));
    };
    if known.expose_secret() != token {
        let text = "Couldn't retrieve verification key from your identity provider";
        return Err(Refused::new(400, "InvalidIdentityToken", text));
    }
    let seconds = wanted.seconds.unwrap_or(HOUR);
    if seconds > role.max_session_seconds {
        return Err(Refused::invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(answer(state, session(None, role, &wanted, None), seconds, wanted.packed))
}

/// What both calls answer: the credentials, and who they are.
fn answer(state: &State, session: Caller, seconds: u32, packed: usize) -> String {
    let source_identity = session
        .source_identity
        .as_ref()
        .map_or(String::new(), |identity| format!("<SourceIdentity>{}</SourceIdentity>", escape(identity)));
    let packed = match packed {
        0 => String::new(),
        percent => format!("<PackedPolicySize>{percent}</PackedPolicySize>"),
    };
    let user = format!(
        "<AssumedRoleUser><AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>",
        escape(&session.user_id),
        escape(&session.principal.arn)
    );
    format!("{}{user}{packed}{source_identity}", credentials(state, session, seconds))
}

fn wanted(form: &Form) -> Result<Wanted<'_>, Refused> {
    let required = |name: &str, field: &str| {
        form.get(name).ok_or_else(|| {
            Refused::invalid(format!(
                "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
            ))
        })
    };
    let role_arn = required("RoleArn", "roleArn")?;
    let parts: Vec<&str> = role_arn.splitn(6, ':').collect();
    let is_role = matches!(parts[..], ["arn", _, "iam", "", account, rest]
        if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with("role/"));
    if !is_role {
        return Err(Refused::invalid(format!("{role_arn} is invalid")));
    }
    let session_name = required("RoleSessionName", "roleSessionName")?;
    characters("roleSessionName", session_name, 2..=64, "=,.@-", "[\\w+=,.@-]*")?;
    let external_id = form.get("ExternalId");
    if let Some(id) = external_id {
        characters("externalId", id, 2..=1224, "=,.@:/-", "[\\w+=,.@:\\/-]*")?;
    }
    let source_identity = form.get("SourceIdentity");
    if let Some(identity) = source_identity {
        characters("sourceIdentity", identity, 2..=64, "=,.@-", "[\\w+=,.@-]*")?;
    }
    let tags: Vec<(String, String)> =
        form.members("Tags", "Key").into_iter().zip(form.members("Tags", "Value")).collect();
    if tags.len() > TAGS {
        return Err(constraint("tags", &tags.len().to_string(), "have length less than or equal to 50"));
    }
    let transitive_keys = form.members("TransitiveTagKeys", "");
    if let Some(key) = transitive_keys.iter().find(|key| !tags.iter().any(|(tag, _)| tag == *key)) {
        return Err(Refused::invalid(format!("The transitive tag key {key} is not among the session tags")));
    }
    let (session_policies, packed) = session_policies(form, &tags)?;
    Ok(Wanted {
        role_arn,
        session_name,
        external_id,
        source_identity,
        seconds: duration(form, 43_200)?,
        tags,
        transitive_keys,
        session_policies,
        packed,
    })
}

/// Holds a field against its length and its letters: `\w` and `+`, and the given ones.
fn characters(
    field: &str,
    value: &str,
    length: std::ops::RangeInclusive<usize>,
    more: &str,
    pattern: &str,
) -> Result<(), Refused> {
    if value.len() < *length.start() {
        return Err(constraint(field, value, &format!("have length greater than or equal to {}", length.start())));
    }
    if value.len() > *length.end() {
        return Err(constraint(field, value, &format!("have length less than or equal to {}", length.end())));
    }
    match value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '+' || more.contains(c)) {
        true => Ok(()),
        false => Err(constraint(field, value, &format!("satisfy regular expression pattern: {pattern}"))),
    }
}

/// The session policies, and the share of their room that they take together with the tags.
///
/// AWS packs them in a way of its own and tells only the percentage; here their characters are counted.
fn session_policies(form: &Form, tags: &[(String, String)]) -> Result<(Vec<(String, Policy)>, usize), Refused> {
    let mut policies = Vec::new();
    let mut size: usize = tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    if let Some(text) = form.get("Policy") {
        if text.chars().count() > POLICY_CHARACTERS {
            return Err(constraint("policy", "…", "have length less than or equal to 2048"));
        }
        let policy = Policy::parse_identity(text)
            .map_err(|error| Refused::new(400, "MalformedPolicyDocument", error.to_string()))?;
        size += text.chars().filter(|c| !c.is_whitespace()).count();
        policies.push(("session policy".to_owned(), policy));
    }
    let arns = form.members("PolicyArns", "arn");
    if arns.len() > POLICY_ARNS {
        return Err(constraint("policyArns", &arns.len().to_string(), "have length less than or equal to 10"));
    }
    for arn in arns {
        let policy = managed::policy(&arn)
            .ok_or_else(|| Refused::invalid(format!("Policy {arn} does not exist or is not attachable.")))?;
        size += arn.len();
        policies.push((arn, policy));
    }
    let packed = size.div_ceil(POLICY_CHARACTERS / 100);
    if size > POLICY_CHARACTERS {
        let text = format!("Packed policy consumes {packed}% of allotted space, please use smaller policy.");
        return Err(Refused::new(400, "PackedPolicyTooLarge", text));
    }
    Ok((policies, packed))
}

/// The condition keys of this call, as in "Actions, resources, and condition keys for AWS STS".
fn request_keys(caller: &Caller, wanted: &Wanted, mfa: bool) -> Context {
    let mut context = Context::new();
    context.set("sts:RoleSessionName", wanted.session_name);
    if let Some(id) = wanted.external_id {
        context.set("sts:ExternalId", id);
    }
    if let Some(identity) = wanted.source_identity {
        context.set("sts:SourceIdentity", identity);
    }
    for (key, value) in &wanted.tags {
        context.set(&format!("aws:RequestTag/{key}"), value);
    }
    let keys = wanted.tags.iter().map(|(key, _)| key.clone()).collect();
    context.set_all("aws:TagKeys", keys).set_all("sts:TransitiveTagKeys", wanted.transitive_keys.clone());
    if mfa {
        context.set("aws:MultiFactorAuthPresent", "true").set("aws:MultiFactorAuthAge", "0");
    } else if caller.kind == Kind::RoleSession {
        // Role chaining passes no MFA on, whatever the first session had.
        context.set("aws:MultiFactorAuthPresent", "false");
    }
    context
}

/// Asks the caller's policies and the role's trust policy. A role that does not exist trusts nobody, and looks
/// from outside like one that trusts somebody else.
fn authorize(
    state: &State,
    caller: &Caller,
    wanted: &Wanted,
    role: Option<&KnownRole>,
    action: &str,
    context: &Context,
) -> Result<(), Refused> {
    let account = wanted.role_arn.split(':').nth(4).unwrap_or_default();
    let trust = role.map(KnownRole::trust);
    let trust = trust.as_ref().map(|trust| Attached { name: "trust policy", policy: &trust.policy });
    let mut context = context.clone();
    context.set("aws:ResourceAccount", account);
    let request = Request { principal: &caller.principal, action, resource: wanted.role_arn, context: &context };
    let resource = Resource { side: Side::Trust, account, policy: trust };
    let verdict = judge(state, caller, &request, resource);
    match verdict.is_allowed() {
        true => Ok(()),
        false => Err(Refused::denied(denial(&verdict, &request))),
    }
}

/// The session's own identity.
fn session(caller: Option<&Caller>, role: &KnownRole, wanted: &Wanted, mfa_at: Option<i64>) -> Caller {
    let account = &role.account;
    let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{}", role.name, wanted.session_name);
    let user_id = format!("{}:{}", role.id, wanted.session_name);
    let source_identity = wanted.source_identity.map(str::to_owned).or_else(|| caller?.source_identity.clone());

    let mut context = Context::new();
    common_keys(&mut context, account, &role.arn, &user_id);
    context
        .set("aws:PrincipalType", "AssumedRole")
        .set("sts:RoleSessionName", wanted.session_name)
        .set("aws:MultiFactorAuthPresent", mfa_at.is_some().to_string());
    if let Some(identity) = &source_identity {
        context.set("aws:SourceIdentity", identity);
    }
    // Later ones win: a session tag over the role's own, an inherited transitive tag over both.
    let own = wanted.tags.iter().filter(|(key, _)| wanted.transitive_keys.contains(key)).cloned();
    let mut transitive_tags: Vec<(String, String)> = own.collect();
    transitive_tags.extend(caller.iter().flat_map(|caller| caller.transitive_tags.iter().cloned()));
    tag_keys(&mut context, &role.tags);
    tag_keys(&mut context, &wanted.tags);
    tag_keys(&mut context, &transitive_tags);
    Caller {
        principal: Principal::session(account, arn, &role.arn),
        user_id,
        kind: Kind::RoleSession,
        rules: role.rules.clone(),
        session_policies: wanted.session_policies.clone(),
        context,
        mfa_at,
        transitive_tags,
        source_identity,
    }
}
