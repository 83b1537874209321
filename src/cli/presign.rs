//! `xsw presign`: an address that gives an object to whoever has it. stdout has the address and nothing else.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use super::{Context, output};
use crate::domain::duration::{self, words};
use crate::domain::presigned::{LONGEST, Limit, USUAL};
use crate::domain::role::RoleIndex;
use crate::domain::session::seconds_left;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// How an address can live longer than it did (AWS STS API Reference, `AssumeRole`: DurationSeconds).
const LONGER: &str = "an address ends with the session that signs it; `duration` of the role in the profile file asks \
                      for longer ones, up to the role's maximum session duration, an hour where roles are chained";

pub(super) async fn run(
    context: &Context,
    role: RoleIndex,
    uri: &S3Uri,
    version: Option<&str>,
    expires: Option<Duration>,
) -> Result<()> {
    if expires.is_some_and(|length| length > LONGEST) {
        return Err(Error::Usage {
            message: "--expires: AWS takes seven days at most".into(),
            hint: Some(format!("write 7d or less; {LONGER}")),
        });
    }
    context.session(role).await?;
    let presigned = context.core.presign(role, uri, version, Some(expires.unwrap_or(USUAL))).await?;
    output::print(|out| writeln!(out, "{}", presigned.expose()))?;
    let end = presigned.end.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let left = words(seconds_left(presigned.end, Timestamp::now()));
    let why = match presigned.limit {
        Some(Limit::Session) => ", because the session that signed it ends then",
        Some(Limit::SevenDays) => ", because AWS takes seven days at most",
        None => "",
    };
    output::note(&format!("who has this address reads the object until {end} ({left}){why}"));
    if expires.is_some() && presigned.limit == Some(Limit::Session) {
        output::hint(LONGER);
    }
    Ok(())
}

/// A length on the command line; days are for this verb alone.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let days =
        text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()).and_then(|days| days.checked_mul(86_400));
    let length = days.map_or_else(|| duration::parse(text), |seconds| Ok(Duration::from_secs(seconds)))?;
    if length.is_zero() { Err("an address that lives no second is of no use".into()) } else { Ok(length) }
}
