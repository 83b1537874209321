//! This machine: its environment variables, files, cached sessions, child processes, browser.

pub mod audit;
pub mod aws_files;
pub mod bookmarks;
pub mod browser;
pub mod cache;
pub mod child;
pub mod child_env;
pub mod clipboard;
pub mod codes;
pub mod discovered;
pub mod doorway;
pub mod endpoint;
pub mod env_format;
pub mod environment;
pub mod files;
#[cfg(unix)]
mod foreground;
pub mod keyring;
pub mod lock;
pub mod log;
mod loopback;
pub mod part;
pub mod prompt;
pub mod redirect;
pub mod shell;
pub mod sso_cache;
pub mod uploads;
pub mod whole;
