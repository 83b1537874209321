//! A profile file of xsw from the files of the AWS CLI: its text, and writing it without losing the one before.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::config;
use crate::domain::role::Profile;
use crate::domain::text::escaped;
use crate::error::{Error, Result};
use crate::local::environment::Environment;
use crate::local::files;

/// What the files of the AWS CLI give.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Accounts, roles and sources.
    pub profile: Profile,
    /// The same as the text of a profile file.
    pub text: String,
    /// What could not be carried over, one sentence each.
    pub notes: Vec<String>,
}

/// Reads the files of the AWS CLI. Needs no profile file, and writes none.
///
/// # Errors
/// [`Error::Profile`] when a file cannot be read or has no role.
pub fn imported(environment: &Environment) -> Result<Imported> {
    let (config, credentials) = (environment.aws_config(), environment.aws_credentials());
    let (profile, notes) = config::import(&config, &credentials)?;
    let text = heading(&config, &credentials) + &config::write(&profile);
    // A file that xsw itself would refuse is worse than none.
    config::parse(&text, Path::new("the imported profile"))?;
    Ok(Imported { profile, text, notes })
}

/// What the file says of itself. Comments of the AWS CLI's files stay there: they may hold anything.
fn heading(config: &Path, credentials: &Path) -> String {
    let name = |path: &Path| escaped(&path.to_string_lossy()).into_owned();
    format!(
        "# The profile file of xsw, made by `xsw import` from {} and {}.\n# `xsw import --force` makes it anew; \
         config.example.toml is the manual.\n\n",
        name(config),
        name(credentials)
    )
}

/// Where a profile file is to be written, and what is there now.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    old: Option<Vec<u8>>,
}

impl Target {
    /// Reads what is at `path`. A link to a file elsewhere stays one.
    pub fn of(path: &Path) -> Result<Self> {
        let path = match std::fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(Error::file("write", path)(error)),
        };
        match std::fs::read(&path) {
            Ok(old) => Ok(Self { path, old: Some(old) }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self { path, old: None }),
            Err(error) => Err(Error::file("write", &path)(error)),
        }
    }

    /// The file itself, where `path` was a link to it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a file would be overwritten.
    pub fn is_there(&self) -> bool {
        self.old.is_some()
    }

    /// Writes the file whole or not at all, and tells under which name the one before is kept.
    pub fn write(&self, text: &str) -> Result<Option<PathBuf>> {
        let kept = match (&self.old, self.path.parent()) {
            (Some(old), _) => Some(keep(&self.path, old)?),
            (None, Some(folder)) => {
                files::make_directory(folder).map_err(Error::file("make the folder", folder))?;
                None
            }
            (None, None) => None,
        };
        files::write_private(&self.path, text.as_bytes()).map_err(Error::file("write", &self.path))?;
        Ok(kept)
    }
}

/// Writes `old` beside `target`, as `config.toml.bak` or, where that is there too, `config.toml.bak2`, ….
fn keep(target: &Path, old: &[u8]) -> Result<PathBuf> {
    let names = (1..).map(|number| if number == 1 { ".bak".to_owned() } else { format!(".bak{number}") });
    for name in names {
        let mut path = target.as_os_str().to_owned();
        path.push(name);
        let path = PathBuf::from(path);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(mut file) => {
                file.write_all(old).map_err(Error::file("write", &path))?;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::file("write", &path)(error)),
        }
    }
    Ok(target.to_owned())
}
