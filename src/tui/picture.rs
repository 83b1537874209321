//! Pictures in a terminal: half blocks, two pixels a cell, which every terminal with colours can show.

use std::fmt;

use image::RgbaImage;
use image::imageops::thumbnail;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

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

/// A picture as cells of the screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Drawn {
    width: u16,
    /// The upper and the lower pixel of each cell; `None` lets the background through.
    cells: Vec<[Option<Color>; 2]>,
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drawn({} columns, {} cells)", self.width, self.cells.len())
    }
}

impl Drawn {
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
        let drawn = Drawn::new(&flat(2, 3, [255, 0, 0, 255]), (10, 10), Colors::All).unwrap();
        assert_eq!(drawn.cells, [[red, red], [red, red], [red, None], [red, None]]);
        let drawn = Drawn::new(&flat(1, 1, [255, 0, 0, 0]), (10, 10), Colors::All).unwrap();
        assert_eq!(drawn.cells, [[None, None]]);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 3));
        Drawn::new(&flat(1, 2, [255, 0, 0, 255]), (5, 3), Colors::Palette).unwrap().draw(buffer.area, &mut buffer);
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
