//! What the command line names: a place in S3, or all buckets; and what to say to who names many with a pattern.

use std::str::FromStr;

use crate::domain::shell_word::quoted;
use crate::domain::uri::S3Uri;
use crate::error::Error;

/// `s3://bucket/prefix`, or `s3://` for all buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(pub Option<S3Uri>);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "s3://" => Ok(Self(None)),
            text => text.parse().map(|uri| Self(Some(uri))),
        }
    }
}

/// The folder above the first character of a pattern, and the pattern from there on; `None` where there is none.
fn pattern(uri: &S3Uri) -> Option<(S3Uri, &str)> {
    let first = uri.key.find(['*', '?', '[', '{'])?;
    let folder = uri.key[..first].rfind('/').map_or(0, |slash| slash + 1);
    Some((S3Uri::new(&uri.bucket, &uri.key[..folder]), &uri.key[folder..]))
}

/// The same choice in the words of `find`, for who wrote a pattern where a key is taken as it is.
pub(super) fn find_hint(uri: &S3Uri) -> Option<String> {
    let (folder, pattern) = pattern(uri)?;
    Some(format!("{LITERAL} xsw find {} --name {}", word(&folder), quoted(pattern)))
}

/// The same choice in the words of `get`.
pub(super) fn get_hint(uri: &S3Uri) -> Option<String> {
    let (folder, pattern) = pattern(uri)?;
    Some(format!("{LITERAL} xsw get -r {} DEST --include {}", word(&folder), quoted(pattern)))
}

const LITERAL: &str = "a key is taken as it is; for all that a pattern matches:";

fn word(uri: &S3Uri) -> String {
    quoted(&uri.to_string())
}

/// That there is nothing, with `hint` where the name looks like a pattern.
pub(super) fn with_hint(error: Error, hint: Option<String>) -> Error {
    match (error, hint) {
        (Error::NotFound { message, .. }, Some(hint)) => Error::NotFound { message, hint: Some(hint) },
        (error, _) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_becomes_the_command_that_takes_one() {
        for (key, said) in [
            ("logs/*.gz", Some("s3://data/logs/ DEST --include '*.gz'")),
            ("logs/2025-??/{a,b}.gz", Some("s3://data/logs/ DEST --include '2025-??/{a,b}.gz'")),
            ("*", Some("s3://data/ DEST --include '*'")),
            ("it's/x[1]", Some("'s3://data/it'\"'\"'s/' DEST --include 'x[1]'")),
            ("logs/a.gz", None),
            ("", None),
        ] {
            let said = said.map(|said| format!("{LITERAL} xsw get -r {said}"));
            assert_eq!(get_hint(&S3Uri::new("data", key)), said, "{key}");
        }
        let find = find_hint(&S3Uri::new("data", "a b/*")).unwrap();
        assert_eq!(find, format!("{LITERAL} xsw find 's3://data/a b/' --name '*'"));
    }

    #[test]
    fn all_buckets_have_a_name() {
        assert_eq!("s3://".parse(), Ok(Place(None)));
        assert_eq!("s3://data/a".parse(), Ok(Place(Some(S3Uri::new("data", "a")))));
        assert!("s3:".parse::<Place>().is_err());
    }
}
