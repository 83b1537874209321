//! Text as lines of runs: every character fit for a terminal, each run with what it is.
//!
//! An object's text is not a name: its own backslashes and blanks stay as they are. What a terminal would obey is
//! spelled out, in a class of its own, so that it cannot be taken for what stands in the object.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

use crate::domain::text::escaped;

/// What a run of characters is. The screen gives each its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing in particular.
    Plain,
    /// `fn`, `if`.
    Keyword,
    /// A key of JSON, an attribute, a setting's name.
    Name,
    /// Text in quotes.
    String,
    /// A number.
    Number,
    /// `true`, `null`, an escape in a string.
    Constant,
    /// A comment.
    Comment,
    /// A type.
    Type,
    /// A function's name.
    Function,
    /// Brackets, operators.
    Punctuation,
    /// A heading of a document.
    Heading,
    /// What a diff adds.
    Added,
    /// What a diff takes away.
    Removed,
    /// A character that cannot be shown, spelled out.
    Hidden,
}

/// Columns between the stops of a tab.
const TAB: usize = 4;

/// Bytes and lines after which a text is full: what is spelled out or pretty-printed grows.
const MOST: (usize, usize) = (1 << 20, 100_000);

/// Lines of runs, all in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// Where each line ends, in the text and in the runs.
    lines: Vec<(u32, u32)>,
    /// Where each run ends in the text.
    runs: Vec<(u32, Class)>,
    column: usize,
    widest: usize,
}

impl Text {
    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Columns of the widest line.
    pub fn width(&self) -> usize {
        self.widest
    }

    /// The runs of a line.
    pub fn line(&self, index: usize) -> impl Iterator<Item = (&str, Class)> {
        let start = index.checked_sub(1).and_then(|before| self.lines.get(before)).copied().unwrap_or((0, 0));
        let end = self.lines.get(index).copied().unwrap_or(start);
        let mut from = start.0 as usize;
        self.runs[start.1 as usize..end.1 as usize].iter().map(move |(to, class)| {
            let run = &self.text[from..*to as usize];
            from = *to as usize;
            (run, *class)
        })
    }

    /// Whether nothing more goes in.
    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= MOST.0 || self.lines.len() >= MOST.1
    }

    /// Adds to the line that is being made.
    pub(super) fn push(&mut self, text: &str, class: Class) {
        for c in text.chars() {
            match c {
                '\t' => {
                    let gap = TAB - self.column % TAB;
                    self.add(&"        "[..gap], gap, class);
                }
                ' '..='~' => self.add(c.encode_utf8(&mut [0; 4]), 1, class),
                _ => {
                    let mut buffer = [0; 4];
                    match escaped(c.encode_utf8(&mut buffer)) {
                        Cow::Borrowed(shown) => self.add(shown, c.width().unwrap_or(0), class),
                        Cow::Owned(spelled) => self.add(&spelled, spelled.len(), Class::Hidden),
                    }
                }
            }
        }
    }

    fn add(&mut self, text: &str, columns: usize, class: Class) {
        self.text.push_str(text);
        self.column += columns;
        let end = self.text.len() as u32;
        let line_start = self.lines.last().map_or(0, |line| line.1 as usize);
        match self.runs[line_start..].last_mut() {
            Some((last, of)) if *of == class => *last = end,
            _ => self.runs.push((end, class)),
        }
    }

    /// Ends the line that is being made.
    pub(super) fn end_line(&mut self) {
        self.widest = self.widest.max(self.column);
        self.column = 0;
        self.lines.push((self.text.len() as u32, self.runs.len() as u32));
    }

    /// Columns of the line that is being made.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// Text without any classes.
    pub(super) fn plain(text: &str) -> Self {
        let mut out = Self::default();
        for line in lines(text) {
            if out.is_full() {
                break;
            }
            out.push(line, Class::Plain);
            out.end_line();
        }
        out
    }
}

/// The lines without their ends.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').map(without_end)
}

pub(super) fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// One cell of a table or a fact: a text of one line, fit for a terminal.
pub(super) fn shown(text: &str) -> String {
    let mut out = Text::default();
    out.push(text, Class::Plain);
    out.text
}

/// Bytes read as text, and the name of their encoding where it is not UTF-8. `None` for what is no text.
pub(super) fn decoded(bytes: &[u8], is_cut: bool) -> Option<(Cow<'_, str>, Option<&'static str>)> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Some((utf8(rest, is_cut).unwrap_or_else(|| String::from_utf8_lossy(rest)), None));
    }
    for (mark, name, read) in [
        (b"\xff\xfe", "UTF-16LE", u16::from_le_bytes as fn([u8; 2]) -> u16),
        (b"\xfe\xff", "UTF-16BE", u16::from_be_bytes),
    ] {
        if let Some(rest) = bytes.strip_prefix(mark) {
            let units: Vec<u16> = rest.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
            let text = String::from_utf16_lossy(&units);
            return is_text(text.as_bytes()).then_some((text.into(), Some(name)));
        }
    }
    if !is_text(bytes) {
        return None;
    }
    if let Some(text) = utf8(bytes, is_cut) {
        return Some((text, None));
    }
    // A few broken bytes in a text that is UTF-8 elsewhere: a log, a file that was cut and joined.
    let wide = bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).filter(|c| !c.is_ascii()).count();
    let broken = bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count();
    if wide > broken {
        return Some((String::from_utf8_lossy(bytes), None));
    }
    let has_more = bytes.iter().any(|byte| (0x80..0xa0).contains(byte));
    let name = if has_more { "Windows-1252" } else { "Latin-1" };
    Some((bytes.iter().map(|byte| windows_1252(*byte)).collect::<String>().into(), Some(name)))
}

/// The text, without the character at its end that the cut went through.
fn utf8(bytes: &[u8], is_cut: bool) -> Option<Cow<'_, str>> {
    match str::from_utf8(bytes) {
        Ok(text) => Some(text.into()),
        Err(error) if is_cut && error.error_len().is_none() => {
            str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(Cow::Borrowed)
        }
        Err(_) => None,
    }
}

/// Text holds no NUL and hardly any controls beside blanks and the escapes of coloured logs.
fn is_text(bytes: &[u8]) -> bool {
    let control = |byte: &u8| *byte < 0x20 && !b"\t\n\r\x07\x08\x0c\x1b".contains(byte) || *byte == 0x7f;
    !bytes.contains(&0) && bytes.iter().filter(|byte| control(byte)).count() <= 1 + bytes.len() / 50
}

/// What browsers read for Latin-1, too (encoding.spec.whatwg.org, "windows-1252").
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..0xa0 => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_in_the_encoding_they_are_in() {
        let utf16 = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for (bytes, cut, text) in [
            (b"plain".to_vec(), false, Some(("plain", None))),
            ("é日".as_bytes().to_vec(), false, Some(("é日", None))),
            ("\u{feff}é".as_bytes().to_vec(), false, Some(("é", None))),
            ("né日".as_bytes()[..5].to_vec(), true, Some(("né", None))),
            (utf16(b"\xff\xfe", b"h\0i\0"), false, Some(("hi", Some("UTF-16LE")))),
            (utf16(b"\xfe\xff", b"\0h\0i\0"), true, Some(("hi", Some("UTF-16BE")))),
            (b"caf\xe9 cr\xe8me".to_vec(), false, Some(("café crème", Some("Latin-1")))),
            (b"\x93quoted\x94".to_vec(), false, Some(("“quoted”", Some("Windows-1252")))),
            (
                "é and é, then \u{e9}".bytes().chain([0xff, b'.']).collect(),
                false,
                Some(("é and é, then é\u{fffd}.", None)),
            ),
            (b"a\0b".to_vec(), false, None),
            (b"\x01\x02\x03\x04 and".to_vec(), false, None),
            (b"".to_vec(), false, Some(("", None))),
        ] {
            assert_eq!(decoded(&bytes, cut), text.map(|(text, name)| (text.into(), name)), "{bytes:?}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_spelled_and_marked() {
        let text = Text::plain("  a\\b\tc \r\n\x1b[31mred\u{202e}\n");
        let line = |index| text.line(index).collect::<Vec<_>>();
        assert_eq!(line(0), [("  a\\b   c ", Class::Plain)]);
        let (hidden, plain) = (Class::Hidden, Class::Plain);
        assert_eq!(line(1), [(r"\x1b", hidden), ("[31mred", plain), (r"\u{202e}", hidden)]);
        assert_eq!((text.len(), text.width(), line(2).len()), (2, 19, 0));
    }

    #[test]
    fn a_text_that_grows_is_full_in_time() {
        let text = Text::plain(&"\u{202e}".repeat(1 << 20));
        assert_eq!(text.len(), 1);
        let text = Text::plain(&"\n".repeat(1 << 20));
        assert_eq!(text.len(), MOST.1);
    }
}
