//! Tables: CSV, TSV, JSON Lines, the rows of Parquet.

use unicode_width::UnicodeWidthStr as _;

use super::text::shown;
use crate::domain::text::cut;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, fit for a terminal.
    pub name: String,
    /// Its type, where the format tells one.
    pub kind: Option<String>,
    /// Whether every cell is a number or empty.
    pub numeric: bool,
    /// Columns on the screen of its widest cell or name.
    pub width: usize,
}

/// Columns on the screen after which a cell is cut; the text behind the table has the rest.
const WIDEST: usize = 60;

/// Columns after which a table ends: nobody reads that far, and each costs memory.
const MOST_COLUMNS: usize = 500;

/// Bytes and cells after which a table is full.
const MOST: (usize, usize) = (1 << 20, 300_000);

/// Rows of cells, all in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    text: String,
    /// Where each cell ends in the text; every row has as many as there are columns.
    ends: Vec<u32>,
    /// Columns that are not shown.
    pub hidden_columns: usize,
}

impl Table {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = names.into_iter();
        let column = |name: &str| {
            let name = cut(&shown(name), WIDEST).into_owned();
            Column { width: name.width().max(1), name, kind: None, numeric: true }
        };
        let columns = names.by_ref().take(MOST_COLUMNS).map(column).collect();
        Self { columns, hidden_columns: names.count(), ..Self::default() }
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        if self.columns.is_empty() { 0 } else { self.ends.len() / self.columns.len() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A cell, fit for a terminal.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        let index = row * self.columns.len() + column;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[index] as usize]
    }

    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= MOST.0 || self.ends.len() >= MOST.1
    }

    /// Adds a row; what is missing is empty, what is too much is left out.
    pub(super) fn push<Cell: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut cells = cells.into_iter();
        for column in &mut self.columns {
            if let Some(cell) = cells.next() {
                let cell = cell.as_ref();
                column.numeric &= cell.is_empty() || is_number(cell);
                // Long ones are cut before the work is done on them.
                let end = cell.char_indices().nth(4 * WIDEST).map_or(cell.len(), |(end, _)| end);
                let shown = shown(&cell[..end]);
                let cell = cut(&shown, WIDEST);
                column.width = column.width.max(cell.width());
                self.text.push_str(&cell);
            }
            self.ends.push(self.text.len() as u32);
        }
    }

    /// Says what the columns hold, in their order.
    pub(super) fn set_kinds(&mut self, kinds: impl IntoIterator<Item = String>) {
        for (column, kind) in self.columns.iter_mut().zip(kinds) {
            let kind = shown(&kind);
            column.width = column.width.max(kind.width());
            column.kind = Some(kind);
        }
    }
}

/// A number as people and programs write it, which is right-aligned.
fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && text.parse::<f64>().is_ok()
}

/// Text whose values are separated as a table, and by what. The first row is its heading, unless it holds a number.
/// `None` for what has one column.
pub(super) fn separated(text: &str, wanted: Option<u8>, is_cut: bool) -> Option<(Table, u8)> {
    let delimiter = wanted.filter(|wanted| text.as_bytes().contains(wanted)).or_else(|| delimiter(text))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    // Of a `&str` every field is UTF-8, so reading fails never.
    if !reader.read_record(&mut record).ok()? || record.len() < 2 {
        return None;
    }
    let headed = !record.iter().any(is_number);
    let mut table = match headed {
        true => Table::new(&record),
        false => Table::new(
            (1..=record.len()).map(|number| number.to_string()).collect::<Vec<_>>().iter().map(String::as_str),
        ),
    };
    if !headed {
        table.push(&record);
    }
    // One row is held back: the last one of a text that was cut is cut itself.
    let mut held = csv::StringRecord::new();
    let mut is_held = false;
    while !table.is_full() && reader.read_record(&mut record).ok()? {
        if is_held {
            table.push(&held);
        }
        std::mem::swap(&mut held, &mut record);
        is_held = true;
    }
    if is_held && !is_cut {
        table.push(&held);
    }
    Some((table, delimiter))
}

/// What separates the values of the first line.
fn delimiter(text: &str) -> Option<u8> {
    let first = text.lines().find(|line| !line.is_empty())?;
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b'\t', 0), (b';', 0), (b'|', 0)];
    for byte in first.bytes() {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(of, _)| *of == byte && !quoted) {
            *count += 1;
        }
    }
    counts.into_iter().filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count).map(|(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(table: &Table) -> Vec<Vec<&str>> {
        let row = |row| (0..table.columns().len()).map(|column| table.cell(row, column)).collect();
        (0..table.len()).map(row).collect()
    }

    #[test]
    fn separated_values_are_read_as_they_are_meant() {
        for (text, wanted, cut, names, rows) in [
            (
                "id,name\n1,a\n22,\"b,\"\"c\"\"\"\n",
                Some(b','),
                false,
                "id name",
                vec![vec!["1", "a"], vec!["22", "b,\"c\""]],
            ),
            ("id;name\r\n1;a\r\n", Some(b','), false, "id name", vec![vec!["1", "a"]]),
            ("a\tb\n1\t2", None, false, "a b", vec![vec!["1", "2"]]),
            ("a,b\n1,2\n3,", None, true, "a b", vec![vec!["1", "2"]]),
            ("1,x\n2,y\n", None, false, "1 2", vec![vec!["1", "x"], vec!["2", "y"]]),
            ("a,b\n1\n1,2,3\n", None, false, "a b", vec![vec!["1", ""], vec!["1", "2"]]),
            ("a,b\n\"x\ny\x1b\",\n", None, false, "a b", vec![vec![r"x\x0ay\x1b", ""]]),
        ] {
            let (table, _) = separated(text, wanted, cut).unwrap();
            let found: Vec<_> = table.columns().iter().map(|column| column.name.as_str()).collect();
            assert_eq!((found.join(" ").as_str(), cells(&table)), (names, rows), "{text:?}");
        }
        for text in ["", "one column\nonly", "\n\n"] {
            assert!(separated(text, Some(b','), false).is_none(), "{text:?}");
        }
    }

    #[test]
    fn numbers_and_widths_are_measured() {
        let (table, _) = separated("n,t,empty\n1,日本\n-2.5e3,x\n", None, false).unwrap();
        let facts: Vec<_> = table.columns().iter().map(|column| (column.numeric, column.width)).collect();
        assert_eq!(facts, [(true, 6), (false, 4), (true, 5)]);
        let (table, _) = separated(&format!("a,b\n{},1\n", "x".repeat(100_000)), None, false).unwrap();
        assert_eq!((table.columns()[0].width, table.cell(0, 0).chars().last()), (WIDEST, Some('…')));
    }

    #[test]
    fn a_table_is_not_larger_than_its_text() {
        let (table, _) = separated(&",".repeat(1 << 18), None, false).unwrap();
        assert_eq!((table.columns().len(), table.hidden_columns), (MOST_COLUMNS, (1 << 18) + 1 - MOST_COLUMNS));
        let rows = format!("{}\n{}", "a,".repeat(499), "1\n".repeat(130_000));
        let (table, _) = separated(&rows, None, false).unwrap();
        assert!(table.ends.len() <= MOST.1 + MOST_COLUMNS, "{}", table.ends.len());
    }
}
