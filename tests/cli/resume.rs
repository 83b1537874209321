//! Large downloads that are killed, interrupted, damaged or overtaken: the same command goes on where it was.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use xsw::demo::{Fault, Object};

use crate::get::STAYS;
use crate::home::{Said, json_lines, run};
use crate::stage::Stage;

const MIB: u64 = 1 << 20;
const PIECE: u64 = 8 * MIB;
const SIZE: u64 = 40 * MIB + 12_345;

const BLOB: &str = "s3://hub-artifacts/blob";
const GET: [&str; 5] = ["get", BLOB, "out/blob", "--as", "dev"];
const PART: &str = "out/.blob.xsw-part";
const FROM_EARLIER: &str = "were there from an earlier run";

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_secs(60);

/// A stage with an object whose bytes come slowly, and those bytes.
fn stage() -> (Stage, Vec<u8>) {
    let stage = Stage::new();
    let bytes = put(&stage, 1, 12 * MIB);
    (stage, bytes)
}

/// Puts the object of a seed there; so many bytes of it come in a second.
fn put(stage: &Stage, seed: u64, pace: u64) -> Vec<u8> {
    stage.cloud().put_object("hub-artifacts", "blob", Object::made(SIZE, seed).paced(pace));
    stage.cloud().put_object("hub-artifacts", "fast", Object::made(SIZE, seed));
    stage.says(["get", "s3://hub-artifacts/fast", "fast", "--as", "dev", "--force"]).done();
    stage.read("fast")
}

/// A download in a process of its own, which ends with the test.
struct Running(Option<Child>);

impl Running {
    fn start(mut command: std::process::Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn signal(&self, signal: Signal) {
        let id = self.0.as_ref().unwrap().id();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
    }

    fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    #[track_caller]
    fn said(mut self) -> Said {
        let start = Instant::now();
        while !self.has_ended() {
            assert!(start.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }

    fn kill(self) -> Said {
        self.signal(Signal::KILL);
        self.said()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            _ = child.kill();
        }
    }
}

/// Starts the download and waits until so many bytes have left the cloud.
#[track_caller]
fn started(stage: &Stage, bytes: u64) -> Running {
    let before = stage.cloud().body_bytes();
    let mut running = Running::start(stage.xsw(GET));
    until("the bytes", || {
        assert!(!running.has_ended(), "{:?}", running.0.take().unwrap().wait_with_output());
        stage.cloud().body_bytes() >= before + bytes
    });
    running
}

/// Starts it with requests that break further on, so that there are new ones then.
#[track_caller]
fn started_to_break(stage: &Stage, bytes: u64) -> Running {
    stage.cloud().plan_for("s3:GetObject", "hub-artifacts/blob", 6, Fault::cut(5 * MIB));
    started(stage, bytes)
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "never: {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// What a run has killed with it: bytes that are on the way to the disk, of each of its requests.
fn little_more(size: u64) -> u64 {
    size + PIECE
}

#[test]
fn a_killed_download_goes_on_where_it_was() {
    let (stage, bytes) = stage();
    let before = stage.cloud().body_bytes();
    let said = started(&stage, 24 * MIB).kill();
    assert_eq!((said.code, &*said.err), (None, ""));
    assert_eq!(stage.files("out"), [PART]);
    let said = stage.says(GET);
    assert!(said.err.contains(FROM_EARLIER), "{said:?}");
    said.done();
    assert!(stage.read("out/blob") == bytes);
    assert_eq!(stage.files("out"), ["out/blob"]);
    let sent = stage.cloud().body_bytes() - before;
    assert!((SIZE..=little_more(SIZE)).contains(&sent), "{sent} bytes for {SIZE}");
}

#[test]
fn a_download_that_is_killed_again_and_again_gets_done() {
    let (stage, bytes) = stage();
    let before = stage.cloud().body_bytes();
    let mut kills = 0;
    let said = loop {
        let mut running = Running::start(stage.xsw(GET));
        // Any time: before there is a session, in the middle, while the end is written.
        let time = Duration::from_millis(200 + 377 * (kills * kills + 3) % 1300);
        std::thread::sleep(time);
        if running.has_ended() || kills > 40 {
            break running.said();
        }
        running.kill();
        kills += 1;
        assert!(stage.files("out").iter().all(|file| file == PART || file == "out/blob"), "{:?}", stage.files("out"));
    };
    assert!(kills > 1, "{said:?}");
    // Killed between the name and the end of the process, it found the file whole.
    assert!([Some(0), Some(1)].contains(&said.code), "{said:?}");
    assert!(stage.read("out/blob") == bytes);
    assert_eq!(stage.files("out"), ["out/blob"]);
    let sent = stage.cloud().body_bytes() - before;
    assert!(sent <= SIZE + kills * PIECE, "{sent} bytes for {SIZE} and {kills} kills");
}

#[test]
fn what_was_damaged_on_the_disk_is_noticed_and_fetched_again() {
    let (stage, bytes) = stage();
    started(&stage, 24 * MIB).kill();
    let part = fs::OpenOptions::new().read(true).write(true).open(stage.path(PART)).unwrap();
    // Wherever something was written.
    let mut damaged = 0;
    for piece in 0..SIZE.div_ceil(PIECE) {
        let mut byte = [0; 16];
        part.read_exact_at(&mut byte, piece * PIECE + 1000).unwrap();
        if byte != [0; 16] {
            part.write_all_at(&byte.map(|byte| !byte), piece * PIECE + 1000).unwrap();
            damaged += 1;
        }
    }
    drop(part);
    assert!(damaged > 0);
    let before = stage.cloud().body_bytes();
    stage.says(GET).done();
    assert!(stage.read("out/blob") == bytes);
    assert!(stage.cloud().body_bytes() - before >= SIZE - 2 * PIECE, "what was damaged was fetched again");

    // A part that is only a stump, or rubbish, is none.
    for rubbish in [vec![7; 5_000_000], vec![0; 100], bytes[..bytes.len() - 1].to_vec()] {
        fs::remove_file(stage.path("out/blob")).unwrap();
        stage.write(PART, rubbish);
        let said = stage.says(["get", "s3://hub-artifacts/fast", "out/blob", "--as", "dev"]);
        assert!(said.err.contains("it begins anew"), "{said:?}");
        said.done();
        assert!(stage.read("out/blob") == bytes);
    }
}

#[test]
fn an_object_replaced_between_two_runs_begins_anew_and_says_so() {
    let (stage, old) = stage();
    started(&stage, 24 * MIB).kill();
    let new = put(&stage, 2, 1 << 40);
    let said = stage.says(GET);
    let note = format!("note: {BLOB} an earlier part is not provably of this object; it begins anew");
    assert!(said.err.contains(&note) && !said.err.contains(FROM_EARLIER), "{said:?}");
    said.done();
    assert!(stage.read("out/blob") == new && old != new);
    assert_eq!(stage.files("out"), ["out/blob"]);
}

#[test]
fn an_object_replaced_in_the_middle_of_its_ranges_is_fetched_anew() {
    let (stage, _) = stage();
    let running = started_to_break(&stage, 8 * MIB);
    let new = put(&stage, 2, 1 << 40);
    let said = running.said();
    assert!(said.err.contains("was replaced meanwhile; it is fetched anew"), "{said:?}");
    said.done();
    assert!(stage.read("out/blob") == new);
    assert_eq!(stage.files("out"), ["out/blob"]);
}

#[test]
fn a_second_xsw_at_the_same_file_says_so_and_harms_nothing() {
    let (stage, bytes) = stage();
    let first = started(&stage, 8 * MIB);
    for force in [None, Some("--force")] {
        let err = stage.says(GET.into_iter().chain(force)).failed(1);
        assert!(err.contains("out/blob: another xsw is at the same file now"), "{err}");
    }
    first.said().done();
    assert!(stage.read("out/blob") == bytes);
    assert_eq!(stage.files("out"), ["out/blob"]);
}

#[test]
fn an_interrupted_download_keeps_its_pieces() {
    let (stage, bytes) = stage();
    let before = stage.cloud().body_bytes();
    let running = started(&stage, 24 * MIB);
    running.signal(Signal::INT);
    assert_eq!(running.said().failed(130), format!("note: {STAYS}\nerror: interrupted\n"));
    assert_eq!(stage.files("out"), [PART]);
    let said = stage.says(GET);
    assert!(said.err.contains(FROM_EARLIER), "{said:?}");
    said.done();
    assert!(stage.read("out/blob") == bytes);
    let sent = stage.cloud().body_bytes() - before;
    assert!(sent <= little_more(SIZE), "{sent} bytes for {SIZE}");
}

#[test]
fn what_stands_where_the_part_would_be_is_told_and_left() {
    let stage = Stage::new();
    stage.cloud().put_object("hub-artifacts", "blob", Object::made(9 * MIB, 3));
    stage.cloud().put_object("hub-artifacts", "small", Object::new("small"));
    stage.write("precious", "precious");
    stage.write("out/keep", "");
    for object in ["blob", "small"] {
        let part = stage.path(&format!("out/.{object}.xsw-part"));
        let uri = format!("s3://hub-artifacts/{object}");
        let refused = |what: &str| {
            let said = stage.line(&format!("timeout 20 xsw get {uri} out/{object} --as dev --force"));
            let err = said.failed(1);
            assert!(err.contains(&format!("out/.{object}.xsw-part is in the way and no file")), "{what}: {err}");
            assert!(part.symlink_metadata().is_ok() && !stage.holds(&format!("out/{object}")), "{what}");
        };
        for to in ["../precious", "../nowhere", "."] {
            symlink(to, &part).unwrap();
            refused(to);
            fs::remove_file(&part).unwrap();
        }
        fs::create_dir(&part).unwrap();
        refused("a folder");
        fs::remove_dir(&part).unwrap();
        assert_eq!(stage.line(&format!("mkfifo out/.{object}.xsw-part")).code, Some(0));
        refused("a pipe");
        fs::remove_file(&part).unwrap();
    }
    assert_eq!(stage.read("precious"), b"precious");
    assert!(!stage.holds("nowhere"));
}

#[test]
fn a_session_that_ends_without_a_question_goes_on_by_itself() {
    let (stage, bytes) = stage();
    let before = stage.assumed();
    let running = started_to_break(&stage, 8 * MIB);
    stage.cloud().expire_sessions();
    let said = running.said();
    assert_eq!(said.err, "note: 1 object written, 40.0 MiB\n");
    said.done();
    assert!(stage.read("out/blob") == bytes);
    assert_eq!(stage.assumed(), before + 1);
}

/// A server that refuses every session is not asked for ever.
#[test]
fn sessions_that_are_all_refused_end_the_download() {
    let stage = Stage::new();
    for name in 0..40 {
        stage.cloud().put_object("hub-artifacts", &format!("many/{name}"), Object::new("x"));
    }
    stage.says(["env", "dev"]).done();
    stage.cloud().plan("s3:GetObject", 100_000, Fault::error(400, "InvalidToken"));
    let err = stage.says(["get", "-r", "s3://hub-artifacts/many/", "out", "--as", "dev"]).failed(4);
    assert!(err.contains("error: the session of hub/Developer"), "{err}");
    assert!(stage.assumed() < 40, "{} sessions", stage.assumed());
    assert_eq!(stage.files("out"), [""; 0]);
}

/// Nobody is there to type a code: the pieces wait for somebody.
#[test]
fn a_session_with_a_code_that_ends_without_a_terminal_keeps_the_part() {
    let (stage, _) = stage();
    let bytes = stage.read("fast");
    stage.cloud().put_object("gautamtest-assume-role", "blob", Object::made(SIZE, 1).paced(12 * MIB));
    stage.says(["env", "admin", "--mfa-code", &stage.mfa_code()]).done();
    let get = "get s3://gautamtest-assume-role/blob out/blob --as admin";
    let before = stage.cloud().body_bytes();
    stage.cloud().plan_for("s3:GetObject", "gautamtest-assume-role/blob", 6, Fault::cut(5 * MIB));
    let running = Running::start(stage.shell(&format!("exec setsid --wait xsw {get}")));
    until("the bytes", || stage.cloud().body_bytes() >= before + 8 * MIB);
    stage.cloud().expire_sessions();
    let said = running.said();
    let err = said.failed(4);
    assert!(err.contains("prod/Admin wants a code of the MFA device"), "{err}");
    assert_eq!(stage.files("out"), [PART]);
    let said = stage.detached(&format!("{get} --mfa-code {}", stage.mfa_code()));
    assert!(said.err.contains(FROM_EARLIER), "{said:?}");
    said.done();
    assert!(stage.read("out/blob") == bytes);
    let sent = stage.cloud().body_bytes() - before;
    assert!(sent <= little_more(SIZE), "{sent} bytes for {SIZE}");
}

/// `ulimit -f` is a disk that takes no more, at any place of a file: of the object or of the journal behind it.
#[test]
fn a_disk_that_takes_no_more_leaves_whole_files_and_parts_alone() {
    let stage = Stage::new();
    let sizes = [0_u64, 1, 5_000, 700_000, MIB, MIB + 1, 3 * MIB, 9 * MIB];
    for size in sizes {
        stage.cloud().put_object("hub-artifacts", &format!("sizes/{size}"), Object::made(size, size));
    }
    stage.says(["get", "-r", "s3://hub-artifacts/sizes/", "right", "--as", "dev"]).done();
    for kib in [0, 1, 4, 600, 684, 1023, 1024, 1025, 2000, 3072, 3073, 9215, 9216] {
        let line =
            format!("trap '' XFSZ; ulimit -f {kib}; exec xsw get -r s3://hub-artifacts/sizes/ out --as dev --json");
        let said = run(stage.shell(&line));
        let lines = json_lines(&said.out);
        let mut expected = Vec::new();
        for size in sizes {
            let uri = format!("s3://hub-artifacts/sizes/{size}");
            let line = lines.iter().find(|line| line["uri"] == *uri).unwrap_or_else(|| panic!("{kib}: {uri} {said:?}"));
            // A large one needs room for its journal too.
            let fits = size + if size > MIB { 64 + 24 * size.div_ceil(PIECE) } else { 0 } <= kib * 1024;
            assert_eq!(line["type"] == "object", fits, "{kib}: {line}");
            if fits {
                let name = format!("out/{size}");
                assert!(stage.read(&name) == stage.read(&format!("right/{size}")), "{kib}: {name}");
                expected.push(name);
            }
        }
        expected.sort();
        let there: Vec<String> = stage.files("out").into_iter().filter(|file| !file.ends_with("xsw-part")).collect();
        assert_eq!(there, expected, "{kib}");
        let parts = stage.files("out").len() - there.len();
        assert!(parts <= 3, "{kib}: {:?}", stage.files("out"));
        fs::remove_dir_all(stage.path("out")).unwrap();
    }
}

/// The journal holds no secret and no key: it lies in a stranger's folder.
#[test]
fn a_part_tells_nothing_but_the_objects_bytes() {
    let (stage, bytes) = stage();
    started(&stage, 16 * MIB).kill();
    let mut part = Vec::new();
    fs::File::open(stage.path(PART)).unwrap().read_to_end(&mut part).unwrap();
    let journal = &part[bytes.len()..];
    assert_eq!(journal.len() as u64, 64 + 24 * SIZE.div_ceil(PIECE));
    for text in ["blob", "hub-artifacts", "ASIA"] {
        assert!(!journal.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}
