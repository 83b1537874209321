//! One page of a listing, at the cost of one page: a common prefix is skipped by range, never walked through.

use std::collections::btree_map;
use std::ops::Bound;
use std::sync::Arc;

use super::bucket::{Bucket, Object};

/// What a listing asks for.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// Where the page begins.
    pub from: Bound<String>,
    /// Keys and common prefixes together.
    pub limit: usize,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub objects: Vec<(String, Arc<Object>)>,
    pub prefixes: Vec<String>,
    /// Where the next page begins, when there is one.
    pub next: Option<Bound<String>>,
    /// The last key or common prefix of this page: NextMarker of the first version of the API.
    pub last: Option<String>,
}

/// Lists one page of a bucket.
pub(super) fn page(bucket: &Bucket, question: &Question) -> Page {
    let mut page = Page::default();
    if question.limit == 0 {
        return page;
    }
    let after = match &question.from {
        Bound::Excluded(key) => Some(key.clone()),
        _ => None,
    };
    let begin = later(question.from.clone(), question.prefix);
    let mut walk = Walk::new(bucket, begin.clone());
    let mut position = begin;
    while let Some(key) = walk.key() {
        if !key.starts_with(question.prefix) {
            break;
        }
        let common = question.delimiter.and_then(|delimiter| {
            let length = key[question.prefix.len()..].find(delimiter)?;
            Some(key[..question.prefix.len() + length + delimiter.len()].to_owned())
        });
        let Some(common) = common else {
            if page.objects.len() + page.prefixes.len() == question.limit {
                page.next = Some(position);
                break;
            }
            position = Bound::Excluded(key.clone());
            page.last = Some(key.clone());
            if let Some(object) = walk.take() {
                page.objects.push((key, object));
            }
            continue;
        };
        // A marker that is itself a common prefix was the end of the page before: it is not shown again.
        if after.as_ref() != Some(&common) {
            if page.objects.len() + page.prefixes.len() == question.limit {
                page.next = Some(position);
                break;
            }
            page.last = Some(common.clone());
            page.prefixes.push(common.clone());
        }
        let Some(beyond) = successor(&common) else {
            break;
        };
        position = Bound::Included(beyond);
        walk = Walk::new(bucket, position.clone());
    }
    page
}

/// The later of a bound and the beginning of a prefix.
fn later(from: Bound<String>, prefix: &str) -> Bound<String> {
    match from {
        Bound::Included(key) | Bound::Excluded(key) if key.as_str() < prefix => Bound::Included(prefix.to_owned()),
        Bound::Unbounded => Bound::Included(prefix.to_owned()),
        from => from,
    }
}

/// The first text after all that begin with `prefix`. Texts compare by code point, as S3 sorts its keys.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Between these two lie the surrogates, which are no characters.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

/// The keys of a bucket in order, from the kept objects and all series together.
struct Walk<'a> {
    bucket: &'a Bucket,
    kept: btree_map::Range<'a, String, Arc<Object>>,
    next_kept: Option<(&'a String, &'a Arc<Object>)>,
    /// Per series, the next number and its key.
    made: Vec<(u64, Option<String>)>,
}

impl<'a> Walk<'a> {
    fn new(bucket: &'a Bucket, from: Bound<String>) -> Walk<'a> {
        let made = bucket.series.iter().map(|series| {
            let number = series.first(&from);
            (number, (number < series.count).then(|| series.key(number)))
        });
        let made = made.collect();
        let mut kept = bucket.objects.range((from, Bound::Unbounded));
        let next_kept = kept.next();
        Walk { bucket, kept, next_kept, made }
    }

    /// The smallest key that is left.
    fn key(&self) -> Option<String> {
        let kept = self.next_kept.map(|(key, _)| key);
        let made = self.made.iter().filter_map(|(_, key)| key.as_ref());
        kept.into_iter().chain(made).min().cloned()
    }

    /// Takes the object of that key. Where a kept object and a series share a key, the kept one counts.
    fn take(&mut self) -> Option<Arc<Object>> {
        let key = self.key()?;
        let mut object = None;
        for (series, (number, next)) in self.bucket.series.iter().zip(&mut self.made) {
            if next.as_ref() == Some(&key) {
                object = Some(Arc::new(series.object(*number)));
                *number += 1;
                *next = (*number < series.count).then(|| series.key(*number));
            }
        }
        if let Some((kept, value)) = self.next_kept
            && *kept == key
        {
            object = Some(value.clone());
            self.next_kept = self.kept.next();
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::bucket::Series;
    use super::*;

    fn bucket() -> Bucket {
        let keys = ["a", "a/", "a/b", "a/c/d", "b", "e/0000005x", "z/1"];
        let bucket = Bucket::new("b").series(Series {
            prefix: "e/".into(),
            count: 1_000_000,
            digits: 7,
            suffix: ".json".into(),
            size: 10,
            modified: Timestamp::UNIX_EPOCH,
        });
        keys.iter().fold(bucket, |bucket, key| bucket.object(*key, Object::new("x")))
    }

    /// All pages of a listing, one line each: keys, then prefixes.
    fn pages(prefix: &str, delimiter: Option<&str>, from: Bound<String>, limit: usize, most: usize) -> Vec<String> {
        let bucket = bucket();
        let mut lines = Vec::new();
        let mut from = Some(from);
        while let Some(start) = from.take()
            && lines.len() < most
        {
            let page = page(&bucket, &Question { prefix, delimiter, from: start, limit });
            let keys: Vec<&str> = page.objects.iter().map(|(key, _)| key.as_str()).collect();
            lines.push(format!("{} | {}", keys.join(" "), page.prefixes.join(" ")));
            from = page.next;
        }
        lines
    }

    #[test]
    fn pages_of_a_delimited_listing_show_everything_once() {
        let all = ["a b | a/ e/ z/"];
        assert_eq!(pages("", Some("/"), Bound::Unbounded, 1000, 9), all);
        let one_by_one = ["a | ", " | a/", "b | ", " | e/", " | z/"];
        assert_eq!(pages("", Some("/"), Bound::Unbounded, 1, 9), one_by_one);
        let two_by_two = ["a | a/", "b | e/", " | z/"];
        assert_eq!(pages("", Some("/"), Bound::Unbounded, 2, 9), two_by_two);
    }

    #[test]
    fn a_prefix_lists_what_is_below_it() {
        assert_eq!(pages("a/", Some("/"), Bound::Unbounded, 9, 9), ["a/ a/b | a/c/"]);
        assert_eq!(pages("a", None, Bound::Unbounded, 9, 9), ["a a/ a/b a/c/d | "]);
        assert_eq!(pages("nothing", None, Bound::Unbounded, 9, 9), [" | "]);
    }

    #[test]
    fn a_page_from_the_middle_of_a_million_merges_both_kinds() {
        let from = Bound::Excluded("e/0000004.json".to_owned());
        assert_eq!(pages("e/", None, from, 3, 1), ["e/0000005.json e/0000005x e/0000006.json | "]);
        let from = Bound::Excluded("e/0999998.json".to_owned());
        assert_eq!(pages("e/", None, from, 3, 9), ["e/0999999.json | "]);
    }

    #[test]
    fn a_marker_that_is_a_common_prefix_is_not_shown_again() {
        assert_eq!(pages("", Some("/"), Bound::Excluded("a/".into()), 9, 9), ["b | e/ z/"]);
        assert_eq!(pages("", Some("/"), Bound::Excluded("a/b".into()), 9, 9), ["b | a/ e/ z/"]);
    }

    #[test]
    fn the_successor_skips_surrogates_and_the_last_character() {
        assert_eq!(successor("a/").as_deref(), Some("a0"));
        assert_eq!(successor("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(successor("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(successor("\u{10ffff}"), None);
    }
}
