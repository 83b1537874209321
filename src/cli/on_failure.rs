//! A command that hears when an unattended job has failed: the record of it is on its stdin.

use std::process::Stdio;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::job::failed_as_json;
use super::{Context, output};
use crate::domain::copy::Way;
use crate::domain::transfer::Summary;
use crate::error::Error;

/// Failures that a record names; all of them are counted.
const NAMED: usize = 100;

/// Whom to tell.
pub(super) enum OnFailure {
    /// Nobody.
    Nobody,
    /// A line for the shell, from the command line.
    Line(String),
    /// A program and its arguments, from the profile file.
    Program(Vec<String>),
}

impl OnFailure {
    /// The command line's, else the profile file's.
    pub(super) fn of(context: &Context, line: Option<&str>) -> Self {
        let of_file = &context.core.profile.settings.on_failure;
        match line {
            Some("") => Self::Nobody,
            Some(line) => Self::Line(line.to_owned()),
            None if of_file.is_empty() => Self::Nobody,
            None => Self::Program(of_file.clone()),
        }
    }

    /// Tells the command, and waits for it. That it fails itself is said, and changes nothing.
    pub(super) async fn run(&self, record: Value) {
        let (name, mut command) = match self {
            Self::Nobody => return,
            Self::Line(line) => (line.as_str(), shell(line)),
            Self::Program(words) => {
                let [program, arguments @ ..] = words.as_slice() else { return };
                let mut command = Command::new(program);
                command.args(arguments);
                (program.as_str(), command)
            }
        };
        // Results alone go to stdout.
        let child = command.stdin(Stdio::piped()).stdout(std::io::stderr()).spawn();
        let ended = match child {
            Ok(mut child) => {
                if let Some(mut stdin) = child.stdin.take() {
                    // One that does not read is none the worse for it.
                    _ = stdin.write_all(format!("{record}\n").as_bytes()).await;
                }
                child.wait().await
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => output::note(&format!("the command for failures, {name}, ended itself with {status}")),
            Err(error) => output::note(&format!("the command for failures, {name}, does not run: {error}")),
        }
    }
}

fn shell(line: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut command = Command::new(program);
    command.arg(flag).arg(line);
    command
}

/// What the command is told.
pub(super) struct Record {
    verb: &'static str,
    from: String,
    to: String,
    paths: Vec<String>,
    began: Timestamp,
    /// Which way it went, once that is known.
    pub(super) way: Option<Way>,
    done: Value,
    /// The job of S3 Batch Operations, as far as it was when it was last looked at.
    job: Value,
}

impl Record {
    /// A job that begins now, between roles as the command line names them.
    pub(super) fn new(verb: &'static str, from: Option<&String>, to: Option<&String>, paths: &[String]) -> Self {
        let name = |role: Option<&String>| role.cloned().unwrap_or_default();
        Self {
            verb,
            from: name(from),
            to: name(to),
            paths: paths.to_vec(),
            began: Timestamp::now(),
            way: None,
            done: Value::Null,
            job: Value::Null,
        }
    }

    /// Which roles those are.
    pub(super) fn between(&mut self, from: &str, to: &str) {
        (self.from, self.to) = (from.to_owned(), to.to_owned());
    }

    /// The job of S3 Batch Operations that does it.
    #[cfg(feature = "batch")]
    pub(super) fn job(&mut self, job: &crate::domain::batch::Job) {
        self.job = json!({
            "job_id": job.id,
            "status": job.status,
            "total": job.total,
            "succeeded": job.succeeded,
            "failed": job.failed,
        });
    }

    /// What it did.
    pub(super) fn summary(&mut self, summary: &Summary) {
        let failed = summary.failed.iter().take(NAMED).map(failed_as_json);
        self.done = json!({
            "written": summary.written,
            "bytes": summary.bytes,
            "skipped": summary.skipped,
            "failed": summary.failures,
            "failures": failed.collect::<Vec<_>>(),
        });
    }

    /// The whole, with how it ended.
    pub(super) fn of(&self, error: &Error) -> Value {
        json!({
            "verb": self.verb,
            "from": self.from,
            "to": self.to,
            "paths": self.paths,
            "way": self.way.map(Way::name),
            "began": self.began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "ended": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "error": error.to_string(),
            "hint": error.hint(),
            "kind": error.kind(),
            "done": self.done,
            "job": self.job,
        })
    }
}
