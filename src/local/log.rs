//! The log: a file of our own events, never a secret, never the SDK's.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::files;

/// Past this size the log starts anew and the old one is kept as `xsw.log.1`.
const LARGEST: u64 = 4 << 20;

/// Where the log is.
pub fn path(state_directory: &Path) -> PathBuf {
    state_directory.join("xsw.log")
}

/// Starts to log to `xsw.log` in the state directory at `level` (`$XSW_LOG`: `off`, `info`, `debug`).
///
/// A state directory that cannot be written means no log, and nothing else: the caller says so once.
pub fn start(state_directory: &Path, level: Option<&str>) {
    let level: LevelFilter = level.unwrap_or("info").parse().unwrap_or(LevelFilter::INFO);
    if level == LevelFilter::OFF {
        return;
    }
    let path = path(state_directory);
    if files::make_directory(state_directory).is_err() {
        return;
    }
    if std::fs::metadata(&path).is_ok_and(|found| found.len() > LARGEST) {
        _ = std::fs::rename(&path, path.with_extension("log.1"));
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let Ok(file) = options.open(path) else { return };
    let lines = tracing_subscriber::fmt::layer().with_writer(Mutex::new(file)).with_ansi(false);
    // Our own events alone: the SDK's at debug hold requests and their headers.
    let ours = Targets::new().with_target("xsw", level);
    _ = tracing_subscriber::registry().with(lines.with_filter(ours)).try_init();
}
