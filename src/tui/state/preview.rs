//! The preview of an object, as far as it is there, and what of it is in view.

mod wrap;

use std::ops::Range;
use std::sync::Arc;

use super::search::Search;
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::preview::text::Text;
use crate::ops::preview::{Body, Look, Picture, Preview, hex};
use crate::tui::msg::Ticket;
use crate::tui::picture::Drawn;

/// An object that is looked at.
#[derive(Debug)]
pub struct Viewer {
    /// Which object.
    pub uri: S3Uri,
    /// Which version; `None` is the current one.
    pub version: Option<String>,
    /// What is known of it.
    pub seen: Seen,
    /// Which of the ways to look at it.
    pub look: usize,
    /// Rows above the view.
    pub top: usize,
    /// Columns left of the view: of the screen for text, of the table for a table.
    pub left: usize,
    /// Whether long lines of a text go on in the next row.
    pub wraps: bool,
    /// Rows of the first line above the view, where lines are wrapped.
    pub above: usize,
    /// What is looked for.
    pub search: Option<Search>,
    /// The picture, drawn for a room of so many columns and rows.
    pub drawn: Option<((u16, u16), Sketch)>,
}

/// A preview on its way.
#[derive(Debug)]
pub enum Seen {
    Loading(Ticket),
    Ready(Box<Preview>),
    Failed(Error),
}

/// A picture that is being drawn.
#[derive(Debug)]
pub enum Sketch {
    Asked(Ticket),
    Ready(Option<Drawn>),
}

impl Viewer {
    /// Of an object that has just been asked for.
    pub fn new(uri: S3Uri, version: Option<String>, ticket: Ticket) -> Self {
        let (look, top, left, above) = Default::default();
        let (wraps, search, drawn) = Default::default();
        Self { uri, version, seen: Seen::Loading(ticket), look, top, left, wraps, above, search, drawn }
    }

    /// The way in which it is looked at.
    pub fn current(&self) -> Option<&Look> {
        match &self.seen {
            Seen::Ready(preview) => preview.looks.get(self.look),
            Seen::Loading(_) | Seen::Failed(_) => None,
        }
    }

    /// The name of the way that comes next, where there are several.
    pub fn next_look(&self) -> Option<&'static str> {
        let Seen::Ready(preview) = &self.seen else { return None };
        let next = preview.looks.get((self.look + 1) % preview.looks.len().max(1))?;
        (preview.looks.len() > 1).then_some(next.name)
    }

    /// The picture, where one is looked at.
    pub fn picture(&self) -> Option<&Arc<Picture>> {
        match self.current()?.body {
            Body::Picture(ref picture) => Some(picture),
            Body::Text(_) | Body::Table(_) | Body::Hex(_) => None,
        }
    }

    /// What is under way for it: the fetch, the drawing.
    pub fn tickets(&self) -> impl Iterator<Item = Ticket> {
        let fetch = if let Seen::Loading(ticket) = self.seen { Some(ticket) } else { None };
        let sketch = if let Some((_, Sketch::Asked(ticket))) = self.drawn { Some(ticket) } else { None };
        fetch.into_iter().chain(sketch)
    }

    /// Moves the view, and keeps it within what there is.
    pub fn scroll(&mut self, down: isize, right: isize, size: (u16, u16)) {
        if let Some(text) = self.wrapped() {
            (self.top, self.above) = wrap::moved(text, (self.top, self.above), down, room(size));
            return;
        }
        let (rows, columns) = self.extent(size);
        self.top = self.top.saturating_add_signed(down).min(rows);
        self.left = self.left.saturating_add_signed(right).min(columns);
    }

    /// The text, where its lines are wrapped.
    fn wrapped(&self) -> Option<&Text> {
        match self.current().map(|look| &look.body) {
            Some(Body::Text(text)) if self.wraps => Some(text),
            _ => None,
        }
    }

    /// What of a text is in view, row by row: a line, and which of its columns.
    pub fn rows(&self, text: &Text, size: (u16, u16)) -> Vec<(usize, Range<usize>)> {
        let (columns, rows) = room(size);
        if self.wraps {
            return wrap::rows(text, (self.top, self.above), (columns, rows));
        }
        let in_view = self.left..self.left + usize::from(columns);
        (self.top..text.len()).take(rows.into()).map(|line| (line, in_view.clone())).collect()
    }

    /// Goes to the next line or row that holds what is looked for, or to the one before; `None` where there is none,
    /// else whether the end was passed.
    pub fn find(&mut self, forward: bool, size: (u16, u16)) -> Option<bool> {
        let (search, look) = (self.search.as_ref()?, self.current()?);
        let from = match search.found {
            Some(found) if forward => found + 1,
            Some(found) => found,
            None => self.top,
        };
        let (place, around) = search.next(&look.body, from, forward)?;
        // Where a line is in view from its first hit on; a table has its columns side by side.
        let column = match &look.body {
            Body::Text(text) => search.columns(text, place).first().map_or(0, |hit| hit.end),
            _ => 0,
        };
        if let Some(search) = &mut self.search {
            search.found = Some(place);
        }
        (self.top, self.above) = (place, 0);
        let (columns, _) = room(size);
        if column > 0 && !self.wraps {
            self.left = column.saturating_sub(columns.into());
        }
        self.scroll(0, 0, size);
        Some(around)
    }

    /// How far it can be scrolled down and to the right.
    fn extent(&self, size: (u16, u16)) -> (usize, usize) {
        let (columns, rows) = room(size);
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        match self.current().map(|look| &look.body) {
            Some(Body::Text(text)) => (text.len().saturating_sub(rows), text.width().saturating_sub(columns)),
            Some(Body::Hex(bytes)) => (hex::rows(bytes).saturating_sub(rows), hex::WIDTH.saturating_sub(columns + 2)),
            Some(Body::Table(table)) => {
                let heading = heading_rows(table);
                (table.len().saturating_sub(rows.saturating_sub(heading)), table.columns().len().saturating_sub(1))
            }
            Some(Body::Picture(_)) | None => (0, 0),
        }
    }
}

/// Rows of a table's heading: the names, and the types where they are known.
pub fn heading_rows(table: &crate::ops::preview::table::Table) -> usize {
    1 + usize::from(table.columns().iter().any(|column| column.kind.is_some()))
}

/// Columns and rows within the frame: the header, the notice and the footer stay in view around it.
pub fn room((columns, rows): (u16, u16)) -> (u16, u16) {
    (columns.saturating_sub(4), rows.saturating_sub(5))
}
