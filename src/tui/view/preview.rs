//! The preview, in front of all but the header, the notice and the footer.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Wrap};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{fit, fit_right, lines, pane, span, spinner};
use crate::domain::text::{bytes, count, cut, escaped, plural};
use crate::ops::preview::table::Table;
use crate::ops::preview::text::{Class, Text};
use crate::ops::preview::{Body, Preview, hex};
use crate::tui::hint::hint;
use crate::tui::state::{Seen, Sketch, State, Viewer, heading_rows, room};
use crate::tui::theme::Theme;

pub(super) fn preview(state: &State, theme: Theme, viewer: &Viewer, frame: &mut Frame<'_>) {
    let (columns, rows) = state.size;
    let area = Rect::new(0, 1, columns, rows.saturating_sub(3));
    let (inner_width, inner_height) = room(state.size);
    let inner = Rect::new(2, 2, inner_width, inner_height);
    frame.render_widget(Clear, area);
    let width = usize::from(inner_width);
    let name = escaped(viewer.uri.name());
    let (about, looks, notes, place) = match &viewer.seen {
        Seen::Ready(preview) => (
            format!("{} · {}", preview.kind, size(preview)),
            looks(theme, viewer, preview),
            preview.notes.join(" · "),
            place(viewer, state.size),
        ),
        Seen::Loading(_) | Seen::Failed(_) => Default::default(),
    };
    // The name gives way to what it is, and that to the ways to look at it.
    let about_room = width.saturating_sub(looks.width() + 3);
    let about = cut(&about, about_room.saturating_sub(name.width().min(12) + 3)).into_owned();
    let name = cut(&name, about_room.saturating_sub(about.width() + 3));
    let title = if about.is_empty() { format!(" {name} ") } else { format!(" {name} · {about} ") };
    let notes = match &viewer.search {
        Some(search) => format!("/{}{}", escaped(search.input.value()), if search.typing { "▏" } else { "" }),
        None => notes,
    };
    let notes =
        if notes.is_empty() { notes } else { format!(" {} ", cut(&notes, width.saturating_sub(place.width() + 3))) };
    let block = pane(theme, true, title, looks)
        .title_bottom(Line::styled(notes, theme.dim()))
        .title_bottom(Line::from(place).alignment(Alignment::Right));
    frame.render_widget(block, area);
    match (&viewer.seen, viewer.current().map(|look| &look.body)) {
        (Seen::Loading(_), _) => {
            frame.render_widget(Line::styled(format!("{} reading …", spinner(state.beat)), theme.accent()), inner);
        }
        (Seen::Failed(error), _) => {
            let mut text: Vec<Line<'_>> =
                error.to_string().lines().map(|line| Line::styled(line.to_owned(), theme.bad())).collect();
            text.extend(hint(&state.keys, error).map(|hint| Line::from(format!("hint: {hint}"))));
            frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), inner);
        }
        (Seen::Ready(preview), None) if preview.size == 0 => {
            frame.render_widget(Line::styled("it is empty", theme.dim()), inner);
        }
        (Seen::Ready(_), None) => {}
        (Seen::Ready(_), Some(Body::Text(text))) if text.is_empty() => {
            frame.render_widget(Line::styled("it is empty", theme.dim()), inner);
        }
        (Seen::Ready(_), Some(Body::Text(text))) => {
            let rows = viewer.rows(text, state.size).into_iter();
            lines(frame, inner, rows.map(|(line, columns)| text_line(theme, viewer, text, line, columns)));
        }
        (Seen::Ready(_), Some(Body::Hex(bytes))) => {
            let row = |index| Line::from(hex::row(bytes, index).chars().skip(viewer.left).collect::<String>());
            // At 80 columns it just fits, without the margins.
            let whole = Rect { x: inner.x - 1, width: inner.width + 2, ..inner };
            lines(frame, whole, (viewer.top..hex::rows(bytes)).map(row));
        }
        (Seen::Ready(_), Some(Body::Table(table))) => lines(frame, inner, table_lines(theme, table, viewer, width)),
        (Seen::Ready(_), Some(Body::Picture(_))) => match &viewer.drawn {
            Some((_, Sketch::Ready(Some(drawn)))) => drawn.draw(inner, frame.buffer_mut()),
            Some((_, Sketch::Ready(None))) => {
                frame.render_widget(
                    Line::styled("pictures are shown by colours, and NO_COLOR is set", theme.dim()),
                    inner,
                );
            }
            Some((_, Sketch::Asked(_))) | None => {
                frame.render_widget(Line::styled(format!("{} drawing …", spinner(state.beat)), theme.accent()), inner);
            }
        },
    }
}

/// How much of it was read.
fn size(preview: &Preview) -> String {
    let round = |count: u64| bytes(count).replace(".0 KiB", " KiB");
    match preview.read < preview.size {
        true if preview.is_beginning => format!("first {} of {}", round(preview.read), bytes(preview.size)),
        true => format!("{} of {} read", round(preview.read), bytes(preview.size)),
        false => bytes(preview.size),
    }
}

/// The ways to look at it, the one that is used set off.
fn looks<'a>(theme: Theme, viewer: &Viewer, preview: &Preview) -> Line<'a> {
    let mut spans = Vec::new();
    for (index, look) in preview.looks.iter().enumerate().filter(|_| preview.looks.len() > 1) {
        let style = if index == viewer.look { theme.selected(true) } else { theme.dim() };
        spans.extend([span(format!(" {} ", look.name), style)]);
    }
    Line::from(spans)
}

/// Which rows are in view.
fn place(viewer: &Viewer, size: (u16, u16)) -> String {
    let rows = usize::from(room(size).1);
    let (all, what, rows) = match viewer.current().map(|look| &look.body) {
        Some(Body::Text(text)) => (text.len(), "line", rows),
        Some(Body::Table(table)) => (table.len(), "row", rows.saturating_sub(heading_rows(table))),
        _ => return String::new(),
    };
    let last = match viewer.current().map(|look| &look.body) {
        Some(Body::Text(text)) => viewer.rows(text, size).last().map_or(0, |(line, _)| line + 1),
        _ => (viewer.top + rows).min(all),
    };
    match viewer.top == 0 && viewer.above == 0 && last == all {
        true => format!(" {} ", plural(all as u64, what)),
        false => format!(" {}–{} of {} ", count(viewer.top as u64 + 1), count(last as u64), plural(all as u64, what)),
    }
}

/// Some columns of a line, what is looked for set off.
fn text_line<'a>(theme: Theme, viewer: &Viewer, text: &'a Text, index: usize, shown: Range<usize>) -> Line<'a> {
    let hits = viewer.search.as_ref().map(|search| search.columns(text, index)).unwrap_or_default();
    let mut column = 0;
    let mut spans: Vec<Span<'a>> = Vec::new();
    for (run, class) in text.line(index) {
        if column >= shown.end {
            break;
        }
        let style = theme.class(class);
        for c in run.chars() {
            let (start, end) = (column, column + c.width().unwrap_or(0));
            column = end;
            let c = match (start >= shown.start && end <= shown.end, end > shown.start && start < shown.end) {
                (true, _) => c,
                // Half of a wide character is at the edge.
                (false, true) => ' ',
                (false, false) => continue,
            };
            let is_hit = hits.iter().any(|hit| hit.contains(&start));
            let style = if is_hit { style.add_modifier(Modifier::REVERSED) } else { style };
            match spans.last_mut() {
                Some(last) if last.style == style => last.content.to_mut().push(c),
                _ => spans.push(span(c.to_string(), style)),
            }
        }
    }
    Line::from(spans)
}

/// Columns between two columns of a table.
const GAP: usize = 2;

fn table_lines<'a>(theme: Theme, table: &'a Table, viewer: &Viewer, width: usize) -> Vec<Line<'a>> {
    let mut shown = Vec::new();
    let mut used = 0;
    for (index, column) in table.columns().iter().enumerate().skip(viewer.left) {
        if used >= width {
            break;
        }
        // The last one that is in view is cut at the edge.
        let columns = column.width.min(width - used);
        shown.push((index, columns, column));
        used += columns + GAP;
    }
    let row = |style: Style, cell: &dyn Fn(usize) -> &'a str| {
        let cell = |(index, columns, column): &(usize, usize, &crate::ops::preview::table::Column)| {
            let text = cell(*index);
            let text = if column.numeric { fit_right(text, *columns) } else { fit(text, *columns) };
            span(text + &" ".repeat(GAP), style)
        };
        Line::from(shown.iter().map(cell).collect::<Vec<_>>())
    };
    let mut out = vec![row(theme.bold(), &|index| &table.columns()[index].name)];
    if heading_rows(table) > 1 {
        out.push(row(theme.class(Class::Type), &|index| table.columns()[index].kind.as_deref().unwrap_or_default()));
    }
    let rows = usize::from(u16::MAX).min(table.len().saturating_sub(viewer.top)).min(400);
    let found = viewer.search.as_ref().and_then(|search| search.found);
    out.extend((viewer.top..viewer.top + rows).map(|index| {
        let style = if found == Some(index) { theme.selected(true) } else { Style::new() };
        row(style, &|column| table.cell(index, column))
    }));
    out
}
