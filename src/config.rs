//! The profile file: which accounts, roles and source credentials there are.
//!
//! [`load`] finds and reads it, [`parse`] checks it and tells every problem at once with its line. Without one, the
//! role profiles of `~/.aws/config` stand in. The front ends call this once, at the start.

mod accounts;
mod chains;
mod discovered;
mod fields;
mod keys;
mod report;
mod role_profiles;
mod secrets;
mod snapshot;
mod sources;
mod values;
mod write;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use crate::domain::role::Profile;
use crate::error::Problem;
use crate::{Error, Result};
pub use discovered::add_discovered;
use fields::Fields;
use report::Report;
use role_profiles::Found;
pub use role_profiles::sign_ins;
pub use write::write;

/// Where a profile may be, found by the caller from the command line, the environment and the platform.
#[derive(Clone, Debug)]
pub struct Places {
    /// `--config` or `$XSW_CONFIG`: this file and no other.
    pub named: Option<PathBuf>,
    /// `config.toml` in the platform's configuration directory.
    pub default_file: PathBuf,
    /// `$AWS_CONFIG_FILE` or `~/.aws/config`.
    pub aws_config: PathBuf,
    /// `$AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`.
    pub aws_credentials: PathBuf,
    /// Where a large file's checked profile is kept for the next start.
    pub snapshot: Option<PathBuf>,
}

/// What a profile was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A profile file.
    File(PathBuf),
    /// The role profiles of the AWS CLI.
    AwsConfig(PathBuf),
}

/// A checked profile and what it was read from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Accounts, roles and sources.
    pub profile: Profile,
    /// Where they came from.
    pub origin: Origin,
    /// What could not be taken from `~/.aws/config`, one sentence each.
    pub notes: Vec<String>,
}

/// A larger file is no profile file, whatever it is.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Reads the named file; else the default one; else, where there is none, the role profiles of `~/.aws/config`.
pub fn load(places: &Places) -> Result<Config> {
    load_and(places, snapshot::write)
}

/// The same for the one who only looks: nothing is written.
pub fn peek(places: &Places) -> Result<Config> {
    load_and(places, |_, _, _| ())
}

fn load_and(places: &Places, keep: impl Fn(&Path, &str, &Profile)) -> Result<Config> {
    let path = places.named.as_ref().unwrap_or(&places.default_file);
    match read(path) {
        Ok(text) => {
            let profile = match places.snapshot.as_deref().and_then(|snapshot| snapshot::read(snapshot, &text)) {
                Some(profile) => profile,
                None => {
                    let profile = parse(&text, path)?;
                    places.snapshot.iter().for_each(|snapshot| keep(snapshot, &text, &profile));
                    profile
                }
            };
            Ok(Config { profile, origin: Origin::File(path.clone()), notes: Vec::new() })
        }
        Err(Unreadable::Missing) if places.named.is_none() => from_aws_config(places),
        Err(unreadable) => Err(unreadable.into_error(path)),
    }
}

/// What the files of the AWS CLI give, and what of them is left out, one sentence each.
fn role_profiles(aws_config: &Path, aws_credentials: &Path) -> Result<(Found, Vec<String>)> {
    let config = match read(aws_config) {
        Err(Unreadable::Missing) => String::new(),
        read => read.map_err(|unreadable| unreadable.into_error(aws_config))?,
    };
    let mut notes = Vec::new();
    let credentials = read(aws_credentials).unwrap_or_else(|unreadable| {
        // Most roles stand in the config file alone.
        if let Unreadable::Wrong(_, message, _) = unreadable {
            notes.push(format!("{} is passed over: {message}", aws_credentials.display()));
        }
        String::new()
    });
    let found = role_profiles::read(&config, &credentials);
    notes.extend(found.left_out.iter().map(|left_out| left_out.note(aws_config, aws_credentials)));
    Ok((found, notes))
}

/// A profile made of the files of the AWS CLI, for [`write`], and what could not be carried over, one sentence each.
///
/// # Errors
/// [`Error::Profile`] when a file cannot be read or has no role.
pub fn import(aws_config: &Path, aws_credentials: &Path) -> Result<(Profile, Vec<String>)> {
    let (found, mut notes) = role_profiles(aws_config, aws_credentials)?;
    if found.profile.roles.is_empty() {
        let mut message = "it has no role profiles".to_owned();
        if !notes.is_empty() {
            message = format!("{message} that xsw can use: {}", notes.join("; "));
        }
        let next = "a role profile has role_arn with source_profile or credential_source, or sso_account_id with \
                    sso_role_name; config.example.toml is the manual for a profile file of your own";
        return Err(Error::Profile {
            path: Some(aws_config.into()),
            problems: vec![Problem { line: 0, message }],
            hint: Some(next.into()),
        });
    }
    notes.extend(found.changed);
    if !found.ignored.is_empty() {
        let keys: Vec<&str> = found.ignored.iter().map(String::as_str).collect();
        notes.push(format!("not carried over, for xsw has nothing like them: {}", keys.join(", ")));
    }
    if !found.unused.is_empty() {
        let names = found.unused.join(", ");
        notes.push(format!("these AWS profiles have credentials, and no role starts from them: {names}"));
    }
    Ok((found.profile, notes))
}

fn from_aws_config(places: &Places) -> Result<Config> {
    let (found, notes) = role_profiles(&places.aws_config, &places.aws_credentials)?;
    if found.profile.roles.is_empty() {
        let next = format!(
            "write {}, for which config.example.toml is the manual, or look around with `xsw demo`",
            places.default_file.display()
        );
        let mut message = format!("there is none, and {} has no role profiles", places.aws_config.display());
        if !notes.is_empty() {
            message = format!("{message} that xsw can use: {}", notes.join("; "));
        }
        return Err(Error::Profile {
            path: Some(places.default_file.clone()),
            problems: vec![Problem { line: 0, message }],
            hint: Some(next),
        });
    }
    Ok(Config { profile: found.profile, origin: Origin::AwsConfig(places.aws_config.clone()), notes })
}

/// Why a file gives no text.
enum Unreadable {
    Missing,
    /// The line from 1, or 0 for the whole file; what is wrong; what to do.
    Wrong(usize, String, Option<&'static str>),
}

impl Unreadable {
    fn into_error(self, path: &Path) -> Error {
        let (line, message, hint) = match self {
            Self::Missing => {
                (0, "there is no such file".into(), Some("check the path given with --config or $XSW_CONFIG"))
            }
            Self::Wrong(line, message, hint) => (line, message, hint),
        };
        Error::Profile {
            path: Some(path.into()),
            problems: vec![Problem { line, message }],
            hint: hint.map(Into::into),
        }
    }
}

fn read(path: &Path) -> std::result::Result<String, Unreadable> {
    let cannot = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unreadable::Missing,
        ErrorKind::PermissionDenied => {
            Unreadable::Wrong(0, "it may not be read".into(), Some("make it yours: chown, then chmod 600"))
        }
        _ => Unreadable::Wrong(0, format!("it cannot be read: {error}"), None),
    };
    if std::fs::metadata(path).map_err(cannot)?.is_dir() {
        return Err(Unreadable::Wrong(0, "this is a folder, not a file".into(), Some("name the file in it")));
    }
    let mut bytes = Vec::new();
    // Bounded, because a pipe or a device does not tell its size.
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unreadable::Wrong(0, "it is larger than 4 MiB, so it is no profile file".into(), None));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Unreadable::Wrong(0, "it is UTF-16".into(), Some("save it as UTF-8")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        Unreadable::Wrong(line, "a byte here is no UTF-8".into(), Some("save it as UTF-8"))
    })
}

/// Checks the text of a profile file; policy files are read from the folder of `path`.
///
/// Every problem is told, in the order of the file.
pub fn parse(text: &str, path: &Path) -> Result<Profile> {
    let mut report = Report::new(text);
    let profile = checked(&mut report, text, path.parent().unwrap_or(Path::new("")));
    match profile {
        Some(profile) if report.is_empty() => Ok(profile),
        _ => Err(Error::Profile { path: Some(path.into()), problems: report.finish(), hint: None }),
    }
}

fn checked(report: &mut Report, text: &str, folder: &Path) -> Option<Profile> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut whole = true;
    let mut last_line = 0;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        if error.message() == "duplicate key" {
            let key = text.get(span.clone()).unwrap_or_default();
            report.add(span.start, format!("{} is there twice; keep one", report::quoted(key)));
            continue;
        }
        // What follows on the same line is most often the same mistake again.
        let line = report.line(span.start);
        if line != last_line {
            report.add(span.start, format!("this is no TOML: {}", error.message()));
        }
        (whole, last_line) = (false, line);
    }
    if !whole {
        // Half a file would be blamed for what its other half says.
        return None;
    }

    let file = &Fields::open(report, table.get_ref(), 0, &keys::FILE);
    let mut profile = Profile {
        settings: sources::settings(report, file),
        sources: sources::sources(report, file),
        ..Profile::default()
    };
    let places = accounts::read(report, file, folder, &mut profile);
    chains::resolve(report, &mut profile, &places);
    if report.is_empty() {
        name_sources(&mut profile);
    }
    Some(profile)
}

/// An account all of whose roles are assumed by others has the source where those chains begin.
fn name_sources(profile: &mut Profile) {
    for index in profile.indices() {
        if profile.account(index).source.is_empty() {
            let source = profile.source_name(index).to_owned();
            let account = profile.role(index).account;
            profile.accounts[account].source = source;
        }
    }
    let first = profile.sources.keys().next().cloned().unwrap_or_default();
    for account in profile.accounts.iter_mut().filter(|account| account.source.is_empty()) {
        account.source.clone_from(&first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::{Settings, Source};

    const EXAMPLE: &str = include_str!("../config.example.toml");

    fn problems(text: &str) -> Vec<String> {
        match parse(text, Path::new("config.toml")) {
            Ok(_) => Vec::new(),
            Err(Error::Profile { problems, .. }) => {
                problems.iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// An account for tests that are about something else; its role is on the lines from 5.
    fn role(keys: &str) -> String {
        format!("[[accounts]]\nname = 'a'\nid = '111111111111'\n[[accounts.roles]]\nname = 'R'\n{keys}")
    }

    /// The example with every key that it only shows.
    fn example_in_full() -> String {
        let shown = |line: &str| {
            let indent = line.len() - line.trim_start().len();
            match line.trim_start().strip_prefix('#') {
                Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => format!("{}{key}", &line[..indent]),
                _ => line.to_owned(),
            }
        };
        EXAMPLE.lines().map(shown).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_example_holds_the_defaults() {
        let settings = parse(EXAMPLE, Path::new("config.example.toml")).unwrap().settings;
        assert_eq!(settings.duration, Some(Settings::DEFAULT_DURATION));
        assert_eq!(settings.session_name.as_deref(), Some(Settings::DEFAULT_SESSION_NAME));
        assert_eq!((settings.region, settings.endpoint_url), (None, None));
    }

    #[test]
    fn the_example_shows_every_key() {
        let full = example_in_full();
        let profile = parse(&full, Path::new("config.example.toml")).unwrap();
        assert_eq!(
            profile.role(profile.find("reader").unwrap()).arn.to_string(),
            "arn:aws:iam::222222222222:role/team/S3Reader"
        );
        // The keys by the kind of table that they stand in.
        let mut shown: Vec<(&str, &str)> = Vec::new();
        let mut title = keys::FILE.title;
        for line in full.lines().map(str::trim) {
            let header = line.trim_matches(['[', ']']);
            if line.starts_with('[') {
                title = match header {
                    "settings" => keys::SETTINGS.title,
                    "accounts" => keys::ACCOUNT.title,
                    "accounts.roles" => keys::ROLE.title,
                    _ => keys::SOURCE.title,
                };
                shown.extend(
                    keys::ALL
                        .iter()
                        .flat_map(|table| table.keys.iter().map(|key| (table.title, *key)))
                        .filter(|(_, key)| header.split('.').any(|part| part == *key)),
                );
            } else if let Some((key, _)) = line.split_once(" = ") {
                shown.push((title, key));
            }
        }
        for table in keys::ALL {
            for key in table.keys {
                assert!(shown.contains(&(table.title, *key)), "config.example.toml lacks {key} of {}", table.title);
            }
        }
    }

    #[test]
    fn every_key_is_read() {
        // No key takes a date, so each that is read complains.
        for (table, before, line) in [
            (&keys::FILE, "", 1),
            (&keys::SETTINGS, "[settings]\n", 2),
            (&keys::SOURCE, "[sources.x]\n", 2),
            (&keys::ACCOUNT, "[[accounts]]\n", 2),
            (&keys::ROLE, "[[accounts]]\n[[accounts.roles]]\n", 3),
        ] {
            for key in table.keys {
                let found = problems(&format!("{before}{key} = 2026-01-01"));
                let start = format!("{line}: ");
                assert!(
                    found.iter().any(|problem| problem.starts_with(&start) && problem.ends_with("not a date")),
                    "{key} of {}: {found:?}",
                    table.title
                );
            }
        }
    }

    #[test]
    fn permission_sets_belong_to_a_sign_in_and_take_nothing_of_assume_role() {
        /// A source and an account with it; its role is on the lines from 8, its own keys from 10.
        fn file(source: &str, keys: &str) -> String {
            format!(
                "[sources.s]\n{source}\n[[accounts]]\nname = 'a'\nid = '111111111111'\nsource = 's'\n\
                 [[accounts.roles]]\nname = 'R'\n{keys}"
            )
        }
        const SIGN_IN: &str = "sso_start_url = 'https://x.awsapps.com/start'\nsso_region = 'eu-west-1'";
        let with_own =
            SIGN_IN.to_owned() + "\nsso_account_id = '111111111111'\nsso_role_name = 'Base'\nsso_session = 'x'";
        let chained = "permission_set = true\n[[accounts.roles]]\nname = 'Next'\nvia = 'a/R'";
        for text in [
            // The list is what the sign-in gives.
            format!("[sources.s]\n{SIGN_IN}"),
            format!("[sources.s]\n{SIGN_IN}\n[[accounts]]\nname = 'a'\nid = '111111111111'"),
            file(SIGN_IN, "permission_set = true\nalias = 'r'\nrenew = true\nbuckets = ['s3://some-bucket/']"),
            file(SIGN_IN, chained),
            file(&with_own, "permission_set = true"),
            file(&with_own, ""),
            file("profile = 'p'", "permission_set = false"),
        ] {
            assert_eq!(problems(&text), [""; 0], "{text}");
        }
        for (source, keys, expected) in [
            (
                "profile = 'p'\n",
                "permission_set = true",
                "10: permission_set: the source `s` of this account is no sign-in",
            ),
            ("environment = true\n", "permission_set = true", "10: permission_set: the source `s`"),
            (
                SIGN_IN,
                "via = 'else/Where'",
                "10: via: there is no role `else/Where`; a permission set is named here only when it is a role",
            ),
            (SIGN_IN, "", "8: the source `s` gives permission sets and no credentials that could assume this role"),
            (SIGN_IN, "permission_set = false", "8: the source `s` gives permission sets and no credentials"),
            (SIGN_IN, "permission_set = 'yes'", "10: permission_set: write true or false"),
            (SIGN_IN, "permission_set = true\narn = 'arn:aws:iam::111111111111:role/R'", "11: arn: a permission set"),
            (SIGN_IN, "permission_set = true\nvia = 'a/R'", "11: via: a permission set takes none"),
            (SIGN_IN, "permission_set = true\nexternal_id = 'abc'", "11: external_id: a permission set takes none"),
            (SIGN_IN, "permission_set = true\nmfa_serial = 'GAHT12345678'", "11: mfa_serial: a permission set"),
            (SIGN_IN, "permission_set = true\nduration = '1h'", "11: duration: a permission set takes none"),
            (SIGN_IN, "permission_set = true\nsession_name = 'me'", "11: session_name: a permission set"),
            (SIGN_IN, "permission_set = true\nsource_identity = 'me'", "11: source_identity: a permission set"),
            (SIGN_IN, "permission_set = true\ntags = { a = 'b' }", "11: tags: a permission set takes none"),
            (SIGN_IN, "permission_set = true\ntransitive_tags = []", "11: transitive_tags: a permission set"),
            (SIGN_IN, "permission_set = true\npolicy = '{\"Statement\":[]}'", "11: policy: a permission set"),
            (SIGN_IN, "permission_set = true\npolicy_arns = []", "11: policy_arns: a permission set takes none"),
        ] {
            let found = problems(&file(source, keys));
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{keys:?}: {found:?}, not {expected}");
        }
    }

    #[test]
    fn each_problem_has_its_line_and_what_was_meant() {
        for (text, expected) in [
            ("", "0: no accounts"),
            ("accounts = []", "0: no accounts"),
            ("# only a comment\r\n", "0: no accounts"),
            ("[settings]\nregion = \n", "2: this is no TOML"),
            ("[settings]\nregion = 'eu-west-1'\nregion = 'eu-west-2'", "3: `region` is there twice"),
            ("[accounts]\nname = 'a'", "1: write [[accounts]] with double brackets"),
            ("[[accounts]]\nname = 'a'\nid = '111111111111'", "0: no roles"),
            ("[[accounts]]\nid = '111111111111'", "1: this account has no name"),
            ("[[accounts]]\nname = 'a'\n[[accounts.roles]]\nname = 'R'", "1: the account `a` has no id"),
            ("[[accounts]]\nname = 'a'\nid = 111111111111", "3: id: write a text in quotes, not a number"),
            ("[[accounts]]\nname = 'a'\nid = '1111'", "3: id: an account id has 12 digits"),
            ("[[accounts]]\nname = 'a'\ncolor = 'rot'", "3: color: `rot` is no colour"),
            ("[setings]", "1: unknown key `setings` in the top of the file; did you mean `settings`?"),
            ("[sources]\nx = 1", "2: write a table [sources.NAME], not a number"),
            ("[sources.x]\nprofil = 'a'", "2: unknown key `profil` in [sources.NAME]; did you mean `profile`?"),
            ("[sources.x]\n", "1: the source `x` says nothing"),
            ("[sources.x]\nprofile='a'\nenvironment=true", "1: the source `x` is of several kinds"),
            ("[sources.x]\nenvironment=false", "2: environment: write true, or leave"),
            ("[sources.x]\nsso_region='eu-west-1'", "1: the source `x` lacks sso_start_url"),
            (&role("region = 'eu-west-1'"), "6: unknown key `region` in [[accounts.roles]]; it belongs in [settings]"),
            (&role("role_arn = 'x'"), "6: unknown key `role_arn` in [[accounts.roles]]; did you mean `arn`?"),
            (&role("frobnicate = 1"), "6: unknown key `frobnicate` in [[accounts.roles]]; known are name, arn"),
            (&role("arn = 'arn:aws:iam::222222222222:role/R'"), "6: the arn is of account 222222222222"),
            (&role("arn = 'arn:aws:iam::111111111111:role/Q'"), "6: the arn is that of the role `Q`"),
            (&role("via = 'a/R'"), "6: via: the role `a/R` cannot be assumed by itself"),
            (&role("via = 'b/R'"), "6: via: there is no role `b/R`; did you mean `a/R`?"),
            (&role("duration = '5m'"), "6: duration: AWS takes 15m to 12h"),
            (&role("[[accounts.roles]]\nname = 'R'"), "7: the role `R` is in this account already, on line 5"),
            (&role("[[accounts.roles]]\nalias = 'x'"), "6: this role has neither a name nor an arn"),
            (
                &role("transitive_tags = ['Team']\ntags = { Taem = 'x' }"),
                "6: transitive_tags: `Team` is not among this role's tags; did you mean `Taem`?",
            ),
            (&role("policy = 'no-such-file.json'"), "6: policy: cannot read the policy file `no-such-file.json`"),
            (&role("policy = '{'"), "6: policy: the session policy is no valid JSON"),
            (&role("policy_arns = 'x'"), "6: policy_arns: write a list of texts in [ ], not a text"),
            (&role("buckets = [\n  's3://good',\n  'bad',\n]"), "8: buckets: \"bad\" is no S3 URI"),
            (&role("tags = { a = 1 }"), "6: tags: write a text in quotes, not a number"),
            (&role("tags = { Team = 'x', team = 'y' }"), "6: tags: `team` differs from another key in case alone"),
            (
                &role("duration = '2h'\nvia = 'a/S'\n[[accounts.roles]]\nname = 'S'"),
                "6: duration: AWS caps role chaining",
            ),
        ] {
            let found = problems(text);
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{text}\n{expected}\n{found:#?}");
        }
    }

    #[test]
    fn what_is_fine_is_fine() {
        for text in [
            role(""),
            format!("\u{feff}{}", role("")),
            role("").replace('\n', "\r\n"),
            role("alias = 'a/R'"),
            role("duration = 3600"),
            format!("[settings]\nendpoint_url = 'http://127.0.0.1:1'\nduration = '2s'\nregion = 'garage'\n{}", role("")),
            format!("[settings]\nduration = '4h'\n{}", role("[[accounts.roles]]\nname = 'S'\nvia = 'a/R'")),
            "[[accounts]]\nname='a'\nendpoint_url='http://x'\n[[accounts.roles]]\narn='arn:aws:iam::111111111111:role/R'\n\
             duration='24h'"
                .into(),
            // One account under two names.
            format!("{}\n{}", role(""), role("").replace("'a'", "'b'")),
        ] {
            assert_eq!(problems(&text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_refused_and_never_repeated() {
        let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        for text in [
            format!("[sources.x]\naws_access_key_id = '{id}'\naws_secret_access_key = '{secret}'"),
            format!("[default]\naws_secret_access_key = '{secret}'"),
            format!("[accounts]\nsecret_key = '{secret}'"),
            format!("password = '{secret}'"),
            format!("frobnicate = '{secret}'"),
            format!("frobnicate = ['{secret}']"),
            format!("'{secret}' = 1"),
            format!("'{id}' = 1"),
            format!("[sources.'{id}']\nprofile = 'x'"),
            role(&format!("alias = '{secret}'")),
            role(&format!("source_identity = '{id}'")),
            role(&format!("external_id = '{id}'")),
            role(&format!("tags = {{ Key = '{secret}' }}")),
            role(&format!("tags = {{ '{secret}' = 'x' }}")),
            role(&format!("buckets = ['{secret}']")),
            role("session_token = 'x'"),
            role("token_code = '123456'"),
        ] {
            let found = problems(&text).join("\n");
            assert!(found.contains("aws configure"), "{text}\n{found}");
            assert!(!found.contains(secret) && !found.contains(id), "{text}\n{found}");
        }
    }

    #[test]
    fn chains_resolve_by_every_name_and_circles_are_shown() {
        let text = |vias: [&str; 3]| {
            let role = |(name, via): (&str, &str)| {
                let via = if via.is_empty() { String::new() } else { format!("via = '{via}'\n") };
                format!("[[accounts.roles]]\nname = '{name}'\nalias = 'alias-{name}'\n{via}")
            };
            let roles: String = ["A", "B", "C"].into_iter().zip(vias).map(role).collect();
            format!("[[accounts]]\nname = 'x'\nid = '111111111111'\n{roles}")
        };
        for via in ["x/A", "111111111111/A", "alias-A", "arn:aws:iam::111111111111:role/A"] {
            let profile = parse(&text(["", via, "x/B"]), Path::new("")).unwrap();
            assert_eq!(profile.chain(profile.find("x/C").unwrap()).iter().map(|i| i.0).collect::<Vec<_>>(), [0, 1, 2]);
        }
        let circle = problems(&text(["x/C", "x/A", "x/B"]));
        assert_eq!(circle, ["7: via: these roles assume each other in a circle: x/A via x/C via x/B via x/A"]);
        // The way into a circle is not the circle.
        let circle = problems(&text(["x/B", "x/C", "x/B"]));
        assert_eq!(circle, ["11: via: these roles assume each other in a circle: x/B via x/C via x/B"]);
    }

    #[test]
    fn sources_are_implied_where_only_one_can_be_meant() {
        let source = |text: &str| {
            let profile = parse(text, Path::new("")).unwrap();
            let name = profile.accounts[0].source.clone();
            let source = profile.sources[&name].clone();
            (name, source)
        };
        let default = Source::AwsProfile("default".into());
        assert_eq!(source(&role("")), ("default".into(), default));
        let one = format!("[sources.corp]\nenvironment = true\n{}", role(""));
        assert_eq!(source(&one), ("corp".into(), Source::Environment));

        let two = format!("[sources.corp]\nenvironment = true\n[sources.lab]\nprofile = 'lab'\n{}", role(""));
        assert_eq!(problems(&two), ["5: this account has no source: write source = one of corp, lab"]);
        let wrong = two.replace("name = 'a'", "name = 'a'\nsource = 'crop'");
        assert_eq!(problems(&wrong), ["7: source: there is no source `crop`; did you mean `corp`?"]);
        // An account whose roles are all assumed by others has the source where those begin.
        let chained = format!(
            "{}\n[[accounts]]\nname = 'b'\nid = '222222222222'\nsource = 'lab'\n[[accounts.roles]]\nname = 'J'",
            two.replace("name = 'R'", "name = 'R'\nvia = 'b/J'")
        );
        assert_eq!(source(&chained), ("lab".into(), Source::AwsProfile("lab".into())));
    }

    #[test]
    fn the_partition_follows_the_region() {
        let text = format!("[settings]\nregion = 'cn-north-1'\n{}", role(""));
        assert_eq!(
            parse(&text, Path::new("")).unwrap().roles[0].arn.to_string(),
            "arn:aws-cn:iam::111111111111:role/R"
        );
    }

    #[test]
    fn aliases_mean_one_role() {
        let two = role("alias = 'x'\n[[accounts.roles]]\nname = 'S'\nalias = 'x'");
        assert_eq!(problems(&two), ["9: the alias `x` is on line 6 already"]);
        let label = role("alias = 'a/S'\n[[accounts.roles]]\nname = 'S'");
        assert_eq!(problems(&label), ["6: the alias `a/S` is the name of another role"]);
    }

    #[test]
    fn identity_center_counts_as_chaining() {
        let text = format!(
            "[sources.s]\nsso_start_url='https://x.awsapps.com/start'\nsso_region='eu-west-1'\n\
             sso_account_id='111111111111'\nsso_role_name='Dev'\n{}",
            role("duration = '2h'")
        );
        assert!(problems(&text)[0].starts_with("11: duration: AWS caps role chaining at one hour, and"));
    }

    #[test]
    fn no_text_makes_it_panic() {
        let full = example_in_full();
        for end in (0..full.len()).step_by(11).filter(|end| full.is_char_boundary(*end)) {
            _ = parse(&full[..end], Path::new(""));
        }
        // Each line left out, and each line's value replaced by one of every type.
        let lines: Vec<&str> = full.lines().collect();
        for place in 0..lines.len() {
            let key = lines[place].split_once(" = ").map_or(lines[place], |(key, _)| key);
            for value in [
                "1",
                "-1.5",
                "true",
                "''",
                "'\\u0000'",
                "\"\\u202e\\u0000\"",
                "[]",
                "[1]",
                "{}",
                "{ a = 1 }",
                "[[['x']]]",
            ] {
                let mut changed = lines.clone();
                let line = format!("{key} = {value}");
                changed[place] = &line;
                _ = parse(&changed.join("\n"), Path::new(""));
            }
            let mut fewer = lines.clone();
            fewer.remove(place);
            _ = parse(&fewer.join("\n"), Path::new(""));
        }
        for text in
            ["\0", "[[[[", "[a.b.c]\n[[a.b]]\n[a]", "=", "\u{feff}\u{feff}", &"[".repeat(10_000), &"a.".repeat(10_000)]
        {
            _ = parse(text, Path::new(""));
        }
    }

    #[test]
    fn long_values_and_long_lists_stay_readable() {
        let found = problems(&role(&format!("alias = '{}'", "x".repeat(100_000))));
        assert!(found[0].len() < 600, "{}", found[0].len());
        let many: String = (0..5_000).map(|n| format!("nonsense{n} = 1\n")).collect();
        let found = problems(&many);
        assert_eq!((found.len(), found.last().unwrap().as_str()), (101, "0: and 4901 more problems"));
    }
}
