//! Where a long run of keys could be cut, guessed from the keys seen: a bad guess costs a request, never a key.

use super::cut::{Cut, Range};

/// Most cuts of one guess.
const MOST: usize = 16;

/// Keys behind which the rest of a range could be cut, in order. `first` and `last` are of the page that was read last,
/// and `seen` are its keys; the rest of the range is what is behind `last`.
///
/// With a known end, the place where `last` and the end part ways is divided into all characters that fit. Without one
/// nobody knows how far the keys go: `wide` divides the first place of the keys that can be, and the other way cuts once
/// at each place, so that each stretch is about ten times the one before.
pub(super) fn cuts<'a>(
    prefix: &str,
    range: &Range,
    first: &str,
    last: &str,
    seen: impl Iterator<Item = &'a str>,
    wide: bool,
) -> Vec<String> {
    let same = common(first, last);
    // A stretch should be larger than a page: the page itself tells how many keys have so much in common.
    let few_in_page = distinct(seen, same) <= 3;
    let is_worth = |end_of_place: usize| end_of_place < same || end_of_place == same && few_in_page;
    let end = match &range.to {
        Some(Cut::After(key) | Cut::Beyond(key)) if key.len() > prefix.len() => Some(key.as_str()),
        _ => None,
    };
    let parting = end.map_or(prefix.len(), |end| common(last, end).max(prefix.len()));
    let all_at_first = wide || end.is_some();
    let mut found: Vec<String> = Vec::new();
    for (place, c) in last.char_indices().skip_while(|(place, _)| *place < parting) {
        if !is_worth(place + c.len_utf8()) {
            break;
        }
        // Only where they part does the end tell anything.
        let limit = end.filter(|_| place == parting).and_then(|end| end.get(place..)?.chars().next());
        let behind = behind(c, limit).map(|next| format!("{}{next}", &last[..place]));
        let mut behind = behind.filter(|key| !range.is_past(key) && end != Some(key));
        if all_at_first {
            found.extend(behind);
            if !found.is_empty() {
                break;
            }
        } else {
            found.extend(behind.next());
        }
    }
    found.sort_unstable();
    found.dedup();
    // Where there are too many, every second or third will do.
    let step = found.len().div_ceil(MOST).max(1);
    found.into_iter().step_by(step).collect()
}

/// Letters and digits behind `c`, up to `limit`; without a limit, of its own kind and the first of the later kinds.
fn behind(c: char, limit: Option<char>) -> impl Iterator<Item = char> {
    const KINDS: [(char, char); 3] = [('0', '9'), ('A', 'Z'), ('a', 'z')];
    let own = KINDS.iter().position(|(first, last)| (*first..=*last).contains(&c));
    KINDS.into_iter().enumerate().flat_map(move |(kind, (first, last))| {
        let whole = limit.is_some() || own == Some(kind);
        let last = if whole { last } else { first };
        let wanted = own.is_some_and(|own| own <= kind) || limit.is_some();
        (first..=last).filter(move |next| wanted && *next > c && limit.is_none_or(|limit| *next <= limit))
    })
}

/// How many bytes two texts have in common, whole characters only.
pub(super) fn common(one: &str, other: &str) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    (0..=same).rev().find(|place| one.is_char_boundary(*place) && other.is_char_boundary(*place)).unwrap_or(0)
}

/// How many characters there are at a place of the keys, as far as it matters.
fn distinct<'a>(keys: impl Iterator<Item = &'a str>, place: usize) -> usize {
    let mut last = None;
    let mut count = 0;
    for key in keys {
        let c = key.get(place..).and_then(|rest| rest.chars().next());
        if count == 0 || c != last {
            (count, last) = (count + 1, c);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(prefix: &str, to: Option<&str>, first: &str, last: &str, wide: bool) -> String {
        let range = Range { from: None, to: to.map(|key| Cut::After(key.into())) };
        cuts(prefix, &range, first, last, [first, last].into_iter(), wide).join(" ")
    }

    #[test]
    fn cuts_follow_the_keys() {
        for (to, first, last, wide, found) in [
            // Numbers: how far they go is not known, so each stretch is ten times the one before.
            (None, "e/0001000", "e/0001999", false, "e/0002 e/001 e/01 e/1"),
            // Known to be between two: all digits between.
            (Some("e/1"), "e/0100000", "e/0100999", false, "e/02 e/03 e/04 e/05 e/06 e/07 e/08 e/09 e/0A e/0a"),
            (Some("e/05"), "e/0100000", "e/0100999", false, "e/02 e/03 e/04"),
            // Hexadecimal digits.
            (None, "e/00aa", "e/00ff", true, "e/1 e/2 e/3 e/4 e/5 e/6 e/7 e/8 e/9 e/A e/a"),
            (Some("e/f"), "e/90aa", "e/90ff", true, "e/A e/C e/E e/G e/I e/K e/M e/O e/Q e/S e/U e/W e/Y e/a e/c e/e"),
            // A page that spans the whole is not worth a cut.
            (None, "e/0", "e/9", true, ""),
            (None, "e/-a1", "e/-a2", false, "e/-b"),
            (None, "e/日本1", "e/日本2", true, ""),
        ] {
            assert_eq!(guess("e/", to, first, last, wide), found, "{to:?} {first} {last}");
        }
    }
}
