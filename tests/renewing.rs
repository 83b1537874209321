//! Renewing children in a terminal: MFA codes are asked for beside the shell that runs there, and it goes on as before.
//!
//! A shell that is not installed is skipped with a word on stderr, as in tests/shells.rs.
#![cfg(all(unix, feature = "demo"))]

#[path = "pty/home.rs"]
mod home;
#[path = "common/installed.rs"]
mod installed;
#[path = "pty/terminal.rs"]
mod terminal;

use std::fs;
use std::time::{Duration, Instant};

use home::Home;
use installed::installed;
use rustix::process::{Pid, Signal, kill_process};
use terminal::{DEADLINE, Terminal};
use xsw::demo::World;

const DEVICE: &str = "arn:aws:iam::111111111111:mfa/me";
const QUESTION: &str = "MFA code of arn:aws:iam::111111111111:mfa/me for prod/Admin";

/// How long sessions of prod/Admin live here: so short that none is handed out while a code is asked for.
const LIFE: Duration = Duration::from_secs(4);

/// What an SDK does, in the words of a bash.
const FETCH: &str = r#"
uri=${AWS_CONTAINER_CREDENTIALS_FULL_URI#http://}
host=${uri%%/*}
exec 3<> "/dev/tcp/${host%:*}/${host#*:}"
printf 'GET /%s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n\r\n' \
  "${uri#*/}" "$host" "$AWS_CONTAINER_AUTHORIZATION_TOKEN" >&3
answer=$(cat <&3)
case $answer in
  'HTTP/1.1 200'*ASIA*) echo "fetch$1: a session" ;;
  *) echo "fetch$1: ${answer%%$'\r'*}" ;;
esac
"#;

/// The shell around xsw, which stays so that the terminal can be looked at when xsw has ended.
const AROUND: &str = "echo \"xsw is $$\"; \"$@\"; echo \"xsw ended with $?\"; read -r line; echo \"read: $line\"";

const PROMPT: &str = "(xsw prod/Admin) mine>";

struct Shell {
    terminal: Terminal,
    home: Home,
}

/// A prompt of the user's own for every shell, and more files.
fn furnish(home: &Home, files: &[(&str, &str)]) {
    let rc = [
        (".bashrc", "PS1='mine> '\n"),
        (".zshrc", "PS1='mine> '\n"),
        (".config/fish/config.fish", "set -g fish_greeting\nfunction fish_prompt; echo -n 'mine> '; end\n"),
        (".local/share/fish/generated_completions/none", ""),
    ];
    for (name, text) in rc.iter().chain(files) {
        let file = home.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

impl Shell {
    /// `xsw shell --renew` of a role that wants MFA, at its first prompt; `None` where there is no such shell.
    fn open(shell: &str) -> Option<Self> {
        let program = installed(shell)?;
        let mut world = World::demo();
        let mut roles = world.accounts.iter_mut().flat_map(|account| &mut account.roles);
        let seconds = u32::try_from(LIFE.as_secs()).unwrap();
        roles.find(|role| role.name == "Admin").unwrap().session_seconds = Some(seconds);
        // What a code was given for ends with it, so that each renewal wants a new one.
        world.accounts[0].users[0].session_seconds = Some(seconds);
        let home = Home::of(world);
        furnish(&home, &[("fetch", FETCH)]);
        let words = ["sh", "-c", AROUND, "sh", env!("CARGO_BIN_EXE_xsw"), "shell", "--renew", "prod/Admin"];
        let mut command = home.command(&words);
        command.env("SHELL", program);
        let mut shell = Self { terminal: Terminal::open(command, (120, 40)), home };
        shell.answer(1);
        shell.prompt();
        Some(shell)
    }

    fn send(&mut self, keys: &str) {
        self.terminal.send(keys);
    }

    /// Waits for the question of this number and types a code.
    fn answer(&mut self, number: usize) {
        self.asked(number);
        let code = loop {
            match self.home.cloud().mfa_code(DEVICE) {
                Some(code) => break code,
                None => std::thread::sleep(Duration::from_millis(200)),
            }
        };
        self.send(&format!("{code}\r"));
    }

    #[track_caller]
    fn asked(&self, number: usize) {
        let what = format!("question {number}");
        self.terminal.until(&what, |text| text.matches(QUESTION).count() == number);
    }

    /// Waits until the cloud was asked for so many sessions.
    #[track_caller]
    fn called(&self, number: usize) {
        let start = Instant::now();
        while self.home.cloud().calls("sts:AssumeRole") != number {
            assert!(start.elapsed() < DEADLINE, "no call:\n{}", self.terminal.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the shell's prompt on the last line.
    #[track_caller]
    fn prompt(&self) -> String {
        let last = |text: &str| text.trim_end().lines().last().is_some_and(|line| line.ends_with(PROMPT));
        self.terminal.until("the prompt", last)
    }

    fn let_the_session_end(&self) {
        std::thread::sleep(LIFE + Duration::from_millis(200));
    }

    /// Jobs stop, go on in the background and end, and Ctrl-C ends one.
    #[track_caller]
    fn has_job_control(&mut self) {
        self.send("clear\r");
        // A job that ended just now may be told of once more: `[1]+  Done …`.
        let left = |text: &str| text.trim().lines().filter(|line| !line.starts_with('[')).collect::<String>();
        self.terminal.until("an empty screen", |text| left(text) == PROMPT);
        self.send("sleep 600\r");
        std::thread::sleep(Duration::from_millis(300));
        self.send("\x1a");
        self.terminal.until("a stopped job", |text| {
            let text = text.to_lowercase();
            text.contains("stopped") || text.contains("suspended")
        });
        self.prompt();
        self.send("kill %1; fg\r");
        self.prompt();
        self.send("sh -c 'echo wai\"\"ting; exec sleep 600'\r");
        self.terminal.see("waiting");
        std::thread::sleep(Duration::from_millis(200));
        self.send("\x03");
        self.prompt();
        self.send("echo typed and sho\"\"wn\r");
        let text = self.terminal.see("typed and shown");
        assert!(text.contains("echo typed and sho\"\"wn"), "the echo is off:\n{text}");
    }

    /// xsw ends with this status, and the terminal is as it was.
    #[track_caller]
    fn ended(&self, status: u32) {
        self.terminal.see(&format!("xsw ended with {status}"));
        assert_eq!(self.terminal.settings(), self.terminal.settings_before);
    }
}

/// No code was ever shown, by us or by a shell that read it in our stead.
fn no_code_is_shown(terminal: &Terminal) {
    let text = terminal.text();
    let digits = |word: &str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    assert!(!text.split(|c: char| !c.is_ascii_alphanumeric()).any(digits), "{text}");
}

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

#[test]
fn a_command_that_needs_a_new_code_has_it_asked_for_in_the_terminal() {
    for name in SHELLS {
        let Some(mut shell) = Shell::open(name) else { continue };
        shell.let_the_session_end();
        shell.send("bash ./fetch\r");
        shell.answer(2);
        shell.terminal.see("fetch: a session");
        shell.prompt();
        no_code_is_shown(&shell.terminal);
        assert_eq!(shell.home.cloud().calls("sts:AssumeRole"), 2, "{name}");
        shell.has_job_control();
        shell.send("exit 3\r");
        shell.ended(3);
    }
}

#[test]
fn ctrl_c_at_the_question_is_the_questions_and_ten_at_once_ask_once() {
    let Some(mut shell) = Shell::open("bash") else { return };
    shell.let_the_session_end();
    shell.send("for i in 0 1 2 3 4 5 6 7 8 9; do bash ./fetch $i & done 2>/dev/null; wait\r");
    shell.asked(2);
    std::thread::sleep(Duration::from_millis(500));
    shell.send("\x03");
    for number in 0..10 {
        shell.terminal.see(&format!("fetch{number}: HTTP/1.1 400 Bad Request"));
    }
    shell.prompt();
    // Whoever tries again at once is not asked again at once.
    shell.send("clear; bash ./fetch\r");
    shell.terminal.see("fetch: HTTP/1.1 400 Bad Request");
    shell.prompt();
    assert_eq!(shell.home.cloud().calls("sts:AssumeRole"), 1);
    shell.has_job_control();
    shell.send("exit\r");
    shell.ended(0);
}

/// The shell waits for keys itself then, and must not read the answer.
#[test]
fn a_job_in_the_background_has_it_asked_for_at_the_prompt() {
    for name in SHELLS {
        let Some(mut shell) = Shell::open(name) else { continue };
        shell.let_the_session_end();
        shell.send("bash ./fetch &\r");
        shell.answer(2);
        shell.terminal.see("fetch: a session");
        no_code_is_shown(&shell.terminal);
        shell.send("\r");
        shell.prompt();
        shell.has_job_control();
        shell.send("exit\r");
        shell.ended(0);
    }
}

/// SDKs wait for a few seconds alone; then the command ends, and its shell takes the terminal back.
#[test]
fn a_question_outlives_the_command_that_brought_it_up() {
    for name in SHELLS {
        let Some(mut shell) = Shell::open(name) else { continue };
        shell.let_the_session_end();
        shell.send("timeout 1 bash ./fetch\r");
        shell.asked(2);
        // The command is gone by now.
        std::thread::sleep(Duration::from_millis(1500));
        shell.answer(2);
        shell.called(2);
        shell.send("\r");
        shell.prompt();
        no_code_is_shown(&shell.terminal);
        shell.has_job_control();
        shell.send("exit\r");
        shell.ended(0);
    }
}

/// A shell takes the modes that it finds when a job has ended for its own: they must not be the question's.
#[cfg(target_os = "linux")]
#[test]
fn a_shell_in_the_shell_keeps_its_modes() {
    let Some(mut shell) = Shell::open("bash") else { return };
    shell.send("bash --norc\r");
    shell
        .terminal
        .until("the inner prompt", |text| text.trim_end().lines().last().is_some_and(|line| line.starts_with("bash")));
    shell.let_the_session_end();
    shell.send("timeout 1 bash ./fetch\r");
    shell.asked(2);
    std::thread::sleep(Duration::from_millis(1500));
    shell.answer(2);
    shell.called(2);
    shell.send("stty -a | tr ' ' '\\n' | grep -x -e -isig -e -echo; echo loo\"\"ked\r");
    let text = shell.terminal.see("looked");
    assert!(!text.lines().any(|line| line == "-isig" || line == "-echo"), "{text}");
    assert_eq!(text.matches(QUESTION).count(), 2, "{text}");
    shell.send("exit\r");
    shell.prompt();
    shell.has_job_control();
    shell.send("exit\r");
    shell.ended(0);
}

#[test]
fn a_shell_that_ends_takes_the_question_with_it() {
    for name in SHELLS {
        let Some(mut shell) = Shell::open(name) else { continue };
        shell.send("sh -c 'echo \"shell is $PPID\"'\r");
        let text = shell.terminal.until("its number", |text| text.lines().any(|line| line.starts_with("shell is ")));
        let number = text.lines().find_map(|line| line.strip_prefix("shell is ")).unwrap().trim();
        let process = Pid::from_raw(number.parse().unwrap()).unwrap();
        shell.let_the_session_end();
        shell.send("bash ./fetch &\r");
        shell.asked(2);
        kill_process(process, Signal::KILL).unwrap();
        shell.terminal.see("xsw ended with 137");
        // The shell around it has the terminal again. What a killed shell did to its modes stays.
        shell.send("still here\r\n");
        shell.terminal.see("read: still here");
    }
}

/// A home whose sessions of prod/Admin live so shortly that each renewal wants a new code.
fn short_lived() -> Home {
    let mut world = World::demo();
    let mut roles = world.accounts.iter_mut().flat_map(|account| &mut account.roles);
    let seconds = u32::try_from(LIFE.as_secs()).unwrap();
    roles.find(|role| role.name == "Admin").unwrap().session_seconds = Some(seconds);
    world.accounts[0].users[0].session_seconds = Some(seconds);
    let home = Home::of(world);
    furnish(&home, &[("fetch", FETCH)]);
    home
}

/// A shell with this line in a terminal, in which `xsw` is the real one.
fn with_xsw(home: &Home, words: &[&str]) -> Terminal {
    let mut command = home.command(words);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_xsw")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).unwrap());
    command.env("XSW_TEST_PATIENCE", "20");
    Terminal::open(command, (120, 40))
}

fn new_code(home: &Home) -> String {
    loop {
        match home.cloud().mfa_code(DEVICE) {
            Some(code) => return code,
            None => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// A child that is no shell, and reads the terminal while the question stands: it does not get the code.
#[test]
fn a_child_that_reads_the_terminal_does_not_read_the_code() {
    if installed("bash").is_none() {
        return;
    }
    // By its own lines, by a line editor, by a child of the child, and in a pipeline, where the terminal cannot be given.
    for (read, pipe) in [
        ("read -r line; echo \"child read: <$line>\"", ""),
        ("read -e -r line; echo \"child read: <$line>\"", ""),
        ("bash -c 'read -r line; echo \"child read: <$line>\"'", ""),
        ("read -r line; echo \"child read: <$line>\"", " | cat"),
        ("bash -c 'read -r line; echo \"child read: <$line>\"'; true", " | cat"),
    ] {
        let home = short_lived();
        let script = format!("sleep 4.3; bash ./fetch & {read}; wait; exit 7\n");
        fs::write(home.path().join("child"), script).unwrap();
        let around = format!(
            "stty -g > before; xsw exec --renew prod/Admin -- bash ./child{pipe}; echo \"ended with $?\"; \
             stty -g > after; read -r line; echo \"then: $line\""
        );
        let mut terminal = with_xsw(&home, &["sh", "-c", &around]);
        for number in 1..=2 {
            terminal.until("a question", |text| text.matches(QUESTION).count() == number);
            // What was typed for the child is not the answer.
            std::thread::sleep(Duration::from_millis(300));
            terminal.send(&format!("{}\r", new_code(&home)));
        }
        terminal.see("fetch: a session");
        terminal.send("mine\r");
        let text = terminal.see("child read:");
        assert!(text.contains("child read: <mine>"), "{read}{pipe}:\n{text}");
        terminal.see(if pipe.is_empty() { "ended with 7" } else { "ended with 0" });
        no_code_is_shown(&terminal);
        // The script around it has the terminal again.
        terminal.send("last words\r");
        terminal.see("then: last words");
        let kept = |name: &str| fs::read_to_string(home.path().join(name)).unwrap();
        assert_eq!(kept("before"), kept("after"), "{read}{pipe}");
    }
}

/// The job control of the shell around it is as with any other command.
#[test]
fn a_renewing_command_is_a_job_like_any_other() {
    for name in SHELLS {
        let Some(program) = installed(name) else { continue };
        let home = Home::demo();
        furnish(&home, &[("ask", "echo read\"\"y; read -r line; echo \"got <$line>\"; exit 3\n")]);
        let mut terminal = with_xsw(&home, &[program.to_str().unwrap(), "-i"]);
        let xsw = "xsw exec --renew hub/Developer -- ";
        let prompt = |text: &str| text.trim_end().lines().last().is_some_and(|line| line.trim_end().ends_with("mine>"));
        terminal.until("a prompt", prompt);
        let mut step = |keys: &str, seen: &str| {
            terminal.send(keys);
            terminal.until(&format!("{name} after {keys:?}: {seen}"), |text| {
                text.to_lowercase().contains(seen) && (seen != "stopped" && seen != "suspended" || prompt(text))
            });
        };
        let stopped = if name == "zsh" { "suspended" } else { "stopped" };
        // Stopped and brought back, twice.
        step(&format!("{xsw}bash ./ask\r"), "ready");
        std::thread::sleep(Duration::from_millis(300));
        step("\x1a", stopped);
        step("clear; fg\r", "exec --renew");
        std::thread::sleep(Duration::from_millis(500));
        step("\x1a", stopped);
        step("clear; fg\r", "exec --renew");
        std::thread::sleep(Duration::from_millis(500));
        step("a line\r", "got <a line>");
        // The `fg` of fish does not tell the job's status.
        if name != "fish" {
            step("echo status $?\r", "status 3");
        }
        // In the background it stops when it reads, as any other would.
        step(&format!("clear; {xsw}bash ./ask &\r"), "ready");
        std::thread::sleep(Duration::from_millis(500));
        step("clear; fg\r", "exec --renew");
        std::thread::sleep(Duration::from_millis(500));
        step("its line\r", "got <its line>");
        // Stopped, and then in the background.
        step(&format!("clear; {xsw}bash -c 'echo read\"\"y; sleep 2; echo do\"\"ne'\r"), "ready");
        std::thread::sleep(Duration::from_millis(300));
        step("\x1a", stopped);
        step("clear; bg\r", "done");
        step("\rclear; wait; echo wai\"\"ted\r", "waited");
        // Ctrl-C ends it, and nothing else.
        step(&format!("clear; {xsw}bash -c 'echo read\"\"y; exec sleep 600'\r"), "ready");
        std::thread::sleep(Duration::from_millis(300));
        terminal.send("\x03");
        terminal.until("the prompt", prompt);
        let mut step = |keys: &str, seen: &str| {
            terminal.send(keys);
            terminal.until(&format!("{name} after {keys:?}: {seen}"), |text| text.contains(seen));
        };
        // In a pipeline.
        step(&format!("clear; {xsw}echo through | tr t T\r"), "Through");
        step(&format!("clear; echo through | {xsw}tr t T\r"), "Through");
        terminal.send("exit 0\r");
        assert_eq!(terminal.ended(), 0, "{name}");
    }
}

/// Then it is as if nobody could be asked.
#[cfg(debug_assertions)]
#[test]
fn a_question_that_nobody_answers_goes_away() {
    let home = short_lived();
    let around = "XSW_TEST_PATIENCE=1 xsw env prod/Admin; echo \"ended with $?\"; read -r line; echo \"then: $line\"";
    let mut terminal = with_xsw(&home, &["sh", "-c", around]);
    terminal.see("Nobody answered within 1 s.");
    terminal.see("MFA");
    terminal.see("ended with 4");
    terminal.send("a line\r");
    terminal.see("then: a line");
}

/// What a program in the shell sees, on one line that the command itself does not show.
const SHOW: &str = r#"
show() { eval "set -- \"\$1\" \"\${$1-gone}\""; printf '%s ' "$1=$2" | sed 's|/[^ ]*/||; s|ASIA[^ ]*|ASIA|; s|http:[^ ]*|endpoint|'; }
for name in AWS_ACCESS_KEY_ID AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONFIG_FILE XSW_AWS_CONFIG_FILE XSW_ROLE; do
  show $name
done
echo
"#;

const RENEWS: &str = "AWS_ACCESS_KEY_ID=gone AWS_CONTAINER_CREDENTIALS_FULL_URI=endpoint AWS_CONFIG_FILE=config \
                      XSW_AWS_CONFIG_FILE=own-config XSW_ROLE=hub/Developer";
const PLAIN: &str = "AWS_ACCESS_KEY_ID=ASIA AWS_CONTAINER_CREDENTIALS_FULL_URI=gone AWS_CONFIG_FILE=own-config \
                     XSW_AWS_CONFIG_FILE=gone XSW_ROLE=prod/S3Reader";
const NONE: &str = "AWS_ACCESS_KEY_ID=gone AWS_CONTAINER_CREDENTIALS_FULL_URI=gone AWS_CONFIG_FILE=own-config \
                    XSW_AWS_CONFIG_FILE=gone XSW_ROLE=gone";

/// In a renewing shell another session replaces the endpoint, and nothing of it stays behind.
#[test]
fn another_session_in_a_renewing_shell_replaces_the_endpoint() {
    for (name, evaluate) in
        [("bash", "eval \"$(xsw ENV)\""), ("zsh", "eval \"$(xsw ENV)\""), ("fish", "xsw ENV --format fish | source")]
    {
        let Some(program) = installed(name) else { continue };
        let home = Home::demo();
        furnish(&home, &[("show", SHOW)]);
        let credentials = fs::read_to_string(home.profile_file().with_file_name("credentials")).unwrap();
        fs::write(home.path().join("credentials"), credentials.replace("[demo]", "[default]")).unwrap();
        fs::write(home.path().join("own-config"), "[profile demo]\nsource_profile = default\n").unwrap();
        let text = fs::read_to_string(home.profile_file()).unwrap();
        fs::write(home.profile_file(), text.replace("profile = \"demo\"", "profile = \"default\"")).unwrap();
        let mut command = home.command(&["xsw", "shell", "--renew", "hub/Developer"]);
        let xsw = std::path::Path::new(env!("CARGO_BIN_EXE_xsw")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(xsw).chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", path);
        command.env("SHELL", program);
        command.env("AWS_CONFIG_FILE", home.path().join("own-config"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", home.path().join("credentials"));
        let mut terminal = Terminal::open(command, (200, 30));
        let mut step = |line: &str, prompt: &str, seen: &str| {
            let prompt = format!("{prompt}mine>");
            // An hour, less the seconds that this takes; a session that renews itself has no such word.
            let timeless = |line: &str| line.replace(" 60 min)", ")").replace(" 59 min)", ")");
            let at_prompt = |text: &str| text.trim_end().lines().last().is_some_and(|line| timeless(line) == prompt);
            let shown = |text: &str| seen.is_empty() || text.lines().any(|line| line.trim_end() == seen);
            terminal.send(line);
            terminal.until(&format!("{name} after {line:?}: {prompt} {seen}"), |text| at_prompt(text) && shown(text));
        };
        step("", "(xsw hub/Developer) ", "");
        step("clear; sh ./show\r", "(xsw hub/Developer) ", RENEWS);
        // A subshell in it, and back.
        step("clear; xsw shell prod/S3Reader\r", "(xsw prod/S3Reader) ", "");
        step("sh ./show\r", "(xsw prod/S3Reader) ", PLAIN);
        step("exit\r", "(xsw hub/Developer) ", "");
        step("clear; sh ./show\r", "(xsw hub/Developer) ", RENEWS);
        let env = evaluate.replace("ENV", "env prod/S3Reader");
        step(&format!("clear; {env}; sh ./show\r"), "(xsw prod/S3Reader) ", PLAIN);
        let unset = evaluate.replace("ENV", "env --unset");
        step(&format!("clear; {unset}; sh ./show\r"), "", NONE);
        step("clear; xsw shell --renew hub/Developer\r", "(xsw hub/Developer) ", "");
        step("sh ./show\r", "(xsw hub/Developer) ", RENEWS);
        terminal.send("exit\r");
        terminal.send("exit 5\r");
        assert_eq!(terminal.ended(), 5, "{name}");
    }
}

#[test]
fn the_screens_subshell_renews_where_the_profile_file_says_so() {
    let home = Home::demo();
    furnish(&home, &[]);
    let text = fs::read_to_string(home.profile_file()).unwrap();
    fs::write(home.profile_file(), text.replacen("[settings]\n", "[settings]\nrenew = true\n", 1)).unwrap();
    let mut terminal = Terminal::open(home.command(&[env!("CARGO_BIN_EXE_xsw")]), (100, 30));
    terminal.see("S3Reader");
    terminal.send("/hub/Developer\r\r");
    terminal.see("hub-artifacts");
    terminal.send("s");
    terminal.see("Its session renews itself.");
    terminal.send("echo \"<${AWS_CONTAINER_CREDENTIALS_FULL_URI:+endpoint} ${AWS_ACCESS_KEY_ID-no keys}>\"\r");
    terminal.see("<endpoint no keys>");
    terminal.send("exit\r");
    terminal.until_screen("the screen again", |screen| screen.alternate_screen());
    terminal.see("hub-artifacts");
    terminal.send("q");
    assert_eq!(terminal.ended(), 0);
}
