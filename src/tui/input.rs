//! Reads the terminal on a thread of its own, which can be stopped: a subshell must not share its keys with us.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossterm::event::{self, Event};
use tokio::sync::mpsc::Sender;

use super::msg::Msg;

/// How long it takes at most until the thread sees that it should stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// The running thread.
pub(super) struct Input {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Input {
    /// Starts to read.
    pub(super) fn start(sender: Sender<Msg>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || read(&sender, &stopped));
        Self { stop, thread }
    }

    /// Stops to read and waits until the thread is gone.
    ///
    /// For a subshell alone: when the terminal has gone away, crossterm reads its end for ever, and the thread goes
    /// with the process.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        _ = self.thread.join();
    }
}

fn read(sender: &Sender<Msg>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match event::poll(PATIENCE) {
            Ok(false) => continue,
            Ok(true) => {}
            // The terminal is gone; SIGHUP ends the program.
            Err(_) => return,
        }
        let msg = match event::read() {
            Ok(Event::Key(key)) => Msg::Key(key),
            Ok(Event::Paste(text)) => Msg::Paste(text),
            Ok(Event::Mouse(mouse)) => Msg::Mouse(mouse),
            Ok(Event::Resize(columns, rows)) => Msg::Resize(columns, rows),
            Ok(Event::FocusGained | Event::FocusLost) => continue,
            Err(_) => return,
        };
        // Never wait for room with the stop flag unseen: the loop may be waiting for us.
        let mut msg = Some(msg);
        while let Some(waiting) = msg.take() {
            match sender.try_send(waiting) {
                Ok(()) => {}
                Err(tokio::sync::mpsc::error::TrySendError::Full(back)) if !stop.load(Ordering::Relaxed) => {
                    std::thread::sleep(Duration::from_millis(5));
                    msg = Some(back);
                }
                Err(_) => return,
            }
        }
    }
}
