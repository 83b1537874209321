//! STS in the query protocol: a form goes in, XML comes out. See the AWS STS API Reference.

mod assume;
mod form;
mod session;

use std::borrow::Cow;
use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::Extensions;
use hyper::{HeaderMap, Method, StatusCode, Uri};
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};

pub(super) use form::Form;
pub(super) use session::{Opened, open};

use super::access::{Refusal, caller, clock_agrees, session_token};
use super::cloud::Reset;
use super::directory::Caller;
use super::random;
use super::state::State;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A refused call, in the query protocol's terms.
#[derive(Debug)]
pub(super) struct Refused {
    pub status: u16,
    pub code: Cow<'static, str>,
    pub message: String,
}

impl Refused {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refused {
        Refused { status, code: code.into(), message: message.into() }
    }

    fn denied(message: impl Into<String>) -> Refused {
        Refused::new(403, "AccessDenied", message)
    }

    fn invalid(message: impl Into<String>) -> Refused {
        Refused::new(400, "ValidationError", message)
    }
}

/// Marks an answer that is in the query protocol's shape already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shaped;

/// The STS route of the S3 service, which checks the signature before it comes here.
#[derive(Clone, Debug)]
pub(super) struct Sts(pub Arc<State>);

#[async_trait::async_trait]
impl S3Route for Sts {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, extensions: &mut Extensions) -> bool {
        extensions.get::<Form>().is_some()
    }

    async fn check_access(&self, _: &mut S3Request<Body>) -> S3Result<()> {
        // A refusal from here would come out in S3's shape; `call` refuses in that of STS.
        Ok(())
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let form = request.extensions.get::<Form>().cloned().unwrap_or_default();
        let (status, xml) = match self.answer(&request, &form).await {
            Ok(result) => {
                let action = form.get("Action").unwrap_or_default();
                let metadata =
                    format!("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>", random::request_id());
                let result = format!("<{action}Result>{result}</{action}Result>");
                (200, format!("<{action}Response xmlns=\"{NAMESPACE}\">{result}{metadata}</{action}Response>"))
            }
            Err(refused) => (refused.status, error_xml(refused.status, &refused.code, &refused.message)),
        };
        let mut response = S3Response::new(Body::from(xml));
        response.status = StatusCode::from_u16(status).ok();
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
        response.extensions.insert(Shaped);
        Ok(response)
    }
}

impl Sts {
    async fn answer(&self, request: &S3Request<Body>, form: &Form) -> Result<String, Refused> {
        let action = form.get("Action").unwrap_or_default();
        let fault = self.0.ledger.note(&format!("sts:{action}"), None).unwrap_or_default();
        if let Some(credentials) = &request.credentials {
            self.0.ledger.signed(&format!("sts:{action}"), &credentials.access_key);
        }
        tokio::time::sleep(fault.delay).await;
        if fault.reset {
            Reset::ask(&request.extensions);
        }
        if let Some((status, code)) = &fault.error {
            let message = "The test asked for this failure.".to_owned();
            return Err(Refused { status: *status, code: code.clone().into(), message });
        }
        self.0.ledger.keep(&format!("sts:{action}"), form.fields());
        if action == "AssumeRoleWithWebIdentity" {
            return assume::assume_role_with_web_identity(&self.0, form);
        }
        let caller = self.caller(request)?;
        match action {
            "AssumeRole" => assume::assume_role(&self.0, &caller, form),
            "GetSessionToken" => session::get_session_token(&self.0, &caller, form),
            "GetCallerIdentity" => Ok(identity(&caller)),
            other => Err(Refused::new(
                400,
                "InvalidAction",
                format!("Could not find operation {other} for version 2011-06-15"),
            )),
        }
    }

    fn caller(&self, request: &S3Request<Body>) -> Result<Arc<Caller>, Refused> {
        let Some(credentials) = &request.credentials else {
            return Err(Refused::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
        };
        if !clock_agrees(&self.0, &request.headers) {
            let text = "Signature expired: the request's time is too far from the time of the service";
            return Err(Refused::new(403, "SignatureDoesNotMatch", text));
        }
        let token = session_token(&request.headers, &request.uri);
        caller(&self.0, &credentials.access_key, token.as_deref()).map_err(|refusal| match refusal {
            Refusal::UnknownKey | Refusal::WrongToken => {
                Refused::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            Refusal::Expired => {
                Refused::new(403, "ExpiredToken", "The security token included in the request is expired")
            }
        })
    }
}

fn identity(caller: &Caller) -> String {
    format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        escape(&caller.principal.arn),
        escape(&caller.user_id),
        escape(&caller.principal.account)
    )
}

/// An error in the query protocol's shape.
pub(super) fn error_xml(status: u16, code: &str, message: &str) -> String {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        escape(code),
        escape(message),
        random::request_id()
    )
}

/// Brings an error that s3s raised by itself, such as a wrong signature, into the shape and the codes of STS.
pub(super) fn reshape(status: u16, s3_error: &str) -> (u16, String) {
    let element = |name: &str| {
        let rest = s3_error.split_once(&format!("<{name}>"))?.1;
        Some(unescape(rest.split_once(&format!("</{name}>"))?.0))
    };
    let code = element("Code").unwrap_or_else(|| "InternalFailure".to_owned());
    let message = element("Message").unwrap_or_default();
    match code.as_str() {
        "InvalidAccessKeyId" => {
            (403, error_xml(403, "InvalidClientTokenId", "The security token included in the request is invalid."))
        }
        "SignatureDoesNotMatch" => {
            let text = "The request signature we calculated does not match the signature you provided. Check your \
                        AWS Secret Access Key and signing method. Consult the service documentation for details.";
            (403, error_xml(403, "SignatureDoesNotMatch", text))
        }
        _ => (status, error_xml(status, &code, &message)),
    }
}

/// Text as XML content.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}
