//! The transfers pane: what runs, what waits, how far each is, and what it did.

use super::*;
use crate::domain::transfer::{Halt, Halted, Place};
use crate::tui::msg::Counted;

const MIB: u64 = 1 << 20;

/// As far as the objects below a prefix with five large ones, of a session that lives `seconds`.
fn among_large(seconds: i64) -> App {
    let mut app = app();
    app.press("j<enter>");
    app.assumed(1, READER, seconds);
    app.hear(Msg::Buckets(Ticket(2), Err(denied("s3:ListAllMyBuckets"))));
    app.press("<enter>");
    let names = ["a.bin", "b.bin", "c.bin", "d.bin", "e.bin"];
    app.page(3, &names.map(|name| (name, 200 * MIB)), None);
    app
}

/// Downloads so many of them: jobs 4, 5, … in the pane, the keys with it.
fn downloading(seconds: i64, number: usize) -> App {
    let mut app = among_large(seconds);
    for _ in 0..number {
        app.press("d<enter>j");
    }
    app.press("Tg");
    app
}

fn download(job: u64, name: &str) -> Effect {
    let picks = vec![Pick::into_folder(uri(name), listed(200 * MIB), Path::new("./"))].into();
    Effect::Download { job: JobId(job), role: READER, picks, if_exists: IfExists::Refuse }
}

/// Of 200 MiB so many.
fn at_mib(mib: u64) -> Progress {
    let active = vec![Active { key: "a.bin".into(), bytes: mib * MIB, size: 200 * MIB }];
    Progress {
        bytes: mib * MIB,
        total_bytes: 200 * MIB,
        total_objects: 1,
        total_known: true,
        active,
        ..Progress::default()
    }
}

fn wants_code() -> Error {
    Error::MfaRequired { role: "prod/S3Reader".into(), serial: "arn:aws:iam::111111111111:mfa/me".into() }
}

fn without_session(error: Error) -> Progress {
    Progress { halt: Some(Halt::Session(Halted { role: READER, error })), ..at_mib(90) }
}

fn written(name: &str, size: u64) -> Done {
    Done { uri: uri(name), to: Place::File(format!("out/{name}").into()), size, checked: Some("CRC64NVME") }
}

fn one_written() -> Summary {
    Summary {
        written: 1,
        bytes: 200 * MIB,
        fetched: 200 * MIB,
        done: vec![written("a.bin", 200 * MIB)],
        ..Summary::default()
    }
}

#[test]
fn a_marked_set_is_downloaded_into_the_chosen_folder() {
    let mut app = App::in_bucket();
    assert_eq!(app.press("<space><down><space>d"), []);
    insta::assert_snapshot!(app.screen());
    let effects = app.press("out<tab><tab><enter>");
    let root = Path::new("out");
    let picks = vec![Pick::folder(uri("reports/"), root), Pick::into_folder(uri("test.txt"), listed(22), root)].into();
    assert_eq!(effects, [Effect::Download { job: JobId(4), role: READER, picks, if_exists: IfExists::Overwrite }]);
    assert_eq!(app.state.browser.listing.marked().len(), 0);
}

#[test]
fn the_question_says_in_words_what_becomes_of_files_that_are_there() {
    let mut app = App::in_bucket();
    app.press("jd");
    for (words, if_exists) in [
        ("count as failed", IfExists::Refuse),
        ("are skipped", IfExists::Skip),
        ("OVERWRITTEN", IfExists::Overwrite),
        ("report (2).csv", IfExists::Rename),
        ("count as failed", IfExists::Refuse),
    ] {
        assert!(app.screen().contains(words), "{words}: {}", app.screen());
        let Some(Modal::Download { if_exists: chosen, .. }) = &app.state.modal else { panic!("{}", app.screen()) };
        assert_eq!(*chosen, if_exists);
        app.press("<tab>");
    }
}

#[test]
fn three_run_and_the_others_wait_in_line() {
    let mut app = among_large(3600);
    assert_eq!(
        app.press("d<enter>jd<enter>jd<enter>j"),
        [download(4, "a.bin"), download(5, "b.bin"), download(6, "c.bin")]
    );
    assert_eq!(app.press("d<enter>jd<enter>"), []);
    app.hear(Msg::Progress(JobId(4), at_mib(90)));
    app.hear(Msg::Progress(JobId(5), Progress { failed: 3, objects: 3, total_objects: 1204, ..at_mib(10) }));
    app.hear(Msg::Tick(at(768)));
    app.hear(Msg::Progress(JobId(4), at_mib(98)));
    app.hear(Msg::Progress(JobId(5), Progress { failed: 3, objects: 5, total_objects: 1204, ..at_mib(12) }));
    app.hear(Msg::Progress(JobId(6), Progress { total_known: false, ..at_mib(3) }));
    app.hear(Msg::Tick(at(769)));
    insta::assert_snapshot!(app.screen());
    for size in [(120, 40), (60, 16)] {
        app.hear(Msg::Resize(size.0, size.1));
        app.press("T");
        insta::assert_snapshot!(app.screen());
        app.press("T");
    }
    // Whoever ends makes room for the next in line.
    assert_eq!(app.hear(Msg::Finished(JobId(5), Ok(one_written()))), [download(7, "d.bin")]);
    assert_eq!(app.hear(Msg::Finished(JobId(4), Err(denied("s3:GetObject")))), [download(8, "e.bin")]);
    assert_eq!(app.hear(Msg::Finished(JobId(6), Ok(one_written()))), []);
}

#[test]
fn those_that_wait_can_be_reordered_and_held_back() {
    let mut app = downloading(3600, 5);
    // What runs has no place in the line.
    app.press("K");
    assert!(app.screen().contains("only a transfer that waits"), "{}", app.screen());
    app.press("GK");
    let titles = |app: &App| app.state.jobs.iter().map(|job| job.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&app), ["a.bin", "b.bin", "c.bin", "e.bin", "d.bin"]);
    assert_eq!(app.state.job_cursor.at, 3);
    // Further up only what runs.
    app.press("K");
    assert_eq!(app.state.job_cursor.at, 3);
    app.press("J");
    assert_eq!(titles(&app)[3..], ["d.bin", "e.bin"]);
    assert_eq!(app.press("k<space>"), []);
    assert!(app.screen().contains("held back"), "{}", app.screen());
    assert_eq!(app.hear(Msg::Finished(JobId(4), Ok(one_written()))), [download(8, "e.bin")]);
    assert_eq!(app.press("<space>"), []);
    assert_eq!(app.hear(Msg::Finished(JobId(5), Ok(one_written()))), [download(7, "d.bin")]);
}

#[test]
fn a_pause_makes_room_and_goes_on_when_there_is_some() {
    let mut app = downloading(3600, 4);
    app.hear(Msg::Progress(JobId(4), at_mib(90)));
    assert_eq!(app.press("<space>"), [Effect::PauseJob(JobId(4)), download(7, "d.bin")]);
    app.hear(Msg::Progress(JobId(4), Progress { halt: Some(Halt::Paused), ..at_mib(91) }));
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("<space>"), []);
    assert!(app.screen().contains("waiting at 45 %"), "{}", app.screen());
    assert_eq!(app.hear(Msg::Finished(JobId(5), Ok(one_written()))), [Effect::ResumeJob(JobId(4))]);
    // The last bytes of one that was paused may have been there already.
    app.press("<space>");
    app.hear(Msg::Finished(JobId(4), Ok(one_written())));
    assert!(app.screen().contains("done: 1 object"), "{}", app.screen());
}

#[test]
fn a_pause_is_no_slow_moment() {
    let mut app = downloading(3600, 1);
    let speed = |app: &App| app.state.jobs[0].speed.bytes_per_second();
    app.hear(Msg::Progress(JobId(4), at_mib(10)));
    app.hear(Msg::Tick(at(1)));
    app.hear(Msg::Progress(JobId(4), at_mib(18)));
    app.hear(Msg::Tick(at(2)));
    assert_eq!(speed(&app), 8.0 * MIB as f64);
    app.press("<space>");
    app.hear(Msg::Tick(at(1000)));
    app.press("<space>");
    app.hear(Msg::Progress(JobId(4), at_mib(18)));
    app.hear(Msg::Tick(at(1001)));
    app.hear(Msg::Progress(JobId(4), at_mib(26)));
    app.hear(Msg::Tick(at(1002)));
    assert_eq!(speed(&app), 8.0 * MIB as f64);
}

#[test]
fn what_was_cancelled_or_failed_is_tried_again_as_it_was() {
    let mut app = downloading(3600, 1);
    app.hear(Msg::Progress(JobId(4), at_mib(90)));
    app.press("r");
    assert!(app.screen().contains("a.bin has not ended"), "{}", app.screen());
    assert_eq!(app.press("<esc>"), [Effect::CancelJob(JobId(4))]);
    let screen = app.screen();
    assert!(screen.contains("r goes on where it was") && screen.contains("cancelled at 45 %"), "{screen}");
    assert_eq!(app.press("r"), [download(5, "a.bin")]);
    // What its first run still says is nobody's.
    app.hear(Msg::Progress(JobId(4), at_mib(199)));
    app.hear(Msg::Finished(JobId(4), Ok(one_written())));
    assert!(app.state.jobs[0].runs());
    app.hear(Msg::Finished(JobId(5), Err(Error::Crashed { message: "boom".into() })));
    assert!(app.screen().contains("boom"), "{}", app.screen());
    assert_eq!(app.press("r"), [download(6, "a.bin")]);
    let exists = Failed { uri: uri("a.bin"), error: Error::Exists { at: Place::File("a.bin".into()) } };
    app.hear(Msg::Finished(JobId(6), Ok(Summary { failures: 1, failed: vec![exists], ..Summary::default() })));
    // What a file stood in the way of would fail again: it is asked what happens to that.
    assert_eq!(app.press("r"), []);
    let screen = app.screen();
    assert!(
        screen.contains("1 file is in /home/me/work and differs") && screen.contains("count as failed"),
        "{screen}"
    );
    assert_eq!(app.press("<esc>"), []);
    let Effect::Download { picks, .. } = download(7, "a.bin") else { panic!() };
    let effects = app.press("r<tab><tab><enter>");
    let if_exists = IfExists::Overwrite;
    assert_eq!(effects, [Effect::Download { job: JobId(7), role: READER, picks, if_exists }]);
    app.hear(Msg::Finished(JobId(7), Ok(one_written())));
    assert_eq!(app.press("r"), []);
    assert!(app.screen().contains("nothing that failed"), "{}", app.screen());
}

#[test]
fn what_a_cancelled_one_leaves_is_told_before_it_is_forgotten() {
    let mut app = downloading(3600, 2);
    app.hear(Msg::Progress(JobId(4), at_mib(90)));
    app.press("<esc><enter>");
    assert!(app.screen().contains("unfinished files stay beside their place, as .NAME.xsw-part"), "{}", app.screen());
    app.press("<esc>D");
    assert!(app.screen().contains("unfinished files of a.bin stay there, as .NAME.xsw-part"), "{}", app.screen());
    assert_eq!(app.state.jobs.len(), 1);
    // The other had not begun an object.
    app.press("<esc><enter>");
    assert!(app.screen().contains("cancelled") && !app.screen().contains("xsw-part"), "{}", app.screen());
    app.press("<esc>D");
    assert!(app.state.jobs.is_empty() && !app.screen().contains("xsw-part"), "{}", app.screen());
}

#[test]
fn the_question_says_how_much_it_is_about_and_where_it_goes() {
    let mut app = App::in_bucket();
    app.state.home = Some("/home/me".into());
    for (keys, told) in [
        ("d", "All below reports/; u on it tells beforehand how much that is"),
        ("jd", "summary.csv (1.2 MiB)"),
        ("<space>kd", "summary.csv (1.2 MiB)"),
        ("k<space>d", "2 marked items: 1 object, 1.2 MiB, and all below 1 folder"),
    ] {
        app.press(keys);
        assert!(app.screen().contains(told), "{told}: {}", app.screen());
        assert!(app.screen().contains("Into the folder ~/work"), "{}", app.screen());
        app.press("<esc>");
    }
    app.press("gu");
    let counted = Counted { objects: 1204, bytes: 3 << 30, complete: true };
    app.hear(Msg::Usage(Ticket(4), Ok(counted)));
    app.press("d");
    assert!(app.screen().contains("2 marked items: 1,205 objects, 3.0 GiB"), "{}", app.screen());
    // The folder is read as it is typed.
    for (typed, folder) in [("~/in", "~/in"), ("../x", "~/work/../x"), ("/srv", "/srv")] {
        app.press(&format!("<esc>d{typed}"));
        assert!(app.screen().contains(&format!("Into the folder {folder}")), "{}", app.screen());
    }
    // Where it went is said below the transfers, and in the report.
    app.press("<enter>");
    assert!(app.screen().contains("2 items → /srv"), "{}", app.screen());
    app.press("T<enter>");
    assert!(app.screen().contains("to        /srv"), "{}", app.screen());
}

#[test]
fn one_that_waits_is_cancelled_without_a_task_and_quitting_asks_for_all() {
    let mut app = downloading(3600, 4);
    assert_eq!(app.press("q"), []);
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("<esc>G<esc>"), []);
    assert!(app.screen().contains("d.bin was cancelled; r puts it in line again"), "{}", app.screen());
    assert_eq!(app.press("g<esc>j<esc>j<esc>"), [4, 5, 6].map(|job| Effect::CancelJob(JobId(job))));
    assert_eq!(app.press("q"), [Effect::Quit]);
}

#[test]
fn ended_ones_can_be_forgotten() {
    let mut app = downloading(3600, 2);
    app.press("D");
    assert!(app.screen().contains("has not ended; Esc cancels it"), "{}", app.screen());
    app.hear(Msg::Finished(JobId(5), Ok(one_written())));
    app.press("GD");
    assert_eq!(app.state.jobs.len(), 1);
    app.press("<esc>D");
    assert!(app.state.jobs.is_empty() && !app.screen().contains("Transfers"), "{}", app.screen());
}

#[test]
fn a_transfer_whose_session_wants_a_code_asks_and_all_of_the_role_go_on() {
    let mut app = downloading(3600, 2);
    let assume = |ticket, code| Effect::Assume { ticket: Ticket(ticket), role: READER, code, anew: false };
    assert_eq!(app.hear(Msg::Progress(JobId(4), without_session(wants_code()))), [assume(6, None)]);
    assert_eq!(app.hear(Msg::Progress(JobId(5), without_session(wants_code()))), []);
    app.hear(Msg::Assumed(Ticket(6), READER, Err(wants_code()), Some("123456".into())));
    insta::assert_snapshot!(app.screen());
    // Not now: it stays as it is until somebody wants it.
    app.press("<esc>");
    assert_eq!(app.hear(Msg::Tick(at(1))), []);
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("<space>"), [assume(7, None)]);
    app.hear(Msg::Assumed(Ticket(7), READER, Err(wants_code()), None));
    assert_eq!(app.press("123456<enter>"), [assume(8, Some(Code("123456".into())))]);
    let wrong = Error::MfaCodeUsed { serial: "me".into() };
    app.hear(Msg::Assumed(Ticket(8), READER, Err(wrong), None));
    assert_eq!(app.press("654321<enter>"), [assume(9, Some(Code("654321".into())))]);
    assert_eq!(app.assumed(9, READER, 7200), [Effect::ResumeJob(JobId(4)), Effect::ResumeJob(JobId(5))]);
    app.hear(Msg::Progress(JobId(4), at_mib(91)));
    assert!(app.state.jobs[0].lacks_session().is_none() && app.state.modal.is_none());
}

#[test]
fn the_question_for_a_session_waits_until_nothing_else_is_asked() {
    let mut app = downloading(3600, 1);
    app.press("T:");
    assert_eq!(app.hear(Msg::Progress(JobId(4), without_session(wants_code()))), []);
    let assume = |ticket, role| Effect::Assume { ticket: Ticket(ticket), role, code: None, anew: false };
    assert_eq!(app.press("<esc>"), [assume(5, READER)]);
    // Whoever assumes another role meanwhile is not in the way of it for good.
    let other = Effect::Assume { ticket: Ticket(6), role: ADMIN, code: None, anew: true };
    assert_eq!(app.press("<backtab>jr"), [Effect::Cancel(Ticket(5)), other]);
    app.hear(Msg::Assumed(Ticket(6), ADMIN, Err(denied("sts:AssumeRole")), None));
    assert_eq!(app.press("<esc>"), [assume(7, READER)]);
    // A session that came from elsewhere will do.
    let life = Life { issued: at(0), expiration: at(7200), arn: "arn".into() };
    assert_eq!(app.hear(Msg::Renewed(READER, life)), [Effect::ResumeJob(JobId(4))]);
}

#[test]
fn who_is_signed_out_is_offered_to_sign_in_and_the_transfer_goes_on() {
    let signed_out =
        || Error::SignedOut { source_name: "corp".into(), message: "nobody has signed in".into(), hint: None };
    let mut app = downloading(3600, 1);
    app.hear(Msg::Progress(JobId(4), without_session(signed_out())));
    app.hear(Msg::CanSignIn("corp".into()));
    app.hear(Msg::Assumed(Ticket(5), READER, Err(signed_out()), None));
    assert_eq!(app.press("<enter>"), [Effect::SignIn { ticket: Ticket(6), source: "corp".into() }]);
    let assume = Effect::Assume { ticket: Ticket(7), role: READER, code: None, anew: false };
    assert_eq!(app.hear(Msg::SignedIn(Ticket(6), Ok((1, 1)))), [assume]);
    assert_eq!(app.assumed(7, READER, 7200), [Effect::ResumeJob(JobId(4))]);
}

/// Downloads at 8 MiB a second, with 110 MiB and so 14 seconds to go, of a session that ends in `seconds`.
fn needing_fourteen_seconds(profile: &str, seconds: i64) -> App {
    let mut app = downloading(6 + seconds, 1);
    app.state.profile = Arc::new(crate::config::parse(profile, Path::new("config.toml")).unwrap());
    app.hear(Msg::Progress(JobId(4), at_mib(82)));
    app.hear(Msg::Tick(at(5)));
    app.hear(Msg::Progress(JobId(4), at_mib(90)));
    app.hear(Msg::Tick(at(6)));
    app
}

#[test]
fn a_session_that_ends_first_is_told_and_how_it_goes_on() {
    let mut app = needing_fourteen_seconds(PROFILE, 9);
    insta::assert_snapshot!(app.screen());
    let terminal = app.terminal();
    let warns = |row: u16| (32..80).any(|column| terminal.backend().buffer()[(column, row)].fg == Color::Magenta);
    // The title of the pane, and nothing else.
    assert_eq!((1..22).filter(|row| warns(*row)).collect::<Vec<_>>(), [19]);
    app.press("<enter>");
    let unwrapped = app.screen().split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert!(unwrapped.contains("before the transfer does: it is renewed without"), "{}", app.screen());
    // Told once.
    app.press("<esc>");
    app.hear(Msg::Tick(at(7)));
    assert_eq!(app.state.notice, None);
    // Of a chain that wants codes nobody can promise that.
    let with_mfa = PROFILE.replace("alias = \"reader\"", "mfa_serial = \"arn:aws:iam::111111111111:mfa/me\"");
    let app = needing_fourteen_seconds(&with_mfa, 9);
    assert!(app.screen().contains("may wait for an MFA"), "{}", app.screen());
    // One that lasts is no news.
    let app = needing_fourteen_seconds(PROFILE, 15);
    assert_eq!(app.state.notice, None);
}

#[test]
fn the_report_of_one_that_runs_shows_every_object_in_flight() {
    let mut app = downloading(3600, 1);
    let active = |key: &str, mib| Active { key: key.into(), bytes: mib * MIB, size: 100 * MIB };
    let long = "reports/2025/".repeat(8) + "the-end.bin";
    let progress = |mib| Progress {
        spared: 30 * MIB,
        objects: 7,
        failed: 1,
        total_objects: 10,
        active: vec![active("one.bin", 25), active(&long, 99), active("\x1b[2J.bin", 0)],
        ..at_mib(mib)
    };
    app.hear(Msg::Progress(JobId(4), progress(82)));
    app.hear(Msg::Tick(at(1)));
    app.hear(Msg::Progress(JobId(4), progress(90)));
    app.hear(Msg::Tick(at(2)));
    app.press("<enter>");
    for size in [(80, 24), (120, 40), (60, 16)] {
        app.hear(Msg::Resize(size.0, size.1));
        insta::assert_snapshot!(app.screen());
    }
}

#[test]
fn the_report_of_one_that_ended_says_what_failed_and_why() {
    let mut app = downloading(3600, 1);
    app.hear(Msg::Progress(JobId(4), Progress { spared: 30 * MIB, ..at_mib(199) }));
    let exists = |name: &str| Failed { uri: uri(name), error: Error::Exists { at: Place::File(name.into()) } };
    let summary = Summary {
        written: 2,
        bytes: 300 * MIB,
        taken_up: 30 * MIB,
        fetched: 270 * MIB,
        skipped: 1204,
        failures: 4,
        unchecked: 1,
        left: 0,
        stopped: None,
        done: vec![written("a.bin", 200 * MIB), Done { checked: None, ..written("b.bin", 100 * MIB) }],
        failed: vec![
            exists("one.txt"),
            Failed { uri: uri("secret"), error: denied("s3:GetObject") },
            exists("two.txt"),
        ],
    };
    app.hear(Msg::Finished(JobId(4), Ok(summary)));
    app.press("<enter>");
    for size in [(80, 24), (60, 16)] {
        app.hear(Msg::Resize(size.0, size.1));
        insta::assert_snapshot!(app.screen());
    }
    // It scrolls to its end and no further.
    app.press("<pagedown><pagedown><pagedown>");
    let end = app.screen();
    insta::assert_snapshot!(end);
    app.press("k");
    assert_ne!(app.screen(), end);
}

#[test]
fn what_stopped_a_transfer_is_told_and_it_can_be_tried_again() {
    let mut app = downloading(3600, 1);
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let stopped = Some(Error::file("write", Path::new("a.bin"))(full));
    app.hear(Msg::Finished(JobId(4), Ok(Summary { stopped, ..Summary::default() })));
    assert!(app.screen().contains("a.bin stopped: cannot write a.bin"), "{}", app.screen());
    app.press("<enter>");
    assert!(app.screen().contains("make room on the disk"), "{}", app.screen());
    assert_eq!(app.press("<esc>r"), [download(5, "a.bin")]);
}

#[test]
fn an_end_is_told_where_the_pane_is_not_in_view() {
    let mut app = downloading(3600, 1);
    app.press("T<backtab>");
    let failed = vec![Failed { uri: uri("a.bin"), error: Error::Exists { at: Place::File("a.bin".into()) } }];
    let summary = Summary { written: 3, skipped: 2, failures: 1, failed, ..Summary::default() };
    app.hear(Msg::Finished(JobId(4), Ok(summary)));
    assert!(app.screen().contains("a.bin: 3 written, 2 skipped, 1 failed"), "{}", app.screen());
}
