//! Who can look: every look is a call that may be refused, and the next one of that account is asked then.

use crate::aws::Endpoint;
use crate::aws::iam::Iam;
use crate::aws::sts::Caller;
use crate::domain::account::AccountId;
use crate::domain::explain::facts::Seen;
use crate::domain::role::RoleIndex;
use crate::domain::session::{Keys, Session};
use crate::error::{Error, Result};
use crate::ops::Core;

/// Somebody of an account.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// `account/role`, or the source.
    pub name: String,
    pub is_source: bool,
    keys: Keys,
    pub account: AccountId,
    /// The role whose region and endpoints it has.
    pub role: RoleIndex,
    /// Whether it was named to look with.
    given: bool,
}

/// Everybody who can look, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Views(Vec<View>);

impl Views {
    /// The source.
    pub(super) fn add_source(&mut self, name: String, keys: Keys, account: AccountId, role: RoleIndex) {
        self.push(View { name, is_source: true, keys, account, role, given: false });
    }

    /// A role on the way.
    pub(super) fn add(&mut self, name: String, session: Session, role: RoleIndex) {
        self.push(View { name, is_source: false, keys: session.keys, account: session.account_id, role, given: false });
    }

    /// A role that was named to look with.
    pub(super) fn add_given(&mut self, name: String, session: Session, role: RoleIndex) {
        self.push(View { name, is_source: false, keys: session.keys, account: session.account_id, role, given: true });
    }

    fn push(&mut self, view: View) {
        if !self.holds(&view.name) {
            self.0.push(view);
        }
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.0.iter().any(|view| view.name == name)
    }

    /// Those of an account.
    pub(super) fn of(&self, account: AccountId) -> impl Iterator<Item = &View> {
        self.0.iter().filter(move |view| view.account == account)
    }

    /// Everybody.
    pub(super) fn all(&self) -> impl Iterator<Item = &View> {
        self.0.iter()
    }

    /// The names of the roles that were named to look with.
    pub(super) fn given(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|view| view.given).map(|view| view.name.as_str())
    }
}

/// Asks everybody of an account in turn, until one may see.
pub(super) async fn see<T>(
    core: &Core,
    views: &Views,
    account: AccountId,
    call: &str,
    ask: impl AsyncFn(Iam<'_>) -> Result<T>,
) -> Seen<T> {
    see_as(core, views.of(account), call, ask).await
}

/// The same of these.
pub(super) async fn see_as<'v, T>(
    core: &Core,
    views: impl Iterator<Item = &'v View>,
    call: &str,
    ask: impl AsyncFn(Iam<'_>) -> Result<T>,
) -> Seen<T> {
    let mut refused: Vec<String> = Vec::new();
    let mut failed = None;
    for view in views {
        let endpoint: Endpoint = core.endpoint(view.role, "IAM");
        let caller = Caller { keys: &view.keys, name: &view.name, is_source: view.is_source };
        match ask(core.aws.iam(&endpoint, caller)).await {
            Ok(value) => return Seen::Yes { value, by: format!("{call} as {}", view.name) },
            Err(Error::Denied { .. }) => refused.push(view.name.clone()),
            Err(error) => {
                tracing::warn!(%error, call, name = view.name, "cannot look");
                failed.get_or_insert_with(|| format!("{call} as {} fails: {error}", view.name));
            }
        }
    }
    match (refused.is_empty(), failed) {
        (false, _) => Seen::No { tried: format!("{call} is refused to {}", refused.join(" and ")) },
        (true, Some(tried)) => Seen::No { tried },
        (true, None) => Seen::NotAsked,
    }
}
