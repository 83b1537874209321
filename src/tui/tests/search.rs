//! Looking for text in a preview, long lines that are wrapped, and lists that are turned around.

use super::*;
use crate::ops::preview::sample;

/// The preview of `summary.csv` whose bytes are these.
fn previewing(name: &str, bytes: &[u8]) -> App {
    let mut app = App::in_bucket();
    assert_eq!(app.press("j<enter>").len(), 1);
    app.hear(Msg::Preview(Ticket(4), Ok(Box::new(sample(name, bytes.len() as u64, bytes)))));
    app
}

fn top(app: &App) -> (usize, usize) {
    let Some(Modal::Preview(viewer)) = &app.state.modal else { panic!("{}", app.screen()) };
    (viewer.top, viewer.above)
}

#[test]
fn text_is_searched_and_esc_ends_the_search_before_the_preview() {
    let lines: String = (0..100).map(|n| format!("line {n} {}\n", if n % 30 == 7 { "Here" } else { "" })).collect();
    let mut app = previewing("a.txt", lines.as_bytes());
    app.press("n");
    assert!(app.screen().contains("/ looks for text"), "{}", app.screen());
    app.press("/her");
    assert!(app.screen().contains("/her▏"), "{}", app.screen());
    // What is typed is typed, whatever the keys mean elsewhere.
    app.press("e<enter>");
    assert_eq!(top(&app), (7, 0));
    let terminal = app.terminal();
    let cell = &terminal.backend().buffer()[(9, 2)];
    assert!(cell.symbol() == "H" && cell.modifier.contains(ratatui::style::Modifier::REVERSED), "{cell:?}");
    app.press("n");
    assert_eq!(top(&app), (37, 0));
    app.press("N");
    assert_eq!(top(&app), (7, 0));
    app.press("N");
    assert!(app.screen().contains("from the end again"), "{}", app.screen());
    app.press("n");
    assert!(app.screen().contains("from the top again"), "{}", app.screen());
    // After walking away, from what is in view.
    app.press("<down><pagedown><pagedown>n");
    assert_eq!(top(&app), (67, 0));
    app.press("/HERE<enter>");
    assert!(app.screen().contains("HERE is not in what was read"), "{}", app.screen());
    app.press("<esc>");
    assert!(matches!(app.state.modal, Some(Modal::Preview(_))));
    app.press("<esc>");
    assert!(app.state.modal.is_none());
}

#[test]
fn a_search_finds_rows_of_a_table_and_columns_beyond_the_edge() {
    let rows: String = (0..100).map(|n| format!("{n},{}\n", if n == 60 { "gold" } else { "sand" })).collect();
    let mut app = previewing("a.csv", format!("id,what\n{rows}").as_bytes());
    app.press("/GOLD<enter>");
    assert!(app.screen().contains("not in what was read"), "{}", app.screen());
    app.press("/gold<enter>");
    assert!(app.screen().contains("60  gold"), "{}", app.screen());
    let mut app = previewing("a.txt", format!("{}needle\n", "x".repeat(300)).as_bytes());
    assert!(!app.screen().contains("needle"), "{}", app.screen());
    app.press("/needle<enter>");
    assert!(app.screen().contains("xneedle"), "{}", app.screen());
    let mut app = previewing("a.bin", b"\0\x01\x02");
    app.press("/");
    assert!(app.screen().contains("only text and tables can be searched"), "{}", app.screen());
}

#[test]
fn long_lines_are_wrapped_and_their_end_is_reached() {
    let source = format!("{}the end of it\nlast\n", "0123456789".repeat(300));
    let mut app = previewing("a.txt", source.as_bytes());
    assert!(!app.screen().contains("the end of it"));
    app.press("w");
    assert!(app.screen().contains("long lines are wrapped"), "{}", app.screen());
    app.press("G");
    let screen = app.screen();
    assert!(screen.contains("the end of it") && screen.contains("│ last"), "{screen}");
    app.press("j");
    assert_eq!(app.screen(), screen);
    app.press("k");
    assert!(!app.screen().contains("│ last"), "{}", app.screen());
    for size in [(60, 16), (120, 40)] {
        app.hear(Msg::Resize(size.0, size.1));
        app.press("G");
        let screen = app.screen();
        assert!(screen.contains("the end of it") && screen.contains("│ last"), "{screen}");
    }
    // The next object is shown in the same way.
    assert_eq!(app.press("<tab>").len(), 1);
    let Some(Modal::Preview(viewer)) = &app.state.modal else { panic!() };
    assert!(viewer.wraps);
}

#[test]
fn a_list_is_turned_around_and_the_heading_says_so() {
    let mut app = App::in_bucket();
    let names = |app: &App| {
        let listing = &app.state.browser.listing;
        (0..listing.shown()).map(|place| listing.row(place).unwrap().name.to_owned()).collect::<Vec<_>>().join(" ")
    };
    for (keys, heading, order) in [
        ("", "NAME ↑", "reports/ summary.csv test.txt test2.txt"),
        ("O", "NAME ↓", "reports/ test2.txt test.txt summary.csv"),
        ("o", "SIZE ↓", "reports/ summary.csv test2.txt test.txt"),
        ("O", "SIZE ↑", "reports/ test.txt test2.txt summary.csv"),
        ("O", "SIZE ↓", "reports/ summary.csv test2.txt test.txt"),
    ] {
        app.press(keys);
        assert!(app.screen().contains(heading), "{heading}: {}", app.screen());
        assert_eq!(names(&app), order, "{heading}");
    }
    // It stays so in the next place.
    app.press("O<enter>");
    app.page(4, &[("reports/b", 2), ("reports/a", 1)], None);
    assert_eq!(names(&app), "a b");
}
