//! The question where a copy goes.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;

use super::modals::{boxed, scrolled};
use super::roles::standing;
use super::{cut_front, fit, highlighted, lines, span, spinner};
use crate::domain::role::RoleIndex;
use crate::domain::text::{cut, escaped};
use crate::error::Error;
use crate::tui::layout::picker_room;
use crate::tui::review::{review, room};
use crate::tui::state::copying::{Copying, PlaceRow, Step};
use crate::tui::state::{RoleRow, State};
use crate::tui::theme::Theme;

pub(super) fn copying(state: &State, theme: Theme, frame: &mut Frame<'_>) {
    let Some(copying) = &state.copying else { return };
    match &copying.step {
        Step::Role => roles(state, theme, copying, frame),
        Step::Place => places(state, theme, copying, frame),
        Step::Review { target, picks, way, top } => {
            let rows = review(state, copying, (target, picks, way), room(state.size).0);
            scrolled(frame, theme, (" Copy ", theme.dim()), room(state.size), (rows, *top));
        }
    }
}

/// A box with a line to type in and rows below it.
fn picker(frame: &mut Frame<'_>, theme: Theme, title: &str, before: &str, copying: &Copying) -> Rect {
    let (width, height) = picker_room(frame.area().as_size().into());
    let inner = boxed(frame, theme, title, (width as u16 + 4, height as u16 + 2));
    let room = usize::from(inner.width).saturating_sub(3);
    let before = cut_front(before, room * 2 / 3);
    let room = room.saturating_sub(before.chars().count());
    let scroll = copying.input.visual_scroll(room);
    let typed: String = copying.input.value().chars().skip(scroll).take(room).collect();
    let column = before.chars().count() + copying.input.visual_cursor().saturating_sub(scroll).min(room);
    let line = Line::from(vec![
        span("› ", theme.accent()),
        span(before, theme.dim()),
        span(escaped(&typed).into_owned(), theme.bold()),
    ]);
    frame.render_widget(line, Rect { height: 1, ..inner });
    frame.set_cursor_position(Position::new(inner.x + 2 + column as u16, inner.y));
    Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner }
}

fn roles(state: &State, theme: Theme, copying: &Copying, frame: &mut Frame<'_>) {
    let area = picker(frame, theme, " Copy: which role writes? ", "", copying);
    let width = usize::from(area.width);
    let mut drawn = Vec::new();
    if copying.recent_rows() > 0 {
        for (place, (role, uri)) in copying.recent.iter().enumerate() {
            let label = escaped(&state.profile.label(*role)).into_owned();
            let uri = cut_front(&escaped(&uri.to_string()), width.saturating_sub(label.chars().count() + 5));
            let line = Line::from(span(fit(&format!("{label} → {uri}"), width), Style::new()));
            let at = copying.at_recent == Some(place);
            drawn.push(if at { highlighted(line, theme.selected(true)) } else { line });
        }
        drawn.push(Line::default());
    }
    if copying.roles.rows.is_empty() {
        drawn.push(Line::styled("nothing matches", theme.dim()));
    }
    let rows = copying.roles.rows.iter().enumerate().skip(copying.roles.cursor.top);
    drawn.extend(rows.map(|(place, row)| match row {
        RoleRow::Account(account) => {
            let account = &state.profile.accounts[*account];
            let environment = account.environment.as_deref().unwrap_or_default();
            let about = format!("  {}  {}", account.id, escaped(environment));
            Line::from(vec![span(escaped(&account.name).into_owned(), theme.bold()), span(about, theme.dim())])
        }
        RoleRow::Role(role) => {
            let at = copying.at_recent.is_none() && place == copying.roles.cursor.at;
            role_line(state, theme, (*role, *role == copying.from), at, width)
        }
    }));
    lines(frame, area, drawn);
}

fn role_line<'a>(state: &State, theme: Theme, (role, reads): (RoleIndex, bool), at: bool, width: usize) -> Line<'a> {
    let (note, style) = standing(state, theme, role);
    let name = format!("  {}{}", state.profile.role(role).name, if reads { "  (reads it)" } else { "" });
    let name = fit(&name, width.saturating_sub(note.chars().count() + 1));
    let line = Line::from(vec![span(name, Style::new()), span(format!(" {note}"), style)]);
    if at { highlighted(line, theme.selected(true)) } else { line }
}

fn places(state: &State, theme: Theme, copying: &Copying, frame: &mut Frame<'_>) {
    let label = copying.to.map(|role| state.profile.label(role)).unwrap_or_default();
    let title = format!(" Copy as {}: where to? ", escaped(&label));
    let level = copying.places.level.as_ref().map_or("s3://".to_owned(), ToString::to_string);
    let area = picker(frame, theme, &title, &escaped(&level), copying);
    let width = usize::from(area.width);
    let (list, last) = (
        Rect { height: area.height.saturating_sub(1), ..area },
        Rect { y: area.bottom().saturating_sub(1), height: 1, ..area },
    );
    let rows = copying.place_rows();
    let shown = rows.iter().enumerate().skip(copying.places.cursor.top);
    let drawn = shown.map(|(place, row)| {
        let line = match row {
            PlaceRow::Here(uri) => {
                let uri = escaped(&uri.to_string()).into_owned();
                Line::styled(fit(&format!("into {}", cut_front(&uri, width.saturating_sub(5))), width), theme.bold())
            }
            PlaceRow::Into(uri) if uri.key.is_empty() || copying.places.level.is_none() => {
                Line::from(fit(&escaped(&uri.to_string()), width))
            }
            PlaceRow::Into(uri) => Line::from(fit(&format!("  {}", escaped(uri.name())), width)),
        };
        if place == copying.places.cursor.at { highlighted(line, theme.selected(true)) } else { line }
    });
    lines(frame, list, drawn);
    let told = match (&copying.places.wrong, &copying.places.problem, copying.places.loading) {
        (Some(wrong), ..) => Line::styled(cut(&escaped(wrong), width).into_owned(), theme.bad()),
        (None, Some(Error::Denied { action, .. }), _) => {
            let what = if action == "s3:ListAllMyBuckets" { "a bucket's name" } else { "the prefix" };
            Line::styled(format!("may not list ({action}): write {what}"), theme.dim())
        }
        (None, Some(error), _) => Line::styled(cut(&error.to_string(), width).into_owned(), theme.bad()),
        (None, None, Some(_)) => Line::styled(format!("{} listing …", spinner(state.beat)), theme.accent()),
        (None, None, None) if copying.places.level.is_none() => {
            Line::styled("A bucket that is not listed opens by its name.", theme.dim())
        }
        (None, None, None) => Line::styled("Enter takes the row; a new prefix is written.", theme.dim()),
    };
    frame.render_widget(told, last);
}
