//! `xsw cp`: copies from bucket to bucket, and from account to account.

#[cfg(feature = "batch")]
mod batch;

use std::sync::Arc;

use serde_json::json;

use super::find::found_something;
use super::job::{OnItsWay, Printer, Telling, memory, on_halt, tell};
use super::on_failure::{OnFailure, Record};
use super::progress::Progress;
use super::{Context, CpArguments, CpIfExists, EncryptionWord, output};
use crate::domain::copy::{Class, Encryption, Storage, Way};
use crate::domain::local_path::folder_of;
use crate::domain::role::RoleIndex;
use crate::domain::text::escaped;
use crate::domain::transfer::IfExists;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::copy::{CopyJob, CopyPick, CopyWishes, Plan, Refused, Roles};
use crate::ops::policy::{PoliciesOf, explain_command, policy_command};

/// What becomes of a copy that ends before its end.
const STAYS: &str = "what is copied stays, whole objects and parts of large ones: the same command goes on from there";

pub(super) async fn run(context: &Context, asked: CpArguments) -> Result<()> {
    // Before anything can fail: a role that was renamed is what somebody wants to hear of, too.
    let hook = OnFailure::of(context, asked.on_failure.as_deref());
    let mut record = Record::new("cp", asked.from.as_ref().or(asked.name.as_ref()), asked.to.as_ref(), &asked.paths);
    let outcome = run_recorded(context, &asked, &mut record).await;
    if let (Err(error), false) = (&outcome, asked.dry_run) {
        hook.run(record.of(error)).await;
    }
    outcome
}

async fn run_recorded(context: &Context, asked: &CpArguments, record: &mut Record) -> Result<()> {
    let of_batch = &asked.batch;
    let is_batch = of_batch.batch || of_batch.batch_follow.is_some() || of_batch.batch_cancel.is_some();
    #[cfg(not(feature = "batch"))]
    if is_batch {
        return Err(Error::Usage {
            message: "this build of xsw knows no S3 Batch Operations".into(),
            hint: Some("one that does is built with `cargo install xsw --features batch`".into()),
        });
    }
    #[cfg(feature = "batch")]
    if is_batch {
        let roles = roles(context, asked, record)?;
        return batch::run(context, roles, asked, record).await;
    }
    let picks = picks(asked)?;
    copy(context, roles(context, asked, record)?, asked, picks, record).await
}

async fn copy(
    context: &Context,
    roles: Roles,
    asked: &CpArguments,
    picks: Vec<CopyPick>,
    record: &mut Record,
) -> Result<()> {
    let (select, storage) = (asked.chosen.select()?, storage(asked)?);
    let max_memory = asked.max_memory.as_deref().map(memory).transpose()?;
    for role in [roles.from, roles.to] {
        context.session(role).await?;
        if asked.requester_pays {
            context.core.s3(role).pay();
        }
    }
    let wished = match (asked.server_side, asked.streamed) {
        (true, _) => Some(Way::Server),
        (_, true) => Some(Way::Streamed),
        _ => None,
    };
    let wishes = CopyWishes {
        if_exists: if_exists(asked),
        select,
        storage,
        dry_run: asked.dry_run,
        max_memory,
        ..CopyWishes::default()
    };
    let plan = context.core.plan_copy(roles, &picks, &wishes, wished).await;
    let plan =
        plan.map_err(|refused| refused_with_policy(context, roles, asked, (&picks, &wishes.storage), refused))?;
    record.way = Some(plan.way);
    let one_object = matches!(picks.as_slice(), [CopyPick::Object { .. }]);
    if plan.is_empty {
        let is_filtered = asked.chosen.is_some();
        return match picks.as_slice() {
            _ if is_filtered => {
                output::note("nothing there is what was asked for");
                Ok(())
            }
            [pick, ..] => found_something(pick.uri()),
            [] => Ok(()),
        };
    }
    announce(context, &plan, asked)?;
    let core = Arc::clone(&context.core);
    let progress = Progress::start(Arc::new(move || core.lasting(plan.writer)));
    let telling = Telling { json: asked.json, dry_run: asked.dry_run, done: "copied", stays: STAYS };
    let printer = Arc::new(Printer::new(telling, progress.clone()));
    let halts: Vec<_> =
        [roles.from, roles.to].into_iter().map(|role| (role, on_halt(context, role, Some(&progress)))).collect();
    let (shown, told) = (progress.clone(), Arc::clone(&printer));
    let job = CopyJob {
        picks: picks.into(),
        wishes,
        on_halt: Arc::new(move |role: RoleIndex| {
            halts.iter().find(|(of, _)| *of == role).map(|(_, halt)| halt.clone()).unwrap_or_default()
        }),
        control: Default::default(),
        on_progress: Arc::new(move |now| shown.on_progress(now)),
        on_event: Arc::new(move |event| told.event(event)),
    };
    let on_its_way = OnItsWay::new(&progress, telling);
    let mut summary = context.core.copy(&plan, job).await;
    on_its_way.has_ended();
    progress.finish();
    record.summary(&summary);
    // One object that failed is the whole story: its own error, hint and exit status.
    if one_object && summary.stopped.is_none() && summary.failures == 1 && !summary.failed.is_empty() {
        return Err(summary.failed.remove(0).error);
    }
    tell(&summary, telling);
    if summary.stopped.is_some() && !asked.dry_run {
        output::note(STAYS);
    }
    summary.outcome().and(printer.outcome())
}

/// Both are the same where only one is named; in a subshell of xsw its role is the one that is not named.
fn roles(context: &Context, asked: &CpArguments, record: &mut Record) -> Result<Roles> {
    let roles = roles_asked(context, asked)?;
    record.between(&context.core.profile.label(roles.from), &context.core.profile.label(roles.to));
    Ok(roles)
}

fn roles_asked(context: &Context, asked: &CpArguments) -> Result<Roles> {
    let profile = &context.core.profile;
    let find = |name: Option<&String>| name.map(|name| profile.find(name)).transpose();
    let (from, to) = (find(asked.from.as_ref().or(asked.name.as_ref()))?, find(asked.to.as_ref())?);
    match (from, to) {
        (Some(from), Some(to)) => Ok(Roles { from, to }),
        (Some(role), None) | (None, Some(role)) => Ok(Roles { from: role, to: role }),
        (None, None) => {
            let role = context.named_role(&super::As::default()).map_err(|error| match error {
                Error::Usage { message, .. } => {
                    let hint = "name the role that reads with --from and the one that writes with --to";
                    Error::Usage { message, hint: Some(hint.into()) }
                }
                other => other,
            })?;
            Ok(Roles { from: role, to: role })
        }
    }
}

fn picks(asked: &CpArguments) -> Result<Vec<CopyPick>> {
    let uris = asked.paths.iter().map(|path| path.parse::<S3Uri>().map_err(|message| not_a_bucket(path, message)));
    let uris: Vec<S3Uri> = uris.collect::<Result<_>>()?;
    let [sources @ .., target] = uris.as_slice() else { return Err(Error::usage("a source and a target are needed")) };
    let into_folder = sources.len() > 1 || target.key.is_empty() || target.key.ends_with('/');
    let pick = |uri: &S3Uri| {
        if asked.recursive {
            return prefix(uri, target);
        }
        if uri.key.is_empty() || uri.key.ends_with('/') {
            let hint = Some("everything below it: add -r".to_owned());
            return Err(Error::Usage { message: format!("{} is no object", escaped(&uri.to_string())), hint });
        }
        let key = if into_folder { format!("{}{}", as_folder(&target.key), uri.name()) } else { target.key.clone() };
        let (target, version) = (S3Uri::new(&target.bucket, key), asked.version_id.clone());
        if target == *uri && version.is_none() {
            return Err(Error::usage(format!("{} would be copied onto itself", escaped(&uri.to_string()))));
        }
        Ok(CopyPick::Object { uri: uri.clone(), version, target })
    };
    if asked.version_id.is_some() && sources.len() > 1 {
        return Err(Error::usage("a version is of one object: name that one alone"));
    }
    sources.iter().map(pick).collect()
}

fn prefix(uri: &S3Uri, target: &S3Uri) -> Result<CopyPick> {
    let (strip, folder) = (folder_of(&uri.key).to_owned(), as_folder(&target.key));
    let within = uri.bucket == target.bucket && format!("{folder}{}", &uri.key[strip.len()..]).starts_with(&uri.key);
    if within {
        let message = format!("{} lies within what is copied", escaped(&target.to_string()));
        return Err(Error::Usage { message, hint: Some("copies would be copied again: name another prefix".into()) });
    }
    Ok(CopyPick::Prefix { uri: uri.clone(), strip, target: S3Uri::new(&target.bucket, folder) })
}

/// What keys below a folder begin with.
fn as_folder(key: &str) -> String {
    match key {
        "" => String::new(),
        key if key.ends_with('/') => key.to_owned(),
        key => format!("{key}/"),
    }
}

fn not_a_bucket(path: &str, message: String) -> Error {
    if path.starts_with("s3://") {
        return Error::usage(message);
    }
    Error::Usage {
        message: format!("{} is no s3:// address", escaped(path)),
        hint: Some("cp copies from bucket to bucket; `xsw get` downloads".into()),
    }
}

fn storage(asked: &CpArguments) -> Result<Storage> {
    let class = match asked.storage_class.as_deref() {
        None => Class::Standard,
        Some("keep") => Class::Keep,
        Some(class) if class.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') => {
            Class::Named(class.to_owned())
        }
        Some(class) => {
            return Err(Error::Usage {
                message: format!("--storage-class: {} is no storage class", escaped(class)),
                hint: Some("write STANDARD_IA, GLACIER_IR, INTELLIGENT_TIERING, … or keep".into()),
            });
        }
    };
    let encryption = match (asked.encryption, &asked.kms_key) {
        (Some(EncryptionWord::Aes256), None) => Encryption::Aes256,
        (Some(EncryptionWord::Aes256), Some(_)) => {
            return Err(Error::usage("--kms-key is for --encryption aws:kms alone"));
        }
        (Some(EncryptionWord::Kms), key) => Encryption::Kms(key.clone()),
        (None, Some(key)) => Encryption::Kms(Some(key.clone())),
        (None, None) => Encryption::Bucket,
    };
    Ok(Storage { class, encryption, without_tags: asked.no_tags })
}

fn if_exists(asked: &CpArguments) -> IfExists {
    match asked.if_exists {
        _ if asked.force => IfExists::Overwrite,
        None => IfExists::Refuse,
        Some(CpIfExists::Skip) => IfExists::Skip,
        Some(CpIfExists::Overwrite) => IfExists::Overwrite,
    }
}

/// Says before it starts which way the bytes go.
fn announce(context: &Context, plan: &Plan, asked: &CpArguments) -> Result<()> {
    let label = |role| context.core.profile.label(role);
    let (reader, writer) = (label(plan.reader), label(plan.writer));
    if asked.json {
        let line = json!({
            "type": "plan",
            "way": plan.way.name(),
            "from": reader,
            "to": writer,
            "notes": plan.notes,
        });
        return output::print(|out| output::json_line(out, &line));
    }
    plan.notes.iter().for_each(|note| output::note(note));
    output::note(&match plan.way {
        Way::Server => format!("S3 copies by itself, as {writer}"),
        Way::Streamed if plan.reader == plan.writer => format!("through this machine, as {writer}"),
        Way::Streamed => format!("through this machine: {reader} reads, {writer} writes"),
    });
    Ok(())
}

/// What was refused, and what would mend it.
fn refused_with_policy(
    context: &Context,
    roles: Roles,
    asked: &CpArguments,
    (picks, storage): (&[CopyPick], &Storage),
    refused: Refused,
) -> Error {
    let writes = refused.writes();
    let Refused { role, error, others, .. } = refused.clone();
    let label = |role| context.core.profile.label(role);
    for (role, error) in others {
        output::note(&format!("as {}: {error}", label(role)));
    }
    let (Error::Denied { action, resource, message, hint }, Some(pick)) = (&error, picks.first()) else { return error };
    let (from, to) = (label(roles.from), label(roles.to));
    let of = PoliciesOf { from: &from, to: &to, pick, storage, streamed: asked.streamed, batch: None };
    let next = format!(
        "`{}` says which side refuses; `{}` prints what it needs",
        explain_command(&label(role), Some(refused.place(pick)), writes),
        policy_command(of)
    );
    let hint = hint.as_ref().map_or_else(|| next.clone(), |hint| format!("{hint}; {next}"));
    Error::Denied { action: action.clone(), resource: resource.clone(), message: message.clone(), hint: Some(hint) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Arguments, Verb};

    fn asked(words: &str) -> CpArguments {
        let words = ["xsw", "cp"].into_iter().chain(words.split_whitespace());
        match Arguments::parse_from(words).verb {
            Some(Verb::Cp(asked)) => *asked,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn where_copies_go() {
        for (words, expected) in [
            ("s3://aaa/x/y.txt s3://bbb", Ok("s3://bbb/y.txt")),
            ("s3://aaa/x/y.txt s3://bbb/z", Ok("s3://bbb/z")),
            ("s3://aaa/x/y.txt s3://bbb/z/", Ok("s3://bbb/z/y.txt")),
            ("-r s3://aaa/x/y s3://bbb/z", Ok("s3://bbb/z/")),
            ("-r s3://aaa/x/ s3://aaa/y/", Ok("s3://aaa/y/")),
            ("s3://aaa/x/y.txt s3://aaa/x/", Err("onto itself")),
            ("-r s3://aaa/x/ s3://aaa/x/copy/", Err("lies within")),
            ("-r s3://aaa s3://aaa/copy/", Err("lies within")),
            ("s3://aaa/x/ s3://bbb", Err("is no object")),
            ("s3://aaa/x here", Err("is no s3:// address")),
        ] {
            match (picks(&asked(words)), expected) {
                (Ok(picks), Ok(target)) => assert_eq!(picks[0].target().to_string(), target, "{words}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{words}: {error}"),
                (given, _) => panic!("{words}: {given:?}"),
            }
        }
    }
}
