//! Large copies, many small ones, and copies that are killed: the same command goes on where it was.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use xsw::demo::{Fault, Object, Series};

use crate::cp::{SOURCE, TARGET, cp, stage, text};
use crate::home::{STATE, Said};
use crate::stage::Stage;

const MIB: u64 = 1 << 20;

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(120);

/// A copy in a process of its own, which ends with the test.
struct Running(Option<Child>);

impl Running {
    fn start(stage: &Stage, words: &[&str]) -> Self {
        let mut command = stage.xsw(["cp", "--from", "a/Reader"].iter().chain(words));
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Lets it go on until it is so, and kills it.
    #[track_caller]
    fn killed_when(mut self, is_so: impl FnMut() -> bool) {
        self.waits_until(is_so);
        let id = self.0.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), Signal::KILL).unwrap();
        assert_eq!(self.0.take().unwrap().wait().unwrap().code(), None, "it was killed while it ran");
    }

    /// Lets it go on until it is so.
    #[track_caller]
    fn waits_until(&mut self, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < DEADLINE, "it is never so");
            assert!(!self.has_ended(), "{:?}", self.0.take().unwrap().wait_with_output());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

fn journals(stage: &Stage) -> usize {
    // Beside each lies the lock of the run that works on it.
    stage.files(&format!("{STATE}/uploads")).iter().filter(|name| name.ends_with(".json")).count()
}

/// The copy is whole: nothing is left that would cost money, nothing is remembered of it here.
#[track_caller]
fn is_whole(stage: &Stage, source: &str, target: &str) {
    let (source, copy) = (stage.cloud().object(SOURCE, source).unwrap(), stage.cloud().object(TARGET, target).unwrap());
    let length = source.length();
    assert_eq!(copy.length(), length);
    // The ends of all parts, and something in between.
    let places = (0..=length / (8 * MIB)).map(|part| part * 8 * MIB).chain([length]);
    for place in places {
        let range = place.saturating_sub(100)..(place + 100).min(length);
        assert_eq!(copy.read(range.clone()), source.read(range.clone()), "{range:?}");
    }
    assert_eq!((stage.cloud().uploads(TARGET), journals(stage)), (0, 0), "{:?}", stage.files(STATE));
}

#[test]
fn six_gigabytes_that_are_killed_three_times_are_copied_once() {
    const PARTS: usize = (6_usize << 10).div_ceil(17);
    let stage = stage();
    let cloud = stage.cloud();
    // As it is in parts and tagged, so is the copy.
    let big = Object::made(6 << 30, 7).multipart(17 * MIB);
    cloud.put_object(SOURCE, "big", big.tag("team", "blue").metadata("of", "me"));
    cloud.plan("s3:UploadPartCopy", 4 * PARTS, Fault::slow(Duration::from_millis(150)));
    let words = ["--to", "b/Copier", "s3://src-data/big", "s3://dst-data/big"];
    let calls = || cloud.calls("s3:UploadPartCopy");
    for share in [1, 2, 3] {
        Running::start(&stage, &words).killed_when(|| calls() > share * PARTS / 4);
        assert!(cloud.object(TARGET, "big").is_none(), "half of it is no object");
        assert_eq!((cloud.uploads(TARGET), journals(&stage)), (1, 1), "one upload, which is taken up again");
    }
    let said = cp(&stage, "b/Copier", &words[2..]);
    assert!(said.err.contains("were there from an earlier run"), "{said:?}");
    said.done();
    is_whole(&stage, "big", "big");
    let copy = cloud.object(TARGET, "big").unwrap();
    assert_eq!((copy.tags.len(), copy.metadata.len()), (1, 1));
    // Each run tries one part at first, and has 64 on the way when it is killed.
    assert!((PARTS + 4..=PARTS + 4 + 3 * 64).contains(&calls()), "{} calls", calls());
    assert_eq!(cloud.calls("s3:CompleteMultipartUpload"), 1);
    assert_eq!((cloud.calls("s3:CopyObject"), cloud.calls("s3:PutObject")), (0, 0));
    // It is there now.
    let again = cp(&stage, "b/Copier", &words[2..]);
    assert!(again.err.ends_with("note: 1 left as it is\n"), "{again:?}");
    assert_eq!(cloud.calls("s3:CompleteMultipartUpload"), 1);
}

#[test]
fn ten_thousand_objects_that_are_killed_three_times_are_copied_once() {
    const COUNT: usize = 10_000;
    let mut world = crate::cp::world(&crate::cp::reading(), &crate::cp::writing());
    let modified = jiff::Timestamp::now() - Duration::from_secs(3600);
    let (prefix, suffix) = ("many/".to_owned(), ".json".to_owned());
    let series = Series { prefix, count: COUNT as u64, digits: 5, suffix, size: 64, modified };
    let bucket = world.accounts[0].buckets.remove(0);
    world.accounts[0].buckets.push(bucket.series(series));
    let stage = crate::cp::stage_of(world);
    let cloud = stage.cloud();
    let words = ["--to", "b/Copier", "-r", "s3://src-data/many/", "s3://dst-data/many/"];
    let calls = || cloud.calls("s3:CopyObject");
    for share in [1, 2, 3] {
        Running::start(&stage, &words).killed_when(|| calls() > share * COUNT / 4);
    }
    cp(&stage, "b/Copier", &words[2..]).done();
    assert_eq!(cloud.keys(TARGET).len(), COUNT);
    let equal = |key: &String| cloud.object(TARGET, key).unwrap().bytes() == cloud.object(SOURCE, key).unwrap().bytes();
    assert!(cloud.keys(TARGET).iter().all(equal));
    // What was on the way when a run was killed may have been copied without its knowing.
    assert!((COUNT..=COUNT + 3 * 192).contains(&calls()), "{} calls", calls());
    assert_eq!((cloud.uploads(TARGET), journals(&stage)), (0, 0));
    let before = calls();
    let again = cp(&stage, "b/Copier", &words[2..]);
    assert!(again.err.ends_with("note: 10,000 left as they are\n"), "{again:?}");
    assert_eq!(calls(), before);
}

#[test]
fn a_streamed_copy_that_is_killed_goes_on_where_it_was() {
    const SIZE: u64 = 40 * MIB + 12_345;
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(SIZE, 1));
    let words = ["--to", "b/Writer", "s3://src-data/blob", "s3://dst-data/blob"];
    let before = cloud.body_bytes();
    // Two of six parts do not arrive before it is killed.
    cloud.plan("s3:UploadPart", 2, Fault::slow(DEADLINE));
    Running::start(&stage, &words).killed_when(|| cloud.uploaded_parts(TARGET) == 4);
    assert_eq!((cloud.keys(TARGET).len(), cloud.uploads(TARGET), journals(&stage)), (0, 1, 1));
    let said = cp(&stage, "b/Writer", &words[2..]);
    assert!(said.err.contains("were there from an earlier run"), "{said:?}");
    said.done();
    is_whole(&stage, "blob", "blob");
    // All but what the first run had not finished is read once.
    let read = cloud.body_bytes() - before;
    assert!(read <= SIZE + 2 * 8 * MIB + 100, "{read} bytes of {SIZE}");
}

#[test]
fn an_upload_whose_source_was_replaced_is_not_taken_up() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(20 * MIB, 1).paced(8 * MIB));
    let words = ["--to", "b/Writer", "s3://src-data/blob", "s3://dst-data/blob"];
    Running::start(&stage, &words).killed_when(|| cloud.calls("s3:UploadPart") >= 1);
    cloud.put_object(SOURCE, "blob", Object::made(20 * MIB, 2));
    let said = cp(&stage, "b/Writer", &words[2..]);
    assert!(!said.err.contains("were there from an earlier run"), "{said:?}");
    said.done();
    is_whole(&stage, "blob", "blob");
    assert_eq!(stage.files(&format!("{STATE}/uploads")).len(), 0);
    let (source, copy) = (cloud.object(SOURCE, "blob").unwrap(), cloud.object(TARGET, "blob").unwrap());
    assert!(source.bytes() == copy.bytes());
}

#[test]
fn of_two_runs_of_one_copy_the_second_waits() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(20 * MIB, 1));
    let words = ["--to", "b/Writer", "s3://src-data/blob", "s3://dst-data/blob"];
    cloud.plan("s3:UploadPart", 1, Fault::slow(Duration::from_secs(4)));
    let mut first = Running::start(&stage, &words);
    first.waits_until(|| cloud.uploaded_parts(TARGET) >= 1);
    let second = cp(&stage, "b/Writer", &words[2..]);
    assert!(second.err.contains("another run copies it to s3://dst-data/blob"), "{second:?}");
    assert!(second.err.ends_with("note: 1 left as it is\n"), "{second:?}");
    second.done();
    first.waits_until(|| cloud.object(TARGET, "blob").is_some());
    assert!(first.0.take().unwrap().wait().unwrap().success());
    assert_eq!(cloud.calls("s3:CompleteMultipartUpload"), 1);
    is_whole(&stage, "blob", "blob");
    assert_eq!(stage.files(&format!("{STATE}/uploads")).len(), 0);
}

#[test]
fn what_a_copy_is_tried_with_is_given_up_also_when_it_is_interrupted() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.plan("s3:UploadPartCopy", 1, Fault::slow(Duration::from_secs(2)));
    let words = ["--to", "b/Copier", "s3://src-data/in/b.csv", "s3://dst-data/"];
    let mut run = Running::start(&stage, &words);
    run.waits_until(|| cloud.uploads(TARGET) == 1);
    kill_process(Pid::from_raw(run.0.as_ref().unwrap().id().cast_signed()).unwrap(), Signal::INT).unwrap();
    assert!(!run.0.take().unwrap().wait().unwrap().success());
    assert_eq!((cloud.uploads(TARGET), cloud.calls("s3:CopyObject")), (0, 0));
}

/// Somebody else gives the upload up at its end, and what is there is not what it would have become.
#[test]
fn an_upload_that_is_no_more_is_a_copy_only_if_its_object_is_there() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(20 * MIB, 1));
    cloud.put_object(TARGET, "blob", Object::made(20 * MIB, 2).aged(3600));
    cloud.plan("s3:CompleteMultipartUpload", 1, Fault::error(404, "NoSuchUpload"));
    cp(&stage, "b/Writer", &["--force", "s3://src-data/blob", "s3://dst-data/blob"]).done();
    is_whole(&stage, "blob", "blob");
}

/// The ETag of an object in parts tells the size of the parts, and so does that of a copy in the same parts.
#[test]
fn a_source_in_parts_is_copied_in_the_same_parts() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(13 * MIB, 3).multipart(5 * MIB));
    cp(&stage, "b/Writer", &["s3://src-data/blob", "s3://dst-data/streamed"]).done();
    is_whole(&stage, "blob", "streamed");
    let source = cloud.object(SOURCE, "blob").unwrap();
    assert_eq!(source.etag(), cloud.object(TARGET, "streamed").unwrap().etag());
    assert!(source.etag().ends_with("-3"), "{}", source.etag());

    cloud.put_object(SOURCE, "large", Object::made(100 * MIB, 3).multipart(25 * MIB));
    cp(&stage, "b/Copier", &["s3://src-data/large", "s3://dst-data/large"]).done();
    is_whole(&stage, "large", "large");
    // One is the one that was tried with.
    assert_eq!((cloud.calls("s3:UploadPartCopy"), cloud.calls("s3:CopyObject")), (1 + 4, 0));
}

#[test]
fn parts_that_come_damaged_are_found_and_copied_anew() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(16 * MIB + 5, 4));
    // The first answer is the byte that everything is tried with.
    cloud.plan_for("s3:GetObject", "src-data/blob", 2, Fault::flip(0));
    let said = cp(&stage, "b/Writer", &["--streamed", "s3://src-data/blob", "s3://dst-data/blob"]);
    assert!(said.err.contains("s3://src-data/blob came damaged; it is copied anew"), "{said:?}");
    said.done();
    let (source, copy) = (cloud.object(SOURCE, "blob").unwrap(), cloud.object(TARGET, "blob").unwrap());
    assert!(source.bytes() == copy.bytes());
    assert_eq!((cloud.uploads(TARGET), journals(&stage)), (0, 0), "the damaged one was given up");
}

#[test]
fn what_the_target_finds_damaged_is_sent_anew() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "in/blob", Object::made(9 * MIB, 4));
    cloud.plan_for("s3:PutObject", "dst-data/out/b.csv", 1, Fault::error(400, "BadDigest"));
    cloud.plan_for("s3:UploadPart", "dst-data/out/blob", 1, Fault::error(400, "XAmzContentSHA256Mismatch"));
    cp(&stage, "b/Writer", &["-r", "s3://src-data/in/", "s3://dst-data/out/"]).done();
    assert_eq!(text(&stage, "out/b.csv"), "bravo\n");
    let (source, copy) = (cloud.object(SOURCE, "in/blob").unwrap(), cloud.object(TARGET, "out/blob").unwrap());
    assert!(source.bytes() == copy.bytes());
    assert_eq!((cloud.uploads(TARGET), journals(&stage)), (0, 0));
}

#[test]
fn parts_are_asked_for_again_through_all_troubles() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(30 * MIB, 5));
    for fault in [Fault::error(503, "SlowDown"), Fault::reset(), Fault::error(400, "ExpiredToken"), Fault::cut(2 * MIB)]
    {
        cloud.plan_for("s3:GetObject", "src-data/blob", 1, fault.clone());
        if fault.body.is_none() {
            cloud.plan("s3:UploadPart", 1, fault.clone());
            cloud.plan("s3:CompleteMultipartUpload", 1, fault);
        }
    }
    let said: Said = cp(&stage, "b/Writer", &["s3://src-data/blob", "s3://dst-data/blob"]);
    said.done();
    is_whole(&stage, "blob", "blob");
    let (source, copy) = (cloud.object(SOURCE, "blob").unwrap(), cloud.object(TARGET, "blob").unwrap());
    assert!(source.bytes() == copy.bytes());
}

#[test]
fn large_objects_that_differ_are_not_taken_for_copies() {
    let stage = stage();
    let cloud = stage.cloud();
    cloud.put_object(SOURCE, "blob", Object::made(20 * MIB, 1));
    cloud.put_object(TARGET, "blob", Object::made(20 * MIB, 2).aged(3600));
    let words = ["s3://src-data/blob", "s3://dst-data/blob"];
    cp(&stage, "b/Writer", &words).failed(1);
    cp(&stage, "b/Copier", &[&words[..], &["--force"]].concat()).done();
    is_whole(&stage, "blob", "blob");
}
