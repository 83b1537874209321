//! The verbs with a person before them, in a pseudo-terminal: what `xsw get` asks, and what of a stranger's keys
//! reaches the terminal.
#![cfg(all(unix, feature = "demo"))]

#[path = "pty/home.rs"]
mod home;
#[path = "pty/terminal.rs"]
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use home::Home;
use terminal::{DEADLINE, Terminal};
use xsw::demo::{Fault, Object};

const SERIAL: &str = "arn:aws:iam::111111111111:mfa/me";
const MIB: u64 = 1 << 20;

/// A line of shell in a wide terminal, in which `xsw` is the real one.
fn line(home: &Home, line: &str) -> Terminal {
    let mut command = home.command(&["bash", "-c", line]);
    let folder = Path::new(env!("CARGO_BIN_EXE_xsw")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).unwrap());
    Terminal::open(command, (200, 60))
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < 2 * DEADLINE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

// --- questions -------------------------------------------------------------------------------------------------------

/// Six files that are there and differ from their objects.
fn six(home: &Home) {
    _ = fs::remove_dir_all(home.path().join("out"));
    fs::create_dir(home.path().join("out")).unwrap();
    for name in ["1", "2", "3", "4", "5", "6"] {
        home.cloud().put_object("hub-artifacts", &format!("six/{name}"), Object::new(format!("theirs {name}")));
        fs::write(home.path().join("out").join(name), "mine").unwrap();
    }
}

fn texts(home: &Home) -> BTreeMap<String, String> {
    let entries = fs::read_dir(home.path().join("out")).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

const QUESTION: &str = "skip, overwrite, rename? [s/o/r, S/O/R for all, Ctrl-C stops] ";

/// Waits for the `number`th question and says which file it is about.
fn asked(terminal: &Terminal, number: usize) -> String {
    let text = terminal.until(&format!("question {number}"), |text| text.matches(QUESTION.trim()).count() == number);
    let before = text.rsplit_once(QUESTION.trim()).unwrap().0;
    let (_, about) = before.rsplit_once("out/").unwrap();
    let (name, differs) = about.split_once(" is there and differs: it is ").unwrap();
    // How large both are, and from when.
    let differs: String = differs.split_whitespace().collect::<Vec<_>>().join(" ");
    let object = differs.split_once(", the object 8 B of 20");
    assert!(object.is_some_and(|(mine, _)| mine.starts_with("4 B of 20")), "{differs}");
    name.to_owned()
}

#[test]
fn files_that_differ_are_asked_about_one_by_one_or_all_at_once() {
    let home = Home::demo();
    six(&home);
    let mut terminal = line(&home, "xsw get -r s3://hub-artifacts/six/ out --as dev");
    let mut expected: BTreeMap<String, String> =
        (1..=6).map(|number| (number.to_string(), format!("theirs {number}"))).collect();
    let first = asked(&terminal, 1);
    terminal.send("what?\r");
    assert_eq!(asked(&terminal, 2), first, "no answer is none");
    terminal.send("s\r");
    expected.insert(first.clone(), "mine".into());
    let second = asked(&terminal, 3);
    terminal.send("o\r");
    let third = asked(&terminal, 4);
    terminal.send("rename\r");
    expected.insert(third.clone(), "mine".into());
    expected.insert(format!("{third} (2)"), format!("theirs {third}"));
    let fourth = asked(&terminal, 5);
    assert_eq!([&first, &second, &third, &fourth].into_iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    terminal.send("O\r");
    terminal.see("note: 5 objects written, 40 B; 1 left as it is");
    assert_eq!(terminal.text().matches(QUESTION.trim()).count(), 5, "a capital letter is for all that come");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(texts(&home), expected);

    // For all: skip and rename.
    six(&home);
    let mut terminal = line(&home, "xsw get -r s3://hub-artifacts/six/ out --as dev --if-exists ask");
    asked(&terminal, 1);
    terminal.send("S\r");
    terminal.see("note: 6 left as they are");
    assert_eq!(terminal.ended(), 0);
    assert!(texts(&home).values().all(|text| text == "mine"));
    let mut terminal = line(&home, "xsw get -r s3://hub-artifacts/six/ out --as dev");
    asked(&terminal, 1);
    terminal.send("R\r");
    terminal.see("note: 6 objects written");
    assert_eq!(terminal.ended(), 0);
    assert_eq!(texts(&home).len(), 12);
}

#[test]
fn a_question_without_an_answer_leaves_the_files() {
    let home = Home::demo();
    for (key, status) in [("\x03", 130), ("\x04", 1)] {
        six(&home);
        let mut terminal = line(&home, "xsw get -r s3://hub-artifacts/six/ out --as dev");
        asked(&terminal, 1);
        terminal.send(key);
        assert_eq!(terminal.ended(), status, "{key:?}");
        let expected: BTreeMap<_, _> = (1..=6).map(|number| (number.to_string(), "mine".to_owned())).collect();
        assert_eq!(texts(&home), expected, "{key:?}");
    }
}

fn code(home: &Home) -> String {
    let mut code = None;
    until("a code that was not used", || {
        code = home.cloud().mfa_code(SERIAL);
        code.is_some()
    });
    code.unwrap()
}

/// What a person does not want to do twice is the first 30 GiB.
#[test]
fn a_session_with_a_code_that_ends_on_the_way_asks_for_a_code_and_goes_on() {
    let home = Home::demo();
    let size = 40 * MIB + 5;
    home.cloud().put_object("gautamtest-assume-role", "blob", Object::made(size, 9).paced(12 * MIB));
    home.cloud().plan_for("s3:GetObject", "gautamtest-assume-role/blob", 6, Fault::cut(5 * MIB));
    let mut terminal = line(&home, "xsw get s3://gautamtest-assume-role/blob blob --as admin");
    let question = format!("MFA code of {SERIAL} for prod/Admin: ");
    terminal.see(&question);
    terminal.send(&format!("{}\r", code(&home)));
    until("the first bytes", || home.cloud().body_bytes() > 8 * MIB);
    home.cloud().expire_sessions();
    terminal.until("the second question", |text| text.matches(question.trim()).count() == 2);
    terminal.send(&format!("{}\r", code(&home)));
    terminal.until_screen("the end", |screen| screen.contents().contains("note: 1 object written, 40.0 MiB"));
    assert!(!terminal.text().contains("were there"), "{}", terminal.text());
    assert_eq!(terminal.ended(), 0);
    assert_eq!(fs::metadata(home.path().join("blob")).unwrap().len(), size);
    assert!(home.cloud().body_bytes() < size + 8 * MIB, "{}", home.cloud().body_bytes());
    assert!(!home.path().join(".blob.xsw-part").exists());
}

/// A listing may be what outlives the session, too.
#[test]
fn a_session_with_a_code_that_ends_in_a_listing_asks_for_a_code_and_goes_on() {
    let home = Home::demo();
    let first = code(&home);
    assert_eq!(line(&home, &format!("xsw env admin --mfa-code {first} > first")).ended(), 0);
    home.cloud().expire_sessions();
    let mut terminal = line(&home, "xsw get -r s3://gautamtest-assume-role/reports/ out --as admin");
    terminal.see("MFA code of");
    terminal.send(&format!("{}\r", code(&home)));
    terminal.see("note: 13 objects written");
    assert_eq!(terminal.ended(), 0);
}

// --- strangers' keys -------------------------------------------------------------------------------------------------

/// Of all bytes that came, none is an order but those that lines, colours and a progress line are made of, and nothing
/// is invisible or turns the text around.
#[track_caller]
fn nothing_obeyed(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let near: String = rest.as_str().chars().take(30).collect();
        if c == '\x1b' {
            assert_eq!(rest.next(), Some('['), "{what}: an order that is none of ours before {near:?}");
            let last = rest.find(|c| !"0123456789;?".contains(*c)).unwrap();
            assert!("mKAJBCDGhl".contains(last), "{what}: an order that ends in {last:?} before {near:?}");
            continue;
        }
        assert!(!c.is_control() || "\r\n".contains(c), "{what}: {c:?} before {near:?}");
        let hidden = matches!(c, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        assert!(!hidden, "{what}: {c:?} before {near:?}");
    }
    // Orders that could be ours, but not behind these names; a carriage return in one, and a new line.
    for key in ["clear\x1b", "red\x1b", "link\x1b", "invoice\rr", "two\nl", "two\r\nl"] {
        assert!(!text.contains(key), "{what}: {key:?}");
    }
}

/// What they bring to the terminal. `ended` is their exit status.
#[track_caller]
fn brings(home: &Home, words: &str, ended: u32) -> String {
    // The last word is the shell's, so that all has come that was on its way.
    let terminal = line(home, &format!("{words}; echo \"it ended with $?\"; read -r _"));
    let text = terminal.until(words, |text| text.contains("it ended with "));
    assert!(text.contains(&format!("it ended with {ended}")), "{words}: {text}");
    let bytes = terminal.bytes();
    nothing_obeyed(words, &bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn no_verb_sends_a_key_to_the_terminal() {
    let home = Home::demo();
    let bucket = "s3://prod-hostile-keys/";
    // A session of its own for each that runs: those of sprint last a minute.
    for (words, ended, shown) in [
        (format!("xsw ls {bucket} --as sprint"), 0, r"title\x1b]0;owned\x07.txt"),
        (format!("xsw ls -r {bucket} --as sprint"), 0, r"c1\u{9b}31m.txt"),
        (format!("xsw ls -r {bucket} --as sprint --json"), 0, r"invoice\u202efdp.exe"),
        (format!("xsw find {bucket} --as sprint"), 0, r"delete\x7f.txt"),
        (format!("xsw find {bucket} --as sprint --json"), 0, r"delete\u007f.txt"),
        (format!("xsw du {bucket} --as sprint"), 0, ""),
        (format!("xsw get -r {bucket} dry --as sprint --dry-run"), 1, r"bom\u{feff}.txt"),
        (format!("xsw get -r {bucket} json --as sprint --json"), 1, r"bom\ufeff.txt"),
        (format!("xsw get -r {bucket} out --as sprint"), 1, r"back\\slash"),
        // Once more: most are equal, and one differs by now.
        (format!("echo mine > $'out/clear\\e[2J.tar'; xsw get -r {bucket} out --as sprint --if-exists skip"), 1, ""),
        (format!("xsw get -r {bucket} out --as sprint < /dev/null"), 1, r"clear\x1b[2J.tar is there already"),
        (format!("xsw get $'{bucket}none\\e]0;x\\a\\u202e' x --as sprint"), 1, r"none\x1b]0;x\x07\u{202e}"),
        (format!("xsw cat $'{bucket}none\\r\\u200b' --as sprint"), 1, r"none\x0d\u{200b}"),
        (format!("xsw ls $'{bucket}none\\e[2J' --as sprint"), 1, r"none\x1b[2J"),
        (format!("xsw get $'{bucket}none\\u009b' x --as reader"), 3, r"none\u{9b}"),
        (format!("xsw get $'{bucket}none\\u202e' x --as reader --json"), 3, r"none"),
    ] {
        let text = brings(&home, &words, ended);
        assert!(text.contains(shown), "{words}: {text}");
    }
    assert!(home.path().join("out").join("title\x1b]0;owned\x07.txt").is_file());
}

#[test]
fn a_question_and_a_progress_line_name_hostile_keys_escaped() {
    let home = Home::demo();
    for (number, name) in ["a\x1b]0;owned\x07", "b\u{202e}\u{9b}2J", "c\r\n\x1b[2J"].iter().enumerate() {
        let object = Object::made(12 * MIB, number as u64).paced(8 * MIB);
        home.cloud().put_object("hub-artifacts", &format!("slow/{name}"), object);
    }
    fs::create_dir(home.path().join("out")).unwrap();
    fs::write(home.path().join("out").join("a\x1b]0;owned\x07"), "mine").unwrap();
    let words = "xsw get -r s3://hub-artifacts/slow/ out --as dev; echo \"it ended with $?\"; read -r _";
    let mut terminal = line(&home, words);
    terminal.see(r"out/a\x1b]0;owned\x07 is there and differs");
    terminal.send("o\r");
    terminal.see(r"b\u{202e}\u{9b}2J");
    terminal.see("it ended with 0");
    nothing_obeyed("the question", &terminal.bytes());
    assert_eq!(fs::read_dir(home.path().join("out")).unwrap().count(), 3);
}
