//! A sign-in of IAM Identity Center: where, its tokens, and the accounts and permission sets that one gives.

use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::account::AccountId;

/// Where one signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// `https://….awsapps.com/start`, as it is written: with the `#/` that browsers show at its end, or without.
    pub start_url: String,
    /// The region of IAM Identity Center.
    pub region: String,
    /// The `sso-session` under whose name the token is cached; without one, the start URL is.
    pub session: Option<String>,
}

impl SignIn {
    /// The name under which the token is cached.
    pub fn token_name(&self) -> &str {
        self.session.as_deref().unwrap_or(&self.start_url)
    }

    /// The start URL for IAM Identity Center itself: what follows a `#` is the browser's business.
    pub fn address(&self) -> &str {
        self.start_url.split('#').next().unwrap_or_default()
    }
}

/// A sign-in: what it opens, until when, and with what it is renewed.
#[derive(Clone)]
pub struct Token {
    /// Where one signed in.
    pub start_url: String,
    /// The region of IAM Identity Center.
    pub region: String,
    /// Opens the portal.
    pub access_token: SecretString,
    /// When it stops to.
    pub expires_at: Timestamp,
    /// Gets another access token; each works once.
    pub refresh_token: Option<SecretString>,
    /// For whom the tokens were made out, which a renewal needs.
    pub registration: Option<Registration>,
    /// What the fields of other programs say.
    pub other: Map<String, Value>,
}

/// A registered client: IAM Identity Center talks to no other.
#[derive(Clone)]
pub struct Registration {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// When it must be registered anew.
    pub expires_at: Timestamp,
}

// The other fields may hold secrets of other programs.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("start_url", &self.start_url)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What a sign-in gives, as the portal listed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovered {
    /// In the order of their names.
    pub accounts: Vec<DiscoveredAccount>,
}

/// An account, and the permission sets in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveredAccount {
    /// Twelve digits.
    pub id: AccountId,
    /// AWS's name for it, which may hold anything.
    pub name: String,
    /// The names of the permission sets, which the API calls roles.
    pub roles: Vec<String>,
}

impl Discovered {
    /// How many permission sets there are in all accounts.
    pub fn roles(&self) -> usize {
        self.accounts.iter().map(|account| account.roles.len()).sum()
    }
}
