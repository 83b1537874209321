//! The terminal as the screen needs it, and as the user had it: every way out leads through [`leave`].

use std::io::{self, Stdout, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// The terminal while the screen has it; dropping it gives it back.
pub(super) struct Screen {
    // Its own drop prints an error, and so panics, when the terminal has gone away. All that it would do, `leave` does.
    pub(super) terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
}

impl Screen {
    /// Takes the terminal: raw mode, the alternate screen, the mouse, pasted text as text.
    pub(super) fn enter() -> io::Result<Self> {
        restore_on_panic();
        let terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(stdout()))?);
        enter()?;
        Ok(Self { terminal })
    }

    /// Takes the terminal again after [`leave`], everything to be drawn anew.
    pub(super) fn enter_again(&mut self) -> io::Result<()> {
        enter()?;
        // Not `clear` of the old one: it asks the terminal where its cursor is and fails when no answer comes.
        execute!(stdout(), Clear(ClearType::All))?;
        *self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Whether the terminal is ours. To leave twice would put the cursor back over what was printed in between.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Relaxed);
    let taken = execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste);
    if taken.is_err() {
        leave();
    }
    taken
}

/// Gives the terminal back as it was. Errors are of no use here: it may be gone already.
pub(super) fn leave() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    // A panic may have come in the middle of a picture.
    _ = execute!(stdout(), EndSynchronizedUpdate);
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
