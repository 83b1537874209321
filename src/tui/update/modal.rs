//! Keys and text while something stands in front of the panes.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use super::{browser, copy, copying, inquiry, roles, transfers};
use crate::domain::object::Details;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::tui::effect::{Code, Effect};
use crate::tui::facts;
use crate::tui::help;
use crate::tui::keys::Action;
use crate::tui::msg::Ticket;
use crate::tui::state::inquiry::About;
use crate::tui::state::{After, Answer, Focus, Modal, SignInProgress, State, folder_named};

pub(super) fn key(state: &mut State, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(modal) = state.modal.take() else { return };
    let control_c = event.code == KeyCode::Char('c') && event.modifiers.contains(KeyModifiers::CONTROL);
    if event.code == KeyCode::Esc || control_c {
        closed(state, modal, effects);
        return;
    }
    let enter = event.code == KeyCode::Enter;
    let action = state.keys.action(event);
    // What is put back stays open.
    match modal {
        Modal::Filter { input } if enter => drop(input),
        Modal::Filter { mut input } => {
            // The list can be walked while the filter is typed.
            match event.code {
                KeyCode::Up | KeyCode::Down => super::act(state, action.unwrap_or(Action::Down), effects),
                _ => {
                    typed(&mut input, event);
                    set_filter(state, input.value());
                }
            }
            state.modal = Some(Modal::Filter { input });
        }
        Modal::GoTo { input, .. } if enter => go(state, input, effects),
        Modal::GoTo { mut input, untouched, .. } => {
            replaced(&mut input, untouched, event);
            state.modal = Some(Modal::GoTo { input, untouched: false, problem: None });
        }
        Modal::Mfa { role, then, question, mut input, note } => {
            let code: String = input.value().chars().filter(char::is_ascii_digit).collect();
            if enter && code.len() == 6 {
                roles::assume(state, role, then, Some(Code(code)), false, effects);
                if let Some(running) = &mut state.assuming {
                    running.question = Some(question);
                }
                return;
            }
            let is_digit = matches!(event.code, KeyCode::Char(c) if c.is_ascii_digit());
            let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
            if plain && matches!(event.code, KeyCode::Char(_)) && (!is_digit || code.len() == 6) {
                state.modal = Some(Modal::Mfa { role, then, question, input, note });
                return;
            }
            let note = if enter { note.or(Some("a code is six digits".into())) } else { note };
            typed(&mut input, event);
            state.modal = Some(Modal::Mfa { role, then, question, input, note });
        }
        Modal::SignIn { role, then, source, progress: SignInProgress::Offered(_) } if enter => {
            roles::sign_in(state, role, then, source, effects);
        }
        Modal::SignIn { progress: SignInProgress::Running(_, Some(ref step)), .. }
            if matches!(action, Some(Action::CopyText)) =>
        {
            effects.push(Effect::CopyText(step.url.clone()));
            state.modal = Some(modal);
        }
        Modal::SignIn { .. } => state.modal = Some(modal),
        Modal::Confirm { role, then, anew, mut input } => {
            if enter && input.value() == state.profile.account(role).name {
                roles::assume(state, role, then, None, anew, effects);
                return;
            }
            typed(&mut input, event);
            state.modal = Some(Modal::Confirm { role, then, anew, input });
        }
        Modal::Download { picked, input, if_exists, .. } if enter => {
            let folder = folder_named(input.value().trim(), state.home.as_deref());
            match (state.browser.role, folder.as_os_str().is_empty()) {
                (Some(role), false) => {
                    transfers::start(state, role, &picked, &folder, if_exists);
                    state.browser.listing.unmark_all();
                }
                _ => {
                    let problem = Some("name a folder".into());
                    state.modal = Some(Modal::Download { picked, input, untouched: false, if_exists, problem });
                }
            }
        }
        Modal::Download { picked, input, untouched, if_exists, .. } if event.code == KeyCode::Tab => {
            let if_exists = transfers::next_wish(if_exists, false);
            state.modal = Some(Modal::Download { picked, input, untouched, if_exists, problem: None });
        }
        Modal::Download { picked, mut input, untouched, if_exists, .. } => {
            replaced(&mut input, untouched, event);
            state.modal = Some(Modal::Download { picked, input, untouched: false, if_exists, problem: None });
        }
        Modal::Copying => copying::key(state, event, effects),
        Modal::Again { job, if_exists } if enter => transfers::again(state, job, if_exists),
        Modal::Again { job, if_exists } => {
            let next = event.code == KeyCode::Tab;
            let is_copy = state.jobs.iter().any(|known| known.id == job && known.what.is_copy());
            let if_exists = if next { transfers::next_wish(if_exists, is_copy) } else { if_exists };
            state.modal = Some(Modal::Again { job, if_exists });
        }
        Modal::Help { top } => {
            let rows = help::help(&state.keys, state.focus, state.size).len();
            let last = rows.saturating_sub(help::room(state.size).1);
            state.modal = scrolled(top, action).map(|top| Modal::Help { top: top.min(last) });
        }
        Modal::Transfer { job, .. } if action == Some(Action::Explain) => {
            let place = state.jobs.iter().position(|known| known.id == job);
            place.into_iter().for_each(|place| inquiry::of_job(state, place, effects));
        }
        Modal::Transfer { job, top } => {
            let top = scrolled(top, action);
            state.modal = top.map(|top| Modal::Transfer { job, top });
        }
        Modal::Details { uri, version, known, .. } if matches!(action, Some(Action::CopyText)) => {
            copy::of(state, uri, version, &known.class);
        }
        Modal::Details { uri, answer, .. } if action == Some(Action::Explain) => {
            if let Answer::Loading(ticket) = answer {
                effects.push(Effect::Cancel(ticket));
            }
            if let Some(role) = state.browser.role {
                inquiry::open(state, About::access(role, Some(uri)), effects);
            }
        }
        Modal::Details { uri, version, known, answer, top } => {
            let last = facts::rows(&uri, version.as_deref(), &known, &answer, &state.zone, state.size)
                .len()
                .saturating_sub(facts::height(state.size));
            match scrolled(top, action) {
                Some(top) => {
                    let top = top.min(last);
                    state.modal = Some(Modal::Details { uri, version, known, answer, top });
                }
                None => closed(state, Modal::Details { uri, version, known, answer, top }, effects),
            }
        }
        Modal::Copy { uri, version, choices, at } => copy::key(state, (uri, version), (choices, at), event, effects),
        Modal::Find { below, input, .. } if enter => browser::found(state, below, input, effects),
        Modal::Find { below, mut input, .. } => {
            typed(&mut input, event);
            state.modal = Some(Modal::Find { below, input, problem: None });
        }
        Modal::Preview(viewer) => super::preview::key(state, viewer, event, action, effects),
        Modal::Quit if matches!(event.code, KeyCode::Char('y' | 'Y')) || enter => effects.push(Effect::Quit),
        Modal::Inquiry(asked) => inquiry::key(state, asked, event, action, effects),
        Modal::Failure { about: Some(about), .. } if action == Some(Action::Explain) => {
            inquiry::open(state, about, effects);
        }
        Modal::Quit | Modal::Failure { .. } => {}
    }
}

/// Esc in front of the panes.
fn closed(state: &mut State, modal: Modal, effects: &mut Vec<Effect>) {
    match modal {
        Modal::Filter { .. } => set_filter(state, ""),
        Modal::Copying => copying::back(state, effects),
        Modal::SignIn { progress: SignInProgress::Running(ticket, _), .. } => effects.push(Effect::Cancel(ticket)),
        Modal::Preview(viewer) => super::preview::leave(state, viewer, effects),
        Modal::Inquiry(asked) => inquiry::close(state, asked, effects),
        Modal::Details { answer: Answer::Loading(ticket), .. } => effects.push(Effect::Cancel(ticket)),
        _ => {}
    }
}

/// Where the view of a long text goes; any other key closes it.
fn scrolled(top: usize, action: Option<Action>) -> Option<usize> {
    match action? {
        Action::Up => Some(top.saturating_sub(1)),
        Action::Down => Some(top.saturating_add(1)),
        Action::PageUp => Some(top.saturating_sub(10)),
        Action::PageDown => Some(top.saturating_add(10)),
        Action::Top => Some(0),
        // The picture stops where the text does.
        Action::Bottom => Some(usize::MAX),
        _ => None,
    }
}

fn typed(input: &mut Input, event: KeyEvent) {
    input.handle_event(&Event::Key(event));
}

/// The same where something was filled in: a character replaces it as a whole, any other key edits it.
fn replaced(input: &mut Input, untouched: bool, event: KeyEvent) {
    let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    if untouched && plain && matches!(event.code, KeyCode::Char(_)) {
        input.reset();
    }
    typed(input, event);
}

/// Pasted text goes where text is typed, as one line.
pub(super) fn paste(state: &mut State, text: &str, effects: &mut Vec<Effect>) {
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    if matches!(state.modal, Some(Modal::Copying)) {
        copying::paste(state, &line, effects);
        return;
    }
    let Some(modal) = &mut state.modal else { return };
    if let Modal::GoTo { input, untouched, .. } | Modal::Download { input, untouched, .. } = modal
        && std::mem::take(untouched)
    {
        input.reset();
    }
    let input = match modal {
        Modal::Filter { input }
        | Modal::GoTo { input, .. }
        | Modal::Mfa { input, .. }
        | Modal::Confirm { input, .. }
        | Modal::Find { input, .. }
        | Modal::Download { input, .. } => input,
        Modal::Inquiry(inquiry) => match inquiry.input() {
            Some(input) => input,
            None => return,
        },
        Modal::Preview(viewer) => match &mut viewer.search {
            Some(search) if search.typing => &mut search.input,
            _ => return,
        },
        _ => return,
    };
    for c in line.chars() {
        input.handle(tui_input::InputRequest::InsertChar(c));
    }
    if let Modal::Filter { input } = modal {
        let text = input.value().to_owned();
        set_filter(state, &text);
    }
}

fn set_filter(state: &mut State, text: &str) {
    if state.focus == Focus::Roles {
        state.roles.filter = text.to_owned();
        state.roles.arrange(&state.profile);
    } else {
        state.browser.listing.set_filter(text);
        state.browser.cursor.at = 0;
    }
}

/// Opens the question where to go, filled with where we are.
pub(super) fn go_to(state: &mut State) {
    if state.browser.role.is_none() {
        state.notice = Some("assume a role first".into());
        return;
    }
    let here = state.browser.place.uri().map_or("s3://".into(), ToString::to_string);
    state.modal = Some(Modal::GoTo { input: Input::new(here), untouched: true, problem: None });
}

fn go(state: &mut State, input: Input, effects: &mut Vec<Effect>) {
    let text = input.value().trim();
    let text = if text.starts_with("s3://") { text.to_owned() } else { format!("s3://{text}") };
    match text.parse::<S3Uri>() {
        Ok(uri) => browser::go_to(state, uri, effects),
        Err(problem) => state.modal = Some(Modal::GoTo { input, untouched: false, problem: Some(problem) }),
    }
}

/// The answer to `Details`, when it is still wanted.
pub(super) fn details(state: &mut State, ticket: Ticket, result: Result<Box<Details>>) {
    let Some(Modal::Details { answer, .. }) = &mut state.modal else { return };
    if !matches!(answer, Answer::Loading(waiting) if *waiting == ticket) {
        return;
    }
    if let (Err(Error::MfaRequired { role: wanting, serial }), Some(role)) = (&result, state.browser.role) {
        roles::ask_code(state, role, After::Relist, (wanting, serial), None);
    } else {
        *answer = result.map_or_else(Answer::Failed, Answer::Ready);
    }
}
