//! xsw: switch AWS accounts and roles, see how long the session lives, look into buckets.

pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
pub mod error;

pub use error::{Error, Result};
