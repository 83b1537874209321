//! What can be copied of a bucket, prefix or object.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};

use super::{fail, new_ticket, roles};
use crate::domain::duration::words;
use crate::domain::object::is_archived;
use crate::domain::presigned::Presigned;
use crate::domain::restore::restore_command;
use crate::domain::session::seconds_left;
use crate::domain::text::escaped;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::listing::Kind;
use crate::tui::msg::Ticket;
use crate::tui::state::{After, Copied, Modal, Place, State};

/// The lives of a presigned URL that are offered, where the session lives longer.
const LIVES: [Duration; 3] = [Duration::from_secs(900), Duration::from_secs(3600), Duration::from_secs(12 * 3600)];

/// Opens the menu for the row under the cursor, else for the place that is shown.
pub(super) fn open(state: &mut State) {
    let browser = &state.browser;
    let row = browser.listing.row(browser.cursor.at);
    match (row.and_then(|row| Some((row, browser.uri_of(row)?))), &browser.place) {
        (Some((row, uri)), _) => {
            let is_object = matches!(row.kind, Kind::Object | Kind::Version);
            let version = row.version.map(str::to_owned).filter(|_| !row.latest);
            let is_archived = is_archived(row.class);
            menu(state, uri, version, (is_object, is_archived));
        }
        (None, Place::Buckets) => {}
        (None, place) => {
            let Some(uri) = place.uri().cloned() else { return };
            menu(state, uri, None, (false, false));
        }
    }
}

/// Opens the menu for an object.
pub(super) fn of(state: &mut State, uri: S3Uri, version: Option<String>, storage_class: &str) {
    menu(state, uri, version, (true, is_archived(storage_class)));
}

fn menu(state: &mut State, uri: S3Uri, version: Option<String>, (is_object, is_archived): (bool, bool)) {
    let mut choices = vec![Copied::Uri, Copied::Arn, Copied::Address];
    if is_object {
        let left = session_left(state);
        let lives = LIVES.into_iter().filter(|life| life.as_secs() < left);
        choices.extend(lives.map(|life| Copied::Presigned(Some(life))));
        choices.push(Copied::Presigned(None));
    }
    if is_archived {
        choices.push(Copied::Restore);
    }
    state.modal = Some(Modal::Copy { uri, version, choices, at: 0 });
}

/// How long the session lives that would sign.
fn session_left(state: &State) -> u64 {
    let life = state.browser.role.and_then(|role| state.roles.lives.get(&role));
    life.map_or(0, |life| seconds_left(life.expiration, state.now))
}

/// A key in the menu: digits take, arrows go; Enter, and the key that opened it, take what is under the cursor.
pub(super) fn key(
    state: &mut State,
    (uri, version): (S3Uri, Option<String>),
    (choices, at): (Vec<Copied>, usize),
    event: KeyEvent,
    effects: &mut Vec<Effect>,
) {
    let action = state.keys.action(event);
    let digit = match event.code {
        KeyCode::Char(c) => c.to_digit(10).map(|digit| digit as usize),
        _ => None,
    };
    let chosen = match (digit, action) {
        (Some(digit), _) => digit.checked_sub(1).and_then(|place| choices.get(place)),
        (None, Some(Action::CopyText | Action::Open)) => choices.get(at),
        _ if event.code == KeyCode::Enter => choices.get(at),
        _ => None,
    };
    if let Some(chosen) = chosen {
        take(state, *chosen, uri, version, effects);
        return;
    }
    let last = choices.len().saturating_sub(1);
    let at = match action {
        Some(Action::Up) => at.checked_sub(1).unwrap_or(last),
        Some(Action::Down) => (at + 1) % choices.len().max(1),
        Some(Action::Top) => 0,
        Some(Action::Bottom) => last,
        _ => at,
    };
    state.modal = Some(Modal::Copy { uri, version, choices, at });
}

fn take(state: &mut State, what: Copied, uri: S3Uri, version: Option<String>, effects: &mut Vec<Effect>) {
    let Some(role) = state.browser.role else { return };
    let text = match what {
        Copied::Uri => uri.to_string(),
        Copied::Arn => uri.arn(state.profile.role(role).arn.partition()),
        Copied::Restore => restore_command(&uri, version.as_deref(), "GLACIER"),
        Copied::Address => {
            effects.push(Effect::Address { role, uri, version });
            return;
        }
        Copied::Presigned(life) => {
            let ticket = new_ticket(state);
            state.presigning = Some(ticket);
            state.notice = Some(format!("signing an address of {} …", escaped(uri.name())));
            effects.push(Effect::Presign { ticket, role, uri, version, life });
            return;
        }
    };
    state.notice = Some(format!("copied {}", escaped(&text)));
    effects.push(Effect::CopyText(text));
}

/// The answer to `Address`.
pub(super) fn address(state: &mut State, address: String, effects: &mut Vec<Effect>) {
    state.notice = Some(format!("copied {}", escaped(&address)));
    effects.push(Effect::CopyText(address));
}

/// The answer to `Presign`, when it is still wanted: the address goes to the clipboard and nowhere else.
pub(super) fn presigned(state: &mut State, ticket: Ticket, answer: Result<Presigned>, effects: &mut Vec<Effect>) {
    if state.presigning.take_if(|waiting| *waiting == ticket).is_none() {
        return;
    }
    match answer {
        Ok(presigned) => {
            let left = words(seconds_left(presigned.end, state.now));
            let end = presigned.end.to_zoned(state.zone.clone()).strftime("%H:%M:%S");
            state.notice = Some(format!("copied a presigned URL: who has it reads the object until {end} ({left})"));
            effects.push(Effect::CopyPresigned(presigned));
        }
        Err(Error::MfaRequired { role: wanting, serial }) if state.modal.is_none() => {
            let Some(role) = state.browser.role else { return };
            roles::ask_code(state, role, After::Relist, (&wanting, &serial), None);
        }
        Err(error) if state.modal.is_some() => state.notice = Some(format!("no presigned URL: {error}")),
        Err(error) => fail(state, "presigned URL", error),
    }
}
