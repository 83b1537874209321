//! Objects that the screen gives to a download: marked rows, of which a listing told size and time.

use std::fs::{self, File};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use xsw::demo::{Fault, Object};
use xsw::domain::transfer::{Event, IfExists, Listed, Summary};
use xsw::domain::uri::S3Uri;
use xsw::ops::download::{Answer, Job, Pick, Wishes};
use xsw::ops::transfer::retry::Patience;

use crate::stage::Stage;

const BUCKET: &str = "hub-artifacts";
const MIB: u64 = 1 << 20;

/// Sizes on both sides of what is held in memory, and of what one request brings.
const SIZES: [(&str, u64); 4] = [("empty", 0), ("small", 700), ("middle", 3 * MIB), ("large", 9 * MIB)];

struct Marked {
    stage: Stage,
    picks: Vec<Pick>,
    runtime: tokio::runtime::Runtime,
}

impl Marked {
    /// All of [`SIZES`] marked in a listing, whose rows keep no ETag.
    fn new() -> Self {
        let stage = Stage::new();
        for (name, size) in SIZES {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            stage.cloud().put_object(BUCKET, &format!("marked/{name}"), Object::new(bytes).aged(7200));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let core = stage.core();
        let s3 = core.s3(core.profile.find("hub/Developer").unwrap());
        let mut walk = xsw::ops::walk::Walk::new(s3, S3Uri::new(BUCKET, "marked/"));
        let mut picks = Vec::new();
        while let Some(objects) = runtime.block_on(walk.next()).unwrap() {
            picks.extend(objects.into_iter().map(|object| {
                let listed = Listed { size: object.size, modified: object.last_modified, etag: None };
                Pick::into_folder(S3Uri::new(BUCKET, object.key), Some(listed), &stage.path("out"))
            }));
        }
        assert_eq!(picks.len(), SIZES.len());
        Self { stage, picks, runtime }
    }

    fn download(&self, wishes: Wishes) -> Summary {
        let core = self.stage.core();
        let role = core.profile.find("hub/Developer").unwrap();
        self.runtime.block_on(core.download(role, Job::new(self.picks.clone(), wishes, Arc::new(|_| {}))))
    }

    /// HEAD and GET requests so far.
    fn asked(&self) -> (usize, usize) {
        (self.stage.cloud().calls("s3:HeadObject"), self.stage.cloud().calls("s3:GetObject"))
    }

    fn touch(&self) {
        for (name, _) in SIZES {
            let file = File::options().write(true).open(self.stage.path("out").join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        }
    }
}

#[test]
fn marked_rows_need_no_question_before_they_are_fetched() {
    let marked = Marked::new();
    let summary = marked.download(Wishes::default());
    assert_eq!((summary.written, summary.failures), (4, 0), "{summary:?}");
    for (name, size) in SIZES {
        assert_eq!(fs::metadata(marked.stage.path("out").join(name)).unwrap().len(), size, "{name}");
    }
    // Those that may be taken up later need their ETag; of the largest two ranges are fetched.
    assert_eq!(marked.asked(), (2, 5));
    // What is there needs nothing at all, whatever is done to files that differ: no row was named alone.
    for if_exists in [IfExists::Refuse, IfExists::Overwrite, IfExists::Rename] {
        let again = marked.download(Wishes { if_exists, ..Wishes::default() });
        assert_eq!((again.skipped, again.met()), (4, 4), "{again:?}");
    }
    assert_eq!(marked.asked(), (2, 5));
    // The times say nothing any more: the ETags do, which nobody has told yet.
    marked.touch();
    let again = marked.download(Wishes::default());
    assert_eq!((again.skipped, again.met()), (4, 4), "{again:?}");
    assert_eq!(marked.asked(), (6, 5));
}

#[test]
fn a_row_that_was_replaced_since_it_was_listed_comes_as_it_is_now() {
    let marked = Marked::new();
    marked.stage.cloud().put_object(BUCKET, "marked/small", Object::new("new").aged(60));
    marked.stage.cloud().put_object(BUCKET, "marked/large", Object::new("also new").aged(60));
    let summary = marked.download(Wishes::default());
    assert_eq!((summary.written, summary.failures), (4, 0), "{summary:?}");
    assert_eq!(fs::read(marked.stage.path("out/small")).unwrap(), b"new");
    assert_eq!(fs::read(marked.stage.path("out/large")).unwrap(), b"also new");
}

#[test]
fn what_came_twice_is_not_taken_for_an_earlier_run() {
    let marked = Marked::new();
    marked.stage.cloud().plan_for("s3:GetObject", "hub-artifacts/marked/small", 1, Fault::flip(1));
    let summary = marked.download(Wishes::default());
    assert_eq!((summary.written, summary.taken_up), (4, 0), "{summary:?}");
    assert_eq!(summary.fetched, summary.bytes + 700, "the small one came twice");
}

#[test]
fn an_unfinished_file_that_stays_is_counted() {
    let marked = Marked::new();
    // A few bytes come each time, which is no progress and yet worth keeping.
    marked.stage.cloud().plan_for("s3:GetObject", "hub-artifacts/marked/large", 99, Fault::cut(100));
    let few = Patience { failures: 1, ..Patience::default() };
    let summary = marked.download(Wishes { patience: few, ..Wishes::default() });
    assert_eq!((summary.written, summary.failures), (3, 1), "{summary:?}");
    let stays = marked.stage.path("out/.large.xsw-part").exists();
    assert!(stays && summary.left == 1, "{summary:?}");
}

#[test]
fn an_object_whose_task_crashed_is_named() {
    let marked = Marked::new();
    fs::create_dir(marked.stage.path("out")).unwrap();
    fs::write(marked.stage.path("out/small"), "mine").unwrap();
    let asked = Wishes {
        if_exists: IfExists::Ask,
        ask: Some(Arc::new(|_| -> Answer<IfExists> { panic!("nobody may ask") })),
        ..Wishes::default()
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let core = marked.stage.core();
    let job = Job {
        on_event: Arc::new(move |event| {
            if let Event::Failed(failed) = event {
                hears.lock().unwrap().push(failed.to_string());
            }
        }),
        ..Job::new(marked.picks.clone(), asked, Arc::new(|_| {}))
    };
    let summary = marked.runtime.block_on(core.download(core.profile.find("hub/Developer").unwrap(), job));
    assert_eq!((summary.written, summary.failures, summary.met()), (3, 1, 4), "{summary:?}");
    let told = told.lock().unwrap();
    assert!(told[0].starts_with("s3://hub-artifacts/marked/small: ") && told[0].contains("nobody may ask"), "{told:?}");
}
