//! The profile of people who have no profile file yet: the role profiles of `~/.aws/config`.
//!
//! A profile here resolves to the same calls as in the AWS CLI, or is left out with a reason: silently another
//! identity would be worse than none.

mod ini;

use std::collections::{HashMap, HashSet};

use super::{Places, values};
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::role::{Account, Profile, Role, RoleIndex, Source};
use crate::domain::sign_in::SignIn;
use crate::domain::text::cut;
use ini::Section;

/// The keys of an AWS profile that are read. The access key id alone tells that there are keys.
const KEYS: [&str; 11] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "web_identity_token_file",
    "aws_access_key_id",
    "external_id",
    "mfa_serial",
    "duration_seconds",
    "role_session_name",
    "region",
    "endpoint_url",
];

/// The profile, and the AWS profiles with a role that are not in it.
pub(super) struct Found {
    pub(super) profile: Profile,
    pub(super) left_out: Vec<LeftOut>,
}

/// An AWS profile that has a role but cannot be shown.
pub(super) struct LeftOut {
    name: String,
    line: usize,
    in_credentials: bool,
    why: String,
}

impl LeftOut {
    pub(super) fn note(&self, places: &Places) -> String {
        let file = if self.in_credentials { &places.aws_credentials } else { &places.aws_config };
        let (name, why) = (cut(&self.name, 80), cut(&self.why, 300));
        format!("the AWS profile `{name}` ({}:{}) is left out: {why}", file.display(), self.line)
    }
}

/// An AWS profile, its keys of both files together.
struct AwsProfile {
    name: String,
    section: Section,
    in_credentials: bool,
}

impl AwsProfile {
    fn get(&self, key: &str) -> Option<&str> {
        self.section.keys.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn has_keys(&self) -> bool {
        self.get("aws_access_key_id").is_some()
    }
}

/// How the credentials come about with which a role is assumed.
enum From {
    Source(String, Source),
    /// The place of the AWS profile whose role assumes this one.
    Profile(usize),
}

/// Where one signs in for the AWS profile, when `config`, the text of the config file, gives it to IAM Identity Center:
/// through `sso_session`, or with the older keys in the profile itself.
pub fn sign_in_of(config: &str, profile: &str) -> Option<SignIn> {
    const KEYS: [&str; 3] = ["sso_session", "sso_start_url", "sso_region"];
    let get = |section: &Section, key: &str| section.keys.get(key).filter(|value| !value.is_empty()).cloned();
    let (_, section) = ini::profiles(config, false, &KEYS).into_iter().find(|(name, _)| name == profile)?;
    let session = get(&section, "sso_session");
    let section = match &session {
        Some(session) => ini::sso_sessions(config, &KEYS).into_iter().find(|(name, _)| name == session)?.1,
        None => section,
    };
    let (start_url, region) = (get(&section, "sso_start_url")?, get(&section, "sso_region")?);
    Some(SignIn { start_url, region, session })
}

/// Reads the texts of the config and the credentials file.
pub(super) fn read(config: &str, credentials: &str) -> Found {
    let profiles = merged(config, credentials);
    let by_name: HashMap<&str, usize> =
        profiles.iter().enumerate().map(|(place, profile)| (profile.name.as_str(), place)).collect();

    let mut states: Vec<State> = profiles
        .iter()
        .map(|profile| match profile.get("role_arn") {
            None => State::NoRole,
            Some(arn) => match role_and_start(profile, arn, &profiles, &by_name) {
                Ok((role, from)) => State::Role(Box::new(role), from),
                Err(why) => State::LeftOut(why),
            },
        })
        .collect();
    let roots = roots(&mut states, &profiles);

    let mut profile = Profile::default();
    let mut left_out = Vec::new();
    // The roles of an account stand together, in the order in which its first one is in the file.
    let mut groups: HashMap<Group<'_>, usize> = HashMap::new();
    let mut names = HashSet::new();
    let mut by_account: Vec<Vec<usize>> = Vec::new();
    for (place, aws_profile) in profiles.iter().enumerate() {
        match &states[place] {
            State::NoRole => {}
            State::LeftOut(why) => left_out.push(LeftOut {
                name: aws_profile.name.clone(),
                line: aws_profile.section.line,
                in_credentials: aws_profile.in_credentials,
                why: why.clone(),
            }),
            State::Role(role, _) => {
                let Some(State::Role(_, From::Source(source, kind))) = roots[place].map(|root| &states[root]) else {
                    continue;
                };
                profile.sources.insert(source.clone(), kind.clone());
                let group = Group {
                    id: role.arn.account(),
                    source,
                    region: aws_profile.get("region"),
                    endpoint_url: aws_profile.get("endpoint_url"),
                };
                let account = *groups.entry(group).or_insert_with(|| {
                    profile.accounts.push(group.account(&mut names));
                    by_account.push(Vec::new());
                    by_account.len() - 1
                });
                by_account[account].push(place);
            }
        }
    }
    let mut indices: HashMap<usize, RoleIndex> = HashMap::new();
    for (index, place) in by_account.iter().flatten().enumerate() {
        indices.insert(*place, RoleIndex(index));
    }
    for (account, places) in by_account.iter().enumerate() {
        for place in places {
            let State::Role(role, from) = &states[*place] else { continue };
            let via = match from {
                From::Profile(before) => indices.get(before).copied(),
                From::Source(..) => None,
            };
            profile.roles.push(Role { account, via, ..(**role).clone() });
        }
    }
    Found { profile, left_out }
}

/// What became of an AWS profile.
enum State {
    NoRole,
    Role(Box<Role>, From),
    LeftOut(String),
}

/// Profiles of the config file, then those of the credentials file alone; in both, the credentials file wins, as in
/// the AWS CLI.
fn merged(config: &str, credentials: &str) -> Vec<AwsProfile> {
    let mut profiles: Vec<AwsProfile> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (text, in_credentials) in [(config, false), (credentials, true)] {
        for (name, section) in ini::profiles(text, in_credentials, &KEYS) {
            if let Some(place) = places.get(&name) {
                profiles[*place].section.keys.extend(section.keys);
            } else {
                places.insert(name.clone(), profiles.len());
                profiles.push(AwsProfile { name, section, in_credentials });
            }
        }
    }
    profiles
}

/// The role of an AWS profile and where its chain goes on (AWS SDKs and Tools Reference Guide, "Assume role
/// credential provider").
fn role_and_start(
    profile: &AwsProfile,
    arn: &str,
    profiles: &[AwsProfile],
    by_name: &HashMap<&str, usize>,
) -> Result<(Role, From), String> {
    let arn: RoleArn = arn.parse()?;
    if profile.get("web_identity_token_file").is_some() {
        return Err("its role is assumed with a web identity; name it as a source in a profile file".into());
    }
    let from = match (profile.get("source_profile"), profile.get("credential_source")) {
        (Some(_), Some(_)) => return Err("it has both source_profile and credential_source".into()),
        (None, None) => return Err("it has neither source_profile nor credential_source".into()),
        (None, Some("Environment")) => From::Source("environment".into(), Source::Environment),
        // Its own name as the source would be wrong: the SDK would assume the role, and the role then itself.
        (None, Some(other)) => {
            return Err(format!("xsw has no source like credential_source = {other}"));
        }
        (Some(source), None) => {
            let Some(place) = by_name.get(source) else {
                return Err(format!("its source_profile `{source}` does not exist"));
            };
            let before = &profiles[*place];
            match (before.get("role_arn").is_some(), before.has_keys()) {
                (false, _) => From::Source(source.into(), Source::AwsProfile(source.into())),
                // The AWS CLI takes the keys and leaves that role aside; a source of that name would take the role.
                (true, true) => {
                    return Err(format!(
                        "its source_profile `{source}` has both keys and a role_arn; put the keys into a profile of their own"
                    ));
                }
                (true, false) => From::Profile(*place),
            }
        }
    };
    let checked = |key: &str, rule: &dyn Fn(&str) -> Result<String, String>| {
        profile.get(key).map(|text| rule(text).map_err(|message| format!("{key}: {message}"))).transpose()
    };
    let own_endpoint = checked("endpoint_url", &values::url)?.is_some();
    checked("region", &|text| values::region(text, own_endpoint))?;
    let duration = profile.get("duration_seconds").map(|text| values::session_length(text, own_endpoint));
    let role = Role {
        alias: Some(profile.name.clone()),
        external_id: checked("external_id", &values::external_id)?,
        mfa_serial: checked("mfa_serial", &values::mfa_serial)?,
        session_name: checked("role_session_name", &values::session_name)?,
        duration: duration.transpose().map_err(|message| format!("duration_seconds: {message}"))?,
        ..Role::new(arn, 0)
    };
    Ok((role, from))
}

/// For each role, the profile where its chain begins. Chains that go in a circle, or that begin at a profile that is
/// left out, are left out as a whole.
fn roots(states: &mut [State], profiles: &[AwsProfile]) -> Vec<Option<usize>> {
    let mut roots: Vec<Option<usize>> = vec![None; states.len()];
    let mut walked_for = vec![usize::MAX; states.len()];
    for start in 0..states.len() {
        let mut walk = Vec::new();
        let mut at = start;
        let end = loop {
            if let Some(root) = roots[at] {
                break Ok(root);
            }
            if walked_for[at] == start {
                break Err("its source_profile leads back to itself".to_owned());
            }
            walked_for[at] = start;
            match &states[at] {
                State::Role(_, From::Source(..)) => {
                    walk.push(at);
                    break Ok(at);
                }
                State::Role(_, From::Profile(before)) => {
                    walk.push(at);
                    at = *before;
                }
                State::NoRole if at == start => break Ok(at),
                _ => break Err(format!("its source_profile `{}` is left out", profiles[at].name)),
            }
        };
        for place in walk {
            match &end {
                Ok(root) => roots[place] = Some(*root),
                Err(why) => states[place] = State::LeftOut(why.clone()),
            }
        }
    }
    roots
}

/// What an account of the profile has for all its roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Group<'a> {
    id: AccountId,
    source: &'a str,
    region: Option<&'a str>,
    endpoint_url: Option<&'a str>,
}

impl Group<'_> {
    /// The account is named by its id, and by what sets it apart when that name is taken.
    fn account(&self, taken: &mut HashSet<String>) -> Account {
        let id = self.id.to_string();
        // A `/` would end the account's part of account/role.
        let apart = |text: &str| text.replace('/', "_");
        let with_source = format!("{id}@{}", apart(self.source));
        let with_region = format!("{with_source}@{}", apart(self.region.unwrap_or("any")));
        let numbered = (2..).map(|number| format!("{with_region}@{number}"));
        let mut names = [id, with_source, with_region.clone()].into_iter().chain(numbered);
        let name = names.find(|name| taken.insert(name.clone())).unwrap_or(with_region);
        Account {
            name,
            id: self.id,
            source: self.source.to_owned(),
            region: self.region.map(Into::into),
            environment: None,
            color: None,
            confirm: false,
            endpoint_url: self.endpoint_url.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_ins_of_aws_profiles() {
        let config = "
[profile new]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Reader
[sso-session corp]
sso_start_url = https://new.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = us-east-1
[profile lost]
sso_session = nowhere
[profile half]
sso_start_url = https://half.awsapps.com/start
[profile keys]
region = eu-west-1
";
        let shown = |name: &str| {
            let sign_in = sign_in_of(config, name)?;
            Some(format!("{} {} {}", sign_in.start_url, sign_in.region, sign_in.token_name()))
        };
        assert_eq!(shown("new").as_deref(), Some("https://new.awsapps.com/start eu-west-1 corp"));
        let old = "https://old.awsapps.com/start us-east-1 https://old.awsapps.com/start";
        assert_eq!(shown("old").as_deref(), Some(old));
        for name in ["lost", "half", "keys", "nobody", "corp"] {
            assert_eq!(shown(name), None, "{name}");
        }
    }
}
