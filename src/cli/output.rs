//! Where words go: results to stdout, all else to stderr; a reader that went away is no error.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

use crate::domain::text::{escaped, escaped_json, harmless};
use crate::domain::transfer::Failed;
use crate::error::{Error, Result};

/// Writes to stdout what `write` writes, buffered.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    finish(write(&mut out).and_then(|()| out.flush()))
}

/// `head` closes the pipe when it has seen enough: that is no failure of ours.
pub(super) fn finish(written: io::Result<()>) -> Result<()> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Error::ReaderGone,
        _ => Error::from(error),
    })
}

/// One JSON document, indented.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    print(|out| {
        let text = serde_json::to_string_pretty(value)?;
        writeln!(out, "{}", escaped_json(&text))
    })
}

/// One line of JSON Lines.
pub(super) fn json_line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    writeln!(out, "{}", escaped_json(&text))
}

/// A name from outside: escaped when a person reads it, exact when a program does.
pub(super) fn name(text: &str) -> std::borrow::Cow<'_, str> {
    if io::stdout().is_terminal() { escaped(text) } else { text.into() }
}

/// Something the user should know, on stderr. Names in it are escaped by who writes it.
pub(super) fn note(text: &str) {
    _ = writeln!(io::stderr(), "{} {}", styled("note:", "36"), harmless(text));
}

/// An object that was not written, on stderr: no end of the work. Its text is escaped already, as every error's is.
pub(super) fn note_failed(failed: &Failed) {
    _ = writeln!(io::stderr(), "{} {failed}", styled("note:", "36"));
}

/// What to do next, on stderr.
pub(super) fn hint(text: &str) {
    _ = writeln!(io::stderr(), "{} {}", styled("hint:", "1;36"), harmless(text));
}

/// The one place that prints an error and its hint.
pub fn print_error(error: &Error, json: bool) {
    let mut stderr = io::stderr().lock();
    let hint = error.hint();
    _ = if json {
        let document = serde_json::json!({ "error": error.to_string(), "hint": hint, "kind": error.kind() });
        writeln!(stderr, "{}", escaped_json(&document.to_string()))
    } else {
        let said = writeln!(stderr, "{} {error}", styled("error:", "1;31"));
        hint.map_or(said, |hint| writeln!(stderr, "{} {hint}", styled("hint:", "1;36")))
    };
}

/// `text` in an ANSI style where stderr is a terminal that wants colours (no-color.org).
pub(super) fn styled(text: &str, style: &str) -> String {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    if no_color || dumb || !io::stderr().is_terminal() {
        text.to_owned()
    } else {
        format!("\x1b[{style}m{text}\x1b[0m")
    }
}
