//! The rules for single values of the profile file. Each takes the text and gives the value, or says what was meant.

use std::time::Duration;

use super::report::quoted;
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::duration;
use crate::domain::role::{CacheKind, Color, Source};

/// AWS STS API Reference, `AssumeRole`: DurationSeconds is 900 to 43200.
const DURATIONS: std::ops::RangeInclusive<u64> = 900..=43_200;

/// A length of a session. Other implementations of STS, which have an endpoint of their own, take any.
pub(super) fn session_length(text: &str, own_endpoint: bool) -> Result<Duration, String> {
    let length = duration::parse(text)?;
    match length.as_secs() {
        0 => Err("a session lasts at least one second".into()),
        seconds if own_endpoint || DURATIONS.contains(&seconds) => Ok(length),
        seconds => Err(format!("AWS takes 15m to 12h, not {}", duration::words(seconds))),
    }
}

/// `eu-west-1`, `us-gov-west-1`, `eusc-de-east-1`. Other implementations, which have an endpoint of their own, name
/// theirs as they like.
pub(super) fn region(text: &str, own_endpoint: bool) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let syntactic = match &parts[..] {
        [first, middle @ .., last] => {
            letters(first)
                && first.len() >= 2
                && !middle.is_empty()
                && middle.iter().all(|part| letters(part))
                && !last.is_empty()
                && last.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    let other = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if syntactic || own_endpoint && !text.is_empty() && text.len() <= 64 && text.bytes().all(other) {
        return Ok(text.to_owned());
    }
    let zone = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    if text.len() == zone.len() + 1 && zone != text && region(zone, false).is_ok() {
        return Err(format!("{} is an availability zone; its region is `{zone}`", quoted(text)));
    }
    Err(format!("a region is written like `eu-west-1`, not {}", quoted(text)))
}

/// `http://host:port/path` or `https://…`, without a user in it.
pub(super) fn url(text: &str) -> Result<String, String> {
    if text.contains('@') {
        // Not quoted: a password may stand there.
        return Err("a URL here holds no user and no password".into());
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(format!("a URL begins with https:// or http://, not {}", quoted(text)));
    };
    let host_and_port = rest.split('/').next().unwrap_or_default();
    if let Some(c) = rest.chars().find(|c| !c.is_ascii_graphic() || "?#\"<>\\^`{|}".contains(*c)) {
        return Err(format!("a URL here may not hold {c:?}"));
    }
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    if host.is_empty() {
        return Err(format!("{} names no host", quoted(text)));
    }
    match port {
        Some(port) if port.parse::<u16>().is_err() => Err(format!("{} is no port", quoted(port))),
        _ => Ok(text.to_owned()),
    }
}

/// A URL of IAM Identity Center, which is always TLS. What follows a `#` stays: the AWS CLI names the token by all of it.
pub(super) fn start_url(text: &str) -> Result<String, String> {
    if text.starts_with("https://") {
        let (address, place) = text.split_once('#').unwrap_or((text, ""));
        url(&format!("{address}/{place}"))?;
        return Ok(text.to_owned());
    }
    Err(format!("the start URL is written like https://NAME.awsapps.com/start, not {}", quoted(text)))
}

/// A name that people type: of an account, an alias, an environment.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the text is empty".into());
    }
    if text.trim() != text {
        return Err(format!("{} begins or ends with a blank", quoted(text)));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("a control character ({c:?}) may not be part of it"));
    }
    match text.chars().count() {
        ..=128 => Ok(text.to_owned()),
        count => Err(format!("it has at most 128 characters, not {count}")),
    }
}

/// The name of an account; its roles are written `account/role`.
pub(super) fn account_name(text: &str) -> Result<String, String> {
    if text.contains('/') {
        return Err(format!(
            "an account's name holds no `/`, because roles are written account/role: {}",
            quoted(text)
        ));
    }
    name(text)
}

/// A role's own name.
pub(super) fn role_name(text: &str) -> Result<String, String> {
    if let Some((path, name)) = text.rsplit_once('/') {
        return Err(format!("a role's name holds no path ({}); give its arn, or {}", quoted(path), quoted(name)));
    }
    RoleArn::new(no_account(), text)?;
    Ok(text.to_owned())
}

/// Stands where an account's id is missing or wrong; a problem was reported, so nobody ever gets to see it.
pub(super) fn no_account() -> AccountId {
    "000000000000".parse().expect("twelve digits")
}

/// Stands where a role's ARN is missing or wrong; as [`no_account`].
pub(super) fn no_role() -> RoleArn {
    RoleArn::new(no_account(), "none").expect("a role's name")
}

/// AWS STS API Reference, `AssumeRole`, RoleSessionName: `[\w+=,.@-]`, 2 to 64; `{user}` and `{host}` are replaced.
pub(super) fn session_name(text: &str) -> Result<String, String> {
    let mut plain = text.to_owned();
    for placeholder in ["{user}", "{host}"] {
        plain = plain.replace(placeholder, "");
    }
    if let Some(start) = plain.find('{') {
        let end = plain[start..].find('}').map_or(plain.len(), |end| start + end + 1);
        return Err(format!("unknown placeholder {}; there are {{user}} and {{host}}", quoted(&plain[start..end])));
    }
    // A placeholder gives at least one character, and what it gives is made to fit.
    let given = (text.len() - plain.len()) / "{user}".len();
    sts_text(&plain, "a session name", "_+=,.@-", 2usize.saturating_sub(given), 64 - given.min(64))?;
    Ok(text.to_owned())
}

/// AWS STS API Reference, `AssumeRole`, SourceIdentity: `[\w+=,.@-]`, 2 to 64.
pub(super) fn source_identity(text: &str) -> Result<String, String> {
    sts_text(text, "a source identity", "_+=,.@-", 2, 64)?;
    Ok(text.to_owned())
}

/// AWS STS API Reference, `AssumeRole`, ExternalId: `[\w+=,.@:/-]`, 2 to 1224.
pub(super) fn external_id(text: &str) -> Result<String, String> {
    sts_text(text, "an external ID", "_+=,.@:/-", 2, 1224)?;
    Ok(text.to_owned())
}

fn sts_text(text: &str, what: &str, signs: &str, least: usize, most: usize) -> Result<(), String> {
    if let Some(c) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !signs.contains(*c)) {
        return Err(format!("{what} may not hold {c:?}, only letters, digits and {signs}"));
    }
    match text.len() {
        count if count < least => Err(format!("{what} has at least {least} characters, not {count}")),
        count if count > most => Err(format!("{what} has at most {most} characters, not {count}")),
        _ => Ok(()),
    }
}

/// The serial number of a hardware device, or the ARN of a virtual one (AWS STS API Reference, `AssumeRole`,
/// SerialNumber: `[\w+=/:,.@-]`, 9 to 256).
pub(super) fn mfa_serial(text: &str) -> Result<String, String> {
    sts_text(text, "the serial number of an MFA device", "_+=/:,.@-", 9, 256)?;
    if !text.starts_with("arn:") {
        return match text.contains([':', '/']) {
            true => Err(format!("{} is neither an ARN nor a serial number", quoted(text))),
            false => Ok(text.to_owned()),
        };
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        [_, partition, "iam", "", account, device] if partition.starts_with("aws") && is_account_id(account) => {
            match device.split_once('/') {
                Some(("mfa" | "sms-mfa", name)) if !name.is_empty() => Ok(text.to_owned()),
                Some(("u2f", _)) => Err("a security key gives no codes, so STS cannot use it: name a virtual device, \
                                         arn:aws:iam::ACCOUNT:mfa/NAME"
                    .into()),
                _ => Err(format!("{} names no MFA device: expected arn:aws:iam::ACCOUNT:mfa/NAME", quoted(text))),
            }
        }
        _ => Err(format!("{} is no ARN of an MFA device: expected arn:aws:iam::ACCOUNT:mfa/NAME", quoted(text))),
    }
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The ARN of a managed policy: AWS's own, or an account's.
pub(super) fn policy_arn(text: &str) -> Result<String, String> {
    let expected = "expected arn:aws:iam::aws:policy/NAME or arn:aws:iam::ACCOUNT:policy/NAME";
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", owner, resource]
            if partition.starts_with("aws")
                && (owner == "aws" || is_account_id(owner))
                && resource.strip_prefix("policy/").is_some_and(|name| !name.is_empty() && !name.ends_with('/'))
                && text.len() <= 2048
                && text.chars().all(|c| c.is_ascii_graphic()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("{} is no ARN of a managed policy, {expected}", quoted(text))),
    }
}

/// IAM User Guide, "Pass session tags in AWS STS": letters, numbers, blanks and `_.:/=+-@`; a key has 1 to 128.
pub(super) fn tag_key(text: &str) -> Result<(), String> {
    if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(format!("{} begins with `aws:`, which AWS keeps for itself", quoted(text)));
    }
    tag_text(text, "a tag's key", 1, 128)
}

/// As [`tag_key`], and may be empty or have up to 256.
pub(super) fn tag_value(text: &str) -> Result<(), String> {
    tag_text(text, "a tag's value", 0, 256)
}

fn tag_text(text: &str, what: &str, least: usize, most: usize) -> Result<(), String> {
    let separator = |c: char| c.is_whitespace() && !c.is_control();
    let allowed = |c: char| c.is_alphanumeric() || separator(c) || "_.:/=+-@".contains(c);
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!("{what} may not hold {c:?}, only letters, digits, blanks and _.:/=+-@"));
    }
    match text.chars().count() {
        count if count < least => Err(format!("{what} is empty")),
        count if count > most => Err(format!("{what} has at most {most} characters, not {count}")),
        _ => Ok(()),
    }
}

/// One of the terminal's colours.
pub(super) fn color(text: &str) -> Result<Color, String> {
    let known = Color::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, color)| *color).ok_or_else(|| {
        let names: Vec<&str> = Color::ALL.iter().map(|(name, _)| *name).collect();
        format!("{} is no colour; there are {}", quoted(text), names.join(", "))
    })
}

/// Where sessions rest.
pub(super) fn cache(text: &str) -> Result<CacheKind, String> {
    let known = CacheKind::ALL.iter().find(|(name, _)| *name == text);
    known.map(|(_, kind)| *kind).ok_or_else(|| format!("{} is none of file, keyring and none", quoted(text)))
}

/// A word of a command line.
pub(super) fn word(text: &str) -> Result<String, String> {
    match text.contains('\0') {
        true => Err("a word of a command may not hold a zero byte".into()),
        false => Ok(text.to_owned()),
    }
}

/// AWS SDKs and Tools Reference Guide, "Assume role credential provider", credential_source.
pub(super) fn credential_source(text: &str) -> Result<Source, String> {
    match text {
        "Environment" => Ok(Source::Environment),
        "Ec2InstanceMetadata" => Ok(Source::InstanceRole),
        "EcsContainer" => Ok(Source::ContainerRole),
        _ => Err(format!("{} is none of Environment, Ec2InstanceMetadata and EcsContainer", quoted(text))),
    }
}

/// A session policy as it is sent: valid JSON, the blanks between its parts left out, up to 2,048 characters
/// (AWS STS API Reference, `AssumeRole`, Policy).
pub(super) fn session_policy(json: &str) -> Result<String, String> {
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|error| format!("the session policy is no valid JSON: {error}"))?;
    match value.as_object() {
        None => return Err("a session policy is a JSON object".into()),
        Some(policy) if !policy.contains_key("Statement") => return Err("a session policy has a `Statement`".into()),
        Some(_) => {}
    }
    let policy = without_blanks(json);
    if let Some(c) = policy.chars().find(|c| !matches!(c, ' '..='\u{ff}')) {
        return Err(format!("a session policy may not hold {c:?}"));
    }
    match policy.chars().count() {
        ..=2048 => Ok(policy),
        count => Err(format!("AWS takes a session policy of at most 2,048 characters, this one has {count}")),
    }
}

/// Valid JSON without the white space outside its texts, and nothing else changed.
fn without_blanks(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let keep = |c: &char| {
        let blank = !in_text && c.is_ascii_whitespace();
        if *c == '"' && !escaped {
            in_text = !in_text;
        }
        escaped = in_text && *c == '\\' && !escaped;
        !blank
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Ok` or a part of the error.
    type Case<'a> = (&'a str, Result<(), &'a str>);

    fn hold<T>(rule: impl Fn(&str) -> Result<T, String>, cases: &[Case<'_>]) {
        for (text, expected) in cases {
            match (rule(text), expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(part)) if error.contains(part) => {}
                (result, _) => panic!("{text:?}: {:?}, expected {expected:?}", result.map(|_| ())),
            }
        }
    }

    #[test]
    fn session_lengths() {
        let cases = [
            ("15m", Ok(())),
            ("12h", Ok(())),
            ("14m", Err("15m to 12h")),
            ("13h", Err("not 13 h")),
            ("x", Err("1h30m")),
        ];
        hold(|text| session_length(text, false), &cases);
        hold(|text| session_length(text, true), &[("1", Ok(())), ("24h", Ok(())), ("0", Err("one second"))]);
    }

    #[test]
    fn regions() {
        hold(
            |text| region(text, false),
            &[
                ("eu-west-1", Ok(())),
                ("us-gov-west-1", Ok(())),
                ("eusc-de-east-1", Ok(())),
                ("us-isob-east-1", Ok(())),
                ("ap-southeast-10", Ok(())),
                ("eu-west-1a", Err("its region is `eu-west-1`")),
                ("eu-1", Err("like `eu-west-1`")),
                ("EU-west-1", Err("like")),
                ("", Err("like")),
                ("garage", Err("like")),
            ],
        );
        hold(|text| region(text, true), &[("garage", Ok(())), ("a b", Err("like")), ("", Err("like"))]);
    }

    #[test]
    fn urls() {
        hold(
            url,
            &[
                ("http://127.0.0.1:9000", Ok(())),
                ("https://s3.example.com/path", Ok(())),
                ("http://[::1]:9000", Ok(())),
                ("http://[::1]", Ok(())),
                ("127.0.0.1:9000", Err("begins with")),
                ("http://", Err("no host")),
                ("http://:80", Err("no host")),
                ("http://host:port", Err("`port` is no port")),
                ("http://a b", Err("' '")),
                ("http://me:hunter2@host", Err("no password")),
                ("me:hunter2@host", Err("no password")),
            ],
        );
        assert!(!url("http://me:hunter2@host").unwrap_err().contains("hunter2"));
        hold(
            start_url,
            &[
                ("https://corp.awsapps.com/start", Ok(())),
                ("https://corp.awsapps.com/start#", Ok(())),
                ("https://corp.awsapps.com/start/#/", Ok(())),
                ("https://corp.awsapps.com/start#/#", Err("'#'")),
                ("https://#/", Err("no host")),
                ("http://corp", Err("awsapps")),
            ],
        );
        assert_eq!(start_url("https://corp.awsapps.com/start#/").unwrap(), "https://corp.awsapps.com/start#/");
    }

    #[test]
    fn names_for_sts() {
        hold(
            session_name,
            &[
                ("{user}@{host}", Ok(())),
                ("{user}-", Ok(())),
                ("ci", Ok(())),
                ("x", Err("at least 2")),
                ("", Err("at least 2")),
                ("{usr}", Err("unknown placeholder `{usr}`")),
                ("{user}{", Err("unknown placeholder `{`")),
                ("a b", Err("' '")),
            ],
        );
        assert!(session_name(&"x".repeat(65)).is_err() && session_name(&"{user}".repeat(99)).is_ok());
        hold(external_id, &[("Corp:1/2", Ok(())), ("a", Err("at least 2")), ("a b", Err("' '"))]);
        hold(source_identity, &[("me", Ok(())), ("a/b", Err("'/'"))]);
    }

    #[test]
    fn devices_policies_and_tags() {
        hold(
            mfa_serial,
            &[
                ("arn:aws:iam::111111111111:mfa/me", Ok(())),
                ("GAHT12345678", Ok(())),
                ("arn:aws:iam::111111111111:u2f/user/me", Err("no codes")),
                ("arn:aws:iam::1111:mfa/me", Err("no ARN of an MFA device")),
                ("arn:aws:iam::111111111111:user/me", Err("names no MFA device")),
                ("mfa/me/device", Err("neither")),
                ("123456", Err("at least 9")),
            ],
        );
        hold(
            policy_arn,
            &[
                ("arn:aws:iam::aws:policy/ReadOnlyAccess", Ok(())),
                ("arn:aws:iam::111111111111:policy/team/Mine", Ok(())),
                ("arn:aws:iam::aws:role/x", Err("no ARN of a managed policy")),
                ("ReadOnlyAccess", Err("expected")),
            ],
        );
        hold(
            session_policy,
            &[
                (r#"{ "Statement": [] }"#, Ok(())),
                ("{", Err("no valid JSON")),
                ("[]", Err("object")),
                ("{}", Err("Statement")),
                (r#"{"Statement": "日"}"#, Err("may not hold")),
            ],
        );
        assert_eq!(session_policy("{ \"Statement\":\n \"a \\\" b\\\\\" }").unwrap(), r#"{"Statement":"a \" b\\"}"#);
        let long = format!(r#"{{"Statement": "{}"}}"#, "x".repeat(2048));
        assert!(session_policy(&long).unwrap_err().contains("has 2064"));
        hold(
            tag_key,
            &[("Project", Ok(())), ("", Err("empty")), ("aws:x", Err("keeps for itself")), ("a*", Err("'*'"))],
        );
        hold(tag_value, &[("", Ok(())), ("ä b", Ok(())), ("a\tb", Err(r"'\t'"))]);
    }

    #[test]
    fn names_and_colours() {
        hold(name, &[("prod eu", Ok(())), ("", Err("empty")), (" a", Err("blank")), ("a\x1bb", Err("control"))]);
        hold(account_name, &[("a/b", Err("account/role"))]);
        hold(role_name, &[("S3Reader", Ok(())), ("a/B", Err("give its arn")), ("a b", Err("' '"))]);
        hold(color, &[("red", Ok(())), ("pink", Err("there are black, red"))]);
    }
}
