//! xsw: switch AWS accounts and roles, see how long the session lives, look into buckets.
//!
//! # The screen
//! ```text
//! ┌ header: environment, account, role, region ............ time left ┐  tui/view/bars.rs
//! │ accounts and roles      │ buckets, prefixes, objects              │  view/roles.rs, view/browser.rs
//! │                         │                                         │  listing.rs holds the rows
//! │ facts of the role       │ transfers                               │  view/transfers.rs, report.rs, state/jobs.rs
//! │ notice: what happened, what runs                                  │
//! └ footer: the keys that work here ──────────────────────────────────┘  keys.rs, assets/keys.toml
//! ```
//! In front stand questions, details (`facts.rs`), the copy menu, errors: `tui/view/modals.rs`, `tui/update/modal.rs`;
//! previews: `preview.rs` in view, update and state, pictures in `tui/picture.rs`; explanations and the role inspector:
//! `inquiry.rs` there; where a copy goes: `copying.rs` there, and `review.rs`. Rows with a label: `labelled.rs`.
//!
//! # The rooms, and which way imports point
//! ```text
//! main -> cli   tui          cli and tui never name each other
//!           \   /
//!            ops             what xsw can do: returns values, never prints, knows no screen
//!           /   \
//!         aws -> local       aws alone names the SDK; local is files, the cache, the keyring, the audit trail,
//!           \   /            the environment, child processes and the endpoint that renews their session
//!   config -> domain, error  plain values: no async, no SDK, no screen, no clock
//!
//! demo                       the embedded cloud; beside all of them, and none of them needs it
//! ```
//! `tests/layers.rs` holds these arrows.
//!
//! # How a session comes about
//! ```text
//! ops/broker.rs           one link of the chain after the other, each reused while it lives; one process asks AWS
//!   broker/key.rs         what tells sessions apart        broker/request.rs  AssumeRole, and how long
//!   broker/mfa.rs         one code for all roles           broker/codes.rs    where codes come from
//!   sign_in.rs            IAM Identity Center (aws/oidc.rs, sso.rs, local/sso_cache.rs, redirect.rs, discovered.rs)
//! aws/source.rs           all other first credentials
//! local/cache.rs          where it rests: files, the keyring, nowhere
//! ops/shell.rs, renew.rs  children that hold it, or have it renewed (local/endpoint.rs, prompt.rs, foreground.rs)
//! ops/console.rs          the web console (aws/federation.rs, local/doorway.rs)
//! ops/logout.rs           forgetting it
//! ops/audit.rs            what was done with it, line by line
//! ```
//!
//! # How an object comes here
//! ```text
//! ops/walk.rs             all objects below a prefix, in order and in parallel
//!   walk/cut.rs           places between keys            walk/guess.rs  where to cut a long run
//!   walk/stretch.rs       what a page means              aws/s3/list/answer.rs  ListObjectsV2, read without the SDK's parser
//! ops/download.rs         what is wanted -> objects; ops/transfer.rs has the map of the engine
//!   walk/level.rs         one level alone
//! local/part.rs           the file on its way, and the journal that proves it; whole.rs: files that come in one go
//! domain/checksum.rs      what S3 tells of the bytes     domain/local_path.rs  the one way from a key to a path
//! ops/preview.rs          what an object looks like (aws/s3/excerpt.rs; preview/{text,syntax,json,table,parquet,image,hex,unpack}.rs)
//! ops/presign.rs          a URL that reads it for a while; ops/bookmarks.rs, local/{bookmarks,clipboard}.rs
//! cli/rows.rs             lines of ls and find           cli/progress.rs  the progress of get on stderr
//! ```
//!
//! # How access is explained, and objects copied
//! ```text
//! domain/policy.rs        what policies say: document, condition, pattern, decide
//!   policy/least.rs       the least that each side must allow (ops/policy.rs knows who the sides are)
//! domain/explain.rs       facts, each seen or refused -> an answer, side by side, with its remedy
//! ops/explain.rs          asks for the facts: the call itself, IAM (aws/iam.rs), the bucket's policy
//! ops/mend.rs             attaches what an explanation ends with, after the account's name was typed
//! ops/copy.rs             copy/plan.rs: which way, proved with one object; list.rs: beside what is there;
//!                         object.rs, parts.rs: one object; aws/s3/write.rs, local/uploads.rs
//! ops/ends.rs             what must come to its end also when nobody waits for it
//! ops/batch.rs            S3 Batch Operations (aws/s3control.rs, domain/batch.rs, cli/cp/batch.rs)
//! cli/job.rs              what get and cp have in common     cli/on_failure.rs  whom a failed copy is told
//! ```
//!
//! # How an event travels
//! ```text
//! keys (tui/input.rs), ticks, answers -> Msg
//!   -> update(&mut State, Msg) -> Vec<Effect>     a calculation
//!   -> run.rs spawns perform.rs for each effect; answers come back as Msg with their ticket
//! nothing left to do -> view(&State)              a picture of the state, nothing else
//! ```

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
