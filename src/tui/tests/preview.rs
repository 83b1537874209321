//! The preview: keys, answers that come late, and how each kind of object looks.

use std::sync::Arc;

use super::*;
use crate::ops::preview::{Body, Look, Picture, Preview, sample};
use crate::tui::picture::{Colors, Painter};

const KEYS: [(&str, u64); 4] = [("a/", 0), ("main.rs", 44), ("summary.csv", 4 << 30), ("test.txt", 22)];

/// The cursor on `main.rs`.
fn among() -> App {
    let mut app = app();
    app.press("j<enter>");
    app.assumed(1, READER, 3600);
    app.hear(Msg::Buckets(Ticket(2), Err(denied("s3:ListAllMyBuckets"))));
    app.press("<enter>");
    app.page(3, &KEYS, None);
    app.press("j");
    app
}

fn asked(ticket: u64, key: &str) -> Effect {
    Effect::Preview { ticket: Ticket(ticket), role: READER, uri: uri(key), version: None }
}

/// The answer to a ticket: what the bytes of an object look like.
fn answer(ticket: u64, name: &str, size: u64, bytes: &[u8]) -> Msg {
    Msg::Preview(Ticket(ticket), Ok(Box::new(sample(name, size, bytes))))
}

#[test]
fn text_is_shown_in_colours_and_scrolled() {
    let mut app = among();
    assert_eq!(app.press("p"), [asked(4, "main.rs")]);
    assert!(app.screen().contains("reading …"));
    let source =
        "// A comment \x1b[2J\nfn main() {\n\tprintln!(\"日本 {}\", 42);\n}\n".to_owned() + &"// more\n".repeat(60);
    app.hear(answer(4, "main.rs", source.len() as u64, source.as_bytes()));
    insta::assert_snapshot!(app.screen());
    let terminal = app.terminal();
    let color = |column, row| terminal.backend().buffer()[(column, row)].fg;
    assert_eq!((color(2, 3), color(6, 4), color(5, 5)), (Color::Magenta, Color::Reset, Color::Reset));
    app.press("Gl");
    insta::assert_snapshot!(app.screen());
    app.press("<enter>");
    insta::assert_snapshot!(app.screen());
    assert_eq!(app.press("y"), [Effect::CopyText("s3://gautamtest-assume-role/main.rs".into())]);
    assert_eq!(app.press("p"), []);
    assert!(app.state.modal.is_none());
}

#[test]
fn a_table_keeps_its_heading_and_goes_sideways_by_columns() {
    let mut app = among();
    app.press("jp");
    let rows: String =
        (0..100).map(|row| format!("{row},\"Region {row}\",{}.5,{}\n", row * 7, "x".repeat(90))).collect();
    app.hear(answer(4, "summary.csv", 4 << 30, format!("id,region,amount,note\n{rows}").as_bytes()));
    insta::assert_snapshot!(app.screen());
    app.press("<pagedown>ll");
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(60, 16));
    app.press("g");
    insta::assert_snapshot!(app.screen());
}

#[test]
fn a_late_answer_is_dropped_and_closing_cancels() {
    let mut app = among();
    app.press("p");
    assert_eq!(app.press("<tab>"), [Effect::Cancel(Ticket(4)), asked(5, "summary.csv")]);
    app.hear(answer(4, "main.rs", 2, b"an old answer"));
    assert!(app.screen().contains("reading …") && !app.screen().contains("an old answer"));
    app.hear(answer(5, "summary.csv", 3, b"new"));
    assert!(app.screen().contains("new"));
    // At the ends of the list it stays, and a prefix is passed over.
    assert_eq!(app.press("<tab>"), [asked(6, "test.txt")]);
    assert_eq!(app.press("<tab>"), []);
    assert!(app.screen().contains("no next object here"));
    assert_eq!(app.press("<backtab><backtab>").len(), 4);
    assert_eq!(app.press("<backtab>"), []);
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(8))]);
    assert!(app.state.modal.is_none());
    assert_eq!(app.press("kp"), []);
    assert!(app.screen().contains("only an object can be previewed"));
}

#[test]
fn an_archived_object_says_how_it_is_restored() {
    let mut app = among();
    app.press("p");
    let hint = Some(crate::domain::restore::archived_hint(&uri("main.rs"), None));
    let (action, code) = ("s3:GetObject".into(), "InvalidObjectState".into());
    let message = "The operation is not valid for the object's storage class".into();
    app.hear(Msg::Preview(Ticket(4), Err(Error::Aws { action, code, message, hint })));
    insta::assert_snapshot!(app.screen());
}

#[test]
fn bytes_are_shown_as_hexdump_does() {
    let mut app = among();
    app.press("p");
    app.hear(answer(4, "main.rs", 1000, &[b"\x1b[2J\0\x01".to_vec(), (0..=255).collect()].concat()));
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(60, 16));
    app.press("lG");
    insta::assert_snapshot!(app.screen());
}

#[test]
fn a_picture_is_drawn_for_the_room_that_there_is() {
    let mut app = among();
    app.press("p");
    let pixels = [[255, 0, 0, 255].repeat(3), [0, 0, 255, 255].repeat(3)].concat();
    let picture = Arc::new(Picture { width: 3, height: 2, rgba: pixels });
    let looks = vec![Look { name: "image", body: Body::Picture(picture.clone()) }];
    let notes = vec!["3×2 pixels".to_owned()];
    let preview = Preview { kind: "PNG image".into(), read: 80, size: 80, is_beginning: true, notes, looks };
    let draw = |ticket, room| Effect::Draw { ticket: Ticket(ticket), picture: picture.clone(), room };
    let effects = app.hear(Msg::Preview(Ticket(4), Ok(Box::new(preview))));
    assert_eq!(effects, [draw(5, (76, 19))]);
    assert_eq!(app.hear(Msg::Tick(at(1))), []);
    assert_eq!(app.hear(Msg::Resize(60, 16)), [Effect::Cancel(Ticket(5)), draw(6, (56, 11))]);
    let drawn = |room| Painter::Cells(Colors::All).draw(&picture, room);
    app.hear(Msg::Drawn(Ticket(5), drawn((76, 19))));
    assert!(app.screen().contains("drawing …"));
    app.hear(Msg::Drawn(Ticket(6), drawn((56, 11))));
    insta::assert_snapshot!(app.screen());
    let terminal = app.terminal();
    let cell = &terminal.backend().buffer()[(29, 7)];
    assert_eq!((cell.symbol(), cell.fg, cell.bg), ("▀", Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
    app.hear(Msg::Resize(80, 24));
    app.hear(Msg::Drawn(Ticket(7), None));
    assert!(app.screen().contains("NO_COLOR is set"));
}
