//! `xsw cat`: objects to stdout, exactly.

use std::io::{self, Write as _};

use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::read::Reader;

pub(super) async fn run(context: &Context, role: RoleIndex, uris: &[S3Uri]) -> Result<()> {
    context.session(role).await?;
    let mut out = io::stdout().lock();
    for uri in uris {
        if uri.key.is_empty() {
            return Err(Error::usage(format!("{uri} names no object")));
        }
        let mut reader = Reader::new(context.core.s3(role), uri.clone(), None);
        while let Some(bytes) = reader.next().await? {
            output::finish(out.write_all(&bytes))?;
        }
    }
    output::finish(out.flush())
}
