//! `xsw check`: what is in place and what is missing.

use std::io::IsTerminal as _;

use serde_json::json;

use super::{Context, output};
use crate::config::Origin;
use crate::domain::text::{harmless, plural};
use crate::error::{Error, Result};
use crate::ops::check::{Finding, Standing};

pub(super) async fn run(context: &Context, as_json: bool) -> Result<()> {
    let mut findings = vec![profile_finding(context)];
    let left_out = |note: &String| Finding::warning("profile file", note, "write it into a profile file of xsw");
    findings.extend(context.notes.iter().map(left_out));
    findings.extend(context.keys_file.as_ref().map(|checked| match checked {
        Ok(path) => Finding::good("keys", format!("{} is fit", path.display())),
        Err(error) => Finding::bad("keys", error),
    }));
    findings.extend(context.core.check().await);
    findings.push(terminal_finding());
    if as_json {
        let row = |finding: &Finding| {
            let standing = match finding.standing {
                Standing::Good => "good",
                Standing::Warning => "warning",
                Standing::Bad => "bad",
            };
            json!({ "subject": finding.subject, "standing": standing, "message": finding.message, "hint": finding.hint })
        };
        output::print_json(&findings.iter().map(row).collect::<Vec<_>>())?;
    } else {
        output::print(|out| {
            for Finding { standing, subject, message, hint } in &findings {
                let sign = match standing {
                    Standing::Good => "ok ",
                    Standing::Warning => "?  ",
                    Standing::Bad => "BAD",
                };
                writeln!(out, "{sign}  {}: {}", output::name(subject), message)?;
                if let Some(hint) = hint {
                    writeln!(out, "     {}", harmless(hint))?;
                }
            }
            Ok(())
        })?;
    }
    match findings.iter().filter(|finding| finding.standing == Standing::Bad).count() {
        0 => Ok(()),
        bad => Err(Error::Partial { message: format!("{bad} of {} failed", plural(findings.len() as u64, "check")) }),
    }
}

fn profile_finding(context: &Context) -> Finding {
    let profile = &context.core.profile;
    let size =
        format!("{}, {}", plural(profile.accounts.len() as u64, "account"), plural(profile.roles.len() as u64, "role"));
    match &context.origin {
        Origin::File(path) => Finding::good("profile file", format!("{}: {size}", path.display())),
        Origin::AwsConfig(path) => Finding::warning(
            "profile file",
            format!("none; using the role profiles of {}: {size}", path.display()),
            &format!(
                "`xsw import` makes {} of them, where accounts get names, colours and more",
                context.core.environment.default_config().display()
            ),
        ),
    }
}

fn terminal_finding() -> Finding {
    if !std::io::stdout().is_terminal() {
        return Finding::good("terminal", "stdout is none; the verbs work, the screen would not");
    }
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns >= 60 && rows >= 16 => Finding::good("terminal", format!("{columns}×{rows}")),
        Ok((columns, rows)) => {
            Finding::warning("terminal", format!("{columns}×{rows}"), "the screen needs at least 60×16")
        }
        Err(error) => Finding::warning("terminal", error.to_string(), "the screen may not work here"),
    }
}
