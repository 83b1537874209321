//! `xsw get`: downloads, with progress on stderr when a person watches.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::progress::{Lasting, Progress};
use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count, escaped};
use crate::domain::transfer::{Event, IfExists, Summary};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::download::{Job, OnEvent, OnProgress, Pick, Wishes};

pub(super) struct Options {
    pub(super) recursive: bool,
    pub(super) force: bool,
    pub(super) json: bool,
}

pub(super) async fn run(context: &Context, role: RoleIndex, paths: &[String], options: &Options) -> Result<()> {
    let picks = picks(paths, options.recursive)?;
    let session = context.session(role).await?;
    let profile = &context.core.profile;
    let asks = profile.chain(role).iter().any(|link| profile.role(*link).mfa_serial.is_some());
    let renews_unasked = !asks || !profile.settings.mfa_command.is_empty();
    let drawn = Progress::start(Lasting { expiration: session.expiration, renews_unasked });
    let on_progress: OnProgress = {
        let drawn = drawn.clone();
        Arc::new(move |progress| drawn.on_progress(progress))
    };
    let if_exists = if options.force { IfExists::Overwrite } else { IfExists::Refuse };
    let wishes = Wishes { if_exists, ..Wishes::default() };
    let one_object = matches!(picks.as_slice(), [Pick::Object { .. }]);
    let on_event: OnEvent = {
        let drawn = drawn.clone();
        Arc::new(move |event| {
            if let Event::Note(uri, text) = event {
                drawn.note(&format!("{uri}: {text}"));
            }
        })
    };
    let job = Job { on_event, ..Job::new(picks, wishes, on_progress) };
    let mut summary = context.core.download(role, job).await;
    drawn.finish();
    if options.json {
        print_json_lines(&summary)?;
    }
    // One object that failed is the whole story: its own error, hint and exit status.
    if one_object && summary.failed.len() == 1 {
        return Err(summary.failed.remove(0).error);
    }
    if summary.done.is_empty() && summary.failed.is_empty() {
        let message = format!("nothing begins with {}", paths.first().map(String::as_str).unwrap_or_default());
        let hint = Some("check the prefix; `xsw ls` of the level above shows what there is".into());
        return Err(Error::NotFound { message, hint });
    }
    tell(&summary, options.json)
}

fn picks(paths: &[String], recursive: bool) -> Result<Vec<Pick>> {
    let (sources, destination) = match paths {
        [sources @ .., last] if !sources.is_empty() && !last.starts_with("s3://") => (sources, last.as_str()),
        sources => (sources, "."),
    };
    let destination_path = Path::new(destination);
    let into_folder =
        sources.len() > 1 || destination.ends_with(['/', std::path::MAIN_SEPARATOR]) || destination_path.is_dir();
    let pick = |source: &String| {
        let uri: S3Uri = source.parse().map_err(Error::usage)?;
        if recursive {
            return Ok(Pick::below(uri, destination_path));
        }
        if uri.key.is_empty() || uri.key.ends_with('/') {
            let hint = Some("everything below it: add -r".to_owned());
            return Err(Error::Usage { message: format!("{} is no object", escaped(&uri.to_string())), hint });
        }
        Ok(if into_folder {
            Pick::into_folder(uri, None, destination_path)
        } else {
            Pick::into_file(uri, destination_path)
        })
    };
    sources.iter().map(pick).collect()
}

fn print_json_lines(summary: &Summary) -> Result<()> {
    output::print(|out| {
        for done in &summary.done {
            let line = json!({ "type": "object", "uri": done.uri.to_string(), "path": done.path, "size": done.size });
            output::json_line(out, &line)?;
        }
        for failed in &summary.failed {
            let (error, hint, kind) = (failed.error.to_string(), failed.error.hint(), failed.error.kind());
            let line =
                json!({ "type": "failed", "uri": failed.uri.to_string(), "error": error, "hint": hint, "kind": kind });
            output::json_line(out, &line)?;
        }
        Ok(())
    })
}

/// The end of a job of many objects: what failed, line by line, and what was done.
fn tell(summary: &Summary, json: bool) -> Result<()> {
    let (done, failed) = (summary.written, summary.failures);
    if !json {
        if done > 0 || failed > 1 {
            summary.failed.iter().for_each(output::note_failed);
            // A hint is worth saying once, however many objects it is for.
            let hints: BTreeSet<String> = summary.failed.iter().filter_map(|failed| failed.error.hint()).collect();
            hints.iter().for_each(|hint| output::hint(hint));
        }
        if done > 0 {
            output::note(&format!("{} written, {}", objects(done), bytes(summary.bytes)));
        }
    }
    if failed == 0 {
        return Ok(());
    }
    // One failure alone (a listing that was refused, say) is the whole story.
    if let (0, [only]) = (done, summary.failed.as_slice()) {
        return Err(only.error.clone());
    }
    Err(Error::Partial { message: format!("{} of {} not written", count(failed), objects(done + failed)) })
}

fn objects(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "object" } else { "objects" })
}
