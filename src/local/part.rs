//! Files on their way: written beside their place as `.NAME.xsw-part`, in any order of their pieces, renamed when they
//! are whole.
//!
//! Behind the bytes of the object stands a journal: which object it is, and for each piece how much of it is there, with
//! the CRC of that. A run that was killed is taken up by it: what the file holds is read again and compared, so that
//! nothing has to be believed that a kernel or a disk has lost. Before the file gets its name the journal is cut off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::lock::held;
use super::whole::{Clobber, name, open_part, path_of_part, settle};
use crate::domain::checksum::{Algorithm, Checksum, Hasher, crc};
use crate::error::{Error, Result};

/// What every journal begins with; the digit is its version.
const MAGIC: &[u8; 8] = b"xswpart1";

/// Bytes of a journal before its records: magic, identity, piece size, algorithm, CRC of these.
const HEAD: usize = 64;

/// Bytes of a record: how much of the piece is there, its CRC, and a CRC over both and the piece's number.
const RECORD: usize = 24;

/// What the kernel has not written by itself is written so often, so that a power cut loses little.
const SYNC: Duration = Duration::from_secs(2);

/// Bytes that are read at once to be compared.
const READ: usize = 256 << 10;

/// The object that a part is of, and how it is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of each piece but the last.
    pub piece: u64,
    /// The CRC of the pieces.
    pub algorithm: Algorithm,
    /// What makes this object this one; see [`identity`].
    pub identity: [u8; 32],
}

impl Plan {
    /// How many pieces there are.
    pub fn pieces(&self) -> u64 {
        self.size.div_ceil(self.piece)
    }

    /// Where a piece begins and ends.
    pub fn range(&self, number: u64) -> std::ops::Range<u64> {
        let start = number * self.piece;
        start..(start + self.piece).min(self.size)
    }

    fn head(&self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(MAGIC);
        head[8..40].copy_from_slice(&self.identity);
        head[40..48].copy_from_slice(&self.piece.to_be_bytes());
        head[48..56].copy_from_slice(&(self.algorithm as u64).to_be_bytes());
        let sum = crc(Algorithm::Crc64Nvme, &head[..56]);
        head[56..].copy_from_slice(&sum.to_be_bytes());
        head
    }

    fn journal_length(&self) -> u64 {
        HEAD as u64 + RECORD as u64 * self.pieces()
    }

    fn record_at(&self, number: u64) -> u64 {
        self.size + HEAD as u64 + RECORD as u64 * number
    }
}

/// What is there of a piece: so many bytes from its beginning, and their CRC on its way.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Bytes.
    pub there: u64,
    /// What takes the next ones.
    pub hasher: Hasher,
}

impl Piece {
    fn new(algorithm: Algorithm) -> Self {
        Self { there: 0, hasher: Hasher::new(algorithm) }
    }

    fn crc(&self) -> u64 {
        self.hasher.clone().finish().number().unwrap_or_default()
    }
}

/// A digest of all texts that tell an object from others: its bucket, key, version, ETag, size.
pub fn identity<'a>(texts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}

/// What an earlier run had left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// So many bytes of this object, which are right.
    Bytes(u64),
    /// A part of another object, or of an older one under the same key. It is gone.
    Another,
}

/// A file on its way. Dropping it leaves the pieces that are there for the next run, and nothing when there is none.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    plan: Plan,
    /// What is there of each; of most of a large file nothing.
    pieces: Mutex<Vec<Option<Piece>>>,
    synced: Mutex<Instant>,
    /// Whether the file was removed already: what stands there now is another's.
    gone: bool,
}

impl Part {
    /// Takes up the part of `target` that is there, or begins one. Blocks, also to read what is there.
    ///
    /// With `whole` a part that has lost its journal, as one that was killed shortly before its end, is proved by that.
    ///
    /// # Errors
    /// [`Error::File`]: no room, no permission, another process at the same file.
    pub fn open(target: &Path, plan: Plan, whole: Option<&Checksum>) -> Result<(Self, Found)> {
        let path = path_of_part(target);
        let failed = |error| Error::file("write", target)(error);
        let file = open_part(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let pieces = vec![None; usize::try_from(plan.pieces()).unwrap_or(usize::MAX)];
        let mut part = Self {
            file,
            target: target.to_owned(),
            plan,
            pieces: Mutex::new(pieces),
            synced: Mutex::new(Instant::now()),
            path: path.clone(),
            gone: false,
        };
        let found = match length {
            0 => Found::Nothing,
            length if length == part.plan.size => part.prove_whole(whole).map_err(failed)?,
            _ => part.read_journal().map_err(failed)?,
        };
        if !matches!(found, Found::Bytes(_)) {
            part.file.set_len(0).map_err(failed)?;
        }
        room(
            target,
            &part.path,
            part.plan.size.saturating_sub(if let Found::Bytes(bytes) = found { bytes } else { 0 }),
        )?;
        let end = part.plan.size + part.plan.journal_length();
        part.file
            .set_len(end)
            .and_then(|()| write_at(&part.file, &part.plan.head(), part.plan.size))
            .map_err(failed)?;
        if let Found::Bytes(_) = found {
            // Of one that had lost its journal they are not there.
            part.write_records().map_err(failed)?;
        }
        Ok((part, found))
    }

    /// The numbers of the pieces that are not whole.
    pub fn missing(&self) -> Vec<u64> {
        let whole = |number: u64, piece: &Piece| piece.there == length(&self.plan.range(number));
        let pieces = held(&self.pieces);
        let missing =
            (0..).zip(&*pieces).filter(|(number, piece)| !piece.as_ref().is_some_and(|piece| whole(*number, piece)));
        missing.map(|(number, _)| number).collect()
    }

    /// What is there of a piece, to go on with.
    pub fn piece(&self, number: u64) -> Piece {
        let pieces = held(&self.pieces);
        let known = usize::try_from(number).ok().and_then(|number| pieces.get(number)?.clone());
        known.unwrap_or_else(|| Piece::new(self.plan.algorithm))
    }

    /// How the object is cut.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Writes bytes of the object at their place. Blocks.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        write_at(&self.file, bytes, offset).map_err(Error::file("write", &self.target))
    }

    /// Notes what is there of a piece now. Blocks.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn note(&self, number: u64, piece: &Piece) -> Result<()> {
        let failed = |error| Error::file("write", &self.target)(error);
        write_at(&self.file, &record(number, piece.there, piece.crc()), self.plan.record_at(number)).map_err(failed)?;
        if let Some(known) = held(&self.pieces).get_mut(number as usize) {
            *known = Some(piece.clone());
        }
        let due = {
            let mut synced = held(&self.synced);
            let due = synced.elapsed() >= SYNC;
            if due {
                *synced = Instant::now();
            }
            due
        };
        if due { self.file.sync_data().map_err(failed) } else { Ok(()) }
    }

    /// Whether anything is there, so that the file stays when this is dropped.
    pub fn has_any(&self) -> bool {
        held(&self.pieces).iter().any(Option::is_some)
    }

    /// The CRCs and lengths of all pieces, for [`crate::domain::checksum::combined`]; `None` while one is missing.
    pub fn crcs(&self) -> Option<Vec<(u64, u64)>> {
        let pieces = held(&self.pieces);
        let whole = |(number, piece): (u64, &Option<Piece>)| {
            let piece = piece.as_ref().filter(|piece| piece.there == length(&self.plan.range(number)))?;
            Some((piece.crc(), piece.there))
        };
        (0..).zip(&*pieces).map(whole).collect()
    }

    /// The checksum of the whole, read from the file. Blocks for long.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn checksum(&self, algorithm: Algorithm) -> Result<Checksum> {
        let mut hasher = Hasher::new(algorithm);
        read_range(&self.file, 0..self.plan.size, |bytes| hasher.update(bytes))
            .map_err(Error::file("read", &self.path))?;
        Ok(hasher.finish())
    }

    /// Removes the file: its pieces are of another object, or wrong. Blocks.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn discard(mut self) -> Result<()> {
        self.gone = true;
        self.remove().map_err(Error::file("remove", &self.path))
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Puts the file on the disk, cuts the journal off and gives it its name; gives the path, which is another than the
    /// target with [`Clobber::Rename`]. Blocks.
    ///
    /// # Errors
    /// [`Error::Exists`] where a file has come meanwhile; [`Error::File`].
    pub fn finish(self, modified: Option<Timestamp>, clobber: Clobber) -> Result<PathBuf> {
        let failed = |error| Error::file("write", &self.target)(error);
        // This takes long; whoever is killed meanwhile still has the journal.
        self.file.sync_all().map_err(failed)?;
        self.file.set_len(self.plan.size).map_err(failed)?;
        settle(&self.file, modified).map_err(failed)?;
        // When it gets no name now, the next run may name it, if the object's checksum proves it.
        name(&self.path, &self.target, clobber)
    }

    /// A part without a journal: all of its pieces are there, or none is.
    fn prove_whole(&mut self, whole: Option<&Checksum>) -> io::Result<Found> {
        let Some(whole) = whole else { return Ok(Found::Another) };
        let mut hasher = Hasher::new(whole.algorithm);
        let mut pieces = Vec::new();
        for number in 0..self.plan.pieces() {
            let range = self.plan.range(number);
            let mut piece = Piece { there: length(&range), ..Piece::new(self.plan.algorithm) };
            read_range(&self.file, range, |bytes| {
                hasher.update(bytes);
                piece.hasher.update(bytes);
            })?;
            pieces.push(Some(piece));
        }
        if hasher.finish() != *whole {
            return Ok(Found::Another);
        }
        *held(&self.pieces) = pieces;
        Ok(Found::Bytes(self.plan.size))
    }

    fn read_journal(&mut self) -> io::Result<Found> {
        let mut journal = vec![0; usize::try_from(self.plan.journal_length()).unwrap_or(usize::MAX)];
        let whole = self.file.metadata()?.len() == self.plan.size + journal.len() as u64;
        if !whole || read_at(&self.file, &mut journal, self.plan.size).is_err() || journal[..HEAD] != self.plan.head() {
            return Ok(Found::Another);
        }
        let mut bytes = 0;
        for (number, written) in (0..).zip(journal[HEAD..].chunks_exact(RECORD)) {
            let number_at = |place: usize| u64::from_be_bytes(written[place..place + 8].try_into().unwrap_or_default());
            let (there, crc) = (number_at(0), number_at(8));
            let range = self.plan.range(number);
            if written != record(number, there, crc) || there > length(&range) {
                continue;
            }
            let mut piece = Piece { there, ..Piece::new(self.plan.algorithm) };
            read_range(&self.file, range.start..range.start + there, |bytes| piece.hasher.update(bytes))?;
            if piece.crc() == crc
                && let Some(known) = held(&self.pieces).get_mut(number as usize)
            {
                *known = Some(piece);
                bytes += there;
            }
        }
        Ok(Found::Bytes(bytes))
    }

    fn write_records(&self) -> io::Result<()> {
        let pieces = held(&self.pieces);
        let record = |(number, piece): (u64, &Option<Piece>)| match piece {
            Some(piece) => record(number, piece.there, piece.crc()),
            None => [0; RECORD],
        };
        let records: Vec<u8> = (0..).zip(&*pieces).flat_map(record).collect();
        write_at(&self.file, &records, self.plan.record_at(0))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // An empty object has no piece, and its file has its name by now.
        if !self.gone && !self.has_any() {
            _ = self.remove();
        }
    }
}

/// Tells early that the disk of `path` has too little room for `bytes` more.
fn room(target: &Path, path: &Path, bytes: u64) -> Result<()> {
    #[cfg(unix)]
    if let Ok(disk) = rustix::fs::statvfs(path)
        && disk.f_bavail.saturating_mul(disk.f_frsize) < bytes
    {
        return Err(Error::file("write", target)(io::ErrorKind::StorageFull.into()));
    }
    _ = (target, path, bytes);
    Ok(())
}

fn record(number: u64, there: u64, crc_of_them: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&there.to_be_bytes());
    record[8..16].copy_from_slice(&crc_of_them.to_be_bytes());
    // The number stands there while it is sealed, and its seal afterwards.
    record[16..].copy_from_slice(&number.to_be_bytes());
    let seal = crc(Algorithm::Crc64Nvme, &record);
    record[16..].copy_from_slice(&seal.to_be_bytes());
    record
}

fn length(range: &std::ops::Range<u64>) -> u64 {
    range.end - range.start
}

fn read_range(file: &File, range: std::ops::Range<u64>, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    let mut at = range.start;
    while at < range.end {
        let length = usize::try_from(range.end - at).unwrap_or(READ).min(READ);
        read_at(file, &mut buffer[..length], at)?;
        take(&buffer[..length]);
        at += length as u64;
    }
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => (bytes, offset) = (&bytes[written..], offset + written as u64),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (bytes, offset) = (&mut bytes[read..], offset + read as u64),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::whole::write_whole;
    use super::*;
    use crate::domain::checksum::combined;

    const DATA: &[u8] = b"0123456789abcdefghijKLM";

    fn plan(etag: &str) -> Plan {
        Plan {
            size: DATA.len() as u64,
            piece: 10,
            algorithm: Algorithm::Crc64Nvme,
            identity: identity(["bucket", "key", etag]),
        }
    }

    fn write_piece(part: &Part, number: u64) {
        let range = part.plan().range(number);
        write_some(part, number, length(&range));
    }

    /// Writes the next bytes of a piece, until `there` are there.
    fn write_some(part: &Part, number: u64, there: u64) {
        let start = part.plan().range(number).start;
        let mut piece = part.piece(number);
        let bytes = &DATA[(start + piece.there) as usize..(start + there) as usize];
        part.write(bytes, start + piece.there).unwrap();
        piece.hasher.update(bytes);
        piece.there = there;
        part.note(number, &piece).unwrap();
    }

    fn whole() -> Checksum {
        let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
        hasher.update(DATA);
        hasher.finish()
    }

    #[test]
    fn a_part_is_taken_up_piece_by_piece_and_named_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let (part, found) = Part::open(&target, plan("one"), None).unwrap();
        assert_eq!((found, part.missing()), (Found::Nothing, vec![0, 1, 2]));
        write_piece(&part, 2);
        write_piece(&part, 0);
        write_some(&part, 1, 4);
        drop(part);
        let (part, found) = Part::open(&target, plan("one"), None).unwrap();
        assert_eq!((found, part.missing()), (Found::Bytes(17), vec![1]));
        assert_eq!((part.crcs(), part.piece(1).there), (None, 4));
        write_piece(&part, 1);
        assert_eq!(combined(Algorithm::Crc64Nvme, part.crcs().unwrap()), Some(whole()));
        assert_eq!(part.checksum(Algorithm::Crc64Nvme).unwrap(), whole());
        let time = Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(part.finish(Some(time), Clobber::Never).unwrap(), target);
        assert_eq!(fs::read(&target).unwrap(), DATA);
        assert_eq!(fs::metadata(&target).unwrap().modified().unwrap(), std::time::SystemTime::from(time));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_the_disk_has_lost_is_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let (part, _) = Part::open(&target, plan("one"), None).unwrap();
        (0..3).for_each(|number| write_piece(&part, number));
        part.write(b"?", 15).unwrap();
        // A record that was torn.
        write_at(&part.file, &[0xff; 3], part.plan.record_at(2)).unwrap();
        drop(part);
        let (part, found) = Part::open(&target, plan("one"), None).unwrap();
        assert_eq!((found, part.missing()), (Found::Bytes(10), vec![1, 2]));
    }

    #[test]
    fn a_part_of_another_object_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let (part, _) = Part::open(&target, plan("one"), None).unwrap();
        write_piece(&part, 0);
        drop(part);
        let (part, found) = Part::open(&target, plan("two"), None).unwrap();
        assert_eq!((found, part.missing()), (Found::Another, vec![0, 1, 2]));
        drop(part);
        // Rubbish of any length is no part of ours.
        for length in [1, 64, DATA.len(), 200] {
            fs::write(path_of_part(&target), vec![7; length]).unwrap();
            let (_, found) = Part::open(&target, plan("two"), Some(&whole())).unwrap();
            assert_eq!(found, Found::Another, "{length}");
        }
    }

    #[test]
    fn a_part_that_lost_its_journal_is_proved_by_the_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        fs::write(path_of_part(&target), DATA).unwrap();
        let (part, found) = Part::open(&target, plan("one"), Some(&whole())).unwrap();
        assert_eq!((found, part.missing()), (Found::Bytes(23), vec![]));
        drop(part);
        let (part, found) = Part::open(&target, plan("one"), None).unwrap();
        assert_eq!((found, part.missing()), (Found::Bytes(23), vec![]), "now it has one again");
        drop(part.finish(None, Clobber::Never).unwrap());
        assert_eq!(fs::read(&target).unwrap(), DATA);
    }

    #[test]
    fn one_process_at_a_time_is_at_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let (part, _) = Part::open(&target, plan("one"), None).unwrap();
        let error = Part::open(&target, plan("one"), None).unwrap_err().to_string();
        assert!(error.contains("another xsw"), "{error}");
        let error = write_whole(&target, b"small", None, Clobber::Never).unwrap_err().to_string();
        assert!(error.contains("another xsw"), "{error}");
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_where_the_part_should_be_stays_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let part = path_of_part(&target);
        let told = || {
            for error in [
                Part::open(&target, plan("one"), None).unwrap_err(),
                write_whole(&target, b"small", None, Clobber::Replace).unwrap_err(),
            ] {
                assert!(error.to_string().contains(".data.bin.xsw-part is in the way"), "{error}");
            }
            assert!(!target.exists());
        };
        fs::create_dir(&part).unwrap();
        told();
        fs::remove_dir(&part).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&part).status().unwrap().success());
        told();
        fs::remove_file(&part).unwrap();
        std::os::unix::fs::symlink("nowhere", &part).unwrap();
        told();
        assert!(part.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_symlink_where_the_part_should_be_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("data.bin");
        let outside = folder.path().join("outside");
        fs::write(&outside, "precious").unwrap();
        std::os::unix::fs::symlink(&outside, path_of_part(&target)).unwrap();
        assert!(Part::open(&target, plan("one"), None).is_err());
        assert!(write_whole(&target, b"small", None, Clobber::Replace).is_err());
        assert_eq!(fs::read(&outside).unwrap(), b"precious");
    }
}
