//! Pictures: decoded within limits and made small, since a terminal has few pixels.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

/// Pixels on each side after which a picture is made smaller.
const SIDE: u32 = 1024;

/// Pixels on each side that are decoded at all, and bytes that this may take.
const LARGEST: u32 = 12_000;
const MEMORY: u64 = 64 << 20;

/// A picture that can be shown: four bytes a pixel, red, green, blue, opacity.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `4 * width * height` bytes, row by row from the top.
    pub rgba: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}×{})", self.width, self.height)
    }
}

/// The format that these bytes begin as, among those that are decoded.
pub(super) fn format(bytes: &[u8]) -> Option<ImageFormat> {
    image::guess_format(bytes).ok().filter(ImageFormat::reading_enabled)
}

/// Its name.
pub(super) fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        _ => "image",
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST);
    limits.max_image_height = Some(LARGEST);
    limits.max_alloc = Some(MEMORY);
    limits
}

fn reader(format: ImageFormat, bytes: &[u8]) -> ImageReader<Cursor<&[u8]>> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    reader
}

/// Width and height from the header, which the first bytes hold.
pub(super) fn dimensions(format: ImageFormat, bytes: &[u8]) -> Option<(u32, u32)> {
    reader(format, bytes).into_dimensions().ok()
}

/// The picture, upright and at most as large as a terminal can use; of an animation the first frame.
///
/// # Errors
/// Why it cannot be shown.
pub(super) fn picture(format: ImageFormat, bytes: &[u8]) -> Result<Picture, String> {
    let plain = |error: image::ImageError| error.to_string();
    let mut decoder = reader(format, bytes).into_decoder().map_err(plain)?;
    if decoder.total_bytes() > MEMORY {
        return Err(format!("it takes more than {} MiB to decode", MEMORY >> 20));
    }
    let orientation = decoder.orientation().ok();
    let whole = DynamicImage::from_decoder(decoder).map_err(plain)?;
    let is_large = whole.width() > SIDE || whole.height() > SIDE;
    let mut small = if is_large { whole.thumbnail(SIDE, SIDE) } else { whole };
    if let Some(orientation) = orientation {
        small.apply_orientation(orientation);
    }
    let rgba = small.into_rgba8();
    Ok(Picture { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of two colours, the left half red.
    pub(in crate::ops::preview) fn encoded(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
        let pixel = |x, _| if x < width / 2 { image::Rgb([255, 0, 0]) } else { image::Rgb([0, 0, 255_u8]) };
        let mut bytes = Cursor::new(Vec::new());
        image::RgbImage::from_fn(width, height, pixel).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_format_is_decoded_and_made_small() {
        for kind in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp] {
            let bytes = encoded(kind, 2048, 64);
            assert_eq!(format(&bytes), Some(kind));
            assert_eq!(dimensions(kind, &bytes), Some((2048, 64)));
            let picture = picture(kind, &bytes).unwrap();
            assert_eq!((picture.width, picture.height), (1024, 32), "{kind:?}");
            let (left, right) = (&picture.rgba[..4], &picture.rgba[4 * 1020..4 * 1021]);
            assert!(left[0] > 240 && left[2] < 20 && right[2] > 240 && left[3] == 255, "{kind:?} {left:?} {right:?}");
        }
    }

    #[test]
    fn bombs_and_broken_ones_are_refused() {
        let png = encoded(ImageFormat::Png, 20, 10);
        assert!(picture(ImageFormat::Png, &png[..png.len() / 2]).is_err());
        assert!(picture(ImageFormat::Png, b"\x89PNG\r\n\x1a\n").is_err());
        // A header that promises 30,000 pixels on each side.
        let mut bomb = encoded(ImageFormat::Bmp, 20, 10);
        bomb[18..26].copy_from_slice(&[0x30, 0x75, 0, 0, 0x30, 0x75, 0, 0]);
        assert!(picture(ImageFormat::Bmp, &bomb).is_err());
        // 10,000 on each side are within the sides, and too much for the memory.
        bomb[18..26].copy_from_slice(&[0x10, 0x27, 0, 0, 0x10, 0x27, 0, 0]);
        assert!(picture(ImageFormat::Bmp, &bomb).is_err());
        assert_eq!(format(b"plain"), None);
    }
}
