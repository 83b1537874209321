//! `xsw history`: the audit trail.

use crate::error::Result;
use crate::local::environment::Environment;

/// Which events are wanted.
pub(super) struct Filter<'a> {
    pub(super) role: Option<&'a str>,
    pub(super) event: Option<&'a str>,
    pub(super) since: Option<&'a str>,
}

pub(super) fn run(_environment: &Environment, _filter: &Filter<'_>, _limit: Option<usize>, _json: bool) -> Result<()> {
    todo!()
}
