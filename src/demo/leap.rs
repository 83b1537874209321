//! CRC-64/NVME of made-up content without making it: 6 GiB take a moment, in a debug build too.
//!
//! Every chunk of such content is a number and a stretch of one table of random bytes, and a CRC is linear: the state
//! behind a chunk follows from the state before it, the number, and the CRCs of the table's beginnings.

use std::sync::LazyLock;

use super::content::{CHUNK, Content, RANDOM, chunk_number, chunk_place};

/// The polynomial ad93d23594c93659, its bits the other way round.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;

/// Bytes of a chunk that its number takes.
const HEAD: usize = 8;

/// The state behind one byte.
static STEPS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let shifted = |state: u64| if state & 1 == 1 { state >> 1 ^ POLYNOMIAL } else { state >> 1 };
    (0..256).map(|byte| (0..8).fold(byte, |state, _| shifted(state))).collect()
});

/// The states behind every beginning of the random table, from an empty state.
static BEGINNINGS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let behind = RANDOM.iter().scan(0, |state, byte| {
        *state = step(*state, *byte);
        Some(*state)
    });
    std::iter::once(0).chain(behind).collect()
});

/// What becomes of each byte of a state while a chunk's table bytes, or a whole chunk of zeros, go by.
static OVER_TAIL: LazyLock<Leap> = LazyLock::new(|| Leap::over(CHUNK as usize - HEAD));
static OVER_CHUNK: LazyLock<Leap> = LazyLock::new(|| Leap::over(CHUNK as usize));

fn step(state: u64, byte: u8) -> u64 {
    STEPS[usize::from(state as u8 ^ byte)] ^ state >> 8
}

/// The state behind many zeros, as a table of 256 for each of its eight bytes.
struct Leap(Vec<u64>);

impl Leap {
    fn over(zeros: usize) -> Leap {
        let bits: Vec<u64> = (0..64).map(|bit| (0..zeros).fold(1 << bit, |state, _| step(state, 0))).collect();
        let of = |place: usize| {
            let set = (0..8).filter(|bit| (place % 256) >> bit & 1 == 1);
            set.fold(0, |state, bit| state ^ bits[place / 256 * 8 + bit])
        };
        Leap((0..8 * 256).map(of).collect())
    }

    fn from(&self, state: u64) -> u64 {
        let bytes = state.to_le_bytes();
        bytes.iter().enumerate().fold(0, |sum, (place, byte)| sum ^ self.0[place * 256 + usize::from(*byte)])
    }
}

/// The CRC-64/NVME of a range.
pub(super) fn crc64(content: &Content, range: std::ops::Range<u64>) -> u64 {
    let mut state = u64::MAX;
    for (piece, range) in content.pieces(range) {
        let mut position = range.start;
        while position < range.end {
            let length = (CHUNK - position % CHUNK).min(range.end - position);
            state = match piece {
                Content::Made { seed, .. } if length == CHUNK => behind(state, *seed, position / CHUNK),
                _ => piece.read(position, length).iter().fold(state, |state, byte| step(state, *byte)),
            };
            position += length;
        }
    }
    !state
}

/// The state behind a whole chunk.
fn behind(state: u64, seed: u64, chunk: u64) -> u64 {
    let number = chunk_number(seed, chunk);
    let place = chunk_place(number);
    let head = number.to_le_bytes().iter().fold(0, |state, byte| step(state, *byte));
    // The stretch of the table is what one of its beginnings has and a shorter one has not.
    let tail = BEGINNINGS[place + CHUNK as usize];
    OVER_CHUNK.from(state) ^ OVER_TAIL.from(head ^ BEGINNINGS[place + HEAD]) ^ tail
}

#[cfg(test)]
mod tests {
    use s3s::crypto::{Checksum as _, Crc64Nvme};

    use super::*;

    #[test]
    fn a_leap_ends_where_a_walk_ends() {
        let content = Content::Made { length: 400_000, seed: 9, pace: None };
        let kept = Content::Kept(hyper::body::Bytes::from_static(b"123456789"));
        let mixed = Content::join([content.part(70_000..390_000), kept.clone(), content.clone()]);
        for (content, range) in [
            (&kept, 0..9),
            (&content, 0..400_000),
            (&content, 65_536..131_072),
            (&content, 5..300_001),
            (&content, 7..7),
            (&mixed, 0..720_009),
            (&mixed, 100..700_000),
        ] {
            let bytes: Vec<u8> = content.chunks(range.clone()).flatten().collect();
            let walked: [u8; 8] = Crc64Nvme::checksum(&bytes);
            assert_eq!(crc64(content, range.clone()).to_be_bytes(), walked, "{range:?}");
        }
    }
}
