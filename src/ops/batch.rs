//! Copies that S3 Batch Operations makes: the manifest, the job, and how far it is.
//!
//! The sources are listed as `role from`, in parallel; manifest and job are made as `role to`, in its account and in the
//! region of the target bucket. Manifests of billions of lines go up part by part: no list is ever held.
//!
//! A job replaces what it meets. So without being told to replace anything, a job is only made where nothing is, and found
//! again by the note that the run which made it left.

mod manifest;
mod noted;

use std::sync::Arc;

use jiff::Timestamp;

use super::audit::{Deed, Event};
use super::copy::{OnHaltOf, Roles};
use super::transfer::fetch::Line;
use super::transfer::gate::Gate;
use super::transfer::retry::Patience;
use super::transfer::tally::Tally;
use super::{Core, held};
use crate::aws::Endpoint;
use crate::aws::s3::{Ask, Begin, Depth, S3, Stat};
use crate::aws::s3control::Control;
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::batch::{CopyRequest, Digest, Job, STORAGE_CLASSES, description, target_prefix};
use crate::domain::copy::{Class, Storage};
use crate::domain::role::RoleIndex;
use crate::domain::select::Select;
use crate::domain::text::{escaped, hex};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use manifest::Manifest;
use noted::Noted;

/// The pauses between two looks at a job, in milliseconds: short at first, for small ones.
const FIRST_LOOK: u64 = 500;
const LAST_LOOK: u64 = 15_000;

/// Ended jobs of the same request that nobody noted, and a new one comes after.
const MOST_BEFORE: usize = 50;

/// A copy that S3 Batch Operations shall make.
#[derive(Clone, Debug)]
pub struct BatchWish {
    /// Who lists, and who makes the job.
    pub roles: Roles,
    /// What the keys of the sources begin with.
    pub uri: S3Uri,
    /// The folder of the sources, which stays out of the keys of the copies.
    pub strip: String,
    /// What the keys of the copies begin with: empty, or a folder with its `/`.
    pub target: S3Uri,
    /// Which objects are meant.
    pub select: Select,
    /// The same in the words that were given, by which the same command is known.
    pub selection: String,
    /// How the copies are stored.
    pub storage: Storage,
    /// The role that the job works under.
    pub role: RoleArn,
    /// The folder of manifests and reports.
    pub place: S3Uri,
    /// Whether objects that are there are replaced.
    pub overwrite: bool,
    /// Whether the roles pay for their requests.
    pub requester_pays: bool,
}

/// What the listing found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Objects in the manifest.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The keys of those that are too large for a job, as many as [`MOST_LARGE`].
    pub large: Vec<String>,
    /// How many those are.
    pub large_count: u64,
    /// Their bytes.
    pub large_bytes: u64,
    /// Objects that have to be restored first: nobody can copy them.
    pub archived: u64,
    /// The first of them.
    pub first_archived: Option<String>,
}

/// Keys of large objects that are remembered.
pub const MOST_LARGE: usize = 10_000;

/// A job that can be asked for.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The request; `None` when there is nothing for a job to copy.
    pub request: Option<CopyRequest>,
    /// The region that the job is made in.
    pub region: String,
    /// What was found.
    pub listed: Listed,
    /// The job of an earlier run that is the one that is wanted.
    pub before: Option<Job>,
    /// The name of the same request as the first of its kind, whatever job came before it.
    token: String,
}

/// A job that was asked for.
#[derive(Clone, Debug)]
pub struct Made {
    /// The job.
    pub job: Job,
    /// Whether it had copied all this before.
    pub was_done: bool,
}

impl Core {
    /// Lists what is to be copied and writes the manifest; for a dry run only tells what it would be.
    ///
    /// # Errors
    /// [`Error::Usage`] for what a job cannot do, and where it would replace objects without being told to.
    pub async fn prepare_batch(
        self: &Arc<Self>,
        wish: &BatchWish,
        dry_run: bool,
        on_halt: &OnHaltOf,
        on_listed: &(dyn Fn(&Listed) + Send + Sync),
    ) -> Result<Prepared> {
        let prefix = checked(wish)?;
        let (reader, writer) = (self.batch_line(wish.roles.from, on_halt), self.batch_line(wish.roles.to, on_halt));
        let is_taken = if_known(taken(&writer, wish).await, wish.overwrite)?;
        let region = self.control_endpoint(wish.roles.to, Some(&writer.s3), Some(&wish.target.bucket)).region;
        let folder = format!("{}xsw-copy-{}/", wish.place.key, name_of(wish, &prefix));
        let folder = S3Uri::new(&wish.place.bucket, folder);
        let first = S3Uri::new(&folder.bucket, format!("{}manifest.csv", folder.key));
        let standing = standing(&writer, &first).await?;
        if is_taken && !wish.overwrite && standing.is_none() {
            return Err(taken_already(wish));
        }
        let write = (!dry_run && standing.is_none()).then_some(&first);
        let mut made = Manifest::make(&reader, &writer, wish, write, on_listed).await?;
        let mut place = first.clone();
        if let Some(stat) = &standing {
            if is_of(stat, &made.digest) {
                // The same command once more.
                made.etag = stat.etag.clone();
            } else {
                if is_taken && !wish.overwrite {
                    return Err(taken_already(wish));
                }
                // The sources have changed since: a job that still runs must not find another manifest in its place.
                let number = made.digest.checksum();
                place = S3Uri::new(&folder.bucket, format!("{}manifest-{}.csv", folder.key, hex(number.bytes())));
                if !dry_run {
                    made = Manifest::make(&reader, &writer, wish, Some(&place), on_listed).await?;
                }
            }
        }
        let listed = made.listed;
        let etag = made.etag.unwrap_or_else(|| made.digest.etag());
        let mut request = (listed.objects > 0).then(|| CopyRequest {
            account: self.account_of(wish.roles.to),
            role: wish.role.clone(),
            manifest: place,
            manifest_etag: etag.trim_matches('"').to_owned(),
            report: folder,
            target_bucket: wish.target.bucket.clone(),
            target_prefix: prefix,
            storage: wish.storage.clone(),
            requester_pays: wish.requester_pays,
            description: description(&format!("xsw cp {} {}", wish.uri, wish.target)),
            sources: made.digest.sources(),
            after: None,
        });
        let token = request.as_ref().map(CopyRequest::token).unwrap_or_default();
        let before = match &mut request {
            Some(request) => self.before(&writer, wish, request, (is_taken, &region)).await?,
            None => None,
        };
        Ok(Prepared { request, region, listed, before, token })
    }

    /// The job of an earlier run, as long as it runs or has copied everything; `request` comes after one that has not.
    async fn before(
        self: &Arc<Self>,
        writer: &Line,
        wish: &BatchWish,
        request: &mut CopyRequest,
        (is_taken, region): (bool, &str),
    ) -> Result<Option<Job>> {
        let to = wish.roles.to;
        let noted = Noted::read(writer, &request.report).await?.filter(|noted| noted.token == request.token());
        let job = match &noted {
            Some(noted) => {
                let look = || async { self.control(to, region).describe_job(request.account, &noted.job).await };
                match self.asking(writer, to, look).await {
                    // AWS forgets jobs after 90 days.
                    Err(Error::NotFound { .. }) => None,
                    told => Some(told?),
                }
            }
            None => None,
        };
        match job {
            Some(job) if !job.is_over() || (job.is_success() && is_taken && !wish.overwrite) => Ok(Some(job)),
            _ if is_taken && !wish.overwrite => Err(taken_already(wish)),
            _ => {
                request.after = noted.map(|noted| noted.job);
                Ok(None)
            }
        }
    }

    /// Asks for the job, where none of an earlier run is the one that is wanted.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:CreateJob or iam:PassRole.
    pub async fn create_batch(
        self: &Arc<Self>,
        wish: &BatchWish,
        prepared: &Prepared,
        on_halt: &OnHaltOf,
    ) -> Result<Option<Made>> {
        let Some(request) = prepared.request.clone() else { return Ok(None) };
        if let Some(job) = &prepared.before {
            return Ok(Some(Made { was_done: job.is_over(), job: job.clone() }));
        }
        let began = Timestamp::now();
        let job = self.make(wish, request, prepared, on_halt).await;
        self.note_batch(wish, &prepared.listed, began, &job);
        job.map(|job| Some(Made { job, was_done: false }))
    }

    async fn make(
        self: &Arc<Self>,
        wish: &BatchWish,
        mut request: CopyRequest,
        prepared: &Prepared,
        on_halt: &OnHaltOf,
    ) -> Result<Job> {
        let to = wish.roles.to;
        let line = self.batch_line(to, on_halt);
        for _ in 0..MOST_BEFORE {
            let asked = &request;
            let control = || self.control(to, &prepared.region);
            let id = self.asking(&line, to, || async { control().create_job(asked).await }).await?;
            let noted = Noted { token: prepared.token.clone(), job: id.clone() };
            if let Err(error) = noted.write(&line, &request.report).await {
                // The job runs all the same; the next run refuses rather than finds it.
                tracing::warn!(id, %error, "the job is not noted");
            }
            let job = self.asking(&line, to, || async { control().describe_job(asked.account, &id).await }).await?;
            // A job that begins now is not over when it is first looked at: manifests are read before anything else.
            if !job.is_over() {
                return Ok(job);
            }
            tracing::info!(id, status = job.status, failed = job.failed, "an ended job of the same request");
            request.after = Some(id);
        }
        let message = format!("{MOST_BEFORE} jobs of the same request have ended: no new one was made");
        Err(Error::Usage { message, hint: Some("name another folder with --batch-place".into()) })
    }

    /// Writes down that a job was made: what it does goes on without us.
    fn note_batch(&self, wish: &BatchWish, listed: &Listed, began: Timestamp, made: &Result<Job>) {
        let session = held(&self.sessions).get(&wish.roles.to).cloned();
        let id = made.as_ref().map(|job| job.id.clone()).unwrap_or_default();
        self.record(&Event {
            deed: Deed::Copy,
            role: wish.roles.to,
            began,
            session: session.as_ref(),
            outcome: made.as_ref().map(|_| ()),
            details: vec![
                ("buckets", vec![wish.uri.bucket.clone(), wish.target.bucket.clone()].into()),
                ("objects", listed.objects.into()),
                ("bytes", listed.bytes.into()),
                ("job", id.into()),
            ],
        });
    }

    /// Follows a job to its end; `on_job` hears of it at every look.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such job.
    pub async fn follow_batch(
        self: &Arc<Self>,
        to: RoleIndex,
        region: &str,
        id: &str,
        on_halt: &OnHaltOf,
        on_job: &(dyn Fn(&Job) + Send + Sync),
    ) -> Result<Job> {
        let line = self.batch_line(to, on_halt);
        let mut pause = FIRST_LOOK;
        loop {
            let account = self.account_of(to);
            let look = || async { self.control(to, region).describe_job(account, id).await };
            let job = self.asking(&line, to, look).await?;
            on_job(&job);
            if job.is_over() {
                return Ok(job);
            }
            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            pause = (pause * 3 / 2).min(LAST_LOOK);
        }
    }

    /// Cancels a job; what it has copied stays.
    ///
    /// # Errors
    /// What S3 says, for a job that is over as well.
    pub async fn cancel_batch(
        self: &Arc<Self>,
        to: RoleIndex,
        region: &str,
        id: &str,
        on_halt: &OnHaltOf,
    ) -> Result<()> {
        let (line, account) = (self.batch_line(to, on_halt), self.account_of(to));
        self.asking(&line, to, || async { self.control(to, region).cancel_job(account, id).await }).await
    }

    /// The region in which a role's jobs are when nothing else is known.
    pub fn batch_region(&self, to: RoleIndex) -> String {
        self.control_endpoint(to, None, None).region
    }

    /// The account of a role.
    pub fn account_of(&self, role: RoleIndex) -> AccountId {
        self.profile.role(role).arn.account()
    }

    fn control_endpoint(&self, to: RoleIndex, s3: Option<&S3>, bucket: Option<&str>) -> Endpoint {
        let mut endpoint = self.endpoint(to, "S3_CONTROL");
        if let Some((s3, bucket)) = s3.zip(bucket) {
            endpoint.region = s3.known_region(bucket);
        }
        endpoint
    }

    fn control(self: &Arc<Self>, to: RoleIndex, region: &str) -> Control {
        let endpoint = Endpoint { region: region.to_owned(), ..self.control_endpoint(to, None, None) };
        Control::new(&self.s3(to), endpoint)
    }

    fn batch_line(self: &Arc<Self>, role: RoleIndex, on_halt: &OnHaltOf) -> Line {
        Line {
            s3: self.s3(role),
            pool: self.pool.clone(),
            control: Default::default(),
            patience: Patience::default(),
            gate: Arc::new(Gate::new(role, on_halt(role), Arc::new(Tally::default()))),
        }
    }

    /// Makes a call of S3 Control through troubles; a session that AWS has ended is forgotten.
    async fn asking<T, Answer: Future<Output = Result<T>>>(
        self: &Arc<Self>,
        line: &Line,
        role: RoleIndex,
        call: impl Fn() -> Answer,
    ) -> Result<T> {
        let (this, call) = (self, &call);
        line.ask(|| async move {
            let answer = call().await;
            if let Err(Error::Expired { .. }) = &answer {
                this.forget_chain(role);
            }
            answer
        })
        .await
    }
}

/// What the keys get in front of them, if a job can do what is wished.
fn checked(wish: &BatchWish) -> Result<String> {
    let usage = |message: String, hint: &str| Err(Error::Usage { message, hint: Some(hint.to_owned()) });
    if wish.storage.class == Class::Keep {
        let message = "S3 Batch Operations gives all copies one storage class: none can keep its own".to_owned();
        return usage(message, "name one with --storage-class, or copy without --batch");
    }
    if let Class::Named(class) = &wish.storage.class
        && !STORAGE_CLASSES.contains(&class.as_str())
    {
        let message = format!("S3 Batch Operations does not copy to the storage class {}", escaped(class));
        return usage(message, &format!("it knows {}", STORAGE_CLASSES.join(", ")));
    }
    target_prefix(&wish.strip, &wish.target.key).map_or_else(
        |possible| {
            let possible = S3Uri::new(&wish.target.bucket, possible).to_string();
            let message = "S3 Batch Operations keeps whole keys and puts a folder in front of them".to_owned();
            usage(message, &format!("copy to {}, or without --batch", escaped(&possible)))
        },
        Ok,
    )
}

/// Whether something is where the copies shall go.
async fn taken(writer: &Line, wish: &BatchWish) -> Result<bool> {
    let rest = wish.uri.key.strip_prefix(wish.strip.as_str()).unwrap_or_default();
    let beginning = S3Uri::new(&wish.target.bucket, format!("{}{rest}", wish.target.key));
    let page = writer.ask(|| writer.s3.page_from(&beginning, Depth::All, Begin::First)).await?;
    Ok(!page.entries.is_empty())
}

/// Who replaces whatever is there need not be able to see it.
fn if_known(taken: Result<bool>, overwrite: bool) -> Result<bool> {
    match taken {
        Err(Error::Denied { .. }) if overwrite => Ok(false),
        taken => taken,
    }
}

fn taken_already(wish: &BatchWish) -> Error {
    let target = wish.target.to_string();
    Error::Usage {
        message: format!(
            "there are objects at {} already, and S3 Batch Operations replaces what it meets",
            escaped(&target)
        ),
        hint: Some("say that they may be replaced, --if-exists overwrite, or copy without --batch".into()),
    }
}

/// The manifest that an earlier run of the command wrote.
async fn standing(writer: &Line, place: &S3Uri) -> Result<Option<Stat>> {
    let ask = Ask::default();
    match writer.ask(|| writer.s3.stat(place, &ask)).await {
        Ok(stat) => Ok(Some(stat)),
        // Without s3:ListBucket S3 says of what is not there that it may not be read.
        Err(Error::NotFound { .. } | Error::Denied { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether what stands there is what we would write.
fn is_of(stat: &Stat, digest: &Digest) -> bool {
    match &stat.checksum {
        Some(told) if told.algorithm == digest.checksum().algorithm => *told == digest.checksum(),
        _ => stat.etag.as_deref().is_some_and(|etag| etag.trim_matches('"') == digest.etag()),
    }
}

/// A name for the folder of a copy: the same for the same command.
fn name_of(wish: &BatchWish, prefix: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let BatchWish { uri, target, storage, role, place, selection, requester_pays, .. } = wish;
    let all = format!("{uri} {target} {prefix} {storage:?} {role} {place} {selection} {requester_pays}");
    hex(&Sha256::digest(all))[..16].to_owned()
}
