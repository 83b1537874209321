//! Accounts with `confirm = true` where nobody can be asked.

use crate::stage::Stage;

const GUARDED: &str = r#"
[[accounts]]
name = "hub"
id = "111111111111"
confirm = true
  [[accounts.roles]]
  name = "Developer"
"#;

#[test]
fn without_a_terminal_yes_is_said_or_nothing_is_done() {
    let stage = Stage::with(GUARDED);
    for words in ["env Developer", "exec Developer -- true", "shell Developer", "console Developer --url"] {
        let err = stage.detached(words).failed(2);
        assert_eq!(
            err,
            "error: the account hub is guarded, and there is no terminal to ask at\nhint: give --yes if you mean it\n"
        );
    }
    assert_eq!(stage.assumed(), 0);
    for words in ["env Developer --yes", "exec -y Developer -- true"] {
        stage.detached(words).done();
    }
    // Programs ask these, not people.
    stage.detached("credential-process Developer").done();
    stage.detached("ls --as Developer").done();
}
