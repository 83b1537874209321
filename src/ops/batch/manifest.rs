//! The manifest: written part by part while the listing goes on.

use bytes::Bytes;

use super::{BatchWish, Line, Listed, MOST_LARGE};
use crate::aws::s3::{Onto, Upload, UploadedPart};
use crate::domain::batch::{Digest, line, part_size};
use crate::domain::checksum::{Algorithm, Hasher};
use crate::domain::copy::{LARGEST_COPY, Storage, Stored};
use crate::domain::object::{Object, is_archived};
use crate::domain::uri::S3Uri;
use crate::error::Result;
use crate::ops::walk::Walk;

/// A manifest as it was written, or would be.
pub(super) struct Manifest {
    pub(super) listed: Listed,
    pub(super) digest: Digest,
    /// The entity tag that S3 gave it.
    pub(super) etag: Option<String>,
}

impl Manifest {
    /// Lists the sources and writes the manifest to `place`; without one it is only made up.
    pub(super) async fn make(
        reader: &Line,
        writer: &Line,
        wish: &BatchWish,
        place: Option<&S3Uri>,
        on_listed: &(dyn Fn(&Listed) + Send + Sync),
    ) -> Result<Self> {
        let mut sink = Sink { writer, place, upload: None, parts: Vec::new(), digest: Digest::default() };
        let made = fill(reader, wish, &mut sink, on_listed).await;
        let ended = match made {
            Ok(listed) => sink.complete().await.map(|etag| (listed, etag)),
            Err(error) => Err(error),
        };
        match ended {
            Ok((listed, etag)) => Ok(Self { listed, digest: sink.digest, etag }),
            Err(error) => {
                if let Some(upload) = &sink.upload {
                    // Its parts would cost something for ever. That this fails too changes nothing.
                    _ = writer.s3.abort(upload).await;
                }
                Err(error)
            }
        }
    }
}

async fn fill(
    reader: &Line,
    wish: &BatchWish,
    sink: &mut Sink<'_>,
    on_listed: &(dyn Fn(&Listed) + Send + Sync),
) -> Result<Listed> {
    let asking = reader.clone();
    // A listing may outlive its session.
    let mut walk = Walk::new(reader.s3.clone(), wish.uri.clone()).through(move |ask, question| {
        let line = asking.clone();
        Box::pin(async move { line.page(|| ask(question.clone())).await })
    });
    let (mut listed, mut buffer) = (Listed::default(), Vec::new());
    while let Some(objects) = walk.next().await? {
        for object in objects {
            let path = object.key.strip_prefix(wish.strip.as_str()).unwrap_or(&object.key);
            if !wish.select.allows(path, object.size, object.last_modified) || !note(&mut listed, &object) {
                continue;
            }
            line(&mut buffer, &wish.uri.bucket, &object.key);
            sink.digest.source(&object);
            if buffer.len() >= part_size(sink.next()) {
                sink.part(std::mem::take(&mut buffer)).await?;
            }
        }
        on_listed(&listed);
    }
    if !buffer.is_empty() {
        sink.part(buffer).await?;
    }
    Ok(listed)
}

/// Counts an object; says whether it is for the job.
fn note(listed: &mut Listed, object: &Object) -> bool {
    if object.storage_class.as_deref().is_some_and(is_archived) {
        listed.archived += 1;
        listed.first_archived.get_or_insert_with(|| object.key.clone());
        return false;
    }
    if object.size > LARGEST_COPY {
        listed.large_count += 1;
        listed.large_bytes += object.size;
        if listed.large.len() < MOST_LARGE {
            listed.large.push(object.key.clone());
        }
        return false;
    }
    listed.objects += 1;
    listed.bytes += object.size;
    true
}

/// Where the parts go.
struct Sink<'a> {
    writer: &'a Line,
    place: Option<&'a S3Uri>,
    upload: Option<Upload>,
    parts: Vec<UploadedPart>,
    digest: Digest,
}

impl Sink<'_> {
    /// The number of the next part.
    fn next(&self) -> u32 {
        self.digest.parts() + 1
    }

    async fn part(&mut self, bytes: Vec<u8>) -> Result<()> {
        let number = self.next();
        self.digest.part(&bytes);
        let Some(place) = self.place else { return Ok(()) };
        let writer = self.writer;
        if self.upload.is_none() {
            let stored = Stored { headers: vec![("content-type", "text/csv".to_owned())], ..Stored::default() };
            let storage = Storage::default();
            let begin = || writer.s3.begin_upload(place, (&stored, &storage), Algorithm::Crc64Nvme);
            self.upload = Some(writer.ask(begin).await?);
        }
        let Some(upload) = &self.upload else { return Ok(()) };
        let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
        hasher.update(&bytes);
        let (checksum, bytes) = (hasher.finish(), Bytes::from(bytes));
        let written = writer.ask(|| writer.s3.upload_part(upload, number, bytes.clone(), &checksum)).await?;
        self.parts.push(UploadedPart { number, size: bytes.len() as u64, written });
        Ok(())
    }

    /// Makes an object of the parts, and gives its entity tag.
    async fn complete(&self) -> Result<Option<String>> {
        let Some(upload) = &self.upload else { return Ok(None) };
        let (writer, checksum) = (self.writer, self.digest.checksum());
        let complete = || writer.s3.complete(upload, &self.parts, Some(&checksum), Onto::Anything);
        writer.ask(complete).await.map(|written| written.etag)
    }
}
