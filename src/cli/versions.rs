//! `xsw ls --versions`: versions and delete markers, the newest of each key first.

use std::io::Write;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::ls::Shape;
use super::rows::summary;
use super::{Context, output};
use crate::aws::s3::Of;
use crate::domain::object::Version;
use crate::domain::role::RoleIndex;
use crate::domain::text::bytes;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

pub(super) async fn run(context: &Context, role: RoleIndex, uri: &S3Uri, shape: &Shape) -> Result<()> {
    context.session(role).await?;
    let s3 = context.core.s3(role);
    let of = if shape.recursive { Of::All } else { Of::Level };
    let (mut versions, mut size, mut lines) = (0, 0, 0_u64);
    let mut after = None;
    loop {
        let page = s3.versions(uri, of, after.as_ref()).await?;
        lines += (page.prefixes.len() + page.versions.len()) as u64;
        versions += page.versions.len() as u64;
        size += page.versions.iter().map(|version| version.size).sum::<u64>();
        output::print(|out| {
            page.prefixes.iter().try_for_each(|key| prefix(out, key, shape.json))?;
            page.versions.iter().try_for_each(|version| line(out, version, shape.json))
        })?;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // A prefix that matches nothing is most often a typing mistake.
    if lines == 0 && !uri.key.is_empty() {
        let hint = Some("check the prefix; `xsw ls --versions` of the level above shows what there is".to_owned());
        return Err(Error::NotFound { message: format!("nothing begins with {uri}"), hint });
    }
    if !shape.summarize {
        return Ok(());
    }
    output::print(|out| summary(out, shape.json, "versions", versions, Some(size)))
}

fn prefix(out: &mut dyn Write, key: &str, as_json: bool) -> std::io::Result<()> {
    if as_json {
        return output::json_line(out, &json!({ "type": "prefix", "key": key }));
    }
    writeln!(out, "{:19}  {:>10}  {:<32}  {:6}  {}", "", "—", "", "", output::name(key))
}

/// `2026-01-02 03:04:05    1.2 KiB  ID  latest  name`: the id before the name, which may be any text.
fn line(out: &mut dyn Write, version: &Version, as_json: bool) -> std::io::Result<()> {
    if as_json {
        let kind = if version.deleted { "delete_marker" } else { "version" };
        return output::json_line(
            out,
            &json!({
                "type": kind,
                "key": version.key,
                "version_id": version.version_id,
                "latest": version.latest,
                "size": (!version.deleted).then_some(version.size),
                "last_modified": version.last_modified,
                "etag": version.etag,
                "storage_class": version.storage_class,
            }),
        );
    }
    let size = if version.deleted { "deleted".to_owned() } else { bytes(version.size) };
    let (when, id) = (time(version.last_modified), output::name(&version.version_id));
    let latest = if version.latest { "latest" } else { "" };
    writeln!(out, "{when}  {size:>10}  {id:<32}  {latest:<6}  {}", output::name(&version.key))
}

/// In the zone of this machine, as `ls -l` does.
fn time(time: Option<Timestamp>) -> String {
    let local = |time: Timestamp| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    time.map_or_else(|| " ".repeat(19), local)
}
