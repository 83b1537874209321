//! Listing, downloading and copying beside the peers, as a Markdown table on stdout:
//!
//! ```text
//! cargo bench --bench transfers                          xsw alone: list, small, large
//! cargo bench --bench transfers -- small large           some of them
//! cargo bench --bench transfers -- --peers               beside s5cmd, rclone, the AWS CLI and s3ls-rs
//! cargo bench --bench transfers -- --peers --rounds 9    more rounds than five
//! cargo bench --bench transfers -- copy --peers          copying between two buckets, of which nginx knows nothing
//! cargo bench --bench transfers -- copy --objects 100    with fewer small objects than 10,000
//! ```
//!
//! The server is Debian's nginx on 127.0.0.1 with files for everything it answers; it is started here, and ended. The
//! peers are installed or built below target/peers if they are not there. Everyone starts with empty folders, a warm
//! page cache and nothing left to write; they take turns, and the medians stand in the table.

mod contestants;
mod copies;
mod measure;
mod server;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use contestants::{Contestant, Peers, Stage, Task};
use measure::{Run, measure};
use server::{LARGE_SIZE, SMALL, SMALL_SIZE, Server};

const NGINX: &str = "/usr/sbin/nginx";

/// A file system in memory, if there is one.
const MEMORY: &str = "/dev/shm";

/// What the server's files take, and the largest download, and some room.
const ROOM: u64 = 5 << 30;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.next_if(|word| word == measure::WORD).is_some() {
        return measure::child(words);
    }
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    // `cargo test --all-targets` runs benchmarks without this word, to see that they are built.
    if !words.iter().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    let number = |name: &str| words.iter().skip_while(|word| *word != name).nth(1).map(|text| text.parse().unwrap());
    let rounds = number("--rounds").unwrap_or(5);
    let peers = words.iter().any(|word| word == "--peers").then(Peers::installed);
    if words.iter().any(|word| word == "copy") {
        println!("{}\n", machine());
        if let Some(peers) = &peers {
            println!("{}.\n", peers.versions());
        }
        copies::tables(peers.as_ref(), rounds, number("--objects").unwrap_or(10_000) as u64);
        return ExitCode::SUCCESS;
    }
    if !Path::new(NGINX).is_file() {
        eprintln!("there is no {NGINX}, which this needs as its server; on Debian: apt-get install nginx-light");
        return ExitCode::FAILURE;
    }
    let parts: Vec<&str> =
        ["list", "small", "large"].into_iter().filter(|part| words.iter().any(|word| word == part)).collect();
    let parts = if parts.is_empty() { vec!["list", "small", "large"] } else { parts };

    let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let memory = Path::new(MEMORY);
    let memory = (memory.is_dir() && free(memory) > ROOM).then_some(memory);
    let server = Server::start(memory.unwrap_or(disk), &parts);
    let stage = Stage::new(server.url());
    let bench = Bench { server: &server, stage: &stage, peers: peers.as_ref(), rounds };
    println!("{}\n", machine());
    println!(
        "xsw compares each file with the object's checksum and calls fsync before the file gets its name; the peers are \
         asked as they come, and call no fsync.\n"
    );
    if let Some(peers) = &peers {
        println!("{}.\n", peers.versions());
    }
    let ways = [memory.map(|memory| (memory, "in memory")), Some((disk, "on disk"))];
    for part in parts {
        if part == "list" {
            bench.table(Task::List, "1,000,000 keys in 1,000 prefixes", memory.unwrap_or(disk));
            continue;
        }
        for (folder, place) in ways.into_iter().flatten() {
            let (task, what) = match part {
                "small" => (Task::Small, "10,000 × 16 KiB"),
                _ => (Task::Large, "1 × 1 GiB"),
            };
            bench.table(task, &format!("{what}, files {place}"), folder);
        }
    }
    let complaints = server.complaints();
    if !complaints.is_empty() {
        println!("nginx was asked what it has no answer for:\n{complaints}");
    }
    println!("load at the end: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default());
    ExitCode::SUCCESS
}

fn free(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |room| room.f_bavail * room.f_frsize)
}

/// The machine, in a line.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory: u64 = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    let nginx = Command::new(NGINX).arg("-v").output().map(|said| said.stderr).unwrap_or_default();
    let nginx = String::from_utf8_lossy(&nginx).trim().rsplit('/').next().unwrap_or_default().to_owned();
    format!(
        "{cores} cores ({}) for client and server, {:.0} GiB, Linux {}, nginx {nginx}",
        field(&read("/proc/cpuinfo"), "model name"),
        memory as f64 / f64::from(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}

struct Bench<'a> {
    server: &'a Server,
    stage: &'a Stage,
    peers: Option<&'a Peers>,
    rounds: usize,
}

impl Bench<'_> {
    /// All contestants in turn, and their medians.
    fn table(&self, task: Task, what: &str, folder: &Path) {
        let folder = tempfile::Builder::new().prefix("xsw-bench-").tempdir_in(folder).unwrap();
        let contestants = self.stage.contestants(task, self.peers);
        let mut figures: Vec<Vec<Figures>> = contestants.iter().map(|_| Vec::new()).collect();
        for round in 0..=self.rounds {
            for (contestant, figures) in contestants.iter().zip(&mut figures) {
                // The first round warms up, except for whom that is not worth the time.
                let slow = contestant.rounds < self.rounds;
                if (round == 0 && slow) || round > contestant.rounds {
                    continue;
                }
                let run = self.run(task, contestant, folder.path(), round == 0 || (round == 1 && slow));
                if round > 0 {
                    eprintln!("{what}: {} ({}): {:.2?}", contestant.name, contestant.asked, run.run.wall);
                    figures.push(run);
                }
            }
        }
        let medians: Vec<Figures> = figures.iter().map(|figures| median(figures)).collect();
        print_table(what, &contestants, &medians, &figures);
    }

    fn run(&self, task: Task, contestant: &Contestant, folder: &Path, thoroughly: bool) -> Figures {
        let destination = tempfile::Builder::new().prefix("destination-").tempdir_in(folder).unwrap();
        // ext4 looks long for the inode of a new file when many were deleted in the last minutes, so nothing is deleted
        // before the end; the one file of `large` and whatever is in memory are.
        let keep = task == Task::Small && !folder.starts_with(MEMORY);
        let (destination, stdout) = (destination.keep(), folder.join("stdout"));
        // What others have left to write must not be written on our time.
        rustix::fs::sync();
        let before = self.server.processor();
        let run = measure(&contestant.command(&destination), &stdout, folder);
        let server = self.server.processor() - before;
        self.check(task, contestant, &destination, &stdout, thoroughly);
        if !keep {
            fs::remove_dir_all(&destination).unwrap();
        }
        Figures { run, server }
    }

    /// Nobody gets a time for what it did not do.
    fn check(&self, task: Task, contestant: &Contestant, destination: &Path, stdout: &Path, thoroughly: bool) {
        let name = contestant.name;
        if task == Task::List {
            let lines = fs::read(stdout).unwrap().iter().filter(|byte| **byte == b'\n').count();
            // s3ls-rs lists no prefixes, and nobody else does.
            assert_eq!(lines, 1_000_000, "{name} ({})", contestant.asked);
            return;
        }
        let (number, size, bucket) = match task {
            Task::Small => (SMALL, SMALL_SIZE, "small"),
            _ => (1, LARGE_SIZE, "large"),
        };
        let files = files(destination);
        assert_eq!(files.len(), number, "{name}: files");
        for file in &files {
            assert_eq!(file.metadata().unwrap().len(), size as u64, "{name}: {}", file.display());
            if thoroughly {
                let below = file.strip_prefix(destination).unwrap().display();
                let body = self.server.body(&format!("/{bucket}/files/{below}"));
                assert!(equal(file, &body), "{name}: {below} is another");
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

fn equal(left: &Path, right: &Path) -> bool {
    let (mut left, mut right) = (fs::File::open(left).unwrap(), fs::File::open(right).unwrap());
    let (mut one, mut other) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let read = left.read(&mut one).unwrap();
        if read == 0 {
            return right.read(&mut other).unwrap() == 0;
        }
        if right.read_exact(&mut other[..read]).is_err() || one[..read] != other[..read] {
            return false;
        }
    }
}

// --- the table -------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Default)]
struct Figures {
    run: Run,
    server: Duration,
}

/// The median of each figure by itself.
fn median(all: &[Figures]) -> Figures {
    fn middle<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
        let mut values: Vec<T> = values.collect();
        values.sort_unstable();
        values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
    let mut run = all.first().map_or_else(Run::default, |figures| figures.run);
    run.wall = middle(all.iter().map(|figures| figures.run.wall));
    run.processor = middle(all.iter().map(|figures| figures.run.processor));
    run.memory = middle(all.iter().map(|figures| figures.run.memory));
    Figures { run, server: middle(all.iter().map(|figures| figures.server)) }
}

fn print_table(what: &str, contestants: &[Contestant], medians: &[Figures], all: &[Vec<Figures>]) {
    let Some(xsw) = medians.first() else { return };
    let best = |of: &dyn Fn(&Figures) -> f64| medians.iter().skip(1).map(of).fold(f64::INFINITY, f64::min);
    let wall = |figures: &Figures| figures.run.wall.as_secs_f64();
    let processor = |figures: &Figures| figures.run.processor.as_secs_f64();
    println!("| {what} | wall | processor | memory | xsw's wall | nginx |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (index, (contestant, median)) in contestants.iter().zip(medians).enumerate() {
        let beside = match index {
            0 if medians.len() == 1 => String::new(),
            0 => format!("{:.2} of the fastest", wall(xsw) / best(&wall)),
            _ => format!("{:.2}", wall(xsw) / wall(median)),
        };
        println!(
            "| {}: `{}`{} | {:.2} s | {:.2} s | {:.0} MiB | {beside} | {:.2} s |",
            contestant.name,
            contestant.asked,
            if all[index].len() < all[0].len() { format!(" ({} runs)", all[index].len()) } else { String::new() },
            wall(median),
            processor(median),
            median.run.memory as f64 / 1024.0,
            median.server.as_secs_f64(),
        );
    }
    println!();
}
