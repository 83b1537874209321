//! Handing a session to a child: a command, a subshell, or settings for another.

use std::ffi::OsString;

use super::Core;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::local::child::{self, Plan};
use crate::local::child_env::{ChildEnv, RoleFacts, session_env};
use crate::local::shell::Subshell;

impl Core {
    /// The environment that holds the session of `role`.
    pub fn child_env(&self, role: RoleIndex, session: &Session) -> ChildEnv {
        let (label, region) = (self.profile.label(role), self.region_of(role));
        let arn = &self.profile.role(role).arn;
        session_env(session, &RoleFacts { label: &label, arn, account_id: arn.account(), region: Some(&region) })
    }

    /// Runs a command that holds the session and gives its exit status.
    pub async fn run_command(&self, role: RoleIndex, session: &Session, command: Vec<OsString>) -> Result<u8> {
        let mut words = command.into_iter();
        let program = words.next().ok_or_else(|| Error::usage("which command?"))?;
        self.run(role, Plan::new(program, words, &self.child_env(role, session))).await
    }

    /// Runs the user's shell with the session in it and the role in its prompt, and gives its exit status.
    pub async fn run_shell(&self, role: RoleIndex, session: &Session) -> Result<u8> {
        let shell = self.environment.path("SHELL");
        let plan = Subshell {
            shell: shell.as_deref().map(AsRef::as_ref),
            label: &self.profile.label(role),
            expiration: Some(session.expiration),
            env: &self.child_env(role, session),
        };
        self.run(role, plan.plan()?).await
    }

    async fn run(&self, role: RoleIndex, mut plan: Plan) -> Result<u8> {
        if let Some(url) = self.endpoint(role, "S3").url {
            // Other SDKs must reach the same place.
            plan.lay_under(&[("AWS_ENDPOINT_URL".to_owned(), Some(url.into()))]);
        }
        // The demo's children find the embedded cloud too.
        plan.lay_under(self.environment.overlaid());
        tracing::info!(role = self.profile.label(role), program = ?plan.program(), "child starts");
        let exit = child::run(plan).await?;
        tracing::info!(status = exit.code(), "child ended");
        Ok(exit.code())
    }
}
