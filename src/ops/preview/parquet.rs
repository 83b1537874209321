//! Parquet: the schema, and the first rows of as many columns as a small part of the file holds.
//!
//! The footer says where each column of the first row group lies. Of each the beginning is fetched, as far as the
//! budget goes; a column whose first page is in it is shown, the others are named. Sizes in a file are a stranger's
//! words: page headers are looked at before anything is unpacked.

mod shape;
mod thrift;

use std::fmt::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use parquet::basic::ConvertedType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, FileReader as _, Length, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::TreeBuilder;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::table::Table;
use super::text::{Class, Text};
use crate::domain::text::{bytes as sized, count, plural};
use thrift::{NESTED, NUMBER, STRUCT, Thrift};

/// Bytes that are fetched in all, footer and columns.
pub(super) const BUDGET: u64 = 2 << 20;

/// Bytes of the file's end that are fetched first; most footers are in them.
const TAIL: u64 = 64 << 10;

/// Columns that are fetched where not all can be: each is a request.
const MOST_REQUESTS: usize = 16;

/// Rows that are shown.
const ROWS: usize = 200;

/// Bytes that a page may be when it is unpacked.
const LARGEST_PAGE: u64 = 16 << 20;

/// Parts of a file of which the rest was not fetched.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    size: u64,
    pieces: Vec<(u64, Bytes)>,
}

impl Pieces {
    pub(super) fn new(size: u64, first: Bytes) -> Self {
        Self { size, pieces: vec![(0, first)] }
    }

    pub(super) fn add(&mut self, start: u64, bytes: Bytes) {
        self.pieces.push((start, bytes));
    }

    /// What is there from a place on.
    fn from(&self, start: u64) -> Option<Bytes> {
        let holds = |(at, bytes): &&(u64, Bytes)| (*at..at + bytes.len() as u64).contains(&start);
        let (at, bytes) = self.pieces.iter().filter(holds).max_by_key(|(at, bytes)| at + bytes.len() as u64)?;
        Some(bytes.slice((start - at) as usize..))
    }

    fn has(&self, range: &Range<u64>) -> bool {
        self.from(range.start).is_some_and(|bytes| bytes.len() as u64 >= range.end - range.start)
    }

    fn missing<T>(&self) -> parquet::errors::Result<T> {
        Err(ParquetError::EOF("this part was not fetched".into()))
    }
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Pieces {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        self.from(start).map_or_else(|| self.missing(), |bytes| Ok(bytes.reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        match self.from(start) {
            Some(bytes) if bytes.len() >= length => Ok(bytes.slice(..length)),
            _ => self.missing(),
        }
    }
}

/// What the footer says, or the part of the file that must be there for it.
pub(super) enum Footer {
    Read(Box<ParquetMetaData>),
    Missing(Range<u64>),
    /// Why it cannot be read.
    Broken(String),
}

/// Reads the footer (Apache Parquet, "File Format": its length and `PAR1` are the last eight bytes).
pub(super) fn footer(pieces: &Pieces) -> Footer {
    let size = pieces.size;
    let tail = size.saturating_sub(TAIL)..size;
    let Some(end) = pieces.from(size.saturating_sub(8)).filter(|end| end.len() >= 8) else {
        return if size < 12 { Footer::Broken("it is too short".into()) } else { Footer::Missing(tail) };
    };
    if &end[4..8] != b"PAR1" {
        return Footer::Broken("its end is not that of Parquet, or it is encrypted".into());
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]])) + 8;
    if length > size {
        return Footer::Broken("its footer is longer than the file".into());
    }
    if length > BUDGET / 2 {
        return Footer::Broken(format!("its footer alone has {}", sized(length)));
    }
    let range = size - length..size;
    if !pieces.has(&range) {
        return Footer::Missing(range);
    }
    if !pieces.from(range.start).is_some_and(|bytes| shape::is_sane(&bytes)) {
        return Footer::Broken("its schema makes no sense, or is too deep".into());
    }
    let read = || ParquetMetaDataReader::new().parse_and_finish(pieces);
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(metadata)) => Footer::Read(Box::new(metadata)),
        Ok(Err(error)) => Footer::Broken(error.to_string()),
        Err(_) => Footer::Broken("its footer makes no sense".into()),
    }
}

/// The parts that the first rows want and that are not there, for at most `budget` bytes.
pub(super) fn wanted(metadata: &ParquetMetaData, pieces: &Pieces, budget: u64) -> Vec<Range<u64>> {
    let Some(group) = first_group(metadata) else { return Vec::new() };
    let mut chunks: Vec<_> =
        metadata.row_group(group).columns().iter().filter_map(|column| place(column, pieces.size)).collect();
    let whole = chunks.iter().map(|chunk| chunk.start).min().unwrap_or(0)
        ..chunks.iter().map(|chunk| chunk.end).max().unwrap_or(0);
    if pieces.has(&whole) || whole.is_empty() {
        return Vec::new();
    }
    if whole.end - whole.start <= budget {
        return vec![whole];
    }
    // The small ones whole; the large ones share what is left.
    chunks.truncate(MOST_REQUESTS);
    chunks.sort_by_key(|chunk| chunk.end - chunk.start);
    let (mut left, mut parts) = (budget, Vec::new());
    let number = chunks.len();
    for (place, chunk) in chunks.into_iter().enumerate() {
        let share = left / (number - place) as u64;
        let part = chunk.start..chunk.end.min(chunk.start + share);
        left -= part.end - part.start;
        if !pieces.has(&part) {
            parts.push(part);
        }
    }
    parts
}

fn first_group(metadata: &ParquetMetaData) -> Option<usize> {
    metadata.row_groups().iter().position(|group| group.num_rows() > 0)
}

/// Where a column lies, within the file: parquet's own `byte_range` takes the numbers on trust.
fn place(column: &ColumnChunkMetaData, size: u64) -> Option<Range<u64>> {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let (start, length) = (u64::try_from(start).ok()?, u64::try_from(column.compressed_size()).ok()?);
    let end = start.checked_add(length).filter(|end| *end <= size)?;
    Some(start..end)
}

/// The facts and the schema as text.
pub(super) fn schema(metadata: &ParquetMetaData) -> Text {
    let file = metadata.file_metadata();
    let mut out = Text::default();
    let rows = count(file.num_rows().try_into().unwrap_or(0));
    let groups = plural(metadata.num_row_groups() as u64, "row group");
    let mut fact = |name: &str, value: &str| {
        out.push(name, Class::Comment);
        out.push(value, Class::Plain);
        out.end_line();
    };
    fact("rows        ", &format!("{rows} in {groups}"));
    if let Some(made_by) = file.created_by() {
        fact("created by  ", made_by);
    }
    if let Some(group) = first_group(metadata).map(|group| metadata.row_group(group)) {
        let mut compressions: Vec<String> =
            group.columns().iter().map(|column| column.compression().to_string()).collect();
        compressions.sort();
        compressions.dedup();
        fact("compression ", &compressions.join(", "));
    }
    for pair in file.key_value_metadata().into_iter().flatten() {
        // Writers put whole schemas of their own in here.
        let value: String = pair.value.as_deref().unwrap_or_default().chars().take(200).collect();
        fact(&format!("{}  ", pair.key), &value);
    }
    out.end_line();
    let mut printed = Vec::new();
    parquet::schema::printer::print_schema(&mut printed, file.schema());
    for line in String::from_utf8_lossy(&printed).lines() {
        if out.is_full() {
            break;
        }
        schema_line(&mut out, line);
    }
    out
}

fn schema_line(out: &mut Text, line: &str) {
    let blank = line.len() - line.trim_start().len();
    out.push(&line[..blank], Class::Plain);
    for (place, word) in line[blank..].split(' ').enumerate() {
        let class = match word {
            "REQUIRED" | "OPTIONAL" | "REPEATED" | "message" | "group" => Class::Keyword,
            "{" | "}" | "};" => Class::Punctuation,
            _ if place == 1
                && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "_()".contains(c)) =>
            {
                Class::Type
            }
            _ if word.starts_with('(') => Class::Comment,
            _ => Class::Name,
        };
        if place > 0 {
            out.push(" ", Class::Plain);
        }
        out.push(word, class);
    }
    out.end_line();
}

/// The first rows, and what one should know about them; no table with the reason where there is none.
pub(super) fn rows(metadata: &ParquetMetaData, pieces: &Pieces) -> (Option<Table>, Option<String>) {
    let Some(group) = first_group(metadata) else { return (None, Some("it has no rows".into())) };
    // The crate has `todo!`s for what is rare, and a stranger's file may find one.
    match catch_unwind(AssertUnwindSafe(|| read_rows(metadata, pieces, group))) {
        Ok(Ok((table, hidden))) => {
            let note = (hidden > 0).then(|| {
                let part = sized(BUDGET);
                format!(
                    "{} not shown: the first page is not within the {part} that are read",
                    plural(hidden as u64, "column")
                )
            });
            (Some(table), note)
        }
        Ok(Err(why)) => (None, Some(why)),
        Err(_) => (None, Some("the rows have a form that cannot be shown".into())),
    }
}

fn read_rows(metadata: &ParquetMetaData, pieces: &Pieces, group: usize) -> Result<(Table, usize), String> {
    let chunks = metadata.row_group(group).columns();
    let readable: Vec<bool> = chunks.iter().map(|chunk| is_readable(chunk, pieces)).collect();
    let descriptor = metadata.file_metadata().schema_descr();
    // A field is shown when all the columns below it are there.
    let roots = descriptor.root_schema().get_fields();
    let root_is_readable = |index: usize| {
        (0..descriptor.num_columns())
            .filter(|leaf| descriptor.get_column_root_idx(*leaf) == index)
            .all(|leaf| readable.get(leaf).copied().unwrap_or(false))
    };
    let fields: Vec<_> =
        (0..roots.len()).filter(|index| root_is_readable(*index)).map(|index| roots[index].clone()).collect();
    let hidden = roots.len() - fields.len();
    if fields.is_empty() {
        return Err(format!(
            "the rows are not shown: no column's first page is within the {} that are read",
            sized(BUDGET)
        ));
    }
    let plain = |error: ParquetError| format!("the rows cannot be read: {error}");
    let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    let kinds: Vec<String> = fields.iter().map(|field| kind(field)).collect();
    let shown = Type::group_type_builder(descriptor.root_schema().name()).with_fields(fields).build().map_err(plain)?;
    let file = SerializedFileReader::new(pieces.clone()).map_err(plain)?;
    let group = file.get_row_group(group).map_err(plain)?;
    // One by one, because all of a batch must be there before its first row is.
    let tree = TreeBuilder::new().with_batch_size(1);
    let records = tree.as_iter(Arc::new(SchemaDescriptor::new(Arc::new(shown))), &*group).map_err(plain)?;
    let mut table = Table::new(names.iter().map(String::as_str));
    table.set_kinds(kinds);
    let mut broken = None;
    for record in records.take(ROWS) {
        match record {
            Ok(record) if !table.is_full() => table.push(record.get_column_iter().map(|(_, field)| cell(field))),
            Ok(_) => break,
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    match broken {
        Some(error) if table.is_empty() => Err(plain(error)),
        _ => Ok((table, hidden)),
    }
}

/// A type as its reader knows it: the logical one, else the physical one.
fn kind(field: &Type) -> String {
    if field.is_group() {
        return match field.get_basic_info().converted_type() {
            ConvertedType::LIST => "list".into(),
            ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => "map".into(),
            _ => "struct".into(),
        };
    }
    match field.get_basic_info().converted_type() {
        ConvertedType::NONE => field.get_physical_type().to_string().to_lowercase(),
        ConvertedType::UTF8 => "string".into(),
        converted => converted.to_string().to_lowercase(),
    }
}

fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => {
            let mut out = String::new();
            bytes.data().iter().take(24).for_each(|byte| _ = write!(out, "{byte:02x}"));
            if bytes.len() > 24 { out + "…" } else { out }
        }
        other => other.to_string(),
    }
}

/// Whether a column's dictionary and first data page are there, and of a size that may be unpacked.
fn is_readable(chunk: &ColumnChunkMetaData, pieces: &Pieces) -> bool {
    let Some(place) = place(chunk, pieces.size) else { return false };
    let Some(mut bytes) = pieces.from(place.start) else { return false };
    bytes.truncate((place.end - place.start) as usize);
    let whole = bytes.len() as u64 == place.end - place.start;
    let mut values = 0;
    while let Some((page, header)) = page_header(&bytes) {
        let end = header + page.compressed as usize;
        // Rows may reach into it.
        if page.unpacked > LARGEST_PAGE {
            return false;
        }
        if end > bytes.len() {
            break;
        }
        values += page.values;
        bytes.advance(end);
    }
    // A row comes when the next one has been looked at.
    values > 1 || whole
}

struct Page {
    unpacked: u64,
    compressed: u64,
    /// Values of a data page; 0 for a dictionary.
    values: u64,
}

/// The page header that begins here, and its length (parquet.thrift, `PageHeader`, in Thrift's compact protocol).
fn page_header(bytes: &[u8]) -> Option<(Page, usize)> {
    let mut thrift = Thrift(bytes);
    let (mut unpacked, mut compressed, mut values) = (None, None, None);
    let mut id = 0;
    while let Some((kind, next)) = thrift.field(id)? {
        id = next;
        match (id, kind) {
            (2, NUMBER) => unpacked = Some(thrift.integer()?),
            (3, NUMBER) => compressed = Some(thrift.integer()?),
            // Both kinds of data pages begin with the number of their values.
            (5 | 8, STRUCT) => {
                let mut id = 0;
                while let Some((kind, next)) = thrift.field(id)? {
                    id = next;
                    match (id, kind) {
                        (1, NUMBER) => values = Some(thrift.integer()?),
                        _ => thrift.skip(kind, NESTED)?,
                    }
                }
            }
            _ => thrift.skip(kind, NESTED)?,
        }
    }
    let size = |number: Option<i64>| u64::try_from(number?).ok().filter(|size| *size <= i32::MAX as u64);
    let page = Page { unpacked: size(unpacked)?, compressed: size(compressed)?, values: size(values).unwrap_or(0) };
    Some((page, bytes.len() - thrift.0.len()))
}
