//! The world as the cloud looks things up in it: keys to users, ARNs to roles, policies parsed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::bucket::Bucket;
use super::managed;
use super::random;
use super::uploads::Upload;
use super::world::{Account, Attach, IdentityCenter, PermissionSet, Role, User, World};
use crate::domain::policy::{Attached, Context, Policy, PolicyError, Principal};

/// A policy as it was written, and as it is decided by.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub document: Value,
    pub policy: Policy,
}

/// An identity policy of a user or role.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    pub name: String,
    /// The ARN of a managed policy; none for an inline one.
    pub arn: Option<String>,
    pub written: Written,
}

/// The policies of a user or role, which IAM changes while sessions of it are open: they see the change.
#[derive(Debug)]
pub(super) struct Rules(RwLock<Arc<RuleSet>>);

/// The policies of a user or role at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleSet {
    pub identity: Vec<Attachment>,
    pub boundary: Option<Attachment>,
}

impl Rules {
    fn new(set: RuleSet) -> Rules {
        Rules(RwLock::new(Arc::new(set)))
    }

    /// What holds now.
    pub(super) fn now(&self) -> Arc<RuleSet> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts an inline policy in the place of the one of its name.
    pub(super) fn put(&self, name: &str, written: Written) {
        let mut rules = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut set = (**rules).clone();
        match set.identity.iter_mut().find(|one| one.arn.is_none() && one.name == name) {
            Some(old) => old.written = written,
            None => set.identity.push(Attachment { name: name.to_owned(), arn: None, written }),
        }
        *rules = Arc::new(set);
    }

    /// Takes an inline policy away; false when there was none of the name.
    pub(super) fn remove(&self, name: &str) -> bool {
        let mut rules = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut set = (**rules).clone();
        let before = set.identity.len();
        set.identity.retain(|one| one.arn.is_some() || one.name != name);
        let removed = set.identity.len() < before;
        *rules = Arc::new(set);
        removed
    }
}

impl RuleSet {
    /// The identity policies as a decision takes them.
    pub(super) fn identity(&self) -> Vec<Attached<'_>> {
        self.identity.iter().map(|one| Attached { name: &one.name, policy: &one.written.policy }).collect()
    }

    /// The boundary as a decision takes it.
    pub(super) fn boundary(&self) -> Option<Attached<'_>> {
        self.boundary.as_ref().map(|one| Attached { name: &one.name, policy: &one.written.policy })
    }
}

/// Who makes a request, with everything that policies ask about that.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub principal: Principal,
    /// The UserId of GetCallerIdentity.
    pub user_id: String,
    pub kind: Kind,
    pub rules: Arc<Rules>,
    pub session_policies: Vec<(String, Policy)>,
    /// The condition keys that come with the caller.
    pub context: Context,
    /// When an MFA code was given for these credentials, in seconds since 1970.
    pub mfa_at: Option<i64>,
    /// Session tags that go on to the next role.
    pub transitive_tags: Vec<(String, String)>,
    pub source_identity: Option<String>,
}

/// What kind of credentials a caller holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Long-lived keys of a user.
    User,
    /// A session of a user, from GetSessionToken.
    UserSession,
    /// A session of a role.
    RoleSession,
}

/// Long-lived keys.
#[derive(Debug)]
pub(super) struct Keys {
    pub secret: SecretString,
    /// The user's name.
    pub name: String,
    pub tags: Vec<(String, String)>,
    pub caller: Arc<Caller>,
}

/// A role that can be assumed.
#[derive(Debug)]
pub(super) struct KnownRole {
    pub account: String,
    pub name: String,
    pub arn: String,
    /// The role's unique id, `AROA…`.
    pub id: String,
    pub path: String,
    pub description: Option<String>,
    trust: RwLock<Arc<Written>>,
    pub rules: Arc<Rules>,
    pub tags: Vec<(String, String)>,
    /// When somebody last got a session of it.
    pub last_used: Mutex<Option<Timestamp>>,
    pub max_session_seconds: u32,
    pub session_seconds: Option<u32>,
    pub web_identity_token: Option<SecretString>,
}

impl KnownRole {
    /// The trust policy as it is now.
    pub(super) fn trust(&self) -> Arc<Written> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another trust policy in its place.
    pub(super) fn set_trust(&self, trust: Written) {
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(trust);
    }
}

/// An IAM Identity Center as it is served.
#[derive(Debug)]
pub(super) struct KnownSignIn {
    pub start_url: String,
    pub user: String,
    pub token_seconds: u32,
    /// The accounts in the order of the world: id, name, and what the user has there.
    pub accounts: Vec<(String, String, Vec<KnownSet>)>,
}

/// A permission set that is assigned in an account.
#[derive(Debug)]
pub(super) struct KnownSet {
    pub name: String,
    /// The name of the role that it became: `AWSReservedSSO_NAME_…`.
    pub role_name: String,
    pub role_arn: String,
    /// The role's unique id.
    pub id: String,
    pub rules: Arc<Rules>,
    pub session_seconds: u32,
}

/// A bucket as it is served.
#[derive(Debug)]
pub(super) struct KnownBucket {
    pub account: String,
    pub policy: Option<Policy>,
    pub bucket: Bucket,
    /// What is uploaded in parts and not complete yet, by key and upload id.
    pub uploads: BTreeMap<(String, String), Upload>,
}

/// Everything of a world by its key.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// The accounts of the world.
    pub accounts: HashSet<String>,
    /// By access key id.
    pub users: HashMap<String, Keys>,
    /// By ARN.
    pub roles: HashMap<String, KnownRole>,
    /// The customer managed policies, by ARN.
    pub managed: HashMap<String, Written>,
    /// The service control policies, by account.
    pub scps: HashMap<String, Vec<(String, Policy)>>,
    /// The IAM Identity Center, if there is one.
    pub sign_in: Option<KnownSignIn>,
    /// The serial numbers of MFA devices, and the ARN of the user of each.
    pub devices: HashMap<String, String>,
    /// To how many seconds the sessions of a user are cut, by the user's ARN.
    pub cut_sessions: HashMap<String, u32>,
}

impl Directory {
    /// The role of an account by its name.
    pub(super) fn role(&self, account: &str, name: &str) -> Option<&KnownRole> {
        self.roles.values().find(|role| role.account == account && role.name == name)
    }

    /// The user of an account by its name.
    pub(super) fn user(&self, account: &str, name: &str) -> Option<&Keys> {
        self.users.values().find(|keys| keys.caller.principal.account == account && keys.name == name)
    }

    /// The service control policies of an account as a decision takes them.
    pub(super) fn scp(&self, account: &str) -> Vec<Attached<'_>> {
        let all = self.scps.get(account).into_iter().flatten();
        all.map(|(name, policy)| Attached { name, policy }).collect()
    }

    /// A managed policy, of a customer or of AWS.
    pub(super) fn managed(&self, arn: &str) -> Option<Written> {
        self.managed.get(arn).cloned().or_else(|| managed::written(arn))
    }

    /// Whether there may be such a user or role: what belongs to an account of this world is known, the rest is not.
    pub(super) fn is_possible(&self, arn: &str) -> bool {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, service, _, account, name] = parts[..] else {
            return false;
        };
        if !self.accounts.contains(account) {
            return true;
        }
        match (service, name.split_once('/')) {
            ("iam", Some(("role", _))) => self.roles.contains_key(arn),
            ("iam", Some(("user", _))) => self.users.values().any(|keys| keys.caller.principal.arn == arn),
            ("sts", Some(("assumed-role", _))) => true,
            _ => false,
        }
    }
}

/// The buckets by name.
pub(super) type Buckets = BTreeMap<String, KnownBucket>;

/// Parses a world.
///
/// # Errors
/// A policy that is none, with the name of what it belongs to.
pub(super) fn open(world: World) -> Result<(Directory, Buckets), String> {
    let mut directory = Directory::default();
    if let Some(center) = &world.identity_center {
        let (sign_in, roles) = known_sign_in(center, &world.accounts)?;
        directory.sign_in = Some(sign_in);
        directory.roles.extend(roles.into_iter().map(|role| (role.arn.clone(), role)));
    }
    let mut buckets = Buckets::new();
    for account in world.accounts {
        let id = account.id;
        directory.accounts.insert(id.clone());
        if !account.scps.is_empty() {
            let mut scps = Vec::new();
            for (name, document) in std::iter::once(full_access()).chain(account.scps) {
                scps.push((name.clone(), identity_policy(&document).map_err(at(&name))?));
            }
            directory.scps.insert(id.clone(), scps);
        }
        for user in account.users {
            let arn = format!("arn:aws:iam::{id}:user/{}", user.name);
            if user.mfa {
                directory.devices.insert(format!("arn:aws:iam::{id}:mfa/{}", user.name), arn.clone());
            }
            if let Some(seconds) = user.session_seconds {
                directory.cut_sessions.insert(arn.clone(), seconds);
            }
            let key = user.access_key_id.clone();
            let rules = rules(Policies::of_user(&user), &id, &mut directory.managed).map_err(at(&arn))?;
            directory.users.insert(key, keys(user, rules, &id, &arn));
        }
        for role in account.roles {
            let arn = format!("arn:aws:iam::{id}:role{}{}", role.path, role.name);
            let rules = rules(Policies::of_role(&role), &id, &mut directory.managed).map_err(at(&arn))?;
            directory.roles.insert(arn.clone(), known_role(role, rules, &id, &arn).map_err(at(&arn))?);
        }
        for bucket in account.buckets {
            let policy = bucket.policy.as_ref().map(bucket_policy).transpose().map_err(at(&bucket.name))?;
            buckets.insert(
                bucket.name.clone(),
                KnownBucket { account: id.clone(), policy, bucket, uploads: BTreeMap::new() },
            );
        }
    }
    Ok((directory, buckets))
}

fn at(owner: &str) -> impl Fn(PolicyError) -> String {
    move |error| format!("the policy of {owner}: {error}")
}

/// What lets an account do everything that nothing takes away: Organizations attaches it by itself.
fn full_access() -> (String, Value) {
    ("FullAWSAccess".to_owned(), super::world::allow(&["*"], &["*"]))
}

fn keys(user: User, rules: Rules, account: &str, arn: &str) -> Keys {
    let user_id = random::identifier("AIDA", 17);
    let mut context = Context::new();
    context.set("aws:username", &user.name).set("aws:PrincipalType", "User");
    common_keys(&mut context, account, arn, &user_id);
    tag_keys(&mut context, &user.tags);
    let caller = Caller {
        principal: Principal::user(account, arn),
        user_id,
        kind: Kind::User,
        rules: Arc::new(rules),
        session_policies: Vec::new(),
        context,
        mfa_at: None,
        transitive_tags: Vec::new(),
        source_identity: None,
    };
    Keys { secret: user.secret_access_key, name: user.name, tags: user.tags, caller: Arc::new(caller) }
}

/// Sets the keys that every caller has.
pub(super) fn common_keys(context: &mut Context, account: &str, principal_arn: &str, user_id: &str) {
    context.set("aws:PrincipalArn", principal_arn).set("aws:PrincipalAccount", account).set("aws:userid", user_id);
}

/// Sets `aws:PrincipalTag/…`.
pub(super) fn tag_keys(context: &mut Context, tags: &[(String, String)]) {
    for (key, value) in tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
    }
}

fn known_role(role: Role, rules: Rules, account: &str, arn: &str) -> Result<KnownRole, PolicyError> {
    let trust = trust_policy(role.trust)?;
    Ok(KnownRole {
        account: account.to_owned(),
        name: role.name,
        arn: arn.to_owned(),
        id: random::identifier("AROA", 17),
        path: role.path,
        description: role.description,
        trust: RwLock::new(Arc::new(trust)),
        rules: Arc::new(rules),
        tags: role.tags,
        last_used: Mutex::default(),
        max_session_seconds: role.max_session_seconds,
        session_seconds: role.session_seconds,
        web_identity_token: role.web_identity_token,
    })
}

/// The sign-in, and the roles that its permission sets became.
fn known_sign_in(center: &IdentityCenter, accounts: &[Account]) -> Result<(KnownSignIn, Vec<KnownRole>), String> {
    let mut roles = Vec::new();
    let mut known = KnownSignIn {
        start_url: center.start_url.clone(),
        user: center.user.clone(),
        token_seconds: center.token_seconds,
        accounts: Vec::new(),
    };
    for account in accounts {
        let id = &account.id;
        let has = |set: &&PermissionSet| center.assignments.contains(&(id.clone(), set.name.clone()));
        let mut sets = Vec::new();
        for set in center.permission_sets.iter().filter(has) {
            let role_name = format!("AWSReservedSSO_{}_{}", set.name, &random::request_id()[..16]);
            let role_arn =
                format!("arn:aws:iam::{id}:role/aws-reserved/sso.amazonaws.com/{}/{role_name}", center.region);
            let path = format!("/aws-reserved/sso.amazonaws.com/{}/", center.region);
            let mut role = Role::new(role_name, saml_trust(id)).path(path).max_session(set.session_seconds.max(3600));
            role.policies = set.policies.clone();
            let rules = rules(Policies::of_role(&role), id, &mut HashMap::new()).map_err(at(&role_arn))?;
            let role = known_role(role, rules, id, &role_arn).map_err(at(&role_arn))?;
            sets.push(KnownSet {
                name: set.name.clone(),
                rules: role.rules.clone(),
                role_name: role.name.clone(),
                role_arn,
                id: role.id.clone(),
                session_seconds: set.session_seconds,
            });
            roles.push(role);
        }
        if !sets.is_empty() {
            known.accounts.push((id.clone(), account.name.clone().unwrap_or_else(|| id.clone()), sets));
        }
    }
    Ok((known, roles))
}

/// The trust policy of a role that IAM Identity Center made: nobody comes in by AssumeRole.
fn saml_trust(account: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::{account}:saml-provider/AWSSSO_demo_DO_NOT_DELETE") },
            "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
            "Condition": { "StringEquals": { "SAML:aud": "https://signin.aws.amazon.com/saml" } },
        }],
    })
}

/// The policies of a user or role as the world has them.
struct Policies<'a> {
    name: &'a str,
    inline: &'a [(String, Value)],
    attached: &'a [Attach],
    boundary: Option<&'a Value>,
}

impl<'a> Policies<'a> {
    fn of_user(user: &'a User) -> Policies<'a> {
        let boundary = user.boundary.as_ref();
        Policies { name: &user.name, inline: &user.policies, attached: &user.attached, boundary }
    }

    fn of_role(role: &'a Role) -> Policies<'a> {
        let boundary = role.boundary.as_ref();
        Policies { name: &role.name, inline: &role.policies, attached: &role.attached, boundary }
    }
}

fn rules(policies: Policies, account: &str, managed: &mut HashMap<String, Written>) -> Result<Rules, PolicyError> {
    let mut identity = Vec::new();
    for (name, document) in policies.inline {
        identity.push(Attachment { name: name.clone(), arn: None, written: written(document.clone())? });
    }
    let mut customer = |name: &str, document: &Value| {
        let arn = format!("arn:aws:iam::{account}:policy/{name}");
        let written = written(document.clone())?;
        managed.insert(arn.clone(), written.clone());
        Ok(Attachment { name: name.to_owned(), arn: Some(arn), written })
    };
    for attach in policies.attached {
        identity.push(match attach {
            Attach::Customer(name, document) => customer(name, document)?,
            Attach::Aws(arn) => {
                let unknown = || PolicyError { place: arn.clone(), problem: "no managed policy known here".to_owned() };
                let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
                Attachment { name, arn: Some(arn.clone()), written: managed::written(arn).ok_or_else(unknown)? }
            }
        });
    }
    let boundary = policies.boundary.map(|document| customer(&format!("{}Boundary", policies.name), document));
    Ok(Rules::new(RuleSet { identity, boundary: boundary.transpose()? }))
}

fn identity_policy(value: &Value) -> Result<Policy, PolicyError> {
    let policy = Policy::from_json(value)?;
    policy.check_identity()?;
    Ok(policy)
}

/// An identity policy, checked.
pub(super) fn written(document: Value) -> Result<Written, PolicyError> {
    Ok(Written { policy: identity_policy(&document)?, document })
}

/// A trust policy, checked.
pub(super) fn trust_policy(document: Value) -> Result<Written, PolicyError> {
    let policy = Policy::from_json(&document)?;
    policy.check_trust()?;
    Ok(Written { document, policy })
}

fn bucket_policy(value: &Value) -> Result<Policy, PolicyError> {
    let policy = Policy::from_json(value)?;
    policy.check_bucket()?;
    Ok(policy)
}
