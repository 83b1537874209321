//! A HOME of its own, with a cloud in this process that its profile file leads to.

#![allow(dead_code, reason = "each of its users needs another part")]

use std::path::{Path, PathBuf};

use portable_pty::CommandBuilder;
use xsw::demo::{Cloud, Visit, World};
use xsw::local::environment::Environment;

/// The cloud and the folders live until this is dropped.
pub struct Home {
    visit: Visit,
    outside: tempfile::TempDir,
    // Last: the cloud's tasks are on it.
    _runtime: tokio::runtime::Runtime,
}

impl Home {
    /// With the world of `xsw demo`.
    pub fn demo() -> Self {
        Self::of(World::demo())
    }

    /// With a world of the caller's.
    pub fn of(world: World) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let visit = runtime.block_on(Visit::to(world)).unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::create_dir(outside.path().join("home")).unwrap();
        Self { visit, outside, _runtime: runtime }
    }

    /// The cloud.
    pub fn cloud(&self) -> &Cloud {
        self.visit.cloud()
    }

    /// The profile file that leads to the cloud.
    pub fn profile_file(&self) -> PathBuf {
        self.visit.profile_file()
    }

    /// The folder, which is the command's working folder too.
    pub fn path(&self) -> PathBuf {
        self.outside.path().join("home")
    }

    /// The folder around it, where nobody writes anything.
    pub fn outside(&self) -> &Path {
        self.outside.path()
    }

    /// A command here, with nothing of our own environment but the PATH.
    pub fn command(&self, words: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(words[0]);
        command.args(&words[1..]);
        command.env_clear();
        let bash = Path::new("/bin/bash");
        let shell = if bash.is_file() { bash } else { Path::new("/bin/sh") };
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.path());
        command.env("SHELL", shell);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("USER", "me");
        for (name, value) in self.visit.environment(Environment::default()).overlaid() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        // Whoever sits here sees no device.
        command.env_remove("XSW_DEMO");
        command.cwd(self.path());
        command
    }
}
