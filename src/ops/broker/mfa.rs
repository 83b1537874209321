//! MFA once: one code opens a session of the user, and every role of that source is assumed from it.

use jiff::Timestamp;

use super::codes::Codes;
use super::{Chaining, Want, held};
use crate::aws::sts::Caller;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::local::cache::NotForgotten;
use crate::ops::Core;

/// Seconds after which a role that refuses an MFA session may do so for its age: trust policies can ask for a code of
/// the last so many seconds (AWS global condition context keys, `aws:MultiFactorAuthAge`).
const OLD: u64 = 300;

/// Whether a refusal leaves it open that the age of the MFA code is the reason: AWS says so of no trust policy, but
/// names others (IAM User Guide, "Troubleshoot access denied error messages").
fn may_want_a_newer_code(error: &Error) -> bool {
    let others = ["no identity-based policy allows", "explicit deny", "permissions boundary", "session policy"];
    matches!(error, Error::Denied { message, .. } if !others.iter().any(|words| message.contains(words)))
}

impl Core {
    /// Assumes the role from the MFA session of its source. GetSessionToken makes no role chaining of it.
    pub(super) async fn assume_through_mfa_session(
        &self,
        role: RoleIndex,
        source: Caller<'_>,
        serial: &str,
        codes: &mut Codes<'_>,
        want: Want,
    ) -> Result<Session> {
        let session = self.mfa_session(role, source, serial, codes, None).await?;
        let answer = self.assume_from(role, source, &session, want).await;
        let refusal = match answer {
            Err(refusal) if may_want_a_newer_code(&refusal) && session.age(Timestamp::now()) >= OLD => refusal,
            answer => return answer,
        };
        self.notice(format!("{} refused; it may want a newer MFA code", self.profile.label(role)));
        match self.mfa_session(role, source, serial, codes, Some(&session)).await {
            Ok(session) => self.assume_from(role, source, &session, want).await,
            // Where a person can bring one, they are asked; else the refusal is what there is to say.
            Err(Error::MfaRequired { .. }) if codes.nobody_to_ask() => Err(refusal),
            Err(error) => Err(error),
        }
    }

    async fn assume_from(&self, role: RoleIndex, source: Caller<'_>, session: &Session, want: Want) -> Result<Session> {
        // No source of its own: when it has ended, a new one is made.
        let caller = Caller { keys: &session.keys, name: source.name, is_source: false };
        self.assume(role, (caller, Chaining::No), None, want).await
    }

    /// Assumes the role with a code in the call itself.
    pub(super) async fn assume_with_code(
        &self,
        role: RoleIndex,
        caller: (Caller<'_>, Chaining),
        serial: &str,
        codes: &mut Codes<'_>,
        want: Want,
    ) -> Result<Session> {
        loop {
            let code = codes.next(self, role, serial).await?;
            match self.assume(role, caller, Some((serial, code.as_str())), want).await {
                Err(error) if error.is_wrong_mfa_code() && codes.ask_again() => {}
                answer => return answer,
            }
        }
    }

    /// The session of the source that knows of MFA: the living one unless it is `refused`, else a new one for a code.
    async fn mfa_session(
        &self,
        role: RoleIndex,
        source: Caller<'_>,
        serial: &str,
        codes: &mut Codes<'_>,
        refused: Option<&Session>,
    ) -> Result<Session> {
        let key = self.mfa_key(role, serial);
        let Some(_flight) = self.flight(&key, codes).await else { return Err(self.busy(role)) };
        let is_refused =
            |session: &Session| refused.is_some_and(|refused| refused.keys.access_key_id == session.keys.access_key_id);
        let remembered = held(&self.mfa_sessions).get(&key).cloned();
        let stored = remembered.into_iter().chain(self.cache.load(&key, Timestamp::now()));
        for session in stored {
            if session.is_fresh(Timestamp::now()) && !is_refused(&session) {
                held(&self.mfa_sessions).insert(key, session.clone());
                return Ok(session);
            }
        }
        let account = self.profile.role(role).arn.account();
        let endpoint = self.endpoint(role, "STS");
        loop {
            let code = codes.next(self, role, serial).await?;
            let answer = Box::pin(self.aws.session_token(&endpoint, source, (serial, code.as_str()), account)).await;
            let session = match answer {
                Err(error) if error.is_wrong_mfa_code() && codes.ask_again() => continue,
                answer => self.told_clock(answer?),
            };
            tracing::info!(source = source.name, expiration = %session.expiration, "one MFA code for all its roles");
            self.keep(&key, &session);
            held(&self.mfa_sessions).insert(key, session.clone());
            return Ok(session);
        }
    }

    /// Forgets what codes were given for, of all devices of the source of that name, and tells how many of these
    /// sessions lived.
    pub(in crate::ops) fn forget_mfa_sessions(&self, source: &str) -> std::result::Result<usize, NotForgotten> {
        let (now, mut living) = (Timestamp::now(), 0);
        for role in self.profile.indices().filter(|role| self.profile.source_name(*role) == source) {
            if let Some(serial) = self.profile.role(role).mfa_serial.as_deref() {
                let key = self.mfa_key(role, serial);
                let remembered = held(&self.mfa_sessions).remove(&key);
                let lives = remembered.is_some_and(|session| session.seconds_left(now) > 0);
                // Roles that share a device share its key, which is gone for the second of them.
                living += usize::from(lives || self.cache.facts(&key, now).is_some());
                self.cache.forget(&key)?;
            }
        }
        Ok(living)
    }

    /// Forgets the MFA session of the source of `role`, when AWS may have ended it.
    pub(super) fn forget_mfa_session(&self, role: RoleIndex) {
        let first = self.profile.chain(role)[0];
        let Some(serial) = self.profile.role(first).mfa_serial.as_deref() else { return };
        let key = self.mfa_key(first, serial);
        let refused = held(&self.mfa_sessions).remove(&key);
        self.forget_refused(&key, refused.as_ref());
    }
}
