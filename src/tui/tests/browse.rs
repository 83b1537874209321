//! The browser: what is copied, versions, the flat view, finding, counting, bookmarks, details.

use std::time::Duration;

use super::*;
use crate::aws::s3::Of;
use crate::domain::object::{Details, Head, Version, VersionPage};
use crate::domain::presigned::Presigned;
use crate::ops::download::To;
use crate::tui::msg::Counted;
use crate::tui::state::{Focus, Place};

fn object(app: &mut App) {
    // On summary.csv.
    app.press("j");
}

fn versions_page() -> VersionPage {
    let version = |id: &str, latest, deleted, size| Version {
        key: "summary.csv".into(),
        version_id: id.into(),
        latest,
        deleted,
        size,
        last_modified: Some(at(-7200)),
        ..Version::default()
    };
    let versions = vec![
        version("3HL4kqtJlcpXroDTDmjVBH40Nrjfkd", true, true, 0),
        version("QUpfdndhfd8438MNFDN93jdnJFkdmqnh", false, false, 2048),
    ];
    VersionPage { prefixes: Vec::new(), versions, next: None }
}

#[test]
fn what_is_copied_is_chosen_and_yy_is_quick() {
    let mut app = App::in_bucket();
    object(&mut app);
    assert_eq!(app.press("y"), []);
    insta::assert_snapshot!(app.screen());
    let of = || uri("summary.csv");
    let text = |text: &str| Effect::CopyText(text.into());
    assert_eq!(app.press("y"), [text("s3://gautamtest-assume-role/summary.csv")]);
    assert_eq!(app.press("y<enter>"), [text("s3://gautamtest-assume-role/summary.csv")]);
    assert_eq!(app.press("y2"), [text("arn:aws:s3:::gautamtest-assume-role/summary.csv")]);
    assert_eq!(app.press("yj<enter>"), [text("arn:aws:s3:::gautamtest-assume-role/summary.csv")]);
    assert_eq!(app.press("y3"), [Effect::Address { role: READER, uri: of(), version: None }]);
    assert_eq!(app.hear(Msg::Address("https://x/summary.csv".into())), [text("https://x/summary.csv")]);
    // The session lives for an hour, so that an hour and twelve are not offered.
    let life = Some(Duration::from_secs(900));
    let presign =
        |ticket, life| Effect::Presign { ticket: Ticket(ticket), role: READER, uri: of(), version: None, life };
    assert_eq!(app.press("y4"), [presign(4, life)]);
    assert_eq!(app.press("y5"), [presign(5, None)]);
    assert_eq!(app.press("y9"), []);
    app.press("<esc>");
    // The first question was overtaken by the second.
    let presigned = || Presigned::new("https://x/?X-Amz-Signature=very-secret".into(), at(3600), None);
    assert_eq!(app.hear(Msg::Presigned(Ticket(4), Ok(presigned()))), []);
    let effects = app.hear(Msg::Presigned(Ticket(5), Ok(presigned())));
    assert_eq!(effects, [Effect::CopyPresigned(presigned())]);
    let screen = app.screen();
    assert!(screen.contains("copied a presigned URL") && screen.contains("1 h"), "{screen}");
    assert!(!format!("{effects:?} {:?} {screen}", app.state).contains("very-secret"));
}

#[test]
fn buckets_and_folders_have_no_presigned_url() {
    let mut app = App::in_bucket();
    app.press("y");
    let screen = app.screen();
    assert!(screen.contains("s3 URI") && !screen.contains("presigned"), "{screen}");
    assert_eq!(app.press("2"), [Effect::CopyText("arn:aws:s3:::gautamtest-assume-role/reports/".into())]);
    app.press("by");
    assert_eq!(app.press("2"), [Effect::CopyText("arn:aws:s3:::gautamtest-assume-role".into())]);
}

#[test]
fn versions_and_delete_markers_are_a_place_of_their_own() {
    let mut app = App::in_bucket();
    object(&mut app);
    let ask = |ticket, uri, of| Effect::Versions { ticket: Ticket(ticket), role: READER, uri, of };
    assert_eq!(app.press("v"), [ask(4, uri("summary.csv"), Of::Object)]);
    app.hear(Msg::Versions(Ticket(4), Ok(versions_page())));
    app.hear(Msg::Resize(120, 24));
    insta::assert_snapshot!(app.screen());
    // A delete marker has nothing to show; the version below it has.
    assert_eq!(app.press("<enter>"), []);
    assert!(app.screen().contains("a delete marker"), "{}", app.screen());
    let id = || Some("QUpfdndhfd8438MNFDN93jdnJFkdmqnh".to_owned());
    let preview = Effect::Preview { ticket: Ticket(5), role: READER, uri: uri("summary.csv"), version: id() };
    assert_eq!(app.press("j<enter>"), [preview]);
    app.press("<esc>d");
    let effects = app.press("<enter>");
    let to = To::Folder("./".into());
    let picks = vec![Pick::Object { uri: uri("summary.csv"), version: id(), listed: listed(2048), to }].into();
    assert_eq!(effects, [Effect::Download { job: JobId(6), role: READER, picks, if_exists: IfExists::Refuse }]);
    assert_eq!(app.press("y3"), [Effect::Address { role: READER, uri: uri("summary.csv"), version: id() }]);
    // Back to where we were, without asking again.
    assert_eq!(app.press("<esc>"), []);
    assert_eq!(app.state.browser.selected_uri(), Some(uri("summary.csv")));
    // On a folder: everything at this level, with what was deleted.
    assert_eq!(app.press("gv"), [ask(7, uri(""), Of::Level)]);
    let page = VersionPage { prefixes: vec!["reports/".into()], ..versions_page() };
    app.hear(Msg::Versions(Ticket(7), Ok(page)));
    assert_eq!(app.press("<enter>"), [ask(8, uri("reports/"), Of::Level)]);
    assert_eq!(app.press("h"), [Effect::Cancel(Ticket(8))]);
}

#[test]
fn the_flat_view_keeps_folders_and_exact_keys() {
    let mut app = App::in_bucket();
    let walk = |ticket, pattern: Option<&str>| Effect::Walk {
        ticket: Ticket(ticket),
        role: READER,
        uri: uri(""),
        pattern: pattern.map(str::to_owned),
    };
    assert_eq!(app.press("f"), [walk(4, None)]);
    app.page(4, &[("reports/a.txt", 1), ("x/a.txt", 2)], Some(""));
    app.page(4, &[], None);
    assert!(app.screen().contains("all below") && app.screen().contains("x/a.txt"), "{}", app.screen());
    let effects = app.press("*dout<enter>");
    let pick = |key, size| {
        let to = To::Below { root: "out".into(), strip: String::new() };
        Pick::Object { uri: uri(key), version: None, listed: listed(size), to }
    };
    let picks = vec![pick("reports/a.txt", 1), pick("x/a.txt", 2)].into();
    assert_eq!(effects, [Effect::Download { job: JobId(5), role: READER, picks, if_exists: IfExists::Refuse }]);
    let list = Effect::List { ticket: Ticket(6), role: READER, uri: uri("") };
    assert_eq!(app.press("f"), [list]);
    assert_eq!(app.state.browser.place, Place::Prefix(uri("")));
    // What is found stands in a flat listing, too; Esc stops it, then leads back.
    app.page(6, &[("reports/", 0)], None);
    assert_eq!(app.press("F<enter>"), []);
    assert!(app.screen().contains("a part of a name"), "{}", app.screen());
    assert_eq!(app.press("*.txt<enter>"), [walk(7, Some("*.txt"))]);
    app.page(7, &[("reports/2025/a.txt", 1)], Some(""));
    assert!(app.screen().contains("find *.txt"), "{}", app.screen());
    assert_eq!(app.state.browser.selected_uri(), Some(uri("reports/2025/a.txt")));
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(7))]);
    assert_eq!(app.press("<esc>"), []);
    assert_eq!(app.state.browser.place, Place::Prefix(uri("")));
    assert_eq!(app.state.focus, Focus::Browser);
}

#[test]
fn what_is_below_is_counted_beside_everything_else() {
    let mut app = App::in_bucket();
    let ask = |ticket, uri| Effect::Usage { ticket: Ticket(ticket), role: READER, uri };
    assert_eq!(app.press("u"), [ask(4, uri("reports/"))]);
    let counted = |complete| Counted { objects: 1204, bytes: 3 << 30, complete };
    app.hear(Msg::Usage(Ticket(4), Ok(counted(false))));
    let screen = app.screen();
    assert!(screen.contains("⠋ 3.0 GiB") && screen.contains("1,204 obj"), "{screen}");
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(4))]);
    app.hear(Msg::Usage(Ticket(4), Ok(counted(true))));
    assert!(!app.screen().contains("3.0 GiB"), "{}", app.screen());
    assert_eq!(app.press("u"), [ask(5, uri("reports/"))]);
    app.hear(Msg::Usage(Ticket(5), Ok(counted(true))));
    let screen = app.screen();
    assert!(screen.contains("reports/: 1,204 objects, 3.0 GiB"), "{screen}");
    // A refusal is told, and the row is as it was.
    app.press("u");
    app.hear(Msg::Usage(Ticket(6), Err(denied("s3:ListBucket"))));
    assert!(app.screen().contains("was not counted"), "{}", app.screen());
    assert!(app.state.browser.usage.is_empty());
    // An object has its size already.
    assert_eq!(app.press("ju"), []);
    // Buckets get a column for it, and lose what another role counted.
    app.press("b");
    assert_eq!(app.press("u"), [ask(8, uri(""))]);
    app.hear(Msg::Usage(Ticket(8), Ok(counted(true))));
    assert!(app.screen().contains("3.0 GiB"), "{}", app.screen());
    app.press("<backtab>k<enter>");
    app.assumed(9, JUMP, 3600);
    assert!(app.state.browser.usage.is_empty());
}

#[test]
fn bookmarks_are_added_and_forgotten_here_but_not_those_of_the_file() {
    let mut app = App::in_bucket();
    assert_eq!(app.press("B"), []);
    assert!(app.screen().contains("bookmark of the profile file"), "{}", app.screen());
    app.press("<enter>");
    let bookmark = |keep| Effect::Bookmark { role: READER, uri: uri("reports/"), keep };
    assert_eq!(app.press("B"), [bookmark(true)]);
    app.hear(Msg::Bookmarks(READER, Ok(vec![uri("reports/")])));
    app.press("b");
    assert!(app.screen().contains("★ s3://gautamtest-assume-role/reports/"), "{}", app.screen());
    app.press("j");
    let effects = app.press("B");
    assert_eq!(effects[0], bookmark(false));
    assert!(!app.screen().contains("★ s3://gautamtest-assume-role/reports/"), "{}", app.screen());
    let error = Error::NotFound { message: "no folder".into(), hint: None };
    app.hear(Msg::Bookmarks(READER, Err(error)));
    assert!(app.screen().contains("the bookmark was not written: no folder"), "{}", app.screen());
}

#[test]
fn details_are_told_part_by_part_and_scroll() {
    let mut app = App::in_bucket();
    object(&mut app);
    let details = Effect::Details { ticket: Ticket(4), role: READER, uri: uri("summary.csv"), version: None };
    assert_eq!(app.press("i"), [details]);
    // What the listing told is there at once.
    assert!(app.screen().contains("1.2 MiB (1,258,291 B)"), "{}", app.screen());
    let metadata = (0..30).map(|n| (format!("key-{n:02}"), "value".to_owned())).collect();
    let head = Head { size: 1_258_291, storage_class: "GLACIER".into(), metadata, ..Head::default() };
    let tags = Err(denied("s3:GetObjectTagging"));
    let details = Details { head: Ok(head), tags, retention: Ok(None), legal_hold: Ok(None) };
    app.hear(Msg::Details(Ticket(4), Ok(Box::new(details))));
    insta::assert_snapshot!(app.screen());
    app.press("G");
    let screen = app.screen();
    assert!(screen.contains("key-29") && !screen.contains("key-00"), "{screen}");
    // The picture stops where the text does, and so does the key.
    app.press("k");
    assert!(!app.screen().contains("key-29"), "{}", app.screen());
    app.press("yy");
    assert!(app.state.modal.is_none());
}

#[test]
fn w_opens_what_is_under_the_cursor() {
    let mut app = App::in_bucket();
    app.press("jw");
    let page = ConsolePage::Object(uri("summary.csv"));
    assert_eq!(app.assumed(4, READER, 3600), [Effect::Console { role: READER, page }]);
}
