//! This machine: its environment variables, files, cached sessions, child processes.

pub mod cache;
pub mod environment;
pub mod files;
pub mod log;
