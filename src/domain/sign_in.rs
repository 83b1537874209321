//! A sign-in of IAM Identity Center, and the accounts and permission sets that one gives.

use serde::{Deserialize, Serialize};

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
