//! Questions to the person at the controlling terminal, since stdin and stdout may be pipes.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// There is one terminal, and one question at a time.
static ASKING: Mutex<()> = Mutex::new(());

/// The child that runs in our terminal; 0 is none.
static CHILD: AtomicI32 = AtomicI32::new(0);

/// Says that a child runs in our terminal, until it is dropped. A question beside it must take the terminal from it and
/// give it back.
pub(super) struct Beside(());

impl Beside {
    pub(super) fn child(id: Option<u32>) -> Self {
        CHILD.store(id.and_then(|id| i32::try_from(id).ok()).unwrap_or(0), Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        CHILD.store(0, Ordering::SeqCst);
    }
}

/// Takes a question away when nobody waits for its answer any more.
struct Withdraw(Arc<AtomicBool>);

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks a question whose answer is not shown, on a thread of its own; `None` when there is no terminal to ask at.
///
/// Whoever drops this takes the question away; [`settled`] tells when the terminal is as it was.
///
/// # Errors
/// `Interrupted` when the person pressed Ctrl-C.
pub async fn ask_hidden(question: String) -> io::Result<Option<String>> {
    let withdrawn = Arc::new(AtomicBool::new(false));
    let _withdraw = Withdraw(Arc::clone(&withdrawn));
    let ask = move || {
        let _one = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        hidden::ask(&question, &withdrawn)
    };
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Waits until no question stands.
pub async fn settled() {
    _ = tokio::task::spawn_blocking(|| drop(ASKING.lock().unwrap_or_else(PoisonError::into_inner))).await;
}

#[cfg(not(unix))]
mod hidden {
    use super::{AtomicBool, io};

    pub(super) fn ask(question: &str, _withdrawn: &AtomicBool) -> io::Result<Option<String>> {
        match rpassword::prompt_password(question) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            // Without a terminal there is nobody to ask.
            Err(_) => Ok(None),
        }
    }
}

/// The terminal is read without waiting, so that a question can be taken away, and stands no longer than it should.
#[cfg(unix)]
mod hidden {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::thread;
    use std::time::Duration;

    use nix::sys::signal::{SigSet, SigmaskHow, Signal as Mask};
    use rustix::fs::{Mode, OFlags};
    use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process};
    use rustix::termios::{
        InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp,
        tcsetattr, tcsetpgrp,
    };
    use zeroize::Zeroizing;

    use super::{AtomicBool, CHILD, Ordering, TERMINAL, io};

    /// How often is looked whether something was typed, or has happened.
    const LOOK: Duration = Duration::from_millis(50);

    /// How often the terminal is taken again from somebody who took it back.
    const TRIES: usize = 5;

    const CTRL_C: u8 = 3;

    pub(super) fn ask(question: &str, withdrawn: &AtomicBool) -> io::Result<Option<String>> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Ok(terminal) = rustix::fs::open(TERMINAL, flags, Mode::empty()) else { return Ok(None) };
        let mut terminal = &File::from(terminal);
        let shell = shell_with_jobs();
        let _signals = shell.map(|_| Blocked::new());
        let interrupted = || Err(io::Error::from(io::ErrorKind::Interrupted));
        let mut line = Zeroizing::new(Vec::new());
        for _ in 0..TRIES {
            if withdrawn.load(Ordering::SeqCst) {
                return interrupted();
            }
            let Ok(hold) = Hold::take(terminal, shell) else { return Ok(None) };
            if hold.before.is_some() {
                // Whatever stands there now is somebody else's line.
                _ = terminal.write_all(b"\r\n");
            }
            _ = terminal.write_all(question.as_bytes());
            line.clear();
            while hold.lasts() {
                if withdrawn.load(Ordering::SeqCst) {
                    _ = terminal.write_all(b"\n");
                    return interrupted();
                }
                let mut typed = Zeroizing::new([0; 256]);
                match terminal.read(&mut *typed) {
                    Ok(count) => {
                        line.extend_from_slice(&typed[..count]);
                        if count == 0 || line.contains(&CTRL_C) {
                            _ = terminal.write_all(b"\n");
                            return interrupted();
                        }
                        if line.ends_with(b"\n") {
                            _ = terminal.write_all(b"\n");
                            return Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()));
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(LOOK),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // It was taken from us, or has gone away.
                    Err(_) if hold.lasts() => return interrupted(),
                    Err(_) => {}
                }
            }
        }
        interrupted()
    }

    /// The child when it is a shell that gives the terminal to its jobs: it and they are in other process groups.
    fn shell_with_jobs() -> Option<Pid> {
        let child = Pid::from_raw(CHILD.load(Ordering::SeqCst))?;
        getpgid(Some(child)).is_ok_and(|group| group == child && group != getpgrp()).then_some(child)
    }

    /// The terminal while a question stands; dropping it gives it back as it was to the one who had it.
    ///
    /// The shell is stopped as long: at its prompt it would read the answer, and when its job ends it would take the
    /// terminal back and hold our modes for its own.
    struct Hold<'a> {
        terminal: &'a File,
        modes: Termios,
        /// The process group that had it.
        before: Option<Pid>,
        shells: Option<Stopped>,
    }

    impl<'a> Hold<'a> {
        fn take(terminal: &'a File, shell: Option<Pid>) -> io::Result<Self> {
            // Without a shell of ours in it the terminal is somebody else's, and to ask from the background stops us
            // until we are brought to the fore, as it should.
            let before = shell.and_then(|_| tcgetpgrp(terminal).ok()).filter(|group| *group != getpgrp());
            let shells = shell.map(|shell| Stopped::new(shell, before));
            if before.is_some() {
                tcsetpgrp(terminal, getpgrp())?;
            }
            let hold = Self { terminal, modes: tcgetattr(terminal)?, before, shells };
            let mut modes = hold.modes.clone();
            modes.input_modes -= InputModes::INLCR | InputModes::IGNCR;
            modes.input_modes |= InputModes::ICRNL;
            modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
            // Ctrl-C ends the line instead of everybody in our process group, the child perhaps among them.
            modes.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG;
            modes.local_modes |= LocalModes::ICANON;
            modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
            // What was typed for another must not become the answer.
            let typed_before = if before.is_some() { OptionalActions::Flush } else { OptionalActions::Now };
            tcsetattr(terminal, typed_before, &modes)?;
            Ok(hold)
        }

        /// Whether it is still ours. A shell in our shell takes it back when its job has ended.
        fn lasts(&self) -> bool {
            self.shells.is_none() || tcgetpgrp(self.terminal).is_ok_and(|group| group == getpgrp())
        }
    }

    impl Drop for Hold<'_> {
        fn drop(&mut self) {
            if self.lasts() {
                _ = tcsetattr(self.terminal, OptionalActions::Now, &self.modes);
                if let Some(before) = self.before {
                    _ = tcsetpgrp(self.terminal, before);
                }
            }
        }
    }

    /// Our shell, and the shells in it that wait for the job with the terminal: they do nothing until this is dropped.
    struct Stopped(Vec<Pid>);

    impl Stopped {
        fn new(shell: Pid, job: Option<Pid>) -> Self {
            let mut shells = vec![shell];
            shells.extend(between(shell, job));
            for shell in &shells {
                _ = kill_process(*shell, Signal::STOP);
            }
            Self(shells)
        }
    }

    impl Drop for Stopped {
        fn drop(&mut self) {
            for shell in self.0.iter().rev() {
                _ = kill_process(*shell, Signal::CONT);
                // A line editor draws its prompt anew.
                _ = kill_process(*shell, Signal::WINCH);
            }
        }
    }

    /// The processes that lead from our shell down to a job of a shell in it, without these two; none where the system
    /// does not tell, or the job is not from there.
    fn between(shell: Pid, job: Option<Pid>) -> Vec<Pid> {
        const DEPTH: usize = 16;
        let mut found = Vec::new();
        let mut above = job.filter(|job| *job != shell).and_then(parent);
        while let Some(process) = above.filter(|_| found.len() < DEPTH) {
            if process == shell {
                return found;
            }
            found.push(process);
            above = parent(process);
        }
        Vec::new()
    }

    /// proc_pid_stat(5): the fourth field, after a name in parentheses that may hold anything.
    #[cfg(target_os = "linux")]
    fn parent(process: Pid) -> Option<Pid> {
        let stat = std::fs::read(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
        let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
        let rest = std::str::from_utf8(&stat[after_name..]).ok()?;
        Pid::from_raw(rest.split_ascii_whitespace().nth(1)?.parse().ok()?)
    }

    #[cfg(not(target_os = "linux"))]
    fn parent(_process: Pid) -> Option<Pid> {
        None
    }

    /// SIGTTOU and SIGTTIN of this thread, which has the terminal's change of hands to do from the background.
    struct Blocked(Option<SigSet>);

    impl Blocked {
        fn new() -> Self {
            let mut signals = SigSet::empty();
            signals.add(Mask::SIGTTOU);
            signals.add(Mask::SIGTTIN);
            Self(signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok())
        }
    }

    impl Drop for Blocked {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                _ = before.thread_set_mask();
            }
        }
    }
}

/// Says something to the person at the controlling terminal, where there is one.
pub fn tell(text: &str) {
    use io::Write as _;
    if let Ok(mut terminal) = std::fs::File::options().write(true).open(TERMINAL) {
        _ = terminal.write_all(format!("{text}\n").as_bytes());
    }
}

/// Asks a question whose answer is shown as it is typed; `None` when there is no terminal to ask at.
pub async fn ask(question: String) -> io::Result<Option<String>> {
    let ask = move || -> io::Result<Option<String>> {
        use io::{BufRead as _, Write as _};
        let Ok(terminal) = std::fs::File::options().read(true).write(true).open(TERMINAL) else { return Ok(None) };
        (&terminal).write_all(question.as_bytes())?;
        let mut line = String::new();
        io::BufReader::new(&terminal).read_line(&mut line)?;
        // The end of the input is no answer.
        Ok(line.ends_with('\n').then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    };
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(unix)]
const TERMINAL: &str = "/dev/tty";
#[cfg(not(unix))]
const TERMINAL: &str = "CON";
