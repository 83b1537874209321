//! Uploads in parts: what came so far, and what becomes of it.
//!
//! Amazon S3 User Guide, "Uploading and copying objects using multipart upload".

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::bucket::Object;
use super::content::Content;
use super::digests::{Digests, composite, etag_of_parts};
use crate::domain::checksum::Algorithm;

/// The least that a part has, but the last.
pub(super) const SMALLEST_PART: u64 = 5 * 1024 * 1024;

/// The most parts of an object.
pub(super) const PARTS: i32 = 10_000;

/// An upload in parts that is not complete.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub initiated: Timestamp,
    /// The ARN of who began it.
    pub initiator: String,
    /// What the object will be, without its bytes.
    pub object: Object,
    /// The checksum that the object will have.
    pub algorithm: Algorithm,
    /// Whether that was asked for. S3 makes a CRC64NVME by itself.
    pub asked: bool,
    /// Whether the checksum is one of the checksums of the parts.
    pub composite: bool,
    pub parts: BTreeMap<i32, UploadedPart>,
}

/// A part that was uploaded or copied.
#[derive(Clone, Debug)]
pub(super) struct UploadedPart {
    pub content: Content,
    /// The ETag without its quotes.
    pub etag: String,
    /// In base64.
    pub checksum: Option<String>,
    pub modified: Timestamp,
}

/// Why an upload cannot be completed as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// A part that was never uploaded, or another one in its place.
    Invalid,
    /// The numbers do not rise.
    Order,
    /// This part is below 5 MiB and not the last.
    Small(i32),
}

impl Upload {
    /// The object of these parts, each with the ETag that the caller knows.
    pub(super) fn complete<'a>(&self, parts: impl Iterator<Item = (i32, &'a str)>) -> Result<Object, Incomplete> {
        let mut chosen: Vec<(i32, &UploadedPart)> = Vec::new();
        for (number, etag) in parts {
            if chosen.last().is_some_and(|(before, _)| *before >= number) {
                return Err(Incomplete::Order);
            }
            let part = self.parts.get(&number).filter(|part| part.etag == etag).ok_or(Incomplete::Invalid)?;
            chosen.push((number, part));
        }
        let all_but_last = &chosen[..chosen.len().saturating_sub(1)];
        if let Some((number, _)) = all_but_last.iter().find(|(_, part)| part.content.length() < SMALLEST_PART) {
            return Err(Incomplete::Small(*number));
        }
        let ends = chosen.iter().scan(0, |end, (_, part)| {
            *end += part.content.length();
            Some(*end)
        });
        let etag = etag_of_parts(chosen.iter().map(|(_, part)| part.etag.as_str()));
        let sums: Option<Vec<&str>> = chosen.iter().map(|(_, part)| part.checksum.as_deref()).collect();
        let sum = sums.filter(|_| self.composite).map(|sums| composite(self.algorithm, sums.into_iter()));
        let digests = Digests::uploaded(self.algorithm, self.composite, ends.collect(), etag, sum);
        let content = Content::join(chosen.iter().map(|(_, part)| part.content.clone()));
        Ok(self.object.clone().uploaded(content, digests))
    }
}
