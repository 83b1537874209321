//! What a cloud is made of, as data: accounts with users, roles and buckets. Policies stay JSON here and are
//! parsed when the cloud starts, which reports the first one that is wrong.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::bucket::Bucket;
use super::random;

/// Everything that a cloud knows when it starts.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Its IAM Identity Center.
    pub identity_center: Option<IdentityCenter>,
}

/// An AWS account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its twelve digits.
    pub id: String,
    /// Its name in IAM Identity Center; without one its id.
    pub name: Option<String>,
    /// Its users.
    pub users: Vec<User>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its buckets.
    pub buckets: Vec<Bucket>,
    /// Its service control policies, by name, beside FullAWSAccess, which stays attached.
    pub scps: Vec<(String, Value)>,
}

/// A managed policy that is attached to a user or role.
#[derive(Clone, Debug)]
pub enum Attach {
    /// One of the account's own, by name.
    Customer(String, Value),
    /// One of AWS's, by ARN.
    Aws(String),
}

/// An IAM user with long-lived keys.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its access key id.
    pub access_key_id: String,
    /// Its secret access key.
    pub secret_access_key: SecretString,
    /// Its inline policies, by name.
    pub policies: Vec<(String, Value)>,
    /// The managed policies that are attached to it.
    pub attached: Vec<Attach>,
    /// Its permissions boundary.
    pub boundary: Option<Value>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Whether it has a virtual MFA device, which then is `arn:aws:iam::ACCOUNT:mfa/NAME`.
    pub mfa: bool,
    /// Sessions of GetSessionToken are cut to this many seconds, whatever was asked: see [`Role::session_seconds`].
    pub session_seconds: Option<u32>,
}

/// An IAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its path, `/` when it has none.
    pub path: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its trust policy.
    pub trust: Value,
    /// Its inline policies, by name.
    pub policies: Vec<(String, Value)>,
    /// The managed policies that are attached to it.
    pub attached: Vec<Attach>,
    /// Its permissions boundary.
    pub boundary: Option<Value>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// MaxSessionDuration in seconds: more than this is refused.
    pub max_session_seconds: u32,
    /// Sessions are cut to this many seconds, whatever was asked. AWS has no such thing; the demo has, so that
    /// a person can see a clock run out.
    pub session_seconds: Option<u32>,
    /// The web identity token that opens the role with AssumeRoleWithWebIdentity.
    pub web_identity_token: Option<SecretString>,
}

/// An IAM Identity Center with one user, who may sign in.
#[derive(Clone, Debug)]
pub struct IdentityCenter {
    /// Where one signs in: `https://….awsapps.com/start`.
    pub start_url: String,
    /// Its region.
    pub region: String,
    /// The name of its user.
    pub user: String,
    /// How long an access token lives.
    pub token_seconds: u32,
    /// The permission sets.
    pub permission_sets: Vec<PermissionSet>,
    /// Which of them the user has where: account id and permission set.
    pub assignments: Vec<(String, String)>,
}

/// A permission set, which becomes a role in every account that it is assigned in.
#[derive(Clone, Debug)]
pub struct PermissionSet {
    /// Its name.
    pub name: String,
    /// Its policies, by name.
    pub policies: Vec<(String, Value)>,
    /// How long its sessions are.
    pub session_seconds: u32,
}

impl IdentityCenter {
    /// One without permission sets, whose access tokens live for an hour.
    pub fn new(start_url: impl Into<String>, region: impl Into<String>, user: impl Into<String>) -> IdentityCenter {
        IdentityCenter {
            start_url: start_url.into(),
            region: region.into(),
            user: user.into(),
            token_seconds: 3600,
            permission_sets: Vec::new(),
            assignments: Vec::new(),
        }
    }

    /// Adds a permission set and assigns it in these accounts.
    pub fn permission_set(mut self, permission_set: PermissionSet, accounts: &[&str]) -> IdentityCenter {
        let name = &permission_set.name;
        self.assignments.extend(accounts.iter().map(|account| ((*account).to_owned(), name.clone())));
        self.permission_sets.push(permission_set);
        self
    }
}

impl PermissionSet {
    /// One without permissions, whose sessions live for an hour.
    pub fn new(name: impl Into<String>) -> PermissionSet {
        PermissionSet { name: name.into(), policies: Vec::new(), session_seconds: 3600 }
    }

    /// Attaches a policy.
    pub fn policy(mut self, name: impl Into<String>, policy: Value) -> PermissionSet {
        self.policies.push((name.into(), policy));
        self
    }

    /// Sets the length of its sessions, in seconds.
    pub fn sessions_of(mut self, seconds: u32) -> PermissionSet {
        self.session_seconds = seconds;
        self
    }
}

impl World {
    /// A world without accounts.
    pub fn new() -> World {
        World::default()
    }

    /// Adds an account.
    pub fn account(mut self, account: Account) -> World {
        self.accounts.push(account);
        self
    }

    /// Gives the world an IAM Identity Center.
    pub fn identity_center(mut self, identity_center: IdentityCenter) -> World {
        self.identity_center = Some(identity_center);
        self
    }

    /// A user by account id and name.
    pub fn user(&self, account: &str, name: &str) -> Option<&User> {
        let account = self.accounts.iter().find(|one| one.id == account)?;
        account.users.iter().find(|user| user.name == name)
    }

    /// The user as whom the demo's visitor comes: the first user of the first account that has one. Its access
    /// key id and secret belong in the credentials file of the program.
    pub fn visitor(&self) -> Option<&User> {
        self.accounts.iter().find_map(|account| account.users.first())
    }
}

impl Account {
    /// An account without anything in it.
    pub fn new(id: impl Into<String>) -> Account {
        Account {
            id: id.into(),
            name: None,
            users: Vec::new(),
            roles: Vec::new(),
            buckets: Vec::new(),
            scps: Vec::new(),
        }
    }

    /// Gives it a name.
    pub fn named(mut self, name: impl Into<String>) -> Account {
        self.name = Some(name.into());
        self
    }

    /// Adds a user.
    pub fn user(mut self, user: User) -> Account {
        self.users.push(user);
        self
    }

    /// Adds a role.
    pub fn role(mut self, role: Role) -> Account {
        self.roles.push(role);
        self
    }

    /// Adds a service control policy.
    pub fn scp(mut self, name: impl Into<String>, policy: Value) -> Account {
        self.scps.push((name.into(), policy));
        self
    }

    /// Adds a bucket.
    pub fn bucket(mut self, bucket: Bucket) -> Account {
        self.buckets.push(bucket);
        self
    }
}

impl User {
    /// A user with random keys and no permissions.
    pub fn new(name: impl Into<String>) -> User {
        User {
            name: name.into(),
            access_key_id: random::identifier("AKIA", 16),
            secret_access_key: random::secret_key(),
            policies: Vec::new(),
            attached: Vec::new(),
            boundary: None,
            tags: Vec::new(),
            mfa: false,
            session_seconds: None,
        }
    }

    /// Attaches an identity policy.
    pub fn policy(mut self, name: impl Into<String>, policy: Value) -> User {
        self.policies.push((name.into(), policy));
        self
    }

    /// Attaches a managed policy of the account, under this name.
    pub fn managed(mut self, name: impl Into<String>, policy: Value) -> User {
        self.attached.push(Attach::Customer(name.into(), policy));
        self
    }

    /// Attaches a managed policy of AWS, by its ARN.
    pub fn attach(mut self, arn: impl Into<String>) -> User {
        self.attached.push(Attach::Aws(arn.into()));
        self
    }

    /// Sets the permissions boundary.
    pub fn boundary(mut self, policy: Value) -> User {
        self.boundary = Some(policy);
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> User {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Gives the user a virtual MFA device.
    pub fn with_mfa(mut self) -> User {
        self.mfa = true;
        self
    }
}

impl Role {
    /// A role with this trust policy, no permissions, and sessions of up to one hour.
    pub fn new(name: impl Into<String>, trust: Value) -> Role {
        Role {
            name: name.into(),
            path: "/".to_owned(),
            description: None,
            trust,
            policies: Vec::new(),
            attached: Vec::new(),
            boundary: None,
            tags: Vec::new(),
            max_session_seconds: 3600,
            session_seconds: None,
            web_identity_token: None,
        }
    }

    /// Sets the path, which begins and ends with a slash.
    pub fn path(mut self, path: impl Into<String>) -> Role {
        self.path = path.into();
        self
    }

    /// Says what the role is for.
    pub fn description(mut self, description: impl Into<String>) -> Role {
        self.description = Some(description.into());
        self
    }

    /// Attaches a permissions policy.
    pub fn policy(mut self, name: impl Into<String>, policy: Value) -> Role {
        self.policies.push((name.into(), policy));
        self
    }

    /// Attaches a managed policy of the account, under this name.
    pub fn managed(mut self, name: impl Into<String>, policy: Value) -> Role {
        self.attached.push(Attach::Customer(name.into(), policy));
        self
    }

    /// Attaches a managed policy of AWS, by its ARN.
    pub fn attach(mut self, arn: impl Into<String>) -> Role {
        self.attached.push(Attach::Aws(arn.into()));
        self
    }

    /// Sets the permissions boundary.
    pub fn boundary(mut self, policy: Value) -> Role {
        self.boundary = Some(policy);
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Role {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Sets MaxSessionDuration, in seconds.
    pub fn max_session(mut self, seconds: u32) -> Role {
        self.max_session_seconds = seconds;
        self
    }

    /// Lets the bearer of this token in by AssumeRoleWithWebIdentity. AWS asks the token's issuer; here the token
    /// itself is known.
    pub fn web_identity(mut self, token: impl Into<SecretString>) -> Role {
        self.web_identity_token = Some(token.into());
        self
    }

    /// Cuts every session to this many seconds.
    pub fn cut_sessions(mut self, seconds: u32) -> Role {
        self.session_seconds = Some(seconds);
        self
    }
}

/// A policy of one statement that allows `actions` on `resources`.
pub fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resources }],
    })
}

/// A trust policy that lets `principals` (ARNs or account ids) assume the role, with an optional Condition block.
pub fn trust(principals: &[&str], condition: Option<Value>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": principals },
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}
