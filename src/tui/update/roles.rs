//! Picking a role and assuming it.

use tui_input::Input;

use super::browser;
use super::{copying, fail, inquiry, new_ticket, transfers};
use crate::domain::role::RoleIndex;
use crate::domain::session::seconds_left;
use crate::domain::text::escaped;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::console::ConsolePage;
use crate::tui::effect::{Code, Effect};
use crate::tui::keys::Action;
use crate::tui::listing::Kind;
use crate::tui::msg::{Life, SignInStep, Ticket};
use crate::tui::state::inquiry::About;
use crate::tui::state::{After, Assuming, Browser, Focus, Modal, Place, SignInProgress, State};

/// A page, for the page keys.
const PAGE: isize = 10;

pub(super) fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    let roles = &mut state.roles;
    match action {
        Action::Up => roles.go(-1),
        Action::Down => roles.go(1),
        Action::PageUp => roles.go(-PAGE),
        Action::PageDown => roles.go(PAGE),
        Action::Top => roles.go(-(roles.rows.len() as isize)),
        Action::Bottom => roles.go(roles.rows.len() as isize),
        Action::Filter => state.modal = Some(Modal::Filter { input: Input::new(roles.filter.clone()) }),
        Action::Close if !roles.filter.is_empty() => {
            roles.filter.clear();
            roles.arrange(&state.profile);
        }
        action => {
            let Some(role) = roles.selected() else { return };
            on_role(state, action, role, effects);
        }
    }
}

fn on_role(state: &mut State, action: Action, role: RoleIndex, effects: &mut Vec<Effect>) {
    match action {
        Action::Open => want(state, role, After::Open, effects),
        Action::Shell => want(state, role, After::Shell, effects),
        Action::Console => want(state, role, After::Console { here: false }, effects),
        Action::Refresh => {
            let then = if state.browser.role == Some(role) { After::Relist } else { After::Open };
            guarded(state, role, then, true, effects);
        }
        Action::CopyText => {
            // A permission set has none that anybody knows.
            let arn = state.profile.role(role).known_arn().map(ToString::to_string);
            let text = arn.unwrap_or_else(|| state.profile.label(role));
            state.notice = Some(format!("copied {}", escaped(&text)));
            effects.push(Effect::CopyText(text));
        }
        Action::Details => inquiry::open(state, About::Role(role), effects),
        Action::Explain => inquiry::open(state, About::access(role, None), effects),
        _ => {}
    }
}

/// Goes on with `role` right away when its session lives, else assumes it first.
pub(super) fn want(state: &mut State, role: RoleIndex, then: After, effects: &mut Vec<Effect>) {
    let lives = state.roles.lives.get(&role).is_some_and(|life| seconds_left(life.expiration, state.now) > 0);
    if lives && then == After::Open && !wants_name(state, role) {
        // Its answer would lead away from here again.
        cancel(state, effects);
        hold(state, role, then, effects);
    } else {
        // A subshell wants a session that lasts: assuming gives the living one while it is fresh.
        guarded(state, role, then, false, effects);
    }
}

/// Whether the account is guarded, and its name was not typed yet for this role.
pub(super) fn wants_name(state: &State, role: RoleIndex) -> bool {
    state.profile.account(role).confirm && state.current != Some(role)
}

/// Assumes a role, after the guard of its account where it has one.
pub(super) fn guarded(state: &mut State, role: RoleIndex, then: After, anew: bool, effects: &mut Vec<Effect>) {
    if wants_name(state, role) {
        state.modal = Some(Modal::Confirm { role, then, anew, input: Input::default() });
        return;
    }
    assume(state, role, then, None, anew, effects);
}

/// Asks for the session; the answer comes as `Msg::Assumed`.
pub(super) fn assume(
    state: &mut State,
    role: RoleIndex,
    then: After,
    code: Option<Code>,
    anew: bool,
    effects: &mut Vec<Effect>,
) {
    // One at a time: whoever picks another role does not wait for the first.
    if let Some(running) = state.assuming.take() {
        effects.push(Effect::Cancel(running.ticket));
        transfers::not_answered(state, &running);
    }
    let ticket = new_ticket(state);
    state.assuming = Some(Assuming { ticket, role, then, question: None });
    state.roles.failures.remove(&role);
    effects.push(Effect::Assume { ticket, role, code, anew });
}

/// Stops the AssumeRole that runs.
pub(super) fn cancel(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(running) = state.assuming.take() {
        effects.push(Effect::Cancel(running.ticket));
        state.notice = Some(format!("{} was not assumed", escaped(&state.profile.label(running.role))));
    }
}

/// The answer to an AssumeRole; one to an older question is dropped.
pub(super) fn assumed(
    state: &mut State,
    (ticket, role): (Ticket, RoleIndex),
    answer: Result<Life>,
    hint: Option<String>,
    effects: &mut Vec<Effect>,
) {
    let Some(running) = state.assuming.take_if(|running| running.ticket == ticket) else { return };
    match answer {
        Ok(life) => {
            state.roles.lives.insert(role, life);
            transfers::session_came(state, role, effects);
            if running.then == After::Resume {
                return;
            }
            if state.modal.is_some() {
                // What is being asked is about the role that was held when the question came up.
                state.notice = Some(format!("{} is assumed: open it when you are done", label(state, role)));
                return;
            }
            hold(state, role, running.then, effects);
        }
        // Other questions first: Enter on the role asks again.
        Err(Error::MfaRequired { .. }) if state.modal.is_some() => {
            transfers::not_answered(state, &running);
            state.notice = Some(format!("{} wants an MFA code", label(state, role)));
        }
        Err(Error::MfaRequired { role: wanting, serial }) => {
            ask_code(state, role, running.then, (&wanting, &serial), hint);
        }
        // The code was wrong, or sent before: the next one comes soon.
        Err(error) if state.modal.is_none() && is_about_code(&error) && running.question.is_some() => {
            let note = Some(match error {
                Error::MfaCodeUsed { .. } => "that code was sent already: wait for the next one".to_owned(),
                _ => "AWS did not take that code: wait for the next one".to_owned(),
            });
            let question = running.question.unwrap_or_default();
            state.modal = Some(Modal::Mfa { role, then: running.then, question, input: Input::default(), note });
        }
        Err(Error::SignedOut { source_name, message, .. })
            if state.modal.is_none() && state.sign_ins.contains(&source_name) =>
        {
            let progress = SignInProgress::Offered(message);
            state.modal = Some(Modal::SignIn { role, then: running.then, source: source_name, progress });
        }
        Err(error) => {
            state.roles.failures.insert(role, error.clone());
            if state.modal.is_some() {
                state.notice = Some(format!("{} was not assumed: {error}", label(state, role)));
                return;
            }
            super::refused(state, &format!("assume {}", label(state, role)), error, About::access(role, None));
        }
    }
}

fn is_about_code(error: &Error) -> bool {
    error.is_wrong_mfa_code() || matches!(error, Error::MfaCodeUsed { .. })
}

/// `account/role`, fit for the screen.
fn label(state: &State, role: RoleIndex) -> String {
    escaped(&state.profile.label(role)).into_owned()
}

/// Opens the question for an MFA code of the role that wants one, by its device.
pub(super) fn ask_code(
    state: &mut State,
    role: RoleIndex,
    then: After,
    (wanting, serial): (&str, &str),
    hint: Option<String>,
) {
    let question = format!("{} for {}", escaped(serial), escaped(wanting));
    let note = hint.map(|code| format!("the demo's device shows {code}"));
    state.modal = Some(Modal::Mfa { role, then, question, input: Input::default(), note });
}

/// Begins to sign in to `source`; the role is assumed when it is done.
pub(super) fn sign_in(state: &mut State, role: RoleIndex, then: After, source: String, effects: &mut Vec<Effect>) {
    let ticket = new_ticket(state);
    effects.push(Effect::SignIn { ticket, source: source.clone() });
    state.modal = Some(Modal::SignIn { role, then, source, progress: SignInProgress::Running(ticket, None) });
}

/// What the person must do, when the sign-in is still wanted.
pub(super) fn sign_in_step(state: &mut State, ticket: Ticket, step: SignInStep) {
    if let Some(Modal::SignIn { progress: SignInProgress::Running(waiting, known), .. }) = &mut state.modal
        && *waiting == ticket
    {
        *known = Some(step);
    }
}

/// The sign-in is done: the role is assumed, unless nobody waits any more.
pub(super) fn signed_in(state: &mut State, ticket: Ticket, answer: Result<(usize, usize)>, effects: &mut Vec<Effect>) {
    let is_waiting = |modal: &mut Modal| matches!(modal, Modal::SignIn { progress: SignInProgress::Running(waiting, _), .. } if *waiting == ticket);
    let Some(Modal::SignIn { role, then, source, .. }) = state.modal.take_if(is_waiting) else { return };
    match answer {
        Ok((accounts, roles)) => {
            let source = escaped(&source);
            let gives = format!("signed in to {source}, which gives {accounts} accounts and {roles} roles");
            state.notice = Some(format!("{gives}; new ones are here at the next start"));
            assume(state, role, then, None, false, effects);
        }
        Err(error) => fail(state, &format!("sign in to {}", escaped(&source)), error),
    }
}

/// The browser has come, or could not.
pub(super) fn console_opened(state: &mut State, role: RoleIndex, answer: Result<()>) {
    let label = label(state, role);
    match answer {
        Ok(()) => state.notice = Some(format!("the console of {label} is open in the browser")),
        Err(error) if state.modal.is_some() => state.notice = Some(format!("no console of {label}: {error}")),
        // AWS had ended the session, and the new one wants a code.
        Err(Error::MfaRequired { role: wanting, serial }) => {
            ask_code(state, role, After::Console { here: false }, (&wanting, &serial), None);
        }
        Err(error) => fail(state, &format!("console of {label}"), error),
    }
}

/// The page of what is under the cursor: an object, a folder, a bucket; without a row, of the place that is shown.
fn page_here(browser: &Browser) -> ConsolePage {
    let row = browser.listing.row(browser.cursor.at);
    match (row.and_then(|row| Some((row.kind, browser.uri_of(row)?))), &browser.place) {
        (Some((Kind::Object | Kind::Version | Kind::DeleteMarker, uri)), _) => ConsolePage::Object(uri),
        (Some((_, uri)), _) => ConsolePage::Bucket(uri),
        (None, Place::Buckets) => ConsolePage::Service("s3".into()),
        (None, place) => {
            place.uri().map_or(ConsolePage::Home, |uri| ConsolePage::Bucket(S3Uri::new(&uri.bucket, place.base())))
        }
    }
}

/// The session is there.
fn hold(state: &mut State, role: RoleIndex, then: After, effects: &mut Vec<Effect>) {
    if let After::Console { here } = then {
        // A console beside the screen: the screen stays where it is.
        let page = if here { page_here(&state.browser) } else { ConsolePage::Home };
        state.notice = Some(format!("opening the console of {} in the browser …", label(state, role)));
        effects.push(Effect::Console { role, page });
        return;
    }
    if then == After::Copy {
        // The screen stays as the role that reads.
        copying::session_came(state, role, effects);
        return;
    }
    let changed = state.current.replace(role) != Some(role);
    match then {
        After::Open if changed || state.browser.role != Some(role) => {
            state.focus = Focus::Browser;
            browser::open_buckets(state, role, effects);
        }
        After::Open => state.focus = Focus::Browser,
        After::Relist => browser::relist(state, effects),
        After::Shell => {
            // The browser shows what the header says.
            if changed && state.browser.role != Some(role) {
                browser::open_buckets(state, role, effects);
            }
            effects.push(Effect::Shell { role });
        }
        // Done above, and by `assumed`.
        After::Console { .. } | After::Resume | After::Copy => {}
    }
}
