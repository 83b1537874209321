//! Files that appear whole or not at all: opened beside their place as `.NAME.xsw-part`, ours alone, and renamed when all
//! is on the disk. Small ones are written here in one go; [`super::part`] writes large ones piece by piece.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;

use super::lock::is_at;
use crate::domain::local_path::PART_SUFFIX;
use crate::domain::text::hex;
use crate::domain::transfer::Place;
use crate::error::{Error, Result};

/// How often another process may take a part away between our opening and our locking it.
const RACES: u32 = 16;

/// How long somebody else may still be at a part.
const PATIENCE: Duration = Duration::from_secs(1);

/// What happens when a file of that name is there at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clobber {
    /// It is kept, and the new one is not named.
    Never,
    /// It is replaced.
    Replace,
    /// It is kept, and the new one gets a free name.
    Rename,
}

/// Where the part of a file stands: beside it.
pub fn path_of_part(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let mut part = OsString::from(".");
    if name.len() + 1 + PART_SUFFIX.len() > 255 {
        part.push(hex(&Sha256::digest(name.as_encoded_bytes())));
    } else {
        part.push(name);
    }
    part.push(PART_SUFFIX);
    target.with_file_name(part)
}

/// Writes a small file whole: beside its place, to the disk, then renamed. Gives its path. Blocks.
///
/// # Errors
/// [`Error::Exists`] where a file is there already; [`Error::File`]. Nothing is left behind.
pub fn write_whole(target: &Path, bytes: &[u8], modified: Option<Timestamp>, clobber: Clobber) -> Result<PathBuf> {
    let path = path_of_part(target);
    let failed = |error| Error::file("write", target)(error);
    // Ours until it has its name: another process that took it before would cut it off.
    let file = open_part(&path).map_err(failed)?;
    let write = || {
        // What stands there is of a run that was killed.
        file.set_len(0)?;
        (&file).write_all(bytes)?;
        settle(&file, modified)
    };
    let named = write().map_err(failed).and_then(|()| name(&path, target, clobber));
    named.inspect_err(|_| _ = fs::remove_file(&path))
}

/// Opens or makes a part, ours alone until it is closed. A symlink there is not followed.
pub(super) fn open_part(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // NONBLOCK: a pipe somebody put there would wait for its other end.
        options.custom_flags((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits() as i32);
    }
    let in_the_way = || io::Error::other(format!("{} is in the way and no file", path.display()));
    let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "another xsw is at the same file now");
    let mut races = 0;
    let patience = Instant::now() + PATIENCE;
    while races < RACES {
        let file = options.open(path).map_err(|error| match fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => in_the_way(),
            _ => error,
        })?;
        if !file.metadata()?.is_file() {
            return Err(in_the_way());
        }
        match file.try_lock() {
            // A file system without locks: then nobody has one.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            // It may be ours: the disk takes what a job that was cancelled had handed to it.
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            Err(TryLockError::WouldBlock) => return Err(busy()),
        }
        // Whoever had it may have named it between the two: then it is a whole file by now, and not ours to write to.
        if is_at(&file, path) {
            return Ok(file);
        }
        races += 1;
    }
    Err(busy())
}

/// Gives the file its time and puts it on the disk.
pub(super) fn settle(file: &File, modified: Option<Timestamp>) -> io::Result<()> {
    if let Some(modified) = modified {
        // For people, for `make`, and to see later that the file is the object's.
        _ = file.set_modified(modified.into());
    }
    file.sync_all()
}

/// Gives a part the name of its target, or a free one beside it. Gives the path.
pub(super) fn name(part: &Path, target: &Path, clobber: Clobber) -> Result<PathBuf> {
    let failed = |error: io::Error| match error.kind() {
        // It was made meanwhile, for what lies below it.
        io::ErrorKind::AlreadyExists if target.is_dir() => {
            let both = io::Error::other("a folder stands there: a key is both an object and a folder of others");
            Error::file("write", target)(both)
        }
        io::ErrorKind::AlreadyExists => Error::Exists { at: Place::File(target.to_owned()) },
        _ => Error::file("write", target)(error),
    };
    if clobber == Clobber::Replace {
        fs::rename(part, target).map_err(failed)?;
        return Ok(target.to_owned());
    }
    let mut temporary = TempPath::try_from_path(part).map_err(failed)?;
    let mut place = target.to_owned();
    for number in 2.. {
        match temporary.persist_noclobber(&place) {
            Ok(()) => return Ok(place),
            Err(there) if clobber == Clobber::Rename && there.error.kind() == io::ErrorKind::AlreadyExists => {
                place = numbered(target, number);
                temporary = there.path;
            }
            Err(other) => {
                _ = other.path.keep();
                return Err(failed(other.error));
            }
        }
    }
    Ok(place)
}

/// The first name beside `target` that is free now, or `target` itself. Blocks.
pub fn free_name(target: &Path) -> PathBuf {
    let mut places = std::iter::once(target.to_owned()).chain((2..).map(|number| numbered(target, number)));
    places.find(|place| fs::symlink_metadata(place).is_err()).unwrap_or_else(|| target.to_owned())
}

/// `report.csv` as `report (2).csv`.
pub fn numbered(target: &Path, number: u32) -> PathBuf {
    let mut name = target.file_stem().unwrap_or_default().to_owned();
    name.push(format!(" ({number})"));
    if let Some(extension) = target.extension() {
        name.push(".");
        name.push(extension);
    }
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever opens a part and gets its lock only after it was named must not write to it: it is a whole file by now.
    #[test]
    fn many_at_the_same_small_file_never_tear_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (1..=8_u8)
                .map(|number| {
                    let target = &target;
                    scope.spawn(move || {
                        let bytes = vec![number; 10_000];
                        let write = || write_whole(target, &bytes, None, Clobber::Replace);
                        (0..2000).filter(|_| write().is_ok()).count()
                    })
                })
                .collect();
            let (target, done) = (&target, &done);
            let reader = scope.spawn(move || {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let Ok(bytes) = fs::read(target) else { continue };
                    assert!(bytes.len() == 10_000 && bytes.iter().all(|byte| *byte == bytes[0]), "{}", bytes.len());
                }
            });
            let written: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            reader.join().unwrap();
            assert!(written > 0);
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_kept_replaced_or_avoided() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("report.tar.gz");
        fs::write(&target, "old").unwrap();
        let error = write_whole(&target, b"new", None, Clobber::Never).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error}");
        for name in ["report.tar (2).gz", "report.tar (3).gz"] {
            assert_eq!(write_whole(&target, b"new", None, Clobber::Rename).unwrap(), folder.path().join(name));
        }
        assert_eq!(fs::read(&target).unwrap(), b"old");
        write_whole(&target, b"new", None, Clobber::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }

    #[test]
    fn names_of_parts_fit_every_file_system() {
        assert_eq!(path_of_part(Path::new("a/b.txt")), Path::new("a/.b.txt.xsw-part"));
        let long = "n".repeat(250);
        let part = path_of_part(&Path::new("a").join(&long));
        assert!(part.file_name().unwrap().len() < 100);
        assert_ne!(part, path_of_part(&Path::new("a").join("n".repeat(251))));
    }
}
