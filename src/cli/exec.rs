//! `xsw env`, `xsw exec` and `xsw shell`: a session handed to a child.

use std::ffi::OsString;

use super::stop::until_stopped;
use super::{Context, Guard, Renewal, output};
use crate::domain::role::RoleIndex;
use crate::error::Result;
use crate::local::env_format::{Format, render};

/// Prints the session of `role` as settings; without a role, what takes one back.
pub(super) async fn print_env(context: &Context, role: Option<String>, format: Format, guard: Guard) -> Result<()> {
    let env = match role {
        Some(role) => {
            let role = context.core.profile.find(&role)?;
            context.pass_guard(role, guard).await?;
            let session = context.session(role).await?;
            context.core.printed_env(role, &session)
        }
        None => context.core.unset_env(),
    };
    let text = render(&env, format)?;
    output::print(|out| out.write_all(text.as_bytes()))
}

/// Runs a command that holds the session; gives its exit status.
pub(super) async fn exec(
    context: &Context,
    role: &str,
    (renewal, guard): (Renewal, Guard),
    command: Vec<OsString>,
) -> Result<u8> {
    let role = context.core.profile.find(role)?;
    until_stopped(context.pass_guard(role, guard)).await?;
    let session = until_stopped(context.session(role)).await?;
    context.say_notices();
    let renew = renews(context, role, renewal)?;
    context.core.run_command(role, &session, renew, command).await
}

/// Runs a subshell that holds the session; gives its exit status.
pub(super) async fn shell(context: &Context, role: &str, (renewal, guard): (Renewal, Guard)) -> Result<u8> {
    let role = context.core.profile.find(role)?;
    until_stopped(context.pass_guard(role, guard)).await?;
    let session = until_stopped(context.session(role)).await?;
    context.say_notices();
    if let Some(outer) = context.core.environment.get("XSW_ROLE") {
        output::note(&format!("inside the subshell of {outer}: the new session replaces it here"));
    }
    let renew = renews(context, role, renewal)?;
    context.core.run_shell(role, &session, renew).await
}

/// Whether the child's session renews itself, after a word on what such a child cannot do.
fn renews(context: &Context, role: RoleIndex, renewal: Renewal) -> Result<bool> {
    let renew = renewal.or(context.core.profile.renews(role));
    if renew && let Some(note) = context.core.renewal_note()? {
        output::note(note);
    }
    Ok(renew)
}
