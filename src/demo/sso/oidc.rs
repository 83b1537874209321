//! Clients, codes and tokens: RFC 6749 with RFC 7636 and RFC 8628, as far as IAM Identity Center has them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Call, Client, Code, Device, Refused, SignIns};
use crate::demo::directory::KnownSignIn;
use crate::demo::random;
use crate::demo::state::{State, locked};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const AUTHORIZATION_CODE: &str = "authorization_code";
const REFRESH_TOKEN: &str = "refresh_token";

/// AWS gives 90 days to clients, 10 minutes to codes.
const CLIENT_LIFE: Duration = Duration::from_secs(90 * 86_400);
const CODE_LIFE: Duration = Duration::from_secs(600);
/// Seconds between two questions whether the person has said yes.
const INTERVAL: i64 = 1;

fn after(now: Timestamp, life: Duration) -> Timestamp {
    now.checked_add(life).unwrap_or(Timestamp::MAX)
}

fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes(32))
}

fn invalid(message: impl Into<String>) -> Refused {
    Refused::new(400, "InvalidRequestException", message)
}

fn sign_in(state: &State) -> Result<&KnownSignIn, Refused> {
    state.directory.sign_in.as_ref().ok_or_else(|| invalid("There is no IAM Identity Center here"))
}

pub(super) fn register_client(state: &State, call: &Call) -> Result<Value, Refused> {
    let list = |name: &str| -> Vec<String> {
        let items = call.body[name].as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    call.field("clientName")?;
    if call.field("clientType")? != "public" {
        return Err(Refused::new(400, "InvalidClientMetadataException", "clientType must be public"));
    }
    let (grants, redirects, scopes) = (list("grantTypes"), list("redirectUris"), list("scopes"));
    let known = [DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN];
    if let Some(other) = grants.iter().find(|grant| !known.contains(&grant.as_str())) {
        return Err(Refused::new(400, "UnsupportedGrantTypeException", format!("no grant type {other}")));
    }
    if let Some(other) = scopes.iter().find(|scope| *scope != "sso:account:access") {
        return Err(Refused::new(400, "InvalidScopeException", format!("no scope {other}")));
    }
    if redirects.iter().any(|redirect| !redirect.starts_with("http://127.0.0.1/")) {
        return Err(Refused::new(400, "InvalidRedirectUriException", "only the loopback address without a port"));
    }
    if grants.iter().any(|grant| grant == AUTHORIZATION_CODE) {
        if redirects.is_empty() {
            return Err(invalid("redirectUris is missing"));
        }
        if call.field("issuerUrl")? != sign_in(state)?.start_url {
            return Err(invalid("issuerUrl is not that of this IAM Identity Center"));
        }
    }
    let (id, secret, now) = (secret(), secret(), state.now());
    let expires = after(now, CLIENT_LIFE);
    let client = Client { secret: secret.clone(), expires, grants, redirects };
    locked(&state.sign_ins).clients.insert(id.clone(), client);
    Ok(json!({
        "clientId": id,
        "clientSecret": secret,
        "clientIdIssuedAt": now.as_second(),
        "clientSecretExpiresAt": expires.as_second(),
    }))
}

/// The client that calls, if it is registered for this grant.
fn client<'a>(call: &'a Call, sign_ins: &SignIns, now: Timestamp, grant: &str) -> Result<&'a str, Refused> {
    let (id, secret) = (call.field("clientId")?, call.field("clientSecret")?);
    let known = sign_ins.clients.get(id).filter(|client| client.secret == secret && client.expires > now);
    let Some(known) = known else {
        return Err(Refused::new(401, "InvalidClientException", "The client is not registered"));
    };
    // A client that named no grants is for devices.
    let has = known.grants.iter().any(|one| one == grant) || known.grants.is_empty() && grant != AUTHORIZATION_CODE;
    match has {
        true => Ok(id),
        false => Err(Refused::new(400, "UnauthorizedClientException", format!("The client has no grant {grant}"))),
    }
}

pub(super) fn start_device_authorization(state: &State, call: &Call) -> Result<Value, Refused> {
    let now = state.now();
    let mut sign_ins = locked(&state.sign_ins);
    let client = client(call, &sign_ins, now, DEVICE_CODE)?.to_owned();
    if call.field("startUrl")? != sign_in(state)?.start_url {
        return Err(invalid("The start URL is unknown"));
    }
    let letters = random::identifier("", 8);
    let user_code = format!("{}-{}", &letters[..4], &letters[4..]);
    let device_code = secret();
    let page = format!("{}/device", call.base);
    let answer = json!({
        "deviceCode": device_code,
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": CODE_LIFE.as_secs(),
        "interval": INTERVAL,
    });
    let device = Device { client, user_code, expires: after(now, CODE_LIFE), answer: None, asked: None };
    sign_ins.devices.insert(device_code, device);
    Ok(answer)
}

/// The page of a device's code: who opens it says yes, or no with `&answer=no`.
pub(super) fn device(state: &State, call: &Call) -> Result<String, Refused> {
    let now = state.now();
    let Some(typed) = call.query.get("user_code") else {
        return Ok("Open this page with the code at its end: ?user_code=CODE".to_owned());
    };
    let mut sign_ins = locked(&state.sign_ins);
    let waits = |device: &&mut Device| device.user_code.eq_ignore_ascii_case(typed) && device.expires > now;
    let Some(device) = sign_ins.devices.values_mut().find(waits) else {
        return Err(Refused::new(404, "InvalidRequestException", "There is no such code, or it is too old."));
    };
    let yes = call.query.get("answer").is_none_or(|answer| answer != "no");
    // The first word counts.
    let yes = *device.answer.get_or_insert(yes);
    Ok(match yes {
        true => format!("The code {} is confirmed: xsw is signed in. You can close this page.", device.user_code),
        false => format!("The code {} is refused.", device.user_code),
    })
}

/// The page of a browser sign-in: it says yes at once and sends the browser back.
pub(super) fn authorize(state: &State, call: &Call) -> Result<String, Refused> {
    let now = state.now();
    let mut sign_ins = locked(&state.sign_ins);
    let (id, redirect) = (call.get("client_id")?, call.get("redirect_uri")?);
    let client = sign_ins.clients.get(id).filter(|client| client.expires > now);
    let client = client.ok_or_else(|| Refused::new(401, "InvalidClientException", "The client is not registered"))?;
    // RFC 8252, section 7.3: any port of the loopback address.
    let without_port = redirect.strip_prefix("http://127.0.0.1:").and_then(|rest| {
        let (port, path) = rest.split_once('/')?;
        port.parse::<u16>().ok()?;
        Some(format!("http://127.0.0.1/{path}"))
    });
    // Who may not be sent back is told here: the address may be anybody's.
    if !without_port.is_some_and(|redirect| client.redirects.contains(&redirect)) {
        return Err(invalid("The redirect_uri is not registered"));
    }
    let state_text = call.get("state")?;
    let back = |fields: &[(&str, &str)]| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        fields.iter().for_each(|(name, value)| _ = query.append_pair(name, value));
        format!("{redirect}?{}", query.append_pair("state", state_text).finish())
    };
    let asked = [("response_type", "code"), ("code_challenge_method", "S256"), ("scopes", "sso:account:access")];
    for (name, expected) in asked {
        if call.query.get(name).map(String::as_str) != Some(expected) {
            return Ok(back(&[("error", "invalid_request"), ("error_description", &format!("{name} is wrong"))]));
        }
    }
    let (code, challenge) = (secret(), call.get("code_challenge")?.to_owned());
    let to = back(&[("code", &code)]);
    let given =
        Code { client: id.to_owned(), redirect: redirect.to_owned(), challenge, expires: after(now, CODE_LIFE) };
    sign_ins.codes.insert(code, given);
    Ok(to)
}

pub(super) fn create_token(state: &State, call: &Call) -> Result<Value, Refused> {
    let now = state.now();
    let mut sign_ins = locked(&state.sign_ins);
    let grant = call.field("grantType")?;
    let client = client(call, &sign_ins, now, grant)?.to_owned();
    let invalid_grant = |message: &str| Refused::new(400, "InvalidGrantException", message);
    let of = match grant {
        DEVICE_CODE => {
            let code = call.field("deviceCode")?;
            let known = sign_ins.devices.get_mut(code).filter(|device| device.client == client);
            let device = known.ok_or_else(|| invalid_grant("The device code is unknown"))?;
            if device.expires <= now {
                return Err(Refused::new(400, "ExpiredTokenException", "The device code has expired"));
            }
            let asked = device.asked.replace(now);
            let too_soon = SignedDuration::from_millis(INTERVAL * 900);
            match device.answer {
                None if asked.is_some_and(|asked| now.duration_since(asked) < too_soon) => {
                    return Err(Refused::new(400, "SlowDownException", "Ask less often"));
                }
                None => return Err(Refused::new(400, "AuthorizationPendingException", "Nobody has said yes yet")),
                Some(false) => {
                    return Err(Refused::new(400, "AccessDeniedException", "The person refused the sign-in"));
                }
                Some(true) => _ = sign_ins.devices.remove(code),
            }
            next_sign_in(&mut sign_ins)
        }
        AUTHORIZATION_CODE => {
            // Once, whether it fits or not.
            let code = sign_ins.codes.remove(call.field("code")?);
            let code = code.filter(|code| code.client == client && code.expires > now);
            let code = code.ok_or_else(|| invalid_grant("The code is unknown, used or too old"))?;
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(call.field("codeVerifier")?.as_bytes()));
            if challenge != code.challenge {
                return Err(invalid_grant("The code verifier does not fit the challenge"));
            }
            if call.field("redirectUri")? != code.redirect {
                return Err(invalid_grant("The redirect URI is another one"));
            }
            next_sign_in(&mut sign_ins)
        }
        REFRESH_TOKEN => {
            let token = call.field("refreshToken")?;
            match sign_ins.refresh_tokens.remove(token) {
                Some((of, sign_in)) if of == client => sign_in,
                _ => return Err(invalid_grant("The refresh token is unknown or used")),
            }
        }
        other => return Err(Refused::new(400, "UnsupportedGrantTypeException", format!("no grant type {other}"))),
    };
    let seconds = sign_in(state)?.token_seconds;
    let (access_token, refresh_token) = (secret(), secret());
    let expires = after(now, Duration::from_secs(seconds.into()));
    sign_ins.tokens.insert(access_token.clone(), (expires, of));
    sign_ins.refresh_tokens.insert(refresh_token.clone(), (client, of));
    Ok(json!({
        "accessToken": access_token,
        "refreshToken": refresh_token,
        "tokenType": "Bearer",
        "expiresIn": seconds,
    }))
}

fn next_sign_in(sign_ins: &mut SignIns) -> u64 {
    sign_ins.count += 1;
    sign_ins.count
}
