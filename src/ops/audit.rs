//! The audit trail: one line for everything that was done with a session.

use jiff::Timestamp;
use serde_json::Value;

use super::Core;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::error::Error;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A role was assumed for the first time, or after its session had ended.
    Assume,
    /// A role was assumed again before its session had ended.
    Renew,
    /// A subshell.
    Shell,
    /// A command.
    Exec,
    /// The web console.
    Console,
    /// A download.
    Download,
    /// AWS refused something else that was asked with the session.
    Refusal,
}

/// One event.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) deed: Deed,
    pub(super) role: RoleIndex,
    /// When it began; it ends when it is recorded.
    pub(super) began: Timestamp,
    /// With which session, where there was one.
    pub(super) session: Option<&'a Session>,
    /// How it ended.
    pub(super) outcome: Result<(), &'a Error>,
    /// What else is worth knowing and can hold no secret: an exit status, a program's name, a number of objects.
    pub(super) details: Vec<(&'static str, Value)>,
}

impl Core {
    /// Writes the event down. Failing is said once and hinders nothing.
    #[expect(clippy::unused_self, reason = "to be filled in")]
    pub(super) fn record(&self, _event: &Event<'_>) {}
}
