//! The figures of the README, as a Markdown table on stdout:
//!
//! ```text
//! cargo bench --bench figures                  all of them; about three minutes once it is built
//! cargo bench --bench figures -- env frame     some: env, frame, million
//! cargo bench --bench figures -- --peers       the peers beside xsw: `stu`, the AWS CLI and awsume
//! ```
//!
//! The peers are built or installed below target/ if they are not there: `stu`, and from PyPI awsume and the AWS CLI. That
//! is its version 1, which has no `configure export-credentials`; `configure list` resolves the same credentials.
//!
//! xsw is the release build, driven through a pseudo-terminal; the cloud is in this process, so that memory counts xsw
//! alone. Times are medians of many; the slowest tenth is told beside them. Nothing here fails for being slow.

#[path = "../tests/pty/home.rs"]
mod home;
#[path = "../tests/pty/terminal.rs"]
mod terminal;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use home::Home;
use portable_pty::CommandBuilder;
use terminal::Terminal;

const XSW: &str = env!("CARGO_BIN_EXE_xsw");

/// Room for a browser that shows whole titles.
const SIZE: (u16, u16) = (120, 40);

/// Everything of a million keys has come by then, or never will.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs benchmarks without this word, to see that they are built.
    if !words.iter().any(|word| word == "--bench") {
        return;
    }
    let parts: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    println!("| what | median | slowest tenth |");
    println!("| --- | ---: | ---: |");
    let peers = words.iter().any(|word| word == "--peers");
    if wanted("env") {
        env();
        if peers {
            env_beside_peers();
        }
    }
    if wanted("frame") {
        let peer = peers.then(stu);
        frame(peer.as_deref());
    }
    if wanted("million") {
        million();
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nload at the end: {load}");
}

// --- xsw env ---------------------------------------------------------------------------------------------------------

fn env() {
    let home = Home::demo();
    let large = large(&home, 5_000);
    // Two links of a chain; after this both sessions live.
    let call = |config: Option<&Path>| {
        let mut words = vec![XSW, "env", "prod/S3Reader"];
        if let Some(config) = config {
            words.extend(["--config", config.to_str().unwrap()]);
        }
        plain(&home.command(&words))
    };
    let mut commands = [Command::new("/bin/true"), call(None), call(Some(&large))];
    let mut times = [Times::default(), Times::default(), Times::default()];
    for round in 0..201 {
        for (command, times) in commands.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let status = command.stdout(Stdio::null()).status().unwrap();
            assert!(status.success());
            // The first round assumes the role.
            if round > 0 {
                times.0.push(start.elapsed());
            }
        }
    }
    let [nothing, env, env_large] = times;
    nothing.print("`/bin/true`, for comparison");
    env.print("`xsw env ROLE`, live session, 7 roles");
    env_large.print("`xsw env ROLE`, live session, 5,000 roles");
}

/// The keys of one role, whose session xsw and the AWS CLI have in their caches; awsume has none and asks each time.
fn env_beside_peers() {
    let home = Home::demo();
    // What others need is in the places where they look.
    let files = home.path().join(".aws");
    std::fs::create_dir(&files).unwrap();
    let credentials = home.profile_file().with_file_name("credentials");
    std::fs::copy(credentials, files.join("credentials")).unwrap();
    let role = "[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/Developer\nsource_profile = demo\n\
                region = ap-northeast-1\n";
    std::fs::write(files.join("config"), role).unwrap();
    let peer = |words: &[&str]| {
        let mut command = plain(&home.command(words));
        command.env_remove("AWS_CONFIG_FILE").env_remove("AWS_SHARED_CREDENTIALS_FILE");
        command.env("AWS_ENDPOINT_URL", home.cloud().endpoint_url());
        command.env("AWS_ENDPOINT_URL_STS", home.cloud().endpoint_url());
        command
    };
    let venv = python_peers();
    let mut commands = [
        plain(&home.command(&[XSW, "env", "hub/Developer"])),
        peer(&[venv.join("aws").to_str().unwrap(), "configure", "list", "--profile", "dev"]),
        peer(&[venv.join("awsumepy").to_str().unwrap(), "dev"]),
    ];
    let mut times = [Times::default(), Times::default(), Times::default()];
    for round in 0..31 {
        for (command, times) in commands.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let output = command.stderr(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let holds = said.contains("ASIA") || said.contains("assume-role");
            assert!(output.status.success() && holds, "{command:?}: {said}");
            if round > 0 {
                times.0.push(start.elapsed());
            }
        }
    }
    let [xsw, aws, awsume] = times;
    let beside = |peer: &Times| peer.median().as_secs_f64() / xsw.median().as_secs_f64();
    xsw.print("`xsw env ROLE`, live session, in turn with the two below");
    aws.print(&format!("AWS CLI (`aws configure list`), live session: {:.0} times as long", beside(&aws)));
    awsume.print(&format!("`awsume ROLE`, which asks STS each time: {:.0} times as long", beside(&awsume)));
}

/// Where awsume and the AWS CLI are, installed once.
fn python_peers() -> PathBuf {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv");
    let bin = venv.join("bin");
    if !(bin.join("awsumepy").is_file() && bin.join("aws").is_file()) {
        assert!(Command::new("python3").args(["-m", "venv"]).arg(&venv).status().unwrap().success());
        let pip = ["install", "--quiet", "awsume==4.5.4", "awscli==1.46.3"];
        assert!(Command::new(bin.join("pip")).args(pip).status().unwrap().success(), "pip cannot install the peers");
    }
    bin
}

fn plain(command: &CommandBuilder) -> Command {
    let mut words = command.get_argv().iter();
    let mut plain = Command::new(words.next().unwrap());
    plain.args(words).env_clear().envs(command.iter_full_env_as_str());
    plain
}

// --- the first frame -------------------------------------------------------------------------------------------------

fn frame(stu: Option<&Path>) {
    let home = Home::demo();
    let large = large(&home, 5_000);
    let large = large.to_str().unwrap();
    let mut empty = (home.command(&[XSW]), Times::default());
    let mut full = (home.command(&[XSW, "--config", large]), Times::default());
    let mut living = (home.command(&[XSW, "--config", large]), Times::default());
    living.0.env("XSW_STATE_DIR", sessions(&home, large));
    let mut peer = stu.map(|stu| (peer(&home, stu), Times::default()));
    for _ in 0..60 {
        // In turn: what disturbs one disturbs the other.
        first(&mut empty, |text| text.contains("S3Reader") && text.contains("quit"));
        first(&mut full, |text| text.contains("role-3") && text.contains("quit"));
        first(&mut living, |text| text.contains("role-3") && text.contains("quit"));
        if let Some(peer) = &mut peer {
            first(peer, |text| !text.trim().is_empty());
        }
    }
    empty.1.print("exec to first full frame, 7 roles");
    full.1.print("exec to first full frame, 5,000 roles");
    living.1.print("exec to first full frame, 5,000 roles, 100 live sessions");
    if let Some((_, times)) = peer {
        times.print("`stu`: exec to anything on its screen, no roles");
    }
}

fn first((command, times): &mut (CommandBuilder, Times), there: impl Fn(&str) -> bool) {
    let start = Instant::now();
    let terminal = Terminal::open(command.clone(), SIZE);
    let (_, end) = terminal.until_screen("the first frame", |screen| there(&screen.contents()));
    times.0.push(end - start);
}

/// A profile file with the demo's accounts and `roles` more, a hundred in each account.
fn large(home: &Home, roles: usize) -> PathBuf {
    let small = std::fs::read_to_string(home.profile_file()).unwrap();
    let mut more = String::new();
    for number in 0..roles {
        if number % 100 == 0 {
            let account = number / 100;
            _ = write!(
                more,
                "\n[[accounts]]\nname = \"account-{account}\"\nid = \"{:012}\"\nsource = \"demo\"\nregion = \"eu-west-1\"\n",
                500_000_000_000_usize + account
            );
        }
        _ = write!(
            more,
            "\n  [[accounts.roles]]\n  name = \"role-{number}\"\n  alias = \"alias-{number}\"\n  \
             external_id = \"external-{number}\"\n  buckets = [\"s3://bucket-{number}/logs/\"]\n"
        );
    }
    // The large accounts first: they are what the first frame shows.
    let begin = small.find("[[accounts]]").unwrap();
    let file = home.path().join("large.toml");
    std::fs::write(&file, format!("{}{more}\n{}", &small[..begin], &small[begin..])).unwrap();
    file
}

/// A state directory in which one session lives a hundred times: 99 of the files belong to no role, as after a year.
fn sessions(home: &Home, config: &str) -> PathBuf {
    let state = home.path().join("state");
    let mut command = home.command(&[XSW, "env", "hub/Developer", "--config", config]);
    command.env("XSW_STATE_DIR", &state);
    assert!(plain(&command).stdout(Stdio::null()).status().unwrap().success());
    let folder = state.join("sessions");
    let stored = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let session = stored.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
    for number in 0..99 {
        std::fs::copy(&session, folder.join(format!("{number:040x}.json"))).unwrap();
    }
    state
}

/// `stu`, the S3 browser, built once.
fn stu() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
    let stu = root.join("bin/stu");
    if !stu.is_file() {
        let cargo = ["-n", "19", "cargo", "install", "--locked", "stu", "--root"];
        let built = Command::new("nice").args(cargo).arg(&root).status().unwrap();
        assert!(built.success(), "stu cannot be built");
    }
    stu
}

fn peer(home: &Home, stu: &Path) -> CommandBuilder {
    let url = home.cloud().endpoint_url();
    let mut command = home.command(&[stu.to_str().unwrap(), "--endpoint-url", &url, "--region", "ap-northeast-1"]);
    command.env("AWS_PROFILE", "demo");
    command.env("AWS_ENDPOINT_URL", &url);
    command
}

// --- a million keys --------------------------------------------------------------------------------------------------

fn million() {
    let home = Home::demo();
    let mut terminal = Terminal::open(home.command(&[XSW]), SIZE);
    terminal.see("S3Reader");
    terminal.send("/hub/Developer\r\r");
    terminal.see("hub-artifacts");
    let before = memory(&terminal);

    let start = Instant::now();
    terminal.send(":hub-million/events/\r");
    let (_, shown) = terminal.until_screen("the first rows", |screen| screen.contents().contains("0000003.json"));
    row("first of 1,000,000 keys on the screen", &milliseconds(shown - start), "");
    let mut keys = Keys { terminal, cursor: 1 };
    let mut while_listing = Times::default();
    for _ in 0..100 {
        while_listing.0.push(keys.go("j", 1));
    }
    let all = |screen: &vt100::Screen| screen.contents().contains(" of 1,000,000 ");
    let (_, shown) = keys.terminal.within(PATIENCE, "the last page", all);
    let listed = memory(&keys.terminal);
    row("all 1,000,000 keys listed", &format!("{:.1} s", (shown - start).as_secs_f64()), "");
    while_listing.print("key to frame, `j` while pages arrive");

    let mut down = Times::default();
    let mut ends = Times::default();
    for _ in 0..100 {
        down.0.push(keys.go("j", 1));
    }
    for _ in 0..30 {
        ends.0.push(keys.to("G", 1_000_000));
        ends.0.push(keys.to("g", 1));
    }
    down.print("key to frame, `j`, 1,000,000 keys");
    ends.print("key to frame, `G` and `g`");

    let mut narrow = [Times::default(), Times::default(), Times::default()];
    let mut back = Times::default();
    for digit in ["9", "5", "j", "x"].repeat(5) {
        keys.press("/", "/▏");
        for (count, times) in (1..=3).zip(&mut narrow) {
            times.0.push(keys.press(digit, &format!("/{}▏", digit.repeat(count))));
        }
        back.0.push(keys.press("\x1b", "1 of 1,000,000 "));
    }
    for (place, times) in ["first", "second", "third"].iter().zip(narrow) {
        times.print(&format!("key to frame, {place} letter of a filter"));
    }
    back.print("key to frame, `Esc` takes the filter away");
    let mut sort = Times::default();
    for order in ["size", "modified", "name"].repeat(3) {
        sort.0.push(keys.press("o", &format!("sorted by {order}")));
    }
    sort.print("key to frame, `o` sorts");
    let mut mark = Times::default();
    for round in 0..6 {
        mark.0
            .push(keys.until("*", "all marked, or none", |text| text.contains("1,000,000 marked") == (round % 2 == 0)));
    }
    mark.print("key to frame, `*` marks all");

    let peak = memory(&keys.terminal);
    let each = |now: u64| format!("{} B a key", (now.saturating_sub(before) * 1024) / 1_000_000);
    row("peak memory before a listing", &mebibytes(before), "");
    row("peak memory, 1,000,000 keys listed", &mebibytes(listed), &each(listed));
    row("peak memory, filtered, sorted and marked", &mebibytes(peak), &each(peak));
}

/// Presses keys one by one and waits for what each shows.
struct Keys {
    terminal: Terminal,
    cursor: u64,
}

impl Keys {
    fn press(&mut self, key: &str, shown: &str) -> Duration {
        self.until(key, shown, |text| text.contains(shown))
    }

    fn until(&mut self, key: &str, what: &str, shown: impl Fn(&str) -> bool) -> Duration {
        let start = Instant::now();
        self.terminal.send(key);
        let (_, end) = self.terminal.until_screen(what, |screen| shown(&screen.contents()));
        end - start
    }

    /// A key that moves the cursor by so many rows.
    fn go(&mut self, key: &str, by: u64) -> Duration {
        self.to(key, self.cursor + by)
    }

    fn to(&mut self, key: &str, row: u64) -> Duration {
        self.cursor = row;
        self.press(key, &format!(" {} of ", xsw::domain::text::count(row)))
    }
}

/// The most memory that the program ever held, in KiB.
fn memory(terminal: &Terminal) -> u64 {
    let process = terminal.process().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

// --- the table -------------------------------------------------------------------------------------------------------

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    /// What `part` of a hundred stay below.
    fn at(&self, part: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted[(sorted.len() - 1) * part / 100]
    }

    fn median(&self) -> Duration {
        self.at(50)
    }

    fn print(&self, what: &str) {
        row(what, &milliseconds(self.median()), &milliseconds(self.at(90)));
    }
}

fn row(what: &str, median: &str, slow: &str) {
    println!("| {what} | {median} | {slow} |");
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}
