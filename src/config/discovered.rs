//! Lays what IAM Identity Center gives beside what the profile file says. Called once, at the start, with what the last
//! `xsw login` found.

use std::collections::{HashMap, HashSet};

use super::values;
use crate::domain::account::{AccountId, RoleArn, partition_of};
use crate::domain::role::{Account, Profile, Role, RoleIndex};
use crate::domain::sign_in::{Discovered, DiscoveredAccount};
use crate::domain::text::cut;

/// Adds the accounts and permission sets of the source of that name. Those of an account that the file has with the
/// same source become roles of it; the others get an account of their own.
pub fn add_discovered(profile: &mut Profile, source: &str, region: &str, discovered: &Discovered) {
    let mut names: HashSet<String> = profile.accounts.iter().map(|account| account.name.clone()).collect();
    let ids: HashSet<AccountId> = profile
        .accounts
        .iter()
        .map(|account| account.id)
        .chain(discovered.accounts.iter().map(|account| account.id))
        .collect();
    let known: HashMap<(usize, &str), bool> =
        profile.roles.iter().map(|role| ((role.account, role.name.as_str()), role.permission_set)).collect();
    let mut added = Vec::new();
    for found in &discovered.accounts {
        let place = profile.accounts.iter().position(|account| account.id == found.id && account.source == source);
        let mut others = Vec::new();
        for role in found.roles.iter().filter_map(|name| permission_set(found.id, name, region)) {
            let Some(place) = place else {
                others.push(role);
                continue;
            };
            match known.get(&(place, role.name.as_str())) {
                // The file has more to say about it.
                Some(true) => {}
                // A plain role of the same name would make account/role mean two things.
                Some(false) => others.push(role),
                None => added.push(Role { account: place, ..role }),
            }
        }
        if others.is_empty() {
            continue;
        }
        let place = profile.accounts.len();
        profile.accounts.push(Account {
            name: account_name(found, source, &names, &ids),
            id: found.id,
            source: source.to_owned(),
            region: None,
            environment: None,
            color: None,
            confirm: false,
            endpoint_url: None,
            path_style: None,
        });
        names.insert(profile.accounts[place].name.clone());
        added.extend(others.into_iter().map(|role| Role { account: place, ..role }));
    }
    profile.roles.extend(added);
    sort_by_account(profile);
}

/// `None` for a name that no role can have.
fn permission_set(account: AccountId, name: &str, region: &str) -> Option<Role> {
    RoleArn::new(account, name).ok()?;
    let arn = format!("arn:{}:iam::{account}:role/{name}", partition_of(region)).parse().ok()?;
    Some(Role { permission_set: true, ..Role::new(arn, 0) })
}

/// AWS's name for the account in a form that can be typed; its id where that is taken or says nothing.
fn account_name(found: &DiscoveredAccount, source: &str, taken: &HashSet<String>, ids: &HashSet<AccountId>) -> String {
    let plain = |c: char| if c.is_whitespace() || c.is_control() || c == '/' { '-' } else { c };
    let typed: String = found.name.trim().chars().map(plain).collect();
    let typed = cut(&typed, 100).into_owned();
    let id = found.id.to_string();
    let with_source = format!("{id}@{}", source.replace('/', "-"));
    let numbered = (2..).map(|number| format!("{with_source}@{number}"));
    let usable = |name: &String| {
        let other_id = name.parse::<AccountId>().is_ok_and(|other| other != found.id && ids.contains(&other));
        values::account_name(name).is_ok() && !other_id && !taken.contains(name)
    };
    [typed, id, with_source.clone()].into_iter().chain(numbered).find(usable).unwrap_or(with_source)
}

/// The roles of an account stand together, in the order of the accounts.
fn sort_by_account(profile: &mut Profile) {
    let mut order: Vec<usize> = (0..profile.roles.len()).collect();
    order.sort_by_key(|place| profile.roles[*place].account);
    let mut moved = vec![0; order.len()];
    for (to, from) in order.iter().enumerate() {
        moved[*from] = to;
    }
    let mut roles: Vec<Option<Role>> = std::mem::take(&mut profile.roles).into_iter().map(Some).collect();
    let in_order = order.into_iter().filter_map(|from| {
        let role = roles[from].take()?;
        Some(Role { via: role.via.map(|via| RoleIndex(moved[via.0])), ..role })
    });
    profile.roles = in_order.collect();
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const FILE: &str = "
[sources.staff]
sso_start_url = 'https://example.awsapps.com/start'
sso_region = 'eu-west-1'
[sources.keys]
profile = 'keys'
[[accounts]]
name = 'prod'
id = '222222222222'
source = 'staff'
color = 'red'
confirm = true
[[accounts.roles]]
name = 'Reader'
permission_set = true
alias = 'reader'
[[accounts.roles]]
name = 'Chained'
via = 'prod/Reader'
[[accounts]]
name = 'hub'
id = '111111111111'
source = 'keys'
[[accounts.roles]]
name = 'Jump'
";

    fn found(accounts: &[(&str, &str, &[&str])]) -> Discovered {
        let account = |(id, name, roles): &(&str, &str, &[&str])| DiscoveredAccount {
            id: id.parse().unwrap(),
            name: (*name).to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        Discovered { accounts: accounts.iter().map(account).collect() }
    }

    fn merged(accounts: &[(&str, &str, &[&str])]) -> Profile {
        let mut profile = crate::config::parse(FILE, Path::new("x")).unwrap();
        add_discovered(&mut profile, "staff", "eu-west-1", &found(accounts));
        profile
    }

    fn labels(profile: &Profile) -> Vec<String> {
        let shown = |index: RoleIndex| {
            let role = profile.role(index);
            let via = role.via.map(|via| format!(" via {}", profile.label(via))).unwrap_or_default();
            format!("{}{}{via}", profile.label(index), if role.permission_set { "*" } else { "" })
        };
        profile.indices().map(shown).collect()
    }

    #[test]
    fn permission_sets_join_their_account_and_others_get_one() {
        let profile = merged(&[
            ("222222222222", "Production", &["Admin", "Reader"]),
            ("333333333333", "Log Archive", &["Reader"]),
            // The file has this account, but with another source.
            ("111111111111", "hub", &["Reader"]),
        ]);
        assert_eq!(
            labels(&profile),
            [
                "prod/Reader*",
                "prod/Chained via prod/Reader",
                "prod/Admin*",
                "hub/Jump",
                "Log-Archive/Reader*",
                "111111111111/Reader*",
            ]
        );
        let admin = profile.find("prod/Admin").unwrap();
        assert!(profile.account(admin).confirm && profile.role(admin).known_arn().is_none());
        assert_eq!(profile.role(profile.find("reader").unwrap()).alias.as_deref(), Some("reader"));
        let other = profile.find("Log-Archive/Reader").unwrap();
        assert_eq!((profile.source_name(other), profile.account(other).id.as_str()), ("staff", "333333333333"));
    }

    #[test]
    fn a_permission_set_with_the_name_of_a_plain_role_is_set_apart() {
        let profile = merged(&[("222222222222", "prod", &["Chained"])]);
        assert_eq!(
            labels(&profile),
            ["prod/Reader*", "prod/Chained via prod/Reader", "hub/Jump", "222222222222/Chained*"]
        );
    }

    #[test]
    fn names_of_strangers_become_names_that_can_be_typed() {
        for (name, expected) in [
            ("Log Archive", "Log-Archive"),
            ("a/b\u{1b}[2J", "a-b-[2J"),
            ("", "333333333333"),
            ("  ", "333333333333"),
            ("prod", "333333333333"),
            ("222222222222", "333333333333"),
            ("333333333333", "333333333333"),
        ] {
            let profile = merged(&[("333333333333", name, &["Reader"])]);
            assert_eq!(profile.accounts.last().unwrap().name, expected, "{name:?}");
        }
        let twice = merged(&[("333333333333", "same", &["A"]), ("444444444444", "same", &["A", "no role/at all"])]);
        assert_eq!(labels(&twice)[3..], ["same/A*", "444444444444/A*"]);
    }
}
