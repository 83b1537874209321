//! The session of a renewing child: what its endpoint answers, and the question for an MFA code beside the child.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Core, held};
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::local::endpoint::{Address, Endpoint};
use crate::local::prompt;

/// How long a question that was turned away is not put again: SDKs ask three times within seconds.
const QUIET: Duration = Duration::from_secs(30);

/// A session that lives shorter than this is not worth handing out while a code is asked for.
const SHORT: u64 = 5;

/// The endpoint of one renewing child, while it runs.
#[derive(Debug)]
pub(super) struct Renewal {
    endpoint: Endpoint,
    broker: Arc<Broker>,
}

impl Renewal {
    pub(super) async fn start(core: &Arc<Core>, role: RoleIndex) -> Result<Self> {
        let broker = Arc::new(Broker { core: Arc::clone(core), role, question: Mutex::default() });
        let answering = Arc::clone(&broker);
        let endpoint = Endpoint::start(move || Arc::clone(&answering).session()).await.map_err(|error| {
            Error::Network { endpoint: "a port of this machine's loopback".into(), message: error.to_string() }
        })?;
        Ok(Self { endpoint, broker })
    }

    pub(super) fn address(&self) -> &Address {
        self.endpoint.address()
    }

    /// Takes a question away that still stands, and waits until the terminal is as it was.
    pub(super) async fn end(self) {
        drop(self);
        prompt::settled().await;
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        if let Some(question) = held(&self.broker.question).take() {
            question.task.abort();
        }
    }
}

#[derive(Debug)]
struct Broker {
    core: Arc<Core>,
    role: RoleIndex,
    question: Mutex<Option<Question>>,
}

/// A question that was put, and what came of it.
#[derive(Debug)]
struct Question {
    outcome: watch::Receiver<Option<Outcome>>,
    task: AbortHandle,
}

type Outcome = (Instant, Result<Session>);

impl Question {
    /// Whether it may be put again.
    fn is_over(&self) -> bool {
        match &*self.outcome.borrow() {
            Some((when, Err(Error::Interrupted | Error::MfaRequired { .. }))) => when.elapsed() > QUIET,
            Some(_) => true,
            // Without a sender nothing will come.
            None => self.outcome.has_changed().is_err(),
        }
    }
}

impl Broker {
    /// In a task of its own: some SDKs wait for a second alone, and what they gave up must be there when they try again.
    async fn session(self: Arc<Self>) -> Result<Session> {
        let task = tokio::spawn(async move { self.obtained().await });
        task.await.unwrap_or_else(|error| Err(Error::Crashed { message: error.to_string() }))
    }

    async fn obtained(&self) -> Result<Session> {
        // The question holds what others wait for.
        let outcome = standing(&held(&self.question));
        if let Some(outcome) = outcome {
            return self.living_or(outcome).await;
        }
        match self.core.session(self.role, None).await {
            // The person needs longer than SDKs wait, so the question comes while there is still a session to go on with.
            Err(Error::MfaRequired { .. }) => self.living_or(self.ask()).await,
            outcome => outcome.or_else(|error| self.core.better_than_none(self.role, error)),
        }
    }

    /// The session that lives, else what comes of the question.
    async fn living_or(&self, outcome: watch::Receiver<Option<Outcome>>) -> Result<Session> {
        let living = self.core.live_session(self.role);
        match living.filter(|session| session.seconds_left(Timestamp::now()) > SHORT) {
            Some(session) => Ok(session),
            None => answer(outcome).await,
        }
    }

    /// Puts the question, unless it stands already; whoever wants the session meanwhile shares its answer.
    fn ask(&self) -> watch::Receiver<Option<Outcome>> {
        let mut question = held(&self.question);
        if let Some(outcome) = standing(&question) {
            return outcome;
        }
        let (sender, outcome) = watch::channel(None);
        let (core, role) = (Arc::clone(&self.core), self.role);
        let asked = async move {
            let session = core.session_asked(role, None).await;
            sender.send_replace(Some((Instant::now(), session)));
        };
        let task = tokio::spawn(asked).abort_handle();
        *question = Some(Question { outcome: outcome.clone(), task });
        outcome
    }
}

/// What will come of the question that stands, if one does.
fn standing(question: &Option<Question>) -> Option<watch::Receiver<Option<Outcome>>> {
    question.as_ref().filter(|question| !question.is_over()).map(|question| question.outcome.clone())
}

async fn answer(mut outcome: watch::Receiver<Option<Outcome>>) -> Result<Session> {
    match outcome.wait_for(Option::is_some).await.as_deref() {
        Ok(Some((_, session))) => session.clone(),
        // The child has ended, and the question with it.
        _ => Err(Error::Interrupted),
    }
}
