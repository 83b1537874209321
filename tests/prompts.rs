//! The verbs' questions in a pseudo-terminal: they go to the controlling terminal, whatever stdin and stdout are.
#![cfg(all(unix, feature = "demo"))]

#[path = "pty/home.rs"]
mod home;
#[path = "pty/terminal.rs"]
mod terminal;

use home::Home;
use terminal::Terminal;

const SERIAL: &str = "arn:aws:iam::111111111111:mfa/me";

/// A line of shell in a terminal, in which `xsw` is the real one.
fn line(home: &Home, line: &str) -> Terminal {
    let mut command = home.command(&["sh", "-c", line]);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_xsw")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).unwrap());
    Terminal::open(command, (100, 24))
}

#[test]
fn a_code_is_asked_for_although_stdin_and_stdout_are_no_terminals() {
    let home = Home::demo();
    let settings = "stty -g > before; xsw env admin < /dev/null > settings; status=$?; stty -g > after; exit $status";
    let mut terminal = line(&home, settings);
    terminal.see(&format!("MFA code of {SERIAL} for prod/Admin: "));
    let code = home.cloud().mfa_code(SERIAL).unwrap();
    // A mistyped one, one that is wrong, and the right one.
    terminal.send("12345\r");
    terminal.see("A code is six digits.");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    terminal.send(&format!("{wrong}\r"));
    terminal.see("AWS did not take that code");
    terminal.send(&format!("{}\r", wrong));
    terminal.see("That code was sent already");
    terminal.send(&format!("{} {}\r", &code[..3], &code[3..]));
    let shown = terminal.text();
    assert_eq!(terminal.ended(), 0);
    assert!(!shown.contains(&code), "a code is not shown: {shown}");
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    assert!(read("settings").contains("AWS_SESSION_TOKEN"));
    assert_eq!(read("before"), read("after"));
    assert_eq!(home.cloud().calls("sts:GetSessionToken"), 2);
}

/// Whoever is first asks; the others wait and use what it got.
#[test]
fn two_at_once_ask_once() {
    let home = Home::demo();
    let mut terminal = line(&home, "xsw env admin > one & xsw env admin > two & wait; cmp one two && echo same");
    terminal.see("MFA code of");
    let code = home.cloud().mfa_code(SERIAL).unwrap();
    terminal.send(&format!("{code}\r"));
    terminal.see("same");
    assert_eq!(terminal.text().matches("MFA code of").count(), 1);
    assert_eq!((home.cloud().calls("sts:GetSessionToken"), home.cloud().calls("sts:AssumeRole")), (1, 1));
}

/// A question that stands holds up nobody who has a session to go on with.
#[test]
fn while_somebody_is_asked_a_session_that_lives_is_handed_out() {
    let home = Home::demo();
    let code = home.cloud().mfa_code(SERIAL).unwrap();
    assert_eq!(line(&home, &format!("xsw env admin --mfa-code {code} > first")).ended(), 0);
    // Of the hour three minutes are left, and what the code was given for has gone.
    let folder = home.profile_file().with_file_name("state").join("sessions");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        if !text.contains("assumed-role") {
            std::fs::remove_file(&file).unwrap();
            continue;
        }
        let mut stored: serde_json::Value = serde_json::from_str(&text).unwrap();
        let now = jiff::Timestamp::now();
        stored["issued"] = (now - std::time::Duration::from_secs(3420)).to_string().into();
        stored["expiration"] = (now + std::time::Duration::from_secs(180)).to_string().into();
        std::fs::write(&file, stored.to_string()).unwrap();
    }
    let mut asked = line(&home, "xsw env admin > second");
    asked.see("MFA code of");
    let start = std::time::Instant::now();
    let other = line(&home, "setsid -w xsw credential-process admin > third; cut -c1-60 first; cat third");
    other.see("AccessKeyId");
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    let read = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    let key = read("first").split('\'').nth(1).unwrap().to_owned();
    assert!(read("third").contains(&key), "{key}");
    asked.send("\r");
    assert_eq!(asked.ended(), 130);
}

#[test]
fn a_guarded_account_wants_its_name() {
    let home = Home::demo();
    let text = std::fs::read_to_string(home.profile_file()).unwrap();
    let guarded = text.replace("name = \"prod\"\n", "name = \"prod\"\nconfirm = true\n");
    std::fs::write(home.profile_file(), guarded).unwrap();
    for (words, answer, status) in [
        ("exec reader -- true", "prod", 0),
        ("env reader", "prod", 0),
        ("exec reader -- true", "hub", 2),
        ("shell reader", "", 2),
    ] {
        let mut terminal = line(&home, &format!("xsw {words} > /dev/null"));
        terminal.see("prod/S3Reader is guarded (222222222222, production). Type the account's name, prod, to go on: ");
        terminal.send(&format!("{answer}\r"));
        if status != 0 {
            terminal.see("that is not prod: nothing was done");
        }
        assert_eq!(terminal.ended(), status, "{words} {answer}");
    }
    assert_eq!(line(&home, "xsw exec reader --yes -- true").ended(), 0);
    // Other accounts are not guarded.
    assert_eq!(line(&home, "xsw exec hub/Jump -- true").ended(), 0);
}

/// `xsw import` overwrites a profile file when the person says so, and the old one is kept.
#[test]
fn an_import_asks_before_it_overwrites() {
    let home = Home::demo();
    let file = home.path().join("mine.toml");
    let config = home.path().join("aws-config");
    std::fs::write(
        &config,
        "[profile x]\nrole_arn = arn:aws:iam::222222222222:role/X\nsource_profile = demo\n[profile demo]\n",
    )
    .unwrap();
    std::fs::write(&file, "# mine\n").unwrap();
    let words = format!("AWS_CONFIG_FILE={} xsw import -o mine.toml < /dev/null > /dev/null", config.display());
    for (answer, status) in [("no", 130), ("", 130), ("yes", 0)] {
        let mut terminal = line(&home, &format!("cd {} && {words}", home.path().display()));
        terminal.see("mine.toml is there already. Overwrite it? Type yes: ");
        terminal.send(&format!("{answer}\r"));
        assert_eq!(terminal.ended(), status, "{answer}");
        let kept = file.with_extension("toml.bak");
        assert_eq!(kept.exists(), status == 0);
        assert_eq!(std::fs::read_to_string(&file).unwrap() == "# mine\n", status != 0);
    }
}

/// In the demo's subshell nobody else knows the code.
#[test]
fn the_demo_shows_its_code_in_its_subshell_too() {
    let home = Home::demo();
    let mut terminal = line(&home, "xsw demo exec dev -- xsw whoami admin");
    let shown = terminal.see("(the demo's device shows ");
    let code: String =
        shown.split("device shows ").nth(1).unwrap().chars().filter(char::is_ascii_digit).take(6).collect();
    terminal.send(&format!("{code}\r"));
    terminal.see("assumed-role/Admin/");
    assert_eq!(terminal.ended(), 0);
}
