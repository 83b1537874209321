//! What to do about an object that is archived: the command that restores it, ready to be pasted into a shell.

use super::uri::S3Uri;

/// Days that the restored copy stays, unless one asks for more.
const DAYS: u32 = 7;

/// The next step for an archived object (Amazon S3 User Guide, "Restoring an archived object").
pub fn restore_hint(uri: &S3Uri, version: Option<&str>) -> String {
    format!(
        "the object is archived; restore a copy for {DAYS} days, then wait for it: {}",
        restore_command(uri, version)
    )
}

/// The AWS CLI's command that restores an object, each word quoted for a POSIX shell.
pub fn restore_command(uri: &S3Uri, version: Option<&str>) -> String {
    let mut words = vec!["aws", "s3api", "restore-object", "--bucket", &uri.bucket, "--key", &uri.key];
    words.extend(version.into_iter().flat_map(|version| ["--version-id", version]));
    let request = format!("Days={DAYS},GlacierJobParameters={{Tier=Standard}}");
    words.extend(["--restore-request", &request]);
    words.into_iter().map(shell_word).collect::<Vec<_>>().join(" ")
}

/// One word of a POSIX shell, quoted where it must be.
fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_a_shell_takes_as_it_is_meant() {
        let request = "--restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'";
        for (key, version, words) in [
            ("archive/2024.tar", None, "--bucket b --key archive/2024.tar"),
            ("it's; rm -rf ~", None, r"--bucket b --key 'it'\''s; rm -rf ~'"),
            ("$(id)", Some("v 1"), "--bucket b --key '$(id)' --version-id 'v 1'"),
            ("-x", Some("3/L4"), "--bucket b --key -x --version-id 3/L4"),
        ] {
            let command = restore_command(&S3Uri::new("b", key), version);
            assert_eq!(command, format!("aws s3api restore-object {words} {request}"));
        }
    }
}
