//! `xsw console`: the AWS web console, signed in.

use super::{Context, Guard};
use crate::error::Result;

pub(super) struct Options {
    pub(super) service: Option<String>,
    pub(super) url: bool,
    pub(super) guard: Guard,
}

pub(super) async fn run(_context: &Context, _role: Option<String>, _options: &Options) -> Result<()> {
    todo!()
}
