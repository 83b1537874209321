//! A picture of the state, and of nothing else.

mod bars;
mod browser;
mod copy;
mod copying;
mod inquiry;
mod modals;
mod preview;
mod roles;
mod transfers;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr as _;

use super::keys::Action;
use super::labelled::{Row, Tone};
use super::layout::{SMALLEST, areas, too_small};
use super::state::State;
use super::theme::Theme;
use crate::domain::text::cut;

/// Draws the whole screen.
pub(super) fn view(state: &State, theme: Theme, frame: &mut Frame<'_>) {
    let (columns, rows) = state.size;
    if too_small(state.size) {
        let quit = state.keys.key(Action::Quit).unwrap_or_default();
        let text = format!("xsw needs {}×{}; this is {columns}×{rows}. {quit} quits.", SMALLEST.0, SMALLEST.1);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), frame.area());
        return;
    }
    let areas = areas(state);
    bars::header(state, theme, areas.header, frame);
    roles::roles(state, theme, areas.roles, frame);
    roles::facts(state, theme, areas.facts, frame);
    browser::browser(state, theme, areas.browser, frame);
    transfers::transfers(state, theme, areas.transfers, frame);
    bars::notice(state, theme, areas.notice, frame);
    bars::footer(state, theme, areas.footer, frame);
    modals::modal(state, theme, frame);
}

/// A pane's frame with a title at its left and another at its right.
fn pane<'a>(theme: Theme, focused: bool, left: impl Into<Line<'a>>, right: impl Into<Line<'a>>) -> Block<'a> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.border(focused))
        .title(left)
        .title(right.into().alignment(Alignment::Right))
}

/// `text` cut to `width` columns and filled up to them.
fn fit(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let gap = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(gap))
}

/// The same, at the right.
fn fit_right(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let gap = width.saturating_sub(text.width());
    format!("{}{text}", " ".repeat(gap))
}

/// The end of a long prefix says where we are; its beginning gives way.
fn cut_front(text: &str, width: usize) -> String {
    use unicode_width::UnicodeWidthChar as _;
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect();
    format!("…{}", tail.into_iter().rev().collect::<String>())
}

/// Turns while something is waited for.
fn spinner(beat: usize) -> &'static str {
    const STEPS: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"];
    STEPS[beat % STEPS.len()]
}

/// Draws lines from the top of an area.
fn lines<'a>(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = Line<'a>>) {
    for (row, line) in (area.y..area.bottom()).zip(lines) {
        frame.render_widget(line, Rect { y: row, height: 1, ..area });
    }
}

/// Rows of a label and what it says.
fn labelled<'a>(theme: Theme, label: Style, rows: impl IntoIterator<Item = Row>) -> impl Iterator<Item = Line<'a>> {
    rows.into_iter().map(move |row| {
        let style = match row.tone {
            Tone::Plain => Style::new(),
            Tone::Title => theme.bold(),
            Tone::Dim => theme.dim(),
            Tone::Busy | Tone::Bar => theme.accent(),
            Tone::Good => theme.good(),
            Tone::Warn => theme.warn(),
            Tone::Bad => theme.bad(),
        };
        Line::from(vec![span(row.label, label), span(row.text, style)])
    })
}

/// The row under the cursor, in one style: colours of its own would make a patchwork of it.
fn highlighted<'a>(line: Line<'a>, style: Style) -> Line<'a> {
    Line::from_iter(line.spans.into_iter().map(|part| Span::styled(part.content, style)))
}

/// A span without the trouble of its type.
fn span<'a>(text: impl Into<std::borrow::Cow<'a, str>>, style: Style) -> Span<'a> {
    Span::styled(text, style)
}
