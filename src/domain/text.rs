//! Strangers' text, made fit to be seen: keys, names and messages from AWS or a bucket.
//!
//! Every string that came from outside goes through [`escaped`] before it reaches a terminal, a title or a log.
//! Escaping keeps different texts different, which dropping characters would not.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text with everything escaped that moves the cursor, hides, reorders, or looks like something else:
/// controls as `\x1b`, other invisible characters as `\u{202e}`, a backslash as `\\`, a space at an end as `\x20`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(must_escape) && !text.starts_with(' ') && !text.ends_with(' ') {
        return Cow::Borrowed(text);
    }
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(text.len() + 16);
    for (place, c) in text.chars().enumerate() {
        let edge_space = c == ' ' && (place == 0 || place == last);
        match c {
            '\\' => out.push_str(r"\\"),
            c if !must_escape(c) && !edge_space => out.push(c),
            c => write_escaped(&mut out, c),
        }
    }
    Cow::Owned(out)
}

fn write_escaped(out: &mut String, c: char) {
    _ = match c.is_ascii() {
        true => write!(out, "\\x{:02x}", u32::from(c)),
        false => write!(out, "\\u{{{:x}}}", u32::from(c)),
    };
}

/// A text of several lines, each escaped, the line ends kept: for messages that AWS or a file's parser wrote.
pub fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// The text with everything escaped that a terminal would obey or hide, and backslashes and line ends as they are.
///
/// For whole sentences at the door to the terminal: the names in them are escaped by who puts them there, and a second
/// time changes nothing.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let must_escape = |c: char| !matches!(c, '\\' | '\n') && must_escape(c);
    if !text.chars().any(must_escape) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if must_escape(c) { write_escaped(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// The same in one line: for commands, whose backslashes are the shell's, so that no text in them begins a line.
pub fn harmless_line(text: &str) -> String {
    harmless(text).replace('\n', r"\x0a")
}

/// JSON with the same characters written as `\u202e`, which it allows in every text: to a program it is the same, and a
/// terminal has nothing to obey.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    // A backslash is JSON's own by now.
    let must_escape = |c: char| c != '\\' && c != '\n' && must_escape(c);
    if !json.chars().any(must_escape) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if must_escape(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(out, "\\u{unit:04x}"));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn must_escape(c: char) -> bool {
    match c {
        '\\' => true,
        ' '..='~' => false,
        // No width: controls, combining marks, joiners, bidi controls, variation selectors, tags.
        _ if c.width().unwrap_or(0) == 0 => true,
        // Spaces that are not the space, and blanks that Unicode does not call spaces.
        _ if c.is_whitespace() => true,
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => true,
        // Bidi controls and other default-ignorables, whatever width a table gives them.
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{180b}'..='\u{180f}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffd}' => true,
        // Private use: what a font shows there is anybody's guess.
        '\u{e000}'..='\u{f8ff}' | '\u{e0000}'.. => true,
        _ => false,
    }
}

/// Cuts `text` to `width` columns, the cut marked with `…` at its end.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns + 1 > width {
            break;
        }
        used += columns;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// The end of `text` in at most `width` columns: of keys and paths it tells more than their beginning.
pub fn cut_start(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let reversed: String = text.chars().rev().collect();
    Cow::Owned(cut(&reversed, width).chars().rev().collect())
}

/// A bar of `width` columns, `part` of `whole` filled.
pub fn bar(part: u64, whole: u64, width: usize) -> String {
    let filled =
        if whole == 0 { 0 } else { (u128::from(part.min(whole)) * width as u128 / u128::from(whole)) as usize };
    format!("{}{}", "█".repeat(filled), "░".repeat(width - filled))
}

/// Bytes as people read them: `22 B`, `1.2 MiB`, `4.0 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    // A float's formatting would be the slowest part of a line of a listing.
    let tenths = |unit: usize| {
        let (tenths, whole) = (u128::from(count) * 10, 1_u128 << (10 * (unit + 1)));
        let (floor, rest) = (tenths >> (10 * (unit + 1)), tenths & (whole - 1));
        // To the nearest one, and from the middle to the even one, as floats are printed.
        let up = 2 * rest > whole || 2 * rest == whole && floor % 2 == 1;
        floor + u128::from(up)
    };
    // 1023.95 would be printed as 1024.0.
    let unit = (0..UNITS.len() - 1).find(|unit| tenths(*unit) < 10_240).unwrap_or(UNITS.len() - 1);
    let tenths = tenths(unit) as u64;
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A count with its thousands set apart: `1,204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as lowercase hexadecimal digits, in one piece of memory: they may be a secret.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.extend([byte >> 4, byte & 0xf].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
    }
    out
}

/// A time in RFC 3339 with whole seconds, `2026-01-02T03:04:05Z`: not every reader takes a fraction.
pub fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// So many things, of one of which the word is `one`: `1 role`, `1,204 roles`.
pub fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text of what is plain, what is dangerous, and any character at all.
    fn any_text() -> impl Strategy<Value = String> {
        let one = prop_oneof![
            3 => proptest::char::range(' ', '~'),
            2 => proptest::sample::select("\\x1b]u{20e9}\u{1b}\u{7}\u{9b}\u{202e}\u{200b}\u{301}\u{a0}\u{ad} ".chars().collect::<Vec<_>>()),
            1 => any::<char>(),
        ];
        proptest::collection::vec(one, 0..12).prop_map(|chars| chars.into_iter().collect())
    }

    /// What [`escaped`] writes, read back.
    fn unescaped(shown: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = shown;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c != '\\' {
                out.push(c);
                continue;
            }
            let (digits, after) = match rest.chars().next()? {
                '\\' => ("5c", &rest[1..]),
                'x' => rest[1..].split_at_checked(2)?,
                _ => rest.strip_prefix("u{")?.split_once('}')?,
            };
            out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
            rest = after;
        }
        Some(out)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever a stranger writes: nothing is left that a terminal obeys or hides, and since the text can be read
        /// back, no two texts look the same.
        #[test]
        fn any_text_is_made_visible_and_stays_itself(text in any_text()) {
            let shown = escaped(&text);
            for c in shown.chars() {
                prop_assert!(!c.is_control() && c.width().unwrap_or(0) > 0, "{:?} in {:?}", c, shown);
                prop_assert!(c == ' ' || !c.is_whitespace(), "{:?} in {:?}", c, shown);
                let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
                prop_assert!(!reorders, "{:?} in {:?}", c, shown);
            }
            prop_assert!(!shown.starts_with(' ') && !shown.ends_with(' '), "{:?}", shown);
            prop_assert_eq!(&*harmless(&shown), &*shown, "a second time changes something");
            prop_assert!(!harmless(&text).chars().any(|c| !matches!(c, '\\' | '\n') && must_escape(c)), "{:?}", text);
            prop_assert_eq!(unescaped(&shown), Some(text));
        }
    }

    #[test]
    fn of_long_names_the_end_is_kept() {
        for (text, width, end) in [("abc", 3, "abc"), ("abcd", 3, "…cd"), ("a世界", 4, "…界"), ("abc", 0, "")] {
            assert_eq!(cut_start(text, width), end, "{text} in {width}");
        }
    }

    #[test]
    fn a_bar_is_full_only_at_the_end() {
        for (part, whole, shown) in [(0, 0, "░░░░"), (99, 100, "███░"), (100, 100, "████"), (u64::MAX, 1, "████")]
        {
            assert_eq!(bar(part, whole, 4), shown);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, shown) in [
            ("plain.txt", "plain.txt"),
            ("日本語 é.txt", "日本語 é.txt"),
            ("\x1b]0;pwned\x07", r"\x1b]0;pwned\x07"),
            ("a\rb\nc\td", r"a\x0db\x0ac\x09d"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("photo\u{202e}gnp.exe", r"photo\u{202e}gnp.exe"),
            ("zero\u{200b}width", r"zero\u{200b}width"),
            ("e\u{301}", r"e\u{301}"),
            ("no-break\u{a0}space", r"no-break\u{a0}space"),
            (r"\x1b", r"\\x1b"),
            ("a ", r"a\x20"),
            (" ", r"\x20"),
            ("a b", "a b"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        for text in ["plain", "\u{9b}31m\u{7f}", "photo\u{202e}gnp.exe \\ \"", "🦀 \u{e0041} é 日本語", "a\nb\u{2028}"]
        {
            let json = serde_json::json!({ "key": text, text: [1, 2] });
            for printed in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                let shown = escaped_json(&printed);
                assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json);
                assert!(!shown.chars().any(|c| c != '\\' && c != '\n' && must_escape(c)), "{shown}");
            }
        }
    }

    #[test]
    fn different_texts_stay_different() {
        let texts = ["a", "a\u{200b}", "a ", "a\\x20", "\x1b", "\\x1b", "é", "e\u{301}", "a\u{a0}", "a\u{ad}"];
        let shown: std::collections::BTreeSet<_> = texts.iter().map(|text| escaped(text)).collect();
        assert_eq!(shown.len(), texts.len());
    }

    #[test]
    fn cutting_counts_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn numbers_as_people_read_them() {
        for (number, text) in [(22, "22 B"), (1024, "1.0 KiB"), (1_258_291, "1.2 MiB"), (1_048_575, "1.0 MiB")] {
            assert_eq!(bytes(number), text);
        }
        for (number, value, unit) in
            [(1280, 1280, "KiB"), (1792, 1792, "KiB"), (1_048_524, 1_048_524, "KiB"), (u64::MAX, u64::MAX >> 50, "EiB")]
        {
            assert_eq!(bytes(number), format!("{:.1} {unit}", value as f64 / 1024.0), "{number}");
        }
        for (number, text) in [(0, "0"), (999, "999"), (1_204, "1,204"), (1_000_000, "1,000,000")] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [(0, "0 roles"), (1, "1 role"), (1_204, "1,204 roles")] {
            assert_eq!(plural(number, "role"), text);
        }
    }

    #[test]
    fn bytes_and_times_as_programs_read_them() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
        for time in ["2026-01-02T03:04:05.999Z", "2026-01-02T05:04:05+02:00"] {
            assert_eq!(rfc3339(time.parse().unwrap()), "2026-01-02T03:04:05Z");
        }
    }
}
