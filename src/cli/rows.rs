//! Lines about objects, as `ls` and `find` print them: a million of them must not take longer than their listing.

use std::future::ready;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::json;

use super::output::{finish, json_line};
use crate::domain::object::{Entry, Object};
use crate::domain::text::{bytes, count, escaped, plural};
use crate::error::Result;
use crate::ops::walk::Walk;

/// stdout, for lines that come in many batches: each is there when the next one has to be waited for.
pub(super) struct Rows {
    out: BufWriter<StdoutLock<'static>>,
    zone: TimeZone,
    json: bool,
    /// Whether a person reads it.
    escapes: bool,
    line: Vec<u8>,
}

impl Rows {
    pub(super) fn new(json: bool) -> Self {
        let out = io::stdout();
        let escapes = out.is_terminal();
        let out = BufWriter::with_capacity(64 << 10, out.lock());
        Self { out, zone: TimeZone::system(), json, escapes, line: Vec::new() }
    }

    /// The walk's next objects; what was written goes out before they are waited for.
    pub(super) async fn next(&mut self, walk: &mut Walk) -> Result<Option<Vec<Object>>> {
        tokio::select! {
            biased;
            objects = walk.next() => return objects,
            () = ready(()) => {}
        }
        self.flush()?;
        walk.next().await
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        finish(self.out.flush())
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> Result<()> {
        match entry {
            Entry::Prefix(key) if self.json => self.json_line(&json!({ "type": "prefix", "key": key })),
            Entry::Prefix(key) => {
                let name = if self.escapes { escaped(key) } else { key.into() };
                finish(writeln!(self.out, "{:19}  {:>10}  {name}", "", "—"))
            }
            Entry::Object(object) => self.object(object),
        }
    }

    pub(super) fn object(&mut self, object: &Object) -> Result<()> {
        if self.json {
            let Object { key, size, last_modified, etag, storage_class } = object;
            let etag = etag.as_deref();
            let storage_class = storage_class.as_deref();
            return self.json_line(&Line { etag, key, last_modified, size, storage_class, r#type: "object" });
        }
        let escape = |text: &str, line: &mut Vec<u8>| match self.escapes {
            true => line.extend_from_slice(escaped(text).as_bytes()),
            false => line.extend_from_slice(text.as_bytes()),
        };
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(&time(object.last_modified, &self.zone));
        let size = bytes(object.size);
        line.extend(std::iter::repeat_n(b' ', 12_usize.saturating_sub(size.len())));
        line.extend_from_slice(size.as_bytes());
        line.extend_from_slice(b"  ");
        escape(&object.key, line);
        if let Some(class) = object.storage_class.as_deref().filter(|class| *class != "STANDARD") {
            line.extend_from_slice(b"  ");
            escape(class, line);
        }
        line.push(b'\n');
        finish(self.out.write_all(line))
    }

    /// A name and nothing else: on a line, or with a NUL behind it, which no name holds once it is a word of a program.
    pub(super) fn name(&mut self, start: &str, key: &str, null: bool) -> Result<()> {
        let line = &mut self.line;
        line.clear();
        // A NUL is for a program, which wants the name as it is.
        match self.escapes && !null {
            true => line.extend_from_slice(escaped(&format!("{start}{key}")).as_bytes()),
            false => line.extend([start, key].into_iter().flat_map(str::bytes)),
        }
        line.push(if null { 0 } else { b'\n' });
        finish(self.out.write_all(line))
    }

    pub(super) fn json_line(&mut self, value: &impl Serialize) -> Result<()> {
        finish(json_line(&mut self.out, value))
    }

    /// Count and size of all.
    pub(super) fn summary(&mut self, objects: u64, size: u64) -> Result<()> {
        finish(summary(&mut self.out, self.json, "objects", objects, Some(size)))
    }
}

/// Sorted by name, as all our JSON is.
#[derive(Serialize)]
struct Line<'a> {
    etag: Option<&'a str>,
    key: &'a str,
    last_modified: &'a Option<Timestamp>,
    size: &'a u64,
    storage_class: Option<&'a str>,
    r#type: &'static str,
}

pub(super) fn summary(out: &mut dyn Write, json: bool, what: &str, number: u64, size: Option<u64>) -> io::Result<()> {
    if json {
        return json_line(out, &json!({ "type": "summary", what: number, "size": size }));
    }
    let size = size.map(|size| format!(", {}", exact(size))).unwrap_or_default();
    writeln!(out, "{}{size}", plural(number, what.trim_end_matches('s')))
}

/// `1.2 MiB (1,258,291 B)`, `22 B`.
fn exact(size: u64) -> String {
    if size < 1024 { bytes(size) } else { format!("{} ({} B)", bytes(size), count(size)) }
}

/// `2026-01-02 03:04:05` in the zone of this machine, as `ls -l` does; blank for no time.
pub(super) fn time(time: Option<Timestamp>, zone: &TimeZone) -> [u8; 19] {
    let mut text = *b"                   ";
    let Some(time) = time else { return text };
    let local = zone.to_offset(time).to_datetime(time);
    text = *b"0000-00-00 00:00:00";
    let mut put = |places: std::ops::Range<usize>, number: i16| {
        // No time before the year 0 was ever written down.
        let mut number = number.unsigned_abs();
        for place in places.rev() {
            text[place] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
    };
    put(0..4, local.year());
    put(5..7, local.month().into());
    put(8..10, local.day().into());
    put(11..13, local.hour().into());
    put(14..16, local.minute().into());
    put(17..19, local.second().into());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_zone() {
        for zone in [TimeZone::UTC, TimeZone::fixed(jiff::tz::offset(-9)), TimeZone::system()] {
            for text in
                ["1970-01-01T00:00:00Z", "2026-01-02T03:04:05.999Z", "2024-02-29T23:59:59Z", "0999-12-31T12:00:00Z"]
            {
                let moment: Timestamp = text.parse().unwrap();
                let shown = moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
                assert_eq!(std::str::from_utf8(&time(Some(moment), &zone)), Ok(&*shown), "{text}");
            }
        }
        assert_eq!(time(None, &TimeZone::UTC), [b' '; 19]);
    }
}
