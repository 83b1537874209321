//! S3 Batch Operations: the manifest that names objects, and the job that copies them.
//!
//! Amazon S3 User Guide, "Performing object operations in bulk with Batch Operations"; the names are those of CreateJob in
//! the Amazon S3 API Reference.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::account::{AccountId, RoleArn};
use super::checksum::{Algorithm, Checksum, Hasher};
use super::copy::{Class, Encryption, Storage};
use super::object::Object;
use super::text::hex;
use super::uri::S3Uri;

/// The service that a job's role must trust.
pub const SERVICE: &str = "batchoperations.s3.amazonaws.com";

/// The form of a manifest.
pub const MANIFEST_FORMAT: &str = "S3BatchOperations_CSV_20180820";

/// The columns of a manifest.
pub const MANIFEST_FIELDS: [&str; 2] = ["Bucket", "Key"];

/// The form of a report.
pub const REPORT_FORMAT: &str = "Report_CSV_20180820";

/// The storage classes that a job copies to.
pub const STORAGE_CLASSES: [&str; 7] =
    ["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

/// What stays as it is in a manifest: unreserved characters of RFC 3986, and the slashes. A `+` is `%2B`, so that it does
/// not matter whether whoever reads it takes a bare one for a space.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Adds the line of an object to a manifest. Its key is URL-encoded, so that nothing in it can end a field or a line.
pub fn line(manifest: &mut Vec<u8>, bucket: &str, key: &str) {
    manifest.extend_from_slice(bucket.as_bytes());
    manifest.push(b',');
    utf8_percent_encode(key, KEY).for_each(|piece| manifest.extend_from_slice(piece.as_bytes()));
    manifest.push(b'\n');
}

/// Bytes of a part of a manifest. They grow, so that 10,000 parts hold the lines of billions of objects, and an ordinary
/// manifest takes little memory.
pub fn part_size(number: u32) -> usize {
    let mib = match number {
        ..=1000 => 8,
        1001..=4000 => 32,
        _ => 64,
    };
    mib << 20
}

/// What follows from the bytes of a manifest that is uploaded in parts.
pub struct Digest {
    whole: Hasher,
    parts: Vec<u8>,
    count: u32,
    sources: Sha256,
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digest").field("parts", &self.count).finish_non_exhaustive()
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self { whole: Hasher::new(Algorithm::Crc64Nvme), parts: Vec::new(), count: 0, sources: Sha256::new() }
    }
}

impl Digest {
    /// Takes a part.
    pub fn part(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        let mut md5 = Hasher::new(Algorithm::Md5);
        md5.update(bytes);
        self.parts.extend_from_slice(md5.finish().bytes());
        self.count += 1;
    }

    /// Takes an object that a line names: what is there under its key may be another one next time.
    pub fn source(&mut self, object: &Object) {
        let etag = object.etag.as_deref().unwrap_or_default();
        for text in [&object.key, etag] {
            self.sources.update((text.len() as u64).to_be_bytes());
            self.sources.update(text);
        }
        self.sources.update(object.size.to_be_bytes());
    }

    /// By which the same objects are known: their keys, sizes and entity tags.
    pub fn sources(&self) -> String {
        hex(&self.sources.clone().finalize())
    }

    /// How many parts there were.
    pub fn parts(&self) -> u32 {
        self.count
    }

    /// The ETag that S3 gives it, unless it is encrypted with KMS: the MD5 of the parts' MD5s, and how many they are.
    pub fn etag(&self) -> String {
        let mut md5 = Hasher::new(Algorithm::Md5);
        md5.update(&self.parts);
        format!("{}-{}", hex(md5.finish().bytes()), self.count)
    }

    /// The checksum of the whole.
    pub fn checksum(&self) -> Checksum {
        self.whole.clone().finish()
    }
}

/// What a copy's keys get in front of them, when everything below `strip` shall go to keys that begin with `target`.
///
/// A job keeps whole keys and can only put a folder in front of them.
///
/// # Errors
/// The beginning that the keys can have, where they cannot have this one.
pub fn target_prefix(strip: &str, target: &str) -> Result<String, String> {
    match target.strip_suffix(strip) {
        Some("") => Ok(String::new()),
        Some(folder) if folder.ends_with('/') => Ok(folder[..folder.len() - 1].to_owned()),
        _ => Err(format!("{target}{strip}")),
    }
}

/// A job that copies what a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRequest {
    /// The account that the job is in.
    pub account: AccountId,
    /// Under whose permissions it runs.
    pub role: RoleArn,
    /// The manifest.
    pub manifest: S3Uri,
    /// Its entity tag: a job does not begin with another one.
    pub manifest_etag: String,
    /// Where reports go: a folder.
    pub report: S3Uri,
    /// The bucket of the copies.
    pub target_bucket: String,
    /// The folder of the copies, without the slash; empty for none.
    pub target_prefix: String,
    /// How they are stored.
    pub storage: Storage,
    /// Whether the role pays for the requests to the source.
    pub requester_pays: bool,
    /// What people see in a list of jobs.
    pub description: String,
    /// The objects that the manifest names, as [`Digest::sources`] tells them.
    pub sources: String,
    /// The job of the same request that ended and is not meant.
    pub after: Option<String>,
}

impl CopyRequest {
    fn partition(&self) -> &str {
        self.role.partition()
    }

    /// The ARN of the manifest.
    pub fn manifest_arn(&self) -> String {
        self.manifest.arn(self.partition())
    }

    /// The ARN of the bucket that reports go to.
    pub fn report_bucket_arn(&self) -> String {
        S3Uri::new(&self.report.bucket, "").arn(self.partition())
    }

    /// The ARN of the copies' bucket.
    pub fn target_arn(&self) -> String {
        S3Uri::new(&self.target_bucket, "").arn(self.partition())
    }

    /// The folder of reports, without the slash.
    pub fn report_prefix(&self) -> &str {
        self.report.key.trim_end_matches('/')
    }

    /// The name that S3 has for the encryption: `AES256` or `KMS`.
    pub fn sse_algorithm(&self) -> Option<&'static str> {
        match self.storage.encryption {
            Encryption::Bucket => None,
            Encryption::Aes256 => Some("AES256"),
            Encryption::Kms(_) => Some("KMS"),
        }
    }

    /// The KMS key of the copies.
    pub fn kms_key(&self) -> Option<&str> {
        match &self.storage.encryption {
            Encryption::Kms(key) => key.as_deref(),
            Encryption::Bucket | Encryption::Aes256 => None,
        }
    }

    /// The storage class of the copies; a job takes no source's own.
    pub fn storage_class(&self) -> &str {
        match &self.storage.class {
            Class::Named(class) => class,
            Class::Standard | Class::Keep => "STANDARD",
        }
    }

    /// By which S3 knows that it is asked for the same job once more: it follows from all that the job is.
    pub fn token(&self) -> String {
        let all = format!("{} {} {:?}", self.operation_and_places(), self.sources, self.after);
        hex(&Sha256::digest(all))
    }

    fn operation_and_places(&self) -> Value {
        let mut copy = json!({
            "TargetResource": self.target_arn(),
            "StorageClass": self.storage_class(),
        });
        if !self.target_prefix.is_empty() {
            copy["TargetKeyPrefix"] = json!(self.target_prefix);
        }
        // Without it the tags come along; an empty list leaves them behind.
        if self.storage.without_tags {
            copy["NewObjectTagging"] = json!([]);
        }
        if let Some(algorithm) = self.sse_algorithm() {
            copy["MetadataDirective"] = json!("COPY");
            copy["NewObjectMetadata"] = json!({ "SSEAlgorithm": algorithm });
        }
        if let Some(key) = self.kms_key() {
            copy["SSEAwsKmsKeyId"] = json!(key);
        }
        if self.requester_pays {
            copy["RequesterPays"] = json!(true);
        }
        json!({
            "AccountId": self.account,
            "ConfirmationRequired": false,
            "Operation": { "S3PutObjectCopy": copy },
            "Report": {
                "Bucket": self.report_bucket_arn(),
                "Format": REPORT_FORMAT,
                "Enabled": true,
                "Prefix": self.report_prefix(),
                "ReportScope": "FailedTasksOnly",
            },
            "Manifest": {
                "Spec": { "Format": MANIFEST_FORMAT, "Fields": MANIFEST_FIELDS },
                "Location": { "ObjectArn": self.manifest_arn(), "ETag": self.manifest_etag },
            },
            "Description": self.description,
            "Priority": PRIORITY,
            "RoleArn": self.role.to_string(),
        })
    }

    /// The request as `aws s3control create-job --cli-input-json` takes it.
    pub fn to_json(&self) -> Value {
        let mut request = self.operation_and_places();
        request["ClientRequestToken"] = json!(self.token());
        request
    }
}

/// The priority of our jobs among others: no opinion.
pub const PRIORITY: i32 = 10;

/// A text as a description of a job may be: 256 characters, of those that S3 takes in every partition.
pub fn description(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.chars().map(plain).take(256).collect()
}

/// What S3 says of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// `New`, `Preparing`, `Active`, `Complete`, ….
    pub status: String,
    /// How many objects its manifest names, once that is known.
    pub total: u64,
    /// How many of them are copied.
    pub succeeded: u64,
    /// How many could not be.
    pub failed: u64,
    /// Why the job as a whole failed or was stopped: code and words.
    pub reasons: Vec<(String, String)>,
    /// The folder of its reports.
    pub report: Option<S3Uri>,
    /// When it ended.
    pub ended: Option<jiff::Timestamp>,
}

impl Job {
    /// Whether nothing more happens to it.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "Complete" | "Failed" | "Cancelled")
    }

    /// Whether it waits for a person.
    pub fn is_waiting(&self) -> bool {
        matches!(self.status.as_str(), "Suspended" | "Paused")
    }

    /// Whether all was copied.
    pub fn is_success(&self) -> bool {
        self.status == "Complete" && self.failed == 0
    }

    /// The folder of its own report.
    pub fn report_folder(&self) -> Option<S3Uri> {
        let folder = self.report.as_ref()?;
        let slash = if folder.key.is_empty() || folder.key.ends_with('/') { "" } else { "/" };
        Some(S3Uri::new(&folder.bucket, format!("{}{slash}job-{}/", folder.key, self.id)))
    }
}

/// Whether this can be a job's id: it becomes a part of an address.
pub fn is_job_id(text: &str) -> bool {
    (5..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_hold_every_key_on_a_line_of_its_own() {
        for (key, expected) in [
            ("a/b.txt", "data,a/b.txt\n"),
            ("a,b\"c\"", "data,a%2Cb%22c%22\n"),
            ("two\nlines\r", "data,two%0Alines%0D\n"),
            ("100%", "data,100%25\n"),
            ("a b+c", "data,a%20b%2Bc\n"),
            ("日本/é", "data,%E6%97%A5%E6%9C%AC/%C3%A9\n"),
            ("\u{1b}[2J", "data,%1B%5B2J\n"),
            ("../x//", "data,../x//\n"),
            ("=cmd|'/C'!A0", "data,%3Dcmd%7C%27/C%27%21A0\n"),
        ] {
            let mut manifest = Vec::new();
            line(&mut manifest, "data", key);
            assert_eq!(String::from_utf8(manifest).unwrap(), expected, "{key:?}");
        }
    }

    #[test]
    fn a_folder_goes_in_front_of_whole_keys() {
        for (strip, target, expected) in [
            ("", "", Ok("")),
            ("", "backup/2026/", Ok("backup/2026")),
            ("reports/", "reports/", Ok("")),
            ("reports/", "backup/reports/", Ok("backup")),
            ("reports/", "backup/", Err("backup/reports/")),
            ("reports/", "", Err("reports/")),
            // Only a whole folder.
            ("reports/", "oldreports/", Err("oldreports/reports/")),
        ] {
            let given = target_prefix(strip, target);
            assert_eq!(given.as_deref().map_err(String::as_str), expected, "{strip} {target}");
        }
    }

    #[test]
    fn etags_of_parts_are_those_of_s3() {
        let mut digest = Digest::default();
        digest.part(b"hello ");
        digest.part(b"world");
        // md5(md5("hello ") + md5("world")), as S3 gives it to the same two parts.
        let md5 = |bytes: &[u8]| {
            let mut md5 = Hasher::new(Algorithm::Md5);
            md5.update(bytes);
            md5.finish().bytes().to_vec()
        };
        let both = [md5(b"hello "), md5(b"world")].concat();
        assert_eq!(digest.etag(), format!("{}-2", hex(&md5(&both))));
        assert_eq!(digest.checksum().number(), Some(super::super::checksum::crc(Algorithm::Crc64Nvme, b"hello world")));
    }

    #[test]
    fn objects_that_were_replaced_are_others() {
        let of = |key: &str, size: u64, etag: &str| {
            let mut digest = Digest::default();
            digest.source(&Object { key: key.into(), size, etag: Some(etag.into()), ..Object::default() });
            digest.sources()
        };
        let one = of("a", 1, "\"0a\"");
        assert_eq!(one, of("a", 1, "\"0a\""));
        for other in [of("b", 1, "\"0a\""), of("a", 2, "\"0a\""), of("a", 1, "\"0b\""), of("a\"0", 1, "a\"")] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn parts_hold_the_lines_of_billions() {
        let room: u64 = (1..=10_000).map(|number| part_size(number) as u64).sum();
        assert!(room > 400 << 30, "{room}");
        assert!((1..=10_000).all(|number| part_size(number) >= 5 << 20));
    }

    fn request() -> CopyRequest {
        CopyRequest {
            account: "222222222222".parse().unwrap(),
            role: "arn:aws:iam::222222222222:role/Batch".parse().unwrap(),
            manifest: S3Uri::new("jobs", "xsw/1/manifest.csv"),
            manifest_etag: "0a-1".into(),
            report: S3Uri::new("jobs", "xsw/1/"),
            target_bucket: "dst".into(),
            target_prefix: "backup".into(),
            storage: Storage::default(),
            requester_pays: false,
            description: description("xsw cp s3://src/\u{1b} s3://dst/"),
            sources: "0a".into(),
            after: None,
        }
    }

    #[test]
    fn a_token_is_that_of_all_that_a_job_is() {
        let one = request();
        assert_eq!(one.token(), request().token());
        assert_eq!(one.token().len(), 64);
        let mut others = vec![one.token()];
        let changes: [fn(&mut CopyRequest); 6] = [
            |request| request.manifest_etag = "0b-1".into(),
            |request| request.target_prefix = String::new(),
            |request| request.storage.without_tags = true,
            |request| request.storage.encryption = Encryption::Aes256,
            |request| request.sources = "0b".into(),
            |request| request.after = Some("0-1".into()),
        ];
        for change in changes {
            let mut other = request();
            change(&mut other);
            assert!(!others.contains(&other.token()), "{other:?}");
            others.push(other.token());
        }
    }

    #[test]
    fn the_request_is_that_of_create_job() {
        let mut request = request();
        request.storage = Storage {
            class: Class::Named("GLACIER_IR".into()),
            encryption: Encryption::Kms(Some("arn:aws:kms:eu-west-1:222222222222:key/1".into())),
            without_tags: true,
        };
        request.requester_pays = true;
        let mut json = request.to_json();
        json["ClientRequestToken"] = json!("[token]");
        insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
        assert_eq!(request.description, "xsw cp s3://src/? s3://dst/");
    }

    #[test]
    fn what_can_be_a_jobs_id() {
        for (text, expected) in [
            ("0d5f3c1a-3a3f-4c3a-9a3f-0123456789ab", true),
            ("../../x", false),
            ("a/b/c/d", false),
            ("", false),
            ("a b c d", false),
        ] {
            assert_eq!(is_job_id(text), expected, "{text}");
        }
    }
}
