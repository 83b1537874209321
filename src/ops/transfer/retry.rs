//! What an error of a transfer means: try again, slow down, wait for a session, give up.

use std::time::Duration;

use crate::error::Error;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same again: the network, or the server's bad moment.
    Again,
    /// The same again, with fewer requests at once.
    SlowDown,
    /// Nothing before there is a session again.
    Session,
    /// The object is another one by now, or what came was not it: from its beginning.
    Anew,
    /// It will not be better.
    Final,
}

/// Reads an error (Amazon S3 API Reference, "Error responses").
pub fn verdict(error: &Error) -> Verdict {
    match error {
        Error::Network { .. } => Verdict::Again,
        Error::Aws { code, .. } => match code.as_str() {
            "SlowDown"
            | "ServiceUnavailable"
            | "Throttling"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "TooManyRequests"
            | "HTTP 503"
            | "HTTP 429" => Verdict::SlowDown,
            "InternalError"
            | "RequestTimeout"
            | "OperationAborted"
            // Another writer was faster or slower: the same call is to be made again.
            | "ConditionalRequestConflict"
            | "HTTP 500"
            | "HTTP 502"
            | "HTTP 504" => Verdict::Again,
            _ => Verdict::Final,
        },
        Error::Expired { .. }
        | Error::MfaRequired { .. }
        | Error::MfaCodeUsed { .. }
        | Error::MfaCommand { .. }
        | Error::SignedOut { .. } => Verdict::Session,
        Error::Replaced { .. } | Error::Corrupt { .. } => Verdict::Anew,
        _ => Verdict::Final,
    }
}

/// How patient a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long nothing may come of a body before it is asked for again.
    pub silence: Duration,
    /// How long to wait after the first failure; after each further one twice as long.
    pub pause: Duration,
    /// How often in a row a stream may fail without bringing anything.
    pub failures: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { silence: Duration::from_secs(20), pause: Duration::from_millis(200), failures: 8 }
    }
}

impl Patience {
    /// How long to wait after so many failures in a row (1 is the first), at most ten seconds; `None`: give up.
    /// Between a half and the whole of it by chance, so that many streams do not come back at once (AWS Architecture
    /// Blog, "Exponential Backoff And Jitter").
    pub fn after(&self, failures: u32) -> Option<Duration> {
        if failures > self.failures {
            return None;
        }
        let whole = self.pause.saturating_mul(1 << (failures - 1).min(16)).min(Duration::from_secs(10));
        let chance = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
        Some(whole.mul_f64(0.5 + chance / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_what_they_mean() {
        let aws = |code: &str| Error::Aws {
            action: "s3:GetObject".into(),
            code: code.into(),
            message: String::new(),
            hint: None,
        };
        for (error, expected) in [
            (Error::Network { endpoint: "s3".into(), message: "reset".into() }, Verdict::Again),
            (aws("InternalError"), Verdict::Again),
            (aws("ConditionalRequestConflict"), Verdict::Again),
            (aws("SlowDown"), Verdict::SlowDown),
            (aws("HTTP 503"), Verdict::SlowDown),
            (aws("InvalidObjectState"), Verdict::Final),
            (Error::Expired { role: "prod/Reader".into() }, Verdict::Session),
            (Error::Replaced { resource: "s3://b/k".into() }, Verdict::Anew),
            (Error::usage("no"), Verdict::Final),
        ] {
            assert_eq!(verdict(&error), expected, "{error}");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let patience = Patience { pause: Duration::from_millis(100), failures: 3, ..Patience::default() };
        for (failures, least, most) in [(1, 50, 100), (2, 100, 200), (3, 200, 400)] {
            let pause = patience.after(failures).unwrap().as_millis();
            assert!((least..=most).contains(&pause), "{failures}: {pause}");
        }
        assert_eq!(patience.after(4), None);
        assert!(Patience { failures: 99, ..patience }.after(60).unwrap() <= Duration::from_secs(10));
    }
}
