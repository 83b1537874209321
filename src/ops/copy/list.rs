//! What shall be copied, side by side with what is at the target: two listings, both in the order of the keys.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::CopyPick;
use super::object::{Desk, Item, There};
use crate::aws::s3::Ask;
use crate::domain::object::Object;
use crate::domain::transfer::{Event, Failed};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::transfer::fetch::Line;
use crate::ops::walk::Walk;

/// Feeds the queue: single objects as they are, prefixes page by page.
pub(super) async fn list(desk: &Arc<Desk>, picks: &[CopyPick], queue: mpsc::Sender<Item>) {
    for pick in picks {
        let uri = pick.uri().clone();
        let listed = match pick {
            CopyPick::Object { uri, version, target } => one(desk, uri, version.as_deref(), target, &queue).await,
            CopyPick::Prefix { .. } => prefix(desk, pick, &queue).await,
        };
        if let Err(error) = listed {
            desk.tally.found(0);
            desk.tell(Event::Failed(Failed { uri, error }));
        }
    }
    desk.tally.listed();
}

async fn one(
    desk: &Desk,
    uri: &S3Uri,
    version: Option<&str>,
    target: &S3Uri,
    queue: &mpsc::Sender<Item>,
) -> Result<()> {
    let stat = desk.reader.stat(uri, &Ask { version: version.map(str::to_owned), ..Ask::default() }).await?;
    let object = stat.listed(&uri.key);
    desk.tally.found(object.size);
    let (uri, version, target) = (uri.clone(), version.map(str::to_owned), target.clone());
    _ = queue.send(Item { uri, version, object, target, there: There::Unknown }).await;
    Ok(())
}

async fn prefix(desk: &Arc<Desk>, pick: &CopyPick, queue: &mpsc::Sender<Item>) -> Result<()> {
    let CopyPick::Prefix { uri, strip, target } = pick else { return Ok(()) };
    let mut sources = walk(&desk.reader, uri.clone());
    // Of what is there, only what the copies may meet.
    let beginning = format!("{}{}", target.key, uri.key.strip_prefix(strip.as_str()).unwrap_or_default());
    let mut targets = Present::new(&desk.writer, S3Uri::new(&target.bucket, beginning));
    while let Some(objects) = sources.next().await? {
        for object in objects {
            if desk.tally.stopped().is_some() {
                return Ok(());
            }
            let path = object.key.strip_prefix(strip.as_str()).unwrap_or(&object.key);
            if !desk.wishes.select.allows(path, object.size, object.last_modified) {
                continue;
            }
            let Some(target) = pick.target_of(&object.key) else { continue };
            desk.tally.found(object.size);
            let there = targets.find(desk, &target).await?;
            let uri = S3Uri::new(&uri.bucket, &object.key);
            // Nobody takes it when the job has been stopped.
            _ = queue.send(Item { uri, version: None, object, target, there }).await;
        }
    }
    Ok(())
}

fn walk(line: &Line, uri: S3Uri) -> Walk {
    let asking = line.clone();
    // A listing may outlive its session, as the objects may.
    Walk::new(line.s3.clone(), uri).through(move |ask, question| {
        let line = asking.clone();
        Box::pin(async move { line.page(|| ask(question.clone())).await })
    })
}

/// What is at the target, read as far as the sources have come.
struct Present {
    walk: Option<Walk>,
    bucket: String,
    page: std::vec::IntoIter<Object>,
    next: Option<Object>,
}

impl Present {
    fn new(writer: &Line, uri: S3Uri) -> Self {
        // A directory bucket lists in no order.
        let ordered = !uri.bucket.ends_with("--x-s3");
        let bucket = uri.bucket.clone();
        Self { walk: ordered.then(|| walk(writer, uri)), bucket, page: Vec::new().into_iter(), next: None }
    }

    /// What is at a place. Places have to be asked for in the order of the keys.
    async fn find(&mut self, desk: &Desk, target: &S3Uri) -> Result<There> {
        loop {
            let Some(walk) = &mut self.walk else { return Ok(There::Unknown) };
            match &self.next {
                Some(next) if next.key < target.key => self.next = None,
                Some(next) if next.key == target.key => {
                    return Ok(self.next.take().map_or(There::Nothing, There::Object));
                }
                Some(_) => return Ok(There::Nothing),
                None => {}
            }
            if let Some(object) = self.page.next() {
                self.next = Some(object);
                continue;
            }
            match walk.next().await {
                Ok(Some(objects)) => self.page = objects.into_iter(),
                Ok(None) => {
                    // Greater than every key.
                    return Ok(There::Nothing);
                }
                Err(Error::Denied { .. }) => {
                    let text = "may not be listed (s3:ListBucket): each object is asked for by itself".to_owned();
                    desk.tell(Event::Note(S3Uri::new(&self.bucket, ""), text));
                    self.walk = None;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
