//! Bookmarks that were added on the screen. They rest in the state directory: the profile file is the user's own to
//! write, and often shared.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{files, lock};
use crate::domain::uri::S3Uri;

/// Whose bookmarks: an account's id and a role's name. Names of accounts are anybody's to change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// Twelve digits.
    pub account_id: String,
    /// The role's name.
    pub role: String,
}

/// One line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    owner: Owner,
    uri: String,
}

fn path(state_directory: &Path) -> PathBuf {
    state_directory.join("bookmarks.jsonl")
}

/// All bookmarks, those of each role in the order in which they were added. A line that cannot be read is nobody's.
pub fn read(state_directory: &Path) -> io::Result<BTreeMap<Owner, Vec<S3Uri>>> {
    let text = match std::fs::read_to_string(path(state_directory)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let mut all: BTreeMap<Owner, Vec<S3Uri>> = BTreeMap::new();
    for line in text.lines() {
        let Ok(Line { owner, uri }) = serde_json::from_str(line) else { continue };
        let (Ok(uri), of_role) = (uri.parse(), all.entry(owner).or_default()) else { continue };
        if !of_role.contains(&uri) {
            of_role.push(uri);
        }
    }
    Ok(all)
}

/// Keeps a bookmark, or forgets it, and gives all of that role. Another xsw waits meanwhile. Blocks: call it off the
/// async threads.
pub fn change(state_directory: &Path, owner: &Owner, uri: &S3Uri, keep: bool) -> io::Result<Vec<S3Uri>> {
    files::private_directory(state_directory)?;
    let _lock = lock::hold(&state_directory.join("bookmarks.lock"))?;
    let mut all = read(state_directory)?;
    let of_role = all.entry(owner.clone()).or_default();
    of_role.retain(|known| known != uri);
    if keep {
        of_role.push(uri.clone());
    }
    let of_role = of_role.clone();
    let mut text = String::new();
    for (owner, uris) in &all {
        for uri in uris {
            let line = Line { owner: owner.clone(), uri: uri.to_string() };
            text += &serde_json::to_string(&line).map_err(io::Error::other)?;
            text.push('\n');
        }
    }
    files::write_private(&path(state_directory), text.as_bytes())?;
    Ok(of_role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_are_kept_apart_by_role_and_forgotten_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let owner = |role: &str| Owner { account_id: "222222222222".into(), role: role.into() };
        let uri = |key: &str| S3Uri::new("data", key);
        assert!(read(&state).unwrap().is_empty());
        change(&state, &owner("A"), &uri("x\n/"), true).unwrap();
        change(&state, &owner("B"), &uri(""), true).unwrap();
        assert_eq!(change(&state, &owner("A"), &uri(""), true).unwrap(), [uri("x\n/"), uri("")]);
        // A line of a later xsw, or of nobody, takes nothing away.
        let file = path(&state);
        let text = std::fs::read_to_string(&file).unwrap() + "{}\nnonsense\n";
        std::fs::write(&file, text).unwrap();
        assert_eq!(change(&state, &owner("A"), &uri("x\n/"), false).unwrap(), [uri("")]);
        assert_eq!(read(&state).unwrap()[&owner("B")], [uri("")]);
    }
}
