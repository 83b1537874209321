//! `xsw ls`: buckets, prefixes, objects, each printed as it arrives.

use std::io::Write;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::{Context, output};
use crate::aws::s3::{Depth, Of};
use crate::domain::object::{Bucket, Entry, Version};
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

pub(super) struct Shape {
    pub(super) recursive: bool,
    pub(super) json: bool,
    pub(super) summarize: bool,
    pub(super) versions: bool,
}

pub(super) async fn run(context: &Context, role: RoleIndex, uri: Option<S3Uri>, shape: &Shape) -> Result<()> {
    context.session(role).await?;
    match uri {
        Some(uri) if shape.versions => versions(context, role, &uri, shape).await,
        Some(uri) => objects(context, role, &uri, shape).await,
        None => buckets(context, role, shape).await,
    }
}

async fn buckets(context: &Context, role: RoleIndex, shape: &Shape) -> Result<()> {
    let bookmarks = &context.core.profile.role(role).buckets;
    let buckets = context.core.s3(role).buckets().await.map_err(|error| match error {
        // The bookmarks are what this role is there for.
        Error::Denied { action, resource, message, .. } if !bookmarks.is_empty() => {
            let known = bookmarks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let hint = Some(format!("a bucket can still be opened by its name; this role's bookmarks: {known}"));
            Error::Denied { action, resource, message, hint }
        }
        error => error,
    })?;
    output::print(|out| {
        let width = buckets.iter().map(|bucket| bucket.name.len()).max().unwrap_or(0);
        for Bucket { name, region, created } in &buckets {
            if shape.json {
                let line = json!({ "type": "bucket", "name": name, "region": region, "created": created });
                output::json_line(out, &line)?;
            } else {
                let region = output::name(region.as_deref().unwrap_or_default());
                let line = format!("{}  {:width$}  {region}", time(*created), output::name(name));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        if shape.summarize { summary(out, shape, "buckets", buckets.len() as u64, None) } else { Ok(()) }
    })
}

async fn objects(context: &Context, role: RoleIndex, uri: &S3Uri, shape: &Shape) -> Result<()> {
    let s3 = context.core.s3(role);
    let depth = if shape.recursive { Depth::All } else { Depth::Level };
    let (mut objects, mut size, mut lines) = (0, 0, 0_u64);
    let mut token = None;
    loop {
        let page = s3.page(uri, depth, token.as_deref()).await?;
        lines += page.entries.len() as u64;
        for entry in &page.entries {
            if let Entry::Object(object) = entry {
                objects += 1;
                size += object.size;
            }
        }
        output::print(|out| page.entries.iter().try_for_each(|entry| line(out, entry, shape.json)))?;
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    // A prefix that matches nothing is most often a typing mistake.
    if lines == 0 && !uri.key.is_empty() {
        let hint = Some("check the prefix; `xsw ls` of the level above shows what there is".to_owned());
        return Err(Error::NotFound { message: format!("nothing begins with {uri}"), hint });
    }
    if shape.summarize {
        output::print(|out| summary(out, shape, "objects", objects, Some(size)))?;
    }
    Ok(())
}

async fn versions(context: &Context, role: RoleIndex, uri: &S3Uri, shape: &Shape) -> Result<()> {
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
            page.prefixes.iter().try_for_each(|prefix| line(out, &Entry::Prefix(prefix.clone()), shape.json))?;
            page.versions.iter().try_for_each(|version| version_line(out, version, shape.json))
        })?;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if lines == 0 && !uri.key.is_empty() {
        let hint = Some("check the prefix; `xsw ls --versions` of the level above shows what there is".to_owned());
        return Err(Error::NotFound { message: format!("nothing begins with {uri}"), hint });
    }
    if shape.summarize {
        output::print(|out| summary(out, shape, "versions", versions, Some(size)))?;
    }
    Ok(())
}

/// `2026-01-02 03:04:05    1.2 KiB  VERSION  latest   name`: the id before the name, which may be any text.
fn version_line(out: &mut dyn Write, version: &Version, as_json: bool) -> std::io::Result<()> {
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

fn line(out: &mut dyn Write, entry: &Entry, as_json: bool) -> std::io::Result<()> {
    match entry {
        Entry::Prefix(key) if as_json => output::json_line(out, &json!({ "type": "prefix", "key": key })),
        Entry::Object(object) if as_json => output::json_line(
            out,
            &json!({
                "type": "object",
                "key": object.key,
                "size": object.size,
                "last_modified": object.last_modified,
                "etag": object.etag,
                "storage_class": object.storage_class,
            }),
        ),
        Entry::Prefix(key) => writeln!(out, "{:19}  {:>10}  {}", "", "—", output::name(key)),
        Entry::Object(object) => {
            let class = object
                .storage_class
                .as_deref()
                .filter(|class| *class != "STANDARD")
                .map(output::name)
                .unwrap_or_default();
            let (when, size, name) = (time(object.last_modified), bytes(object.size), output::name(&object.key));
            let line = format!("{when}  {size:>10}  {name}  {class}");
            // A key may end in spaces; only what we padded is cut.
            writeln!(out, "{}", if class.is_empty() { &line[..line.len() - 2] } else { &line })
        }
    }
}

fn summary(out: &mut dyn Write, shape: &Shape, what: &str, number: u64, size: Option<u64>) -> std::io::Result<()> {
    if shape.json {
        return output::json_line(out, &json!({ "type": "summary", what: number, "size": size }));
    }
    let size = size.map(|size| format!(", {}", exact(size))).unwrap_or_default();
    let what = if number == 1 { what.trim_end_matches('s') } else { what };
    writeln!(out, "{} {what}{size}", count(number))
}

/// `1.2 MiB (1,258,291 B)`, `22 B`.
fn exact(size: u64) -> String {
    if size < 1024 { bytes(size) } else { format!("{} ({} B)", bytes(size), count(size)) }
}

/// In the zone of this machine, as `ls -l` does.
fn time(time: Option<Timestamp>) -> String {
    let local = |time: Timestamp| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    time.map_or_else(|| " ".repeat(19), local)
}
