//! A person's home for one test: a temporary HOME, an empty environment, and the real xsw in it.
//!
//! Used by `cli` and `interop`; nothing of the machine's own configuration, credentials or AWS_ variables gets in.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Where the profile file lies below HOME.
pub const PROFILE_FILE: &str =
    if cfg!(target_os = "macos") { "Library/Application Support/xsw/config.toml" } else { ".config/xsw/config.toml" };

/// Where sessions and the log lie below HOME.
pub const STATE: &str = if cfg!(target_os = "macos") { "Library/Caches/xsw" } else { ".local/state/xsw" };

pub struct Home(TempDir);

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// What it printed, when all went well.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What it complained about, when it ended with `code`.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.err
    }

    /// The one JSON document that it printed.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let out = self.done();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }
}

/// JSON Lines.
#[track_caller]
pub fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

impl Home {
    pub fn new() -> Self {
        let home = Self(TempDir::new().expect("a temporary folder"));
        // A fish that finds none reads every manual page of the machine first.
        fs::create_dir_all(home.path(".local/share/fish/generated_completions")).expect("a folder");
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and makes the folders on the way.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn holds(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Every file and link below a folder, from HOME on, in order.
    pub fn files(&self, folder: &str) -> Vec<String> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => walk(&entry.path(), found),
                    _ => found.push(entry.path()),
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(folder), &mut found);
        let relative = |path: &PathBuf| path.strip_prefix(self.0.path()).expect("below HOME").display().to_string();
        let mut names: Vec<String> = found.iter().map(relative).collect();
        names.sort();
        names
    }

    /// The files of the cached sessions.
    pub fn sessions(&self) -> Vec<String> {
        let folder = format!("{STATE}/sessions");
        self.files(&folder).into_iter().filter(|name| name.ends_with(".json")).collect()
    }

    /// A program in this home, with nothing of the machine but PATH.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.0.path())
            .env("USER", "me")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    /// The real xsw.
    pub fn xsw<Word: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = Word>) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_xsw"));
        command.args(words);
        command
    }

    /// A line of shell in which `xsw` is the real one.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.command("bash");
        let folder = Path::new(env!("CARGO_BIN_EXE_xsw")).parent().expect("a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(folder).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(path).expect("a PATH")).args(["-c", line]);
        command
    }
}

/// Runs it and keeps what it says.
pub fn run(mut command: Command) -> Said {
    command.output().expect("the program starts").into()
}
