//! How far a download is, on stderr, for the person who watches: one line for all of it, one for each of the first
//! objects in flight, and one when the session ends before it is done. No terminal, no progress.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::output;
use crate::domain::duration::words;
use crate::domain::lasting::{Lasting, is_steady};
use crate::domain::text::{bar, bytes, count, cut_start, escaped, harmless};
use crate::domain::transfer::{self, Active, Halt, Speed};

/// How often it is drawn.
const BETWEEN: Duration = Duration::from_millis(120);

/// Objects in flight that are shown.
const SHOWN: usize = 3;

/// Tells of the session that the download goes on with now: it may be another one than at the beginning.
pub(super) type LastingNow = Arc<dyn Fn() -> Option<Lasting> + Send + Sync>;

/// The picture on stderr. Cheap to clone; all clones are one picture.
#[derive(Clone)]
pub(super) struct Progress(Option<Arc<Picture>>);

struct Picture {
    lines: MultiProgress,
    bars: Mutex<Vec<ProgressBar>>,
    seen: Mutex<Seen>,
    /// How many have taken the terminal.
    held: AtomicUsize,
}

/// What is known of the download.
struct Seen {
    began: Timestamp,
    lasting: LastingNow,
    progress: transfer::Progress,
    speed: Speed,
}

/// While this lives nothing is drawn: the terminal is somebody else's.
pub(super) struct Hold<'a>(Option<&'a Picture>);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(picture) = self.0 {
            picture.held.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Progress {
    /// Begins to draw, where a person watches. Within a tokio runtime.
    pub(super) fn start(lasting: LastingNow) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let seen =
            Seen { began: Timestamp::now(), lasting, progress: transfer::Progress::default(), speed: Speed::default() };
        let picture = Arc::new(Picture {
            lines: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            bars: Mutex::default(),
            seen: Mutex::new(seen),
            held: AtomicUsize::new(0),
        });
        // Drawn by the clock and not by what comes: what stalls shows that it does.
        tokio::spawn(draw_on(Arc::downgrade(&picture)));
        Self(Some(picture))
    }

    /// Takes how far it is; the next picture shows it.
    pub(super) fn on_progress(&self, progress: &transfer::Progress) {
        if let Some(picture) = &self.0 {
            locked(&picture.seen).progress.clone_from(progress);
        }
    }

    /// Something to know, above the picture; without one, as any note.
    pub(super) fn note(&self, text: &str) {
        match &self.0 {
            Some(picture) if picture.held.load(Ordering::Relaxed) == 0 => {
                let line = format!("{} {}", output::styled("note:", "36"), harmless(text));
                // As with any note: when stderr is gone nobody misses it.
                _ = picture.lines.println(line);
            }
            _ => output::note(text),
        }
    }

    /// Takes the picture away until the hold is dropped, for a question that is awaited.
    pub(super) fn hold(&self) -> Hold<'_> {
        if let Some(picture) = &self.0 {
            picture.held.fetch_add(1, Ordering::Relaxed);
            picture.wipe();
        }
        Hold(self.0.as_deref())
    }

    /// Takes the picture away while `work` has the terminal.
    pub(super) fn suspend<R>(&self, work: impl FnOnce() -> R) -> R {
        let _hold = self.hold();
        work()
    }

    /// Takes the picture away for good.
    pub(super) fn finish(self) {
        if let Some(picture) = self.0 {
            picture.held.fetch_add(1, Ordering::Relaxed);
            picture.wipe();
        }
    }
}

async fn draw_on(picture: Weak<Picture>) {
    loop {
        tokio::time::sleep(BETWEEN).await;
        match picture.upgrade() {
            Some(picture) => picture.draw(Timestamp::now()),
            None => return,
        }
    }
}

impl Picture {
    fn draw(&self, now: Timestamp) {
        let texts = locked(&self.seen).lines(now);
        let mut bars = locked(&self.bars);
        // Asked under the lock under which it is wiped: nothing is drawn after that.
        if self.held.load(Ordering::Relaxed) > 0 {
            return;
        }
        while bars.len() < texts.len() {
            // As wide as the terminal and no wider; a bar of its own draws itself only when it has a line.
            let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let line = self.lines.add(ProgressBar::new_spinner().with_style(style));
            bars.push(line);
        }
        for line in bars.drain(texts.len()..) {
            self.lines.remove(&line);
        }
        for (line, text) in bars.iter().zip(texts) {
            line.set_message(text);
        }
    }

    fn wipe(&self) {
        let mut bars = locked(&self.bars);
        bars.drain(..).for_each(|line| line.finish_and_clear());
        _ = self.lines.clear();
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl Seen {
    fn lines(&mut self, now: Timestamp) -> Vec<String> {
        let progress = &self.progress;
        match progress.halt {
            // Standing still is no speed.
            Some(_) => self.speed = Speed::default(),
            None => self.speed.see(now, progress),
        }
        let mut lines = vec![all(progress, &self.speed)];
        if progress.total_objects > 1 {
            lines.extend(progress.active.iter().take(SHOWN).map(in_flight));
        }
        match &progress.halt {
            Some(Halt::Paused) => lines.push("paused".into()),
            Some(Halt::Session(halted)) => lines.push(format!("waits for a session: {}", halted.error)),
            None if is_steady(self.began, now) => {
                let needed = self.speed.seconds_left(progress);
                // Who asks where the session is may read a file: only when the answer can matter.
                let lasting = needed.and_then(|_| (self.lasting)());
                lines.extend(lasting.and_then(|lasting| ends_first(lasting, now, needed)));
            }
            None => {}
        }
        lines
    }
}

/// That the session ends before the download does, and what comes then.
fn ends_first(lasting: Lasting, now: Timestamp, needed: Option<u64>) -> Option<String> {
    let left = lasting.ends_first(now, needed)?;
    let then = if lasting.may_ask_code { "you may be asked for a code" } else { "it will be renewed" };
    Some(format!("session ends in {}, before this is done: {then}", words(left)))
}

/// `████████░░░░░░░░  45 %  12 s left  8.0 MiB/s  90.0 MiB of 200.0 MiB  3/10  1 failed`: the end gives way.
fn all(progress: &transfer::Progress, speed: &Speed) -> String {
    let mut parts = Vec::new();
    match progress.percent() {
        Some(percent) => {
            parts.push(format!("{} {percent:>3} %", bar(progress.bytes, progress.total_bytes.max(1), 16)));
            parts.extend(speed.seconds_left(progress).map(|left| format!("{} left", words(left))));
        }
        // While the listing runs nobody knows the whole, and no bar or time left would be true.
        None => parts.push("listing".into()),
    }
    let per_second = speed.bytes_per_second();
    parts.extend((per_second >= 1.0).then(|| format!("{}/s", bytes(per_second as u64))));
    let more = if progress.total_known { "" } else { "+" };
    parts.push(format!("{} of {}{more}", bytes(progress.bytes), bytes(progress.total_bytes)));
    if progress.total_objects > 1 {
        parts.push(format!("{}/{}{more}", count(progress.objects), count(progress.total_objects)));
    }
    parts.extend((progress.failed > 0).then(|| format!("{} failed", count(progress.failed))));
    parts.join("  ")
}

fn in_flight(active: &Active) -> String {
    let Active { key, bytes: there, size } = active;
    let numbers = format!("{:>10} of {:<10}", bytes(*there), bytes(*size));
    format!("  {} {numbers}  {}", bar(*there, (*size).max(1), 8), cut_start(&escaped(key), 40))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is a picture: after a panic elsewhere it is as good as before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::RoleIndex;

    const MIB: u64 = 1 << 20;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    /// The lines after ten seconds at 8 MiB a second, of a session that ends in `left` seconds.
    fn lines(progress: transfer::Progress, left: i64, may_ask_code: bool) -> String {
        let lasting: LastingNow = Arc::new(move || Some(Lasting { expiration: at(10 + left), may_ask_code }));
        let before = transfer::Progress { bytes: progress.bytes.saturating_sub(80 * MIB), ..progress.clone() };
        let mut seen = Seen { began: at(0), lasting, progress: before, speed: Speed::default() };
        seen.lines(at(0));
        seen.progress = progress;
        seen.lines(at(10)).join("\n")
    }

    fn progress() -> transfer::Progress {
        transfer::Progress {
            bytes: 90 * MIB,
            total_bytes: 200 * MIB,
            total_objects: 1,
            total_known: true,
            active: vec![Active { key: "a.bin".into(), bytes: 90 * MIB, size: 200 * MIB }],
            ..transfer::Progress::default()
        }
    }

    #[test]
    fn one_object_is_one_line() {
        insta::assert_snapshot!(lines(progress(), 3600, false), @"███████░░░░░░░░░  45 %  14 s left  8.0 MiB/s  90.0 MiB of 200.0 MiB");
    }

    #[test]
    fn of_many_the_first_in_flight_are_shown() {
        let active = |key: &str, mib| Active { key: key.into(), bytes: mib * MIB, size: 20 * MIB };
        let keys = [active("one", 5), active("\x1b[2J", 10), active(&"long/".repeat(20), 20), active("four", 0)];
        let many =
            transfer::Progress { objects: 7, failed: 2, total_objects: 1204, active: keys.to_vec(), ..progress() };
        insta::assert_snapshot!(lines(many.clone(), 3600, false), @r"
        ███████░░░░░░░░░  45 %  14 s left  8.0 MiB/s  90.0 MiB of 200.0 MiB  7/1,204  2 failed
          ██░░░░░░    5.0 MiB of 20.0 MiB    one
          ████░░░░   10.0 MiB of 20.0 MiB    \x1b[2J
          ████████   20.0 MiB of 20.0 MiB    …ong/long/long/long/long/long/long/long/
        ");
        let listing = transfer::Progress { total_known: false, active: Vec::new(), ..many };
        insta::assert_snapshot!(lines(listing, 3600, false), @"listing  8.0 MiB/s  90.0 MiB of 200.0 MiB+  7/1,204+  2 failed");
    }

    #[test]
    fn a_session_that_ends_first_says_how_it_goes_on() {
        for (left, may_ask_code, words) in [
            (13, false, Some("session ends in 13 s, before this is done: it will be renewed")),
            (13, true, Some("session ends in 13 s, before this is done: you may be asked for a code")),
            (14, true, None),
            (0, true, None),
        ] {
            assert_eq!(lines(progress(), left, may_ask_code).lines().nth(1), words, "{left}");
        }
    }

    /// The end that counts is that of the session which is there now.
    #[test]
    fn a_session_that_was_renewed_lasts() {
        let end = Arc::new(Mutex::new(at(15)));
        let known = Arc::clone(&end);
        let lasting: LastingNow = Arc::new(move || Some(Lasting { expiration: *locked(&known), may_ask_code: false }));
        let before = transfer::Progress { bytes: 0, ..progress() };
        let mut seen = Seen { began: at(0), lasting, progress: before, speed: Speed::default() };
        seen.lines(at(0));
        seen.progress = progress();
        assert_eq!(seen.lines(at(10)).len(), 2);
        *locked(&end) = at(3600);
        assert_eq!(seen.lines(at(10)).len(), 1);
    }

    #[test]
    fn what_stands_still_says_why() {
        let error = crate::error::Error::Expired { role: "prod/S3Reader".into() };
        for (halt, words) in [
            (Halt::Paused, "paused"),
            (
                Halt::Session(transfer::Halted { role: RoleIndex(0), error }),
                "waits for a session: the session of prod/S3Reader has ended",
            ),
        ] {
            let lines = lines(transfer::Progress { halt: Some(halt), ..progress() }, 5, false);
            assert_eq!(lines.lines().nth(1), Some(words));
            assert!(!lines.contains("left") && !lines.contains("/s"), "{lines}");
        }
    }
}
