//! Asking where a copy goes: the role, the place, and whether it is right so.

use std::sync::Arc;

use crossterm::event::{Event, KeyCode, KeyEvent};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use super::{browser, inquiry, new_ticket, roles, transfers};
use crate::domain::copy::{Class, Storage};
use crate::domain::object::{Bucket, Entry, Page};
use crate::domain::role::RoleIndex;
use crate::domain::session::seconds_left;
use crate::domain::text::escaped;
use crate::domain::transfer::IfExists;
use crate::domain::uri::{S3Uri, last_segment};
use crate::error::Result;
use crate::ops::copy::{Plan, Refused, Roles as Between};
use crate::ops::transfer::retry::{Verdict, verdict};
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::layout::picker_room;
use crate::tui::msg::Ticket;
use crate::tui::review::{policy_command, review as rows_of, room};
use crate::tui::state::copying::{CopyOption, Copying, PlaceRow, Places, Route, Step};
use crate::tui::state::inquiry::About;
use crate::tui::state::{After, Modal, Roles, State, What};

/// Pages of a level that are looked through for prefixes: what is not among them is typed.
const PAGES: usize = 50;

/// Targets that are remembered.
const RECENT: usize = 3;

/// The storage classes that are offered, after that of the source.
const CLASSES: [&str; 5] = ["STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

/// Opens the question for the marked rows, or the one under the cursor.
pub(super) fn open(state: &mut State) {
    let (Some(from), picked) = (state.browser.role, browser::picked(&state.browser)) else { return };
    if picked.is_empty() {
        state.notice = Some("there is nothing to copy here".into());
        return;
    }
    let mut roles = Roles::default();
    roles.arrange(&state.profile);
    let recent = state.copied_to.clone();
    state.copying = Some(Box::new(Copying {
        picked,
        from,
        to: None,
        roles,
        at_recent: (!recent.is_empty()).then_some(0),
        recent,
        places: Places::default(),
        if_exists: IfExists::default(),
        storage: Storage::default(),
        option: CopyOption::IfExists,
        asked_anew: false,
        step: Step::Role,
        input: Input::default(),
    }));
    state.modal = Some(Modal::Copying);
}

/// The question comes back when nothing else is asked and its role is not being assumed.
pub(super) fn settle(state: &mut State) {
    let assumes = state.assuming.as_ref().is_some_and(|running| running.then == After::Copy);
    if state.copying.is_some() && state.modal.is_none() && !assumes {
        state.modal = Some(Modal::Copying);
    }
    keep_in_review(state);
    let (_, height) = picker_room(state.size);
    let Some(copying) = &mut state.copying else { return };
    copying.roles.cursor.follow(copying.roles.rows.len(), height.saturating_sub(1 + copying.recent_rows()));
    if copying.roles.cursor.at == 1 {
        copying.roles.cursor.top = 0;
    }
    let length = copying.place_rows().len();
    copying.places.cursor.follow(length, height.saturating_sub(2));
}

/// Keeps the view of the last question within it.
fn keep_in_review(state: &mut State) {
    let Some(copying) = &state.copying else { return };
    let Step::Review { target, picks, way, top } = &copying.step else { return };
    let (width, height) = room(state.size);
    let last = rows_of(state, copying, (target, picks, way), width).len().saturating_sub(height);
    let kept = (*top).min(last);
    if let Some(Step::Review { top, .. }) = state.copying.as_mut().map(|copying| &mut copying.step) {
        *top = kept;
    }
}

/// A key in the question; Esc is [`back`].
pub(super) fn key(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    state.modal = Some(Modal::Copying);
    let Some(copying) = &mut state.copying else { return };
    match &copying.step {
        Step::Role => of_role(state, event, effects),
        Step::Place => of_place(state, event, effects),
        Step::Review { .. } => of_review(state, event, effects),
    }
}

/// Pasted text goes where text is typed.
pub(super) fn paste(state: &mut State, line: &str, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    if matches!(copying.step, Step::Review { .. }) {
        return;
    }
    for c in line.chars() {
        copying.input.handle(tui_input::InputRequest::InsertChar(c));
    }
    typed(state, effects);
}

/// One step back, and from the first one out.
pub(super) fn back(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    effects.extend(copying.ticket().map(Effect::Cancel));
    copying.places.loading = None;
    copying.input.reset();
    match &copying.step {
        Step::Role => {
            state.copying = None;
            return;
        }
        Step::Place => {
            copying.step = Step::Role;
            copying.to = None;
            copying.roles.filter.clear();
            copying.roles.arrange(&state.profile);
        }
        Step::Review { .. } => copying.step = Step::Place,
    }
    state.modal = Some(Modal::Copying);
}

fn of_role(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    match event.code {
        KeyCode::Up | KeyCode::Down => copying.go(if event.code == KeyCode::Up { -1 } else { 1 }),
        KeyCode::PageUp | KeyCode::PageDown => {
            let by = if event.code == KeyCode::PageUp { -10 } else { 10 };
            copying.roles.go(by);
        }
        KeyCode::Enter => {
            let recent = copying.at_recent.and_then(|at| copying.recent.get(at)).cloned();
            let chosen = recent.clone().map(|(role, _)| role).or(copying.roles.selected());
            let Some(role) = chosen else { return };
            copying.places = Places { level: recent.map(|(_, uri)| uri), ..Places::default() };
            let lives = |life: &crate::tui::msg::Life| seconds_left(life.expiration, state.now) > 0;
            let lives = state.roles.lives.get(&role).is_some_and(lives);
            if lives && !roles::wants_name(state, role) {
                session_came(state, role, effects);
            } else {
                state.modal = None;
                roles::guarded(state, role, After::Copy, false, effects);
            }
        }
        _ => {
            copying.input.handle_event(&Event::Key(event));
            typed(state, effects);
        }
    }
}

/// There is a session of the role that was asked for.
pub(super) fn session_came(state: &mut State, role: RoleIndex, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    state.modal = Some(Modal::Copying);
    match copying.step {
        Step::Role => {
            copying.to = Some(role);
            copying.step = Step::Place;
            copying.input.reset();
            let level = copying.places.level.take();
            look(state, level, effects);
        }
        Step::Place => {
            let level = copying.places.level.take();
            look(state, level, effects);
        }
        Step::Review { .. } => plan(state, effects),
    }
}

/// What was typed has changed.
fn typed(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    let text = copying.input.value().to_owned();
    copying.places.cursor.at = 0;
    copying.places.wrong = None;
    match (&copying.step, &copying.places.level) {
        (Step::Role, _) => {
            copying.roles.filter = text;
            copying.roles.arrange(&state.profile);
            let none = copying.roles.filter.is_empty() && !copying.recent.is_empty();
            copying.at_recent = none.then_some(0);
        }
        (Step::Place, None) => {
            // A bucket is whole where its slash is.
            let named = text.trim().strip_prefix("s3://").unwrap_or(text.trim());
            if named.contains('/')
                && let Ok(uri) = format!("s3://{named}").parse::<S3Uri>()
            {
                into(state, uri, effects);
            }
        }
        (Step::Place, Some(level)) if text.contains('/') => {
            let uri = S3Uri::new(&level.bucket, format!("{}{text}", level.key));
            into(state, uri, effects);
        }
        (Step::Place | Step::Review { .. }, _) => {}
    }
}

/// Goes to a place; what stands behind its last slash stays typed.
fn into(state: &mut State, uri: S3Uri, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    let end = uri.key.rfind('/').map_or(0, |slash| slash + 1);
    copying.input = Input::new(uri.key[end..].to_owned());
    look(state, Some(S3Uri::new(uri.bucket, &uri.key[..end])), effects);
}

/// Lists a level, or the bookmarks and buckets.
fn look(state: &mut State, level: Option<S3Uri>, effects: &mut Vec<Effect>) {
    let ticket = new_ticket(state);
    let Some(copying) = &mut state.copying else { return };
    let Some(role) = copying.to else { return };
    effects.extend(copying.places.loading.map(Effect::Cancel));
    copying.places = Places { level: level.clone(), loading: Some(ticket), ..Places::default() };
    match level {
        Some(uri) => effects.push(Effect::List { ticket, role, uri }),
        None => {
            let of_file = state.profile.role(role).buckets.iter();
            let added = state.bookmarks.get(&role).into_iter().flatten();
            of_file.chain(added).for_each(|uri| copying.places.add(uri.to_string()));
            effects.push(Effect::Buckets { ticket, role });
        }
    }
}

/// Whether an answer is to a question of ours.
pub(super) fn waits_for(state: &State, ticket: Ticket) -> bool {
    state.copying.as_ref().is_some_and(|copying| copying.places.loading == Some(ticket))
}

/// The answer to `Buckets`.
pub(super) fn buckets(state: &mut State, answer: Result<Vec<Bucket>>) {
    let Some(copying) = &mut state.copying else { return };
    copying.places.loading = None;
    match answer {
        Ok(buckets) => {
            buckets.iter().for_each(|bucket| copying.places.add(S3Uri::new(&bucket.name, "").to_string()));
        }
        Err(error) => copying.places.problem = Some(error),
    }
}

/// One answer to `List`: of a level only the prefixes are of use.
pub(super) fn page(state: &mut State, answer: Result<Page>, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    match answer {
        Ok(page) => {
            for entry in &page.entries {
                if let Entry::Prefix(prefix) = entry {
                    copying.places.add(last_segment(prefix).to_owned());
                }
            }
            copying.places.pages += 1;
            if page.next.is_none() {
                copying.places.loading = None;
            } else if copying.places.pages >= PAGES {
                effects.extend(copying.places.loading.take().map(Effect::Cancel));
            }
        }
        Err(error) => {
            copying.places.loading = None;
            copying.places.problem = Some(error);
        }
    }
}

fn of_place(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    let rows = copying.place_rows();
    match event.code {
        KeyCode::Up => copying.places.cursor.go(-1, rows.len()),
        KeyCode::Down => copying.places.cursor.go(1, rows.len()),
        KeyCode::PageUp => copying.places.cursor.go(-10, rows.len()),
        KeyCode::PageDown => copying.places.cursor.go(10, rows.len()),
        KeyCode::Backspace if copying.input.value().is_empty() => {
            let Some(level) = &copying.places.level else { return };
            let above = level.parent();
            look(state, above, effects);
        }
        KeyCode::Enter => match rows.get(copying.places.cursor.at).cloned() {
            Some(PlaceRow::Here(target)) => review(state, target, effects),
            Some(PlaceRow::Into(uri)) => {
                copying.input.reset();
                look(state, Some(uri), effects);
            }
            None => copying.places.wrong = Some("write the bucket's name".into()),
        },
        _ => {
            copying.input.handle_event(&Event::Key(event));
            typed(state, effects);
        }
    }
}

/// The place was chosen: what that makes of what was picked, and which way it goes.
fn review(state: &mut State, target: S3Uri, effects: &mut Vec<Effect>) {
    let Some(copying) = &mut state.copying else { return };
    match copying.picks(&target) {
        Ok(picks) => {
            effects.extend(copying.places.loading.take().map(Effect::Cancel));
            copying.asked_anew = false;
            // `plan` gives it a ticket of its own.
            copying.step = Step::Review { target, picks, way: Route::Asked(Ticket(0)), top: 0 };
            plan(state, effects);
        }
        Err(problem) => copying.places.wrong = Some(problem),
    }
}

/// Asks which way the copy goes, anew where it was asked before.
fn plan(state: &mut State, effects: &mut Vec<Effect>) {
    let ticket = new_ticket(state);
    let Some(copying) = &mut state.copying else { return };
    let (from, if_exists, storage) = (copying.from, copying.if_exists, copying.storage.clone());
    let (Some(to), Step::Review { picks, way, .. }) = (copying.to, &mut copying.step) else { return };
    if let Route::Asked(before) = way
        && *before != Ticket(0)
    {
        effects.push(Effect::Cancel(*before));
    }
    *way = Route::Asked(ticket);
    let (roles, picks) = (Between { from, to }, Arc::clone(picks));
    effects.push(Effect::PlanCopy { ticket, roles, picks, if_exists, storage });
}

/// The answer to `PlanCopy`, when it is still wanted.
pub(super) fn planned(
    state: &mut State,
    ticket: Ticket,
    answer: Result<Plan, Box<Refused>>,
    effects: &mut Vec<Effect>,
) {
    let Some(copying) = &mut state.copying else { return };
    let Step::Review { way, .. } = &mut copying.step else { return };
    if !matches!(way, Route::Asked(waiting) if *waiting == ticket) {
        return;
    }
    match answer {
        Ok(plan) => {
            *way = Route::Open(plan);
            copying.asked_anew = false;
        }
        Err(refused) => {
            let role = refused.role;
            let ended = verdict(&refused.error) == Verdict::Session;
            let wants_somebody = ended && !copying.asked_anew;
            *way = Route::Refused(refused);
            // A session that has ended meanwhile: somebody is asked, and then it is tried again, once.
            if wants_somebody && matches!(state.modal, Some(Modal::Copying)) {
                copying.asked_anew = true;
                state.modal = None;
                roles::assume(state, role, After::Copy, None, false, effects);
            }
        }
    }
}

fn of_review(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    match state.keys.action(event) {
        Some(Action::CopyText) => return copy_command(state, effects),
        Some(Action::Explain) => return explain(state, effects),
        // What was refused may have been mended meanwhile.
        Some(Action::Refresh) => {
            if let Some(copying) = &mut state.copying {
                copying.asked_anew = false;
            }
            return plan(state, effects);
        }
        _ => {}
    }
    let Some(copying) = &mut state.copying else { return };
    let at = CopyOption::ALL.iter().position(|option| *option == copying.option).unwrap_or(0);
    match event.code {
        KeyCode::Up => copying.option = CopyOption::ALL[at.saturating_sub(1)],
        KeyCode::Down => copying.option = CopyOption::ALL[(at + 1).min(CopyOption::ALL.len() - 1)],
        KeyCode::Tab => {
            match copying.option {
                CopyOption::IfExists => copying.if_exists = transfers::next_wish(copying.if_exists, true),
                CopyOption::Class => copying.storage.class = next_class(&copying.storage.class),
                CopyOption::Tags => copying.storage.without_tags = !copying.storage.without_tags,
            }
            // Each of them asks for other permissions.
            plan(state, effects);
        }
        KeyCode::PageUp | KeyCode::PageDown => {
            let Step::Review { top, .. } = &mut copying.step else { return };
            *top = if event.code == KeyCode::PageUp { top.saturating_sub(8) } else { *top + 8 };
        }
        KeyCode::Enter => start(state),
        _ => {}
    }
}

/// Asks why the copy is refused; the question comes back when that is closed.
fn explain(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(copying) = &state.copying else { return };
    let Step::Review { picks, way: Route::Refused(refused), .. } = &copying.step else { return };
    let uri = picks.first().map(|pick| refused.place(pick).clone());
    let about = About::Access { role: refused.role, uri, write: refused.writes() };
    inquiry::open(state, about, effects);
}

/// Hands the command to the clipboard that prints what a refused copy needs.
fn copy_command(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(copying) = &state.copying else { return };
    let Step::Review { picks, way: Route::Refused(refused), .. } = &copying.step else { return };
    let Some(command) = policy_command(state, copying, picks, refused) else { return };
    state.notice = Some(format!("copied {}", escaped(&command)));
    effects.push(Effect::CopyText(command));
}

fn next_class(class: &Class) -> Class {
    let named = |class: &str| Class::Named(class.to_owned());
    match class {
        Class::Standard => Class::Keep,
        Class::Keep => named(CLASSES[0]),
        Class::Named(now) => {
            let place = CLASSES.iter().position(|class| class == now);
            place.and_then(|place| CLASSES.get(place + 1)).map_or(Class::Standard, |next| named(next))
        }
    }
}

fn start(state: &mut State) {
    let Some(copying) = state.copying.take() else { return };
    let Step::Review { target, picks, way: Route::Open(plan), .. } = &copying.step else {
        let asked = matches!(&copying.step, Step::Review { way: Route::Asked(_), .. });
        state.notice = Some(if asked { "the way is still looked for" } else { "there is no way to copy it so" }.into());
        state.copying = Some(copying);
        return;
    };
    if plan.is_empty {
        state.notice = Some("there is nothing to copy".into());
        state.copying = Some(copying);
        return;
    }
    if let Some(to) = copying.to {
        state.copied_to.retain(|known| *known != (to, target.clone()));
        state.copied_to.insert(0, (to, target.clone()));
        state.copied_to.truncate(RECENT);
    }
    let (target, picks, plan) = (target.clone(), Arc::clone(picks), plan.clone());
    state.notice = Some(format!("copying to {}", escaped(&target.to_string())));
    let what = What::Copy { plan, target, picks, storage: copying.storage };
    transfers::put_in_line(state, &copying.picked, what, copying.if_exists);
    state.browser.listing.unmark_all();
    state.modal = None;
}
