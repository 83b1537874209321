//! Whether the schema in a Parquet footer is one that can be read: a stranger's may claim billions of fields, or groups in
//! groups without end, and the crate that reads it trusts both.
//!
//! Apache Thrift, "Thrift Compact protocol encoding"; Apache Parquet, `parquet.thrift`: field 2 of FileMetaData is the list
//! of SchemaElements in depth-first order, and field 5 of each the number of its children.

/// Groups in groups at most.
const DEEPEST: usize = 64;

/// Structs in structs of the encoding itself at most.
const NESTED: usize = 16;

/// Whether the schema's groups have as many fields as there are, and are not too deep. `footer` begins with FileMetaData.
pub(super) fn is_sane(footer: &[u8]) -> bool {
    let mut reader = Reader(footer);
    let mut id = 0;
    while let Some((kind, field)) = reader.field(id) {
        if (field, kind) == (2, LIST) {
            return schema(&mut reader).is_some();
        }
        if reader.skip(kind, NESTED).is_none() {
            return false;
        }
        id = field;
    }
    false
}

const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Goes through the elements, with how many children each open group still lacks.
fn schema(reader: &mut Reader<'_>) -> Option<()> {
    let (kind, count) = reader.list()?;
    if kind != STRUCT || count == 0 {
        return None;
    }
    let mut open: Vec<u64> = Vec::new();
    for place in 0..count {
        let children = element(reader)?;
        match open.last_mut() {
            Some(missing) => *missing -= 1,
            // The first is the root; one behind its end belongs to nothing.
            None if place > 0 => return None,
            None => {}
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > DEEPEST || open.iter().sum::<u64>() > count - place - 1 {
            return None;
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    open.is_empty().then_some(())
}

/// The number of children of the next element.
fn element(reader: &mut Reader<'_>) -> Option<u64> {
    let (mut id, mut children) = (0, 0);
    while let Some((kind, field)) = reader.field(id) {
        match (field, kind) {
            (5, 5) => children = u64::try_from(reader.integer()?).ok()?,
            _ => reader.skip(kind, NESTED)?,
        }
        id = field;
    }
    Some(children)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
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

    fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    /// The kind and number of the next field; `None` at the end of the struct, or of everything.
    fn field(&mut self, before: i64) -> Option<(u8, i64)> {
        let header = self.byte().filter(|header| *header != 0)?;
        let number = match header >> 4 {
            0 => self.integer()?,
            delta => before + i64::from(delta),
        };
        Some((header & 0x0f, number))
    }

    /// The kind and number of a list's elements.
    fn list(&mut self) -> Option<(u8, u64)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Each takes a byte at least.
        (count <= self.0.len() as u64).then_some((header & 0x0f, count))
    }

    fn skip(&mut self, kind: u8, nested: usize) -> Option<()> {
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
                while let Some((kind, field)) = self.field(id) {
                    self.skip(kind, deeper)?;
                    id = field;
                }
                Some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FileMetaData with a version and elements that have so many children each.
    fn footer(children: &[u32]) -> Vec<u8> {
        let varint = |mut value: u64, out: &mut Vec<u8>| {
            while value >= 0x80 {
                out.push(value as u8 | 0x80);
                value >>= 7;
            }
            out.push(value as u8);
        };
        let mut out = vec![0x15, 2, 0x19, 0xfc];
        varint(children.len() as u64, &mut out);
        for children in children {
            // Field 4, the name, and field 5.
            out.extend([0x48, 1, b'x', 0x15]);
            varint(u64::from(*children) << 1, &mut out);
            out.push(0);
        }
        out.push(0);
        out
    }

    #[test]
    fn schemas_that_lie_or_dig_are_refused() {
        let deep = |levels: usize| {
            let mut children = vec![1; levels];
            children.push(0);
            footer(&children)
        };
        for (footer, sane) in [
            (footer(&[2, 0, 0]), true),
            (footer(&[2, 1, 0, 0]), true),
            (deep(60), true),
            (footer(&[0]), true),
            (footer(&[2, 0]), false),
            (footer(&[1, 0, 0]), false),
            (footer(&[i32::MAX as u32, 0]), false),
            (deep(100_000), false),
            (vec![], false),
            (vec![0x1c; 100_000], false),
        ] {
            assert_eq!(is_sane(&footer), sane, "{:?}", &footer[..footer.len().min(20)]);
        }
    }
}
