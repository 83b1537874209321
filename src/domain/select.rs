//! Which objects of a listing are meant: by name, by age, by size.

use globset::{Glob, GlobSet, GlobSetBuilder};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::duration;
use super::text::escaped;
use crate::error::{Error, Result};

/// A choice among objects. The default lets all of them through.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Only keys that one of these matches; `None` is every key.
    pub include: Option<Globs>,
    /// Without keys that one of these matches.
    pub exclude: Option<Globs>,
    /// Only what was written at or after this time.
    pub newer: Option<Timestamp>,
    /// Only what was written before this time.
    pub older: Option<Timestamp>,
    /// Only what has at least so many bytes.
    pub at_least: Option<u64>,
    /// Only what has at most so many bytes.
    pub at_most: Option<u64>,
}

/// Glob patterns. One without a `/` is about the last segment of a key, one with it about the whole key below the
/// prefix that was asked for.
#[derive(Clone, Debug)]
pub struct Globs {
    names: GlobSet,
    paths: GlobSet,
}

impl Globs {
    /// `None` for no pattern at all.
    ///
    /// # Errors
    /// What is wrong with a pattern, in words.
    pub fn new(patterns: &[String]) -> std::result::Result<Option<Self>, String> {
        if patterns.is_empty() {
            return Ok(None);
        }
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            let glob = Glob::new(pattern).map_err(|error| error.to_string())?;
            if pattern.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        let built = |set: GlobSetBuilder| set.build().map_err(|error| error.to_string());
        Ok(Some(Self { names: built(names)?, paths: built(paths)? }))
    }

    fn is_match(&self, path: &str) -> bool {
        let name = super::uri::last_segment(path);
        self.names.is_match(name) || self.paths.is_match(path)
    }
}

/// A choice in the words of a command line.
#[derive(Clone, Debug, Default)]
pub struct Words<'a> {
    /// The option and its globs.
    pub include: (&'static str, &'a [String]),
    /// The option and its globs.
    pub exclude: (&'static str, &'a [String]),
    /// `--newer`, as [`moment`] takes it.
    pub newer: Option<&'a str>,
    /// `--older`.
    pub older: Option<&'a str>,
    /// `--size`: `+1MiB` is at least, `-10K` at most, `22` exactly so many bytes.
    pub sizes: &'a [String],
}

impl Select {
    /// The choice that `words` mean at the time `now`; days and hours without an offset are those of `zone`.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the option.
    pub fn new(words: &Words<'_>, now: Timestamp, zone: &TimeZone) -> Result<Self> {
        let globs = |(option, patterns): (&str, &[String])| {
            Globs::new(patterns).map_err(|wrong| Error::Usage {
                message: format!("{option}: {}", escaped(&wrong)),
                hint: Some("* stands for any text, ? for a character, [a-z] and {a,b} for one of them".into()),
            })
        };
        let mut select = Self {
            include: globs(words.include)?,
            exclude: globs(words.exclude)?,
            newer: words.newer.map(|text| moment("--newer", text, now, zone)).transpose()?,
            older: words.older.map(|text| moment("--older", text, now, zone)).transpose()?,
            ..Self::default()
        };
        for text in words.sizes {
            let (sign, number) = match text.trim().split_at_checked(1) {
                Some((sign @ ("+" | "-"), number)) => (sign, number),
                _ => ("", text.as_str()),
            };
            let size = size(number).ok_or_else(|| Error::Usage {
                message: format!("--size: {} is no size", escaped(text)),
                hint: Some("write +1MiB for at least, -10K for at most, 22 for exactly so many bytes".into()),
            })?;
            if sign != "-" {
                select.at_least = Some(select.at_least.map_or(size, |least| least.max(size)));
            }
            if sign != "+" {
                select.at_most = Some(select.at_most.map_or(size, |most| most.min(size)));
            }
        }
        Ok(select)
    }

    /// Whether an object is meant. `path` is its key below the prefix that was asked for.
    pub fn allows(&self, path: &str, size: u64, modified: Option<Timestamp>) -> bool {
        self.include.as_ref().is_none_or(|globs| globs.is_match(path))
            && !self.exclude.as_ref().is_some_and(|globs| globs.is_match(path))
            && self.newer.is_none_or(|limit| modified.is_some_and(|time| time >= limit))
            && self.older.is_none_or(|limit| modified.is_some_and(|time| time < limit))
            && self.at_least.is_none_or(|limit| size >= limit)
            && self.at_most.is_none_or(|limit| size <= limit)
    }
}

/// The bytes that `22`, `10K`, `1MiB` or `1.5 GB` mean: K, M, G, T and P count in 1,024, as find and du do, and with a B
/// after them in 1,000.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (kind, base) = match unit.as_bytes() {
        [] | [b'b'] => (0, 1),
        [kind] | [kind, b'i', b'b'] => (*kind, 1024_u128),
        [kind, b'b'] => (*kind, 1000),
        _ => return None,
    };
    let power = if kind == 0 { 0 } else { 1 + b"kmgtpe".iter().position(|known| *known == kind)? };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    // Finer than a byte needs no more digits.
    if whole.len() > 20 || part.is_empty() || part.len() > 18 {
        return None;
    }
    let factor = base.pow(power.try_into().ok()?);
    let whole: u128 = whole.parse().ok()?;
    let fraction = part.parse::<u128>().ok()? * factor / 10_u128.pow(part.len().try_into().ok()?);
    whole.checked_mul(factor)?.checked_add(fraction)?.try_into().ok()
}

/// The time that `30m`, `12h`, `7d`, a date, or a date and time means, given as `option`; without an offset it is that
/// of `zone`.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn moment(option: &str, text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp> {
    let wrong = || Error::Usage {
        message: format!("{option}: {} is no time", escaped(text)),
        hint: Some("write 30m, 12h, 7d, 2026-11-01 or 2026-11-01T09:30:00Z".into()),
    };
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    // First the longer one: a date alone is a prefix of it.
    let local = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    if text.contains('-')
        && let Ok(local) = local
    {
        return local.to_zoned(zone.clone()).map(|time| time.timestamp()).map_err(|_| wrong());
    }
    let days = |unit: char, days: i64| Some(text.strip_suffix(unit)?.parse::<u32>().ok().map(|n| i64::from(n) * days));
    let seconds = match days('d', 1).or_else(|| days('w', 7)) {
        Some(days) => days.map(|days| days * 86_400),
        // A bare number would be seconds, and means a year as likely.
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => None,
        None => duration::parse(text).ok().and_then(|length| i64::try_from(length.as_secs()).ok()),
    };
    let seconds = seconds.ok_or_else(wrong)?;
    // Longer ago than time goes back is: everything.
    Ok(now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        for (text, time) in [
            ("30m", "2026-11-22T11:30:00Z"),
            ("12h", "2026-11-22T00:00:00Z"),
            ("1h30m", "2026-11-22T10:30:00Z"),
            ("90s", "2026-11-22T11:58:30Z"),
            ("7d", "2026-11-15T12:00:00Z"),
            (" 2w ", "2026-11-08T12:00:00Z"),
            ("2026-11-01", "2026-10-31T15:00:00Z"),
            ("2026-11-01T09:30", "2026-11-01T00:30:00Z"),
            ("2026-11-01 09:30:00", "2026-11-01T00:30:00Z"),
            ("2026-11-01T09:30:00Z", "2026-11-01T09:30:00Z"),
            ("2026-11-01T09:30:00+02:00", "2026-11-01T07:30:00Z"),
        ] {
            assert_eq!(moment("--since", text, now, &zone).unwrap().to_string(), time, "{text}");
        }
        assert_eq!(moment("--since", "4000000000d", now, &zone).unwrap(), Timestamp::MIN);
        for text in ["", "d", "2026", "yesterday", "-7d", "7x", "2026-13-01", "99999999999999999999d", "\u{9b}m"] {
            let error = moment("--since", text, now, &zone).unwrap_err();
            assert!(error.hint().unwrap().contains("7d") && !error.to_string().contains('\u{9b}'), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("22", 22),
            ("22B", 22),
            ("10K", 10_240),
            ("10k", 10_240),
            ("10kB", 10_000),
            ("1MiB", 1_048_576),
            ("1M", 1_048_576),
            ("1.5 GB", 1_500_000_000),
            (" 0.5K ", 512),
            ("2TiB", 2 << 40),
            ("15E", 15 << 60),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "K", "1X", "1iB", "1KiBB", "-1", "1.", "1..2", ".", "16E", "99999999999999999999999", "1e3"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn a_choice_in_words() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (names, not_names) = (strings(&["*.csv", "2025/*/*.gz"]), strings(&["secret*"]));
        let sizes = strings(&["+10", "-1K", "+20"]);
        let words = Words {
            include: ("--name", &names),
            exclude: ("--not-name", &not_names),
            newer: Some("7d"),
            older: Some("1h"),
            sizes: &sizes,
        };
        let select = Select::new(&words, now, &TimeZone::UTC).unwrap();
        let recent = Some(now - SignedDuration::from_hours(5));
        for (path, size, modified, allowed) in [
            ("a.csv", 20, recent, true),
            ("x/a.csv", 1024, recent, true),
            ("2025/01/a.gz", 20, recent, true),
            ("a.gz", 20, recent, false),
            ("x/secret.csv", 20, recent, false),
            ("a.csv", 19, recent, false),
            ("a.csv", 1025, recent, false),
            ("a.csv", 20, Some(now), false),
            ("a.csv", 20, Some(now - SignedDuration::from_hours(200)), false),
            ("a.csv", 20, None, false),
        ] {
            assert_eq!(select.allows(path, size, modified), allowed, "{path} {size} {modified:?}");
        }
        for (words, message) in [
            (Words { sizes: &strings(&["big"]), ..Words::default() }, "--size: big is no size"),
            (Words { newer: Some("soon"), ..Words::default() }, "--newer: soon is no time"),
            (Words { include: ("--name", &strings(&["[a"])), ..Words::default() }, "--name: error parsing glob"),
        ] {
            let error = Select::new(&words, now, &TimeZone::UTC).unwrap_err();
            assert!(error.to_string().starts_with(message) && error.hint().is_some(), "{error}");
        }
    }
}
