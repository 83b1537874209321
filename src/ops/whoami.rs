//! Who AWS says that we are.

use super::Core;
use crate::aws::sts::{Caller, Identity};
use crate::domain::role::RoleIndex;
use crate::error::{Error, Result};

impl Core {
    /// The identity of a role's session; one that wants an MFA code must have been made before.
    pub async fn role_identity(&self, role: RoleIndex) -> Result<Identity> {
        match self.identity_of_session(role).await {
            // AWS ended the session before its time.
            Err(Error::Expired { .. }) => {
                self.forget_chain(role);
                self.identity_of_session(role).await
            }
            answer => answer,
        }
    }

    async fn identity_of_session(&self, role: RoleIndex) -> Result<Identity> {
        let session = self.session_unasked(role).await?;
        let name = self.profile.label(role);
        let caller = Caller { keys: &session.keys, name: &name, is_source: false };
        self.aws.caller_identity(&self.endpoint(role, "STS"), caller).await
    }

    /// The identity of the source credentials from which the chain of `role` starts.
    pub async fn source_identity(&self, role: RoleIndex) -> Result<Identity> {
        let first = self.profile.chain(role)[0];
        if self.profile.role(first).permission_set {
            // A sign-in has no identity but that of what it gives.
            return self.role_identity(first).await;
        }
        let source = self.source_keys(role).await?;
        let caller = Caller { keys: &source.keys, name: self.profile.source_name(role), is_source: true };
        self.aws.caller_identity(&self.endpoint(role, "STS"), caller).await
    }

    /// The first role of each source: with it the source can be asked who it is.
    pub fn roles_by_source(&self) -> Vec<(&str, RoleIndex)> {
        let mut found: Vec<(&str, RoleIndex)> = Vec::new();
        for role in self.profile.indices() {
            let name = self.profile.source_name(role);
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, role));
            }
        }
        found
    }
}
