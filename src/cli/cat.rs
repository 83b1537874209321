//! `xsw cat`: objects to stdout, exactly.

use std::io::{self, Write as _};

use super::place::{find_hint, with_hint};
use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

pub(super) async fn run(context: &Context, role: RoleIndex, uris: &[S3Uri], version: Option<&str>) -> Result<()> {
    if version.is_some() && uris.len() > 1 {
        return Err(Error::usage("a version is of one object: name that one alone"));
    }
    context.session(role).await?;
    let mut out = io::stdout().lock();
    let outcome = context.core.cat(role, uris, version, |bytes| output::finish(out.write_all(bytes))).await;
    outcome.map_err(|error| match uris {
        [uri] => with_hint(error, find_hint(uri)),
        _ => error,
    })?;
    output::finish(out.flush())
}
