//! Screens by key script: keys go in, effects and pictures come out. No terminal, no network, no clock.

use std::path::Path;
use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::effect::{Code, Effect};
use super::keys::{Key, KeyMap};
use super::msg::{JobId, Life, Msg, SignInStep, Ticket};
use super::state::{Modal, State, What};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::domain::object::{Bucket, Entry, Object, Page};
use crate::domain::role::RoleIndex;
use crate::domain::transfer::{Active, Done, Failed, IfExists, Listed, Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::console::ConsolePage;
use crate::ops::download::Pick;

mod browse;
mod copying;
mod explain;
mod focus;
mod picture;
mod preview;
mod search;
mod transfers;

const PROFILE: &str = r#"
[settings]
region = "ap-northeast-1"
[sources.corp]
profile = "default"
[[accounts]]
name = "hub"
id = "111111111111"
environment = "development"
[[accounts.roles]]
name = "Jump"
[[accounts]]
name = "prod"
id = "222222222222"
environment = "production"
[[accounts.roles]]
name = "S3Reader"
alias = "reader"
via = "hub/Jump"
buckets = ["s3://gautamtest-assume-role/"]
[[accounts.roles]]
name = "Admin"
mfa_serial = "arn:aws:iam::111111111111:mfa/me"
[[accounts]]
name = "vault"
id = "333333333333"
confirm = true
[[accounts.roles]]
name = "Keeper"
"#;

const JUMP: RoleIndex = RoleIndex(0);
const READER: RoleIndex = RoleIndex(1);
const ADMIN: RoleIndex = RoleIndex(2);
const KEEPER: RoleIndex = RoleIndex(3);

/// A fixed moment; every time in the tests is counted from it.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

struct App {
    state: State,
}

fn app() -> App {
    let profile = crate::config::parse(PROFILE, Path::new("config.toml")).unwrap();
    let mut state = State::new(Arc::new(profile), KeyMap::default(), (80, 24), at(0), TimeZone::UTC);
    state.here = Some("/home/me/work".into());
    App { state }
}

impl App {
    /// Presses the keys of a script, `jj<enter>`, and gives all effects.
    fn press(&mut self, script: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut rest = script;
        while let Some(first) = rest.chars().next() {
            let (name, after) = match rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((name, after)) => (name.to_owned(), after),
                None => (first.to_string(), &rest[first.len_utf8()..]),
            };
            let key = Key::parse(&name).unwrap_or_else(|| panic!("no key {name}"));
            effects.extend(update(&mut self.state, Msg::Key(key.event())));
            rest = after;
        }
        effects
    }

    fn hear(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.state, msg)
    }

    /// The session of `role` arrives: it lives `seconds`.
    fn assumed(&mut self, ticket: u64, role: RoleIndex, seconds: i64) -> Vec<Effect> {
        let life = Life { issued: at(0), expiration: at(seconds), arn: "arn:aws:sts::2:assumed-role/R/me".into() };
        self.hear(Msg::Assumed(Ticket(ticket), role, Ok(life), None))
    }

    /// A page of objects and prefixes arrives.
    fn page(&mut self, ticket: u64, keys: &[(&str, u64)], next: Option<&str>) {
        let entry = |(key, size): &(&str, u64)| match key.ends_with('/') {
            true => Entry::Prefix((*key).to_owned()),
            false => Entry::Object(Object {
                key: (*key).to_owned(),
                size: *size,
                last_modified: Some(at(-7200)),
                storage_class: Some("STANDARD".into()),
                etag: None,
            }),
        };
        let page = Page { entries: keys.iter().map(entry).collect(), next: next.map(str::to_owned) };
        self.hear(Msg::Page(Ticket(ticket), Ok(page)));
    }

    /// As far as the objects below the bookmark of S3Reader.
    fn in_bucket() -> Self {
        let mut app = app();
        app.press("j<enter>");
        app.assumed(1, READER, 3600);
        app.hear(Msg::Buckets(Ticket(2), Err(denied("s3:ListAllMyBuckets"))));
        app.press("<enter>");
        app.page(3, &[("reports/", 0), ("summary.csv", 1_258_291), ("test.txt", 22), ("test2.txt", 23)], None);
        app
    }

    fn terminal(&self) -> Terminal<TestBackend> {
        let (columns, rows) = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| view(&self.state, Theme::new(true), frame)).unwrap();
        terminal
    }

    /// The picture as text.
    fn screen(&self) -> String {
        let terminal = self.terminal();
        let text = terminal.backend().to_string();
        let rows = text.lines().map(|row| row.trim_matches('"').trim_end());
        rows.collect::<Vec<_>>().join("\n")
    }
}

fn denied(action: &str) -> Error {
    Error::Denied {
        action: action.into(),
        resource: "*".into(),
        message: "because no identity-based policy allows it".into(),
        hint: Some("allow it".into()),
    }
}

/// What the pages of these tests tell of an object.
fn listed(size: u64) -> Option<Listed> {
    Some(Listed { size, modified: Some(at(-7200)), etag: None })
}

fn uri(key: &str) -> S3Uri {
    S3Uri::new("gautamtest-assume-role", key)
}

#[test]
fn the_first_screen() {
    let mut app = app();
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(60, 16));
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(20, 5));
    insta::assert_snapshot!(app.screen());
}

#[test]
fn picking_a_role_assumes_it_and_opens_its_buckets() {
    let mut app = app();
    let effects = app.press("j<enter>");
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(1), role: READER, code: None, anew: false }]);
    assert!(app.screen().contains("assuming prod/S3Reader"));
    let effects = app.assumed(1, READER, 3600);
    assert_eq!(effects, [Effect::Buckets { ticket: Ticket(2), role: READER }]);
    let bucket = Bucket { name: "data".into(), region: Some("eu-west-1".into()), created: None };
    app.hear(Msg::Buckets(Ticket(2), Ok(vec![bucket])));
    app.hear(Msg::Tick(at(768)));
    insta::assert_snapshot!(app.screen());
}

#[test]
fn a_session_that_lives_is_not_asked_for_again() {
    let mut app = App::in_bucket();
    assert_eq!(app.press("<backtab><enter>"), []);
    assert_eq!(app.press("<backtab>s"), [Effect::Assume { ticket: Ticket(4), role: READER, code: None, anew: false }]);
    assert_eq!(app.assumed(4, READER, 3600), [Effect::Shell { role: READER }]);
}

#[test]
fn the_console_opens_beside_the_screen_at_what_it_shows() {
    let mut app = App::in_bucket();
    let assume = |ticket, role| Effect::Assume { ticket: Ticket(ticket), role, code: None, anew: false };
    let console = |role, page| Effect::Console { role, page };
    assert_eq!(app.press("w"), [assume(4, READER)]);
    assert_eq!(app.assumed(4, READER, 3600), [console(READER, ConsolePage::Bucket(uri("reports/")))]);
    assert!(app.screen().contains("opening the console of prod/S3Reader"), "{}", app.screen());
    app.hear(Msg::Console(READER, Ok(())));
    assert!(app.screen().contains("the console of prod/S3Reader is open in the browser"), "{}", app.screen());
    app.press("b");
    app.press("w");
    assert_eq!(app.assumed(6, READER, 3600), [console(READER, ConsolePage::Bucket(uri("")))]);
    // Another role's: the browser stays with its own.
    app.press("<backtab>jw");
    assert_eq!(app.assumed(7, ADMIN, 3600), [console(ADMIN, ConsolePage::Home)]);
    assert_eq!((app.state.current, app.state.browser.role), (Some(READER), Some(READER)));
}

#[test]
fn a_console_that_does_not_open_says_why_or_asks() {
    let nobody = || Error::NotFound { message: "no browser came".into(), hint: None };
    let mut app = App::in_bucket();
    app.hear(Msg::Console(READER, Err(nobody())));
    let screen = app.screen();
    assert!(screen.contains("console of prod/S3Reader") && screen.contains("no browser came"), "{screen}");
    // What is being typed is not taken away.
    app.press("<esc>d");
    app.hear(Msg::Console(READER, Err(nobody())));
    assert!(matches!(app.state.modal, Some(Modal::Download { .. })), "{}", app.screen());
    app.press("<esc>");
    app.hear(Msg::Console(ADMIN, Err(Error::MfaRequired { role: "prod/Admin".into(), serial: "me".into() })));
    let code = Some(Code("123456".into()));
    assert_eq!(app.press("123456<enter>"), [Effect::Assume { ticket: Ticket(4), role: ADMIN, code, anew: false }]);
    assert_eq!(app.assumed(4, ADMIN, 3600), [Effect::Console { role: ADMIN, page: ConsolePage::Home }]);
}

#[test]
fn a_guarded_account_wants_its_name_typed_for_its_console() {
    let mut app = app();
    assert_eq!(app.press("Gw"), []);
    assert!(app.screen().contains("Really?"), "{}", app.screen());
    let effects = app.press("vault<enter>");
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(1), role: KEEPER, code: None, anew: false }]);
    assert_eq!(app.assumed(1, KEEPER, 3600), [Effect::Console { role: KEEPER, page: ConsolePage::Home }]);
}

#[test]
fn esc_cancels_an_assume_and_the_late_answer_is_dropped() {
    let mut app = app();
    app.press("j<enter>");
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(1))]);
    assert_eq!(app.assumed(1, READER, 3600), []);
    assert_eq!(app.state.current, None);
}

#[test]
fn another_role_takes_the_place_of_the_one_that_is_being_assumed() {
    let mut app = app();
    app.press("<enter>");
    let effects = app.press("j<enter>");
    let assume = Effect::Assume { ticket: Ticket(2), role: READER, code: None, anew: false };
    assert_eq!(effects, [Effect::Cancel(Ticket(1)), assume]);
    assert_eq!(app.assumed(1, JUMP, 3600), []);
}

#[test]
fn a_role_that_lives_is_not_left_for_one_that_was_asked_for_before() {
    let mut app = App::in_bucket();
    app.press("<backtab>jr");
    assert_eq!(app.press("k<enter>"), [Effect::Cancel(Ticket(4))]);
    assert_eq!(app.assumed(4, ADMIN, 3600), []);
    assert_eq!(app.state.current, Some(READER));
}

#[test]
fn an_answer_does_not_change_what_an_open_question_is_about() {
    let mut app = App::in_bucket();
    app.press("<backtab>j<enter><tab>jd");
    assert_eq!(app.assumed(4, ADMIN, 3600), []);
    assert!(app.screen().contains("prod/Admin is assumed"), "{}", app.screen());
    let picks = vec![Pick::into_folder(uri("summary.csv"), listed(1_258_291), Path::new("./"))].into();
    let download = Effect::Download { job: JobId(5), role: READER, picks, if_exists: IfExists::Refuse };
    assert_eq!(app.press("<enter>"), [download]);
}

#[test]
fn esc_cancels_an_assume_from_every_pane() {
    let mut app = App::in_bucket();
    app.press("<backtab>jr<tab><space>");
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(4))]);
    assert_eq!(app.state.browser.listing.marked().len(), 1);
}

#[test]
fn what_is_typed_takes_the_place_of_what_was_filled_in() {
    let mut app = App::in_bucket();
    let effects = app.press(":other-bucket/x/<enter>");
    let uri = S3Uri::new("other-bucket", "x/");
    assert_eq!(effects, [Effect::List { ticket: Ticket(4), role: READER, uri }]);
    app.press(":");
    app.hear(Msg::Paste("s3://third-bucket/".into()));
    let uri = S3Uri::new("third-bucket", "");
    assert_eq!(app.press("<enter>")[1..], [Effect::List { ticket: Ticket(5), role: READER, uri }]);
    // Editing keeps it.
    let uri = S3Uri::new("third-bucket", "y");
    assert_eq!(app.press(":<end>y<enter>")[1..], [Effect::List { ticket: Ticket(6), role: READER, uri }]);
}

#[test]
fn a_folder_may_begin_in_the_home() {
    let mut app = App::in_bucket();
    app.state.home = Some("/home/me".into());
    for (typed, root) in [("~/in", "/home/me/in"), ("~", "/home/me"), ("~x", "~x"), ("/tmp/x", "/tmp/x")] {
        app.press(&format!("d{typed}<enter>"));
        let job = app.state.jobs.last().unwrap();
        let What::Download { picks, .. } = &job.what else { panic!("{job:?}") };
        assert_eq!(**picks, [Pick::folder(uri("reports/"), Path::new(root))], "{typed}");
    }
}

#[test]
fn a_refused_role_says_why_and_stays_marked() {
    let mut app = app();
    app.press("j<enter>");
    app.hear(Msg::Assumed(Ticket(1), READER, Err(denied("sts:AssumeRole")), None));
    insta::assert_snapshot!(app.screen());
    app.press("<esc>");
    assert!(app.screen().contains("refused"));
}

#[test]
fn an_mfa_code_is_asked_for_and_never_shown_by_debug() {
    let mut app = app();
    app.press("jj<enter>");
    let wanted = Error::MfaRequired { role: "prod/Admin".into(), serial: "arn:aws:iam::1:mfa/me".into() };
    app.hear(Msg::Assumed(Ticket(1), ADMIN, Err(wanted), Some("123456".into())));
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("12<enter>"), []);
    let effects = app.press("3456<enter>");
    let code = Some(Code("123456".into()));
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(2), role: ADMIN, code, anew: false }]);
    assert!(!format!("{effects:?}").contains("123456"));
}

#[test]
fn a_guarded_account_wants_its_name_typed() {
    let mut app = app();
    assert_eq!(app.press("G<enter>"), []);
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("vaul<enter>"), []);
    let effects = app.press("t<enter>");
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(1), role: KEEPER, code: None, anew: false }]);
}

/// A code that AWS does not take is asked for again, in the same place.
#[test]
fn a_wrong_code_is_asked_for_again() {
    let mut app = app();
    app.press("/admin<enter><enter>");
    let wants = Error::MfaRequired { role: "prod/Admin".into(), serial: "arn:aws:iam::111111111111:mfa/me".into() };
    app.hear(Msg::Assumed(Ticket(1), ADMIN, Err(wants), None));
    // Letters are no code, and a seventh digit is none either.
    let code = |ticket, code: &str| Effect::Assume {
        ticket: Ticket(ticket),
        role: ADMIN,
        code: Some(Code(code.into())),
        anew: false,
    };
    assert_eq!(app.press("x12345678<enter>"), [code(2, "123456")]);
    let denied = Error::Denied {
        action: "sts:GetSessionToken".into(),
        resource: "me".into(),
        message: "MultiFactorAuthentication failed with invalid MFA one time pass code.".into(),
        hint: None,
    };
    app.hear(Msg::Assumed(Ticket(2), ADMIN, Err(denied), None));
    let screen = app.screen();
    assert!(screen.contains("AWS did not take that code") && screen.contains("mfa/me for prod/Admin"), "{screen}");
    assert_eq!(app.press("654321<enter>"), [code(3, "654321")]);
    app.hear(Msg::Assumed(Ticket(3), ADMIN, Err(Error::MfaCodeUsed { serial: "me".into() }), None));
    assert!(app.screen().contains("that code was sent already"));
    app.press("<esc>");
    assert!(app.state.modal.is_none());
}

/// Whoever is signed out signs in where he is, and goes on.
#[test]
fn a_role_whose_source_is_signed_out_offers_to_sign_in() {
    let signed_out = |source: &str| {
        Err(Error::SignedOut { source_name: source.into(), message: "nobody has signed in".into(), hint: None })
    };
    let mut app = app();
    app.hear(Msg::CanSignIn("corp".into()));
    app.press("<enter>");
    app.hear(Msg::Assumed(Ticket(1), JUMP, signed_out("corp"), None));
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("<enter>"), [Effect::SignIn { ticket: Ticket(2), source: "corp".into() }]);
    let step = |url: &str, code: Option<&str>| SignInStep { url: url.into(), code: code.map(str::to_owned) };
    app.hear(Msg::SignInStep(Ticket(1), step("https://old.test/", None)));
    app.hear(Msg::SignInStep(Ticket(2), step("https://corp.test/device?user_code=ABCD-EFGH", Some("ABCD-EFGH"))));
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("y"), [Effect::CopyText("https://corp.test/device?user_code=ABCD-EFGH".into())]);
    let assume = Effect::Assume { ticket: Ticket(3), role: JUMP, code: None, anew: false };
    assert_eq!(app.hear(Msg::SignedIn(Ticket(2), Ok((2, 3)))), [assume]);
    assert!(app.state.modal.is_none() && app.state.notice.as_ref().unwrap().starts_with("signed in to corp"));
    // Cancelled: its answer is nobody's.
    app.hear(Msg::Assumed(Ticket(3), JUMP, signed_out("corp"), None));
    app.press("<enter>");
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(4))]);
    assert_eq!(app.hear(Msg::SignedIn(Ticket(4), Ok((2, 3)))), []);
    // Keys have no sign-in.
    app.press("<enter>");
    app.hear(Msg::Assumed(Ticket(5), JUMP, signed_out("other"), None));
    assert!(matches!(app.state.modal, Some(Modal::Failure { .. })));
}

#[test]
fn the_clock_runs_down_and_warns() {
    let mut app = App::in_bucket();
    app.hear(Msg::Tick(at(768)));
    assert!(app.screen().lines().next().unwrap().contains("47:12"));
    app.hear(Msg::Tick(at(3299)));
    assert_eq!(app.state.notice, None);
    app.hear(Msg::Tick(at(3300)));
    assert!(app.screen().contains("ends in 5 min"));
    app.hear(Msg::Tick(at(3600)));
    let screen = app.screen();
    assert!(screen.lines().next().unwrap().contains("ended") && screen.contains("has ended"), "{screen}");
}

#[test]
fn a_session_that_renews_itself_is_renewed_ahead_of_its_end_and_once() {
    let profile = crate::config::parse(&PROFILE.replace("[settings]", "[settings]\nrenew = true"), Path::new("x"));
    let mut app = App::in_bucket();
    app.state.profile = Arc::new(profile.unwrap());
    assert_eq!(app.hear(Msg::Tick(at(3299))), []);
    assert_eq!(app.hear(Msg::Tick(at(3300))), [Effect::Renew { role: READER }]);
    assert_eq!((app.hear(Msg::Tick(at(3301))), app.state.notice.clone()), (vec![], None));
    app.hear(Msg::Renewed(READER, Life { issued: at(3301), expiration: at(6901), arn: "arn".into() }));
    assert_eq!(app.hear(Msg::Tick(at(6601))), [Effect::Renew { role: READER }]);
    // When that fails, the end is told as ever.
    app.hear(Msg::Tick(at(6841)));
    assert!(app.screen().contains("ends in 1 min"));
}

#[test]
fn the_header_has_the_colour_of_the_environment() {
    let mut app = app();
    app.press("<enter>");
    app.assumed(1, JUMP, 3600);
    assert_eq!(app.terminal().backend().buffer()[(0, 0)].bg, Color::Green);
    let app = App::in_bucket();
    assert_eq!(app.terminal().backend().buffer()[(0, 0)].bg, Color::Red);
}

#[test]
fn roles_are_found_by_any_part() {
    for (typed, found) in
        [("rea", READER), ("2222", READER), ("jmp", JUMP), ("keep", KEEPER), ("prod adm", ADMIN), ("dev", JUMP)]
    {
        let mut app = app();
        app.press("/");
        app.hear(Msg::Paste(typed.into()));
        assert_eq!(app.state.roles.selected(), Some(found), "{typed}\n{}", app.screen());
    }
    let mut app = app();
    app.press("/zzz");
    insta::assert_snapshot!(app.screen());
    app.press("<esc>");
    assert_eq!(app.state.roles.rows.len(), 7);
}

#[test]
fn objects_of_a_bucket() {
    let mut app = App::in_bucket();
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(120, 40));
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(60, 16));
    insta::assert_snapshot!(app.screen());
}

#[test]
fn pages_of_an_older_listing_are_dropped() {
    let mut app = App::in_bucket();
    let effects = app.press("r");
    assert_eq!(effects, [Effect::List { ticket: Ticket(4), role: READER, uri: uri("") }]);
    app.page(3, &[("old", 1)], None);
    assert!(app.state.browser.listing.is_empty());
    app.page(4, &[("new", 1)], Some("more"));
    assert!(app.screen().contains("1 of 1+"), "{}", app.screen());
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(4))]);
    app.page(4, &[("late", 1)], None);
    assert_eq!(app.state.browser.listing.len(), 1);
}

#[test]
fn going_down_and_up_again_finds_the_place_as_it_was() {
    let mut app = App::in_bucket();
    let effects = app.press("<enter>");
    assert_eq!(effects, [Effect::List { ticket: Ticket(4), role: READER, uri: uri("reports/") }]);
    app.page(4, &[("reports/2025/", 0)], None);
    assert_eq!(app.press("<backspace>"), []);
    assert_eq!(app.state.browser.listing.len(), 4);
    // A place that was typed has no trail: its parent is listed.
    let typed = ":<ctrl-u>gautamtest-assume-role/a/b/<enter>";
    assert_eq!(app.press(typed), [Effect::List { ticket: Ticket(5), role: READER, uri: uri("a/b/") }]);
    let list = Effect::List { ticket: Ticket(6), role: READER, uri: uri("a/") };
    assert_eq!(app.press("h"), [Effect::Cancel(Ticket(5)), list]);
    app.page(6, &[("a/a/", 0), ("a/b/", 0)], None);
    assert_eq!(app.state.browser.selected_uri(), Some(uri("a/b/")));
}

#[test]
fn a_bucket_opens_by_name_when_buckets_cannot_be_listed() {
    let mut app = app();
    app.press("j<enter>");
    app.assumed(1, READER, 3600);
    app.hear(Msg::Buckets(Ticket(2), Err(denied("s3:ListAllMyBuckets"))));
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press(":<ctrl-u>s3:/x<enter>"), []);
    assert!(matches!(&app.state.modal, Some(Modal::GoTo { problem: Some(_), .. })), "{}", app.screen());
    let effects = app.press("<ctrl-u>other-bucket<enter>");
    let uri = S3Uri::new("other-bucket", "");
    assert_eq!(effects, [Effect::List { ticket: Ticket(3), role: READER, uri }]);
}

#[test]
fn strangers_keys_are_escaped_wherever_they_are_shown() {
    let hostile = "\x1b]0;owned\x07\u{202e}gpj\r\n.txt";
    let mut app = App::in_bucket();
    app.press("r");
    app.page(4, &[(hostile, 1), ("\u{200b}", 1)], None);
    for keys in ["", "<space>d", "<esc>d<enter>T", "<enter>", "<esc><tab><tab>i", "<esc>y", "y", "/\u{202e}"] {
        app.press(keys);
        let buffer = app.terminal().backend().buffer().clone();
        let drawn: String = buffer.content().iter().map(|cell| cell.symbol()).collect();
        assert!(!drawn.chars().any(|c| c.is_control() || "\u{202e}\u{200b}".contains(c)), "{keys}: {}", app.screen());
    }
    // What is copied is exact.
    let mut app = App::in_bucket();
    app.press("r");
    app.page(4, &[(hostile, 1)], None);
    assert_eq!(app.press("yy"), [Effect::CopyText(uri(hostile).to_string())]);
}

#[test]
fn the_help_is_printed_from_the_key_table() {
    let mut app = app();
    app.hear(Msg::Resize(80, 36));
    app.press("?");
    insta::assert_snapshot!(app.screen());
}

#[test]
fn the_mouse_picks_and_opens() {
    let click = |column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
    };
    let mut app = app();
    // The border, a heading and an empty row pick nothing.
    for row in [1, 4, 12] {
        app.hear(click(5, row));
        assert_eq!(app.state.roles.selected(), Some(JUMP), "{row}");
    }
    assert_eq!(app.hear(click(5, 5)), []);
    let effects = app.hear(click(5, 5));
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(1), role: READER, code: None, anew: false }]);
}

#[test]
fn a_crash_of_a_task_is_an_error_and_not_the_end() {
    let mut app = App::in_bucket();
    app.press("r");
    app.hear(Msg::Page(Ticket(4), Err(Error::Crashed { message: "boom".into() })));
    assert!(app.screen().contains("boom"));
    assert_eq!(app.press("q"), [Effect::Quit]);
}

#[test]
fn a_session_that_ended_and_wants_a_code_asks_and_goes_on() {
    let mut app = App::in_bucket();
    app.press("r");
    let wanted = Error::MfaRequired { role: "prod/S3Reader".into(), serial: "me".into() };
    app.hear(Msg::Page(Ticket(4), Err(wanted)));
    let effects = app.press("123456<enter>");
    let code = Some(Code("123456".into()));
    assert_eq!(effects, [Effect::Assume { ticket: Ticket(5), role: READER, code, anew: false }]);
    assert_eq!(app.assumed(5, READER, 3600), [Effect::List { ticket: Ticket(6), role: READER, uri: uri("") }]);
}
