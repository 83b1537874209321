//! Why something is refused, what would mend it, and what there is to know of a role: asked, walked through, mended.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use super::new_ticket;
use crate::domain::explain::{Decision, Inspection, Side};
use crate::domain::policy::least::Grant;
use crate::domain::role::{Profile, RoleIndex};
use crate::domain::session::seconds_left;
use crate::domain::text::escaped;
use crate::error::{Error, Result};
use crate::ops::console::ConsolePage;
use crate::ops::explain::{Explanation, Question};
use crate::ops::mend::{Mending, menders};
use crate::tui::effect::{Code, Effect};
use crate::tui::inquiry::{documents, json, next, room_for_document, rows, written};
use crate::tui::keys::Action;
use crate::tui::msg::{Life, Ticket};
use crate::tui::state::inquiry::{About, Inquiry, Purpose, Step, Told};
use crate::tui::state::{Job, Modal, Outcome, Place, State, What, room};

/// Asks why the row under the cursor is refused; where a listing failed, why that did.
pub(super) fn of_browser(state: &mut State, effects: &mut Vec<Effect>) {
    let browser = &state.browser;
    let Some(role) = browser.role else {
        state.notice = Some("assume a role first".into());
        return;
    };
    let row = browser.selected_uri();
    let uri = match &browser.place {
        Place::Buckets => row,
        place => row.or_else(|| place.uri().cloned()),
    };
    open(state, About::access(role, uri), effects);
}

/// Asks about a transfer: about the first object that failed, else about what it is of.
pub(super) fn of_job(state: &mut State, place: usize, effects: &mut Vec<Effect>) {
    let Some(job) = state.jobs.get(place) else { return };
    let Some(about) = refused_of(job) else { return };
    open(state, about, effects);
}

fn refused_of(job: &Job) -> Option<About> {
    // Who writes comes last.
    let (reader, writer) = (job.what.roles().next()?, job.what.roles().last()?);
    if let (What::Copy { target, .. }, Outcome::Failed(error)) = (&job.what, &job.outcome)
        && is_of_writing(error)
    {
        return Some(About::Access { role: writer, uri: Some(target.clone()), write: true });
    }
    let failed = match &job.outcome {
        Outcome::Done(summary) => {
            let denied = summary.failed.iter().find(|failed| matches!(failed.error, Error::Denied { .. }));
            denied.or(summary.failed.first())
        }
        _ => None,
    };
    match (&job.what, failed) {
        (What::Copy { target, .. }, Some(failed)) if is_of_writing(&failed.error) => {
            Some(About::Access { role: writer, uri: Some(target.clone()), write: true })
        }
        (_, Some(failed)) if !failed.uri.bucket.is_empty() => Some(About::access(reader, Some(failed.uri.clone()))),
        (what, _) => Some(About::access(reader, what.about().0.cloned())),
    }
}

/// Whether a copy was refused at its target.
fn is_of_writing(error: &Error) -> bool {
    matches!(error, Error::Denied { action, .. } if action.starts_with("s3:Put") || action.starts_with("s3:Abort"))
}

/// Opens an inquiry.
pub(super) fn open(state: &mut State, about: About, effects: &mut Vec<Effect>) {
    let mut inquiry = Box::new(Inquiry::new(about));
    begin(state, &mut inquiry, effects);
    state.modal = Some(Modal::Inquiry(inquiry));
}

/// Asks, after the guard of the role's account where it has one: to find out, the role is assumed.
fn begin(state: &mut State, inquiry: &mut Inquiry, effects: &mut Vec<Effect>) {
    match inquiry.about {
        About::Access { role, .. } if is_guarded(state, role) => {
            effects.extend(inquiry.asking().map(Effect::Cancel));
            inquiry.told = Told::Nothing;
            inquiry.step = Some(Step::Guard { role, purpose: Purpose::Ask, input: Input::default() });
        }
        _ => begin_unguarded(state, inquiry, effects),
    }
}

/// A role on the way that wants an MFA code is assumed first: the operation asks nobody.
fn begin_unguarded(state: &mut State, inquiry: &mut Inquiry, effects: &mut Vec<Effect>) {
    let wants_code = |role: &RoleIndex| state.profile.role(*role).mfa_serial.is_some() && !lives(state, *role);
    let wanting = match &inquiry.about {
        About::Access { role, .. } => state.profile.chain(*role).into_iter().rfind(wants_code),
        About::Role(_) => None,
    };
    match wanting {
        Some(role) => assume(state, inquiry, role, Purpose::Ask, (None, None), effects),
        None => ask(state, inquiry, effects),
    }
}

/// Whether the account is guarded, and its name was not typed yet for this role.
fn is_guarded(state: &State, role: RoleIndex) -> bool {
    state.profile.account(role).confirm && state.current != Some(role)
}

fn lives(state: &State, role: RoleIndex) -> bool {
    state.roles.lives.get(&role).is_some_and(|life| seconds_left(life.expiration, state.now) > 0)
}

/// Asks AWS, or asks again.
fn ask(state: &mut State, inquiry: &mut Inquiry, effects: &mut Vec<Effect>) {
    effects.extend(inquiry.asking().map(Effect::Cancel));
    let ticket = new_ticket(state);
    let with = inquiry.with.clone();
    (inquiry.told, inquiry.step, inquiry.copied) = (Told::Asking(ticket), None, false);
    effects.push(match &inquiry.about {
        About::Access { role, uri, write } => {
            let question = Question { role: *role, uri: uri.clone(), write: *write, with };
            Effect::Explain { ticket, question: Box::new(question) }
        }
        About::Role(role) => Effect::Inspect { ticket, role: *role, with },
    });
}

/// Assumes a role that the inquiry needs; the answer comes as `Msg::Assumed`, and is told to us by its ticket.
fn assume(
    state: &mut State,
    inquiry: &mut Inquiry,
    role: RoleIndex,
    purpose: Purpose,
    (code, question): (Option<Code>, Option<String>),
    effects: &mut Vec<Effect>,
) {
    let ticket = new_ticket(state);
    inquiry.step = Some(Step::Session { ticket, role, purpose, question });
    effects.push(Effect::Assume { ticket, role, code, anew: false });
}

/// Whether an AssumeRole of this ticket is one that an inquiry waits for.
pub(super) fn waits_for(state: &State, ticket: Ticket) -> bool {
    matches!(&state.modal, Some(Modal::Inquiry(inquiry))
        if matches!(inquiry.step, Some(Step::Session { ticket: waiting, .. }) if waiting == ticket))
}

/// The answer to it.
pub(super) fn assumed(state: &mut State, answer: Result<Life>, hint: Option<String>, effects: &mut Vec<Effect>) {
    let Some(Modal::Inquiry(mut inquiry)) = state.modal.take() else { return };
    if let Some(Step::Session { role, purpose, question, .. }) = inquiry.step.take() {
        match answer {
            Ok(life) => {
                state.roles.lives.insert(role, life);
                super::transfers::session_came(state, role, effects);
                go_on(state, &mut inquiry, role, purpose, effects);
            }
            Err(Error::MfaRequired { role: wanting, serial }) => {
                let question = format!("{} for {}", escaped(&serial), escaped(&wanting));
                let note = hint.map(|code| format!("the demo's device shows {code}"));
                inquiry.step = Some(Step::Code { role, purpose, question, input: Input::default(), note });
            }
            Err(error) if question.is_some() && is_about_code(&error) => {
                let note = Some("AWS did not take that code: wait for the next one".to_owned());
                let question = question.unwrap_or_default();
                inquiry.step = Some(Step::Code { role, purpose, question, input: Input::default(), note });
            }
            // The explanation tells why.
            Err(_) if purpose == Purpose::Ask => ask(state, &mut inquiry, effects),
            Err(error) => {
                inquiry.note = Some((format!("{} was not assumed: {error}", label(state, role)), false));
            }
        }
    }
    state.modal = Some(Modal::Inquiry(inquiry));
}

fn is_about_code(error: &Error) -> bool {
    error.is_wrong_mfa_code() || matches!(error, Error::MfaCodeUsed { .. })
}

/// The session is there.
fn go_on(state: &mut State, inquiry: &mut Inquiry, role: RoleIndex, purpose: Purpose, effects: &mut Vec<Effect>) {
    match purpose {
        Purpose::Ask => ask(state, inquiry, effects),
        Purpose::Look => {
            inquiry.with.push(role);
            ask(state, inquiry, effects);
        }
        Purpose::Mend(grant) => {
            let ticket = new_ticket(state);
            inquiry.step = Some(Step::Reading { ticket });
            effects.push(Effect::PlanMending { ticket, grant, by: role });
        }
    }
}

/// Goes on at once when the role's session lives, else assumes it first.
fn with_session(
    state: &mut State,
    inquiry: &mut Inquiry,
    role: RoleIndex,
    purpose: Purpose,
    effects: &mut Vec<Effect>,
) {
    if is_guarded(state, role) {
        inquiry.step = Some(Step::Guard { role, purpose, input: Input::default() });
    } else {
        unguarded(state, inquiry, role, purpose, effects);
    }
}

fn unguarded(state: &mut State, inquiry: &mut Inquiry, role: RoleIndex, purpose: Purpose, effects: &mut Vec<Effect>) {
    if purpose == Purpose::Ask {
        begin_unguarded(state, inquiry, effects);
    } else if lives(state, role) {
        go_on(state, inquiry, role, purpose, effects);
    } else {
        assume(state, inquiry, role, purpose, (None, None), effects);
    }
}

/// The answer to `Explain`, when it is still wanted.
pub(super) fn explained(state: &mut State, ticket: Ticket, answer: Result<Box<Explanation>>) {
    told(state, ticket, answer.map_or_else(Told::Failed, Told::Access));
}

/// The answer to `Inspect`, when it is still wanted.
pub(super) fn inspected(state: &mut State, ticket: Ticket, answer: Result<Box<Inspection>>) {
    told(state, ticket, answer.map_or_else(Told::Failed, Told::Role));
}

fn told(state: &mut State, ticket: Ticket, told: Told) {
    let Some(Modal::Inquiry(inquiry)) = &mut state.modal else { return };
    if inquiry.asking() == Some(ticket) {
        (inquiry.told, inquiry.top) = (told, 0);
    }
}

/// The answer to `PlanMending`, when it is still wanted.
pub(super) fn planned(state: &mut State, ticket: Ticket, answer: Result<Box<Mending>>) {
    let Some(Modal::Inquiry(inquiry)) = &mut state.modal else { return };
    if !matches!(inquiry.step, Some(Step::Reading { ticket: waiting }) if waiting == ticket) {
        return;
    }
    inquiry.step = None;
    match answer {
        Ok(mending) => inquiry.step = Some(Step::Name { mending, input: Input::default(), top: 0 }),
        Err(error) => inquiry.note = Some((error.to_string().replace('\n', " "), false)),
    }
}

/// The answer to `Mend`: it is explained anew.
pub(super) fn mended(state: &mut State, ticket: Ticket, answer: Result<()>, effects: &mut Vec<Effect>) {
    let is_meant = |modal: &mut Modal| {
        matches!(modal, Modal::Inquiry(inquiry)
            if matches!(inquiry.step, Some(Step::Writing { ticket: waiting, .. }) if waiting == ticket))
    };
    let Some(Modal::Inquiry(mut inquiry)) = state.modal.take_if(is_meant) else { return };
    let Some(Step::Writing { .. }) = inquiry.step.take() else { return };
    match answer {
        Ok(()) => {
            inquiry.note = Some(("written; AWS may need some seconds to act by it".into(), true));
            ask(state, &mut inquiry, effects);
        }
        Err(error) => inquiry.note = Some((format!("not written: {error}").replace('\n', " "), false)),
    }
    state.modal = Some(Modal::Inquiry(inquiry));
}

/// Esc: what stands in front of the answer, then the inquiry itself.
pub(super) fn close(state: &mut State, mut inquiry: Box<Inquiry>, effects: &mut Vec<Effect>) {
    match inquiry.step.take() {
        None => {
            effects.extend(inquiry.asking().map(Effect::Cancel));
            return;
        }
        // Whether it is written by then, nobody could tell.
        Some(step @ Step::Writing { .. }) => {
            inquiry.step = Some(step);
            state.notice = Some("it is being written: wait for AWS's answer".into());
        }
        Some(Step::Guard { purpose: Purpose::Ask, .. }) => return,
        Some(Step::Session { ticket, purpose, .. }) => {
            effects.push(Effect::Cancel(ticket));
            if purpose == Purpose::Ask {
                return;
            }
        }
        // Without the code the answer goes less far.
        Some(Step::Code { purpose: Purpose::Ask, .. }) => ask(state, &mut inquiry, effects),
        Some(Step::Reading { ticket }) => effects.push(Effect::Cancel(ticket)),
        Some(_) => {}
    }
    state.modal = Some(Modal::Inquiry(inquiry));
}

/// A key while it is open; what is put back stays open.
pub(super) fn key(
    state: &mut State,
    mut inquiry: Box<Inquiry>,
    event: KeyEvent,
    action: Option<Action>,
    effects: &mut Vec<Effect>,
) {
    if let Some(step) = inquiry.step.take() {
        in_front(state, &mut inquiry, step, event, action, effects);
        state.modal = Some(Modal::Inquiry(inquiry));
        return;
    }
    let (left, right) = rows(state, &inquiry);
    let height = usize::from(room(state.size).1);
    let last = left.len().max(right.len()).saturating_sub(height);
    let page = height.saturating_sub(1);
    inquiry.top = match action {
        Some(Action::Up) => inquiry.top.saturating_sub(1),
        Some(Action::Down) => inquiry.top + 1,
        Some(Action::PageUp) => inquiry.top.saturating_sub(page),
        Some(Action::PageDown) => inquiry.top + page,
        Some(Action::Top) => 0,
        Some(Action::Bottom) => last,
        _ => inquiry.top,
    }
    .min(last);
    match action {
        Some(Action::Quit) => {
            effects.extend(inquiry.asking().map(Effect::Cancel));
            return;
        }
        Some(Action::NextPane) => pick_lookers(state, &mut inquiry),
        Some(Action::Refresh) => ask(state, &mut inquiry, effects),
        Some(Action::CopyText) => copy(state, &mut inquiry, effects),
        Some(Action::Mend) => pick_menders(state, &mut inquiry),
        Some(Action::Console) => console(state, &inquiry, effects),
        Some(Action::Mark) => {
            if let About::Access { uri: Some(_), write, .. } = &mut inquiry.about {
                *write = !*write;
                ask(state, &mut inquiry, effects);
            }
        }
        Some(Action::Parent) => {
            let wider = match &inquiry.about {
                About::Access { uri: Some(uri), .. } => uri.parent(),
                _ => None,
            };
            if let (Some(wider), About::Access { uri, .. }) = (wider, &mut inquiry.about) {
                *uri = Some(wider);
                ask(state, &mut inquiry, effects);
            }
        }
        Some(Action::Details) => other_side(state, &mut inquiry, true, effects),
        Some(Action::Explain) => other_side(state, &mut inquiry, false, effects),
        _ => {}
    }
    state.modal = Some(Modal::Inquiry(inquiry));
}

/// From why to what the role is, and back.
fn other_side(state: &mut State, inquiry: &mut Inquiry, role_itself: bool, effects: &mut Vec<Effect>) {
    let role = inquiry.about.role();
    let about = if role_itself { About::Role(role) } else { About::access(role, None) };
    if matches!(inquiry.about, About::Role(_)) != role_itself {
        (inquiry.about, inquiry.top, inquiry.note) = (about, 0, None);
        begin(state, inquiry, effects);
    }
}

/// A key while something stands in front of the answer.
fn in_front(
    state: &mut State,
    inquiry: &mut Inquiry,
    step: Step,
    event: KeyEvent,
    action: Option<Action>,
    effects: &mut Vec<Effect>,
) {
    let enter = event.code == KeyCode::Enter;
    match step {
        Step::With { roles, at } if enter => {
            let Some(role) = roles.get(at).copied() else { return };
            if inquiry.with.contains(&role) {
                inquiry.with.retain(|known| *known != role);
                ask(state, inquiry, effects);
            } else {
                with_session(state, inquiry, role, Purpose::Look, effects);
            }
        }
        Step::With { roles, at } => {
            let at = moved(at, roles.len(), action);
            inquiry.step = Some(Step::With { roles, at });
        }
        Step::Mender { grant, roles, at } if enter => {
            let Some(role) = roles.get(at).copied() else { return };
            with_session(state, inquiry, role, Purpose::Mend(grant), effects);
        }
        Step::Mender { grant, roles, at } => {
            let at = moved(at, roles.len(), action);
            inquiry.step = Some(Step::Mender { grant, roles, at });
        }
        Step::Guard { role, purpose, input } if enter && input.value() == state.profile.account(role).name => {
            unguarded(state, inquiry, role, purpose, effects);
        }
        Step::Guard { role, purpose, mut input } => {
            input.handle_event(&Event::Key(event));
            inquiry.step = Some(Step::Guard { role, purpose, input });
        }
        Step::Code { role, purpose, question, mut input, note } => {
            let code: String = input.value().chars().filter(char::is_ascii_digit).collect();
            if enter && code.len() == 6 {
                assume(state, inquiry, role, purpose, (Some(Code(code)), Some(question)), effects);
                return;
            }
            let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
            let refused = matches!(event.code, KeyCode::Char(c) if plain && (!c.is_ascii_digit() || code.len() == 6));
            if !refused && !enter {
                input.handle_event(&Event::Key(event));
            }
            let note = if enter { note.or(Some("a code is six digits".into())) } else { note };
            inquiry.step = Some(Step::Code { role, purpose, question, input, note });
        }
        Step::Name { mending, input, .. } if enter && input.value() == state.profile.account(mending.by).name => {
            let ticket = new_ticket(state);
            inquiry.step = Some(Step::Writing { ticket, place: mending.place() });
            effects.push(Effect::Mend { ticket, mending });
        }
        Step::Name { mending, mut input, top } => {
            let height = room_for_document(state.size);
            let last = written(state, &mending).len().saturating_sub(height);
            let page = height.saturating_sub(1);
            // The letters are the name's.
            let top = match event.code {
                KeyCode::Up => top.saturating_sub(1),
                KeyCode::Down => top + 1,
                KeyCode::PageUp => top.saturating_sub(page),
                KeyCode::PageDown => top + page,
                KeyCode::Enter => {
                    state.notice = Some("that is not the account's name: nothing is written".into());
                    top
                }
                _ => {
                    input.handle_event(&Event::Key(event));
                    top
                }
            };
            inquiry.step = Some(Step::Name { mending, input, top: top.min(last) });
        }
        step @ (Step::Session { .. } | Step::Reading { .. } | Step::Writing { .. }) => inquiry.step = Some(step),
    }
}

fn moved(at: usize, length: usize, action: Option<Action>) -> usize {
    let last = length.saturating_sub(1);
    match action {
        Some(Action::Up | Action::PreviousPane) => at.checked_sub(1).unwrap_or(last),
        Some(Action::Down | Action::NextPane) => (at + 1) % length.max(1),
        Some(Action::Top | Action::PageUp) => 0,
        Some(Action::Bottom | Action::PageDown) => last,
        _ => at,
    }
}

/// The account of the side that decides, else the role's.
fn owning_account(profile: &Profile, inquiry: &Inquiry) -> String {
    let deciding = inquiry.explanation().and_then(Explanation::deciding).and_then(|step| step.answer.deciding());
    let known = deciding.map(|side| side.account_id.clone()).filter(|id| !id.is_empty());
    known.unwrap_or_else(|| profile.role(inquiry.about.role()).arn.account().to_string())
}

/// Everybody but the role itself: first those of the accounts whose sides do not allow it or are not seen, and of these
/// those that look by their names.
fn pick_lookers(state: &State, inquiry: &mut Inquiry) {
    let profile = &state.profile;
    let sides = inquiry.explanation().and_then(Explanation::deciding).map(|step| step.answer.sides.as_slice());
    let sides = sides.unwrap_or_default().iter().filter(|side| side.decision != Decision::Allowed);
    let mut owners: Vec<String> = sides.map(|side| side.account_id.clone()).collect();
    if owners.is_empty() {
        owners.push(owning_account(profile, inquiry));
    }
    let mut roles: Vec<RoleIndex> = profile.indices().filter(|role| *role != inquiry.about.role()).collect();
    roles.sort_by_key(|role| {
        let configured = profile.role(*role);
        let name = configured.name.to_lowercase();
        let looks = ["audit", "security", "readonly", "admin", "look", "view"].iter().any(|word| name.contains(word));
        let place = owners.iter().position(|owner| owner == configured.arn.account().as_str());
        (place.is_none(), !looks, place)
    });
    if !roles.is_empty() {
        inquiry.step = Some(Step::With { roles, at: 0 });
    }
}

/// Who can write what is missing.
fn pick_menders(state: &mut State, inquiry: &mut Inquiry) {
    let Some(explanation) = inquiry.explanation() else { return };
    let Some((_, remedy)) = explanation.remedy() else {
        state.notice = Some("nothing here can be mended by a policy".into());
        return;
    };
    let Some(grant): Option<Grant> = remedy.grant.as_deref().cloned() else {
        state.notice = Some("no policy that xsw could write mends this: the next step says what does".into());
        return;
    };
    let roles = menders(&state.profile, &grant);
    if roles.is_empty() {
        state.notice = Some(format!("no configured role is of account {}, whose policy it is", grant.account));
        return;
    }
    inquiry.step = Some(Step::Mender { grant: Box::new(grant), roles, at: 0 });
}

/// The command first, then the policy that it attaches; of a role, its documents.
fn copy(state: &mut State, inquiry: &mut Inquiry, effects: &mut Vec<Effect>) {
    let key = state.keys.key(Action::CopyText).unwrap_or_default();
    let (text, what) = match &inquiry.told {
        Told::Access(explanation) => {
            let Some(next) = next(state, inquiry, explanation) else { return };
            match (next.policy, inquiry.copied) {
                (Some(policy), true) => (json(policy), "copied the policy".to_owned()),
                (Some(_), false) => (next.command, format!("copied the command; {key} again copies the policy")),
                (None, _) => (next.command, "copied the next step".to_owned()),
            }
        }
        Told::Role(inspection) => {
            let all = documents(inspection);
            if all.is_empty() {
                return;
            }
            let named = all.iter().map(|(name, document)| {
                let document = serde_json::from_str(document).unwrap_or(serde_json::Value::String(document.clone()));
                (name.clone(), document)
            });
            let all = serde_json::Value::Object(named.collect());
            (serde_json::to_string_pretty(&all).unwrap_or_default(), "copied the role's policies as JSON".to_owned())
        }
        _ => return,
    };
    inquiry.copied = !inquiry.copied;
    state.notice = Some(what);
    effects.push(Effect::CopyText(text));
}

/// The web console where the side that decides is looked after, as a role of that account whose session lives.
fn console(state: &mut State, inquiry: &Inquiry, effects: &mut Vec<Effect>) {
    let owner = owning_account(&state.profile, inquiry);
    let own = std::iter::once(inquiry.about.role());
    let of_owner = |role: &RoleIndex| {
        state.profile.role(*role).arn.account().as_str() == owner
            && lives(state, *role)
            && (!state.profile.account(*role).confirm || state.current == Some(*role))
    };
    let Some(role) = inquiry.with.iter().copied().chain(own).find(of_owner) else {
        let key = state.keys.key(Action::NextPane).unwrap_or_default();
        let account = escaped(&owner).into_owned();
        state.notice = Some(format!("the console of account {account} wants a role of it: {key} picks one"));
        return;
    };
    let deciding = inquiry.explanation().and_then(Explanation::deciding).and_then(|step| step.answer.deciding());
    let page = match (&inquiry.about, deciding.map(|side| side.side)) {
        (About::Access { uri: Some(uri), .. }, Some(Side::Bucket)) => ConsolePage::Bucket(uri.clone()),
        _ => ConsolePage::Service("iam".into()),
    };
    state.notice = Some(format!("opening the console of {} in the browser …", label(state, role)));
    effects.push(Effect::Console { role, page });
}

fn label(state: &State, role: RoleIndex) -> String {
    escaped(&state.profile.label(role)).into_owned()
}
