//! Handing a session to a child: a command, a subshell, or settings for another.

use std::ffi::OsString;

use super::Core;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::local::child::{self, Plan};
use crate::local::child_env::{ChildEnv, RoleFacts, session_env, unset_env};
use crate::local::shell::Subshell;

const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

impl Core {
    /// The environment that holds the session of `role`.
    pub fn child_env(&self, role: RoleIndex, session: &Session) -> ChildEnv {
        let (label, region) = (self.profile.label(role), self.region_of(role));
        let known = self.profile.role(role);
        let facts =
            RoleFacts { label: &label, arn: known.known_arn(), account_id: known.arn.account(), region: Some(&region) };
        let mut env = session_env(session, &facts);
        // Other SDKs must reach the same place. What the environment says itself, the child has anyway.
        if let Some(url) = self.profile.endpoint_url(role).filter(|_| self.environment.get(ENDPOINT_URL).is_none()) {
            env.set(ENDPOINT_URL, url);
        }
        env
    }

    /// Takes back what [`Core::child_env`] sets.
    pub fn unset_env(&self) -> ChildEnv {
        let mut env = unset_env();
        if self.profile.indices().any(|role| self.profile.endpoint_url(role).is_some()) {
            env.unset(ENDPOINT_URL);
        }
        env
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
        // The demo's children find the embedded cloud too.
        plan.lay_under(self.environment.overlaid());
        tracing::info!(role = self.profile.label(role), program = ?plan.program(), "child starts");
        let exit = child::run(plan).await?;
        tracing::info!(status = exit.code(), "child ended");
        Ok(exit.code())
    }
}
