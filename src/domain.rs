//! Plain values: no async, no SDK, no screen, no clock.
//!
//! Each is parsed once, at the door; past that nobody asks again whether it is valid.

pub mod account;
pub mod batch;
pub mod checksum;
pub mod copy;
pub mod duration;
pub mod explain;
pub mod find;
pub mod lasting;
pub mod local_path;
pub mod object;
pub mod pattern;
pub mod policy;
pub mod presigned;
pub mod restore;
pub mod role;
pub mod select;
pub mod session;
pub mod shell_word;
pub mod sign_in;
pub mod text;
pub mod transfer;
pub mod uri;
