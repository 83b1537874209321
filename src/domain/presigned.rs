//! Presigned URLs: who has one reads the object, until it ends.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

/// The longest life that AWS takes (Amazon S3 User Guide, "Expiration time for presigned URLs").
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The life where nobody says one.
pub const USUAL: Duration = Duration::from_secs(3600);

/// An address that is as good as the object itself. Debug does not show it.
#[derive(Clone)]
pub struct Presigned {
    url: SecretString,
    /// When it ends.
    pub end: Timestamp,
    /// Why that is sooner than was asked for.
    pub limit: Option<Limit>,
}

/// What cuts the life of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The session that signs it.
    Session,
    /// AWS's seven days.
    SevenDays,
}

impl Presigned {
    /// An address that lives until `end`.
    pub fn new(url: String, end: Timestamp, limit: Option<Limit>) -> Self {
        Self { url: url.into(), end, limit }
    }

    /// The address, for the one who asked for it.
    pub fn expose(&self) -> &str {
        self.url.expose_secret()
    }
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned").field("url", &"[redacted]").field("end", &self.end).finish()
    }
}

impl PartialEq for Presigned {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose() && (self.end, self.limit) == (other.end, other.limit)
    }
}

impl Eq for Presigned {}

/// How long an address lives when it should live for `wanted` (else as long as it can) and the session that signs it
/// has `left`, and what cut it; `None` when there is nothing left.
pub fn life(wanted: Option<Duration>, left: Option<Duration>) -> Option<(Duration, Option<Limit>)> {
    let (longest, limit) = match left {
        Some(left) if left < LONGEST => (left, Limit::Session),
        _ => (LONGEST, Limit::SevenDays),
    };
    let longest = Duration::from_secs(longest.as_secs());
    if longest.is_zero() {
        return None;
    }
    match wanted {
        Some(wanted) if wanted <= longest => Some((wanted, None)),
        Some(_) => Some((longest, Some(limit))),
        None => Some((longest, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lives_no_longer_than_its_session_and_seven_days() {
        let seconds = Duration::from_secs;
        for (wanted, left, lives) in [
            (Some(900), Some(3000), Some((900, None))),
            (Some(3600), Some(3000), Some((3000, Some(Limit::Session)))),
            (None, Some(3000), Some((3000, None))),
            (Some(3600), None, Some((3600, None))),
            (Some(9_999_999), None, Some((604_800, Some(Limit::SevenDays)))),
            (Some(9_999_999), Some(99_999_999), Some((604_800, Some(Limit::SevenDays)))),
            (Some(900), Some(0), None),
        ] {
            let lives = lives.map(|(length, limit)| (seconds(length), limit));
            assert_eq!(life(wanted.map(seconds), left.map(seconds)), lives, "{wanted:?} {left:?}");
        }
    }

    #[test]
    fn debug_never_shows_an_address() {
        let presigned = Presigned::new("https://x/?X-Amz-Signature=very-secret".into(), Timestamp::UNIX_EPOCH, None);
        assert!(!format!("{presigned:?}").contains("very-secret"));
    }
}
