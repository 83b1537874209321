//! The header, the notice and the footer: who you are, how long, and what can be pressed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::{fit, span, spinner};
use crate::domain::duration::clock;
use crate::domain::session::seconds_left;
use crate::domain::text::{bar, cut, escaped};
use crate::ops::explain::Explanation;
use crate::ops::preview::Body;
use crate::tui::keys::Action;
use crate::tui::listing::Kind;
use crate::tui::state::copying::{Route, Step as CopyStep};
use crate::tui::state::inquiry::{About, Inquiry, Purpose, Step};
use crate::tui::state::{Focus, Job, Modal, Outcome, Seen, SignInProgress, State};
use crate::tui::theme::Theme;

/// Columns of the bar that runs down with the session, where there is room and where there is little.
const BAR: (usize, usize) = (12, 6);

pub(super) fn header(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let Some(role) = state.current else {
        let text = " xsw   nobody yet: pick a role";
        frame.render_widget(Line::styled(fit(text, area.width.into()), theme.bold()), area);
        return;
    };
    let (account, style) = (state.profile.account(role), theme.account(state.profile.account(role)));
    let environment = account.environment.as_deref().unwrap_or_default().to_uppercase();
    let mut who = String::from(" ");
    if !environment.is_empty() {
        who += &format!("{}  ", escaped(&environment));
    }
    let name = &state.profile.role(role).name;
    who += &format!("{} {} · {name}", escaped(&account.name), account.id);
    if let Some(region) = state.regions.get(role.0).filter(|region| !region.is_empty()) {
        who += &format!(" · {region}");
    }
    let width = usize::from(area.width);
    let left = state.life().map_or(0, |life| seconds_left(life.expiration, state.now));
    let lifetime = state.life().map_or(0, |life| seconds_left(life.expiration, life.issued));
    let time = match left {
        0 => " ended ".to_owned(),
        left => format!(" {} {} ", clock(left), bar(left, lifetime, if width < 100 { BAR.1 } else { BAR.0 })),
    };
    let who = fit(&who, width.saturating_sub(time.width()));
    // Short sessions are not always about to end.
    let urgent = left <= (lifetime / 5).min(300);
    let time_style = if urgent { style.add_modifier(ratatui::style::Modifier::REVERSED) } else { style };
    frame.render_widget(Line::from(vec![span(who, style), span(time, time_style)]), area);
}

pub(super) fn notice(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let width = usize::from(area.width).saturating_sub(1);
    let line = match (&state.notice, &state.assuming) {
        (Some(notice), _) => Line::styled(format!(" {}", cut(notice, width)), theme.bold()),
        (None, Some(running)) => {
            let label = state.profile.label(running.role);
            let text = format!(" {} assuming {} …", spinner(state.beat), escaped(&label));
            Line::styled(cut(&text, width).into_owned(), theme.accent())
        }
        (None, None) => return,
    };
    frame.render_widget(line, area);
}

/// The keys that work here, the most useful first, as many as fit.
pub(super) fn footer(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let mut spans: Vec<Span<'_>> = Vec::new();
    let mut used = 0;
    // Help and the way out are always there; the rest gives way.
    let (keys, always) = shown_keys(state);
    let width_of = |(key, word): &(String, &str)| key.width() + word.width() + 3;
    let kept: usize = always.iter().map(width_of).sum();
    let rest = keys.into_iter().take_while(|entry| {
        used += width_of(entry);
        used + kept <= usize::from(area.width)
    });
    for (key, word) in rest.chain(always.iter().cloned()) {
        spans.push(span(format!(" {key}"), theme.accent()));
        spans.push(span(format!(" {word} "), Style::new()));
    }
    frame.render_widget(Line::from(spans), area);
}

/// Keys as they are shown, and what each does.
type Keys = Vec<(String, &'static str)>;

fn shown_keys(state: &State) -> (Keys, Keys) {
    let word = |action: Action| (action, action.word());
    let always = bound(state, &[word(Action::Help), word(Action::Quit)]);
    let actions = match (&state.modal, state.focus) {
        (Some(modal), _) => return (in_front(state, modal), Vec::new()),
        (None, Focus::Roles) => {
            let mut actions = vec![(Action::Open, "assume"), word(Action::Shell), word(Action::Filter)];
            if state.assuming.is_some() {
                actions.insert(0, word(Action::Close));
            }
            actions.extend([word(Action::Explain), (Action::Details, "inspect")]);
            actions.extend([(Action::Refresh, "renew"), word(Action::Console)]);
            actions.extend([(Action::CopyText, "copy ARN"), word(Action::NextPane)]);
            actions
        }
        (None, Focus::Browser) => {
            let kind = state.browser.listing.row(state.browser.cursor.at).map(|row| row.kind);
            let is_object = matches!(kind, Some(Kind::Object | Kind::Version));
            let open = if is_object { "preview" } else { "open" };
            let mut actions =
                vec![(Action::Open, open), (Action::Parent, "up"), word(Action::Download), word(Action::Copy)];
            if is_object {
                actions.push(word(Action::Details));
            }
            if is_object || kind == Some(Kind::Prefix) {
                actions.push(word(Action::Mark));
            }
            actions.extend([word(Action::Filter), word(Action::GoTo), word(Action::Shell), word(Action::Console)]);
            actions.extend([
                word(Action::Explain),
                word(Action::Sort),
                word(Action::Buckets),
                word(Action::CopyText),
                word(Action::Refresh),
            ]);
            actions.push(word(Action::NextPane));
            actions
        }
        (None, Focus::Transfers) => {
            let mut actions = vec![(Action::Open, "details")];
            actions.extend(state.jobs.get(state.job_cursor.at).map(on_job).unwrap_or_default());
            actions.push((Action::Transfers, "back"));
            actions
        }
    };
    (bound(state, &actions), always)
}

/// The keys for a transfer, by how it stands.
fn on_job(job: &Job) -> Vec<(Action, &'static str)> {
    let word = |action: Action| (action, action.word());
    match &job.outcome {
        Outcome::Running if job.lacks_session().is_some() => vec![(Action::Mark, "go on"), word(Action::Close)],
        Outcome::Running => vec![(Action::Mark, "pause"), word(Action::Close)],
        Outcome::Queued => {
            let mark = (Action::Mark, if job.held { "go on" } else { "hold back" });
            vec![mark, word(Action::MoveUp), word(Action::MoveDown), word(Action::Close)]
        }
        _ if job.can_be_retried() => vec![(Action::Refresh, "again"), word(Action::Remove)],
        _ => vec![word(Action::Remove)],
    }
}

/// While something stands in front, its own keys; those of a question are fixed, because text is typed there.
fn in_front(state: &State, modal: &Modal) -> Keys {
    let word = |action: Action| (action, action.word());
    match modal {
        Modal::Filter { .. } => fixed(&[("Enter", "keep"), ("Esc", "clear"), ("↑ ↓", "move")]),
        Modal::Help { .. } | Modal::Transfer { .. } => {
            let mut keys = bound(state, &[(Action::Down, "down"), (Action::Up, "up")]);
            keys.extend(fixed(&[("Esc", "close")]));
            keys
        }
        Modal::SignIn { progress: SignInProgress::Offered(_), .. } => fixed(&[("Enter", "sign in"), ("Esc", "close")]),
        Modal::SignIn { .. } => fixed(&[("y", "copy the address"), ("Esc", "cancel")]),
        Modal::Inquiry(inquiry) => of_inquiry(state, inquiry),
        Modal::Failure { about: Some(_), .. } => {
            let mut keys = bound(state, &[word(Action::Explain)]);
            keys.extend(fixed(&[("Esc", "close")]));
            keys
        }
        Modal::Failure { .. } => fixed(&[("Esc", "close")]),
        Modal::Details { .. } => {
            let mut keys = bound(state, &[(Action::CopyText, "copy"), (Action::Down, "down"), (Action::Up, "up")]);
            keys.extend(fixed(&[("Esc", "close")]));
            keys
        }
        Modal::Copy { .. } => {
            let mut keys = bound(state, &[(Action::Down, "down"), (Action::Up, "up")]);
            keys.splice(0..0, fixed(&[("Enter", "copy"), ("1-9", "copy that")]));
            keys.extend(fixed(&[("Esc", "close")]));
            keys
        }
        Modal::Find { .. } => fixed(&[("Enter", "find"), ("Esc", "cancel")]),
        Modal::Preview(viewer) => {
            if viewer.search.as_ref().is_some_and(|search| search.typing) {
                return fixed(&[("Enter", "find"), ("Esc", "cancel")]);
            }
            let mut keys = fixed(&[("Esc", "close")]);
            if viewer.search.is_some() {
                keys = fixed(&[("n", "next hit"), ("N", "previous"), ("Esc", "end search")]);
            }
            if let Some(look) = viewer.next_look() {
                keys.extend(fixed(&[("Enter", look)]));
            }
            let body = viewer.current().map(|look| &look.body);
            if matches!(body, Some(Body::Text(_) | Body::Table(_))) {
                keys.extend(bound(state, &[(Action::Filter, "search")]));
            }
            if matches!(body, Some(Body::Text(_))) {
                keys.extend(fixed(&[("w", if viewer.wraps { "cut lines" } else { "wrap" })]));
            }
            if matches!(viewer.seen, Seen::Failed(_)) {
                keys.extend(bound(state, &[(Action::Explain, "explain"), (Action::NextPane, "next")]));
                keys.extend(bound(state, &[(Action::CopyText, "copy URI")]));
                return keys;
            }
            keys.extend(bound(state, &[(Action::NextPane, "next"), (Action::PageDown, "page")]));
            if !viewer.wraps {
                keys.extend(fixed(&[("← →", "sideways")]));
            }
            keys.extend(bound(state, &[(Action::CopyText, "copy URI"), (Action::Down, "down")]));
            keys
        }
        Modal::Again { .. } => fixed(&[("Enter", "try again"), ("Tab", "files that are there"), ("Esc", "cancel")]),
        Modal::Copying => copying(state),
        Modal::Quit => fixed(&[("Enter", "quit"), ("Esc", "stay")]),
        Modal::Download { .. } => fixed(&[("Enter", "download"), ("Tab", "files that are there"), ("Esc", "cancel")]),
        Modal::GoTo { .. } | Modal::Mfa { .. } | Modal::Confirm { .. } => {
            fixed(&[("Enter", "go on"), ("Esc", "cancel")])
        }
    }
}

/// The keys of an inquiry, by what it waits for.
fn of_inquiry(state: &State, inquiry: &Inquiry) -> Keys {
    let word = |action: Action| (action, action.word());
    match &inquiry.step {
        Some(Step::With { .. }) => fixed(&[("Enter", "look with it, or not"), ("↑ ↓", "move"), ("Esc", "close")]),
        Some(Step::Mender { .. }) => fixed(&[("Enter", "show what it would write"), ("↑ ↓", "move"), ("Esc", "close")]),
        Some(Step::Guard { .. }) => fixed(&[("Enter", "go on"), ("Esc", "cancel")]),
        Some(Step::Code { purpose: Purpose::Ask, .. }) => fixed(&[("Enter", "go on"), ("Esc", "without it")]),
        Some(Step::Code { .. }) => fixed(&[("Enter", "go on"), ("Esc", "cancel")]),
        Some(Step::Name { .. }) => fixed(&[("Enter", "write it"), ("↑ ↓", "scroll"), ("Esc", "write nothing")]),
        Some(Step::Writing { .. }) => Vec::new(),
        Some(Step::Session { .. } | Step::Reading { .. }) => fixed(&[("Esc", "cancel")]),
        None if inquiry.asking().is_some() => fixed(&[("Esc", "cancel")]),
        None => {
            let mut actions = vec![(Action::NextPane, "look with"), (Action::CopyText, "copy")];
            let remedy = inquiry.explanation().and_then(Explanation::remedy);
            if remedy.is_some_and(|(_, remedy)| remedy.grant.is_some()) {
                actions.insert(0, word(Action::Mend));
            }
            match &inquiry.about {
                About::Access { uri: Some(uri), write, .. } => {
                    if uri.parent().is_some() {
                        actions.push((Action::Parent, "the folder"));
                    }
                    actions.push((Action::Mark, if *write { "reading" } else { "writing" }));
                    actions.push((Action::Details, "the role"));
                }
                About::Access { .. } => actions.push((Action::Details, "the role")),
                About::Role(_) => actions.push(word(Action::Explain)),
            }
            actions.extend([word(Action::Console), (Action::Refresh, "again"), (Action::Down, "down")]);
            let mut keys: Keys = fixed(&[("Esc", "close")]);
            keys.extend(bound(state, &actions));
            keys
        }
    }
}

/// The keys of the question where a copy goes.
fn copying(state: &State) -> Keys {
    match state.copying.as_ref().map(|copying| &copying.step) {
        Some(CopyStep::Review { way: Route::Open(_), .. }) => {
            fixed(&[("Enter", "copy"), ("↑ ↓", "choose"), ("Tab", "change it"), ("Esc", "back"), ("PgDn", "more")])
        }
        Some(CopyStep::Review { way: Route::Refused(_), .. }) => {
            let mut keys = fixed(&[("↑ ↓", "choose"), ("Tab", "change it")]);
            let more =
                [(Action::Explain, "explain"), (Action::CopyText, "copy the command"), (Action::Refresh, "again")];
            keys.extend(bound(state, &more));
            keys.extend(fixed(&[("PgDn", "more"), ("Esc", "back")]));
            keys
        }
        Some(CopyStep::Review { .. }) => fixed(&[("↑ ↓", "choose"), ("Tab", "change it"), ("Esc", "back")]),
        Some(CopyStep::Place) => {
            fixed(&[("Enter", "take"), ("↑ ↓", "move"), ("Backspace", "up"), ("Esc", "other role")])
        }
        _ => fixed(&[("Enter", "take"), ("↑ ↓", "move"), ("Esc", "cancel")]),
    }
}

/// Keys that nobody binds.
fn fixed(keys: &[(&str, &'static str)]) -> Keys {
    keys.iter().map(|(key, word)| ((*key).to_owned(), *word)).collect()
}

/// The first key of each action with a word for it.
fn bound(state: &State, actions: &[(Action, &'static str)]) -> Keys {
    actions.iter().filter_map(|(action, word)| Some((state.keys.key(*action)?, *word))).collect()
}
