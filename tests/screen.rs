//! The real program in a pseudo-terminal: the main job from end to end, and that the terminal is always given back.
//!
//! What is asserted are words on the screen and what the cloud, the files and the shell around it see; how it looks is
//! the snapshots' affair. Nothing is waited for by a fixed time.
#![cfg(all(unix, feature = "demo"))]

#[path = "pty/home.rs"]
mod home;
#[path = "pty/terminal.rs"]
mod terminal;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use home::Home;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use terminal::{DEADLINE, Terminal};
use xsw::demo::{Fault, Role, World};

/// The shell around it: says whose process xsw is, how it ended, and then waits, so that the terminal stays as it is.
const AROUND: &str = r#"
trap : INT
XSW_TEST_SETTINGS=$(stty -g)
export XSW_TEST_SETTINGS
sh -c 'echo "xsw is $$"; exec "$0" "$@"' "$@"
echo "xsw ended with $?"
read -r _
"#;

const ESC: &str = "\x1b";

/// xsw in a terminal, called from a shell as people do it.
struct Xsw {
    terminal: Terminal,
    home: Home,
}

impl Xsw {
    /// The demo's world at 80×24, the screen open.
    fn demo() -> Self {
        Self::opened(Home::demo(), (80, 24))
    }

    fn opened(home: Home, size: (u16, u16)) -> Self {
        let xsw = Self::started(home, size, |_| {});
        xsw.terminal.see("S3Reader");
        xsw
    }

    /// Starts it after `change`; what comes then is the caller's to wait for.
    fn started(home: Home, size: (u16, u16), change: impl FnOnce(&mut CommandBuilder)) -> Self {
        Self::called(home, size, AROUND, change)
    }

    fn called(home: Home, size: (u16, u16), around: &str, change: impl FnOnce(&mut CommandBuilder)) -> Self {
        let mut command = home.command(&["sh", "-c", around, "sh", env!("CARGO_BIN_EXE_xsw")]);
        change(&mut command);
        let terminal = Terminal::open(command, size);
        Self { terminal, home }
    }

    fn send(&mut self, keys: &str) {
        self.terminal.send(keys);
    }

    /// Filters the roles and opens the best match.
    fn pick(&mut self, role: &str) {
        self.send(&format!("/{role}\r\r"));
    }

    /// The header says who we are: account and role on one line.
    #[track_caller]
    fn see_who(&self, account_id: &str, role: &str) {
        let line = |line: &str| line.contains(account_id) && line.contains(role);
        self.terminal.until(&format!("{role} of {account_id} on a line"), |text| text.lines().any(line));
    }

    fn signal(&self, signal: Signal) {
        let bytes = self.terminal.bytes();
        let text = String::from_utf8_lossy(&bytes);
        let digits = text.split("xsw is ").nth(1).and_then(|rest| rest.lines().next()).unwrap().trim();
        kill_process(Pid::from_raw(digits.parse().unwrap()).unwrap(), signal).unwrap();
    }

    /// It ends with this status, and leaves the terminal as it found it.
    #[track_caller]
    fn ended(&self, status: u32) -> String {
        let last = format!("xsw ended with {status}");
        let text = self.terminal.until(&last, |text| text.lines().any(|line| line.ends_with(&last)));
        let screen = self.terminal.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is still there");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "pasted text is still marked");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert_eq!((screen.fgcolor(), screen.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
        assert!(!screen.bold() && !screen.inverse() && !screen.underline());
        let bytes = self.terminal.bytes();
        let last = |part: &str| String::from_utf8_lossy(&bytes).rfind(part);
        assert!(last("\x1b[?2026h") <= last("\x1b[?2026l"), "a picture was never ended");
        assert_eq!(self.terminal.settings(), self.terminal.settings_before, "the line's settings have changed");
        text
    }

    #[track_caller]
    fn quit(&mut self) -> String {
        self.send("q");
        self.ended(0)
    }
}

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

/// The demo's world with one role changed.
fn demo_with(role: &str, change: impl FnOnce(&mut Role)) -> World {
    let mut world = World::demo();
    let mut roles = world.accounts.iter_mut().flat_map(|account| &mut account.roles);
    change(roles.find(|known| known.name == role).unwrap());
    world
}

// --- the main job ----------------------------------------------------------------------------------------------------

#[test]
fn pick_assume_browse_download_subshell_quit() {
    let mut xsw = Xsw::demo();
    xsw.pick("prod/S3Reader");
    xsw.see_who("222222222222", "S3Reader");
    // By way of the hub's Jump.
    assert_eq!(xsw.home.cloud().calls("sts:AssumeRole"), 2);

    // The role may not list buckets; its bookmark opens all the same.
    xsw.terminal.see("gautamtest-assume-role");
    xsw.send("\r");
    xsw.terminal.see("test2.txt");

    xsw.send("/test\r");
    xsw.terminal.see_no("big.bin");
    xsw.send("i");
    xsw.terminal.see("text/plain");
    xsw.send(ESC);
    xsw.terminal.see_no("text/plain");

    xsw.send("  d");
    xsw.terminal.see("2 marked items");
    xsw.send("got\r");
    xsw.terminal.see("2 written");
    let got = xsw.home.path().join("got");
    assert_eq!(fs::read(got.join("test.txt")).unwrap(), b"hello from production\n");
    assert_eq!(fs::read(got.join("test2.txt")).unwrap(), b"hello again, production");
    assert_eq!(fs::read_dir(&got).unwrap().count(), 2);

    xsw.send("s");
    xsw.terminal.see("(xsw prod/S3Reader ");
    assert!(!xsw.terminal.screen().alternate_screen());
    xsw.send("echo \"<$XSW_ROLE $AWS_REGION ${AWS_SESSION_TOKEN:+token}>\"\r");
    xsw.terminal.see("<prod/S3Reader ap-northeast-1 token>");
    xsw.send("test \"$(stty -g)\" = \"$XSW_TEST_SETTINGS\" && echo the sa\"\"me\r");
    xsw.terminal.see("the same");
    xsw.send("exit\r");
    xsw.terminal.until_screen("the screen again", |screen| {
        screen.alternate_screen() && screen.contents().contains("test2.txt")
    });
    xsw.see_who("222222222222", "S3Reader");
    let text = xsw.quit();
    assert!(text.contains("xsw is ") && text.contains("the same\n"), "what stood there before is gone:\n{text}");
}

#[test]
fn a_folder_is_copied_to_another_account_by_s3_or_through_here_or_is_refused() {
    let mut xsw = Xsw::demo();
    xsw.pick("hub/Developer");
    xsw.see_who("111111111111", "Developer");
    xsw.terminal.see("hub-artifacts");
    xsw.send("\r");
    xsw.terminal.see("README.md");
    xsw.send("/releases\r");
    xsw.terminal.see_no("README.md");
    xsw.send("c");
    xsw.terminal.see("which role writes?");
    // That one reads and writes: S3 copies by itself.
    xsw.send("data/Copier\r");
    xsw.terminal.see("Copy as data/Copier");
    xsw.terminal.see("s3://data-landing/");
    xsw.send("landing\r");
    xsw.terminal.see("into s3://data-landing/");
    xsw.send("from-hub\r");
    xsw.terminal.see("S3 copies by itself, as data/Copier");
    assert_eq!(xsw.home.cloud().keys("data-landing").iter().filter(|key| key.starts_with("from-hub/")).count(), 0);
    xsw.send("\r");
    xsw.terminal.see("108 written");
    let cloud = xsw.home.cloud();
    let below = |bucket: &str, prefix: &str| {
        let keys = cloud.keys(bucket).into_iter().filter(|key| key.starts_with(prefix));
        let object = |key: String| (key[prefix.len()..].to_owned(), cloud.object(bucket, &key).unwrap().bytes());
        keys.map(object).collect::<Vec<_>>()
    };
    let copies = below("data-landing", "from-hub/releases/");
    assert!(copies.len() == 108 && copies == below("hub-artifacts", "releases/"));
    // The screen is still the role's that read.
    xsw.see_who("111111111111", "Developer");

    // Another account's role reads, and one of the hub writes.
    let sent = cloud.body_bytes();
    xsw.send("\x1b[Z");
    xsw.terminal.see("Enter assume");
    xsw.send(ESC);
    xsw.terminal.see_no("/hub/Developer");
    xsw.pick("prod/S3Reader");
    xsw.see_who("222222222222", "S3Reader");
    xsw.terminal.see("gautamtest-assume-role");
    xsw.send("\r");
    xsw.terminal.see("big.bin");
    xsw.send("/reports\r");
    xsw.terminal.see_no("big.bin");
    xsw.send("c");
    // Where the last copy went is offered before all others.
    xsw.terminal.see("data/Copier → s3://data-landing/from-hub/");
    xsw.send("hub/Developer\r");
    xsw.terminal.see("s3://hub-artifacts/");
    xsw.send("hub-artifacts/from-prod\r");
    xsw.terminal.see("through this machine");
    xsw.send("\r");
    xsw.terminal.see("13 written");
    let cloud = xsw.home.cloud();
    assert!(cloud.body_bytes() > sent);
    let keys = cloud.keys("hub-artifacts");
    assert_eq!(keys.iter().filter(|key| key.starts_with("from-prod/reports/")).count(), 13);

    // Who may not write there is told so before anything is copied.
    xsw.send("c");
    xsw.terminal.see("which role writes?");
    xsw.send("data/Analyst\r");
    xsw.terminal.see("Copy as data/Analyst");
    xsw.send("data-landing/no\r");
    xsw.terminal.see("xsw policy copy");
    xsw.terminal.see("x says which side refuses");
    xsw.send("\r");
    xsw.terminal.see("there is no way to copy it so");
    assert!(!xsw.home.cloud().keys("data-landing").iter().any(|key| key.starts_with("no/")));
    xsw.send(ESC);
    xsw.terminal.see("Copy as data/Analyst");
    xsw.send(ESC);
    xsw.terminal.see("which role writes?");
    xsw.send(ESC);
    xsw.terminal.see_no("which role writes?");
    xsw.quit();
}

#[test]
fn the_web_console_opens_where_the_screen_is() {
    let home = Home::demo();
    let folder = home.path();
    let script = "#!/bin/sh\ncurl -sS --noproxy '*' -L -o page.tmp \"$1\"\nmv page.tmp page\n";
    fs::write(folder.join("browser"), script).unwrap();
    fs::set_permissions(folder.join("browser"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let browser = folder.join("browser");
    let mut xsw = Xsw::started(home, (80, 24), |command| command.env("BROWSER", browser));
    xsw.terminal.see("S3Reader");
    xsw.pick("S3Reader");
    xsw.terminal.see("gautamtest-assume-role");
    xsw.send("\r");
    xsw.terminal.see("reports/");
    xsw.send("w");
    xsw.terminal.see("the console of prod/S3Reader is open in the browser");
    let since = Instant::now();
    while !folder.join("page").exists() {
        assert!(since.elapsed() < DEADLINE, "the browser saw no page");
        std::thread::sleep(Duration::from_millis(20));
    }
    let page = fs::read_to_string(folder.join("page")).unwrap();
    assert!(page.contains("assumed-role/S3Reader/me@"), "{page}");
    assert!(page.contains("/s3/buckets/gautamtest-assume-role?region=ap-northeast-1"), "{page}");
    xsw.quit();
    assert!(!String::from_utf8_lossy(&xsw.terminal.bytes()).contains("SigninToken"));
}

#[test]
fn what_a_subshell_is_sent_does_not_end_the_screen() {
    let mut xsw = Xsw::started(Home::demo(), (80, 24), |command| command.env("SHELL", "/bin/sh"));
    xsw.terminal.see("S3Reader");
    xsw.pick("hub/Developer");
    xsw.terminal.see("hub-artifacts");
    xsw.send("s");
    xsw.terminal.see("(xsw hub/Developer)");
    // Without job control a Ctrl-C goes to everybody in the terminal.
    xsw.send("set +m; sh -c 'echo sleeping now; exec sleep 600'\r");
    xsw.terminal.until("the sleep", |text| text.lines().any(|line| line == "sleeping now"));
    xsw.send("\x03");
    xsw.send("echo the shell li\"\"ves\r");
    xsw.terminal.see("the shell lives");
    xsw.send("exit 3\r");
    xsw.terminal
        .until_screen("the screen again", |screen| screen.alternate_screen() && screen.contents().contains("status 3"));
    xsw.quit();
}

// --- a sign-in of IAM Identity Center --------------------------------------------------------------------------------

#[test]
fn what_a_sign_in_gave_is_in_the_list_and_wants_the_sign_in() {
    use xsw::domain::role::Source;
    use xsw::domain::sign_in::{Discovered, DiscoveredAccount};
    let home = Home::demo();
    let mut environment = xsw::local::environment::Environment::default();
    let state = home.command(&["xsw"]).get_env("XSW_STATE_DIR").unwrap().to_owned();
    environment.overlay("XSW_STATE_DIR", Some(state));
    let source = Source::IdentityCenter {
        start_url: "https://demo.awsapps.com/start".into(),
        region: "ap-northeast-1".into(),
        session: None,
        permission_set: None,
    };
    let account = DiscoveredAccount {
        id: "666666666666".parse().unwrap(),
        name: "Sandbox".into(),
        roles: vec!["Developer".into()],
    };
    let found = Discovered { accounts: vec![account] };
    xsw::local::discovered::write(&environment, &source, "ap-northeast-1", &found).unwrap();

    let mut xsw = Xsw::opened(home, (100, 30));
    xsw.terminal.see("Sandbox");
    xsw.pick("Sandbox/Developer");
    xsw.terminal.see("nobody has signed in yet");
    xsw.terminal.see("Sign in to staff");
    xsw.send(ESC);
    xsw.terminal.see_no("Sign in to staff");
    xsw.terminal.see("permission set Developer");

    // There is no browser here: the page and its code are shown, and somebody opens it elsewhere.
    xsw.send("\r");
    xsw.terminal.see("Sign in to staff");
    xsw.send("\r");
    let text = xsw.terminal.see("whether it shows the code");
    let page = text.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("{text}"));
    let (host, path) = page.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let code = path.split_once("user_code=").unwrap().1;
    assert!(text.contains(&format!("the code  {code}")), "{text}");
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("is confirmed"), "{answer}");
    xsw.terminal.see("signed in to staff");
    xsw.see_who("666666666666", "Developer");
    assert_eq!(xsw.home.cloud().calls("sso:GetRoleCredentials"), 1);
    xsw.quit();
}

#[test]
fn a_list_that_is_empty_says_what_fills_it() {
    let home = Home::demo();
    let file = fs::read_to_string(home.profile_file()).unwrap();
    let (settings, _) = file.split_once("[sources.demo]").unwrap();
    let staff = "[sources.staff]\nsso_start_url = 'https://demo.awsapps.com/start'\nsso_region = 'eu-west-1'\n";
    fs::write(home.profile_file(), format!("{settings}{staff}")).unwrap();
    let mut xsw = Xsw::started(home, (80, 24), |_| {});
    xsw.terminal.see("no roles yet: `xsw login`");
    // Nothing to open, to shell into, to copy or to filter, and none of it falls over.
    xsw.send("\rsyirjk/x\r");
    xsw.terminal.see("no roles yet");
    xsw.quit();
}

// --- roles -----------------------------------------------------------------------------------------------------------

#[test]
fn esc_cancels_a_slow_assume_while_other_keys_work() {
    let mut xsw = Xsw::demo();
    xsw.home.cloud().plan("sts:AssumeRole", 1, Fault::slow(Duration::from_secs(600)));
    xsw.pick("hub/Developer");
    xsw.terminal.see("assuming");
    // Until the call is on its way, so that it is this one that is slow.
    xsw.terminal.until("the call", |_| xsw.home.cloud().calls("sts:AssumeRole") == 1);
    xsw.send("?");
    xsw.terminal.see("Keys");
    xsw.send(ESC);
    xsw.terminal.see_no("Keys");
    xsw.send(ESC);
    xsw.terminal.see("was not assumed");
    xsw.send("\r");
    xsw.terminal.see("hub-artifacts");
    xsw.see_who("111111111111", "Developer");
    assert_eq!(xsw.home.cloud().calls("sts:AssumeRole"), 2);
    xsw.quit();
}

#[test]
fn a_session_runs_out_and_a_listing_renews_it() {
    let world = demo_with("Sprint", |role| role.session_seconds = Some(4));
    let mut xsw = Xsw::opened(Home::of(world), (80, 24));
    xsw.pick("prod/Sprint");
    xsw.see_who("222222222222", "Sprint");
    xsw.terminal.see("gautamtest-assume-role");
    xsw.terminal.see("ended");
    assert_eq!(xsw.home.cloud().calls("sts:AssumeRole"), 1);
    xsw.send("\r");
    xsw.terminal.until("the listing of a new session", |text| text.contains("test.txt") && !text.contains("ended"));
    assert_eq!(xsw.home.cloud().calls("sts:AssumeRole"), 2);
    xsw.quit();
}

#[test]
fn a_role_with_mfa_asks_for_the_code() {
    let mut xsw = Xsw::demo();
    xsw.pick("prod/Admin");
    xsw.terminal.see("arn:aws:iam::111111111111:mfa/me for prod/Admin");
    let code = xsw.home.cloud().mfa_code("arn:aws:iam::111111111111:mfa/me").unwrap();
    xsw.send(&format!("{code}\r"));
    xsw.see_who("222222222222", "Admin");
    xsw.terminal.see("prod-hostile-keys");
    xsw.quit();
}

#[test]
fn a_refused_role_is_told_with_its_hint() {
    let mut xsw = Xsw::demo();
    xsw.pick("audit/Partner");
    let text = xsw.terminal.see("hint:");
    assert!(text.contains("not allowed to sts:AssumeRole"), "{text}");
    xsw.send(ESC);
    xsw.terminal.see_no("hint:");
    xsw.terminal.see("refused");
    xsw.quit();
}

#[test]
fn a_refused_object_is_explained_mended_and_opened() {
    let mut xsw = Xsw::demo();
    xsw.pick("data/Analyst");
    xsw.terminal.see("s3://data-lake");
    xsw.send("\r");
    xsw.terminal.see("orders/");
    xsw.send("\r");
    xsw.terminal.see("2026-03-01.csv");
    xsw.send("\r");
    xsw.terminal.see("not allowed to s3:GetObject");
    xsw.send("x");
    xsw.terminal.see("no policy of data/Analyst allows s3:GetObject here");
    xsw.send("m");
    xsw.terminal.see("Who writes it");
    xsw.send("\r");
    xsw.terminal.see("Nothing is written yet");
    assert_eq!(xsw.home.cloud().calls("iam:PutRolePolicy"), 0);
    xsw.send("data\r");
    xsw.terminal.see("written; AWS may need some seconds");
    xsw.terminal.see("S3 gives it");
    assert_eq!(xsw.home.cloud().calls("iam:PutRolePolicy"), 1);
    xsw.send(ESC);
    xsw.terminal.see_no("S3 gives it");
    xsw.send("\r");
    xsw.terminal.see("CSV · 26 B");
    xsw.send(ESC);
    xsw.terminal.see_no("CSV · 26 B");
    xsw.quit();
}

// --- buckets ---------------------------------------------------------------------------------------------------------

#[test]
fn hostile_keys_are_shown_and_downloaded_and_never_reach_the_terminal() {
    // All of them are in view at once.
    let mut xsw = Xsw::opened(Home::demo(), (150, 100));
    xsw.pick("prod/Sprint");
    xsw.terminal.see("gautamtest-assume-role");
    xsw.send(":prod-hostile-keys/\r");
    for shown in [
        r"title\x1b]0;owned\x07.txt",
        r"clear\x1b[2J.tar",
        r"c1\u{9b}31m.txt",
        r"invoice\x0dreport.txt",
        r"invoice\u{202e}fdp.exe",
        r"zero\u{200b}width.txt",
        r"cafe\u{301}.txt",
        "café.txt",
        "日本語の請求書.pdf",
    ] {
        xsw.terminal.see(shown);
    }
    // Other rows, the same row in other colours, and back.
    for keys in ["G", "g", "\x06", "\x02", "jjjj"] {
        xsw.send(keys);
    }
    for (filter, kind) in [("title", "etag"), ("fdp", "etag"), ("back\\slash", "etag")] {
        xsw.send(&format!("/{filter}\r"));
        xsw.terminal.see_no("harmless.txt");
        xsw.send("i");
        xsw.terminal.see(kind);
        xsw.send(ESC);
        xsw.terminal.see_no(kind);
        xsw.send(ESC);
        xsw.terminal.see("harmless.txt");
    }
    // What is typed or pasted may be hostile, too.
    xsw.send(":\x1b[200~typed\u{202e}\x1b]0;owned\x07\x1b[201~");
    xsw.terminal.see(r"typed\u{202e}");
    xsw.send(ESC);
    xsw.terminal.see_no("typed");
    xsw.send("*d");
    xsw.terminal.see("marked items");
    xsw.send("got\r");
    xsw.terminal.see("failed");
    // What the transfer says in the end names the keys again.
    xsw.send("T\r");
    xsw.terminal.see("would lead out of the folder");
    for _ in 0..8 {
        xsw.send("\x06");
    }
    xsw.send(ESC);
    xsw.terminal.see_no("would lead out of the folder");
    xsw.quit();

    let bytes = xsw.terminal.bytes();
    only_orders_of_our_own(&bytes);
    let got = xsw.home.path().join("got");
    assert_eq!(fs::read(got.join("harmless.txt")).unwrap(), b"Nothing wrong with this one.\n");
    assert!(fs::read_to_string(got.join("clear\x1b[2J.tar")).unwrap().contains("clear"));
    let names = |folder: &std::path::Path| -> BTreeSet<_> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names(xsw.home.outside()), BTreeSet::from(["home".into()]));
    let home = names(&xsw.home.path());
    assert_eq!(home, BTreeSet::from(["got".into()]), "{home:?}");
}

/// The same keys in the views that show them in other ways: flat, found, with details and a preview, as versions, in the
/// copy menu, counted, bookmarked.
#[test]
fn hostile_keys_stay_text_in_every_view() {
    let mut xsw = Xsw::opened(Home::demo(), (150, 60));
    xsw.pick("prod/Sprint");
    xsw.terminal.see("gautamtest-assume-role");
    xsw.send(":prod-hostile-keys/\r");
    xsw.terminal.see("harmless.txt");
    xsw.send("f");
    xsw.terminal.see("../../etc/cron.d/x");
    xsw.send("p");
    // All rows, each with its preview; then the same with details.
    for _ in 0..70 {
        xsw.send("j");
    }
    xsw.send("p");
    for (filter, shown) in [
        ("title", r"title\x1b]0;owned\x07.txt"),
        ("clear", r"clear\x1b[2J.tar"),
        ("c1", r"c1\u{9b}31m.txt"),
        ("fdp", r"invoice\u{202e}fdp.exe"),
        ("two", r"two\x0alines.txt"),
    ] {
        xsw.send(&format!("/{filter}\r"));
        xsw.terminal.see_no("harmless.txt");
        xsw.terminal.see(shown);
        xsw.send("i");
        xsw.terminal.see("etag");
        xsw.send(ESC);
        xsw.terminal.see_no("etag");
        xsw.send("y");
        xsw.terminal.see("presigned");
        xsw.send(ESC);
        xsw.terminal.see_no("presigned");
        xsw.send("p");
        xsw.terminal.see("The key of this object is");
        xsw.send("p");
        xsw.terminal.see_no("The key of this object is");
        xsw.send(ESC);
        xsw.terminal.see("harmless.txt");
    }
    xsw.send("f");
    xsw.terminal.see_no("../../etc/cron.d/x");
    xsw.send("F*fdp*\r");
    let found = |text: &str| text.contains("find *fdp*") && text.contains(r"invoice\u{202e}fdp.exe");
    xsw.terminal.until("what was found", |text| found(text) && text.contains(" 1 of 1 "));
    xsw.send("v");
    let versions = r"invoice\u{202e}fdp.exe — versions";
    xsw.terminal.until("its versions", |text| text.contains(versions) && text.contains(" 1 of 1 "));
    xsw.send(ESC);
    xsw.terminal.until("what was found", found);
    xsw.send(ESC);
    xsw.terminal.see("harmless.txt");
    // A folder whose name is an order.
    xsw.send("/link\r");
    xsw.terminal.see_no("harmless.txt");
    xsw.send("u");
    xsw.terminal.see("1 object");
    xsw.send("\r");
    xsw.terminal.see_no("1 object,");
    xsw.send("Bb");
    xsw.terminal.see(r"★ s3://prod-hostile-keys/link\x1b]8;;http:/");
    xsw.quit();
    only_orders_of_our_own(&xsw.terminal.bytes());
}

/// Between entering and leaving the screen come printable characters and the orders that a screen is drawn with.
/// Anything else would have come from a key.
#[track_caller]
fn only_orders_of_our_own(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    let begin = text.find("\x1b[?1049h").unwrap();
    let end = text.rfind("\x1b[?1049l").unwrap();
    let mut rest = text[begin..end].chars();
    while let Some(c) = rest.next() {
        let near: String = rest.as_str().chars().take(20).collect();
        if c == '\x1b' {
            assert_eq!(rest.next(), Some('['), "an order that is none of ours before {near:?}");
            let last = rest.find(|c| !"0123456789;:?<=> ".contains(*c)).unwrap();
            assert!("HJKmhlABCDGdnq".contains(last), "an order that ends in {last:?} before {near:?}");
            continue;
        }
        assert!(!c.is_control(), "{c:?} before {near:?}");
        let hidden = matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}');
        assert!(!hidden, "{c:?} before {near:?}");
    }
    // Orders that are ours, too, but not behind these names.
    for key in ["clear\x1b[2J", "red\x1b[31m"] {
        assert_eq!(count(bytes, key.as_bytes()), 0, "{key:?}");
    }
}

#[test]
fn a_million_keys_show_their_first_rows_with_the_first_page_and_stop_at_esc() {
    let mut xsw = Xsw::demo();
    xsw.pick("hub/Developer");
    xsw.terminal.see("hub-artifacts");
    let cloud = xsw.home.cloud();
    cloud.plan("s3:ListObjectsV2", 1, Fault::default());
    cloud.plan("s3:ListObjectsV2", 1, Fault::slow(Duration::from_secs(600)));
    xsw.send(":hub-million/events/\r");
    // The second page does not come.
    xsw.terminal.see("0000000.json");
    xsw.terminal.until("the second call", |_| xsw.home.cloud().calls("s3:ListObjectsV2") == 2);
    xsw.send(ESC);
    xsw.terminal.see("stopped");
    assert_eq!(xsw.home.cloud().calls("s3:ListObjectsV2"), 2);
    // From the beginning, and stopped on the way.
    xsw.send("r");
    xsw.terminal.see("5,000");
    xsw.send(ESC);
    xsw.terminal.see("stopped");
    xsw.quit();
}

// --- the terminal ----------------------------------------------------------------------------------------------------

#[test]
fn any_size_is_drawn_and_one_that_is_too_small_says_so() {
    let mut xsw = Xsw::demo();
    xsw.pick("hub/Developer");
    xsw.terminal.see("hub-artifacts");
    for (columns, rows, shown) in [
        (60, 16, "hub-artifacts"),
        (40, 10, "needs 60×16"),
        (20, 5, "60×16"),
        (1, 1, ""),
        (2, 40, ""),
        (300, 2, "needs 60×16"),
        (120, 40, "hub-artifacts"),
        (400, 120, "hub-artifacts"),
        (80, 24, "hub-artifacts"),
    ] {
        xsw.terminal.resize(columns, rows);
        xsw.terminal.see(shown);
        // Keys do not depend on what can be seen.
        xsw.send("jk\t\t");
    }
    // A key and another size at the same moment.
    for _ in 0..20 {
        xsw.send("j");
        xsw.terminal.resize(59, 15);
        xsw.send("k");
        xsw.terminal.see("needs 60×16");
        xsw.send("j");
        xsw.terminal.resize(80, 24);
        xsw.send("k");
        xsw.terminal.see("hub-artifacts");
    }
    xsw.send(":");
    xsw.terminal.resize(20, 5);
    xsw.terminal.see("60×16");
    xsw.terminal.resize(80, 24);
    xsw.terminal.see("hub-artifacts");
    xsw.send(ESC);
    xsw.terminal.see_no("Go to");
    xsw.quit();
}

#[test]
fn a_small_terminal_says_so_at_once() {
    let mut xsw = Xsw::started(Home::demo(), (20, 5), |_| {});
    xsw.terminal.see("60×16");
    xsw.send("q");
    xsw.ended(0);
}

#[test]
fn signals_give_the_terminal_back() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut xsw = Xsw::demo();
        xsw.pick("hub/Developer");
        xsw.terminal.see("hub-artifacts");
        xsw.signal(signal);
        xsw.ended(status);
    }
}

#[test]
fn ctrl_c_quits() {
    let mut xsw = Xsw::demo();
    xsw.send("\x03");
    xsw.ended(0);
}

/// The window is closed: there is no terminal any more, and nobody is left behind.
#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let home = Home::demo();
    let pty = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() }).unwrap();
    let mut child = pty.slave.spawn_command(home.command(&[env!("CARGO_BIN_EXE_xsw")])).unwrap();
    drop(pty.slave);
    let mut output = pty.master.try_clone_reader().unwrap();
    let start = Instant::now();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while count(&bytes, b"S3Reader") == 0 {
        let length = output.read(&mut buffer).unwrap();
        assert!(length > 0 && start.elapsed() < DEADLINE, "{}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..length]);
    }
    drop((output, pty.master));
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            // 129, or 1 when a picture was on its way.
            assert!([129, 1].contains(&status.exit_code()), "{status}");
            return;
        }
        if start.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_error_at_the_start_leaves_the_terminal_alone() {
    let home = Home::demo();
    fs::write(home.path().join("bad.toml"), "[[accounts]]\nname = 1\n").unwrap();
    let xsw = Xsw::started(home, (80, 24), |command| command.env("XSW_CONFIG", "bad.toml"));
    let text = xsw.ended(2);
    assert!(text.contains("error:") && text.contains("bad.toml"), "{text}");
    assert_eq!(count(&xsw.terminal.bytes(), b"\x1b[?"), 0);

    let home = Home::demo();
    fs::write(home.profile_file().with_file_name("keys.toml"), "open = [\"q\"]\n").unwrap();
    let xsw = Xsw::started(home, (80, 24), |_| {});
    let text = xsw.ended(2);
    assert!(text.contains("error:") && text.contains("keys.toml"), "{text}");
    assert_eq!(count(&xsw.terminal.bytes(), b"\x1b[?"), 0);
}

#[cfg(debug_assertions)]
#[test]
fn a_panic_gives_the_terminal_back_and_is_told() {
    let xsw = Xsw::started(Home::demo(), (80, 24), |command| command.env("XSW_TEST_PANIC", "1"));
    let text = xsw.ended(101);
    let place = |part| text.find(part).unwrap_or_else(|| panic!("no {part} in:\n{text}"));
    assert!(place("xsw is") < place("thread 'main'") && place("XSW_TEST_PANIC is set") < place("xsw ended"), "{text}");
    assert_eq!(count(&xsw.terminal.bytes(), b"\x1b[?1049h"), 1);
}

#[test]
fn what_is_no_terminal_or_a_dumb_one_is_told_which_verbs_there_are() {
    for (around, term) in [("\"$@\" < /dev/null", "xterm"), ("\"$@\" > /dev/null", "xterm"), ("\"$@\"", "dumb")] {
        let around = format!("echo \"xsw is here\"; {around}; echo \"xsw ended with $?\"; read -r _");
        let xsw = Xsw::called(Home::demo(), (80, 24), &around, |command| command.env("TERM", term));
        let text = xsw.ended(2);
        assert!(text.contains("error:") && text.contains("xsw accounts"), "{text}");
        let orders = if term == "dumb" { ESC } else { "\x1b[?" };
        assert_eq!(count(&xsw.terminal.bytes(), orders.as_bytes()), 0);
    }
}
