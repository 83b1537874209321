//! A child process in our terminal: `exec`'s command and `shell`'s subshell. Its status is ours.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::process::{ExitCode, ExitStatus};

use tempfile::TempDir;

use super::child_env::ChildEnv;
use crate::error::{Error, Result};

/// The text of a subshell's prompt. A child that is no subshell must not inherit that of one around it.
pub(super) const PROMPT: &str = "XSW_PROMPT";

/// A child that is ready to run. Debug shows the names of its variables alone.
pub struct Plan {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    /// The rc files of a subshell and the like; they go when it has ended.
    folders: Vec<TempDir>,
    /// Whether questions may be put while it runs.
    beside_questions: bool,
}

impl Plan {
    /// A command with the session in its environment.
    pub fn new(program: impl Into<OsString>, args: impl IntoIterator<Item = OsString>, env: &ChildEnv) -> Self {
        let mut plan = Self {
            program: program.into(),
            args: args.into_iter().collect(),
            env: Vec::new(),
            folders: Vec::new(),
            beside_questions: false,
        };
        plan.unset(PROMPT);
        for (name, value) in env.iter() {
            match value {
                Some(value) => plan.set(name, value),
                None => plan.unset(name),
            }
        }
        plan
    }

    /// The program, as it will be looked for.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Lays variables below what the plan already says, but above our own environment.
    pub fn lay_under(&mut self, variables: &[(String, Option<OsString>)]) {
        let lower = variables.iter().map(|(name, value)| (OsString::from(name), value.clone()));
        self.env.splice(0..0, lower);
    }

    /// Prepares for questions at the terminal while the child runs: they must be able to take it from the child. A shell
    /// that gives the terminal to its jobs does without.
    pub fn beside_questions(&mut self) {
        self.beside_questions = true;
    }

    pub(super) fn arg(&mut self, arg: impl Into<OsString>) {
        self.args.push(arg.into());
    }

    pub(super) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        self.env.push((name.into(), Some(value.into())));
    }

    pub(super) fn unset(&mut self, name: impl Into<OsString>) {
        self.env.push((name.into(), None));
    }

    /// Keeps a folder until the child has ended.
    pub fn keep(&mut self, folder: TempDir) {
        self.folders.push(folder);
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Plan")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("env", &names)
            .finish()
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildExit {
    /// By itself, with this status.
    Code(u8),
    /// By this signal.
    Signal(u8),
}

impl ChildExit {
    /// The status as shells tell it: its own, or 128 and the signal's number.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128_u8.saturating_add(signal),
        }
    }
}

impl From<ChildExit> for ExitCode {
    fn from(exit: ChildExit) -> Self {
        Self::from(exit.code())
    }
}

impl From<ExitStatus> for ChildExit {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Self::Signal(u8::try_from(signal).unwrap_or(u8::MAX));
        }
        // Windows has 32 bits of status. What does not fit must not become a success.
        Self::Code(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }
}

/// Runs the child in our terminal until it ends.
///
/// Ctrl-C and Ctrl-\ are the child's affair and do not end us; SIGTERM and SIGHUP to us are passed on to it. From the
/// first call on these four signals no longer end this process by themselves. Ctrl-Z stops the child and us.
pub async fn run(plan: Plan) -> Result<ChildExit> {
    let failed = |source: std::io::Error| Error::Child {
        command: plan.program.to_string_lossy().into_owned(),
        source: source.into(),
    };
    let mut command = tokio::process::Command::new(&plan.program);
    command.args(&plan.args);
    for (name, value) in &plan.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // Before the child starts: a Ctrl-C between the two would end us alone.
    let own_group = plan.beside_questions && can_be_given();
    let mut signals = Signals::new(own_group).map_err(failed)?;
    #[cfg(unix)]
    if own_group {
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(failed)?;
    let beside = Beside::child(child.id(), own_group);
    let exit: ChildExit = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?.into(),
            event = signals.next() => event.meet(child.id(), &beside).await,
        }
    };
    drop(beside);
    #[cfg(unix)]
    if own_group {
        unix::tell_those_around(exit);
    }
    Ok(exit)
}

#[cfg(unix)]
use super::foreground::{Beside, can_be_given};
#[cfg(unix)]
use unix::Signals;
#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_current_process_group, kill_process};
    use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

    use super::{Beside, ChildExit};

    /// Longer than it takes until a stop has stopped us.
    const STOPPING: Duration = Duration::from_millis(100);

    /// Handlers, and not SIG_IGN: the child would inherit that.
    pub(super) struct Signals {
        interrupt: Stream,
        quit: Stream,
        terminate: Stream,
        hangup: Stream,
        jobs: Option<Jobs>,
    }

    /// What concerns a child in a process group of its own alone.
    struct Jobs {
        child: Stream,
        continued: Stream,
    }

    impl Jobs {
        fn new() -> std::io::Result<Self> {
            let continued = SignalKind::from_raw(Signal::CONT.as_raw());
            Ok(Self { child: signal(SignalKind::child())?, continued: signal(continued)? })
        }

        async fn next(jobs: Option<&mut Self>) -> Event {
            let Some(Self { child, continued }) = jobs else { return std::future::pending().await };
            tokio::select! {
                _ = child.recv() => Event::Child,
                _ = continued.recv() => Event::Continued,
            }
        }
    }

    impl Signals {
        pub(super) fn new(own_group: bool) -> std::io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
                jobs: if own_group { Some(Jobs::new()?) } else { None },
            })
        }

        pub(super) async fn next(&mut self) -> Event {
            loop {
                let in_one_group = self.jobs.is_none();
                tokio::select! {
                    // In one group with the child, the terminal sends these two to it as well.
                    _ = self.interrupt.recv() => if !in_one_group { return Event::PassOn(Signal::INT) },
                    _ = self.quit.recv() => if !in_one_group { return Event::PassOn(Signal::QUIT) },
                    _ = self.terminate.recv() => return Event::PassOn(Signal::TERM),
                    _ = self.hangup.recv() => return Event::PassOn(Signal::HUP),
                    event = Jobs::next(self.jobs.as_mut()) => return event,
                }
            }
        }
    }

    pub(super) enum Event {
        PassOn(Signal),
        /// A child of ours was stopped, or has ended.
        Child,
        /// Somebody woke us.
        Continued,
    }

    impl Event {
        /// `child` is `None` once its status has been read, so this never meets another process of the same number.
        pub(super) async fn meet(self, child: Option<u32>, beside: &Beside) {
            match self {
                Self::PassOn(signal) => {
                    let pid = child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                    if let Some(pid) = pid {
                        _ = kill_process(pid, signal);
                    }
                }
                Self::Child => {
                    if beside.stop_with_child() {
                        tokio::time::sleep(STOPPING).await;
                        beside.still_runs();
                    }
                }
                Self::Continued => beside.continued(),
            }
        }
    }

    /// Ctrl-C that ended the child alone is meant for a script around us as well. We ourselves survive it.
    pub(super) fn tell_those_around(exit: ChildExit) {
        for signal in [Signal::INT, Signal::QUIT] {
            if matches!(exit, ChildExit::Signal(number) if i32::from(number) == signal.as_raw()) {
                _ = kill_current_process_group(signal);
            }
        }
    }
}

#[cfg(not(unix))]
use elsewhere::{Beside, Signals, can_be_given};
#[cfg(not(unix))]
mod elsewhere {
    /// Windows sends Ctrl-C to every process of the console; ours only has to survive it.
    pub(super) struct Signals(tokio::signal::windows::CtrlC);

    impl Signals {
        pub(super) fn new(_own_group: bool) -> std::io::Result<Self> {
            Ok(Self(tokio::signal::windows::ctrl_c()?))
        }

        pub(super) async fn next(&mut self) -> Event {
            loop {
                self.0.recv().await;
            }
        }
    }

    pub(super) enum Event {}

    impl Event {
        pub(super) async fn meet(self, _child: Option<u32>, _beside: &Beside) {
            match self {}
        }
    }

    /// The console belongs to all of its processes alike.
    pub(super) struct Beside;

    impl Beside {
        pub(super) fn child(_id: Option<u32>, _own_group: bool) -> Self {
            Self
        }
    }

    impl Drop for Beside {
        fn drop(&mut self) {}
    }

    pub(super) fn can_be_given() -> bool {
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Plan {
        let mut env = ChildEnv::default();
        env.set("AWS_SECRET_ACCESS_KEY", "very-secret");
        env.unset("HOME");
        Plan::new("/bin/sh", ["-c".into(), script.into()], &env)
    }

    #[tokio::test]
    async fn the_childs_status_is_passed_on() {
        for (script, exit, code) in [
            ("exit 0", ChildExit::Code(0), 0),
            ("exit 7", ChildExit::Code(7), 7),
            ("kill -TERM $$", ChildExit::Signal(15), 143),
            ("kill -KILL $$", ChildExit::Signal(9), 137),
            ("test \"$AWS_SECRET_ACCESS_KEY\" = very-secret && test -z \"${HOME+set}\"", ChildExit::Code(0), 0),
        ] {
            let seen = run(sh(script)).await.unwrap();
            assert_eq!((seen, seen.code()), (exit, code), "{script}");
        }
    }

    #[tokio::test]
    async fn a_child_that_cannot_start_ends_as_in_a_shell() {
        for (program, code) in [("/nowhere/at/all", 127), ("xsw-no-such-command", 127), ("/", 126), ("nul\0", 126)] {
            let error = run(Plan::new(program, [], &ChildEnv::default())).await.unwrap_err();
            assert!(matches!(error, Error::Child { .. }), "{error:?}");
            assert_eq!(format!("{:?}", error.exit_code()), format!("{:?}", ExitCode::from(code)), "{program:?}");
        }
    }

    #[test]
    fn debug_never_shows_a_value() {
        let shown = format!("{:?}", sh("true"));
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("very-"), "{shown}");
    }
}
