//! Accounts and the ARNs of roles in them, as AWS spells them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Twelve digits that name an AWS account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId([u8; 12]);

impl AccountId {
    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for AccountId {
    type Err = String;

    /// Takes twelve ASCII digits; the error says what was wrong with the text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("an account id is 12 digits without other characters, not {text:?}"));
        }
        match text.as_bytes().try_into() {
            Ok(digits) => Ok(Self(digits)),
            Err(_) => Err(format!("an account id has 12 digits, {text:?} has {}", text.len())),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for RoleArn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for AccountId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The partitions that AWS has (AWS General Reference, "Amazon Resource Names"), how the regions of each begin, and the one that stands for it when none is named. The first is for all
/// others.
const REGIONS: [(&str, &str, &str); 7] = [
    ("aws", "", "us-east-1"),
    ("aws-cn", "cn-", "cn-north-1"),
    ("aws-us-gov", "us-gov-", "us-gov-west-1"),
    ("aws-eusc", "eusc-", "eusc-de-east-1"),
    ("aws-iso", "us-iso-", "us-iso-east-1"),
    ("aws-iso-b", "us-isob-", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-", "eu-isoe-west-1"),
];

/// The partition of a region.
pub fn partition_of(region: &str) -> &'static str {
    let found = REGIONS.iter().skip(1).find(|(_, start, _)| region.starts_with(start));
    found.map_or("aws", |(partition, ..)| partition)
}

/// The region to ask in when nobody names one.
pub fn default_region(partition: &str) -> &'static str {
    REGIONS.iter().find(|(known, ..)| *known == partition).map_or("us-east-1", |(.., region)| region)
}

/// `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleArn {
    partition: String,
    account: AccountId,
    /// `/` or `/path/`, as IAM's own `Path`.
    path: String,
    name: String,
}

impl RoleArn {
    /// The ARN of a role without a path, in the partition `aws`.
    pub fn new(account: AccountId, name: &str) -> Result<Self, String> {
        check_role_name(name)?;
        Ok(Self { partition: "aws".into(), account, path: "/".into(), name: name.into() })
    }

    /// `aws`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The account that owns the role.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The role's name without its path.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for RoleArn {
    type Err = String;

    /// Takes a role's ARN; the error names the part that is wrong.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected arn:aws:iam::ACCOUNT:role/NAME";
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else {
            return Err(format!("{text:?} is no role ARN, {expected}: it has {} of 6 parts", parts.len()));
        };
        if arn != "arn" {
            return Err(format!("{text:?} does not begin with `arn:`, {expected}"));
        }
        if !REGIONS.iter().any(|(known, ..)| *known == partition) {
            let known: Vec<&str> = REGIONS.iter().map(|(known, ..)| *known).collect();
            return Err(format!("{partition:?} is no AWS partition (one of {})", known.join(", ")));
        }
        if service == "sts" && resource.starts_with("assumed-role/") {
            return Err(format!("{text:?} is a session of a role; give the role itself, {expected}"));
        }
        if service != "iam" || !region.is_empty() {
            return Err(format!("{text:?} is not IAM's, {expected} (IAM has no region)"));
        }
        let account: AccountId = account.parse()?;
        let Some(path_and_name) = resource.strip_prefix("role/") else {
            return Err(format!("{text:?} names no role, {expected}"));
        };
        let (path, name) = match path_and_name.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), path_and_name),
        };
        check_role_name(name)?;
        // IAM API Reference, `CreateRole`, Path: `!` to `~`.
        if let Some(c) = path.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(format!("a role's path may not hold {c:?}: {path:?}"));
        }
        Ok(Self { partition: partition.into(), account, path, name: name.into() })
    }
}

/// IAM API Reference, `CreateRole`: up to 64 of `[\w+=,.@-]`.
fn check_role_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    match name.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(format!("a role's name may not hold {c:?}: {name:?}")),
        None if name.is_empty() => Err("a role's name is missing".into()),
        None if name.len() > 64 => Err(format!("a role's name has at most 64 characters, {name:?} has {}", name.len())),
        None => Ok(()),
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:role{}{}", self.partition, self.account, self.path, self.name)
    }
}

impl fmt::Debug for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for RoleArn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_parse_and_print() {
        for arn in [
            "arn:aws:iam::222222222222:role/S3Reader",
            "arn:aws:iam::222222222222:role/team/data/S3Reader",
            "arn:aws-us-gov:iam::222222222222:role/a+b=c,d.e@f-g_h",
        ] {
            assert_eq!(arn.parse::<RoleArn>().map(|arn| arn.to_string()).as_deref(), Ok(arn));
        }
    }

    #[test]
    fn wrong_role_arns_name_the_part() {
        for (arn, what) in [
            ("arn:aws:iam:222222222222:role/x", "5 of 6 parts"),
            ("arn:aws:iam::22222222222:role/x", "has 11"),
            ("arn:amazon:iam::222222222222:role/x", "no AWS partition"),
            ("arn:aws:iam::222222222222:user/x", "names no role"),
            ("arn:aws:sts::222222222222:assumed-role/x/y", "session of a role"),
            ("arn:aws:iam:us-east-1:222222222222:role/x", "no region"),
            ("arn:aws:iam::222222222222:role/", "missing"),
            ("arn:aws:iam::222222222222:role/a b", "may not hold ' '"),
            ("arn:aws:iam::222222222222:role/a\u{202e}/b", "path may not hold"),
        ] {
            let error = arn.parse::<RoleArn>().unwrap_err();
            assert!(error.contains(what), "{arn}: {error}");
        }
    }
}
