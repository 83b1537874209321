//! IAM in the query protocol: what users and roles are, what is attached to them, and how that is changed. See the
//! IAM API Reference. Every call is about the caller's own account.

mod policies;
mod shape;
mod simulate;
mod write;

use std::borrow::Cow;

use hyper::http::request::Parts;

use super::access::{Refusal, caller, clock_agrees, judge, session_token};
use super::cloud::Reset;
use super::directory::{Caller, Keys, Kind, KnownRole, Rules};
use super::random;
use super::signature::Signature;
use super::state::{State, locked};
use super::sts::{Form, escape};
use crate::domain::policy::{Context, Request, Resource, Side, denial};
use secrecy::SecretString;

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// The version by which a form says that it is for IAM.
pub(super) const VERSION: &str = "2010-05-08";

/// A refused call.
#[derive(Debug)]
struct Refused {
    status: u16,
    code: Cow<'static, str>,
    message: String,
}

impl Refused {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refused {
        Refused { status, code: code.into(), message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Refused {
        Refused::new(400, "ValidationError", message)
    }

    fn missing(message: impl Into<String>) -> Refused {
        Refused::new(404, "NoSuchEntity", message)
    }
}

/// Answers a call: status and XML.
pub(super) async fn answer(state: &State, parts: &Parts, body: &[u8]) -> (u16, String) {
    let form = Form::parse(body);
    let id = random::request_id();
    match dispatch(state, parts, body, &form).await {
        Ok(result) => {
            let action = form.get("Action").unwrap_or_default();
            let result = match result.is_empty() {
                true => String::new(),
                false => format!("<{action}Result>{result}</{action}Result>"),
            };
            let metadata = format!("<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>");
            (200, format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>"))
        }
        Err(Refused { status, code, message }) => {
            let fault = if status < 500 { "Sender" } else { "Receiver" };
            let error = format!(
                "<Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId>",
                escape(&code),
                escape(&message)
            );
            (status, format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{error}</ErrorResponse>"))
        }
    }
}

async fn dispatch(state: &State, parts: &Parts, body: &[u8], form: &Form) -> Result<String, Refused> {
    let name = form.get("Action").unwrap_or_default();
    let action = format!("iam:{name}");
    let caller = signed_by(state, parts, body)?;
    let fault = state.ledger.note(&action, None).unwrap_or_default();
    if let Some(signature) = Signature::of(parts) {
        state.ledger.signed(&action, signature.access_key);
    }
    tokio::time::sleep(fault.delay).await;
    if fault.reset {
        Reset::ask(&parts.extensions);
    }
    if let Some((status, code)) = fault.error {
        let message = "The test asked for this failure.".to_owned();
        return Err(Refused { status, code: code.into(), message });
    }
    state.ledger.keep(&action, form.fields());
    let call = Call { state, caller: &caller, form, action: &action };
    match name {
        "GetRole" => Ok(format!("<Role>{}</Role>", shape::role(call.role()?, true))),
        "GetUser" => Ok(format!("<User>{}</User>", shape::user(call.user_or_caller()?))),
        "ListRoles" => call.list_roles(),
        "ListRoleTags" => {
            let tags = call.role()?.tags.iter().map(shape::tag).collect();
            call.page("Tags", tags)
        }
        "ListGroupsForUser" => {
            call.user()?;
            call.page("Groups", Vec::new())
        }
        "ListRolePolicies" => policies::inline(&call, &call.role()?.rules),
        "ListUserPolicies" => policies::inline(&call, &call.user()?.caller.rules),
        "ListAttachedRolePolicies" => policies::attached(&call, &call.role()?.rules),
        "ListAttachedUserPolicies" => policies::attached(&call, &call.user()?.caller.rules),
        "GetRolePolicy" => policies::one_of_role(&call),
        "GetUserPolicy" => policies::one_of_user(&call),
        "GetPolicy" => policies::managed(&call),
        "GetPolicyVersion" => policies::version(&call),
        "SimulatePrincipalPolicy" => simulate::principal_policy(&call),
        "PutRolePolicy" => write::put_role_policy(&call),
        "PutUserPolicy" => write::put_user_policy(&call),
        "DeleteRolePolicy" => write::delete_role_policy(&call),
        "DeleteUserPolicy" => write::delete_user_policy(&call),
        "UpdateAssumeRolePolicy" => write::update_trust(&call),
        other => {
            let text = format!("Could not find operation {other} for version {VERSION}");
            Err(Refused::new(400, "InvalidAction", text))
        }
    }
}

/// The caller, if the signature is right.
fn signed_by(state: &State, parts: &Parts, body: &[u8]) -> Result<std::sync::Arc<Caller>, Refused> {
    let unknown =
        || Refused::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    let signature = Signature::of(parts)
        .ok_or_else(|| Refused::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"))?;
    let secret = secret(state, signature.access_key).ok_or_else(unknown)?;
    if !signature.is_right(parts, body, &secret) {
        let text = "The request signature we calculated does not match the signature you provided. Check your AWS \
                    Secret Access Key and signing method. Consult the service documentation for details.";
        return Err(Refused::new(403, "SignatureDoesNotMatch", text));
    }
    if !clock_agrees(state, &parts.headers) {
        let text = "Signature expired: the request's time is too far from the time of the service";
        return Err(Refused::new(403, "SignatureDoesNotMatch", text));
    }
    let token = session_token(&parts.headers, &parts.uri);
    let caller = caller(state, signature.access_key, token.as_deref()).map_err(|refusal| match refusal {
        Refusal::UnknownKey | Refusal::WrongToken => unknown(),
        Refusal::Expired => Refused::new(403, "ExpiredToken", "The security token included in the request is expired"),
    })?;
    // "You cannot call any IAM API operations unless MFA authentication information is included": GetSessionToken.
    match caller.kind == Kind::UserSession && caller.mfa_at.is_none() {
        true => Err(unknown()),
        false => Ok(caller),
    }
}

fn secret(state: &State, access_key: &str) -> Option<SecretString> {
    let user = state.directory.users.get(access_key).map(|keys| keys.secret.clone());
    user.or_else(|| locked(&state.sessions).get(access_key).map(|session| session.secret.clone()))
}

/// A call with everything that it is judged by.
struct Call<'a> {
    state: &'a State,
    caller: &'a Caller,
    form: &'a Form,
    action: &'a str,
}

impl<'a> Call<'a> {
    fn account(&self) -> &'a str {
        &self.caller.principal.account
    }

    fn required(&self, field: &str) -> Result<&'a str, Refused> {
        self.form.get(field).ok_or_else(|| {
            let name = field.chars().next().map(|first| first.to_ascii_lowercase()).into_iter().collect::<String>();
            let rest = field.get(1..).unwrap_or_default();
            Refused::invalid(format!(
                "1 validation error detected: Value null at '{name}{rest}' failed to satisfy constraint: Member must \
                 not be null"
            ))
        })
    }

    /// Lets the caller do this on `resource`, which messages call `shown`.
    fn allow(&self, resource: &str, shown: &str) -> Result<(), Refused> {
        let mut context = Context::new();
        context.set("aws:ResourceAccount", self.account());
        let request = Request { principal: &self.caller.principal, action: self.action, resource, context: &context };
        let owner = Resource { side: Side::Identity, account: self.account(), policy: None };
        let verdict = judge(self.state, self.caller, &request, owner);
        match verdict.is_allowed() {
            true => Ok(()),
            false => {
                let request = Request { resource: shown, ..request };
                Err(Refused::new(403, "AccessDenied", denial(&verdict, &request)))
            }
        }
    }

    /// The role that is named, of the caller's account: IAM knows no other.
    fn role(&self) -> Result<&'a KnownRole, Refused> {
        let name = self.required("RoleName")?;
        let role = self.state.directory.role(self.account(), name);
        let guess = format!("arn:aws:iam::{}:role/{name}", self.account());
        self.allow(role.map_or(&guess, |role| &role.arn), &format!("role {name}"))?;
        role.ok_or_else(|| Refused::missing(format!("The role with name {name} cannot be found.")))
    }

    /// The user that is named.
    fn user(&self) -> Result<&'a Keys, Refused> {
        let name = self.required("UserName")?;
        let user = self.state.directory.user(self.account(), name);
        let guess = format!("arn:aws:iam::{}:user/{name}", self.account());
        self.allow(user.map_or(&guess, |user| &user.caller.principal.arn), &format!("user {name}"))?;
        user.ok_or_else(|| Refused::missing(format!("The user with name {name} cannot be found.")))
    }

    /// The user that is named, or the one who calls.
    fn user_or_caller(&self) -> Result<&'a Keys, Refused> {
        if self.form.get("UserName").is_some() {
            return self.user();
        }
        let own = |keys: &&Keys| keys.caller.user_id == self.caller.user_id;
        let user = self.state.directory.users.values().find(own);
        let user = user.filter(|_| self.caller.kind != Kind::RoleSession);
        let user =
            user.ok_or_else(|| Refused::invalid("Must specify userName when calling with non-User credentials"))?;
        self.allow(&user.caller.principal.arn, &format!("user {}", user.name))?;
        Ok(user)
    }

    fn list_roles(&self) -> Result<String, Refused> {
        let path = self.form.get("PathPrefix").unwrap_or("/");
        let resource = format!("arn:aws:iam::{}:role{path}", self.account());
        self.allow(&resource, &resource)?;
        let all = self.state.directory.roles.values();
        let mut roles: Vec<_> =
            all.filter(|role| role.account == self.account() && role.path.starts_with(path)).collect();
        roles.sort_by(|one, other| one.name.cmp(&other.name));
        self.page("Roles", roles.into_iter().map(|role| shape::role(role, false)).collect())
    }

    /// A page of a list: those after Marker, MaxItems of them.
    fn page(&self, list: &str, members: Vec<String>) -> Result<String, Refused> {
        /// What a page has when nothing is said.
        const PAGE: usize = 100;
        let number = |field: &str, default: usize| match self.form.get(field) {
            Some(text) => text.parse::<usize>().map_err(|_| Refused::invalid(format!("Invalid {field}: {text}"))),
            None => Ok(default),
        };
        let from = number("Marker", 0)?;
        let most = number("MaxItems", PAGE)?.clamp(1, 1000);
        let page: String =
            members.iter().skip(from).take(most).map(|member| format!("<member>{member}</member>")).collect();
        let marker = match from + most < members.len() {
            true => format!("<IsTruncated>true</IsTruncated><Marker>{}</Marker>", from + most),
            false => "<IsTruncated>false</IsTruncated>".to_owned(),
        };
        Ok(format!("<{list}>{page}</{list}>{marker}"))
    }

    /// The policies of a user or role by its ARN, in the caller's account.
    fn rules_of(&self, arn: &str) -> Option<&'a Rules> {
        let directory = &self.state.directory;
        let role = directory.roles.get(arn).filter(|role| role.account == self.account());
        let user = || {
            let known = |keys: &&Keys| keys.caller.principal.arn == arn;
            directory.users.values().filter(|keys| keys.caller.principal.account == self.account()).find(known)
        };
        role.map(|role| &*role.rules).or_else(|| user().map(|user| &*user.caller.rules))
    }
}
