//! IAM Identity Center's sign-in: clients are registered, devices authorized, tokens made and renewed
//! (IAM Identity Center OIDC API Reference). No call is signed.

use std::time::Duration;

use aws_sdk_ssooidc::operation::create_token::CreateTokenError;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::errors::Call;
use super::{Aws, Endpoint};
use crate::domain::sign_in::Registration;
use crate::error::Result;

/// What a sign-in is for: the portal, and a refresh token with it.
pub const SCOPES: [&str; 1] = ["sso:account:access"];

/// How a client gets its first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A code that is typed on any machine (RFC 8628).
    DeviceCode,
    /// A browser on this machine (RFC 6749 with RFC 7636).
    AuthorizationCode,
}

impl Flow {
    /// The name of its grant.
    pub fn grant(self) -> &'static str {
        match self {
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::AuthorizationCode => "authorization_code",
        }
    }
}

/// What a token is given for.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum Grant<'a> {
    DeviceCode(&'a SecretString),
    AuthorizationCode { code: &'a SecretString, code_verifier: &'a SecretString, redirect_uri: &'a str },
    RefreshToken(&'a SecretString),
}

/// A new token.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct Tokens {
    pub access_token: SecretString,
    pub refresh_token: Option<SecretString>,
    pub expires_in: Duration,
}

/// What CreateToken answered, when it answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A token.
    Tokens(Tokens),
    /// The person has not said yes yet.
    Pending,
    /// The same, and we ask too often.
    SlowDown,
    /// The code was not used in time.
    Expired,
    /// No: the person refused, or the code or refresh token is no longer good.
    Refused(String),
    /// The registration has ended.
    UnknownClient,
}

/// A device that waits for a person to type its code.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct Device {
    pub device_code: SecretString,
    pub user_code: String,
    pub verification_uri: String,
    /// With the code in it.
    pub verification_uri_complete: Option<String>,
    pub expires_in: Duration,
    pub interval: Duration,
}

/// Where the browser begins: the service itself at its regional address, which is no API call.
pub fn authorize_url(
    endpoint: &Endpoint,
    client_id: &str,
    redirect_uri: &str,
    state: &str,
    code_challenge: &str,
) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("state", state)
        .append_pair("code_challenge_method", "S256")
        .append_pair("scopes", &SCOPES.join(" "))
        .append_pair("code_challenge", code_challenge)
        .finish();
    let base = match &endpoint.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("https://oidc.{}.{}", endpoint.region, domain(&endpoint.region)),
    };
    format!("{base}/authorize?{query}")
}

/// The domain of a region's services (AWS SDKs' partitions.json, dnsSuffix).
fn domain(region: &str) -> &'static str {
    match crate::domain::account::partition_of(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        _ => "amazonaws.com",
    }
}

impl Aws {
    fn oidc(&self, endpoint: &Endpoint) -> aws_sdk_ssooidc::Client {
        let config = aws_sdk_ssooidc::config::Builder::from(&self.config(endpoint)).allow_no_auth();
        aws_sdk_ssooidc::Client::from_conf(config.build())
    }

    /// Registers xsw as a client for one kind of sign-in.
    pub async fn register_client(
        &self,
        endpoint: &Endpoint,
        source: &str,
        start_url: &str,
        flow: Flow,
        redirect_uri: &str,
    ) -> Result<Registration> {
        let call = call("sso-oauth:RegisterClient", start_url, source, endpoint);
        let request = self
            .oidc(endpoint)
            .register_client()
            .client_name("xsw")
            .client_type("public")
            .grant_types(flow.grant())
            .grant_types("refresh_token")
            .set_scopes(Some(SCOPES.map(str::to_owned).to_vec()));
        let request = match flow {
            Flow::DeviceCode => request,
            Flow::AuthorizationCode => request.redirect_uris(redirect_uri).issuer_url(start_url),
        };
        let answer = request.send().await.map_err(|error| call.failed(&error))?;
        let (Some(client_id), Some(client_secret), Ok(expires_at)) =
            (answer.client_id, answer.client_secret, Timestamp::from_second(answer.client_secret_expires_at))
        else {
            return Err(call.incomplete("the answer holds no client"));
        };
        Ok(Registration { client_id, client_secret: client_secret.into(), expires_at })
    }

    /// Asks for a code that the person types into a browser anywhere; `None` when the registration has ended.
    pub async fn start_device_authorization(
        &self,
        endpoint: &Endpoint,
        source: &str,
        start_url: &str,
        client: &Registration,
    ) -> Result<Option<Device>> {
        let call = call("sso-oauth:StartDeviceAuthorization", start_url, source, endpoint);
        let request = self
            .oidc(endpoint)
            .start_device_authorization()
            .client_id(&client.client_id)
            .client_secret(client.client_secret.expose_secret())
            .start_url(start_url);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_invalid_client_exception()) => {
                return Ok(None);
            }
            Err(error) => return Err(call.failed(&error)),
        };
        let (Some(device_code), Some(user_code), Some(verification_uri)) =
            (answer.device_code, answer.user_code, answer.verification_uri)
        else {
            return Err(call.incomplete("the answer holds no code"));
        };
        // RFC 8628, section 3.2: five seconds where no interval is told.
        let interval = u64::try_from(answer.interval).ok().filter(|seconds| *seconds > 0).unwrap_or(5);
        Ok(Some(Device {
            device_code: device_code.into(),
            user_code,
            verification_uri,
            verification_uri_complete: answer.verification_uri_complete,
            expires_in: Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or(0)),
            interval: Duration::from_secs(interval),
        }))
    }

    /// Asks for a token.
    pub async fn create_token(
        &self,
        endpoint: &Endpoint,
        source: &str,
        client: &Registration,
        grant: Grant<'_>,
    ) -> Result<Answer> {
        let call = call("sso-oauth:CreateToken", "*", source, endpoint);
        let request = self
            .oidc(endpoint)
            .create_token()
            .client_id(&client.client_id)
            .client_secret(client.client_secret.expose_secret());
        let request = match grant {
            Grant::DeviceCode(code) => request.grant_type(Flow::DeviceCode.grant()).device_code(code.expose_secret()),
            Grant::AuthorizationCode { code, code_verifier, redirect_uri } => request
                .grant_type(Flow::AuthorizationCode.grant())
                .code(code.expose_secret())
                .code_verifier(code_verifier.expose_secret())
                .redirect_uri(redirect_uri),
            Grant::RefreshToken(token) => request.grant_type("refresh_token").refresh_token(token.expose_secret()),
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error().and_then(refused) {
                    Some(answer) => Ok(answer),
                    None => Err(call.failed(&error)),
                };
            }
        };
        let access_token = answer.access_token.filter(|token| !token.is_empty());
        let access_token = access_token.ok_or_else(|| call.incomplete("the answer holds no token"))?;
        Ok(Answer::Tokens(Tokens {
            access_token: access_token.into(),
            refresh_token: answer.refresh_token.filter(|token| !token.is_empty()).map(Into::into),
            expires_in: Duration::from_secs(u64::try_from(answer.expires_in).unwrap_or(0)),
        }))
    }
}

/// The refusals that are a part of the protocol.
fn refused(error: &CreateTokenError) -> Option<Answer> {
    let words = |description: Option<&str>, else_words: &str| {
        Answer::Refused(description.filter(|words| !words.is_empty()).unwrap_or(else_words).to_owned())
    };
    match error {
        CreateTokenError::AuthorizationPendingException(_) => Some(Answer::Pending),
        CreateTokenError::SlowDownException(_) => Some(Answer::SlowDown),
        CreateTokenError::ExpiredTokenException(_) => Some(Answer::Expired),
        CreateTokenError::InvalidClientException(_) => Some(Answer::UnknownClient),
        CreateTokenError::AccessDeniedException(refused) => {
            Some(words(refused.error_description(), "the sign-in was refused"))
        }
        CreateTokenError::InvalidGrantException(refused) => {
            Some(words(refused.error_description(), "the code is no longer good"))
        }
        _ => None,
    }
}

fn call<'a>(action: &'a str, resource: &'a str, source: &'a str, endpoint: &Endpoint) -> Call<'a> {
    Call {
        action,
        resource,
        name: resource,
        caller: source,
        caller_is_source: true,
        bucket: None,
        endpoint: endpoint.name("oidc"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_begins_at_the_service_of_the_region() {
        let url = |region: &str, url: Option<&str>| {
            let endpoint = Endpoint { region: region.into(), url: url.map(str::to_owned) };
            authorize_url(&endpoint, "id", "http://127.0.0.1:1/oauth/callback", "s", "c")
        };
        assert_eq!(
            url("eu-west-1", None),
            "https://oidc.eu-west-1.amazonaws.com/authorize?response_type=code&client_id=id\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Foauth%2Fcallback&state=s&code_challenge_method=S256\
             &scopes=sso%3Aaccount%3Aaccess&code_challenge=c"
        );
        assert!(url("cn-north-1", None).starts_with("https://oidc.cn-north-1.amazonaws.com.cn/authorize?"));
        assert!(url("x", Some("http://127.0.0.1:9/")).starts_with("http://127.0.0.1:9/authorize?"));
    }
}
