//! Colours of program texts: which part of a line is what, by syntect's grammars. Its themes are of no use here, for
//! they name RGB colours; the scopes are brought down to a dozen classes instead.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use syntect::easy::ScopeRegionIterator;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::text::{Class, Text, without_end};

/// Read when the first text is shown, never at the start.
static GRAMMARS: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// How long a text may take; what comes later has no colours.
const PATIENCE: Duration = Duration::from_millis(400);

/// Bytes of a line above which it has no colours: it was written by a machine, and regular expressions are slow on it.
const LONG: usize = 2000;

/// Endings that the grammars do not know, with one that they do and that is close enough.
const CLOSE_ENOUGH: [(&str, &str); 18] = [
    ("bashrc", "sh"),
    ("cfg", "properties"),
    ("cjs", "js"),
    ("conf", "properties"),
    ("dockerfile", "sh"),
    ("env", "properties"),
    ("hcl", "properties"),
    ("ini", "properties"),
    ("jsx", "js"),
    ("kt", "java"),
    ("mjs", "js"),
    ("svg", "xml"),
    ("tf", "properties"),
    ("toml", "properties"),
    ("ts", "js"),
    ("tsx", "js"),
    ("xsd", "xml"),
    ("zsh", "sh"),
];

/// The text with its colours and the language's name; `None` when no grammar is for it.
pub(super) fn highlighted(name: &str, content_type: Option<&str>, text: &str) -> Option<(String, Text)> {
    let grammars = &*GRAMMARS;
    let syntax = grammar(grammars, name, content_type, text)?;
    Some((syntax.name.clone(), colored(grammars, syntax, text)))
}

fn grammar<'a>(
    grammars: &'a SyntaxSet,
    name: &str,
    content_type: Option<&str>,
    text: &str,
) -> Option<&'a SyntaxReference> {
    let extension = name.rsplit_once('.').map_or(name, |(_, extension)| extension).to_ascii_lowercase();
    let close = CLOSE_ENOUGH.iter().find(|(known, _)| *known == extension).map(|(_, close)| *close);
    let by_name = || {
        grammars
            .find_syntax_by_extension(name)
            .or_else(|| grammars.find_syntax_by_extension(&extension))
            .or_else(|| grammars.find_syntax_by_extension(close?))
    };
    let by_type = || {
        let subtype = content_type?.split(';').next()?.trim().rsplit_once('/')?.1;
        let token = subtype.strip_prefix("x-").unwrap_or(subtype).rsplit('+').next()?;
        grammars.find_syntax_by_token(token)
    };
    let by_first_line = || grammars.find_syntax_by_first_line(text.get(..200).unwrap_or(text).lines().next()?);
    by_name().or_else(by_first_line).or_else(by_type).filter(|syntax| syntax.name != "Plain Text")
}

fn colored(grammars: &SyntaxSet, syntax: &SyntaxReference, text: &str) -> Text {
    let began = Instant::now();
    let mut out = Text::default();
    let (mut state, mut scopes) = (ParseState::new(syntax), ScopeStack::new());
    let mut tired = false;
    for line in text.split_inclusive('\n') {
        if out.is_full() {
            break;
        }
        tired = tired || began.elapsed() > PATIENCE;
        let parts = if tired || line.len() > LONG { None } else { state.parse_line(line, grammars).ok() };
        match parts {
            Some(parts) => {
                let shown = without_end(line);
                let mut at = 0;
                for (part, change) in ScopeRegionIterator::new(&parts, line) {
                    // A scope that cannot be left was never entered: the colours are off, the text is not.
                    _ = scopes.apply(change);
                    let end = (at + part.len()).min(shown.len());
                    if at < end {
                        out.push(&shown[at..end], class(&scopes));
                    }
                    at += part.len();
                }
            }
            None => out.push(without_end(line), Class::Plain),
        }
        out.end_line();
    }
    out
}

/// What the innermost scope says that says something; punctuation of a string or comment belongs to it.
fn class(scopes: &ScopeStack) -> Class {
    let of = |scope: &Scope| CLASSES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class);
    let mut classes = scopes.as_slice().iter().rev().filter_map(of);
    match classes.next() {
        Some(Class::Punctuation) => {
            let around = classes.find(|class| matches!(class, Class::String | Class::Comment));
            around.unwrap_or(Class::Punctuation)
        }
        found => found.unwrap_or(Class::Plain),
    }
}

/// The scope naming of Sublime Text, the longer ones first.
static CLASSES: LazyLock<Vec<(Scope, Class)>> = LazyLock::new(|| {
    let names = [
        ("comment", Class::Comment),
        ("punctuation.definition.comment", Class::Comment),
        ("punctuation.definition.heading", Class::Heading),
        ("punctuation.definition.tag", Class::Punctuation),
        ("punctuation", Class::Punctuation),
        ("constant.character.escape", Class::Constant),
        ("constant.numeric", Class::Number),
        ("constant", Class::Constant),
        ("meta.mapping.key", Class::Name),
        ("entity.name.tag", Class::Name),
        ("string", Class::String),
        ("keyword.operator", Class::Punctuation),
        ("keyword", Class::Keyword),
        ("storage.type.function", Class::Keyword),
        ("storage", Class::Keyword),
        ("support.function", Class::Function),
        ("entity.name.function", Class::Function),
        ("variable.function", Class::Function),
        ("support.type.property-name", Class::Name),
        ("support.type", Class::Type),
        ("support.class", Class::Type),
        ("entity.name.type", Class::Type),
        ("entity.name.class", Class::Type),
        ("entity.name.struct", Class::Type),
        ("entity.name.section", Class::Heading),
        ("entity.other.attribute-name", Class::Name),
        ("support.constant", Class::Constant),
        ("markup.heading", Class::Heading),
        ("markup.inserted", Class::Added),
        ("markup.deleted", Class::Removed),
        ("markup.raw", Class::String),
    ];
    names.iter().filter_map(|(name, class)| Some((Scope::new(name).ok()?, *class))).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_found_by_name_first_line_and_media_type() {
        for (name, content_type, text, language) in [
            ("main.rs", None, "fn main() {}", Some("Rust")),
            ("Makefile", None, "all:", Some("Makefile")),
            ("run", None, "#!/usr/bin/env python3\nprint(1)", Some("Python")),
            ("page", Some("text/html; charset=utf-8"), "<p>", Some("HTML")),
            ("app.tsx", None, "let x = 1", Some("JavaScript")),
            ("data", Some("application/atom+xml"), "<a/>", Some("XML")),
            ("Cargo.toml", None, "a = 1", Some("Java Properties")),
            ("note.txt", None, "hello", None),
            ("日", None, "日".repeat(100).as_str(), None),
        ] {
            let found = highlighted(name, content_type, text).map(|(language, _)| language);
            assert_eq!(found.as_deref(), language, "{name}");
        }
    }

    #[test]
    fn parts_of_a_line_are_told_apart_and_none_is_lost() {
        let source = "fn main() { // says\n    let x: u8 = \"a\\n\";\r\n}\n\x1b[2J";
        let (_, text) = highlighted("a.rs", None, source).unwrap();
        let classes = |index: usize, of: Class| {
            text.line(index).filter(|(_, class)| *class == of).map(|(run, _)| run).collect::<Vec<_>>().join("|")
        };
        assert_eq!(classes(0, Class::Keyword), "fn");
        assert_eq!(classes(0, Class::Function), "main");
        assert_eq!(classes(0, Class::Comment), "// says");
        assert_eq!(classes(1, Class::String), "\"a|\"");
        assert_eq!(classes(1, Class::Constant), "\\n");
        let whole: String = (0..4).flat_map(|index| text.line(index)).map(|(run, _)| run).collect();
        assert_eq!(whole, "fn main() { // says    let x: u8 = \"a\\n\";}\\x1b[2J");
    }
}
