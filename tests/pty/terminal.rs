//! A pseudo-terminal with a program in it: keys go in, the screen comes out.
//!
//! tests/screen.rs, tests/shells.rs and benches/figures.rs take it in with `#[path]`; none uses all of it.
#![allow(dead_code, reason = "each of its users needs another part")]

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::tcgetattr;

/// How long anything may take that is waited for. Generous: a failing test is slow, a busy machine is no failure.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A program in a terminal of its own. Dropping it ends the program.
pub struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    /// Our own hold on the program's side, so that its settings can be asked for.
    line: OwnedFd,
    /// The settings before the program started.
    pub settings_before: String,
    child: Box<dyn Child + Send + Sync>,
}

struct Seen {
    parser: vt100::Parser,
    /// All that ever came.
    bytes: Vec<u8>,
    /// When the last of it came.
    last: Instant,
    /// Whether a picture has begun and not ended.
    drawing: bool,
}

impl Seen {
    fn keep(&mut self, new: &[u8]) {
        const BEGIN: &[u8] = b"\x1b[?2026h";
        const END: &[u8] = b"\x1b[?2026l";
        // One of them may have come in two parts.
        let from = self.bytes.len().saturating_sub(BEGIN.len() - 1);
        self.bytes.extend_from_slice(new);
        for part in self.bytes[from..].windows(BEGIN.len()) {
            self.drawing = part == BEGIN || self.drawing && part != END;
        }
    }
}

impl Terminal {
    /// Starts the command, which is the leader of the terminal's session.
    pub fn open(command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        let pty = native_pty_system().openpty(size(columns, rows)).unwrap();
        let name = pty.master.tty_name().unwrap();
        let line = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let keyboard = pty.master.take_writer().unwrap();
        let mut output = pty.master.try_clone_reader().unwrap();
        let parser = vt100::Parser::new(some(rows), some(columns), 0);
        let seen = Seen { parser, bytes: Vec::new(), last: Instant::now(), drawing: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let reader = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut seen = reader.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.last = Instant::now();
                seen.parser.process(&buffer[..count]);
                seen.keep(&buffer[..count]);
                reader.1.notify_all();
            }
        });
        let settings_before = settings(&line);
        let child = pty.slave.spawn_command(command).unwrap();
        Self { seen, keyboard, master: pty.master, line, settings_before, child }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the screen shows.
    pub fn text(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// All bytes that ever came from the program.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// The screen with its modes.
    pub fn screen(&self) -> vt100::Screen {
        self.seen().parser.screen().clone()
    }

    /// The terminal's settings, to be compared.
    pub fn settings(&self) -> String {
        settings(&self.line)
    }

    /// The program's process.
    pub fn process(&self) -> Pid {
        self.child.process_id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).unwrap();
    }

    /// Types.
    pub fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Another size, as when the window is dragged.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen().parser.set_size(some(rows), some(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Waits until the screen satisfies, and returns it.
    #[track_caller]
    pub fn until(&self, what: &str, satisfied: impl Fn(&str) -> bool) -> String {
        self.until_screen(what, |screen| satisfied(&screen.contents())).0
    }

    /// The same with the whole screen; tells also when the bytes came that satisfied.
    #[track_caller]
    pub fn until_screen(&self, what: &str, satisfied: impl Fn(&vt100::Screen) -> bool) -> (String, Instant) {
        self.within(DEADLINE, what, satisfied)
    }

    /// The same with a deadline of the caller's.
    #[track_caller]
    pub fn within(
        &self,
        deadline: Duration,
        what: &str,
        satisfied: impl Fn(&vt100::Screen) -> bool,
    ) -> (String, Instant) {
        let start = Instant::now();
        let mut last_wait = false;
        let mut seen = self.seen();
        loop {
            // Half a picture shows neither what was nor what will be.
            if !seen.drawing && satisfied(seen.parser.screen()) {
                return (seen.parser.screen().contents(), seen.last);
            }
            let text = || seen.parser.screen().contents();
            let mut left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() {
                assert!(!last_wait, "never saw {what}:\n{}", text());
                // A machine that slept has not waited.
                (last_wait, left) = (true, Duration::from_secs(3));
            }
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until this text is on the screen.
    #[track_caller]
    pub fn see(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until this text has left the screen.
    #[track_caller]
    pub fn see_no(&self, text: &str) -> String {
        self.until(&format!("the end of {text}"), |screen| !screen.contains(text))
    }

    /// Waits until the program has ended, and gives its exit status.
    #[track_caller]
    pub fn ended(mut self) -> u32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(start.elapsed() < DEADLINE, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            _ = self.child.kill();
        }
    }
}

fn settings(line: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(line).unwrap())
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn some(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}
