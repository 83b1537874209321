//! Handing a session to a child: a command, a subshell, or settings for another.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::Core;
use super::audit::{Deed, Event};
use super::renew::Renewal;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::error::{Error, Result};
use crate::local::aws_files::StandIns;
use crate::local::child::{self, Plan};
use crate::local::child_env::{ChildEnv, RoleFacts, renewing_env, session_env, unset_env};
use crate::local::environment::{ENDPOINT_URL, XSW_ENDPOINT_URL};
use crate::local::shell::Subshell;

/// What a child gets, and what must last as long as it does.
struct Held {
    env: ChildEnv,
    renewal: Option<Renewal>,
    stand_ins: Option<TempDir>,
}

impl Core {
    /// The environment that holds the session of `role`.
    pub fn child_env(&self, role: RoleIndex, session: &Session) -> ChildEnv {
        let mut env = self.told(role, |facts| session_env(session, facts));
        self.leave_stand_ins(&mut env);
        env
    }

    /// The same, to be printed: from here on the session is in other hands, so it is written down.
    pub fn printed_env(&self, role: RoleIndex, session: &Session) -> ChildEnv {
        let (began, details) = (Timestamp::now(), Vec::new());
        self.record(&Event { deed: Deed::Env, role, began, session: Some(session), outcome: Ok(()), details });
        self.child_env(role, session)
    }

    /// Takes back what [`Core::child_env`] sets, and what the environment of a renewing child has.
    pub fn unset_env(&self) -> ChildEnv {
        let mut env = unset_env();
        let may_be_set = self.profile.indices().any(|role| self.profile.endpoint_url(role).is_some());
        if may_be_set || self.environment.has_marked_endpoint_url() {
            self.leave_endpoint(&mut env);
        }
        self.leave_stand_ins(&mut env);
        env
    }

    /// What the person should hear before a renewing child starts.
    pub fn renewal_note(&self) -> Result<Option<&'static str>> {
        Ok(StandIns::needed(&self.environment)?.and_then(|stand_ins| stand_ins.note()))
    }

    /// Runs a command that holds the session, or one that is renewed as long as it runs, and gives its exit status.
    pub async fn run_command(
        self: &Arc<Self>,
        role: RoleIndex,
        session: &Session,
        renew: bool,
        command: Vec<OsString>,
    ) -> Result<u8> {
        let mut words = command.into_iter();
        let program = words.next().ok_or_else(|| Error::usage("which command?"))?;
        let held = self.hold(role, session, renew).await?;
        let arguments = words.len();
        let mut plan = Plan::new(program, words, &held.env);
        if renew {
            plan.beside_questions();
        }
        self.run(Deed::Exec, (role, session), (plan, arguments), held).await
    }

    /// Runs the user's shell with the session in it, or one that is renewed as long as it runs, and the role in its
    /// prompt, and gives its exit status.
    pub async fn run_shell(self: &Arc<Self>, role: RoleIndex, session: &Session, renew: bool) -> Result<u8> {
        let held = self.hold(role, session, renew).await?;
        let shell = self.environment.path("SHELL");
        let plan =
            Subshell { shell: shell.as_deref().map(AsRef::as_ref), label: &self.profile.label(role), env: &held.env };
        let plan = plan.plan()?;
        self.run(Deed::Shell, (role, session), (plan, 0), held).await
    }

    async fn hold(self: &Arc<Self>, role: RoleIndex, session: &Session, renew: bool) -> Result<Held> {
        if !renew {
            return Ok(Held { env: self.child_env(role, session), renewal: None, stand_ins: None });
        }
        let renewal = Renewal::start(self, role).await?;
        let mut env = self.told(role, |facts| renewing_env(renewal.address(), facts));
        let stand_ins = match StandIns::needed(&self.environment)? {
            Some(needed) => Some(needed.write(&mut env, &self.environment)?),
            None => {
                self.leave_stand_ins(&mut env);
                None
            }
        };
        Ok(Held { env, renewal: Some(renewal), stand_ins })
    }

    async fn run(
        &self,
        deed: Deed,
        (role, session): (RoleIndex, &Session),
        (mut plan, arguments): (Plan, usize),
        held: Held,
    ) -> Result<u8> {
        let began = Timestamp::now();
        // An argument may be a secret, and so may a folder's name.
        let program = Path::new(plan.program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The demo's children find the embedded cloud too.
        plan.lay_under(self.environment.overlaid());
        if let Some(folder) = held.stand_ins {
            plan.keep(folder);
        }
        let renews = held.renewal.is_some();
        tracing::info!(role = self.profile.label(role), program = ?plan.program(), renews, "child starts");
        let exit = child::run(plan).await;
        if let Some(renewal) = held.renewal {
            renewal.end().await;
        }
        let status = exit.as_ref().ok().map(|exit| exit.code());
        tracing::info!(status, "child ended");
        let mut details = vec![("program", program.into()), ("arguments", arguments.into()), ("status", status.into())];
        details.extend(renews.then_some(("renews", true.into())));
        let outcome = exit.as_ref().map(|_| ());
        self.record(&Event { deed, role, began, session: Some(session), outcome, details });
        exit.map(|exit| exit.code())
    }

    fn told(&self, role: RoleIndex, env: impl FnOnce(&RoleFacts<'_>) -> ChildEnv) -> ChildEnv {
        let (label, region) = (self.profile.label(role), self.region_of(role));
        let known = self.profile.role(role);
        let account_id = known.arn.account();
        let mut env = env(&RoleFacts { label: &label, arn: known.known_arn(), account_id, region: Some(&region) });
        // Other SDKs must reach the same place. What the person set, the child has anyway.
        match self.profile.endpoint_url(role).filter(|_| self.environment.own_endpoint_url().is_none()) {
            Some(url) => {
                env.set(ENDPOINT_URL, url);
                env.set(XSW_ENDPOINT_URL, url);
            }
            None if self.environment.has_marked_endpoint_url() => self.leave_endpoint(&mut env),
            None => {}
        }
        env
    }

    /// Takes back the endpoint that another session brought, but not one of the person's.
    fn leave_endpoint(&self, env: &mut ChildEnv) {
        if self.environment.own_endpoint_url().is_none() {
            env.unset(ENDPOINT_URL);
        }
        env.unset(XSW_ENDPOINT_URL);
    }

    /// Inside a renewing child: back to the files of before, which are the other session's affair.
    fn leave_stand_ins(&self, env: &mut ChildEnv) {
        for (name, value) in self.environment.without_stand_ins() {
            match value {
                Some(value) => env.set(name, value),
                None => env.unset(name),
            }
        }
    }
}
