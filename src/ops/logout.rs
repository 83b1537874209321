//! Forgetting sessions: of a role, of the roles of a source, or all.

use jiff::Timestamp;

use super::{Core, held};
use crate::domain::role::RoleIndex;
use crate::domain::session::SessionFacts;
use crate::error::{Error, Result};
use crate::local::cache::NotForgotten;

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Sessions that lived.
    pub living: usize,
    /// Sessions that had ended, or of which nothing is known.
    pub ended: usize,
}

/// What was forgotten of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgottenOfSource {
    /// The roles whose sessions lived, and how many seconds these had left.
    pub roles: Vec<(RoleIndex, u64)>,
    /// Sessions that lived and that MFA codes were given for.
    pub mfa: usize,
}

impl Core {
    /// Forgets the session of `role` and tells how many seconds it had left; `None` when there was none that lived.
    pub fn forget_role(&self, role: RoleIndex) -> Result<Option<u64>> {
        let (key, now) = (self.cache_key(role), Timestamp::now());
        let remembered = held(&self.sessions).remove(&role).map(|session| SessionFacts::from(&session));
        // Its client has the credentials too.
        held(&self.buckets).remove(&role);
        let stored = self.cache.facts(&key, now);
        self.cache.forget(&key).map_err(not_forgotten)?;
        let left = stored.into_iter().chain(remembered).map(|session| session.seconds_left(now)).max();
        Ok(left.filter(|left| *left > 0))
    }

    /// Forgets the sessions of all roles whose chains start at the source of that name, with those that MFA codes were
    /// given for.
    pub fn forget_source(&self, source: &str) -> Result<ForgottenOfSource> {
        held(&self.sources).remove(source);
        let mfa = self.forget_mfa_sessions(source).map_err(not_forgotten)?;
        let mut roles = Vec::new();
        for (role, _) in self.live_sessions() {
            if self.profile.source_name(role) == source
                && let Some(left) = self.forget_role(role)?
            {
                roles.push((role, left));
            }
        }
        Ok(ForgottenOfSource { roles, mfa })
    }

    /// Forgets every session: also of roles that the profile no longer has, and those that MFA codes were given for.
    pub fn forget_all(&self) -> Result<Forgotten> {
        let now = Timestamp::now();
        held(&self.sessions).clear();
        held(&self.mfa_sessions).clear();
        held(&self.sources).clear();
        held(&self.buckets).clear();
        let all = self.cache.forget_all().map_err(not_forgotten)?;
        let living = all.iter().flatten().filter(|session| session.seconds_left(now) > 0).count();
        Ok(Forgotten { living, ended: all.len() - living })
    }
}

fn not_forgotten(error: NotForgotten) -> Error {
    match error {
        NotForgotten::Disk { path, source } => Error::file("remove", &path)(source),
        NotForgotten::Keyring(reason) => Error::NotFound {
            message: format!("the secrets of a session cannot be removed: {reason}"),
            hint: Some(format!(
                "unlock the keyring and run it again, or delete the items of `{}` in the keyring's own program",
                crate::local::keyring::SERVICE
            )),
        },
    }
}
