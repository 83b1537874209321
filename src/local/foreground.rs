//! Who has the terminal: we, or the child that runs in it.
//!
//! A child in a process group of its own gets the terminal from us, as a shell gives it to its jobs (the GNU C Library
//! Reference Manual, "Implementing a Job Control Shell"): so a question can take it away for a while, and a child that
//! reads then stops instead of reading the answer.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use nix::sys::signal::{SigSet, SigmaskHow, Signal as Mask};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, getpgid, getpgrp, getpid, kill_current_process_group, kill_process_group,
    waitid,
};
use rustix::termios::{isatty, tcgetpgrp, tcsetpgrp};

use super::prompt::ASKING;

/// The child that runs in our terminal.
static CHILD: Mutex<Option<Child>> = Mutex::new(None);

/// Whether that child, or one of its own, has the terminal from us.
static GIVEN: AtomicBool = AtomicBool::new(false);

/// A child in our terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) process: Pid,
    /// Whether we made a process group for it. A shell makes one for itself.
    pub(super) own_group: bool,
}

impl Child {
    /// The one that runs now.
    pub(super) fn beside() -> Option<Self> {
        *child()
    }

    /// Whether it has the terminal from us. A shell that we run has; it makes sure of that itself.
    pub(super) fn has_terminal(self) -> bool {
        !self.own_group || GIVEN.load(Ordering::SeqCst)
    }
}

fn child() -> MutexGuard<'static, Option<Child>> {
    CHILD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a child can have the terminal for itself: it is ours to give, and nobody beside us in a pipeline, such as a
/// pager, needs it too.
pub(super) fn can_be_given() -> bool {
    let piped = |kind: FileType| matches!(kind, FileType::Fifo | FileType::Socket);
    let stdout = rustix::fs::fstat(io::stdout()).map(|stat| FileType::from_raw_mode(stat.st_mode));
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp()) && !stdout.is_ok_and(piped)
}

/// Says that a child runs in our terminal, until it is dropped.
#[derive(Debug)]
pub(super) struct Beside(());

impl Beside {
    /// A child that was just started, in a process group of its own or as it is. That group gets the terminal.
    pub(super) fn child(id: Option<u32>, own_group: bool) -> Self {
        let process = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        GIVEN.store(false, Ordering::SeqCst);
        *child() = process.map(|process| Child { process, own_group });
        give();
        Self(())
    }

    /// After the child was stopped, by Ctrl-Z or because it reads in the background: then we stop too, with the
    /// terminal in our hands, so that the shell around us takes it. Tells whether we did, or tried to.
    pub(super) fn stop_with_child(&self) -> bool {
        let _nobody_asks = match ASKING.try_lock() {
            Ok(lock) => lock,
            Err(TryLockError::Poisoned(lock)) => lock.into_inner(),
            // The question stopped it, and lets it go on.
            Err(TryLockError::WouldBlock) => return false,
        };
        let Some(Child { process, own_group: true }) = Child::beside() else { return false };
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        let Ok(Some(status)) = waitid(WaitId::Pid(process), options) else { return false };
        let Some(signal) = status.stopping_signal() else { return false };
        let Ok(terminal) = terminal() else { return false };
        let wants_it = [Signal::TTIN, Signal::TTOU].iter().any(|wants| wants.as_raw() == signal);
        let holder = tcgetpgrp(&terminal);
        if wants_it && (holder == Ok(process) || holder == Ok(getpgrp())) {
            // It asked a moment before it got it.
            give();
            go_on();
            return false;
        }
        if GIVEN.swap(false, Ordering::SeqCst) {
            take(&terminal);
        }
        // As the terminal does to its whole foreground: a script around us is of it.
        _ = kill_current_process_group(Signal::TSTP);
        true
    }

    /// After we were stopped: the child goes on, with the terminal when we have it.
    pub(super) fn continued(&self) {
        // Who asks gives it back.
        if !matches!(ASKING.try_lock(), Err(TryLockError::WouldBlock)) {
            look_who_has_it();
            give();
        }
        go_on();
    }

    /// Where stopping had no effect, since nobody is there who could wake us: the child goes on.
    pub(super) fn still_runs(&self) {
        if give() {
            go_on();
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        *child() = None;
        take_back();
    }
}

/// Gives the terminal to the child's own group when it is in our hands.
pub(super) fn give() -> bool {
    let Some(Child { process, own_group: true }) = Child::beside() else { return false };
    let Ok(terminal) = terminal() else { return false };
    if tcgetpgrp(&terminal) != Ok(getpgrp()) || tcsetpgrp(&terminal, process).is_err() {
        return false;
    }
    GIVEN.store(true, Ordering::SeqCst);
    // It may have asked for it already, and was stopped for that.
    go_on();
    true
}

/// Takes the terminal when a child of ours that has ended had it: its group may live on.
pub(super) fn take_back() {
    if GIVEN.load(Ordering::SeqCst)
        && Child::beside().is_none()
        && let Ok(terminal) = terminal()
    {
        take(&terminal);
    }
}

fn go_on() {
    if let Some(Child { process, own_group: true }) = Child::beside() {
        _ = kill_process_group(process, Signal::CONT);
    }
}

/// A shell around us may have taken it while we were stopped.
fn look_who_has_it() {
    let Some(Child { process, own_group: true }) = Child::beside() else { return };
    let holder = terminal().and_then(|terminal| Ok(tcgetpgrp(terminal)?));
    let given = holder.is_ok_and(|group| group == process || leads_to(process, group).is_some());
    GIVEN.store(given, Ordering::SeqCst);
}

fn take(terminal: &OwnedFd) {
    if tcgetpgrp(terminal) != Ok(getpgrp()) {
        let _signals = Blocked::new();
        _ = tcsetpgrp(terminal, getpgrp());
    }
}

fn terminal() -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(super::prompt::TERMINAL, flags, Mode::empty())?)
}

/// Whether a child in our own group may read the terminal.
pub(super) fn stdin_is_terminal() -> bool {
    isatty(io::stdin())
}

/// The processes that lead from `above` down to `below`, without these two; `None` where the system does not tell, or
/// `below` is not from there.
pub(super) fn leads_to(above: Pid, below: Pid) -> Option<Vec<Pid>> {
    const DEPTH: usize = 16;
    let mut found = Vec::new();
    let mut process = parent(below)?;
    while process != above {
        if found.len() == DEPTH {
            return None;
        }
        found.push(process);
        process = parent(process)?;
    }
    Some(found)
}

/// The child and those below it that are in this process group, as far as the system tells.
pub(super) fn in_group(child: Pid, group: Pid) -> Vec<Pid> {
    let mut found = vec![child];
    // Where there is no such folder, nobody is found.
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        // In this order: threads of the kernel have no group, and are below nobody.
        let is_below = |process: &Pid| leads_to(child, *process).is_some() && getpgid(Some(*process)) == Ok(group);
        found.extend(number.filter(is_below));
    }
    found.retain(|process| *process != getpid());
    found
}

/// proc_pid_stat(5): the fourth field.
#[cfg(target_os = "linux")]
fn parent(process: Pid) -> Option<Pid> {
    Pid::from_raw(after_name(process)?.split_ascii_whitespace().nth(1)?.parse().ok()?)
}

/// Whether a process that was told to stop has stopped; true where that cannot be seen (proc_pid_stat(5): the third
/// field; one that has ended does nothing either).
#[cfg(target_os = "linux")]
pub(super) fn has_stopped(process: Pid) -> bool {
    let state = after_name(process).and_then(|rest| rest.split_ascii_whitespace().next().map(str::to_owned));
    state.is_none_or(|state| ["T", "t", "Z", "X"].contains(&state.as_str()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn has_stopped(_process: Pid) -> bool {
    true
}

/// The fields after the name, which stands in parentheses and may hold anything.
#[cfg(target_os = "linux")]
fn after_name(process: Pid) -> Option<String> {
    let stat = std::fs::read(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    std::str::from_utf8(&stat[after_name..]).ok().map(str::to_owned)
}

#[cfg(not(target_os = "linux"))]
fn parent(_process: Pid) -> Option<Pid> {
    None
}

/// Whether it does something of its own about SIGTTIN, as shells with jobs do, and so is not stopped when it reads in
/// the background (proc_pid_status(5): masks of signals, in which bit 0 is signal 1).
#[cfg(target_os = "linux")]
pub(super) fn withstands_ttin(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap_or_default();
    let masks = status.lines().filter_map(|line| {
        let (name, mask) = line.split_once(':')?;
        ["SigBlk", "SigIgn", "SigCgt"].contains(&name).then(|| u64::from_str_radix(mask.trim(), 16).ok())?
    });
    masks.fold(0, |all, mask| all | mask) & (1 << (Signal::TTIN.as_raw() - 1)) != 0
}

#[cfg(not(target_os = "linux"))]
pub(super) fn withstands_ttin(_process: Pid) -> bool {
    false
}

/// SIGTTOU and SIGTTIN of this thread, which has the terminal's change of hands to do from the background.
pub(super) struct Blocked(Option<SigSet>);

impl Blocked {
    pub(super) fn new() -> Self {
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
