//! Bytes as `hexdump -C` prints them.

use std::fmt::Write as _;

/// Bytes in a row.
pub const ROW: usize = 16;

/// Columns of a row.
pub const WIDTH: usize = 78;

/// One row: its place, its bytes, and those of them that are ASCII.
pub fn row(bytes: &[u8], index: usize) -> String {
    let start = (index * ROW).min(bytes.len());
    let row = &bytes[start..bytes.len().min(start + ROW)];
    let mut out = format!("{start:08x} ");
    for place in 0..ROW {
        if place % 8 == 0 {
            out.push(' ');
        }
        match row.get(place) {
            Some(byte) => _ = write!(out, "{byte:02x} "),
            None => out.push_str("   "),
        }
    }
    out.push_str(" |");
    out.extend(row.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }));
    out.push('|');
    out
}

/// How many rows there are.
pub fn rows(bytes: &[u8]) -> usize {
    bytes.len().div_ceil(ROW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_hexdump() {
        let bytes = b"\x1b[2Jab|~\x7f\x80\xff 0123456";
        assert_eq!(row(bytes, 0), "00000000  1b 5b 32 4a 61 62 7c 7e  7f 80 ff 20 30 31 32 33  |.[2Jab|~... 0123|");
        assert_eq!(row(bytes, 1), "00000010  34 35 36                                          |456|");
        assert_eq!(row(bytes, 0).len(), WIDTH);
        assert_eq!((rows(bytes), rows(b""), rows(&[0; 16])), (2, 0, 1));
        assert_eq!(row(bytes, 9).trim_end(), "00000013                                                    ||");
    }
}
