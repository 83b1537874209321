//! Questions to the person at the controlling terminal, since stdin and stdout may be pipes.

use std::io;

/// The modes of the controlling terminal as they were; dropping it brings them back.
///
/// A prompt switches the echo off on a thread that may still wait for keys when the program ends.
struct TerminalModes {
    #[cfg(unix)]
    saved: Option<(std::fs::File, rustix::termios::Termios)>,
}

impl TerminalModes {
    #[cfg(unix)]
    fn save() -> Self {
        let terminal = std::fs::File::options().read(true).write(true).open(TERMINAL).ok();
        let saved = terminal.and_then(|file| {
            let modes = rustix::termios::tcgetattr(&file).ok()?;
            Some((file, modes))
        });
        Self { saved }
    }

    #[cfg(not(unix))]
    fn save() -> Self {
        Self {}
    }
}

impl Drop for TerminalModes {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some((terminal, modes)) = &self.saved {
            _ = rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, modes);
        }
    }
}

/// Asks a question whose answer is not shown, on a thread of its own; `None` when there is no terminal to ask at.
///
/// # Errors
/// `Interrupted` when the person pressed Ctrl-C.
pub async fn ask_hidden(question: String) -> io::Result<Option<String>> {
    let _modes = TerminalModes::save();
    let ask = move || match rpassword::prompt_password(&question) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
        // Without a terminal there is nobody to ask.
        Err(_) => Ok(None),
    };
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Asks a question whose answer is shown as it is typed; `None` when there is no terminal to ask at.
pub async fn ask(question: String) -> io::Result<Option<String>> {
    let ask = move || -> io::Result<Option<String>> {
        use io::{BufRead as _, Write as _};
        let Ok(terminal) = std::fs::File::options().read(true).write(true).open(TERMINAL) else { return Ok(None) };
        (&terminal).write_all(question.as_bytes())?;
        let mut line = String::new();
        io::BufReader::new(&terminal).read_line(&mut line)?;
        // The end of the input is no answer.
        Ok(line.ends_with('\n').then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    };
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(unix)]
const TERMINAL: &str = "/dev/tty";
#[cfg(not(unix))]
const TERMINAL: &str = "CON";
