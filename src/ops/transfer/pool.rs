//! Slots for requests, and memory for what they hold: one pool for all jobs of a process.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::throttle::Throttle;
use crate::local::lock::held;

/// Memory that transfers may make the process use, when nothing else is said.
pub const DEFAULT_MEMORY: u64 = 64 << 20;

/// What the program needs beside the buffers of transfers: itself, TLS, listings, a screen.
const BASE: u64 = 30 << 20;

/// What a request holds beside its bytes.
const OVERHEAD: u64 = 32 << 10;

/// How often the throttle looks.
const SPAN: Duration = Duration::from_millis(100);

/// What a request counts beside its bytes, so that many small objects are work too.
const REQUEST: f64 = 65_536.0;

/// Hands out slots. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    freed: Notify,
    began: Instant,
}

#[derive(Debug)]
struct State {
    throttle: Throttle,
    memory: u64,
    slots: usize,
    used: u64,
    /// Whether somebody had to wait for a slot since the last look, and what was done since.
    full: bool,
    bytes: u64,
    requests: u64,
    looked: Instant,
}

impl Default for Pool {
    fn default() -> Self {
        let now = Instant::now();
        let state = State {
            throttle: Throttle::default(),
            memory: buffers(DEFAULT_MEMORY),
            slots: 0,
            used: 0,
            full: false,
            bytes: 0,
            requests: 0,
            looked: now,
        };
        Self(Arc::new(Inner { state: Mutex::new(state), freed: Notify::new(), began: now }))
    }
}

/// What of the process's memory is left for buffers: enough for one request, whatever was asked for.
fn buffers(memory: u64) -> u64 {
    memory.saturating_sub(BASE).max(2 << 20)
}

impl Pool {
    /// From now on the process may use so many bytes, as far as transfers go.
    pub fn limit_memory(&self, bytes: u64) {
        held(&self.0.state).memory = buffers(bytes);
    }

    /// Waits until a request may be made that holds so many bytes at once.
    pub async fn slot(&self, bytes: u64) -> Slot {
        let cost = bytes + OVERHEAD;
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.take(cost) {
                // Where one large request has gone, several small ones may fit.
                self.0.freed.notify_one();
                return Slot { pool: self.clone(), cost, runs: true };
            }
            freed.await;
        }
    }

    fn take(&self, cost: u64) -> bool {
        let mut state = held(&self.0.state);
        let fits = state.used + cost <= state.memory || state.used == 0;
        if state.slots >= state.throttle.limit() || !fits {
            // Only a limit that was reached tells whether another were better.
            state.full |= state.slots >= state.throttle.limit();
            return false;
        }
        state.slots += 1;
        state.used += cost;
        true
    }

    /// The server asks for fewer requests.
    pub fn slow_down(&self) {
        held(&self.0.state).throttle.slow_down(self.0.began.elapsed());
    }

    /// So much was done: `bytes` that arrived, or a request that ended.
    fn did(&self, bytes: u64, requests: u64) {
        let more = {
            let mut state = held(&self.0.state);
            state.bytes += bytes;
            state.requests += requests;
            let seconds = state.looked.elapsed();
            if seconds < SPAN {
                return;
            }
            let rate = (state.bytes as f64 + REQUEST * state.requests as f64) / seconds.as_secs_f64();
            let (before, full) = (state.throttle.limit(), state.full);
            state.throttle.see(self.0.began.elapsed(), rate, full);
            (state.bytes, state.requests, state.full, state.looked) = (0, 0, false, Instant::now());
            state.throttle.limit().saturating_sub(before)
        };
        for _ in 0..more {
            self.0.freed.notify_one();
        }
    }
}

/// Leave for one request; dropping it gives it back.
#[derive(Debug)]
pub struct Slot {
    pool: Pool,
    cost: u64,
    /// Whether the request still runs.
    runs: bool,
}

impl Slot {
    /// The request has ended, and what it brought is still in memory: others may ask now, as far as that goes.
    pub fn ended(&mut self) {
        if std::mem::take(&mut self.runs) {
            held(&self.pool.0.state).slots -= 1;
            self.pool.did(0, 1);
            self.pool.0.freed.notify_one();
        }
    }

    /// So many bytes have arrived.
    pub fn arrived(&self, bytes: u64) {
        self.pool.did(bytes, 0);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        held(&self.pool.0.state).used -= self.cost;
        if self.runs {
            self.ended();
        } else {
            self.pool.0.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_free(pool: &Pool, bytes: u64) -> bool {
        tokio::time::timeout(Duration::from_millis(10), pool.slot(bytes)).await.is_ok()
    }

    #[tokio::test]
    async fn memory_and_slots_are_limited_and_given_back() {
        let pool = Pool::default();
        pool.limit_memory(BASE + (3 << 20));
        let first = pool.slot(1 << 20).await;
        let second = pool.slot(1 << 20).await;
        assert!(!is_free(&pool, 1 << 20).await);
        assert!(is_free(&pool, 1 << 10).await);
        drop(first);
        let third = pool.slot(1 << 20).await;
        drop((second, third));
        // What is larger than all memory goes alone.
        let large = pool.slot(1 << 40).await;
        assert!(!is_free(&pool, 1).await);
        drop(large);
        let mut slots = Vec::new();
        for _ in 0..8 {
            slots.push(pool.slot(1).await);
        }
        assert!(!is_free(&pool, 1).await);
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { drop(pool.slot(1).await) }
        });
        drop(slots.pop());
        waiting.await.unwrap();
    }
}
