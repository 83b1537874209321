//! What a message does to the screen: a calculation. No I/O, no clock, no await.

mod browser;
mod copy;
mod copying;
mod inquiry;
mod modal;
mod mouse;
mod preview;
mod roles;
mod transfers;
mod usage;
mod versions;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::effect::Effect;
use super::keys::Action;
use super::layout::areas;
use super::msg::{Msg, Ticket};
use super::state::inquiry::About;
use super::state::{Focus, Job, Modal, State};
use crate::domain::session::{is_fresh, seconds_left};
use crate::domain::text::escaped;
use crate::error::Error;

/// Warn when so many seconds are left.
const WARNINGS: [u64; 2] = [300, 60];

/// Applies a message and gives what must be done outside.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(event) if event.kind == KeyEventKind::Release => {}
        Msg::Key(event) => key(state, event, &mut effects),
        Msg::Paste(text) => modal::paste(state, &text, &mut effects),
        Msg::Mouse(event) => mouse::mouse(state, event, &mut effects),
        Msg::Resize(columns, rows) => state.size = (columns, rows),
        Msg::Tick(now) => tick(state, now, &mut effects),
        Msg::Sessions(lives) => state.roles.lives.extend(lives),
        Msg::Renewed(role, life) => {
            state.roles.failures.remove(&role);
            state.roles.lives.insert(role, life);
            transfers::session_came(state, role, &mut effects);
        }
        Msg::Assumed(ticket, _, answer, hint) if inquiry::waits_for(state, ticket) => {
            inquiry::assumed(state, answer, hint, &mut effects);
        }
        Msg::Assumed(ticket, role, answer, hint) => {
            roles::assumed(state, (ticket, role), answer, hint, &mut effects);
        }
        Msg::Buckets(ticket, answer) if copying::waits_for(state, ticket) => copying::buckets(state, answer),
        Msg::Page(ticket, answer) if copying::waits_for(state, ticket) => {
            copying::page(state, answer, &mut effects);
        }
        Msg::CopyPlanned(ticket, answer) => copying::planned(state, ticket, answer, &mut effects),
        Msg::Buckets(ticket, answer) => browser::buckets(state, ticket, answer),
        Msg::Page(ticket, answer) => browser::page(state, ticket, answer),
        Msg::Versions(ticket, answer) => browser::versions(state, ticket, answer),
        Msg::Usage(ticket, answer) => usage::counted(state, ticket, answer),
        Msg::Address(address) => copy::address(state, address, &mut effects),
        Msg::Presigned(ticket, answer) => copy::presigned(state, ticket, answer, &mut effects),
        Msg::Bookmarks(role, answer) => browser::bookmarks(state, role, answer),
        Msg::Details(ticket, answer) => modal::details(state, ticket, answer),
        Msg::Preview(ticket, answer) => preview::seen(state, ticket, answer),
        Msg::Drawn(ticket, drawn) => preview::drawn(state, ticket, drawn),
        Msg::Explained(ticket, answer) => inquiry::explained(state, ticket, answer),
        Msg::Inspected(ticket, answer) => inquiry::inspected(state, ticket, answer),
        Msg::MendingPlanned(ticket, answer) => inquiry::planned(state, ticket, answer),
        Msg::Mended(ticket, answer) => inquiry::mended(state, ticket, answer, &mut effects),
        Msg::Progress(job, progress) => transfers::progress(state, job, progress),
        Msg::Finished(job, answer) => transfers::finished(state, job, answer),
        Msg::ShellEnded(role, answer) => {
            match answer {
                Ok(0) => state.notice = Some(format!("back from {}", escaped(&state.profile.label(role)))),
                Ok(status) => state.notice = Some(format!("the subshell ended with status {status}")),
                Err(error) => fail(state, "subshell", error),
            }
            effects.push(Effect::Sessions);
        }
        Msg::CanSignIn(source) => _ = state.sign_ins.insert(source),
        Msg::SignInStep(ticket, step) => roles::sign_in_step(state, ticket, step),
        Msg::SignedIn(ticket, answer) => roles::signed_in(state, ticket, answer, &mut effects),
        Msg::Console(role, answer) => roles::console_opened(state, role, answer),
        Msg::Notices(notices) => {
            let all = state.notice.take().into_iter().chain(notices.iter().map(|text| escaped(text).into_owned()));
            state.notice = Some(all.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty());
        }
    }
    copying::settle(state);
    transfers::settle(state, &mut effects);
    follow(state);
    preview::draw(state, &mut effects);
    effects
}

fn key(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    state.notice = None;
    if state.modal.is_some() {
        modal::key(state, event, effects);
        return;
    }
    let Some(action) = state.keys.action(event) else { return };
    act(state, action, effects);
}

/// Does what a key means when nothing stands in front of the panes.
fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    match action {
        Action::Quit if state.jobs.iter().any(Job::is_open) => state.modal = Some(Modal::Quit),
        Action::Quit => effects.push(Effect::Quit),
        Action::Help => state.modal = Some(Modal::Help { top: 0 }),
        Action::NextPane => state.focus = next_pane(state, 1),
        Action::PreviousPane => state.focus = next_pane(state, 2),
        Action::Transfers if state.jobs.is_empty() => state.notice = Some("there are no transfers yet".into()),
        Action::Transfers => {
            state.focus = if state.focus == Focus::Transfers { Focus::Browser } else { Focus::Transfers };
        }
        Action::Close if state.assuming.is_some() => roles::cancel(state, effects),
        Action::GoTo => modal::go_to(state),
        Action::Buckets => match state.browser.role {
            Some(role) => browser::open_buckets(state, role, effects),
            None => state.notice = Some("assume a role first".into()),
        },
        action => match state.focus {
            Focus::Roles => roles::act(state, action, effects),
            Focus::Browser => browser::act(state, action, effects),
            Focus::Transfers => transfers::act(state, action, effects),
        },
    }
}

/// The panes that are there, round and round; `by` 1 is the next, 2 the previous of three.
fn next_pane(state: &State, by: usize) -> Focus {
    let panes = if state.jobs.is_empty() {
        vec![Focus::Roles, Focus::Browser]
    } else {
        vec![Focus::Roles, Focus::Browser, Focus::Transfers]
    };
    let at = panes.iter().position(|pane| *pane == state.focus).unwrap_or(0);
    let step = if by == 1 { 1 } else { panes.len() - 1 };
    panes[(at + step) % panes.len()]
}

fn tick(state: &mut State, now: jiff::Timestamp, effects: &mut Vec<Effect>) {
    let before = std::mem::replace(&mut state.now, now);
    state.beat = state.beat.wrapping_add(1);
    transfers::measure(state, now);
    let (Some(role), Some(life)) = (state.current, state.life()) else { return };
    // Once: what cannot be renewed without a question is told below when its end is near.
    let fresh = |at| is_fresh(life.issued, life.expiration, at);
    if state.profile.renews(role) && fresh(before) && !fresh(now) {
        effects.push(Effect::Renew { role });
        return;
    }
    let left = seconds_left(life.expiration, now);
    let (left_before, lifetime) = (seconds_left(life.expiration, before), seconds_left(life.expiration, life.issued));
    let passed = WARNINGS.iter().any(|limit| *limit < lifetime && left <= *limit && left_before > *limit);
    let label = escaped(&state.profile.label(role)).into_owned();
    let renew = state.keys.key(Action::Refresh).unwrap_or_default();
    if left == 0 && left_before > 0 {
        state.notice = Some(format!("the session of {label} has ended; {renew} on the role renews it"));
    } else if passed {
        let words = crate::domain::duration::words(left);
        state.notice = Some(format!("the session of {label} ends in {words}; {renew} on the role renews it"));
    }
}

/// Shows an error in front of everything.
fn fail(state: &mut State, title: &str, error: Error) {
    state.modal = Some(Modal::Failure { title: title.to_owned(), error, about: None });
}

/// The same where it can be asked why.
fn refused(state: &mut State, title: &str, error: Error, about: About) {
    let about = matches!(error, Error::Denied { .. } | Error::Aws { .. }).then_some(about);
    state.modal = Some(Modal::Failure { title: title.to_owned(), error, about });
}

fn new_ticket(state: &mut State) -> Ticket {
    Ticket(new_number(state))
}

fn new_number(state: &mut State) -> u64 {
    state.last_number += 1;
    state.last_number
}

/// Keeps every cursor inside its list and in view.
fn follow(state: &mut State) {
    if state.focus == Focus::Transfers && state.jobs.is_empty() {
        state.focus = Focus::Browser;
    }
    let areas = areas(state);
    let inner = |rows: u16| usize::from(rows.saturating_sub(2));
    state.roles.cursor.follow(state.roles.rows.len(), inner(areas.roles.height));
    // The heading of the first role is worth a row.
    if state.roles.cursor.at == 1 && inner(areas.roles.height) > 1 {
        state.roles.cursor.top = 0;
    }
    // One row is the table's heading.
    let browser_height = inner(areas.browser.height).saturating_sub(1);
    state.browser.cursor.follow(state.browser.listing.shown(), browser_height);
    state.job_cursor.follow(state.jobs.len(), inner(areas.transfers.height));
    transfers::keep_in_report(state);
}
