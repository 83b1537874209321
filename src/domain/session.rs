//! What AssumeRole gave: temporary credentials, whose they are, and when they end.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::account::AccountId;

/// The keys of a session. Debug never shows the secret parts.
#[derive(Clone)]
pub struct Keys {
    /// `ASIA…` for a session, `AKIA…` for a user's long-lived key. Not a secret: CloudTrail shows it.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
    /// The session token; long-lived keys have none.
    pub session_token: Option<SecretString>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"[redacted]")
            .field("session_token", &self.session_token.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

impl Keys {
    /// The secret access key, for the one who must hand it on.
    pub fn secret(&self) -> &str {
        self.secret_access_key.expose_secret()
    }

    /// The session token, for the one who must hand it on.
    pub fn token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.expose_secret())
    }
}

/// A session of a role.
#[derive(Clone, Debug)]
pub struct Session {
    /// The credentials.
    pub keys: Keys,
    /// When AWS handed it out, by this machine's clock.
    pub issued: Timestamp,
    /// When it ends.
    pub expiration: Timestamp,
    /// `arn:aws:sts::ID:assumed-role/NAME/SESSION`; of a user's MFA session, the device.
    pub arn: String,
    /// The account of the role.
    pub account_id: AccountId,
}

impl Session {
    /// Whole seconds until it ends; 0 when it has ended.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        seconds_left(self.expiration, now)
    }

    /// Whole seconds since it was handed out.
    pub fn age(&self, now: Timestamp) -> u64 {
        seconds_left(now, self.issued)
    }

    /// Whether it is worth handing out: long sessions are renewed five minutes ahead of their end, as the SDKs do;
    /// short ones when a tenth is left.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        is_fresh(self.issued, self.expiration, now)
    }
}

/// [`Session::is_fresh`] for who knows its times alone.
pub fn is_fresh(issued: Timestamp, expiration: Timestamp, now: Timestamp) -> bool {
    let lifetime = seconds_left(expiration, issued);
    seconds_left(expiration, now) > (lifetime / 10).min(300)
}

/// What may be shown of a session: all but its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Not a secret: CloudTrail shows it.
    pub access_key_id: String,
    /// When AWS handed it out, by this machine's clock.
    pub issued: Timestamp,
    /// When it ends.
    pub expiration: Timestamp,
    /// `arn:aws:sts::ID:assumed-role/NAME/SESSION`.
    pub arn: String,
    /// The account of the role.
    pub account_id: AccountId,
}

impl SessionFacts {
    /// Whole seconds until it ends; 0 when it has ended.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        seconds_left(self.expiration, now)
    }
}

impl From<&Session> for SessionFacts {
    fn from(session: &Session) -> Self {
        Self {
            access_key_id: session.keys.access_key_id.clone(),
            issued: session.issued,
            expiration: session.expiration,
            arn: session.arn.clone(),
            account_id: session.account_id,
        }
    }
}

/// Whole seconds from `now` to `expiration`; 0 when it has passed.
pub fn seconds_left(expiration: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(expiration.duration_since(now).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(seconds: i64) -> Session {
        Session {
            keys: Keys {
                access_key_id: "ASIAEXAMPLE".into(),
                secret_access_key: "very-secret".to_owned().into(),
                session_token: Some("very-token".to_owned().into()),
            },
            issued: Timestamp::UNIX_EPOCH,
            expiration: Timestamp::from_second(seconds).unwrap(),
            arn: "arn:aws:sts::222222222222:assumed-role/S3Reader/me".into(),
            account_id: "222222222222".parse().unwrap(),
        }
    }

    #[test]
    fn debug_never_shows_a_secret() {
        let shown = format!("{:?}", session(3600));
        assert!(shown.contains("[redacted]") && shown.contains("ASIAEXAMPLE"), "{shown}");
        assert!(!shown.contains("very-"), "{shown}");
    }

    #[test]
    fn long_sessions_are_renewed_five_minutes_ahead_and_short_ones_at_a_tenth() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(session(3600).is_fresh(at(3299)) && !session(3600).is_fresh(at(3300)));
        assert!(session(60).is_fresh(at(53)) && !session(60).is_fresh(at(54)));
        assert_eq!(session(60).seconds_left(at(61)), 0);
    }
}
