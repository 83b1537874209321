//! What STS, S3 and the tests' knobs share while a cloud runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::directory::{Buckets, Caller, Directory};
use super::federation::Tokens;
use super::ledger::Ledger;
use super::mfa::Devices;
use super::s3control::Job;
use super::sso::SignIns;

/// A session that STS gave out.
pub(super) struct Session {
    pub secret: SecretString,
    pub token: SecretString,
    pub expires: Timestamp,
    pub caller: Arc<Caller>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("caller", &self.caller.principal.arn).finish_non_exhaustive()
    }
}

/// The state of a cloud.
#[derive(Debug)]
pub(super) struct State {
    pub directory: Directory,
    pub devices: Devices,
    /// By access key id.
    pub sessions: Mutex<HashMap<String, Session>>,
    pub sign_in_tokens: Tokens,
    /// What IAM Identity Center gave out.
    pub sign_ins: Mutex<SignIns>,
    pub ledger: Ledger,
    /// The jobs of S3 Batch Operations.
    pub jobs: Mutex<Vec<Job>>,
    /// Hears when somebody looks at a job.
    pub job_seen: tokio::sync::Notify,
    buckets: RwLock<Buckets>,
    /// Seconds by which the cloud's clock is ahead of this machine's.
    clock_offset: AtomicI64,
}

impl State {
    pub(super) fn new(directory: Directory, buckets: Buckets) -> State {
        State {
            devices: Devices::new(&directory.devices),
            directory,
            sessions: Mutex::default(),
            sign_in_tokens: Tokens::default(),
            sign_ins: Mutex::default(),
            ledger: Ledger::default(),
            jobs: Mutex::default(),
            job_seen: tokio::sync::Notify::new(),
            buckets: RwLock::new(buckets),
            clock_offset: AtomicI64::new(0),
        }
    }

    /// The time by the cloud's clock.
    pub(super) fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.clock_offset.load(Ordering::Relaxed));
        Timestamp::now().checked_add(offset).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn set_clock_offset(&self, seconds: i64) {
        self.clock_offset.store(seconds, Ordering::Relaxed);
    }

    pub(super) fn buckets(&self) -> RwLockReadGuard<'_, Buckets> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn buckets_mut(&self) -> RwLockWriteGuard<'_, Buckets> {
        self.buckets.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guard of a mutex. Every change under one is a single step, so what a panic leaves behind is still whole.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
