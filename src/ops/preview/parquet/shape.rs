//! Whether the schema in a Parquet footer is one that can be read: a stranger's may claim billions of fields, or groups in
//! groups without end, and the crate that reads it trusts both.
//!
//! Apache Thrift, "Thrift Compact protocol encoding"; Apache Parquet, `parquet.thrift`: field 2 of FileMetaData is the list
//! of SchemaElements in depth-first order, and field 5 of each the number of its children.

use super::thrift::{LIST, NESTED, NUMBER, STRUCT, Thrift};

/// Groups in groups at most.
const DEEPEST: usize = 64;

/// Whether the schema's groups have as many fields as there are, and are not too deep. `footer` begins with FileMetaData.
pub(super) fn is_sane(footer: &[u8]) -> bool {
    let mut reader = Thrift(footer);
    let mut id = 0;
    while let Some(Some((kind, field))) = reader.field(id) {
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

/// Goes through the elements, with how many children each open group still lacks.
fn schema(reader: &mut Thrift<'_>) -> Option<()> {
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
fn element(reader: &mut Thrift<'_>) -> Option<u64> {
    let (mut id, mut children) = (0, 0);
    while let Some((kind, field)) = reader.field(id)? {
        match (field, kind) {
            (5, NUMBER) => children = u64::try_from(reader.integer()?).ok()?,
            _ => reader.skip(kind, NESTED)?,
        }
        id = field;
    }
    Some(children)
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
