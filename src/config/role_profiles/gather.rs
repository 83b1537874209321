//! Puts the roles of the AWS profiles together: by account, with names for accounts and sources.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{ACCOUNT_NAME, AwsProfile, Found, From, LeftOut, OF_NO_MATTER, State, usable};
use crate::config::values;
use crate::domain::account::AccountId;
use crate::domain::role::{Account, CHAINED_DURATION, Profile, Role, RoleIndex, Source};
use crate::domain::text::cut;

/// Puts the roles together by account, names accounts and sources, and counts what is not carried over.
pub(super) fn gathered(profiles: &[AwsProfile], states: &[State], roots: &[Option<usize>]) -> Found {
    let mut found = Found {
        profile: Profile::default(),
        left_out: Vec::new(),
        changed: Vec::new(),
        ignored: BTreeSet::new(),
        unused: Vec::new(),
    };
    let account_names = account_names(profiles);
    let mut sources = SourceNames::default();
    let mut groups = Groups::default();
    for (place, aws_profile) in profiles.iter().enumerate() {
        match &states[place] {
            State::NoRole => {}
            State::LeftOut(why) => found.left_out.push(LeftOut {
                name: aws_profile.name.clone(),
                line: aws_profile.section.line,
                in_credentials: aws_profile.in_credentials,
                why: why.clone(),
            }),
            State::Role(role, _) => {
                let Some(State::Role(_, From::Source(source))) = roots[place].map(|root| &states[root]) else {
                    continue;
                };
                let group = Group {
                    id: role.arn.account(),
                    source: sources.name(source),
                    region: aws_profile.get("region"),
                    endpoint_url: aws_profile.get("endpoint_url"),
                    // A role is in an account once: another way into it stands in an account of its own.
                    again: 0,
                };
                groups.add(group, place, &role.name, account_names.get(&role.arn.account()).copied());
                let others = aws_profile.section.others.iter();
                found.ignored.extend(others.filter(|key| !OF_NO_MATTER.contains(&key.as_str())).cloned());
            }
        }
    }
    let used: HashSet<&str> = sources
        .names
        .iter()
        .filter_map(|(source, _)| match source {
            Source::AwsProfile(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let unused = |place: &usize| matches!(states[*place], State::NoRole) && profiles[*place].is_plain();
    let unused = (0..profiles.len()).filter(unused).map(|place| profiles[place].name.clone());
    found.unused = unused.filter(|name| !used.contains(name.as_str())).collect();

    found.profile.sources = sources.names.into_iter().map(|(source, name)| (name, source)).collect();
    let mut indices: HashMap<usize, RoleIndex> = HashMap::new();
    for (index, place) in groups.places.iter().flatten().enumerate() {
        indices.insert(*place, RoleIndex(index));
    }
    for (account, places) in groups.places.iter().enumerate() {
        for place in places {
            let State::Role(role, from) = &states[*place] else { continue };
            let (via, chained) = match from {
                From::Profile(before) => (indices.get(before).copied(), true),
                From::Source(Source::InstanceRole | Source::ContainerRole) => (None, true),
                From::Source(_) => (None, false),
            };
            let mut role = Role { account, via, ..(**role).clone() };
            if chained && role.duration.is_some_and(|duration| duration > CHAINED_DURATION) {
                let name = cut(&profiles[*place].name, 80);
                found.changed.push(format!(
                    "the AWS profile `{name}` asks for more than the one hour that AWS gives a chained role: it gets 1h"
                ));
                role.duration = Some(CHAINED_DURATION);
            }
            found.profile.roles.push(role);
        }
    }
    found.profile.accounts = groups.accounts;
    free_labels_of_aliases(&mut found.profile);
    for (place, index) in indices {
        if found.profile.role(index).alias.is_none() {
            let (name, label) = (cut(&profiles[place].name, 80), found.profile.label(index));
            found.changed.push(format!("the AWS profile `{name}` cannot be an alias: its role is {label}"));
        }
    }
    found.changed.sort();
    found
}

/// What the files tell of accounts' names.
fn account_names(profiles: &[AwsProfile]) -> HashMap<AccountId, &str> {
    let mut names = HashMap::new();
    for profile in profiles {
        if let (Some(Ok(id)), Some(name)) = (profile.get("sso_account_id").map(str::parse), profile.get(ACCOUNT_NAME))
            && usable(name).and_then(values::account_name).is_ok()
            && name.parse::<AccountId>().is_err()
        {
            names.entry(id).or_insert(name);
        }
    }
    names
}

/// An alias that is another role's account/role would be read as that.
fn free_labels_of_aliases(profile: &mut Profile) {
    let with_slash = |role: &Role| role.alias.as_deref().is_some_and(|alias| alias.contains('/'));
    if !profile.roles.iter().any(with_slash) {
        return;
    }
    let labels: HashMap<String, RoleIndex> = profile.indices().map(|index| (profile.label(index), index)).collect();
    for index in profile.indices() {
        let role = &mut profile.roles[index.0];
        if role.alias.as_ref().and_then(|alias| labels.get(alias)).is_some_and(|other| *other != index) {
            role.alias = None;
        }
    }
}

/// A name for each source.
#[derive(Default)]
struct SourceNames {
    names: Vec<(Source, String)>,
    by_source: HashMap<String, usize>,
    taken: HashSet<String>,
}

impl SourceNames {
    fn name(&mut self, source: &Source) -> String {
        let key = format!("{source:?}");
        if let Some(place) = self.by_source.get(&key) {
            return self.names[*place].1.clone();
        }
        let wanted = match source {
            Source::AwsProfile(name) => name.clone(),
            Source::Environment => "environment".into(),
            Source::InstanceRole => "instance".into(),
            Source::ContainerRole => "container".into(),
            Source::IdentityCenter { session: Some(session), .. } => session.clone(),
            Source::IdentityCenter { start_url, .. } => {
                let host = start_url.split("//").nth(1).unwrap_or_default();
                host.split(['.', ':', '/']).next().filter(|label| !label.is_empty()).unwrap_or("sso").to_owned()
            }
        };
        let numbered = (2..).map(|number| format!("{}-{number}", short(&wanted)));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        let name = names.find(|name| self.taken.insert(name.clone())).unwrap_or(wanted);
        self.by_source.insert(key, self.names.len());
        self.names.push((source.clone(), name.clone()));
        name
    }
}

/// What an account of the profile has for all its roles.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Group<'a> {
    id: AccountId,
    source: String,
    region: Option<&'a str>,
    endpoint_url: Option<&'a str>,
    again: usize,
}

/// The accounts, in the order in which the first role of each is in the file, and the places of their roles.
#[derive(Default)]
struct Groups<'a> {
    accounts: Vec<Account>,
    places: Vec<Vec<usize>>,
    roles: Vec<HashSet<String>>,
    by_group: HashMap<Group<'a>, usize>,
    names: HashSet<String>,
}

impl<'a> Groups<'a> {
    /// Puts the role at `place` into the first account of the group that has no role of its name yet.
    fn add(&mut self, mut group: Group<'a>, place: usize, role: &str, account_name: Option<&str>) {
        loop {
            let account = match self.by_group.get(&group) {
                Some(account) => *account,
                None => {
                    let account = self.accounts.len();
                    self.accounts.push(group.account(account_name, &mut self.names));
                    self.places.push(Vec::new());
                    self.roles.push(HashSet::new());
                    self.by_group.insert(group.clone(), account);
                    account
                }
            };
            if self.roles[account].insert(role.to_owned()) {
                self.places[account].push(place);
                return;
            }
            group.again += 1;
        }
    }
}

impl Group<'_> {
    /// The account is named as the files name it, else by its id, and by what sets it apart when that name is taken.
    fn account(&self, name: Option<&str>, taken: &mut HashSet<String>) -> Account {
        let name = name.map_or_else(|| self.id.to_string(), str::to_owned);
        let with_source = format!("{}@{}", short(&name), short(&self.source));
        let with_region = format!("{with_source}@{}", short(self.region.unwrap_or("any")));
        let numbered = (2..).map(|number| format!("{with_region}@{number}"));
        let first = match self.again {
            0 => name,
            again => format!("{}@{}", short(&name), again + 1),
        };
        let mut names = [first, with_source.clone(), with_region.clone()].into_iter().chain(numbered);
        let name = names.find(|name| taken.insert(name.clone())).unwrap_or(with_source);
        Account {
            name,
            id: self.id,
            source: self.source.clone(),
            region: self.region.map(Into::into),
            environment: None,
            color: None,
            confirm: false,
            endpoint_url: self.endpoint_url.map(Into::into),
            path_style: None,
        }
    }
}

/// A part of a name: a `/` would end the account's part of account/role, and a name has an end too.
fn short(text: &str) -> String {
    let text: String = text.chars().take(36).collect();
    text.replace('/', "_").trim().to_owned()
}
