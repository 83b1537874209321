//! The hand on a running job: pause it, let it go on.

use tokio::sync::watch;

/// Pauses and resumes a job from elsewhere. Cheap to clone; all clones are one hand.
#[derive(Clone, Debug)]
pub struct Control(watch::Sender<bool>);

impl Default for Control {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Control {
    /// Stops the job where it is: what is on its way is dropped and fetched again later.
    pub fn pause(&self) {
        self.0.send_replace(true);
    }

    /// Lets the job go on; also after a session has ended and somebody has made a new one.
    pub fn resume(&self) {
        self.0.send_replace(false);
    }

    /// Whether the job is paused.
    pub fn is_paused(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the job may run.
    pub async fn running(&self) {
        // The sender is ours, so this cannot fail.
        _ = self.0.subscribe().wait_for(|paused| !paused).await;
    }

    /// Waits until the job is paused.
    pub async fn paused(&self) {
        _ = self.0.subscribe().wait_for(|paused| *paused).await;
    }

    /// Waits until somebody says [`Self::resume`], whether the job was paused before or not.
    pub async fn resumed(&self) {
        let mut hand = self.0.subscribe();
        hand.mark_unchanged();
        while hand.changed().await.is_ok() {
            if !*hand.borrow_and_update() {
                return;
            }
        }
    }
}
