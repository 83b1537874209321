//! IAM Identity Center: signing in, and the credentials of permission sets.

use super::Core;
use crate::aws::source::SourceKeys;
use crate::domain::role::{PermissionSet, RoleIndex};
use crate::domain::session::Session;
use crate::error::Result;

impl Core {
    /// The credentials of a permission set, through the sign-in of the source of that name.
    pub(super) async fn permission_set_keys(&self, _source: &str, _set: &PermissionSet) -> Result<SourceKeys> {
        todo!()
    }

    /// A session of a role that is a permission set.
    pub(super) async fn permission_set_session(&self, _role: RoleIndex) -> Result<Session> {
        todo!()
    }

    /// Signs out of the source of that name; whether anybody was signed in.
    pub async fn sign_out(&self, _source: &str) -> Result<bool> {
        Ok(false)
    }
}
