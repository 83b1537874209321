//! Files that are whole or absent: written beside their place, then renamed into it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// Makes `directory` and what is above it; on Unix only we may look into what is made. One that is there stays as it
/// is: it may be somebody's, such as `/tmp`.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// The same for a directory of our own, which only we may look into even when it was there already.
pub fn private_directory(directory: &Path) -> io::Result<()> {
    make_directory(directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(directory)?.permissions().mode() & 0o777 != 0o700 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

/// Writes a file of mode 0600 by temp file and rename: a reader sees the old one or the new one, whole.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    // tempfile creates with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(contents)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The same where no file may be replaced: one that is there stays as it is, and that is an error.
pub fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(contents)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes the folders of `relative` below `root`, following no symlink below it, and gives the whole path.
///
/// `relative` comes from [`crate::domain::local_path`], so it has plain names alone.
pub fn folders_below(root: &Path, relative: &Path) -> Result<PathBuf> {
    let mut path = root.to_owned();
    for component in relative.components() {
        let Component::Normal(name) = component else {
            return Err(Error::usage(format!("{} would lead out of the folder", relative.display())));
        };
        path.push(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => {
                let symlink = io::Error::other("a symlink stands there; xsw does not follow it");
                return Err(Error::file("write below", &path)(symlink));
            }
            Ok(_) => {
                let both = io::Error::other("a key is both an object and a folder of others");
                return Err(Error::file("make the folder", &path)(both));
            }
            Err(_) => match fs::create_dir(&path) {
                // Another worker made it first; it was no symlink a moment ago.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other.map_err(Error::file("make the folder", &path))?,
            },
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn private_files_and_folders_are_ours_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        private_directory(&folder).unwrap();
        let file = folder.join("session");
        write_private(&file, b"one").unwrap();
        write_private(&file, b"two").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_in_the_target_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        let error = folders_below(root.path(), Path::new("link/deeper")).unwrap_err().to_string();
        assert!(error.contains("symlink"), "{error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert!(folders_below(root.path(), Path::new("a/b")).unwrap().is_dir());
    }
}
