//! The screen: events become messages, messages change the state, the state is drawn.
//!
//! `run` loops; `update` calculates; `view` draws; `effect` says what must be done outside and `run` does it.

mod effect;
mod facts;
mod help;
mod hint;
mod input;
mod inquiry;
mod keys;
mod labelled;
mod layout;
mod listing;
mod msg;
mod perform;
mod picture;
mod report;
mod review;
mod run;
mod state;
mod terminal;
mod theme;
mod update;
mod view;

use std::path::Path;

pub use run::{Ended, Options, run};

/// Whether this keys.toml is fit for the screen, for `xsw check`.
///
/// # Errors
/// As the screen itself would end with.
pub fn check_keys(path: &Path) -> crate::Result<()> {
    keys::KeyMap::load(path).map(drop)
}

#[cfg(test)]
mod tests;
