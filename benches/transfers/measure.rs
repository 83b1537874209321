//! How long a program takes, how much of the processors and how much memory.
//!
//! Linux tells a parent the time and the memory of all the children that it has waited for. So this program starts
//! itself again for each run, as a parent of that run alone.

use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// The first word of the program as its own child.
pub const WORD: &str = "--measured-run";

/// No run takes as long.
const PATIENCE: &str = "900";

/// What one run took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    pub wall: Duration,
    /// User and system time.
    pub processor: Duration,
    /// The most resident memory, in KiB.
    pub memory: u64,
    success: bool,
}

/// Runs `command`, whose stdout goes to the file.
#[track_caller]
pub fn measure(command: &Command, stdout: &Path, folder: &Path) -> Run {
    let (figures, complaints) = (folder.join("figures"), folder.join("stderr"));
    let mut helper = Command::new(std::env::current_exe().unwrap());
    helper.arg(WORD).arg(&figures).arg(command.get_program()).args(command.get_args());
    helper.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        helper.current_dir(folder);
    }
    helper.stdin(Stdio::null()).stdout(File::create(stdout).unwrap()).stderr(File::create(&complaints).unwrap());
    assert!(helper.status().unwrap().success(), "{command:?} does not start");
    let run: Run = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    let said = || std::fs::read_to_string(&complaints).unwrap_or_default();
    assert!(run.success, "{command:?} failed: {}", said().chars().take(2_000).collect::<String>());
    run
}

/// The other side: runs the program and writes the figures down.
pub fn child(mut words: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let Some(figures) = words.next() else { return ExitCode::FAILURE };
    let start = Instant::now();
    let Ok(status) = Command::new("timeout").args(["-k", "5", PATIENCE]).args(words).status() else {
        return ExitCode::FAILURE;
    };
    let wall = start.elapsed();
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return ExitCode::FAILURE };
    let time = |value: nix::sys::time::TimeVal| {
        let microseconds = value.tv_sec() * 1_000_000 + value.tv_usec();
        Duration::from_micros(microseconds.unsigned_abs())
    };
    let processor = time(usage.user_time()) + time(usage.system_time());
    let run = Run { wall, processor, memory: usage.max_rss().unsigned_abs(), success: status.success() };
    match serde_json::to_vec(&run).map(|figures_json| std::fs::write(figures, figures_json)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
