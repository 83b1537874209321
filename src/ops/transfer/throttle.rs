//! How many requests run at once: few at first, more while that brings more, fewer when the server says so.

use std::time::Duration;

/// Requests at the beginning.
const START: usize = 8;

/// Requests at most; more than this only keeps sockets busy.
const MOST: usize = 128;

/// How long a number is kept after growing brought nothing, or the server asked for less.
const HOLD: Duration = Duration::from_secs(2);

/// A limit that looks for its best value.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: usize,
    /// The limit before this one, and what it brought.
    before: Option<(usize, f64)>,
    /// Until when nothing is tried.
    hold: Duration,
    /// By which part it grows, and which part more that must bring to be worth it.
    step: f64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { limit: START, before: None, hold: Duration::ZERO, step: 1.0 }
    }
}

impl Throttle {
    /// Requests that may run at once.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Sees at `now` (since the start of the process, say) what a span at this limit has brought: `rate` in any unit.
    /// `full`: whether as many requests ran as might.
    pub(super) fn see(&mut self, now: Duration, rate: f64, full: bool) {
        if now < self.hold {
            return;
        }
        if !full {
            // It tells nothing of the limit.
            self.before = None;
            return;
        }
        match self.before {
            Some((smaller, earlier)) if rate < earlier * (1.0 + self.step / 8.0) => {
                // More at once brought nothing.
                (self.limit, self.before) = (smaller, None);
                self.hold = now + HOLD;
                self.step = 0.25;
            }
            _ => {
                self.before = Some((self.limit, rate));
                let more = (self.limit as f64 * self.step).ceil() as usize;
                self.limit = (self.limit + more).min(MOST);
            }
        }
    }

    /// The server asks for fewer requests (503 SlowDown, 429).
    pub(super) fn slow_down(&mut self, now: Duration) {
        // The others that were on their way say the same: one step back for all of them.
        if now < self.hold && self.before.is_none() && self.step < 0.2 {
            return;
        }
        self.limit = (self.limit / 2).max(1);
        self.before = None;
        self.hold = now + HOLD;
        self.step = 0.125;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs against a server whose rate grows with the requests up to `best`, and not beyond.
    fn settled(best: usize) -> usize {
        let mut throttle = Throttle::default();
        for tenth in 0..300 {
            let now = Duration::from_millis(100 * tenth);
            throttle.see(now, throttle.limit().min(best) as f64, true);
        }
        throttle.limit()
    }

    #[test]
    fn it_grows_as_long_as_that_brings_more() {
        for best in [4, 16, 40, 1000] {
            let limit = settled(best);
            assert!(
                limit >= best.clamp(START, MOST) && limit <= (2 * best).clamp(START, MOST) * 5 / 4,
                "{best}: {limit}"
            );
        }
    }

    #[test]
    fn a_server_that_asks_for_less_gets_less_once_for_all_that_were_on_their_way() {
        let mut throttle = Throttle { limit: 64, ..Throttle::default() };
        for millisecond in 0..10 {
            throttle.slow_down(Duration::from_millis(millisecond));
        }
        assert_eq!(throttle.limit(), 32);
        throttle.see(Duration::from_secs(1), 1.0, true);
        assert_eq!(throttle.limit(), 32, "it waits a while");
        throttle.see(Duration::from_secs(3), 1.0, true);
        assert_eq!(throttle.limit(), 36, "and grows carefully");
        for second in 10..100 {
            throttle.slow_down(Duration::from_secs(second * 3));
        }
        assert_eq!(throttle.limit(), 1);
    }

    #[test]
    fn requests_that_were_not_needed_prove_nothing() {
        let mut throttle = Throttle::default();
        throttle.see(Duration::ZERO, 100.0, false);
        throttle.see(Duration::from_secs(1), 1.0, false);
        assert_eq!(throttle.limit(), START);
    }
}
