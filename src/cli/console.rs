//! `xsw console`: the AWS web console, signed in.

use super::{As, Context, Guard, output};
use crate::error::{Error, Result};
use crate::ops::console::ConsolePage;

pub(super) struct Options {
    pub(super) service: Option<String>,
    pub(super) url: bool,
    pub(super) guard: Guard,
}

/// Signs in and opens the browser; with `--url`, prints the address instead, and nothing else.
pub(super) async fn run(context: &Context, role: Option<String>, options: &Options) -> Result<()> {
    let role = context.role_of(&As { name: role, ..As::default() }).map_err(|error| match error {
        Error::Usage { message, .. } => {
            Error::Usage { message, hint: Some("name it: xsw console ROLE; `xsw accounts` lists them".into()) }
        }
        error => error,
    })?;
    context.pass_guard(role, options.guard).await?;
    context.session(role).await?;
    let page = options.service.clone().map_or(ConsolePage::Home, ConsolePage::Service);
    let url = match context.core.console_url(role, &page).await {
        // AWS had ended the session, and the new one wants a code.
        Err(Error::MfaRequired { .. }) => {
            context.session(role).await?;
            context.core.console_url(role, &page).await?
        }
        answer => answer?,
    };
    if options.url {
        return output::print(|out| writeln!(out, "{}", url.expose()));
    }
    context.core.open_console(&url).await?;
    let label = context.core.profile.label(role);
    output::note(&format!("the console of {label} is open in the browser"));
    Ok(())
}
