//! The preview: opened on the object under the cursor, walked through, on to the next object, closed.

use crossterm::event::{Event, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler as _;

use super::{new_ticket, roles};
use crate::domain::text::escaped;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::preview::{Body, Preview};
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::listing::Kind;
use crate::tui::msg::Ticket;
use crate::tui::picture::Drawn;
use crate::tui::state::inquiry::About;
use crate::tui::state::{After, Modal, Search, Seen, Sketch, State, Viewer, room};

/// Columns of text that a step sideways goes.
const STEP: isize = 8;

/// Previews the object under the cursor.
pub(super) fn preview(state: &mut State, effects: &mut Vec<Effect>) {
    let row = state.browser.listing.row(state.browser.cursor.at);
    let row = row.filter(|row| matches!(row.kind, Kind::Object | Kind::Version));
    match row.and_then(|row| Some((state.browser.uri_of(row)?, row.version.map(str::to_owned)))) {
        Some((uri, version)) => open(state, uri, version, effects),
        None => state.notice = Some("only an object can be previewed".into()),
    }
}

/// Previews an object, or one of its versions.
pub(super) fn open(state: &mut State, uri: S3Uri, version: Option<String>, effects: &mut Vec<Effect>) {
    let Some(role) = state.browser.role else { return };
    let ticket = new_ticket(state);
    state.modal = Some(Modal::Preview(Box::new(Viewer::new(uri.clone(), version.clone(), ticket))));
    effects.push(Effect::Preview { ticket, role, uri, version });
}

/// A key while it is open; the viewer that is put back stays open.
pub(super) fn key(
    state: &mut State,
    mut viewer: Box<Viewer>,
    event: KeyEvent,
    action: Option<Action>,
    effects: &mut Vec<Effect>,
) {
    if viewer.search.as_ref().is_some_and(|search| search.typing) {
        type_search(state, &mut viewer, event);
        state.modal = Some(Modal::Preview(viewer));
        return;
    }
    let page = isize::from(room(state.size).1.saturating_sub(2).max(1) as i16);
    let is_table = viewer.current().is_some_and(|look| look.name == "table");
    let step = if is_table { 1 } else { STEP };
    let (down, right) = match action {
        // Enter and `l` are both bound to it: the one that goes sideways is `l`.
        _ if event.code == KeyCode::Enter => {
            next_look(&mut viewer);
            (0, 0)
        }
        Some(Action::Filter) => {
            look_for(state, &mut viewer);
            (0, 0)
        }
        // In a text these are nobody's keys but its own; whoever bound them to something else has that.
        None | Some(Action::Console) if event.code == KeyCode::Char('w') => {
            (viewer.wraps, viewer.left, viewer.above) = (!viewer.wraps, 0, 0);
            state.notice = Some(if viewer.wraps { "long lines are wrapped" } else { "long lines are cut" }.into());
            (0, 0)
        }
        None if matches!(event.code, KeyCode::Char('n' | 'N')) => {
            find(state, &mut viewer, event.code == KeyCode::Char('n'));
            (0, 0)
        }
        Some(Action::Up) => (-1, 0),
        Some(Action::Down) => (1, 0),
        Some(Action::PageUp) => (-page, 0),
        Some(Action::PageDown | Action::Mark) => (page, 0),
        Some(Action::Top) => (isize::MIN, isize::MIN),
        Some(Action::Bottom) => (isize::MAX, 0),
        Some(Action::Parent) => (0, -step),
        Some(Action::Open) => (0, step),
        Some(Action::NextPane) => return neighbour(state, viewer, 1, effects),
        Some(Action::PreviousPane) => return neighbour(state, viewer, -1, effects),
        Some(Action::Quit | Action::Preview | Action::Close) => return close(&viewer, effects),
        Some(Action::Explain) => {
            close(&viewer, effects);
            if let Some(role) = state.browser.role {
                super::inquiry::open(state, About::access(role, Some(viewer.uri.clone())), effects);
            }
            return;
        }
        Some(Action::CopyText) => {
            effects.push(Effect::CopyText(viewer.uri.to_string()));
            state.notice = Some("copied the object's URI".into());
            (0, 0)
        }
        _ => (0, 0),
    };
    if (down, right) != (0, 0)
        && let Some(search) = &mut viewer.search
    {
        // From what is in view now, not from where the last one was.
        search.found = None;
    }
    viewer.scroll(down, right, state.size);
    state.modal = Some(Modal::Preview(viewer));
}

/// Nobody waits any more for what is under way.
pub(super) fn close(viewer: &Viewer, effects: &mut Vec<Effect>) {
    effects.extend(viewer.tickets().map(Effect::Cancel));
}

fn next_look(viewer: &mut Viewer) {
    if let Seen::Ready(preview) = &viewer.seen {
        viewer.look = (viewer.look + 1) % preview.looks.len().max(1);
        (viewer.top, viewer.left, viewer.above) = (0, 0, 0);
        viewer.search = viewer.search.take().map(|search| Search { found: None, ..search });
    }
}

/// Opens the line in which is typed what to look for.
fn look_for(state: &mut State, viewer: &mut Viewer) {
    match viewer.current().map(|look| &look.body) {
        Some(Body::Text(_) | Body::Table(_)) => {
            viewer.search = Some(Search { typing: true, ..Search::default() });
        }
        _ => state.notice = Some("only text and tables can be searched".into()),
    }
}

fn type_search(state: &mut State, viewer: &mut Viewer, event: KeyEvent) {
    let Some(search) = &mut viewer.search else { return };
    if event.code != KeyCode::Enter {
        search.input.handle_event(&Event::Key(event));
        return;
    }
    search.typing = false;
    if search.input.value().is_empty() {
        viewer.search = None;
    } else {
        find(state, viewer, true);
    }
}

/// Goes to the next place that holds what is looked for, or to the one before.
fn find(state: &mut State, viewer: &mut Viewer, forward: bool) {
    let Some(search) = &viewer.search else {
        let key = state.keys.key(Action::Filter).unwrap_or_default();
        state.notice = Some(format!("{key} looks for text"));
        return;
    };
    let needle = escaped(search.input.value()).into_owned();
    state.notice = match viewer.find(forward, state.size) {
        None => Some(format!("{needle} is not in what was read")),
        Some(true) => Some(format!("from the {} again", if forward { "top" } else { "end" })),
        Some(false) => None,
    };
}

/// Esc: the search first, then the preview.
pub(super) fn leave(state: &mut State, mut viewer: Box<Viewer>, effects: &mut Vec<Effect>) {
    if viewer.search.take().is_some() {
        state.modal = Some(Modal::Preview(viewer));
    } else {
        close(&viewer, effects);
    }
}

/// The next object of the list, prefixes left out; at its end the view stays.
fn neighbour(state: &mut State, viewer: Box<Viewer>, step: isize, effects: &mut Vec<Effect>) {
    let listing = &state.browser.listing;
    let mut at = state.browser.cursor.at;
    let found = loop {
        let Some(next) = at.checked_add_signed(step).filter(|next| *next < listing.shown()) else { break None };
        at = next;
        if listing.row(at).is_some_and(|row| row.kind == Kind::Object) {
            break listing.row(at).and_then(|row| state.browser.uri_of(row));
        }
    };
    match found {
        Some(uri) if viewer.version.is_none() => {
            close(&viewer, effects);
            state.browser.cursor.at = at;
            open(state, uri, None, effects);
            if let Some(Modal::Preview(next)) = &mut state.modal {
                next.wraps = viewer.wraps;
                next.search = viewer.search.map(|search| Search { found: None, ..search });
            }
        }
        _ => {
            state.notice = Some(format!("no {} object here", if step > 0 { "next" } else { "previous" }));
            state.modal = Some(Modal::Preview(viewer));
        }
    }
}

/// The answer to `Preview`, when it is still wanted.
pub(super) fn seen(state: &mut State, ticket: Ticket, answer: Result<Box<Preview>>) {
    let Some(Modal::Preview(viewer)) = &mut state.modal else { return };
    if !matches!(viewer.seen, Seen::Loading(waiting) if waiting == ticket) {
        return;
    }
    if let (Err(Error::MfaRequired { role: wanting, serial }), Some(role)) = (&answer, state.browser.role) {
        roles::ask_code(state, role, After::Relist, (wanting, serial), None);
    } else {
        viewer.seen = answer.map_or_else(Seen::Failed, Seen::Ready);
    }
}

/// Has the picture that is looked at drawn for the room that there is, once.
pub(super) fn draw(state: &mut State, effects: &mut Vec<Effect>) {
    let (room, number) = (room(state.size), state.last_number + 1);
    let Some(Modal::Preview(viewer)) = &mut state.modal else { return };
    let Some(picture) = viewer.picture().cloned() else { return };
    if viewer.drawn.as_ref().is_some_and(|(of, _)| *of == room) {
        return;
    }
    // A size that is gone before its picture came.
    if let Some((_, Sketch::Asked(ticket))) = viewer.drawn {
        effects.push(Effect::Cancel(ticket));
    }
    let ticket = Ticket(number);
    viewer.drawn = Some((room, Sketch::Asked(ticket)));
    state.last_number = number;
    effects.push(Effect::Draw { ticket, picture, room });
}

/// The answer to `Draw`; nothing where the terminal has no colours.
pub(super) fn drawn(state: &mut State, ticket: Ticket, drawn: Option<Drawn>) {
    let Some(Modal::Preview(viewer)) = &mut state.modal else { return };
    if let Some((_, sketch)) = &mut viewer.drawn
        && matches!(sketch, Sketch::Asked(waiting) if *waiting == ticket)
    {
        *sketch = Sketch::Ready(drawn);
    }
}
