//! Waits between attempts, each longer than the one before.

use std::time::Duration;

/// How often a call is tried, and how long it waits between.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    pub attempts: u32,
    pub first_wait: Duration,
}

impl Retry {
    /// The wait before an attempt, counted from 1; none before the first.
    pub fn wait(&self, attempt: u32) -> Option<Duration> {
        match attempt {
            0 | 1 => None,
            n if n > self.attempts => None,
            n => Some(self.first_wait * 2_u32.pow(n - 2)),
        }
    }
}

fn main() {
    let retry = Retry { attempts: 5, first_wait: Duration::from_millis(100) };
    for attempt in 1..=retry.attempts {
        println!("attempt {attempt}: {:?}", retry.wait(attempt).unwrap_or_default());
    }
}
