//! The audit trail: one line for everything that was done with a session. [`Line`] is what it says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Core;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::domain::text::cut;
use crate::error::{Error, Result};
use crate::local::audit::Trail;
use crate::local::environment::Environment;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A role was assumed for the first time, or after its session had ended.
    Assume,
    /// A role was assumed again before its session had ended.
    Renew,
    /// The session was printed as settings.
    Env,
    /// A subshell.
    Shell,
    /// A command.
    Exec,
    /// The web console.
    Console,
    /// A download.
    Download,
    /// A copy from bucket to bucket.
    Copy,
    /// An address that gives an object to whoever has it.
    Presign,
    /// A policy was written that mends a refusal.
    Mend,
    /// AWS refused something else that was asked with the session.
    Refusal,
}

impl Deed {
    /// Every deed with the word for it in the trail.
    pub const ALL: [(&str, Self); 11] = [
        ("assume", Self::Assume),
        ("renew", Self::Renew),
        ("env", Self::Env),
        ("shell", Self::Shell),
        ("exec", Self::Exec),
        ("console", Self::Console),
        ("download", Self::Download),
        ("copy", Self::Copy),
        ("presign", Self::Presign),
        ("mend", Self::Mend),
        ("refusal", Self::Refusal),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, deed)| *deed == self).map_or("", |(name, _)| name)
    }
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

/// One line of the trail. It holds no secret and no argument of a command.
///
/// ```json
/// {"time":"2026-11-22T09:30:00.000Z","event":"exec","user":"me","host":"laptop","source":"corp","account":"prod",
///  "account_id":"222222222222","role":"S3Reader","alias":"reader","role_arn":"arn:aws:iam::222222222222:role/S3Reader",
///  "session_name":"me@laptop","source_identity":null,"access_key_id":"ASIA…",
///  "session_arn":"arn:aws:sts::222222222222:assumed-role/S3Reader/me@laptop","expiration":"2026-11-22T10:20:00Z",
///  "outcome":"ok","error":null,"duration_ms":1250,"details":{"program":"terraform","arguments":3,"status":0}}
/// ```
///
/// CloudTrail shows the same event under `access_key_id` (`userIdentity.accessKeyId`; for AssumeRole
/// `responseElements.credentials.accessKeyId`), `session_name` and `source_identity`. Every key is there in every line;
/// what is not known is `null`. `details` differ by event:
///
/// | event | details |
/// | --- | --- |
/// | `exec`, `shell` | `program` (without its folder), `arguments` (how many), `status`; `renews` when it does |
/// | `console` | `service`, `region` |
/// | `download`, `copy` | `buckets`, `objects`, `bytes`, `failed` |
/// | `presign` | `bucket`, `end` of the address |
/// | `mend` | `attached_to`, `name`, `policy_name` of an inline policy |
/// | `refusal` | `action`, `resource` |
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// When it began.
    pub time: Timestamp,
    /// `assume`, `renew`, `env`, `shell`, `exec`, `console`, `download`, `presign`, `mend` or `refusal`.
    pub event: String,
    /// The user of this machine.
    pub user: String,
    /// This machine.
    pub host: String,
    /// The name of the source credentials.
    pub source: String,
    /// The account's name in the profile file.
    pub account: String,
    /// Twelve digits.
    pub account_id: String,
    /// The role's name.
    pub role: String,
    /// The role's alias in the profile file.
    pub alias: Option<String>,
    /// The ARN; a permission set's is not known.
    pub role_arn: Option<String>,
    /// The role session name, in CloudTrail the end of `userIdentity.arn`.
    pub session_name: Option<String>,
    /// The source identity, where one is set.
    pub source_identity: Option<String>,
    /// Of the session. Not a secret.
    pub access_key_id: Option<String>,
    /// `arn:aws:sts::ID:assumed-role/NAME/SESSION`.
    pub session_arn: Option<String>,
    /// When the session ends.
    pub expiration: Option<Timestamp>,
    /// `ok`, or the error's kind as `--json` names it.
    pub outcome: String,
    /// The error's text.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: i64,
    /// What else is worth knowing.
    #[serde(default)]
    pub details: Map<String, Value>,
}

/// The longest error that is written down: a line stays one small write.
const LONGEST_ERROR: usize = 2_000;

impl Core {
    /// Writes the event down. Failing is said once and hinders nothing.
    pub(super) fn record(&self, event: &Event<'_>) {
        let written = serde_json::to_string(&self.line(event)).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|line| self.trail.append(&line))
            && self.trail.fails_first()
        {
            let place = self.trail.directory().display();
            self.notice(format!("the audit trail is not kept, {place} cannot be written: {error}"));
        }
    }

    fn line(&self, event: &Event<'_>) -> Line {
        let (role, account) = (self.profile.role(event.role), self.profile.account(event.role));
        let session_name = match event.session {
            Some(session) => session.arn.rsplit_once('/').map(|(_, name)| name.to_owned()),
            None if role.permission_set => None,
            None => Some(self.session_name(role)),
        };
        // Milliseconds: finer than anybody's clock agrees with AWS's.
        let milliseconds = |time: Timestamp| Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time);
        Line {
            time: milliseconds(event.began),
            event: event.deed.name().to_owned(),
            user: self.environment.user().into_owned(),
            host: self.environment.host(),
            source: self.profile.source_name(event.role).to_owned(),
            account: account.name.clone(),
            account_id: account.id.to_string(),
            role: role.name.clone(),
            alias: role.alias.clone(),
            role_arn: role.known_arn().map(ToString::to_string),
            session_name,
            source_identity: role.source_identity.clone(),
            access_key_id: event.session.map(|session| session.keys.access_key_id.clone()),
            session_arn: event.session.map(|session| session.arn.clone()),
            expiration: event.session.map(|session| session.expiration),
            outcome: event.outcome.err().map_or("ok", Error::kind).to_owned(),
            error: event.outcome.err().map(|error| text_of(&error.to_string())),
            duration_ms: Timestamp::now().as_millisecond().saturating_sub(event.began.as_millisecond()).max(0),
            details: event.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }
}

/// An error's text for the trail. What a `credential_process` complained about is its own affair, and may be anything.
fn text_of(error: &str) -> String {
    let told = error.split_once(" Stderr: ").map_or(error, |(told, _)| told);
    cut(told, LONGEST_ERROR).into_owned()
}

/// The trail as it was read.
#[derive(Debug)]
pub struct History {
    /// Each line with its exact text, the newest last.
    pub lines: Vec<(Line, String)>,
    /// How many lines could not be read.
    pub corrupt: usize,
}

/// Reads the trail of this state directory; `None` when there is none yet. Needs no profile file.
pub fn history(environment: &Environment) -> Result<Option<History>> {
    let trail = Trail::new(environment.state_directory());
    let Some(text) = trail.read().map_err(Error::file("read the audit trail in", trail.directory()))? else {
        return Ok(None);
    };
    let (mut lines, mut corrupt) = (Vec::new(), 0);
    for text in text.lines().filter(|text| !text.is_empty()) {
        match serde_json::from_str::<Line>(text) {
            Ok(line) => lines.push((line, text.to_owned())),
            Err(_) => corrupt += 1,
        }
    }
    // A line is written when the event ends, and a subshell ends long after it began.
    lines.sort_by_key(|(line, _)| line.time);
    Ok(Some(History { lines, corrupt }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deed_has_a_word() {
        for (name, deed) in Deed::ALL {
            assert_eq!(deed.name(), name);
        }
    }

    #[test]
    fn an_error_is_short_and_repeats_no_other_program() {
        let told = "no credentials from corp: external process exited with code 1.";
        assert_eq!(text_of(&format!("{told} Stderr: token very-secret")), told);
        assert_eq!(text_of(&"x".repeat(9_000)).chars().count(), LONGEST_ERROR);
    }
}
