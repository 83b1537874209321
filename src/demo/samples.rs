//! Things worth looking at in the demo: code, data, pictures, and one object of every kind that S3 tells apart. What
//! takes time to make is made when somebody first looks at it.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::sync::Arc;

use hyper::body::Bytes;
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use super::bucket::{Bucket, Object, Stored, ago};
use crate::domain::checksum::Algorithm;

const DAY: u64 = 24 * 3600;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// The key that the demo's developers may decrypt with.
pub(super) const KEY: &str = "arn:aws:kms:ap-northeast-1:111111111111:key/5d7e0c1a-8f5b-4c1e-9a57-2f1b7c6d4e30";

/// A key that they may not.
const LOCKED_KEY: &str = "arn:aws:kms:ap-northeast-1:111111111111:key/c0ffee00-1d2c-4b3a-8594-a6b7c8d9e0f1";

/// `hub-samples`: one object of everything.
pub(super) fn samples() -> Bucket {
    let asset = |text: &'static str, kind: &str| Object::new(text).content_type(kind).aged(6 * DAY);
    let drawn = |draw: fn() -> Bytes, kind: &str| Object::drawn(draw).content_type(kind).aged(4 * DAY);
    let page = Stored {
        cache_control: Some("public, max-age=300".to_owned()),
        content_disposition: Some("inline; filename=\"index.html\"".to_owned()),
        content_language: Some("en".to_owned()),
        replication_status: Some("COMPLETED".to_owned()),
        expiration: Some("expiry-date=\"Tue, 01 Jan 2030 00:00:00 GMT\", rule-id=\"old-pages\"".to_owned()),
        ..Stored::default()
    };
    let moved = Stored { website_redirect_location: Some("/web/index.html".to_owned()), ..Stored::default() };
    let packed = Stored { content_encoding: Some("gzip".to_owned()), ..Stored::default() };
    let bucket = Bucket::new("hub-samples")
        .object("code/retry.rs", asset(include_str!("../../assets/demo/samples/retry.rs"), "text/x-rust"))
        .object("code/report.py", asset(include_str!("../../assets/demo/samples/report.py"), "text/x-python"))
        .object("code/deploy.sh", asset(include_str!("../../assets/demo/samples/deploy.sh"), "text/x-shellscript"))
        .object("code/values.yaml", asset(include_str!("../../assets/demo/samples/values.yaml"), "application/yaml"))
        .object("code/service.toml", asset(include_str!("../../assets/demo/samples/service.toml"), "application/toml"))
        .object("data/orders.json", drawn(|| pretty(&orders(40)), "application/json"))
        .object("data/orders.min.json", drawn(|| Bytes::from(orders(400).to_string()), "application/json"))
        .object("data/orders.jsonl", drawn(|| Bytes::from(order_lines(200)), "application/x-ndjson"))
        .object("data/orders.parquet", drawn(orders_parquet, "application/vnd.apache.parquet"))
        .object("data/customers.csv", drawn(|| Bytes::from(customers()), "text/csv"))
        .object("data/readings.tsv", drawn(|| Bytes::from(readings()), "text/tab-separated-values"))
        .object("data/access.log.gz", drawn(|| gzip(&access_log()), "application/gzip"))
        .object("data/events.json.zst", drawn(|| zstandard(&order_lines(500)), "application/zstd"))
        .object("images/chart.png", drawn(chart, "image/png"))
        .object("text/greetings.txt", asset(include_str!("../../assets/demo/samples/greetings.txt"), "text/plain"))
        .object("text/latin-1.txt", Object::new(latin_1()).content_type("text/plain; charset=iso-8859-1"))
        .object("text/one-long-line.txt", drawn(|| Bytes::from("all on one line ".repeat(4000)), "text/plain"))
        .object("text/empty", Object::new("").aged(9 * DAY))
        .object(
            "web/index.html",
            asset(include_str!("../../assets/demo/samples/index.html"), "text/html").headers(page),
        )
        .object("web/moved", Object::new("").headers(moved).aged(3 * DAY))
        .object(
            "web/data.js",
            drawn(|| gzip(&format!("const orders = {};\n", orders(20))), "text/javascript").headers(packed),
        )
        .object(
            "binary/firmware.bin",
            Object::made(70 * KIB, 40).aged(12 * DAY).tag("board", "rev-c").metadata("built-by", "ci"),
        );
    archived(encrypted(checksums(bucket)))
}

/// One object of each kind of checksum.
fn checksums(bucket: Bucket) -> Bucket {
    let object = |seed| Object::made(64 * KIB, seed).aged(20 * DAY);
    let parts = |seed| Object::made(12 * MIB, seed).multipart(5 * MIB).aged(20 * DAY);
    bucket
        .object("checksums/crc64nvme.bin", object(50))
        .object("checksums/crc32.bin", object(51).checksum(Algorithm::Crc32))
        .object("checksums/crc32c.bin", object(52).checksum(Algorithm::Crc32c))
        .object("checksums/sha1.bin", object(53).checksum(Algorithm::Sha1))
        .object("checksums/sha256.bin", object(54).checksum(Algorithm::Sha256))
        .object("checksums/only-an-etag.bin", object(55).checksum(Algorithm::Md5))
        .object("checksums/parts-crc64nvme.bin", parts(56))
        .object("checksums/parts-crc32c.bin", parts(57).checksum(Algorithm::Crc32c))
        .object("checksums/parts-crc32-full-object.bin", parts(58).checksum(Algorithm::Crc32).full_object())
        .object("checksums/parts-sha256.bin", parts(59).checksum(Algorithm::Sha256))
        .object("checksums/parts-only-an-etag.bin", parts(60).checksum(Algorithm::Md5))
}

fn encrypted(bucket: Bucket) -> Bucket {
    bucket
        .object("encrypted/yours.txt", Object::new("You hold the key to this one.\n").kms(KEY).aged(8 * DAY))
        .object("encrypted/not-yours.txt", Object::new("Nobody reads this.\n").kms(LOCKED_KEY).aged(8 * DAY))
}

fn archived(bucket: Bucket) -> Bucket {
    let tape = |seed, class| Object::made(30 * MIB, seed).storage_class(class).aged(500 * DAY);
    bucket
        .object("archive/2022.tar", tape(70, "DEEP_ARCHIVE"))
        .object("archive/2023.tar", tape(71, "GLACIER"))
        .object("archive/2024-restored.tar", tape(72, "GLACIER").restored(5))
        .object("archive/2025.tar", tape(73, "GLACIER_IR"))
        .object("archive/seldom.tar", tape(74, "STANDARD_IA"))
}

/// `hub-versions`: what was written over, deleted, and may not be deleted.
pub(super) fn versions() -> Bucket {
    let text = |text: &str, days: u64| Object::new(text.to_owned()).content_type("text/plain").aged(days * DAY);
    let until = ago(0) + std::time::Duration::from_secs(400 * DAY);
    let contract = text("Signed, sealed.\n", 60).retained("GOVERNANCE", until).legal_hold(true);
    Bucket::new("hub-versions")
        .object("before.txt", text("Written before there were versions.\n", 90))
        .object_lock()
        .object("notes.txt", text("first draft\n", 30))
        .object("notes.txt", text("first draft\nsecond thoughts\n", 20))
        .object("notes.txt", text("first draft\nsecond thoughts\nthe end\n", 2))
        .object("plans/2025.md", text("# 2025\n\n- less\n", 80))
        .object("plans/2026.md", text("# 2026\n\n- more\n", 50))
        .deleted("plans/2025.md", 10 * DAY)
        .object("deleted.txt", text("Still there, below a delete marker.\n", 40))
        .deleted("deleted.txt", 7 * DAY)
        .object("contract.txt", contract)
}

/// `hub-europe`: a bucket of the same account in another region.
pub(super) fn europe() -> Bucket {
    let note = Object::new("These bytes are in Frankfurt.\n").content_type("text/plain").aged(15 * DAY);
    let series = Object::made(2 * MIB, 80).aged(14 * DAY);
    Bucket::new("hub-europe").region("eu-central-1").object("where.txt", note).object("mirror/part-0001.bin", series)
}

/// `open-data-paid`: a bucket of another account, which lets the hub read if it pays.
pub(super) fn paid() -> Bucket {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
            "Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"],
            "Resource": ["arn:aws:s3:::open-data-paid", "arn:aws:s3:::open-data-paid/*"],
        }],
    });
    let readme = Object::new("Whoever reads this pays for it.\n").content_type("text/plain").aged(200 * DAY);
    let tile = |seed| Object::made(256 * KIB, seed).aged(150 * DAY);
    let bucket = Bucket::new("open-data-paid").requester_pays().policy(policy).object("README.txt", readme);
    (0..12).fold(bucket, |bucket, number| bucket.object(format!("tiles/{number:02}.bin"), tile(90 + number)))
}

/// A number that looks like chance, and is the same in every run.
fn dice(number: u64, sides: u64) -> u64 {
    super::content::scramble(number) % sides
}

const COUNTRIES: [&str; 5] = ["JP", "DE", "BR", "US", "IN"];
const NAMES: [&str; 6] =
    ["Aiko Tanaka", "Jonas \"Joe\" Weber", "Lúcia Costa", "Sam O'Neil", "Anaïs, Ltd.", "Ravi Kumar"];

fn order(number: u64) -> Value {
    let item = |item| json!({ "sku": format!("SKU-{:04}", dice(number * 7 + item, 9999)), "quantity": item + 1 });
    let items: Vec<Value> = (0..=dice(number + 4000, 3)).map(item).collect();
    json!({
        "id": 10_000 + number,
        "customer": NAMES[dice(number, 6) as usize],
        "country": COUNTRIES[dice(number + 1000, 5) as usize],
        "amount": dice(number + 2000, 100_000) as f64 / 100.0,
        "paid": dice(number + 3000, 4) > 0,
        "items": items,
        "note": if dice(number + 5000, 5) == 0 { json!("gift wrapped") } else { Value::Null },
    })
}

fn orders(count: u64) -> Value {
    (0..count).map(order).collect::<Vec<_>>().into()
}

fn order_lines(count: u64) -> String {
    (0..count).map(|number| format!("{}\n", order(number))).collect()
}

fn pretty(value: &Value) -> Bytes {
    serde_json::to_vec_pretty(value).unwrap_or_default().into()
}

/// Quoted fields, with commas, quotes and line breaks in them, and more columns than a screen is wide.
fn customers() -> String {
    let mut text = String::from(
        "id,name,e-mail,street,city,country,since,orders,lifetime value,newsletter,last contact,preferred carrier,\
         notes\n",
    );
    for number in 0..250 {
        let name = NAMES[dice(number, 6) as usize].replace('"', "\"\"");
        let note = match dice(number + 70, 4) {
            0 => "\"Calls at noon, never before.\nSpeak slowly.\"",
            1 => "\"says \"\"thank you\"\" twice\"",
            _ => "",
        };
        _ = writeln!(
            text,
            "{},\"{name}\",c{number}@example.com,\"{} Long Street, Apt. {}\",Springfield,{},\
             20{:02}-0{}-1{},{},{}.{:02},{},,standard parcel service,{note}",
            5000 + number,
            dice(number + 10, 400) + 1,
            dice(number + 20, 60) + 1,
            COUNTRIES[dice(number + 30, 5) as usize],
            15 + dice(number + 40, 10),
            1 + dice(number + 50, 9),
            dice(number + 60, 10),
            dice(number + 61, 300),
            dice(number + 62, 90_000),
            dice(number + 63, 100),
            if dice(number + 64, 2) == 0 { "yes" } else { "no" },
        );
    }
    text
}

fn readings() -> String {
    let mut text = String::from("time\tsensor\tcelsius\thumidity\n");
    for number in 0..600 {
        let (hour, minute) = (number / 60 % 24, number % 60);
        let celsius = 18.0 + dice(number, 900) as f64 / 100.0;
        _ = writeln!(
            text,
            "2026-03-01T{hour:02}:{minute:02}:00Z\troom-{}\t{celsius:.2}\t{}",
            dice(number + 1, 4) + 1,
            30 + dice(number + 2, 40)
        );
    }
    text
}

fn access_log() -> String {
    let mut text = String::new();
    for number in 0..2000 {
        let path = ["/", "/orders", "/orders/17", "/health", "/login?next=%2F"][dice(number, 5) as usize];
        let status = [200, 200, 200, 304, 404, 500][dice(number + 9, 6) as usize];
        _ = writeln!(
            text,
            "192.0.2.{} - - [01/Mar/2026:09:{:02}:{:02} +0000] \"GET {path} HTTP/1.1\" {status} {}",
            dice(number + 1, 250),
            number / 60 % 60,
            number % 60,
            dice(number + 2, 50_000)
        );
    }
    text
}

/// In ISO 8859-1, which is no UTF-8.
fn latin_1() -> Bytes {
    let text =
        "Caf\u{e9} cr\u{e8}me, \u{fc}ber den D\u{e4}chern: 3 \u{b1} 0,5 \u{b0}C\nse\u{f1}or, gar\u{e7}on, \u{a3}5\n";
    // Every character of it is one byte there.
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect::<Vec<u8>>().into()
}

fn gzip(text: &str) -> Bytes {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
    packed.unwrap_or_default().into()
}

fn zstandard(text: &str) -> Bytes {
    zstd::encode_all(text.as_bytes(), 3).unwrap_or_default().into()
}

/// Bars of different heights on a shaded ground.
fn chart() -> Bytes {
    let (width, height) = (320, 200);
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let bar = u64::from(x / 20);
        let top = 30 + dice(bar, 140) as u32;
        if y > top && x % 20 > 3 {
            image::Rgb([240, 140 + (bar * 7) as u8, 40])
        } else {
            image::Rgb([20, 30 + (y / 4) as u8, 70 + (x / 4) as u8])
        }
    });
    let mut bytes = Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.map(|()| bytes.into_inner()).unwrap_or_default().into()
}

const SCHEMA: &str = "message order {
    required int64 id;
    required binary customer (STRING);
    optional binary country (STRING);
    required double amount;
    required int32 quantity;
    required boolean paid;
    required int64 ordered_at (TIMESTAMP(MILLIS, true));
    required int32 day (DATE);
    required int32 price (DECIMAL(9, 2));
}";

/// Four hundred rows in two groups.
fn orders_parquet() -> Bytes {
    parquet_file().unwrap_or_default().into()
}

fn parquet_file() -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    for group in 0..2 {
        let rows = group * 200..(group + 1) * 200;
        let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        let int64 = |of: fn(u64) -> i64| rows.clone().map(of).collect::<Vec<_>>();
        let int32 = |of: fn(u64) -> i32| rows.clone().map(of).collect::<Vec<_>>();
        let customers: Vec<_> = rows.clone().map(|row| text(NAMES[dice(row, 6) as usize])).collect();
        // Every tenth has no country.
        let known: Vec<i16> = rows.clone().map(|row| i16::from(row % 10 != 9)).collect();
        let with_country = rows.clone().filter(|row| row % 10 != 9);
        let countries: Vec<_> = with_country.map(|row| text(COUNTRIES[dice(row, 5) as usize])).collect();
        let amounts: Vec<f64> = rows.clone().map(|row| dice(row, 100_000) as f64 / 100.0).collect();
        let paid: Vec<bool> = rows.clone().map(|row| dice(row, 4) > 0).collect();

        let mut columns = file.next_row_group()?;
        let mut column = |write: &dyn Fn(&mut SerializedColumnWriter<'_>) -> Result<usize, ParquetError>| {
            let Some(mut column) = columns.next_column()? else {
                return Err(ParquetError::General("a column too many".to_owned()));
            };
            write(&mut column)?;
            column.close()
        };
        column(&|one| one.typed::<Int64Type>().write_batch(&int64(|row| 10_000 + row as i64), None, None))?;
        column(&|one| one.typed::<ByteArrayType>().write_batch(&customers, None, None))?;
        column(&|one| one.typed::<ByteArrayType>().write_batch(&countries, Some(&known), None))?;
        column(&|one| one.typed::<DoubleType>().write_batch(&amounts, None, None))?;
        column(&|one| one.typed::<Int32Type>().write_batch(&int32(|row| 1 + dice(row, 9) as i32), None, None))?;
        column(&|one| one.typed::<BoolType>().write_batch(&paid, None, None))?;
        let times = int64(|row| 1_772_355_600_000 + row as i64 * 61_000);
        column(&|one| one.typed::<Int64Type>().write_batch(&times, None, None))?;
        column(&|one| one.typed::<Int32Type>().write_batch(&int32(|row| 20_513 + row as i32 / 40), None, None))?;
        let prices = int32(|row| dice(row + 5, 99_999) as i32);
        column(&|one| one.typed::<Int32Type>().write_batch(&prices, None, None))?;
        columns.close()?;
    }
    file.close()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    use super::*;

    #[test]
    fn every_sample_is_what_its_name_says() {
        let file = SerializedFileReader::new(orders_parquet()).unwrap();
        assert_eq!((file.num_row_groups(), file.metadata().file_metadata().num_rows()), (2, 400));
        let row = file.get_row_iter(None).unwrap().nth(9).unwrap().unwrap().to_string();
        assert!(row.contains("id: 10009") && row.contains("country: null"), "{row}");

        let picture = image::load_from_memory(&chart()).unwrap();
        assert_eq!((picture.width(), picture.height()), (320, 200));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&gzip(&access_log())[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, access_log());
        assert_eq!(zstd::decode_all(&zstandard("x")[..]).unwrap(), b"x");
        let rows: Vec<_> = csv::Reader::from_reader(customers().as_bytes()).into_records().collect();
        assert!(rows.len() == 250 && rows.iter().all(Result::is_ok));
        assert!(std::str::from_utf8(&latin_1()).is_err());
        assert_eq!(serde_json::from_slice::<Value>(&pretty(&orders(3))).unwrap(), orders(3));
    }
}
