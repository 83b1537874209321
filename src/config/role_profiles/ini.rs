//! Reads the INI files of the AWS CLI as Python's configparser does, on which the AWS CLI stands.

use std::collections::{BTreeSet, HashMap};

/// The keys of a section that were asked for, in lower case, and where the section begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    pub(super) line: usize,
    pub(super) keys: HashMap<String, String>,
    /// The names of its other keys, without what they say.
    pub(super) others: BTreeSet<String>,
}

/// What is in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// In the order of the file.
    pub(super) profiles: Vec<(String, Section)>,
    /// The sections `[sso-session NAME]`.
    pub(super) sso_sessions: HashMap<String, Section>,
}

/// Which section a line belongs to.
enum Current {
    Profile(usize),
    SsoSession(String),
    /// One that is neither, as `[plugins]`.
    Other,
}

/// The sections with their `wanted` keys; one that is given twice is one. Lines that make no sense are passed over:
/// the file belongs to other programs. What other keys say, and among them the secret ones, is not kept.
pub(super) fn read(text: &str, is_credentials: bool, wanted: &[&str]) -> File {
    let File { mut profiles, mut sso_sessions } = File::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut current = Current::Other;
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
            let begun = Section { line: number + 1, ..Section::default() };
            current = if let Some(name) = profile_name(header, is_credentials) {
                Current::Profile(*places.entry(name.clone()).or_insert_with(|| {
                    profiles.push((name, begun));
                    profiles.len() - 1
                }))
            } else if let Some(name) = name_after(header.trim(), "sso-session") {
                sso_sessions.entry(name.clone()).or_insert(begun);
                Current::SsoSession(name)
            } else {
                Current::Other
            };
            continue;
        }
        let Some((key, value)) = content.split_once(['=', ':']) else { continue };
        indent_of_key = Some(indent);
        let key = key.trim().to_lowercase();
        let section = match &current {
            Current::Profile(place) => Some(&mut profiles[*place].1),
            Current::SsoSession(name) => sso_sessions.get_mut(name),
            Current::Other => None,
        };
        let Some(section) = section else { continue };
        if wanted.contains(&key.as_str()) {
            section.keys.insert(key, without_comment(value).to_owned());
        } else {
            section.others.insert(key);
        }
    }
    File { profiles, sso_sessions }
}

/// AWS SDKs and Tools Reference Guide, "Shared config and credentials files": `[profile x]` and `[default]` in the
/// config file, `[x]` in the credentials file.
fn profile_name(header: &str, is_credentials: bool) -> Option<String> {
    let header = header.trim();
    match name_after(header, "profile") {
        Some(name) if !is_credentials => Some(name),
        _ if is_credentials || header == "default" => unquoted(header),
        _ => None,
    }
}

/// The name in `[kind name]`.
fn name_after(header: &str, kind: &str) -> Option<String> {
    unquoted(header.strip_prefix(kind).filter(|rest| rest.starts_with([' ', '\t']))?.trim())
}

fn unquoted(name: &str) -> Option<String> {
    let inner = ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote));
    let name = inner.unwrap_or(name);
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
        read(text, is_credentials, &wanted).profiles.into_iter().map(shown).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn sso_sessions_and_the_names_of_other_keys() {
        let text = "[sso-session \"a b\"]\nregion = x\n[profile p]\nCli_Pager = less\ns3 =\n  nested = 1\nregion=y\n";
        let file = read(text, false, &["region", "s3"]);
        assert_eq!(file.sso_sessions["a b"].keys["region"], "x");
        assert_eq!(file.profiles[0].1.others.iter().collect::<Vec<_>>(), ["cli_pager"]);
        assert!(read(text, true, &["region"]).sso_sessions.is_empty());
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
        let credentials = "[a]\naws_access_key_id = x\naws_secret_access_key = y\n[profile b]\n";
        assert_eq!(shown(credentials, true), "a@1: aws_access_key_id=x; profile b@4: ");
    }
}
