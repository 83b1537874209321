//! The screen: events become messages, messages change the state, the state is drawn.
//!
//! `run` loops; `update` calculates; `view` draws; `effect` says what must be done outside and `run` does it.

mod effect;
mod input;
mod keys;
mod layout;
mod listing;
mod msg;
mod perform;
mod run;
mod state;
mod terminal;
mod theme;
mod update;
mod view;

pub use run::{Ended, Options, run};

#[cfg(test)]
mod tests;
