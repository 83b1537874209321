//! The broker of sessions: the one way in for the screen, the verbs, the subshell and `credential_process`.
//!
//! It walks the chain of roles from the source credentials on, reuses each session while it lives, and lets one
//! process ask AWS while the others wait for its answer.

mod codes;
mod key;
mod mfa;
mod request;

use std::time::Duration;

use jiff::Timestamp;

use super::audit::{Deed, Event};
use super::{Core, held};
use crate::aws::source::SourceKeys;
use crate::aws::sts::Caller;
use crate::domain::role::{RoleIndex, Source};
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::local::cache::{CacheKey, Lock};
use codes::Codes;

/// SDKs wait a second or two for a session before they give up.
const SOON: Duration = Duration::from_millis(500);

/// Whether a role is assumed with the session of another: role chaining, for which AWS gives one hour at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chaining {
    Yes,
    /// As far as anybody knows before AWS says otherwise.
    No,
}

/// Which session will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Any that lives long enough.
    Living,
    /// One that was handed out after this.
    New { since: Timestamp },
}

impl Want {
    fn is_met_by(self, session: &Session) -> bool {
        match self {
            Self::Living => true,
            Self::New { since } => session.issued >= since,
        }
    }
}

impl Core {
    /// The session of `role` that lives now, without asking AWS: the one that this process has used while it is fresh,
    /// else the one that lives longest, which another process may have fetched meanwhile.
    pub fn live_session(&self, role: RoleIndex) -> Option<Session> {
        let now = Timestamp::now();
        let remembered = held(&self.sessions).get(&role).filter(|session| session.seconds_left(now) > 0).cloned();
        if remembered.as_ref().is_some_and(|session| session.is_fresh(now)) {
            return remembered;
        }
        let stored = self.cache.load(&self.cache_key(role), now);
        remembered.into_iter().chain(stored).max_by_key(|session| session.expiration)
    }

    /// A session of `role` worth handing out: the living one, or a new one through the whole chain.
    ///
    /// `mfa_code` serves the first role of the chain that wants one and has no session yet.
    ///
    /// # Errors
    /// [`Error::MfaRequired`] when a code is wanted and none is left: ask for it and call again, the roles before it
    /// are not assumed twice. [`Error::Denied`], [`Error::SignedOut`] and the like from AWS.
    pub async fn session(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Session> {
        self.obtain(role, Codes::given(mfa_code), Want::Living).await
    }

    /// A new session of `role`; the one that lives is kept until the new one is there.
    pub async fn renewed_session(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Session> {
        self.obtain(role, Codes::given(mfa_code), Want::New { since: Timestamp::now() }).await
    }

    /// The same as [`Core::session`]; asks for MFA codes at the controlling terminal as long as a role of the chain
    /// wants one. Where none can be had, a session that is about to end is better than none.
    pub async fn session_asked(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Session> {
        let answer = self.obtain(role, Codes::at_terminal(mfa_code), Want::Living).await;
        answer.or_else(|error| self.better_than_none(role, error))
    }

    /// The same as [`Core::session`] where nobody can be asked: while a session lives it is better than none, even when
    /// it is about to end.
    pub async fn session_unasked(&self, role: RoleIndex) -> Result<Session> {
        self.session(role, None).await.or_else(|error| self.better_than_none(role, error))
    }

    /// The session that still lives, when it could not be renewed for a reason that does not touch it.
    pub(super) fn better_than_none(&self, role: RoleIndex, error: Error) -> Result<Session> {
        match error {
            Error::MfaRequired { .. } | Error::MfaCommand { .. } | Error::SignedOut { .. } | Error::Network { .. } => {
                self.live_session(role).ok_or(error)
            }
            error => Err(error),
        }
    }

    async fn obtain(&self, role: RoleIndex, mut codes: Codes<'_>, want: Want) -> Result<Session> {
        let source = self.profile.source_name(role);
        let knew_source = held(&self.sources).contains_key(source);
        match self.walk_chain(role, &mut codes, want).await {
            // AWS ended a session of the chain before its time.
            Err(Error::Expired { .. }) => {
                self.forget_chain(role);
                self.walk_chain(role, &mut codes, want).await
            }
            // The source credentials of a while ago: newer ones may be where they came from.
            Err(Error::SignedOut { .. }) if knew_source => {
                held(&self.sources).remove(source);
                self.walk_chain(role, &mut codes, want).await
            }
            answer => answer,
        }
    }

    async fn walk_chain(&self, role: RoleIndex, codes: &mut Codes<'_>, want: Want) -> Result<Session> {
        let living = if want == Want::Living { self.live_session(role) } else { None };
        if let Some(session) = living.as_ref().filter(|session| session.is_fresh(Timestamp::now())) {
            self.remember(role, session);
            return Ok(session.clone());
        }
        // Whoever has a session to go on with does not wait while somebody else is asked for a code.
        codes.patience = living.is_some().then_some(SOON);
        match self.walk(role, codes, want).await {
            Err(error) if codes.gave_way => living.ok_or(error),
            answer => answer,
        }
    }

    async fn walk(&self, role: RoleIndex, codes: &mut Codes<'_>, want: Want) -> Result<Session> {
        let chain = self.profile.chain(role);
        let fresh = |link: &RoleIndex| {
            let session = self.live_session(*link).filter(|session| session.is_fresh(Timestamp::now()))?;
            self.remember(*link, &session);
            Some(session)
        };
        // The nearest link that still lives spares all links before it. The role itself comes last, and is wanted anew.
        let before = &chain[..chain.len() - 1];
        let living = before.iter().enumerate().rev().find_map(|(place, link)| Some((place, fresh(link)?)));
        let (from, mut session) = living.map_or((0, None), |(place, session)| (place + 1, Some(session)));
        for (place, link) in chain.iter().enumerate().skip(from) {
            let before = place.checked_sub(1).map(|place| self.profile.label(chain[place]));
            let want = if *link == role { want } else { Want::Living };
            session = Some(self.link(*link, before.zip(session.as_ref()), codes, want).await?);
        }
        // The chain has at least the role itself.
        session.ok_or(Error::Interrupted)
    }

    /// Remembers a session as the one that we use: when AWS ends it, this one is forgotten and no other.
    fn remember(&self, role: RoleIndex, session: &Session) {
        held(&self.sessions).insert(role, session.clone());
    }

    /// Forgets the sessions of `role` and of all roles before it: AWS says that one of them has ended, and not which.
    /// One that another process has renewed meanwhile is kept.
    pub(super) fn forget_chain(&self, role: RoleIndex) {
        for link in self.profile.chain(role) {
            self.forget_session(link);
        }
        self.forget_mfa_session(role);
    }

    /// Forgets the session of `role` alone, which AWS refused; one that another process has renewed meanwhile is kept.
    pub(super) fn forget_session(&self, role: RoleIndex) {
        let refused = held(&self.sessions).remove(&role);
        self.forget_refused(&self.cache_key(role), refused.as_ref());
    }

    /// Forgets what is stored under `key`, when it is what AWS refused.
    fn forget_refused(&self, key: &CacheKey, refused: Option<&Session>) {
        let Some(refused) = refused else { return };
        let stored = self.cache.load(key, Timestamp::now());
        if stored.is_some_and(|stored| stored.keys.access_key_id != refused.keys.access_key_id) {
            return;
        }
        if let Err(error) = self.cache.forget(key) {
            tracing::warn!(%error, "a session that has ended cannot be forgotten");
        }
    }

    /// One link of the chain. One process asks AWS; others that want the same session wait for it.
    async fn link(
        &self,
        role: RoleIndex,
        before: Option<(String, &Session)>,
        codes: &mut Codes<'_>,
        want: Want,
    ) -> Result<Session> {
        let key = self.cache_key(role);
        let Some(_flight) = self.flight(&key, codes).await else { return Err(self.busy(role)) };
        let now = Timestamp::now();
        let stored = self.live_session(role);
        let serves = |session: &&Session| session.is_fresh(now) && want.is_met_by(session);
        if let Some(session) = stored.as_ref().filter(serves) {
            self.remember(role, session);
            return Ok(session.clone());
        }
        let deed = if stored.is_some() { Deed::Renew } else { Deed::Assume };
        let outcome = self.fetch(role, before, codes, want).await;
        if let Ok(session) = &outcome {
            let label = self.profile.label(role);
            tracing::info!(role = label, arn = session.arn, expiration = %session.expiration, "assumed");
            self.remember(role, session);
            self.keep(&key, session);
        }
        // A question to the person is no event yet.
        if !matches!(outcome, Err(Error::MfaRequired { .. } | Error::Interrupted)) {
            let (session, how) = (outcome.as_ref().ok(), outcome.as_ref().map(|_| ()));
            self.record(&Event { deed, role, began: now, session, outcome: how, details: Vec::new() });
        }
        outcome
    }

    /// A new session of one link, from AWS.
    async fn fetch(
        &self,
        role: RoleIndex,
        before: Option<(String, &Session)>,
        codes: &mut Codes<'_>,
        want: Want,
    ) -> Result<Session> {
        let known = self.profile.role(role);
        if before.is_none() && known.permission_set {
            return self.permission_set_session(role).await;
        }
        let source;
        let (caller, chaining) = match &before {
            Some((name, session)) => (Caller { keys: &session.keys, name, is_source: false }, Chaining::Yes),
            None => {
                source = self.source_keys(role).await?;
                let chaining = if source.is_role_session { Chaining::Yes } else { Chaining::No };
                (Caller { keys: &source.keys, name: self.profile.source_name(role), is_source: true }, chaining)
            }
        };
        match known.mfa_serial.as_deref() {
            None => self.assume(role, (caller, chaining), None, want).await,
            // A session gets no session by GetSessionToken, so the code goes with each AssumeRole.
            Some(serial) if caller.keys.token().is_some() => {
                self.assume_with_code(role, (caller, chaining), serial, codes, want).await
            }
            Some(serial) => self.assume_through_mfa_session(role, caller, serial, codes, want).await,
        }
    }

    /// Keeps the session for the next process. Where it cannot be kept, this one goes on with it.
    fn keep(&self, key: &CacheKey, session: &Session) {
        if let Err(error) = self.cache.store(key, session) {
            self.notice(error.to_string());
        }
    }

    /// Waits until nobody else fetches what `key` names, in this process and in others, but no longer than `codes` has
    /// patience; holds it until dropped. Without the kernel's lock xsw still works; it may ask twice.
    async fn flight(&self, key: &CacheKey, codes: &mut Codes<'_>) -> Option<Option<Lock>> {
        let landed = self.cache.flight(key);
        let Some(patience) = codes.patience else { return Some(landed.await.ok()) };
        let flight = tokio::time::timeout(patience, landed).await.ok();
        codes.gave_way = flight.is_none();
        flight.map(Result::ok)
    }

    /// Others are asked for a code that this role needs too.
    fn busy(&self, role: RoleIndex) -> Error {
        let serial = self.profile.role(role).mfa_serial.clone().unwrap_or_default();
        Error::MfaRequired { role: self.profile.label(role), serial }
    }

    /// The source credentials from which the chain of `role` starts, fetched once while they live.
    pub(super) async fn source_keys(&self, role: RoleIndex) -> Result<SourceKeys> {
        let name = self.profile.source_name(role);
        let lives = |keys: &SourceKeys| keys.expiration.is_none_or(|end| end > Timestamp::now());
        if let Some(keys) = held(&self.sources).get(name).filter(|keys| lives(keys)).cloned() {
            return Ok(keys);
        }
        let source =
            self.profile.sources.get(name).ok_or_else(|| Error::usage(format!("there is no source {name}")))?;
        let keys = match source {
            Source::IdentityCenter { permission_set: Some(set), .. } => self.permission_set_keys(name, set).await?,
            source => {
                let keys = self.aws.source_keys(name, source, &self.endpoint(role, "STS")).await;
                keys.map_err(|error| self.with_sign_in_hint(name, error))?
            }
        };
        held(&self.sources).insert(name.to_owned(), keys.clone());
        Ok(keys)
    }
}
