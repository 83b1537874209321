//! What stands between xsw and a server when things go wrong.
#![cfg(feature = "demo")]

#[path = "faults/proxied.rs"]
mod proxied;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "faults/runs.rs"]
mod runs;
