//! One page of a listing, at the cost of one page: a common prefix is skipped by range, never walked through.

use std::collections::btree_map;
use std::ops::Bound;
use std::sync::Arc;

use super::bucket::{Bucket, Object};
use super::versions::Version;

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
        let Some(common) = common_prefix(&key, question.prefix, question.delimiter) else {
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

/// What a listing of versions asks for.
#[derive(Debug)]
pub(super) struct VersionsQuestion<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// The page begins behind this key, or behind this version of it.
    pub key_marker: Option<&'a str>,
    pub version_id_marker: Option<&'a str>,
    /// Versions, delete markers and common prefixes together.
    pub limit: usize,
}

/// A page of a listing of versions.
#[derive(Debug, Default)]
pub(super) struct VersionsPage {
    /// Key, version, and whether it is the latest of its key.
    pub versions: Vec<(String, Version, bool)>,
    pub prefixes: Vec<String>,
    /// The markers of the next page, when there is one: the last key or common prefix of this one, and the version.
    pub next: Option<(String, Option<String>)>,
}

/// Lists one page of the versions in a bucket: key by key, the newest first.
pub(super) fn versions_page(bucket: &Bucket, question: &VersionsQuestion) -> VersionsPage {
    let mut page = VersionsPage::default();
    if question.limit == 0 {
        return page;
    }
    let from = match (question.key_marker, question.version_id_marker) {
        (Some(key), Some(_)) => Bound::Included(key.to_owned()),
        (Some(key), None) => Bound::Excluded(key.to_owned()),
        (None, _) => Bound::Unbounded,
    };
    let mut position = later(from, question.prefix);
    let mut last: Option<(String, Option<String>)> = None;
    while let Some(key) = next_key(bucket, &position).filter(|key| key.starts_with(question.prefix)) {
        let room = |page: &VersionsPage| page.versions.len() + page.prefixes.len() < question.limit;
        if let Some(common) = common_prefix(&key, question.prefix, question.delimiter) {
            // A marker that is itself a common prefix was the end of the page before: it is not shown again.
            if question.key_marker != Some(&common) {
                if !room(&page) {
                    page.next = last;
                    return page;
                }
                last = Some((common.clone(), None));
                page.prefixes.push(common.clone());
            }
            let Some(beyond) = successor(&common) else {
                return page;
            };
            position = Bound::Included(beyond);
            continue;
        }
        let mut versions = bucket.versions_of(&key).into_iter().enumerate().peekable();
        if question.key_marker == Some(&key)
            && let Some(marker) = question.version_id_marker
        {
            while versions.next().is_some_and(|(_, version)| version.id != marker) {}
        }
        for (index, version) in versions {
            if !room(&page) {
                page.next = last;
                return page;
            }
            last = Some((key.clone(), Some(version.id.clone())));
            page.versions.push((key.clone(), version, index == 0));
        }
        position = Bound::Excluded(key);
    }
    page
}

/// The first key from there on that has a version.
fn next_key(bucket: &Bucket, from: &Bound<String>) -> Option<String> {
    let beyond = (from.clone(), Bound::Unbounded);
    let kept = bucket.versions.range(beyond).next().map(|(key, _)| key.clone());
    kept.into_iter().chain(Walk::new(bucket, from.clone()).key()).min()
}

/// What a key is listed as where a delimiter follows the prefix.
fn common_prefix(key: &str, prefix: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter?;
    let length = key[prefix.len()..].find(delimiter)?;
    Some(key[..prefix.len() + length + delimiter.len()].to_owned())
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

    /// All pages of a listing of versions, one line each: versions, then prefixes. A `!` is behind the latest.
    fn version_pages(bucket: &Bucket, delimiter: Option<&str>, limit: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut next: Option<(String, Option<String>)> = None;
        loop {
            let (key_marker, version_id_marker) = match &next {
                Some((key, id)) => (Some(key.as_str()), id.as_deref()),
                None => (None, None),
            };
            let question = VersionsQuestion { prefix: "", delimiter, key_marker, version_id_marker, limit };
            let page = versions_page(bucket, &question);
            let shown = page.versions.iter().map(|(key, version, latest)| {
                let mark = if version.object.is_none() { "-" } else { "" };
                format!("{mark}{key}{}", if *latest { "!" } else { "" })
            });
            lines.push(format!("{} | {}", shown.collect::<Vec<_>>().join(" "), page.prefixes.join(" ")));
            next = page.next;
            if next.is_none() {
                return lines;
            }
        }
    }

    #[test]
    fn versions_are_listed_page_by_page() {
        let object = || Object::new("x");
        let bucket = Bucket::new("b").object("a", object()).versioned().object("a", object()).object("c/d", object());
        let bucket = bucket.deleted("a", 0).object("c/e", object()).deleted("gone", 0).object("z", object());
        assert_eq!(version_pages(&bucket, None, 99), ["-a! a a c/d! c/e! -gone! z! | "]);
        let by_two = ["-a! a | ", "a c/d! | ", "c/e! -gone! | ", "z! | "];
        assert_eq!(version_pages(&bucket, None, 2), by_two);
        assert_eq!(version_pages(&bucket, Some("/"), 99), ["-a! a a -gone! z! | c/"]);
        let one_by_one = ["-a! | ", "a | ", "a | ", " | c/", "-gone! | ", "z! | "];
        assert_eq!(version_pages(&bucket, Some("/"), 1), one_by_one);
        assert_eq!(version_pages(&super::tests::bucket(), Some("/"), 3), ["a! b! | a/", " | e/ z/"]);
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
