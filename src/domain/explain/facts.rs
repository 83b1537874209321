//! What could be seen, and what could not: each fact for itself, because each may be refused.

use jiff::Timestamp;

use crate::domain::policy::{Context, Principal};

/// A fact that somebody may be refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was seen.
    Yes {
        /// What was seen.
        value: T,
        /// By which call, as whom: `iam:GetRole as audit/ReadOnly`.
        by: String,
    },
    /// Nobody who was asked may see it.
    No {
        /// Who tried what: `iam:GetRole is refused to hub/Jump`.
        tried: String,
    },
    /// Nobody was asked, for nobody of that account is here.
    #[default]
    NotAsked,
}

impl<T> Seen<T> {
    /// What was seen, where it was.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Yes { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Where that is known from, or why it is not.
    pub fn told(&self) -> String {
        match self {
            Self::Yes { by, .. } => by.clone(),
            Self::No { tried } => tried.clone(),
            Self::NotAsked => "nobody was asked who could see it".into(),
        }
    }

    /// A fact that is a part of this one.
    pub fn map<U>(&self, part: impl FnOnce(&T) -> U) -> Seen<U> {
        match self {
            Self::Yes { value, by } => Seen::Yes { value: part(value), by: by.clone() },
            Self::No { tried } => Seen::No { tried: tried.clone() },
            Self::NotAsked => Seen::NotAsked,
        }
    }
}

/// A policy under the name that it is attached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Its name.
    pub name: String,
    /// Where it rests.
    pub kind: PolicyKind,
    /// The JSON, as AWS gave it.
    pub document: String,
}

/// Where a policy rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// In the user or role itself.
    Inline,
    /// In a group that the user is in.
    OfGroup {
        /// Its name.
        group: String,
    },
    /// By itself.
    Managed {
        /// Its ARN.
        arn: String,
    },
    /// In the profile file, and in the call that made the session.
    Session,
}

impl NamedPolicy {
    /// In a sentence: `Everything of the group Developers`.
    pub fn in_words(&self) -> String {
        match &self.kind {
            PolicyKind::OfGroup { group } => format!("{} of the group {group}", self.name),
            _ => self.name.clone(),
        }
    }

    /// Who keeps it: AWS, the customer, or whom it is attached to.
    pub fn kept_by(&self) -> &'static str {
        match &self.kind {
            PolicyKind::Inline => "inline",
            PolicyKind::OfGroup { .. } => "inline, of a group",
            PolicyKind::Session => "session policy",
            PolicyKind::Managed { arn } if arn.contains(":iam::aws:policy/") => "managed by AWS",
            PolicyKind::Managed { .. } => "managed by the customer",
        }
    }
}

/// What IAM tells of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct RoleFacts {
    /// With its path.
    pub arn: String,
    /// The trust policy's JSON.
    pub trust: String,
    pub description: Option<String>,
    pub created: Option<Timestamp>,
    pub max_session_seconds: Option<u64>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    pub last_used: Option<LastUsed>,
    pub tags: Vec<(String, String)>,
}

/// When a role was last used, as far back as IAM remembers (400 days).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct LastUsed {
    pub time: Timestamp,
    pub region: Option<String>,
}

/// What IAM tells of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the API's")]
pub struct UserFacts {
    pub arn: String,
    pub boundary: Option<String>,
    pub tags: Vec<(String, String)>,
}

/// What IAM's simulator says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// `allowed`, `implicitDeny` or `explicitDeny`.
    pub decision: String,
    /// The policies whose statements decided.
    pub policies: Vec<String>,
    /// Condition keys that it did not know.
    pub missing: Vec<String>,
    /// Whether the organization's policies allow it, where there is an organization.
    pub by_organization: Option<bool>,
    /// Whether the permissions boundary allows it, where there is one.
    pub by_boundary: Option<bool>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// As policies see it.
    pub principal: Principal,
    /// As the profile names it: `the source demo`, `hub/Jump`.
    pub name: String,
    /// In words: an IAM user, a role's session.
    pub kind: String,
    /// The condition keys of its requests that are known.
    pub context: Context,
    /// Condition keys that are certainly absent where the context lacks them, in lower case; one that ends in `/` or `-`
    /// stands for all that begin so.
    pub absent: Vec<String>,
}

/// What AWS answered when it was asked for real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did it.
    Allowed {
        /// How that showed.
        how: String,
    },
    /// It refused, in these words.
    Refused {
        /// AWS's own.
        message: String,
    },
    /// It was not asked.
    NotTried {
        /// Why not.
        why: String,
    },
}

/// The policies of who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// All that are attached, those of groups too.
    pub policies: Seen<Vec<NamedPolicy>>,
    /// The permissions boundary; `None` where there is none.
    pub boundary: Seen<Option<NamedPolicy>>,
    /// What the session was narrowed by; empty where it was not.
    pub session: Seen<Vec<NamedPolicy>>,
    /// The simulator's word.
    pub simulated: Seen<Simulated>,
}

/// The configured roles that may be able to see a side: those of its account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewers {
    /// `account/role` each.
    pub roles: Vec<String>,
    /// The command that was given, without `--with`.
    pub command: String,
}

/// What is asked of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `s3:ListBucket`, `s3:GetObject`, `s3:PutObject`.
    pub action: &'static str,
    /// The ARN that a policy would name.
    pub resource: String,
    /// The prefix or key.
    pub prefix: String,
}

/// All that can be told of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// `account/role`.
    pub label: String,
    /// IAM's own word; `None` where there is no such role.
    pub role: Seen<Option<RoleFacts>>,
    /// The trust policy in words, a line for each statement.
    pub trust_in_words: Vec<String>,
    /// Attached and inline policies.
    pub policies: Seen<Vec<NamedPolicy>>,
    /// The permissions boundary with its document; `None` where there is none.
    pub boundary: Seen<Option<NamedPolicy>>,
}
