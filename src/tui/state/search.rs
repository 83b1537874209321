//! What is looked for in a preview. Without capitals in it, capitals do not matter, as in the filter of a list.

use std::ops::Range;

use tui_input::Input;
use unicode_width::UnicodeWidthChar as _;

use crate::ops::preview::Body;
use crate::ops::preview::text::Text;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The text so far.
    pub input: Input,
    /// Whether it is still typed.
    pub typing: bool,
    /// The line or row that was found last.
    pub found: Option<usize>,
}

impl Search {
    /// The next line or row that holds it, from `from` on and once around; whether the end was passed.
    pub fn next(&self, body: &Body, from: usize, forward: bool) -> Option<(usize, bool)> {
        let length = match body {
            Body::Text(text) => text.len(),
            Body::Table(table) => table.len(),
            Body::Hex(_) | Body::Picture(_) => 0,
        };
        let from = from.min(length);
        let found = if forward {
            (from..length).chain(0..from).find(|place| self.is_in(body, *place))
        } else {
            (0..from).rev().chain((from..length).rev()).find(|place| self.is_in(body, *place))
        };
        found.map(|place| (place, (place < from) == forward))
    }

    fn is_in(&self, body: &Body, place: usize) -> bool {
        match body {
            Body::Text(text) => !self.columns(text, place).is_empty(),
            Body::Table(table) => (0..table.columns().len()).any(|column| self.is_in_cell(table.cell(place, column))),
            Body::Hex(_) | Body::Picture(_) => false,
        }
    }

    /// Whether a cell of a table holds it.
    pub fn is_in_cell(&self, cell: &str) -> bool {
        let needle = self.input.value();
        !needle.is_empty() && if folds(needle) { cell.to_lowercase().contains(needle) } else { cell.contains(needle) }
    }

    /// The columns of a line at which it stands.
    pub fn columns(&self, text: &Text, line: usize) -> Vec<Range<usize>> {
        let needle = self.input.value();
        let folds = folds(needle);
        let fold = |c: char| if folds { c.to_lowercase().next().unwrap_or(c) } else { c };
        let needle: Vec<char> = needle.chars().map(fold).collect();
        let mut end = 0;
        let (mut chars, mut starts) = (Vec::new(), Vec::new());
        for c in text.line(line).flat_map(|(run, _)| run.chars()) {
            chars.push(fold(c));
            starts.push(end);
            end += c.width().unwrap_or(0);
        }
        starts.push(end);
        let mut found = Vec::new();
        let mut at = 0;
        while !needle.is_empty() && at + needle.len() <= chars.len() {
            if chars[at..].starts_with(&needle) {
                found.push(starts[at]..starts[at + needle.len()]);
                at += needle.len();
            } else {
                at += 1;
            }
        }
        found
    }
}

fn folds(needle: &str) -> bool {
    !needle.chars().any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::preview::sample;

    fn search(needle: &str) -> Search {
        Search { input: Input::new(needle.into()), ..Search::default() }
    }

    fn body(text: &str) -> Body {
        sample("a.txt", text.len() as u64, text.as_bytes()).looks.swap_remove(0).body
    }

    #[test]
    fn columns_are_those_of_the_screen() {
        let body = body("Ab 日本 ab abab");
        let Body::Text(text) = &body else { panic!("{body:?}") };
        for (needle, columns) in [
            ("ab", vec![(0, 2), (8, 10), (11, 13), (13, 15)]),
            ("Ab", vec![(0, 2)]),
            ("本", vec![(5, 7)]),
            ("aba", vec![(11, 14)]),
            ("x", vec![]),
            ("", vec![]),
            ("Ab 日本 ab abab and more", vec![]),
        ] {
            let found: Vec<_> = search(needle).columns(text, 0).iter().map(|hit| (hit.start, hit.end)).collect();
            assert_eq!(found, columns, "{needle}");
        }
    }

    #[test]
    fn the_search_goes_around() {
        let body = body("one\ntwo\none\nthree\n");
        for (needle, from, forward, found) in [
            ("one", 0, true, Some((0, false))),
            ("one", 1, true, Some((2, false))),
            ("one", 3, true, Some((0, true))),
            ("one", 2, false, Some((0, false))),
            ("one", 0, false, Some((2, true))),
            ("three", 9, true, Some((3, true))),
            ("four", 1, true, None),
        ] {
            assert_eq!(search(needle).next(&body, from, forward), found, "{needle} from {from}");
        }
    }
}
