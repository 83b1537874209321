//! `xsw find`: the objects below a prefix that a choice lets through, each printed as it is found.

use jiff::{Timestamp, tz::TimeZone};

use super::place::find_hint;
use super::rows::Rows;
use super::{Context, FindArguments};
use crate::domain::local_path::folder_of;
use crate::domain::role::RoleIndex;
use crate::domain::select::{Select, Words};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::walk::Walk;

pub(super) async fn run(context: &Context, role: RoleIndex, asked: &FindArguments) -> Result<()> {
    let words = Words {
        include: ("--name", &asked.names),
        exclude: ("--not-name", &asked.not_names),
        newer: asked.newer.as_deref(),
        older: asked.older.as_deref(),
        sizes: &asked.size,
    };
    let select = Select::new(&words, Timestamp::now(), &TimeZone::system())?;
    context.session(role).await?;
    let strip = folder_of(&asked.uri.key).len();
    let mut walk = Walk::new(context.core.s3(role), asked.uri.clone());
    let mut rows = Rows::new(asked.json);
    let names = asked.null || asked.uri_names;
    let start = if asked.uri_names { S3Uri::new(&asked.uri.bucket, "").to_string() } else { String::new() };
    let (mut objects, mut size, mut is_empty) = (0, 0, true);
    while let Some(batch) = rows.next(&mut walk).await? {
        for object in &batch {
            is_empty = false;
            let path = object.key.get(strip..).unwrap_or(&object.key);
            if select.allows(path, object.size, object.last_modified) {
                objects += 1;
                size += object.size;
                match names {
                    true => rows.name(&start, &object.key, asked.null)?,
                    false => rows.object(object)?,
                }
            }
        }
    }
    if is_empty {
        found_something(&asked.uri)?;
    }
    if asked.summarize {
        rows.summary(objects, size)?;
    }
    rows.flush()
}

/// A prefix that matches nothing is most often a typing mistake; an empty bucket is none.
pub(super) fn found_something(uri: &S3Uri) -> Result<()> {
    if uri.key.is_empty() {
        return Ok(());
    }
    let hint = find_hint(uri);
    let hint = hint.or_else(|| Some("check the prefix; `xsw ls` of the level above shows what there is".to_owned()));
    Err(Error::NotFound { message: format!("nothing begins with {uri}"), hint })
}
