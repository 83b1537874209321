//! What is looked for among the keys below a prefix: a part of a name, or a glob.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern; capitals do not matter.
#[derive(Clone, Debug)]
pub struct Pattern {
    what: What,
    /// Whether it is about the whole path below the prefix, and not the last segment alone.
    path: bool,
}

#[derive(Clone, Debug)]
enum What {
    Glob(GlobMatcher),
    /// In small letters.
    Part(String),
}

impl Pattern {
    /// A text with `*`, `?`, `[` or `{` is a glob. One without a `/` is about the last segment of a key, one with it
    /// about the whole key below the prefix.
    ///
    /// # Errors
    /// What is wrong with a glob, in words.
    pub fn new(text: &str) -> Result<Self, String> {
        let what = if text.contains(['*', '?', '[', '{']) {
            let glob = GlobBuilder::new(text).case_insensitive(true).build().map_err(|error| error.to_string())?;
            What::Glob(glob.compile_matcher())
        } else {
            What::Part(text.to_lowercase())
        };
        Ok(Self { what, path: text.contains('/') })
    }

    /// Whether a key matches; `below` is what of it comes after the prefix.
    pub fn matches(&self, below: &str) -> bool {
        let text = if self.path { below } else { super::uri::last_segment(below) };
        match &self.what {
            What::Glob(glob) => glob.is_match(text),
            What::Part(part) => text.to_lowercase().contains(part.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_a_part_or_a_glob() {
        for (pattern, below, found) in [
            ("csv", "a/b.CSV", true),
            ("CSV", "csv/b.txt", false),
            ("*.csv", "a/b.CSV", true),
            ("*.csv", "a/b.csv.gz", false),
            ("a/b", "x/A/B.txt", true),
            ("a/*.txt", "a/b.txt", true),
            ("**/2026/*", "x/2026/y", true),
            ("b?", "a/b1", true),
            ("{a,b}.txt", "b.txt", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(below), found, "{pattern} {below}");
        }
        assert!(Pattern::new("[").is_err());
    }
}
