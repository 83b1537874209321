//! Ending in order when somebody wants the program to end: half files go, the terminal comes back.

use crate::error::{Error, Result};

/// Works until it is done, or Ctrl-C, SIGTERM or SIGHUP comes; what was begun is dropped then.
pub(super) async fn until_stopped<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        outcome = work => outcome,
        stopped = stopped() => Err(stopped),
    }
}

#[cfg(unix)]
async fn stopped() -> Error {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut hangup) = match (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
        (Ok(terminate), Ok(hangup)) => (terminate, hangup),
        (Err(error), _) | (_, Err(error)) => return error.into(),
    };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_or_else(Error::from, |()| Error::Interrupted),
        _ = terminate.recv() => Error::Signal(15),
        _ = hangup.recv() => Error::Signal(1),
    }
}

#[cfg(not(unix))]
async fn stopped() -> Error {
    tokio::signal::ctrl_c().await.map_or_else(Error::from, |()| Error::Interrupted)
}
