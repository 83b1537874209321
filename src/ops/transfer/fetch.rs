//! One stream of bytes from S3 to where they go, through broken connections, pauses and ended sessions.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::gate::Gate;
use super::pool::{Pool, Slot};
use super::retry::{Patience, Verdict, verdict};
use super::tally::Share;
use crate::aws::s3::{Ask, Body, S3, Stat};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::part::{Part, Piece};
use crate::ops::control::Control;

/// Bytes are handed to the disk in batches of at least this size, off the async threads.
const BATCH: u64 = 512 << 10;

/// Bytes that are worth the trouble of as many failures again.
const PROGRESS: u64 = 64 << 10;

/// How often a page of a listing is asked for again, after the SDK's own attempts.
const PAGE_FAILURES: u32 = 2;

/// What a stream holds at most: a batch, and what the connection has read ahead.
const WINDOW: u64 = 1 << 20;

/// Where the bytes of a stream go.
pub(in crate::ops) enum Sink {
    /// Into memory: a small object.
    Memory(Vec<u8>),
    /// Into a piece of a file.
    Piece(Box<PieceOf>),
}

/// A piece of a file, as far as it is there.
pub(in crate::ops) struct PieceOf {
    pub(in crate::ops) part: Arc<Part>,
    pub(in crate::ops) number: u64,
    pub(in crate::ops) piece: Piece,
}

impl Sink {
    /// Takes the bytes at `offset`.
    async fn take(self, offset: u64, batch: Vec<Bytes>) -> Result<Self> {
        match self {
            Self::Memory(mut memory) => {
                batch.iter().for_each(|bytes| memory.extend_from_slice(bytes));
                Ok(Self::Memory(memory))
            }
            Self::Piece(mut of) => {
                blocking(move || {
                    let mut at = offset;
                    for bytes in batch {
                        of.part.write(&bytes, at)?;
                        of.piece.hasher.update(&bytes);
                        at += bytes.len() as u64;
                    }
                    of.piece.there += at - offset;
                    of.part.note(of.number, &of.piece)?;
                    Ok(Self::Piece(of))
                })
                .await
            }
        }
    }
}

/// What all streams of a job share.
#[derive(Clone)]
pub(in crate::ops) struct Line {
    pub(in crate::ops) s3: S3,
    pub(in crate::ops) pool: Pool,
    pub(in crate::ops) control: Control,
    pub(in crate::ops) patience: Patience,
    pub(in crate::ops) gate: Arc<Gate>,
}

impl Line {
    /// Fetches a range of an object, or all of it when `ask` names no range.
    ///
    /// # Errors
    /// [`Error::Replaced`] when the object is another one; what S3 says; [`Error::Network`] after many attempts.
    pub(in crate::ops) async fn fetch(
        &self,
        uri: &S3Uri,
        ask: &Ask,
        range: Range<u64>,
        mut sink: Sink,
        share: &Share,
    ) -> Result<Fetched> {
        let mut at = range.start;
        let mut first: Option<Stat> = None;
        let (mut troubles, mut settled) = (Troubles::of(self), range.start);
        loop {
            let mut stream = Stream { line: self, uri, range: range.clone(), share, slot: None };
            let seen = self.gate.seen();
            let ended;
            (sink, ended) = stream.run(ask, &mut at, sink, &mut first).await?;
            let error = match ended {
                Ended::Whole => return Ok(Fetched { sink, stat: first.unwrap_or_default(), slot: stream.slot }),
                Ended::Paused => continue,
                Ended::Broken(error) => error,
            };
            drop(stream);
            if at >= settled + PROGRESS {
                (troubles, settled) = (Troubles::of(self), at);
            }
            tracing::info!(key = ?uri.key, at, %error, "the stream broke");
            troubles.after(error, seen).await?;
        }
    }

    /// Asks for a page of a listing, through the same troubles.
    pub(in crate::ops) async fn page<T, Answer>(&self, ask: impl Fn() -> Answer) -> Result<T>
    where
        Answer: Future<Output = Result<T>>,
    {
        // The SDK has asked several times already, and whoever lists waits for this page alone.
        let mut troubles = Troubles { most: PAGE_FAILURES.min(self.patience.failures), ..Troubles::of(self) };
        loop {
            let seen = self.gate.seen();
            match ask().await {
                // The walk itself asks for less at once.
                Err(error) if verdict(&error) != Verdict::SlowDown => troubles.after(error, seen).await?,
                answer => return answer,
            }
        }
    }

    /// Makes one call, through the same troubles. It holds no slot: the caller does.
    pub(in crate::ops) async fn ask<T, Answer>(&self, ask: impl Fn() -> Answer) -> Result<T>
    where
        Answer: Future<Output = Result<T>>,
    {
        let mut troubles = Troubles::of(self);
        loop {
            self.control.running().await;
            let seen = self.gate.seen();
            match ask().await {
                Err(error) => troubles.after(error, seen).await?,
                answer => return answer,
            }
        }
    }

    /// What is known of an object before it is fetched in ranges, through the same troubles.
    pub(in crate::ops) async fn stat(&self, uri: &S3Uri, ask: &Ask) -> Result<Stat> {
        let mut troubles = Troubles::of(self);
        loop {
            self.control.running().await;
            let seen = self.gate.seen();
            let answer = {
                let _slot = self.pool.slot(0).await;
                self.s3.stat(uri, ask).await
            };
            match answer {
                // HEAD has no body, so S3 could not say why: GET can.
                Err(error @ Error::Denied { .. }) => {
                    let one = Ask { range: Some(0..1), ..ask.clone() };
                    match self.s3.get(uri, &one).await.err().unwrap_or(error) {
                        // That is why it was refused.
                        said @ Error::Denied { .. } => return Err(said),
                        // GET has troubles of its own.
                        said => troubles.after(said, seen).await?,
                    }
                }
                Err(error) => troubles.after(error, seen).await?,
                answer => return answer,
            }
        }
    }
}

/// What a stream brought.
pub(in crate::ops) struct Fetched {
    /// Where the bytes went.
    pub(in crate::ops) sink: Sink,
    /// What the first answer said.
    pub(in crate::ops) stat: Stat,
    /// The leave for what is still in memory.
    pub(in crate::ops) slot: Option<Slot>,
}

/// What went wrong in a row, and how much more is borne.
struct Troubles<'a> {
    line: &'a Line,
    failures: u32,
    most: u32,
    sessions: u32,
}

impl<'a> Troubles<'a> {
    fn of(line: &'a Line) -> Self {
        Self { line, failures: 0, most: line.patience.failures, sessions: 0 }
    }

    /// Waits until the same may be asked again; `seen` is what the gate had seen before it was asked.
    ///
    /// # Errors
    /// The error itself, when it will not be better.
    async fn after(&mut self, error: Error, seen: u64) -> Result<()> {
        match verdict(&error) {
            verdict @ (Verdict::Again | Verdict::SlowDown) => {
                if verdict == Verdict::SlowDown {
                    self.line.pool.slow_down();
                }
                self.failures += 1;
                let pause = self.line.patience.after(self.failures).filter(|_| self.failures <= self.most);
                let Some(pause) = pause else { return Err(error) };
                tokio::time::sleep(pause).await;
                Ok(())
            }
            Verdict::Session => {
                self.sessions += 1;
                self.line.gate.wait(error, seen, self.sessions, &self.line.control).await
            }
            Verdict::Anew | Verdict::Final => Err(error),
        }
    }
}

/// One attempt.
struct Stream<'a> {
    line: &'a Line,
    uri: &'a S3Uri,
    range: Range<u64>,
    share: &'a Share,
    slot: Option<Slot>,
}

/// How an attempt ended.
enum Ended {
    Whole,
    Paused,
    Broken(Error),
}

impl Stream<'_> {
    /// Reads from `at` on, and leaves in it how far it came. An error of the disk is an error; one of the network is an
    /// end like others, with the sink whole.
    async fn run(
        &mut self,
        ask: &Ask,
        at: &mut u64,
        mut sink: Sink,
        first: &mut Option<Stat>,
    ) -> Result<(Sink, Ended)> {
        let line = self.line;
        line.control.running().await;
        let rest = self.range.end - *at;
        self.slot = Some(line.pool.slot(rest.min(WINDOW)).await);
        let mut body = match self.open(ask, *at, first.as_ref()).await {
            Ok(body) => body,
            Err(error) => return Ok((sink, Ended::Broken(error))),
        };
        if body.length != rest {
            return Ok((sink, Ended::Broken(Error::Replaced { resource: self.uri.to_string() })));
        }
        first.get_or_insert_with(|| body.stat.clone());
        loop {
            let (batch, ended) = self.batch(&mut body, self.range.end - *at).await;
            let length: u64 = batch.iter().map(|bytes| bytes.len() as u64).sum();
            let last = *at + length == self.range.end;
            if length > 0 || last {
                sink = sink.take(*at, batch).await?;
                *at += length;
                self.share.written(length);
            }
            match ended {
                _ if last => return Ok((sink, Ended::Whole)),
                Some(ended) => return Ok((sink, ended)),
                None => {}
            }
        }
    }

    async fn open(&self, ask: &Ask, at: u64, first: Option<&Stat>) -> Result<Body> {
        let mut ask = ask.clone();
        if at > 0 || ask.range.is_some() {
            ask.range = Some(at..self.range.end);
        }
        // What comes later must be of the object that came first.
        ask.etag = ask.etag.or_else(|| first.and_then(|first| first.etag.clone()));
        self.line.s3.get(self.uri, &ask).await
    }

    /// Reads until there is enough for the disk, or no more comes. Never more than `rest`.
    async fn batch(&self, body: &mut Body, rest: u64) -> (Vec<Bytes>, Option<Ended>) {
        let mut batch = Vec::new();
        let mut length = 0;
        while length < BATCH && length < rest {
            if self.line.control.is_paused() {
                return (batch, Some(Ended::Paused));
            }
            let next = tokio::select! {
                next = body.next_within(self.line.patience.silence) => next,
                () = self.line.control.paused() => return (batch, Some(Ended::Paused)),
            };
            match next {
                Ok(Some(bytes)) => {
                    let bytes = bytes.slice(..bytes.len().min(usize::try_from(rest - length).unwrap_or(usize::MAX)));
                    length += bytes.len() as u64;
                    self.share.fetched(bytes.len() as u64);
                    if let Some(slot) = &self.slot {
                        slot.arrived(bytes.len() as u64);
                    }
                    batch.push(bytes);
                }
                Ok(None) => {
                    let message = format!("the answer ended {} bytes too early", rest - length);
                    let error = Error::Network { endpoint: self.uri.to_string(), message };
                    return (batch, Some(Ended::Broken(error)));
                }
                Err(error) => return (batch, Some(Ended::Broken(error))),
            }
        }
        (batch, None)
    }
}

/// Runs `work` where blocking is allowed.
pub(in crate::ops) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Error::Crashed { message: error.to_string() }))
}
