//! Lengths of time as people write and read them: `1h`, `15m`, `47:12`.

use std::time::Duration;

/// Takes `3600`, `90s`, `15m`, `1h`, `1h30m`, `12h`; a bare number is seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write `1h`, `90m`, `1h30m` or seconds");
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total: u64 = 0;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        total = count.checked_mul(unit).and_then(|s| total.checked_add(s)).ok_or_else(wrong)?;
        digits.clear();
    }
    if digits.is_empty() && !text.is_empty() { Ok(Duration::from_secs(total)) } else { Err(wrong()) }
}

/// A countdown: `4:31`, `47:12`, `11:59:03`.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A length in words for messages: `45 s`, `15 min`, `1 h`, `1 h 30 min`.
pub fn words(seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (_, 0) => format!("{hours} h"),
        _ => format!("{hours} h {minutes} min"),
    }
}

/// How long ago, in one unit: `now`, `5 min ago`, `2 h ago`, `3 d ago`, `1 y ago`.
pub fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => "now".into(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        86_400..31_536_000 => format!("{} d ago", seconds / 86_400),
        _ => format!("{} y ago", seconds / 31_536_000),
    }
}

/// How far this machine's clock is off when AWS's is ahead by that many seconds.
pub fn clock_off(ahead: i64) -> String {
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {} {direction} AWS's", words(ahead.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse() {
        for (text, seconds) in
            [("3600", 3600), ("90s", 90), ("15m", 900), ("1h", 3600), ("1h30m", 5400), (" 12h ", 43200)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "1", "1x", "1h30", "-1h", "99999999999999999999h"] {
            assert_eq!(parse(text).is_ok(), text == "1", "{text}");
        }
    }

    #[test]
    fn clocks_show_hours_only_when_there_are_some() {
        for (seconds, text) in [(0, "0:00"), (271, "4:31"), (2832, "47:12"), (43143, "11:59:03")] {
            assert_eq!(clock(seconds), text);
        }
    }
}
