//! The profile of people who have no profile file yet: the role profiles of `~/.aws/config`. `xsw import` writes it down.
//!
//! A profile here resolves to the same calls as in the AWS CLI, or is left out with a reason: silently another
//! identity would be worse than none.

mod gather;
mod ini;
mod sign_ins;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use super::{secrets, values};
use crate::domain::account::{AccountId, RoleArn, partition_of};
use crate::domain::role::{Profile, Role, Source};
use crate::domain::text::cut;
use gather::gathered;
use ini::Section;
pub use sign_ins::sign_ins;

/// The keys of an AWS profile that are read. The access key id alone tells that there are keys.
const KEYS: [&str; 18] = [
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
    "credential_process",
    "login_session",
    "sso_session",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "sso_role_name",
];

/// The account's name, which tools that write such profiles leave beside its id.
const ACCOUNT_NAME: &str = "sso_account_name";

/// Keys that say nothing about calls, or that the AWS profile keeps and is named for.
const OF_NO_MATTER: [&str; 5] =
    ["aws_secret_access_key", "aws_session_token", "aws_account_id", "sso_registration_scopes", "sso_auto_populated"];

/// The profile, and what of the files is not in it.
pub(super) struct Found {
    pub(super) profile: Profile,
    pub(super) left_out: Vec<LeftOut>,
    /// AWS profiles whose role is in it with something changed, one sentence each.
    pub(super) changed: Vec<String>,
    /// Keys of its AWS profiles that xsw has nothing for.
    pub(super) ignored: BTreeSet<String>,
    /// AWS profiles with credentials of their own that no role here starts from.
    pub(super) unused: Vec<String>,
}

/// An AWS profile that has a role but cannot be shown.
pub(super) struct LeftOut {
    name: String,
    line: usize,
    in_credentials: bool,
    why: String,
}

impl LeftOut {
    /// One sentence, with the place in one of these files.
    pub(super) fn note(&self, config: &Path, credentials: &Path) -> String {
        let file = if self.in_credentials { credentials } else { config };
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

    /// Whether it is a role that another profile assumes. With a web identity its role is no second step.
    fn assumes(&self) -> bool {
        self.get("role_arn").is_some() && self.get("web_identity_token_file").is_none()
    }

    /// Whether it names a permission set of IAM Identity Center, which comes before its keys in the AWS CLI.
    fn has_permission_set(&self) -> bool {
        let named = ["sso_account_id", "sso_role_name"].iter().any(|key| self.get(key).is_some());
        named && self.get("role_arn").is_none()
    }

    /// Whether it has credentials and no role.
    fn is_plain(&self) -> bool {
        self.has_keys() || self.get("credential_process").is_some() || self.get("login_session").is_some()
    }

    /// The value of `key` after `rule`, with the key in front of what is wrong with it.
    fn checked<T>(&self, key: &str, rule: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
        self.get(key).map(|text| rule(text).map_err(|message| format!("{key}: {message}"))).transpose()
    }
}

/// How the credentials come about with which a role is assumed.
enum From {
    Source(Source),
    /// The place of the AWS profile whose role assumes this one.
    Profile(usize),
}

/// What became of an AWS profile.
enum State {
    NoRole,
    Role(Box<Role>, From),
    LeftOut(String),
}

/// Reads the texts of the config and the credentials file.
pub(super) fn read(config: &str, credentials: &str) -> Found {
    let sso_sessions: HashMap<String, Section> = ini::sso_sessions(config, &KEYS).into_iter().collect();
    let mut profiles = ini::profiles(config, false, &wanted());
    let in_config = profiles.len();
    merge(&mut profiles, ini::profiles(credentials, true, &wanted()));
    let profiles: Vec<AwsProfile> = profiles
        .into_iter()
        .enumerate()
        .map(|(place, (name, section))| AwsProfile { name, section, in_credentials: place >= in_config })
        .collect();
    let by_name: HashMap<&str, usize> =
        profiles.iter().enumerate().map(|(place, profile)| (profile.name.as_str(), place)).collect();

    let mut states: Vec<State> = profiles
        .iter()
        .map(|profile| {
            let found = match profile.get("role_arn") {
                Some(arn) => role_and_start(profile, arn, &profiles, &by_name),
                None if profile.has_permission_set() => permission_set(profile, &sso_sessions),
                None => return State::NoRole,
            };
            found.map_or_else(State::LeftOut, |(role, from)| State::Role(Box::new(role), from))
        })
        .collect();
    let roots = roots(&mut states, &profiles);
    gathered(&profiles, &states, &roots)
}

fn wanted() -> Vec<&'static str> {
    KEYS.into_iter().chain([ACCOUNT_NAME]).collect()
}

/// Lays the profiles of the credentials file over those of the config file, as the AWS CLI does.
fn merge(profiles: &mut Vec<(String, Section)>, credentials: Vec<(String, Section)>) {
    let places: HashMap<String, usize> =
        profiles.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
    for (name, section) in credentials {
        match places.get(&name) {
            Some(place) => {
                profiles[*place].1.keys.extend(section.keys);
                profiles[*place].1.others.extend(section.others);
            }
            None => profiles.push((name, section)),
        }
    }
}

/// A text that may stand in a profile file.
fn usable(text: &str) -> Result<&str, String> {
    if secrets::holds_key_id(text) || secrets::is_secret_key(text) || secrets::is_session_token(text) {
        return Err("it looks like a secret".into());
    }
    Ok(text)
}

/// The name of an AWS profile that a source is to name.
fn profile_source(name: &str) -> Result<From, String> {
    let named = usable(name).and_then(values::name);
    let name = named.map_err(|message| format!("the name of the AWS profile it starts from: {message}"))?;
    Ok(From::Source(Source::AwsProfile(name)))
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
    if !profile.assumes() {
        return Err(
            "its role is assumed with a web identity, which is a source and no role: name it in [sources]".into()
        );
    }
    let from = match (profile.get("source_profile"), profile.get("credential_source")) {
        (Some(_), Some(_)) => return Err("it has both source_profile and credential_source".into()),
        (None, None) => return Err("it has neither source_profile nor credential_source".into()),
        // Its own name as the source would be wrong: the SDK would assume the role, and the role then itself.
        (None, Some(kind)) => {
            let source = values::credential_source(kind).map_err(|message| format!("credential_source: {message}"));
            From::Source(source?)
        }
        (Some(source), None) => {
            let Some(place) = by_name.get(source) else {
                return Err(format!("its source_profile `{source}` does not exist"));
            };
            let before = &profiles[*place];
            match (before.assumes(), before.has_keys()) {
                // The AWS CLI takes the keys and leaves that role aside; a source of that name would take the role.
                (true, true) => {
                    return Err(format!(
                        "its source_profile `{source}` has both keys and a role_arn; put the keys into a profile of their own"
                    ));
                }
                (true, false) => From::Profile(*place),
                (false, _) if before.has_permission_set() => From::Profile(*place),
                (false, _) => profile_source(source)?,
            }
        }
    };
    let own_endpoint = check_place(profile)?;
    let external_id = |text: &str| match secrets::holds_key_id(text) {
        true => Err("it looks like a secret".to_owned()),
        false => values::external_id(text),
    };
    let role = Role {
        alias: alias(profile),
        external_id: profile.checked("external_id", external_id)?,
        mfa_serial: profile.checked("mfa_serial", |text| usable(text).and_then(values::mfa_serial))?,
        session_name: profile.checked("role_session_name", |text| usable(text).and_then(values::session_name))?,
        duration: profile.checked("duration_seconds", |text| values::session_length(text, own_endpoint))?,
        ..Role::new(arn, 0)
    };
    usable(role.arn.name())?;
    Ok((role, from))
}

/// The permission set of an AWS profile as a role, and the sign-in that it comes from (AWS SDKs and Tools Reference
/// Guide, "IAM Identity Center credential provider").
fn permission_set(profile: &AwsProfile, sso_sessions: &HashMap<String, Section>) -> Result<(Role, From), String> {
    let session = profile.checked("sso_session", |text| usable(text).and_then(values::name))?;
    let given = |key: &str| match &session {
        None => profile.get(key),
        Some(session) => sso_sessions.get(session)?.keys.get(key).map(String::as_str),
    };
    if let Some(session) = session.as_ref().filter(|session| !sso_sessions.contains_key(*session)) {
        return Err(format!("there is no [sso-session {session}]"));
    }
    let needed = |key: &str, value: Option<&'_ str>| value.map(str::to_owned).ok_or(format!("it has no {key}"));
    let start_url = needed("sso_start_url", given("sso_start_url"))?;
    let start_url =
        usable(&start_url).and_then(values::start_url).map_err(|wrong| format!("sso_start_url: {wrong}"))?;
    let region = needed("sso_region", given("sso_region"))?;
    let region = values::region(&region, false).map_err(|wrong| format!("sso_region: {wrong}"))?;
    let account: AccountId = needed("sso_account_id", profile.get("sso_account_id"))?.parse()?;
    let name = needed("sso_role_name", profile.get("sso_role_name"))?;
    let name = usable(&name).and_then(values::role_name).map_err(|wrong| format!("sso_role_name: {wrong}"))?;
    check_place(profile)?;
    let partition = partition_of(profile.get("region").unwrap_or_default());
    let arn = format!("arn:{partition}:iam::{account}:role/{name}").parse()?;
    let role = Role { alias: alias(profile), permission_set: true, ..Role::new(arn, 0) };
    Ok((role, From::Source(Source::IdentityCenter { start_url, region, session, permission_set: None })))
}

/// Checks endpoint and region, and tells whether there is an endpoint.
fn check_place(profile: &AwsProfile) -> Result<bool, String> {
    let own_endpoint = profile.checked("endpoint_url", |text| usable(text).and_then(values::url))?.is_some();
    profile.checked("region", |text| usable(text).and_then(|text| values::region(text, own_endpoint)))?;
    Ok(own_endpoint)
}

/// The name of the AWS profile, where it may be typed for a role.
fn alias(profile: &AwsProfile) -> Option<String> {
    usable(&profile.name).and_then(values::name).ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::role::RoleIndex;

    /// The calls behind each role: the first credentials, then each role with what AssumeRole is told.
    fn calls(config: &str, credentials: &str) -> Vec<String> {
        let found = read(config, credentials);
        let profile = &found.profile;
        let call = |index: &RoleIndex| {
            let role = profile.role(*index);
            let told = [
                (
                    "",
                    Some(if role.permission_set { format!("permission set {}", role.name) } else { role.name.clone() }),
                ),
                ("external_id=", role.external_id.clone()),
                ("mfa=", role.mfa_serial.clone()),
                ("seconds=", role.requested_duration(&profile.settings).map(|length| length.as_secs().to_string())),
                ("name=", role.session_name.clone()),
                ("region=", profile.region(*index).map(str::to_owned)),
                ("endpoint=", profile.endpoint_url(*index).map(str::to_owned)),
            ];
            let told = told.into_iter().filter_map(|(key, value)| Some(format!("{key}{}", value?)));
            told.collect::<Vec<_>>().join(" ")
        };
        let shown = |index: RoleIndex| {
            let source = match &profile.sources[profile.source_name(index)] {
                Source::AwsProfile(name) => format!("profile {name}"),
                Source::IdentityCenter { start_url, region, session, .. } => {
                    format!("sso {start_url} {region} {}", session.as_deref().unwrap_or("-"))
                }
                other => format!("{other:?}"),
            };
            let chain: Vec<String> = profile.chain(index).iter().map(call).collect();
            let alias = profile.role(index).alias.as_deref().unwrap_or("-");
            format!("{alias}: {source} > {}", chain.join(" > "))
        };
        let mut lines: Vec<String> = profile.indices().map(shown).collect();
        lines.extend(found.left_out.iter().map(|left_out| format!("{}: {}", left_out.name, left_out.why)));
        lines.extend(found.changed);
        lines
    }

    /// AWS SDKs and Tools Reference Guide, "Assume role credential provider" and "IAM Identity Center credential
    /// provider".
    #[test]
    fn the_calls_are_those_of_the_aws_cli() {
        let keys = "[base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
        let sso = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
                   sso_registration_scopes = sso:account:access\n[profile dev]\nsso_session = corp\n\
                   sso_account_id = 111111111111\nsso_role_name = Dev\nregion = eu-west-2\n";
        let role = |name: &str, keys: &str| {
            format!("[profile {name}]\nrole_arn = arn:aws:iam::222222222222:role/{name}\n{keys}\n")
        };
        for (config, expected) in [
            // All that a role profile tells AssumeRole; the default region is no other profile's.
            (
                "[default]\nregion = us-west-2\n".to_owned()
                    + &role("R", "source_profile = base\nexternal_id = a:b/1\nmfa_serial = arn:aws:iam::111111111111:mfa/me\n\
                                  duration_seconds = 43200\nrole_session_name = ci@x\nregion = eu-west-1\nendpoint_url = https://sts.test"),
                vec![
                    "R: profile base > R external_id=a:b/1 mfa=arn:aws:iam::111111111111:mfa/me seconds=43200 name=ci@x \
                     region=eu-west-1 endpoint=https://sts.test",
                ],
            ),
            // A chain takes each role's own settings, and an hour at most.
            (
                role("A", "source_profile = base\nexternal_id = aa") + &role("B", "source_profile = A\nduration_seconds = 7200"),
                vec![
                    "A: profile base > A external_id=aa",
                    "B: profile base > A external_id=aa > B seconds=3600",
                    "the AWS profile `B` asks for more than the one hour that AWS gives a chained role: it gets 1h",
                ],
            ),
            (
                role("I", "credential_source = Ec2InstanceMetadata") + &role("C", "credential_source = EcsContainer")
                    + &role("E", "credential_source = Environment") + &role("O", "credential_source = Other"),
                vec![
                    "I: InstanceRole > I",
                    "C: ContainerRole > C",
                    "E: Environment > E",
                    "O: credential_source: `Other` is none of Environment, Ec2InstanceMetadata and EcsContainer",
                ],
            ),
            // What the SDK makes of a profile is left to it: a process, a login, a web identity.
            (
                role("P", "source_profile = process") + "[profile process]\ncredential_process = /bin/x --secret y\n"
                    + &role("L", "source_profile = login") + "[profile login]\nlogin_session = arn:aws:iam::111111111111:user/me\n"
                    + &role("W", "source_profile = web") + &role("web", "web_identity_token_file = /token"),
                vec![
                    "P: profile process > P",
                    "L: profile login > L",
                    "W: profile web > W",
                    "web: its role is assumed with a web identity, which is a source and no role: name it in [sources]",
                ],
            ),
            (
                sso.to_owned() + &role("R", "source_profile = dev\nduration_seconds = 1800"),
                vec![
                    "dev: sso https://corp.awsapps.com/start eu-west-1 corp > permission set Dev region=eu-west-2",
                    "R: sso https://corp.awsapps.com/start eu-west-1 corp > permission set Dev region=eu-west-2 > R seconds=1800",
                ],
            ),
            // Without an sso-session; keys beside it come after it.
            (
                "[profile base]\nsso_start_url = https://d-1.awsapps.com/start#/\nsso_region = us-east-1\n\
                 sso_account_id = 111111111111\nsso_role_name = Dev\n"
                    .to_owned() + &role("R", "source_profile = base"),
                vec![
                    "base: sso https://d-1.awsapps.com/start#/ us-east-1 - > permission set Dev",
                    "R: sso https://d-1.awsapps.com/start#/ us-east-1 - > permission set Dev > R",
                ],
            ),
            (
                "[profile a]\nsso_session = none\nsso_account_id = 111111111111\nsso_role_name = Dev\n\
                 [profile b]\nsso_start_url = http://x\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = Dev\n\
                 [profile c]\nsso_start_url = https://x/start\nsso_region = us-east-1\nsso_account_id = 111111111111\n\
                 [profile d]\nsso_start_url = https://x/start\nsso_region = us-east-1\nsso_role_name = Dev"
                    .to_owned() + "\n" + &role("R", "source_profile = c"),
                vec![
                    "a: there is no [sso-session none]",
                    "b: sso_start_url: the start URL is written like https://NAME.awsapps.com/start, not `http://x`",
                    "c: it has no sso_role_name",
                    "d: it has no sso_account_id",
                    "R: its source_profile `c` is left out",
                ],
            ),
        ] {
            assert_eq!(calls(&config, keys), expected, "{config}");
        }
    }

    #[test]
    fn what_is_not_carried_over_is_counted_once() {
        let config = "[profile a]\nrole_arn = arn:aws:iam::222222222222:role/R\nsource_profile = k\ncli_pager = less\n\
                      s3 =\n  max_concurrent_requests = 5\nmfa_process = pass\n[profile b]\ncli_pager = less\n\
                      role_arn = arn:aws:iam::222222222222:role/S\ncredential_source = Environment\n\
                      [profile p]\ncredential_process = x\noutput = json\n[plugins]\nx = y\n";
        let credentials =
            "[k]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n[l]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n";
        let found = read(config, credentials);
        assert_eq!(found.ignored.iter().collect::<Vec<_>>(), ["cli_pager", "mfa_process", "s3"]);
        assert_eq!(found.unused, ["p", "l"]);
    }
}
