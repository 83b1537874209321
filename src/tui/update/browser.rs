//! Walking through buckets, prefixes and objects.

use tui_input::Input;

use super::{new_ticket, roles};
use crate::domain::object::{Bucket, Page};
use crate::domain::role::RoleIndex;
use crate::domain::text::escaped;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::layout::areas;
use crate::tui::listing::{Kind, Listing};
use crate::tui::msg::Ticket;
use crate::tui::state::{After, Answer, Browser, Cursor, Focus, Level, Load, Modal, Place, State};

pub(super) fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let page = isize::from(areas(state).browser.height.saturating_sub(4).max(1) as i16);
    let browser = &mut state.browser;
    let shown = browser.listing.shown();
    match action {
        Action::Up => browser.cursor.go(-1, shown),
        Action::Down => browser.cursor.go(1, shown),
        Action::PageUp => browser.cursor.go(-page, shown),
        Action::PageDown => browser.cursor.go(page, shown),
        Action::Top => browser.cursor.at = 0,
        Action::Bottom => browser.cursor.at = shown.saturating_sub(1),
        Action::Filter => {
            state.modal = Some(Modal::Filter { input: Input::new(browser.listing.filter().to_owned()) });
        }
        Action::Mark => {
            browser.listing.toggle_mark(browser.cursor.at);
            browser.cursor.go(1, shown);
        }
        Action::MarkAll => browser.listing.toggle_all_marks(),
        Action::Sort => {
            let order = browser.listing.order().next();
            browser.listing.set_order(order);
            state.notice = Some(format!("sorted by {}", format!("{order:?}").to_lowercase()));
        }
        Action::Close => close(state, effects),
        Action::Refresh => relist(state, effects),
        Action::Parent => parent(state, effects),
        Action::Open => open(state, effects),
        Action::Details => details(state, effects),
        Action::Preview => super::preview::preview(state, effects),
        Action::Download => download(state),
        Action::CopyText => {
            let place = match &browser.place {
                Place::Prefix(uri) => Some(uri.clone()),
                Place::Buckets => None,
            };
            let Some(uri) = browser.selected_uri().or(place) else { return };
            state.notice = Some(format!("copied {}", escaped(&uri.to_string())));
            effects.push(Effect::CopyText(uri.to_string()));
        }
        Action::Shell => {
            if let Some(role) = state.current {
                roles::want(state, role, After::Shell, effects);
            }
        }
        Action::Console => {
            if let Some(role) = state.browser.role {
                roles::want(state, role, After::Console { here: true }, effects);
            }
        }
        _ => {}
    }
}

/// Esc: what runs, then the filter, then the marks.
fn close(state: &mut State, effects: &mut Vec<Effect>) {
    let browser = &mut state.browser;
    if stop(browser, effects) {
        state.notice = Some("the listing was stopped".into());
    } else if !browser.listing.filter().is_empty() {
        browser.listing.set_filter("");
    } else if browser.listing.marked().len() > 0 {
        browser.listing.unmark_all();
    } else {
        state.focus = Focus::Roles;
    }
}

/// Stops a listing that runs; whether there was one.
fn stop(browser: &mut Browser, effects: &mut Vec<Effect>) -> bool {
    let Load::Loading(ticket) = browser.load else { return false };
    effects.push(Effect::Cancel(ticket));
    browser.load = Load::Stopped;
    browser.listing.settle();
    true
}

/// The bookmarks and buckets of a role, from the top.
pub(super) fn open_buckets(state: &mut State, role: RoleIndex, effects: &mut Vec<Effect>) {
    stop(&mut state.browser, effects);
    state.browser.trail.clear();
    state.browser.role = Some(role);
    state.browser.return_to = None;
    state.focus = Focus::Browser;
    list(state, Place::Buckets, effects);
}

/// Goes to a place that was typed, below nothing: its trail is its own parents.
pub(super) fn go_to(state: &mut State, uri: S3Uri, effects: &mut Vec<Effect>) {
    stop(&mut state.browser, effects);
    state.browser.trail.clear();
    state.browser.return_to = None;
    state.focus = Focus::Browser;
    list(state, Place::Prefix(uri), effects);
}

/// Lists the same place again, the cursor kept on its row.
pub(super) fn relist(state: &mut State, effects: &mut Vec<Effect>) {
    if state.browser.role.is_none() {
        return;
    }
    stop(&mut state.browser, effects);
    let row = state.browser.listing.row(state.browser.cursor.at);
    state.browser.return_to = row.map(|row| (row.name.to_owned(), 0));
    list(state, state.browser.place.clone(), effects);
}

fn list(state: &mut State, place: Place, effects: &mut Vec<Effect>) {
    let Some(role) = state.browser.role else { return };
    let ticket = new_ticket(state);
    let browser = &mut state.browser;
    browser.load = Load::Loading(ticket);
    browser.cursor = Cursor::default();
    // The order is the user's; the filter was about what stood here before.
    let order = browser.listing.order();
    browser.listing = Listing::default();
    browser.listing.set_order(order);
    effects.push(match &place {
        Place::Buckets => {
            browser.listing.add_bookmarks(&state.profile.role(role).buckets);
            Effect::Buckets { ticket, role }
        }
        Place::Prefix(uri) => Effect::List { ticket, role, uri: uri.clone() },
    });
    browser.place = place;
}

fn open(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(row) = state.browser.listing.row(state.browser.cursor.at) else { return };
    if row.kind == Kind::Object {
        details(state, effects);
        return;
    }
    let Some(uri) = state.browser.uri_of(row) else { return };
    let browser = &mut state.browser;
    stop(browser, effects);
    browser.return_to = None;
    let level = Level {
        place: browser.place.clone(),
        listing: std::mem::take(&mut browser.listing),
        cursor: browser.cursor,
        load: browser.load.clone(),
    };
    let order = level.listing.order();
    browser.trail.push(level);
    browser.listing.set_order(order);
    list(state, Place::Prefix(uri), effects);
}

/// One level up: as it was left when we came from there, else listed anew.
fn parent(state: &mut State, effects: &mut Vec<Effect>) {
    let Place::Prefix(here) = state.browser.place.clone() else {
        state.focus = Focus::Roles;
        return;
    };
    stop(&mut state.browser, effects);
    if let Some(level) = state.browser.trail.pop() {
        let complete = matches!(level.load, Load::Ready);
        let browser = &mut state.browser;
        (browser.place, browser.listing) = (level.place, level.listing);
        (browser.cursor, browser.load) = (level.cursor, level.load);
        if !complete {
            relist(state, effects);
        }
        return;
    }
    let name = if here.key.is_empty() { here.bucket.clone() } else { here.name().to_owned() };
    state.browser.return_to = Some((name, 0));
    let place = here.parent().map_or(Place::Buckets, Place::Prefix);
    list(state, place, effects);
}

/// The answer to `Buckets`.
pub(super) fn buckets(state: &mut State, ticket: Ticket, answer: Result<Vec<Bucket>>) {
    let browser = &mut state.browser;
    if !waits_for(browser, ticket) {
        return;
    }
    match answer {
        Ok(buckets) => {
            browser.listing.add_buckets(&buckets);
            browser.load = Load::Ready;
            browser.listing.settle();
            put_cursor_back(browser);
        }
        Err(error) => failed(state, error),
    }
}

/// One answer to `List`.
pub(super) fn page(state: &mut State, ticket: Ticket, answer: Result<Page>) {
    let browser = &mut state.browser;
    let Place::Prefix(uri) = &browser.place else { return };
    if !waits_for(browser, ticket) {
        return;
    }
    match answer {
        Ok(page) => {
            browser.listing.add_page(&uri.key, &page.entries);
            if page.next.is_none() {
                browser.load = Load::Ready;
                browser.listing.settle();
            }
            put_cursor_back(browser);
        }
        Err(error) => failed(state, error),
    }
}

fn waits_for(browser: &Browser, ticket: Ticket) -> bool {
    matches!(browser.load, Load::Loading(waiting) if waiting == ticket)
}

fn failed(state: &mut State, error: Error) {
    // A session that ended and wants a code again: ask, then go on where we were.
    if let (Error::MfaRequired { role: wanting, serial }, Some(role)) = (&error, state.browser.role) {
        roles::ask_code(state, role, After::Relist, (wanting, serial), None);
    }
    state.browser.listing.settle();
    state.browser.load = Load::Failed(error);
}

fn put_cursor_back(browser: &mut Browser) {
    let Some((name, looked_at)) = &mut browser.return_to else { return };
    // At the end everything has been sorted: once more from the top.
    let from = if matches!(browser.load, Load::Ready) { 0 } else { *looked_at };
    let place = browser.listing.place_of(name, from);
    browser.cursor.at = place.unwrap_or(browser.cursor.at);
    *looked_at = browser.listing.shown();
    if place.is_some() || matches!(browser.load, Load::Ready) {
        browser.return_to = None;
    }
}

fn details(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(role) = state.browser.role else { return };
    let Some(row) = state.browser.listing.row(state.browser.cursor.at) else { return };
    if row.kind != Kind::Object {
        return;
    }
    let Some(uri) = state.browser.uri_of(row) else { return };
    let ticket = new_ticket(state);
    state.modal = Some(Modal::Details { uri: uri.clone(), answer: Answer::Loading(ticket) });
    effects.push(Effect::Details { ticket, role, uri });
}

fn download(state: &mut State) {
    let browser = &state.browser;
    let pick = |row: crate::tui::listing::Row<'_>| {
        let size = (row.kind == Kind::Object).then_some(row.size);
        Some((browser.uri_of(row)?, size))
    };
    let mut picked: Vec<_> = browser.listing.marked().filter_map(pick).collect();
    if picked.is_empty() {
        picked.extend(browser.listing.row(browser.cursor.at).and_then(pick));
    }
    if picked.is_empty() {
        state.notice = Some("there is nothing to download here".into());
        return;
    }
    let input = Input::new("./".into());
    state.modal = Some(Modal::Download { picked, input, untouched: true, overwrite: false, problem: None });
}
