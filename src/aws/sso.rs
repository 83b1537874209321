//! IAM Identity Center's portal: the accounts and permission sets of who signed in, and their credentials
//! (IAM Identity Center Portal API Reference). The access token opens it; no call is signed.

use aws_sdk_sso::config::retry::RetryConfig;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::errors::Call;
use super::source::SourceKeys;
use super::{Aws, Endpoint};
use crate::domain::role::PermissionSet;
use crate::domain::session::Keys;
use crate::domain::sign_in::DiscoveredAccount;
use crate::error::Result;

/// A listing of hundreds of accounts is throttled now and then, and nobody wants half of one.
const ATTEMPTS: u32 = 8;

/// A portal that is open.
#[derive(Clone, Debug)]
pub struct Portal {
    /// Where it is.
    pub endpoint: Endpoint,
    /// The name of the source that was signed in to.
    pub source: String,
    /// What opens it.
    pub access_token: SecretString,
}

impl Portal {
    fn call<'a>(&'a self, action: &'a str, resource: &'a str) -> Call<'a> {
        Call {
            action,
            resource,
            name: resource,
            caller: &self.source,
            caller_is_source: true,
            bucket: None,
            endpoint: self.endpoint.name("sso"),
        }
    }
}

impl Aws {
    fn portal(&self, endpoint: &Endpoint) -> aws_sdk_sso::Client {
        let config = aws_sdk_sso::config::Builder::from(&self.config(endpoint))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .allow_no_auth();
        aws_sdk_sso::Client::from_conf(config.build())
    }

    /// The credentials of a permission set.
    ///
    /// # Errors
    /// [`Denied`] when it is not assigned to who signed in; [`SignedOut`] when the sign-in has ended.
    ///
    /// [`Denied`]: crate::error::Error::Denied
    /// [`SignedOut`]: crate::error::Error::SignedOut
    pub async fn role_credentials(&self, portal: &Portal, set: &PermissionSet) -> Result<SourceKeys> {
        let resource = format!("{} in {}", set.role_name, set.account_id);
        let call = portal.call("sso:GetRoleCredentials", &resource);
        let answer = self
            .portal(&portal.endpoint)
            .get_role_credentials()
            .access_token(portal.access_token.expose_secret())
            .account_id(set.account_id.as_str())
            .role_name(&set.role_name)
            .send()
            .await
            .map_err(|error| call.failed(&error))?;
        let incomplete = || call.incomplete("the answer holds no credentials");
        let credentials = answer.role_credentials.ok_or_else(incomplete)?;
        let (Some(access_key_id), Some(secret), Some(token), Ok(expiration)) = (
            credentials.access_key_id,
            credentials.secret_access_key,
            credentials.session_token,
            Timestamp::from_millisecond(credentials.expiration),
        ) else {
            return Err(incomplete());
        };
        let keys = Keys { access_key_id, secret_access_key: secret.into(), session_token: Some(token.into()) };
        Ok(SourceKeys { keys, expiration: Some(expiration), long_lived: false, is_role_session: true })
    }

    /// The accounts, page after page, without their permission sets.
    pub async fn sso_accounts(&self, portal: &Portal) -> Result<Vec<DiscoveredAccount>> {
        let call = portal.call("sso:ListAccounts", "*");
        let client = self.portal(&portal.endpoint);
        let (mut accounts, mut next) = (Vec::new(), None);
        loop {
            let page = client
                .list_accounts()
                .access_token(portal.access_token.expose_secret())
                .set_next_token(next.take())
                .max_results(100)
                .send()
                .await
                .map_err(|error| call.failed(&error))?;
            for found in page.account_list.unwrap_or_default() {
                match found.account_id.as_deref().unwrap_or_default().parse() {
                    Ok(id) => accounts.push(DiscoveredAccount {
                        id,
                        name: found.account_name.unwrap_or_default(),
                        roles: Vec::new(),
                    }),
                    Err(error) => tracing::warn!(error, "an account of the portal is left out"),
                }
            }
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(accounts);
            }
        }
    }

    /// The names of the permission sets in an account.
    pub async fn sso_account_roles(&self, portal: &Portal, account_id: &str) -> Result<Vec<String>> {
        let call = portal.call("sso:ListAccountRoles", account_id);
        let client = self.portal(&portal.endpoint);
        let (mut roles, mut next) = (Vec::new(), None);
        loop {
            let page = client
                .list_account_roles()
                .access_token(portal.access_token.expose_secret())
                .account_id(account_id)
                .set_next_token(next.take())
                .max_results(100)
                .send()
                .await
                .map_err(|error| call.failed(&error))?;
            roles.extend(page.role_list.unwrap_or_default().into_iter().filter_map(|role| role.role_name));
            next = page.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                roles.sort();
                roles.dedup();
                return Ok(roles);
            }
        }
    }

    /// Ends the sign-in at the portal.
    pub async fn sso_logout(&self, portal: &Portal) -> Result<()> {
        let call = portal.call("sso:Logout", "*");
        let request = self.portal(&portal.endpoint).logout().access_token(portal.access_token.expose_secret());
        request.send().await.map(|_| ()).map_err(|error| call.failed(&error))
    }
}
