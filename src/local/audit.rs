//! The audit trail: `history.jsonl` in the state directory, mode 0600, one JSON document a line.
//!
//! Each line is one write at the end of the file, so that the lines of parallel processes never mix. A full file is
//! renamed to `history.1.jsonl`, that one to `history.2.jsonl` and so on; the oldest goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{files, lock};
use crate::domain::text::escaped_json;

/// Past this size the trail goes on in a new file.
const LARGEST: u64 = 1 << 20;

/// How many full files are kept.
const KEPT: u32 = 3;

/// Its lock is held while files are renamed.
const LOCK: &str = "history.lock";

/// The audit trail of a state directory.
#[derive(Debug)]
pub struct Trail {
    directory: PathBuf,
    largest: u64,
    failed: AtomicBool,
}

impl Trail {
    /// The trail in `state_directory`; nothing is made before the first line.
    pub fn new(state_directory: PathBuf) -> Self {
        Self { directory: state_directory, largest: LARGEST, failed: AtomicBool::new(false) }
    }

    /// The file that is written now.
    pub fn path(&self) -> PathBuf {
        self.directory.join("history.jsonl")
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether this is the first time that a line could not be written: later ones need no word.
    pub fn fails_first(&self) -> bool {
        !self.failed.swap(true, Ordering::Relaxed)
    }

    /// Writes one line, which is a JSON document without line ends.
    pub fn append(&self, document: &str) -> io::Result<()> {
        files::make_directory(&self.directory)?;
        let mut file = self.open()?;
        if file.metadata()?.len() >= self.largest {
            self.rotate()?;
            file = self.open()?;
        }
        let mut line = String::with_capacity(document.len() + 2);
        // A process that was killed, or a full disk, may have left half a line. One that is being written, which can be
        // seen in halves too, is whole a moment later.
        if !ends_whole(&mut file)? {
            std::thread::sleep(Duration::from_millis(5));
            if !ends_whole(&mut file)? {
                line.push('\n');
            }
        }
        line.push_str(&escaped_json(document));
        line.push('\n');
        file.write_all(line.as_bytes())
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.path())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if file.metadata()?.permissions().mode() & 0o077 != 0 {
                file.set_permissions(fs::Permissions::from_mode(0o600))?;
            }
        }
        Ok(file)
    }

    /// Makes room. A writer that opened the full file before still writes its line into it, under its new name.
    fn rotate(&self) -> io::Result<()> {
        let _lock = lock::hold(&self.directory.join(LOCK))?;
        // Another process may have been here first, and nobody after it.
        if fs::metadata(self.path()).is_ok_and(|found| found.len() >= self.largest) {
            self.move_on()?;
        }
        Ok(())
    }

    /// Every full file takes the next number, and the one that is full now the first.
    fn move_on(&self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(self.full(number), self.full(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(self.path(), self.full(1))
    }

    fn full(&self, number: u32) -> PathBuf {
        self.directory.join(format!("history.{number}.jsonl"))
    }

    /// All that is written down, the oldest file first; `None` when there is no trail yet.
    ///
    /// No file is renamed between one look and the next, so that no line is missed or read twice.
    pub fn read(&self) -> io::Result<Option<String>> {
        let lock = File::open(self.directory.join(LOCK)).ok();
        if let Some(lock) = &lock {
            lock.lock_shared()?;
        }
        let mut files = Vec::new();
        for path in std::iter::once(self.path()).chain((1..=KEPT).map(|number| self.full(number))) {
            match File::open(path) {
                Ok(file) => files.push(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        drop(lock);
        if files.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for mut file in files.into_iter().rev() {
            file.read_to_end(&mut bytes)?;
            if bytes.last().is_some_and(|last| *last != b'\n') {
                bytes.push(b'\n');
            }
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Whether the file is empty or its last line has an end.
fn ends_whole(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    // Empty by now: somebody truncated it.
    let read = file.read(&mut last)?;
    Ok(read == 0 || last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(directory: &Path) -> Trail {
        Trail { largest: 400, ..Trail::new(directory.to_owned()) }
    }

    #[test]
    fn full_files_are_kept_for_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let trail = small(directory.path());
        assert!(trail.read().unwrap().is_none());
        for number in 0..200 {
            trail.append(&format!("{{\"number\":{number:04}}}")).unwrap();
        }
        let mut names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["history.1.jsonl", "history.2.jsonl", "history.3.jsonl", "history.jsonl", "history.lock"]);
        let text = trail.read().unwrap().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        // In order, the newest last, none missing.
        let first = 200 - lines.len();
        assert!((60..=110).contains(&lines.len()), "{}", lines.len());
        for (place, line) in lines.iter().enumerate() {
            assert_eq!(*line, format!("{{\"number\":{:04}}}", first + place));
        }
        #[cfg(unix)]
        for entry in fs::read_dir(directory.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    /// Each thread has a trail of its own, as a process has.
    #[test]
    fn parallel_writers_lose_and_mix_no_line() {
        let directory = tempfile::tempdir().unwrap();
        let write = |writer: usize| {
            let trail = Trail { largest: 20_000, ..Trail::new(directory.path().to_owned()) };
            for number in 0..100 {
                trail
                    .append(&format!("{{\"writer\":{writer},\"number\":{number},\"text\":\"{}\"}}", "x".repeat(50)))
                    .unwrap();
            }
        };
        std::thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || write(writer));
            }
        });
        let text = Trail::new(directory.path().to_owned()).read().unwrap().unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 800);
        assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 800);
        assert!(directory.path().join("history.2.jsonl").exists());
    }

    #[test]
    fn half_a_line_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let trail = Trail::new(directory.path().to_owned());
        fs::write(trail.path(), "{\"half\":").unwrap();
        trail.append("{}").unwrap();
        trail.append("{}").unwrap();
        assert_eq!(trail.read().unwrap().unwrap(), "{\"half\":\n{}\n{}\n");
        assert!(trail.fails_first() && !trail.fails_first());
    }
}
