//! JSON laid out for reading, also where its end is missing; JSON Lines as a table.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::table::Table;
use super::text::{Class, Text, lines};

/// Levels above which it is left as it is: indentation would outgrow the text.
const DEEPEST: usize = 100;

/// The text with one member or element a line. `None` for what is no JSON. Values after each other are laid out one
/// after the other.
pub(super) fn pretty(text: &str, is_cut: bool) -> Option<Text> {
    let mut out = Text::default();
    let mut depth = 0_usize;
    let mut rest = text.trim_start();
    let mut seen = false;
    while let Some(first) = rest.chars().next() {
        if out.is_full() {
            break;
        }
        let length = match first {
            '{' | '[' => {
                value_begins(&mut out, depth);
                let inside = rest[1..].trim_start();
                if inside.starts_with(if first == '{' { '}' } else { ']' }) {
                    out.push(if first == '{' { "{}" } else { "[]" }, Class::Punctuation);
                    rest.len() - inside.len() + 1
                } else {
                    out.push(&rest[..1], Class::Punctuation);
                    depth += 1;
                    if depth > DEEPEST {
                        return None;
                    }
                    new_line(&mut out, depth);
                    1
                }
            }
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                new_line(&mut out, depth);
                out.push(&rest[..1], Class::Punctuation);
                1
            }
            ',' if depth > 0 => {
                out.push(",", Class::Punctuation);
                new_line(&mut out, depth);
                1
            }
            ':' if depth > 0 => {
                out.push(": ", Class::Punctuation);
                1
            }
            '"' => {
                value_begins(&mut out, depth);
                let (length, whole) = string(rest);
                if !whole && !is_cut {
                    return None;
                }
                let is_key = depth > 0 && rest[length..].trim_start().starts_with(':');
                out.push(&rest[..length], if is_key { Class::Name } else { Class::String });
                length
            }
            '0'..='9' | '-' => {
                value_begins(&mut out, depth);
                let number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
                let length = rest.find(|c| !number(c)).unwrap_or(rest.len());
                out.push(&rest[..length], Class::Number);
                length
            }
            'a'..='z' | 'A'..='Z' => {
                value_begins(&mut out, depth);
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                let word = &rest[..length];
                let known = ["true", "false", "null", "NaN", "Infinity"];
                let cut = is_cut && length == rest.len() && known.iter().any(|known| known.starts_with(word));
                if !cut && !known.contains(&word) {
                    return None;
                }
                out.push(word, Class::Constant);
                length
            }
            _ => return None,
        };
        seen = true;
        rest = rest[length..].trim_start();
    }
    if out.column() > 0 {
        out.end_line();
    }
    seen.then_some(out)
}

/// Values after each other stand on lines of their own.
fn value_begins(out: &mut Text, depth: usize) {
    if depth == 0 && out.column() > 0 {
        out.end_line();
    }
}

fn new_line(out: &mut Text, depth: usize) {
    out.end_line();
    for _ in 0..depth {
        out.push("  ", Class::Plain);
    }
}

/// Bytes of the string that begins here, and whether its end is there.
fn string(text: &str) -> (usize, bool) {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (place + 1, true),
            _ => {}
        }
    }
    (text.len(), false)
}

/// An object with its members in the order they were written.
struct Record(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Record(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Columns above which records are no table that one could read.
const MOST_COLUMNS: usize = 40;

/// JSON Lines as a table, a column for each name; `None` when not every line is an object, or they are too different.
pub(super) fn records(text: &str, is_cut: bool) -> Option<Table> {
    let mut records = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut all = lines(text).filter(|line| !line.trim().is_empty()).peekable();
    while let Some(line) = all.next() {
        let Ok(Record(members)) = serde_json::from_str(line) else {
            // The last one may be cut through.
            if is_cut && all.peek().is_none() {
                break;
            }
            return None;
        };
        for (name, _) in &members {
            if !names.contains(name) {
                names.push(name.clone());
                if names.len() > MOST_COLUMNS {
                    return None;
                }
            }
        }
        records.push(members);
    }
    if records.is_empty() || names.is_empty() {
        return None;
    }
    let mut table = Table::new(names.iter().map(String::as_str));
    for members in &records {
        let cell = |name: &String| {
            let value = members.iter().find(|(of, _)| of == name).map(|(_, value)| value);
            match value {
                None => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            }
        };
        table.push(names.iter().map(cell));
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(text: &str, is_cut: bool) -> Option<String> {
        let text = pretty(text, is_cut)?;
        let line = |index| text.line(index).map(|(run, _)| run).collect::<String>();
        Some((0..text.len()).map(line).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn json_is_laid_out_as_far_as_it_goes() {
        let shown = "{\n  \"a\": [\n    1,\n    -2.5e3\n  ],\n  \"b\": {},\n  \"c\": \"x\\\"}\"\n}";
        for (text, cut, expected) in [
            (r#"{"a":[1,-2.5e3],"b":{ },"c":"x\"}"}"#, false, Some(shown)),
            ("{\n\"a\" : true }\n", false, Some("{\n  \"a\": true\n}")),
            (r#"{"a":{"b":"cut thro"#, true, Some("{\n  \"a\": {\n    \"b\": \"cut thro")),
            (r#"[tru"#, true, Some("[\n  tru")),
            (r#"{"a":"no end"#, false, None),
            ("{\"a\":1}\n{\"a\":2}", false, Some("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}")),
            ("null", false, Some("null")),
            ("[]", false, Some("[]")),
            ("[section]\nkey = 1", false, None),
            ("{ // comment\n}", false, None),
            ("}", false, None),
            ("", false, None),
            ("plain words", false, None),
        ] {
            assert_eq!(laid_out(text, cut).as_deref(), expected, "{text}");
        }
        assert!(pretty(&"[".repeat(200_000), true).is_none());
    }

    #[test]
    fn keys_and_values_are_told_apart() {
        let text = pretty(r#"{"a":"b"}"#, false).unwrap();
        let runs: Vec<_> = text.line(1).collect();
        assert_eq!(
            runs,
            [("  ", Class::Plain), ("\"a\"", Class::Name), (": ", Class::Punctuation), ("\"b\"", Class::String)]
        );
    }

    #[test]
    fn lines_that_are_alike_are_a_table() {
        let text = "{\"b\":1,\"a\":\"x\"}\n\n{\"a\":\"y\",\"c\":[1]}\n{\"a\":\"cu";
        let table = records(text, true).unwrap();
        let names: Vec<_> = table.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        let cells = |row| (0..3).map(|column| table.cell(row, column)).collect::<Vec<_>>();
        assert_eq!((table.len(), cells(0), cells(1)), (2, vec!["1", "x", ""], vec!["", "y", "[1]"]));
        assert!(records(text, false).is_none());
        assert!(records("[1]\n[2]", false).is_none());
        assert!(records("", false).is_none());
    }
}
