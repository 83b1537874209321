//! Buckets and listings.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::read::checksum_type;
use super::{Signed, Store};
use crate::demo::access::judge;
use crate::demo::listing::{self, Page, Question};
use crate::domain::checksum::Algorithm;
use crate::domain::policy::{Context, Request, Resource, Side, denial_in_s3};
use crate::domain::text::hex;

/// The most entries of a page, and what it has when nothing is said.
pub(super) const PAGE: i32 = 1000;

/// ListBuckets: those of the caller's account.
pub(super) fn buckets(store: &Store, req: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
    let from = Signed::of(&req)?;
    let principal = &from.caller.principal;
    let context = Context::new();
    // The action has no resource; policies may name it by "*" or by "arn:aws:s3:::*".
    let request = Request { principal, action: "s3:ListAllMyBuckets", resource: "arn:aws:s3:::*", context: &context };
    let resource = Resource { side: Side::Bucket, account: &principal.account, policy: None };
    let verdict = judge(&store.0, &from.caller, &request, resource);
    if !verdict.is_allowed() {
        return Err(S3Error::with_message(S3ErrorCode::AccessDenied, denial_in_s3(&verdict, &request, true)));
    }
    let input = req.input;
    let limit = usize::try_from(input.max_buckets.unwrap_or(10_000).clamp(1, 10_000)).unwrap_or(1);
    let after = input.continuation_token.as_deref().map(read_token).transpose()?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let known = store.0.buckets();
    let mut found = known
        .range::<String, _>((after.unwrap_or(Bound::Unbounded), Bound::Unbounded))
        .filter(|(name, known)| known.account == principal.account && name.starts_with(prefix))
        .filter(|(_, known)| input.bucket_region.as_ref().is_none_or(|region| *region == known.bucket.region));
    let buckets: Vec<Bucket> = found
        .by_ref()
        .take(limit)
        .map(|(name, known)| Bucket {
            name: Some(name.clone()),
            creation_date: Some(timestamp(known.bucket.created)),
            bucket_region: Some(known.bucket.region.clone()),
        })
        .collect();
    let last = buckets.last().and_then(|bucket| bucket.name.clone());
    let more = found.next().is_some();
    Ok(S3Response::new(ListBucketsOutput {
        continuation_token: last.filter(|_| more).map(|name| write_token(&Bound::Excluded(name))),
        owner: Some(owner(&principal.account)),
        prefix: input.prefix.clone(),
        buckets: Some(buckets),
    }))
}

/// HeadBucket.
pub(super) fn head_bucket(store: &Store, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
    let from = Signed::of(&req)?;
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, &req.input.bucket, &from)?;
    store.allow(&from, "s3:ListBucket", known, None, &Context::new())?;
    let region = known.bucket.region.clone();
    Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(region), ..HeadBucketOutput::default() }))
}

/// GetBucketLocation, which us-east-1 answers for every region.
pub(super) fn bucket_location(
    store: &Store,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    let mut from = Signed::of(&req)?;
    from.region = from.region.filter(|region| region != "us-east-1");
    let buckets = store.0.buckets();
    let known = store.bucket(&buckets, &req.input.bucket, &from)?;
    store.allow(&from, "s3:GetBucketLocation", known, None, &Context::new())?;
    // For us-east-1 the answer is empty, as it has been since that was the only region.
    let region = Some(known.bucket.region.clone()).filter(|region| region != "us-east-1");
    let location_constraint = region.map(BucketLocationConstraint::from);
    Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
}

/// ListObjectsV2.
pub(super) fn objects_v2(
    store: &Store,
    req: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let start = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => read_token(token)?,
        (None, Some(key)) => Bound::Excluded(key.clone()),
        (None, None) => Bound::Unbounded,
    };
    let asked = Asked {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        max_keys: input.max_keys,
        start,
    };
    let (page, account, request_charged) = asked.page(store, &from)?;
    let text = Text::new(input.encoding_type.as_ref())?;
    let owner = input.fetch_owner.unwrap_or(false).then(|| owner(&account));
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket.clone()),
        prefix: Some(text.encode(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.encode(delimiter)),
        start_after: input.start_after.as_deref().map(|key| text.encode(key)),
        max_keys: Some(asked.limit()),
        key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token.clone(),
        next_continuation_token: page.next.as_ref().map(write_token),
        contents: Some(text.objects(&page, owner, restores(store, input.optional_object_attributes.as_ref()))),
        common_prefixes: Some(text.prefixes(&page)),
        encoding_type: input.encoding_type.clone(),
        request_charged,
    }))
}

/// ListObjects, the first version of the API.
pub(super) fn objects(store: &Store, req: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
    let from = Signed::of(&req)?;
    let input = req.input;
    let marker = input.marker.clone().filter(|marker| !marker.is_empty());
    let asked = Asked {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        max_keys: input.max_keys,
        start: marker.map_or(Bound::Unbounded, Bound::Excluded),
    };
    let (page, account, request_charged) = asked.page(store, &from)?;
    let text = Text::new(input.encoding_type.as_ref())?;
    // NextMarker is for listings with a delimiter; the others go on after their last key.
    let next_marker = page.last.as_deref().filter(|_| page.next.is_some() && asked.delimiter().is_some());
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket.clone()),
        prefix: Some(text.encode(input.prefix.as_deref().unwrap_or_default())),
        delimiter: input.delimiter.as_deref().map(|delimiter| text.encode(delimiter)),
        marker: Some(text.encode(input.marker.as_deref().unwrap_or_default())),
        max_keys: Some(asked.limit()),
        is_truncated: Some(page.next.is_some()),
        next_marker: next_marker.map(|marker| text.encode(marker)),
        contents: Some(text.objects(&page, Some(owner(&account)), None)),
        common_prefixes: Some(text.prefixes(&page)),
        encoding_type: input.encoding_type.clone(),
        request_charged,
    }))
}

/// What both versions of the API ask.
struct Asked<'a> {
    bucket: &'a str,
    prefix: Option<&'a str>,
    delimiter: Option<&'a str>,
    max_keys: Option<i32>,
    start: Bound<String>,
}

impl Asked<'_> {
    fn limit(&self) -> i32 {
        self.max_keys.unwrap_or(PAGE).clamp(0, PAGE)
    }

    fn delimiter(&self) -> Option<&str> {
        self.delimiter.filter(|delimiter| !delimiter.is_empty())
    }

    /// The page, the account that owns the bucket, and whether the caller pays.
    fn page(&self, store: &Store, from: &Signed) -> S3Result<(Page, String, Option<RequestCharged>)> {
        if self.max_keys.is_some_and(|keys| keys < 0) {
            let text = "Argument maxKeys must be an integer between 0 and 2147483647";
            return Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text));
        }
        let buckets = store.0.buckets();
        let known = store.bucket(&buckets, self.bucket, from)?;
        let mut context = Context::new();
        if let Some(prefix) = self.prefix {
            context.set("s3:prefix", prefix);
        }
        if let Some(delimiter) = self.delimiter {
            context.set("s3:delimiter", delimiter);
        }
        if let Some(keys) = self.max_keys {
            context.set("s3:max-keys", keys.to_string());
        }
        store.allow(from, "s3:ListBucket", known, None, &context)?;
        let question = Question {
            prefix: self.prefix.unwrap_or_default(),
            delimiter: self.delimiter(),
            from: self.start.clone(),
            limit: usize::try_from(self.limit()).unwrap_or_default(),
        };
        Ok((listing::page(&known.bucket, &question), known.account.clone(), from.charged(known)))
    }
}

/// The time, if a listing shall tell of restorations.
fn restores(store: &Store, attributes: Option<&OptionalObjectAttributesList>) -> Option<jiff::Timestamp> {
    let asked = |one: &OptionalObjectAttributes| one.as_str() == OptionalObjectAttributes::RESTORE_STATUS;
    attributes.is_some_and(|attributes| attributes.iter().any(asked)).then(|| store.0.now())
}

/// How far the restoration of an archived object is.
fn restore_status(object: &crate::demo::bucket::Object, now: jiff::Timestamp) -> Option<RestoreStatus> {
    let copy = object.restored.filter(|copy| now < copy.until)?;
    let ready = copy.from <= now;
    Some(RestoreStatus {
        is_restore_in_progress: Some(!ready),
        restore_expiry_date: ready.then(|| timestamp(copy.until)),
    })
}

/// The name of an algorithm in a listing.
pub(super) fn checksum_algorithm(algorithm: Algorithm) -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(algorithm.name())
}

/// Keys as they are, or percent-encoded: XML 1.0 has no way to write most control characters.
pub(super) struct Text {
    url: bool,
}

impl Text {
    pub(super) fn new(encoding: Option<&EncodingType>) -> S3Result<Text> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Text { url: false }),
            Some(EncodingType::URL) => Ok(Text { url: true }),
            Some(_) => {
                let text = "Invalid Encoding Method specified in Request";
                Err(S3Error::with_message(S3ErrorCode::InvalidArgument, text))
            }
        }
    }

    /// As S3 encodes: like a form, with a space as `+`, but with slashes left alone.
    pub(super) fn encode(&self, text: &str) -> String {
        match self.url {
            true => form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace("%2F", "/"),
            false => text.to_owned(),
        }
    }

    /// With `restores`, as of that time, tells of temporary copies too.
    fn objects(&self, page: &Page, owner: Option<Owner>, restores: Option<jiff::Timestamp>) -> Vec<Object> {
        let objects = page.objects.iter().map(|(key, object)| {
            let sum = object.sum();
            Object {
                key: Some(self.encode(key)),
                size: i64::try_from(object.length()).ok(),
                e_tag: Some(ETag::Strong(object.etag().to_owned())),
                last_modified: Some(timestamp(object.modified)),
                storage_class: Some(ObjectStorageClass::from(object.storage_class.clone())),
                checksum_algorithm: sum.map(|(algorithm, _)| vec![checksum_algorithm(algorithm)]),
                checksum_type: sum.map(|(_, composite)| checksum_type(composite)),
                owner: owner.clone(),
                restore_status: restores.and_then(|now| restore_status(object, now)),
            }
        });
        objects.collect()
    }

    fn prefixes(&self, page: &Page) -> Vec<CommonPrefix> {
        page.prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(self.encode(prefix)) }).collect()
    }
}

/// The owner of an account's buckets: a canonical user id is 64 hexadecimal digits.
pub(super) fn owner(account: &str) -> Owner {
    Owner { id: Some(format!("{account:0>64}")), display_name: None }
}

/// A moment as s3s writes it.
pub(super) fn timestamp(time: jiff::Timestamp) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(time))
}

/// A continuation token: where to go on, in hexadecimal digits, as no client has to read it.
fn write_token(bound: &Bound<String>) -> String {
    match bound {
        Bound::Included(key) => format!("1{}", hex(key.as_bytes())),
        Bound::Excluded(key) => format!("2{}", hex(key.as_bytes())),
        Bound::Unbounded => "0".to_owned(),
    }
}

fn read_token(token: &str) -> S3Result<Bound<String>> {
    let wrong = || S3Error::with_message(S3ErrorCode::InvalidArgument, "The continuation token provided is incorrect");
    let (kind, digits) = token.split_at_checked(1).ok_or_else(wrong)?;
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes = pairs.collect::<Option<Vec<u8>>>().ok_or_else(wrong)?;
    let key = String::from_utf8(bytes).map_err(|_| wrong())?;
    match kind {
        "0" => Ok(Bound::Unbounded),
        "1" => Ok(Bound::Included(key)),
        "2" => Ok(Bound::Excluded(key)),
        _ => Err(wrong()),
    }
}
