//! The preview of an object, as far as it is there, and what of it is in view.

use std::sync::Arc;

use crate::domain::uri::S3Uri;
use crate::error::Error;
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
        Self { uri, version, seen: Seen::Loading(ticket), look: 0, top: 0, left: 0, drawn: None }
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
        let (rows, columns) = self.extent(size);
        self.top = self.top.saturating_add_signed(down).min(rows);
        self.left = self.left.saturating_add_signed(right).min(columns);
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
