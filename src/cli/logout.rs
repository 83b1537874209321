//! `xsw logout`: forget sessions, and say which.

use super::{Context, output};
use crate::domain::duration::words;
use crate::domain::role::RoleIndex;
use crate::domain::text::{escaped, plural};
use crate::error::{Error, Result};
use crate::ops::logout::ForgottenOfSource;

/// AWS has no call that ends a session.
const STILL_VALID: &str = "whoever copied these credentials can use them until they end; the IAM console revokes them \
                           (the role's page, Revoke sessions)";

/// What is in the environment of a shell is that shell's.
const STILL_HELD: &str = "this shell still holds its session in its variables: leave it with `exit`, or clear them \
                          with eval \"$(xsw env --unset)\"";

/// The environment of a renewing child has no keys but an address.
const STILL_RENEWED: &str = "this shell's session renews itself: it goes on getting new ones until it ends; leave it \
                             with `exit`";

/// What remains of the session in the shell around this command.
fn note_still_held(context: &Context) {
    let renews = context.core.environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some();
    output::note(if renews { STILL_RENEWED } else { STILL_HELD });
}

pub(super) async fn run(context: &Context, name: Option<String>, all: bool) -> Result<()> {
    if all {
        return everything(context);
    }
    let core = &context.core;
    let of_shell = core.environment.get("XSW_ROLE");
    let Some(name) = name.as_deref().or(of_shell) else {
        return Err(Error::Usage {
            message: "which session?".into(),
            hint: Some("name a role or a source, or say --all".into()),
        });
    };
    match core.profile.sources.get(name) {
        Some(_) => source(context, name).await,
        None => {
            let role = core.profile.find(name)?;
            let left = core.forget_role(role)?;
            tell(context, &left.map(|left| (role, left)).into_iter().collect::<Vec<_>>())?;
            if left.is_none() {
                output::print(|out| writeln!(out, "nothing to forget: {} has no session", shown(context, role)))?;
            }
            if of_shell.is_some_and(|of_shell| core.profile.find(of_shell).is_ok_and(|of_shell| of_shell == role)) {
                note_still_held(context);
            }
            Ok(())
        }
    }
}

async fn source(context: &Context, name: &str) -> Result<()> {
    let core = &context.core;
    // First what lives: signing out forgets the sessions too, and does not say which.
    let forgotten = core.forget_source(name)?;
    // Before a word of it: who reads it may be gone.
    let signed_out = match core.can_sign_in(name) {
        true => Some(core.sign_out(name).await),
        false => None,
    };
    tell(context, &forgotten.roles)?;
    match forgotten.mfa {
        0 => {}
        1 => output::print(|out| writeln!(out, "forgot the session that an MFA code was given for"))?,
        more => output::print(|out| {
            writeln!(out, "forgot {} that MFA codes were given for", plural(more as u64, "session"))
        })?,
    }
    let of_shell = core.environment.get("XSW_ROLE").and_then(|of_shell| core.profile.find(of_shell).ok());
    if of_shell.is_some_and(|of_shell| core.profile.source_name(of_shell) == name) {
        note_still_held(context);
    }
    let name = escaped(name);
    match signed_out.transpose()? {
        Some(true) => output::print(|out| writeln!(out, "signed out of {name}")),
        Some(false) => output::print(|out| writeln!(out, "nobody was signed in to {name}")),
        None if forgotten == ForgottenOfSource::default() => {
            output::print(|out| writeln!(out, "nothing to forget: no role of {name} has a session"))
        }
        None => Ok(()),
    }
}

fn tell(context: &Context, forgotten: &[(RoleIndex, u64)]) -> Result<()> {
    output::print(|out| {
        for (role, left) in forgotten {
            writeln!(out, "forgot the session of {} ({} were left)", shown(context, *role), words(*left))?;
        }
        Ok(())
    })
}

fn shown(context: &Context, role: RoleIndex) -> String {
    escaped(&context.core.profile.label(role)).into_owned()
}

fn everything(context: &Context) -> Result<()> {
    let forgotten = context.core.forget_all()?;
    let sessions = |number: usize| plural(number as u64, "session");
    let text = match (forgotten.living, forgotten.ended) {
        (0, 0) => "nothing to forget: there is no session".to_owned(),
        (living, 0) => format!("forgot {}", sessions(living)),
        (0, ended) => format!("forgot {} that had ended, or of which nothing was known", sessions(ended)),
        (living, ended) => format!(
            "forgot {}, and {} that had ended, or of which nothing was known",
            sessions(living),
            sessions(ended)
        ),
    };
    output::print(|out| writeln!(out, "{text}"))?;
    if forgotten.living > 0 {
        output::note(STILL_VALID);
    }
    for source in context.core.signed_in_sources() {
        let source = escaped(source);
        output::note(&format!("the sign-in to {source} stays: `xsw logout {source}` ends it"));
    }
    if context.core.environment.get("XSW_ROLE").is_some() {
        note_still_held(context);
    }
    Ok(())
}
