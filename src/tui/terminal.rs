//! The terminal as the screen needs it, and as the user had it: every way out leads through [`leave`].

use std::io::{self, Stdout, stdout};
use std::panic;
use std::sync::Once;
use std::thread::{self, ThreadId};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// The terminal while the screen has it; dropping it gives it back.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal: raw mode, the alternate screen, the mouse, pasted text as text.
    pub(super) fn enter() -> io::Result<Self> {
        restore_on_panic();
        enter()?;
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(stdout()))? })
    }

    /// Takes the terminal again after [`leave`], everything to be drawn anew.
    pub(super) fn enter_again(&mut self) -> io::Result<()> {
        enter()?;
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    let taken = execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste);
    if taken.is_err() {
        leave();
    }
    taken
}

/// Gives the terminal back as it was. Errors are of no use here: it may be gone already.
pub(super) fn leave() {
    _ = execute!(stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen, Show);
    _ = disable_raw_mode();
}

/// A panic of this thread restores the terminal before its text is printed. One of a task comes back as an error and
/// goes to the log: its text must not be written into the screen.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    let screen: ThreadId = thread::current().id();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            tracing::error!(panic = %info, "crashed");
            if thread::current().id() == screen {
                leave();
                before(info);
            }
        }));
    });
}
