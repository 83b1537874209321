//! `xsw history`: the audit trail. What `--json` prints is described at [`crate::ops::audit::Line`].

use std::io::{self, IsTerminal as _};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::output;
use crate::domain::duration;
use crate::domain::find::closest;
use crate::domain::select::moment;
use crate::domain::text::{bytes, cut, escaped, escaped_json, plural};
use crate::error::{Error, Result};
use crate::local::environment::Environment;
use crate::ops::audit::{Deed, Line, history};

/// Which events are wanted.
pub(super) struct Filter<'a> {
    pub(super) role: Option<&'a str>,
    pub(super) event: Option<&'a str>,
    pub(super) since: Option<&'a str>,
}

pub(super) fn run(environment: &Environment, filter: &Filter<'_>, limit: Option<usize>, json: bool) -> Result<()> {
    let event = filter.event.map(event).transpose()?;
    let since = filter.since.map(|text| moment("--since", text, Timestamp::now(), &TimeZone::system())).transpose()?;
    let role = filter.role.map(str::to_lowercase);
    let Some(history) = history(environment)? else {
        output::note("there is no audit trail yet: nothing was done with a session");
        return Ok(());
    };
    if history.corrupt > 0 {
        let number = history.corrupt as u64;
        let are = if number == 1 { "is" } else { "are" };
        output::note(&format!("{} of the audit trail {are} not readable and left out", plural(number, "line")));
    }
    let wanted = |line: &Line| {
        event.is_none_or(|event| line.event == event || event == "refusal" && line.outcome == "denied")
            && since.is_none_or(|since| line.time >= since)
            && role.as_deref().is_none_or(|role| is_of(line, role))
    };
    let mut lines: Vec<_> = history.lines.iter().filter(|(line, _)| wanted(line)).collect();
    if let Some(limit) = limit {
        lines.drain(..lines.len().saturating_sub(limit));
    }
    if json {
        return output::print(|out| lines.iter().try_for_each(|(_, text)| writeln!(out, "{}", escaped_json(text))));
    }
    if lines.is_empty() {
        output::note("no event of the audit trail is like that");
    }
    let zone = TimeZone::system();
    let rows: Vec<[String; 6]> = lines.iter().map(|(line, _)| row(line, &zone)).collect();
    let room = io::stdout().is_terminal().then(|| crossterm::terminal::size().ok()).flatten();
    let lines = table(&rows, room.map_or(usize::MAX, |(columns, _)| columns.into()));
    output::print(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}

/// The rows under each other, none wider than `room`.
fn table(rows: &[[String; 6]], room: usize) -> Vec<String> {
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(widest);
    let line = |row: &[String; 6]| {
        let mut line = String::new();
        for (place, (column, widest)) in row.iter().zip(widths).enumerate() {
            let padding = " ".repeat(widest - width(column));
            // Durations end under each other.
            match place {
                4 => line.extend([&padding, column.as_str(), "  "]),
                _ => line.extend([column.as_str(), &padding, "  "]),
            }
        }
        line.push_str(&row[5]);
        cut(line.trim_end(), room).into_owned()
    };
    rows.iter().map(line).collect()
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// Whether `text`, in lower case, is a part of the role's label, alias or ARN.
fn is_of(line: &Line, text: &str) -> bool {
    let holds = |name: &str| name.to_lowercase().contains(text);
    holds(&format!("{}/{}", line.account, line.role))
        || line.alias.as_deref().is_some_and(holds)
        || line.role_arn.as_deref().is_some_and(holds)
}

fn event(text: &str) -> Result<&'static str> {
    let names = Deed::ALL.map(|(name, _)| name);
    if let Some(name) = names.into_iter().find(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(name);
    }
    let near = closest(text, names.map(|name| (name, name)), 1);
    let hint = match near.first() {
        Some(name) => format!("did you mean {name}?"),
        None => format!("there are: {}", names.join(", ")),
    };
    Err(Error::Usage { message: format!("there is no event {}", escaped(text)), hint: Some(hint) })
}

/// Time, event, role, outcome, duration, detail; escaped, for people.
fn row(line: &Line, zone: &TimeZone) -> [String; 6] {
    let duration = match line.duration_ms {
        ..1000 => format!("{} ms", line.duration_ms),
        1000..60_000 => format!("{:.1} s", line.duration_ms as f64 / 1000.0),
        longer => duration::words(longer as u64 / 1000),
    };
    [
        line.time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        escaped(&line.event).into_owned(),
        escaped(&format!("{}/{}", line.account, line.role)).into_owned(),
        escaped(&line.outcome).into_owned(),
        duration,
        detail(line),
    ]
}

fn detail(line: &Line) -> String {
    let details = &line.details;
    let text = |name: &str| details.get(name).and_then(Value::as_str).map(|text| escaped(text).into_owned());
    let number = |name: &str| details.get(name).and_then(Value::as_u64);
    let told = match line.event.as_str() {
        "assume" | "renew" => {
            let name = line.session_name.as_deref().map(|name| escaped(name).into_owned());
            let known: Vec<String> =
                name.into_iter().chain(line.access_key_id.as_deref().map(|id| escaped(id).into_owned())).collect();
            (!known.is_empty()).then(|| known.join(" "))
        }
        "exec" | "shell" => text("program").map(|program| {
            let arguments = number("arguments").filter(|arguments| *arguments > 0);
            let arguments = arguments.map(|number| format!(" ({})", plural(number, "argument"))).unwrap_or_default();
            let status = number("status").filter(|status| *status != 0);
            program + &arguments + &status.map(|status| format!(", status {status}")).unwrap_or_default()
        }),
        "console" => {
            let known: Vec<String> = [text("service"), text("region")].into_iter().flatten().collect();
            (!known.is_empty()).then(|| known.join(" in "))
        }
        "download" => number("objects").map(|objects| {
            let buckets = details.get("buckets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let buckets: Vec<_> = buckets.iter().filter_map(Value::as_str).map(escaped).collect();
            let size = bytes(number("bytes").unwrap_or(0));
            format!("{}, {size} from {}", plural(objects, "object"), buckets.join(", "))
        }),
        "mend" => text("attached_to").map(|kind| match (text("policy_name"), text("name")) {
            (Some(policy), Some(name)) => format!("{policy} of the {kind} {name}"),
            (_, name) => format!("policy of the {kind} {}", name.unwrap_or_default()),
        }),
        "presign" => text("bucket").map(|bucket| match text("end") {
            Some(end) => format!("an object of {bucket}, until {end}"),
            None => bucket,
        }),
        "refusal" => text("action").map(|action| format!("{action} on {}", text("resource").unwrap_or_default())),
        _ => None,
    };
    let told = told.unwrap_or_else(|| plain(details));
    match line.error.as_deref().filter(|_| line.event != "refusal") {
        // No session came of it, so the error alone is worth reading.
        Some(error) if told.is_empty() || line.access_key_id.is_none() => first_line(error),
        Some(error) => format!("{told}: {}", first_line(error)),
        None => told,
    }
}

/// An error's text was escaped when it was written down; a file may hold anything nevertheless.
fn first_line(error: &str) -> String {
    let safe = |c: char| matches!(c, ' '..='~') || *escaped(c.encode_utf8(&mut [0; 4])) == *c.encode_utf8(&mut [0; 4]);
    error.lines().next().unwrap_or_default().chars().map(|c| if safe(c) { c } else { '\u{fffd}' }).collect()
}

/// Details that this version knows no words for.
fn plain(details: &Map<String, Value>) -> String {
    let one = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{} {}", escaped(name), escaped(text)),
        value => format!("{} {}", escaped(name), escaped_json(&value.to_string())),
    };
    details.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_terminal() {
        let row = |role: &str, duration: &str, detail: &str| {
            ["2026-11-22 09:30:00", "exec", role, "ok", duration, detail].map(str::to_owned)
        };
        let rows = [row("prod/日本", "7 ms", "tool (2 arguments)"), row("a/b", "1 h 30 min", "")];
        assert_eq!(
            table(&rows, usize::MAX),
            [
                "2026-11-22 09:30:00  exec  prod/日本  ok        7 ms  tool (2 arguments)",
                "2026-11-22 09:30:00  exec  a/b        ok  1 h 30 min",
            ]
        );
        assert_eq!(table(&rows, 60)[0], "2026-11-22 09:30:00  exec  prod/日本  ok        7 ms  tool …");
        for room in [0, 1, 20, 33, 60, 80] {
            assert!(table(&rows, room).iter().all(|line| width(line) <= room), "{room}");
        }
    }

    #[test]
    fn events_are_known_by_name() {
        assert_eq!(event("Exec").unwrap(), "exec");
        assert_eq!(event("asume").unwrap_err().hint().unwrap(), "did you mean assume?");
        assert!(event("x").unwrap_err().hint().unwrap().contains("refusal"));
    }
}
