//! `xsw cat`: objects to stdout, exactly.

use std::io::{self, Write as _};

use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::Result;

pub(super) async fn run(context: &Context, role: RoleIndex, uris: &[S3Uri]) -> Result<()> {
    context.session(role).await?;
    let mut out = io::stdout().lock();
    context.core.cat(role, uris, |bytes| output::finish(out.write_all(bytes))).await?;
    output::finish(out.flush())
}
