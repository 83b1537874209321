//! As much of Thrift's compact protocol as it takes to walk over the headers and footers of Parquet files.
//!
//! Apache Thrift, "Thrift Compact protocol encoding".

pub(super) const NUMBER: u8 = 5;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Structs in structs at most.
pub(super) const NESTED: usize = 16;

/// Bytes of a stranger's, read from the front.
pub(super) struct Thrift<'a>(pub(super) &'a [u8]);

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// The next field's kind and number; `Some(None)` at the end of the struct.
    pub(super) fn field(&mut self, before: i64) -> Option<Option<(u8, i64)>> {
        let header = self.byte()?;
        Some(match (header & 0xf, header >> 4) {
            (0, _) => None,
            (kind, 0) => Some((kind, self.integer()?)),
            (kind, step) => Some((kind, before.checked_add(i64::from(step))?)),
        })
    }

    /// The kind and number of a list's elements.
    pub(super) fn list(&mut self) -> Option<(u8, u64)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Each takes a byte at least.
        (count <= self.0.len() as u64).then_some((header & 0x0f, count))
    }

    pub(super) fn skip(&mut self, kind: u8, nested: usize) -> Option<()> {
        let deeper = nested.checked_sub(1)?;
        match kind {
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | 10 => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| if kind <= 2 { self.pass(1) } else { self.skip(kind, deeper) })
            }
            STRUCT => {
                let mut id = 0;
                while let Some((kind, field)) = self.field(id)? {
                    self.skip(kind, deeper)?;
                    id = field;
                }
                Some(())
            }
            _ => None,
        }
    }
}
