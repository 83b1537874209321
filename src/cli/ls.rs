//! `xsw ls`: buckets, prefixes, objects, each printed as it arrives.

use jiff::tz::TimeZone;
use serde_json::json;

use super::find::found_something;
use super::rows::{Rows, summary, time};
use super::{Context, output};
use crate::aws::s3::Depth;
use crate::domain::object::{Bucket, Entry};
use crate::domain::role::RoleIndex;
use crate::domain::text::escaped;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::walk::Walk;

pub(super) struct Shape {
    pub(super) recursive: bool,
    pub(super) json: bool,
    pub(super) summarize: bool,
}

pub(super) async fn run(context: &Context, role: RoleIndex, uri: Option<S3Uri>, shape: &Shape) -> Result<()> {
    context.session(role).await?;
    match uri {
        Some(uri) => objects(context, role, &uri, shape).await,
        None => buckets(context, role, shape).await,
    }
}

async fn buckets(context: &Context, role: RoleIndex, shape: &Shape) -> Result<()> {
    let bookmarks = &context.core.profile.role(role).buckets;
    let buckets = context.core.s3(role).buckets().await.map_err(|error| match error {
        // The bookmarks are what this role is there for.
        Error::Denied { action, resource, message, .. } if !bookmarks.is_empty() => {
            let known =
                bookmarks.iter().map(|uri| escaped(&uri.to_string()).into_owned()).collect::<Vec<_>>().join(", ");
            let hint = Some(format!("a bucket can still be opened by its name; this role's bookmarks: {known}"));
            Error::Denied { action, resource, message, hint }
        }
        error => error,
    })?;
    output::print(|out| {
        let zone = TimeZone::system();
        let width = buckets.iter().map(|bucket| bucket.name.len()).max().unwrap_or(0);
        for Bucket { name, region, created } in &buckets {
            if shape.json {
                let line = json!({ "type": "bucket", "name": name, "region": region, "created": created });
                output::json_line(out, &line)?;
            } else {
                let region = output::name(region.as_deref().unwrap_or_default());
                let created = time(*created, &zone);
                let created = String::from_utf8_lossy(&created);
                let line = format!("{created}  {:width$}  {region}", output::name(name));
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        if shape.summarize { summary(out, shape.json, "buckets", buckets.len() as u64, None) } else { Ok(()) }
    })
}

async fn objects(context: &Context, role: RoleIndex, uri: &S3Uri, shape: &Shape) -> Result<()> {
    let s3 = context.core.s3(role);
    let mut rows = Rows::new(shape.json);
    let (mut objects, mut size, mut lines) = (0, 0, 0_usize);
    if shape.recursive {
        let mut walk = Walk::new(s3, uri.clone());
        while let Some(batch) = rows.next(&mut walk).await? {
            lines += batch.len();
            objects += batch.len() as u64;
            size += batch.iter().map(|object| object.size).sum::<u64>();
            batch.iter().try_for_each(|object| rows.object(object))?;
        }
    } else {
        let mut token = None;
        loop {
            let page = s3.page(uri, Depth::Level, token.as_deref()).await?;
            lines += page.entries.len();
            for entry in &page.entries {
                if let Entry::Object(object) = entry {
                    objects += 1;
                    size += object.size;
                }
                rows.entry(entry)?;
            }
            rows.flush()?;
            token = page.next;
            if token.is_none() {
                break;
            }
        }
    }
    if lines == 0 {
        found_something(uri)?;
    }
    if shape.summarize {
        rows.summary(objects, size)?;
    }
    rows.flush()
}
