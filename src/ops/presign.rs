//! Addresses that give an object to whoever has them, for a while.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::audit::{Deed, Event};
use super::{Core, held};
use crate::domain::presigned::Presigned;
use crate::domain::role::RoleIndex;
use crate::domain::text::rfc3339;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

impl Core {
    /// An address of the object that lives for `wanted`, but no longer than the session that signs it; without
    /// `wanted`, as long as that. It is written down that there is one, and until when; never the address.
    ///
    /// # Errors
    /// [`Error::Usage`] for a URI that names no object; what asking for the object says.
    pub async fn presign(
        self: &Arc<Self>,
        role: RoleIndex,
        uri: &S3Uri,
        version: Option<&str>,
        wanted: Option<Duration>,
    ) -> Result<Presigned> {
        if uri.key.is_empty() {
            return Err(Error::usage(format!("{uri} names no object")));
        }
        let began = Timestamp::now();
        let answer = self.s3(role).presign(uri, version, wanted).await;
        let session = held(&self.sessions).get(&role).cloned();
        let mut details = vec![("bucket", uri.bucket.as_str().into())];
        details.extend(answer.as_ref().ok().map(|presigned| ("end", rfc3339(presigned.end).into())));
        let outcome = answer.as_ref().map(drop);
        self.record(&Event { deed: Deed::Presign, role, began, session: session.as_ref(), outcome, details });
        answer
    }
}
