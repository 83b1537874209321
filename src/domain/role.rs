//! The checked profile: accounts, the roles in them, and the source credentials they are assumed from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::{AccountId, RoleArn};
use super::sign_in::SignIn;
use super::uri::S3Uri;

/// Which role of a [`Profile`]: its place in [`Profile::roles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoleIndex(pub usize);

/// What the profile file says, every part checked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Defaults for all roles.
    pub settings: Settings,
    /// Where the first credentials come from, by name.
    pub sources: BTreeMap<String, Source>,
    /// In the order of the file.
    pub accounts: Vec<Account>,
    /// In the order of the file, so that the roles of an account stand together.
    pub roles: Vec<Role>,
}

impl Profile {
    /// The role at `index`; every [`RoleIndex`] comes from this profile.
    pub fn role(&self, index: RoleIndex) -> &Role {
        &self.roles[index.0]
    }

    /// The account of the role at `index`.
    pub fn account(&self, index: RoleIndex) -> &Account {
        &self.accounts[self.role(index).account]
    }

    /// `account/role`.
    pub fn label(&self, index: RoleIndex) -> String {
        format!("{}/{}", self.account(index).name, self.role(index).name)
    }

    /// All roles with their places.
    pub fn indices(&self) -> impl Iterator<Item = RoleIndex> + use<> {
        (0..self.roles.len()).map(RoleIndex)
    }

    /// The roles that are assumed one after the other to hold `index`, itself last.
    pub fn chain(&self, index: RoleIndex) -> Vec<RoleIndex> {
        let mut chain = vec![index];
        let mut at = index;
        // The profile file's check refuses cycles, so this ends.
        while let Some(via) = self.role(at).via {
            chain.push(via);
            at = via;
        }
        chain.reverse();
        chain
    }

    /// The name of the source credentials from which the chain of `index` starts.
    pub fn source_name(&self, index: RoleIndex) -> &str {
        let first = self.chain(index)[0];
        &self.account(first).source
    }

    /// The region of the role: its account's, else the settings', else none was said.
    pub fn region(&self, index: RoleIndex) -> Option<&str> {
        self.account(index).region.as_deref().or(self.settings.region.as_deref())
    }

    /// Whether the sessions of the role renew themselves while somebody uses them.
    pub fn renews(&self, index: RoleIndex) -> bool {
        self.role(index).renew.unwrap_or(self.settings.renew)
    }

    /// The custom endpoint of the role's account, else the settings'.
    pub fn endpoint_url(&self, index: RoleIndex) -> Option<&str> {
        self.account(index).endpoint_url.as_deref().or(self.settings.endpoint_url.as_deref())
    }
}

/// Defaults for all roles.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// The default region.
    pub region: Option<String>,
    /// How long a session is asked for when its role says nothing.
    pub duration: Option<Duration>,
    /// The template of role session names; `{user}` and `{host}` are replaced.
    pub session_name: Option<String>,
    /// A custom endpoint for STS and S3.
    pub endpoint_url: Option<String>,
    /// Where sessions rest.
    pub cache: CacheKind,
    /// Whether children get sessions that renew themselves.
    pub renew: bool,
    /// The program and its arguments that print the code of an MFA device; `{serial}` is replaced. Empty: ask.
    pub mfa_command: Vec<String>,
    /// The program and its arguments that hear on their stdin of a copy that failed. Empty: nobody.
    pub on_failure: Vec<String>,
}

/// Where sessions rest between two runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CacheKind {
    /// Files of mode 0600.
    #[default]
    File,
    /// The platform's keyring: Keychain, Credential Manager, Secret Service.
    Keyring,
    /// Nowhere: they end with the process.
    None,
}

impl CacheKind {
    /// Every kind with the word for it in the profile file.
    pub const ALL: [(&str, Self); 3] = [("file", Self::File), ("keyring", Self::Keyring), ("none", Self::None)];
}

impl Settings {
    /// How long a session is asked for where neither a role nor the settings say so.
    pub const DEFAULT_DURATION: Duration = Duration::from_secs(3600);
    /// The template of role session names where neither a role nor the settings give one.
    pub const DEFAULT_SESSION_NAME: &str = "{user}@{host}";
}

/// Where the first credentials come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A profile of `~/.aws/config` or `~/.aws/credentials`.
    AwsProfile(String),
    /// The environment variables `AWS_ACCESS_KEY_ID`, …, else a web identity or a container that they name.
    Environment,
    /// The role of the EC2 instance (`credential_source = "Ec2InstanceMetadata"`).
    InstanceRole,
    /// The role of the container (`credential_source = "EcsContainer"`).
    ContainerRole,
    /// An IAM Identity Center sign-in, whose token is shared with the AWS CLI in `~/.aws/sso/cache`.
    IdentityCenter {
        /// `https://….awsapps.com/start`.
        start_url: String,
        /// The region of IAM Identity Center, often not that of the buckets.
        region: String,
        /// The `sso-session` under whose name the token is cached; without one, the start URL is.
        session: Option<String>,
        /// What gives the first credentials where roles are assumed from here; without it, the sign-in gives only
        /// the permission sets themselves.
        permission_set: Option<PermissionSet>,
    },
}

impl Source {
    /// Where one signs in for it, when it says so itself: an AWS profile may lead to a sign-in, too.
    pub fn sign_in(&self) -> Option<SignIn> {
        match self {
            Self::IdentityCenter { start_url, region, session, .. } => {
                Some(SignIn { start_url: start_url.clone(), region: region.clone(), session: session.clone() })
            }
            _ => None,
        }
    }
}

/// A permission set of IAM Identity Center in one of its accounts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PermissionSet {
    /// The account.
    pub account_id: AccountId,
    /// The permission set's name, which the API calls the role's.
    pub role_name: String,
}

/// An account of the profile file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// The name that people use.
    pub name: String,
    /// Twelve digits.
    pub id: AccountId,
    /// The name of its source credentials.
    pub source: String,
    /// Its default region.
    pub region: Option<String>,
    /// Free text; it drives the colour and the guard.
    pub environment: Option<String>,
    /// The colour of the header.
    pub color: Option<Color>,
    /// Whether the account's name must be typed before a role here is assumed.
    pub confirm: bool,
    /// A custom endpoint for STS and S3.
    pub endpoint_url: Option<String>,
    /// Whether a bucket's name stands in the path of an address; `None`: at a custom endpoint it does.
    pub path_style: Option<bool>,
}

/// The sixteen colours that every terminal has, by their usual names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Color {
    Black,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    Gray,
    White,
}

impl Color {
    /// Every colour with the word for it in the profile file.
    pub const ALL: [(&str, Self); 9] = [
        ("black", Self::Black),
        ("red", Self::Red),
        ("green", Self::Green),
        ("yellow", Self::Yellow),
        ("blue", Self::Blue),
        ("magenta", Self::Magenta),
        ("cyan", Self::Cyan),
        ("gray", Self::Gray),
        ("white", Self::White),
    ];
}

/// The most that AWS gives a session of a chained role (IAM User Guide, "Roles terms and concepts").
pub const CHAINED_DURATION: Duration = Duration::from_secs(3600);

/// A role, and how it is assumed (AWS STS API Reference, `AssumeRole`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// The role's own name, without its path.
    pub name: String,
    /// The ARN that is assumed.
    pub arn: RoleArn,
    /// The place of its account in [`Profile::accounts`].
    pub account: usize,
    /// A short name.
    pub alias: Option<String>,
    /// Whether it is a permission set, for which IAM Identity Center gives credentials without AssumeRole. The role's
    /// true name and ARN are known to AWS alone; `arn` then tells partition and account, and nothing else.
    pub permission_set: bool,
    /// Whether its children get sessions that renew themselves; `None` leaves it to the settings.
    pub renew: Option<bool>,
    /// Role chaining: the role that assumes this one.
    pub via: Option<RoleIndex>,
    /// The external ID that the trust policy asks for.
    pub external_id: Option<String>,
    /// The serial number or ARN of the MFA device of the caller.
    pub mfa_serial: Option<String>,
    /// How long a session is asked for.
    pub duration: Option<Duration>,
    /// The template of the role session name.
    pub session_name: Option<String>,
    /// The source identity.
    pub source_identity: Option<String>,
    /// Session tags.
    pub tags: BTreeMap<String, String>,
    /// Which of the tags go on in a chain.
    pub transitive_tags: Vec<String>,
    /// The session policy: JSON.
    pub policy: Option<String>,
    /// Managed policies as session policies.
    pub policy_arns: Vec<String>,
    /// Bookmarks: buckets that open without s3:ListAllMyBuckets.
    pub buckets: Vec<S3Uri>,
    /// Buckets whose requests this role pays for.
    pub requester_pays: Vec<String>,
}

impl Role {
    /// A role that is assumed plainly: every other field is empty.
    pub fn new(arn: RoleArn, account: usize) -> Self {
        Self {
            name: arn.name().to_owned(),
            arn,
            account,
            alias: None,
            permission_set: false,
            renew: None,
            via: None,
            external_id: None,
            mfa_serial: None,
            duration: None,
            session_name: None,
            source_identity: None,
            tags: BTreeMap::new(),
            transitive_tags: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
            buckets: Vec::new(),
            requester_pays: Vec::new(),
        }
    }

    /// The ARN, where it is known.
    pub fn known_arn(&self) -> Option<&RoleArn> {
        (!self.permission_set).then_some(&self.arn)
    }

    /// How long a session of this role is asked for; `None` leaves it to AWS (one hour).
    pub fn requested_duration(&self, settings: &Settings) -> Option<Duration> {
        let wanted = self.duration.or(settings.duration);
        // AWS lets a chained role live no longer, whatever is asked for.
        if self.via.is_some() { wanted.map(|wanted| wanted.min(CHAINED_DURATION)) } else { wanted }
    }
}
