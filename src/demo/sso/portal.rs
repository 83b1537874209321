//! The portal: what a sign-in gives, and the sessions of permission sets.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Call, Refused};
use crate::demo::directory::{Caller, Kind, KnownSet, KnownSignIn, common_keys};
use crate::demo::state::{State, locked};
use crate::demo::sts::{Opened, open};
use crate::domain::policy::{Context, Principal};

/// How many a page holds: few, so that every listing has several.
const PAGE: usize = 20;

/// Lets a bearer of a living token in; tells which sign-in it is.
fn bearer<'a>(state: &'a State, call: &Call) -> Result<(&'a KnownSignIn, u64), Refused> {
    let refused = || Refused::new(401, "UnauthorizedException", "Session token not found or invalid");
    let known = state.directory.sign_in.as_ref().ok_or_else(refused)?;
    let token = call.token.as_deref().ok_or_else(refused)?;
    let sign_ins = locked(&state.sign_ins);
    match sign_ins.tokens.get(token) {
        Some((expires, sign_in)) if *expires > state.now() => Ok((known, *sign_in)),
        _ => Err(refused()),
    }
}

fn invalid(message: impl Into<String>) -> Refused {
    Refused::new(400, "InvalidRequestException", message)
}

/// A page of `all`, and the token of the next one.
fn page(all: Vec<Value>, call: &Call) -> Result<(Vec<Value>, Option<String>), Refused> {
    let number = |name: &str| call.query.get(name).map(|text| text.parse::<usize>()).transpose();
    let from = number("next_token").map_err(|_| invalid("next_token is invalid"))?.unwrap_or(0);
    let most = number("max_result").map_err(|_| invalid("max_result is invalid"))?.unwrap_or(PAGE).clamp(1, PAGE);
    let next = (from + most < all.len()).then(|| (from + most).to_string());
    Ok((all.into_iter().skip(from).take(most).collect(), next))
}

pub(super) fn list_accounts(state: &State, call: &Call) -> Result<Value, Refused> {
    let (known, _) = bearer(state, call)?;
    let account = |(id, name, _): &(String, String, Vec<KnownSet>)| {
        let email = format!("{id}@example.com");
        json!({ "accountId": id, "accountName": name, "emailAddress": email })
    };
    let (accounts, next) = page(known.accounts.iter().map(account).collect(), call)?;
    Ok(json!({ "accountList": accounts, "nextToken": next }))
}

fn sets<'a>(known: &'a KnownSignIn, call: &Call) -> Result<(&'a str, &'a [KnownSet]), Refused> {
    let wanted = call.get("account_id")?;
    match known.accounts.iter().find(|(id, ..)| id == wanted) {
        Some((id, _, sets)) => Ok((id, sets)),
        None => Err(Refused::new(403, "ForbiddenException", "No access")),
    }
}

pub(super) fn list_account_roles(state: &State, call: &Call) -> Result<Value, Refused> {
    let (known, _) = bearer(state, call)?;
    let (id, sets) = sets(known, call)?;
    let role = |set: &KnownSet| json!({ "roleName": set.name, "accountId": id });
    let (roles, next) = page(sets.iter().map(role).collect(), call)?;
    Ok(json!({ "roleList": roles, "nextToken": next }))
}

pub(super) fn get_role_credentials(state: &State, call: &Call) -> Result<Value, Refused> {
    let (known, _) = bearer(state, call)?;
    let (id, sets) = sets(known, call)?;
    let wanted = call.get("role_name")?;
    let set = sets.iter().find(|set| set.name == wanted);
    let set = set.ok_or_else(|| Refused::new(403, "ForbiddenException", "No access"))?;
    let Opened { key, secret, token, expires } = open(state, session(set, id, &known.user), set.session_seconds);
    Ok(json!({ "roleCredentials": {
        "accessKeyId": key,
        "secretAccessKey": secret.expose_secret(),
        "sessionToken": token.expose_secret(),
        "expiration": expires.as_millisecond(),
    } }))
}

/// A session of the role that the permission set became in the account, named by the user.
fn session(set: &KnownSet, account: &str, user: &str) -> Caller {
    let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{user}", set.role_name);
    let user_id = format!("{}:{user}", set.id);
    let mut context = Context::new();
    common_keys(&mut context, account, &set.role_arn, &user_id);
    context.set("aws:PrincipalType", "AssumedRole").set("sts:RoleSessionName", user);
    Caller {
        principal: Principal::session(account, arn, &set.role_arn),
        user_id,
        // What is assumed from here is role chaining.
        kind: Kind::RoleSession,
        rules: set.rules.clone(),
        session_policies: Vec::new(),
        context,
        mfa_at: None,
        transitive_tags: Vec::new(),
        source_identity: None,
    }
}

pub(super) fn logout(state: &State, call: &Call) -> Result<Value, Refused> {
    let (_, sign_in) = bearer(state, call)?;
    locked(&state.sign_ins).end(sign_in);
    Ok(json!({}))
}
