//! Locks: among processes the kernel's, on a file that holds nothing, so that a process that dies lets go of it; among
//! threads the mutex's.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// How soon one who waits looks again, at first and in the end: an answer of AWS takes some hundred milliseconds.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];

/// How often a file that was removed is opened anew: one whose numbers are never the same must not keep us for ever.
const ROUNDS: u32 = 10;

/// Held by one process at a time; dropping it lets the next one in.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

/// Waits for the lock at `path`, in a folder that is there. Blocks: call it off the async threads.
pub(super) fn hold(path: &Path) -> io::Result<Lock> {
    let mut rounds = 0..ROUNDS;
    loop {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                tell_waiting(path);
                file.lock()?;
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if is_at(&file, path) || rounds.next().is_none() {
            return Ok(locked(file));
        }
    }
}

/// The same for async code. It looks again and again instead of leaving a thread in the kernel, so that nothing is left
/// behind by one that is waited for no more.
pub(super) async fn wait(path: &Path) -> io::Result<Lock> {
    let (mut file, mut has_told, mut rounds) = (None::<File>, false, 0..ROUNDS);
    let file = poll(|| {
        let opened = file.take().map_or_else(|| open(path), Ok)?;
        match opened.try_lock() {
            Ok(()) if is_at(&opened, path) || rounds.next().is_none() => return Ok(Some(opened)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut has_told, true) {
                    tell_waiting(path);
                }
                file = Some(opened);
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(None)
    });
    Ok(locked(file.await?))
}

/// Tries until there is something, soon at first and then less often.
pub(super) async fn poll<T>(mut attempt: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    let [mut pause, longest] = PAUSES;
    loop {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        tokio::time::sleep(pause).await;
        pause = longest.min(pause * 3 / 2);
    }
}

/// Removes the file of a lock that nobody holds. Who opened it meanwhile sees that it is gone, and opens another.
pub(super) fn remove(path: &Path) {
    // Elsewhere that cannot be seen, and an empty file is no burden.
    if cfg!(unix)
        && let Ok(file) = OpenOptions::new().write(true).open(path)
        && file.try_lock().is_ok()
        && is_at(&file, path)
    {
        _ = std::fs::remove_file(path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn locked(file: File) -> Lock {
    // So that it does not look forgotten while it is used.
    _ = file.set_modified(SystemTime::now());
    Lock(file)
}

/// Whether the file is still the one at `path`: another may have removed or renamed it after it was opened.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let which = |found: io::Result<std::fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
    let open = which(file.metadata());
    open.is_some() && open == which(std::fs::symlink_metadata(path))
}

#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn tell_waiting(path: &Path) {
    tracing::debug!(file = ?path.file_name(), "waits for another process");
}

/// A mutex that a panic elsewhere does not spoil: what is behind ours is whole after every step.
pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for several looks.
    const A_WHILE: Duration = Duration::from_millis(60);

    #[tokio::test]
    async fn one_holds_it_and_the_next_one_waits_without_a_thread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let lock = wait(&path).await.unwrap();
        assert!(tokio::time::timeout(A_WHILE, wait(&path)).await.is_err());
        drop(lock);
        // The one that gave up holds nothing.
        let lock = hold(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let mut next = std::pin::pin!(wait(&path));
        assert!(tokio::time::timeout(A_WHILE, &mut next).await.is_err());
        drop(lock);
        next.await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_was_removed_is_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.lock");
        let held = hold(&path).unwrap();
        // One that is held stays.
        remove(&path);
        assert!(path.exists());
        let mut waiting = std::pin::pin!(wait(&path));
        assert!(tokio::time::timeout(A_WHILE, &mut waiting).await.is_err());
        // Somebody else's hand: the one that waits has opened what is no longer there.
        std::fs::remove_file(&path).unwrap();
        let other = hold(&path).unwrap();
        drop(held);
        assert!(tokio::time::timeout(3 * PAUSES[1], &mut waiting).await.is_err());
        drop(other);
        drop(waiting.await.unwrap());
        remove(&path);
        assert!(!path.exists());
    }
}
