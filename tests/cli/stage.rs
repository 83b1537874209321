//! The embedded cloud in this process, and a home whose profile file leads to it.

use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;
use std::process::Command;
use std::sync::Arc;

use tokio::runtime::Runtime;
use xsw::config::{Places, load};
use xsw::demo::{Cloud, Visit, World};
use xsw::local::environment::Environment;
use xsw::ops::{Core, MfaHint, sign_in};

use super::home::{Home, PROFILE_FILE, STATE, Said, run};

/// Derefs to its [`Home`].
pub struct Stage {
    home: Home,
    visit: Visit,
    // Last, so that the cloud is gone before the threads that serve it.
    _runtime: Runtime,
}

impl Deref for Stage {
    type Target = Home;

    fn deref(&self) -> &Home {
        &self.home
    }
}

impl Stage {
    /// The demo's world, and its profile file in the place where xsw looks for one.
    pub fn new() -> Self {
        Self::of(World::demo())
    }

    /// Any world; its visitor is the AWS profile `demo`.
    pub fn of(world: World) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let visit = runtime.block_on(Visit::to(world)).unwrap();
        let home = Home::new();
        let credentials = fs::read(visit.profile_file().with_file_name("credentials")).unwrap();
        home.write(".aws/credentials", credentials);
        home.write(PROFILE_FILE, fs::read(visit.profile_file()).unwrap());
        Self { home, visit, _runtime: runtime }
    }

    /// The demo's world, with a profile file of the test's own below the settings and the source `demo`.
    pub fn with(accounts: &str) -> Self {
        let stage = Self::new();
        stage.profile(accounts);
        stage
    }

    /// Writes the profile file: these accounts, reached from the source `demo`.
    pub fn profile(&self, accounts: &str) {
        let url = self.cloud().endpoint_url();
        let top = format!(
            "[settings]\nregion = \"ap-northeast-1\"\nendpoint_url = \"{url}\"\n[sources.demo]\nprofile = \"demo\"\n"
        );
        self.home.write(PROFILE_FILE, top + accounts);
    }

    /// Its profile and environment for an operation in this process.
    pub fn core(&self) -> Arc<Core> {
        let mut environment = Environment::default();
        environment.overlay("HOME", Some(self.path("").into()));
        environment.overlay("XSW_STATE_DIR", Some(self.path(STATE).into()));
        let places = Places {
            named: Some(self.path(PROFILE_FILE)),
            default_file: self.path(PROFILE_FILE),
            aws_config: environment.aws_config(),
            aws_credentials: environment.aws_credentials(),
            snapshot: None,
        };
        let mut profile = load(&places).unwrap().profile;
        sign_in::add_discovered(&mut profile, &environment);
        Core::new(profile, environment, None, MfaHint::default())
    }

    pub fn cloud(&self) -> &Cloud {
        self.visit.cloud()
    }

    /// How many sessions the cloud was asked for.
    pub fn assumed(&self) -> usize {
        self.cloud().calls("sts:AssumeRole")
    }

    /// Lets every session that rests end, as half a day does.
    pub fn end_sessions(&self) {
        for file in self.home.sessions() {
            let mut stored: serde_json::Value = serde_json::from_slice(&self.home.read(&file)).unwrap();
            for name in ["issued", "expiration"] {
                let time: jiff::Timestamp = stored[name].as_str().unwrap().parse().unwrap();
                stored[name] = (time - std::time::Duration::from_secs(13 * 3600)).to_string().into();
            }
            self.home.write(&file, stored.to_string());
        }
    }

    /// Runs xsw with these words.
    pub fn says<Word: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = Word>) -> Said {
        run(self.home.xsw(words))
    }

    /// Runs xsw with these words and no controlling terminal: `setsid` takes it away, as cron and CI do.
    pub fn detached(&self, words: &str) -> Said {
        self.line(&format!(
            "if command -v setsid > /dev/null; then exec setsid --wait xsw {words}; else exec xsw {words}; fi"
        ))
    }

    /// Runs a line of shell.
    pub fn line(&self, line: &str) -> Said {
        run(self.home.shell(line))
    }

    /// A code that the visitor's MFA device shows; waits while all of them are used up.
    pub fn mfa_code(&self) -> String {
        loop {
            match self.cloud().mfa_code("arn:aws:iam::111111111111:mfa/me") {
                Some(code) => return code,
                None => std::thread::sleep(std::time::Duration::from_millis(200)),
            }
        }
    }

    /// What differs from run to run, taken out of a snapshot.
    pub fn filters(&self) -> insta::Settings {
        let mut settings = insta::Settings::clone_current();
        let home = self.home.path("");
        settings.add_filter(home.to_string_lossy().trim_end_matches('/'), "~");
        settings.add_filter(r"~/\.local/state/xsw|~/Library/Caches/xsw", "[state]");
        settings.add_filter(r"~/\.config/xsw|~/Library/Application Support/xsw", "[config]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[port]");
        settings.add_filter(r"me@[\w.-]+", "me@[host]");
        settings.add_filter(r"\b(AKIA|ASIA|AIDA|AROA)[A-Z0-9]{8,}", "$1[id]");
        settings.add_filter(r"\b1\d{9}\b", "[seconds]");
        settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]");
        settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[date and time]");
        settings.add_filter(r"\b\d{1,2}(:\d\d){1,2}\b", "[left]");
        settings
    }

    /// The log that xsw wrote.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.path(STATE).join("xsw.log")).unwrap_or_default()).into_owned()
    }
}

/// The command's stdout, stderr and exit code as an inline snapshot.
macro_rules! snapshot {
    ($stage:expr, $words:expr, @$text:literal) => {
        $stage.filters().bind(|| insta_cmd::assert_cmd_snapshot!($stage.xsw($words), @$text))
    };
}
pub(crate) use snapshot;

/// Changes the environment of a command of [`Home::xsw`].
pub fn with_variables<'a>(mut command: Command, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Command {
    command.envs(variables);
    command
}
