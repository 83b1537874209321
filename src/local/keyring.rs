//! The platform's keyring: Keychain, Credential Manager, or the Secret Service of a Linux desktop.
//!
//! `local/cache.rs` puts the secrets of sessions there where the profile file says `cache = "keyring"`. A keyring may
//! be missing, locked or dead. It is asked on a thread of its own, so that none of these holds up xsw for long.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

/// Under which name the keyring's own programs list our items.
pub const SERVICE: &str = "xsw";

/// How long the keyring may take for one answer: a person may have to type its password first.
const PATIENCE: Duration = Duration::from_secs(20);

/// The most that one item holds. Windows takes 2,560 bytes (wincred.h, `CRED_MAX_CREDENTIAL_BLOB_SIZE`), and session
/// tokens have no upper limit.
const ITEM_SIZE: usize = if cfg!(windows) { 2_500 } else { 32 << 10 };

/// Why the keyring cannot be used. The texts name what is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// There is none.
    #[error("no keyring can be reached, {0}")]
    Missing(String),
    /// It is locked, and was not unlocked.
    #[error("the keyring is locked, and was not unlocked ({0})")]
    Locked(String),
    /// It does not answer.
    #[error("the keyring gave no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// Something else.
    #[error("the keyring refused: {0}")]
    Refused(String),
}

/// The keyring, connected when it is needed first. Cheap to clone; what one clone learns, all know.
#[derive(Clone)]
pub struct Keyring {
    state: Arc<State>,
    patience: Duration,
    item_size: usize,
}

#[derive(Default)]
struct State {
    store: OnceLock<Arc<CredentialStore>>,
    /// Why it is asked no more: nobody wants to be asked for its password again and again, or to wait each time.
    given_up: OnceLock<Unavailable>,
}

impl Default for Keyring {
    fn default() -> Self {
        Self { state: Arc::default(), patience: PATIENCE, item_size: ITEM_SIZE }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("given_up", &self.state.given_up.get()).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Puts `secret` under `name`, in as many items as it takes, over what was there.
    pub fn write(&self, name: &str, secret: &[u8]) -> Result<(), Unavailable> {
        let (name, secret, size) = (name.to_owned(), Zeroizing::new(secret.to_vec()), self.item_size);
        self.ask(move |store| {
            let mut number = 0;
            for part in secret.chunks(size) {
                item(store, &name, number)?.set_secret(part)?;
                number += 1;
            }
            // A longer secret may have been there.
            delete_from(store, &name, number)
        })
    }

    /// What is under `name`: nothing is an empty secret.
    pub fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Unavailable> {
        let name = name.to_owned();
        self.ask(move |store| {
            let mut parts = Vec::new();
            for number in 0.. {
                match item(store, &name, number)?.get_secret() {
                    Ok(part) => parts.push(Zeroizing::new(part)),
                    Err(Error::NoEntry) => break,
                    Err(error) => return Err(error),
                }
            }
            // In one piece of the right size: a vector that grows leaves copies behind.
            let mut secret = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
            parts.iter().for_each(|part| secret.extend_from_slice(part));
            Ok(secret)
        })
    }

    /// Deletes what is under `name`, if anything is.
    pub fn delete(&self, name: &str) -> Result<(), Unavailable> {
        let name = name.to_owned();
        self.ask(move |store| delete_from(store, &name, 0))
    }

    /// Deletes all that is ours and tells how many items that were; a keyring that cannot be searched has none to find.
    pub fn delete_all(&self) -> Result<usize, Unavailable> {
        self.ask(|store| {
            let found = match store.search(&HashMap::from([("service", SERVICE)])) {
                Err(Error::NotSupportedByStore(_)) => Vec::new(),
                found => found?,
            };
            let mut deleted = 0;
            for entry in found {
                match entry.delete_credential() {
                    Err(Error::NoEntry) => {}
                    done => {
                        done?;
                        deleted += 1;
                    }
                }
            }
            Ok(deleted)
        })
    }

    /// Asks on a thread of its own, and waits no longer than a person would.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&CredentialStore) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T, Unavailable> {
        if let Some(reason) = self.state.given_up.get() {
            return Err(reason.clone());
        }
        let (sender, receiver) = mpsc::channel();
        let state = Arc::clone(&self.state);
        let asked = std::thread::Builder::new().name("keyring".into()).spawn(move || {
            // Nobody listens when the answer came too late.
            _ = sender.send(connected(&state).and_then(|store| work(store.as_ref()).map_err(|error| reason(&error))));
        });
        let wait = || receiver.recv_timeout(self.patience);
        let answer = match asked {
            // Other tasks of this thread go on meanwhile.
            Ok(_) => match if in_runtime() { tokio::task::block_in_place(wait) } else { wait() } {
                Ok(answer) => answer,
                Err(mpsc::RecvTimeoutError::Timeout) => Err(Unavailable::Silent(self.patience)),
                Err(mpsc::RecvTimeoutError::Disconnected) => Err(Unavailable::Refused("its client crashed".into())),
            },
            Err(error) => Err(Unavailable::Refused(error.to_string())),
        };
        match &answer {
            Err(reason @ (Unavailable::Missing(_) | Unavailable::Locked(_) | Unavailable::Silent(_))) => {
                tracing::warn!(%reason, "the keyring is asked no more");
                _ = self.state.given_up.set(reason.clone());
            }
            // One item may be corrupt, and the next one whole.
            Err(reason @ Unavailable::Refused(_)) => tracing::warn!(%reason, "the keyring refused an item"),
            Ok(_) => {}
        }
        answer
    }
}

/// Whether other tasks may be waiting for this thread, and can be moved to another.
fn in_runtime() -> bool {
    let flavor = tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor());
    flavor.is_ok_and(|flavor| flavor == tokio::runtime::RuntimeFlavor::MultiThread)
}

fn connected(state: &State) -> Result<Arc<CredentialStore>, Unavailable> {
    if let Some(store) = state.store.get() {
        return Ok(Arc::clone(store));
    }
    let store = connect()?;
    Ok(Arc::clone(state.store.get_or_init(|| store)))
}

#[cfg(target_os = "macos")]
fn connect() -> Result<Arc<CredentialStore>, Unavailable> {
    Ok(apple_native_keyring_store::keychain::Store::new().map_err(|error| reason(&error))?)
}

#[cfg(windows)]
fn connect() -> Result<Arc<CredentialStore>, Unavailable> {
    Ok(windows_native_keyring_store::Store::new().map_err(|error| reason(&error))?)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn connect() -> Result<Arc<CredentialStore>, Unavailable> {
    let socket = || Some(std::path::Path::new(&std::env::var_os("XDG_RUNTIME_DIR")?).join("bus").exists());
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none_or(|address| address.is_empty()) && socket() != Some(true) {
        return Err(Unavailable::Missing(
            "because there is no D-Bus session: over SSH, in a container, under WSL or without a desktop that is usual"
                .into(),
        ));
    }
    let missing = |error: &Error| match reason(error) {
        Unavailable::Refused(error) => Unavailable::Missing(format!(
            "because no Secret Service answers on D-Bus: GNOME Keyring, KWallet or KeePassXC would ({error})"
        )),
        other => other,
    };
    Ok(dbus_secret_service_keyring_store::Store::new().map_err(|error| missing(&error))?)
}

#[cfg(not(any(unix, windows)))]
fn connect() -> Result<Arc<CredentialStore>, Unavailable> {
    Err(Unavailable::Missing("because xsw knows none of this platform".into()))
}

/// The texts of some errors hold what was read; those are left out.
fn reason(error: &Error) -> Unavailable {
    match error {
        // What a Secret Service says that has no default collection.
        Error::NoStorageAccess(reason) if reason.to_string().ends_with("no result found") => {
            Unavailable::Refused("it has no default keyring; make one in its settings".into())
        }
        Error::NoStorageAccess(reason) => Unavailable::Locked(reason.to_string()),
        Error::PlatformFailure(reason) => Unavailable::Refused(reason.to_string()),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => Unavailable::Refused("an item is corrupt".into()),
        Error::Ambiguous(_) => Unavailable::Refused("it has several items of one name".into()),
        other => Unavailable::Refused(other.to_string()),
    }
}

fn item(store: &CredentialStore, name: &str, number: usize) -> keyring_core::Result<Entry> {
    match number {
        0 => store.build(SERVICE, name, None),
        number => store.build(SERVICE, &format!("{name}.{number}"), None),
    }
}

/// Deletes the items of `name` from `number` on.
fn delete_from(store: &CredentialStore, name: &str, number: usize) -> keyring_core::Result<()> {
    for number in number.. {
        match item(store, name, number)?.delete_credential() {
            Ok(()) => {}
            Err(Error::NoEntry) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A keyring in memory.
    pub(crate) fn mock(item_size: usize) -> Keyring {
        let keyring = Keyring { item_size, ..Keyring::default() };
        let store: Arc<CredentialStore> = keyring_core::mock::Store::new().unwrap();
        assert!(keyring.state.store.set(store).is_ok());
        keyring
    }

    #[test]
    fn a_secret_longer_than_an_item_is_split_and_comes_back_whole() {
        let keyring = mock(10);
        for secret in ["a".repeat(35), "b".repeat(10), "c".repeat(11), "d".into()] {
            keyring.write("key", secret.as_bytes()).unwrap();
            assert_eq!(*keyring.read("key").unwrap(), secret.as_bytes());
        }
        // Nothing of the longer ones is left.
        assert_eq!(keyring.delete_all().unwrap(), 1);
        assert_eq!(*keyring.read("key").unwrap(), b"");
        keyring.write("key", &[b'x'; 25]).unwrap();
        keyring.delete("key").unwrap();
        keyring.delete("key").unwrap();
        assert_eq!(keyring.delete_all().unwrap(), 0);
    }

    #[test]
    fn a_keyring_that_hangs_is_waited_for_once() {
        let keyring = Keyring { patience: Duration::from_millis(50), ..mock(100) };
        let (release, held) = mpsc::channel::<()>();
        let silent = Unavailable::Silent(keyring.patience);
        assert_eq!(keyring.ask(move |_| Ok(_ = held.recv())), Err(silent.clone()));
        // One that would wait longer knows it too.
        let patient = Keyring { patience: Duration::from_secs(5), ..keyring };
        let started = std::time::Instant::now();
        assert_eq!(patient.read("key").unwrap_err(), silent);
        assert!(started.elapsed() < Duration::from_secs(1));
        drop(release);
    }

    #[test]
    fn one_bad_item_is_not_the_end_of_the_keyring() {
        let keyring = mock(100);
        keyring.write("good", b"secret").unwrap();
        for error in [|| Error::BadEncoding(Vec::new()), || Error::Ambiguous(Vec::new())] {
            assert!(matches!(keyring.ask::<()>(move |_| Err(error())), Err(Unavailable::Refused(_))));
            assert_eq!(*keyring.read("good").unwrap(), b"secret");
        }
        let locked = || Error::NoStorageAccess(std::io::Error::other("why").into());
        assert!(matches!(keyring.ask::<()>(move |_| Err(locked())), Err(Unavailable::Locked(_))));
        assert!(matches!(keyring.read("good"), Err(Unavailable::Locked(_))));
    }

    #[test]
    fn what_was_read_is_in_no_error() {
        let platform = || std::io::Error::other("why").into();
        for (error, text) in [
            (Error::BadEncoding(b"very-secret".into()), "the keyring refused: an item is corrupt"),
            (Error::BadDataFormat(b"very-secret".into(), platform()), "the keyring refused: an item is corrupt"),
            (Error::NoStorageAccess(platform()), "the keyring is locked, and was not unlocked (why)"),
            (Error::PlatformFailure(platform()), "the keyring refused: why"),
        ] {
            assert_eq!(reason(&error).to_string(), text);
        }
        assert!(!format!("{:?}", mock(10)).contains("secret"));
    }
}
