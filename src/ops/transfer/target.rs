//! Where an object goes on this machine, and what is there already.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;

use crate::domain::checksum::{Checksum, Hasher};
use crate::domain::local_path::{folder_of, local_path};
use crate::domain::transfer::{IfExists, Why};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::files;
use crate::local::lock::held;
use crate::local::whole::Clobber;
use crate::ops::download::To;

/// Folders that are remembered as safe; more than these are looked at again.
const REMEMBERED: usize = 10_000;

/// A file below a folder that the user chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Target {
    pub(in crate::ops) root: PathBuf,
    /// From [`local_path`] or the user, never a key as it is.
    pub(in crate::ops) relative: PathBuf,
}

impl Target {
    /// Where one object goes.
    pub(in crate::ops) fn new(uri: &S3Uri, to: To) -> Result<Self> {
        match to {
            To::Folder(root) => Ok(Self { relative: safe_path(folder_of(&uri.key), &uri.key)?, root }),
            To::Below { root, strip } => Ok(Self { relative: safe_path(&strip, &uri.key)?, root }),
            To::File(path) => {
                let name = path.file_name().ok_or_else(|| Error::usage(format!("{} names no file", path.display())))?;
                Ok(Self { root: path.parent().unwrap_or(Path::new("")).to_owned(), relative: name.into() })
            }
        }
    }
}

/// The path below the chosen folder for a key, seen from `strip`.
pub(in crate::ops) fn safe_path(strip: &str, key: &str) -> Result<PathBuf> {
    local_path(strip, key).map_err(|reason| Error::UnsafeKey { key: key.to_owned(), reason })
}

/// The folders that a job writes into.
#[derive(Debug, Default)]
pub(in crate::ops) struct Folders {
    made: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    /// Makes the folder of `target` and gives the file's path in it. Blocks.
    ///
    /// # Errors
    /// [`Error::File`] where a symlink or a file is in the way.
    pub(in crate::ops) fn path(&self, target: &Target) -> Result<PathBuf> {
        let name = target.relative.file_name().ok_or_else(|| Error::usage("the target names no file"))?;
        let folder = self.make(&target.root, target.relative.parent().unwrap_or(Path::new("")))?;
        Ok(folder.join(name))
    }

    /// Makes the folders of `relative` below `root`. Blocks.
    pub(in crate::ops) fn make(&self, root: &Path, relative: &Path) -> Result<PathBuf> {
        let folder = root.join(relative);
        if held(&self.made).contains(&folder) {
            return Ok(folder);
        }
        // The chosen folder is the user's own: it may be made, and may be a symlink. What is below it comes from keys.
        let here = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        fs::create_dir_all(here).map_err(Error::file("make the folder", here))?;
        files::folders_below(here, relative)?;
        let mut made = held(&self.made);
        if made.len() < REMEMBERED {
            made.insert(folder.clone());
        }
        Ok(folder)
    }
}

/// What is known of the object that goes there.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Known<'a> {
    pub(in crate::ops) size: u64,
    pub(in crate::ops) modified: Option<Timestamp>,
    pub(in crate::ops) etag: Option<&'a str>,
}

/// What happens at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Decision {
    /// The object is fetched, and named so.
    Write(Clobber),
    /// The file stays.
    Skip(Why),
    /// A person has to say.
    Ask,
}

/// Looks at what is at `path`. With `anew` an equal file is no reason to skip. Blocks.
///
/// # Errors
/// [`Error::Exists`] where that is the user's wish; [`Error::File`] for a folder.
pub(in crate::ops) fn decide(path: &Path, known: &Known<'_>, if_exists: IfExists, anew: bool) -> Result<Decision> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(Decision::Write(Clobber::Never)) };
    if found.is_dir() {
        let both = io::Error::other("a folder stands there: a key is both an object and a folder of others");
        return Err(Error::file("write", path)(both));
    }
    if !anew && is_equal(path, &found, known) {
        return Ok(Decision::Skip(Why::Equal));
    }
    by_wish(path, if_exists)
}

/// What happens to a file that is there and another.
pub(in crate::ops) fn by_wish(path: &Path, if_exists: IfExists) -> Result<Decision> {
    match if_exists {
        IfExists::Refuse => Err(Error::Exists { path: path.to_owned() }),
        IfExists::Skip => Ok(Decision::Skip(Why::Exists)),
        IfExists::Overwrite => Ok(Decision::Write(Clobber::Replace)),
        IfExists::Rename => Ok(Decision::Write(Clobber::Rename)),
        IfExists::Ask => Ok(Decision::Ask),
    }
}

/// A file is equal to an object of its size that was written at the file's time, which a download gives it; or whose
/// ETag is the file's MD5.
fn is_equal(path: &Path, found: &Metadata, known: &Known<'_>) -> bool {
    if !found.is_file() || found.len() != known.size {
        return false;
    }
    let modified = found.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    if modified.is_some() && modified.map(Timestamp::as_second) == known.modified.map(Timestamp::as_second) {
        return true;
    }
    let told = known.etag.and_then(Checksum::from_etag);
    told.is_some_and(|told| checksum_of(path, told.algorithm).is_ok_and(|of_file| of_file == told))
}

fn checksum_of(path: &Path, algorithm: crate::domain::checksum::Algorithm) -> io::Result<Checksum> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_equal_or_decided_upon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.txt");
        let time = Timestamp::from_second(1_700_000_000).unwrap();
        let md5 = Some("\"900150983cd24fb0d6963f7d28e17f72\"");
        let known = |size, modified, etag| Known { size, modified, etag };
        let decide = |known: &Known<'_>, if_exists, anew| decide(&path, known, if_exists, anew).ok();
        assert_eq!(
            decide(&known(3, None, None), IfExists::Refuse, false),
            Some(Decision::Write(Clobber::Never)),
            "nothing there"
        );
        fs::write(&path, "abc").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(time.into()).unwrap();
        let equal = Some(Decision::Skip(Why::Equal));
        for (size, modified, etag, expected) in [
            (3, Some(time), None, equal),
            (3, None, md5, equal),
            (3, None, None, None),
            (4, Some(time), md5, None),
            (3, Some(Timestamp::UNIX_EPOCH), Some("\"00000000000000000000000000000000\""), None),
            (3, Some(Timestamp::UNIX_EPOCH), Some("\"900150983cd24fb0d6963f7d28e17f72-2\""), None),
        ] {
            assert_eq!(decide(&known(size, modified, etag), IfExists::Refuse, false), expected, "{size} {etag:?}");
        }
        for (if_exists, expected) in [
            (IfExists::Skip, Decision::Skip(Why::Exists)),
            (IfExists::Overwrite, Decision::Write(Clobber::Replace)),
            (IfExists::Rename, Decision::Write(Clobber::Rename)),
            (IfExists::Ask, Decision::Ask),
        ] {
            assert_eq!(decide(&known(4, None, None), if_exists, false), Some(expected));
        }
        let anew = decide(&known(3, Some(time), None), IfExists::Overwrite, true);
        assert_eq!(anew, Some(Decision::Write(Clobber::Replace)));
    }
}
