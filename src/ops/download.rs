//! Downloading: one object, a marked set, everything below a prefix. Files appear whole and compared, or not at all.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Core;
use super::control::Control;
use super::downloaded::{Record, recorded};
use super::transfer::fetch::{Line, blocking};
use super::transfer::gate::Gate;
use super::transfer::object::{Desk, Item};
use super::transfer::pool::{DEFAULT_MEMORY, Pool};
use super::transfer::retry::Patience;
use super::transfer::run::{self, Work};
use super::transfer::tally::Tally;
use super::transfer::target::{Target, safe_path};
use super::walk::Walk;
use crate::aws::s3::S3;
use crate::domain::local_path::folder_of;
use crate::domain::object::Object;
use crate::domain::role::RoleIndex;
use crate::domain::select::Select;
use crate::domain::transfer::{Event, Failed, IfExists, Listed, Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// What to download, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// One object.
    Object {
        /// Which.
        uri: S3Uri,
        /// Which version; `None` is the latest.
        version: Option<String>,
        /// What a listing told of it: then nothing has to be asked before it is fetched.
        listed: Option<Listed>,
        /// Where to.
        to: To,
    },
    /// All objects whose keys begin with a prefix.
    Prefix {
        /// The prefix.
        uri: S3Uri,
        /// What is left out of the keys to make paths of them.
        strip: String,
        /// The folder they go into.
        root: PathBuf,
    },
}

impl Pick {
    /// What is downloaded.
    pub fn uri(&self) -> &S3Uri {
        match self {
            Self::Object { uri, .. } | Self::Prefix { uri, .. } => uri,
        }
    }

    /// An object into a folder, under its own name.
    pub fn into_folder(uri: S3Uri, listed: Option<Listed>, root: &Path) -> Self {
        Self::Object { uri, version: None, listed, to: To::Folder(root.to_owned()) }
    }

    /// An object into a file of the user's choice.
    pub fn into_file(uri: S3Uri, path: &Path) -> Self {
        Self::Object { uri, version: None, listed: None, to: To::File(path.to_owned()) }
    }

    /// What is below a prefix, into a folder, with paths as they are below the prefix's folder.
    pub fn below(uri: S3Uri, root: &Path) -> Self {
        Self::Prefix { strip: folder_of(&uri.key).to_owned(), uri, root: root.to_owned() }
    }

    /// A folder of the bucket as a folder here, under its own name.
    pub fn folder(uri: S3Uri, root: &Path) -> Self {
        let strip = folder_of(uri.key.strip_suffix('/').unwrap_or(&uri.key)).to_owned();
        Self::Prefix { strip, uri, root: root.to_owned() }
    }
}

/// Where one object goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Into this folder, under its own name.
    Folder(PathBuf),
    /// Into this file.
    File(PathBuf),
    /// Into this folder, with the path that its key is below a prefix.
    Below {
        /// The folder.
        root: PathBuf,
        /// What is left out of the key to make a path of it.
        strip: String,
    },
}

/// Hears how far the job is; called often, so it must be quick.
pub type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Hears what becomes of each object, as it happens.
pub type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// An answer that somebody has to give.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A file that stands where an object goes, and differs from it.
#[derive(Clone, Debug)]
pub struct Clash {
    /// The file.
    pub path: PathBuf,
    /// Bytes of the object.
    pub size: u64,
    /// When the object was written.
    pub modified: Option<Timestamp>,
}

/// Says what shall happen to a file that is there, when [`IfExists::Ask`] was wished.
pub type AskExists = Arc<dyn Fn(Clash) -> Answer<IfExists> + Send + Sync>;

/// Sees to a new session, and answers when there is one.
pub type AskSession = Arc<dyn Fn(Error) -> Answer<()> + Send + Sync>;

/// What happens when the session ends on the way and a new one needs somebody.
#[derive(Clone, Default)]
pub enum OnHalt {
    /// The job stops; the same one goes on later where it was.
    #[default]
    Stop,
    /// Somebody is asked.
    Ask(AskSession),
    /// The job waits for [`Control::resume`].
    Wait,
}

/// How a job goes about its objects.
#[derive(Clone, Default)]
pub struct Wishes {
    /// What happens to files that are there and differ.
    pub if_exists: IfExists,
    /// Who is asked about them.
    pub ask: Option<AskExists>,
    /// Which objects below a prefix are meant.
    pub select: Select,
    /// Only tell what would be written.
    pub dry_run: bool,
    /// What happens when the session ends.
    pub on_halt: OnHalt,
    /// How often and how long things are tried again.
    pub patience: Patience,
    /// Bytes that transfers may make the process use; [`DEFAULT_MEMORY`] when nothing is said.
    pub max_memory: Option<u64>,
}

/// A download that somebody wants.
#[derive(Clone)]
pub struct Job {
    /// What, and where to; shared, for a million rows may be marked.
    pub picks: Arc<[Pick]>,
    /// How.
    pub wishes: Wishes,
    /// The hand that pauses it.
    pub control: Control,
    /// Hears how far it is.
    pub on_progress: OnProgress,
    /// Hears what becomes of each object.
    pub on_event: OnEvent,
}

impl Job {
    /// A job that nobody pauses and of whose objects nobody hears one by one.
    pub fn new(picks: impl Into<Arc<[Pick]>>, wishes: Wishes, on_progress: OnProgress) -> Self {
        Self { picks: picks.into(), wishes, control: Control::default(), on_progress, on_event: Arc::new(|_| {}) }
    }
}

impl Core {
    /// Downloads all picks as `role`. What fails is in the summary, and the rest goes on; dropping the future cancels
    /// the job, of which finished files and finished pieces of large ones stay. Either way the job is written down.
    pub async fn download(self: &Arc<Self>, role: RoleIndex, job: Job) -> Summary {
        let buckets = job.picks.iter().map(|pick| pick.uri().bucket.clone()).collect();
        // A job that writes nothing is no download.
        let record = (!job.wishes.dry_run).then(|| Record::new(self, role, buckets));
        self.pool.limit_memory(job.wishes.max_memory.unwrap_or(DEFAULT_MEMORY));
        let told = Arc::clone(&job.on_progress);
        recorded(record, told, |on_progress| run((role, self.s3(role)), self.pool.clone(), Job { on_progress, ..job }))
            .await
    }
}

async fn run((role, s3): (RoleIndex, S3), pool: Pool, job: Job) -> Summary {
    let Job { picks, wishes, control, on_progress, on_event } = job;
    let tally = Arc::new(Tally::default());
    let gate = Arc::new(Gate::new(role, wishes.on_halt.clone(), Arc::clone(&tally)));
    let line = Line { s3, pool, control: control.clone(), patience: wishes.patience, gate };
    let claimed = (picks.len() > 1).then(Default::default);
    let desk = Arc::new(Desk { claimed, ..Desk::new(line, wishes, tally, on_event) });
    let subject = picks.first().map_or_else(|| S3Uri::new("", ""), |pick| pick.uri().clone());
    run::run(desk, (picks, subject), &control, &on_progress).await
}

impl Work for Desk {
    type Item = Item;
    type Picks = Arc<[Pick]>;

    fn uri(item: &Item) -> &S3Uri {
        &item.uri
    }

    fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    fn is_dry_run(&self) -> bool {
        self.wishes.dry_run
    }

    fn tell(&self, event: Event) {
        Self::tell(self, event);
    }

    async fn list(self: Arc<Self>, picks: Arc<[Pick]>, queue: mpsc::Sender<Item>) {
        list(&self, &picks, queue).await;
    }

    async fn object(self: Arc<Self>, item: Item) {
        self.fetch(item).await;
    }
}

/// Feeds the queue: single objects as they are, prefixes page by page.
async fn list(desk: &Arc<Desk>, picks: &[Pick], queue: mpsc::Sender<Item>) {
    for pick in picks {
        match pick {
            Pick::Object { uri, version, listed, to } => {
                if desk.tally.stopped().is_some() {
                    break;
                }
                let counted = listed.as_ref().map_or(0, |listed| listed.size);
                desk.tally.found(counted);
                // Whoever names one object wants it; of a marked set what is equal is there already.
                let anew = desk.wishes.if_exists == IfExists::Overwrite && listed.is_none();
                let (uri, version, listed) = (uri.clone(), version.clone(), listed.clone());
                match Target::new(&uri, to.clone()) {
                    Ok(target) => {
                        let item = Item { uri, version, listed, counted, target, anew, looked: None };
                        // Nobody takes it when the job has been stopped.
                        _ = queue.send(item).await;
                    }
                    Err(error) => {
                        desk.tally.begin(&uri, counted).give_up();
                        desk.tell(Event::Failed(Failed { uri, error }));
                    }
                }
            }
            Pick::Prefix { uri, strip, root } => {
                if let Err(error) = list_prefix(desk, uri, strip, root, &queue).await {
                    desk.tally.found(0);
                    desk.tell(Event::Failed(Failed { uri: uri.clone(), error }));
                }
            }
        }
    }
    desk.tally.listed();
}

async fn list_prefix(
    desk: &Arc<Desk>,
    uri: &S3Uri,
    strip: &str,
    root: &Path,
    queue: &mpsc::Sender<Item>,
) -> Result<()> {
    let line = desk.line.clone();
    // A listing may outlive its session, as the objects may.
    let mut walk = Walk::new(desk.line.s3.clone(), uri.clone()).through(move |ask, question| {
        let line = line.clone();
        Box::pin(async move { line.page(|| ask(question.clone())).await })
    });
    while let Some(objects) = walk.next().await? {
        let (place, bucket, strip, root) = (Arc::clone(desk), uri.bucket.clone(), strip.to_owned(), root.to_owned());
        // A page at a time: to look at one file is cheaper than the way to the thread that may.
        let items = blocking(move || {
            let items = objects.into_iter().filter_map(|object| item(&place, &bucket, object, &strip, &root));
            Ok(items.collect::<Vec<_>>())
        });
        for item in items.await? {
            if desk.tally.stopped().is_some() {
                return Ok(());
            }
            _ = queue.send(item).await;
        }
    }
    Ok(())
}

/// What shall be done with a listed object, and what is at its place; `None` when that is settled. Blocks.
fn item(desk: &Desk, bucket: &str, object: Object, strip: &str, root: &Path) -> Option<Item> {
    let path = object.key.strip_prefix(strip).unwrap_or(&object.key);
    if !desk.wishes.select.allows(path, object.size, object.last_modified) {
        return None;
    }
    let uri = S3Uri::new(bucket, &object.key);
    // The console makes such markers for folders; they hold nothing.
    if let (Some(folder), 0) = (object.key.strip_suffix('/'), object.size) {
        make_folder(desk, &uri, strip, folder, root);
        return None;
    }
    desk.tally.found(object.size);
    match safe_path(strip, &object.key) {
        Ok(relative) => {
            let target = Target { root: root.to_owned(), relative };
            let listed = Listed { size: object.size, modified: object.last_modified, etag: object.etag };
            let counted = listed.size;
            let mut item = Item { uri, version: None, listed: None, counted, target, anew: false, looked: None };
            item.looked = Some(item.look(desk, &listed));
            item.listed = Some(listed);
            Some(item)
        }
        Err(error) => {
            desk.tally.begin(&uri, object.size).give_up();
            desk.tell(Event::Failed(Failed { uri, error }));
            None
        }
    }
}

fn make_folder(desk: &Desk, uri: &S3Uri, strip: &str, folder: &str, root: &Path) {
    // The marker of the prefix itself: its folder is the chosen one.
    if folder.len() < strip.len() || desk.wishes.dry_run {
        return;
    }
    let made = safe_path(strip, folder).and_then(|relative| desk.folders.make(root, &relative));
    if let Err(error) = made {
        desk.tally.found(0);
        desk.tell(Event::Failed(Failed { uri: uri.clone(), error }));
    }
}
