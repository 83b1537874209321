//! A stretch of a listing: a range of keys, where its next page begins, and what a page means for it.

use std::collections::VecDeque;
use std::mem;

use super::cut::{Cut, Range, Side};
use super::guess;
use crate::aws::s3::Depth;
use crate::domain::object::{Entry, Object, Page};
use crate::error::Error;

/// With more prefixes than this in a page of keys, each has too few keys for a request of its own.
const MANY: usize = 8;

/// Where a stretch's next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At the first key of the prefix.
    First,
    /// At the place of a token.
    Token(String),
    /// Behind a cut, or a little before it.
    After(Cut),
    /// There is none.
    Done,
}

/// What a page brought.
#[derive(Debug)]
pub(super) enum Met {
    /// Objects, and more is to come.
    Objects,
    /// Stretches that come before the rest of this one.
    Stretches(Vec<Stretch>),
    /// The end, or nothing that changes anything.
    Nothing,
    /// The server does not know `start-after`, or not the order that it stands on.
    Disorder,
}

/// A stretch of a listing.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) id: u64,
    pub(super) prefix: String,
    pub(super) range: Range,
    pub(super) depth: Depth,
    /// Whether the prefixes of its level are given out as they are: of a walk that stays on one level.
    stays: bool,
    pub(super) next: Next,
    pub(super) runs: bool,
    /// How often in a row the server was too busy for it.
    pub(super) refusals: u32,
    /// Pages that were not given out yet.
    pub(super) ready: VecDeque<Vec<Object>>,
    pub(super) failed: Option<Error>,
    /// Whether its range begins less than a page behind the first key of its prefix: then it is read from there, which
    /// every server can.
    is_near: bool,
    /// Whether the server lists it in the order of the keys; in another order it is not divided.
    pub(super) is_sorted: bool,
    pages: usize,
    /// Pages before it is worth to divide it.
    patience: usize,
    /// The keys behind an open-ended guess: that there are any is known once it has a page.
    is_wide: bool,
    /// How many of its prefixes a page of keys holds; from the stretch that it was cut from.
    dense: usize,
    /// Of a level: behind the prefix or object that was met last.
    edge: Option<Cut>,
}

impl Stretch {
    /// All keys of a range, as they come.
    pub(super) fn flat(prefix: String, range: Range, is_near: bool) -> Self {
        let next = match &range.from {
            Some(from) if !is_near => Next::After(from.clone()),
            _ => Next::First,
        };
        Self {
            id: 0,
            prefix,
            range,
            depth: Depth::All,
            stays: false,
            next,
            runs: false,
            refusals: 0,
            ready: VecDeque::new(),
            failed: None,
            is_near,
            is_sorted: true,
            pages: 0,
            patience: 1,
            is_wide: false,
            dense: 0,
            edge: None,
        }
    }

    /// The same of one level: its prefixes stand among its objects, each in its place.
    pub(super) fn level(prefix: String, range: Range, is_near: bool) -> Self {
        Self { depth: Depth::Level, stays: true, ..Self::flat(prefix, range, is_near) }
    }

    /// Objects that are there already.
    fn given(objects: Vec<Object>) -> Self {
        let stretch = Self::flat(String::new(), Range::default(), true);
        Self { ready: VecDeque::from([objects]), next: Next::Done, ..stretch }
    }

    /// Whether nothing more comes of it.
    pub(super) fn is_over(&self) -> bool {
        self.next == Next::Done && self.ready.is_empty() && self.failed.is_none()
    }

    /// Bytes that the objects take which were not given out yet, about: the keys of a page are much alike.
    pub(super) fn read(&self) -> usize {
        let page = |objects: &Vec<Object>| {
            objects.len() * (mem::size_of::<Object>() + 64 + objects.last().map_or(0, |last| last.key.len()))
        };
        self.ready.iter().map(page).sum()
    }

    /// Takes a page in. A listing that is read one page after the other may be in any order.
    pub(super) fn take(&mut self, page: Page, serial: bool) -> Met {
        self.pages += 1;
        let begin = mem::replace(&mut self.next, page.next.map_or(Next::Done, Next::Token));
        let (mut prefixes, mut objects) = (Vec::new(), Vec::with_capacity(page.entries.len()));
        for entry in page.entries {
            match entry {
                Entry::Prefix(prefix) => prefixes.push(prefix),
                Entry::Object(object) => objects.push(object),
            }
        }
        let is_sorted = objects.is_sorted_by(|a, b| a.key < b.key) && prefixes.is_sorted();
        if self.stays && !prefixes.is_empty() {
            objects.extend(prefixes.drain(..).map(|key| Object { key, ..Object::default() }));
            objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        }
        if serial {
            objects.retain(|object| self.range.holds(&object.key));
            self.ready.push_back(objects);
            return Met::Nothing;
        }
        self.is_sorted &= is_sorted;
        if self.range != Range::default() && !self.is_sorted || self.is_ignored(&begin, &prefixes, &objects) {
            return Met::Disorder;
        }
        let is_past = |prefix: &String| self.range.to.as_ref().is_some_and(|to| to.side(prefix) == Side::Behind);
        if prefixes.last().is_some_and(is_past) | self.range.keep(&mut objects) {
            self.next = Next::Done;
        }
        if !prefixes.is_empty() {
            return Met::Stretches(self.stretches(prefixes, objects));
        }
        if objects.is_empty() {
            return Met::Nothing;
        }
        self.edge = objects.last().map(|object| Cut::After(object.key.clone()));
        self.ready.push_back(objects);
        if self.next == Next::Done || !self.is_sorted { Met::Nothing } else { Met::Objects }
    }

    /// Whether the server began elsewhere than it was told to.
    fn is_ignored(&self, begin: &Next, prefixes: &[String], objects: &[Object]) -> bool {
        let Next::After(cut) = begin else { return false };
        let after = cut.start_after();
        let is_before = |prefix: &String| Cut::After(after.clone()).side(prefix) == Side::Before;
        objects.first().is_some_and(|object| object.key <= after) || prefixes.first().is_some_and(is_before)
    }

    /// The stretches that a level's prefixes and objects make, in order; all of them come before what is left.
    fn stretches(&mut self, prefixes: Vec<String>, objects: Vec<Object>) -> Vec<Self> {
        let mut stretches: Vec<Self> = self.ready.drain(..).map(Self::given).collect();
        let mut objects = objects.into_iter().peekable();
        let mut edge = self.edge.take().or_else(|| self.range.from.clone());
        let mut group: Vec<String> = Vec::new();
        for prefix in prefixes {
            let Some(range) = self.range.below(&prefix) else { continue };
            let mut before = Vec::new();
            while let Some(object) = objects.next_if(|object| object.key < prefix) {
                before.push(object);
            }
            if !before.is_empty() || group.len() >= 4 * self.dense {
                stretches.extend(self.together(&mut group, &mut edge));
            }
            if let Some(last) = before.last() {
                edge = Some(Cut::After(last.key.clone()));
                stretches.push(Self::given(before));
            }
            if self.dense > MANY && range == Range::default() {
                group.push(prefix);
            } else {
                stretches.extend(self.together(&mut group, &mut edge));
                edge = Some(Cut::Beyond(prefix.clone()));
                let is_near = self.is_near || range.from.is_none();
                stretches.push(Self::flat(prefix, range, is_near));
            }
        }
        stretches.extend(self.together(&mut group, &mut edge));
        let rest: Vec<Object> = objects.collect();
        if let Some(last) = rest.last() {
            edge = Some(Cut::After(last.key.clone()));
            stretches.push(Self::given(rest));
        }
        self.edge = edge;
        stretches
    }

    /// One stretch of small prefixes that follow each other, behind what was met before them.
    fn together(&self, group: &mut Vec<String>, edge: &mut Option<Cut>) -> Option<Self> {
        let last = group.last()?.clone();
        let to = Some(Cut::Beyond(last));
        let from = mem::replace(edge, to.clone());
        group.clear();
        let is_near = from.is_none();
        Some(Self { patience: 8, ..Self::flat(self.prefix.clone(), Range { from, to }, is_near) })
    }

    /// Divides what is left behind the newest page. The stretches come behind this one, which is cut short for them.
    pub(super) fn divide(&mut self) -> Vec<Self> {
        let Some(newest) = self.ready.back().filter(|_| self.pages >= self.patience && self.next != Next::Done) else {
            return Vec::new();
        };
        let (Some(first), Some(last)) = (newest.first(), newest.last()) else { return Vec::new() };
        let is_below = |key: &str| key[self.prefix.len().min(key.len())..].contains('/');
        let has_levels = is_below(&last.key) || is_below(&first.key);
        if self.depth == Depth::All && has_levels && !is_scattered(newest, &self.prefix) {
            return self.levels();
        }
        // A page more is sooner there than a better idea of the keys.
        if self.pages < 2 && self.range == Range::default() {
            return Vec::new();
        }
        let seen = newest.iter().map(|object| object.key.as_str());
        let cuts = guess::cuts(&self.prefix, &self.range, &first.key, &last.key, seen, self.is_wide);
        self.is_wide = false;
        let mut stretches = Vec::with_capacity(cuts.len());
        for key in cuts.into_iter().rev() {
            let from = Cut::After(key);
            let is_wide = self.range.to.is_none();
            let range = Range { to: self.range.to.replace(from.clone()), from: Some(from) };
            // No guess has a delimiter behind the prefix, so that each prefix of a level is on one side of every cut.
            let stretch = if self.stays { Self::level } else { Self::flat };
            stretches.push(Self { is_wide, ..stretch(self.prefix.clone(), range, false) });
        }
        stretches.reverse();
        stretches
    }

    /// The levels above the newest key, from its own up to this stretch's: what is left is on them, in this order.
    fn levels(&mut self) -> Vec<Self> {
        let Some(newest) = self.ready.back() else { return Vec::new() };
        let Some(last) = newest.last().map(|object| object.key.as_str()) else { return Vec::new() };
        let start = self.prefix.len();
        let ends = std::iter::once(start).chain(last[start..].match_indices('/').map(|(place, _)| start + place + 1));
        let ends: Vec<usize> = ends.collect();
        let is_near = self.is_near && self.pages == 1;
        let to = &self.range.to;
        let mut stretches = Vec::new();
        let mut from = Cut::After(last.to_owned());
        for end in ends.into_iter().rev() {
            let level = &last[..end];
            let range = Range { from: Some(from), to: to.clone() }.below(level).unwrap_or_default();
            stretches.push(match is_scattered(newest, level) {
                true => Self::flat(level.to_owned(), range, false),
                false => Self {
                    depth: Depth::Level,
                    dense: siblings(newest, level),
                    ..Self::flat(level.to_owned(), range, is_near)
                },
            });
            // Nothing of the range is behind this level.
            if to.as_ref().is_some_and(|to| to.side(level) != Side::Before) {
                break;
            }
            from = Cut::Beyond(level.to_owned());
        }
        self.next = Next::Done;
        stretches
    }
}

/// Whether a level's prefixes have so few keys that their list is hardly shorter than that of the keys.
fn is_scattered(page: &[Object], level: &str) -> bool {
    4 * siblings(page, level) > page.len().max(8)
}

/// How many prefixes of a level a page holds.
fn siblings(page: &[Object], level: &str) -> usize {
    let names = page.iter().filter_map(|object| {
        let rest = object.key.strip_prefix(level)?;
        rest.find('/').map(|slash| &rest[..slash])
    });
    let mut names: Vec<&str> = names.collect();
    names.dedup();
    names.len()
}
