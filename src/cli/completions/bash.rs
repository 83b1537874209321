//! A line of bash that is being typed, read as bash reads it, and completions written so that bash reads them back.
//!
//! Bash takes words apart at `:`, `=` and `@` before it asks, and wants only the last part back, quoted by us. Its line
//! says all; what can be told from it is told here.

use std::path::Path;

/// What the last word is within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// The line up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its words as the program would get them; the last is the one at the cursor, perhaps empty.
    pub(super) words: Vec<String>,
    /// How much of the last word bash keeps itself.
    kept: String,
    quote: Quote,
}

impl Line {
    /// Reads `line`; `last` is the part of the last word that bash wants replaced.
    pub(super) fn read(line: &str, last: &str, home: Option<&Path>) -> Self {
        let (mut words, quote, start) = split(line);
        // Settings before the command are no words of it.
        let settings = words.iter().take_while(|word| is_setting(word)).count();
        words.drain(..settings.min(words.len().saturating_sub(1)));
        let raw = &line[start..];
        // Within quotes `last` is what stands behind the quote.
        let kept = raw.strip_suffix(last).unwrap_or_default().trim_end_matches(['\'', '"']);
        let kept = split(kept).0.pop().unwrap_or_default();
        if let Some(home) = home {
            for word in &mut words {
                if let Some(rest) = word.strip_prefix("~/") {
                    *word = home.join(rest).to_string_lossy().into_owned();
                }
            }
        }
        Self { words, kept, quote }
    }

    /// What bash is to put in place of the last part, so that the whole word means `value`.
    pub(super) fn completed_by(&self, value: &str) -> Option<String> {
        Some(quoted(value.strip_prefix(&self.kept)?, self.quote))
    }
}

fn is_setting(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The words without their quotes, what the last is within, and where in the line it begins.
fn split(line: &str) -> (Vec<String>, Quote, usize) {
    let mut words = vec![String::new()];
    let (mut quote, mut start, mut begun) = (Quote::None, 0, false);
    let mut rest = line.char_indices().peekable();
    while let Some((place, c)) = rest.next() {
        let word = words.last_mut().expect("there is one from the beginning");
        match (quote, c) {
            (Quote::None, ' ' | '\t' | '\n') => {
                if begun {
                    words.push(String::new());
                }
                (begun, start) = (false, place + 1);
                continue;
            }
            (Quote::None, '\'') => quote = Quote::Single,
            (Quote::None, '"') => quote = Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::None, '\\') => word.extend(rest.next().map(|(_, c)| c)),
            (Quote::Double, '\\') => match rest.peek() {
                Some((_, next @ ('$' | '`' | '"' | '\\'))) => {
                    word.push(*next);
                    rest.next();
                }
                _ => word.push('\\'),
            },
            (_, c) => word.push(c),
        }
        begun = true;
    }
    (words, quote, start)
}

/// The text as bash reads it back in that place; the closing quote is bash's own affair.
fn quoted(text: &str, quote: Quote) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match quote {
            Quote::Single if c == '\'' => out.push_str(r"'\''"),
            Quote::Double if "$`\"\\".contains(c) => out.extend(['\\', c]),
            Quote::None if c.is_ascii() && !c.is_ascii_alphanumeric() && !"_./:=@%+,-".contains(c) => {
                out.extend(['\\', c]);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_read_and_answered_in_its_own_quotes() {
        for (line, last, word, value, answer) in [
            ("xsw shell pr", "pr", "pr", "prod/S3Reader", "prod/S3Reader"),
            ("xsw shell ", "", "", "my acc/R", r"my\ acc/R"),
            (r"xsw shell my\ a", r"my\ a", "my a", "my acc/R$1", r"my\ acc/R\$1"),
            ("xsw shell 'my a", "my a", "my a", "my acc/it's", r"my acc/it'\''s"),
            ("xsw shell \"my a", "my a", "my a", "my acc/$\"R", "my acc/\\$\\\"R"),
            // Taken apart at : = @.
            ("xsw ls s3://gau", "//gau", "s3://gau", "s3://gautam/", "//gautam/"),
            ("xsw ls s3:", "", "s3:", "s3://gautam/", "//gautam/"),
            ("xsw ls --as=pr", "pr", "--as=pr", "--as=prod/R", "prod/R"),
            ("xsw shell a/R@", "", "a/R@", "a/R@me", "me"),
            ("xsw shell a/R@m", "m", "a/R@m", "a/R@me", "me"),
            ("A=1 B='x y' xsw shell pr", "pr", "pr", "prod/R", "prod/R"),
        ] {
            let read = Line::read(line, last, None);
            assert_eq!((read.words[0].as_str(), read.words.last().map(String::as_str)), ("xsw", Some(word)), "{line}");
            assert_eq!(read.completed_by(value).as_deref(), Some(answer), "{line}");
        }
        let home = Line::read("xsw --config ~/x.toml shell ", "", Some(Path::new("/home/me")));
        assert_eq!(home.words, ["xsw", "--config", "/home/me/x.toml", "shell", ""]);
    }
}
