//! The gate that the streams of a job wait at while there is no session; a copy by two roles has two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tally::Tally;
use crate::domain::role::RoleIndex;
use crate::domain::transfer::{Halt, Halted};
use crate::error::{Error, Result};
use crate::ops::control::Control;
use crate::ops::download::OnHalt;

/// New sessions in a row that S3 may refuse before it is believed: it would refuse all that come.
const SESSIONS: u32 = 3;

/// Where the streams of a job wait while there is no session.
pub(in crate::ops) struct Gate {
    role: RoleIndex,
    on_halt: OnHalt,
    tally: Arc<Tally>,
    /// How often there was a session again; the lock is held by whoever sees to it.
    opened: tokio::sync::Mutex<()>,
    times: AtomicU64,
}

impl Gate {
    pub(in crate::ops) fn new(role: RoleIndex, on_halt: OnHalt, tally: Arc<Tally>) -> Self {
        Self { role, on_halt, tally, opened: tokio::sync::Mutex::default(), times: Default::default() }
    }

    /// How often there was a session again, to be told to [`Self::wait`].
    pub(super) fn seen(&self) -> u64 {
        self.times.load(Ordering::Acquire)
    }

    /// Waits until there is a session again; of all streams one sees to it. For each it is the `times`th in a row.
    pub(super) async fn wait(&self, error: Error, seen: u64, times: u32, control: &Control) -> Result<()> {
        let _one = self.opened.lock().await;
        if self.tally.stopped().is_some() {
            return Err(error);
        }
        if times > SESSIONS {
            self.tally.stop(error.clone());
            return Err(error);
        }
        if self.seen() != seen {
            return Ok(());
        }
        let _halt = Told::halt(&self.tally, self.role, &error);
        let answer = match &self.on_halt {
            OnHalt::Stop => Err(error),
            OnHalt::Ask(ask) => ask(error).await,
            OnHalt::Wait => {
                control.resumed().await;
                Ok(())
            }
        };
        match &answer {
            Ok(()) => _ = self.times.fetch_add(1, Ordering::Release),
            // The other objects would meet the same.
            Err(error) => self.tally.stop(error.clone()),
        }
        answer
    }
}

/// While it lives the job says that it waits for a session.
struct Told<'a>(&'a Tally);

impl<'a> Told<'a> {
    fn halt(tally: &'a Tally, role: RoleIndex, error: &Error) -> Self {
        tally.halt(Some(Halt::Session(Halted { role, error: error.clone() })));
        Self(tally)
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.halt(None);
    }
}
