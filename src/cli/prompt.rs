//! What a verb asks the person before it goes on: MFA codes, and the name of a guarded account.

use super::{Context, Guard};
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::domain::text::escaped;
use crate::error::{Error, Result};
use crate::local::prompt;

impl Context {
    /// A session of `role`; asks for MFA codes as long as a role of the chain wants one.
    pub(super) async fn session(&self, role: RoleIndex) -> Result<Session> {
        self.core.session_asked(role, self.common.mfa_code.as_deref()).await
    }

    /// The guard of accounts with `confirm = true`: their name is typed, or `--yes` given.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is nobody to ask; [`Error::Interrupted`] when another name is typed.
    pub(super) async fn pass_guard(&self, role: RoleIndex, guard: Guard) -> Result<()> {
        let account = self.core.profile.account(role);
        if !account.confirm || guard.yes {
            return Ok(());
        }
        self.pass_name(role, "go on").await
    }

    /// The account's name is typed, whether it is guarded or not.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is nobody to ask, or another name is typed.
    pub(super) async fn pass_name(&self, role: RoleIndex, to: &str) -> Result<()> {
        let account = self.core.profile.account(role);
        let name = escaped(&account.name);
        let environment = account.environment.as_deref().map(|text| format!(", {}", escaped(text)));
        let guarded = if account.confirm { " is guarded" } else { "" };
        let question = format!(
            "{}{guarded} ({}{}). Type the account's name, {name}, to {to}: ",
            escaped(&self.core.profile.label(role)),
            account.id,
            environment.unwrap_or_default(),
        );
        match prompt::ask(question).await? {
            Some(typed) if typed.trim() == account.name => Ok(()),
            Some(_) => Err(Error::Usage {
                message: format!("that is not {name}: nothing was done"),
                hint: Some("type the account's name as it stands in the profile file, or give --yes".into()),
            }),
            None => Err(Error::Usage {
                message: match account.confirm {
                    true => format!("the account {name} is guarded, and there is no terminal to ask at"),
                    false => format!("the account's name, {name}, must be typed, and there is no terminal to ask at"),
                },
                hint: Some("give --yes if you mean it".into()),
            }),
        }
    }
}
