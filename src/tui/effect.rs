//! What the screen wants done: data, so that a test can read it. `run` performs it.

use std::sync::Arc;
use std::time::Duration;

use crate::aws::s3::Of;
use crate::domain::copy::Storage;
use crate::domain::policy::least::Grant;
use crate::domain::presigned::Presigned;
use crate::domain::role::RoleIndex;
use crate::domain::transfer::IfExists;
use crate::domain::uri::S3Uri;
use crate::ops::console::ConsolePage;
use crate::ops::copy::{CopyPick, Plan, Roles};
use crate::ops::download::Pick;
use crate::ops::explain::Question;
use crate::ops::mend::Mending;
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
    /// List all objects below a prefix, or those whose names match.
    Walk { ticket: Ticket, role: RoleIndex, uri: S3Uri, pattern: Option<String> },
    /// List versions and delete markers, page by page until the end.
    Versions { ticket: Ticket, role: RoleIndex, uri: S3Uri, of: Of },
    /// Count what is below a bucket or prefix.
    Usage { ticket: Ticket, role: RoleIndex, uri: S3Uri },
    /// Ask for an object's details.
    Details { ticket: Ticket, role: RoleIndex, uri: S3Uri, version: Option<String> },
    /// Work out an object's plain address.
    Address { role: RoleIndex, uri: S3Uri, version: Option<String> },
    /// Sign an address of an object that lives so long; `None` is until the session ends.
    Presign { ticket: Ticket, role: RoleIndex, uri: S3Uri, version: Option<String>, life: Option<Duration> },
    /// Keep a bookmark, or forget it.
    Bookmark { role: RoleIndex, uri: S3Uri, keep: bool },
    /// Look at an object, or at one of its versions.
    Preview { ticket: Ticket, role: RoleIndex, uri: S3Uri, version: Option<String> },
    /// Draw a picture into so many columns and rows.
    Draw { ticket: Ticket, picture: std::sync::Arc<Picture>, room: (u16, u16) },
    /// Download.
    Download { job: JobId, role: RoleIndex, picks: Arc<[Pick]>, if_exists: IfExists },
    /// Ask why a role is refused, or what it may reach.
    Explain { ticket: Ticket, question: Box<Question> },
    /// Ask what there is to know of a role, looking with these too.
    Inspect { ticket: Ticket, role: RoleIndex, with: Vec<RoleIndex> },
    /// Read the policy that is there, and work out what would be written.
    PlanMending { ticket: Ticket, grant: Box<Grant>, by: RoleIndex },
    /// Write it.
    Mend { ticket: Ticket, mending: Box<Mending> },
    /// Find the way that a copy can go.
    PlanCopy { ticket: Ticket, roles: Roles, picks: Arc<[CopyPick]>, if_exists: IfExists, storage: Storage },
    /// Copy as planned.
    Copy { job: JobId, plan: Plan, picks: Arc<[CopyPick]>, if_exists: IfExists, storage: Storage },
    /// Stop what this ticket asked for.
    Cancel(Ticket),
    /// Stop a transfer for good.
    CancelJob(JobId),
    /// Let a transfer stand still where it is.
    PauseJob(JobId),
    /// Let a transfer go on that was paused, or for which there is a session now.
    ResumeJob(JobId),
    /// Leave the screen to a subshell and come back.
    Shell { role: RoleIndex },
    /// Open the web console in the browser.
    Console { role: RoleIndex, page: ConsolePage },
    /// Hand text to the clipboard.
    CopyText(String),
    /// The same for an address that is a secret.
    CopyPresigned(Presigned),
    /// Leave.
    Quit,
}
