//! `xsw login`: sign in to IAM Identity Center, by PKCE in the browser or by a code on any machine.

use std::io::Write as _;

use super::{Context, output};
use crate::domain::text::{escaped, plural};
use crate::error::{Error, Result};
use crate::ops::sign_in::{How, SignedIn, Step};

pub(super) async fn run(context: &Context, source: Option<String>, device_code: bool) -> Result<()> {
    let core = &context.core;
    let source = match source {
        Some(source) => source,
        None => only_source(context)?,
    };
    let how = if device_code { How::DeviceCode } else { How::here(&core.environment) };
    let done = core.login(&source, how, &show).await?;
    output::print(|out| writeln!(out, "{}", summary(&done)))
}

fn only_source(context: &Context) -> Result<String> {
    match context.core.sign_in_sources()[..] {
        [only] => Ok(only.to_owned()),
        [] => Err(Error::Usage {
            message: "no source is a sign-in of IAM Identity Center".into(),
            hint: Some("write one with sso_start_url and sso_region; config.example.toml shows how".into()),
        }),
        ref several => Err(Error::Usage {
            message: "which source? There are several".into(),
            hint: Some(format!("name it: {}", several.join(", "))),
        }),
    }
}

fn show(step: Step<'_>) {
    match step {
        Step::Browser { url } => {
            output::note("sign in with the browser that has opened; Ctrl-C ends the waiting");
            say(format_args!("if none has, open this on this machine: {}", escaped(url)));
        }
        Step::NoBrowser(error) => {
            output::note(&format!("no browser could be started ({error}); here is a code instead"));
        }
        Step::Code { url, complete_url, user_code } => {
            output::note("sign in with a browser on any machine; Ctrl-C ends the waiting");
            say(format_args!("open  {}", escaped(complete_url.unwrap_or(url))));
            say(format_args!("and see whether it shows the code  {}", escaped(user_code)));
            if complete_url.is_some_and(|complete| complete != url) {
                say(format_args!("(or type the code at {})", escaped(url)));
            }
        }
    }
}

/// A line below a note, on stderr.
fn say(line: std::fmt::Arguments<'_>) {
    _ = writeln!(std::io::stderr(), "      {line}");
}

fn summary(done: &SignedIn) -> String {
    format!(
        "{} {} ({}) until {:.0}{}: {}, {}",
        if done.is_new { "signed in to" } else { "still signed in to" },
        escaped(&done.source),
        escaped(&done.start_url),
        done.until,
        if done.renews { ", then renewed by itself" } else { "" },
        plural(done.accounts as u64, "account"),
        plural(done.roles as u64, "role"),
    )
}
