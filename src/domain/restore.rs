//! What restores an archived object: a command that a person can copy into a shell.

use super::text::escaped;
use super::uri::S3Uri;

/// Days for which a restored copy stays: long enough to get it, cheap enough to forget.
const DAYS: u32 = 7;

/// The AWS CLI's command that restores an object, fit for bash and zsh whatever the key is.
pub fn restore_command(uri: &S3Uri, version: Option<&str>, storage_class: &str) -> String {
    let mut command = format!("aws s3api restore-object{}{}", word("bucket", &uri.bucket), word("key", &uri.key));
    if let Some(version) = version {
        command += &word("version-id", version);
    }
    // An object of this class comes back for good (S3 API Reference, RestoreObject: no Days there).
    let days = if storage_class == "INTELLIGENT_TIERING" { String::new() } else { format!("Days={DAYS},") };
    command + &word("restore-request", &format!("{days}GlacierJobParameters={{Tier=Standard}}"))
}

/// What `x-amz-restore` says, in words: a copy is on its way, or there until a date.
pub fn restore_words(header: &str) -> String {
    match (field(header, "ongoing-request"), field(header, "expiry-date")) {
        (Some("true"), _) => "is being restored".into(),
        (_, Some(date)) => format!("a copy is here until {date}"),
        (Some("false"), None) => "is restored".into(),
        _ => header.to_owned(),
    }
}

/// What `x-amz-expiration` says, in words: when a lifecycle rule deletes the object, and which.
pub fn expiration_words(header: &str) -> String {
    match (field(header, "expiry-date"), field(header, "rule-id")) {
        (Some(date), Some(rule)) => format!("{date}, by the lifecycle rule {rule}"),
        (Some(date), None) => date.to_owned(),
        _ => header.to_owned(),
    }
}

/// The value of `name="value"`.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

/// ` --name value`; a value that looks like an option is tied to its name.
fn word(name: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!(" --{name}{between}{}", quoted(value))
}

/// One word of a shell. What a terminal would obey or hide is written by its bytes.
fn quoted(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    if escaped(text) == text {
        // Without a backslash, which a screen would double.
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
    fn headers_are_put_into_words() {
        let date = "Fri, 21 Dec 2029 00:00:00 GMT";
        for (header, words) in [
            ("ongoing-request=\"true\"".into(), "is being restored".into()),
            (format!("ongoing-request=\"false\", expiry-date=\"{date}\""), format!("a copy is here until {date}")),
            ("something else".to_owned(), "something else".to_owned()),
        ] {
            assert_eq!(restore_words(&header), words);
        }
        let header = format!("expiry-date=\"{date}\", rule-id=\"tidy\"");
        assert_eq!(expiration_words(&header), format!("{date}, by the lifecycle rule tidy"));
    }

    #[test]
    fn the_command_holds_any_key() {
        let command = |key: &str, version, class| restore_command(&S3Uri::new("data", key), version, class);
        let days = "--restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'";
        for (key, word) in [
            ("a/b.tar", "--key a/b.tar"),
            ("it's $(here)", r#"--key 'it'"'"'s $(here)'"#),
            ("日 本", "--key '日 本'"),
            ("-rf", "--key=-rf"),
            ("a\n\x1b[2J1'", r"--key $'a\012\033[2J1\''"),
        ] {
            let wanted = format!("aws s3api restore-object --bucket data {word} {days}");
            assert_eq!(command(key, None, "GLACIER"), wanted);
        }
        assert_eq!(
            command("a", Some("v1"), "INTELLIGENT_TIERING"),
            "aws s3api restore-object --bucket data --key a --version-id v1 \
             --restore-request 'GlacierJobParameters={Tier=Standard}'"
        );
    }
}
