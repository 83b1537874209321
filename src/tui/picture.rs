//! Pictures in a terminal: by its own protocol where it has one, else as half blocks, two pixels a cell, which every
//! terminal with colours can show.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use image::RgbaImage;
use image::imageops::thumbnail;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Color;
use ratatui::widgets::Widget as _;
use ratatui_image::picker::cap_parser::QueryStdioOptions;
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::protocol::Protocol;
use ratatui_image::{Image, Resize};

use crate::local::environment::Environment;
use crate::ops::preview::Picture;

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colors {
    /// Any.
    All,
    /// The 256 of xterm: 16 of its own, a cube of 216, 24 greys.
    Palette,
}

impl Colors {
    /// What the environment says of the terminal; nothing when colours are not wanted (no-color.org).
    pub fn of(environment: &Environment) -> Option<Self> {
        if environment.get("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb") {
            return None;
        }
        let all = matches!(environment.get("COLORTERM"), Some("truecolor" | "24bit"));
        Some(if all { Self::All } else { Self::Palette })
    }
}

/// What draws pictures here.
#[derive(Clone, Debug)]
pub enum Painter {
    /// No colours, no pictures.
    Nobody,
    /// Half blocks.
    Cells(Colors),
    /// The protocol of kitty, iTerm2 or sixel, and the size of a cell.
    Terminal(Picker),
}

impl Painter {
    /// What draws here, for which a terminal is asked when its name says that it may know a protocol. Nobody else may
    /// read from the terminal meanwhile.
    pub fn find(environment: &Environment) -> Self {
        let Some(colors) = Colors::of(environment) else { return Self::Nobody };
        if !may_have_a_protocol(environment) || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Self::Cells(colors);
        }
        let options = QueryStdioOptions { timeout: Duration::from_millis(500), ..QueryStdioOptions::default() };
        match Picker::from_query_stdio_with_options(options) {
            Ok(picker) if picker.protocol_type() != ProtocolType::Halfblocks => Self::Terminal(picker),
            _ => Self::Cells(colors),
        }
    }

    /// Draws a picture for a room of so many columns and rows.
    pub fn draw(&self, picture: &Picture, room: (u16, u16)) -> Option<Drawn> {
        match self {
            Self::Nobody => None,
            Self::Cells(colors) => Cells::new(picture, room, *colors).map(Drawn::Cells),
            Self::Terminal(picker) => {
                let image = RgbaImage::from_raw(picture.width, picture.height, picture.rgba.clone())?;
                let size = Size::new(room.0, room.1);
                let drawn = picker.new_protocol(image.into(), size, Resize::Fit(None)).ok()?;
                Some(Drawn::Terminal(Box::new(drawn)))
            }
        }
    }
}

/// Whether this is one of the terminals that know a protocol: the others are not asked, because one that does not
/// answer costs half a second and a key. A multiplexer between may garble what it does not know.
fn may_have_a_protocol(environment: &Environment) -> bool {
    const TERMS: [&str; 6] = ["kitty", "ghostty", "foot", "contour", "mlterm", "wezterm"];
    const PROGRAMS: [&str; 6] = ["ghostty", "iTerm", "WezTerm", "mintty", "rio", "WarpTerminal"];
    let is = |name: &str, known: &[&str]| {
        environment.get(name).is_some_and(|value| known.iter().any(|known| value.contains(known)))
    };
    let multiplexed = ["TMUX", "STY", "ZELLIJ"].iter().any(|name| environment.get(name).is_some());
    !multiplexed
        && !is("TERM", &["tmux", "screen"])
        && (is("TERM", &TERMS)
            || is("TERM_PROGRAM", &PROGRAMS)
            || is("LC_TERMINAL", &["iTerm"])
            || ["KITTY_WINDOW_ID", "KONSOLE_VERSION"].iter().any(|name| environment.get(name).is_some()))
}

/// A picture, drawn.
pub enum Drawn {
    /// As half blocks.
    Cells(Cells),
    /// By the terminal itself.
    Terminal(Box<Protocol>),
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cells(cells) => cells.fmt(f),
            Self::Terminal(protocol) => write!(f, "Terminal({:?})", protocol.size()),
        }
    }
}

impl Drawn {
    /// Draws it into the middle of an area.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        match self {
            Self::Cells(cells) => cells.draw(area, buffer),
            Self::Terminal(protocol) => {
                let size = protocol.size();
                let (width, height) = (size.width.min(area.width), size.height.min(area.height));
                let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
                Image::new(protocol).render(Rect { x, y, width, height }, buffer);
            }
        }
    }
}

/// A picture as cells of the screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Cells {
    width: u16,
    /// The upper and the lower pixel of each cell; `None` lets the background through.
    cells: Vec<[Option<Color>; 2]>,
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({} columns, {} cells)", self.width, self.cells.len())
    }
}

impl Cells {
    /// The picture as large as the room lets it be, never larger than it is. A cell is twice as high as it is wide.
    pub fn new(picture: &Picture, (columns, rows): (u16, u16), colors: Colors) -> Option<Self> {
        let image = RgbaImage::from_raw(picture.width, picture.height, picture.rgba.clone())?;
        let (width, height) = fitted((picture.width, picture.height), (columns.into(), 2 * u32::from(rows)))?;
        let small = thumbnail(&image, width, height);
        let color = |x: u32, y: u32| {
            let [red, green, blue, opacity] = small.get_pixel_checked(x, y)?.0;
            (opacity >= 128).then_some(match colors {
                Colors::All => Color::Rgb(red, green, blue),
                Colors::Palette => Color::Indexed(nearest([red, green, blue])),
            })
        };
        let places = (0..height.div_ceil(2)).flat_map(|row| (0..width).map(move |column| (column, 2 * row)));
        let cells = places.map(|(x, y)| [color(x, y), color(x, y + 1)]).collect();
        Some(Self { width: width as u16, cells })
    }

    /// Draws it into the middle of an area.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let rows = (self.cells.len() / usize::from(self.width)) as u16;
        let (left, top) = (area.width.saturating_sub(self.width) / 2, area.height.saturating_sub(rows) / 2);
        for (row, cells) in (area.y + top..area.bottom()).zip(self.cells.chunks(self.width.into())) {
            for (column, pixels) in (area.x + left..area.right()).zip(cells) {
                let Some(cell) = buffer.cell_mut((column, row)) else { continue };
                match *pixels {
                    [None, None] => _ = cell.set_char(' '),
                    [Some(upper), None] => _ = cell.set_char('▀').set_fg(upper),
                    [None, Some(lower)] => _ = cell.set_char('▄').set_fg(lower),
                    [Some(upper), Some(lower)] => _ = cell.set_char('▀').set_fg(upper).set_bg(lower),
                }
            }
        }
    }
}

/// The largest size of the same shape within the room.
fn fitted((width, height): (u32, u32), (columns, rows): (u32, u32)) -> Option<(u32, u32)> {
    if width == 0 || height == 0 || columns == 0 || rows == 0 {
        return None;
    }
    if width <= columns && height <= rows {
        return Some((width, height));
    }
    let scaled = |side: u32, by: u32, of: u32| (u64::from(side) * u64::from(by) / u64::from(of)).max(1) as u32;
    let by_width = (columns, scaled(height, columns, width));
    Some(if by_width.1 <= rows { by_width } else { (scaled(width, rows, height).min(columns), rows) })
}

/// The nearest of xterm's cube and greys.
fn nearest(rgb: [u8; 3]) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let distance =
        |other: [u8; 3]| -> u32 { rgb.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    let step = |value: u8| (0..6).min_by_key(|at| LEVELS[*at].abs_diff(value)).unwrap_or(0);
    let [red, green, blue] = rgb.map(step);
    let cube = (16 + 36 * red + 6 * green + blue, [red, green, blue].map(|at| LEVELS[at]));
    let mean = rgb.iter().map(|value| u32::from(*value)).sum::<u32>() / 3;
    let grey = ((mean.saturating_sub(3)) / 10).min(23);
    let greys = (232 + grey as usize, [8 + 10 * grey as u8; 3]);
    (if distance(greys.1) < distance(cube.1) { greys.0 } else { cube.0 }) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(width: u32, height: u32, rgba: [u8; 4]) -> Picture {
        Picture { width, height, rgba: rgba.repeat((width * height) as usize) }
    }

    #[test]
    fn a_picture_keeps_its_shape_within_the_room() {
        for (size, room, shown) in [
            ((100, 100), (80, 40), Some((40, 40))),
            ((1000, 10), (80, 40), Some((80, 1))),
            ((10, 1000), (80, 40), Some((1, 40))),
            ((16, 16), (80, 40), Some((16, 16))),
            ((u32::MAX, 1), (80, 40), Some((80, 1))),
            ((0, 5), (80, 40), None),
            ((5, 5), (0, 40), None),
        ] {
            assert_eq!(fitted(size, room), shown, "{size:?}");
        }
    }

    #[test]
    fn two_pixels_are_a_cell_and_what_is_clear_stays_clear() {
        let red = Some(Color::Rgb(255, 0, 0));
        let drawn = Cells::new(&flat(2, 3, [255, 0, 0, 255]), (10, 10), Colors::All).unwrap();
        assert_eq!(drawn.cells, [[red, red], [red, red], [red, None], [red, None]]);
        let drawn = Cells::new(&flat(1, 1, [255, 0, 0, 0]), (10, 10), Colors::All).unwrap();
        assert_eq!(drawn.cells, [[None, None]]);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 3));
        Cells::new(&flat(1, 2, [255, 0, 0, 255]), (5, 3), Colors::Palette).unwrap().draw(buffer.area, &mut buffer);
        assert_eq!(
            (buffer[(2, 1)].symbol(), buffer[(2, 1)].fg, buffer[(2, 1)].bg),
            ("▀", Color::Indexed(196), Color::Indexed(196))
        );
    }

    #[test]
    fn colours_of_the_palette_are_near() {
        for (rgb, index) in [([0, 0, 0], 16), ([255, 255, 255], 231), ([255, 0, 0], 196), ([118, 118, 118], 243)] {
            assert_eq!(nearest(rgb), index, "{rgb:?}");
        }
    }
}
