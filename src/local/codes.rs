//! Which codes of MFA devices were sent lately: a code works once, and a second try can lock the device out.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::files;
use super::lock::held;
use crate::domain::text::hex;

/// Seconds for which AWS may take a code: its own step of thirty and one at each side of it (RFC 6238, section 5.2).
const LIFE: i64 = 90;

/// The memory of sent codes, shared by all processes of this user.
#[derive(Clone, Debug)]
pub struct SentCodes {
    directory: PathBuf,
    /// For when nothing can be written.
    here: Arc<Mutex<Vec<(String, i64)>>>,
}

impl SentCodes {
    /// Below `state_directory`; nothing is made before the first code.
    pub fn new(state_directory: PathBuf) -> Self {
        Self { directory: state_directory.join("codes"), here: Arc::default() }
    }

    /// Notes that the code is being sent at `now`. False when it was sent already and is still in its time: sending it
    /// again would be refused.
    pub fn take(&self, serial: &str, code: &str, now: Timestamp) -> bool {
        let now = now.as_second();
        // The code's hash alone is enough to know it again. It is guessed in no time, but worth nothing by then.
        let digest = hex(&Sha256::digest(format!("{serial}\n{code}"))[..16]);
        let mut here = held(&self.here);
        here.retain(|(_, sent)| now - sent < LIFE);
        let sent_here = here.iter().any(|(known, _)| *known == digest);
        here.push((digest.clone(), now));
        drop(here);
        let elsewhere = self.note(&digest, now).unwrap_or(false);
        !(sent_here || elsewhere)
    }

    /// Leaves a file of the digest's name; true when a young one was there. Making a file that must be new is the one
    /// step in which two processes cannot both be first.
    fn note(&self, digest: &str, now: i64) -> std::io::Result<bool> {
        files::private_directory(&self.directory)?;
        let age = |path: &std::path::Path| -> Option<i64> {
            let sent = std::fs::metadata(path).ok()?.modified().ok()?;
            Some(now - Timestamp::try_from(sent).ok()?.as_second())
        };
        for entry in std::fs::read_dir(&self.directory)?.flatten() {
            if age(&entry.path()).is_none_or(|age| !(-LIFE..LIFE).contains(&age)) {
                _ = std::fs::remove_file(entry.path());
            }
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(self.directory.join(digest)) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(true),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_sent_once_in_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        let later = |seconds: i64| Timestamp::from_second(now.as_second() + seconds).unwrap();
        for place in [folder.path().to_owned(), PathBuf::from("/dev/null/nowhere")] {
            let codes = SentCodes::new(place.clone());
            assert!(codes.take("me", "123456", now));
            assert!(!codes.take("me", "123456", later(29)));
            assert!(codes.take("you", "123456", now) && codes.take("me", "123457", now));
            if place == folder.path() {
                let other_process = SentCodes::new(place);
                assert!(!other_process.take("me", "123457", now));
            }
            assert!(codes.take("me", "123456", later(300)));
        }
    }
}
