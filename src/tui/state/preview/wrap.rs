//! Long lines that go on in the next row.

use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

use crate::ops::preview::text::Text;

/// A line and a row of it.
type Place = (usize, usize);

/// The rows of a line: which columns each shows. None ends within a wide character, and an empty line is a row.
fn rows_of(text: &Text, line: usize, width: usize) -> Vec<Range<usize>> {
    let (mut rows, mut start, mut end) = (Vec::new(), 0, 0);
    for c in text.line(line).flat_map(|(run, _)| run.chars()) {
        let columns = c.width().unwrap_or(0);
        if end + columns > start + width && end > start {
            rows.push(start..end);
            start = end;
        }
        end += columns;
    }
    rows.push(start..end);
    rows
}

/// What is in view from a place on.
pub(super) fn rows(text: &Text, (top, above): Place, (columns, rows): (u16, u16)) -> Vec<(usize, Range<usize>)> {
    let width = usize::from(columns).max(1);
    let lines = (top..text.len()).flat_map(|line| {
        let of_line = rows_of(text, line, width);
        // The screen may have become wider.
        let hidden = if line == top { above.min(of_line.len() - 1) } else { 0 };
        of_line.into_iter().skip(hidden).map(move |columns| (line, columns))
    });
    lines.take(rows.into()).collect()
}

/// The place so many rows further down, not past the one from which the end is in view.
pub(super) fn moved(text: &Text, (top, above): Place, down: isize, (columns, rows): (u16, u16)) -> Place {
    let width = usize::from(columns).max(1);
    let length = |line| rows_of(text, line, width).len();
    let last = {
        let (mut line, mut room) = (text.len(), usize::from(rows));
        loop {
            let Some(before) = line.checked_sub(1) else { break (0, 0) };
            let long = length(before);
            if long >= room {
                break (before, long - room);
            }
            (line, room) = (before, room - long);
        }
    };
    let mut place = (top.min(text.len().saturating_sub(1)), above);
    if down == isize::MAX {
        return last;
    }
    if down == isize::MIN {
        return (0, 0);
    }
    let mut left = down.unsigned_abs();
    while left > 0 && down > 0 && place < last {
        let step = left.min(length(place.0).saturating_sub(place.1)).max(1);
        place.1 += step;
        left -= step;
        if place.1 >= length(place.0) {
            place = (place.0 + 1, 0);
        }
    }
    while left > 0 && down < 0 && place > (0, 0) {
        let step = left.min(place.1);
        place.1 -= step;
        left -= step;
        if left > 0 && place.0 > 0 {
            place = (place.0 - 1, length(place.0 - 1));
        }
    }
    place.min(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::preview::{Body, sample};

    #[test]
    fn every_character_is_in_one_row_and_the_end_is_reached() {
        let source = "abcdefgh\n\n日本日本x\nend\n";
        let look = sample("a.txt", source.len() as u64, source.as_bytes()).looks.swap_remove(0);
        let Body::Text(text) = look.body else { panic!("{look:?}") };
        let whole = [(0, 0..3), (0, 3..6), (0, 6..8), (1, 0..0), (2, 0..2), (2, 2..4), (2, 4..6), (2, 6..8), (2, 8..9)];
        let whole: Vec<_> = whole.into_iter().chain([(3, 0..3)]).collect();
        assert_eq!(rows(&text, (0, 0), (3, 99))[..4], whole[..4]);
        assert_eq!(
            rows(&text, (2, 0), (2, 99)),
            [(2, 0..2), (2, 2..4), (2, 4..6), (2, 6..8), (2, 8..9), (3, 0..2), (3, 2..3)]
        );
        assert_eq!(rows(&text, (0, 1), (3, 2)), [(0, 3..6), (0, 6..8)]);
        for (from, down, to) in [
            ((0, 0), 1, (0, 1)),
            ((0, 0), 3, (1, 0)),
            ((0, 2), 2, (2, 0)),
            ((2, 0), -1, (1, 0)),
            ((2, 0), -2, (0, 2)),
            ((2, 1), -99, (0, 0)),
            ((0, 0), 99, (2, 1)),
            ((0, 0), isize::MAX, (2, 1)),
            ((3, 0), isize::MIN, (0, 0)),
            // The screen has become wider.
            ((0, 7), 0, (0, 7)),
        ] {
            assert_eq!(moved(&text, from, down, (3, 4)), to, "{from:?} {down}");
        }
    }
}
