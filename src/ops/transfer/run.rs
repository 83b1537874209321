//! The loop of every job: a listing feeds it, objects are worked on side by side, a clock tells how far it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::tally::Tally;
use crate::domain::transfer::{Event, Failed, Summary};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::control::Control;
use crate::ops::download::OnProgress;

/// Objects that a listing may be ahead of the work.
const QUEUE: usize = 1024;

/// Objects that are under way at the same time; most of them wait for a slot of the pool.
const AT_ONCE: usize = 192;

/// How often a job tells how far it is.
const BEAT: Duration = Duration::from_millis(100);

/// What a job does with its objects: it downloads them, or it copies them.
pub(in crate::ops) trait Work: Send + Sync + 'static {
    /// An object that waits for its turn.
    type Item: Send + 'static;
    /// What shall be listed.
    type Picks: Send + 'static;

    /// Which object that is.
    fn uri(item: &Self::Item) -> &S3Uri;
    /// How far the job is.
    fn tally(&self) -> &Arc<Tally>;
    /// Whether nothing is done, only told.
    fn is_dry_run(&self) -> bool;
    /// Tells what happened.
    fn tell(&self, event: Event);
    /// Feeds the queue.
    fn list(self: Arc<Self>, picks: Self::Picks, queue: mpsc::Sender<Self::Item>) -> impl Future<Output = ()> + Send;
    /// Does all that an object needs, and tells what became of it.
    fn object(self: Arc<Self>, item: Self::Item) -> impl Future<Output = ()> + Send;
}

/// Works through all picks, of which `subject` is the first; dropping the future ends everything.
pub(in crate::ops) async fn run<W: Work>(
    work: Arc<W>,
    (picks, subject): (W::Picks, S3Uri),
    control: &Control,
    on_progress: &OnProgress,
) -> Summary {
    let tally = Arc::clone(work.tally());
    let (sender, mut items) = mpsc::channel(QUEUE);
    // The set aborts its tasks when it is dropped: that is how a cancelled job ends.
    let mut tasks = JoinSet::new();
    // What each task is about, should it panic.
    let mut subjects = HashMap::new();
    subjects.insert(tasks.spawn(Arc::clone(&work).list(picks, sender)).id(), subject);
    let mut clock = tokio::time::interval(BEAT);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut more = true;
    while more || !tasks.is_empty() {
        tokio::select! {
            item = items.recv(), if more && tasks.len() < AT_ONCE => match item {
                Some(_) if tally.stopped().is_some() => {}
                // A plan is told in the order of the keys; nothing is done for it.
                Some(item) if work.is_dry_run() => Arc::clone(&work).object(item).await,
                Some(item) => {
                    let uri = W::uri(&item).clone();
                    subjects.insert(tasks.spawn(Arc::clone(&work).object(item)).id(), uri);
                }
                None => more = false,
            },
            Some(ended) = tasks.join_next_with_id() => {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                if let (Err(error), Some(uri)) = (ended, subjects.remove(&id)) {
                    work.tell(Event::Failed(Failed { uri, error: Error::Crashed { message: error.to_string() } }));
                }
            }
            _ = clock.tick() => on_progress(&tally.progress(control.is_paused())),
        }
    }
    on_progress(&tally.progress(control.is_paused()));
    tally.summary()
}
