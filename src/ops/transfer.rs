//! The engine of all transfers: how much runs at once, what is tried again, what waits, what is told.
//!
//! ```text
//! ops/download.rs     what is wanted: picks, listings -> objects; ops/copy.rs the same for copies
//! run.rs              the loop of a job: its listing, its objects, its clock
//! object.rs           one object: small in one piece, large in ranges; compared; named
//! fetch.rs            one stream of bytes, through broken connections, pauses and ended sessions
//! gate.rs             where the streams of a job wait while there is no session
//! target.rs           where an object goes, and what is there already
//! pool.rs             slots and memory for all jobs of the process; throttle.rs says how many slots
//! retry.rs            what an error means          tally.rs  how far a job is
//! ```

pub(super) mod fetch;
pub(super) mod gate;
pub(super) mod object;
pub mod pool;
pub mod retry;
pub(super) mod run;
pub(super) mod tally;
pub(super) mod target;
mod throttle;
