//! Every object below a prefix, in the order of the keys, listed in parallel.
//!
//! A listing is a row of stretches, each a range of keys; the ranges follow each other without gap or overlap, so whatever
//! was guessed about the keys, each key is in one stretch. The first stretch's pages are given out; the others are read ahead.
//! Stretches are cut where prefixes are, and long runs of keys at guessed places ([`guess`]).

mod cut;
mod guess;
mod level;
mod stretch;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use self::level::Level;

use crate::aws::s3::{Begin, Depth, S3};
use crate::domain::object::{Object, Page};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::transfer::retry::{Verdict, verdict};
use cut::{Cut, Range};
use stretch::{Met, Next, Stretch};

/// Requests at the same time, at first and at most.
const CAUTIOUS: usize = 8;
const BOLD: usize = 32;

/// Bytes that are read ahead and not given out yet, about. The first stretch always may go on.
const READ_AHEAD: usize = 12 << 20;

/// What a page takes that nobody has seen yet.
const PAGE: usize = 256 << 10;

/// So many stretches are enough to keep everyone busy.
const STRETCHES: usize = 256;

/// Requests for a page while the server is too busy.
const PATIENCE: u32 = 6;

/// A page of a listing, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    prefix: String,
    depth: Depth,
    next: Next,
}

pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Page>> + Send>>;
pub(crate) type Ask = Arc<dyn Fn(Question) -> Answer + Send + Sync>;

/// A listing of all objects below a prefix.
pub struct Walk {
    ask: Ask,
    prefix: String,
    /// How a stretch of it is listed: with all that is below, or one level alone.
    stretch: fn(String, Range, bool) -> Stretch,
    stretches: VecDeque<Stretch>,
    running: JoinSet<(u64, Result<Page>)>,
    next_id: u64,
    /// Requests at the same time, for now.
    limit: usize,
    /// The last key that was given out.
    last: Option<String>,
    /// One page after the other: the server or the role does not let us do better, or it is not worth it.
    serial: bool,
    /// Whether all that was given out was in the order of the keys.
    is_sorted: bool,
    /// How long a stretch waits that was refused, on top of what the SDK waited; twice as long each time.
    pause: Duration,
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk")
            .field("prefix", &self.prefix)
            .field("stretches", &self.stretches.len())
            .finish_non_exhaustive()
    }
}

impl Walk {
    /// Lists what is below `uri`. Nothing is asked before [`Self::next`]; dropping it stops what runs.
    ///
    /// A directory bucket lists in no order, and so does the walk there.
    pub fn new(s3: S3, uri: S3Uri) -> Self {
        Self::with(s3, uri, Stretch::flat)
    }

    fn with(s3: S3, uri: S3Uri, stretch: fn(String, Range, bool) -> Stretch) -> Self {
        // Amazon S3 User Guide, "Directory bucket naming rules" and, for ListObjectsV2, their differences.
        let serial = uri.bucket.ends_with("--x-s3");
        let bucket = uri.bucket;
        let ask = move |question: Question| -> Answer {
            let (s3, uri) = (s3.clone(), S3Uri::new(&bucket, question.prefix));
            Box::pin(async move {
                let after = match &question.next {
                    Next::After(cut) => cut.start_after(),
                    _ => String::new(),
                };
                let begin = match &question.next {
                    Next::Token(token) => Begin::Token(token),
                    Next::After(_) => Begin::After(&after),
                    Next::First | Next::Done => Begin::First,
                };
                s3.page_from(&uri, question.depth, begin).await
            })
        };
        Self::of(Arc::new(ask), uri.key, serial, stretch)
    }

    fn of(ask: Ask, prefix: String, serial: bool, stretch: fn(String, Range, bool) -> Stretch) -> Self {
        let stretches = VecDeque::from([stretch(prefix.clone(), Range::default(), true)]);
        Self {
            ask,
            prefix,
            stretch,
            stretches,
            running: JoinSet::new(),
            next_id: 1,
            limit: CAUTIOUS,
            last: None,
            serial,
            is_sorted: true,
            pause: Duration::from_millis(250),
        }
    }

    /// Every request goes through `way`, which may make it once more.
    #[must_use]
    pub(crate) fn through(mut self, way: impl Fn(Ask, Question) -> Answer + Send + Sync + 'static) -> Self {
        let ask = self.ask;
        self.ask = Arc::new(move |question| way(Arc::clone(&ask), question));
        self
    }

    /// The next objects; `None` at the end. An empty answer is not the end.
    ///
    /// # Errors
    /// What the listing says, after everything before it; after an error there is nothing more. [`Error::Denied`]
    /// without s3:ListBucket.
    pub async fn next(&mut self) -> Result<Option<Vec<Object>>> {
        let outcome = self.advance().await;
        match &outcome {
            Ok(Some(_)) => {}
            // Dropped answers are cheaper than unread ones.
            _ => self.stop(),
        }
        outcome
    }

    fn stop(&mut self) {
        self.stretches.clear();
        self.running.abort_all();
    }

    async fn advance(&mut self) -> Result<Option<Vec<Object>>> {
        loop {
            while let Some(done) = self.running.try_join_next() {
                self.hear(done)?;
            }
            while self.stretches.front().is_some_and(Stretch::is_over) {
                self.stretches.pop_front();
            }
            self.send();
            let Some(first) = self.stretches.front_mut() else { return Ok(None) };
            self.is_sorted &= first.is_sorted;
            if let Some(objects) = first.ready.pop_front() {
                if let Some(last) = objects.last() {
                    self.last = Some(last.key.clone());
                }
                return Ok(Some(objects));
            }
            if let Some(error) = first.failed.take() {
                return Err(error);
            }
            match self.running.join_next().await {
                Some(done) => self.hear(done)?,
                None => return Err(Error::Crashed { message: "a listing stands still".into() }),
            }
        }
    }

    /// Sends the requests that there is room for, first things first.
    fn send(&mut self) {
        let room = if self.serial { 1 } else { self.limit };
        let ahead: usize = self.stretches.iter().map(Stretch::read).sum();
        for place in 0..self.stretches.len() {
            if self.running.len() >= room {
                return;
            }
            // Requests that run will bring a page each.
            if place > 0 && ahead + PAGE * self.running.len() >= READ_AHEAD {
                return;
            }
            let many = self.stretches.len() > 4 * STRETCHES;
            let stretch = &mut self.stretches[place];
            // More prefixes are of no use while so many wait.
            if stretch.runs || stretch.next == Next::Done || place > 0 && many && stretch.depth == Depth::Level {
                continue;
            }
            stretch.runs = true;
            let question =
                Question { prefix: stretch.prefix.clone(), depth: stretch.depth, next: stretch.next.clone() };
            let pause =
                if stretch.refusals == 0 { Duration::ZERO } else { self.pause * 2_u32.pow(stretch.refusals.min(6)) };
            let (id, answer) = (stretch.id, (self.ask)(question));
            self.running.spawn(async move {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                (id, answer.await)
            });
        }
    }

    fn hear(&mut self, done: std::result::Result<(u64, Result<Page>), tokio::task::JoinError>) -> Result<()> {
        let (id, answer) = match done {
            Ok(done) => done,
            // Only of stretches that are gone.
            Err(error) if error.is_cancelled() => return Ok(()),
            Err(error) => return Err(Error::Crashed { message: error.to_string() }),
        };
        let Some(place) = self.stretches.iter().position(|stretch| stretch.id == id) else { return Ok(()) };
        let stretch = &mut self.stretches[place];
        stretch.runs = false;
        match answer {
            Ok(page) => {
                self.limit = (self.limit + 1).min(BOLD);
                stretch.refusals = 0;
                match stretch.take(page, self.serial) {
                    Met::Objects => self.divide(place),
                    Met::Stretches(stretches) => self.insert(place, stretches),
                    Met::Disorder => self.fall_back()?,
                    Met::Nothing => {}
                }
            }
            Err(error) if is_busy(&error) && stretch.refusals < PATIENCE => {
                self.limit = (self.limit / 2).max(1);
                stretch.refusals += 1;
            }
            // A role may list this prefix and no other, or only without a delimiter.
            Err(Error::Denied { .. }) if !self.serial && stretch.id != 0 => self.fall_back()?,
            Err(error) => {
                stretch.failed = Some(error);
                stretch.next = Next::Done;
                // What comes after it will never be given out.
                self.stretches.truncate(place + 1);
            }
        }
        Ok(())
    }

    /// Begins anew behind what was given out, one page after the other.
    fn fall_back(&mut self) -> Result<()> {
        if !self.is_sorted {
            let message = "the keys come in no order and not to the end".into();
            return Err(Error::Aws { action: "s3:ListBucket".into(), code: "Disorder".into(), message, hint: None });
        }
        tracing::debug!(prefix = self.prefix, "the listing goes on page after page");
        self.running.abort_all();
        self.serial = true;
        let range = Range { from: self.last.clone().map(Cut::After), to: None };
        // Not after a key: perhaps that is what the server cannot do.
        let mut stretch = (self.stretch)(self.prefix.clone(), range, true);
        stretch.id = self.next_id;
        self.next_id += 1;
        self.stretches = VecDeque::from([stretch]);
        Ok(())
    }

    /// Divides what is left of a stretch, when there is nobody waiting for work.
    fn divide(&mut self, place: usize) {
        let waiting = self.stretches.iter().take(2 * STRETCHES).filter(|stretch| stretch.next != Next::Done).count();
        if self.serial || waiting >= self.limit.max(CAUTIOUS) || self.stretches.len() >= STRETCHES {
            return;
        }
        let stretches = self.stretches[place].divide();
        self.insert(place + 1, stretches);
    }

    fn insert(&mut self, place: usize, mut stretches: Vec<Stretch>) {
        for stretch in &mut stretches {
            stretch.id = self.next_id;
            self.next_id += 1;
        }
        let rest = self.stretches.split_off(place);
        self.stretches.extend(stretches);
        self.stretches.extend(rest);
    }
}

/// Whether the server asks for fewer requests.
fn is_busy(error: &Error) -> bool {
    verdict(error) == Verdict::SlowDown
}

#[cfg(test)]
mod tests;
