//! Completions in the real shells, and what a Tab costs.
//!
//! A shell that is not installed is skipped with a word on stderr; with XSW_TEST_ALL_SHELLS=1 it is a failure.
#![cfg(unix)]

#[path = "common/home.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod home;
#[path = "common/installed.rs"]
mod installed;
#[path = "pty/terminal.rs"]
mod terminal;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use home::{Home, PROFILE_FILE, STATE, run};
use installed::installed;
use portable_pty::CommandBuilder;
use terminal::Terminal;

/// Names with everything that a shell takes for itself.
const ODD: [&str; 6] = ["my acc", "it's", "a$HOME`x`", "back\\slash\"quote", "star*?[x]{a,b}", "café;&|<>(#)~!"];

fn profile() -> String {
    let mut text = "[sources.corp]\nprofile = \"default\"\n".to_owned();
    let accounts = ["prod", "prod-eu"].iter().chain(&ODD);
    for (number, name) in accounts.enumerate() {
        let name = toml::Value::String((*name).to_owned());
        _ = write!(text, "[[accounts]]\nname = {name}\nid = \"{:012}\"\nsource = \"corp\"\n", number + 1);
        text += "[[accounts.roles]]\nname = \"S3Reader@x=1\"\nbuckets = [\"s3://data/in/\"]\n";
    }
    text
}

fn home() -> Home {
    let home = Home::new();
    home.write(PROFILE_FILE, profile());
    home
}

/// PATH with the real xsw in front.
fn path() -> std::ffi::OsString {
    let folder = Path::new(env!("CARGO_BIN_EXE_xsw")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).unwrap()
}

fn script(home: &Home, shell: &str, line: &str) -> String {
    let mut command = home.command(installed(shell).unwrap());
    command.env("PATH", path()).arg("-c").arg(line);
    let said = run(command);
    assert_eq!(said.err, "", "{line}");
    said.out
}

/// What bash would have for the last word of `line`, which it has taken apart to `last`.
fn in_bash(home: &Home, line: &str, last: &str) -> Vec<String> {
    let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let script = script(
        home,
        "bash",
        &format!(
            "eval \"$(xsw completions bash)\"; COMP_LINE={}; COMP_POINT=${{#COMP_LINE}}; _xsw xsw {} ''; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            quote(line),
            quote(last)
        ),
    );
    script.lines().map(str::to_owned).collect()
}

#[test]
fn bash_is_answered_in_its_own_words() {
    if installed("bash").is_none() {
        return;
    }
    let home = home();
    assert_eq!(in_bash(&home, "xsw shell prod-", "prod-"), ["prod-eu/S3Reader@x=1"]);
    assert_eq!(in_bash(&home, "xsw shell prod/S3Reader@", ""), ["x=1"]);
    assert_eq!(in_bash(&home, "xsw ls s3://d", "//d"), ["//data/in/"]);
    assert_eq!(in_bash(&home, "xsw com", "com"), ["completions"]);
    assert!(in_bash(&home, "xsw ", "").contains(&"credential-process".to_owned()));
    // What it is given, it reads back as the very name.
    let words = in_bash(&home, "xsw shell ", "");
    let back = script(&home, "bash", &format!("printf '%s\\n' {}", words.join(" ")));
    let names: Vec<String> =
        ["prod", "prod-eu"].iter().chain(&ODD).map(|name| format!("{name}/S3Reader@x=1")).collect();
    assert_eq!(back.lines().collect::<Vec<_>>(), names);
}

/// A shell in a terminal, its completions loaded.
fn interactive(home: &Home, shell: &str, args: &[&str], load: &str) -> Option<Terminal> {
    let mut command = CommandBuilder::new(installed(shell)?);
    command.args(args);
    command.env_clear();
    for (name, value) in [("TERM", "xterm"), ("LC_ALL", "C.UTF-8"), ("PS1", "$ "), ("USER", "me")] {
        command.env(name, value);
    }
    command.env("PATH", path());
    command.env("HOME", home.path(""));
    command.cwd(home.path(""));
    let mut terminal = Terminal::open(command, (160, 40));
    terminal.send(&format!("{load}; echo rea''dy\r"));
    terminal.see("ready");
    Some(terminal)
}

/// Types the beginning of a name in the shell's quotes, presses Tab, and lets the shell print the word that it has.
fn tab(shell: &str, args: &[&str], load: &str, typed: &[(&str, &str)]) {
    let home = home();
    // In place of a subshell: it says which role it was called with.
    let Some(mut terminal) = interactive(&home, shell, args, load) else { return };
    for (number, (typed, word)) in typed.iter().enumerate() {
        // The command is there for its completion; what runs is printf.
        terminal.send(&format!("xsw shell {typed}\t"));
        // The word is there when its end is.
        terminal.until(&format!("{word} in {shell}"), |text| {
            text.trim_end().lines().last().is_some_and(|line| line.contains("S3Reader@x=1"))
        });
        terminal.send("\x01printf '<%s>' '' ");
        let file = format!("out{number}");
        terminal.send(&format!("\x05 >{file}; echo don''e{number}\r"));
        terminal.see(&format!("done{number}"));
        let printed = String::from_utf8(home.read(&file)).unwrap();
        assert_eq!(printed, format!("<><xsw><shell><{word}/S3Reader@x=1>"), "{shell}: {typed}");
    }
}

const TYPED: [(&str, &str); 7] = [
    ("prod-", "prod-eu"),
    ("my", "my acc"),
    ("'it", "it's"),
    ("\"a", "a$HOME`x`"),
    ("back", "back\\slash\"quote"),
    ("star", "star*?[x]{a,b}"),
    ("caf", "café;&|<>(#)~!"),
];

#[test]
fn tab_in_bash() {
    // An apostrophe within apostrophes is nothing that bash itself can close.
    let typed: Vec<_> = TYPED.into_iter().map(|(typed, word)| (typed.trim_start_matches('\''), word)).collect();
    tab("bash", &["--norc", "-i"], "eval \"$(xsw completions bash)\"", &typed);
}

#[test]
fn tab_in_zsh() {
    let load = "autoload -Uz compinit; compinit -u -D; bindkey -e; unsetopt prompt_sp; eval \"$(xsw completions zsh)\"";
    tab("zsh", &["-f", "-i"], load, &TYPED);
}

#[test]
fn fish_completes_roles_sources_and_verbs() {
    if installed("fish").is_none() {
        return;
    }
    let home = home();
    let complete = |line: &str| {
        let line = line.replace('\\', r"\\").replace('\'', r"\'");
        script(&home, "fish", &format!("xsw completions fish | source; complete -C '{line}'"))
    };
    assert_eq!(complete("xsw shell prod-"), "prod-eu/S3Reader@x=1\t000000000002\n");
    assert_eq!(complete("xsw ls --as prod/ s3://d"), "s3://data/in/\n");
    assert_eq!(complete("xsw whoami --source c"), "corp\n");
    assert!(complete("xsw cred").starts_with("credential-process\tA role's session"), "{}", complete("xsw cred"));
    // fish quotes what it is given by itself.
    for (typed, word) in [("my", "my acc"), ("'my a", "my acc"), (r"my\ a", "my acc"), ("it", "it's")] {
        assert!(complete(&format!("xsw shell {typed}")).contains(&format!("{word}/S3Reader")), "{typed}");
    }
}

#[test]
fn powershell_gets_a_script_and_answers() {
    let home = home();
    let script = run(home.xsw(["completions", "powershell"])).done();
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName xsw"), "{script}");
    let mut command = home.xsw(["--", "xsw", "shell", "=prod-"]);
    command.env("COMPLETE", "powershell");
    assert_eq!(run(command).done(), "prod-eu/S3Reader@x=1\t000000000002\n");
}

#[test]
fn a_tab_writes_nothing_and_says_no_error() {
    let home = Home::new();
    let large = |accounts: usize| {
        let mut text = "[sources.corp]\nprofile = \"default\"\n".to_owned();
        for account in 0..accounts {
            _ = write!(text, "[[accounts]]\nname = \"acc{account:03}\"\nid = \"{account:012}\"\nsource = \"corp\"\n");
            for role in 0..10 {
                _ = write!(text, "[[accounts.roles]]\nname = \"Role{role}\"\nalias = \"a{account}r{role}\"\n");
            }
        }
        text
    };
    let ask = |words: &[&str]| {
        let mut command = home.xsw(["--", "xsw"].iter().chain(words));
        command.env("COMPLETE", "fish");
        let said = run(command);
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{said:?}");
        said.out
    };
    for text in ["[[accounts]]\nnonsense".to_owned(), String::new()] {
        home.write(PROFILE_FILE, text);
        assert_eq!(ask(&["shell", "p"]), "");
    }
    home.write(PROFILE_FILE, large(500));
    let since = Instant::now();
    assert_eq!(ask(&["shell", "acc499/Role9"]), "acc499/Role9\t000000000499\n");
    _ = writeln!(std::io::stderr(), "a Tab over 5,000 roles: {:?}", since.elapsed());
    assert_eq!(ask(&["shell", ""]).lines().count(), 10_000);
    assert!(!home.holds(STATE), "{:?}", home.files(STATE));
    // One whose words are not those of a shell's Tab runs as usual.
    let mut command = home.xsw(["--version"]);
    command.env("COMPLETE", "bash");
    assert!(run(command).done().starts_with("xsw "));
}

/// Where there is no profile file, the role profiles of the AWS CLI stand in.
#[test]
fn the_aws_clis_profiles_are_completed_too() {
    let home = Home::new();
    home.write(
        ".aws/config",
        "[profile me]\nregion = eu-west-1\n[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/Dev\nsource_profile = me\n",
    );
    home.write(".aws/credentials", "[me]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n");
    let mut command = home.xsw(["--", "xsw", "shell", "d"]);
    command.env("COMPLETE", "zsh");
    let said = run(command);
    assert!(said.out.starts_with("dev"), "{said:?}");
}
