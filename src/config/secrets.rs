//! What looks like a secret. The profile file is shared and checked in, so it never holds one.

/// Where such things go; every message about a secret ends so, and none repeats the secret.
pub(super) const WHERE_SECRETS_GO: &str = "this file never holds one: keep it in an AWS profile (`aws configure`, or \
     credential_process), and name that profile in [sources]";

/// Whether a key's name says that a secret follows.
pub(super) fn is_secret_name(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '_', ' '], "");
    ["secret", "password", "passwd", "passphrase", "token", "accesskey", "privatekey", "apikey", "mfacode", "totp"]
        .iter()
        .any(|word| key.contains(word))
}

/// Whether a text holds an access key id (IAM User Guide, "IAM identifiers": AKIA and ASIA).
pub(super) fn holds_key_id(text: &str) -> bool {
    // Every text of the file comes by here, and nearly all end at this line.
    if text.len() < 20 || !text.contains("AKIA") && !text.contains("ASIA") {
        return false;
    }
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        word.len() == 20
            && (word.starts_with("AKIA") || word.starts_with("ASIA"))
            && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    })
}

/// Whether a text looks like a secret access key: 30 random bytes in base64, which is 40 characters.
///
/// A long CamelCase name has 40 characters too, but changes less often between lower case, upper case, digits and
/// signs, and its lower-case letters do not stand alone.
pub(super) fn is_secret_key(text: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Lower,
        Upper,
        Digit,
        Sign,
    }
    let kind = |b: u8| match b {
        b'a'..=b'z' => Some(Kind::Lower),
        b'A'..=b'Z' => Some(Kind::Upper),
        b'0'..=b'9' => Some(Kind::Digit),
        b'/' | b'+' => Some(Kind::Sign),
        _ => None,
    };
    if text.len() != 40 {
        return false;
    }
    let kinds: Vec<Kind> = text.bytes().map_while(kind).collect();
    if kinds.len() != 40 {
        return false;
    }
    let runs: Vec<&[Kind]> = kinds.chunk_by(|a, b| a == b).collect();
    runs.len() >= 16 && runs.iter().filter(|run| **run == [Kind::Lower]).count() >= 2
}

/// Whether a text is a session token: long base64 that begins as AWS's do.
pub(super) fn is_session_token(text: &str) -> bool {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"/+=".contains(&b);
    text.len() >= 200
        && ["IQoJ", "FwoG", "FQoG"].iter().any(|start| text.starts_with(start))
        && text.bytes().all(base64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for key in [
            "aws_secret_access_key",
            "secret_key",
            "Secret-Access-Key",
            "password",
            "session_token",
            "token_code",
            "aws_access_key_id",
            "mfa_code",
        ] {
            assert!(is_secret_name(key), "{key}");
        }
        for key in ["profile", "via", "sso_session", "mfa_serial", "external_id", "credential_process"] {
            assert!(!is_secret_name(key), "{key}");
        }
    }

    #[test]
    fn values_that_are_secrets() {
        // The examples of AWS's own documentation.
        assert!(holds_key_id("AKIAIOSFODNN7EXAMPLE") && holds_key_id("id=ASIAIOSFODNN7EXAMPLE,"));
        assert!(!holds_key_id("AKIAIOSFODNN7EXAMPL") && !holds_key_id("AROAIOSFODNN7EXAMPLE"));
        assert!(is_secret_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
        for text in [
            "AVeryLongRoleNameForTheProduction2Readers",
            "VeryLongRoleNameForTheProduction2Readers",
            "ABigDataBaseTeamRoleForEveryTestWithLogs",
            "0123456789abcdef0123456789abcdef01234567",
            "a short one",
            "日本語日本語日本語日本語日本語日本語日",
        ] {
            assert!(!is_secret_key(text), "{text}");
        }
        assert!(is_session_token(&format!("IQoJ{}", "b3JpZ2lu".repeat(40))));
        assert!(!is_session_token(&"b3JpZ2lu".repeat(40)));
    }
}
