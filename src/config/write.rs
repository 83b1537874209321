//! Writes a profile as the text of a profile file. `parse` reads it back as the same profile.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::domain::account::partition_of;
use crate::domain::role::{Account, CacheKind, Color, Profile, Role, RoleIndex, Settings, Source};
use crate::domain::text::escaped;

/// The text of a profile file that says what `profile` says, and nothing that is a default.
pub fn write(profile: &Profile) -> String {
    let mut out = String::new();
    settings(&mut out, &profile.settings);
    for (name, kind) in &profile.sources {
        heading(&mut out, &format!("[sources.{}]", key(name)));
        source(&mut out, kind);
    }
    let names = Names::of(profile);
    let mut at = None;
    for index in profile.indices() {
        let role = profile.role(index);
        if at != Some(role.account) {
            at = Some(role.account);
            heading(&mut out, "[[accounts]]");
            account(&mut out, profile.account(index));
        }
        out.push_str("\n  [[accounts.roles]]\n");
        write_role(&mut out, profile, role, &names);
    }
    out
}

fn heading(out: &mut String, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
    out.push('\n');
}

fn line(out: &mut String, indent: &str, key: &str, value: impl std::fmt::Display) {
    _ = writeln!(out, "{indent}{key} = {value}");
}

/// A line for a text that is there.
fn text(out: &mut String, indent: &str, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        line(out, indent, key, quoted(value));
    }
}

fn settings(out: &mut String, settings: &Settings) {
    let mut lines = String::new();
    text(&mut lines, "", "region", settings.region.as_deref());
    text(&mut lines, "", "duration", settings.duration.map(length).as_deref());
    text(&mut lines, "", "session_name", settings.session_name.as_deref());
    text(&mut lines, "", "endpoint_url", settings.endpoint_url.as_deref());
    if settings.cache != CacheKind::default() {
        let known = CacheKind::ALL.iter().find(|(_, kind)| *kind == settings.cache);
        text(&mut lines, "", "cache", known.map(|(name, _)| *name));
    }
    if settings.renew {
        line(&mut lines, "", "renew", true);
    }
    if !settings.mfa_command.is_empty() {
        line(&mut lines, "", "mfa_command", list(settings.mfa_command.iter().map(String::as_str)));
    }
    if !settings.on_failure.is_empty() {
        line(&mut lines, "", "on_failure", list(settings.on_failure.iter().map(String::as_str)));
    }
    if !lines.is_empty() {
        heading(out, "[settings]");
        out.push_str(&lines);
    }
}

fn source(out: &mut String, source: &Source) {
    match source {
        Source::AwsProfile(name) => text(out, "", "profile", Some(name)),
        Source::Environment => line(out, "", "environment", true),
        Source::InstanceRole => text(out, "", "credential_source", Some("Ec2InstanceMetadata")),
        Source::ContainerRole => text(out, "", "credential_source", Some("EcsContainer")),
        Source::IdentityCenter { start_url, region, session, permission_set } => {
            text(out, "", "sso_start_url", Some(start_url));
            text(out, "", "sso_region", Some(region));
            text(out, "", "sso_session", session.as_deref());
            if let Some(set) = permission_set {
                text(out, "", "sso_account_id", Some(set.account_id.as_str()));
                text(out, "", "sso_role_name", Some(&set.role_name));
            }
        }
    }
}

fn account(out: &mut String, account: &Account) {
    text(out, "", "name", Some(&account.name));
    text(out, "", "id", Some(account.id.as_str()));
    text(out, "", "source", Some(&account.source));
    text(out, "", "region", account.region.as_deref());
    text(out, "", "environment", account.environment.as_deref());
    let color = account.color.and_then(|color| Color::ALL.iter().find(|(_, known)| *known == color));
    text(out, "", "color", color.map(|(name, _)| *name));
    if account.confirm {
        line(out, "", "confirm", true);
    }
    text(out, "", "endpoint_url", account.endpoint_url.as_deref());
    if let Some(path_style) = account.path_style {
        line(out, "", "path_style", path_style);
    }
}

fn write_role(out: &mut String, profile: &Profile, role: &Role, names: &Names) {
    const INDENT: &str = "  ";
    let mut say = |key: &str, value: Option<&str>| text(out, INDENT, key, value);
    let account = &profile.accounts[role.account];
    let region = account.region.as_deref().or(profile.settings.region.as_deref());
    let arn = role.arn.to_string();
    // What the parser makes of a name alone.
    let plain = format!("arn:{}:iam::{}:role/{}", partition_of(region.unwrap_or_default()), account.id, role.name);
    match arn == plain {
        true => say("name", Some(&role.name)),
        false => say("arn", Some(&arn)),
    }
    say("alias", role.alias.as_deref());
    say("via", role.via.map(|via| names.unmistakable(profile, via)).as_deref());
    say("external_id", role.external_id.as_deref());
    say("mfa_serial", role.mfa_serial.as_deref());
    say("duration", role.duration.map(length).as_deref());
    say("session_name", role.session_name.as_deref());
    say("source_identity", role.source_identity.as_deref());
    say("policy", role.policy.as_deref());
    if role.permission_set {
        line(out, INDENT, "permission_set", true);
    }
    if let Some(renew) = role.renew {
        line(out, INDENT, "renew", renew);
    }
    if !role.tags.is_empty() {
        let tags: Vec<String> =
            role.tags.iter().map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
        line(out, INDENT, "tags", format!("{{ {} }}", tags.join(", ")));
    }
    let lists = [
        ("transitive_tags", &role.transitive_tags),
        ("policy_arns", &role.policy_arns),
        ("requester_pays", &role.requester_pays),
    ];
    for (key, values) in lists {
        if !values.is_empty() {
            line(out, INDENT, key, list(values.iter().map(String::as_str)));
        }
    }
    if !role.buckets.is_empty() {
        let buckets: Vec<String> = role.buckets.iter().map(ToString::to_string).collect();
        line(out, INDENT, "buckets", list(buckets.iter().map(String::as_str)));
    }
}

/// How many roles each name means, as `via` looks them up.
struct Names(HashMap<String, usize>);

impl Names {
    fn of(profile: &Profile) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        if profile.roles.iter().all(|role| role.via.is_none()) {
            return Self(counts);
        }
        for index in profile.indices() {
            let mut names = Self::of_role(profile, index).to_vec();
            let by_id = format!("{}/{}", profile.account(index).id, profile.role(index).name);
            names.push(Some(by_id));
            names.sort();
            names.dedup();
            for name in names.into_iter().flatten() {
                *counts.entry(name).or_default() += 1;
            }
        }
        Self(counts)
    }

    /// In the order in which people like them.
    fn of_role(profile: &Profile, index: RoleIndex) -> [Option<String>; 3] {
        let role = profile.role(index);
        [role.alias.clone(), Some(profile.label(index)), Some(role.arn.to_string())]
    }

    /// A name that means this role alone.
    fn unmistakable(&self, profile: &Profile, index: RoleIndex) -> String {
        let mut names = Self::of_role(profile, index).into_iter().flatten();
        names.find(|name| self.0.get(name) == Some(&1)).unwrap_or_else(|| profile.label(index))
    }
}

/// `1h30m`
fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    let parts = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect()
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A key: bare where TOML allows it.
fn key(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}

/// A basic string (TOML 1.0, "String"). What a terminal or an editor would obey or hide stands there as its number.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if escaped(c.encode_utf8(&mut [0; 4])) == c.to_string() => out.push(c),
            c if u32::from(c) <= 0xffff => _ = write!(out, "\\u{:04X}", u32::from(c)),
            c => _ = write!(out, "\\U{:08X}", u32::from(c)),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{parse, role_profiles};

    fn reads_back(profile: &Profile) -> String {
        let text = write(profile);
        let read = parse(&text, Path::new("config.toml")).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(format!("{read:#?}"), format!("{profile:#?}"), "{text}");
        text
    }

    #[test]
    fn the_example_reads_back() {
        let example = include_str!("../../config.example.toml");
        reads_back(&parse(example, Path::new("config.example.toml")).unwrap());
    }

    #[test]
    fn every_key_reads_back() {
        let text = r#"
            [settings]
            region = "eu-west-1"
            duration = 5400
            session_name = "{user}-x"
            endpoint_url = "http://127.0.0.1:9000"
            cache = "keyring"
            renew = true
            mfa_command = ["pass", "otp", "a \"b\" \\ {serial}", ""]
            on_failure = ["mail", "-s", "copy failed"]
            [sources."a b"]
            environment = true
            [sources.c]
            credential_source = "EcsContainer"
            [sources.i]
            credential_source = "Ec2InstanceMetadata"
            [sources.'o"dd # ü']
            profile = "it's # \"quoted\" \\ \u202e"
            [sources.sso]
            sso_start_url = "https://corp.awsapps.com/start"
            sso_region = "eu-west-1"
            sso_account_id = "111111111111"
            sso_role_name = "Dev"
            sso_session = "corp"
            [[accounts]]
            name = "prod # 日本 🦀"
            id = "222222222222"
            source = 'o"dd # ü'
            region = "us-gov-west-1"
            environment = "production"
            color = "red"
            confirm = true
            endpoint_url = "http://127.0.0.1:9001"
            path_style = false
            [[accounts.roles]]
            name = "R"
            alias = "r"
            renew = false
            external_id = "ab:/"
            mfa_serial = "GAHT12345678"
            duration = "1h1m1s"
            session_name = "ci"
            source_identity = "me"
            tags = { "a b" = "x \u00e9", c = "" }
            transitive_tags = ["c"]
            policy = '{"Statement": ["a \" b"]}'
            policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
            buckets = ["s3://data/a b/", "s3://data/ä"]
            requester_pays = ["s3://open-data/", "other-data"]
            [[accounts.roles]]
            arn = "arn:aws:iam::222222222222:role/team/Other"
            via = "r"
            [[accounts]]
            name = "again"
            id = "222222222222"
            source = "c"
            [[accounts.roles]]
            name = "R"
            via = "prod # 日本 🦀/Other"
            [[accounts.roles]]
            name = "P"
            via = "again/R"
        "#;
        let text = reads_back(&parse(text, Path::new("config.toml")).unwrap());
        assert!(text.contains(r"\u202E") && !text.contains('\u{202e}'), "{text}");
    }

    /// Whatever stands in the files of the AWS CLI, what is made of it is a good profile file.
    #[test]
    fn what_is_imported_reads_back() {
        let arn = "role_arn = arn:aws:iam::222222222222:role/R";
        for (config, credentials, roles) in [
            (format!("[profile a]\n{arn}\nsource_profile = k\n[profile k]\nregion = eu-west-1"), "", 1),
            // The same role again, by other ways; one profile is called as another's role.
            (
                format!(
                    "[profile a]\n{arn}\nsource_profile = k\n[profile b]\n{arn}\nsource_profile = k\nexternal_id = x1\n\
                     [profile 222222222222/R]\n{arn}\nsource_profile = a\n[profile c]\n{arn}\nsource_profile = b"
                ),
                "[k]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE",
                4,
            ),
            (format!("[profile \"o'dd # \\\"é\"]\n{arn}\nsource_profile = q\"u# ote\n[profile q\"u# ote]"), "", 1),
            (format!("[profile x]\n{arn}\nsource_profile = environment\n[profile environment]\n[profile y]\n{arn}\ncredential_source = Environment"), "", 2),
            (format!("[profile x]\n{arn}\nduration_seconds = 43200\ncredential_source = Ec2InstanceMetadata\n[profile y]\n{arn}\nsource_profile=x\nduration_seconds = 7200"), "", 2),
            (
                format!(
                    "[sso-session my corp]\nsso_start_url = https://corp.awsapps.com/start/#/\nsso_region = eu-west-1\n\
                     [profile s]\nsso_session = my corp\nsso_account_id = 111111111111\nsso_account_name = Corp / main\n\
                     sso_role_name = Dev\nregion = us-gov-west-1\n[profile t]\nsso_session = my corp\n\
                     sso_account_id = 333333333333\nsso_account_name = Sand \"box\"\nsso_role_name = Dev\n\
                     [profile old]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
                     sso_account_id = 111111111111\nsso_role_name = Dev\n\
                     [profile a]\n{arn}\nsource_profile = s\nduration_seconds = 43200\nmfa_serial = arn:aws:iam::111111111111:mfa/me"
                ),
                "",
                4,
            ),
            (format!("[profile {}]\n{arn}\nsource_profile = {0}k\n[profile {0}k]", "n".repeat(128)), "", 0),
            (format!("[profile {}]\n{arn}\nsource_profile = {}\n[profile {1}]\n[profile z]\n{arn}\nsource_profile = {1}\nregion = eu-west-1", "n".repeat(129), "k".repeat(128)), "", 2),
            (format!("[profile AKIAIOSFODNN7EXAMPLE]\n{arn}\ncredential_source = EcsContainer\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:1"), "", 1),
            ("[profile p]\nrole_arn = arn:aws-cn:iam::222222222222:role/a/b/R\ncredential_source = Environment\nrole_session_name = me@x".into(), "", 1),
        ] {
            let found = role_profiles::read(&config, credentials);
            assert_eq!(found.profile.roles.len(), roles, "{config}");
            if roles > 0 {
                reads_back(&found.profile);
            }
        }
    }
}
