//! Walking through buckets, prefixes and objects.

use tui_input::Input;

use super::{copy, copying, new_ticket, roles, usage, versions};
use crate::aws::s3::Of;
use crate::domain::local_path::folder_of;
use crate::domain::object::{Bucket, Page, VersionPage};
use crate::domain::pattern::Pattern;
use crate::domain::role::RoleIndex;
use crate::domain::text::escaped;
use crate::domain::transfer::{IfExists, Listed};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::layout::areas;
use crate::tui::listing::{Kind, Listing, Order, Row};
use crate::tui::msg::Ticket;
use crate::tui::state::{After, Answer, Browser, Cursor, Focus, Known, Level, Load, Modal, Picked, Place, State};

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
        Action::MarkAll => {
            browser.listing.toggle_all_marks();
            if matches!(browser.load, Load::Loading(_)) && browser.listing.marked().len() > 0 {
                state.notice = Some("marked what has come so far; the listing goes on".into());
            }
        }
        Action::Sort => sort(state, state.browser.listing.order().next(), false),
        Action::Reverse => sort(state, state.browser.listing.order(), !state.browser.listing.is_reversed()),
        Action::Close => close(state, effects),
        Action::Refresh => relist(state, effects),
        Action::Parent => parent(state, effects),
        Action::Open => open(state, effects),
        Action::Details => details(state, effects),
        Action::Explain => super::inquiry::of_browser(state, effects),
        Action::Preview => super::preview::preview(state, effects),
        Action::Download => download(state),
        Action::Copy => copying::open(state),
        Action::CopyText => copy::open(state),
        Action::Versions => versions::open(state, effects),
        Action::Flat => flat(state, effects),
        Action::Find => find(state),
        Action::Usage => usage::count(state, effects),
        Action::Bookmark => bookmark(state, effects),
        Action::Shell => as_shown(state, After::Shell, effects),
        Action::Console => as_shown(state, After::Console { here: true }, effects),
        _ => {}
    }
}

fn sort(state: &mut State, order: Order, reversed: bool) {
    state.browser.listing.set_order(order, reversed);
    let what = match (order, reversed) {
        (Order::Name, false) => "name, as S3 lists",
        (Order::Name, true) => "name, the last first",
        (Order::Size, false) => "size, the largest first",
        (Order::Size, true) => "size, the smallest first",
        (Order::Modified, false) => "time, the newest first",
        (Order::Modified, true) => "time, the oldest first",
    };
    let key = state.keys.key(Action::Reverse).unwrap_or_default();
    state.notice = Some(format!("sorted by {what}; {key} turns it around"));
}

/// Asks for something as the role that the header names, wherever the cursor among the roles is.
pub(super) fn as_shown(state: &mut State, then: After, effects: &mut Vec<Effect>) {
    match state.current {
        Some(role) => roles::want(state, role, then, effects),
        None => state.notice = Some("assume a role first".into()),
    }
}

/// Esc: what runs, then the filter, then the marks. It never leads to another pane: whoever presses it once too often
/// would do something else with the next key.
fn close(state: &mut State, effects: &mut Vec<Effect>) {
    let browser = &mut state.browser;
    if stop(browser, effects) {
        state.notice = Some("the listing was stopped".into());
    } else if let Some(uri) = usage::running_here(browser) {
        usage::stop(browser, &uri, effects);
        state.notice = Some(format!("{} is counted no further", escaped(&uri.to_string())));
    } else if !browser.listing.filter().is_empty() {
        browser.listing.set_filter("");
    } else if browser.listing.marked().len() > 0 {
        browser.listing.unmark_all();
    } else if let Place::Flat(uri) = browser.place.clone() {
        list(state, Place::Prefix(uri), effects);
    } else if matches!(browser.place, Place::Found { .. } | Place::Versions { .. }) {
        parent(state, effects);
    } else {
        let key = |action| state.keys.key(action).unwrap_or_default();
        let (up, next) = (key(Action::Parent), key(Action::NextPane));
        state.notice = Some(format!("there is nothing to close here; {up} goes up, {next} to the next pane"));
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
    if state.browser.role != Some(role) {
        // What another role counted says nothing of what this one may see.
        usage::stop_all(&mut state.browser, effects);
    }
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
    state.focus = Focus::Browser;
    state.browser.return_to = None;
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
    let (order, reversed) = (browser.listing.order(), browser.listing.is_reversed());
    browser.listing = Listing::default();
    browser.listing.set_order(order, reversed);
    effects.push(match &place {
        Place::Buckets => {
            let of_file = &state.profile.role(role).buckets;
            let added = state.bookmarks.get(&role).into_iter().flatten().filter(|uri| !of_file.contains(uri));
            browser.listing.add_bookmarks(of_file.iter().chain(added));
            Effect::Buckets { ticket, role }
        }
        Place::Prefix(uri) => Effect::List { ticket, role, uri: uri.clone() },
        Place::Flat(uri) => Effect::Walk { ticket, role, uri: uri.clone(), pattern: None },
        Place::Found { below, pattern } => {
            Effect::Walk { ticket, role, uri: below.clone(), pattern: Some(pattern.clone()) }
        }
        Place::Versions { uri, of } => Effect::Versions { ticket, role, uri: uri.clone(), of: *of },
    });
    browser.place = place;
}

fn open(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(row) = state.browser.listing.row(state.browser.cursor.at) else { return };
    match row.kind {
        Kind::Object | Kind::Version => return super::preview::preview(state, effects),
        // It says that there is nothing to look at.
        Kind::DeleteMarker => return details(state, effects),
        Kind::Bookmark | Kind::Bucket | Kind::Prefix => {}
    }
    let Some(uri) = state.browser.uri_of(row) else { return };
    let place = match &state.browser.place {
        Place::Versions { .. } => Place::Versions { uri, of: Of::Level },
        _ => Place::Prefix(uri),
    };
    enter(state, place, effects);
}

/// Goes to a place below or beside this one, which is kept as it is for the way back.
pub(super) fn enter(state: &mut State, place: Place, effects: &mut Vec<Effect>) {
    let browser = &mut state.browser;
    stop(browser, effects);
    browser.return_to = None;
    let level = Level {
        place: browser.place.clone(),
        listing: std::mem::take(&mut browser.listing),
        cursor: browser.cursor,
        load: browser.load.clone(),
    };
    let (order, reversed) = (level.listing.order(), level.listing.is_reversed());
    browser.trail.push(level);
    browser.listing.set_order(order, reversed);
    list(state, place, effects);
}

/// One level up: as it was left when we came from there, else listed anew.
fn parent(state: &mut State, effects: &mut Vec<Effect>) {
    let here = match &state.browser.place {
        Place::Buckets => {
            state.focus = Focus::Roles;
            return;
        }
        here => here.clone(),
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
    let (Place::Prefix(uri) | Place::Flat(uri)) = here else {
        let place = here.uri().map(|uri| S3Uri::new(&uri.bucket, here.base())).map_or(Place::Buckets, Place::Prefix);
        list(state, place, effects);
        return;
    };
    let name = if uri.key.is_empty() { uri.bucket.clone() } else { uri.name().to_owned() };
    state.browser.return_to = Some((name, 0));
    let place = uri.parent().map_or(Place::Buckets, Place::Prefix);
    list(state, place, effects);
}

/// The bucket or prefix that an action about "below" means: in the list of buckets the one under the cursor, else the
/// place that is shown.
fn below(browser: &Browser) -> Option<S3Uri> {
    match &browser.place {
        Place::Buckets => browser.selected_uri(),
        place => Some(S3Uri::new(&place.uri()?.bucket, place.base())),
    }
}

/// Level by level, or everything below at once; in the list of buckets, everything in the one under the cursor.
fn flat(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(uri) = below(&state.browser) else { return };
    let place = match &state.browser.place {
        Place::Flat(_) => Place::Prefix(uri),
        _ => Place::Flat(uri),
    };
    if matches!(state.browser.place, Place::Prefix(_) | Place::Flat(_)) {
        stop(&mut state.browser, effects);
        state.browser.return_to = None;
        list(state, place, effects);
    } else {
        enter(state, place, effects);
    }
}

/// Opens the question what to look for.
fn find(state: &mut State) {
    let Some(below) = below(&state.browser) else { return };
    state.modal = Some(Modal::Find { below, input: Input::default(), problem: None });
}

/// Looks for what was typed.
pub(super) fn found(state: &mut State, below: S3Uri, input: Input, effects: &mut Vec<Effect>) {
    let pattern = input.value().trim().to_owned();
    let problem = match Pattern::new(&pattern) {
        Ok(_) if pattern.is_empty() => Some("write a part of a name, or a glob such as *.csv".to_owned()),
        Ok(_) => None,
        Err(problem) => Some(problem),
    };
    if problem.is_some() {
        state.modal = Some(Modal::Find { below, input, problem });
        return;
    }
    let place = Place::Found { below, pattern };
    if matches!(state.browser.place, Place::Found { .. }) {
        stop(&mut state.browser, effects);
        list(state, place, effects);
    } else {
        enter(state, place, effects);
    }
}

/// Keeps a bookmark of what is shown (in the list of buckets, of the row under the cursor), or forgets it.
fn bookmark(state: &mut State, effects: &mut Vec<Effect>) {
    let (Some(role), Some(uri)) = (state.browser.role, below(&state.browser)) else { return };
    let shown = escaped(&uri.to_string()).into_owned();
    if state.profile.role(role).buckets.contains(&uri) {
        state.notice = Some(format!("{shown} is a bookmark of the profile file: it is forgotten there alone"));
        return;
    }
    let known = state.bookmarks.entry(role).or_default();
    let keep = !known.contains(&uri);
    // The file follows; what it says in the end comes back.
    if keep {
        known.push(uri.clone());
    } else {
        known.retain(|known| *known != uri);
    }
    let key = state.keys.key(Action::Bookmark).unwrap_or_default();
    state.notice = Some(match keep {
        true => format!("bookmarked {shown}; {key} forgets it"),
        false => format!("{shown} is no bookmark any more"),
    });
    effects.push(Effect::Bookmark { role, uri, keep });
    if state.browser.place == Place::Buckets {
        relist(state, effects);
    }
}

/// What the file says after a change.
pub(super) fn bookmarks(state: &mut State, role: RoleIndex, answer: Result<Vec<S3Uri>>) {
    match answer {
        Ok(bookmarks) => _ = state.bookmarks.insert(role, bookmarks),
        Err(error) => state.notice = Some(format!("the bookmark was not written: {error}")),
    }
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

/// One answer to `List` or `Walk`.
pub(super) fn page(state: &mut State, ticket: Ticket, answer: Result<Page>) {
    let browser = &mut state.browser;
    if !waits_for(browser, ticket) {
        return;
    }
    match answer {
        Ok(page) => {
            browser.listing.add_page(browser.place.base(), &page.entries);
            if page.next.is_none() {
                browser.load = Load::Ready;
                browser.listing.settle();
            }
            put_cursor_back(browser);
        }
        Err(error) => failed(state, error),
    }
}

/// One answer to `Versions`.
pub(super) fn versions(state: &mut State, ticket: Ticket, answer: Result<VersionPage>) {
    let browser = &mut state.browser;
    if !waits_for(browser, ticket) {
        return;
    }
    match answer {
        Ok(page) => {
            browser.listing.add_versions(browser.place.base(), &page);
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
    match row.kind {
        Kind::Object | Kind::Version => {}
        Kind::DeleteMarker => {
            state.notice = Some("a delete marker: the object was deleted then; older versions are still there".into());
            return;
        }
        Kind::Bookmark | Kind::Bucket | Kind::Prefix => {
            state.notice = Some("only an object has details; on a bucket or folder count what is below".into());
            return;
        }
    }
    let Some(uri) = state.browser.uri_of(row) else { return };
    let known = Known { size: row.size, modified: row.modified, class: row.class.to_owned() };
    let version = row.version.map(str::to_owned);
    let ticket = new_ticket(state);
    let (answer, top) = (Answer::Loading(ticket), 0);
    state.modal = Some(Modal::Details { uri: uri.clone(), version: version.clone(), known, answer, top });
    effects.push(Effect::Details { ticket, role, uri, version });
}

/// The marked rows, or the one under the cursor: what a transfer would be of.
pub(super) fn picked(browser: &Browser) -> Vec<Picked> {
    // Rows of several levels keep their folders: their names alone are not theirs alone.
    let below = match &browser.place {
        Place::Flat(uri) | Place::Found { below: uri, .. } => Some(folder_of(&uri.key).to_owned()),
        _ => None,
    };
    let pick = |row: Row<'_>| {
        let listed = match row.kind {
            Kind::DeleteMarker => return None,
            // Rows keep no ETag: a million of them would take as much as everything else.
            Kind::Object | Kind::Version => Some(Listed { size: row.size, modified: row.modified, etag: None }),
            Kind::Bookmark | Kind::Bucket | Kind::Prefix => None,
        };
        // Of everything below, what counts is the latest.
        let (version, below) = (row.version.map(str::to_owned), below.clone());
        Some(Picked { uri: browser.uri_of(row)?, listed, version, below })
    };
    let mut picked: Vec<_> = browser.listing.marked().filter_map(pick).collect();
    if picked.is_empty() {
        picked.extend(browser.listing.row(browser.cursor.at).and_then(pick));
    }
    picked
}

fn download(state: &mut State) {
    let picked = picked(&state.browser);
    if picked.is_empty() {
        state.notice = Some("there is nothing to download here".into());
        return;
    }
    let input = Input::new("./".into());
    state.modal =
        Some(Modal::Download { picked, input, untouched: true, if_exists: IfExists::default(), problem: None });
}
