//! All that the screen shows. `update` alone changes it; `view` draws it and nothing else.

pub mod copying;
pub mod inquiry;
mod jobs;
pub mod preview;
mod search;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui_input::Input;

pub use self::copying::Copying;
pub use self::jobs::{Job, Outcome, What};

use self::inquiry::{About, Inquiry};
use super::keys::KeyMap;
use super::listing::Listing;
use super::msg::{Counted, JobId, Life, SignInStep, Ticket};
use crate::aws::s3::Of;
use crate::domain::local_path::folder_of;
use crate::domain::object::Details;
use crate::domain::role::{Profile, RoleIndex};
use crate::domain::transfer::{IfExists, Listed};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::download::{Pick, To};
pub use preview::{Seen, Sketch, Viewer, heading_rows, room};
pub use search::Search;

/// The whole screen.
#[derive(Debug)]
pub struct State {
    /// Accounts and roles.
    pub profile: Arc<Profile>,
    /// Which key does what.
    pub keys: KeyMap,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The last tick's time.
    pub now: Timestamp,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// Which pane the keys go to.
    pub focus: Focus,
    /// The pane of accounts and roles.
    pub roles: Roles,
    /// Whose session the browser and the header show.
    pub current: Option<RoleIndex>,
    /// The role that is being assumed.
    pub assuming: Option<Assuming>,
    /// The bucket browser.
    pub browser: Browser,
    /// Transfers, the newest last.
    pub jobs: Vec<Job>,
    /// The transfer under the cursor.
    pub job_cursor: Cursor,
    /// What stands in front of the panes.
    pub modal: Option<Modal>,
    /// The copy that is being asked about. It outlives other questions: its role may want a code.
    pub copying: Option<Box<Copying>>,
    /// Where copies went, the newest first.
    pub copied_to: Vec<(RoleIndex, S3Uri)>,
    /// One line for the user, until the next key.
    pub notice: Option<String>,
    /// The region that each role works in, by its place.
    pub regions: Vec<String>,
    /// Sources that were signed out and that one can sign in to.
    pub sign_ins: BTreeSet<String>,
    /// Bookmarks that were added on the screen; those of the profile file are in `profile`.
    pub bookmarks: HashMap<RoleIndex, Vec<S3Uri>>,
    /// The presigned URL that is being made.
    pub presigning: Option<Ticket>,
    /// The user's home, for `~/` in a folder's name.
    pub home: Option<PathBuf>,
    /// The folder in which xsw was started.
    pub here: Option<PathBuf>,
    /// Ticks since the start, for what turns while it waits.
    pub beat: usize,
    pub(super) last_number: u64,
}

impl State {
    /// The screen at its start.
    pub fn new(profile: Arc<Profile>, keys: KeyMap, size: (u16, u16), now: Timestamp, zone: TimeZone) -> Self {
        let region = |role| profile.region(role).unwrap_or_default().to_owned();
        let regions = profile.indices().map(region).collect();
        let mut roles = Roles::default();
        roles.arrange(&profile);
        Self {
            profile,
            keys,
            size,
            now,
            zone,
            focus: Focus::Roles,
            roles,
            current: None,
            assuming: None,
            browser: Browser::default(),
            jobs: Vec::new(),
            job_cursor: Cursor::default(),
            modal: None,
            copying: None,
            copied_to: Vec::new(),
            notice: None,
            regions,
            sign_ins: BTreeSet::new(),
            bookmarks: HashMap::new(),
            presigning: None,
            home: None,
            here: None,
            beat: 0,
            last_number: 0,
        }
    }

    /// The life of the current role's session.
    pub fn life(&self) -> Option<&Life> {
        self.current.and_then(|role| self.roles.lives.get(&role))
    }

    /// Whether anything moves on its own, so that the screen wants short ticks.
    pub fn is_busy(&self) -> bool {
        let looks = matches!(&self.modal, Some(Modal::Preview(viewer)) if viewer.tickets().next().is_some());
        let asks = matches!(&self.modal, Some(Modal::Inquiry(inquiry)) if inquiry.waits())
            || self.copying.as_ref().is_some_and(|copying| copying.ticket().is_some());
        looks
            || asks
            || self.assuming.is_some()
            || matches!(self.browser.load, Load::Loading(_))
            || self.browser.usage.values().any(Usage::runs)
            || self.running().next().is_some()
    }
}

/// Which pane the keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    Roles,
    Browser,
    Transfers,
}

/// A place in a list, and what of it is in view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The row under the cursor.
    pub at: usize,
    /// The first row in view.
    pub top: usize,
}

impl Cursor {
    /// Goes `by` rows further within a list of `length`.
    pub fn go(&mut self, by: isize, length: usize) {
        self.at = self.at.saturating_add_signed(by).min(length.saturating_sub(1));
    }

    /// Moves the view so that the cursor is in it.
    pub fn follow(&mut self, length: usize, height: usize) {
        self.at = self.at.min(length.saturating_sub(1));
        let lowest = self.at.saturating_sub(height.saturating_sub(1));
        self.top = self.top.clamp(lowest, self.at).min(length.saturating_sub(height));
    }
}

/// A row of the accounts and roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleRow {
    /// An account's heading, by its place in the profile.
    Account(usize),
    /// A role.
    Role(RoleIndex),
}

/// The pane of accounts and roles.
#[derive(Debug, Default)]
pub struct Roles {
    /// What is shown.
    pub rows: Vec<RoleRow>,
    /// Over the rows; never on a heading while there is a role.
    pub cursor: Cursor,
    /// The text that filters.
    pub filter: String,
    /// The sessions that live or have lived.
    pub lives: HashMap<RoleIndex, Life>,
    /// Why a role could not be assumed, last time.
    pub failures: HashMap<RoleIndex, Error>,
}

impl Roles {
    /// The role under the cursor.
    pub fn selected(&self) -> Option<RoleIndex> {
        match self.rows.get(self.cursor.at) {
            Some(RoleRow::Role(role)) => Some(*role),
            _ => None,
        }
    }

    /// Shows what the filter lets through, in the order of the file, the cursor on the best match.
    pub fn arrange(&mut self, profile: &Profile) {
        let kept = self.selected();
        let scores = matches(profile, &self.filter);
        self.rows.clear();
        let mut account = None;
        for (role, _) in &scores {
            let of = profile.role(*role).account;
            if account != Some(of) {
                self.rows.push(RoleRow::Account(of));
                account = Some(of);
            }
            self.rows.push(RoleRow::Role(*role));
        }
        let best = scores.iter().rev().max_by_key(|(_, score)| *score).map(|(role, _)| *role);
        let wanted = if self.filter.is_empty() { kept.or(best) } else { best };
        let place = |wanted| self.rows.iter().position(|row| *row == RoleRow::Role(wanted));
        self.cursor.at = wanted.and_then(place).unwrap_or(0);
    }

    /// Goes `by` roles further, over headings.
    pub fn go(&mut self, by: isize) {
        let step = by.signum();
        for _ in 0..by.unsigned_abs() {
            let mut at = self.cursor.at;
            loop {
                let Some(next) = at.checked_add_signed(step).filter(|next| *next < self.rows.len()) else { return };
                at = next;
                if matches!(self.rows[at], RoleRow::Role(_)) {
                    break;
                }
            }
            self.cursor.at = at;
        }
    }
}

/// The roles that `filter` finds, with how well; best is highest. Names are searched loosely; ids, ARNs and environments
/// only as they are written, because nearly everything can be found loosely in an ARN.
fn matches(profile: &Profile, filter: &str) -> Vec<(RoleIndex, u32)> {
    let typed = filter.trim().to_lowercase();
    if typed.is_empty() {
        return profile.indices().map(|role| (role, 0)).collect();
    }
    let names = |index: RoleIndex| {
        let alias = profile.role(index).alias.as_deref().unwrap_or_default();
        format!("{} {alias}", profile.label(index))
    };
    let texts: Vec<String> = profile.indices().map(names).collect();
    let config = frizbee::Config::default().max_typos(Some(0));
    let mut matcher = frizbee::Matcher::from_query(filter, &config);
    let mut scores = vec![None; texts.len()];
    for found in matcher.match_list(&texts) {
        scores[found.index as usize] = Some(u32::from(found.score) + 1);
    }
    for index in profile.indices() {
        let (role, account) = (profile.role(index), profile.account(index));
        let is = |name: &str| name.to_lowercase() == typed;
        let holds = |text: &str| text.to_lowercase().contains(&typed);
        let score = &mut scores[index.0];
        if is(&role.name) || role.alias.as_deref().is_some_and(is) || is(&profile.label(index)) {
            // What the verbs would take for this role.
            *score = Some(u32::MAX);
        } else if score.is_none()
            && (holds(account.id.as_str())
                || account.environment.as_deref().is_some_and(holds)
                || role.known_arn().is_some_and(|arn| holds(&arn.to_string())))
        {
            *score = Some(0);
        }
    }
    profile.indices().zip(scores).filter_map(|(role, score)| Some((role, score?))).collect()
}

/// An AssumeRole that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assuming {
    /// Its ticket.
    pub ticket: Ticket,
    /// The role.
    pub role: RoleIndex,
    /// What comes when it worked.
    pub then: After,
    /// The question whose answer goes with it, to be put again when AWS does not take that.
    pub question: Option<String>,
}

/// What to do with a session when it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Look into the role's buckets.
    Open,
    /// Open a subshell.
    Shell,
    /// Open the web console, at what the bucket browser shows or at its home page.
    Console { here: bool },
    /// List again what the browser shows.
    Relist,
    /// Let the transfers go on that wait for it.
    Resume,
    /// Go on asking about a copy.
    Copy,
}

/// Where the browser is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The bookmarks and buckets of the role.
    #[default]
    Buckets,
    /// Below a prefix.
    Prefix(S3Uri),
    /// All objects below a prefix, at every level.
    Flat(S3Uri),
    /// The objects below a prefix whose names match.
    Found {
        /// The prefix.
        below: S3Uri,
        /// A glob, or a part of the name.
        pattern: String,
    },
    /// Versions and delete markers.
    Versions {
        /// The object or prefix.
        uri: S3Uri,
        /// Which of the two it is.
        of: Of,
    },
}

impl Place {
    /// The prefix or object that it is about.
    pub fn uri(&self) -> Option<&S3Uri> {
        match self {
            Self::Buckets => None,
            Self::Prefix(uri) | Self::Flat(uri) | Self::Found { below: uri, .. } | Self::Versions { uri, .. } => {
                Some(uri)
            }
        }
    }

    /// What stands before the names of its rows to make keys of them.
    pub fn base(&self) -> &str {
        match self {
            Self::Versions { uri, of: Of::Object } => &uri.key[..uri.key.len() - uri.name().len()],
            // Where a place ends inside a name, its rows show the whole of theirs.
            place => place.uri().map_or("", |uri| folder_of(&uri.key)),
        }
    }
}

/// How far a listing is.
#[derive(Clone, Debug, Default)]
pub enum Load {
    /// Nothing was asked for.
    #[default]
    Idle,
    /// Pages arrive.
    Loading(Ticket),
    /// All are there.
    Ready,
    /// It was cancelled on the way.
    Stopped,
    /// It failed; what came before is shown.
    Failed(Error),
}

/// One place with its rows.
#[derive(Clone, Debug, Default)]
pub struct Level {
    /// Where.
    pub place: Place,
    /// The rows.
    pub listing: Listing,
    /// Over the rows that are shown.
    pub cursor: Cursor,
    /// How far the listing is.
    pub load: Load,
}

/// The bucket browser.
#[derive(Debug, Default)]
pub struct Browser {
    /// Whose session.
    pub role: Option<RoleIndex>,
    /// Where it is.
    pub place: Place,
    /// The rows there.
    pub listing: Listing,
    /// Over the rows that are shown.
    pub cursor: Cursor,
    /// How far the listing is.
    pub load: Load,
    /// The levels above, as they were left: going up is instant.
    pub trail: Vec<Level>,
    /// The name to put the cursor on when it arrives, and how many rows have been looked at for it.
    pub return_to: Option<(String, usize)>,
    /// What was counted below buckets and prefixes.
    pub usage: HashMap<S3Uri, Usage>,
}

/// How much is below a bucket or prefix.
#[derive(Clone, Debug)]
pub struct Usage {
    /// The question that runs, if it still does.
    pub running: Option<Ticket>,
    /// What was counted so far.
    pub counted: Counted,
}

impl Usage {
    /// Whether it is still counted.
    pub fn runs(&self) -> bool {
        self.running.is_some()
    }
}

impl Browser {
    /// The exact URI of the row under the cursor.
    pub fn selected_uri(&self) -> Option<S3Uri> {
        self.uri_of(self.listing.row(self.cursor.at)?)
    }

    /// The exact URI of a row.
    pub fn uri_of(&self, row: super::listing::Row<'_>) -> Option<S3Uri> {
        use super::listing::Kind;
        match (row.kind, &self.place) {
            (Kind::Bookmark, _) => row.name.parse().ok(),
            (Kind::Bucket, _) => Some(S3Uri::new(row.name, "")),
            (_, place) => Some(S3Uri::new(&place.uri()?.bucket, format!("{}{}", place.base(), row.name))),
        }
    }
}

/// How far a sign-in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInProgress {
    /// It is offered, because of this.
    Offered(String),
    /// It runs; what the person must do, as soon as that is known.
    Running(Ticket, Option<SignInStep>),
}

/// What stands in front of the panes; keys go to it first.
#[derive(Debug)]
pub enum Modal {
    /// The help, scrolled down by so many rows.
    Help {
        /// Rows above the view.
        top: usize,
    },
    /// The filter of the focused pane is typed.
    Filter {
        /// The text so far.
        input: Input,
    },
    /// `s3://…` is typed.
    GoTo {
        /// The text so far.
        input: Input,
        /// Whether it still is what it began with: the first character replaces it.
        untouched: bool,
        /// What was wrong with it.
        problem: Option<String>,
    },
    /// A role wants an MFA code.
    Mfa {
        /// The role that is being assumed at the end.
        role: RoleIndex,
        /// What comes then.
        then: After,
        /// Which device of which role.
        question: String,
        /// The digits so far.
        input: Input,
        /// What was wrong with them, or the demo's code.
        note: Option<String>,
    },
    /// Nobody is signed in to the source of a role.
    SignIn {
        /// The role that is being assumed at the end.
        role: RoleIndex,
        /// What comes then.
        then: After,
        /// The source.
        source: String,
        /// How far it is.
        progress: SignInProgress,
    },
    /// The account's name must be typed first.
    Confirm {
        /// The role.
        role: RoleIndex,
        /// What comes then.
        then: After,
        /// Whether the session that lives will not do.
        anew: bool,
        /// The text so far.
        input: Input,
    },
    /// Where a download goes.
    Download {
        /// What was picked.
        picked: Vec<Picked>,
        /// The folder so far.
        input: Input,
        /// Whether it still is what it began with: the first character replaces it.
        untouched: bool,
        /// What happens to files that are there and differ.
        if_exists: IfExists,
        /// What was wrong.
        problem: Option<String>,
    },
    /// An object's details.
    Details {
        /// Which object.
        uri: S3Uri,
        /// Which version, where it is not the latest.
        version: Option<String>,
        /// What the listing told already.
        known: Known,
        /// What is known beside it.
        answer: Answer,
        /// Rows above the view.
        top: usize,
    },
    /// What is copied.
    Copy {
        /// The bucket, prefix or object.
        uri: S3Uri,
        /// Which version of the object, where it is not the latest.
        version: Option<String>,
        /// What can be copied of it.
        choices: Vec<Copied>,
        /// The one under the cursor.
        at: usize,
    },
    /// What is looked for is typed.
    Find {
        /// Below which prefix.
        below: S3Uri,
        /// The text so far.
        input: Input,
        /// What was wrong with it.
        problem: Option<String>,
    },
    /// What an object looks like.
    Preview(Box<Viewer>),
    /// Why something is refused, or what a role is.
    Inquiry(Box<Inquiry>),
    /// Something went wrong.
    Failure {
        /// What was tried.
        title: String,
        /// What failed, and its hint.
        error: Error,
        /// What can be asked about it.
        about: Option<About>,
    },
    /// What a transfer did.
    Transfer {
        /// Which.
        job: JobId,
        /// Rows above the view.
        top: usize,
    },
    /// Where a copy goes: all of it is in [`State::copying`].
    Copying,
    /// What happens to files that are there, when a transfer is tried again that met some.
    Again {
        /// The transfer.
        job: JobId,
        /// What happens to them.
        if_exists: IfExists,
    },
    /// Transfers run: really quit?
    Quit,
}

/// What can be copied of a bucket, prefix or object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// `s3://bucket/key`.
    Uri,
    /// `arn:aws:s3:::bucket/key`.
    Arn,
    /// The plain address.
    Address,
    /// The command that restores an archived object.
    Restore,
    /// An address that gives the object to whoever has it, for so long; `None` is until the session ends.
    Presigned(Option<Duration>),
}

/// What a listing told of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// The storage class; empty where the listing has none.
    pub class: String,
}

/// The details of an object, as far as they are there.
#[derive(Debug)]
pub enum Answer {
    Loading(Ticket),
    Ready(Box<Details>),
    Failed(Error),
}

/// A row that was picked for a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// The object or prefix.
    pub uri: S3Uri,
    /// What the listing told of an object; `None` is a prefix.
    pub listed: Option<Listed>,
    /// Which version of an object, where it is not the latest.
    pub version: Option<String>,
    /// Where rows of several levels stand together: the prefix below which their folders are kept.
    pub below: Option<String>,
}

/// What a download of the picked rows does below `root`.
pub(super) fn picks(picked: &[Picked], root: &Path) -> Arc<[Pick]> {
    let pick = |picked: &Picked| {
        let Picked { uri, listed, version, below } = picked.clone();
        if listed.is_none() {
            return Pick::folder(uri, root);
        }
        let to = match below {
            Some(strip) => To::Below { root: root.to_owned(), strip },
            None => To::Folder(root.to_owned()),
        };
        Pick::Object { uri, version, listed, to }
    };
    picked.iter().map(pick).collect()
}

/// The folder that was typed, `~/` read as shells read it.
pub(super) fn folder_named(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~').map(|rest| rest.strip_prefix('/').unwrap_or(rest)), home) {
        (Some(rest), Some(home)) if text == "~" || text.starts_with("~/") => home.join(rest),
        _ => PathBuf::from(text),
    }
}
