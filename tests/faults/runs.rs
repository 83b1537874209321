//! A thousand downloads through faults of every kind: whatever goes wrong, a file is whole and right or not there,
//! nothing else is left behind, the counts agree, and the next run brings what is missing.
//!
//! The seed decides what goes wrong, not when: a run that failed is repeated with `XSW_TEST_SEED=number`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use xsw::config::{Places, load};
use xsw::demo::{Fault, Object, Visit, World, allow};
use xsw::domain::checksum::Algorithm;
use xsw::domain::role::RoleIndex;
use xsw::domain::transfer::{Event, IfExists, Listed, Progress, Summary};
use xsw::domain::uri::S3Uri;
use xsw::local::environment::Environment;
use xsw::ops::download::{Answer, Job, OnHalt, Pick, To, Wishes};
use xsw::ops::transfer::retry::Patience;
use xsw::ops::{Core, MfaHint};

use super::proxy::{Faults, Kind, Proxy};

/// Runs of the test, and how many of them are on at once.
const RUNS: u64 = 1000;
const LANES: usize = 8;

const BUCKET: &str = "hub-artifacts";

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Whatever a run waits for, it does not wait for that long.
const DEADLINE: Duration = Duration::from_secs(120);

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }

    fn milliseconds(&mut self, most: u64) -> Duration {
        Duration::from_micros(self.below(1000 * most))
    }
}

/// How an object was uploaded, and with what a download can compare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upload {
    With(Algorithm),
    Parts(Algorithm),
    Kms(Algorithm),
}

const UPLOADS: &[(Upload, Option<&str>)] = &[
    (Upload::With(Algorithm::Crc64Nvme), Some("CRC64NVME")),
    (Upload::With(Algorithm::Crc32), Some("CRC32")),
    (Upload::With(Algorithm::Crc32c), Some("CRC32C")),
    (Upload::With(Algorithm::Sha1), Some("SHA1")),
    (Upload::With(Algorithm::Sha256), Some("SHA256")),
    (Upload::With(Algorithm::Md5), Some("MD5")),
    (Upload::Parts(Algorithm::Crc64Nvme), Some("CRC64NVME")),
    (Upload::Parts(Algorithm::Sha256), None),
    (Upload::Parts(Algorithm::Md5), None),
    (Upload::Kms(Algorithm::Crc64Nvme), Some("CRC64NVME")),
    (Upload::Kms(Algorithm::Md5), None),
];

impl Upload {
    fn object(self, bytes: Vec<u8>) -> Object {
        let part = (bytes.len() as u64 / 3).max(1);
        let object = Object::new(bytes);
        match self {
            Self::With(algorithm) => object.checksum(algorithm),
            Self::Parts(algorithm) => object.checksum(algorithm).multipart(part),
            Self::Kms(algorithm) => object.checksum(algorithm).kms("arn:aws:kms:ap-northeast-1:111111111111:key/1"),
        }
    }
}

/// An object of a run, the file it becomes, and what may be in that: the newest version last.
#[derive(Clone)]
struct Thing {
    key: String,
    file: PathBuf,
    upload: Upload,
    checked: Option<&'static str>,
    versions: Vec<Arc<Vec<u8>>>,
}

/// What goes wrong in a run.
#[derive(Debug)]
enum Trouble {
    /// Answers, at the proxy.
    Answers(Faults),
    /// Bodies that stand still.
    Stalls,
    /// Sessions end on the way.
    Sessions,
    /// AWS says so without a reason.
    ExpiredToken,
    /// Objects are replaced on the way.
    Replaced,
    /// The job is cancelled.
    Cancelled,
}

/// A cloud with a proxy before it, and xsw's core behind that.
struct Lane {
    visit: Visit,
    proxy: Proxy,
    core: Arc<Core>,
    role: RoleIndex,
    home: tempfile::TempDir,
    large: Vec<Thing>,
    /// How often the proxy did what.
    met: Mutex<BTreeMap<Kind, usize>>,
}

/// Bodies alone: what the SDK asks for again by itself would cost whole seconds.
fn meant(line: &str) -> bool {
    line.starts_with("GET /hub-artifacts/run-") || line.starts_with("GET /hub-artifacts/large-")
}

impl Lane {
    async fn new() -> Self {
        let mut world = World::demo();
        let roles = &mut world.accounts.iter_mut().find(|account| account.id == "111111111111").unwrap().roles;
        let developer = roles.iter_mut().find(|role| role.name == "Developer").unwrap();
        developer.policies.push(("Keys".into(), allow(&["kms:*"], &["*"])));
        let visit = Visit::to(world).await.unwrap();
        let proxy = Proxy::start(&visit.cloud().endpoint_url(), Faults::none());
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        let text = fs::read_to_string(visit.profile_file()).unwrap();
        fs::write(&file, text.replace(&visit.cloud().endpoint_url(), &proxy.url())).unwrap();
        let environment = visit.environment(Environment::default());
        let places = Places {
            named: Some(file.clone()),
            default_file: file,
            aws_config: environment.aws_config(),
            aws_credentials: environment.aws_credentials(),
            snapshot: None,
        };
        let profile = load(&places).unwrap().profile;
        let core = Core::new(profile, environment, None, MfaHint::default());
        let role = core.profile.find("hub/Developer").unwrap();
        let mut large = Vec::new();
        let mut dice = Dice(42);
        for (number, size) in [MIB + 1, 8 * MIB, 8 * MIB + 1, 3 * MIB].into_iter().enumerate() {
            for upload in [UPLOADS[number], UPLOADS[5], UPLOADS[8]] {
                let (key, bytes) = (format!("large-{}", large.len()), dice.bytes(size));
                visit.cloud().put_object(BUCKET, &key, upload.0.object(bytes.clone()));
                let file = PathBuf::from(&key);
                large.push(Thing { key, file, upload: upload.0, checked: upload.1, versions: vec![Arc::new(bytes)] });
            }
        }
        Self { visit, proxy, core, role, home, large, met: Mutex::default() }
    }

    /// Objects of a new run, in the bucket.
    fn things(&self, seed: u64, dice: &mut Dice) -> Vec<Thing> {
        let number = 1 + dice.below(8);
        let mut things = Vec::new();
        for place in 0..number {
            let size = match dice.below(20) {
                0 => 0,
                1 => 1,
                2 | 3 => 16 * KIB,
                4 => 300 * KIB,
                5 if dice.one_in(4) => MIB,
                6 if dice.one_in(4) => MIB + 1,
                _ => dice.below(40 * KIB as u64) as usize,
            };
            let (upload, checked) = *dice.of(UPLOADS);
            let folder = if dice.one_in(3) { format!("folder-{place}/") } else { String::new() };
            let file = PathBuf::from(format!("{folder}{place}.bin"));
            let key = format!("run-{seed}/{}", file.display());
            let bytes = dice.bytes(size);
            let mut object = upload.object(bytes.clone());
            // As it was written long before: what replaces it is of another second.
            object.modified = "2026-01-01T00:00:00Z".parse().unwrap();
            self.visit.cloud().put_object(BUCKET, &key, object);
            things.push(Thing { key, file, upload, checked, versions: vec![Arc::new(bytes)] });
        }
        things
    }

    fn job(&self, picks: Vec<Pick>, if_exists: IfExists, patience: Patience, watched: &Watched) -> Job {
        let (core, role) = (Arc::clone(&self.core), self.role);
        let on_halt = OnHalt::Ask(Arc::new(move |_| -> Answer<()> {
            let core = Arc::clone(&core);
            Box::pin(async move { core.session_asked(role, None).await.map(|_| ()) })
        }));
        let wishes = Wishes { if_exists, on_halt, patience, ..Wishes::default() };
        let (last, events) = (Arc::clone(&watched.last), Arc::clone(&watched.events));
        Job {
            on_event: Arc::new(move |event| events.lock().unwrap().push(event.clone())),
            ..Job::new(picks, wishes, Arc::new(move |now| last.lock().unwrap().clone_from(now)))
        }
    }

    async fn run(&self, seed: u64) {
        let mut dice = Dice(seed ^ 0xd1ce);
        let is_large = dice.one_in(25);
        let mut things = match is_large {
            true => (0..=dice.below(2)).map(|_| dice.of(&self.large).clone()).collect(),
            false => self.things(seed, &mut dice),
        };
        things.dedup_by(|one, other| one.key == other.key);
        let folder = tempfile::tempdir_in(self.home.path()).unwrap();
        let root = folder.path().join("target");
        let recursive = !is_large && dice.one_in(2);
        // As a marked set of the screen's flat view does.
        let below = !is_large && dice.one_in(2);
        if !recursive {
            things.truncate(1 + dice.below(4) as usize);
        }
        if !recursive && !below {
            things.iter_mut().for_each(|thing| thing.file = thing.file.file_name().unwrap().into());
        }
        let size_known = dice.one_in(2);
        let picks: Vec<Pick> = match recursive {
            true => vec![Pick::below(S3Uri::new(BUCKET, format!("run-{seed}/")), &root)],
            false => {
                let size = |thing: &Thing| thing.versions[0].len() as u64;
                let listed = |thing: &Thing| size_known.then(|| Listed { size: size(thing), ..Listed::default() });
                let pick = |thing: &Thing| {
                    let (uri, listed) = (S3Uri::new(BUCKET, &thing.key), listed(thing));
                    let to = To::Below { root: root.clone(), strip: format!("run-{seed}/") };
                    match below {
                        true => Pick::Object { uri, version: None, listed, to },
                        false => Pick::into_folder(uri, listed, &root),
                    }
                };
                things.iter().map(pick).collect()
            }
        };
        let trouble = self.trouble(seed, &things, is_large, &mut dice);
        // So few that the patience is enough for all of them together, if they all hit the same object.
        let harmless = match &trouble {
            Trouble::Answers(faults) => faults.most.is_some_and(|most| most <= 3),
            _ => true,
        };
        let silence = match &trouble {
            Trouble::Stalls => Duration::from_millis(60),
            Trouble::Answers(faults) if faults.stall > 0.0 => Duration::from_millis(150),
            _ => Duration::from_secs(20),
        };
        let patience = Patience { silence, pause: Duration::from_millis(1), failures: 6 };
        let watched = Watched::default();
        let job = self.job(picks.clone(), IfExists::Refuse, patience, &watched);
        let (core, role) = (Arc::clone(&self.core), self.role);
        let told = format!("{trouble:?}");
        let mut running = tokio::spawn(async move { core.download(role, job).await });
        match trouble {
            Trouble::Cancelled => {
                tokio::time::sleep(dice.milliseconds(if is_large { 400 } else { 40 })).await;
                running.abort();
                _ = (&mut running).await;
                self.settled(&root).await;
                check_files(&root, &things, &told);
            }
            trouble => {
                let meanwhile = self.meanwhile(&trouble, &mut things, &mut dice);
                let (summary, ()) = tokio::join!(&mut running, meanwhile);
                let summary = summary.unwrap();
                let all = [Kind::Reset, Kind::Truncated, Kind::Flipped, Kind::InternalError, Kind::SlowDown];
                let mut met = self.met.lock().unwrap();
                for kind in all.into_iter().chain([Kind::Stall, Kind::Closed]) {
                    *met.entry(kind).or_default() += self.proxy.count(kind);
                }
                drop(met);
                let there = check_files(&root, &things, &told);
                check_counts(&summary, &watched, &things, &there, &told);
                if harmless {
                    assert_eq!(summary.failures, 0, "{told}: {:?}", summary.failed);
                }
            }
        }

        // The same again with nothing in the way.
        self.proxy.plan(Faults::none());
        let patience = Patience { pause: Duration::from_millis(1), ..Patience::default() };
        let mut watched = Watched::default();
        let job = self.job(picks.clone(), IfExists::Overwrite, patience, &watched);
        let mut summary = self.core.download(self.role, job).await;
        if summary.failed.iter().any(|failed| failed.error.to_string().contains("another xsw")) {
            // The cancelled one had a last write in the kernel.
            tokio::time::sleep(Duration::from_millis(500)).await;
            watched = Watched::default();
            summary = self.core.download(self.role, self.job(picks, IfExists::Overwrite, patience, &watched)).await;
        }
        assert_eq!(summary.failures, 0, "the faultless run after {told}: {:?}", summary.failed);
        let there = check_files(&root, &things, &told);
        assert_eq!(there.len(), things.len(), "after {told}");
        for thing in &things {
            let newest = thing.versions.last().unwrap();
            assert!(there[&thing.file] == ***newest, "{} is an old one after {told}", thing.key);
        }
        check_counts(&summary, &watched, &things, &there, &told);
        let parts: Vec<PathBuf> = files(&root).into_keys().filter(|file| is_part(file)).collect();
        assert!(parts.is_empty(), "{parts:?} after {told}");
        for thing in things.iter().filter(|_| !is_large) {
            self.visit.cloud().remove_object(BUCKET, &thing.key);
        }
    }

    /// Plans what goes wrong.
    fn trouble(&self, seed: u64, things: &[Thing], is_large: bool, dice: &mut Dice) -> Trouble {
        let chosen = if is_large { dice.below(70) } else { dice.below(100) };
        match chosen {
            0..60 => {
                let mut faults =
                    Faults { meant: Some(meant), ..Faults::all(seed, 0.05 + dice.below(60) as f64 / 100.0) };
                // Before the body it would be the SDK's time that runs out.
                faults.stall = if is_large { 0.02 } else { 0.0 };
                if things.iter().any(|thing| thing.checked.is_none()) {
                    // Nobody can say that such an object is wrong.
                    faults.flipped = 0.0;
                }
                if dice.one_in(2) {
                    faults.most = Some(dice.below(6) as usize);
                }
                self.proxy.plan(faults.clone());
                Trouble::Answers(faults)
            }
            60..70 => Trouble::Cancelled,
            70..76 => {
                for _ in 0..1 + dice.below(3) {
                    let thing = dice.of(things);
                    let place = dice.below(thing.versions[0].len() as u64);
                    self.plan(thing, Fault::stall(place), 1);
                }
                Trouble::Stalls
            }
            76..84 => {
                self.cuts(things, dice);
                Trouble::Sessions
            }
            84..90 => {
                let times = 1 + dice.below(3) as usize;
                self.plan(dice.of(things), Fault::error(400, "ExpiredToken"), times);
                Trouble::ExpiredToken
            }
            _ => {
                self.cuts(things, dice);
                Trouble::Replaced
            }
        }
    }

    fn plan(&self, thing: &Thing, fault: Fault, times: usize) {
        self.visit.cloud().plan_for("s3:GetObject", &format!("{BUCKET}/{}", thing.key), times, fault);
    }

    /// So that bodies have a middle in which something else can happen.
    fn cuts(&self, things: &[Thing], dice: &mut Dice) {
        for thing in things {
            for _ in 0..dice.below(3) {
                let place = dice.below(thing.versions[0].len() as u64);
                self.plan(thing, Fault::cut(place), 1);
            }
        }
    }

    /// What happens while the run is on.
    async fn meanwhile(&self, trouble: &Trouble, things: &mut [Thing], dice: &mut Dice) {
        match trouble {
            Trouble::Sessions => {
                for _ in 0..1 + dice.below(2) {
                    tokio::time::sleep(dice.milliseconds(20)).await;
                    self.visit.cloud().expire_sessions();
                }
            }
            Trouble::Replaced => {
                for second in 1..2 + dice.below(2) {
                    tokio::time::sleep(dice.milliseconds(30)).await;
                    let place = dice.below(things.len() as u64) as usize;
                    let thing = &mut things[place];
                    // Of the same length half of the time: then nothing but the ETag tells.
                    let length = thing.versions[0].len();
                    let length = if dice.one_in(2) { length } else { dice.below(length as u64 + 100) as usize };
                    let bytes = dice.bytes(length);
                    let mut object = thing.upload.object(bytes.clone());
                    object.modified = format!("2026-02-01T00:00:0{second}Z").parse().unwrap();
                    self.visit.cloud().put_object(BUCKET, &thing.key, object);
                    thing.versions.push(Arc::new(bytes));
                }
            }
            _ => {}
        }
    }

    /// Waits until nobody writes any more below the folder.
    async fn settled(&self, root: &Path) {
        tokio::time::sleep(Duration::from_millis(30)).await;
        for file in files(root).into_keys().filter(|file| is_part(file)) {
            let Ok(file) = fs::File::open(root.join(file)) else { continue };
            while file.try_lock().is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// What a job told.
#[derive(Default)]
struct Watched {
    last: Arc<Mutex<Progress>>,
    events: Arc<Mutex<Vec<Event>>>,
}

fn is_part(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "xsw-part")
}

/// Every file below a folder, with its bytes.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if let Ok(bytes) = fs::read(&path) {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// Every file is whole and right, or not there, and nothing else is but the parts of large ones. Gives the whole ones.
fn check_files(root: &Path, things: &[Thing], told: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut left = files(root);
    let mut whole = BTreeMap::new();
    for thing in things {
        let part = thing.file.with_file_name(format!(".{}.xsw-part", thing.file.file_name().unwrap().display()));
        let is_large = thing.versions.iter().any(|version| version.len() > MIB);
        if left.remove(&part).is_some() {
            assert!(is_large && !left.contains_key(&thing.file), "{} should not be there: {told}", part.display());
        }
        if let Some(bytes) = left.remove(&thing.file) {
            let right = thing.versions.iter().any(|version| ***version == *bytes);
            let lengths: Vec<usize> = thing.versions.iter().map(|version| version.len()).collect();
            assert!(right, "{} is wrong: {} bytes of {lengths:?}: {told}", thing.key, bytes.len());
            whole.insert(thing.file.clone(), bytes);
        }
    }
    assert!(left.is_empty(), "files of nobody: {:?}: {told}", left.keys());
    whole
}

/// The summary, the events and the last progress tell the same, and what is true.
fn check_counts(
    summary: &Summary,
    watched: &Watched,
    things: &[Thing],
    there: &BTreeMap<PathBuf, Vec<u8>>,
    told: &str,
) {
    let (progress, events) = (watched.last.lock().unwrap().clone(), watched.events.lock().unwrap().clone());
    let count = things.len() as u64;
    assert!(summary.stopped.is_none(), "{told}: {summary:?}");
    assert_eq!(summary.met(), count, "{told}: {summary:?}");
    assert_eq!(summary.written + summary.skipped, there.len() as u64, "{told}: {summary:?}");
    assert_eq!(summary.failures, summary.failed.len() as u64, "{told}");
    let mut written = 0;
    let mut unchecked = 0;
    let mut ended = BTreeSet::new();
    for event in &events {
        let uri = match event {
            Event::Written(done) => {
                let thing = things.iter().find(|thing| thing.key == done.uri.key).unwrap();
                assert_eq!(done.size, there[&thing.file].len() as u64, "{told}");
                assert_eq!(done.checked, thing.checked, "{told}: {}", thing.key);
                written += done.size;
                unchecked += u64::from(done.checked.is_none());
                &done.uri
            }
            Event::Skipped(done, _) => &done.uri,
            Event::Failed(failed) => {
                let thing = things.iter().find(|thing| thing.key == failed.uri.key).unwrap();
                assert!(!there.contains_key(&thing.file), "{told}: {failed}");
                &failed.uri
            }
            Event::Note(..) => continue,
        };
        assert!(ended.insert(uri.key.clone()), "{} ended twice: {told}", uri.key);
    }
    assert_eq!((ended.len() as u64, summary.bytes, summary.unchecked), (count, written, unchecked), "{told}");
    assert_eq!((progress.objects, progress.total_objects, progress.total_known), (count, count, true), "{told}");
    assert_eq!(progress.failed, summary.failures, "{told}");
    let bytes: u64 = there.values().map(|bytes| bytes.len() as u64).sum();
    assert_eq!((progress.bytes, progress.total_bytes), (bytes, bytes), "{told}: {progress:?}");
    assert!(progress.spared <= progress.bytes && progress.active.is_empty() && progress.halt.is_none(), "{told}");
}

#[test]
fn a_thousand_downloads_through_faults() {
    let only: Option<u64> = std::env::var("XSW_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let runs = std::env::var("XSW_TEST_RUNS").ok().map_or(RUNS, |runs| runs.parse().expect("a number"));
    let next = Arc::new(AtomicU64::new(only.unwrap_or(0)));
    let end = only.map_or(runs, |seed| seed + 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    let (failed, met) = runtime.block_on(async {
        let mut lanes = JoinSet::new();
        for _ in 0..if only.is_some() { 1 } else { LANES } {
            let next = Arc::clone(&next);
            lanes.spawn(async move {
                let lane = Arc::new(Lane::new().await);
                let mut failed = Vec::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    lane.proxy.plan(Faults::none());
                    let running = Arc::clone(&lane);
                    let run = tokio::spawn(async move {
                        let ended = tokio::time::timeout(DEADLINE, running.run(seed)).await;
                        assert!(ended.is_ok(), "it does not end");
                    });
                    if let Err(error) = run.await {
                        eprintln!("XSW_TEST_SEED={seed} fails: {error}");
                        failed.push(seed);
                    }
                }
                (failed, lane.met.lock().unwrap().clone())
            });
        }
        let mut met = BTreeMap::<Kind, usize>::new();
        let mut failed = Vec::new();
        for (of_lane, kinds) in lanes.join_all().await {
            failed.extend(of_lane);
            kinds.into_iter().for_each(|(kind, times)| *met.entry(kind).or_default() += times);
        }
        (failed, met)
    });
    runtime.shutdown_background();
    assert_eq!(failed, [0; 0], "these seeds failed");
    if end - only.unwrap_or(0) >= 200 {
        assert!(met.len() == 7 && met.values().all(|times| *times > 0), "not everything went wrong: {met:?}");
    }
    println!("{met:?}");
}
