//! The mouse: a click goes there, a second one opens, the wheel scrolls.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::act;
use crate::tui::effect::Effect;
use crate::tui::keys::Action;
use crate::tui::layout::areas;
use crate::tui::state::{Focus, Modal, RoleRow, State};

/// Rows that the wheel moves.
const WHEEL: usize = 3;

pub(super) fn mouse(state: &mut State, event: MouseEvent, effects: &mut Vec<Effect>) {
    let position = Position::new(event.column, event.row);
    let action = match event.kind {
        MouseEventKind::ScrollUp => Action::Up,
        MouseEventKind::ScrollDown => Action::Down,
        MouseEventKind::Down(MouseButton::Left) => {
            click(state, position, effects);
            return;
        }
        _ => return,
    };
    if let Some(Modal::Help { top } | Modal::Transfer { top, .. } | Modal::Details { top, .. }) = &mut state.modal {
        *top = if action == Action::Up { top.saturating_sub(WHEEL) } else { *top + WHEEL };
        return;
    }
    if let Some(Modal::Inquiry(inquiry)) = &mut state.modal {
        inquiry.top = if action == Action::Up { inquiry.top.saturating_sub(WHEEL) } else { inquiry.top + WHEEL };
        return;
    }
    if let Some(Modal::Preview(viewer)) = &mut state.modal {
        viewer.scroll(if action == Action::Up { -(WHEEL as isize) } else { WHEEL as isize }, 0, state.size);
        return;
    }
    let Some((focus, _)) = pane_at(state, position).filter(|_| state.modal.is_none()) else { return };
    state.focus = focus;
    for _ in 0..WHEEL {
        act(state, action, effects);
    }
}

fn click(state: &mut State, position: Position, effects: &mut Vec<Effect>) {
    if matches!(state.modal, Some(Modal::Help { .. } | Modal::Failure { .. } | Modal::Details { .. })) {
        state.modal = None;
        return;
    }
    let Some((focus, area)) = pane_at(state, position).filter(|_| state.modal.is_none()) else { return };
    state.notice = None;
    let again = state.focus == focus;
    state.focus = focus;
    // Below the border, and in the browser below the heading.
    let heading = u16::from(focus == Focus::Browser);
    let Some(row) = position.y.checked_sub(area.y + 1 + heading) else { return };
    if position.y + 1 >= area.bottom() {
        return;
    }
    let (cursor, length) = match focus {
        Focus::Roles => (&mut state.roles.cursor, state.roles.rows.len()),
        Focus::Browser => (&mut state.browser.cursor, state.browser.listing.shown()),
        Focus::Transfers => (&mut state.job_cursor, state.jobs.len()),
    };
    let at = cursor.top + usize::from(row);
    if at >= length || (focus == Focus::Roles && matches!(state.roles.rows[at], RoleRow::Account(_))) {
        return;
    }
    let same = again && cursor.at == at;
    cursor.at = at;
    if same {
        act(state, Action::Open, effects);
    }
}

fn pane_at(state: &State, position: Position) -> Option<(Focus, Rect)> {
    let areas = areas(state);
    let panes = [(Focus::Roles, areas.roles), (Focus::Browser, areas.browser), (Focus::Transfers, areas.transfers)];
    panes.into_iter().find(|(_, area)| area.contains(position))
}
