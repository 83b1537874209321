//! What restores an archived object: a command that a person can copy into a shell.

use super::object::Head;
use super::shell_word::quoted;
use super::uri::S3Uri;
use crate::error::Error;

/// Days for which a restored copy stays: long enough to get it, cheap enough to forget.
const DAYS: u32 = 7;

/// AWS's code for the refusal of an archived object.
const REFUSAL: &str = "InvalidObjectState";

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

/// What to do about an object that was refused as archived. Its storage class is not in the refusal, and only one needs
/// another command.
pub fn archived_hint(uri: &S3Uri, version: Option<&str>) -> String {
    hint(uri, version, "GLACIER")
}

fn hint(uri: &S3Uri, version: Option<&str>, storage_class: &str) -> String {
    format!(
        "the object is archived; restore a copy, then wait for it: {}",
        restore_command(uri, version, storage_class)
    )
}

/// The error with [`archived_hint`], where it says that the object is archived.
pub fn told_how_to_restore(error: Error, uri: &S3Uri, version: Option<&str>) -> Error {
    match error {
        Error::Aws { action, code, message, .. } if code == REFUSAL => {
            Error::Aws { action, code, message, hint: Some(archived_hint(uri, version)) }
        }
        error => error,
    }
}

/// That the object cannot be read yet, in AWS's code for it, and what to do: for who does not read it now.
///
/// # Errors
/// [`Error::Aws`] with the command that restores it, or with the advice to wait for that.
pub fn can_be_read(uri: &S3Uri, version: Option<&str>, head: &Head) -> Result<(), Error> {
    let hint = if head.must_be_restored() {
        hint(uri, version, &head.storage_class)
    } else if head.restore.as_deref().and_then(|header| field(header, "ongoing-request")) == Some("true") {
        "wait until the copy is there, which takes minutes to days by its tier, and run it again".to_owned()
    } else {
        return Ok(());
    };
    let is = if head.must_be_restored() { "is archived" } else { "is archived, and a copy is being restored" };
    let message = format!("{uri} {is} ({})", head.storage_class);
    Err(Error::Aws { action: "s3:GetObject".into(), code: REFUSAL.into(), message, hint: Some(hint) })
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
    fn what_is_archived_cannot_be_read_before_it_is_restored() {
        let restored = Some("ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2029 00:00:00 GMT\"");
        for (class, status, restore, said) in [
            ("STANDARD", None, None, None),
            ("GLACIER_IR", None, None, None),
            ("GLACIER", None, restored, None),
            ("GLACIER", None, None, Some("--restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'")),
            ("INTELLIGENT_TIERING", Some("ARCHIVE_ACCESS"), None, Some("'GlacierJobParameters={Tier=Standard}'")),
            ("GLACIER", None, Some("ongoing-request=\"true\""), Some("wait until the copy is there")),
        ] {
            let head = Head {
                storage_class: class.into(),
                archive_status: status.map(str::to_owned),
                restore: restore.map(str::to_owned),
                ..Head::default()
            };
            let answer = can_be_read(&S3Uri::new("data", "a"), None, &head);
            let hint = answer.err().and_then(|error| error.hint());
            assert_eq!(hint.is_some(), said.is_some(), "{class} {hint:?}");
            assert!(hint.unwrap_or_default().contains(said.unwrap_or_default()), "{class}");
        }
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
