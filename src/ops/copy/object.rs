//! One object: compared with what is there, copied, compared again.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use super::CopyWishes;
use super::plan::or_without_tags;
use crate::aws::s3::{Ask, Begin, Body, Depth, Described, Onto, Source, Stat, Written};
use crate::domain::checksum::{Algorithm, Checksum, Hasher};
use crate::domain::copy::{Class, LARGEST_COPY, Sameness, Storage, Stored, Way, bare, compared, same_bytes};
use crate::domain::local_path::folder_of;
use crate::domain::object::{self, Object};
use crate::domain::restore::archived_hint;
use crate::domain::text::escaped;
use crate::domain::transfer::{Done, Event, Failed, IfExists, Place, Why};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::lock::held;
use crate::ops::download::OnEvent;
use crate::ops::ends::Ends;
use crate::ops::transfer::fetch::Line;
use crate::ops::transfer::retry::{Verdict, verdict};
use crate::ops::transfer::tally::{Share, Tally};

/// Up to this size an object goes through memory whole.
pub(super) const SMALL: u64 = 8 << 20;

/// From this size on an object that was uploaded in parts is copied in the same parts, side by side.
const IN_PARTS: u64 = 64 << 20;

/// How often an object is begun anew because it was replaced, or came damaged.
const ANEW: u32 = 3;

/// Large objects that are copied at the same time; each takes all slots that it can get.
const LARGE_AT_ONCE: usize = 4;

/// An object that shall be copied.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) uri: S3Uri,
    pub(super) version: Option<String>,
    /// As it was listed: only that object is copied.
    pub(super) object: Object,
    pub(super) target: S3Uri,
    pub(super) there: There,
}

/// What is at the place of a copy.
#[derive(Clone, Debug)]
pub(super) enum There {
    /// Nothing.
    Nothing,
    /// This object.
    Object(Object),
    /// Nobody has looked.
    Unknown,
}

/// What all objects of a job share.
pub(super) struct Desk {
    pub(super) reader: Line,
    pub(super) writer: Line,
    pub(super) way: Way,
    pub(super) wishes: CopyWishes,
    pub(super) tally: Arc<Tally>,
    on_event: OnEvent,
    /// Where it is written down how far uploads are.
    pub(super) journals: PathBuf,
    pub(super) ends: Ends,
    /// Which object goes where, when several picks may meet in one place: the keys of one prefix cannot.
    pub(super) claimed: Option<Mutex<HashMap<S3Uri, String>>>,
    /// Folders in which the reader may know of tags.
    tags_told: Mutex<HashSet<S3Uri>>,
    large: Semaphore,
}

/// One attempt at one object.
pub(super) struct Work<'a> {
    pub(super) desk: &'a Arc<Desk>,
    pub(super) item: &'a Item,
    pub(super) onto: Onto,
    pub(super) share: &'a Arc<Share>,
    /// Whether what stands at the target is ours.
    pub(super) wrote: &'a AtomicBool,
}

impl Desk {
    pub(super) fn new(
        (reader, writer): (Line, Line),
        way: Way,
        wishes: CopyWishes,
        tally: Arc<Tally>,
        on_event: OnEvent,
        (journals, ends): (PathBuf, Ends),
    ) -> Self {
        let large = Semaphore::new(LARGE_AT_ONCE);
        let (claimed, tags_told) = Default::default();
        Self { reader, writer, way, wishes, tally, on_event, journals, ends, claimed, tags_told, large }
    }

    /// Gives a place to the first object that wants it.
    fn claim(&self, item: &Item) -> Result<()> {
        let Some(claimed) = &self.claimed else { return Ok(()) };
        let name = item.uri.to_string();
        match held(claimed).entry(item.target.clone()) {
            Entry::Occupied(other) if *other.get() != name => Err(Error::Usage {
                message: format!("{} goes to {} too", escaped(other.get()), escaped(&item.target.to_string())),
                hint: Some("copy them one after the other, or to places of their own".into()),
            }),
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(free) => {
                free.insert(name);
                Ok(())
            }
        }
    }

    /// Tells what happened.
    pub(super) fn tell(&self, event: Event) {
        self.tally.happened(&event);
        (self.on_event)(&event);
    }

    /// Does all that an object needs, and tells what became of it.
    pub(super) async fn copy(self: Arc<Self>, item: Item) {
        let share = Arc::new(self.tally.begin(&item.uri, item.object.size));
        let (uri, version) = (item.uri.clone(), item.version.clone());
        match self.attempts(item, &share).await {
            Ok(event) => self.tell(event),
            Err(mut error) => {
                share.give_up();
                if let Error::Aws { code, hint, .. } = &mut error
                    && code == "InvalidObjectState"
                {
                    *hint = Some(archived_hint(&uri, version.as_deref()));
                }
                self.tell(Event::Failed(Failed { uri, error }));
            }
        }
    }

    async fn attempts(self: &Arc<Self>, mut item: Item, share: &Arc<Share>) -> Result<Event> {
        self.claim(&item)?;
        let (mut again, wrote) = (0, AtomicBool::new(false));
        loop {
            let error = match self.attempt(&item, share, &wrote).await {
                Err(error) if verdict(&error) == Verdict::Anew => error,
                answer => return answer,
            };
            again += 1;
            if again > ANEW {
                return Err(error);
            }
            share.reset();
            let note = match &error {
                Error::Corrupt { .. } => "came damaged; it is copied anew",
                _ => {
                    let ask = Ask { version: item.version.clone(), ..Ask::default() };
                    let now = self.reader.stat(&item.uri, &ask).await?;
                    item.there = There::Unknown;
                    if now.etag == item.object.etag {
                        // So it was the target that another one has written, or that we may not see.
                        item.there = self.look(&item.target).await?;
                        if matches!(item.there, There::Unknown) && self.wishes.if_exists != IfExists::Overwrite {
                            return Err(Error::Exists { at: Place::Object(item.target.clone()) });
                        }
                        continue;
                    }
                    (item.object.size, item.object.etag, item.object.last_modified) =
                        (now.size, now.etag, now.last_modified);
                    share.resize(item.object.size);
                    "was replaced meanwhile; it is copied anew"
                }
            };
            self.tell(Event::Note(item.uri.clone(), note.to_owned()));
        }
    }

    async fn attempt(self: &Arc<Self>, item: &Item, share: &Arc<Share>, wrote: &AtomicBool) -> Result<Event> {
        // What an attempt before this one has written damaged is in nobody's way.
        let ours = wrote.load(Ordering::Relaxed);
        let there = match &item.there {
            There::Unknown if !ours => self.look(&item.target).await?,
            known => known.clone(),
        };
        let overwrites = self.wishes.if_exists == IfExists::Overwrite;
        let onto = match &there {
            _ if ours => Onto::Anything,
            There::Nothing => Onto::Nothing,
            // Who may not look is protected by the condition.
            There::Unknown if overwrites => Onto::Anything,
            There::Unknown => Onto::Nothing,
            There::Object(target) if self.is_same(item, target).await? => {
                share.spared(item.object.size);
                return Ok(Event::Skipped(done(item, None), Why::Equal));
            }
            There::Object(_) => match self.wishes.if_exists {
                IfExists::Overwrite => Onto::Anything,
                IfExists::Skip => {
                    share.spared(item.object.size);
                    return Ok(Event::Skipped(done(item, None), Why::Exists));
                }
                IfExists::Refuse | IfExists::Rename | IfExists::Ask => {
                    return Err(Error::Exists { at: Place::Object(item.target.clone()) });
                }
            },
        };
        if self.wishes.dry_run {
            return Ok(Event::Written(done(item, None)));
        }
        let work = Work { desk: self, item, onto, share, wrote };
        let checked = match self.way {
            Way::Server if !work.wants_parts() => work.by_server().await?,
            Way::Streamed if item.object.size <= SMALL => work.through_memory().await?,
            _ => {
                let _one_of_few = self.large.acquire().await;
                work.in_parts().await?
            }
        };
        if checked.is_none() {
            self.tally.unchecked();
        }
        Ok(Event::Written(done(item, checked)))
    }

    /// What is at a place.
    pub(super) async fn look(&self, target: &S3Uri) -> Result<There> {
        match self.writer.stat(target, &Ask::default()).await {
            Ok(stat) => Ok(There::Object(stat.listed(&target.key))),
            Err(Error::NotFound { .. }) => Ok(There::Nothing),
            Err(Error::Denied { .. }) => self.look_in_listing(target).await,
            Err(error) => Err(error),
        }
    }

    /// Who may not read the target may be able to list it. A key comes before all that begin with it.
    pub(super) async fn look_in_listing(&self, target: &S3Uri) -> Result<There> {
        // A directory bucket lists in no order.
        if target.bucket.ends_with("--x-s3") {
            return Ok(There::Unknown);
        }
        let page = || self.writer.s3.page_from(target, Depth::All, Begin::First);
        let page = match self.writer.ask(page).await {
            Err(Error::Denied { .. }) => return Ok(There::Unknown),
            answer => answer?,
        };
        match page.entries.into_iter().next() {
            Some(object::Entry::Object(object)) if object.key == target.key => Ok(There::Object(object)),
            _ => Ok(There::Nothing),
        }
    }

    /// Whether what is there is a copy of the object. Where no checksum of both is known, one of the same size that was
    /// written later counts as one, as it does for `aws s3 sync`; not for who replaces whatever is there.
    async fn is_same(&self, item: &Item, target: &Object) -> Result<bool> {
        match compared(&item.object, target) {
            Sameness::Same => return Ok(true),
            Sameness::Different => return Ok(false),
            Sameness::Unclear => {}
        }
        let of_source = Ask { version: item.version.clone(), ..Ask::default() };
        let source = self.reader.stat(&item.uri, &of_source).await?;
        let unclear = self.wishes.if_exists != IfExists::Overwrite;
        match self.writer.stat(&item.target, &Ask::default()).await {
            Ok(target) => {
                let targets: Vec<_> = target.checksums().cloned().collect();
                Ok(same_bytes(source.checksums(), &targets).unwrap_or(unclear))
            }
            Err(Error::Denied { .. }) => Ok(unclear),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn done(item: &Item, checked: Option<&'static str>) -> Done {
    Done { uri: item.uri.clone(), to: Place::Object(item.target.clone()), size: item.object.size, checked }
}

impl Work<'_> {
    pub(super) fn source(&self) -> Source {
        let (uri, version) = (self.item.uri.clone(), self.item.version.clone());
        Source { uri, version, etag: self.item.object.etag.clone() }
    }

    pub(super) fn ask(&self) -> Ask {
        Ask { range: None, etag: self.item.object.etag.clone(), version: self.item.version.clone() }
    }

    fn is_of_parts(&self) -> bool {
        self.item.object.etag.as_deref().is_some_and(|etag| etag.contains('-'))
    }

    fn wants_parts(&self) -> bool {
        let size = self.item.object.size;
        size > LARGEST_COPY || size > IN_PARTS && self.is_of_parts()
    }

    /// S3 copies in one call.
    async fn by_server(&self) -> Result<Option<&'static str>> {
        let writer = &self.desk.writer;
        let storage = self.desk.wishes.storage.clone();
        let class = match (&storage.class, &self.item.object.storage_class) {
            (Class::Keep, Some(class)) => Class::Named(class.clone()),
            (Class::Keep, None) => Class::Named(self.described().await?.1.stored.storage_class),
            (class, _) => class.clone(),
        };
        let (storage, source) = (Storage { class, ..storage }, self.source());
        let written = {
            let _slot = writer.pool.slot(0).await;
            writer.ask(|| writer.s3.copy(&source, &self.item.target, (None, &storage), self.onto)).await?
        };
        self.wrote.store(true, Ordering::Relaxed);
        self.share.written(self.item.object.size);
        if written.etag.is_some() && bare(&written.etag) == bare(&self.item.object.etag) {
            return Ok(Some(Algorithm::Md5.name()));
        }
        // Encrypted, or once uploaded in parts: then the object's checksum is to tell.
        let (stat, _) = self.described().await?;
        self.compare(stat.checksum.as_ref(), &written)
    }

    pub(super) async fn described(&self) -> Result<(Stat, Described)> {
        let (reader, ask) = (&self.desk.reader, self.ask());
        let _slot = reader.pool.slot(0).await;
        reader.ask(|| reader.s3.describe(&self.item.uri, &ask)).await
    }

    /// Its tags, where it may have some and they come along.
    pub(super) async fn tagged(&self, described: Described, may_have_tags: bool) -> Result<Stored> {
        let mut stored = described.stored;
        if may_have_tags && !self.desk.wishes.storage.without_tags {
            let reader = &self.desk.reader;
            let tags = || reader.s3.tags(&self.item.uri, self.item.version.as_deref());
            stored.tags = reader.ask(tags).await.map_err(or_without_tags)?;
            held(&self.desk.tags_told).insert(self.folder());
        }
        Ok(stored)
    }

    fn folder(&self) -> S3Uri {
        let S3Uri { bucket, key } = &self.item.uri;
        S3Uri::new(bucket, folder_of(key))
    }

    /// Read whole, compared, written whole.
    async fn through_memory(&self) -> Result<Option<&'static str>> {
        let Desk { reader, writer, wishes, .. } = &**self.desk;
        let (size, ask) = (self.item.object.size, self.ask());
        // One slot for both: whoever has read holds nobody up by waiting for leave to write.
        let slot = reader.pool.slot(size).await;
        let (bytes, stat, described) = reader
            .ask(|| async {
                let (body, described) = reader.s3.get_described(&self.item.uri, &ask).await?;
                let stat = body.stat.clone();
                let bytes = whole(body, size, &self.item.uri, reader.patience.silence).await?;
                Ok((bytes, stat, described))
            })
            .await?;
        slot.arrived(size);
        self.share.fetched(size);
        let told = stat.checksum;
        if let Some(told) = &told {
            self.matches(told, &checksum(told.algorithm, &bytes))?;
        }
        // Without a count there are none, or the role may not know of them. Policies differ by folder, so one of each is
        // asked.
        let may_have_tags = match described.tags {
            Some(count) => count > 0,
            None => !held(&self.desk.tags_told).contains(&self.folder()),
        };
        let stored = self.tagged(described, may_have_tags).await?;
        let own = match &told {
            Some(told) if told.algorithm.header().is_some() => told.clone(),
            _ => checksum(Algorithm::Crc64Nvme, &bytes),
        };
        let put = || writer.s3.put(&self.item.target, bytes.clone(), (&stored, &wishes.storage), &own, self.onto);
        let written = writer.ask(put).await?;
        self.wrote.store(true, Ordering::Relaxed);
        match (written.checksum(own.algorithm), written.checksum(Algorithm::Md5)) {
            (Some(theirs), _) => self.matches(&own, &theirs)?,
            // A server that knows no checksums has an ETag all the same.
            (None, Some(theirs)) => self.matches(&checksum(Algorithm::Md5, &bytes), &theirs)?,
            (None, None) => {}
        }
        self.share.written(size);
        Ok(told.map(|told| told.algorithm.name()))
    }

    /// Compares what the source tells with what was written, where both can be compared.
    pub(super) fn compare(&self, told: Option<&Checksum>, written: &Written) -> Result<Option<&'static str>> {
        let Some(told) = told else { return Ok(None) };
        match written.checksum(told.algorithm) {
            Some(theirs) => self.matches(told, &theirs).map(|()| Some(told.algorithm.name())),
            None => Ok(None),
        }
    }

    pub(super) fn matches(&self, expected: &Checksum, is: &Checksum) -> Result<()> {
        if expected == is {
            return Ok(());
        }
        Err(Error::Corrupt { resource: self.item.uri.to_string(), algorithm: expected.algorithm.name() })
    }
}

/// All bytes of an answer, of which there must be so many.
pub(super) async fn whole(mut body: Body, length: u64, uri: &S3Uri, silence: Duration) -> Result<Bytes> {
    if body.length != length {
        return Err(Error::Replaced { resource: uri.to_string() });
    }
    let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(next) = body.next_within(silence).await? {
        bytes.extend_from_slice(&next);
    }
    if bytes.len() as u64 != length {
        let message = format!("{} of {length} bytes came", bytes.len());
        return Err(Error::Network { endpoint: uri.to_string(), message });
    }
    Ok(bytes.freeze())
}

/// The checksum of some bytes.
pub(super) fn checksum(algorithm: Algorithm, bytes: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
