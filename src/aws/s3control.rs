//! S3 Control: the jobs of S3 Batch Operations.

use aws_sdk_s3control::config::endpoint::{Endpoint as Address, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_s3control::types::{
    JobDescriptor, JobManifest, JobManifestFieldName, JobManifestFormat, JobManifestLocation, JobManifestSpec,
    JobOperation, JobReport, JobReportFormat, JobReportScope, RequestedJobStatus, S3CopyObjectOperation,
    S3MetadataDirective, S3ObjectMetadata, S3SseAlgorithm, S3StorageClass,
};
use aws_sdk_s3control::{Client, config};

use super::errors::Call;
use super::s3::S3;
use super::{Endpoint, timestamp};
use crate::domain::account::{AccountId, partition_of};
use crate::domain::batch::{CopyRequest, Job, MANIFEST_FIELDS, MANIFEST_FORMAT, PRIORITY, REPORT_FORMAT};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// S3 Control under one role. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    client: Client,
    caller: String,
    endpoint: Endpoint,
}

/// A custom endpoint as it is: the SDK's rules would put the account's id in front of its host.
#[derive(Debug)]
struct AsItIs(String);

impl ResolveEndpoint for AsItIs {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Address::builder().url(self.0.clone()).build()))
    }
}

impl Control {
    /// With the sessions of `s3`.
    pub fn new(s3: &S3, endpoint: Endpoint) -> Self {
        let (aws, credentials) = s3.means();
        let mut config = config::Builder::from(&aws.config(&Endpoint { url: None, ..endpoint.clone() }));
        config = config.credentials_provider(credentials);
        if let Some(url) = &endpoint.url {
            config = config.endpoint_resolver(AsItIs(url.clone()));
        }
        Self { client: Client::from_conf(config.build()), caller: s3.caller().to_owned(), endpoint }
    }

    fn call<'a>(&'a self, action: &'a str, resource: &'a str) -> Call<'a> {
        Call {
            action,
            resource,
            name: resource,
            caller: &self.caller,
            caller_is_source: false,
            bucket: None,
            endpoint: self.endpoint.name("s3-control"),
        }
    }

    fn job_arn(&self, account: AccountId, id: &str) -> String {
        let region = &self.endpoint.region;
        format!("arn:{}:s3:{region}:{account}:job/{id}", partition_of(region))
    }

    /// Asks for a job, and gives its id: for the same request that of the same job.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:CreateJob, or without iam:PassRole on the job's role.
    pub async fn create_job(&self, request: &CopyRequest) -> Result<String> {
        let call = self.call("s3:CreateJob", "*");
        let wrong = |error: aws_sdk_s3control::error::BuildError| Error::usage(format!("no such job: {error}"));
        let spec = JobManifestSpec::builder()
            .format(JobManifestFormat::from(MANIFEST_FORMAT))
            .set_fields(Some(MANIFEST_FIELDS.into_iter().map(JobManifestFieldName::from).collect()));
        let location =
            JobManifestLocation::builder().object_arn(request.manifest_arn()).e_tag(&request.manifest_etag).build();
        let manifest = JobManifest::builder().spec(spec.build().map_err(wrong)?).location(location.map_err(wrong)?);
        let report = JobReport::builder()
            .bucket(request.report_bucket_arn())
            .format(JobReportFormat::from(REPORT_FORMAT))
            .enabled(true)
            .prefix(request.report_prefix())
            .report_scope(JobReportScope::FailedTasksOnly);
        let answer = self
            .client
            .create_job()
            .account_id(request.account.to_string())
            .confirmation_required(false)
            .operation(JobOperation::builder().s3_put_object_copy(copying(request)).build())
            .report(report.build())
            .manifest(manifest.build())
            .client_request_token(request.token())
            .description(&request.description)
            .priority(PRIORITY)
            .role_arn(request.role.to_string())
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        answer.job_id.ok_or_else(|| call.incomplete("no job id"))
    }

    /// How far a job is.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the account and region have no such job.
    pub async fn describe_job(&self, account: AccountId, id: &str) -> Result<Job> {
        let resource = self.job_arn(account, id);
        let call = self.call("s3:DescribeJob", &resource);
        let answer = self.client.describe_job().account_id(account.to_string()).job_id(id).send().await;
        let answer = answer.map_err(|error| no_such_job(call.failed(&error), id, &self.endpoint.region))?;
        answer.job.map(|job| described(job, id)).ok_or_else(|| call.incomplete("nothing is said of the job"))
    }

    /// Cancels a job: what it has copied stays.
    ///
    /// # Errors
    /// What S3 says, for a job that is over as well.
    pub async fn cancel_job(&self, account: AccountId, id: &str) -> Result<()> {
        let resource = self.job_arn(account, id);
        let call = self.call("s3:UpdateJobStatus", &resource);
        let request = self.client.update_job_status().account_id(account.to_string()).job_id(id);
        let request = request.requested_job_status(RequestedJobStatus::Cancelled).status_update_reason("xsw cp");
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| no_such_job(call.failed(&error), id, &self.endpoint.region))
    }
}

fn copying(request: &CopyRequest) -> S3CopyObjectOperation {
    let prefix = Some(request.target_prefix.clone()).filter(|prefix| !prefix.is_empty());
    let metadata = request
        .sse_algorithm()
        .map(|algorithm| S3ObjectMetadata::builder().sse_algorithm(S3SseAlgorithm::from(algorithm)).build());
    S3CopyObjectOperation::builder()
        .target_resource(request.target_arn())
        .set_target_key_prefix(prefix)
        .storage_class(S3StorageClass::from(request.storage_class()))
        .set_new_object_tagging(request.storage.without_tags.then(Vec::new))
        .set_metadata_directive(metadata.as_ref().map(|_| S3MetadataDirective::Copy))
        .set_new_object_metadata(metadata)
        .set_sse_aws_kms_key_id(request.kms_key().map(str::to_owned))
        .requester_pays(request.requester_pays)
        .build()
}

fn described(job: JobDescriptor, id: &str) -> Job {
    let number = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
    let progress = job.progress_summary.as_ref();
    let reasons = job.failure_reasons.unwrap_or_default().into_iter();
    let reasons = reasons.map(|one| (one.failure_code.unwrap_or_default(), one.failure_reason.unwrap_or_default()));
    Job {
        id: job.job_id.unwrap_or_else(|| id.to_owned()),
        status: job.status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        total: number(progress.and_then(|progress| progress.total_number_of_tasks)),
        succeeded: number(progress.and_then(|progress| progress.number_of_tasks_succeeded)),
        failed: number(progress.and_then(|progress| progress.number_of_tasks_failed)),
        reasons: reasons.collect(),
        report: job.report.filter(|report| report.enabled).and_then(|report| {
            let bucket = report.bucket?;
            let bucket = bucket.rsplit(":::").next().unwrap_or_default().to_owned();
            Some(S3Uri::new(bucket, report.prefix.unwrap_or_default()))
        }),
        ended: job.termination_date.as_ref().and_then(timestamp),
    }
}

fn no_such_job(error: Error, id: &str, region: &str) -> Error {
    let is_missing = match &error {
        Error::NotFound { .. } => true,
        Error::Aws { code, .. } => matches!(code.as_str(), "NoSuchJob" | "NotFoundException"),
        _ => false,
    };
    if !is_missing {
        return error;
    }
    Error::NotFound {
        message: format!("there is no job {id} in {region}"),
        hint: Some("jobs are in the account and region of the target: check --to, or name --region".into()),
    }
}
