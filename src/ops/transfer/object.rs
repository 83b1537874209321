//! One object: looked at, fetched, compared, named.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::fetch::{Fetched, Line, PieceOf, Sink, blocking};
use super::pool::Slot;
use super::retry::{Verdict, verdict};
use super::tally::{Share, Tally};
use super::target::{Decision, Folders, Target, by_wish, compare, decide};
use crate::aws::s3::{Ask, Stat};
use crate::domain::checksum::{Algorithm, Checksum, Hasher, combined};
use crate::domain::restore::archived_hint;
use crate::domain::text::escaped;
use crate::domain::transfer::{Done, Event, IfExists, Listed, Place, SMALL};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;
use crate::local::part::{Found, Part, Plan, identity};
use crate::local::whole::{Clobber, free_name, write_whole};
use crate::ops::download::{Clash, OnEvent, Wishes};

/// Bytes of a range, and what a killed run may have to fetch again for each of its requests.
const PIECE: u64 = 8 << 20;

/// Pieces of a file at most: the largest object of S3 gets larger ones.
const PIECES: u64 = 16_384;

/// How often an object is begun anew because it was replaced, or came damaged.
const ANEW: u32 = 3;

/// Large objects that are fetched at the same time; each takes all slots that it can get.
const LARGE_AT_ONCE: usize = 4;

/// Requests of one object that wait for a slot.
const RANGES: usize = 64;

/// An object that shall come.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Item {
    pub(in crate::ops) uri: S3Uri,
    pub(in crate::ops) version: Option<String>,
    /// What a listing told of it: with an ETag only that object is written.
    pub(in crate::ops) listed: Option<Listed>,
    /// What the totals already count of it.
    pub(in crate::ops) counted: u64,
    pub(in crate::ops) target: Target,
    /// Whether it is fetched although an equal file is there.
    pub(in crate::ops) anew: bool,
    /// What is at the target, when that was looked at already.
    pub(in crate::ops) looked: Option<Result<(PathBuf, Decision)>>,
}

impl Item {
    /// Looks at what is at the target. Blocks.
    pub(in crate::ops) fn look(&self, desk: &Desk, listed: &Listed) -> Result<(PathBuf, Decision)> {
        desk.claim(self)?;
        let path = match desk.wishes.dry_run {
            true => self.target.root.join(&self.target.relative),
            false => desk.folders.path(&self.target)?,
        };
        decide(&path, listed, desk.wishes.if_exists, self.anew)
    }
}

/// What all objects of a job share.
pub(in crate::ops) struct Desk {
    pub(in crate::ops) line: Line,
    pub(in crate::ops) wishes: Wishes,
    pub(in crate::ops) folders: Folders,
    pub(in crate::ops) tally: Arc<Tally>,
    pub(in crate::ops) on_event: OnEvent,
    pub(in crate::ops) large: Semaphore,
    /// One question at a time.
    pub(in crate::ops) asking: tokio::sync::Mutex<()>,
    /// Which object goes where, when several picks may meet in one folder: the keys of one prefix cannot.
    pub(in crate::ops) claimed: Option<Mutex<HashMap<PathBuf, String>>>,
}

impl Desk {
    pub(in crate::ops) fn new(line: Line, wishes: Wishes, tally: Arc<Tally>, on_event: OnEvent) -> Self {
        let (folders, asking) = Default::default();
        let (large, claimed) = (Semaphore::new(LARGE_AT_ONCE), None);
        Self { line, wishes, folders, tally, on_event, large, asking, claimed }
    }

    /// Gives a path to the first object that wants it.
    fn claim(&self, item: &Item) -> Result<()> {
        let Some(claimed) = &self.claimed else { return Ok(()) };
        let path = item.target.root.join(&item.target.relative);
        let name = item.uri.to_string();
        match held(claimed).entry(path) {
            Entry::Occupied(other) if *other.get() != name => {
                let (path, other) = (other.key().to_owned(), other.get().clone());
                let both = std::io::Error::other(format!("{} of this download goes there too", escaped(&other)));
                Err(Error::file("write", &path)(both))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(free) => {
                free.insert(name);
                Ok(())
            }
        }
    }

    /// Tells what happened.
    pub(in crate::ops) fn tell(&self, event: Event) {
        self.tally.happened(&event);
        (self.on_event)(&event);
    }

    /// Does all that an object needs, and tells what became of it.
    pub(in crate::ops) async fn fetch(self: Arc<Self>, item: Item) {
        let share = Arc::new(self.tally.begin(&item.uri, item.counted));
        let uri = item.uri.clone();
        match self.attempts(&item, &share).await {
            Ok(event) => self.tell(event),
            Err(mut error) => {
                share.give_up();
                if let Error::Aws { code, hint, .. } = &mut error
                    && code == "InvalidObjectState"
                {
                    *hint = Some(archived_hint(&item.uri, item.version.as_deref()));
                }
                if is_disk_full(&error) {
                    // No other object would fit, or the small ones would take what little there is.
                    self.tally.stop(error.clone());
                }
                self.tell(Event::Failed(crate::domain::transfer::Failed { uri, error }));
            }
        }
    }

    async fn attempts(self: &Arc<Self>, item: &Item, share: &Arc<Share>) -> Result<Event> {
        let mut listed = item.listed.clone();
        for again in 1.. {
            let answer = self.attempt(item, listed.take(), share).await;
            let Err(error) = answer else { return answer };
            if verdict(&error) != Verdict::Anew || again > ANEW {
                return Err(error);
            }
            share.reset();
            let note = match &error {
                Error::Corrupt { .. } => "came damaged; it is fetched anew",
                _ => "was replaced meanwhile; it is fetched anew",
            };
            self.tell(Event::Note(item.uri.clone(), note.to_owned()));
        }
        Err(Error::Replaced { resource: item.uri.to_string() })
    }

    async fn attempt(self: &Arc<Self>, item: &Item, listed: Option<Listed>, share: &Arc<Share>) -> Result<Event> {
        let mut ask = Ask { version: item.version.clone(), ..Ask::default() };
        let mut stat = None;
        let mut listed = match listed {
            Some(listed) => listed,
            None => listed_of(stat.insert(self.line.stat(&item.uri, &ask).await?)),
        };
        share.resize(listed.size);
        let (mut path, mut decision) = self.look(item, &listed).await?;
        if decision == Decision::Compare && listed.etag.is_none() && stat.is_none() {
            // The listing's ETag was not kept, and now it is of use.
            listed = listed_of(stat.insert(self.line.stat(&item.uri, &ask).await?));
            share.resize(listed.size);
        }
        let mut wish = self.wishes.if_exists;
        loop {
            match decision {
                Decision::Write(clobber) => {
                    if self.wishes.dry_run {
                        let path = if clobber == Clobber::Rename { self.free_name(path).await? } else { path };
                        return Ok(Event::Written(done(item, path, listed.size, None)));
                    }
                    ask.etag = listed.etag.clone();
                    let work = Work { desk: self, item, listed: &listed, ask, path, clobber, share };
                    return match listed.size {
                        0..=SMALL => work.small().await,
                        _ => work.large(stat).await,
                    };
                }
                Decision::Skip(why) => {
                    share.spared(listed.size);
                    return Ok(Event::Skipped(done(item, path, listed.size, None), why));
                }
                Decision::Compare => {
                    let known = listed.clone();
                    (path, decision) = blocking(move || compare(&path, &known, wish)).await?;
                }
                Decision::Ask => {
                    wish = self.question(&path, &listed).await?;
                    let known = listed.clone();
                    // Under another name it may be there already.
                    (path, decision) = blocking(move || match wish {
                        IfExists::Rename => decide(&path, &known, wish, false),
                        wish => by_wish(&path, wish).map(|decision| (path, decision)),
                    })
                    .await?;
                }
            }
        }
    }

    async fn look(self: &Arc<Self>, item: &Item, listed: &Listed) -> Result<(PathBuf, Decision)> {
        if let Some(looked) = &item.looked {
            return looked.clone();
        }
        let (desk, item, listed) = (Arc::clone(self), item.clone(), listed.clone());
        blocking(move || item.look(&desk, &listed)).await
    }

    async fn free_name(&self, path: PathBuf) -> Result<PathBuf> {
        blocking(move || Ok(free_name(&path))).await
    }

    /// What a person wishes for the file at a path.
    async fn question(&self, path: &Path, listed: &Listed) -> Result<IfExists> {
        let _one = self.asking.lock().await;
        let Some(ask) = self.wishes.ask.clone() else { return Ok(IfExists::Refuse) };
        let clash = Clash { path: path.to_owned(), size: listed.size, modified: listed.modified };
        let wish = ask(clash).await?;
        Ok(if wish == IfExists::Ask { IfExists::Refuse } else { wish })
    }
}

fn listed_of(stat: &Stat) -> Listed {
    Listed { size: stat.size, modified: stat.last_modified, etag: stat.etag.clone() }
}

fn done(item: &Item, path: PathBuf, size: u64, checked: Option<Algorithm>) -> Done {
    Done { uri: item.uri.clone(), to: Place::File(path), size, checked: checked.map(Algorithm::name) }
}

fn is_disk_full(error: &Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let full = [StorageFull, QuotaExceeded];
    matches!(error, Error::File { source, .. } if full.contains(&source.kind()))
}

/// One attempt at one object whose place is known.
struct Work<'a> {
    desk: &'a Arc<Desk>,
    item: &'a Item,
    listed: &'a Listed,
    ask: Ask,
    path: PathBuf,
    clobber: Clobber,
    share: &'a Arc<Share>,
}

impl Work<'_> {
    /// In memory until it is whole, then written in one go.
    async fn small(self) -> Result<Event> {
        let size = self.listed.size;
        let room = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let fetched = self.desk.line.fetch(&self.item.uri, &self.ask, 0..size, Sink::Memory(room), self.share).await?;
        let Fetched { sink: Sink::Memory(bytes), stat, mut slot } = fetched else {
            return Err(Error::Crashed { message: "a small object went to a file".into() });
        };
        // The next one may be asked for; the memory is free when this one is written.
        slot.iter_mut().for_each(Slot::ended);
        let (path, clobber, modified) = (self.path.clone(), self.clobber, self.modified(&stat));
        let (uri, checksum) = (self.item.uri.clone(), stat.checksum);
        let (path, checked) = blocking(move || {
            let checked = checksum.map(|checksum| {
                let mut hasher = Hasher::new(checksum.algorithm);
                hasher.update(&bytes);
                checked(&uri, &checksum, &hasher.finish())
            });
            let checked = checked.transpose()?;
            let path = write_whole(&path, &bytes, modified, clobber)?;
            drop(slot);
            Ok((path, checked))
        })
        .await?;
        Ok(self.written(path, checked))
    }

    /// Piece by piece into a file beside its place.
    async fn large(mut self, stat: Option<Stat>) -> Result<Event> {
        let _one_of_few = self.desk.large.acquire().await;
        let in_ranges = self.listed.size > PIECE;
        let stat = match stat {
            // Only with an ETag a later run may take the part up.
            None if in_ranges || self.ask.etag.is_none() => Some(self.desk.line.stat(&self.item.uri, &self.ask).await?),
            stat => stat,
        };
        if stat.as_ref().is_some_and(|stat| stat.size != self.listed.size) {
            return Err(Error::Replaced { resource: self.item.uri.to_string() });
        }
        self.ask.etag = self.ask.etag.take().or_else(|| stat.as_ref().and_then(|stat| stat.etag.clone()));
        let (part, found) = self.open(stat.as_ref().and_then(|stat| stat.checksum.clone())).await?;
        match found {
            Found::Bytes(bytes) => self.share.spared(bytes),
            Found::Another => {
                let note = "an earlier part is not provably of this object; it begins anew".to_owned();
                self.desk.tell(Event::Note(self.item.uri.clone(), note));
            }
            Found::Nothing => {}
        }
        let part = Arc::new(part);
        let fetched = if in_ranges { self.ranges(&part).await } else { self.one_piece(&part).await };
        let part = alone(part).await;
        let first = match fetched {
            Ok(first) => first,
            Err(error) => {
                if verdict(&error) == Verdict::Anew {
                    blocking(move || part.discard()).await?;
                } else if part.has_any() {
                    self.desk.tally.left();
                }
                return Err(error);
            }
        };
        let stat = stat.or(first).unwrap_or_default();
        let (uri, clobber, modified) = (self.item.uri.clone(), self.clobber, self.modified(&stat));
        let (path, checked) = blocking(move || {
            let checked = match &stat.checksum {
                Some(checksum) => {
                    let of_file = checksum_of(&part, checksum.algorithm)?;
                    match checked(&uri, checksum, &of_file) {
                        Ok(checked) => Some(checked),
                        Err(error) => {
                            part.discard()?;
                            return Err(error);
                        }
                    }
                }
                None => None,
            };
            Ok((part.finish(modified, clobber)?, checked))
        })
        .await?;
        Ok(self.written(path, checked))
    }

    async fn open(&self, checksum: Option<Checksum>) -> Result<(Part, Found)> {
        let size = self.listed.size;
        let piece = size.div_ceil(PIECES).next_multiple_of(1 << 20).max(PIECE);
        let algorithm = checksum.as_ref().map(|checksum| checksum.algorithm).filter(|algorithm| algorithm.combines());
        let (uri, version) = (&self.item.uri, self.item.version.as_deref());
        let etag = self.ask.etag.as_deref();
        let length = size.to_string();
        // Without an ETag nothing tells whether the object is still the same: then no part is ever taken up.
        let nonce = if etag.is_none() { getrandom::u64().unwrap_or_default().to_string() } else { String::new() };
        let texts = [&uri.bucket, &uri.key, version.unwrap_or_default(), etag.unwrap_or_default(), &length, &nonce];
        let plan = Plan {
            size,
            piece,
            algorithm: algorithm.unwrap_or(Algorithm::Crc64Nvme),
            identity: identity(texts.into_iter().map(|text: &str| text)),
        };
        let path = self.path.clone();
        blocking(move || Part::open(&path, plan, checksum.as_ref())).await
    }

    /// An object that one request brings, with its checksum.
    async fn one_piece(&self, part: &Arc<Part>) -> Result<Option<Stat>> {
        let piece = part.piece(0);
        if piece.there > 0 {
            // The checksum of the whole comes with the whole alone.
            let stat = self.desk.line.stat(&self.item.uri, &self.ask).await?;
            return self.ranges(part).await.map(|_| Some(stat));
        }
        let sink = Sink::Piece(Box::new(PieceOf { part: Arc::clone(part), number: 0, piece }));
        let range = part.plan().range(0);
        let fetched = self.desk.line.fetch(&self.item.uri, &self.ask, range, sink, self.share).await?;
        Ok(Some(fetched.stat))
    }

    /// All missing pieces, many at once.
    async fn ranges(&self, part: &Arc<Part>) -> Result<Option<Stat>> {
        // The set aborts its tasks when it is dropped: that is how a cancelled job ends.
        let mut pieces = JoinSet::new();
        let mut missing = part.missing().into_iter();
        loop {
            while pieces.len() < RANGES
                && let Some(number) = missing.next()
            {
                let (line, uri, mut ask) = (self.desk.line.clone(), self.item.uri.clone(), self.ask.clone());
                let (part, share) = (Arc::clone(part), Arc::clone(self.share));
                pieces.spawn(async move {
                    let piece = part.piece(number);
                    let whole = part.plan().range(number);
                    let range = whole.start + piece.there..whole.end;
                    ask.range = Some(range.clone());
                    let sink = Sink::Piece(Box::new(PieceOf { part, number, piece }));
                    line.fetch(&uri, &ask, range, sink, &share).await.map(|_| ())
                });
            }
            let Some(ended) = pieces.join_next().await else { return Ok(None) };
            let ended = ended.map_err(|error| Error::Crashed { message: error.to_string() }).and_then(|ended| ended);
            if let Err(error) = ended {
                // Those that are on their way must be gone before the file is closed.
                pieces.shutdown().await;
                return Err(error);
            }
        }
    }

    fn modified(&self, stat: &Stat) -> Option<Timestamp> {
        stat.last_modified.or(self.listed.modified)
    }

    fn written(&self, path: PathBuf, checked: Option<Algorithm>) -> Event {
        if checked.is_none() {
            self.desk.tally.unchecked();
        }
        self.share.taken_up();
        if path != self.path {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let note = format!("goes to {}: another file has its name", escaped(&name));
            self.desk.tell(Event::Note(self.item.uri.clone(), note));
        }
        Event::Written(done(self.item, path, self.listed.size, checked))
    }
}

/// The file, once the disk has taken what streams that were stopped had handed to it.
async fn alone(mut part: Arc<Part>) -> Part {
    loop {
        match Arc::try_unwrap(part) {
            Ok(part) => return part,
            Err(shared) => part = shared,
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// The checksum of what was written: of the pieces' where it can be combined, else read once more.
fn checksum_of(part: &Part, algorithm: Algorithm) -> Result<Checksum> {
    let of_pieces = (algorithm == part.plan().algorithm).then(|| part.crcs()).flatten();
    match of_pieces.and_then(|pieces| combined(algorithm, pieces)) {
        Some(checksum) => Ok(checksum),
        None => part.checksum(algorithm),
    }
}

fn checked(uri: &S3Uri, expected: &Checksum, is: &Checksum) -> Result<Algorithm> {
    if expected == is {
        return Ok(expected.algorithm);
    }
    tracing::warn!(key = ?uri.key, algorithm = expected.algorithm.name(), "the checksum is another");
    Err(Error::Corrupt { resource: uri.to_string(), algorithm: expected.algorithm.name() })
}
