//! Where an object goes on this machine, and what is there already.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;

use crate::domain::checksum::{Checksum, Hasher};
use crate::domain::local_path::{folder_of, local_path};
use crate::domain::transfer::{IfExists, Listed, Place, Why};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::files;
use crate::local::lock::held;
use crate::local::whole::{Clobber, numbered};
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

/// What happens at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Decision {
    /// The object is fetched, and named so.
    Write(Clobber),
    /// The file stays.
    Skip(Why),
    /// The file has the object's size and another time: its bytes say, see [`compare`].
    Compare,
    /// A person has to say.
    Ask,
}

/// Looks at what is at `path`, but reads no file; gives where the equal file is, or where the object goes. With `anew`
/// an equal file is no reason to skip. Blocks.
///
/// # Errors
/// [`Error::Exists`] where that is the user's wish; [`Error::File`] for a folder.
pub(in crate::ops) fn decide(
    path: &Path,
    known: &Listed,
    if_exists: IfExists,
    anew: bool,
) -> Result<(PathBuf, Decision)> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok((path.to_owned(), Decision::Write(Clobber::Never)));
    };
    if found.is_dir() {
        let both = io::Error::other("a folder stands there: a key is both an object and a folder of others");
        return Err(Error::file("write", path)(both));
    }
    let mut perhaps = false;
    for (place, found) in there(path, if_exists).take_while(|_| !anew) {
        match likeness(&found, known) {
            Likeness::Equal => return Ok((place, Decision::Skip(Why::Equal))),
            Likeness::Perhaps => perhaps = true,
            Likeness::Other => {}
        }
    }
    let decision = if perhaps { Decision::Compare } else { by_wish(path, if_exists)? };
    Ok((path.to_owned(), decision))
}

/// Reads the files that may be equal, and compares them with the ETag where that is an MD5. Blocks for long.
///
/// # Errors
/// [`Error::Exists`] where that is the user's wish.
pub(in crate::ops) fn compare(path: &Path, known: &Listed, if_exists: IfExists) -> Result<(PathBuf, Decision)> {
    if let Some(told) = known.etag.as_deref().and_then(Checksum::from_etag) {
        for (place, found) in there(path, if_exists) {
            if likeness(&found, known) != Likeness::Other
                && checksum_of(&place, told.algorithm).is_ok_and(|of_file| of_file == told)
            {
                return Ok((place, Decision::Skip(Why::Equal)));
            }
        }
    }
    Ok((path.to_owned(), by_wish(path, if_exists)?))
}

/// What is there under the name, and with [`IfExists::Rename`] under the names that an earlier run may have given,
/// without a gap.
fn there(path: &Path, if_exists: IfExists) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let last = if if_exists == IfExists::Rename { u32::MAX } else { 1 };
    let place = |number| if number == 1 { path.to_owned() } else { numbered(path, number) };
    (1..=last).map(place).map_while(|place| fs::symlink_metadata(&place).ok().map(|found| (place, found)))
}

/// What happens to a file that is there and another.
pub(in crate::ops) fn by_wish(path: &Path, if_exists: IfExists) -> Result<Decision> {
    match if_exists {
        IfExists::Refuse => Err(Error::Exists { at: Place::File(path.to_owned()) }),
        IfExists::Skip => Ok(Decision::Skip(Why::Exists)),
        IfExists::Overwrite => Ok(Decision::Write(Clobber::Replace)),
        IfExists::Rename => Ok(Decision::Write(Clobber::Rename)),
        IfExists::Ask => Ok(Decision::Ask),
    }
}

/// What a file's size and time tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// It has the object's time, which a download gives it.
    Equal,
    /// Its MD5 may be the ETag.
    Perhaps,
    Other,
}

fn likeness(found: &Metadata, known: &Listed) -> Likeness {
    if !found.is_file() || found.len() != known.size {
        return Likeness::Other;
    }
    let modified = found.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    if modified.is_some() && modified.map(Timestamp::as_second) == known.modified.map(Timestamp::as_second) {
        return Likeness::Equal;
    }
    // An ETag that nobody has told may be asked for.
    let may_tell = known.etag.as_deref().is_none_or(|etag| Checksum::from_etag(etag).is_some());
    if may_tell { Likeness::Perhaps } else { Likeness::Other }
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

    const TIME: Timestamp = Timestamp::constant(1_700_000_000, 0);
    const MD5: Option<&str> = Some("\"900150983cd24fb0d6963f7d28e17f72\"");

    fn listed(size: u64, modified: Option<Timestamp>, etag: Option<&str>) -> Listed {
        Listed { size, modified, etag: etag.map(str::to_owned) }
    }

    fn write(path: &Path, text: &str, time: Timestamp) {
        fs::write(path, text).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(time.into()).unwrap();
    }

    /// As an object of a job does: the bytes are read only when they have to.
    fn decided(path: &Path, known: &Listed, if_exists: IfExists, anew: bool) -> Option<Decision> {
        let (path, decision) = decide(path, known, if_exists, anew).ok()?;
        match decision {
            Decision::Compare => compare(&path, known, if_exists).ok().map(|(_, decision)| decision),
            decision => Some(decision),
        }
    }

    #[test]
    fn a_file_that_is_there_is_equal_or_decided_upon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.txt");
        let nothing_there = decided(&path, &listed(3, None, None), IfExists::Refuse, false);
        assert_eq!(nothing_there, Some(Decision::Write(Clobber::Never)));
        write(&path, "abc", TIME);
        let equal = Some(Decision::Skip(Why::Equal));
        for (size, modified, etag, expected) in [
            (3, Some(TIME), None, equal),
            (3, None, MD5, equal),
            (3, None, None, None),
            (4, Some(TIME), MD5, None),
            (3, Some(Timestamp::UNIX_EPOCH), Some("\"00000000000000000000000000000000\""), None),
            (3, Some(Timestamp::UNIX_EPOCH), Some("\"900150983cd24fb0d6963f7d28e17f72-2\""), None),
        ] {
            let known = listed(size, modified, etag);
            assert_eq!(decided(&path, &known, IfExists::Refuse, false), expected, "{size} {etag:?}");
        }
        for (if_exists, expected) in [
            (IfExists::Skip, Decision::Skip(Why::Exists)),
            (IfExists::Overwrite, Decision::Write(Clobber::Replace)),
            (IfExists::Rename, Decision::Write(Clobber::Rename)),
            (IfExists::Ask, Decision::Ask),
        ] {
            assert_eq!(decided(&path, &listed(4, None, None), if_exists, false), Some(expected));
        }
        let anew = decided(&path, &listed(3, Some(TIME), None), IfExists::Overwrite, true);
        assert_eq!(anew, Some(Decision::Write(Clobber::Replace)));
    }

    #[test]
    fn what_an_earlier_run_gave_another_name_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.txt");
        let second = numbered(&path, 2);
        write(&path, "mine", Timestamp::UNIX_EPOCH);
        write(&second, "abc", TIME);
        let by_time = decide(&path, &listed(3, Some(TIME), None), IfExists::Rename, false).unwrap();
        assert_eq!(by_time, (second.clone(), Decision::Skip(Why::Equal)));
        let by_bytes = listed(3, None, MD5);
        let unsure = decide(&path, &by_bytes, IfExists::Rename, false).unwrap();
        assert_eq!(unsure, (path.clone(), Decision::Compare));
        let sure = compare(&path, &by_bytes, IfExists::Rename).unwrap();
        assert_eq!(sure, (second, Decision::Skip(Why::Equal)));
        // Another version of the object is no more there than under the name itself.
        let other = decide(&path, &listed(5, Some(TIME), None), IfExists::Rename, false).unwrap();
        assert_eq!(other, (path.clone(), Decision::Write(Clobber::Rename)));
        // Numbered names count for nobody else.
        assert!(decide(&path, &listed(3, Some(TIME), None), IfExists::Refuse, false).is_err());
    }
}
