//! `xsw cp --batch`: S3 Batch Operations copies; xsw lists, writes the manifest, makes the job and follows it.

mod status;

use std::sync::Arc;

use serde_json::json;

use super::super::job::on_halt;
use super::super::on_failure::Record;
use super::super::output;
use super::{Context, CpArguments, as_folder, copy, if_exists, prefix, storage};
use crate::cli::CpIfExists;
use crate::domain::batch::{Job, is_job_id};
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count, escaped, harmless, plural, rfc3339};
use crate::domain::transfer::IfExists;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::batch::{BatchWish, Listed, Prepared};
use crate::ops::copy::{CopyPick, OnHaltOf, Roles};
use crate::ops::policy::{PoliciesOf, job_role, policy_command};
use status::{Left, Status, as_json};

pub(super) async fn run(context: &Context, roles: Roles, asked: &CpArguments, record: &mut Record) -> Result<()> {
    match (&asked.batch.batch_follow, &asked.batch.batch_cancel) {
        (Some(id), _) => follow_named(context, roles.to, (id, asked.json), record).await,
        (_, Some(id)) => cancel(context, roles.to, id).await,
        _ => whole(context, roles, asked, record).await,
    }
}

async fn whole(context: &Context, roles: Roles, asked: &CpArguments, record: &mut Record) -> Result<()> {
    let wish = wish(context, roles, asked)?;
    for role in [roles.from, roles.to] {
        context.session(role).await?;
        if asked.requester_pays {
            context.core.s3(role).pay();
        }
    }
    let status = Arc::new(Status::new(asked.json));
    let on_halt = halts(context, roles);
    let shown = Arc::clone(&status);
    let on_listed = move |listed: &Listed| shown.listing(listed);
    let unfinished = Left::manifest(&wish, asked.dry_run);
    let prepared = context.core.prepare_batch(&wish, asked.dry_run, &on_halt, &on_listed).await;
    unfinished.forget();
    let prepared = prepared.map_err(|error| with_policy(context, &wish, error))?;
    status.clear();
    tell_listed(&prepared.listed, &wish, asked.dry_run);
    if asked.dry_run {
        let Some(request) = &prepared.request else { return Ok(()) };
        output::note(&format!(
            "the manifest would be {}; then: aws s3control create-job --region {} --cli-input-json file://job.json",
            escaped(&request.manifest.to_string()),
            prepared.region
        ));
        return output::print_json(&request.to_json());
    }
    let ended = job(context, (&wish, &prepared), (&status, &on_halt), asked.json, record).await?;
    let large = large(context, roles, asked, (&wish, &prepared.listed), record).await;
    ended.and(large)
}

/// Makes the job and follows it to its end; the inner result says whether all was copied.
async fn job(
    context: &Context,
    (wish, prepared): (&BatchWish, &Prepared),
    (status, on_halt): (&Arc<Status>, &OnHaltOf),
    json: bool,
    record: &mut Record,
) -> Result<Result<()>> {
    let made = context.core.create_batch(wish, prepared, on_halt).await;
    let Some(made) = made.map_err(|error| with_policy(context, wish, error))? else { return Ok(Ok(())) };
    record.job(&made.job);
    let to = wish.roles.to;
    if made.was_done {
        let when = made.job.ended.map(|time| format!(" at {}", rfc3339(time))).unwrap_or_default();
        output::note(&format!(
            "the job {} copied all of this{when}; --force copies it once more",
            harmless(&made.job.id)
        ));
        return Ok(end(&made.job, json));
    }
    let request = prepared.request.as_ref();
    if json {
        let manifest = request.map(|request| request.manifest.to_string());
        let mut line = as_json(&made.job);
        line["manifest"] = json!(manifest);
        output::print(|out| output::json_line(out, &line))?;
    } else {
        let id = harmless(&made.job.id);
        output::note(&format!("job {id} in {}, account {}", prepared.region, context.core.account_of(to)));
    }
    let job = follow(context, (to, &prepared.region), &made.job.id, (status, on_halt)).await?;
    record.job(&job);
    Ok(end(&job, json))
}

async fn follow_named(context: &Context, to: RoleIndex, (id, json): (&str, bool), record: &mut Record) -> Result<()> {
    let id = checked_id(id)?;
    record.job(&Job { id: id.to_owned(), ..Job::default() });
    context.session(to).await?;
    let (status, on_halt) = (Arc::new(Status::new(json)), halts(context, Roles { from: to, to }));
    let region = context.core.batch_region(to);
    let job = follow(context, (to, &region), id, (&status, &on_halt)).await?;
    record.job(&job);
    end(&job, json)
}

async fn cancel(context: &Context, to: RoleIndex, id: &str) -> Result<()> {
    let id = checked_id(id)?;
    context.session(to).await?;
    let region = context.core.batch_region(to);
    let on_halt = halts(context, Roles { from: to, to });
    context.core.cancel_batch(to, &region, id, &on_halt).await?;
    output::note(&format!("the job {id} ends; what it has copied stays"));
    Ok(())
}

async fn follow(
    context: &Context,
    (to, region): (RoleIndex, &str),
    id: &str,
    (status, on_halt): (&Arc<Status>, &OnHaltOf),
) -> Result<Job> {
    // Whoever stops xsw leaves the job as it is.
    let left = Left::new(context, to, region, id);
    let shown = Arc::clone(status);
    let on_job = move |job: &Job| shown.job(job);
    let job = context.core.follow_batch(to, region, id, on_halt, &on_job).await;
    status.clear();
    let job = job?;
    left.forget();
    status.broken().map_or(Ok(job), Err)
}

fn checked_id(id: &str) -> Result<&str> {
    match is_job_id(id) {
        true => Ok(id),
        false => Err(Error::usage(format!("{} is no id of a job", escaped(id)))),
    }
}

/// What the command line wants, checked.
fn wish(context: &Context, roles: Roles, asked: &CpArguments) -> Result<BatchWish> {
    let usage = |message: String, hint: &str| Error::Usage { message, hint: Some(hint.to_owned()) };
    let uris =
        asked.paths.iter().map(|path| path.parse::<S3Uri>().map_err(|message| super::not_a_bucket(path, message)));
    let uris: Vec<S3Uri> = uris.collect::<Result<_>>()?;
    let [source, target] = uris.as_slice() else {
        return Err(usage("a job copies from one bucket".into(), "name one prefix and where it goes"));
    };
    if asked.if_exists == Some(CpIfExists::Skip) {
        let message = "S3 Batch Operations replaces what it meets: it can skip nothing".to_owned();
        return Err(usage(message, "copy without --batch, or into an empty prefix"));
    }
    let CopyPick::Prefix { uri, strip, target } = prefix(source, target)? else {
        return Err(Error::usage("a job copies a prefix"));
    };
    let partition = context.core.profile.role(roles.to).arn.partition();
    let role =
        job_role(asked.batch.batch_role.as_deref().unwrap_or_default(), partition, context.core.account_of(roles.to))?;
    let place = asked.batch.batch_place.as_deref().unwrap_or_default();
    let place: S3Uri = place.parse().map_err(Error::usage)?;
    Ok(BatchWish {
        roles,
        uri,
        strip,
        target,
        select: asked.chosen.select()?,
        selection: format!("{:?}", asked.chosen),
        storage: storage(asked)?,
        role,
        place: S3Uri::new(&place.bucket, as_folder(&place.key)),
        overwrite: if_exists(asked) == IfExists::Overwrite,
        requester_pays: asked.requester_pays,
    })
}

/// The objects that are too large for a job, which xsw copies itself.
async fn large(
    context: &Context,
    roles: Roles,
    asked: &CpArguments,
    (wish, listed): (&BatchWish, &Listed),
    record: &mut Record,
) -> Result<()> {
    if listed.large.is_empty() {
        return Ok(());
    }
    let pick = |key: &String| {
        let rest = key.strip_prefix(wish.strip.as_str()).unwrap_or(key);
        let target = S3Uri::new(&wish.target.bucket, format!("{}{rest}", wish.target.key));
        CopyPick::Object { uri: S3Uri::new(&wish.uri.bucket, key), version: None, target }
    };
    copy(context, roles, asked, listed.large.iter().map(pick).collect(), record).await?;
    let left = listed.large_count - listed.large.len() as u64;
    if left > 0 {
        let message = format!("{} over 5 GiB are left; the same command without --batch copies them", count(left));
        return Err(Error::Partial { message });
    }
    Ok(())
}

fn tell_listed(listed: &Listed, wish: &BatchWish, dry_run: bool) {
    let Listed { objects, bytes: size, large_count, large_bytes, archived, .. } = listed;
    if objects + large_count + archived == 0 {
        output::note(&format!("nothing below {} is what was asked for", escaped(&wish.uri.to_string())));
        return;
    }
    let would = if dry_run { "would be" } else { "are" };
    output::note(&format!("{} {would} in the manifest, {}", plural(*objects, "object"), bytes(*size)));
    if *large_count > 0 {
        output::note(&format!(
            "{} over 5 GiB, {}, are not for S3 Batch Operations: xsw copies them itself, after the job",
            plural(*large_count, "object"),
            bytes(*large_bytes)
        ));
    }
    if let Some(first) = &listed.first_archived {
        let first = S3Uri::new(&wish.uri.bucket, first).to_string();
        output::note(&format!(
            "{} left out: archived, to be restored first; the first is {}",
            plural(*archived, "object"),
            escaped(&first)
        ));
    }
}

/// How the job ended, told once.
fn end(job: &Job, json: bool) -> Result<()> {
    let report = job.report_folder().filter(|_| job.failed > 0).map(|uri| uri.to_string());
    if json {
        let mut line = as_json(job);
        line["report"] = json!(report);
        output::print(|out| output::json_line(out, &line))?;
    } else {
        let (succeeded, failed) = (count(job.succeeded), count(job.failed));
        let (id, status) = (harmless(&job.id), harmless(&job.status));
        output::print(|out| writeln!(out, "{id} {status}: {succeeded} copied, {failed} failed"))?;
    }
    if job.is_success() {
        return Ok(());
    }
    for (code, words) in &job.reasons {
        output::note(&format!("{}: {}", escaped(code), escaped(words)));
    }
    if let Some(report) = &report {
        output::note(&format!("which ones and why is told below {}", escaped(report)));
    }
    let message = match job.status.as_str() {
        "Complete" => format!("{} of {} could not be copied", count(job.failed), plural(job.total, "object")),
        "Cancelled" => format!("the job {} was cancelled", harmless(&job.id)),
        other => format!("the job {} ended as {}", harmless(&job.id), escaped(other)),
    };
    Err(Error::Partial { message })
}

/// What was refused, and what prints the policies for it.
fn with_policy(context: &Context, wish: &BatchWish, error: Error) -> Error {
    let Error::Denied { action, resource, message, hint } = error else { return error };
    let label = |role| context.core.profile.label(role);
    let (from, to) = (label(wish.roles.from), label(wish.roles.to));
    let (uri, strip, target) = (wish.uri.clone(), wish.strip.clone(), wish.target.clone());
    let pick = CopyPick::Prefix { uri, strip, target };
    let batch = Some((&wish.role, &wish.place));
    let of = PoliciesOf { from: &from, to: &to, pick: &pick, storage: &wish.storage, streamed: false, batch };
    let next = format!("`{}` prints what all sides need", policy_command(of));
    let hint = hint.map_or_else(|| next.clone(), |hint| format!("{hint}; {next}"));
    Error::Denied { action, resource, message, hint: Some(hint) }
}

fn halts(context: &Context, roles: Roles) -> OnHaltOf {
    // No picture stands in the way of a question: the line of a status is drawn anew.
    let halts = [roles.from, roles.to].map(|role| (role, on_halt(context, role, None)));
    Arc::new(move |role: RoleIndex| {
        halts.iter().find(|(of, _)| *of == role).map(|(_, halt)| halt.clone()).unwrap_or_default()
    })
}
