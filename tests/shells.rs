//! The real shells: they read what `xsw env` prints, and a subshell in them shows whose session it holds.
//!
//! A shell that is not installed is skipped with a word on stderr; with XSW_TEST_ALL_SHELLS=1 it is a failure.
#![cfg(unix)]

#[path = "common/installed.rs"]
mod installed;
#[path = "pty/terminal.rs"]
mod terminal;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use installed::installed;
use jiff::{SignedDuration, Timestamp};
use portable_pty::CommandBuilder;
use terminal::Terminal;
use xsw::domain::session::{Keys, Session};
use xsw::local::child;
use xsw::local::child_env::{ChildEnv, RoleFacts, session_env, unset_env};
use xsw::local::env_format::{Format, render};
use xsw::local::shell::Subshell;

// --- what `xsw env` prints -------------------------------------------------------------------------------------------

const NASTY: &[&str] = &[
    "",
    "plain",
    "with  two spaces",
    " at the ends ",
    "it's",
    "'",
    "''",
    "'''a'''",
    r#"say "so""#,
    r#"'"'"'"#,
    "$HOME ${HOME} $(touch pwned) $((1+1)) $",
    "`touch pwned`",
    "!! !$ a!b",
    "%HOME% 100% %s %n",
    r"\",
    r"\\",
    r"a\nb \' \$ \",
    r"ends in \'",
    "two\nlines",
    "\n\nlines around\n\n",
    "carriage\r\nreturn\r",
    "\ttab\tand \x1b[31mescape\x07 \x7f",
    "; touch pwned; # & | > pwned < ( ) { } [ ] * ? ~ =",
    "日本語 é e\u{301} 🦀 \u{202e} \u{feff} \u{a0} ‘typographic’ “quotes”",
    // fish keeps these for itself.
    "\u{f600}\u{f6ff}\u{fdd0}\u{e000}",
    "-n",
    "--",
    "+/AbC=",
];

fn one(value: &str) -> ChildEnv {
    let mut env = ChildEnv::default();
    env.set("XSW_TEST_VALUE", value);
    env.unset("XSW_TEST_GONE");
    env
}

/// Feeds the script to the shell and returns what it printed.
fn fed(shell: &Path, args: &[&str], folder: &Path, script: &str) -> Vec<u8> {
    let mut child = Command::new(shell)
        .args(args)
        .current_dir(folder)
        .env("HOME", folder)
        .env("XSW_TEST_GONE", "still here")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Each value through the shell, the variable printed by another program with a NUL behind it.
fn round_trip(shell: &str, args: &[&str], format: Format, before: &str) {
    let Some(path) = installed(shell) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut script = before.to_owned();
    for value in NASTY {
        script += &render(&one(value), format).unwrap();
        script += "env -0\n";
    }
    let printed = fed(&path, args, folder.path(), &script);
    let printed = String::from_utf8(printed).unwrap();
    let carried: Vec<&str> = printed.split('\0').filter_map(|line| line.strip_prefix("XSW_TEST_VALUE=")).collect();
    assert_eq!(carried, NASTY, "{shell} {args:?}");
    assert!(!printed.split('\0').any(|line| line.starts_with("XSW_TEST_GONE=")), "{shell} does not unset");
    assert!(!folder.path().join("pwned").exists(), "{shell} ran a value");
}

#[test]
fn any_value_survives_in_bash() {
    round_trip("bash", &["--norc"], Format::Sh, "set -euH\n");
}

#[test]
fn any_value_survives_in_zsh() {
    round_trip("zsh", &["-f"], Format::Sh, "");
    round_trip("zsh", &["-f"], Format::Sh, "setopt rcquotes ksharrays shwordsplit nounset\n");
}

#[test]
fn any_value_survives_in_dash() {
    round_trip("dash", &[], Format::Sh, "set -eu\n");
}

#[test]
fn any_value_survives_in_fish() {
    round_trip("fish", &["--no-config"], Format::Fish, "");
}

/// As people use it: the shell takes the line ends at the end of `$(…)` away, and they must not be a value's.
#[test]
fn any_value_survives_an_eval_of_all_of_them() {
    let Some(bash) = installed("bash") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    for value in NASTY {
        std::fs::write(&file, render(&one(value), Format::Sh).unwrap()).unwrap();
        let printed = fed(&bash, &["--norc"], folder.path(), "eval \"$(cat env)\"\nprintf %s \"$XSW_TEST_VALUE\"\n");
        assert_eq!(String::from_utf8_lossy(&printed), **value);
    }
}

/// The common ground of .env files is what a POSIX shell reads with `set -a`; python-dotenv and others add to it.
#[test]
fn any_value_survives_in_a_dotenv_file() {
    let Some(dash) = installed("dash") else { return };
    let folder = tempfile::tempdir().unwrap();
    for value in NASTY {
        let mut env = ChildEnv::default();
        env.set("XSW_TEST_VALUE", *value);
        let script = format!("set -a\n{}printf %s \"$XSW_TEST_VALUE\"\n", render(&env, Format::Dotenv).unwrap());
        assert_eq!(String::from_utf8_lossy(&fed(&dash, &[], folder.path(), &script)), **value);
    }
}

#[test]
fn any_value_survives_in_json() {
    for value in NASTY {
        let text = render(&one(value), Format::Json).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, serde_json::json!({ "XSW_TEST_VALUE": value }));
    }
}

#[test]
fn powershell_carries_them_when_it_is_here() {
    let Some(pwsh) = which("pwsh") else { return };
    let folder = tempfile::tempdir().unwrap();
    for value in NASTY.iter().filter(|value| !value.is_empty()) {
        let script =
            format!("{}[Console]::Write($Env:XSW_TEST_VALUE)\n", render(&one(value), Format::Powershell).unwrap());
        let file = folder.path().join("env.ps1");
        std::fs::write(&file, script).unwrap();
        let printed = Command::new(&pwsh).arg("-NoProfile").arg("-File").arg(&file).output().unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&printed), **value);
    }
}

/// No Debian package: its absence is no failure anywhere.
fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

// --- the subshell ----------------------------------------------------------------------------------------------------

/// Not a test of its own: run by the tests below in a pseudo-terminal, it is `xsw shell`.
#[test]
fn as_xsw_shell() {
    let Ok(label) = std::env::var("XSW_TEST_LABEL") else { return };
    let seconds: i64 = std::env::var("XSW_TEST_SECONDS").unwrap().parse().unwrap();
    let expiration = Timestamp::now() + SignedDuration::from_secs(seconds);
    let session = Session {
        keys: Keys {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "very-$ecret".to_owned().into(),
            session_token: Some("very-token".to_owned().into()),
        },
        issued: Timestamp::now(),
        expiration,
        arn: "arn:aws:sts::222222222222:assumed-role/S3Reader/me".into(),
        account_id: "222222222222".parse().unwrap(),
    };
    let arn = "arn:aws:iam::222222222222:role/S3Reader".parse().unwrap();
    let role = RoleFacts { label: &label, arn: Some(&arn), account_id: session.account_id, region: Some("eu-north-1") };
    let shell = std::env::var_os("SHELL");
    let env = session_env(&session, &role);
    let subshell = Subshell { shell: shell.as_deref(), label: &label, env: &env };
    let plan = subshell.plan().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let exit = runtime.block_on(child::run(plan)).unwrap();
    println!("xsw lives, its child ended with {}", exit.code());
    std::process::exit(exit.code().into());
}

/// `xsw shell` in a pseudo-terminal and a HOME of its own.
fn subshell(shell: &Path, home: &Path, label: &str, seconds: i64, more: &[(&str, &OsStr)]) -> Terminal {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "as_xsw_shell", "--nocapture", "--test-threads=1", "-q"]);
    command.env_clear();
    for (name, value) in [
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("HOME", home.into()),
        ("SHELL", shell.into()),
        ("TERM", "xterm".into()),
        ("LC_ALL", "C.UTF-8".into()),
        ("XSW_TEST_LABEL", label.into()),
        ("XSW_TEST_SECONDS", seconds.to_string().into()),
        ("XSW_TEST_EXE", std::env::current_exe().unwrap().into()),
        // As in the shell that xsw is called from: to be lost.
        ("AWS_PROFILE", "personal".into()),
        ("AWS_SECURITY_TOKEN", "stale".into()),
    ] {
        command.env(name, value);
    }
    for (name, value) in more {
        command.env(name, value);
    }
    command.cwd(home);
    Terminal::open(command, (160, 40))
}

/// Waits for a prompt, which is a last line that ends in this.
#[track_caller]
fn see_prompt(terminal: &Terminal, end: &str) -> String {
    let what = format!("a prompt that ends in {end:?}");
    let text = terminal.until(&what, |text| last_line(text).ends_with(end.trim_end()));
    last_line(&text)
}

fn last_line(text: &str) -> String {
    timeless(text.trim_end().lines().last().unwrap_or_default())
}

/// Ten hours and half a minute more than some minutes, so that the time left is one of two words throughout a test.
const LONG: i64 = 37_830;

/// The text without that word, for tests that are about something else.
fn timeless(text: &str) -> String {
    text.replace(" 10 h 30 min)", ")").replace(" 10 h 29 min)", ")")
}

struct Home(tempfile::TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        // Without it fish reads all manual pages, in a process that outlives it.
        std::fs::create_dir_all(home.path().join(".local/share/fish/generated_completions")).unwrap();
        for (name, text) in files {
            let file = home.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(home)
    }

    fn open(&self, shell: &Path, label: &str) -> Terminal {
        subshell(shell, self.0.path(), label, LONG, &[])
    }

    fn holds(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }
}

/// What an rc file may do to a session.
const RC_ENV: &str =
    "export AWS_PROFILE=other AWS_ACCESS_KEY_ID=AKIAOTHER AWS_REGION=us-east-1; unset AWS_SESSION_TOKEN\n";

/// A program of its own: what is seen is what a child of the subshell gets.
const SHOW_ENV: &str = r#"
printf '<%s>' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN" "$AWS_REGION" \
    "${AWS_PROFILE-gone}" "${AWS_SECURITY_TOKEN-gone}" "$XSW_ROLE"
env | grep -c -e XSW_HOLD -e XSW_DROP -e XSW_RC -e XSW_ZDOTDIR
"#;
const SHOWN_ENV: &str = "<ASIAEXAMPLE><very-$ecret><very-token><eu-north-1><gone><gone><prod/S3Reader>0";

/// The rc file's prompt has the marker in front, once, also the second time; the session holds; the status is passed on.
#[track_caller]
fn marked_once(shell: &str, files: &[(&str, &str)], prompt: &str) {
    let Some(path) = installed(shell) else { return };
    let home = Home::with(files);
    let mut terminal = home.open(&path, "prod/S3Reader");
    let expected = format!("(xsw prod/S3Reader) {}", prompt.trim_end());
    assert_eq!(see_prompt(&terminal, prompt), expected);
    std::fs::write(home.0.path().join("show"), SHOW_ENV).unwrap();
    terminal.send("sh ./show\r");
    let text = terminal.see(SHOWN_ENV);
    assert_eq!(see_prompt(&terminal, prompt), expected, "{text}");
    terminal.send("\r");
    terminal.send("clear\r");
    terminal.until("an empty screen", |text| text.trim().lines().count() == 1 && timeless(text.trim()) == expected);
    terminal.send("exit 7\r");
    assert_eq!(terminal.ended(), 7);
}

#[test]
fn bash_shows_the_marker_in_front_of_the_prompt_of_bashrc() {
    marked_once("bash", &[(".bashrc", &format!("PS1='mine> '\n{RC_ENV}"))], "mine> ");
}

#[test]
fn bash_shows_it_when_a_prompt_command_writes_ps1_each_time() {
    for prompt_command in [
        "PROMPT_COMMAND='PS1=\"again> \"'",
        "PROMPT_COMMAND='PS1=\"again> \";'",
        "PROMPT_COMMAND=('PS1=\"no> \"' 'PS1=\"again> \"')",
        "export PROMPT_COMMAND='PS1=\"again> \"'",
        "shopt -u promptvars; PROMPT_COMMAND='PS1=\"again> \"'",
        "set -u; unset PROMPT_COMMAND; PS1='again> '",
        "alias local=false unset=false export=false; PS1='again> '",
    ] {
        marked_once("bash", &[(".bashrc", &format!("{prompt_command}\n{RC_ENV}"))], "again> ");
    }
}

#[test]
fn bash_keeps_what_a_prompt_command_puts_in_front_of_ps1() {
    marked_once(
        "bash",
        &[(".bashrc", "PS1='mine> '\nPROMPT_COMMAND='PS1=\"(venv) ${PS1#(venv) }\"'\n")],
        "(venv) mine> ",
    );
}

#[test]
fn bash_reads_the_login_files_of_somebody_without_a_bashrc() {
    marked_once("bash", &[(".bash_profile", &format!("PS1='login> '\n{RC_ENV}"))], "login> ");
}

#[test]
fn a_bash_in_the_subshell_does_not_complain_of_an_exported_prompt_command() {
    let Some(bash) = installed("bash") else { return };
    let home = Home::with(&[(".bashrc", "export PS1='mine> ' PROMPT_COMMAND=:\n")]);
    let mut terminal = home.open(&bash, "prod/S3Reader");
    see_prompt(&terminal, "mine> ");
    terminal.send("bash --norc\r");
    terminal.until("the inner prompt", |text| last_line(text) == "mine>");
    assert!(!terminal.text().contains("not found"), "{}", terminal.text());
}

#[test]
fn zsh_shows_the_marker_in_front_of_the_prompt_of_zshrc() {
    marked_once("zsh", &[(".zshrc", &format!("PS1='mine> '\n{RC_ENV}"))], "mine> ");
}

#[test]
fn zsh_shows_it_whatever_the_rc_files_do_to_the_prompt() {
    for rc in [
        "precmd() { PS1='again> ' }",
        "autoload -Uz add-zsh-hook; theme() { PROMPT='again> ' }; add-zsh-hook precmd theme",
        "precmd_functions=(); PS1='again> '",
        "theme() { PS1='again> '; setopt promptsubst }; precmd_functions=(theme)",
        "setopt promptsubst; PS1='${:-again}> '",
        "setopt ksharrays shwordsplit nounset noequals globsubst; PS1='again> '",
        "unsetopt promptpercent; PS1='again> '",
    ] {
        marked_once("zsh", &[(".zshrc", &format!("{rc}\n{RC_ENV}"))], "again> ");
    }
}

#[test]
fn zsh_finds_its_files_and_its_history_where_they_always_are() {
    let Some(zsh) = installed("zsh") else { return };
    let files = [
        (".zshenv", "export ZDOTDIR=$HOME/.config/zsh\nFROM_ENV=yes\n"),
        (".config/zsh/.zshrc", "HISTFILE=${ZDOTDIR:-$HOME}/.zsh_history SAVEHIST=10\nPS1=\"$FROM_ENV> \"\n"),
    ];
    let home = Home::with(&files);
    let mut terminal = home.open(&zsh, "prod/S3Reader");
    assert_eq!(see_prompt(&terminal, "yes> "), "(xsw prod/S3Reader) yes>");
    terminal.send("print -r -- \"<${ZDOTDIR#$HOME}>\" $+XSW_ZDOTDIR\r");
    terminal.see("</.config/zsh> 0");
    terminal.send("exit\r");
    assert_eq!(terminal.ended(), 0);
    assert!(home.holds(".config/zsh/.zsh_history"));

    // Without one it is the home folder, and ZDOTDIR is not left behind; with one from outside it is that.
    let home = Home::with(&[(".zshrc", "PS1='home> '\n"), ("dots/.zshrc", "PS1='dots> '\n")]);
    let mut terminal = home.open(&zsh, "prod/S3Reader");
    see_prompt(&terminal, "home> ");
    terminal.send("print -r -- \"<${ZDOTDIR-none}>\"\r");
    terminal.see("<none>");
    let dots = home.0.path().join("dots");
    let terminal = subshell(&zsh, home.0.path(), "prod/S3Reader", LONG, &[("ZDOTDIR", dots.as_os_str())]);
    assert_eq!(see_prompt(&terminal, "dots> "), "(xsw prod/S3Reader) dots>");
}

#[test]
fn fish_shows_the_marker_in_front_of_fish_prompt() {
    let env = "set -gx AWS_PROFILE other\nset -gx AWS_ACCESS_KEY_ID AKIAOTHER\nset -e AWS_SESSION_TOKEN\n";
    let config = |text: &str| format!("set -g fish_greeting\n{text}\n{env}");
    let function = "function fish_prompt; echo -n 'mine> '; end";
    marked_once("fish", &[(".config/fish/config.fish", &config(function))], "mine> ");
    marked_once(
        "fish",
        &[(".config/fish/config.fish", &config("")), (".config/fish/functions/fish_prompt.fish", function)],
        "mine> ",
    );
}

#[test]
fn fish_says_which_universal_variable_it_cannot_hide_and_the_keys_hold_against_one() {
    let Some(fish) = installed("fish") else { return };
    let config = "set -g fish_greeting\nset -Ux AWS_PROFILE other\nset -Ux AWS_ACCESS_KEY_ID AKIAOTHER\n\
                  function fish_prompt; echo -n 'mine> '; end\n";
    let home = Home::with(&[(".config/fish/config.fish", config)]);
    let mut terminal = home.open(&fish, "prod/S3Reader");
    see_prompt(&terminal, "mine> ");
    let warnings = terminal.text().matches("is a universal variable").count();
    assert_eq!(warnings, 1, "{}", terminal.text());
    terminal.see("set -eU AWS_PROFILE");
    terminal.send("env | grep ^AWS_ACCESS_KEY_ID\r");
    terminal.see("AWS_ACCESS_KEY_ID=ASIAEXAMPLE");
}

#[test]
fn fish_tells_its_prompt_the_status_of_the_last_command() {
    let Some(fish) = installed("fish") else { return };
    let prompt = "set -g fish_greeting\nfunction fish_prompt; echo -n \"$status:$pipestatus\"; echo -n '> '; end";
    let home = Home::with(&[(".config/fish/config.fish", prompt)]);
    let mut terminal = home.open(&fish, "prod/S3Reader");
    see_prompt(&terminal, "> ");
    terminal.send("false | true | sh -c 'exit 3'\r");
    assert_eq!(see_prompt(&terminal, "3:1 0 3> "), "(xsw prod/S3Reader) 3:1 0 3>");
}

#[test]
fn sh_shows_the_marker_and_another_shell_has_the_session_at_least() {
    marked_once("dash", &[], if rustix::process::geteuid().is_root() { "# " } else { "$ " });
}

/// Account and role names are strangers' text.
#[test]
fn hostile_names_are_shown_and_not_run() {
    let names = [
        "$(touch pwned)",
        "`touch pwned`",
        "%F{red}`touch pwned`%n ${HOME} !!",
        r"\$(touch pwned) \u\h \[",
        "';touch pwned;'",
        "\";touch pwned;\"",
        "(touch pwned)",
        "${(e):-$(touch pwned)} %{a%} %(?.y.n)",
        "a\x1b]0;t\x07\r\nb",
        "& .* / ${__xsw_marker-}",
    ];
    for (shell, rc, texts) in [
        ("bash", ".bashrc", &["PS1='mine> '", "shopt -u promptvars; PS1='mine> '"][..]),
        (
            "zsh",
            ".zshrc",
            &["PS1='mine> '", "setopt promptsubst promptbang; PS1='mine> '", "unsetopt promptpercent; PS1='mine> '"],
        ),
        ("fish", ".config/fish/config.fish", &["function fish_prompt; echo -n 'mine> '; end"]),
        ("dash", ".none", &["mine> "]),
    ] {
        let Some(path) = installed(shell) else { continue };
        for text in texts {
            let home = Home::with(&[(rc, text)]);
            for name in names {
                let mut terminal = subshell(&path, home.0.path(), name, LONG, &[("PS1", OsStr::new("mine> "))]);
                let shown = xsw::domain::text::escaped(name);
                for _ in 0..2 {
                    assert_eq!(see_prompt(&terminal, "mine> "), format!("(xsw {shown}) mine>"), "{shell}: {text}");
                    terminal.send("clear\r");
                    terminal.until("a cleared screen", |text| text.trim().lines().count() == 1);
                }
                terminal.send("exit\r");
                assert_eq!(terminal.ended(), 0);
                assert!(!home.holds("pwned"), "{shell} ran {name:?}");
            }
        }
    }
}

#[test]
fn the_prompt_warns_when_the_session_ends_soon() {
    for (shell, rc, text) in [
        ("bash", ".bashrc", "PS1='mine> '"),
        ("zsh", ".zshrc", "PS1='mine> '"),
        ("fish", ".config/fish/config.fish", "function fish_prompt; echo -n 'mine> '; end"),
    ] {
        let Some(path) = installed(shell) else { continue };
        let home = Home::with(&[(rc, text)]);
        for (seconds, warning) in [
            (7345, " 2 h 2 min"),
            (3630, " 60 min"),
            (330, " 5 min"),
            (290, ": 4 min left"),
            (50, ": under 1 min left"),
            (-1, ": session ended"),
        ] {
            let terminal = subshell(&path, home.0.path(), "prod/S3Reader", seconds, &[]);
            assert_eq!(see_prompt(&terminal, "mine> "), format!("(xsw prod/S3Reader{warning}) mine>"), "{shell}");
        }
    }
}

/// `eval "$(xsw env …)"` in a subshell: the marker must not go on naming the role that was before.
#[test]
fn the_marker_follows_a_session_that_is_changed_in_the_subshell() {
    let mut other = ChildEnv::default();
    other.set("XSW_ROLE", "audit/$(touch pwned)\x07");
    other.set("XSW_SESSION_EXPIRES_AT", (Timestamp::now().as_second() + 1830).to_string());
    for (shell, rc, text, format) in [
        ("bash", ".bashrc", "PS1='mine> '", Format::Sh),
        ("zsh", ".zshrc", "setopt promptsubst; PS1='mine> '", Format::Sh),
        ("fish", ".config/fish/config.fish", "function fish_prompt; echo -n 'mine> '; end", Format::Fish),
    ] {
        let Some(path) = installed(shell) else { continue };
        let other = render(&other, format).unwrap();
        let home = Home::with(&[(rc, text), ("other", &other), ("back", &render(&unset_env(), format).unwrap())]);
        let mut terminal = subshell(&path, home.0.path(), "prod/S3Reader", 250, &[]);
        assert_eq!(see_prompt(&terminal, "mine> "), "(xsw prod/S3Reader: 4 min left) mine>", "{shell}");
        terminal.send("source ./other; clear\r");
        terminal.until("the other role", |text| text.trim() == "(xsw audit/$(touch pwned)? 30 min) mine>");
        terminal.send("source ./back; clear\r");
        terminal.until("no marker", |text| text.trim() == "mine>");
        assert!(!home.holds("pwned"), "{shell}");
    }
}

/// A subshell in a subshell names the inner role alone, and the outer one again afterwards.
#[test]
fn a_subshell_in_a_subshell_replaces_the_marker() {
    let again = "XSW_TEST_LABEL=dev/Admin \"$XSW_TEST_EXE\" --exact as_xsw_shell --nocapture --test-threads=1 -q\r";
    for (shell, rc, text) in [
        ("bash", ".bashrc", "export PS1='mine> '"),
        ("zsh", ".zshrc", "export PS1='mine> '"),
        ("fish", ".config/fish/config.fish", "function fish_prompt; echo -n 'mine> '; end"),
        ("dash", ".none", ""),
    ] {
        let Some(path) = installed(shell) else { continue };
        let home = Home::with(&[(rc, text)]);
        let mut terminal = subshell(&path, home.0.path(), "prod/S3Reader", LONG, &[("PS1", OsStr::new("mine> "))]);
        assert_eq!(see_prompt(&terminal, "mine> "), "(xsw prod/S3Reader) mine>", "{shell}");
        terminal.send(again);
        terminal.until("the inner prompt", |text| last_line(text) == "(xsw dev/Admin) mine>");
        terminal.send("exit\r");
        terminal.until("the outer prompt", |text| last_line(text) == "(xsw prod/S3Reader) mine>");
        terminal.send("exit\r");
        assert_eq!(terminal.ended(), 0, "{shell}");
    }
}

#[test]
fn ctrl_c_is_the_childs_and_a_signal_that_ends_it_is_told() {
    for (shell, rc, text) in [
        ("bash", ".bashrc", "PS1='mine> '"),
        ("zsh", ".zshrc", "PS1='mine> '"),
        ("fish", ".config/fish/config.fish", "function fish_prompt; echo -n 'mine> '; end"),
        // No job control: it shares its process group with us, and a Ctrl-C goes to both.
        ("dash", ".none", ""),
    ] {
        let Some(path) = installed(shell) else { continue };
        let home = Home::with(&[(rc, text)]);
        let mut terminal = subshell(&path, home.0.path(), "prod/S3Reader", LONG, &[("PS1", OsStr::new("mine> "))]);
        see_prompt(&terminal, "mine> ");
        if shell == "dash" {
            terminal.send("set +m; clear\r");
            terminal.until("a cleared screen", |text| timeless(text.trim()) == "(xsw prod/S3Reader) mine>");
        }
        terminal.send("echo started; sleep 600\r");
        terminal.until("the sleep", |text| text.lines().any(|line| line == "started"));
        std::thread::sleep(Duration::from_millis(200));
        terminal.send("\x03");
        terminal.until("a prompt again", |text| last_line(text).ends_with("(xsw prod/S3Reader) mine>"));
        terminal.send("sh -c 'kill -KILL $PPID'\r");
        terminal.see("xsw lives, its child ended with 137");
        assert_eq!(terminal.ended(), 137, "{shell}");
    }
}

#[test]
fn sigterm_and_sighup_go_to_the_child() {
    use std::os::unix::fs::PermissionsExt as _;
    // An interactive shell ignores SIGTERM, so this is one that does not.
    let home = Home::with(&[(
        "shell",
        "#!/bin/sh\ntrap 'exit 8' TERM\ntrap 'exit 9' HUP\necho ready\nwhile :; do sleep 0.05; done\n",
    )]);
    let shell = home.0.path().join("shell");
    std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o700)).unwrap();
    for (signal, code) in [(rustix::process::Signal::TERM, 8), (rustix::process::Signal::HUP, 9)] {
        let terminal = home.open(&shell, "prod/S3Reader");
        terminal.see("ready");
        terminal.signal(signal);
        terminal.see(&format!("xsw lives, its child ended with {code}"));
        assert_eq!(terminal.ended(), code);
    }
}

/// Those of ours; fish has one of its own there.
fn rc_folders(tmp: &Path) -> impl Iterator<Item = std::fs::DirEntry> {
    let ours = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().starts_with("xsw-shell-");
    std::fs::read_dir(tmp).unwrap().map(Result::unwrap).filter(ours)
}

#[test]
fn nothing_breaks_when_the_rc_folder_is_gone_and_none_is_left_behind() {
    for (shell, rc, text) in [
        ("bash", ".bashrc", "PS1='mine> '"),
        ("zsh", ".zshrc", "PS1='mine> '"),
        ("fish", ".config/fish/config.fish", "function fish_prompt; echo -n 'mine> '; end"),
    ] {
        let Some(path) = installed(shell) else { continue };
        for remove in [false, true] {
            let home = Home::with(&[(rc, text), ("tmp/here", "")]);
            let tmp = home.0.path().join("tmp");
            let left = || rc_folders(&tmp).count();
            let mut terminal = subshell(&path, home.0.path(), "prod/S3Reader", LONG, &[("TMPDIR", tmp.as_os_str())]);
            see_prompt(&terminal, "mine> ");
            assert_eq!(left(), 1);
            if remove {
                terminal.send("rm -r \"$TMPDIR\"/xsw-*; clear\r");
                terminal.until("a cleared screen", |text| timeless(text.trim()) == "(xsw prod/S3Reader) mine>");
            }
            terminal.send("exit 3\r");
            assert_eq!(terminal.ended(), 3, "{shell}");
            assert_eq!(left(), 0, "{shell}");
        }
    }
}

/// Without a terminal (`xsw shell ROLE < script`) the shell reads no rc file of the user's, and has the session all the same.
#[test]
fn a_shell_without_a_terminal_holds_the_session_too() {
    for shell in ["bash", "zsh", "fish", "dash"] {
        let Some(path) = installed(shell) else { continue };
        let home = Home::with(&[(".zshenv", "export AWS_PROFILE=other AWS_ACCESS_KEY_ID=AKIAOTHER\n")]);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "as_xsw_shell", "--nocapture", "--test-threads=1", "-q"])
            .envs([("HOME", home.0.path().as_os_str()), ("SHELL", path.as_os_str())])
            .envs([("XSW_TEST_LABEL", "prod/S3Reader"), ("XSW_TEST_SECONDS", "37830"), ("AWS_PROFILE", "personal")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let script = "env | grep -e ^AWS_PROFILE -e ^AWS_ACCESS_KEY_ID\nexit 5\n";
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            printed.contains("AWS_ACCESS_KEY_ID=ASIAEXAMPLE\n") && !printed.contains("AWS_PROFILE"),
            "{shell}: {printed}"
        );
        assert_eq!(output.status.code(), Some(5), "{shell}");
    }
}

/// Neither the arguments of the child nor a file of ours holds what only the environment may.
#[test]
fn no_secret_is_in_the_arguments_or_the_rc_files() {
    for shell in ["bash", "zsh", "fish"] {
        let Some(path) = installed(shell) else { continue };
        let home = Home::with(&[("tmp/here", "")]);
        let tmp = home.0.path().join("tmp");
        let mut terminal = subshell(&path, home.0.path(), "prod/S3Reader", LONG, &[("TMPDIR", tmp.as_os_str())]);
        terminal.until("a marker", |text| last_line(text).starts_with("(xsw prod/S3Reader) "));
        if cfg!(target_os = "linux") {
            terminal.send("clear; sh -c 'tr \\\\0 _ < /proc/$PPID/cmdline; echo; echo do\"\"ne'\r");
            let text = terminal.see("done");
            assert!(text.contains(shell) && !text.contains("very-"), "{text}");
        }
        let mut read = Vec::<OsString>::new();
        for folder in rc_folders(&tmp) {
            for file in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
                assert!(!std::fs::read_to_string(file.path()).unwrap().contains("very-"), "{shell}");
                read.push(file.file_name());
            }
        }
        assert_eq!(read.len(), 1, "{shell}: {read:?}");
    }
}
