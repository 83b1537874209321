//! AssumeRole as a role of the profile wants it, and as long as AWS allows.

use std::time::Duration;

use super::{Chaining, Want};
use crate::aws::Endpoint;
use crate::aws::sts::{AssumeRole, Assumed, CLOCK_LIMIT, Caller};
use crate::domain::duration::{clock_off, words};
use crate::domain::role::{CHAINED_DURATION, RoleIndex};
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::ops::Core;

const HOUR: Duration = Duration::from_secs(3600);

impl Core {
    /// Assumes the role; `mfa` is the serial number of a device and its code.
    ///
    /// AWS does not say how much a role allows, so it is asked for less until it agrees. What it agreed to is known the
    /// next time from the session that rests, and asked for right away, until somebody wants a new session.
    pub(super) async fn assume(
        &self,
        index: RoleIndex,
        (caller, chaining): (Caller<'_>, Chaining),
        mfa: Option<(&str, &str)>,
        want: Want,
    ) -> Result<Session> {
        let role = self.profile.role(index);
        let label = self.profile.label(index);
        let said = role.duration.or(self.profile.settings.duration);
        let known = self.cache.lifetime(&self.cache_key(index)).map(whole_minutes);
        let wanted = match (chaining, mfa) {
            (Chaining::Yes, _) => said.map(|said| said.min(CHAINED_DURATION)),
            // A code works once, so there is one call, and every role allows an hour.
            (Chaining::No, Some(_)) => said.map(|said| said.min(HOUR)),
            (Chaining::No, None) => said,
        };
        // Said once: the session that rests tells that it was.
        if let Some(asked) = said.filter(|said| Some(*said) != wanted && known.is_none()) {
            let asked = words(asked.as_secs());
            self.notice(match chaining {
                Chaining::Yes => {
                    format!("{label} is reached through another role, and AWS gives such sessions 1 h, not {asked}")
                }
                Chaining::No => {
                    format!("{label} is asked for 1 h, not {asked}, because the MFA code works for one call")
                }
            });
        }
        let agreed = known
            .filter(|known| want == Want::Living && *known >= HOUR && wanted.is_some_and(|wanted| *known < wanted));
        let first = agreed.or(wanted);
        let mut request = AssumeRole {
            role_arn: &role.arn,
            role_session_name: self.session_name(role),
            external_id: role.external_id.as_deref(),
            mfa,
            duration: first,
            source_identity: role.source_identity.as_deref(),
            tags: role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            transitive_tag_keys: &role.transitive_tags,
            policy: role.policy.as_deref(),
            policy_arns: &role.policy_arns,
        };
        let endpoint = self.endpoint(index, "STS");
        let mut answer = self.ask_once(&endpoint, caller, &request).await;
        for less in shorter(first) {
            let Some(limit) = answer.as_ref().err().and_then(Limit::of) else { break };
            request.duration = Some(if limit == Limit::Chained { CHAINED_DURATION } else { less });
            answer = self.ask_once(&endpoint, caller, &request).await;
        }
        if let (Ok(_), Some(asked), Some(given)) = (&answer, first, request.duration)
            && given < asked
        {
            let (asked, given) = (words(asked.as_secs()), words(given.as_secs()));
            self.notice(format!("{label} gives no session of {asked}; asked for {given} instead"));
        }
        answer
    }

    /// Asks STS, and says so when this machine's clock is wrong: AWS's answers work, but nothing else that counts time.
    async fn ask_once(&self, endpoint: &Endpoint, caller: Caller<'_>, request: &AssumeRole<'_>) -> Result<Session> {
        // In a box, because the SDK's futures are deeper than the compiler likes to lay out.
        let answer = Box::pin(self.aws.assume_role(endpoint, caller, request)).await?;
        Ok(self.told_clock(answer))
    }

    /// The session of an answer of STS, after a word about the clock where it is wrong.
    pub(super) fn told_clock(&self, answer: Assumed) -> Session {
        if let Some(ahead) = answer.clock_ahead.filter(|ahead| ahead.abs() >= CLOCK_LIMIT) {
            self.notice(format!("{}: set it, with NTP for example", clock_off(ahead)));
        }
        answer.session
    }
}

/// The two clocks and the way between them take or give a second.
fn whole_minutes(lifetime: Duration) -> Duration {
    Duration::from_secs((lifetime.as_secs() + 30) / 60 * 60)
}

/// Which limit a duration exceeds; AWS tells it in words alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    /// One hour for role chaining.
    Chained,
    /// The role's own MaxSessionDuration, whatever it is.
    OfRole,
}

impl Limit {
    fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Aws { code, message, .. } if code == "ValidationError" => {
                let says = |words: &str| message.contains(words);
                says("role chaining")
                    .then_some(Self::Chained)
                    .or_else(|| says("MaxSessionDuration").then_some(Self::OfRole))
            }
            _ => None,
        }
    }
}

/// What is asked for next when `duration` is too long: the maximums that IAM's console offers. A role's maximum is
/// never below one hour (IAM API Reference, `CreateRole`, MaxSessionDuration).
fn shorter(duration: Option<Duration>) -> impl Iterator<Item = Duration> {
    let asked = duration.unwrap_or_default();
    [8, 4, 2, 1].map(|hours| HOUR * hours).into_iter().filter(move |less| *less < asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_is_asked_for_down_to_an_hour() {
        let hours = |hours: u32| shorter(Some(HOUR * hours)).map(|less| less.as_secs() / 3600).collect::<Vec<_>>();
        assert_eq!(hours(12), [8, 4, 2, 1]);
        assert_eq!(hours(4), [2, 1]);
        assert_eq!((hours(1), shorter(None).count()), (vec![], 0));
    }

    #[test]
    fn aws_tells_the_limit_in_words() {
        let error = |code: &str, message: &str| Error::Aws {
            action: "sts:AssumeRole".into(),
            code: code.into(),
            message: message.into(),
            hint: None,
        };
        for (code, message, limit) in [
            (
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
                Some(Limit::Chained),
            ),
            (
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                Some(Limit::OfRole),
            ),
            ("ValidationError", "1 validation error detected", None),
            ("AccessDenied", "role chaining", None),
        ] {
            assert_eq!(Limit::of(&error(code, message)), limit, "{message}");
        }
    }
}
