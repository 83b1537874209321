//! Reads the INI files of the AWS CLI as Python's configparser does, on which the AWS CLI stands.

use std::collections::HashMap;

/// The keys of a profile that were asked for, in lower case, and where the profile begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    pub(super) line: usize,
    pub(super) keys: HashMap<String, String>,
}

/// The profiles in the order of the file with their `wanted` keys; a profile given twice is one. Lines that make no
/// sense are passed over: the file belongs to other programs. Keys that nobody asked for, and among them the secret
/// ones, are not kept.
pub(super) fn profiles(text: &str, is_credentials: bool, wanted: &[&str]) -> Vec<(String, Section)> {
    sections(text, |header| profile_name(header, is_credentials), wanted)
}

/// The same for the sections `[sso-session NAME]` of the config file.
pub(super) fn sso_sessions(text: &str, wanted: &[&str]) -> Vec<(String, Section)> {
    sections(text, |header| named(header, "sso-session"), wanted)
}

/// The sections whose header has a name.
fn sections(text: &str, name_of: impl Fn(&str) -> Option<String>, wanted: &[&str]) -> Vec<(String, Section)> {
    let mut profiles: Vec<(String, Section)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    // `None` while in a section of another kind.
    let mut current: Option<usize> = None;
    // How far the last key was indented: what is indented further continues its value.
    let mut indent_of_key: Option<usize> = None;
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        if indent_of_key.is_some_and(|of_key| indent > of_key) {
            continue;
        }
        if let Some(header) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            indent_of_key = None;
            current = name_of(header).map(|name| {
                *places.entry(name.clone()).or_insert_with(|| {
                    profiles.push((name, Section { line: number + 1, ..Section::default() }));
                    profiles.len() - 1
                })
            });
            continue;
        }
        let Some((key, value)) = content.split_once(['=', ':']) else { continue };
        indent_of_key = Some(indent);
        let key = key.trim().to_lowercase();
        if let Some(place) = current
            && wanted.contains(&key.as_str())
        {
            profiles[place].1.keys.insert(key, without_comment(value).to_owned());
        }
    }
    profiles
}

/// AWS SDKs and Tools Reference Guide, "Shared config and credentials files": `[profile x]` and `[default]` in the
/// config file, `[x]` in the credentials file.
fn profile_name(header: &str, is_credentials: bool) -> Option<String> {
    let header = header.trim();
    match named(header, "profile") {
        Some(name) if !is_credentials => Some(name),
        _ if is_credentials || header == "default" => unquoted(header),
        _ => None,
    }
}

/// The name in `KIND NAME`.
fn named(header: &str, kind: &str) -> Option<String> {
    unquoted(header.trim().strip_prefix(kind).filter(|rest| rest.starts_with([' ', '\t']))?.trim())
}

fn unquoted(name: &str) -> Option<String> {
    let unquoted = ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote));
    let name = unquoted.unwrap_or(name);
    (!name.is_empty()).then(|| name.to_owned())
}

/// The SDKs take ` #` for the start of a comment, the AWS CLI does not; no key read here can hold a blank and `#`.
fn without_comment(value: &str) -> &str {
    let end = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    value[..end.unwrap_or(value.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, is_credentials: bool) -> String {
        let shown = |(name, section): (String, Section)| {
            let mut keys: Vec<String> = section.keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            keys.sort();
            format!("{name}@{}: {}", section.line, keys.join(" "))
        };
        let wanted = ["region", "role_arn", "s3", "a", "aws_access_key_id"];
        profiles(text, is_credentials, &wanted).into_iter().map(shown).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn files_as_the_aws_cli_reads_them() {
        for (text, expected) in [
            ("[default]\nregion = eu-west-1\n", "default@1: region=eu-west-1"),
            ("# c\r\n[profile a]\r\nRegion=x # note\r\n", "a@2: region=x"),
            ("[profile \"a b\"]\nregion : x\n", "a b@1: region=x"),
            // Nested values are the value of the key above them, after a blank line too.
            ("[profile a]\ns3 =\n  role_arn = nested\n\n  x = y\nregion = z", "a@1: region=z s3="),
            // A section that is indented as a whole.
            ("[profile a]\n  role_arn = x\n  region = y\n[profile b]", "a@1: region=y role_arn=x; b@4: "),
            ("[sso-session s]\nsso_region = x\n[plugins]\na=b\n[profiler]\na=b", ""),
            ("[profile a]\nregion=x\n[profile b]\n[profile a]\nregion=y", "a@1: region=y; b@3: "),
            ("region = lost\n[profile a\nnonsense\n[profile ]\n", ""),
            ("\u{feff}[default]\na=b", "default@1: a=b"),
        ] {
            assert_eq!(shown(text, false), expected, "{text:?}");
        }
        let sessions =
            sso_sessions("[sso-session s]\nregion = x\n[profile s]\nregion = y\n[sso-sessions]", &["region"]);
        assert_eq!(sessions.len(), 1);
        assert_eq!((sessions[0].0.as_str(), sessions[0].1.keys["region"].as_str()), ("s", "x"));
        let credentials = "[a]\naws_access_key_id = x\naws_secret_access_key = y\n[profile b]\n";
        assert_eq!(shown(credentials, true), "a@1: aws_access_key_id=x; profile b@4: ");
    }
}
