//! Objects one after the other, as one stream.

use std::sync::Arc;

use super::downloaded::{Ended, Record};
use super::{Core, held};
use crate::aws::s3::Ask;
use crate::domain::restore::told_how_to_restore;
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::read::Reader;

impl Core {
    /// Hands the bytes of the objects (of this version, where one is named) to `write` as `role`, until one cannot be
    /// read or written. It is a download, and written down as one, also when the future is dropped.
    ///
    /// # Errors
    /// [`Error::Usage`] for a URI that names no object, before any is read; what reading and `write` say.
    pub async fn cat(
        self: &Arc<Self>,
        role: RoleIndex,
        uris: &[S3Uri],
        version: Option<&str>,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if let Some(uri) = uris.iter().find(|uri| uri.key.is_empty()) {
            return Err(Error::usage(format!("{uri} names no object")));
        }
        let mut record = Record::new(self, role, uris.iter().map(|uri| uri.bucket.clone()).collect());
        let so_far = record.so_far();
        let outcome = async {
            for uri in uris {
                let mut reader = Reader::new(
                    self.s3(role),
                    uri.clone(),
                    Ask { version: version.map(str::to_owned), ..Ask::default() },
                );
                let told = |error| told_how_to_restore(error, uri, version);
                while let Some(bytes) = reader.next().await.map_err(told)? {
                    write(&bytes)?;
                    held(&so_far).1 += bytes.len() as u64;
                }
                held(&so_far).0 += 1;
            }
            Ok(())
        };
        let outcome = outcome.await;
        let (objects, bytes) = *held(&so_far);
        // A reader that goes away has seen enough.
        let failed = !matches!(outcome, Ok(()) | Err(Error::ReaderGone));
        record.ended(Ended { objects, bytes, failed: failed.into(), outcome: outcome.clone() });
        outcome
    }
}
