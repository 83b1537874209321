//! Counting what is below buckets and prefixes, several at a time, beside everything else.

use super::new_ticket;
use crate::domain::text::{bytes, count as number, escaped};
use crate::domain::uri::S3Uri;
use crate::error::Result;
use crate::tui::effect::Effect;
use crate::tui::listing::Kind;
use crate::tui::msg::{Counted, Ticket};
use crate::tui::state::{Browser, State, Usage};

/// Listings that run at the same time at most: a mark on everything must not ask S3 a thousand things at once.
const MOST: usize = 8;

/// Counts below what is marked, else below what is under the cursor; where that is counted just now, stops.
pub(super) fn count(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(role) = state.browser.role else { return };
    let browser = &mut state.browser;
    let can_be_counted = |kind| matches!(kind, Kind::Bucket | Kind::Bookmark | Kind::Prefix);
    let rows = browser.listing.marked().filter(|row| can_be_counted(row.kind));
    let mut uris: Vec<S3Uri> = rows.filter_map(|row| browser.uri_of(row)).collect();
    if uris.is_empty() {
        let row = browser.listing.row(browser.cursor.at).filter(|row| can_be_counted(row.kind));
        uris.extend(row.and_then(|row| browser.uri_of(row)));
    }
    match uris.as_slice() {
        [] => {
            state.notice = Some("put the cursor on a bucket or folder to count what is below".into());
            return;
        }
        [only] if browser.usage.get(only).is_some_and(Usage::runs) => {
            let only = only.clone();
            stop(browser, &only, effects);
            state.notice = Some(format!("{} is counted no further", escaped(&only.to_string())));
            return;
        }
        _ => {}
    }
    let running = browser.usage.values().filter(|usage| usage.runs()).count();
    uris.retain(|uri| !browser.usage.get(uri).is_some_and(Usage::runs));
    let room = MOST.saturating_sub(running);
    if uris.len() > room {
        state.notice =
            Some(format!("{MOST} are counted at the same time at most; ask for the rest when they are done"));
    }
    for uri in uris.into_iter().take(room) {
        let ticket = new_ticket(state);
        let usage = Usage { running: Some(ticket), counted: Counted::default() };
        state.browser.usage.insert(uri.clone(), usage);
        effects.push(Effect::Usage { ticket, role, uri });
    }
}

/// One answer to `Usage`.
pub(super) fn counted(state: &mut State, ticket: Ticket, answer: Result<Counted>) {
    let usage = &mut state.browser.usage;
    let Some(uri) = usage.iter().find(|(_, usage)| usage.running == Some(ticket)).map(|(uri, _)| uri.clone()) else {
        return;
    };
    let shown = escaped(&uri.to_string()).into_owned();
    match answer {
        Ok(counted) => {
            let running = (!counted.complete).then_some(ticket);
            usage.insert(uri, Usage { running, counted });
            if counted.complete {
                let objects = if counted.objects == 1 { "object" } else { "objects" };
                state.notice =
                    Some(format!("{shown}: {} {objects}, {}", number(counted.objects), bytes(counted.bytes)));
            }
        }
        Err(error) => {
            usage.remove(&uri);
            state.notice = Some(format!("{shown} was not counted: {error}"));
        }
    }
}

/// The row under the cursor, while what is below it is counted.
pub(super) fn running_here(browser: &Browser) -> Option<S3Uri> {
    let uri = browser.selected_uri()?;
    browser.usage.get(&uri).is_some_and(Usage::runs).then_some(uri)
}

/// Stops a count; what it had found says so little that it goes.
pub(super) fn stop(browser: &mut Browser, uri: &S3Uri, effects: &mut Vec<Effect>) {
    let running = browser.usage.remove(uri).and_then(|usage| usage.running);
    effects.extend(running.map(Effect::Cancel));
}

/// Stops all of them and forgets what they found.
pub(super) fn stop_all(browser: &mut Browser, effects: &mut Vec<Effect>) {
    effects.extend(browser.usage.drain().filter_map(|(_, usage)| usage.running).map(Effect::Cancel));
}
