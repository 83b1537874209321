//! Plain values: no async, no SDK, no screen, no clock.

pub mod policy;
