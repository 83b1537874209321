//! Texts as words of a shell, for commands that a person copies: fit for bash and zsh whatever the text is.

use super::text::escaped;

/// One word of a shell. What a terminal would obey or hide is written by its bytes.
pub fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    if escaped(text) == text {
        return format!("'{}'", text.replace('\'', "'\"'\"'"));
    }
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            // Three octal digits: a digit that follows is not taken for a fourth.
            c => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|b| format!("\\{b:03o}"))),
        }
    }
    out + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_word() {
        for (text, word) in [
            ("a/b.tar", "a/b.tar"),
            ("", "''"),
            ("*.gz", "'*.gz'"),
            ("it's $(here)", r#"'it'"'"'s $(here)'"#),
            ("日 本", "'日 本'"),
            ("a\n\x1b[2J1'\\", r"$'a\012\033[2J1\'\\'"),
            (" a", "$' a'"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}
