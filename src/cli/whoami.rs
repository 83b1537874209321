//! `xsw whoami`: the caller identity of a source or a role.

use jiff::Timestamp;
use serde_json::json;

use super::{Context, output};
use crate::domain::role::RoleIndex;
use crate::error::{Error, Result};

pub(super) async fn run(context: &Context, role: Option<String>, source: Option<String>, json: bool) -> Result<()> {
    let core = &context.core;
    // In a subshell of xsw the question is about that shell.
    let of_shell = core.environment.get("XSW_ROLE").filter(|_| source.is_none());
    let (identity, expiration) = match role.as_deref().or(of_shell) {
        Some(role) => {
            let of_shell = of_shell == Some(role);
            let role = core.profile.find(role)?;
            if let Some(end) = core.environment.get("AWS_SESSION_EXPIRATION").filter(|_| of_shell)
                && end.parse::<Timestamp>().is_ok_and(|end| end <= Timestamp::now())
            {
                output::note(&format!("the session in this shell has ended ({end}); this is a new one, of xsw alone"));
            }
            let session = context.session(role).await?;
            (core.role_identity(role).await?, Some(session.expiration))
        }
        None => (core.source_identity(source_role(context, source)?).await?, None),
    };
    if json {
        return output::print_json(&json!({
            "account_id": identity.account,
            "arn": identity.arn,
            "user_id": identity.user_id,
            "expiration": expiration,
        }));
    }
    output::print(|out| {
        writeln!(out, "account  {}", output::name(&identity.account))?;
        writeln!(out, "arn      {}", output::name(&identity.arn))?;
        writeln!(out, "user id  {}", output::name(&identity.user_id))?;
        if let Some(expiration) = expiration {
            writeln!(out, "until    {expiration:.0}")?;
        }
        Ok(())
    })
}

/// A role whose chain starts at the source that is meant.
fn source_role(context: &Context, wanted: Option<String>) -> Result<RoleIndex> {
    let sources = context.core.roles_by_source();
    let names = || sources.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match (wanted, sources.as_slice()) {
        (Some(wanted), _) => {
            let found = sources.iter().find(|(name, _)| *name == wanted).map(|(_, role)| *role);
            let message = format!("there is no source {wanted} with a role");
            found.ok_or_else(|| Error::Usage { message, hint: Some(format!("there are: {}", names())) })
        }
        (None, [(_, role)]) => Ok(*role),
        (None, _) => Err(Error::Usage {
            message: "which source? There are several".into(),
            hint: Some(format!("name it with --source: {}", names())),
        }),
    }
}
