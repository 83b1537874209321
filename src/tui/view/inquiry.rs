//! An inquiry, in front of all but the header, the notice and the footer.

use ratatui::Frame;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Clear;
use tui_input::Input;
use unicode_width::UnicodeWidthStr as _;

use super::{cut_front, fit, highlighted, labelled, lines, modals, pane, span, spinner};
use crate::domain::role::RoleIndex;
use crate::domain::text::{cut, escaped, plural};
use crate::tui::inquiry::{room_for_document, rows, written};
use crate::tui::labelled::Row;
use crate::tui::state::inquiry::{About, Inquiry, Step};
use crate::tui::state::{State, room};
use crate::tui::theme::Theme;

pub(super) fn inquiry(state: &State, theme: Theme, inquiry: &Inquiry, frame: &mut Frame<'_>) {
    let (columns, all_rows) = state.size;
    let area = Rect::new(0, 1, columns, all_rows.saturating_sub(3));
    let (width, height) = room(state.size);
    let inner = Rect::new(2, 2, width, height);
    frame.render_widget(Clear, area);
    let naming = match &inquiry.step {
        Some(Step::Name { mending, input, top }) => Some((mending, input, *top)),
        _ => None,
    };
    let (left, right, top, height) = match naming {
        Some((mending, _, top)) => (written(state, mending), Vec::new(), top, room_for_document(state.size)),
        None => {
            let (left, right) = rows(state, inquiry);
            (left, right, inquiry.top, usize::from(height))
        }
    };
    let all = left.len().max(right.len());
    let top = top.min(all.saturating_sub(height));
    let place = match all {
        0 => String::new(),
        all if all <= height => format!(" {} ", plural(all as u64, "line")),
        all => format!(" {}–{} of {all} lines ", top + 1, (top + height).min(all)),
    };
    let note_room = usize::from(width).saturating_sub(place.width() + 3);
    let (note, style) = match &inquiry.note {
        Some((note, well)) => (format!(" {} ", cut(note, note_room)), if *well { theme.good() } else { theme.bad() }),
        None => (String::new(), theme.dim()),
    };
    let block = pane(theme, true, title(state, inquiry, width.into()), with(state, inquiry, width.into()))
        .title_bottom(Line::styled(note, style))
        .title_bottom(Line::from(place).alignment(Alignment::Right));
    frame.render_widget(block, area);
    let shown = |rows: Vec<Row>| labelled(theme, theme.dim(), rows.into_iter().skip(top).take(height));
    let half = inner.width / 2;
    lines(frame, inner, shown(left));
    if !right.is_empty() {
        lines(frame, Rect { x: inner.x + half + 1, width: inner.width - half - 1, ..inner }, shown(right));
    }
    if let Some((mending, input, _)) = naming {
        let name = escaped(&state.profile.account(mending.by).name).into_owned();
        let row = Rect { y: inner.y + height as u16, height: 1, ..inner };
        let ask = format!("Type the account's name, {name}, to write it.");
        let first = "Nothing is written yet. ";
        // What has to be done is said first where there is no room for both.
        let fits = ask.width() + first.width() <= usize::from(inner.width);
        let line = Line::from(vec![span(if fits { first } else { "" }, Style::new()), span(ask, theme.bad())]);
        frame.render_widget(line, row);
        typed(frame, theme, Rect { y: row.y + 1, ..row }, input);
        return;
    }
    if inquiry.asking().is_some() {
        let who = escaped(&state.profile.label(inquiry.about.role())).into_owned();
        let text = match &inquiry.about {
            About::Access { .. } => format!("{} asking AWS about {who}, as whoever may look …", spinner(state.beat)),
            About::Role(_) => format!("{} reading the role {who} …", spinner(state.beat)),
        };
        frame.render_widget(Line::styled(text, theme.accent()), inner);
    }
    if let Some(step) = &inquiry.step {
        in_front(state, theme, inquiry, step, frame);
    }
}

fn title(state: &State, inquiry: &Inquiry, width: usize) -> String {
    let label = escaped(&state.profile.label(inquiry.about.role())).into_owned();
    match &inquiry.about {
        About::Role(_) => format!(" Role · {label} "),
        About::Access { uri: None, .. } => format!(" Explain · {label} "),
        About::Access { uri: Some(uri), write, .. } => {
            let write = if *write { " · writing" } else { "" };
            let taken = label.width() + write.len() + 15 + with_text(state, inquiry).width();
            let uri = cut_front(&escaped(&uri.to_string()), width.saturating_sub(taken).max(12));
            format!(" Explain · {label} · {uri}{write} ")
        }
    }
}

fn with_text(state: &State, inquiry: &Inquiry) -> String {
    let names: Vec<String> =
        inquiry.with.iter().map(|role| escaped(&state.profile.label(*role)).into_owned()).collect();
    if names.is_empty() { String::new() } else { format!(" with {} ", names.join(", ")) }
}

fn with(state: &State, inquiry: &Inquiry, width: usize) -> String {
    cut(&with_text(state, inquiry), width / 2).into_owned()
}

fn in_front(state: &State, theme: Theme, inquiry: &Inquiry, step: &Step, frame: &mut Frame<'_>) {
    match step {
        Step::With { roles, at } => {
            let marks: Vec<bool> = roles.iter().map(|role| inquiry.with.contains(role)).collect();
            picker(state, theme, " Who looks too ", (roles, &marks, *at), frame);
        }
        Step::Mender { roles, at, .. } => {
            picker(state, theme, " Who writes it ", (roles, &vec![false; roles.len()], *at), frame);
        }
        Step::Guard { role, input, .. } => {
            let account = state.profile.account(*role);
            let environment = account.environment.as_deref().unwrap_or("guarded");
            let (name, label) = (escaped(&account.name), state.profile.label(*role));
            let text = vec![
                Line::styled(format!("This account is {}.", escaped(environment)), theme.bad()),
                Line::from(format!("Type its name, {name}, to assume {} for this.", escaped(&label))),
            ];
            modals::question(frame, theme, " Really? ", input, text);
        }
        Step::Session { role, .. } => {
            let label = state.profile.label(*role);
            waiting(state, theme, &format!("assuming {} …", escaped(&label)), frame);
        }
        Step::Reading { .. } => waiting(state, theme, "reading the policy that is there …", frame),
        Step::Writing { place, .. } => waiting(state, theme, &format!("writing {place} …"), frame),
        Step::Code { question, input, note, .. } => {
            let mut text = vec![Line::from(format!("The six digits of {question}"))];
            text.extend(note.iter().map(|note| Line::styled(note.clone(), theme.accent())));
            modals::question(frame, theme, " MFA code ", input, text);
        }
        Step::Name { .. } => {}
    }
}

fn waiting(state: &State, theme: Theme, what: &str, frame: &mut Frame<'_>) {
    let line = Line::styled(format!("{} {what}", spinner(state.beat)), theme.accent());
    modals::message(frame, theme, "", vec![line]);
}

/// Roles with their accounts, one under the cursor.
fn picker(
    state: &State,
    theme: Theme,
    title: &str,
    (roles, marks, at): (&[RoleIndex], &[bool], usize),
    frame: &mut Frame<'_>,
) {
    let room = usize::from(frame.area().height).saturating_sub(6).max(1);
    let first = at.saturating_sub(room.saturating_sub(1));
    let width = usize::from(frame.area().width.saturating_sub(4).min(76)).saturating_sub(4);
    let line = |(place, role): (usize, &RoleIndex)| {
        let mark = if marks.get(place).copied().unwrap_or(false) { "● " } else { "  " };
        let wants = if state.profile.role(*role).mfa_serial.is_some() { "  MFA" } else { "" };
        let text =
            format!("{mark}{}  {}{wants}", escaped(&state.profile.label(*role)), state.profile.account(*role).id);
        let line = Line::from(span(fit(&text, width), Style::new()));
        if place == at { highlighted(line, theme.selected(true)) } else { line }
    };
    let text = roles.iter().enumerate().skip(first).take(room).map(line).collect();
    modals::message(frame, theme, title, text);
}

fn typed(frame: &mut Frame<'_>, theme: Theme, row: Rect, input: &Input) {
    let room = usize::from(row.width).saturating_sub(3);
    let scroll = input.visual_scroll(room);
    let shown: String = input.value().chars().skip(scroll).take(room).collect();
    let text = span(escaped(&shown).into_owned(), theme.bold());
    frame.render_widget(Line::from(vec![span("› ", theme.accent()), text]), row);
    let column = input.visual_cursor().saturating_sub(scroll).min(room) as u16;
    frame.set_cursor_position(Position::new(row.x + 2 + column, row.y));
}
