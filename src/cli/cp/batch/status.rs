//! How far a job is, for who watches it, and what stays when they stop.

use std::io::{self, IsTerminal as _};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::{Value, json};

use crate::cli::{Context, output};
use crate::domain::batch::Job;
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count, escaped, harmless, plural};
use crate::error::Error;
use crate::local::lock::held;
use crate::ops::batch::{BatchWish, Listed};

pub(super) fn as_json(job: &Job) -> Value {
    json!({
        "type": "job",
        "job_id": job.id,
        "status": job.status,
        "total": job.total,
        "succeeded": job.succeeded,
        "failed": job.failed,
    })
}

/// One line on stderr that says how far it is; where no person watches, a line for each new status; with `--json` one
/// on stdout for each change.
pub(super) struct Status {
    bar: Option<ProgressBar>,
    json: bool,
    last: Mutex<Option<Job>>,
    /// Why stdout takes no more.
    broken: Mutex<Option<Error>>,
}

impl Status {
    pub(super) fn new(json: bool) -> Self {
        let watched = io::stderr().is_terminal();
        let bar = watched.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                indicatif::ProgressStyle::with_template("{spinner} {msg}")
                    .unwrap_or_else(|_| indicatif::ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { bar, json, last: Mutex::default(), broken: Mutex::default() }
    }

    pub(super) fn listing(&self, listed: &Listed) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("listing: {}, {}", plural(listed.objects, "object"), bytes(listed.bytes)));
        }
    }

    pub(super) fn job(&self, job: &Job) {
        let before = held(&self.last).replace(job.clone());
        if before.as_ref() == Some(job) {
            return;
        }
        let far = match job.total {
            0 => String::new(),
            total => format!(", {} of {}", count(job.succeeded + job.failed), plural(total, "object")),
        };
        let failed = if job.failed > 0 { format!(", {} failed", count(job.failed)) } else { String::new() };
        let text = format!("{}{far}{failed}", harmless(&job.status));
        if let Some(bar) = &self.bar {
            bar.set_message(text.clone());
        }
        // The last word is the caller's.
        if self.json && !job.is_over() {
            if let Err(error) = output::print(|out| output::json_line(out, &as_json(job))) {
                held(&self.broken).get_or_insert(error);
            }
        } else if self.bar.is_none() && before.is_none_or(|before| before.status != job.status) {
            output::note(&text);
        }
        if job.is_waiting() {
            output::note("it waits for somebody: look at it in the S3 console, or with `aws s3control describe-job`");
        }
    }

    /// Why stdout took no more, told once.
    pub(super) fn broken(&self) -> Option<Error> {
        held(&self.broken).take()
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Says when xsw is stopped on the way what it leaves, and how to come back to it.
pub(super) struct Left(Option<String>);

impl Left {
    /// A manifest that is being written.
    pub(super) fn manifest(wish: &BatchWish, dry_run: bool) -> Self {
        let place = wish.place.to_string();
        Self((!dry_run).then(|| {
            format!(
                "no job was made, nothing is copied; parts of its manifest may stay below {} as an upload that is not \
                 finished",
                escaped(&place)
            )
        }))
    }

    pub(super) fn new(context: &Context, to: RoleIndex, region: &str, id: &str) -> Self {
        let label = context.core.profile.label(to);
        let region = match context.core.batch_region(to) == region {
            true => String::new(),
            false => format!(" --region {region}"),
        };
        let command = |verb: &str| format!("`xsw cp --batch-{verb} {} --to {label}{region}`", harmless(id));
        Self(Some(format!("the job goes on: {} follows it, {} ends it", command("follow"), command("cancel"))))
    }

    pub(super) fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(text) = &self.0 {
            output::note(text);
        }
    }
}
