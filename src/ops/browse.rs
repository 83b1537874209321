//! Looking into buckets as a role.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};

use super::audit::{Deed, Event};
use super::{Core, held};
use crate::aws::s3::{S3, SessionFuture, Watch, Ways};
use crate::domain::role::RoleIndex;
use crate::error::Error;

/// How long the same refusal is not written down again: a job may meet it for each of a thousand objects.
const QUIET: SignedDuration = SignedDuration::from_secs(60);

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
            let core = Arc::clone(self);
            let noted = Mutex::new(HashMap::new());
            let refused = move |error: &Error, began| core.refused(role, error, began, &noted);
            let watch = Watch { forget: Box::new(forget), refused: Box::new(refused) };
            let (label, ways) = (self.profile.label(role), self.ways(role));
            S3::new(self.aws.clone(), self.endpoint(role, "S3"), label, ways, session, watch)
        };
        buckets.entry(role).or_insert_with(new).clone()
    }

    fn ways(&self, role: RoleIndex) -> Ways {
        Ways { path_style: self.profile.account(role).path_style, paid: self.profile.role(role).requester_pays.clone() }
    }

    /// Writes a refusal down, once a minute for each action and bucket.
    fn refused(
        &self,
        role: RoleIndex,
        error: &Error,
        began: Timestamp,
        noted: &Mutex<HashMap<(String, String), Timestamp>>,
    ) {
        let Error::Denied { action, resource, .. } = error else { return };
        let bucket = resource.split('/').next().unwrap_or_default();
        let (same, now) = ((action.clone(), bucket.to_owned()), Timestamp::now());
        let before = held(noted).insert(same.clone(), now);
        if let Some(before) = before.filter(|before| now.duration_since(*before) < QUIET) {
            // A minute from the line that was written.
            held(noted).insert(same, before);
            return;
        }
        let session = held(&self.sessions).get(&role).cloned();
        self.record(&Event {
            deed: Deed::Refusal,
            role,
            began,
            session: session.as_ref(),
            outcome: Err(error),
            details: vec![("action", action.as_str().into()), ("resource", resource.as_str().into())],
        });
    }
}
