//! `xsw import`: a profile file from the role profiles of `~/.aws/config`.

use std::path::Path;

use super::Common;
use crate::error::Result;
use crate::local::environment::Environment;

pub(super) async fn run(
    _environment: &Environment,
    _common: &Common,
    _output: Option<&Path>,
    _force: bool,
) -> Result<()> {
    todo!()
}
