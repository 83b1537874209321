//! `xsw login`: sign in to IAM Identity Center, by PKCE in the browser or by a code on any machine.

use super::Context;
use crate::error::Result;

pub(super) async fn run(_context: &Context, _source: Option<String>, _device_code: bool) -> Result<()> {
    todo!()
}
