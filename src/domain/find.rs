//! Which role a person means by a few words: `account/role`, an alias, an ARN, or any text that fits one role only.

use std::fmt::Write as _;

use super::account::RoleArn;
use super::role::{Profile, RoleIndex};
use super::text::{cut, escaped};
use crate::{Error, Result};

/// As many as an error lists.
const LISTED: usize = 10;

impl Profile {
    /// The one role that `text` means; an exact name beats a part of a name.
    pub fn find(&self, text: &str) -> Result<RoleIndex> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::RoleName {
                message: "no role was named".into(),
                hint: Some("`xsw accounts` lists the roles; write account/role".into()),
            });
        }
        let wanted = text.to_lowercase();
        let (arn, label) = (text.parse::<RoleArn>().ok(), text.rsplit_once('/'));
        let tiers: [&dyn Fn(RoleIndex) -> bool; 4] = [
            // Most texts end here, so nothing is put together for it.
            &|index| {
                let (role, account) = (self.role(index), self.account(index));
                let labelled =
                    |(place, name)| role.name == name && (account.name == place || account.id.as_str() == place);
                role.alias.as_deref() == Some(text)
                    || label.is_some_and(labelled)
                    || arn.is_some() && arn.as_ref() == role.known_arn()
            },
            &|index| self.full_names(index, &mut |name| same(name, &wanted)),
            &|index| self.part_names(index, &mut |name| same(name, &wanted)),
            &|index| self.contains(index, &wanted),
        ];
        for (tier, fits) in tiers.iter().enumerate() {
            // A part of an ARN may belong to a role that is not here, and that role is the one meant.
            if tier == 2 && wanted.starts_with("arn:") {
                break;
            }
            let found: Vec<RoleIndex> = self.indices().filter(|index| fits(*index)).collect();
            match found[..] {
                [] => {}
                [one] => return Ok(one),
                _ => return Err(self.several(text, &found)),
            }
        }
        Err(self.none(text))
    }

    /// Whether a name that means one role alone fits.
    fn full_names(&self, index: RoleIndex, fits: &mut dyn FnMut(&str) -> bool) -> bool {
        let (role, account) = (self.role(index), self.account(index));
        role.alias.as_deref().is_some_and(&mut *fits)
            || fits(&self.label(index))
            || fits(&format!("{}/{}", account.id, role.name))
            || role.known_arn().is_some_and(|arn| fits(&arn.to_string()))
    }

    /// Whether a name that may mean several roles fits.
    fn part_names(&self, index: RoleIndex, fits: &mut dyn FnMut(&str) -> bool) -> bool {
        let (role, account) = (self.role(index), self.account(index));
        fits(&role.name)
            || fits(&account.name)
            || fits(account.id.as_str())
            || account.environment.as_deref().is_some_and(fits)
    }

    fn contains(&self, index: RoleIndex, wanted: &str) -> bool {
        let mut holds = |name: &str| name.to_lowercase().contains(wanted);
        self.full_names(index, &mut holds) || self.part_names(index, &mut holds)
    }

    fn several(&self, text: &str, found: &[RoleIndex]) -> Error {
        let mut message = format!("`{}` matches {} roles: ", cut(text, 80), found.len());
        for (place, index) in found.iter().take(LISTED).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            _ = write!(message, "{comma}{}", self.told_apart(*index, found));
        }
        if found.len() > LISTED {
            _ = write!(message, " and {} more", found.len() - LISTED);
        }
        Error::RoleName { message, hint: Some("write more of the name: account/role, the alias or the ARN".into()) }
    }

    /// The label, and the alias or ARN when another of `found` has the same label.
    fn told_apart(&self, index: RoleIndex, found: &[RoleIndex]) -> String {
        let (label, role) = (self.label(index), self.role(index));
        let twin = |other: &RoleIndex| *other != index && self.label(*other) == label;
        match &role.alias {
            _ if !found.iter().any(twin) => label,
            Some(alias) => format!("{label} ({alias})"),
            None => match role.known_arn() {
                Some(arn) => format!("{label} ({arn})"),
                None => format!("{label} (permission set)"),
            },
        }
    }

    /// A sign-in that has given no roles yet.
    fn silent_sign_in(&self) -> Option<&str> {
        let gives = |name: &str| self.roles.iter().any(|role| self.accounts[role.account].source == name);
        let silent = self.sources.iter().find(|(name, source)| source.sign_in().is_some() && !gives(name));
        silent.map(|(name, _)| name.as_str())
    }

    /// An account whose roles come with a sign-in, and nobody is signed in: a role of another account that sounds like
    /// it is not what was meant.
    fn of_silent_account(&self, text: &str) -> Option<Error> {
        let place = text.rsplit_once('/').map_or(text, |(place, _)| place);
        let (_, account) = self.accounts.iter().enumerate().find(|(at, account)| {
            (account.name.eq_ignore_ascii_case(place) || account.id.as_str() == place)
                && self.sources.get(&account.source).is_some_and(|source| source.sign_in().is_some())
                && !self.roles.iter().any(|role| role.account == *at && role.permission_set)
        })?;
        Some(Error::SignedOut {
            source_name: account.source.clone(),
            message: format!("the roles of {} come with this sign-in, and nobody is signed in", cut(&account.name, 80)),
            hint: Some(format!("sign in with `xsw login {}`", account.source)),
        })
    }

    fn none(&self, text: &str) -> Error {
        let shown = cut(text, 200);
        if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arn:")) {
            return match text.parse::<RoleArn>() {
                Err(defect) => Error::RoleName { message: cut(&defect, 400).into_owned(), hint: None },
                Ok(_) => {
                    let arns: Vec<String> =
                        self.roles.iter().filter_map(|role| Some(role.known_arn()?.to_string())).collect();
                    let hint = match closest(text, arns.iter().map(|arn| (arn.as_str(), arn.as_str())), 1)[..] {
                        [] => "add it to the profile file; `xsw accounts` lists the roles that are there".into(),
                        [arn, ..] => format!("did you mean `{arn}`?"),
                    };
                    Error::RoleName { message: format!("no role of the profile has the ARN {shown}"), hint: Some(hint) }
                }
            };
        }
        if let Some(error) = self.of_silent_account(text) {
            return error;
        }
        let labels: Vec<String> = self.indices().map(|index| self.label(index)).collect();
        let names = labels.iter().zip(&self.roles).flat_map(|(label, role)| {
            let alias = role.alias.as_deref().map(|alias| (alias, alias));
            [Some((label.as_str(), label.as_str())), Some((role.name.as_str(), label.as_str())), alias]
                .into_iter()
                .flatten()
        });
        let near: Vec<String> = closest(text, names, 3).iter().map(|name| format!("`{}`", escaped(name))).collect();
        let hint = match &near[..] {
            [] if self.roles.is_empty() => "there are no roles yet: sign in with `xsw login SOURCE`".into(),
            [] => match self.silent_sign_in() {
                Some(source) => format!("`xsw accounts` lists the roles; `xsw login {source}` may bring more"),
                None => "`xsw accounts` lists the roles".into(),
            },
            near => format!("did you mean {}?", near.join(" or ")),
        };
        Error::RoleName { message: format!("no role matches `{shown}`"), hint: Some(hint) }
    }
}

/// `wanted` is in lower case.
fn same(name: &str, wanted: &str) -> bool {
    name.to_lowercase() == wanted
}

/// What stands for the names nearest to `word`, the nearest first, each once; nothing when none is near.
///
/// A candidate is a name to compare and what stands for it.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = (&'c str, &'c str)>, count: usize) -> Vec<&'c str> {
    /// Distances cost the product of the lengths, and nobody mistypes a longer name.
    const LONGEST: usize = 256;
    if word.len() > LONGEST {
        return Vec::new();
    }
    let word = word.to_lowercase();
    let mut near: Vec<(f64, &str)> = candidates
        .into_iter()
        .filter(|(name, _)| name.len() <= LONGEST)
        .filter_map(|(name, stands_for)| {
            let name = name.to_lowercase();
            let longer = word.chars().count().max(name.chars().count()).max(1);
            let likeness = 1.0 - strsim::osa_distance(&word, &name) as f64 / longer as f64;
            (likeness >= 0.6).then_some((likeness, stands_for))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut names = Vec::new();
    for (_, name) in near {
        if !names.contains(&name) {
            names.push(name);
        }
        if names.len() == count {
            break;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::role::{Account, Role};
    use super::*;

    fn profile(roles: &[(&str, &str, &str, Option<&str>)]) -> Profile {
        let mut profile = Profile::default();
        for (account, id, name, alias) in roles {
            let known = profile.accounts.iter().position(|known| known.name == *account);
            let place = known.unwrap_or_else(|| {
                profile.accounts.push(Account {
                    name: (*account).into(),
                    id: id.parse().unwrap(),
                    source: "corp".into(),
                    region: None,
                    environment: Some(format!("env-{account}")),
                    color: None,
                    confirm: false,
                    endpoint_url: None,
                    path_style: None,
                });
                profile.accounts.len() - 1
            });
            let arn = format!("arn:aws:iam::{id}:role/{name}").parse().unwrap();
            profile.roles.push(Role { alias: alias.map(Into::into), ..Role::new(arn, place) });
        }
        profile
    }

    fn sample() -> Profile {
        profile(&[
            ("hub", "111111111111", "Jump", Some("jump")),
            ("prod", "222222222222", "S3Reader", Some("reader")),
            ("prod", "222222222222", "S3ReaderAdmin", None),
            ("prod-eu", "333333333333", "team/S3Writer", None),
        ])
    }

    #[test]
    fn a_text_that_means_one_role_finds_it() {
        for (text, place) in [
            ("prod/S3Reader", 1),
            ("PROD/s3reader", 1),
            ("222222222222/S3ReaderAdmin", 2),
            ("reader", 1),
            ("Jump", 0),
            (" hub ", 0),
            ("arn:aws:iam::333333333333:role/team/S3Writer", 3),
            ("333333333333", 3),
            ("team/", 3),
            ("writ", 3),
            ("admin", 2),
            ("S3Reader", 1),
            ("env-hub", 0),
        ] {
            assert_eq!(sample().find(text).unwrap(), RoleIndex(place), "{text}");
        }
    }

    #[test]
    fn several_none_and_broken_names_say_what_to_write() {
        for (text, message, hint) in [
            ("s3", "`s3` matches 3 roles: prod/S3Reader, prod/S3ReaderAdmin, prod-eu/S3Writer", "account/role"),
            ("prod", "matches 2 roles: prod/S3Reader, prod/S3ReaderAdmin", "write more"),
            ("prod/S3Raeder", "no role matches `prod/S3Raeder`", "did you mean `prod/S3Reader`"),
            ("raeder", "no role matches", "did you mean `reader`"),
            ("s3wirter", "no role matches", "did you mean `prod-eu/S3Writer`"),
            ("xyz", "no role matches", "`xsw accounts` lists"),
            ("", "no role was named", "account/role"),
            ("arn:aws:iam:222222222222:role/S3Reader", "5 of 6 parts", ""),
            ("arn:aws:iam::222222222222:role/S3Read", "no role of the profile has", "did you mean `arn:aws:iam::2222"),
            ("ARN:x", "2 of 6 parts", ""),
        ] {
            let error = sample().find(text).unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint());
        }
    }

    #[test]
    fn long_lists_end_in_a_count_and_twins_are_told_apart() {
        let names: Vec<String> = (0..25).map(|n| format!("Role{n:02}")).collect();
        let roles: Vec<_> = names.iter().map(|name| ("a", "111111111111", name.as_str(), None)).collect();
        let error = profile(&roles).find("role").unwrap_err().to_string();
        assert!(error.ends_with("a/Role09 and 15 more"), "{error}");

        let twins = profile(&[("a", "111111111111", "R", Some("one")), ("a", "111111111111", "R", Some("two"))]);
        assert_eq!(twins.find("a/R").unwrap_err().to_string(), "`a/R` matches 2 roles: a/R (one), a/R (two)");
        assert_eq!(twins.find("two").unwrap(), RoleIndex(1));
    }
}
