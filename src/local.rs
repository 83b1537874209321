//! This machine: files, the cache, child processes. Knows no AWS and no screen.

pub mod child;
pub mod child_env;
pub mod env_format;
pub mod shell;
