//! The bytes of objects: kept, or made up position by position, and sent in chunks.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use s3s::crypto::{Checksum as _, Crc64Nvme, Md5};
use tokio::time::{Instant, Sleep, sleep_until};

use super::state::locked;
use crate::domain::text::hex;

/// Bytes in one chunk of an answer.
const CHUNK: u64 = 64 * 1024;

/// Above this length the MD5 and the CRC of made-up content are not worth their time: the ETag is then one as of
/// a multipart upload, which promises nothing about the bytes.
const DIGESTED: u64 = 16 * 1024 * 1024;

/// The part size that an opaque ETag pretends.
const PART: u64 = 8 * 1024 * 1024;

/// How long a connection that shall break stays open for the bytes before.
const FLUSH: Duration = Duration::from_millis(20);

/// What an object holds.
#[derive(Clone)]
pub(super) enum Content {
    Kept(Bytes),
    /// Bytes that follow from `seed` and their position alone, so that all ranges agree.
    Made {
        length: u64,
        seed: u64,
        pace: Option<Arc<Pace>>,
    },
}

/// How fast an object is sent, over all connections that read it: a client that reads eight ranges at once is
/// no faster than one that reads the whole.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    /// When everything will have been sent that was taken so far.
    busy_until: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64) -> Pace {
        Pace { bytes_per_second: bytes_per_second.max(1), busy_until: Mutex::default() }
    }

    /// When `bytes` more will have been sent.
    fn take(&self, bytes: u64) -> Instant {
        let mut busy_until = locked(&self.busy_until);
        let now = Instant::now();
        let begin = busy_until.map_or(now, |until| until.max(now));
        let end = begin + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        *busy_until = Some(end);
        end
    }
}

/// What S3 tells about the bytes of an object.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    /// The ETag without its quotes.
    pub etag: String,
    /// The CRC64NVME of the whole object in base64, where it was computed.
    pub crc64nvme: Option<String>,
}

// The bytes themselves would fill every message about a bucket.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self, Content::Kept(_)) { "kept" } else { "made" };
        write!(f, "{} bytes, {kind}", self.length())
    }
}

impl Content {
    /// The length in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Content::Kept(bytes) => bytes.len() as u64,
            Content::Made { length, .. } => *length,
        }
    }

    /// The bytes from `start` on, at most `length` of them and never past the end.
    pub(super) fn read(&self, start: u64, length: u64) -> Bytes {
        let end = start.saturating_add(length).min(self.length());
        let start = start.min(end);
        match self {
            // Both ends lie within a length that came from a usize.
            Content::Kept(bytes) => bytes.slice(start as usize..end as usize),
            Content::Made { seed, .. } => made(*seed, start, end),
        }
    }

    /// The ETag and the checksum.
    pub(super) fn digests(&self) -> Digests {
        let length = self.length();
        if let Content::Made { seed, .. } = self
            && length > DIGESTED
        {
            let etag = format!("{:016x}{:016x}-{}", scramble(*seed), scramble(length), length.div_ceil(PART));
            return Digests { etag, crc64nvme: None };
        }
        let (mut md5, mut crc) = (Md5::new(), Crc64Nvme::new());
        let mut position = 0;
        while position < length {
            let chunk = self.read(position, CHUNK);
            md5.update(&chunk);
            crc.update(&chunk);
            position += chunk.len() as u64;
        }
        Digests { etag: hex(md5.finalize().as_ref()), crc64nvme: Some(base64(crc.finalize().as_ref())) }
    }
}

fn made(seed: u64, start: u64, end: u64) -> Bytes {
    let first = start / 8;
    let words = first..end.div_ceil(8);
    let mut bytes = Vec::with_capacity(((words.end - words.start) * 8) as usize);
    for word in words {
        bytes.extend_from_slice(&scramble(seed ^ scramble(word)).to_le_bytes());
    }
    Bytes::from(bytes).slice((start - first * 8) as usize..(end - first * 8) as usize)
}

/// The finalizer of SplitMix64: a different number for every number.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// An answer's body: a range of content, sent chunk by chunk, at its pace where it has one.
pub(super) struct Sending {
    content: Content,
    position: u64,
    end: u64,
    /// Where the connection breaks, for tests of what a client then does.
    cut: Option<u64>,
    breaking: bool,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Sending {
    /// Sends `range` of `content`; with `cut_after`, breaks after that many bytes.
    pub(super) fn new(content: Content, range: std::ops::Range<u64>, cut_after: Option<u64>) -> Sending {
        Sending {
            content,
            position: range.start,
            end: range.end,
            cut: cut_after.map(|bytes| range.start.saturating_add(bytes)),
            breaking: false,
            pause: None,
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.cut == Some(this.position) && !this.breaking {
            // hyper drops what it has not written when a body fails, so give it the time to write.
            this.breaking = true;
            this.pause = Some(Box::pin(sleep_until(Instant::now() + FLUSH)));
        }
        if let Some(pause) = &mut this.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        if this.breaking {
            return Poll::Ready(Some(Err(io::Error::other("cut off, as the test asked"))));
        }
        if this.position >= this.end {
            return Poll::Ready(None);
        }
        let mut length = CHUNK.min(this.end - this.position);
        if let Some(cut) = this.cut {
            length = length.min(cut - this.position);
        }
        let chunk = this.content.read(this.position, length);
        this.position += chunk.len() as u64;
        if let Content::Made { pace: Some(pace), .. } = &this.content {
            this.pause = Some(Box::pin(sleep_until(pace.take(chunk.len() as u64))));
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end - self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_of_made_content_agrees_with_the_whole() {
        let content = Content::Made { length: 1000, seed: 7, pace: None };
        let whole = content.read(0, 1000);
        for start in [0, 1, 7, 8, 9, 500, 999, 1000] {
            for length in [0, 1, 8, 13, 2000] {
                let end = (start + length).min(1000);
                assert_eq!(content.read(start, length), whole.slice(start as usize..end as usize));
            }
        }
    }

    #[test]
    fn digests_are_those_of_s3() {
        let digests = Content::Kept(Bytes::from_static(b"123456789")).digests();
        assert_eq!(digests.etag, "25f9e794323b453885f5181f1b624d0b");
        // The check value of CRC-64/NVME is ae8b14860a799888.
        assert_eq!(digests.crc64nvme.as_deref(), Some("rosUhgp5mIg="));
    }
}
