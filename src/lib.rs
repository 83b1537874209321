//! xsw: switch AWS accounts and roles, see how long the session lives, look into buckets.

#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
pub mod error;
pub mod local;

pub use error::{Error, Result};
