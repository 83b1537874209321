//! Whether a session lasts as long as what is done with it, and what has to come when it does not.

use jiff::Timestamp;

use super::role::{Profile, RoleIndex};
use super::session::seconds_left;

/// How long a job runs before it is said that its session ends first: the first speeds mislead. In seconds.
const STEADY: i64 = 5;

/// The session of a job, as far as it matters to the job's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// When it ends.
    pub expiration: Timestamp,
    /// Whether the next one may want an MFA code from a person.
    pub may_ask_code: bool,
}

impl Lasting {
    /// Seconds until it ends, when a job needs more than that.
    pub fn ends_first(self, now: Timestamp, needed: Option<u64>) -> Option<u64> {
        let left = seconds_left(self.expiration, now);
        // When it has ended it is being renewed, or the job stands still and says so.
        (left > 0 && left < needed?).then_some(left)
    }
}

/// Whether a job that began then has run for long enough to believe its speed.
pub fn is_steady(began: Timestamp, now: Timestamp) -> bool {
    now.duration_since(began).as_secs() >= STEADY
}

impl Profile {
    /// The session of `role`, when sessions end as `end` knows; `None` when it knows of none.
    pub fn lasting(&self, role: RoleIndex, end: impl Fn(RoleIndex) -> Option<Timestamp>) -> Option<Lasting> {
        let expiration = end(role)?;
        // A session before it in the chain that outlives it needs no code then.
        let outlives = |link: RoleIndex| link != role && end(link).is_some_and(|its| its > expiration);
        let wants = |link: &RoleIndex| self.role(*link).mfa_serial.is_some() && !outlives(*link);
        let may_ask_code = self.settings.mfa_command.is_empty() && self.chain(role).iter().any(wants);
        Some(Lasting { expiration, may_ask_code })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_session_ends_first_when_more_is_needed_than_it_has() {
        let lasting = Lasting { expiration: at(10), may_ask_code: false };
        for (now, needed, ends) in [
            (0, Some(11), Some(10)),
            (0, Some(10), None),
            (0, None, None),
            (9, Some(2), Some(1)),
            (10, Some(99), None),
            (11, Some(99), None),
        ] {
            assert_eq!(lasting.ends_first(at(now), needed), ends, "{needed:?} at {now}");
        }
        for (now, steady) in [(0, false), (4, false), (5, true)] {
            assert_eq!(is_steady(at(0), at(now)), steady, "{now}");
        }
    }

    #[test]
    fn a_code_may_be_wanted_by_a_link_that_does_not_outlive_the_session() {
        const MFA: &str = "mfa_serial = \"arn:aws:iam::111111111111:mfa/me\"";
        let profile = |settings: &str, of_first: &str, of_second: &str| {
            let text = format!(
                "[settings]\n{settings}\n[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\n\
                 [[accounts.roles]]\nname = \"Jump\"\n{of_first}\n\
                 [[accounts.roles]]\nname = \"Far\"\nvia = \"hub/Jump\"\n{of_second}\n"
            );
            crate::config::parse(&text, Path::new("config.toml")).unwrap()
        };
        let (jump, far) = (RoleIndex(0), RoleIndex(1));
        for (settings, of_first, of_second, end_of_jump, may_ask) in [
            ("", "", "", None, false),
            ("", "", MFA, None, true),
            ("", MFA, "", None, true),
            ("", MFA, "", Some(60), true),
            ("", MFA, "", Some(61), false),
            ("", MFA, MFA, Some(61), true),
            ("mfa_command = [\"ykman\"]", MFA, MFA, None, false),
        ] {
            let end = |role| if role == jump { end_of_jump.map(at) } else { Some(at(60)) };
            let lasting = profile(settings, of_first, of_second).lasting(far, end);
            let case = format!("{settings} {of_first} {of_second} {end_of_jump:?}");
            assert_eq!(lasting, Some(Lasting { expiration: at(60), may_ask_code: may_ask }), "{case}");
        }
        assert_eq!(profile("", "", "").lasting(far, |_| None), None);
    }
}
