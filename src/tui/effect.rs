//! What the screen wants done: data, so that a test can read it. `run` performs it.

use crate::domain::role::RoleIndex;
use crate::domain::transfer::IfExists;
use crate::domain::uri::S3Uri;
use crate::ops::console::ConsolePage;
use crate::ops::download::Pick;
use crate::ops::preview::Picture;

use super::msg::{JobId, Ticket};

/// An MFA code on its way; Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(pub String);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Something to do outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read the sessions that live from the cache.
    Sessions,
    /// Assume a role; `anew` forgets the session that lives.
    Assume { ticket: Ticket, role: RoleIndex, code: Option<Code>, anew: bool },
    /// Renew the session of a role without asking anybody.
    Renew { role: RoleIndex },
    /// Sign in to the source of this name.
    SignIn { ticket: Ticket, source: String },
    /// List the buckets.
    Buckets { ticket: Ticket, role: RoleIndex },
    /// List what is below a prefix, page by page until the end.
    List { ticket: Ticket, role: RoleIndex, uri: S3Uri },
    /// Ask for an object's details.
    Details { ticket: Ticket, role: RoleIndex, uri: S3Uri },
    /// Look at an object, or at one of its versions.
    Preview { ticket: Ticket, role: RoleIndex, uri: S3Uri, version: Option<String> },
    /// Draw a picture into so many columns and rows.
    Draw { ticket: Ticket, picture: std::sync::Arc<Picture>, room: (u16, u16) },
    /// Download.
    Download { job: JobId, role: RoleIndex, picks: Vec<Pick>, if_exists: IfExists },
    /// Stop what this ticket asked for.
    Cancel(Ticket),
    /// Stop a transfer.
    CancelJob(JobId),
    /// Leave the screen to a subshell and come back.
    Shell { role: RoleIndex },
    /// Open the web console in the browser.
    Console { role: RoleIndex, page: ConsolePage },
    /// Hand text to the terminal's clipboard.
    CopyText(String),
    /// Leave.
    Quit,
}
