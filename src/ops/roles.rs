//! The accounts and roles of the profile, which have a session that lives, and for how long.

use jiff::Timestamp;

use super::{Core, held};
use crate::domain::lasting::Lasting;
use crate::domain::role::RoleIndex;
use crate::domain::session::{SessionFacts, seconds_left};

impl Core {
    /// The sessions that live now, by role. Reads only the files that are there, so that 5,000 roles cost little, and
    /// asks no keyring.
    pub fn live_sessions(&self) -> Vec<(RoleIndex, SessionFacts)> {
        let now = Timestamp::now();
        let stored = self.cache.stored();
        let remembered = held(&self.sessions).clone();
        let live = |role: RoleIndex| {
            if let Some(session) = remembered.get(&role).filter(|session| session.seconds_left(now) > 0) {
                return Some((role, session.into()));
            }
            if stored.is_empty() {
                return None;
            }
            let key = self.cache_key(role);
            let session = if stored.contains(&key) { self.cache.facts(&key, now) } else { None };
            Some((role, session?))
        };
        self.profile.indices().filter_map(live).collect()
    }

    /// The session with which work as `role` goes on now, as far as its end matters; asks no keyring.
    pub fn lasting(&self, role: RoleIndex) -> Option<Lasting> {
        let now = Timestamp::now();
        let end = |role: RoleIndex| {
            let remembered = held(&self.sessions).get(&role).map(|session| session.expiration);
            let remembered = remembered.filter(|end| seconds_left(*end, now) > 0);
            remembered.or_else(|| Some(self.cache.facts(&self.cache_key(role), now)?.expiration))
        };
        self.profile.lasting(role, end)
    }
}
