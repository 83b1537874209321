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
        return format!("'{}'", text.replace('\'', r"'\''"));
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
    fn the_command_holds_any_key() {
        let command = |key: &str, version, class| restore_command(&S3Uri::new("data", key), version, class);
        let days = "--restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'";
        for (key, word) in [
            ("a/b.tar", "--key a/b.tar"),
            ("it's $(here)", r"--key 'it'\''s $(here)'"),
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
