//! A job of S3 Batch Operations: its role is assumed, its manifest read, each object copied by CopyObject, and a report
//! written. All of it is judged by the policies of the job's role, as on AWS.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use s3s::dto::*;
use s3s::{Body, S3, S3Error, S3Request};

use super::{Fields, Refused};
use crate::demo::directory::{Caller, Kind, common_keys, tag_keys};
use crate::demo::ledger::Fault;
use crate::demo::random;
use crate::demo::s3::Store;
use crate::demo::state::{State, locked};
use crate::domain::batch::SERVICE;
use crate::domain::policy::{Attached, Context, Policies, Principal, Request, Resource, Side, decide};

/// How long a job waits for somebody who looks at it before it begins.
const UNSEEN: Duration = Duration::from_secs(5);

/// A job.
#[derive(Clone, Debug)]
pub(in crate::demo) struct Job {
    pub id: String,
    pub account: String,
    pub(super) token: String,
    /// All that was asked, to know it again.
    pub(super) request: Fields,
    pub role: String,
    pub priority: i32,
    pub status: &'static str,
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub reason: Option<(String, String)>,
    pub report_bucket: String,
    pub report_prefix: String,
    pub created: Timestamp,
    pub ended: Option<Timestamp>,
    pub is_seen: bool,
}

impl Job {
    /// Reads a request.
    pub(super) fn of(account: &str, fields: &Fields, now: Timestamp) -> Result<Job, Refused> {
        fields.check()?;
        fields.required("Operation/S3PutObjectCopy/TargetResource")?;
        fields.required("Manifest/Location/ETag")?;
        let priority = fields.required("Priority")?.parse().map_err(|_| Refused::invalid("Priority is no number"))?;
        Ok(Job {
            id: random::request_id().to_ascii_lowercase(),
            account: account.to_owned(),
            token: fields.required("ClientRequestToken")?.to_owned(),
            request: fields.clone(),
            role: fields.required("RoleArn")?.to_owned(),
            priority,
            status: "New",
            total: 0,
            succeeded: 0,
            failed: 0,
            reason: None,
            report_bucket: fields.required("Report/Bucket")?.to_owned(),
            report_prefix: fields.get("Report/Prefix").unwrap_or_default().to_owned(),
            created: now,
            ended: None,
            is_seen: false,
        })
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.status, "Complete" | "Failed" | "Cancelled")
    }
}

/// Runs a job to its end.
pub(super) async fn run(state: &Arc<State>, id: &str) {
    // Whoever made it sees it as new first.
    let seen = async {
        loop {
            let notified = state.job_seen.notified();
            if with(state, id, |job| job.is_seen) == Some(true) {
                return;
            }
            _ = tokio::time::timeout(Duration::from_millis(20), notified).await;
        }
    };
    _ = tokio::time::timeout(UNSEEN, seen).await;
    let Some(job) = with(state, id, |job| job.clone()) else { return };
    let outcome = work(state, &job).await;
    let now = state.now();
    with(state, id, |job| {
        job.ended = Some(now);
        job.status = match outcome {
            Ok(()) if job.status == "Cancelling" => "Cancelled",
            Ok(()) => "Complete",
            Err(reason) => {
                job.reason = Some(reason);
                "Failed"
            }
        };
    });
}

/// Looks at a job, or changes it.
fn with<T>(state: &State, id: &str, change: impl FnOnce(&mut Job) -> T) -> Option<T> {
    locked(&state.jobs).iter_mut().find(|job| job.id == id).map(change)
}

/// Why a job as a whole fails.
type Reason = (String, String);

async fn work(state: &Arc<State>, job: &Job) -> Result<(), Reason> {
    let store = Store(Arc::clone(state));
    let caller = assumed(state, job)?;
    with(state, &job.id, |job| {
        if job.status == "New" {
            job.status = "Preparing"
        }
    });
    let manifest = manifest(&store, &caller, job).await?;
    let lines: Vec<(String, String)> = manifest.lines().filter_map(named).collect();
    if lines.len() != manifest.lines().count() {
        return Err(("ManifestParsingError".to_owned(), "A line of the manifest is no bucket and key".to_owned()));
    }
    with(state, &job.id, |job| {
        job.total = lines.len() as u64;
        if job.status == "Preparing" {
            job.status = "Active";
        }
    });
    let mut report = String::new();
    for (bucket, key) in lines {
        if with(state, &job.id, |job| job.status) == Some("Cancelling") {
            break;
        }
        let copied = copy(&store, &caller, job, &bucket, &key).await;
        if let Err(error) = &copied {
            let (code, words) = (error.code().as_str().to_owned(), error.message().unwrap_or_default().to_owned());
            let status = error.status_code().map_or(500, |status| status.as_u16());
            let words = words.replace('"', "\"\"");
            _ = writeln!(report, "{bucket},{key},,failed,{status},{code},\"{words}\"");
        }
        with(state, &job.id, |job| match copied {
            Ok(()) => job.succeeded += 1,
            Err(_) => job.failed += 1,
        });
    }
    if !report.is_empty() {
        let folder = job.report_prefix.trim_end_matches('/');
        let slash = if folder.is_empty() { "" } else { "/" };
        let key = format!("{folder}{slash}job-{}/results/{}.csv", job.id, random::request_id().to_ascii_lowercase());
        let bucket = name(&job.report_bucket);
        let input = PutObjectInput::builder()
            .bucket(bucket)
            .key(key)
            .body(Some(StreamingBlob::from(Body::from(report))))
            .build()
            .map_err(|error| ("InternalError".to_owned(), error.to_string()))?;
        let written = store.put_object(request(&caller, input)).await;
        written.map_err(|error| ("ReportWriteError".to_owned(), said(&error)))?;
    }
    Ok(())
}

/// The job's role, as S3 assumes it for the account.
fn assumed(state: &State, job: &Job) -> Result<Arc<Caller>, Reason> {
    let refused = || ("RoleNotAssumable".to_owned(), format!("{SERVICE} may not assume {}", job.role));
    let role = state.directory.roles.get(&job.role).ok_or_else(refused)?;
    let principal = Principal::service(SERVICE);
    let trust = role.trust();
    let mut context = Context::new();
    context.set("aws:SourceAccount", &job.account).set("aws:PrincipalIsAWSService", "true");
    let asked = Request { principal: &principal, action: "sts:AssumeRole", resource: &job.role, context: &context };
    let policies = Policies {
        identity: Vec::new(),
        boundary: None,
        session: Vec::new(),
        scp: Vec::new(),
        resource: Resource {
            side: Side::Trust,
            account: &role.account,
            policy: Some(Attached { name: "trust policy", policy: &trust.policy }),
        },
    };
    if !decide(&asked, &policies).is_allowed() {
        return Err(refused());
    }
    let session = format!("s3-batch-operations_{}", job.id);
    let arn = format!("arn:aws:sts::{}:assumed-role/{}/{session}", role.account, role.name);
    let user_id = format!("{}:{session}", role.id);
    let mut context = Context::new();
    common_keys(&mut context, &role.account, &role.arn, &user_id);
    context.set("aws:PrincipalType", "AssumedRole").set("aws:MultiFactorAuthPresent", "false");
    tag_keys(&mut context, &role.tags);
    Ok(Arc::new(Caller {
        principal: Principal::session(&role.account, arn, &role.arn),
        user_id,
        kind: Kind::RoleSession,
        rules: role.rules.clone(),
        session_policies: Vec::new(),
        context,
        mfa_at: None,
        transitive_tags: Vec::new(),
        source_identity: None,
    }))
}

async fn manifest(store: &Store, caller: &Arc<Caller>, job: &Job) -> Result<String, Reason> {
    let unread = |words: String| ("ManifestReadError".to_owned(), words);
    let arn = job.request.get("Manifest/Location/ObjectArn").unwrap_or_default();
    let (bucket, key) = name(arn).split_once('/').map_or_else(|| (name(arn), String::new()), split);
    let input = GetObjectInput::builder().bucket(bucket).key(key).build();
    let input = input.map_err(|error| unread(error.to_string()))?;
    let answer = store.get_object(request(caller, input)).await.map_err(|error| unread(said(&error)))?.output;
    let wanted = job.request.get("Manifest/Location/ETag").unwrap_or_default().trim_matches('"');
    if answer.e_tag.as_ref().is_none_or(|etag| etag.value() != wanted) {
        return Err(unread("The ETag of the manifest is another one".to_owned()));
    }
    let body = answer.body.ok_or_else(|| unread("The manifest has no body".to_owned()))?;
    let bytes = Body::from(body).collect().await.map_err(|error| unread(error.to_string()))?.to_bytes();
    String::from_utf8(bytes.to_vec()).map_err(|error| unread(error.to_string()))
}

fn split((bucket, key): (&str, &str)) -> (String, String) {
    (bucket.to_owned(), key.to_owned())
}

/// Bucket and key of a line.
fn named(line: &str) -> Option<(String, String)> {
    let (bucket, key) = line.split_once(',')?;
    if key.is_empty() || key.contains([',', '"']) {
        return None;
    }
    Some((bucket.to_owned(), key.to_owned()))
}

/// Copies an object, whose key is URL-encoded.
async fn copy(store: &Store, caller: &Arc<Caller>, job: &Job, bucket: &str, encoded: &str) -> Result<(), S3Error> {
    let key = percent_decode_str(encoded).decode_utf8_lossy().into_owned();
    let fault = store.0.ledger.note("batch:CopyObject", Some(&format!("{bucket}/{key}"))).unwrap_or_default();
    tokio::time::sleep(fault.delay).await;
    if let Some((status, code)) = fault.error {
        let code = s3s::S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(s3s::S3ErrorCode::InternalError);
        let mut error = S3Error::with_message(code, "The test asked for this failure.");
        error.set_status_code(hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR));
        return Err(error);
    }
    let of = |field: &str| {
        let path = format!("Operation/S3PutObjectCopy/{field}");
        job.request.get(&path).map(str::to_owned)
    };
    let folder = of("TargetKeyPrefix").filter(|folder| !folder.is_empty());
    let target = folder.map_or_else(|| key.clone(), |folder| format!("{}/{key}", folder.trim_end_matches('/')));
    let encryption = match of("NewObjectMetadata/SSEAlgorithm").as_deref() {
        Some("AES256") => Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
        Some("KMS") => Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS)),
        _ => None,
    };
    let replaced = of("NewObjectTagging").map(|_| TaggingDirective::from_static(TaggingDirective::REPLACE));
    let source = CopySource::Bucket { bucket: bucket.into(), key: key.into(), version_id: None };
    let input = CopyObjectInput::builder()
        .bucket(name(&of("TargetResource").unwrap_or_default()))
        .key(target)
        .copy_source(source)
        .storage_class(of("StorageClass").map(StorageClass::from))
        .server_side_encryption(encryption)
        .ssekms_key_id(of("SSEAwsKmsKeyId"))
        .tagging_directive(replaced)
        .build()
        .map_err(|error| S3Error::with_message(s3s::S3ErrorCode::InvalidRequest, error.to_string()))?;
    let mut request = request(caller, input);
    if of("RequesterPays").as_deref() == Some("true") {
        request.headers.insert("x-amz-request-payer", hyper::header::HeaderValue::from_static("requester"));
    }
    store.copy_object(request).await.map(|_| ())
}

/// A request of S3 that comes from within: nobody signs it.
fn request<T>(caller: &Arc<Caller>, input: T) -> S3Request<T> {
    let mut extensions = hyper::http::Extensions::new();
    extensions.insert(Arc::clone(caller));
    extensions.insert(Fault::default());
    S3Request {
        input,
        method: Method::PUT,
        uri: Uri::from_static("/"),
        headers: HeaderMap::new(),
        extensions,
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// What follows the account of an S3 ARN.
fn name(arn: &str) -> String {
    arn.rsplit(":::").next().unwrap_or_default().to_owned()
}

fn said(error: &S3Error) -> String {
    format!("{}: {}", error.code().as_str(), error.message().unwrap_or_default())
}
