//! The verbs through the front door: the real binary in a temporary HOME, against the embedded cloud in this process.
//!
//! The cloud checks signatures, tokens, expiry and policies as AWS does, and counts its calls.
#![cfg(all(feature = "demo", unix))]

#[path = "../common/home.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod home;
mod stage;

mod accounts;
mod bad_input;
#[cfg(feature = "batch")]
mod batch;
mod cat;
mod check;
mod child;
mod console;
mod cp;
mod cp_large;
mod cp_refusals;
mod cp_unattended;
mod credential_process;
mod demo;
mod du;
mod endless;
mod env;
mod explain;
mod find;
mod flight;
mod get;
mod get_options;
mod guard;
mod history;
mod hostile;
mod hostile_words;
mod import;
mod login;
mod logout;
mod ls;
mod mend;
mod mfa;
mod narrow;
mod picks;
mod places;
mod policy;
mod presign;
mod renamed;
mod renew;
mod resume;
mod secrets;
mod session;
mod sources;
mod versions;
mod whoami;
