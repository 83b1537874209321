//! Looking into buckets as a role.

use std::sync::Arc;

use super::{Core, held};
use crate::aws::s3::{S3, SessionFuture};
use crate::domain::role::RoleIndex;

impl Core {
    /// S3 as `role` sees it. Sessions are made and renewed as calls need them; one that wants an MFA code must have
    /// been made before, and is used to its last second.
    pub fn s3(self: &Arc<Self>, role: RoleIndex) -> S3 {
        let mut buckets = held(&self.buckets);
        let new = || {
            let core = Arc::clone(self);
            let session = move || -> SessionFuture {
                let core = Arc::clone(&core);
                Box::pin(async move { core.session_unasked(role).await })
            };
            let core = Arc::clone(self);
            let forget = move || core.forget_chain(role);
            S3::new(self.aws.clone(), self.endpoint(role, "S3"), self.profile.label(role), session, forget)
        };
        buckets.entry(role).or_insert_with(new).clone()
    }
}
