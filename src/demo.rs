//! The embedded cloud: STS, IAM, S3 and the console's sign-in in this process, on 127.0.0.1 and a random port.
//!
//! `xsw demo` and the tests start one: [`World`] says what is in it, [`Cloud`] serves it. Nothing is answered by
//! rote: signatures, session tokens, expiry and policies are checked as AWS checks them, by `domain::policy`.
//!
//! ```text
//! cloud     the listener, and the knobs that tests turn
//!   sts     the query protocol: AssumeRole, GetSessionToken, GetCallerIdentity
//!   iam     users, roles and their policies: read, simulated, changed
//!   sso     IAM Identity Center: its sign-in, its portal, the pages that a person sees
//!   s3      the S3 operations over bucket, versions, uploads, listing, digests and content
//!   s3control  the jobs of S3 Batch Operations
//!   access  keys, tokens and expiry, for both
//!   federation  sign-in tokens for the web console
//! state     what all of them share: directory, sessions, buckets, the clock
//! visit     a person's stay: the cloud, and a temporary folder with the profile file and credentials
//! world     data: accounts, users, roles, buckets; scene, samples and hostile are the demo's own
//! ```

mod access;
mod bucket;
mod cloud;
mod content;
mod digests;
mod directory;
mod federation;
mod hostile;
mod iam;
mod leap;
mod ledger;
mod listing;
mod managed;
mod mfa;
mod random;
mod s3;
mod s3control;
mod samples;
mod scene;
mod signature;
mod sso;
mod state;
mod sts;
mod uploads;
mod versions;
mod visit;
mod world;

pub use bucket::{Bucket, Lock, Object, Series, Stored};
pub use cloud::Cloud;
pub use ledger::{Damage, Fault};
pub use visit::{Visit, code_shown_at};
pub use world::{Account, Attach, IdentityCenter, PermissionSet, Role, User, World, allow, trust};
