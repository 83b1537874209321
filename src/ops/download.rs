//! Downloading: one object, a marked set, everything below a prefix. Files appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tempfile::TempPath;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::downloaded::{Ended, Record};
use super::{Core, held};
use crate::aws::s3::{Depth, S3};
use crate::domain::local_path::{folder_of, local_path};
use crate::domain::object::Entry;
use crate::domain::role::RoleIndex;
use crate::domain::transfer::{Active, Done, Event, Failed, IfExists, Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::files;
use crate::ops::control::Control;
use crate::ops::read::Reader;

/// Objects that are fetched at the same time.
const WORKERS: usize = 16;

/// Bytes are handed to the disk in pieces of at least this size, off the async threads.
const WRITE_SIZE: usize = 256 << 10;

/// What to download, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// One object.
    Object {
        /// Which.
        uri: S3Uri,
        /// Which version of it, where it is not the latest.
        version: Option<String>,
        /// Its size, when a listing told it.
        size: Option<u64>,
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
    fn uri(&self) -> &S3Uri {
        match self {
            Self::Object { uri, .. } | Self::Prefix { uri, .. } => uri,
        }
    }

    /// An object into a folder, under its own name.
    pub fn into_folder(uri: S3Uri, size: Option<u64>, root: &Path) -> Self {
        Self::Object { uri, version: None, size, to: To::Folder(root.to_owned()) }
    }

    /// An object into a file of the user's choice.
    pub fn into_file(uri: S3Uri, path: &Path) -> Self {
        Self::Object { uri, version: None, size: None, to: To::File(path.to_owned()) }
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

/// A file below a folder that the user chose.
#[derive(Clone, Debug)]
struct Target {
    root: PathBuf,
    /// From [`local_path`] or the user, never a key as it is.
    relative: PathBuf,
}

impl Target {
    fn new(uri: &S3Uri, to: To) -> Result<Self> {
        match to {
            To::Folder(root) => Ok(Self { relative: safe_path(folder_of(&uri.key), &uri.key)?, root }),
            To::Below { root, strip } => Ok(Self { relative: safe_path(&strip, &uri.key)?, root }),
            To::File(path) => {
                let name = path.file_name().ok_or_else(|| Error::usage(format!("{} names no file", path.display())))?;
                Ok(Self { root: path.parent().unwrap_or(Path::new("")).to_owned(), relative: name.into() })
            }
        }
    }
}

/// Hears how far the job is; called often, so it must be quick.
pub type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Hears what becomes of each object, as it happens.
pub type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// How a job goes about its objects.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// What happens to files that are there and differ.
    pub if_exists: IfExists,
}

/// A download that somebody wants.
#[derive(Clone)]
pub struct Job {
    /// What, and where to.
    pub picks: Vec<Pick>,
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
    pub fn new(picks: Vec<Pick>, wishes: Wishes, on_progress: OnProgress) -> Self {
        Self { picks, wishes, control: Control::default(), on_progress, on_event: Arc::new(|_| {}) }
    }
}

impl Core {
    /// Downloads all picks as `role`. What fails is in the summary, and the rest goes on; dropping the future cancels
    /// the job and leaves no half file. Either way the job is written down.
    pub async fn download(self: &Arc<Self>, role: RoleIndex, job: Job) -> Summary {
        let Job { picks, wishes, on_progress, on_event, .. } = job;
        let buckets = picks.iter().map(|pick| pick.uri().bucket.clone()).collect();
        let mut record = Record::new(self, role, buckets);
        let so_far = record.so_far();
        let on_progress: OnProgress = Arc::new(move |progress| {
            *held(&so_far) = (progress.objects, progress.bytes);
            on_progress(progress);
        });
        let summary = download(self.s3(role), picks, wishes.if_exists == IfExists::Overwrite, on_progress).await;
        for done in &summary.done {
            on_event(&Event::Written(done.clone()));
        }
        record.ended(Ended::of(&summary));
        summary
    }
}

async fn download(s3: S3, picks: Vec<Pick>, overwrite: bool, on_progress: OnProgress) -> Summary {
    let (sender, receiver) = mpsc::channel(1024);
    let job = Arc::new(Running {
        s3,
        overwrite,
        queue: Mutex::new(receiver),
        tally: Tally::default(),
        on_progress,
        summary: std::sync::Mutex::default(),
    });
    // The set aborts its tasks when it is dropped: that is how a cancelled job ends.
    let mut tasks = JoinSet::new();
    let producer = Arc::clone(&job);
    tasks.spawn(async move { producer.list(picks, sender).await });
    for _ in 0..WORKERS {
        let worker = Arc::clone(&job);
        tasks.spawn(async move { worker.work().await });
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended.map_err(|error| Error::Crashed { message: error.to_string() }) {
            job.failed(S3Uri::new("", ""), error);
        }
    }
    job.report("");
    let mut summary = job.summary();
    std::mem::take(&mut *summary)
}

struct Running {
    s3: S3,
    overwrite: bool,
    queue: Mutex<mpsc::Receiver<Item>>,
    tally: Tally,
    on_progress: OnProgress,
    summary: std::sync::Mutex<Summary>,
}

#[derive(Default)]
struct Tally {
    bytes: AtomicU64,
    total_bytes: AtomicU64,
    objects: AtomicU64,
    total_objects: AtomicU64,
    listed: AtomicBool,
}

struct Item {
    uri: S3Uri,
    version: Option<String>,
    /// When a listing told it: only that object is written.
    etag: Option<String>,
    /// What the totals already count of it.
    counted: u64,
    target: Target,
}

impl Running {
    /// Feeds the queue: single objects as they are, prefixes page by page.
    async fn list(&self, picks: Vec<Pick>, queue: mpsc::Sender<Item>) {
        for pick in picks {
            match pick {
                Pick::Object { uri, version, size, to } => {
                    self.count(size.unwrap_or(0));
                    match Target::new(&uri, to) {
                        Ok(target) => {
                            _ = queue.send(Item { uri, version, etag: None, counted: size.unwrap_or(0), target }).await;
                        }
                        Err(error) => self.failed(uri, error),
                    }
                }
                Pick::Prefix { uri, strip, root } => {
                    if let Err(error) = self.list_prefix(&uri, &strip, &root, &queue).await {
                        self.failed(uri, error);
                    }
                }
            }
        }
        self.tally.listed.store(true, Ordering::Relaxed);
        self.report("");
    }

    async fn list_prefix(&self, uri: &S3Uri, strip: &str, root: &Path, queue: &mpsc::Sender<Item>) -> Result<()> {
        let mut token = None;
        loop {
            let page = self.s3.page(uri, Depth::All, token.as_deref()).await?;
            for entry in page.entries {
                let Entry::Object(object) = entry else { continue };
                let uri = S3Uri::new(&uri.bucket, &object.key);
                // The console makes such markers for folders; they hold nothing.
                if let (Some(folder), 0) = (object.key.strip_suffix('/'), object.size) {
                    self.make_folder(&uri, strip, folder, root).await;
                    continue;
                }
                self.count(object.size);
                match safe_path(strip, &object.key) {
                    Ok(relative) => {
                        let target = Target { root: root.to_owned(), relative };
                        let item = Item { uri, version: None, etag: object.etag, counted: object.size, target };
                        // The workers are gone only when the job is.
                        _ = queue.send(item).await;
                    }
                    Err(error) => self.failed(uri, error),
                }
            }
            token = page.next;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    async fn make_folder(&self, uri: &S3Uri, strip: &str, folder: &str, root: &Path) {
        // The marker of the prefix itself: its folder is the chosen one.
        if folder.len() < strip.len() {
            return;
        }
        let root = root.to_owned();
        let made = match safe_path(strip, folder) {
            Ok(relative) => {
                blocking(move || make_root(&root).and_then(|()| files::folders_below(&root, &relative))).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = made {
            self.count(0);
            self.failed(uri.clone(), error);
        }
    }

    async fn work(&self) {
        loop {
            let Some(item) = self.queue.lock().await.recv().await else { return };
            self.report(&item.uri.key);
            match self.fetch(&item).await {
                Ok(done) => {
                    self.tally.objects.fetch_add(1, Ordering::Relaxed);
                    self.summary().add(&Event::Written(done));
                }
                Err(error) => self.failed(item.uri.clone(), error),
            }
            self.report(&item.uri.key);
        }
    }

    async fn fetch(&self, item: &Item) -> Result<Done> {
        let (target, overwrite) = (item.target.clone(), self.overwrite);
        let part = blocking(move || Part::open(&target, overwrite)).await?;
        let mut reader =
            Reader::new(self.s3.clone(), item.uri.clone(), item.etag.clone()).of_version(item.version.clone());
        let mut counted = item.counted;
        let mut written = 0;
        let mut buffer: Vec<u8> = Vec::new();
        loop {
            let next = reader.next().await?;
            let size = reader.size().unwrap_or(counted);
            self.recount(counted, size);
            counted = size;
            if let Some(bytes) = &next {
                self.tally.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                buffer.extend_from_slice(bytes);
            }
            if buffer.len() >= WRITE_SIZE || (next.is_none() && !buffer.is_empty()) {
                written += buffer.len() as u64;
                part.write(std::mem::take(&mut buffer)).await?;
                self.report(&item.uri.key);
            }
            if next.is_none() {
                break;
            }
        }
        let (path, modified) = (part.target.clone(), reader.last_modified());
        blocking(move || part.close(overwrite, modified)).await?;
        Ok(Done { uri: item.uri.clone(), path, size: written, checked: None })
    }

    fn count(&self, size: u64) {
        self.tally.total_objects.fetch_add(1, Ordering::Relaxed);
        self.tally.total_bytes.fetch_add(size, Ordering::Relaxed);
    }

    /// The answer knows the size better than the listing did, or the caller who had none.
    fn recount(&self, counted: u64, size: u64) {
        self.tally.total_bytes.fetch_add(size.wrapping_sub(counted), Ordering::Relaxed);
    }

    fn failed(&self, uri: S3Uri, error: Error) {
        self.tally.objects.fetch_add(1, Ordering::Relaxed);
        self.summary().add(&Event::Failed(Failed { uri, error }));
    }

    fn summary(&self) -> std::sync::MutexGuard<'_, Summary> {
        held(&self.summary)
    }

    fn report(&self, current: &str) {
        (self.on_progress)(&Progress {
            bytes: self.tally.bytes.load(Ordering::Relaxed),
            total_bytes: self.tally.total_bytes.load(Ordering::Relaxed),
            objects: self.tally.objects.load(Ordering::Relaxed),
            total_objects: self.tally.total_objects.load(Ordering::Relaxed),
            total_known: self.tally.listed.load(Ordering::Relaxed),
            active: vec![Active { key: current.to_owned(), ..Active::default() }],
            ..Progress::default()
        });
    }
}

/// A file that is being written beside its target; it vanishes when it is dropped.
struct Part {
    file: Arc<File>,
    temporary: TempPath,
    target: PathBuf,
}

impl Part {
    fn open(target: &Target, overwrite: bool) -> Result<Self> {
        let name = target.relative.file_name().ok_or_else(|| Error::usage("the target names no file"))?;
        let root = if target.root.as_os_str().is_empty() { Path::new(".") } else { &target.root };
        make_root(root)?;
        let folder = files::folders_below(root, target.relative.parent().unwrap_or(Path::new("")))?;
        let path = folder.join(name);
        // `./NAME` is NAME.
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {
                let both = io::Error::other("a folder stands there: a key is both an object and a folder of others");
                return Err(Error::file("write", &path)(both));
            }
            Ok(_) if !overwrite => return Err(Error::Exists { path }),
            _ => {}
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".xsw-").suffix(".part");
        // As any new file: the umask decides, not tempfile's 0600.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let made = builder.tempfile_in(&folder).map_err(Error::file("write in", &folder))?;
        let (file, temporary) = made.into_parts();
        Ok(Self { file: Arc::new(file), temporary, target: path })
    }

    async fn write(&self, piece: Vec<u8>) -> Result<()> {
        let (file, target) = (Arc::clone(&self.file), self.target.clone());
        blocking(move || (&*file).write_all(&piece).map_err(Error::file("write", &target))).await
    }

    /// Makes the file appear under its name.
    fn close(self, overwrite: bool, modified: Option<jiff::Timestamp>) -> Result<()> {
        let Self { file, temporary, target } = self;
        if let Some(modified) = modified {
            // For people and for `make`; nothing depends on it.
            _ = file.set_modified(modified.into());
        }
        file.sync_all().map_err(Error::file("write", &target))?;
        let named = if overwrite { temporary.persist(&target) } else { temporary.persist_noclobber(&target) };
        named.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: target.clone() },
            _ => Error::file("write", &target)(failed.error),
        })
    }
}

/// The chosen folder is the user's own: it may be made, and may be a symlink. What is below it comes from keys.
fn make_root(root: &Path) -> Result<()> {
    fs::create_dir_all(root).map_err(Error::file("make the folder", root))
}

fn safe_path(strip: &str, key: &str) -> Result<PathBuf> {
    local_path(strip, key).map_err(|reason| Error::UnsafeKey { key: key.to_owned(), reason })
}

/// Runs `work` where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Error::Crashed { message: error.to_string() }))
}
