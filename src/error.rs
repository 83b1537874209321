//! The one error: what failed, where, and what to do next.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::domain::text::{escaped, escaped_lines, harmless};
use crate::domain::transfer::Place;

/// `std`'s, with our error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can fail. Display says what and where; [`Error::hint`] says what next.
///
/// Texts of AWS and of files are escaped when they are shown, so an error and its hint are always fit for a terminal:
/// who prints them escapes nothing. Names within a [`Error::Usage`] or a hint are escaped by who writes it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line asks for something that cannot be.
    #[error("{}", harmless(.message))]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },

    /// The profile file is missing, unreadable or wrong; all problems at once.
    #[error("{}", profile_message(.path.as_deref(), .problems))]
    Profile {
        /// The file, where there is one.
        path: Option<PathBuf>,
        /// One or more.
        problems: Vec<Problem>,
        /// What to do.
        hint: Option<String>,
    },

    /// ROLE matched no role or several.
    #[error("{}", escaped(.message))]
    RoleName {
        /// What was given and what it matched.
        message: String,
        /// What was perhaps meant.
        hint: Option<String>,
    },

    /// AWS refused: AccessDenied.
    #[error("not allowed to {action} on {}{}", escaped(.resource), reason(.message))]
    Denied {
        /// `sts:AssumeRole`, `s3:ListBucket`, …
        action: String,
        /// The ARN or URI it was asked for.
        resource: String,
        /// AWS's own words.
        message: String,
        /// What to do.
        hint: Option<String>,
    },

    /// A role wants an MFA code and none was given.
    #[error("{} wants a code of the MFA device {}", escaped(.role), escaped(.serial))]
    MfaRequired {
        /// `account/role`.
        role: String,
        /// The serial number or ARN of the device.
        serial: String,
    },

    /// A code was sent already; each works once.
    #[error("this code of the MFA device {} was sent already, and each works once", escaped(.serial))]
    MfaCodeUsed {
        /// The serial number or ARN of the device.
        serial: String,
    },

    /// `mfa_command` gave no code.
    #[error("mfa_command {} gave no code: {}", escaped(.program), escaped(.message))]
    MfaCommand {
        /// The program.
        program: String,
        /// What it did instead.
        message: String,
    },

    /// The source credentials are missing or have ended.
    #[error("no credentials from {}: {}", escaped(.source_name), escaped(.message))]
    SignedOut {
        /// The source's name in the profile file.
        source_name: String,
        /// What the SDK or AWS said.
        message: String,
        /// What to do.
        hint: Option<String>,
    },

    /// A session has ended.
    #[error("the session of {} has ended", escaped(.role))]
    Expired {
        /// `account/role`.
        role: String,
    },

    /// The bucket is in another region than the request was made for.
    #[error("the bucket {} is in {}", escaped(.bucket), escaped(.region))]
    OtherRegion {
        /// The bucket.
        bucket: String,
        /// Where it is.
        region: String,
    },

    /// There is no such bucket, key or file.
    #[error("{}", escaped(.message))]
    NotFound {
        /// What is missing.
        message: String,
        /// What to do.
        hint: Option<String>,
    },

    /// The object changed while it was read (If-Match failed).
    #[error("{} was replaced while it was read", escaped(.resource))]
    Replaced {
        /// The object's URI.
        resource: String,
    },

    /// The bytes that came are not the object's.
    #[error("{} came damaged: its {algorithm} is another", escaped(.resource))]
    Corrupt {
        /// The object's URI.
        resource: String,
        /// The checksum that told, by its name at AWS.
        algorithm: &'static str,
    },

    /// AWS could not be reached, or did not answer in time.
    #[error("cannot reach {}: {}", escaped(.endpoint), escaped(.message))]
    Network {
        /// `sts` or `s3` and, where known, the region or the custom endpoint.
        endpoint: String,
        /// What the connection said.
        message: String,
    },

    /// This machine's clock and AWS's are too far apart for a signature.
    #[error("this machine's clock is wrong: {}", escaped(.message))]
    Clock {
        /// By how much, where known.
        message: String,
    },

    /// AWS refused for another reason.
    #[error("{action} failed: {}: {}", escaped(.code), escaped_lines(.message))]
    Aws {
        /// `sts:AssumeRole`, …
        action: String,
        /// AWS's error code.
        code: String,
        /// AWS's own words.
        message: String,
        /// What to do.
        hint: Option<String>,
    },

    /// A file or folder of this machine.
    #[error("cannot {what} {}: {source}", escaped(&.path.to_string_lossy()))]
    File {
        /// `write`, `read`, `create`, …
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },

    /// What a transfer would write is there already, and differs.
    #[error("{} is there already", escaped(&.at.to_string()))]
    Exists {
        /// The file or the object.
        at: Place,
    },

    /// A key that cannot be a file here without danger.
    #[error("{} is not written: {}", escaped(.key), escaped(.reason))]
    UnsafeKey {
        /// The exact key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A part of a job failed; the parts have been told one by one.
    #[error("{message}")]
    Partial {
        /// How many of how many.
        message: String,
    },

    /// A child process could not be started.
    #[error("cannot run {}: {source}", escaped(.command))]
    Child {
        /// The program.
        command: String,
        /// Why.
        source: Arc<std::io::Error>,
    },

    /// Somebody pressed Ctrl-C or Esc.
    #[error("interrupted")]
    Interrupted,

    /// A signal asked the program to end.
    #[error("ended by signal {0}")]
    Signal(u8),

    /// Whoever read the answer has seen enough, as `head` does. No failure.
    #[error("nobody reads on")]
    ReaderGone,

    /// A task of ours panicked. That is a bug.
    #[error("a part of xsw crashed: {}", escaped(.message))]
    Crashed {
        /// The panic's text.
        message: String,
    },

    /// Writing the answer failed.
    #[error("cannot write the answer: {0}")]
    Output(Arc<std::io::Error>),
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::Output(Arc::new(source))
    }
}

/// One problem of a profile file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong and what was meant.
    pub message: String,
}

impl Error {
    /// A wrong command line, without a hint.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// For `map_err` on file operations.
    pub fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source: Arc::new(source) }
    }

    /// The next step, where the cause is known.
    pub fn hint(&self) -> Option<String> {
        self.next_step().map(|hint| harmless(&hint).into_owned())
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. }
            | Self::Profile { hint, .. }
            | Self::RoleName { hint, .. }
            | Self::Denied { hint, .. }
            | Self::SignedOut { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::Aws { hint, .. } => hint.clone(),
            Self::MfaRequired { .. } => Some("give the code with --mfa-code, or run xsw in a terminal".into()),
            Self::MfaCodeUsed { .. } => Some("wait for the next code, which comes within 30 seconds".into()),
            Self::MfaCommand { .. } => Some("run it yourself to see what it says".into()),
            Self::Expired { .. } => Some("assume the role again".into()),
            Self::OtherRegion { region, .. } => Some(format!("ask in its region: --region {}", escaped(region))),
            Self::Replaced { .. } => Some("run it again to get the new object".into()),
            Self::Corrupt { .. } => Some("run it again; no file has the name of what came damaged".into()),
            Self::Network { .. } => Some("check the network, the proxy settings and the endpoint: `xsw check`".into()),
            Self::Clock { .. } => Some("set the clock (for example `timedatectl set-ntp true`) and try again".into()),
            Self::File { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull => Some("make room on the disk and run it again".into()),
                std::io::ErrorKind::PermissionDenied => Some("choose a place that you may write to".into()),
                _ => None,
            },
            Self::UnsafeKey { .. } => Some("get it alone, under a name of your own: `xsw get s3://… ./NAME`".into()),
            Self::Exists { .. } => Some("choose another name, or overwrite it with --force".into()),
            Self::Child { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => Some("check the command's name and your PATH".into()),
                std::io::ErrorKind::PermissionDenied => {
                    Some("make it executable, or name the program that runs it".into())
                }
                _ => None,
            },
            Self::Crashed { .. } => Some("please report this with the log that `xsw check` names".into()),
            Self::Partial { .. } | Self::Interrupted | Self::Signal(_) | Self::ReaderGone | Self::Output(_) => None,
        }
    }

    /// DESIGN's exit codes: 1 failed, 2 usage or profile file, 3 not allowed, 4 signed out, 130 interrupted; for a child
    /// that cannot start the shells' own: 127 not found, 126 not to be run.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage { .. } | Self::Profile { .. } | Self::RoleName { .. } => 2,
            Self::Denied { .. } => 3,
            Self::SignedOut { .. }
            | Self::Expired { .. }
            | Self::MfaRequired { .. }
            | Self::MfaCodeUsed { .. }
            | Self::MfaCommand { .. } => 4,
            Self::Child { source, .. } if source.kind() == std::io::ErrorKind::NotFound => 127,
            Self::Child { .. } => 126,
            Self::Interrupted => 130,
            Self::Signal(number) => 128_u8.saturating_add(*number),
            Self::ReaderGone => 0,
            _ => 1,
        })
    }

    /// Whether AWS did not believe an MFA code (AWS STS API Reference, `AssumeRole`: it answers AccessDenied).
    pub fn is_wrong_mfa_code(&self) -> bool {
        matches!(self, Self::Denied { message, .. } if message.contains("MultiFactorAuthentication failed"))
    }

    /// One stable word for `--json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::Profile { .. } => "profile",
            Self::RoleName { .. } => "role_name",
            Self::Denied { .. } => "denied",
            Self::MfaRequired { .. } => "mfa_required",
            Self::MfaCodeUsed { .. } => "mfa_code_used",
            Self::MfaCommand { .. } => "mfa_command",
            Self::SignedOut { .. } => "signed_out",
            Self::Expired { .. } => "expired",
            Self::OtherRegion { .. } => "other_region",
            Self::NotFound { .. } => "not_found",
            Self::Replaced { .. } => "replaced",
            Self::Corrupt { .. } => "corrupt",
            Self::Network { .. } => "network",
            Self::Clock { .. } => "clock",
            Self::Aws { .. } => "aws",
            Self::File { .. } | Self::Output(_) => "file",
            Self::Exists { .. } => "exists",
            Self::UnsafeKey { .. } => "unsafe_key",
            Self::Partial { .. } => "partial",
            Self::Child { .. } => "child",
            Self::Interrupted | Self::Signal(_) => "interrupted",
            Self::ReaderGone => "reader_gone",
            Self::Crashed { .. } => "crashed",
        }
    }
}

fn reason(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {}", escaped_lines(message)) }
}

fn profile_message(path: Option<&Path>, problems: &[Problem]) -> String {
    let file = path.map_or("profile file".into(), |path| escaped(&path.to_string_lossy()).into_owned());
    let place = |problem: &Problem| match problem.line {
        0 => file.clone(),
        line => format!("{file}:{line}"),
    };
    match problems {
        [problem] => format!("{}: {}", place(problem), escaped(&problem.message)),
        _ => {
            let mut text = format!("{} problems in {file}", problems.len());
            for problem in problems {
                _ = write!(text, "\n  {}: {}", place(problem), escaped(&problem.message));
            }
            text
        }
    }
}
