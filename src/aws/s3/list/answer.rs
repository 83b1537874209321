//! ListObjectsV2's answer, read by xsw itself: the SDK spends several times as long on it, and in a listing of a
//! million keys nothing else takes time. Endpoints, signatures, retries and errors stay the SDK's.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Mutex};

use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2, ListObjectsV2Output};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{BeforeSerializationInterceptorContextMut, Error, Output};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin as _;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer};
use jiff::Timestamp;
use percent_encoding::percent_decode;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

use crate::domain::object::{Entry, Object, Page};
use crate::local::lock::held;

/// Where one call's page is left.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(Arc<Mutex<Option<Page>>>);

impl Slot {
    /// What was left there.
    pub(super) fn take(&self) -> Option<Page> {
        held(&self.0).take()
    }
}

/// Makes [`Reading`] what reads the answer of one call.
#[derive(Debug)]
pub(super) struct ReadOurselves(pub(super) Slot);

#[dyn_dispatch_hint]
impl Intercept for ReadOurselves {
    fn name(&self) -> &'static str {
        "ReadOurselves"
    }

    fn modify_before_serialization(
        &self,
        _context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(SharedResponseDeserializer::new(Reading(self.0.clone())));
        Ok(())
    }
}

/// Reads pages; what is no page is an error, and those the SDK reads.
#[derive(Debug)]
struct Reading(Slot);

impl DeserializeResponse for Reading {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        config: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        if response.status().is_success()
            && let Some(body) = response.body().bytes()
            // A page that broke off is asked for again, as every broken answer is.
            && let Some(page) = page(body).map_err(|wrong| OrchestratorError::response(wrong.into()))?
        {
            *held(&self.0.0) = Some(page);
            return Ok(Output::erase(ListObjectsV2Output::builder().build()));
        }
        static OF_THE_SDK: LazyLock<Option<FrozenLayer>> = LazyLock::new(|| ListObjectsV2::new().config());
        let sdk = OF_THE_SDK.as_ref().and_then(|layer| layer.load::<SharedResponseDeserializer>());
        let sdk = sdk.ok_or_else(|| OrchestratorError::other("the SDK reads no errors"))?;
        sdk.deserialize_nonstreaming_with_config(response, config)
    }
}

/// What the text of an element is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Key,
    LastModified,
    Size,
    ETag,
    StorageClass,
    Prefix,
    IsTruncated,
    Token,
    EncodingType,
    /// Nothing that is needed.
    Other,
}

/// The page, or `None` where the document is another one.
fn page(body: &[u8]) -> Result<Option<Page>, String> {
    let mut reader = Reader::from_reader(body);
    // What is read is counted by depth, and half a document is noticed by that.
    reader.config_mut().check_end_names = false;
    let mut depth = 0_usize;
    let (mut whole, mut in_contents, mut truncated, mut encoded) = (false, false, false, false);
    let mut field = Field::Other;
    let mut text = Vec::new();
    let (mut prefixes, mut objects) = (Vec::new(), Vec::with_capacity(body.len() / 320));
    let mut object = Object::default();
    let mut next = None;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                depth += 1;
                text.clear();
                let name = start.local_name();
                field = match (depth, name.as_ref()) {
                    (1, b"ListBucketResult") => Field::Other,
                    (1, _) => return Ok(None),
                    (2, b"Contents") => {
                        in_contents = true;
                        Field::Other
                    }
                    (2, b"IsTruncated") => Field::IsTruncated,
                    (2, b"NextContinuationToken") => Field::Token,
                    (2, b"EncodingType") => Field::EncodingType,
                    (2, _) => {
                        in_contents = false;
                        Field::Other
                    }
                    (3, b"Key") if in_contents => Field::Key,
                    (3, b"LastModified") if in_contents => Field::LastModified,
                    (3, b"Size") if in_contents => Field::Size,
                    (3, b"ETag") if in_contents => Field::ETag,
                    (3, b"StorageClass") if in_contents => Field::StorageClass,
                    (3, b"Prefix") if !in_contents => Field::Prefix,
                    _ => Field::Other,
                };
            }
            Event::Text(piece) if field != Field::Other => text.extend_from_slice(&piece),
            Event::CData(piece) if field != Field::Other => text.extend_from_slice(&piece),
            Event::GeneralRef(name) if field != Field::Other => {
                let name: &[u8] = &name;
                let meant = referred(name).ok_or_else(|| format!("no character is &{};", name.escape_ascii()))?;
                text.extend_from_slice(meant.as_bytes());
            }
            Event::End(_) => {
                match field {
                    Field::Key => object.key = string(&text)?,
                    Field::LastModified => object.last_modified = time(&text),
                    Field::Size => object.size = number(&text)?,
                    Field::ETag => object.etag = Some(string(&text)?),
                    Field::StorageClass => object.storage_class = Some(string(&text)?),
                    Field::Prefix => prefixes.push(Entry::Prefix(string(&text)?)),
                    Field::IsTruncated => truncated = text.eq_ignore_ascii_case(b"true"),
                    Field::Token => next = Some(string(&text)?),
                    Field::EncodingType => encoded = text == b"url",
                    Field::Other if depth == 2 && in_contents => {
                        let object = std::mem::take(&mut object);
                        // No key of S3 is empty.
                        if !object.key.is_empty() {
                            objects.push(Entry::Object(object));
                        }
                        in_contents = false;
                    }
                    Field::Other => {}
                }
                field = Field::Other;
                depth = depth.checked_sub(1).ok_or("it ends more than it begins")?;
                whole |= depth == 0;
            }
            Event::Empty(element) if depth == 0 => {
                if element.local_name().as_ref() != b"ListBucketResult" {
                    return Ok(None);
                }
                whole = true;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !whole {
        return Err("the listing broke off".into());
    }
    let mut entries = prefixes;
    entries.append(&mut objects);
    if encoded {
        for entry in &mut entries {
            let (Entry::Prefix(key) | Entry::Object(Object { key, .. })) = entry;
            if let Cow::Owned(decoded) = decoded(key) {
                *key = decoded;
            }
        }
    }
    Ok(Some(Page { entries, next: next.filter(|_| truncated) }))
}

/// What `&name;` stands for; the five of XML and numbers, as there is no document type.
fn referred(name: &[u8]) -> Option<Cow<'static, str>> {
    let name = std::str::from_utf8(name).ok()?;
    let Some(number) = name.strip_prefix('#') else { return resolve_xml_entity(name).map(Cow::Borrowed) };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?).map(|c| c.to_string().into())
}

fn string(text: &[u8]) -> Result<String, String> {
    std::str::from_utf8(text).map(str::to_owned).map_err(|_| "it is no UTF-8".into())
}

fn number(text: &[u8]) -> Result<u64, String> {
    let wrong = || format!("{} is no size", text.escape_ascii());
    let number: i64 = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()).ok_or_else(wrong)?;
    Ok(number.try_into().unwrap_or(0))
}

/// A time as S3 writes it, `2026-01-02T03:04:05.000Z`, read by its places; any other RFC 3339 time by jiff.
fn time(text: &[u8]) -> Option<Timestamp> {
    let general = || std::str::from_utf8(text).ok()?.trim().parse().ok();
    let digits = |from: usize, to: usize| {
        text[from..to]
            .iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let shape = matches!(
        text,
        [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'Z']
            | [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _, b'.', _, _, _, b'Z']
    );
    if !shape {
        return general();
    }
    let parts = || {
        let milliseconds = if text.len() == 24 { digits(20, 23)? } else { 0 };
        Some((
            [digits(0, 4)?, digits(5, 7)?, digits(8, 10)?, digits(11, 13)?, digits(14, 16)?, digits(17, 19)?],
            milliseconds,
        ))
    };
    match parts() {
        // Within these no month is too short and no second leaps.
        Some((
            [year @ 1970..=9998, month @ 1..=12, day @ 1..=28, hour @ 0..=23, minute @ 0..=59, second @ 0..=59],
            ms,
        )) => {
            let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
            Timestamp::new(seconds, i32::try_from(ms * 1_000_000).ok()?).ok()
        }
        _ => general(),
    }
}

/// Days since 1970-01-01 of a day of the Gregorian calendar; the year begins in March, so that the leap day ends it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Undoes `encoding-type=url`: `+` is a space, and what is left is percent-encoded UTF-8.
pub(in crate::aws::s3) fn decoded(key: &str) -> Cow<'_, str> {
    if !key.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(key);
    }
    let spaced: Vec<u8> = key.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests;
