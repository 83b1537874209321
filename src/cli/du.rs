//! `xsw du`: count and size of what is below a prefix, in all and for the prefixes below it.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::json;

use super::find::found_something;
use super::{Context, DuArguments, output};
use crate::domain::local_path::folder_of;
use crate::domain::object::Object;
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count, plural};
use crate::domain::uri::S3Uri;
use crate::error::Result;
use crate::ops::walk::Walk;

pub(super) async fn run(context: &Context, role: RoleIndex, asked: &DuArguments) -> Result<()> {
    context.session(role).await?;
    let uri = &asked.uri;
    let mut walk = Walk::new(context.core.s3(role), uri.clone());
    let bar = bar();
    let mut sums = Sums::new(&uri.key, asked.depth.unwrap_or(0));
    while let Some(batch) = walk.next().await? {
        let mut closed = Vec::new();
        batch.iter().for_each(|object| sums.add(object, &mut closed));
        print(&bar, uri, &closed, asked.json)?;
        bar.set_message(format!("{}, {}", plural(sums.total.objects, "object"), bytes(sums.total.size)));
    }
    let mut closed = Vec::new();
    let total = sums.end(&mut closed);
    print(&bar, uri, &closed, asked.json)?;
    bar.finish_and_clear();
    if total.objects == 0 {
        found_something(uri)?;
    }
    let line = json!({ "type": "total", "uri": uri.to_string(), "objects": total.objects, "size": total.size });
    match (asked.json, asked.depth) {
        (true, None) => output::print_json(&line),
        (true, Some(_)) => output::print(|out| output::json_line(out, &line)),
        (false, _) => output::print(|out| writeln!(out, "{}", row(&total, &uri.to_string()))),
    }
}

fn print(bar: &ProgressBar, uri: &S3Uri, closed: &[(String, Sum)], json: bool) -> Result<()> {
    if closed.is_empty() {
        return Ok(());
    }
    bar.suspend(|| {
        output::print(|out| {
            closed.iter().try_for_each(|(key, sum)| {
                if json {
                    let line = json!({ "type": "prefix", "key": key, "objects": sum.objects, "size": sum.size });
                    return output::json_line(out, &line);
                }
                writeln!(out, "{}", row(sum, &S3Uri::new(&uri.bucket, key).to_string()))
            })
        })
    })
}

fn row(sum: &Sum, name: &str) -> String {
    format!("{:>10}  {:>11}  {}", bytes(sum.size), count(sum.objects), output::name(name))
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Count and size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    objects: u64,
    size: u64,
}

impl Sum {
    fn add(&mut self, object: &Object) {
        self.objects += 1;
        self.size += object.size;
    }
}

/// The sums of the prefixes that a listing in the order of the keys is in: a prefix is closed behind its last key.
#[derive(Debug)]
struct Sums {
    /// Where the first level begins in a key.
    start: usize,
    depth: usize,
    /// From the highest to the lowest.
    open: Vec<(String, Sum)>,
    total: Sum,
}

impl Sums {
    fn new(prefix: &str, depth: usize) -> Self {
        Self { start: folder_of(prefix).len(), depth, open: Vec::new(), total: Sum::default() }
    }

    /// Adds an object. What it closes comes as du has it: the lower levels before the higher ones.
    fn add(&mut self, object: &Object, closed: &mut Vec<(String, Sum)>) {
        self.total.add(object);
        while self.open.last().is_some_and(|(prefix, _)| !object.key.starts_with(prefix.as_str())) {
            closed.extend(self.open.pop());
        }
        let known = self.open.last().map_or(self.start, |(prefix, _)| prefix.len());
        let rest = object.key.get(known..).unwrap_or_default();
        for (slash, _) in rest.match_indices('/').take(self.depth - self.open.len()) {
            self.open.push((object.key[..=known + slash].to_owned(), Sum::default()));
        }
        self.open.iter_mut().for_each(|(_, sum)| sum.add(object));
    }

    fn end(mut self, closed: &mut Vec<(String, Sum)>) -> Sum {
        closed.extend(self.open.drain(..).rev());
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_prefixes() {
        let keys = ["a/b/1", "a/b/c/2", "a/x", "a0", "日/b/3", "日/b/4"];
        let sums = |prefix: &str, depth: usize| {
            let (mut sums, mut closed) = (Sums::new(prefix, depth), Vec::new());
            for key in keys.iter().filter(|key| key.starts_with(prefix)) {
                sums.add(&Object { key: (*key).into(), size: 10, ..Object::default() }, &mut closed);
            }
            let total = sums.end(&mut closed);
            let lines = closed.iter().map(|(prefix, sum)| format!("{} {} {prefix}", sum.objects, sum.size));
            format!("{} | {}", lines.collect::<Vec<_>>().join(" | "), total.objects)
        };
        assert_eq!(sums("", 0), " | 6");
        assert_eq!(sums("", 1), "3 30 a/ | 2 20 日/ | 6");
        assert_eq!(sums("", 2), "2 20 a/b/ | 3 30 a/ | 2 20 日/b/ | 2 20 日/ | 6");
        assert_eq!(sums("a", 9), "1 10 a/b/c/ | 2 20 a/b/ | 3 30 a/ | 4");
        assert_eq!(sums("a/b", 1), "2 20 a/b/ | 2");
        assert_eq!(sums("a/b/", 1), "1 10 a/b/c/ | 2");
    }
}
