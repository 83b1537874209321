//! The bytes of objects: kept, or made up position by position, and sent in chunks.

use std::fmt;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ledger::Damage;
use super::state::{State, locked};

/// Bytes in one chunk of an answer.
pub(super) const CHUNK: u64 = 64 * 1024;

/// How long a connection that shall break stays open for the bytes before.
const FLUSH: Duration = Duration::from_millis(20);

/// What an object holds.
#[derive(Clone)]
pub(super) enum Content {
    Kept(Bytes),
    /// Bytes that are drawn up when somebody first looks.
    Drawn(Arc<LazyLock<Bytes, fn() -> Bytes>>),
    /// Bytes that follow from `seed` and their position alone, so that all ranges agree.
    Made {
        length: u64,
        seed: u64,
        pace: Option<Arc<Pace>>,
    },
    /// Ranges of other content, one behind the other: what a copy or an upload in parts is put together from.
    Joined(Arc<Joined>),
}

/// Ranges of other content, none of which is itself joined.
#[derive(Clone, Debug, Default)]
pub(super) struct Joined {
    length: u64,
    /// Where each piece begins, what it is taken from, and which range of that.
    pieces: Vec<(u64, Content, Range<u64>)>,
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

// The bytes themselves would fill every message about a bucket.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Kept(bytes) => write!(f, "{} bytes, kept", bytes.len()),
            Content::Drawn(_) => write!(f, "drawn"),
            Content::Made { length, .. } => write!(f, "{length} bytes, made"),
            Content::Joined(joined) => write!(f, "{} bytes of {} pieces", joined.length, joined.pieces.len()),
        }
    }
}

impl Content {
    /// The length in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Content::Kept(bytes) => bytes.len() as u64,
            Content::Drawn(bytes) => bytes.len() as u64,
            Content::Made { length, .. } => *length,
            Content::Joined(joined) => joined.length,
        }
    }

    /// These contents one behind the other. It takes no bytes but the references, and ranges that together are all of
    /// a made-up object are that object again.
    pub(super) fn join(contents: impl IntoIterator<Item = Content>) -> Content {
        let mut joined = Joined::default();
        for content in contents {
            match content {
                Content::Joined(inner) => {
                    inner.pieces.iter().for_each(|(_, content, range)| joined.add(content, range.clone()));
                }
                content => joined.add(&content, 0..content.length()),
            }
        }
        match &joined.pieces[..] {
            [] => Content::Kept(Bytes::new()),
            [(_, content, range)] if *range == (0..content.length()) => content.clone(),
            [(_, content @ (Content::Kept(_) | Content::Drawn(_)), range)] => {
                Content::Kept(content.read(range.start, range.end - range.start))
            }
            _ => Content::Joined(Arc::new(joined)),
        }
    }

    /// A range of this content, by reference.
    pub(super) fn part(&self, range: Range<u64>) -> Content {
        let mut part = Joined::default();
        self.pieces(range).for_each(|(content, range)| part.add(content, range));
        Content::join([Content::Joined(Arc::new(part))])
    }

    /// What a range consists of: contents that are not joined, and the range of each.
    pub(super) fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = (&Content, Range<u64>)> {
        let end = range.end.min(self.length());
        let start = range.start.min(end);
        let (own, joined) = match self {
            Content::Joined(joined) => (None, &joined.pieces[joined.place(start)..]),
            content => (Some((content, start..end)), &[][..]),
        };
        let inside = joined.iter().take_while(move |(begin, ..)| *begin < end).map(move |(begin, content, piece)| {
            let from = piece.start + start.saturating_sub(*begin);
            (content, from..piece.end.min(piece.start + (end - begin)))
        });
        own.into_iter().chain(inside).filter(|(_, range)| !range.is_empty())
    }

    /// Bytes of it that are made up.
    pub(super) fn made_up(&self) -> u64 {
        let made = self.pieces(0..self.length()).filter(|(content, _)| matches!(content, Content::Made { .. }));
        made.map(|(_, range)| range.end - range.start).sum()
    }

    /// The pace that holds at a position.
    fn pace(&self, position: u64) -> Option<&Pace> {
        match self.pieces(position..position + 1).next() {
            Some((Content::Made { pace: Some(pace), .. }, _)) => Some(pace),
            _ => None,
        }
    }

    /// The bytes from `start` on, at most `length` of them and never past the end.
    pub(super) fn read(&self, start: u64, length: u64) -> Bytes {
        let end = start.saturating_add(length).min(self.length());
        let start = start.min(end);
        match self {
            // Both ends lie within a length that came from a usize.
            Content::Kept(bytes) => bytes.slice(start as usize..end as usize),
            Content::Drawn(bytes) => bytes.slice(start as usize..end as usize),
            Content::Made { seed, .. } => made(*seed, start, end),
            Content::Joined(_) => {
                let mut pieces =
                    self.pieces(start..end).map(|(content, range)| content.read(range.start, range.end - range.start));
                match (pieces.next(), pieces.next()) {
                    (first, None) => first.unwrap_or_default(),
                    (first, second) => {
                        let all: Vec<u8> = first.into_iter().chain(second).chain(pieces).flatten().collect();
                        Bytes::from(all)
                    }
                }
            }
        }
    }

    /// The bytes in order, chunk by chunk.
    pub(super) fn chunks(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> {
        let mut position = range.start;
        std::iter::from_fn(move || {
            let chunk = self.read(position, CHUNK.min(range.end.saturating_sub(position)));
            position += chunk.len() as u64;
            Some(chunk).filter(|chunk| !chunk.is_empty())
        })
    }
}

impl Joined {
    /// Adds a range behind what there is. One that goes on where the last ends is made one with it.
    fn add(&mut self, content: &Content, range: Range<u64>) {
        let begin = self.length;
        self.length += range.end - range.start;
        if let (Some((_, Content::Made { length, seed, .. }, last)), Content::Made { length: other, seed: of, .. }) =
            (self.pieces.last_mut(), content)
            && (*length, *seed, last.end) == (*other, *of, range.start)
        {
            last.end = range.end;
        } else if !range.is_empty() {
            self.pieces.push((begin, content.clone(), range));
        }
    }

    /// The piece in which a position lies.
    fn place(&self, position: u64) -> usize {
        self.pieces.partition_point(|(begin, ..)| *begin <= position).saturating_sub(1)
    }
}

/// Random bytes, of which made-up content is cut: a table is faster than arithmetic, above all in a debug build.
pub(super) static RANDOM: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..2 * CHUNK / 8).flat_map(|word| scramble(word).to_le_bytes()).collect());

/// The bytes of `seed` from `start` to `end`. Every [`CHUNK`] of them begins with a number of its own, so that no two
/// are alike, and goes on with the random bytes from a place that the number tells.
fn made(seed: u64, start: u64, end: u64) -> Bytes {
    let mut bytes = Vec::with_capacity((end - start) as usize);
    let mut position = start;
    while position < end {
        let (chunk, within) = (position / CHUNK, position % CHUNK);
        let until = end.min((chunk + 1) * CHUNK) - chunk * CHUNK;
        let number = chunk_number(seed, chunk);
        let place = chunk_place(number);
        let begin = bytes.len();
        bytes.extend_from_slice(&RANDOM[place + within as usize..place + until as usize]);
        let head = number.to_le_bytes();
        for offset in within..until.min(8).max(within) {
            bytes[begin + (offset - within) as usize] = head[offset as usize];
        }
        position += until - within;
    }
    Bytes::from(bytes)
}

/// The number that a chunk begins with.
pub(super) fn chunk_number(seed: u64, chunk: u64) -> u64 {
    scramble(seed ^ scramble(chunk))
}

/// Where in the random table the bytes of a chunk with this number are.
pub(super) fn chunk_place(number: u64) -> usize {
    (number % CHUNK) as usize
}

/// The finalizer of SplitMix64: a different number for every number.
pub(super) fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number that [`scramble`] makes this of.
fn unscramble(number: u64) -> u64 {
    let mut z = number ^ number >> 31 ^ number >> 62;
    z = z.wrapping_mul(0x3196_42b2_d24d_8ec3);
    z = (z ^ z >> 27 ^ z >> 54).wrapping_mul(0x96de_1b17_3f11_9089);
    z = z ^ z >> 30 ^ z >> 60;
    z.wrapping_sub(0x9e37_79b9_7f4a_7c15)
}

/// The range of made-up content that has these bytes, if it begins with a chunk: its number tells which that is.
/// What is streamed from one bucket to another takes no memory so, however long it is.
pub(super) fn recognized<'a>(bytes: &[u8], mut known: impl Iterator<Item = &'a Content>) -> Option<Content> {
    let number = u64::from_le_bytes(*bytes.first_chunk()?);
    known.find_map(|content| {
        let Content::Made { seed, .. } = content else {
            return None;
        };
        let start = unscramble(unscramble(number) ^ seed).checked_mul(CHUNK)?;
        let range = start..start.checked_add(bytes.len() as u64).filter(|end| *end <= content.length())?;
        let mut rest = bytes;
        let same = content.chunks(range.clone()).all(|chunk| match rest.split_at_checked(chunk.len()) {
            Some((head, tail)) => {
                rest = tail;
                head == chunk
            }
            None => false,
        });
        (same && rest.is_empty()).then(|| content.part(range))
    })
}

/// An answer's body: a range of content, sent chunk by chunk, at its pace where it has one.
pub(super) struct Sending {
    content: Content,
    position: u64,
    end: u64,
    /// What goes wrong on the way, at places counted from the first byte of the object.
    damage: Option<Damage>,
    breaking: bool,
    pause: Option<Pin<Box<Sleep>>>,
    /// Where the bytes are counted.
    state: Arc<State>,
}

impl Sending {
    /// Sends `range` of `content`, with this damage to it.
    pub(super) fn new(content: Content, range: Range<u64>, damage: Option<Damage>, state: Arc<State>) -> Sending {
        let place = |bytes: u64| range.start.saturating_add(bytes);
        let damage = damage.map(|damage| match damage {
            Damage::Cut(bytes) => Damage::Cut(place(bytes)),
            Damage::Stall(bytes) => Damage::Stall(place(bytes)),
            Damage::Flip(byte) => Damage::Flip(place(byte)),
        });
        Sending { content, position: range.start, end: range.end, damage, breaking: false, pause: None, state }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.damage == Some(Damage::Cut(this.position)) && !this.breaking {
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
        if this.damage == Some(Damage::Stall(this.position)) {
            // Nobody wakes this again: the connection ends when the client has had enough, or with the cloud.
            return Poll::Pending;
        }
        let mut length = CHUNK.min(this.end - this.position);
        if let Some(Damage::Cut(place) | Damage::Stall(place)) = this.damage
            && place > this.position
        {
            length = length.min(place - this.position);
        }
        let mut chunk = this.content.read(this.position, length);
        if let Some(Damage::Flip(place)) = this.damage
            && (this.position..this.position + length).contains(&place)
        {
            let mut wrong = chunk.to_vec();
            wrong[(place - this.position) as usize] ^= 1;
            chunk = Bytes::from(wrong);
        }
        this.position += chunk.len() as u64;
        this.state.ledger.carried(chunk.len() as u64);
        if let Some(pace) = this.content.pace(this.position - chunk.len() as u64) {
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
        let content = Content::Made { length: 200_000, seed: 7, pace: None };
        let whole = content.read(0, 200_000);
        assert_eq!(whole.len(), 200_000);
        for start in [0, 1, 7, 8, 9, 500, 65_535, 65_536, 65_540, 131_071, 199_999, 200_000] {
            for length in [0, 1, 3, 8, 13, 70_000, 400_000] {
                let end = (start + length).min(200_000);
                assert_eq!(content.read(start, length), whole.slice(start as usize..end as usize), "{start} {length}");
            }
        }
        assert_eq!(content.chunks(3..150_000).flatten().collect::<Vec<_>>(), whole[3..150_000]);
    }

    #[test]
    fn joined_content_is_read_as_one_and_stays_a_reference() {
        let kept = Content::Kept(Bytes::from_static(b"0123456789"));
        let made = Content::Made { length: 300_000, seed: 3, pace: None };
        let whole = made.read(0, 300_000);
        let parts = [made.part(0..100_000), made.part(100_000..250_000), made.part(250_000..300_000)];
        assert!(matches!(&parts[1], Content::Joined(joined) if joined.pieces.len() == 1));
        assert!(matches!(Content::join(parts.clone()), Content::Made { length: 300_000, seed: 3, .. }));
        assert!(matches!(Content::join([]), Content::Kept(bytes) if bytes.is_empty()));

        let mixed = Content::join([parts[1].clone(), kept.clone(), kept.part(2..5), parts[0].clone()]);
        let bytes = [&whole[100_000..250_000], b"0123456789234", &whole[..100_000]].concat();
        assert_eq!(mixed.length(), bytes.len() as u64);
        assert_eq!(mixed.made_up(), 250_000);
        for (start, end) in [(0, 5), (149_990, 150_012), (150_003, 150_004), (150_009, 150_020), (0, 250_013), (9, 9)] {
            assert_eq!(mixed.read(start, end - start), bytes[start as usize..end as usize], "{start} {end}");
            assert_eq!(mixed.part(start..end).read(0, u64::MAX), bytes[start as usize..end as usize], "{start} {end}");
        }
        assert_eq!(mixed.chunks(7..250_013).flatten().collect::<Vec<_>>(), bytes[7..]);
    }

    #[test]
    fn streamed_bytes_of_made_content_are_recognized() {
        let made = |seed| Content::Made { length: 300_000, seed, pace: None };
        let known = [made(4), Content::Kept(Bytes::from_static(b"kept")), made(5)];
        let found = |bytes: &[u8]| recognized(bytes, known.iter());
        for (start, end) in [(0, 300_000), (65_536, 200_000), (262_144, 300_000), (131_072, 131_080)] {
            let bytes = known[2].read(start, end - start);
            let content = found(&bytes).unwrap();
            assert_eq!((content.made_up(), content.read(0, u64::MAX)), (end - start, bytes), "{start} {end}");
        }
        let mut wrong = known[2].read(0, 1000).to_vec();
        wrong[999] ^= 1;
        assert!(found(&wrong).is_none() && found(b"short").is_none() && found(&known[2].read(1, 1000)).is_none());
        assert!((0..1000).all(|number| unscramble(scramble(number)) == number));
    }

    #[test]
    fn no_two_chunks_and_no_two_seeds_are_alike() {
        let content = |seed| Content::Made { length: 1 << 20, seed, pace: None };
        let mut chunks: Vec<Bytes> = content(1).chunks(0..1 << 20).chain(content(2).chunks(0..1 << 20)).collect();
        chunks.sort();
        chunks.dedup();
        assert_eq!(chunks.len(), 32);
    }
}
