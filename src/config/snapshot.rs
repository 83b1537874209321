//! A large profile file as it was when it was last checked, so that it is not checked at every start.
//!
//! It counts only for the very bytes it was made from and the very xsw that made it. Whatever is wrong with it, the
//! file itself is read instead.

use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::domain::role::Profile;
use crate::domain::text::hex;

/// A smaller file is checked in the time that reading a snapshot takes.
const WORTH_IT: usize = 64 * 1024;

/// The first line: who made it, from what.
fn heading(text: &str) -> String {
    format!("xsw {} {}\n", env!("CARGO_PKG_VERSION"), hex(&Sha256::digest(text.as_bytes())))
}

/// The checked profile of this text, if `path` has it.
pub(super) fn read(path: &Path, text: &str) -> Option<Profile> {
    if text.len() < WORTH_IT {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    postcard::from_bytes(bytes.strip_prefix(heading(text).as_bytes())?).ok()
}

/// Keeps the checked profile of this text at `path`, mode 0600, where its folder is there. Failing is no matter.
pub(super) fn write(path: &Path, text: &str, profile: &Profile) {
    // A session policy may come from a file of its own, which this text does not show.
    if text.len() < WORTH_IT || profile.roles.iter().any(|role| role.policy.is_some()) {
        return;
    }
    let (Some(folder), Ok(bytes)) = (path.parent(), postcard::to_stdvec(profile)) else { return };
    let Ok(mut file) = tempfile::NamedTempFile::new_in(folder) else { return };
    if file.write_all(heading(text).as_bytes()).and_then(|()| file.write_all(&bytes)).is_ok() {
        _ = file.persist(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(roles: usize) -> String {
        let mut text = "[[accounts]]\nname = \"prod\"\nid = \"222222222222\"\n".to_owned();
        for role in 0..roles {
            text += &format!("[[accounts.roles]]\nname = \"Role{role}\"\nalias = \"r{role}\"\nduration = \"2h\"\n");
            text += "buckets = [\"s3://data/x/\"]\ntags = { Project = \"x\" }\nexternal_id = \"abc\"\n";
        }
        text
    }

    #[test]
    fn a_snapshot_is_the_profile_and_counts_for_its_text_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile");
        let text = large(1000);
        let profile = crate::config::parse(&text, Path::new("x")).unwrap();
        assert!(read(&path, &text).is_none());
        write(&path, &text, &profile);
        assert_eq!(format!("{:?}", read(&path, &text).unwrap()), format!("{profile:?}"));
        assert!(read(&path, &format!("{text}\n")).is_none());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() / 2);
        std::fs::write(&path, bytes).unwrap();
        assert!(read(&path, &text).is_none());
    }

    #[test]
    fn small_files_and_those_with_session_policies_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile");
        let policy = "policy = '{\"Version\":\"2012-10-17\",\"Statement\":[]}'\n";
        for text in [large(2), large(1000) + policy] {
            if let Ok(profile) = crate::config::parse(&text, Path::new("x")) {
                write(&path, &text, &profile);
            }
            assert!(!path.exists());
        }
    }
}
