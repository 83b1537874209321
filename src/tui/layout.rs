//! Where everything stands: measured from the size and the state, before anything is drawn.

use ratatui::layout::Rect;

use super::state::{Focus, State};

/// Smaller than this and the screen says so.
pub(super) const SMALLEST: (u16, u16) = (60, 16);

/// From this width on, roles and buckets stand beside each other.
const WIDE: u16 = 76;

/// Where the parts are; a part that is not shown is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) header: Rect,
    pub(super) roles: Rect,
    pub(super) facts: Rect,
    pub(super) browser: Rect,
    pub(super) transfers: Rect,
    pub(super) notice: Rect,
    pub(super) footer: Rect,
}

/// Whether the terminal is too small for the screen.
pub(super) fn too_small((columns, rows): (u16, u16)) -> bool {
    columns < SMALLEST.0 || rows < SMALLEST.1
}

/// Measures the screen.
pub(super) fn areas(state: &State) -> Areas {
    let (columns, rows) = state.size;
    if too_small(state.size) {
        return Areas::default();
    }
    let header = Rect::new(0, 0, columns, 1);
    let notice = Rect::new(0, rows - 2, columns, 1);
    let footer = Rect::new(0, rows - 1, columns, 1);
    let body = Rect::new(0, 1, columns, rows - 3);
    let transfers_rows = match state.jobs.len() as u16 {
        0 => 0,
        jobs if state.focus == Focus::Transfers => (jobs + 2).min(body.height / 2),
        jobs => (jobs + 2).min(if rows < 24 { 4 } else { 7 }),
    };
    let cut_below = |area: Rect, rows: u16| {
        let above = Rect { height: area.height - rows, ..area };
        (above, Rect { y: above.bottom(), height: rows, ..area })
    };
    if columns < WIDE {
        // One pane at a time, the transfers below it.
        let (pane, transfers) = cut_below(body, transfers_rows);
        let shown = Areas { header, transfers, notice, footer, ..Areas::default() };
        return match state.focus {
            Focus::Roles => {
                let (roles, facts) = cut_below(pane, if pane.height >= 14 { 6 } else { 0 });
                Areas { roles, facts, ..shown }
            }
            Focus::Browser | Focus::Transfers => Areas { browser: pane, ..shown },
        };
    }
    let left_width = (columns * 3 / 8).clamp(31, 46);
    let left = Rect { width: left_width, ..body };
    let right = Rect { x: left.right(), width: columns - left_width, ..body };
    let (roles, facts) = cut_below(left, if body.height >= 28 { 10 } else { 7 });
    let (browser, transfers) = cut_below(right, transfers_rows);
    Areas { header, roles, facts, browser, transfers, notice, footer }
}

/// Columns and rows of the inside of a list to choose from.
pub(super) fn picker_room((columns, rows): (u16, u16)) -> (usize, usize) {
    (usize::from(columns.saturating_sub(8).min(76)), usize::from(rows.saturating_sub(6).min(24)))
}

/// Columns and rows for the text of a transfer's report, inside its frame and margins.
pub(super) fn report_room((columns, rows): (u16, u16)) -> (usize, usize) {
    (usize::from(columns.saturating_sub(8).min(100)), usize::from(rows.saturating_sub(4)))
}
