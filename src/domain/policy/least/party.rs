//! Who is granted something, as policies can name them.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use super::{AttachTo, Naming, NoPolicy};
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::policy::Side;

/// Somebody who calls AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// An IAM user.
    User {
        /// The user's ARN.
        arn: String,
        /// Its account.
        account: AccountId,
    },
    /// A role.
    Role(RoleArn),
    /// A role that only its session told of: a session's ARN leaves the role's path out.
    RoleName {
        /// The partition.
        partition: String,
        /// The account.
        account: AccountId,
        /// The role's name.
        name: String,
    },
    /// A permission set of IAM Identity Center in an account. The role behind it has a name that AWS makes up, and
    /// another one each time the permission set is assigned anew.
    PermissionSet {
        /// The partition.
        partition: String,
        /// The account that it is used in.
        account: AccountId,
        /// The permission set's name.
        name: String,
    },
    /// Whoever an account lets.
    Account {
        /// The partition.
        partition: String,
        /// The account.
        account: AccountId,
    },
    /// A service of AWS.
    Service(String),
}

/// What the names of the roles behind permission sets begin with.
const RESERVED: &str = "AWSReservedSSO_";
/// Their path; behind it stands the region of IAM Identity Center, unless that is us-east-1.
const RESERVED_PATH: &str = "aws-reserved/sso.amazonaws.com";

impl FromStr for Party {
    type Err = String;

    /// Takes the ARN of a user, role, session or account, twelve digits, or a service's name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |byte: u8| byte.is_ascii_digit();
        if !text.is_empty() && text.bytes().all(digits) {
            return Ok(Self::Account { partition: "aws".into(), account: text.parse()? });
        }
        if !text.contains([':', '/', '*', ' ']) && text.contains(".amazonaws.com") {
            return Ok(Self::Service(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else {
            return Err(format!("{text:?} is no account id and no ARN of a user or role"));
        };
        if text.contains(['*', '?']) {
            return Err(format!("{text:?} has a wildcard, which no principal can have: name an account instead"));
        }
        // IAM's names and paths have no others.
        if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic() || "\"'\\$".contains(*c)) {
            return Err(format!("no ARN of a user or role holds {c:?}: {text:?}"));
        }
        let id: AccountId = account.parse()?;
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        match (service, kind, rest) {
            ("iam", "root", "") => Ok(Self::Account { partition: partition.into(), account: id }),
            ("iam", "user", name) if !name.is_empty() => Ok(Self::User { arn: text.into(), account: id }),
            ("iam", "role", path) if path.starts_with(RESERVED_PATH) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                Ok(Self::of_role_name(partition, id, name))
            }
            ("iam", "role", _) => text.parse().map(Self::Role),
            ("sts", "assumed-role", session) => match session.split_once('/') {
                Some((name, _)) if !name.is_empty() => Ok(Self::of_role_name(partition, id, name)),
                _ => {
                    Err(format!("{text:?} names no role: a session is arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION"))
                }
            },
            _ => Err(format!("{text:?} is neither a user, a role, a session of one, nor an account's root")),
        }
    }
}

impl Party {
    fn of_role_name(partition: &str, account: AccountId, name: &str) -> Self {
        let partition = partition.to_owned();
        let set = name.strip_prefix(RESERVED).and_then(|rest| rest.rsplit_once('_'));
        match set {
            Some((set, _)) => Self::PermissionSet { partition, account, name: set.to_owned() },
            None => Self::RoleName { partition, account, name: name.to_owned() },
        }
    }

    /// The account; a service has none.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::User { account, .. }
            | Self::RoleName { account, .. }
            | Self::PermissionSet { account, .. }
            | Self::Account { account, .. } => Some(*account),
            Self::Role(arn) => Some(arn.account()),
            Self::Service(_) => None,
        }
    }

    /// The partition; a service is in all of them.
    pub fn partition(&self) -> Option<&str> {
        match self {
            Self::User { arn, .. } => arn.split(':').nth(1),
            Self::Role(arn) => Some(arn.partition()),
            Self::RoleName { partition, .. }
            | Self::PermissionSet { partition, .. }
            | Self::Account { partition, .. } => Some(partition),
            Self::Service(_) => None,
        }
    }

    /// The name of the user, role or permission set; of an account its number.
    pub fn name(&self) -> &str {
        match self {
            Self::User { arn, .. } => arn.rsplit('/').next().unwrap_or(arn),
            Self::Role(arn) => arn.name(),
            Self::RoleName { name, .. } | Self::PermissionSet { name, .. } | Self::Service(name) => name,
            Self::Account { account, .. } => account.as_str(),
        }
    }

    /// Whether it acts with the session of a role, which shows no MFA.
    pub(super) fn is_session(&self) -> bool {
        matches!(self, Self::Role(_) | Self::RoleName { .. } | Self::PermissionSet { .. })
    }

    /// Where its own permissions are attached, and whose opinion they are.
    ///
    /// # Errors
    /// For who has no policies of its own.
    pub(super) fn own_policies(&self) -> Result<(Side, AccountId, AttachTo), NoPolicy> {
        match self {
            Self::User { arn, account } => Ok((Side::Identity, *account, AttachTo::User { arn: arn.clone() })),
            Self::Role(arn) => {
                let target = AttachTo::Role { account: arn.account(), name: arn.name().to_owned() };
                Ok((Side::Permissions, arn.account(), target))
            }
            Self::RoleName { account, name, .. } => {
                let target = AttachTo::Role { account: *account, name: name.clone() };
                Ok((Side::Permissions, *account, target))
            }
            Self::PermissionSet { account, name, .. } => {
                let target = AttachTo::PermissionSet { account: *account, name: name.clone() };
                Ok((Side::Permissions, *account, target))
            }
            Self::Account { account, .. } => Err(NoPolicy::WholeAccount(*account)),
            Self::Service(name) => Err(NoPolicy::Service(name.clone())),
        }
    }

    /// Whether a resource's policy names it and not its account.
    pub fn is_named_itself(&self, naming: Naming) -> bool {
        naming == Naming::Exactly && matches!(self, Self::User { .. } | Self::Role(_))
    }

    /// How a resource's policy names it: the principal, and the ARN patterns that `aws:PrincipalArn` must be like where
    /// the principal alone would be everybody of the account.
    pub(super) fn named(&self, naming: Naming) -> (Principal, Vec<String>) {
        let whole =
            |partition: &str, account: &AccountId| Principal::Aws(format!("arn:{partition}:iam::{account}:root"));
        if let (Naming::Account, Some(partition), Some(account)) = (naming, self.partition(), self.account()) {
            return (whole(partition, &account), Vec::new());
        }
        match self {
            Self::User { arn, .. } => (Principal::Aws(arn.clone()), Vec::new()),
            Self::Role(arn) => (Principal::Aws(arn.to_string()), Vec::new()),
            // A principal that does not exist is refused, so a path that is not known cannot be left out there.
            Self::RoleName { partition, account, name } => {
                let role = format!("arn:{partition}:iam::{account}:role");
                (whole(partition, account), vec![format!("{role}/{name}"), format!("{role}/*/{name}")])
            }
            // IAM Identity Center User Guide, "Referencing permission sets in resource policies".
            Self::PermissionSet { partition, account, name } => {
                let suffix = "?".repeat(16);
                let role = format!("arn:{partition}:iam::{account}:role/{RESERVED_PATH}*/{RESERVED}{name}_{suffix}");
                (whole(partition, account), vec![role])
            }
            Self::Account { partition, account } => (whole(partition, account), Vec::new()),
            Self::Service(name) => (Principal::Service(name.clone()), Vec::new()),
        }
    }
}

impl fmt::Display for Party {
    /// The words for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { arn, .. } => f.write_str(arn),
            Self::Role(arn) => arn.fmt(f),
            Self::RoleName { account, name, .. } => write!(f, "the role {name} of {account}"),
            Self::PermissionSet { account, name, .. } => write!(f, "the permission set {name} in {account}"),
            Self::Account { account, .. } => write!(f, "the account {account}"),
            Self::Service(name) => f.write_str(name),
        }
    }
}

/// One principal of a resource's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Principal {
    Aws(String),
    Service(String),
}

impl Principal {
    /// The Principal element for all of these.
    pub(super) fn element(all: &[Principal]) -> Value {
        let mut element = serde_json::Map::new();
        let aws: Vec<String> =
            all.iter().filter_map(|one| if let Self::Aws(arn) = one { Some(arn.clone()) } else { None }).collect();
        let services: Vec<String> = all
            .iter()
            .filter_map(|one| if let Self::Service(name) = one { Some(name.clone()) } else { None })
            .collect();
        for (kind, names) in [("AWS", aws), ("Service", services)] {
            if !names.is_empty() {
                element.insert(kind.into(), super::one_or_many(&names));
            }
        }
        json!(element)
    }
}
