//! Copying to another account: which role, which place, which way, and the copy among the transfers.

use super::*;
use crate::domain::copy::{Class, Storage, Way};
use crate::domain::transfer::{Halt, Halted, Place};
use crate::ops::copy::{CopyPick, Plan, Refused, Roles};
use crate::tui::state::copying::{Route, Step};

const MIB: u64 = 1 << 20;

fn landing(key: &str) -> S3Uri {
    S3Uri::new("data-landing", key)
}

fn bucket(name: &str) -> Bucket {
    Bucket { name: name.into(), region: None, created: None }
}

fn below_reports() -> Arc<[CopyPick]> {
    let (uri, strip) = (uri("reports/"), String::new());
    vec![CopyPick::Prefix { uri, strip, target: landing("in/") }].into()
}

fn plan_copy(ticket: u64, if_exists: IfExists, storage: Storage) -> Effect {
    let roles = Roles { from: READER, to: JUMP };
    Effect::PlanCopy { ticket: Ticket(ticket), roles, picks: below_reports(), if_exists, storage }
}

fn streamed() -> Plan {
    let notes = vec!["S3 does not copy by itself as hub/Jump: not allowed to s3:GetObject".into()];
    Plan { way: Way::Streamed, reader: READER, writer: JUMP, notes, is_empty: false }
}

/// As far as the places of Jump, whose session came; its bucket's prefixes are there.
fn in_landing() -> App {
    let mut app = App::in_bucket();
    app.press("cjump<enter>");
    app.assumed(4, JUMP, 1800);
    app.hear(Msg::Buckets(Ticket(5), Ok(vec![bucket("data-landing"), bucket("other-place")])));
    app.press("landing<enter>");
    app.page(6, &[("in/", 0), ("out/", 0), ("README.md", 3)], None);
    app
}

/// As far as the last question, for `reports/` into `s3://data-landing/in/`; its ticket is 8.
fn reviewed() -> App {
    let mut app = in_landing();
    app.press("<down><enter>");
    app.page(7, &[], None);
    assert_eq!(app.press("<enter>"), [plan_copy(8, IfExists::Refuse, Storage::default())]);
    app
}

/// The copy runs as job 9.
fn copying() -> App {
    let mut app = reviewed();
    app.hear(Msg::CopyPlanned(Ticket(8), Ok(streamed())));
    assert_eq!(app.press("<enter>"), [copy(9, IfExists::Refuse)]);
    app
}

fn copy(job: u64, if_exists: IfExists) -> Effect {
    Effect::Copy { job: JobId(job), plan: streamed(), picks: below_reports(), if_exists, storage: Storage::default() }
}

#[test]
fn a_copy_asks_for_the_role_the_place_and_whether_it_is_right_so() {
    let mut app = App::in_bucket();
    assert_eq!(app.press("c"), []);
    insta::assert_snapshot!(app.screen());
    // A role without a session is assumed first.
    let assume = Effect::Assume { ticket: Ticket(4), role: JUMP, code: None, anew: false };
    assert_eq!(app.press("jump<enter>"), [assume]);
    assert!(app.screen().contains("assuming hub/Jump"), "{}", app.screen());
    assert_eq!(app.assumed(4, JUMP, 1800), [Effect::Buckets { ticket: Ticket(5), role: JUMP }]);
    app.hear(Msg::Buckets(Ticket(5), Ok(vec![bucket("data-landing"), bucket("other-place")])));
    insta::assert_snapshot!(app.screen());
    // The browser and the header stay as the role that reads.
    assert_eq!((app.state.current, app.state.browser.role), (Some(READER), Some(READER)));
    let list = |ticket, uri| Effect::List { ticket: Ticket(ticket), role: JUMP, uri };
    assert_eq!(app.press("landing<enter>"), [list(6, landing(""))]);
    app.page(6, &[("in/", 0), ("out/", 0), ("README.md", 3)], None);
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("<down><enter>"), [list(7, landing("in/"))]);
    app.page(7, &[], None);
    assert_eq!(app.press("<enter>"), [plan_copy(8, IfExists::Refuse, Storage::default())]);
    assert!(app.screen().contains("trying with one object"), "{}", app.screen());
    app.hear(Msg::CopyPlanned(Ticket(8), Ok(streamed())));
    for size in [(80, 24), (120, 40), (60, 16)] {
        app.hear(Msg::Resize(size.0, size.1));
        insta::assert_snapshot!(app.screen());
    }
    assert_eq!(app.press("<enter>"), [copy(9, IfExists::Refuse)]);
    assert!(app.state.modal.is_none() && app.state.copying.is_none());
}

#[test]
fn the_place_is_walked_to_or_written() {
    for (keys, target) in [
        ("<enter>", landing("")),
        ("new<enter>", landing("new/")),
        ("new/deep<enter>", landing("new/deep/")),
        ("new/deep/<enter>", landing("new/deep/")),
        ("OUT<down><enter><enter>", landing("out/")),
        ("<down><enter><backspace><enter>", landing("")),
        ("<backspace>s3://other-place/x/y<enter>", S3Uri::new("other-place", "x/y/")),
        ("<backspace>third.place<enter><enter>", S3Uri::new("third.place", "")),
    ] {
        let mut app = in_landing();
        app.press(keys);
        let copying = app.state.copying.as_ref().unwrap();
        let Step::Review { target: chosen, .. } = &copying.step else { panic!("{keys}: {}", app.screen()) };
        assert_eq!(*chosen, target, "{keys}");
    }
    // What is pasted is written as well.
    let mut app = in_landing();
    app.press("<backspace>");
    app.hear(Msg::Paste("s3://other-place/x/".into()));
    assert!(app.screen().contains("into s3://other-place/x/"), "{}", app.screen());
}

#[test]
fn a_place_that_is_its_own_source_is_refused() {
    let mut app = App::in_bucket();
    app.press("jcreader<enter>");
    app.hear(Msg::Buckets(Ticket(4), Err(denied("s3:ListAllMyBuckets"))));
    assert!(app.screen().contains("write a bucket's name"), "{}", app.screen());
    app.press("<enter>");
    app.page(5, &[("reports/", 0)], None);
    assert_eq!(app.press("<enter>"), []);
    assert!(app.screen().contains("would be copied onto itself"), "{}", app.screen());
    // Another prefix will do.
    let effects = app.press("backup<enter>");
    assert!(matches!(effects[..], [Effect::PlanCopy { .. }]), "{effects:?}");
}

#[test]
fn options_are_asked_about_anew_and_late_answers_dropped() {
    let mut app = reviewed();
    let cancel = |ticket| Effect::Cancel(Ticket(ticket));
    assert_eq!(app.press("<tab>"), [cancel(8), plan_copy(9, IfExists::Skip, Storage::default())]);
    app.hear(Msg::CopyPlanned(Ticket(8), Ok(streamed())));
    assert_eq!(app.press("<enter>"), []);
    assert!(app.screen().contains("the way is still looked for"), "{}", app.screen());
    app.hear(Msg::CopyPlanned(Ticket(9), Ok(streamed())));
    assert_eq!(app.press("<tab>"), [plan_copy(10, IfExists::Overwrite, Storage::default())]);
    assert!(app.screen().contains("OVERWRITTEN"), "{}", app.screen());
    let keep = Storage { class: Class::Keep, ..Storage::default() };
    assert_eq!(app.press("<down><tab>"), [cancel(10), plan_copy(11, IfExists::Overwrite, keep.clone())]);
    let without_tags = Storage { without_tags: true, ..keep };
    assert_eq!(app.press("<down><tab>"), [cancel(11), plan_copy(12, IfExists::Overwrite, without_tags.clone())]);
    app.hear(Msg::CopyPlanned(Ticket(12), Ok(streamed())));
    let (plan, picks, if_exists) = (streamed(), below_reports(), IfExists::Overwrite);
    let copy = Effect::Copy { job: JobId(13), plan, picks, if_exists, storage: without_tags };
    assert_eq!(app.press("<enter>"), [copy]);
}

#[test]
fn a_refusal_says_whose_and_what_would_tell_more() {
    let mut app = reviewed();
    let mut refused = Refused::by(JUMP, denied("s3:ListBucket"));
    refused.others.push((READER, denied("s3:PutObject")));
    app.hear(Msg::CopyPlanned(Ticket(8), Err(Box::new(refused))));
    insta::assert_snapshot!(app.screen());
    let command = "xsw policy copy -r --from prod/S3Reader --to hub/Jump s3://gautamtest-assume-role/reports/ \
                   s3://data-landing/in/";
    assert_eq!(app.press("y"), [Effect::CopyText(command.into())]);
    // Without the tags it takes less.
    app.press("<down><down><tab>");
    app.hear(Msg::CopyPlanned(Ticket(9), Err(Box::new(Refused::by(JUMP, denied("s3:ListBucket"))))));
    let fewer = command.replace("hub/Jump", "hub/Jump --no-tags");
    assert_eq!(app.press("y"), [Effect::CopyText(fewer)]);
    assert_eq!(app.press("<enter>"), []);
    // Back to the place, to the role, and out.
    assert_eq!(app.press("<esc><esc>"), []);
    assert!(app.screen().contains("which role writes"), "{}", app.screen());
    app.press("<esc>");
    assert!(app.state.copying.is_none() && app.state.modal.is_none());
}

#[test]
fn a_session_that_aws_refuses_again_and_again_is_asked_for_once() {
    let mut app = reviewed();
    let ended = || Err(Box::new(Refused::by(JUMP, Error::Expired { role: "hub/Jump".into() })));
    let assume = |ticket| Effect::Assume { ticket: Ticket(ticket), role: JUMP, code: None, anew: false };
    assert_eq!(app.hear(Msg::CopyPlanned(Ticket(8), ended())), [assume(9)]);
    assert_eq!(app.assumed(9, JUMP, 1800), [plan_copy(10, IfExists::Refuse, Storage::default())]);
    assert_eq!(app.hear(Msg::CopyPlanned(Ticket(10), ended())), []);
    assert!(app.screen().contains("refused  as hub/Jump"), "{}", app.screen());
    // Who asks once more gets it once more.
    assert_eq!(app.press("r"), [plan_copy(11, IfExists::Refuse, Storage::default())]);
    assert_eq!(app.hear(Msg::CopyPlanned(Ticket(11), ended())), [assume(12)]);
}

#[test]
fn nothing_to_copy_is_said_and_nothing_starts() {
    let mut app = reviewed();
    app.hear(Msg::CopyPlanned(Ticket(8), Ok(Plan { is_empty: true, ..streamed() })));
    assert_eq!(app.press("<enter>"), []);
    assert!(app.state.jobs.is_empty() && app.screen().contains("there is nothing to copy"), "{}", app.screen());
}

#[test]
fn a_guarded_account_wants_its_name_typed_before_it_is_copied_to() {
    let mut app = App::in_bucket();
    assert_eq!(app.press("ckeeper<enter>"), []);
    assert!(app.screen().contains("Really?"), "{}", app.screen());
    // Who would rather not chooses another one.
    app.press("<esc>");
    assert!(app.screen().contains("which role writes"), "{}", app.screen());
    let assume = Effect::Assume { ticket: Ticket(4), role: KEEPER, code: None, anew: false };
    assert_eq!(app.press("<enter>vault<enter>"), [assume]);
    assert_eq!(app.assumed(4, KEEPER, 3600), [Effect::Buckets { ticket: Ticket(5), role: KEEPER }]);
    // A session that lives does not spare the name.
    app.press("<esc><esc>c");
    assert_eq!(app.press("keeper<enter>"), []);
    assert!(app.screen().contains("Really?"), "{}", app.screen());
}

#[test]
fn a_role_with_mfa_asks_and_a_refused_one_leads_back() {
    let mut app = App::in_bucket();
    app.press("cadmin<enter>");
    let wants = |role: &str| Error::MfaRequired { role: role.into(), serial: "me".into() };
    app.hear(Msg::Assumed(Ticket(4), ADMIN, Err(wants("prod/Admin")), None));
    assert!(app.screen().contains("The six digits"), "{}", app.screen());
    let code = Some(Code("123456".into()));
    assert_eq!(app.press("123456<enter>"), [Effect::Assume { ticket: Ticket(5), role: ADMIN, code, anew: false }]);
    app.hear(Msg::Assumed(Ticket(5), ADMIN, Err(denied("sts:AssumeRole")), None));
    assert!(app.screen().contains("not allowed"), "{}", app.screen());
    app.press("<esc>");
    assert!(app.screen().contains("which role writes"), "{}", app.screen());
    // A session that ends while it is asked about is asked for, and then the way again.
    let mut app = reviewed();
    let refused = Refused::by(READER, wants("prod/S3Reader"));
    let effects = app.hear(Msg::CopyPlanned(Ticket(8), Err(Box::new(refused))));
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(9), role: READER, code: None, anew: false }]);
    assert_eq!(app.assumed(9, READER, 3600), [plan_copy(10, IfExists::Refuse, Storage::default())]);
}

#[test]
fn where_copies_went_is_offered_first() {
    let mut app = copying();
    app.press("c");
    assert!(app.screen().contains("hub/Jump → s3://data-landing/in/"), "{}", app.screen());
    assert_eq!(app.press("<enter>"), [Effect::List { ticket: Ticket(10), role: JUMP, uri: landing("in/") }]);
    // The roles are below.
    app.press("<esc><down><enter>");
    assert_eq!(app.state.copying.as_ref().unwrap().to, Some(JUMP));
}

#[test]
fn copies_and_downloads_share_the_line() {
    let mut app = copying();
    app.press("jd<enter>jd<enter>jd<enter>");
    assert_eq!(app.state.running().count(), 3);
    assert_eq!(app.press("Tg<space>").first(), Some(&Effect::PauseJob(JobId(9))));
    app.press("<space>");
    assert!(app.screen().contains("waiting"), "{}", app.screen());
    assert!(app.screen().contains("data-landing/in/ ─"), "{}", app.screen());
    assert_eq!(app.press("<esc>"), [Effect::CancelJob(JobId(9))]);
}

#[test]
fn of_two_sessions_the_one_that_ends_first_counts_and_the_one_that_ended_is_asked_for() {
    let mut app = copying();
    app.press("T");
    // The reader's lives an hour, the writer's half of one.
    app.hear(Msg::Progress(JobId(9), Progress { total_bytes: 9 * MIB, total_objects: 3, ..Progress::default() }));
    assert!(app.screen().contains("session 30:00"), "{}", app.screen());
    let wants = Error::MfaRequired { role: "hub/Jump".into(), serial: "me".into() };
    let halt = Some(Halt::Session(Halted { role: JUMP, error: wants }));
    let effects = app.hear(Msg::Progress(JobId(9), Progress { halt, ..Progress::default() }));
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(10), role: JUMP, code: None, anew: false }]);
    // Another role's session is of no use to it.
    let life = Life { issued: at(0), expiration: at(7200), arn: "arn".into() };
    assert_eq!(app.hear(Msg::Renewed(READER, life.clone())), []);
    assert_eq!(app.hear(Msg::Renewed(JUMP, life)), [Effect::ResumeJob(JobId(9))]);
}

#[test]
fn the_report_tells_the_way_what_failed_and_why_and_it_is_tried_again() {
    let mut app = copying();
    let exists = Error::Exists { at: Place::Object(landing("in/reports/b.csv")) };
    let summary = Summary {
        written: 1,
        bytes: 5 * MIB,
        fetched: 5 * MIB,
        failures: 2,
        done: vec![Done {
            uri: uri("reports/a.csv"),
            to: Place::Object(landing("in/reports/a.csv")),
            size: 5 * MIB,
            checked: Some("CRC64NVME"),
        }],
        failed: vec![
            Failed { uri: uri("reports/b.csv"), error: exists },
            Failed { uri: uri("reports/c.csv"), error: denied("s3:GetObject") },
        ],
        ..Summary::default()
    };
    app.hear(Msg::Finished(JobId(9), Ok(summary)));
    app.press("T<enter>");
    insta::assert_snapshot!(app.screen());
    // What stood in its way is asked about; a copy knows no other name.
    app.press("<esc>r");
    let screen = app.screen();
    assert!(screen.contains("1 object is in s3://data-landing/in/ and differs"), "{screen}");
    assert_eq!(app.press("<tab><tab><enter>"), [copy(10, IfExists::Overwrite)]);
}

#[test]
fn without_a_role_or_a_row_there_is_nothing_to_copy() {
    let mut app = app();
    assert_eq!(app.press("c<tab>c"), []);
    assert!(app.state.modal.is_none());
}

#[test]
fn a_marked_set_and_a_bucket_can_be_copied() {
    let mut app = App::in_bucket();
    app.press("<space><down><space>cjump<enter>");
    app.assumed(4, JUMP, 1800);
    let effects = app.press("s3://data-landing/in/<enter>");
    let picks: Arc<[CopyPick]> = vec![
        CopyPick::Prefix { uri: uri("reports/"), strip: String::new(), target: landing("in/") },
        CopyPick::Object { uri: uri("test.txt"), version: None, target: landing("in/test.txt") },
    ]
    .into();
    assert!(matches!(effects.last(), Some(Effect::PlanCopy { picks: asked, .. }) if *asked == picks), "{effects:?}");
    let Some(Step::Review { way: Route::Asked(_), .. }) = app.state.copying.as_ref().map(|copying| &copying.step)
    else {
        panic!("{}", app.screen())
    };
    assert!(app.screen().contains("2 marked items"), "{}", app.screen());
}
