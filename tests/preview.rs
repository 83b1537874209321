//! Previews through the front door: the real program in a pseudo-terminal, before the embedded cloud.
#![cfg(all(unix, feature = "demo"))]

#[path = "pty/home.rs"]
mod home;
#[path = "pty/terminal.rs"]
mod terminal;

use std::fmt::Write as _;
use std::io::Write as _;

use home::Home;
use terminal::Terminal;
use xsw::demo::{Fault, Object};

const ESC: &str = "\x1b";

/// The screen on these objects, which were put into a bucket of the hub.
fn opened(objects: &[(&str, Vec<u8>)], change: impl FnOnce(&mut portable_pty::CommandBuilder)) -> (Home, Terminal) {
    let home = Home::demo();
    for (key, bytes) in objects {
        home.cloud().put_object("hub-artifacts", &format!("looks/{key}"), Object::new(bytes.clone()));
    }
    let mut command = home.command(&[env!("CARGO_BIN_EXE_xsw")]);
    change(&mut command);
    let mut terminal = Terminal::open(command, (100, 30));
    terminal.see("S3Reader");
    terminal.send("/hub/Developer\r\r");
    terminal.see("hub-artifacts");
    terminal.send(":s3://hub-artifacts/looks/\r");
    terminal.see(objects[0].0);
    (home, terminal)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A picture that is red above and blue below.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixel = |_, y| if y < height / 2 { image::Rgb([255, 0, 0]) } else { image::Rgb([0, 0, 255_u8]) };
    image::RgbImage::from_fn(width, height, pixel).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn one_object_after_the_other_is_looked_at() {
    let mut table = String::from("id,region,amount\n");
    (0..100_000).for_each(|row| _ = writeln!(table, "{row},Region {row},{}.5", row * 7));
    let objects = [
        ("a.json", br#"{"name":"xsw","sizes":[1,2]}"#.to_vec()),
        ("b.csv", table.into_bytes()),
        ("c.rs.gz", gzip(b"fn inside() {}\n")),
        ("d.txt", b"\x1b]0;pwned\x07 and \xe2\x80\xae text".to_vec()),
        ("e.png", png(64, 32)),
        ("f.bin", vec![0; 100]),
        ("g.empty", Vec::new()),
    ];
    let (home, mut terminal) = opened(&objects, |command| command.env("COLORTERM", "truecolor"));
    terminal.send("p");
    terminal.see("\"sizes\": [");
    terminal.send("\t");
    terminal.see("first 256 KiB of 2.");
    terminal.see("Region 0");
    terminal.send("G");
    terminal.see_no("Region 0 ");
    terminal.send("\t");
    let text = terminal.see("fn inside() {}");
    assert!(text.contains("Rust in gzip"), "{text}");
    terminal.send("\t");
    let text = terminal.see(r"\x1b]0;pwned\x07 and \u{202e} text");
    assert!(text.contains("d.txt"), "{text}");
    terminal.send("\t");
    terminal.until_screen("red over blue", |screen| {
        let cell = |row, column| screen.cell(row, column).map(|cell| cell.fgcolor());
        (0..30).any(|row| cell(row, 50) == Some(vt100::Color::Rgb(255, 0, 0)))
            && (0..30).any(|row| cell(row, 50) == Some(vt100::Color::Rgb(0, 0, 255)))
    });
    terminal.send("\t");
    terminal.see("00000060  00 00 00 00");
    terminal.send("\t");
    terminal.see("it is empty");
    terminal.send(ESC);
    terminal.see_no("it is empty");
    assert!(!terminal.bytes().windows(5).any(|part| part == b"pwned\x07" || part == b"\x1b]0;p"));
    // One request for each, and of none more than what is shown; an empty one is asked for without a range.
    assert_eq!(home.cloud().calls("s3:GetObject"), objects.len() + 1);
    terminal.send("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn what_cannot_be_read_is_told_and_without_colours_a_picture_is_its_facts() {
    let objects = [("a.png", png(64, 32))];
    let (home, mut terminal) = opened(&objects, |command| command.env("NO_COLOR", "1"));
    terminal.send("p");
    let text = terminal.see("NO_COLOR is set");
    assert!(text.contains("PNG image") && text.contains("64×32 pixels"), "{text}");
    home.cloud().plan("s3:GetObject", 1, Fault::error(403, "AccessDenied"));
    terminal.send("qp");
    terminal.see("not allowed to s3:GetObject");
    terminal.send("q:s3://hub-artifacts/archive/\r");
    terminal.see("2024.tar");
    terminal.send("p");
    let text = terminal.see("--bucket hub-artifacts --key archive/2023.tar");
    assert!(text.contains("InvalidObjectState"), "{text}");
    terminal.send("qq");
    assert_eq!(terminal.ended(), 0);
}
