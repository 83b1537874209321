//! Copying between two buckets of one server, beside the peers.
//!
//! nginx copies nothing, so the server is the embedded cloud, in this process and for everyone. Its objects are made up
//! as they are read and copied by reference: what is measured is the client, and how well it keeps a server busy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use xsw::demo::{Account, Bucket, Object, Role, Series, User, Visit, World, allow, trust};
use xsw::local::environment::Environment;

use super::contestants::Peers;
use super::measure::{Run, measure};

const REGION: &str = "ap-northeast-1";
const ROLE: &str = "hub/Copier";
const TARGET: &str = "bench-target";
const LARGE_SIZE: u64 = 6 << 30;

/// The large object was uploaded in parts of this size, which xsw keeps. The cloud looks at the bytes of no part that
/// is as large, neither for xsw nor for a peer that cuts it otherwise.
const PART: u64 = 1 << 30;

const PROFILE: &str = r#"
[settings]
region = "ap-northeast-1"
duration = "12h"
endpoint_url = "ENDPOINT"

[sources.demo]
profile = "demo"

[[accounts]]
name = "hub"
id = "111111111111"
source = "demo"

  [[accounts.roles]]
  name = "Copier"
"#;

/// The server, and a HOME in which xsw and its peers find it.
struct Place {
    visit: Visit,
    keys: (String, String),
    home: TempDir,
    // Last: the cloud's tasks are on it.
    _runtime: tokio::runtime::Runtime,
}

/// Someone who copies.
struct Copier {
    name: &'static str,
    /// How it was asked; `TARGET` is where to.
    asked: &'static str,
    program: PathBuf,
}

/// Prints the tables: `count` small objects, and a large one.
pub fn tables(peers: Option<&Peers>, rounds: usize, count: u64) {
    let place = Place::new(count);
    println!("The server is the embedded cloud, which copies by reference. s5cmd copies nothing above 5 GB.\n");
    let xsw = PathBuf::from(env!("CARGO_BIN_EXE_xsw"));
    let mut small = vec![Copier { name: "xsw", asked: "cp -r s3://bench-small/ s3://TARGET", program: xsw.clone() }];
    let mut large = vec![Copier { name: "xsw", asked: "cp s3://bench-large/big s3://TARGET", program: xsw }];
    if let Some(peers) = peers {
        let (s5cmd, rclone) = (peers.python("s5cmd"), peers.python("rclone"));
        small.push(Copier { name: "s5cmd", asked: "cp s3://bench-small/* s3://TARGET", program: s5cmd });
        small.push(Copier { name: "rclone", asked: "copy X:bench-small X:TARGET", program: rclone.clone() });
        small.push(Copier {
            name: "rclone",
            asked: "copy --transfers=32 --checkers=32 X:bench-small X:TARGET",
            program: rclone.clone(),
        });
        large.push(Copier { name: "rclone", asked: "copy X:bench-large X:TARGET", program: rclone });
    }
    place.table(&format!("{count} × 16 KiB, from bucket to bucket"), &small, rounds, count as usize);
    place.table("1 × 6 GiB, from bucket to bucket", &large, rounds, 1);
}

impl Place {
    fn new(count: u64) -> Self {
        let me = User::new("me").policy("All", allow(&["s3:*", "sts:AssumeRole"], &["*"]));
        let keys = (me.access_key_id.clone(), me.secret_access_key.expose_secret().to_owned());
        let trusted = trust(&["arn:aws:iam::111111111111:user/me"], None);
        let copier = Role::new("Copier", trusted).max_session(12 * 3600).policy("All", allow(&["s3:*"], &["*"]));
        let small = Bucket::new("bench-small").series(Series {
            prefix: "files/".to_owned(),
            count,
            digits: 7,
            suffix: ".bin".to_owned(),
            size: 16 << 10,
            modified: jiff::Timestamp::now() - Duration::from_secs(3600),
        });
        let large = Bucket::new("bench-large").object("big", Object::made(LARGE_SIZE, 1).multipart(PART));
        let account = Account::new("111111111111").user(me).role(copier);
        let world = World::new().account(account.bucket(small).bucket(large).bucket(Bucket::new(TARGET)));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let visit = runtime.block_on(Visit::to(world)).unwrap();
        let home = tempfile::tempdir().unwrap();
        let profile = PROFILE.replace("ENDPOINT", &visit.cloud().endpoint_url());
        std::fs::write(home.path().join("config.toml"), profile).unwrap();
        Self { visit, keys, home, _runtime: runtime }
    }

    fn command(&self, copier: &Copier, target: &str) -> Command {
        let url = self.visit.cloud().endpoint_url();
        let mut command = Command::new(&copier.program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        if copier.name == "xsw" {
            for (name, value) in self.visit.environment(Environment::default()).overlaid() {
                value.iter().for_each(|value| _ = command.env(name, value));
            }
            command.env_remove("XSW_DEMO").env("XSW_CONFIG", self.home.path().join("config.toml"));
        } else {
            for (name, value) in [
                ("AWS_ACCESS_KEY_ID", self.keys.0.as_str()),
                ("AWS_SECRET_ACCESS_KEY", &self.keys.1),
                ("AWS_REGION", REGION),
                ("AWS_ENDPOINT_URL", &url),
                ("S3_ENDPOINT_URL", &url),
                ("RCLONE_CONFIG", "/dev/null"),
                ("RCLONE_CONFIG_X_TYPE", "s3"),
                ("RCLONE_CONFIG_X_PROVIDER", "AWS"),
                ("RCLONE_CONFIG_X_ENV_AUTH", "true"),
                ("RCLONE_CONFIG_X_ENDPOINT", &url),
                ("RCLONE_CONFIG_X_REGION", REGION),
                ("RCLONE_CONFIG_X_FORCE_PATH_STYLE", "true"),
                ("RCLONE_CONFIG_X_LIST_VERSION", "2"),
                ("RCLONE_CONFIG_X_NO_CHECK_BUCKET", "true"),
            ] {
                command.env(name, value);
            }
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true").current_dir(self.home.path());
        if copier.name == "s5cmd" {
            command.args(["--endpoint-url", &url]);
        }
        command.args(copier.asked.split(' ').map(|word| word.replace("TARGET", target)));
        if copier.name == "xsw" {
            command.args(["--as", ROLE]);
        }
        command
    }

    /// All in turn, and their medians.
    fn table(&self, what: &str, copiers: &[Copier], rounds: usize, objects: usize) {
        let mut runs: Vec<Vec<Run>> = copiers.iter().map(|_| Vec::new()).collect();
        for round in 0..=rounds {
            for (copier, runs) in copiers.iter().zip(&mut runs) {
                let target = format!("{TARGET}/{}-{round}/", copier.name);
                let run = measure(&self.command(copier, &target), &self.home.path().join("stdout"), self.home.path());
                self.check(copier, objects);
                // The first round warms up.
                if round > 0 {
                    eprintln!("{what}: {} ({}): {:.2?}", copier.name, copier.asked, run.wall);
                    runs.push(run);
                }
            }
        }
        println!("| {what} | wall | processor | memory | xsw's wall | xsw's processor |");
        println!("| --- | ---: | ---: | ---: | ---: | ---: |");
        let medians: Vec<Run> = runs.iter().map(|runs| median(runs)).collect();
        for (copier, run) in copiers.iter().zip(&medians) {
            let beside = |of: fn(&Run) -> Duration| of(&medians[0]).as_secs_f64() / of(run).as_secs_f64().max(1e-9);
            println!(
                "| {}: `{}` | {:.2} s | {:.2} s | {:.0} MiB | {:.2} | {:.2} |",
                copier.name,
                copier.asked.replace("TARGET", TARGET),
                run.wall.as_secs_f64(),
                run.processor.as_secs_f64(),
                run.memory as f64 / 1024.0,
                beside(|run| run.wall),
                beside(|run| run.processor),
            );
        }
        println!();
    }

    /// Nobody gets a time for what it did not do; and the target is empty for the next.
    fn check(&self, copier: &Copier, objects: usize) {
        let cloud = self.visit.cloud();
        let keys = cloud.keys(TARGET);
        assert_eq!(keys.len(), objects, "{} ({})", copier.name, copier.asked);
        let sources = ["bench-small", "bench-large"];
        for key in keys {
            let name = key.split_once('/').map_or(key.as_str(), |(_, rest)| rest);
            let plain = Path::new(name).file_name().map(|name| format!("files/{}", name.to_string_lossy()));
            let names = [name.to_owned(), plain.unwrap_or_default()];
            let mut found =
                sources.iter().flat_map(|bucket| names.iter().filter_map(|name| cloud.object(bucket, name)));
            let source = found.next().unwrap_or_else(|| panic!("{}: {key} is a copy of nothing", copier.name));
            assert_eq!(cloud.object(TARGET, &key).map(|copy| copy.length()), Some(source.length()), "{key}");
            cloud.remove_object(TARGET, &key);
        }
        assert_eq!(cloud.uploads(TARGET), 0, "{}: unfinished uploads", copier.name);
    }
}

/// The median of each figure by itself.
fn median(runs: &[Run]) -> Run {
    fn middle<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
        let mut values: Vec<T> = values.collect();
        values.sort_unstable();
        values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
    let mut run = runs.first().copied().unwrap_or_default();
    run.wall = middle(runs.iter().map(|run| run.wall));
    run.processor = middle(runs.iter().map(|run| run.processor));
    run.memory = middle(runs.iter().map(|run| run.memory));
    run
}
