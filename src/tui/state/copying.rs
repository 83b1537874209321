//! The question where a copy goes: which role, which bucket and prefix there, how, and which way that would go.

use std::sync::Arc;

use tui_input::Input;

use super::{Cursor, Picked, Roles};
use crate::domain::copy::Storage;
use crate::domain::local_path::folder_of;
use crate::domain::role::RoleIndex;
use crate::domain::transfer::IfExists;
use crate::domain::uri::{S3Uri, check_bucket_name};
use crate::error::Error;
use crate::ops::copy::{CopyPick, Plan, Refused};
use crate::tui::msg::Ticket;

/// A copy that is being asked about.
#[derive(Debug)]
pub struct Copying {
    /// What was picked.
    pub picked: Vec<Picked>,
    /// The role that reads: the browser's.
    pub from: RoleIndex,
    /// The role that writes, once it was chosen.
    pub to: Option<RoleIndex>,
    /// The accounts and roles to choose from.
    pub roles: Roles,
    /// The targets of earlier copies, the newest first; they stand above the roles.
    pub recent: Vec<(RoleIndex, S3Uri)>,
    /// Which of them is under the cursor, where one is.
    pub at_recent: Option<usize>,
    /// The places below which a copy can go.
    pub places: Places,
    /// What happens to objects that are there and differ.
    pub if_exists: IfExists,
    /// How the copies are stored.
    pub storage: Storage,
    /// The option under the cursor.
    pub option: CopyOption,
    /// Whether a session that had ended was asked for already: one that AWS refuses anew is not asked for for ever.
    pub asked_anew: bool,
    /// What is being asked.
    pub step: Step,
    /// Text that is typed: the filter of the roles, a part of a place.
    pub input: Input,
}

/// What is being asked.
#[derive(Debug)]
pub enum Step {
    /// Which role writes.
    Role,
    /// Where to, in its buckets.
    Place,
    /// Whether it is right so.
    Review {
        /// Where it goes.
        target: S3Uri,
        /// What that makes of what was picked.
        picks: Arc<[CopyPick]>,
        /// Which way that goes.
        way: Route,
        /// Rows above the view.
        top: usize,
    },
}

/// Which way a copy would go, as far as it is known.
#[derive(Debug)]
pub enum Route {
    /// It is being found out.
    Asked(Ticket),
    /// It can go.
    Open(Plan),
    /// It cannot.
    Refused(Box<Refused>),
}

/// What can be chosen of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyOption {
    /// What happens to objects that are there.
    IfExists,
    /// Their storage class.
    Class,
    /// Whether their tags come along.
    Tags,
}

impl CopyOption {
    /// All, from the top.
    pub const ALL: [Self; 3] = [Self::IfExists, Self::Class, Self::Tags];
}

/// The buckets of a role, or the prefixes of one level.
#[derive(Debug, Default)]
pub struct Places {
    /// The level that is shown; `None` is the bookmarks and buckets.
    pub level: Option<S3Uri>,
    /// What is there: bookmarks and buckets as `s3://…`, prefixes by their last segment.
    pub names: Vec<String>,
    /// Over the rows that are shown.
    pub cursor: Cursor,
    /// The listing that runs.
    pub loading: Option<Ticket>,
    /// Pages that have come.
    pub pages: usize,
    /// Why there is no listing, or not all of it.
    pub problem: Option<Error>,
    /// What is wrong with the place that was chosen.
    pub wrong: Option<String>,
}

/// A row of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceRow {
    /// Copy into this one.
    Here(S3Uri),
    /// Look into this one.
    Into(S3Uri),
}

impl Places {
    /// Adds a name, once.
    pub fn add(&mut self, name: String) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

impl Copying {
    /// Goes a row up or down among the earlier targets and the roles.
    pub fn go(&mut self, by: isize) {
        let shown = if self.roles.filter.is_empty() { self.recent.len() } else { 0 };
        match self.at_recent {
            Some(0) if by < 0 => {}
            Some(at) if by < 0 => self.at_recent = Some(at - 1),
            Some(at) if at + 1 < shown => self.at_recent = Some(at + 1),
            // From the last of them to the first role.
            Some(_) => self.at_recent = None,
            None => {
                let before = self.roles.cursor.at;
                self.roles.go(by);
                if by < 0 && self.roles.cursor.at == before && shown > 0 {
                    self.at_recent = Some(shown - 1);
                }
            }
        }
    }

    /// Rows above the roles: earlier targets and their heading, while nothing is filtered.
    pub fn recent_rows(&self) -> usize {
        if self.recent.is_empty() || !self.roles.filter.is_empty() { 0 } else { self.recent.len() + 1 }
    }

    /// The rows of the places that what was typed leaves over.
    pub fn place_rows(&self) -> Vec<PlaceRow> {
        let typed = self.input.value().trim();
        let lower = typed.to_lowercase();
        let found = self.places.names.iter().filter(|name| name.to_lowercase().contains(&lower));
        match &self.places.level {
            None => {
                let mut rows: Vec<_> = found.filter_map(|name| name.parse().ok()).map(PlaceRow::Into).collect();
                let named = typed.strip_prefix("s3://").unwrap_or(typed);
                let by_name = PlaceRow::Into(S3Uri::new(named, ""));
                // A bucket that nobody lists opens by its name.
                if check_bucket_name(named).is_ok() && !rows.contains(&by_name) {
                    rows.push(by_name);
                }
                rows
            }
            Some(level) => {
                let below = |name: &str| S3Uri::new(&level.bucket, format!("{}{name}", level.key));
                let folder = if typed.is_empty() || typed.ends_with('/') { "" } else { "/" };
                let here = below(&format!("{typed}{folder}"));
                let into = found.map(|name| PlaceRow::Into(below(name)));
                std::iter::once(PlaceRow::Here(here)).chain(into).collect()
            }
        }
    }

    /// The question that runs.
    pub fn ticket(&self) -> Option<Ticket> {
        match (&self.step, self.places.loading) {
            (Step::Review { way: Route::Asked(ticket), .. }, _) => Some(*ticket),
            (Step::Place, ticket) => ticket,
            _ => None,
        }
    }

    /// What copying the picked rows into `target` does, or why that cannot be.
    pub fn picks(&self, target: &S3Uri) -> Result<Arc<[CopyPick]>, String> {
        self.picked.iter().map(|picked| pick(picked, target)).collect()
    }
}

fn pick(picked: &Picked, target: &S3Uri) -> Result<CopyPick, String> {
    let Picked { uri, listed, version, below } = picked;
    let at = |name: &str| S3Uri::new(&target.bucket, format!("{}{name}", target.key));
    if listed.is_none() {
        // A folder keeps its name, as it does in a download; of a bucket, what is in it goes there.
        let strip = folder_of(uri.key.strip_suffix('/').unwrap_or(&uri.key)).to_owned();
        let pick = CopyPick::Prefix { uri: uri.clone(), strip, target: target.clone() };
        let lands = pick.target_of(&uri.key).unwrap_or_else(|| target.clone());
        if lands.bucket == uri.bucket && lands.key.starts_with(&uri.key) {
            return Err(format!("{lands} lies within what is copied: choose another place"));
        }
        return Ok(pick);
    }
    let name = match below {
        Some(strip) => uri.key.strip_prefix(strip.as_str()).unwrap_or(&uri.key),
        None => uri.name(),
    };
    let target = at(name);
    if target == *uri && version.is_none() {
        return Err(format!("{uri} would be copied onto itself: choose another place"));
    }
    Ok(CopyPick::Object { uri: uri.clone(), version: version.clone(), target })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transfer::Listed;

    #[test]
    fn where_picked_rows_go() {
        let picked = |key: &str, is_object: bool, below: Option<&str>| Picked {
            uri: S3Uri::new("aaa", key),
            listed: is_object.then(Listed::default),
            version: None,
            below: below.map(str::to_owned),
        };
        let target = |key: &str| S3Uri::new("bbb", key);
        for (picked, into, lands) in [
            (picked("x/y.txt", true, None), target("in/"), Ok("s3://bbb/in/y.txt")),
            (picked("x/z/y.txt", true, Some("x/")), target(""), Ok("s3://bbb/z/y.txt")),
            (picked("x/z/", false, None), target("in/"), Ok("s3://bbb/in/z/")),
            (picked("", false, None), target("in/"), Ok("s3://bbb/in/")),
            (picked("x/y.txt", true, None), S3Uri::new("aaa", "x/"), Err("onto itself")),
            (picked("x/z/", false, None), S3Uri::new("aaa", "x/"), Err("lies within")),
            (picked("", false, None), S3Uri::new("aaa", "x/"), Err("lies within")),
        ] {
            let told = pick(&picked, &into);
            match (&told, lands) {
                (Ok(pick), Ok(lands)) => {
                    let at = pick.target_of(&picked.uri.key).unwrap();
                    assert_eq!(at.to_string(), lands, "{picked:?}");
                }
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
                _ => panic!("{picked:?}: {told:?}"),
            }
        }
    }
}
