//! `xsw logout`: forget sessions, and say which.

use super::Context;
use crate::error::Result;

pub(super) async fn run(_context: &Context, _name: Option<String>, _all: bool) -> Result<()> {
    todo!()
}
