//! Collects the problems of a profile file, so that all are told at once and in the order of the file.

use crate::domain::find::closest;
use crate::domain::text::cut;
use crate::error::Problem;

/// More than fit a screen help nobody: the rest is counted.
const SHOWN: usize = 100;

pub(super) struct Report {
    /// Where each line begins.
    lines: Vec<usize>,
    problems: Vec<Problem>,
    /// How many names may still be compared for "did you mean": a file of thousands of wrong names ends soon, too.
    comparisons: usize,
}

impl Report {
    pub(super) fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(place, _)| place + 1);
        Self { lines: std::iter::once(0).chain(ends).collect(), problems: Vec::new(), comparisons: 100_000 }
    }

    /// The line, from 1, of a place in the text.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// A problem at a place in the text.
    pub(super) fn add(&mut self, at: usize, message: impl Into<String>) {
        let line = self.line(at);
        self.push(line, message.into());
    }

    /// A problem of the whole file.
    pub(super) fn add_whole(&mut self, message: impl Into<String>) {
        self.push(0, message.into());
    }

    fn push(&mut self, line: usize, message: String) {
        // A message quotes the file, and a value of the file can be megabytes long.
        self.problems.push(Problem { line, message: cut(&message, 500).into_owned() });
    }

    /// Whether another "did you mean" is worth preparing.
    pub(super) fn may_guess(&self) -> bool {
        self.comparisons > 0
    }

    /// `; did you mean …?`, or nothing when no candidate is near.
    pub(super) fn did_you_mean<'c>(&mut self, word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
        let budget = &mut self.comparisons;
        let candidates = candidates.into_iter().take_while(|_| {
            *budget = budget.saturating_sub(1);
            *budget > 0
        });
        match closest(word, candidates.map(|name| (name, name)), 1).first() {
            Some(name) => format!("; did you mean {}?", quoted(name)),
            None => String::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// All problems by line; problems of the whole file come first.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        if self.problems.len() > SHOWN {
            let more = self.problems.len() - SHOWN;
            self.problems.truncate(SHOWN);
            self.problems.push(Problem { line: 0, message: format!("and {more} more problems") });
        }
        self.problems
    }
}

/// A word of the file, set apart from ours, and cut when it is long.
pub(super) fn quoted(word: &str) -> String {
    format!("`{}`", cut(word, 80))
}
