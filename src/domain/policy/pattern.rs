//! Wildcards and policy variables: `arn:aws:s3:::home/${aws:username}/*`.

use super::request::Context;

/// One step of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Char(char),
    One,
    Many,
}

/// Whether `text` matches `pattern`, in which `*` stands for any characters and `?` for one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    run(&steps(pattern), text)
}

/// Like [`matches`], for action names, which are compared without case.
pub(super) fn matches_action(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

/// Whether `text` matches `pattern` once its policy variables are filled in from `context`.
///
/// A variable that the context does not have, or has several values for, matches nothing; that is what
/// "IAM policy elements: Variables and tags" says. A value is taken literally: a `*` in it is no wildcard.
pub(super) fn matches_with_variables(pattern: &str, text: &str, context: &Context) -> bool {
    expand_steps(pattern, context).is_some_and(|steps| run(&steps, text))
}

/// `text` with its variables filled in, or nothing when one of them is unknown.
pub(super) fn expand(text: &str, context: &Context) -> Option<String> {
    let steps = expand_steps(text, context)?;
    Some(
        steps
            .iter()
            .map(|step| match step {
                Step::Char(c) => *c,
                Step::One => '?',
                Step::Many => '*',
            })
            .collect(),
    )
}

fn steps(pattern: &str) -> Vec<Step> {
    pattern.chars().map(step).collect()
}

fn step(c: char) -> Step {
    match c {
        '*' => Step::Many,
        '?' => Step::One,
        c => Step::Char(c),
    }
}

fn expand_steps(pattern: &str, context: &Context) -> Option<Vec<Step>> {
    let mut steps = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        steps.extend(rest[..start].chars().map(step));
        let value = variable(&rest[start + 2..start + length], context)?;
        steps.extend(value.chars().map(Step::Char));
        rest = &rest[start + length + 1..];
    }
    steps.extend(rest.chars().map(step));
    Some(steps)
}

/// The value of what stands between `${` and `}`: a key, a key with a default, or an escaped `*`, `?`, `$`.
fn variable(inside: &str, context: &Context) -> Option<String> {
    if matches!(inside, "*" | "?" | "$") {
        return Some(inside.to_owned());
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\''))),
        None => (inside.trim(), None),
    };
    match (context.single(key), default) {
        (Some(value), _) => Some(value.to_owned()),
        (None, Some(default)) if context.get(key).is_none() => Some(default.to_owned()),
        _ => None,
    }
}

/// Greedy matching that steps back to the last `*` alone: never worse than pattern times text.
fn run(pattern: &[Step], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Step::Many) => {
                star = Some((p, t));
                p += 1;
            }
            Some(Step::One) => {
                p += 1;
                t += 1;
            }
            Some(Step::Char(c)) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|step| *step == Step::Many)
}

/// Whether two ARNs match part by part, as the Arn operators compare: a `*` does not reach over a colon of the
/// first five parts.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if patterns.len() == 1 {
        return matches(pattern, arn);
    }
    patterns.len() == parts.len() && patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
}
