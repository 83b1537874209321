//! The rows of the bucket browser: up to millions, held tightly, filtered and sorted by their places.

use jiff::Timestamp;

use crate::domain::object::{Bucket, Entry};
use crate::domain::uri::S3Uri;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bookmark of the role: an `s3://` URI.
    Bookmark,
    /// A bucket.
    Bucket,
    /// A common prefix.
    Prefix,
    /// An object.
    Object,
}

/// One row, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// What it is.
    pub kind: Kind,
    /// Exact; without the prefix that is listed.
    pub name: &'a str,
    /// Bytes; 0 for what has none.
    pub size: u64,
    /// When it was written.
    pub modified: Option<Timestamp>,
    /// The storage class, or a bucket's region.
    pub class: &'a str,
}

/// How rows are ordered; prefixes come first in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As S3 lists: by the bytes of the key.
    #[default]
    Name,
    /// Largest first.
    Size,
    /// Newest first.
    Modified,
}

impl Order {
    /// The next one, round and round.
    pub fn next(self) -> Self {
        match self {
            Self::Name => Self::Size,
            Self::Size => Self::Modified,
            Self::Modified => Self::Name,
        }
    }
}

/// 32 bytes a row, and its name in one text with all others.
#[derive(Clone, Copy, Debug)]
struct Packed {
    start: u64,
    size: u64,
    /// Seconds; [`NO_TIME`] for none.
    modified: i64,
    length: u32,
    class: u16,
    kind: Kind,
}

const NO_TIME: i64 = i64::MIN;

/// Rows, and which of them are shown in which order.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    names: String,
    rows: Vec<Packed>,
    /// A handful of storage classes and regions, shared by all rows.
    classes: Vec<String>,
    marked: std::collections::BTreeSet<u32>,
    filter: String,
    order: Order,
    /// Places of the rows that are shown; `None` means all, in the order they came.
    shown: Option<Vec<u32>>,
}

impl Listing {
    /// How many rows there are, shown or not.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows are shown.
    pub fn shown(&self) -> usize {
        self.shown.as_ref().map_or(self.rows.len(), Vec::len)
    }

    /// The row at a place of the screen's list.
    pub fn row(&self, place: usize) -> Option<Row<'_>> {
        self.index(place).map(|index| self.unpack(index))
    }

    /// The text that filters.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// How it is ordered.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Adds bookmarks.
    pub fn add_bookmarks(&mut self, bookmarks: &[S3Uri]) {
        for bookmark in bookmarks {
            self.add(Kind::Bookmark, &bookmark.to_string(), 0, None, "");
        }
    }

    /// Adds buckets.
    pub fn add_buckets(&mut self, buckets: &[Bucket]) {
        for bucket in buckets {
            let region = bucket.region.as_deref().unwrap_or_default();
            self.add(Kind::Bucket, &bucket.name, 0, bucket.created, region);
        }
    }

    /// Adds a page of what is below `prefix`.
    pub fn add_page(&mut self, prefix: &str, entries: &[Entry]) {
        for entry in entries {
            let name = entry.key().strip_prefix(prefix).unwrap_or(entry.key());
            match entry {
                // The marker of the folder that is listed.
                Entry::Object(object) if name.is_empty() && object.size == 0 => {}
                Entry::Prefix(_) => self.add(Kind::Prefix, name, 0, None, ""),
                Entry::Object(object) => {
                    let class = object.storage_class.as_deref().unwrap_or_default();
                    self.add(Kind::Object, name, object.size, object.last_modified, class);
                }
            }
        }
    }

    fn add(&mut self, kind: Kind, name: &str, size: u64, modified: Option<Timestamp>, class: &str) {
        let class = self.classes.iter().position(|known| known == class).unwrap_or_else(|| {
            self.classes.push(class.to_owned());
            self.classes.len() - 1
        });
        let start = self.names.len() as u64;
        self.names.push_str(name);
        let modified = modified.map_or(NO_TIME, |time| time.as_second());
        let (length, class) = (name.len() as u32, class as u16);
        self.rows.push(Packed { start, size, modified, length, class, kind });
        let index = (self.rows.len() - 1) as u32;
        if self.shown.is_some() && self.matches(index, &self.filter) {
            // In the order they come; `settle` sorts when the listing has ended.
            self.shown.get_or_insert_default().push(index);
        }
    }

    /// Sorts what came in since the last time, when the order is not S3's own.
    pub fn settle(&mut self) {
        if self.order != Order::Name {
            self.arrange(false);
        }
    }

    /// Shows only what matches: without capitals in the filter, capitals do not matter.
    pub fn set_filter(&mut self, filter: &str) {
        // What did not match the shorter text does not match the longer one.
        let narrows = !self.filter.is_empty() && filter.starts_with(&self.filter);
        self.filter = filter.to_owned();
        self.arrange(narrows);
    }

    /// Changes the order.
    pub fn set_order(&mut self, order: Order) {
        self.order = order;
        self.arrange(false);
    }

    fn arrange(&mut self, narrows: bool) {
        if self.filter.is_empty() && self.order == Order::Name {
            self.shown = None;
            return;
        }
        let all: Vec<u32> = match self.shown.take() {
            Some(shown) if narrows => shown,
            _ => (0..self.rows.len() as u32).collect(),
        };
        let mut shown: Vec<u32> = all.into_iter().filter(|index| self.matches(*index, &self.filter)).collect();
        let packed = |index: &u32| &self.rows[*index as usize];
        match self.order {
            Order::Name => {}
            Order::Size => shown.sort_by_key(|index| (packed(index).kind as u8, u64::MAX - packed(index).size)),
            Order::Modified => {
                shown.sort_by_key(|index| (packed(index).kind as u8, std::cmp::Reverse(packed(index).modified)));
            }
        }
        self.shown = Some(shown);
    }

    fn matches(&self, index: u32, filter: &str) -> bool {
        let name = self.name(&self.rows[index as usize]);
        if filter.is_empty() {
            return true;
        }
        if filter.chars().any(char::is_uppercase) {
            return name.contains(filter);
        }
        if name.is_ascii() && filter.is_ascii() {
            // Most keys are ASCII: no copy for each of a million.
            return name.as_bytes().windows(filter.len()).any(|part| part.eq_ignore_ascii_case(filter.as_bytes()));
        }
        name.to_lowercase().contains(filter)
    }

    /// Marks or unmarks the row at a place; buckets and bookmarks cannot be marked.
    pub fn toggle_mark(&mut self, place: usize) {
        let Some(index) = self.index(place) else { return };
        if !matches!(self.rows[index as usize].kind, Kind::Prefix | Kind::Object) {
            return;
        }
        if !self.marked.remove(&index) {
            self.marked.insert(index);
        }
    }

    /// Marks all rows that are shown, or unmarks everything when they all are.
    pub fn toggle_all_marks(&mut self) {
        let markable = |index: &u32| matches!(self.rows[*index as usize].kind, Kind::Prefix | Kind::Object);
        let shown: Vec<u32> = (0..self.shown()).filter_map(|place| self.index(place)).filter(markable).collect();
        if shown.iter().all(|index| self.marked.contains(index)) {
            self.marked.clear();
        } else {
            self.marked.extend(shown);
        }
    }

    /// Whether the row at a place is marked.
    pub fn is_marked(&self, place: usize) -> bool {
        self.index(place).is_some_and(|index| self.marked.contains(&index))
    }

    /// The marked rows, in the order they came, whether they are shown or not.
    pub fn marked(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.marked.iter().map(|index| self.unpack(*index))
    }

    /// Takes all marks away.
    pub fn unmark_all(&mut self) {
        self.marked.clear();
    }

    /// The place at or after `from` where the row called `name` is shown.
    pub fn place_of(&self, name: &str, from: usize) -> Option<usize> {
        (from..self.shown()).find(|place| self.row(*place).is_some_and(|row| row.name == name))
    }

    fn index(&self, place: usize) -> Option<u32> {
        match &self.shown {
            Some(shown) => shown.get(place).copied(),
            None => (place < self.rows.len()).then_some(place as u32),
        }
    }

    fn name(&self, row: &Packed) -> &str {
        let start = row.start as usize;
        &self.names[start..start + row.length as usize]
    }

    fn unpack(&self, index: u32) -> Row<'_> {
        let row = &self.rows[index as usize];
        let modified = if row.modified == NO_TIME { None } else { Timestamp::from_second(row.modified).ok() };
        let class = &self.classes[usize::from(row.class)];
        Row { kind: row.kind, name: self.name(row), size: row.size, modified, class }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::Object;

    fn object(key: &str, size: u64) -> Entry {
        let last_modified = Timestamp::from_second(1000 - size as i64).ok();
        Entry::Object(Object { key: key.into(), size, last_modified, ..Object::default() })
    }

    fn listing() -> Listing {
        let mut listing = Listing::default();
        let entries = [Entry::Prefix("p/dir/".into()), object("p/", 0), object("p/Beta", 3), object("p/alpha", 7)];
        listing.add_page("p/", &entries);
        listing
    }

    fn names(listing: &Listing) -> Vec<&str> {
        (0..listing.shown()).filter_map(|place| listing.row(place)).map(|row| row.name).collect()
    }

    #[test]
    fn rows_are_shown_filtered_and_sorted() {
        let mut listing = listing();
        assert_eq!(names(&listing), ["dir/", "Beta", "alpha"]);
        listing.set_order(Order::Size);
        assert_eq!(names(&listing), ["dir/", "alpha", "Beta"]);
        listing.set_order(Order::Modified);
        assert_eq!(names(&listing), ["dir/", "Beta", "alpha"]);
        listing.set_filter("a");
        assert_eq!(names(&listing), ["Beta", "alpha"]);
        listing.set_filter("al");
        assert_eq!(names(&listing), ["alpha"]);
        listing.add_page("p/", &[object("p/also", 1), object("p/other", 1)]);
        listing.settle();
        assert_eq!(names(&listing), ["also", "alpha"]);
        listing.set_filter("B");
        assert_eq!(names(&listing), ["Beta"]);
        listing.set_filter("");
        listing.set_order(Order::Name);
        assert_eq!(listing.shown(), 5);
    }

    #[test]
    fn marks_stay_with_their_rows() {
        let mut listing = listing();
        listing.toggle_mark(1);
        listing.set_order(Order::Size);
        assert!(listing.is_marked(2) && !listing.is_marked(1));
        listing.set_filter("dir");
        assert_eq!(listing.marked().map(|row| row.name).collect::<Vec<_>>(), ["Beta"]);
        listing.toggle_all_marks();
        assert_eq!(listing.marked().len(), 2);
        listing.toggle_all_marks();
        assert_eq!(listing.marked().len(), 0);
    }
}
