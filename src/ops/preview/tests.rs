//! Every kind of object by its bytes, and that no bytes at all reach the terminal raw.

use std::io::Write as _;

use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::*;

fn found(name: &str, content_type: Option<&str>, bytes: impl Into<Bytes>) -> Found {
    let bytes = bytes.into();
    Found { name: name.into(), content_type: content_type.map(str::to_owned), size: bytes.len() as u64, bytes }
}

/// The kind and the ways to look at it: `JSON: text source hex`.
fn kind(found: Found) -> String {
    let preview = preview(found);
    let looks: Vec<_> = preview.looks.iter().map(|look| look.name).collect();
    format!("{}: {}", preview.kind, looks.join(" "))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    ::image::RgbImage::new(3, 2).write_to(&mut bytes, ::image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn each_object_is_shown_as_what_it_is() {
    for (name, content_type, bytes, expected) in [
        ("a.json", None, b"{\"a\":1}".to_vec(), "JSON: text source hex"),
        ("a.json", None, b"{ // no\n}".to_vec(), "JSON: text hex"),
        ("event", Some("application/json; charset=utf-8"), b"[1,2]".to_vec(), "JSON: text source hex"),
        ("x.log", None, b"{\"a\":1}\n{\"a\":2}\n".to_vec(), "JSON: text source hex"),
        ("a.jsonl", None, b"{\"a\":1}\n{\"a\":2}\n".to_vec(), "JSON Lines: table text hex"),
        ("a.ndjson", None, b"1\n2\n".to_vec(), "JSON Lines: text hex"),
        ("a.csv", None, b"a,b\n1,2\n".to_vec(), "CSV: table text hex"),
        ("a.csv", None, b"one\ntwo\n".to_vec(), "text: text hex"),
        ("a.tsv", None, b"a\tb\n1\t2\n".to_vec(), "TSV: table text hex"),
        ("report", Some("text/csv"), b"a,b\n1,2\n".to_vec(), "CSV: table text hex"),
        ("a.rs", None, b"fn main() {}".to_vec(), "Rust: text hex"),
        ("readme", None, b"hello".to_vec(), "text: text hex"),
        ("none", None, b"".to_vec(), "empty: text hex"),
        ("a.bin", None, b"\0\x01\x02".to_vec(), "binary: hex"),
        ("a.json.gz", None, gzip(b"{\"a\":1}"), "JSON in gzip: text source hex packed"),
        ("a.csv.zst", None, zstd::encode_all(&b"a,b\n1,2\n"[..], 1).unwrap(), "CSV in zstd: table text hex packed"),
        ("a.gz", None, gzip(&[0; 100]), "binary in gzip: hex packed"),
        ("a.gz", None, b"\x1f\x8b\x08 broken".to_vec(), "empty in gzip: text packed"),
        ("photo", None, png(), "PNG image: image hex"),
        ("photo.png", None, png()[..30].to_vec(), "PNG image: hex"),
    ] {
        assert_eq!(kind(found(name, content_type, bytes)), expected, "{name}");
    }
}

#[test]
fn what_is_not_shown_is_said() {
    let cut = |name: &str, bytes: Vec<u8>| preview(Found { size: 4 << 30, ..found(name, None, bytes) });
    assert_eq!(cut("a.png", png()[..45].to_vec()).notes, ["3×2 pixels", "images are shown up to 2.0 MiB"]);
    assert_eq!(cut("a.txt", b"caf\xe9 au lait".to_vec()).notes, ["Latin-1"]);
    assert_eq!(cut("a.gz", gzip(b"hello")).notes, ["first 5 B unpacked"]);
    let whole = |bytes: Vec<u8>| preview(found("a.gz", None, bytes)).notes;
    assert_eq!(whole(gzip(b"hello")), ["5 B unpacked"]);
    assert_eq!(whole(gzip(&vec![b'a'; 8 << 20])), ["first 256.0 KiB unpacked"]);
    let mut torn = gzip(b"hello");
    torn.truncate(torn.len() - 3);
    let notes = whole(torn);
    assert!(notes[0] == "first 5 B unpacked" && notes[1].starts_with("gzip is broken here: "), "{notes:?}");
    let wide = preview(found("a.csv", None, format!("a{}\n", ",b".repeat(600))));
    assert_eq!(wide.notes, ["101 columns more not shown"]);
}

/// Everything that the screen would draw of it.
fn drawn(preview: &Preview) -> Vec<String> {
    let mut out = vec![preview.kind.clone()];
    out.extend(preview.notes.iter().cloned());
    for look in &preview.looks {
        match &look.body {
            Body::Text(text) => {
                let line = |index| text.line(index).map(|(run, _)| run).collect::<String>();
                out.extend((0..text.len()).map(line));
            }
            Body::Table(table) => {
                for column in table.columns() {
                    out.push(column.name.clone());
                    out.extend(column.kind.clone());
                }
                let cells =
                    (0..table.len()).flat_map(|row| (0..table.columns().len()).map(move |column| (row, column)));
                out.extend(cells.map(|(row, column)| table.cell(row, column).to_owned()));
            }
            Body::Hex(bytes) => out.extend((0..hex::rows(bytes)).map(|row| hex::row(bytes, row))),
            Body::Picture(picture) => assert_eq!(picture.rgba.len() as u32, 4 * picture.width * picture.height),
        }
    }
    out
}

/// Nothing that moves the cursor, hides or reorders.
fn is_tame(text: &str) -> bool {
    text.chars().all(|c| c == '\\' || c == ' ' || !crate::domain::text::escaped(&c.to_string()).starts_with('\\'))
}

fn kinds() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a.json", "a.jsonl", "a.csv", "a.tsv", "a.rs", "a.txt", "a.md", "a.gz", "a", "a.html", "a.diff",
    ])
}

/// Bytes, some of them such that a format's reader takes them on.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let heads: Vec<&[u8]> = vec![
        b"",
        b"{",
        b"[{\"a\":\"",
        b"a,b\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\0",
        b"\x28\xb5\x2f\xfd",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBP",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"#!/bin/sh\n",
    ];
    let text = ".{0,200}(\n|\r|\t|\u{202e}|\x1b\\[2J|\u{9b}|,|\"){0,8}.{0,200}".prop_map(String::into_bytes);
    let body = prop_oneof![prop::collection::vec(any::<u8>(), 0..600), text];
    (prop::sample::select(heads), body).prop_map(|(head, body)| [head, &body].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_reach_the_terminal_raw(name in kinds(), bytes in hostile(), cut in any::<bool>(), pack in any::<bool>()) {
        let bytes = if pack { gzip(&bytes) } else { bytes };
        let size = bytes.len() as u64 + u64::from(cut);
        let preview = preview(Found { size, ..found(name, None, bytes) });
        prop_assert!(!preview.looks.is_empty());
        for line in drawn(&preview) {
            prop_assert!(is_tame(&line), "{:?}", line);
        }
    }

    #[test]
    fn a_damaged_parquet_file_is_no_accident(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = parquet_bytes(50, 1000);
        for (index, byte) in flips {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let bytes = Bytes::from(bytes);
        let pieces = Pieces::new(bytes.len() as u64, bytes);
        if let Footer::Read(metadata) = parquet::footer(&pieces) {
            let (table, note) = parquet::rows(&metadata, &pieces);
            let looks = vec![
                Look { name: "schema", body: Body::Text(parquet::schema(&metadata)) },
                Look { name: "table", body: Body::Table(table.unwrap_or_default()) },
            ];
            let preview = Preview { kind: String::new(), read: 0, size: 0, is_beginning: true, notes: note.into_iter().map(|note| text::shown(&note)).collect(), looks };
            for line in drawn(&preview) {
                prop_assert!(is_tame(&line), "{:?}", line);
            }
        }
    }
}

/// Three columns; `padding` bytes in each cell of the last one.
fn parquet_bytes(rows: usize, padding: usize) -> Vec<u8> {
    let schema = "message people { REQUIRED INT64 id; OPTIONAL DOUBLE score; REQUIRED BYTE_ARRAY note (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let compression = ::parquet::basic::Compression::SNAPPY;
    let properties = WriterProperties::builder().set_compression(compression).set_dictionary_enabled(false).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let ids: Vec<i64> = (0..rows as i64).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
    column.close().unwrap();
    let (scores, levels): (Vec<f64>, Vec<i16>) =
        (vec![0.5; rows.div_ceil(2)], (0..rows).map(|row| (row % 2 == 0).into()).collect());
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&scores, Some(&levels), None).unwrap();
    column.close().unwrap();
    let mut seed = 7_u32;
    let mut noise = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (seed >> 24) as u8 % 26)
    };
    let notes: Vec<ByteArray> = (0..rows)
        .map(|row| {
            format!("n{row}\x1b[2J").chars().chain((0..padding).map(|_| noise())).collect::<String>().as_str().into()
        })
        .collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&notes, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

/// What is seen of a file of which only what was asked for is read, and how many bytes that was.
fn parquet_in_parts(file: &Bytes) -> (ParquetSeen, u64) {
    let size = file.len() as u64;
    let first = file.slice(..file.len().min(LIMIT as usize));
    let mut read = first.len() as u64;
    let mut pieces = Pieces::new(size, first);
    let fetch = |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
    for _ in 0..4 {
        match parquet::footer(&pieces) {
            Footer::Missing(range) => {
                read += range.end - range.start;
                pieces.add(range.start, fetch(&range));
            }
            Footer::Broken(why) => panic!("{why}"),
            Footer::Read(metadata) => {
                for range in parquet::wanted(&metadata, &pieces, parquet::BUDGET - read) {
                    read += range.end - range.start;
                    pieces.add(range.start, fetch(&range));
                }
                let (table, note) = parquet::rows(&metadata, &pieces);
                return (ParquetSeen { schema: parquet::schema(&metadata), table, note }, read);
            }
        }
    }
    panic!("the footer is asked for again and again");
}

struct ParquetSeen {
    schema: Text,
    table: Option<Table>,
    note: Option<String>,
}

#[test]
fn parquet_shows_its_schema_and_its_first_rows() {
    let (seen, _) = parquet_in_parts(&parquet_bytes(500, 4).into());
    let table = seen.table.unwrap();
    let columns: Vec<_> = table.columns().iter().map(|column| (column.name.as_str(), column.kind.as_deref())).collect();
    assert_eq!(columns, [("id", Some("int64")), ("score", Some("double")), ("note", Some("string"))]);
    assert_eq!((table.len(), table.cell(0, 0), table.cell(0, 1), table.cell(1, 1)), (200, "0", "0.5", ""));
    assert!(table.cell(1, 2).starts_with(r"n1\x1b[2J"), "{}", table.cell(1, 2));
    assert!(table.columns()[0].numeric);
    let schema: Vec<String> =
        (0..seen.schema.len()).map(|line| seen.schema.line(line).map(|(run, _)| run).collect()).collect();
    assert_eq!(schema[0], "rows        500 in 1 row group");
    assert!(schema.contains(&"compression SNAPPY".to_owned()), "{schema:#?}");
    assert!(schema.contains(&"  OPTIONAL DOUBLE score;".to_owned()), "{schema:#?}");
    assert_eq!(seen.note, None);
}

#[test]
fn of_a_large_parquet_file_little_is_read() {
    let file = Bytes::from(parquet_bytes(40_000, 400));
    assert!(file.len() > 10 << 20);
    let (seen, read) = parquet_in_parts(&file);
    assert!(read <= parquet::BUDGET, "{read}");
    let table = seen.table.unwrap_or_else(|| panic!("{:?}", seen.note));
    assert_eq!((table.columns().len(), table.len()), (3, 200));
    // Of pages that are large, those that are there; of one that is larger than all that is read, nothing.
    for (rows, padding, shown) in [(9, 400_000, "id score note"), (2, 1_900_000, "id score")] {
        let (seen, read) = parquet_in_parts(&parquet_bytes(rows, padding).into());
        let table = seen.table.unwrap_or_else(|| panic!("{:?}", seen.note));
        let names: Vec<_> = table.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!((names.join(" ").as_str(), table.is_empty()), (shown, false));
        assert!(read <= parquet::BUDGET, "{read}");
        let says = seen.note.is_some_and(|note| note.starts_with("1 column not shown"));
        assert_eq!(says, shown == "id score");
    }
}

#[test]
fn a_footer_that_lies_is_not_followed() {
    for (tail, why) in [
        (&b"\xff\xff\xff\x7fPAR1"[..], "longer than the file"),
        (b"\0\0\0\0PAR1", ""),
        (b"\x08\0\0\0PARE", "encrypted"),
    ] {
        let file = Bytes::from([&b"PAR1"[..], &[7; 100], tail].concat());
        match parquet::footer(&Pieces::new(file.len() as u64, file)) {
            Footer::Broken(found) => assert!(found.contains(why), "{found}"),
            _ => panic!("{why}"),
        }
    }
}
