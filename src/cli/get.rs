//! `xsw get`: downloads, with progress on stderr when a person watches.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count, cut, escaped};
use crate::domain::transfer::{IfExists, Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::download::{Job, OnProgress, Pick, Wishes};

pub(super) struct Options {
    pub(super) recursive: bool,
    pub(super) force: bool,
    pub(super) version_id: Option<String>,
    pub(super) json: bool,
}

pub(super) async fn run(context: &Context, role: RoleIndex, paths: &[String], options: &Options) -> Result<()> {
    let mut picks = picks(paths, options.recursive)?;
    if let Some(id) = &options.version_id {
        let [Pick::Object { version, .. }] = picks.as_mut_slice() else {
            return Err(Error::usage("a version is of one object: name that one alone"));
        };
        *version = Some(id.clone());
    }
    context.session(role).await?;
    let bar = bar();
    let on_progress: OnProgress = {
        let bar = bar.clone();
        Arc::new(move |progress| show(&bar, progress))
    };
    let if_exists = if options.force { IfExists::Overwrite } else { IfExists::Refuse };
    let wishes = Wishes { if_exists, ..Wishes::default() };
    let one_object = matches!(picks.as_slice(), [Pick::Object { .. }]);
    let mut summary = context.core.download(role, Job::new(picks, wishes, on_progress)).await;
    bar.finish_and_clear();
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

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    bar.set_style(style(UNKNOWN));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// While the listing runs nobody knows the whole, and no bar or time left would be true.
const UNKNOWN: &str = "{spinner} {bytes} {binary_bytes_per_sec} {wide_msg}";
const KNOWN: &str = "{spinner} {bar:24} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta} {wide_msg}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn show(bar: &ProgressBar, progress: &Progress) {
    if bar.is_hidden() {
        return;
    }
    if progress.total_known && bar.length() != Some(progress.total_bytes) {
        bar.set_style(style(KNOWN));
        bar.set_length(progress.total_bytes);
    }
    bar.set_position(progress.bytes);
    let more = if progress.total_known { "" } else { "+" };
    let of = format!("{}/{}{more}", count(progress.objects), count(progress.total_objects));
    bar.set_message(format!("{of}  {}", cut(&escaped(progress.active.first().map_or("", |active| &active.key)), 60)));
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
