//! What must come to its end also when nobody waits for it any more: what was begun at AWS and has to be given up again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// How long the program waits for that before it ends.
const AT_MOST: Duration = Duration::from_secs(10);

/// Counts what is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(Arc<RwLock<()>>);

impl Ends {
    /// Something begins, which has come to its end when this is dropped.
    pub(super) async fn begin(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.0).read_owned().await
    }

    /// Waits until nothing is under way, but not for ever.
    pub(super) async fn wait(&self) {
        if tokio::time::timeout(AT_MOST, self.0.write()).await.is_err() {
            tracing::warn!("something that was begun is left unfinished");
        }
    }
}

/// What became of a task; it goes on when this is no longer waited for.
pub(super) async fn finished<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await.unwrap_or_else(|error| Err(Error::Crashed { message: error.to_string() }))
}
