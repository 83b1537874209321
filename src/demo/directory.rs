//! The world as the cloud looks things up in it: keys to users, ARNs to roles, policies parsed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;

use super::bucket::Bucket;
use super::random;
use super::uploads::Upload;
use super::world::{Account, IdentityCenter, PermissionSet, Role, User, World};
use crate::domain::policy::{Attached, Context, Policy, PolicyError, Principal};

/// The policies of a user or role.
#[derive(Debug)]
pub(super) struct Rules {
    pub identity: Vec<(String, Policy)>,
    pub boundary: Option<Policy>,
}

impl Rules {
    /// The identity policies as a decision takes them.
    pub(super) fn identity(&self) -> Vec<Attached<'_>> {
        self.identity.iter().map(|(name, policy)| Attached { name, policy }).collect()
    }

    /// The boundary as a decision takes it.
    pub(super) fn boundary(&self) -> Option<Attached<'_>> {
        self.boundary.as_ref().map(|policy| Attached { name: "boundary", policy })
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
    pub trust: Policy,
    pub rules: Arc<Rules>,
    pub tags: Vec<(String, String)>,
    pub max_session_seconds: u32,
    pub session_seconds: Option<u32>,
    pub web_identity_token: Option<SecretString>,
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
    /// The IAM Identity Center, if there is one.
    pub sign_in: Option<KnownSignIn>,
    /// The serial numbers of MFA devices, and the ARN of the user of each.
    pub devices: HashMap<String, String>,
    /// To how many seconds the sessions of a user are cut, by the user's ARN.
    pub cut_sessions: HashMap<String, u32>,
}

impl Directory {
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
    let sign_in = world.identity_center.as_ref().map(|center| known_sign_in(center, &world.accounts)).transpose()?;
    let mut directory = Directory { sign_in, ..Directory::default() };
    let mut buckets = Buckets::new();
    for account in world.accounts {
        let id = account.id;
        directory.accounts.insert(id.clone());
        for user in account.users {
            let arn = format!("arn:aws:iam::{id}:user/{}", user.name);
            if user.mfa {
                directory.devices.insert(format!("arn:aws:iam::{id}:mfa/{}", user.name), arn.clone());
            }
            if let Some(seconds) = user.session_seconds {
                directory.cut_sessions.insert(arn.clone(), seconds);
            }
            let key = user.access_key_id.clone();
            directory.users.insert(key, keys(user, &id, &arn).map_err(at(&arn))?);
        }
        for role in account.roles {
            let arn = format!("arn:aws:iam::{id}:role{}{}", role.path, role.name);
            directory.roles.insert(arn.clone(), known_role(role, &id, &arn).map_err(at(&arn))?);
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

fn keys(user: User, account: &str, arn: &str) -> Result<Keys, PolicyError> {
    let user_id = random::identifier("AIDA", 17);
    let mut context = Context::new();
    context.set("aws:username", &user.name).set("aws:PrincipalType", "User");
    common_keys(&mut context, account, arn, &user_id);
    tag_keys(&mut context, &user.tags);
    let caller = Caller {
        principal: Principal::user(account, arn),
        user_id,
        kind: Kind::User,
        rules: Arc::new(rules(user.policies, user.boundary)?),
        session_policies: Vec::new(),
        context,
        mfa_at: None,
        transitive_tags: Vec::new(),
        source_identity: None,
    };
    Ok(Keys { secret: user.secret_access_key, caller: Arc::new(caller) })
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

fn known_role(role: Role, account: &str, arn: &str) -> Result<KnownRole, PolicyError> {
    let trust = Policy::from_json(&role.trust)?;
    trust.check_trust()?;
    Ok(KnownRole {
        account: account.to_owned(),
        name: role.name,
        arn: arn.to_owned(),
        id: random::identifier("AROA", 17),
        trust,
        rules: Arc::new(rules(role.policies, role.boundary)?),
        tags: role.tags,
        max_session_seconds: role.max_session_seconds,
        session_seconds: role.session_seconds,
        web_identity_token: role.web_identity_token,
    })
}

fn known_sign_in(center: &IdentityCenter, accounts: &[Account]) -> Result<KnownSignIn, String> {
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
            sets.push(KnownSet {
                name: set.name.clone(),
                rules: Arc::new(rules(set.policies.clone(), None).map_err(at(&role_arn))?),
                role_name,
                role_arn,
                id: random::identifier("AROA", 17),
                session_seconds: set.session_seconds,
            });
        }
        if !sets.is_empty() {
            known.accounts.push((id.clone(), account.name.clone().unwrap_or_else(|| id.clone()), sets));
        }
    }
    Ok(known)
}

fn rules(policies: Vec<(String, Value)>, boundary: Option<Value>) -> Result<Rules, PolicyError> {
    let identity = policies.into_iter().map(|(name, policy)| Ok((name, identity_policy(&policy)?)));
    Ok(Rules {
        identity: identity.collect::<Result<_, PolicyError>>()?,
        boundary: boundary.as_ref().map(identity_policy).transpose()?,
    })
}

fn identity_policy(value: &Value) -> Result<Policy, PolicyError> {
    let policy = Policy::from_json(value)?;
    policy.check_identity()?;
    Ok(policy)
}

fn bucket_policy(value: &Value) -> Result<Policy, PolicyError> {
    let policy = Policy::from_json(value)?;
    policy.check_bucket()?;
    Ok(policy)
}
