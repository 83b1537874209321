//! `xsw accounts`: what there is, and which sessions live.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;

use super::{Context, output};
use crate::config::Origin;
use crate::domain::duration::clock;
use crate::domain::text::escaped;
use crate::error::Result;

pub(super) fn run(context: &Context, json: bool) -> Result<()> {
    let (profile, now) = (&context.core.profile, Timestamp::now());
    let live: HashMap<_, _> = context.core.live_sessions().into_iter().collect();
    if json {
        let row = |index| {
            let (role, account) = (profile.role(index), profile.account(index));
            let session = live
                .get(&index)
                .map(|session| json!({ "expiration": session.expiration, "seconds_left": session.seconds_left(now) }));
            json!({
                "account": account.name,
                "account_id": account.id,
                "role": role.name,
                "role_arn": role.known_arn(),
                "alias": role.alias,
                "environment": account.environment,
                "source": profile.source_name(index),
                "session": session,
            })
        };
        return output::print_json(&profile.indices().map(row).collect::<Vec<_>>());
    }
    if let Origin::AwsConfig(path) = &context.origin {
        output::note(&format!("these are the role profiles of {}; xsw has no profile file yet", path.display()));
    }
    context.notes.iter().for_each(|note| output::note(note));
    if profile.roles.is_empty() {
        output::note("there are no roles yet");
        output::hint(&context.sign_in_hint());
        return Ok(());
    }
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let account_width = width(&mut profile.accounts.iter().map(|account| escaped(&account.name).len()));
    let role_width = width(&mut profile.roles.iter().map(|role| role.name.len()));
    let alias_width = width(&mut profile.roles.iter().filter_map(|role| role.alias.as_ref()).map(String::len));
    output::print(|out| {
        let mut shown = None;
        for index in profile.indices() {
            let (role, account) = (profile.role(index), profile.account(index));
            if shown != Some(role.account) {
                let environment = account.environment.as_deref().unwrap_or_default();
                let name = output::name(&account.name);
                let line = format!("{name:account_width$}  {}  {}", account.id, output::name(environment));
                writeln!(out, "{}", line.trim_end())?;
                shown = Some(role.account);
            }
            let alias = output::name(role.alias.as_deref().unwrap_or_default());
            let left = live.get(&index).map(|session| clock(session.seconds_left(now))).unwrap_or_default();
            let line = format!("  {:role_width$}  {alias:alias_width$}  {left}", role.name);
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    })
}
