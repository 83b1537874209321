//! Sessions at rest: one file for each, mode 0600 in a 0700 directory, never long-lived keys. Where the profile file
//! wants the keyring, the file holds all but the secrets; where it wants nothing at rest, they live in this process.
//!
//! A lock file beside each makes one process ask AWS while the others wait for its answer (aws-cli #9632,
//! botocore #3213). The lock is the kernel's, so a process that dies lets go of it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::files;
use super::keyring::{Keyring, Unavailable};
use super::lock::{self, held};
use crate::domain::account::AccountId;
use crate::domain::role::CacheKind;
use crate::domain::session::{Keys, Session, SessionFacts, seconds_left};
use crate::domain::text::hex;

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
        Self(hex(&hash.finalize()[..20]))
    }
}

/// The end of a file's name that holds a whole session.
const WHOLE: &str = "json";

/// The end of a file's name whose secrets are in the keyring.
const WITHOUT_SECRETS: &str = "keyring";

/// The end of a lock file's name.
const LOCK: &str = "lock";

/// Room for a session with a long token: a buffer that grows leaves copies of secrets behind.
const ROOM: usize = 16 << 10;

/// Why a session rests in the memory of this process alone.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Its file cannot be written.
    #[error("sessions are not kept on disk, {} cannot be written: {source}", .directory.display())]
    Disk {
        /// The state directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The keyring does not take it.
    #[error(
        "sessions are kept for this run alone: {0}; to keep them in files, write cache = \"file\" under [settings]"
    )]
    Keyring(Unavailable),
}

/// Where sessions rest. Cheap to clone; all clones share the sessions in memory.
#[derive(Clone, Debug)]
pub struct SessionCache {
    directory: PathBuf,
    kind: CacheKind,
    keyring: Keyring,
    memory: Arc<Memory>,
}

/// What rests nowhere, and the locks of what has no lock file.
#[derive(Default)]
struct Memory {
    sessions: Mutex<HashMap<CacheKey, Session>>,
    locked: Mutex<HashSet<CacheKey>>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("sessions", &held(&self.sessions).len()).finish_non_exhaustive()
    }
}

/// Held while a session is fetched; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as this does")] Held);

#[derive(Debug)]
enum Held {
    /// The kernel's, among all processes.
    File(#[expect(dead_code, reason = "dropping it unlocks")] lock::Lock),
    /// Ours, in this process.
    Here(#[expect(dead_code, reason = "dropping it unlocks")] HeldHere),
}

#[derive(Debug)]
struct HeldHere {
    memory: Arc<Memory>,
    key: CacheKey,
}

impl Drop for HeldHere {
    fn drop(&mut self) {
        held(&self.memory.locked).remove(&self.key);
    }
}

impl SessionCache {
    /// Sessions below `state_directory`, or where else `kind` says; nothing is made before the first is stored.
    pub fn new(state_directory: PathBuf, kind: CacheKind) -> Self {
        let directory = state_directory.join("sessions");
        Self { directory, kind, keyring: Keyring::default(), memory: Arc::default() }
    }

    /// The cached session that has not ended by `now`. A corrupt file is as good as none: it will be replaced.
    ///
    /// With the keyring this may wait for a person to unlock it.
    pub fn load(&self, key: &CacheKey, now: Timestamp) -> Option<Session> {
        self.in_memory(key, now).or_else(|| self.at_rest(key, now))
    }

    fn at_rest(&self, key: &CacheKey, now: Timestamp) -> Option<Session> {
        let stored = self.read(&self.path(key)?).filter(|stored| stored.lives(now))?;
        match self.kind {
            CacheKind::Keyring => stored.with_secrets(&self.keyring.read(&key.0).ok()?),
            _ => stored.into_session(),
        }
    }

    /// What may be shown of the cached session that has not ended by `now`. Never asks the keyring.
    pub fn facts(&self, key: &CacheKey, now: Timestamp) -> Option<SessionFacts> {
        let stored = || self.read(&self.path(key)?).filter(|stored| stored.lives(now))?.facts();
        self.in_memory(key, now).as_ref().map(SessionFacts::from).or_else(stored)
    }

    fn in_memory(&self, key: &CacheKey, now: Timestamp) -> Option<Session> {
        held(&self.memory.sessions).get(key).filter(|session| session.seconds_left(now) > 0).cloned()
    }

    fn read(&self, path: &Path) -> Option<Stored> {
        let text = Zeroizing::new(std::fs::read(path).ok()?);
        match serde_json::from_slice(&text) {
            Ok(stored) => Some(stored),
            Err(error) => {
                // The position alone: serde's message may quote what it read.
                tracing::warn!(file = ?path.file_name(), line = error.line(), "a cached session is corrupt");
                None
            }
        }
    }

    /// How long the session lives, or lived, that is under this key.
    pub fn lifetime(&self, key: &CacheKey) -> Option<Duration> {
        let in_memory = held(&self.memory.sessions).get(key).map(|session| (session.expiration, session.issued));
        let at_rest = || self.read(&self.path(key)?).map(|stored| (stored.expiration, stored.issued));
        let (expiration, issued) = in_memory.or_else(at_rest)?;
        Some(Duration::from_secs(seconds_left(expiration, issued)))
    }

    /// Which sessions there are.
    pub fn stored(&self) -> HashSet<CacheKey> {
        let mut keys: HashSet<CacheKey> = held(&self.memory.sessions).keys().cloned().collect();
        if let Some(extension) = self.extension() {
            keys.extend(self.files().into_iter().filter(|file| file.extension == extension).map(|file| file.key));
        }
        keys
    }

    /// Stores the session, readable by us alone; what another kind of cache kept of it goes.
    ///
    /// # Errors
    /// When it cannot be at rest where it should. It then lives in the memory of this process.
    pub fn store(&self, key: &CacheKey, session: &Session) -> Result<(), NotKept> {
        let stored = match self.kind {
            CacheKind::None => Ok(false),
            CacheKind::File => self.write(key, &Stored::new(session)).map(|()| true),
            CacheKind::Keyring => self.store_apart(key, session).map(|()| true),
        };
        let kept = if matches!(stored, Ok(true)) { self.extension() } else { None };
        // An older one at rest must not come before it.
        for file in self.files_of(key).filter(|file| Some(file.extension) != kept) {
            _ = self.remove(&file);
        }
        let mut in_memory = held(&self.memory.sessions);
        match kept {
            Some(_) => in_memory.remove(key),
            None => in_memory.insert(key.clone(), session.clone()),
        };
        drop(in_memory);
        self.sweep();
        stored.map(|_| ())
    }

    fn write(&self, key: &CacheKey, stored: &Stored) -> Result<(), NotKept> {
        let written = || {
            files::private_directory(&self.directory)?;
            let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
            serde_json::to_writer(&mut *text, stored).map_err(io::Error::other)?;
            let path = self.path(key).ok_or_else(|| io::Error::other("nothing is kept on disk"))?;
            files::write_private(&path, &text)
        };
        let directory = || self.directory.parent().unwrap_or(&self.directory).to_owned();
        written().map_err(|source| NotKept::Disk { directory: directory(), source })
    }

    /// The secrets into the keyring, then the rest into the file that says so.
    fn store_apart(&self, key: &CacheKey, session: &Session) -> Result<(), NotKept> {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        let written = serde_json::to_writer(&mut *text, &Secrets::new(session)).map_err(io::Error::other);
        written.map_err(|source| NotKept::Disk { directory: self.directory.clone(), source })?;
        self.keyring.write(&key.0, &text).map_err(NotKept::Keyring)?;
        self.write(key, &Stored::without_secrets(session)).inspect_err(|_| _ = self.keyring.delete(&key.0))
    }

    /// Removes what no session can live in any more: none is longer than 36 hours (`GetSessionToken`). What is younger
    /// may be another profile file's, with another kind of cache.
    fn sweep(&self) {
        const LONGEST: Duration = Duration::from_secs(36 * 3600);
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|time| time.elapsed().ok());
            if age.is_none_or(|age| age <= LONGEST) {
                continue;
            }
            match SessionFile::new(path.clone()) {
                Some(file) => _ = self.remove(&file),
                None if path.extension().is_some_and(|extension| extension == LOCK) => lock::remove(&path),
                // What a killed process left.
                None => _ = std::fs::remove_file(path),
            }
        }
    }

    /// Forgets the session, if there is one.
    pub fn forget(&self, key: &CacheKey) -> Result<(), NotForgotten> {
        held(&self.memory.sessions).remove(key);
        for file in self.files_of(key) {
            self.remove(&file)?;
        }
        Ok(())
    }

    /// Forgets every session, whoever made it, and gives what was known of each. In the keyring also what no file tells
    /// of any more.
    pub fn forget_all(&self) -> Result<Vec<Option<SessionFacts>>, NotForgotten> {
        let mut forgotten: Vec<_> =
            held(&self.memory.sessions).drain().map(|(_, session)| Some(SessionFacts::from(&session))).collect();
        let files = self.files();
        let in_keyring = files.iter().any(|file| file.extension == WITHOUT_SECRETS);
        for file in files {
            let facts = self.read(&file.path).and_then(|stored| stored.facts());
            self.remove(&file)?;
            forgotten.push(facts);
        }
        if in_keyring || self.kind == CacheKind::Keyring {
            match self.keyring.delete_all() {
                Ok(lost) => forgotten.extend(std::iter::repeat_n(None, lost)),
                // What is not there holds nothing.
                Err(Unavailable::Missing(_)) if !in_keyring => {}
                Err(reason) => return Err(NotForgotten::Keyring(reason)),
            }
        }
        Ok(forgotten)
    }

    /// The file goes last: while it is there, the next try finds what the keyring still has.
    fn remove(&self, file: &SessionFile) -> Result<(), NotForgotten> {
        if file.extension == WITHOUT_SECRETS {
            self.keyring.delete(&file.key.0).map_err(NotForgotten::Keyring)?;
        }
        match std::fs::remove_file(&file.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(NotForgotten::Disk { path: file.path.clone(), source })
            }
            _ => Ok(()),
        }
    }

    /// Waits until nobody else fetches this session: no other process, or where nothing is at rest and nothing can be
    /// shared, no other task of this one. Who is no longer waited for leaves nothing behind.
    pub async fn flight(&self, key: &CacheKey) -> io::Result<Lock> {
        if let Some(path) = self.lock_path(key)
            && let Ok(lock) = lock::wait(&path).await
        {
            return Ok(Lock(Held::File(lock)));
        }
        lock::poll(|| Ok(self.lock_here(key))).await
    }

    /// Where the lock of this key is among processes, if it can be there.
    fn lock_path(&self, key: &CacheKey) -> Option<PathBuf> {
        let is_shared = self.kind != CacheKind::None && files::private_directory(&self.directory).is_ok();
        is_shared.then(|| self.directory.join(format!("{}.{LOCK}", key.0)))
    }

    fn lock_here(&self, key: &CacheKey) -> Option<Lock> {
        let is_free = held(&self.memory.locked).insert(key.clone());
        is_free.then(|| Lock(Held::Here(HeldHere { memory: Arc::clone(&self.memory), key: key.clone() })))
    }

    /// Where the session is on disk, if anything of it is.
    fn path(&self, key: &CacheKey) -> Option<PathBuf> {
        Some(self.directory.join(format!("{}.{}", key.0, self.extension()?)))
    }

    fn extension(&self) -> Option<&'static str> {
        match self.kind {
            CacheKind::File => Some(WHOLE),
            CacheKind::Keyring => Some(WITHOUT_SECRETS),
            CacheKind::None => None,
        }
    }

    /// The files of every session, whatever kind of cache made them.
    fn files(&self) -> Vec<SessionFile> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| SessionFile::new(entry.path())).collect()
    }

    fn files_of(&self, key: &CacheKey) -> impl Iterator<Item = SessionFile> {
        let paths = [WHOLE, WITHOUT_SECRETS].map(|extension| self.directory.join(format!("{}.{extension}", key.0)));
        paths.into_iter().filter(|path| path.exists()).filter_map(SessionFile::new)
    }
}

/// Why a session could not be forgotten.
#[derive(Debug, thiserror::Error)]
pub enum NotForgotten {
    /// Its file cannot be removed.
    #[error("cannot remove {}: {source}", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The keyring does not give it up.
    #[error(transparent)]
    Keyring(Unavailable),
}

/// A file of a session.
struct SessionFile {
    path: PathBuf,
    key: CacheKey,
    extension: &'static str,
}

impl SessionFile {
    fn new(path: PathBuf) -> Option<Self> {
        let extension = path.extension()?;
        let extension = [WHOLE, WITHOUT_SECRETS].into_iter().find(|known| extension == *known)?;
        let key = CacheKey(path.file_stem()?.to_str()?.to_owned());
        Some(Self { path, key, extension })
    }
}

/// A session as it stands in its file.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    arn: String,
    account_id: String,
    access_key_id: String,
    /// Empty where the keyring has it.
    #[serde(default, skip_serializing_if = "is_empty")]
    secret_access_key: Zeroizing<String>,
    /// Empty where the keyring has it.
    #[serde(default, skip_serializing_if = "is_empty")]
    session_token: Zeroizing<String>,
    issued: Timestamp,
    expiration: Timestamp,
}

/// The secrets of a session as they stand in the keyring.
#[derive(Serialize, Deserialize)]
struct Secrets {
    /// Whose they are: the file may be of another session by now.
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
}

impl Secrets {
    fn new(session: &Session) -> Self {
        Self {
            access_key_id: session.keys.access_key_id.clone(),
            secret_access_key: session.keys.secret().to_owned().into(),
            session_token: session.keys.token().unwrap_or_default().to_owned().into(),
        }
    }
}

fn is_empty(text: &Zeroizing<String>) -> bool {
    text.is_empty()
}

impl Stored {
    const VERSION: u32 = 1;

    fn new(session: &Session) -> Self {
        let Secrets { secret_access_key, session_token, .. } = Secrets::new(session);
        Self { secret_access_key, session_token, ..Self::without_secrets(session) }
    }

    fn without_secrets(session: &Session) -> Self {
        Self {
            version: Self::VERSION,
            arn: session.arn.clone(),
            account_id: session.account_id.to_string(),
            access_key_id: session.keys.access_key_id.clone(),
            secret_access_key: Zeroizing::default(),
            session_token: Zeroizing::default(),
            issued: session.issued,
            expiration: session.expiration,
        }
    }

    /// One from the future was noted when the clock was wrong, and so was its end. One of another version is none.
    fn lives(&self, now: Timestamp) -> bool {
        self.version == Self::VERSION && self.issued <= now && self.expiration > now
    }

    fn facts(self) -> Option<SessionFacts> {
        let account_id = self.account_id.parse().ok()?;
        let Self { access_key_id, issued, expiration, arn, .. } = self;
        Some(SessionFacts { access_key_id, issued, expiration, arn, account_id })
    }

    fn with_secrets(self, text: &[u8]) -> Option<Session> {
        let secrets: Secrets = serde_json::from_slice(text).ok()?;
        if secrets.access_key_id != self.access_key_id {
            return None;
        }
        let Secrets { secret_access_key, session_token, .. } = secrets;
        Self { secret_access_key, session_token, ..self }.into_session()
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
        let cache = SessionCache::new(directory.path().to_owned(), CacheKind::File);
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
        let cache = SessionCache::new(directory.path().to_owned(), CacheKind::File);
        let key = CacheKey::new(["a"]);
        cache.store(&key, &session()).unwrap();
        for text in ["", "{", "[]", "{\"version\":1}", "\0\0\0\0"] {
            std::fs::write(cache.path(&key).unwrap(), text).unwrap();
            assert!(cache.load(&key, Timestamp::UNIX_EPOCH).is_none(), "{text}");
        }
    }

    #[test]
    fn keys_tell_lists_apart() {
        assert_ne!(CacheKey::new(["ab", "c"]), CacheKey::new(["a", "bc"]));
        assert_ne!(CacheKey::new(["a", ""]), CacheKey::new(["a"]));
        assert_eq!(CacheKey::new(["a", "b"]), CacheKey::new(["a", "b"]));
    }

    /// A cache of each kind in one place, with one keyring.
    fn caches(directory: &Path) -> [SessionCache; 3] {
        let keyring = crate::local::keyring::tests::mock(100);
        [CacheKind::File, CacheKind::Keyring, CacheKind::None]
            .map(|kind| SessionCache { keyring: keyring.clone(), ..SessionCache::new(directory.to_owned(), kind) })
    }

    /// Every text at rest below `directory`.
    fn at_rest(directory: &Path) -> String {
        let files = std::fs::read_dir(directory.join("sessions")).into_iter().flatten().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
    }

    fn long(name: &str) -> Session {
        let keys = Keys {
            access_key_id: format!("ASIA{name}"),
            secret_access_key: format!("very-secret-{name}").into(),
            session_token: Some(format!("very-token-{name}-{}", "x".repeat(500)).into()),
        };
        Session { keys, ..session() }
    }

    #[test]
    fn the_keyring_has_the_secrets_and_the_file_the_rest() {
        let directory = tempfile::tempdir().unwrap();
        let [_, cache, _] = caches(directory.path());
        let (key, now) = (CacheKey::new(["a"]), Timestamp::UNIX_EPOCH);
        assert!(cache.load(&key, now).is_none());
        for name in ["ONE", "TWO"] {
            cache.store(&key, &long(name)).unwrap();
            let found = cache.load(&key, now).unwrap();
            assert_eq!(found.keys.secret(), format!("very-secret-{name}"));
            assert_eq!(found.keys.token(), long(name).keys.token());
            let text = at_rest(directory.path());
            assert!(text.contains(&format!("ASIA{name}")) && !text.contains("very-"), "{text}");
        }
        assert!(held(&cache.memory.sessions).is_empty());
        assert_eq!(cache.stored(), HashSet::from([key.clone()]));
        // The secrets of another session are none of this one's.
        let mut stored = Stored::without_secrets(&long("TWO"));
        stored.access_key_id = "ASIAOTHER".into();
        cache.write(&key, &stored).unwrap();
        assert!(cache.load(&key, now).is_none());
        cache.forget(&key).unwrap();
        assert_eq!(at_rest(directory.path()), "");
        assert_eq!(cache.keyring.delete_all().unwrap(), 0);
    }

    #[test]
    fn what_may_be_shown_is_known_without_the_keyring() {
        let directory = tempfile::tempdir().unwrap();
        let [_, cache, _] = caches(directory.path());
        let key = CacheKey::new(["a"]);
        cache.store(&key, &long("ONE")).unwrap();
        // One that was never connected, and is not asked.
        let other = SessionCache::new(directory.path().to_owned(), CacheKind::Keyring);
        assert_eq!(other.facts(&key, Timestamp::UNIX_EPOCH), Some((&long("ONE")).into()));
        assert_eq!(other.facts(&key, Timestamp::from_second(3600).unwrap()), None);
        assert!(format!("{:?}", other.keyring).contains("given_up: None"));
    }

    #[tokio::test]
    async fn nothing_is_at_rest_where_nothing_should_be() {
        let directory = tempfile::tempdir().unwrap();
        let [_, _, cache] = caches(directory.path());
        let (key, now) = (CacheKey::new(["a"]), Timestamp::UNIX_EPOCH);
        let lock = cache.flight(&key).await.unwrap();
        cache.store(&key, &long("ONE")).unwrap();
        assert_eq!(cache.load(&key, now).unwrap().keys.secret(), "very-secret-ONE");
        assert_eq!(cache.facts(&key, now), Some((&long("ONE")).into()));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(!format!("{cache:?}").contains("very-"));
        // An hour, known as it would be from a file.
        assert_eq!(cache.lifetime(&key), Some(Duration::from_secs(3600)));
        // The lock holds within the process.
        let mut next = std::pin::pin!(cache.flight(&key));
        assert!(tokio::time::timeout(Duration::from_millis(60), &mut next).await.is_err());
        drop(lock);
        drop(next.await.unwrap());
        cache.forget(&key).unwrap();
        assert!(cache.load(&key, now).is_none());
    }

    #[test]
    fn another_kind_of_cache_leaves_no_secret_behind() {
        let now = Timestamp::UNIX_EPOCH;
        let (one, two) = (CacheKey::new(["one"]), CacheKey::new(["two"]));
        for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2)] {
            let directory = tempfile::tempdir().unwrap();
            let caches = caches(directory.path());
            caches[from].store(&one, &long("ONE")).unwrap();
            caches[from].store(&two, &long("OTHER")).unwrap();
            // It rests elsewhere than it should by now, and is not used.
            assert!(caches[to].load(&one, now).is_none(), "{from} to {to}");
            caches[to].store(&one, &long("TWO")).unwrap();
            let in_keyring = caches[to].keyring.read(&one.0).unwrap();
            assert!(!String::from_utf8_lossy(&in_keyring).contains("ONE"), "{from} to {to}");
            assert!(!at_rest(directory.path()).contains("ONE"), "{from} to {to}");
            assert!(caches[from].load(&one, now).is_none(), "{from} to {to}");
            // What another profile file's cache keeps is that one's.
            assert!(caches[from].load(&two, now).is_some(), "{from} to {to}");
        }
        // And so does forgetting.
        for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2)] {
            let directory = tempfile::tempdir().unwrap();
            let caches = caches(directory.path());
            caches[from].store(&one, &long("ONE")).unwrap();
            caches[from].store(&two, &long("TWO")).unwrap();
            caches[to].forget(&one).unwrap();
            assert!(!at_rest(directory.path()).contains("ONE"), "{from} to {to}");
            assert_eq!(caches[to].forget_all().unwrap(), [Some((&long("TWO")).into())]);
            assert_eq!(at_rest(directory.path()), "");
            assert_eq!(caches[to].keyring.delete_all().unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn what_is_too_old_to_live_is_swept_whoever_left_it() {
        let directory = tempfile::tempdir().unwrap();
        let [file, keyring, none] = caches(directory.path());
        let (young, lock) = (CacheKey::new(["young"]), CacheKey::new(["lock"]));
        file.store(&CacheKey::new(["a"]), &session()).unwrap();
        keyring.store(&CacheKey::new(["b"]), &session()).unwrap();
        drop(file.flight(&CacheKey::new(["a"])).await.unwrap());
        let sessions = directory.path().join("sessions");
        std::fs::write(sessions.join(".tmpabc"), "").unwrap();
        let _used = file.flight(&lock).await.unwrap();
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(37 * 3600);
        for entry in std::fs::read_dir(&sessions).unwrap() {
            std::fs::File::options().write(true).open(entry.unwrap().path()).unwrap().set_modified(long_ago).unwrap();
        }
        file.store(&young, &session()).unwrap();
        none.store(&CacheKey::new(["c"]), &session()).unwrap();
        let left = std::fs::read_dir(&sessions).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<_> = left.filter(|name| cfg!(unix) || !name.ends_with(LOCK)).collect();
        left.sort();
        let mut expected = vec![format!("{}.{WHOLE}", young.0)];
        // One that is held stays, however old it looks.
        expected.extend(cfg!(unix).then(|| format!("{}.{LOCK}", lock.0)));
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(file.keyring.delete_all().unwrap(), 0);
    }

    #[tokio::test]
    async fn what_cannot_rest_lives_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("file"), "").unwrap();
        let [file, keyring, _] = caches(&directory.path().join("file"));
        let key = CacheKey::new(["a"]);
        for cache in [file, keyring] {
            let error = cache.store(&key, &long("ONE")).unwrap_err().to_string();
            assert!(error.starts_with("sessions are not kept on disk, "), "{error}");
            assert!(cache.load(&key, Timestamp::UNIX_EPOCH).is_some());
            assert_eq!(cache.keyring.delete_all().unwrap(), 0);
            let lock = cache.flight(&key).await.unwrap();
            assert!(tokio::time::timeout(Duration::from_millis(30), cache.flight(&key)).await.is_err());
            drop(lock);
        }
    }
}
