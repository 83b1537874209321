//! xsw: switch AWS accounts and roles, see how long the session lives, look into buckets.

pub mod aws;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
pub mod error;
pub mod local;
pub mod ops;
pub mod tui;

pub use error::{Error, Result};
