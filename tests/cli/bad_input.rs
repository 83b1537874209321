//! Profile files that are none, and a screen without a terminal.

use crate::home::{Home, PROFILE_FILE, run};
use crate::stage::{Stage, snapshot};

#[test]
fn every_problem_of_a_profile_file_is_told_at_once() {
    let stage = Stage::new();
    stage.write(
        PROFILE_FILE,
        "[settings]\nregoin = \"eu-west-1\"\n[[accounts]]\nname = \"prod\"\nid = \"22222\"\nsource = \"crop\"\n\
         [[accounts.roles]]\nname = \"S3Reader\"\nvia = \"hub/Jmup\"\n",
    );
    snapshot!(stage, ["accounts"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: 4 problems in [config]/config.toml
      [config]/config.toml:2: unknown key `regoin` in [settings]; did you mean `region`?
      [config]/config.toml:5: id: an account id has 12 digits, "22222" has 5
      [config]/config.toml:6: source: there is no source `crop`; write [sources.crop], or use one of: default
      [config]/config.toml:9: via: there is no role `hub/Jmup`
    "#);
    snapshot!(stage, ["accounts", "--json"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    {"error":"4 problems in [config]/config.toml\n  [config]/config.toml:2: unknown key `regoin` in [settings]; did you mean `region`?\n  [config]/config.toml:5: id: an account id has 12 digits, \"22222\" has 5\n  [config]/config.toml:6: source: there is no source `crop`; write [sources.crop], or use one of: default\n  [config]/config.toml:9: via: there is no role `hub/Jmup`","hint":null,"kind":"profile"}
    "#);
    assert_eq!(stage.says(["check"]).code, Some(2));
}

#[test]
fn a_profile_file_that_cannot_be_read_is_told() {
    let stage = Stage::new();
    for (text, word) in [
        (&b"\xff\xfe not text"[..], "UTF-8"),
        (b"accounts = [", "1"),
        (b"[settings]\naws_secret_access_key = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"\n", "secret"),
    ] {
        stage.write(PROFILE_FILE, text);
        let err = stage.says(["accounts"]).failed(2);
        assert!(err.starts_with("error: ") && err.contains("config.toml") && err.contains(word), "{err}");
        assert!(!err.contains("wJalr"), "{err}");
    }
    let err = stage.says(["--config", "nowhere.toml", "accounts"]).failed(2);
    assert!(err.contains("nowhere.toml"), "{err}");
    let err = stage.says(["--config", ".", "accounts"]).failed(2);
    assert!(err.starts_with("error: "), "{err}");
}

/// Beyond a megabyte it is no profile file, and is not read into memory.
#[test]
fn a_huge_profile_file_is_refused_soon() {
    let stage = Stage::new();
    let file = std::fs::File::create(stage.path(PROFILE_FILE)).unwrap();
    file.set_len(64 << 30).unwrap();
    let start = std::time::Instant::now();
    let err = stage.says(["accounts"]).failed(2);
    assert!(err.contains("config.toml"), "{err}");
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn the_screen_without_a_terminal_says_which_verb_to_use() {
    let stage = Stage::new();
    snapshot!(stage, [""; 0], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: the screen needs a terminal, and stdin or stdout is none
    hint: use a verb: `xsw accounts`, `xsw ls`, `xsw exec`; `xsw --help` lists them
    ");
    snapshot!(stage, ["demo"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: the screen needs a terminal, and stdin or stdout is none
    hint: use a verb: `xsw accounts`, `xsw ls`, `xsw exec`; `xsw --help` lists them
    ");
}

#[test]
fn help_and_version_need_nothing() {
    let home = Home::new();
    assert!(run(home.xsw(["--help"])).done().contains("Examples:"));
    assert!(run(home.xsw(["--version"])).done().starts_with("xsw "));
    assert!(run(home.xsw(["get"])).failed(2).contains("Usage: xsw get"));
    assert_eq!(home.files(""), [""; 0]);
}

/// The SDK panics over no file at all.
#[test]
fn without_any_file_of_the_aws_cli_the_source_is_missing_and_nothing_crashes() {
    let stage = Stage::new();
    std::fs::remove_dir_all(stage.path(".aws")).unwrap();
    let err = stage.says(["whoami"]).failed(4);
    assert!(err.contains("there is no AWS profile demo") && err.contains("hint: "), "{err}");
}

#[test]
fn a_code_without_a_verb_is_refused() {
    let stage = Stage::new();
    assert!(stage.says(["--mfa-code", "123456"]).failed(2).contains("goes with a verb"));
}
