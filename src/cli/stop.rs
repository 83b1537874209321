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

/// The modes of the controlling terminal as they were; dropping it brings them back.
///
/// A prompt switches the echo off on a thread that may still wait for keys when the program ends.
pub(super) struct TerminalModes {
    #[cfg(unix)]
    saved: Option<(std::fs::File, rustix::termios::Termios)>,
}

impl TerminalModes {
    #[cfg(unix)]
    pub(super) fn save() -> Self {
        let terminal = std::fs::File::options().read(true).write(true).open("/dev/tty").ok();
        let saved = terminal.and_then(|file| {
            let modes = rustix::termios::tcgetattr(&file).ok()?;
            Some((file, modes))
        });
        Self { saved }
    }

    #[cfg(not(unix))]
    pub(super) fn save() -> Self {
        Self {}
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some((terminal, modes)) = &self.saved {
            _ = rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, modes);
        }
    }
}
