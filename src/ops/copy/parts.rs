//! A large object, part by part: by S3 itself, or through here. What is there after an interruption is not copied again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::object::{There, Work, checksum, whole};
use crate::aws::s3::{Ask, Source, Upload, UploadedPart, Written};
use crate::domain::checksum::{Algorithm, Checksum, Hasher, combined, etag_of_parts};
use crate::domain::copy::{Cut, LARGEST_COPY, Stored, Way, bare, same_bytes};
use crate::domain::transfer::Event;
use crate::error::{Error, Result};
use crate::local::lock::held;
use crate::local::part::identity;
use crate::local::uploads::{Alone, Journal, Known};
use crate::ops::ends::finished;
use crate::ops::transfer::fetch::{Line, blocking};
use crate::ops::transfer::pool::Slot;
use crate::ops::transfer::retry::{Verdict, verdict};

/// Bytes of a part that goes through here, and what a killed run may have to copy again for each of its requests.
const STREAMED: u64 = 8 << 20;

/// Bytes of a part that goes through here at most, when the source's own parts are kept.
const LARGEST_STREAMED: u64 = 16 << 20;

/// Bytes of a part that S3 copies.
const SERVER: u64 = 64 << 20;

/// Parts of one object that wait for an answer at the same time.
const AT_ONCE: usize = 64;

/// How long one waits for another run without a word.
const A_MOMENT: Duration = Duration::from_millis(500);

/// The MD5 of an object whose parts come in any order: each waits until those before it were taken.
struct Chain {
    hasher: std::sync::Mutex<Hasher>,
    next: watch::Sender<u64>,
}

impl Chain {
    async fn take(&self, number: u64, bytes: &[u8]) {
        let mut next = self.next.subscribe();
        // The sender lives as long as we do.
        _ = next.wait_for(|next| *next == number).await;
        held(&self.hasher).update(bytes);
        self.next.send_modify(|next| *next += 1);
    }

    fn finish(&self) -> Checksum {
        held(&self.hasher).clone().finish()
    }
}

/// What a task needs to bring one part.
struct Bringer {
    reader: Line,
    writer: Line,
    way: Way,
    source: Source,
    upload: Upload,
    silence: std::time::Duration,
    chain: Option<Arc<Chain>>,
}

impl Work<'_> {
    /// Gives the checksum that was compared.
    pub(super) async fn in_parts(&self) -> Result<Option<&'static str>> {
        let (stat, described) = self.described().await?;
        if stat.size != self.item.object.size {
            return Err(Error::Replaced { resource: self.item.uri.to_string() });
        }
        let journal = self.journal();
        let alone = self.alone(&journal).await?;
        let cut = self.cut().await?;
        // Not every server counts them in its answer to HEAD.
        let stored = self.tagged(described, true).await?;
        let told = stat.checksum;
        // What the parts have is to be combined to what the source has.
        let algorithm = told.as_ref().map(|told| told.algorithm).filter(|algorithm| algorithm.combines());
        let algorithm = algorithm.unwrap_or(Algorithm::Crc64Nvme);
        let (upload, mut parts) = match self.taken_up(&journal, &cut).await? {
            Some(known) => known,
            None => (self.begun(&journal, &cut, stored, algorithm).await?, BTreeMap::new()),
        };
        let there: u64 = parts.values().map(|part: &UploadedPart| part.size).sum();
        self.share.spared(there);
        let wants_md5 = told.as_ref().is_some_and(|told| told.algorithm == Algorithm::Md5);
        let chain = (wants_md5 && parts.is_empty() && self.desk.way == Way::Streamed)
            .then(|| Arc::new(Chain { hasher: Hasher::new(Algorithm::Md5).into(), next: watch::Sender::new(1) }));
        let brought = self.bring(&cut, &upload, &mut parts, chain.clone()).await;
        let finished = match brought {
            Ok(()) => self.finished(&upload, &parts, told.as_ref(), chain.as_deref()).await,
            Err(error) => Err(error),
        };
        match finished {
            Ok(checked) => {
                self.share.taken_up();
                blocking(move || journal.forget(alone)).await?;
                Ok(checked)
            }
            Err(error) => {
                // Parts of another object, or wrong ones. Of any other end the parts stay for the next run.
                if verdict(&error) == Verdict::Anew
                    && let Err(other) = self.give_up(journal, alone, upload, &cut).await
                {
                    // What is not given up now the next one that comes here gives up.
                    tracing::warn!(%other, "an upload could not be given up");
                }
                Err(error)
            }
        }
    }

    /// Keeps others away from the upload. One that had to wait for another looks at what that has made.
    async fn alone(&self, journal: &Journal) -> Result<Alone> {
        let mut waiting = std::pin::pin!(journal.alone());
        let soon = tokio::time::timeout(A_MOMENT, &mut waiting).await;
        if let Ok(alone) = soon {
            return alone;
        }
        let text = format!("another run copies it to {}; this one waits for it", self.item.target);
        self.desk.tell(Event::Note(self.item.uri.clone(), text));
        let alone = waiting.await?;
        match self.desk.look(&self.item.target).await? {
            There::Object(_) => Err(Error::Replaced { resource: self.item.target.to_string() }),
            _ => Ok(alone),
        }
    }

    /// Says of the upload that nobody shall go on with it, ends it, and forgets it: in this order, so that one that is
    /// killed in between leaves nothing that costs money for ever.
    async fn give_up(&self, journal: Journal, alone: Alone, upload: Upload, cut: &Cut) -> Result<()> {
        let (known, place) = (Known { given_up: true, ..self.known(&upload, cut) }, journal.clone());
        blocking(move || place.write(&known)).await?;
        let writer = &self.desk.writer;
        writer.ask(|| writer.s3.abort(&upload)).await?;
        blocking(move || journal.forget(alone)).await
    }

    /// As the source was cut, where that is possible: then the copy's ETag is the source's.
    async fn cut(&self) -> Result<Cut> {
        let (size, reader) = (self.item.object.size, &self.desk.reader);
        let (wished, largest) = match self.desk.way {
            Way::Server => (SERVER, LARGEST_COPY),
            Way::Streamed => (STREAMED, LARGEST_STREAMED),
        };
        if self.item.object.etag.as_deref().is_some_and(|etag| etag.contains('-')) {
            let ask = self.ask();
            let first = reader.ask(|| reader.s3.first_part(&self.item.uri, &ask)).await?;
            let own = first.and_then(|(first, count)| Cut::of_source(size, first, count, largest));
            if let Some(cut) = own {
                return Ok(cut);
            }
        }
        Ok(Cut::new(size, wished))
    }

    /// Under the same name for all that may ever be at the source, so that what was left of another object is found.
    fn journal(&self) -> Journal {
        let (source, target) = (&self.item.uri, &self.item.target);
        let version = self.item.version.as_deref().unwrap_or_default();
        let caller = self.desk.writer.s3.caller();
        let texts = [&source.bucket, &source.key, version, &target.bucket, &target.key, caller];
        Journal::new(&self.desk.journals, identity(texts))
    }

    fn known(&self, upload: &Upload, cut: &Cut) -> Known {
        Known {
            upload_id: upload.id.clone(),
            target: upload.uri.to_string(),
            source: self.item.uri.to_string(),
            etag: self.item.object.etag.clone(),
            size: cut.size,
            part: cut.part,
            algorithm: upload.algorithm.map(|algorithm| algorithm.name().to_owned()),
            storage: format!("{:?}", self.desk.wishes.storage),
            given_up: false,
        }
    }

    /// The upload that an earlier run has left, and its parts.
    async fn taken_up(&self, journal: &Journal, cut: &Cut) -> Result<Option<(Upload, BTreeMap<u32, UploadedPart>)>> {
        let place = journal.clone();
        let Some(known) = blocking(move || place.read()).await? else { return Ok(None) };
        let algorithm = [Algorithm::Crc64Nvme, Algorithm::Crc32, Algorithm::Crc32c];
        let algorithm = algorithm.into_iter().find(|one| Some(one.name()) == known.algorithm.as_deref());
        let upload = Upload { uri: self.item.target.clone(), id: known.upload_id.clone(), algorithm };
        let writer = &self.desk.writer;
        // Without an ETag nothing tells whether the object is still the same.
        let parts = match self.item.object.etag.is_some() && known == self.known(&upload, cut) {
            true => writer.ask(|| writer.s3.uploaded_parts(&upload)).await,
            false => Err(Error::Replaced { resource: self.item.uri.to_string() }),
        };
        let parts = match parts {
            Ok(Some(parts)) => parts,
            Ok(None) => return Ok(None),
            // Nobody would ever finish it.
            Err(Error::Denied { .. } | Error::Replaced { .. }) => {
                match writer.ask(|| writer.s3.abort(&upload)).await {
                    Err(error @ Error::Denied { .. }) => {
                        let text = format!("what an earlier run has uploaded of it stays there and costs: {error}");
                        self.desk.tell(Event::Note(self.item.target.clone(), text));
                    }
                    answer => answer?,
                }
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let fits = |part: &UploadedPart| {
            let number = u64::from(part.number);
            let right = (1..=cut.parts()).contains(&number) && {
                let range = cut.range(number);
                part.size == range.end - range.start
            };
            right && algorithm.is_none_or(|algorithm| part.written.checksum(algorithm).is_some())
        };
        Ok(Some((upload, parts.into_iter().filter(fits).map(|part| (part.number, part)).collect())))
    }

    /// Begins an upload and writes it down, to the end also when nobody waits for it any more: an upload that nobody
    /// knows would cost money for ever.
    async fn begun(&self, journal: &Journal, cut: &Cut, stored: Stored, algorithm: Algorithm) -> Result<Upload> {
        let (writer, storage, target) =
            (self.desk.writer.clone(), self.desk.wishes.storage.clone(), self.item.target.clone());
        let known = self.known(&Upload { uri: target.clone(), id: String::new(), algorithm: None }, cut);
        let (place, leave) = (journal.clone(), self.desk.ends.begin().await);
        let begun = async move {
            let _leave = leave;
            let begin = || writer.s3.begin_upload(&target, (&stored, &storage), algorithm);
            let upload = writer.ask(begin).await?;
            let algorithm = upload.algorithm.map(|algorithm| algorithm.name().to_owned());
            let known = Known { upload_id: upload.id.clone(), algorithm, ..known };
            if let Err(error) = blocking(move || place.write(&known)).await {
                if let Err(other) = writer.ask(|| writer.s3.abort(&upload)).await {
                    tracing::warn!(%other, "an upload could not be given up");
                }
                return Err(error);
            }
            Ok(upload)
        };
        finished(tokio::spawn(begun)).await
    }

    /// Copies what is missing.
    async fn bring(
        &self,
        cut: &Cut,
        upload: &Upload,
        parts: &mut BTreeMap<u32, UploadedPart>,
        chain: Option<Arc<Chain>>,
    ) -> Result<()> {
        let desk = self.desk;
        let bringer = Arc::new(Bringer {
            reader: desk.reader.clone(),
            writer: desk.writer.clone(),
            way: desk.way,
            source: self.source(),
            upload: upload.clone(),
            silence: desk.reader.patience.silence,
            chain,
        });
        let mut tasks: JoinSet<Result<UploadedPart>> = JoinSet::new();
        let missing =
            (1..=cut.parts()).filter(|number| u32::try_from(*number).is_ok_and(|number| !parts.contains_key(&number)));
        let missing: Vec<u64> = missing.collect();
        for number in missing {
            while tasks.len() >= AT_ONCE {
                self.brought(tasks.join_next().await, parts)?;
            }
            let range = cut.range(number);
            let held = if desk.way == Way::Streamed { range.end - range.start } else { 0 };
            desk.reader.control.running().await;
            // Here and in the order of the parts, so that none waits for one before it that has no slot.
            let slot = desk.reader.pool.slot(held).await;
            let (bringer, share) = (Arc::clone(&bringer), Arc::clone(self.share));
            tasks.spawn(async move {
                let part = bringer.part(number, range, slot).await?;
                if bringer.way == Way::Streamed {
                    share.fetched(part.size);
                }
                share.written(part.size);
                Ok(part)
            });
            while let Some(done) = tasks.try_join_next() {
                self.brought(Some(done), parts)?;
            }
        }
        while let Some(done) = tasks.join_next().await {
            self.brought(Some(done), parts)?;
        }
        Ok(())
    }

    fn brought(
        &self,
        done: Option<Result<Result<UploadedPart>, tokio::task::JoinError>>,
        parts: &mut BTreeMap<u32, UploadedPart>,
    ) -> Result<()> {
        match done {
            Some(Ok(part)) => {
                let part = part?;
                parts.insert(part.number, part);
                Ok(())
            }
            Some(Err(error)) => Err(Error::Crashed { message: error.to_string() }),
            None => Ok(()),
        }
    }

    /// Makes an object of the parts, if they are the source's.
    async fn finished(
        &self,
        upload: &Upload,
        parts: &BTreeMap<u32, UploadedPart>,
        told: Option<&Checksum>,
        chain: Option<&Chain>,
    ) -> Result<Option<&'static str>> {
        let parts: Vec<UploadedPart> = parts.values().cloned().collect();
        let whole = upload.algorithm.and_then(|algorithm| {
            let crc = |part: &UploadedPart| Some((part.written.checksum(algorithm)?.number()?, part.size));
            let crcs: Option<Vec<_>> = parts.iter().map(crc).collect();
            combined(algorithm, crcs?)
        });
        let own = match (told, chain) {
            (Some(told), Some(chain)) if told.algorithm == Algorithm::Md5 => Some(chain.finish()),
            _ => whole.clone(),
        };
        let mut checked = None;
        if let (Some(told), Some(own)) = (told, &own)
            && told.algorithm == own.algorithm
        {
            self.matches(told, own)?;
            checked = Some(told.algorithm.name());
        }
        let writer = &self.desk.writer;
        let complete = || writer.s3.complete(upload, &parts, whole.as_ref(), self.onto);
        let written = match writer.ask(complete).await {
            // The answer to an attempt before this one was lost, or another has given it up.
            Err(Error::Aws { code, .. }) if code == "NoSuchUpload" => self.completed(&parts, whole.as_ref()).await?,
            answer => answer?,
        };
        self.wrote.store(true, Ordering::Relaxed);
        if let (Some(whole), Some(theirs)) = (&whole, upload.algorithm.and_then(|one| written.checksum(one))) {
            self.matches(whole, &theirs)?;
        }
        let same_etag = written.etag.is_some() && bare(&written.etag) == bare(&self.item.object.etag);
        Ok(checked.or(same_etag.then_some("ETag")))
    }

    /// The object that the parts have become, by the proof of what is there: its checksum or its ETag is what they
    /// combine to.
    async fn completed(&self, parts: &[UploadedPart], whole: Option<&Checksum>) -> Result<Written> {
        let (desk, target) = (self.desk, &self.item.target);
        let of_parts = etag_of_parts(parts.iter().map(|part| part.written.etag.as_deref().unwrap_or_default()));
        let proves = |etag: &Option<String>| of_parts.is_some() && bare(etag) == of_parts.as_deref();
        let (etag, is_proven) = match desk.writer.stat(target, &Ask::default()).await {
            Ok(stat) => {
                let told: Vec<_> = stat.checksums().cloned().collect();
                let is_proven = proves(&stat.etag) || same_bytes(whole, &told) == Some(true);
                (stat.etag, is_proven)
            }
            Err(Error::NotFound { .. }) => (None, false),
            Err(Error::Denied { .. }) => match desk.look_in_listing(target).await? {
                There::Object(there) => (there.etag.clone(), proves(&there.etag)),
                There::Nothing => (None, false),
                There::Unknown => {
                    let message = format!("whether the upload of {target} was completed cannot be seen");
                    return Err(Error::Network { endpoint: target.to_string(), message });
                }
            },
            Err(error) => return Err(error),
        };
        if !is_proven {
            return Err(Error::Replaced { resource: target.to_string() });
        }
        Ok(Written { etag, checksums: Vec::new(), etag_is_md5: false })
    }
}

impl Bringer {
    async fn part(&self, number: u64, range: std::ops::Range<u64>, slot: Slot) -> Result<UploadedPart> {
        let size = range.end - range.start;
        let place = u32::try_from(number).unwrap_or(u32::MAX);
        let written = match self.way {
            Way::Server => {
                let copy = || self.writer.s3.copy_part(&self.source, Some(range.clone()), &self.upload, place);
                self.writer.ask(copy).await?
            }
            Way::Streamed => {
                let bytes = self.reader.ask(|| self.read(range.clone())).await?;
                if let Some(chain) = &self.chain {
                    chain.take(number, &bytes).await;
                }
                let own = checksum(self.upload.algorithm.unwrap_or(Algorithm::Md5), &bytes);
                let upload = || self.writer.s3.upload_part(&self.upload, place, bytes.clone(), &own);
                let mut written = self.writer.ask(upload).await?;
                match written.checksum(own.algorithm) {
                    Some(theirs) if theirs != own => {
                        let resource = self.source.uri.to_string();
                        return Err(Error::Corrupt { resource, algorithm: own.algorithm.name() });
                    }
                    Some(_) => {}
                    // It was compared by the server, which does not say so.
                    None if self.upload.algorithm.is_some() => written.checksums.push(own),
                    None => {}
                }
                written
            }
        };
        slot.arrived(size);
        Ok(UploadedPart { number: place, size, written })
    }

    async fn read(&self, range: std::ops::Range<u64>) -> Result<Bytes> {
        let length = range.end - range.start;
        let Source { uri, version, etag } = &self.source;
        let ask = Ask { range: Some(range), etag: etag.clone(), version: version.clone() };
        whole(self.reader.s3.get(uri, &ask).await?, length, uri, self.silence).await
    }
}
