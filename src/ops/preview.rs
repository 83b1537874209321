//! What an object looks like, from its first bytes: text in colours, tables, pictures, else its bytes.
//!
//! Never the whole of a large object: [`LIMIT`] bytes, of Parquet its footer and the beginning of its columns, of a
//! picture that is small all of it. What is inside gzip and zstd is shown, as far again.

pub mod hex;
mod image;
mod json;
mod parquet;
mod syntax;
pub mod table;
pub mod text;
mod unpack;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use self::parquet::{Footer, Pieces};
use self::table::{Table, separated};
use self::text::{Text, decoded};
use self::unpack::{Compression, unpack};
use super::Core;
use crate::aws::s3::{Excerpt, ExcerptOf, S3};
use crate::domain::restore::told_how_to_restore;
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes as sized, plural};
use crate::domain::uri::{S3Uri, last_segment};
use crate::error::{Error, Result};

pub use self::image::Picture;

/// Bytes of an object that are read.
pub const LIMIT: u64 = 256 << 10;

/// Bytes of a picture that is read whole: the half of one shows nothing.
const WHOLE_PICTURE: u64 = 2 << 20;

/// What an object looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What it is: `JSON`, `Rust`, `PNG image`, `binary`.
    pub kind: String,
    /// Bytes of it that were read.
    pub read: u64,
    /// Bytes of the whole object.
    pub size: u64,
    /// Whether what was read is its beginning, and not parts from here and there.
    pub is_beginning: bool,
    /// What else one should know: its compression, encoding, and what is not shown and why.
    pub notes: Vec<String>,
    /// The ways to look at it, the best one first; at least one.
    pub looks: Vec<Look>,
}

/// One way to look at an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// In a word: `table`, `text`, `schema`, `hex`.
    pub name: &'static str,
    /// What is seen.
    pub body: Body,
}

/// What is seen of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Lines.
    Text(Text),
    /// Rows and columns.
    Table(Table),
    /// Pixels.
    Picture(Arc<Picture>),
    /// [`hex::row`] makes its rows.
    Hex(Bytes),
}

/// The object that is being looked at.
struct Source<'a> {
    s3: S3,
    uri: &'a S3Uri,
    version: Option<&'a str>,
}

impl Source<'_> {
    async fn excerpt(&self, range: Range<u64>, etag: Option<&str>) -> Result<Excerpt> {
        self.s3.excerpt(&ExcerptOf { uri: self.uri, version: self.version, etag, range }).await
    }
}

impl Core {
    /// What an object looks like to `role`.
    ///
    /// # Errors
    /// What reading says; of an archived object with the command that restores it.
    pub async fn preview(self: &Arc<Self>, role: RoleIndex, uri: &S3Uri, version: Option<&str>) -> Result<Preview> {
        if uri.key.is_empty() {
            return Err(Error::usage(format!("{uri} names no object")));
        }
        let source = Source { s3: self.s3(role), uri, version };
        let first = source.excerpt(0..LIMIT, None).await;
        let first = first.map_err(|error| told_how_to_restore(error, uri, version))?;
        let name = last_segment(&uri.key).to_owned();
        if first.bytes.starts_with(b"PAR1") {
            return parquet_file(&source, first).await;
        }
        let mut found = Found { name, content_type: first.content_type, size: first.object_size, bytes: first.bytes };
        let rest = found.bytes.len() as u64..found.size;
        if image::format(&found.bytes).is_some() && !rest.is_empty() && found.size <= WHOLE_PICTURE {
            let rest = source.excerpt(rest, first.etag.as_deref()).await?;
            found.bytes = [&found.bytes[..], &rest.bytes].concat().into();
        }
        work(move || preview(found)).await
    }
}

/// Work that would hold up others, on a thread of its own; a panic in it is an error.
async fn work<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Crashed { message: error.to_string() })
}

/// Fetches what the footer and the first rows want.
async fn parquet_file(source: &Source<'_>, first: Excerpt) -> Result<Preview> {
    let Excerpt { bytes, object_size: size, etag, .. } = first;
    let mut read = bytes.len() as u64;
    let mut pieces = Pieces::new(size, bytes.clone());
    loop {
        let (footer, back) = work(move || (parquet::footer(&pieces), pieces)).await?;
        pieces = back;
        let missing = match footer {
            Footer::Read(metadata) => {
                for range in parquet::wanted(&metadata, &pieces, parquet::BUDGET.saturating_sub(read)) {
                    let excerpt = source.excerpt(range.clone(), etag.as_deref()).await?;
                    read += excerpt.bytes.len() as u64;
                    pieces.add(range.start, excerpt.bytes);
                }
                return work(move || {
                    let (table, note) = parquet::rows(&metadata, &pieces);
                    let schema = Look { name: "schema", body: Body::Text(parquet::schema(&metadata)) };
                    let rows = table.map(|table| Look { name: "table", body: Body::Table(table) });
                    let looks = rows.into_iter().chain([schema, hex_look(bytes)]).collect();
                    Preview {
                        kind: "Parquet".into(),
                        read,
                        size,
                        is_beginning: false,
                        notes: note.into_iter().collect(),
                        looks,
                    }
                })
                .await;
            }
            Footer::Missing(range) => range,
            Footer::Broken(why) => {
                let notes = vec![format!("it begins like Parquet, but {}", text::shown(&why))];
                return Ok(Preview {
                    kind: "binary".into(),
                    read,
                    size,
                    is_beginning: false,
                    notes,
                    looks: vec![hex_look(bytes)],
                });
            }
        };
        let excerpt = source.excerpt(missing.clone(), etag.as_deref()).await?;
        if excerpt.bytes.len() as u64 != missing.end - missing.start {
            return Err(Error::Replaced { resource: source.uri.to_string() });
        }
        read += excerpt.bytes.len() as u64;
        pieces.add(missing.start, excerpt.bytes);
    }
}

/// What was read of an object.
#[derive(Clone, Debug, Default)]
struct Found {
    /// The last segment of the key.
    name: String,
    content_type: Option<String>,
    /// Bytes of the whole object.
    size: u64,
    bytes: Bytes,
}

/// What bytes look like, and what they are called.
struct Seen {
    kind: String,
    notes: Vec<String>,
    looks: Vec<Look>,
}

/// What the bytes look like, seen through one compression.
fn preview(found: Found) -> Preview {
    let (read, size) = (found.bytes.len() as u64, found.size);
    let is_cut = read < size;
    let packed = found.bytes.clone();
    let seen = match Compression::of(&packed) {
        None => seen(&found, is_cut),
        Some(compression) => {
            let inside = unpack(compression, &packed, is_cut, LIMIT as usize);
            let name = compression.inner_name(&found.name);
            let bytes = Bytes::from(inside.bytes);
            let length = sized(bytes.len() as u64);
            let part = if inside.whole { format!("{length} unpacked") } else { format!("first {length} unpacked") };
            // The media type is that of the file around it, except where a Content-Encoding says so; names tell more.
            let mut seen = seen(&Found { name, content_type: None, size: 0, bytes }, !inside.whole);
            seen.kind = format!("{} in {}", seen.kind, compression.name());
            seen.notes.insert(0, part);
            if let Some(why) = inside.broken {
                seen.notes.push(format!("{} is broken here: {}", compression.name(), text::shown(&why)));
            }
            seen.looks.retain(|look| look.name != "hex" || matches!(&look.body, Body::Hex(bytes) if !bytes.is_empty()));
            seen.looks.push(Look { name: "packed", body: Body::Hex(packed) });
            seen
        }
    };
    let Seen { kind, notes, looks } = seen;
    Preview { kind, read, size, is_beginning: true, notes, looks }
}

fn seen(found: &Found, is_cut: bool) -> Seen {
    let bytes = &found.bytes;
    if let Some(format) = image::format(bytes) {
        return picture(format, bytes, is_cut);
    }
    let Some((text, encoding)) = decoded(bytes, is_cut) else {
        return Seen { kind: "binary".into(), notes: Vec::new(), looks: vec![hex_look(bytes.clone())] };
    };
    let mut seen = written(found, &text, is_cut);
    seen.notes.extend(encoding.map(str::to_owned));
    seen.looks.push(hex_look(bytes.clone()));
    seen
}

fn picture(format: ::image::ImageFormat, bytes: &Bytes, is_cut: bool) -> Seen {
    let kind = format!("{} image", image::name(format));
    let size = image::dimensions(format, bytes).map(|(width, height)| format!("{width}×{height} pixels"));
    let mut notes: Vec<String> = size.into_iter().collect();
    let mut looks = Vec::new();
    match image::picture(format, bytes) {
        Ok(picture) => looks.push(Look { name: "image", body: Body::Picture(Arc::new(picture)) }),
        Err(_) if is_cut => notes.push(format!("images are shown up to {}", sized(WHOLE_PICTURE))),
        Err(why) => notes.push(format!("it cannot be shown: {}", text::shown(&why))),
    }
    looks.push(hex_look(bytes.clone()));
    Seen { kind, notes, looks }
}

fn hex_look(bytes: Bytes) -> Look {
    Look { name: "hex", body: Body::Hex(bytes) }
}

/// The formats of text that are more than text, then the languages.
fn written(found: &Found, text: &str, is_cut: bool) -> Seen {
    let name = found.name.to_ascii_lowercase();
    let media = found.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let text_look = |text| Look { name: "text", body: Body::Text(text) };
    let seen = |kind: &str, looks| Seen { kind: kind.into(), notes: Vec::new(), looks };
    if text.trim().is_empty() {
        let kind = if text.is_empty() { "empty" } else { "text" };
        return seen(kind, vec![text_look(Text::plain(text))]);
    }
    if ends(&[".jsonl", ".ndjson", ".jsonlines"]) || matches!(media, "application/x-ndjson" | "application/jsonl") {
        let table = json::records(text, is_cut).map(|table| Look { name: "table", body: Body::Table(table) });
        if let Some(laid_out) = json::pretty(text, is_cut) {
            return seen("JSON Lines", table.into_iter().chain([text_look(laid_out)]).collect());
        }
    }
    let json_name = ends(&[".json", ".geojson", ".ipynb", ".har", ".tfstate", ".webmanifest", ".avsc", ".map"]);
    let is_json = json_name || media.ends_with("/json") || media.ends_with("+json");
    let opens = text.trim_start().starts_with(['{', '[']);
    // Log files hold a JSON object a line under many a name.
    if (is_json || opens)
        && let Some(laid_out) = json::pretty(text, is_cut)
    {
        return seen("JSON", vec![text_look(laid_out), Look { name: "source", body: Body::Text(Text::plain(text)) }]);
    }
    let delimiter = match () {
        () if ends(&[".csv"]) || media == "text/csv" => Some(b','),
        () if ends(&[".tsv", ".tab"]) || media == "text/tab-separated-values" => Some(b'\t'),
        () => None,
    };
    if delimiter.is_some()
        && let Some((table, by)) = separated(text, delimiter, is_cut)
    {
        let kind = if by == b'\t' { "TSV" } else { "CSV" };
        let notes = match table.hidden_columns {
            0 => Vec::new(),
            more => vec![format!("{} more not shown", plural(more as u64, "column"))],
        };
        let looks = vec![Look { name: "table", body: Body::Table(table) }, text_look(Text::plain(text))];
        return Seen { kind: kind.into(), notes, looks };
    }
    match syntax::highlighted(&found.name, found.content_type.as_deref(), text) {
        Some((language, text)) => seen(&language, vec![text_look(text)]),
        None => seen("text", vec![text_look(Text::plain(text))]),
    }
}

/// What an object of `size` bytes that begins so looks like, for tests of the screen.
#[cfg(test)]
pub(crate) fn sample(name: &str, size: u64, bytes: &[u8]) -> Preview {
    let bytes = Bytes::copy_from_slice(bytes);
    preview(Found { name: name.into(), content_type: None, size, bytes })
}

#[cfg(test)]
mod tests;
