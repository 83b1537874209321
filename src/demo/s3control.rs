//! S3 Control as far as S3 Batch Operations needs it: jobs that copy what a manifest names. `s3control/job.rs` runs them.
//!
//! Amazon S3 API Reference, CreateJob, DescribeJob and UpdateJobStatus.

mod job;

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request as HttpRequest, Response, StatusCode};
use quick_xml::events::Event;
use s3s::Body;

use super::access::{Refusal, caller, clock_agrees, judge, session_token};
use super::cloud::Reset;
use super::directory::Caller;
use super::random;
use super::signature::Signature;
use super::state::{State, locked};
use super::sts::escape;
use crate::domain::batch::{MANIFEST_FORMAT, REPORT_FORMAT, SERVICE};
use crate::domain::policy::{Context, Request, Resource, Side, denial};
pub(super) use job::Job;

const JOBS: &str = "/v20180820/jobs";
const ACCOUNT: &str = "x-amz-account-id";
const NAMESPACE: &str = "http://awss3control.amazonaws.com/doc/2018-08-20/";

/// The most bytes of a call.
const LONGEST: usize = 64 * 1024;

/// A refused call.
#[derive(Debug)]
struct Refused {
    status: u16,
    code: String,
    message: String,
}

impl Refused {
    fn new(status: u16, code: &str, message: impl Into<String>) -> Refused {
        Refused { status, code: code.to_owned(), message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Refused {
        Refused::new(400, "InvalidRequest", message)
    }
}

/// Whether a request is for S3 Control.
pub(super) fn is_meant(request: &HttpRequest<Incoming>) -> bool {
    request.headers().contains_key(ACCOUNT) && request.uri().path().starts_with(JOBS)
}

/// Answers a call.
pub(super) async fn answer(state: &Arc<State>, request: HttpRequest<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answer = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => dispatch(state, &parts, &body.to_bytes()).await,
        Err(_) => Err(Refused::new(413, "RequestEntityTooLarge", "The call is too long.")),
    };
    let (status, text) = match answer {
        Ok(text) => (200, text),
        Err(Refused { status, code, message }) => {
            let error = format!("<Code>{}</Code><Message>{}</Message>", escape(&code), escape(&message));
            let id = random::request_id();
            (status, format!("<ErrorResponse><Error>{error}</Error><RequestId>{id}</RequestId></ErrorResponse>"))
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

async fn dispatch(state: &Arc<State>, parts: &Parts, body: &[u8]) -> Result<String, Refused> {
    let caller = signed_by(state, parts, body)?;
    let path: Vec<&str> = parts.uri.path()[JOBS.len()..].split('/').skip(1).collect();
    let action = match (&parts.method, path.as_slice()) {
        (&Method::POST, []) => "s3:CreateJob",
        (&Method::GET, [_]) => "s3:DescribeJob",
        (&Method::POST, [_, "status"]) => "s3:UpdateJobStatus",
        _ => return Err(Refused::new(405, "MethodNotAllowed", "The specified method is not allowed here.")),
    };
    let fault = state.ledger.note(action, None).unwrap_or_default();
    if let Some(signature) = Signature::of(parts) {
        state.ledger.signed(action, signature.access_key);
    }
    tokio::time::sleep(fault.delay).await;
    if fault.reset {
        Reset::ask(&parts.extensions);
    }
    if let Some((status, code)) = fault.error {
        return Err(Refused::new(status, &code, "The test asked for this failure."));
    }
    let account = &caller.principal.account;
    if parts.headers.get(ACCOUNT).is_none_or(|named| named != account) {
        return Err(Refused::new(403, "AccessDenied", "Access Denied"));
    }
    match path.as_slice() {
        [] => create(state, &caller, body),
        [id, rest @ ..] => {
            let region = Signature::of(parts).map(|signature| signature.region().to_owned()).unwrap_or_default();
            allow(state, &caller, action, &format!("arn:aws:s3:{region}:{account}:job/{id}"), &[])?;
            let mut jobs = locked(&state.jobs);
            let known = jobs.iter_mut().find(|job| job.id == *id && job.account == *account);
            let job = known.ok_or_else(|| Refused::new(404, "NoSuchJob", "The specified job does not exist."))?;
            match rest {
                [] => Ok(describe(state, job)),
                _ => update(job, parts),
            }
        }
    }
}

fn create(state: &Arc<State>, caller: &Caller, body: &[u8]) -> Result<String, Refused> {
    let account = &caller.principal.account;
    allow(state, caller, "s3:CreateJob", "*", &[("s3:RequestJobOperation", "S3PutObjectCopy")])?;
    let fields = Fields::read(body)?;
    let job = Job::of(account, &fields, state.now())?;
    let role = state.directory.roles.get(&job.role).filter(|role| role.account == *account);
    if role.is_none() {
        return Err(Refused::invalid("The role does not exist, or is of another account"));
    }
    allow(state, caller, "iam:PassRole", &job.role, &[("iam:PassedToService", SERVICE)])?;
    let mut jobs = locked(&state.jobs);
    if let Some(known) = jobs.iter().find(|known| known.token == job.token && known.account == job.account) {
        return match known.request == job.request {
            true => Ok(created(&known.id)),
            false => Err(Refused::new(400, "IdempotencyException", "The token is that of another request")),
        };
    }
    let answer = created(&job.id);
    let id = job.id.clone();
    jobs.push(job);
    drop(jobs);
    let state = Arc::clone(state);
    tokio::spawn(async move { job::run(&state, &id).await });
    Ok(answer)
}

fn created(id: &str) -> String {
    format!("<CreateJobResult xmlns=\"{NAMESPACE}\"><JobId>{id}</JobId></CreateJobResult>")
}

fn describe(state: &State, job: &mut Job) -> String {
    // Nothing begins before it was seen once as it was made: on AWS that takes seconds.
    let status = if job.is_seen { job.status } else { "New" };
    job.is_seen = true;
    state.job_seen.notify_waiters();
    let report = format!(
        "<Report><Bucket>{}</Bucket><Format>{REPORT_FORMAT}</Format><Enabled>true</Enabled><Prefix>{}</Prefix>\
         <ReportScope>FailedTasksOnly</ReportScope></Report>",
        escape(&job.report_bucket),
        escape(&job.report_prefix)
    );
    let progress = format!(
        "<ProgressSummary><TotalNumberOfTasks>{}</TotalNumberOfTasks>\
         <NumberOfTasksSucceeded>{}</NumberOfTasksSucceeded><NumberOfTasksFailed>{}</NumberOfTasksFailed>\
         </ProgressSummary>",
        job.total, job.succeeded, job.failed
    );
    let reasons = job.reason.as_ref().map_or(String::new(), |(code, words)| {
        format!(
            "<FailureReasons><member><FailureCode>{}</FailureCode><FailureReason>{}</FailureReason></member>\
             </FailureReasons>",
            escape(code),
            escape(words)
        )
    });
    let ended = job.ended.map_or(String::new(), |time| format!("<TerminationDate>{time}</TerminationDate>"));
    format!(
        "<DescribeJobResult xmlns=\"{NAMESPACE}\"><Job><JobId>{}</JobId><Status>{status}</Status>\
         <Priority>{}</Priority><RoleArn>{}</RoleArn><CreationTime>{}</CreationTime>{ended}{progress}{reasons}{report}\
         </Job></DescribeJobResult>",
        job.id,
        job.priority,
        escape(&job.role),
        job.created
    )
}

fn update(job: &mut Job, parts: &Parts) -> Result<String, Refused> {
    let query = parts.uri.query().unwrap_or_default();
    let mut fields = form_urlencoded::parse(query.as_bytes());
    let wanted = fields.find(|(name, _)| name == "requestedJobStatus").map(|(_, status)| status.into_owned());
    match wanted.as_deref() {
        Some("Cancelled") if !job.is_over() => {
            job.status = "Cancelling";
            let result = format!("<JobId>{}</JobId><Status>Cancelling</Status>", job.id);
            Ok(format!("<UpdateJobStatusResult xmlns=\"{NAMESPACE}\">{result}</UpdateJobStatusResult>"))
        }
        Some("Cancelled") => Err(Refused::new(400, "JobStatusException", "The job is over")),
        _ => Err(Refused::invalid("The embedded cloud only cancels jobs")),
    }
}

/// Lets the caller do this.
fn allow(state: &State, caller: &Caller, action: &str, resource: &str, keys: &[(&str, &str)]) -> Result<(), Refused> {
    let account = &caller.principal.account;
    let mut context = Context::new();
    context.set("aws:ResourceAccount", account);
    for (key, value) in keys {
        context.set(key, *value);
    }
    let request = Request { principal: &caller.principal, action, resource, context: &context };
    let owner = Resource { side: Side::Identity, account, policy: None };
    let verdict = judge(state, caller, &request, owner);
    match verdict.is_allowed() {
        true => Ok(()),
        false => Err(Refused::new(403, "AccessDenied", denial(&verdict, &request))),
    }
}

/// The caller, if the signature is right.
fn signed_by(state: &State, parts: &Parts, body: &[u8]) -> Result<Arc<Caller>, Refused> {
    let unknown = || {
        let text = "The AWS Access Key Id you provided does not exist in our records.";
        Refused::new(403, "InvalidAccessKeyId", text)
    };
    let signature = Signature::of(parts).ok_or_else(|| Refused::new(403, "AccessDenied", "Access Denied"))?;
    let of_user = state.directory.users.get(signature.access_key).map(|keys| keys.secret.clone());
    let secret = of_user
        .or_else(|| locked(&state.sessions).get(signature.access_key).map(|session| session.secret.clone()))
        .ok_or_else(unknown)?;
    if !signature.is_right(parts, body, &secret) {
        let text = "The request signature we calculated does not match the signature you provided.";
        return Err(Refused::new(403, "SignatureDoesNotMatch", text));
    }
    if !clock_agrees(state, &parts.headers) {
        let text = "The difference between the request time and the current time is too large.";
        return Err(Refused::new(403, "RequestTimeTooSkewed", text));
    }
    let token = session_token(&parts.headers, &parts.uri);
    caller(state, signature.access_key, token.as_deref()).map_err(|refusal| match refusal {
        Refusal::UnknownKey => unknown(),
        Refusal::WrongToken => {
            Refused::new(403, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        Refusal::Expired => Refused::new(403, "ExpiredToken", "The provided token has expired."),
    })
}

/// The elements of a request by their paths below its root, with their text; empty elements too.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(body: &[u8]) -> Result<Fields, Refused> {
        let malformed = || Refused::new(400, "MalformedXML", "The XML you provided was not well-formed");
        let text = std::str::from_utf8(body).map_err(|_| malformed())?;
        let mut reader = quick_xml::Reader::from_str(text);
        let (mut path, mut fields): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
        loop {
            let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
            match reader.read_event().map_err(|_| malformed())? {
                Event::Start(start) => {
                    path.push(name(start.local_name().as_ref()));
                    fields.push((path.get(1..).unwrap_or_default().join("/"), String::new()));
                }
                Event::Empty(empty) => {
                    let name = name(empty.local_name().as_ref());
                    let place = path.iter().skip(1).map(String::as_str).chain([name.as_str()]).collect::<Vec<_>>();
                    fields.push((place.join("/"), String::new()));
                }
                Event::End(_) => _ = path.pop(),
                Event::Text(text) => {
                    let at = path.get(1..).unwrap_or_default().join("/");
                    let text = text.decode().map_err(|_| malformed())?;
                    add(&mut fields, &at, &text);
                }
                Event::GeneralRef(reference) => {
                    let at = path.get(1..).unwrap_or_default().join("/");
                    let named = reference.decode().map_err(|_| malformed())?;
                    let text =
                        quick_xml::escape::unescape(&format!("&{named};")).map_err(|_| malformed())?.into_owned();
                    add(&mut fields, &at, &text);
                }
                Event::Eof => return Ok(Fields(fields)),
                _ => {}
            }
        }
    }

    fn get(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(at, _)| at == path).map(|(_, text)| text.as_str())
    }

    fn all(&self, path: &str) -> Vec<&str> {
        self.0.iter().filter(|(at, _)| at == path).map(|(_, text)| text.as_str()).collect()
    }

    fn required(&self, path: &str) -> Result<&str, Refused> {
        self.get(path).filter(|text| !text.is_empty()).ok_or_else(|| Refused::invalid(format!("{path} is missing")))
    }

    /// Checks what a job of ours must say of its manifest and its report.
    fn check(&self) -> Result<(), Refused> {
        let format = self.required("Manifest/Spec/Format")?;
        if format != MANIFEST_FORMAT || self.all("Manifest/Spec/Fields/member") != ["Bucket", "Key"] {
            return Err(Refused::invalid("The embedded cloud reads manifests of buckets and keys alone"));
        }
        if self.get("Report/Enabled") == Some("true") && self.required("Report/Format")? != REPORT_FORMAT {
            return Err(Refused::invalid("The format of the report is unknown"));
        }
        Ok(())
    }
}

/// Adds text to the element that was opened last there.
fn add(fields: &mut [(String, String)], at: &str, text: &str) {
    if let Some((_, known)) = fields.iter_mut().rev().find(|(path, _)| path == at) {
        known.push_str(text);
    }
}
