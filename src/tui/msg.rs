//! Everything that can happen to the screen.

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;

use super::picture::Drawn;
use crate::domain::explain::Inspection;
use crate::domain::object::{Bucket, Details, Page, VersionPage};
use crate::domain::presigned::Presigned;
use crate::domain::role::RoleIndex;
use crate::domain::session::{Session, SessionFacts};
use crate::domain::transfer::{Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::Result;
use crate::ops::copy::{Plan, Refused};
use crate::ops::explain::Explanation;
use crate::ops::mend::Mending;
use crate::ops::preview::Preview;

/// Marks a question, so that the answer to an older one can be told and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// How much was counted below a bucket or prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether that is all.
    pub complete: bool,
}

/// What the screen knows of a session: all but its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was handed out.
    pub issued: Timestamp,
    /// When it ends.
    pub expiration: Timestamp,
    /// `arn:aws:sts::ID:assumed-role/NAME/SESSION`.
    pub arn: String,
}

impl From<&Session> for Life {
    fn from(session: &Session) -> Self {
        Self { issued: session.issued, expiration: session.expiration, arn: session.arn.clone() }
    }
}

impl From<&SessionFacts> for Life {
    fn from(session: &SessionFacts) -> Self {
        Self { issued: session.issued, expiration: session.expiration, arn: session.arn.clone() }
    }
}

/// What the person must do to sign in, beside a browser that was opened or on any machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInStep {
    /// The page.
    pub url: String,
    /// The code that it must show; with a browser of this machine there is none.
    pub code: Option<String>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Columns and rows.
    Resize(u16, u16),
    /// It is now so late. The only way by which time enters.
    Tick(Timestamp),
    /// The sessions that live, from the cache.
    Sessions(Vec<(RoleIndex, Life)>),
    /// A session was renewed on the way.
    Renewed(RoleIndex, Life),
    /// The answer to `Assume`; with the demo's MFA code, where there is one.
    Assumed(Ticket, RoleIndex, Result<Life>, Option<String>),
    /// The answer to `Buckets`.
    Buckets(Ticket, Result<Vec<Bucket>>),
    /// One answer of several to `List` or `Walk`; the last one has no next page.
    Page(Ticket, Result<Page>),
    /// One answer of several to `Versions`; the last one has no next page.
    Versions(Ticket, Result<VersionPage>),
    /// One answer of several to `Usage`; the last one is complete.
    Usage(Ticket, Result<Counted>),
    /// The answer to `Details`.
    Details(Ticket, Result<Box<Details>>),
    /// The answer to `Address`.
    Address(String),
    /// The answer to `Presign`.
    Presigned(Ticket, Result<Presigned>),
    /// The answer to `Bookmark`: all that were added for the role.
    Bookmarks(RoleIndex, Result<Vec<S3Uri>>),
    /// The answer to `Preview`.
    Preview(Ticket, Result<Box<Preview>>),
    /// The answer to `Draw`; nothing where there are no colours.
    Drawn(Ticket, Option<Drawn>),
    /// The answer to `Explain`.
    Explained(Ticket, Result<Box<Explanation>>),
    /// The answer to `Inspect`.
    Inspected(Ticket, Result<Box<Inspection>>),
    /// The answer to `PlanMending`.
    MendingPlanned(Ticket, Result<Box<Mending>>),
    /// The answer to `Mend`.
    Mended(Ticket, Result<()>),
    /// The answer to `PlanCopy`.
    CopyPlanned(Ticket, Result<Plan, Box<Refused>>),
    /// How far a transfer is.
    Progress(JobId, Progress),
    /// A transfer has ended.
    Finished(JobId, Result<Summary>),
    /// The subshell has ended, with its exit status.
    ShellEnded(RoleIndex, Result<u8>),
    /// The browser has come for the console, or not.
    Console(RoleIndex, Result<()>),
    /// The source of this name is signed out, and one can sign in to it. Comes before the `Assumed` that says why.
    CanSignIn(String),
    /// What the person must do to sign in.
    SignInStep(Ticket, SignInStep),
    /// The sign-in is done; how many accounts and roles it gives.
    SignedIn(Ticket, Result<(usize, usize)>),
    /// What the user should know once.
    Notices(Vec<String>),
}
