//! Seeing through gzip and zstd: as much of what is inside as is shown, however much there may be.

use std::io::{ErrorKind, Read};

/// A compression that is seen through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The compression that these bytes begin as (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1).
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name of what is inside: `x.json.gz` holds `x.json`.
    pub(super) fn inner_name(self, name: &str) -> String {
        let lower = name.to_ascii_lowercase();
        let endings: &[(&str, &str)] = match self {
            Self::Gzip => &[(".gz", ""), (".gzip", ""), (".tgz", ".tar"), (".svgz", ".svg")],
            Self::Zstd => &[(".zst", ""), (".zstd", ""), (".tzst", ".tar")],
        };
        let known = endings.iter().find(|(ending, _)| lower.ends_with(ending));
        known.map_or(name.to_owned(), |(ending, inner)| format!("{}{inner}", &name[..name.len() - ending.len()]))
    }
}

/// What is inside, and whether it was read to its end.
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    pub(super) whole: bool,
    /// What is wrong with it; `bytes` are those before.
    pub(super) broken: Option<String>,
}

/// At most `limit` bytes of what is inside. The packed bytes may be cut.
pub(super) fn unpack(compression: Compression, packed: &[u8], is_cut: bool, limit: usize) -> Unpacked {
    let reader: std::io::Result<Box<dyn Read + '_>> = match compression {
        Compression::Gzip => Ok(Box::new(flate2::read::MultiGzDecoder::new(packed))),
        // It keeps to windows of 128 MiB; memory is taken only as far as it is written.
        Compression::Zstd => {
            zstd::stream::read::Decoder::with_buffer(packed).map(|decoder| Box::new(decoder) as Box<dyn Read>)
        }
    };
    let mut bytes = Vec::new();
    let ended = reader.and_then(|reader| {
        // One more tells whether there is more.
        let mut limited = reader.take(limit as u64 + 1);
        let mut chunk = vec![0; 16 << 10];
        loop {
            match limited.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    });
    let more = bytes.len() > limit;
    bytes.truncate(limit);
    let cut_through = is_cut && ended.as_ref().is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof);
    let broken = ended.as_ref().err().filter(|_| !cut_through).map(ToString::to_string);
    Unpacked { whole: ended.is_ok() && !more && !is_cut, bytes, broken }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    #[test]
    fn bombs_cut_ends_and_broken_ones_give_what_comes_before() {
        let noise: Vec<u8> = (0..200_000_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let bomb = packed(compression, &vec![b'a'; 64 << 20]);
            let inside = unpack(compression, &bomb, false, 1000);
            assert!(inside.bytes == [b'a'; 1000] && !inside.whole && inside.broken.is_none());
            let whole = packed(compression, &noise);
            assert_eq!(Compression::of(&whole), Some(compression));
            let inside = unpack(compression, &whole, false, 1 << 20);
            assert!(inside.bytes == noise && inside.whole && inside.broken.is_none());
            let cut = &whole[..whole.len() * 3 / 4];
            let inside = unpack(compression, cut, true, 1 << 20);
            assert!(!inside.bytes.is_empty() && noise.starts_with(&inside.bytes));
            assert!(!inside.whole && inside.broken.is_none(), "{compression:?} {:?}", inside.broken);
            assert!(unpack(compression, cut, false, 1 << 20).broken.is_some());
        }
    }

    #[test]
    fn the_name_inside() {
        let (gzip, zstd) = (Compression::Gzip, Compression::Zstd);
        for (compression, name, inner) in [
            (gzip, "x.json.gz", "x.json"),
            (gzip, "X.CSV.GZ", "X.CSV"),
            (gzip, "a.tgz", "a.tar"),
            (zstd, "a.log.zst", "a.log"),
            (zstd, "a.gz", "a.gz"),
            (gzip, "日.gz", "日"),
        ] {
            assert_eq!(compression.inner_name(name), inner);
        }
    }
}
