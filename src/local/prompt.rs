//! Questions to the person at the controlling terminal, since stdin and stdout may be pipes.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// There is one terminal, and one question at a time.
pub(super) static ASKING: Mutex<()> = Mutex::new(());

/// How long a question that hides its answer waits for it: whoever types the command is there, or will not come.
const PATIENCE: Duration = Duration::from_secs(120);

/// For tests/renewing.rs: a shorter time.
fn patience() -> Duration {
    #[cfg(debug_assertions)]
    if let Some(seconds) = std::env::var("XSW_TEST_PATIENCE").ok().and_then(|seconds| seconds.parse().ok()) {
        return Duration::from_secs(seconds);
    }
    PATIENCE
}

/// What the person reads who comes too late.
fn nobody_answered(waited: Duration) -> String {
    format!("\nNobody answered within {} s.\n", waited.as_secs())
}

/// Takes a question away when nobody waits for its answer any more.
struct Withdraw(Arc<AtomicBool>);

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks a question whose answer is not shown, on a thread of its own; `None` when there is no terminal to ask at, or
/// nobody answers within two minutes.
///
/// Whoever drops this takes the question away; [`settled`] tells when the terminal is as it was.
///
/// # Errors
/// `Interrupted` when the person pressed Ctrl-C.
#[cfg(unix)]
pub async fn ask_hidden(question: String) -> io::Result<Option<String>> {
    let withdrawn = Arc::new(AtomicBool::new(false));
    let _withdraw = Withdraw(Arc::clone(&withdrawn));
    let ask = move || {
        let _one = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = hidden::ask(&question, &withdrawn);
        // We may have been brought to the fore for the question alone.
        super::foreground::give();
        answer
    };
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Waits until no question stands, and the terminal is ours when the child that had it has ended.
#[cfg(unix)]
pub async fn settled() {
    let settle = || {
        let _nobody_asks = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        super::foreground::take_back();
    };
    _ = tokio::task::spawn_blocking(settle).await;
}

/// Asks a question whose answer is not shown; `None` when there is no terminal to ask at, or nobody answers within two
/// minutes.
///
/// Nobody can take back a question that `rpassword` has put, so it gets a thread that does not hold up our end.
///
/// # Errors
/// `Interrupted` when the person pressed Ctrl-C.
#[cfg(not(unix))]
pub async fn ask_hidden(question: String) -> io::Result<Option<String>> {
    let withdrawn = Arc::new(AtomicBool::new(false));
    let _withdraw = Withdraw(Arc::clone(&withdrawn));
    let (sender, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _one = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        // While it waited for its turn, it may have been given up.
        if !withdrawn.load(Ordering::SeqCst) {
            _ = sender.send(match rpassword::prompt_password(question) {
                Ok(answer) => Ok(Some(answer)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
                // Without a terminal there is nobody to ask.
                Err(_) => Ok(None),
            });
        }
    });
    match tokio::time::timeout(patience(), answer).await {
        Ok(answer) => answer.unwrap_or_else(|error| Err(io::Error::other(error))),
        Err(_) => {
            tracing::warn!("nobody answered a question at the terminal");
            if let Ok(mut terminal) = std::fs::File::options().write(true).open(TERMINAL_OUT) {
                _ = io::Write::write_all(&mut terminal, nobody_answered(patience()).as_bytes());
            }
            Ok(None)
        }
    }
}

/// Waits until no question stands, though not for long: one that stands cannot be taken back here.
#[cfg(not(unix))]
pub async fn settled() {
    const SHORT: Duration = Duration::from_millis(500);
    let begun = std::time::Instant::now();
    while begun.elapsed() < SHORT && matches!(ASKING.try_lock(), Err(std::sync::TryLockError::WouldBlock)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The terminal is read without waiting, so that a question can be taken away, and stands no longer than it should.
#[cfg(unix)]
mod hidden {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::fs::{Mode, OFlags};
    use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process, kill_process_group};
    use rustix::termios::{
        InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex, Termios, tcflush,
        tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp,
    };
    use zeroize::Zeroizing;

    use super::super::foreground::{
        Blocked, Child, has_stopped, in_group, leads_to, stdin_is_terminal, withstands_ttin,
    };
    use super::{AtomicBool, Ordering, TERMINAL, io, nobody_answered, patience};

    /// How often is looked whether something was typed, or has happened.
    const LOOK: Duration = Duration::from_millis(50);

    /// How often the terminal is taken again from somebody who took it back.
    const TRIES: usize = 5;

    /// Until a process that was told to stop has stopped.
    const BRIEFLY: Duration = Duration::from_millis(20);

    /// No process is waited for longer than this to stop.
    const SOON: Duration = Duration::from_millis(200);

    const CTRL_C: u8 = 3;

    pub(super) fn ask(question: &str, withdrawn: &AtomicBool) -> io::Result<Option<String>> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Ok(terminal) = rustix::fs::open(TERMINAL, flags, Mode::empty()) else { return Ok(None) };
        let mut terminal = &File::from(terminal);
        let beside = Neighbour::now();
        let _signals = matches!(beside, Neighbour::Elsewhere(_)).then(Blocked::new);
        let (begun, patience) = (Instant::now(), patience());
        let interrupted = || Err(io::Error::from(io::ErrorKind::Interrupted));
        let mut line = Zeroizing::new(Vec::new());
        for _ in 0..TRIES {
            if withdrawn.load(Ordering::SeqCst) {
                return interrupted();
            }
            let Ok(hold) = Hold::take(terminal, beside) else { return Ok(None) };
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
                if begun.elapsed() > patience {
                    tracing::warn!("nobody answered a question at the terminal");
                    _ = terminal.write_all(nobody_answered(patience).as_bytes());
                    _ = tcflush(terminal, QueueSelector::IFlush);
                    return Ok(None);
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

    /// Who runs in the terminal beside us, and could read the answer.
    #[derive(Clone, Copy)]
    enum Neighbour {
        Nobody,
        /// A child in another process group, which has the terminal, or gives it to its jobs.
        Elsewhere(Child),
        /// A child in ours.
        WithUs(Child),
    }

    impl Neighbour {
        fn now() -> Self {
            let Some(child) = Child::beside() else { return Self::Nobody };
            let group = getpgid(Some(child.process));
            if group.is_ok_and(|group| group == child.process && group != getpgrp()) {
                // Where it does not have it, the terminal is somebody else's, and to ask from the background stops us
                // until we are brought to the fore, as it should.
                if child.has_terminal() { Self::Elsewhere(child) } else { Self::Nobody }
            } else if group == Ok(getpgrp()) && stdin_is_terminal() {
                Self::WithUs(child)
            } else {
                Self::Nobody
            }
        }
    }

    /// The terminal while a question stands; dropping it gives it back as it was to the one who had it.
    struct Hold<'a> {
        terminal: &'a File,
        modes: Termios,
        /// The process group that had it.
        before: Option<Pid>,
        is_taken: bool,
        // Goes on when all else is done.
        stopped: Stopped,
    }

    impl<'a> Hold<'a> {
        fn take(terminal: &'a File, beside: Neighbour) -> io::Result<Self> {
            let mut before = None;
            let mut stopped = Stopped::default();
            if let Neighbour::Elsewhere(child) = beside {
                before = tcgetpgrp(terminal).ok().filter(|group| *group != getpgrp());
                stopped = Stopped::elsewhere(terminal, child, before);
            }
            if before.is_some() {
                tcsetpgrp(terminal, getpgrp())?;
            }
            let is_taken = matches!(beside, Neighbour::Elsewhere(_));
            let mut hold = Self { terminal, modes: tcgetattr(terminal)?, before, is_taken, stopped };
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
            // Only now: in the background this stopped us all, and whoever woke us woke the child too.
            if let Neighbour::WithUs(child) = beside {
                hold.stopped = Stopped::with_us(child);
                tcflush(terminal, QueueSelector::IFlush)?;
            }
            if hold.stopped.briefly {
                // The terminal looks who reads when a read begins. One that had begun is begun anew.
                thread::sleep(BRIEFLY);
                hold.stopped = Stopped::default();
            }
            Ok(hold)
        }

        /// Whether it is still ours. A shell in our shell takes it back when its job has ended.
        fn lasts(&self) -> bool {
            !self.is_taken || tcgetpgrp(self.terminal).is_ok_and(|group| group == getpgrp())
        }
    }

    impl Drop for Hold<'_> {
        fn drop(&mut self) {
            if self.lasts() {
                _ = tcsetattr(self.terminal, OptionalActions::Now, &self.modes);
                // A child that has ended needs it no more.
                if let Some(before) = self.before.filter(|_| Child::beside().is_some()) {
                    _ = tcsetpgrp(self.terminal, before);
                    // Whoever read in the meantime was stopped for it.
                    _ = kill_process_group(before, Signal::CONT);
                }
            }
        }
    }

    /// Those who would read the answer: they do nothing until this is dropped.
    #[derive(Default)]
    struct Stopped {
        group: Option<Pid>,
        /// No longer than until the terminal is ours.
        briefly: bool,
        processes: Vec<Pid>,
    }

    impl Stopped {
        /// Our shell, and the shells in it that wait for the job with the terminal. At its prompt a shell would read the
        /// answer, and when its job ends it would take the terminal back and hold our modes for its own.
        ///
        /// Of another child, that which stands in a line editor or the like. All else goes on with its work: when it
        /// reads in the background the terminal stops it.
        fn elsewhere(terminal: &File, child: Child, job: Option<Pid>) -> Self {
            let shell = child.process;
            let job = job.filter(|job| *job != shell);
            let edits = || tcgetattr(terminal).is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ICANON));
            if child.own_group && job.is_none() {
                let briefly = !edits() && !withstands_ttin(shell);
                _ = kill_process_group(shell, Signal::STOP);
                return Self { group: Some(shell), briefly, processes: Vec::new() };
            }
            let mut processes = vec![shell];
            processes.extend(job.and_then(|job| leads_to(shell, job)).unwrap_or_default().into_iter().rev());
            Self::stop(processes)
        }

        /// A child in our own process group, which the terminal does not stop, and its children there.
        fn with_us(child: Child) -> Self {
            Self::stop(in_group(child.process, getpgrp()))
        }

        /// From above: a shell that still waits for the one below it would take that for a job that was stopped, and
        /// take the terminal. They go on from below.
        fn stop(processes: Vec<Pid>) -> Self {
            for (place, process) in processes.iter().enumerate() {
                _ = kill_process(*process, Signal::STOP);
                let begun = Instant::now();
                while place + 1 < processes.len() && !has_stopped(*process) && begun.elapsed() < SOON {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            Self { group: None, briefly: false, processes }
        }
    }

    impl Drop for Stopped {
        fn drop(&mut self) {
            // A line editor draws its prompt anew.
            if let Some(group) = self.group {
                _ = kill_process_group(group, Signal::CONT);
                if !self.briefly {
                    _ = kill_process_group(group, Signal::WINCH);
                }
            }
            for process in self.processes.iter().rev() {
                _ = kill_process(*process, Signal::CONT);
                _ = kill_process(*process, Signal::WINCH);
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
        let Ok(terminal) = std::fs::File::options().read(true).open(TERMINAL) else { return Ok(None) };
        let Ok(mut shown) = std::fs::File::options().write(true).open(TERMINAL_OUT) else { return Ok(None) };
        shown.write_all(question.as_bytes())?;
        let mut line = String::new();
        io::BufReader::new(&terminal).read_line(&mut line)?;
        // The end of the input is no answer.
        Ok(line.ends_with('\n').then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    };
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(unix)]
pub(super) const TERMINAL: &str = "/dev/tty";
#[cfg(unix)]
const TERMINAL_OUT: &str = TERMINAL;
// `CON` can be opened for one of the two alone (Microsoft, "Console Handles").
#[cfg(not(unix))]
const TERMINAL: &str = "CONIN$";
#[cfg(not(unix))]
const TERMINAL_OUT: &str = "CONOUT$";
