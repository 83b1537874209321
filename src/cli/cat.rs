//! `xsw cat`: objects to stdout, exactly.

use std::io::{self, Write as _};

use super::Context;
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

pub(super) async fn run(context: &Context, role: RoleIndex, uris: &[S3Uri]) -> Result<()> {
    context.session(role).await?;
    let s3 = context.core.s3(role);
    let mut out = io::stdout().lock();
    for uri in uris {
        if uri.key.is_empty() {
            return Err(Error::usage(format!("{uri} names no object")));
        }
        let mut etag: Option<String> = None;
        let mut written = 0;
        loop {
            let mut body = s3.body(uri, written, etag.as_deref()).await?;
            etag = etag.or_else(|| body.etag.clone());
            let broke = loop {
                match body.next().await {
                    Ok(Some(bytes)) => {
                        match out.write_all(&bytes) {
                            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                            outcome => outcome?,
                        }
                        written += bytes.len() as u64;
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            match broke {
                // The stream broke on the way: the rest is asked for, of the same object. A stream that gives nothing
                // at all is not asked again.
                Some(_) if written > 0 && written < body.object_size => {
                    tracing::info!(written, "the stream broke; asking for the rest");
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                }
                Some(error) => return Err(error),
                None => break,
            }
        }
    }
    match out.flush() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}
