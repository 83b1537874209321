//! The clipboard of this machine, beside the terminal's own: not every terminal takes text by an escape sequence.

use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::environment::Environment;

/// A program that takes text from its stdin, and whether it wants it as Windows has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Program {
    words: &'static [&'static str],
    utf16: bool,
}

const fn program(words: &'static [&'static str]) -> Program {
    Program { words, utf16: false }
}

/// The programs that may be there, the best first. Over SSH there are none: that clipboard is nobody's.
fn programs(environment: &Environment) -> Vec<Program> {
    let has = |name: &str| environment.get(name).is_some();
    if has("SSH_CONNECTION") || has("SSH_TTY") {
        return Vec::new();
    }
    let mut found = Vec::new();
    if cfg!(target_os = "macos") {
        found.push(program(&["pbcopy"]));
    }
    if has("WAYLAND_DISPLAY") {
        found.push(program(&["wl-copy"]));
    }
    if has("DISPLAY") {
        found.extend([program(&["xclip", "-selection", "clipboard"]), program(&["xsel", "--clipboard", "--input"])]);
    }
    if cfg!(windows) || has("WSL_DISTRO_NAME") || has("WSL_INTEROP") {
        found.push(Program { words: &["clip.exe"], utf16: true });
    }
    found
}

/// Hands `text` to the first program that is there, and does not wait for it. Failing is no matter: the terminal has the
/// text already, or never will. The text goes through a pipe: everybody here can see the words of a program.
pub fn copy(text: &str, environment: &Environment) {
    for program in programs(environment) {
        let mut command = Command::new(program.words[0]);
        command.args(&program.words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C here must not take the text away.
        #[cfg(unix)]
        command.process_group(0);
        let Ok(mut child) = command.spawn() else { continue };
        let bytes = if program.utf16 { utf16(text) } else { text.as_bytes().to_vec() };
        tokio::spawn(async move {
            if let Some(mut stdin) = child.stdin.take() {
                _ = stdin.write_all(&bytes).await;
                _ = stdin.shutdown().await;
            }
            _ = child.wait().await;
        });
        return;
    }
}

/// With the mark that tells clip.exe what it gets.
fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_program_is_that_of_the_screen() {
        let names = |variables: &[&str]| {
            let mut environment = Environment::default();
            variables.iter().for_each(|name| environment.overlay(name, Some("x".into())));
            programs(&environment).iter().map(|program| program.words[0]).collect::<Vec<_>>().join(" ")
        };
        for (variables, programs) in [
            (&[][..], ""),
            (&["WAYLAND_DISPLAY", "DISPLAY"], "wl-copy xclip xsel"),
            (&["DISPLAY"], "xclip xsel"),
            (&["WSL_DISTRO_NAME"], "clip.exe"),
            (&["DISPLAY", "SSH_CONNECTION"], ""),
        ] {
            assert_eq!(names(variables), programs, "{variables:?}");
        }
        assert_eq!(utf16("a"), [0xff, 0xfe, 0x61, 0]);
    }
}
