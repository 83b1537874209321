//! Places between keys, where one stretch of a listing ends and the next begins.

use crate::domain::object::Object;

/// A place in the order of all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Right after this key, whether it exists or not.
    After(String),
    /// After every key that begins so.
    Beyond(String),
}

/// Where the keys of a prefix are, seen from a [`Cut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// All before it.
    Before,
    /// Perhaps on both sides.
    Across,
    /// All after it.
    Behind,
}

impl Cut {
    /// Whether a key is before the cut.
    pub(super) fn is_after(&self, key: &str) -> bool {
        match self {
            Self::After(last) => key <= last.as_str(),
            Self::Beyond(prefix) => key <= prefix.as_str() || key.starts_with(prefix.as_str()),
        }
    }

    /// Where all keys that begin with `prefix` are.
    pub(super) fn side(&self, prefix: &str) -> Side {
        let (text, is_below) = match self {
            Self::After(key) => (key.as_str(), false),
            Self::Beyond(whole) => (whole.as_str(), prefix.starts_with(whole.as_str())),
        };
        match () {
            () if is_below => Side::Before,
            () if text.starts_with(prefix) => Side::Across,
            () if prefix < text => Side::Before,
            () => Side::Behind,
        }
    }

    /// What S3's `start-after` is, for a listing that begins here: never past the cut, sometimes before it.
    pub(super) fn start_after(&self) -> String {
        match self {
            Self::After(key) => key.clone(),
            Self::Beyond(prefix) => format!("{prefix}{}", char::MAX),
        }
    }
}

/// A range of keys: those behind `from`, up to `to`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: Option<Cut>,
    pub(super) to: Option<Cut>,
}

impl Range {
    pub(super) fn holds(&self, key: &str) -> bool {
        !self.from.as_ref().is_some_and(|from| from.is_after(key)) && !self.is_past(key)
    }

    /// Whether a key is behind the range; in a listing nothing of the range comes after it.
    pub(super) fn is_past(&self, key: &str) -> bool {
        self.to.as_ref().is_some_and(|to| !to.is_after(key))
    }

    /// What of the range begins with `prefix`; `None` for nothing.
    pub(super) fn below(&self, prefix: &str) -> Option<Self> {
        let from = match self.from.as_ref().map(|from| (from, from.side(prefix))) {
            Some((_, Side::Before)) => return None,
            Some((from, Side::Across)) => Some(from.clone()),
            _ => None,
        };
        let to = match self.to.as_ref().map(|to| (to, to.side(prefix))) {
            Some((_, Side::Behind)) => return None,
            Some((to, Side::Across)) => Some(to.clone()),
            _ => None,
        };
        Some(Self { from, to })
    }

    /// Takes out of a page, which is in order, what is not of the range. Says whether the range's end was seen.
    pub(super) fn keep(&self, objects: &mut Vec<Object>) -> bool {
        let end = objects.partition_point(|object| !self.is_past(&object.key));
        let ended = end < objects.len();
        objects.truncate(end);
        let begin = self.from.as_ref().map_or(0, |from| objects.partition_point(|object| from.is_after(&object.key)));
        if begin > 0 {
            objects.drain(..begin);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(key: &str) -> Cut {
        Cut::After(key.into())
    }

    fn beyond(prefix: &str) -> Cut {
        Cut::Beyond(prefix.into())
    }

    #[test]
    fn keys_and_prefixes_on_their_side_of_a_cut() {
        for (cut, key, is_after) in [
            (after("b"), "a", true),
            (after("b"), "b", true),
            (after("b"), "b/", false),
            (beyond("b/"), "b/", true),
            (beyond("b/"), "b/\u{10ffff}\u{10ffff}", true),
            (beyond("b/"), "b0", false),
            (beyond("b/"), "b", true),
        ] {
            assert_eq!(cut.is_after(key), is_after, "{cut:?} {key}");
        }
        for (cut, prefix, side) in [
            (after("b/5"), "a/", Side::Before),
            (after("b/5"), "b/", Side::Across),
            (after("b/"), "b/", Side::Across),
            (after("b/5"), "c/", Side::Behind),
            (after("b"), "b/", Side::Behind),
            (beyond("b/"), "b/", Side::Before),
            (beyond("b/"), "b/c/", Side::Before),
            (beyond("b/c/"), "b/", Side::Across),
            (beyond("b/"), "a/", Side::Before),
            (beyond("b/"), "b0/", Side::Behind),
        ] {
            assert_eq!(cut.side(prefix), side, "{cut:?} {prefix}");
        }
    }

    #[test]
    fn what_of_a_range_is_below_a_prefix() {
        let range = Range { from: Some(after("b/5")), to: Some(after("d/5")) };
        for (prefix, below) in [
            ("a/", None),
            ("b/", Some((Some(after("b/5")), None))),
            ("c/", Some((None, None))),
            ("d/", Some((None, Some(after("d/5"))))),
            ("e/", None),
        ] {
            assert_eq!(range.below(prefix), below.map(|(from, to)| Range { from, to }), "{prefix}");
        }
    }
}
