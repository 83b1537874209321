//! What a sign-in of IAM Identity Center gave when it was last asked: accounts and permission sets, no secret. One
//! small file for each source in the state directory, read at every start.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::environment::Environment;
use super::files;
use crate::domain::role::Source;
use crate::domain::sign_in::Discovered;
use crate::domain::text::hex;

/// The file of a source; `None` for one that nobody signs in to.
fn path(environment: &Environment, source: &Source) -> Option<PathBuf> {
    let mut hash = Sha256::new();
    match source {
        Source::IdentityCenter { start_url, region, session, .. } => {
            hash.update(format!("{:?}", (start_url, region, session)));
        }
        // Where it leads is in a file that need not be read at every start.
        Source::AwsProfile(profile) => hash.update(format!("{:?}", (profile, environment.aws_config()))),
        _ => return None,
    }
    Some(environment.state_directory().join(format!("discovered-{}.json", hex(&hash.finalize()[..10]))))
}

/// The region of IAM Identity Center and what was found there. What cannot be read was never found.
pub fn read(environment: &Environment, source: &Source) -> Option<(String, Discovered)> {
    let text = std::fs::read(path(environment, source)?).ok()?;
    serde_json::from_slice(&text).inspect_err(|error| tracing::warn!(%error, "a discovery cannot be read")).ok()
}

/// Keeps what was found.
pub fn write(environment: &Environment, source: &Source, region: &str, discovered: &Discovered) -> io::Result<()> {
    let Some(path) = path(environment, source) else { return Ok(()) };
    files::make_directory(path.parent().unwrap_or(Path::new(".")))?;
    files::write_private(&path, &serde_json::to_vec(&(region, discovered)).map_err(io::Error::other)?)
}

/// Forgets it; tells whether there was something.
pub fn forget(environment: &Environment, source: &Source) -> io::Result<bool> {
    match path(environment, source).map(std::fs::remove_file) {
        None => Ok(false),
        Some(Ok(())) => Ok(true),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Some(Err(error)) => Err(error),
    }
}
