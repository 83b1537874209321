//! The rows of the bucket browser: up to millions, held tightly, filtered and sorted by their places.

use jiff::Timestamp;
use memchr::{memchr2_iter, memmem};

use crate::domain::object::{Bucket, Entry, VersionPage};
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
    /// A version of an object.
    Version,
    /// A version that says that the object was deleted then.
    DeleteMarker,
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
    /// Of a version or delete marker.
    pub version: Option<&'a str>,
    /// Whether it is the version that the key means now.
    pub latest: bool,
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

/// 40 bytes a row, and its name in one text with all others.
#[derive(Clone, Copy, Debug)]
struct Packed {
    start: u64,
    size: u64,
    /// Seconds; [`NO_TIME`] for none.
    modified: i64,
    length: u32,
    /// The length of a version's id, which stands behind the name.
    id: u32,
    /// Its place in the table of classes, counted from 1; 0 is none.
    class: u16,
    kind: Kind,
    latest: bool,
}

const NO_TIME: i64 = i64::MIN;

/// Storage classes and regions that are told apart; there are a few dozen.
const CLASSES: usize = 1000;

/// Rows, and which of them are shown in which order.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    names: String,
    rows: Vec<Packed>,
    /// A handful of storage classes and regions, shared by all rows.
    classes: Vec<String>,
    marks: Marks,
    filter: String,
    order: Order,
    /// Whether what is last in this order comes first.
    reversed: bool,
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

    /// Whether the order is turned around.
    pub fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// Adds bookmarks.
    pub fn add_bookmarks<'a>(&mut self, bookmarks: impl IntoIterator<Item = &'a S3Uri>) {
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

    /// Adds a page of versions of what is below `prefix`.
    pub fn add_versions(&mut self, prefix: &str, page: &VersionPage) {
        let below = |key: &'_ str| key.strip_prefix(prefix).unwrap_or(key).to_owned();
        for key in &page.prefixes {
            self.add(Kind::Prefix, &below(key), 0, None, "");
        }
        for version in &page.versions {
            let kind = if version.deleted { Kind::DeleteMarker } else { Kind::Version };
            let (start, name, id) = (self.names.len() as u64, below(&version.key), version.version_id.as_str());
            self.names.push_str(&name);
            self.names.push_str(id);
            let class = self.class(version.storage_class.as_deref().unwrap_or_default());
            self.push(Packed {
                start,
                size: version.size,
                modified: version.last_modified.map_or(NO_TIME, |time| time.as_second()),
                length: name.len() as u32,
                id: id.len() as u32,
                class,
                kind,
                latest: version.latest,
            });
        }
    }

    fn add(&mut self, kind: Kind, name: &str, size: u64, modified: Option<Timestamp>, class: &str) {
        let class = self.class(class);
        let start = self.names.len() as u64;
        self.names.push_str(name);
        let modified = modified.map_or(NO_TIME, |time| time.as_second());
        self.push(Packed { start, size, modified, length: name.len() as u32, id: 0, class, kind, latest: false });
    }

    /// The place of a class in the table. A server that has thousands of them has none that we know.
    fn class(&mut self, class: &str) -> u16 {
        if class.is_empty() {
            return 0;
        }
        let place = self.classes.iter().position(|known| known == class).unwrap_or_else(|| {
            self.classes.extend((self.classes.len() < CLASSES).then(|| class.to_owned()));
            self.classes.len() - 1
        });
        if self.classes[place] == class { place as u16 + 1 } else { 0 }
    }

    fn push(&mut self, row: Packed) {
        let index = self.rows.len() as u32;
        if self.shown.is_some() && Needle::new(&self.filter).is_in(self.name(&row)) {
            // In the order they come; `settle` sorts when the listing has ended.
            self.shown.get_or_insert_default().push(index);
        }
        self.rows.push(row);
    }

    /// Sorts what came in since the last time, when the order is not S3's own.
    pub fn settle(&mut self) {
        if self.order != Order::Name || self.reversed {
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

    /// Changes the order, or turns it around.
    pub fn set_order(&mut self, order: Order, reversed: bool) {
        (self.order, self.reversed) = (order, reversed);
        self.arrange(false);
    }

    fn arrange(&mut self, narrows: bool) {
        if self.filter.is_empty() && self.order == Order::Name && !self.reversed {
            self.shown = None;
            return;
        }
        let all: Vec<u32> = match self.shown.take() {
            Some(shown) if narrows => shown,
            _ => (0..self.rows.len() as u32).collect(),
        };
        let needle = Needle::new(&self.filter);
        let is_meant = |index: &u32| needle.is_in(self.name(&self.rows[*index as usize]));
        let mut shown: Vec<u32> = all.into_iter().filter(is_meant).collect();
        let packed = |index: &u32| &self.rows[*index as usize];
        match self.order {
            Order::Name => {}
            Order::Size => shown.sort_by_key(|index| (packed(index).kind as u8, u64::MAX - packed(index).size)),
            Order::Modified => {
                shown.sort_by_key(|index| (packed(index).kind as u8, std::cmp::Reverse(packed(index).modified)));
            }
        }
        if self.reversed {
            shown.reverse();
            // What has levels below stays in front of what has none.
            shown.sort_by_key(|index| packed(index).kind as u8);
        }
        self.shown = Some(shown);
    }

    /// Marks or unmarks the row at a place; what cannot be downloaded cannot be marked.
    pub fn toggle_mark(&mut self, place: usize) {
        let Some(index) = self.index(place).filter(|index| self.can_be_marked(*index)) else { return };
        self.marks.set(index, !self.marks.has(index));
    }

    /// Marks all rows that are shown, or unmarks everything when they all are.
    pub fn toggle_all_marks(&mut self) {
        let mut marks = self.marks.clone();
        match &self.shown {
            Some(shown) => {
                shown.iter().filter(|index| self.can_be_marked(**index)).for_each(|row| marks.set(*row, true))
            }
            None => {
                let all = 0..self.rows.len() as u32;
                all.filter(|index| self.can_be_marked(*index)).for_each(|row| marks.set(row, true));
            }
        }
        self.marks = if marks.count == self.marks.count { Marks::default() } else { marks };
    }

    fn can_be_marked(&self, index: u32) -> bool {
        matches!(self.rows[index as usize].kind, Kind::Prefix | Kind::Object | Kind::Version)
    }

    /// Whether the row at a place is marked.
    pub fn is_marked(&self, place: usize) -> bool {
        self.index(place).is_some_and(|index| self.marks.has(index))
    }

    /// The marked rows, in the order they came, whether they are shown or not.
    pub fn marked(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        Marked { listing: self, at: 0, left: self.marks.count }
    }

    /// Takes all marks away.
    pub fn unmark_all(&mut self) {
        self.marks = Marks::default();
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
        let has_version = matches!(row.kind, Kind::Version | Kind::DeleteMarker);
        let end = row.start as usize + row.length as usize;
        let version = has_version.then(|| &self.names[end..end + row.id as usize]);
        let class = usize::from(row.class).checked_sub(1).map_or("", |place| &self.classes[place]);
        let (kind, latest) = (row.kind, row.latest);
        Row { kind, name: self.name(row), size: row.size, modified, class, version, latest }
    }
}

/// A bit for each row: a million of them are 122 KiB, and marking them all takes a moment.
#[derive(Clone, Debug, Default)]
struct Marks {
    words: Vec<u64>,
    count: usize,
}

impl Marks {
    fn has(&self, index: u32) -> bool {
        self.words.get(index as usize / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn set(&mut self, index: u32, marked: bool) {
        let (place, bit) = (index as usize / 64, 1 << (index % 64));
        if place >= self.words.len() {
            self.words.resize(place + 1, 0);
        }
        let before = self.words[place];
        self.words[place] = if marked { before | bit } else { before & !bit };
        match (before & bit != 0, marked) {
            (false, true) => self.count += 1,
            (true, false) => self.count -= 1,
            _ => {}
        }
    }
}

/// Goes over the marked rows.
struct Marked<'a> {
    listing: &'a Listing,
    /// The next row that is looked at.
    at: u32,
    left: usize,
}

impl<'a> Iterator for Marked<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        let words = &self.listing.marks.words;
        loop {
            let word = words.get(self.at as usize / 64)? >> (self.at % 64);
            if word == 0 {
                self.at = (self.at / 64 + 1) * 64;
                continue;
            }
            let index = self.at + word.trailing_zeros();
            self.at = index + 1;
            self.left = self.left.saturating_sub(1);
            return Some(self.listing.unpack(index));
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Marked<'_> {}

/// A filter, made ready once for all rows. Without capitals in it, capitals do not matter.
enum Needle<'a> {
    Anything,
    Exact(Box<memmem::Finder<'a>>),
    Loose(&'a str),
}

impl<'a> Needle<'a> {
    fn new(filter: &'a str) -> Self {
        match filter {
            "" => Self::Anything,
            filter if filter.chars().any(char::is_uppercase) => Self::Exact(Box::new(memmem::Finder::new(filter))),
            filter => Self::Loose(filter),
        }
    }

    fn is_in(&self, name: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Exact(finder) => finder.find(name.as_bytes()).is_some(),
            // Most keys are ASCII: no copy for each of a million.
            Self::Loose(filter) if filter.is_ascii() && name.is_ascii() => {
                let (filter, name) = (filter.as_bytes(), name.as_bytes());
                let Some(last) = name.len().checked_sub(filter.len()) else { return false };
                let first = filter[0];
                memchr2_iter(first, first.to_ascii_uppercase(), &name[..=last])
                    .any(|at| name[at..at + filter.len()].eq_ignore_ascii_case(filter))
            }
            Self::Loose(filter) => name.to_lowercase().contains(*filter),
        }
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
        listing.set_order(Order::Size, false);
        assert_eq!(names(&listing), ["dir/", "alpha", "Beta"]);
        listing.set_order(Order::Modified, false);
        assert_eq!(names(&listing), ["dir/", "Beta", "alpha"]);
        for (order, names_in_order) in [
            (Order::Modified, ["dir/", "alpha", "Beta"]),
            (Order::Size, ["dir/", "Beta", "alpha"]),
            (Order::Name, ["dir/", "alpha", "Beta"]),
        ] {
            listing.set_order(order, true);
            assert_eq!(names(&listing), names_in_order, "{order:?}");
        }
        listing.set_order(Order::Modified, false);
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
        listing.set_order(Order::Name, false);
        assert_eq!(listing.shown(), 5);
    }

    #[test]
    fn marks_stay_with_their_rows() {
        let mut listing = listing();
        listing.toggle_mark(1);
        listing.set_order(Order::Size, false);
        assert!(listing.is_marked(2) && !listing.is_marked(1));
        listing.set_filter("dir");
        assert_eq!(listing.marked().map(|row| row.name).collect::<Vec<_>>(), ["Beta"]);
        listing.toggle_all_marks();
        assert_eq!(listing.marked().len(), 2);
        listing.toggle_all_marks();
        assert_eq!(listing.marked().len(), 0);
    }

    #[test]
    fn filters_find_what_people_mean() {
        for (filter, name, is_found) in [
            ("a", "xA", true),
            ("ab", "aab", true),
            ("ab", "AB", true),
            ("ab", "a", false),
            ("aB", "aab", false),
            ("aB", "xaBx", true),
            ("straße", "STRASSE/Straße", true),
            // The Kelvin sign is a capital k.
            ("k", "\u{212a}", true),
            ("日", "x日本", true),
            ("", "", true),
        ] {
            assert_eq!(Needle::new(filter).is_in(name), is_found, "{filter} in {name}");
        }
    }

    #[test]
    fn versions_keep_their_ids_apart_from_their_names() {
        use crate::domain::object::Version;
        let version = |key: &str, id: &str, deleted| Version {
            key: key.into(),
            version_id: id.into(),
            latest: deleted,
            deleted,
            storage_class: (!deleted).then(|| "GLACIER".into()),
            ..Version::default()
        };
        let versions = vec![version("p/a", "v2", true), version("p/a", "v1", false)];
        let mut listing = Listing::default();
        listing.add_versions("p/", &VersionPage { prefixes: vec!["p/d/".into()], versions, next: None });
        let rows: Vec<_> = (0..3).filter_map(|place| listing.row(place)).collect();
        let told: Vec<_> = rows.iter().map(|row| (row.kind, row.name, row.version, row.latest)).collect();
        let marker = (Kind::DeleteMarker, "a", Some("v2"), true);
        assert_eq!(told, [(Kind::Prefix, "d/", None, false), marker, (Kind::Version, "a", Some("v1"), false)]);
        assert_eq!(rows.iter().map(|row| row.class).collect::<Vec<_>>(), ["", "", "GLACIER"]);
        // The id is no part of the name.
        listing.set_filter("v");
        assert_eq!(listing.shown(), 0);
        listing.set_filter("");
        listing.toggle_all_marks();
        assert_eq!(listing.marked().map(|row| row.kind).collect::<Vec<_>>(), [Kind::Prefix, Kind::Version]);
    }

    #[test]
    fn ids_and_classes_of_any_length_and_number_are_kept_or_left_out_but_never_mixed_up() {
        let id = "日".repeat(70_000);
        let version = crate::domain::object::Version { key: "a".into(), version_id: id.clone(), ..Default::default() };
        let mut listing = Listing::default();
        listing.add_versions("", &VersionPage { prefixes: Vec::new(), versions: vec![version], next: None });
        assert_eq!(listing.row(0).and_then(|row| row.version), Some(&*id));
        for n in 0..2 * CLASSES {
            let object = Object { key: n.to_string(), storage_class: Some(format!("CLASS-{n}")), ..Object::default() };
            listing.add_page("", &[Entry::Object(object)]);
        }
        let class = |n: usize| listing.row(n + 1).unwrap().class;
        assert_eq!((class(0), class(CLASSES - 1), class(CLASSES)), ("CLASS-0", "CLASS-999", ""));
    }

    #[test]
    fn a_million_rows_take_no_more_than_200_bytes_each() {
        let mut listing = Listing::default();
        let keys = 100_000;
        for page in 0..keys / 1000 {
            let key = |n: u64| object(&format!("p/year=2026/month=01/day=02/part-{:08}.parquet", page * 1000 + n), 1);
            listing.add_page("p/", &(0..1000).map(key).collect::<Vec<_>>());
        }
        listing.set_filter("part");
        listing.toggle_all_marks();
        assert_eq!(listing.marked().len() as u64, keys);
        let words = listing.marks.words.capacity() * 8;
        let held = listing.names.capacity() + listing.rows.capacity() * size_of::<Packed>() + words;
        let held = held + listing.shown.as_ref().unwrap().capacity() * 4;
        assert!(held as u64 <= 200 * keys, "{} bytes a key", held as u64 / keys);
        listing.toggle_all_marks();
        assert_eq!((listing.marked().len(), listing.marked().count()), (0, 0));
    }
}
