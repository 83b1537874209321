//! What a role is: all of it that somebody here may see.

use super::view::Views;
use crate::domain::explain::words::trust_in_words;
use crate::domain::explain::{Inspection, RoleFacts, Seen};
use crate::domain::role::RoleIndex;
use crate::error::Result;
use crate::ops::Core;

impl Core {
    /// All that can be told of a role.
    ///
    /// # Errors
    /// Only where a role to look with has no session.
    pub async fn inspect(&self, role: RoleIndex, with: &[RoleIndex]) -> Result<Inspection> {
        let mut views = Views::default();
        for index in with {
            let session = self.session(*index, None).await?;
            views.add_given(self.profile.label(*index), session, *index);
        }
        // Who cannot be asked shows nothing; what is there is shown all the same.
        _ = self.first_caller(role, &mut views).await;
        for index in self.profile.chain(role) {
            if let Some(session) = self.live_session(index) {
                views.add(self.profile.label(index), session, index);
            }
        }
        let wanted = self.profile.role(role);
        let (account, name) = (wanted.arn.account(), wanted.arn.name());
        let described = self.describe(&views, account, name).await;
        let policies = self.role_policies(&views, account, name).await;
        let boundary = match &described {
            Seen::Yes { value: Some(role), .. } => {
                self.boundary(&views, account, role.boundary.as_deref(), &described).await
            }
            other => other.map(|_| None),
        };
        let words = |role: &RoleFacts| trust_in_words(&role.trust).unwrap_or_else(|wrong| vec![wrong.to_string()]);
        let trust_in_words = described.value().and_then(Option::as_ref).map(words).unwrap_or_default();
        Ok(Inspection { label: self.profile.label(role), role: described, trust_in_words, policies, boundary })
    }
}
