//! Sessions at rest: one file for each, mode 0600 in a 0700 directory, never long-lived keys.
//!
//! A lock file beside each makes one process ask AWS while the others wait for its answer (aws-cli #9632,
//! botocore #3213). The lock is the kernel's, so a process that dies lets go of it.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::files;
use crate::domain::account::AccountId;
use crate::domain::session::{Keys, Session};

/// The name of a session's file: a hash of all that changes the session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// Hashes the parts; each is set apart by its length, so that no two lists give the same text.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().iter().take(20).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The directory of the cached sessions.
#[derive(Clone, Debug)]
pub struct SessionCache {
    directory: PathBuf,
}

/// Held while a session is fetched; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl SessionCache {
    /// Sessions below `state_directory`; nothing is made before the first is stored.
    pub fn new(state_directory: PathBuf) -> Self {
        Self { directory: state_directory.join("sessions") }
    }

    /// The cached session that has not ended by `now`. A corrupt file is as good as none: it will be replaced.
    pub fn load(&self, key: &CacheKey, now: Timestamp) -> Option<Session> {
        let text = Zeroizing::new(std::fs::read(self.path(key)).ok()?);
        let stored: Stored = match serde_json::from_slice(&text) {
            Ok(stored) => stored,
            Err(error) => {
                // The position alone: serde's message may quote what it read.
                tracing::warn!(file = key.0, line = error.line(), "a cached session is corrupt and will be replaced");
                return None;
            }
        };
        let session = stored.into_session()?;
        // One from the future was noted when the clock was wrong, and so was its end.
        (session.issued <= now && session.seconds_left(now) > 0).then_some(session)
    }

    /// How long the session lives, or lived, that rests under this key.
    pub fn lifetime(&self, key: &CacheKey) -> Option<Duration> {
        let text = Zeroizing::new(std::fs::read(self.path(key)).ok()?);
        let session = serde_json::from_slice::<Stored>(&text).ok()?.into_session()?;
        Some(Duration::from_secs(session.seconds_left(session.issued)))
    }

    /// Which sessions have a file.
    pub fn stored(&self) -> HashSet<CacheKey> {
        let names = std::fs::read_dir(&self.directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| Some(CacheKey(name.to_str()?.strip_suffix(".json")?.to_owned()))).collect()
    }

    /// Stores the session, readable by us alone.
    pub fn store(&self, key: &CacheKey, session: &Session) -> io::Result<()> {
        files::private_directory(&self.directory)?;
        let text = Zeroizing::new(serde_json::to_vec(&Stored::new(session)).map_err(io::Error::other)?);
        files::write_private(&self.path(key), &text)?;
        self.sweep();
        Ok(())
    }

    /// Removes what no session can live in any more: none is longer than 36 hours (`GetSessionToken`).
    fn sweep(&self) {
        const LONGEST: Duration = Duration::from_secs(36 * 3600);
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_some_and(|age| age > LONGEST) {
                _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Forgets the session, if there is one.
    pub fn forget(&self, key: &CacheKey) -> io::Result<()> {
        match std::fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until no other process fetches this session. Blocks: call it off the async threads.
    pub fn lock(&self, key: &CacheKey) -> io::Result<Lock> {
        files::private_directory(&self.directory)?;
        let path = self.directory.join(format!("{}.lock", key.0));
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        file.lock()?;
        Ok(Lock(file))
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        self.directory.join(format!("{}.json", key.0))
    }
}

/// A session as it stands in its file.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    arn: String,
    account_id: String,
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    issued: Timestamp,
    expiration: Timestamp,
}

impl Stored {
    const VERSION: u32 = 1;

    fn new(session: &Session) -> Self {
        Self {
            version: Self::VERSION,
            arn: session.arn.clone(),
            account_id: session.account_id.to_string(),
            access_key_id: session.keys.access_key_id.clone(),
            secret_access_key: session.keys.secret().to_owned().into(),
            session_token: session.keys.token().unwrap_or_default().to_owned().into(),
            issued: session.issued,
            expiration: session.expiration,
        }
    }

    /// `None` when it was written by another version, or holds no session at all.
    fn into_session(self) -> Option<Session> {
        let account_id: AccountId = self.account_id.parse().ok()?;
        if self.version != Self::VERSION || self.access_key_id.is_empty() || self.session_token.is_empty() {
            return None;
        }
        Some(Session {
            keys: Keys {
                access_key_id: self.access_key_id,
                secret_access_key: SecretString::from(self.secret_access_key.as_str()),
                session_token: Some(SecretString::from(self.session_token.as_str())),
            },
            issued: self.issued,
            expiration: self.expiration,
            arn: self.arn,
            account_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            keys: Keys {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: "s".to_owned().into(),
                session_token: Some("t".to_owned().into()),
            },
            issued: Timestamp::UNIX_EPOCH,
            expiration: Timestamp::from_second(3600).unwrap(),
            arn: "arn:aws:sts::222222222222:assumed-role/S3Reader/me".into(),
            account_id: "222222222222".parse().unwrap(),
        }
    }

    #[test]
    fn a_session_is_found_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let cache = SessionCache::new(directory.path().to_owned());
        let key = CacheKey::new(["a", "b"]);
        assert!(cache.load(&key, Timestamp::UNIX_EPOCH).is_none());
        cache.store(&key, &session()).unwrap();
        let found = cache.load(&key, Timestamp::from_second(3599).unwrap()).unwrap();
        assert_eq!((found.keys.secret(), found.keys.token()), ("s", Some("t")));
        assert!(cache.load(&key, Timestamp::from_second(3600).unwrap()).is_none());
        cache.forget(&key).unwrap();
        assert!(cache.load(&key, Timestamp::UNIX_EPOCH).is_none());
        cache.forget(&key).unwrap();
    }

    #[test]
    fn a_corrupt_session_is_no_session() {
        let directory = tempfile::tempdir().unwrap();
        let cache = SessionCache::new(directory.path().to_owned());
        let key = CacheKey::new(["a"]);
        cache.store(&key, &session()).unwrap();
        for text in ["", "{", "[]", "{\"version\":1}", "\0\0\0\0"] {
            std::fs::write(cache.path(&key), text).unwrap();
            assert!(cache.load(&key, Timestamp::UNIX_EPOCH).is_none(), "{text}");
        }
    }

    #[test]
    fn keys_tell_lists_apart() {
        assert_ne!(CacheKey::new(["ab", "c"]), CacheKey::new(["a", "bc"]));
        assert_ne!(CacheKey::new(["a", ""]), CacheKey::new(["a"]));
        assert_eq!(CacheKey::new(["a", "b"]), CacheKey::new(["a", "b"]));
    }
}
