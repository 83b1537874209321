//! Typing mistakes in the name of a role: what is most often wrong, and which role was meant.

use crate::domain::account::{AccountId, RoleArn};
use crate::domain::find::closest;
use crate::domain::role::{Profile, RoleIndex};

/// What is wrong with a text, and the role that was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// In words.
    pub what: String,
    /// The text as it should be, where it can be told.
    pub meant: Option<String>,
}

/// Looks for the usual mistakes in a text that names no role of the profile.
pub fn mistake(text: &str, profile: &Profile) -> Option<Mistake> {
    let text = text.trim();
    if text.len() >= 4 && text.is_char_boundary(4) && text[..4].eq_ignore_ascii_case("arn:") {
        return in_arn(text, profile);
    }
    let (account, name) = text.rsplit_once('/')?;
    if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_digit()) || account.len() == 12 {
        return None;
    }
    let what = format!("an account id has 12 digits, {account} has {}", account.len());
    let meant = meant_account(account, profile).map(|id| format!("{id}/{name}"));
    Some(Mistake { what, meant: meant.filter(|meant| profile.find(meant).is_ok()) })
}

fn in_arn(text: &str, profile: &Profile) -> Option<Mistake> {
    let mistake = |what: String, meant: Option<RoleArn>| {
        Some(Mistake { what, meant: meant.map(|arn| label_or_arn(&arn, profile)) })
    };
    let parts: Vec<&str> = text.split(':').collect();
    let whole = |partition: &str, account: &str, rest: &str| -> Option<RoleArn> {
        let account = account.parse::<AccountId>().ok().or_else(|| meant_account(account, profile))?;
        let role = rest.strip_prefix("role/").or_else(|| rest.strip_prefix("role:")).unwrap_or(rest);
        format!("arn:{partition}:iam::{account}:role/{role}").parse().ok()
    };
    match parts[..] {
        // IAM has no region, and the two colons around nothing are easily one.
        [_, partition, "iam", account, rest] if is_digits(account) => mistake(
            "a colon is missing: there are two between `iam` and the account id".into(),
            whole(partition, account, rest),
        ),
        [_, "iam", _, account, rest] => mistake(
            "the partition is missing: an ARN begins with arn:aws:, arn:aws-cn: or arn:aws-us-gov:".into(),
            whole("aws", account, rest),
        ),
        [_, partition, "sts", _, account, rest] if rest.starts_with("assumed-role/") => mistake(
            "this is a session of a role, not the role".into(),
            whole(partition, account, rest.split('/').nth(1).unwrap_or_default()),
        ),
        [_, partition, "iam", "", account, rest] if account.parse::<AccountId>().is_err() => mistake(
            format!("an account id has 12 digits, {account} has {}", account.len()),
            whole(partition, account, rest),
        ),
        [_, partition, "iam", "", account, rest] if !rest.starts_with("role/") && !rest.contains('/') => {
            mistake("`role/` is missing before the role's name".into(), whole(partition, account, rest))
        }
        [_, partition, "iam", "", account, "role", name] => {
            mistake("a slash stands between `role` and its name, not a colon".into(), whole(partition, account, name))
        }
        _ => in_role_arn(&text.parse().ok()?, profile),
    }
}

/// An ARN that is well formed, and no role of the profile has it.
fn in_role_arn(arn: &RoleArn, profile: &Profile) -> Option<Mistake> {
    let known: Vec<(RoleIndex, &RoleArn)> =
        profile.indices().filter_map(|index| Some((index, profile.role(index).known_arn()?))).collect();
    if known.iter().any(|(_, role)| *role == arn) {
        return None;
    }
    let same_name = |role: &&RoleArn| role.name() == arn.name();
    let mistake = |what: String, role: &RoleArn| Some(Mistake { what, meant: Some(label_or_arn(role, profile)) });
    let here: Vec<&RoleArn> =
        known.iter().map(|(_, role)| *role).filter(|role| role.account() == arn.account()).collect();
    if let Some(role) = here.iter().copied().find(same_name) {
        return if role.partition() == arn.partition() {
            mistake(format!("the role's path is another: the profile says {role}"), role)
        } else {
            mistake(format!("the partition is another: the profile says {role}"), role)
        };
    }
    let names = here.iter().map(|role| (role.name(), role.name()));
    if let Some(near) = closest(arn.name(), names, 1).first() {
        let role = here.iter().copied().find(|role| role.name() == *near)?;
        return mistake(format!("the profile spells the role {}", role.name()), role);
    }
    let elsewhere = known.iter().map(|(_, role)| *role).filter(same_name);
    let mut near = elsewhere.filter(|role| strsim::levenshtein(role.account().as_str(), arn.account().as_str()) <= 2);
    let role = near.next()?;
    mistake(format!("the profile's account id is {}, this one is {}", role.account(), arn.account()), role)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The configured account whose id comes nearest to mistyped digits; a spreadsheet loses zeros at the beginning.
fn meant_account(digits: &str, profile: &Profile) -> Option<AccountId> {
    if !is_digits(digits) || digits.len() > 24 {
        return None;
    }
    let ids = || profile.accounts.iter().map(|account| account.id);
    let padded = format!("{digits:0>12}");
    let mut near: Vec<AccountId> = ids().filter(|id| id.as_str() == padded).collect();
    if near.is_empty() {
        near = ids().filter(|id| strsim::levenshtein(id.as_str(), digits) <= 1).collect();
    }
    near.dedup();
    match near[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn label_or_arn(arn: &RoleArn, profile: &Profile) -> String {
    let known = profile.indices().find(|index| profile.role(*index).known_arn() == Some(arn));
    known.map_or_else(|| arn.to_string(), |index| profile.label(index))
}
