//! README's picture: a real screen of this program, drawn as SVG, and a test that it still looks so.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::*;

const CELL: (usize, usize) = (9, 19);

fn rgb(color: Color, default: &'static str) -> &'static str {
    match color {
        Color::Black => "#1d1f21",
        Color::Red => "#c4384b",
        Color::Green => "#7fb069",
        Color::Yellow => "#e0b050",
        Color::Blue => "#6ca0dc",
        Color::Magenta => "#c58fd0",
        Color::Cyan => "#6fc2c0",
        Color::Gray => "#a8a8a8",
        Color::White => "#f4f4f4",
        _ => default,
    }
}

/// Text and background colour of a cell.
fn colors(cell: &Cell) -> (&'static str, &'static str) {
    let (front, back) = (rgb(cell.fg, "#d4d4d4"), rgb(cell.bg, "#16181a"));
    let front = if cell.modifier.contains(Modifier::DIM) { "#84888c" } else { front };
    if cell.modifier.contains(Modifier::REVERSED) { (back, front) } else { (front, back) }
}

fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (usize::from(area.width) * CELL.0, usize::from(area.height) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-12 -10 {} {}\" font-family=\"DejaVu Sans Mono, Menlo, \
         Consolas, monospace\" font-size=\"15\">\n<rect x=\"-12\" y=\"-10\" width=\"100%\" height=\"100%\" rx=\"8\" \
         fill=\"#16181a\"/>\n",
        width + 24,
        height + 20
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let first = &buffer[(x, y)];
            let (front, back) = colors(first);
            let start = x;
            let mut text = String::new();
            // Cells that look alike are one piece; its length is set, so that every font keeps the columns.
            while x < area.width && colors(&buffer[(x, y)]) == (front, back) {
                let symbol = buffer[(x, y)].symbol();
                text += symbol;
                x += (symbol.width() as u16).max(1);
            }
            let (left, top) = (usize::from(start) * CELL.0, usize::from(y) * CELL.1);
            let length = usize::from(x - start) * CELL.0;
            if back != "#16181a" {
                _ = writeln!(
                    out,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{length}\" height=\"{}\" fill=\"{back}\"/>",
                    CELL.1
                );
            }
            if !text.trim().is_empty() {
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                _ = writeln!(
                    out,
                    "<text x=\"{left}\" y=\"{}\" textLength=\"{length}\" xml:space=\"preserve\" fill=\"{front}\">{text}</text>",
                    top + 14
                );
            }
        }
    }
    out + "</svg>\n"
}

/// The sketch of an ordinary day: one session, a marked object, two transfers.
fn day() -> App {
    let profile = crate::config::parse(include_str!("../../../assets/demo/config.toml"), Path::new("x")).unwrap();
    let mut app = App { state: State::new(Arc::new(profile), KeyMap::default(), (100, 24), at(0), TimeZone::UTC) };
    app.press("jj<enter>");
    app.assumed(1, RoleIndex(2), 3600);
    let life = |seconds| Life { issued: at(0), expiration: at(seconds), arn: String::new() };
    app.hear(Msg::Renewed(RoleIndex(0), life(3900)));
    app.hear(Msg::Renewed(RoleIndex(5), life(1039)));
    app.state.roles.failures.insert(RoleIndex(6), denied("sts:AssumeRole"));
    app.press("<enter>");
    let object = |key: &str, size, age: i64, class: &str| {
        let (last_modified, storage_class) = (Some(at(768 - age)), Some(class.to_owned()));
        Entry::Object(Object { key: key.into(), size, last_modified, storage_class, etag: None })
    };
    let mut entries = vec![Entry::Prefix("reports/".into())];
    entries.extend([
        object("archive-\x1b[2J.tar", 4 << 30, 400 * 86_400, "GLACIER"),
        object("big.bin", 24 << 20, 5 * 86_400, "STANDARD"),
        object("summary.csv", 1_258_291, 7200, "STANDARD"),
        object("test.txt", 22, 3 * 86_400, "STANDARD"),
        object("test2.txt", 23, 3 * 86_400, "STANDARD"),
    ]);
    app.hear(Msg::Page(Ticket(3), Ok(Page { entries, next: None })));
    app.hear(Msg::Tick(at(765)));
    app.press("jjd<enter>jd<enter>j<space>");
    let progress = |bytes, total_bytes, current: &str| Progress {
        bytes,
        total_bytes,
        objects: 0,
        total_objects: 1,
        total_known: true,
        active: vec![Active { key: current.into(), ..Active::default() }],
        ..Progress::default()
    };
    app.hear(Msg::Tick(at(766)));
    app.hear(Msg::Progress(JobId(4), progress(9 << 20, 24 << 20, "big.bin")));
    app.hear(Msg::Progress(JobId(5), progress(1_108_000, 1_258_291, "summary.csv")));
    app.hear(Msg::Tick(at(768)));
    app.press("k");
    app
}

#[test]
fn the_readme_shows_what_the_program_draws() {
    let drawn = svg(day().terminal().backend().buffer());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screen.svg");
    if std::env::var_os("XSW_UPDATE_PICTURE").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == drawn, "the picture is old: XSW_UPDATE_PICTURE=1 cargo test the_readme_shows");
}
