//! `xsw credential-process`: a session as `credential_process` of an AWS profile wants it.

use super::Context;
use crate::error::Result;

pub(super) async fn run(_context: &Context, _role: &str) -> Result<()> {
    todo!()
}
