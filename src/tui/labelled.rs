//! Rows of a label and what it says, measured: `update` knows how far they scroll, and `view` only draws them.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How a row is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Title,
    Dim,
    Busy,
    Good,
    Warn,
    Bad,
    Bar,
}

/// A row, fit for the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The label, filled up to its column; blank where the row above goes on.
    pub(super) label: String,
    /// What it says.
    pub(super) text: String,
    /// How that is meant.
    pub(super) tone: Tone,
}

/// A label and its text in rows of `width` columns; the text begins at `column`, and goes on below itself.
pub(super) fn rows(label: &str, text: &str, tone: Tone, (column, width): (usize, usize)) -> Vec<Row> {
    // A label that is too long pushes its text away, not out.
    let start = if label.is_empty() { column } else { column.max(label.width() + 1) };
    let label = format!("{label}{}", " ".repeat(start - label.width()));
    let lines = wrapped(text, (width.saturating_sub(start), width.saturating_sub(column)));
    let labels = std::iter::once(label).chain(std::iter::repeat(" ".repeat(column)));
    labels.zip(lines).map(|(label, text)| Row { label, text, tone }).collect()
}

/// `text` in lines of at most `width` columns, the first one of its own width, broken at spaces where there are some.
fn wrapped(text: &str, (first, width): (usize, usize)) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        loop {
            let width = if lines.is_empty() { first } else { width }.max(1);
            if rest.width() <= width {
                break;
            }
            let mut used = 0;
            let fits = rest.char_indices().find(|(_, c)| {
                used += c.width().unwrap_or(0);
                used > width
            });
            let most = fits.map_or(rest.len(), |(place, _)| place).max(rest.chars().next().map_or(0, char::len_utf8));
            // The space at which it breaks may stand in the first column that is too many.
            let reach = most + usize::from(rest[most..].starts_with(' '));
            let at = rest[..reach].rfind(' ').filter(|at| *at > 0).unwrap_or(most);
            lines.push(rest[..at].to_owned());
            rest = rest[at..].strip_prefix(' ').unwrap_or(&rest[at..]);
        }
        if !rest.is_empty() || line.is_empty() {
            lines.push(rest.to_owned());
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_at_spaces() {
        for (text, width, lines) in [
            ("", 5, vec![""]),
            ("one two", 7, vec!["one two"]),
            ("one two", 6, vec!["one", "two"]),
            ("one two", 3, vec!["one", "two"]),
            ("one  two", 5, vec!["one ", "two"]),
            ("onetwothree", 4, vec!["onet", "woth", "ree"]),
            ("世界 世界", 5, vec!["世界", "世界"]),
            ("世界", 1, vec!["世", "界"]),
            ("a\nb", 5, vec!["a", "b"]),
        ] {
            assert_eq!(wrapped(text, (width, width)), lines, "{text} in {width}");
        }
    }

    #[test]
    fn texts_go_on_below_themselves() {
        let told = |label, text, column| {
            let rows = rows(label, text, Tone::Plain, (column, 12));
            rows.iter().map(|row| format!("{}{}", row.label, row.text)).collect::<Vec<_>>()
        };
        for (label, text, column, lines) in [
            ("to", "a folder here", 4, vec!["to  a folder", "    here"]),
            ("", "a folder here", 0, vec!["a folder", "here"]),
            ("", "", 4, vec!["    "]),
            // A label that is too long takes room from the first row alone.
            ("metadata", "one two", 4, vec!["metadata one", "    two"]),
            ("a-long-name-of-somebody", "ab", 4, vec!["a-long-name-of-somebody a", "    b"]),
        ] {
            assert_eq!(told(label, text, column), lines, "{label} {text}");
        }
    }
}
