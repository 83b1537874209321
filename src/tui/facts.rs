//! What the details of an object say, row by row: measured here, so that `update` knows how far it scrolls and `view`
//! only draws.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::labelled::{self, Row, Tone};
use super::state::{Answer, Known};
use crate::domain::object::{Details, Head, is_archived};
use crate::domain::restore::{expiration_words, restore_command, restore_words};
use crate::domain::text::{bytes, count, escaped};
use crate::domain::uri::S3Uri;
use crate::error::Error;

/// Columns of the names.
const NAME: usize = 18;

/// Columns and rows of the box's inside, as far as the screen lets it grow.
pub(super) fn width((columns, _): (u16, u16)) -> usize {
    usize::from(columns.saturating_sub(4).min(78)).saturating_sub(4)
}

/// Rows of the box's inside at most.
pub(super) fn height((_, rows): (u16, u16)) -> usize {
    usize::from(rows).saturating_sub(4)
}

/// All rows.
pub(super) fn rows(
    uri: &S3Uri,
    version: Option<&str>,
    known: &Known,
    answer: &Answer,
    zone: &TimeZone,
    size: (u16, u16),
) -> Vec<Row> {
    let mut facts = Facts { facts: Vec::new(), zone };
    match answer {
        Answer::Loading(_) => {
            facts.listed(known);
            facts.text("version", version.map(str::to_owned));
            facts.add("", "asking …".into(), Tone::Busy);
        }
        Answer::Failed(error) => {
            facts.listed(known);
            facts.text("version", version.map(str::to_owned));
            facts.add("details", error.to_string(), Tone::Bad);
            if let Some(hint) = error.hint() {
                facts.add("hint", hint, Tone::Plain);
            }
        }
        Answer::Ready(details) => facts.all(uri, version, known, details),
    }
    let width = width(size);
    let mut rows = labelled::rows("", &escaped(&uri.to_string()), Tone::Title, (0, width));
    rows.extend(labelled::rows("", "", Tone::Plain, (0, width)));
    let fact = |(name, value, tone): &(String, String, Tone)| labelled::rows(name, value, *tone, (NAME, width));
    rows.extend(facts.facts.iter().flat_map(fact));
    rows
}

struct Facts<'a> {
    facts: Vec<(String, String, Tone)>,
    zone: &'a TimeZone,
}

impl Facts<'_> {
    /// The value is shown as it is: what comes from outside is escaped by the caller.
    fn add(&mut self, name: &str, value: String, tone: Tone) {
        self.facts.push((name.to_owned(), value, tone));
    }

    fn text(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.add(&escaped(name), escaped(&value).into_owned(), Tone::Plain);
        }
    }

    fn time(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    fn size(&mut self, size: u64) {
        let exact = if size < 1024 { String::new() } else { format!(" ({} B)", count(size)) };
        self.add("size", format!("{}{exact}", bytes(size)), Tone::Plain);
    }

    /// What the listing told.
    fn listed(&mut self, known: &Known) {
        self.size(known.size);
        let modified = known.modified.map(|time| self.time(time));
        self.text("modified", modified);
        self.text("storage class", Some(known.class.clone()).filter(|class| !class.is_empty()));
    }

    fn all(&mut self, uri: &S3Uri, version: Option<&str>, known: &Known, details: &Details) {
        match &details.head {
            Ok(head) => self.head(uri, version, head),
            Err(error) => {
                self.listed(known);
                self.text("version", version.map(str::to_owned));
                self.refused("details", error);
                if is_archived(&known.class) {
                    self.archived(uri, version, &known.class);
                }
            }
        }
        match &details.tags {
            Ok(tags) => tags.iter().for_each(|(key, value)| self.text(&format!("tag {key}"), Some(value.clone()))),
            Err(error) => self.refused("tags", error),
        }
        match &details.retention {
            Ok(None) => {}
            Ok(Some(retention)) => {
                let until = retention.until.map(|time| format!(" until {}", self.time(time))).unwrap_or_default();
                self.text("retention", Some(format!("{}{until}", retention.mode)));
            }
            Err(error) => self.refused("retention", error),
        }
        match &details.legal_hold {
            Ok(None) => {}
            Ok(Some(held)) => self.text("legal hold", Some(if *held { "on" } else { "off" }.into())),
            Err(error) => self.refused("legal hold", error),
        }
        if let Ok(head) = &details.head {
            for (name, value) in &head.metadata {
                self.text(&format!("metadata {name}"), Some(value.clone()));
            }
        }
    }

    fn head(&mut self, uri: &S3Uri, version: Option<&str>, head: &Head) {
        self.size(head.size);
        let modified = head.last_modified.map(|time| self.time(time));
        self.text("modified", modified);
        self.text("storage class", Some(head.storage_class.clone()));
        self.text("archive", head.archive_status.clone());
        self.text("restore", head.restore.as_deref().map(restore_words));
        if head.must_be_restored() {
            self.archived(uri, version, &head.storage_class);
        }
        self.text("expires", head.expiration.as_deref().map(expiration_words));
        self.text("content type", head.content_type.clone());
        for (name, value) in &head.headers {
            self.text(name, Some(value.clone()));
        }
        self.text("etag", head.etag.clone());
        self.text("parts", head.parts().map(|parts| count(parts.into())));
        let kind = head.checksum_type.as_deref().map(|kind| format!(" ({kind})")).unwrap_or_default();
        for (name, value) in &head.checksums {
            self.text(name, Some(format!("{value}{kind}")));
        }
        self.text("encryption", head.encryption.clone());
        self.text("KMS key", head.kms_key_id.clone());
        self.text("replication", head.replication.clone());
        self.text("version", head.version_id.clone().or(version.map(str::to_owned)));
    }

    /// What must be done before an archived object can be read.
    fn archived(&mut self, uri: &S3Uri, version: Option<&str>, class: &str) {
        self.add("archived", "it must be restored before it can be read:".into(), Tone::Warn);
        self.add("", restore_command(uri, version, class), Tone::Plain);
    }

    /// A part that was not told, in one line.
    fn refused(&mut self, name: &str, error: &Error) {
        let why = match error {
            Error::Denied { action, .. } => format!("not allowed: {action}"),
            Error::Aws { code, .. } if is_unknown(code) => "not known here".to_owned(),
            error => error.to_string(),
        };
        self.add(name, why.replace('\n', " "), Tone::Bad);
    }
}

/// What a server says of a question that it does not know.
fn is_unknown(code: &str) -> bool {
    matches!(code, "NotImplemented" | "MethodNotAllowed" | "HTTP 501" | "HTTP 405")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(details: Details, known: &Known) -> String {
        let uri = S3Uri::new("data", "a/b.tar");
        let answer = Answer::Ready(Box::new(details));
        let rows = rows(&uri, None, known, &answer, &TimeZone::UTC, (80, 24));
        let line = |row: &Row| format!("{}{}", row.label, row.text).trim_end().to_owned();
        let lines: Vec<String> = rows.iter().map(line).collect();
        lines.join("\n")
    }

    fn denied(action: &str) -> Error {
        Error::Denied { action: action.into(), resource: "x".into(), message: String::new(), hint: None }
    }

    #[test]
    fn a_denied_part_says_so_in_its_own_line_and_hides_nothing_else() {
        let details = Details {
            head: Err(denied("s3:GetObject")),
            tags: Err(denied("s3:GetObjectTagging")),
            retention: Ok(None),
            legal_hold: Ok(Some(true)),
        };
        let known = Known { size: 2048, modified: Timestamp::from_second(0).ok(), class: "DEEP_ARCHIVE".into() };
        insta::assert_snapshot!(told(details, &known), @"
        s3://data/a/b.tar

        size              2.0 KiB (2,048 B)
        modified          1970-01-01 00:00:00 UTC
        storage class     DEEP_ARCHIVE
        details           not allowed: s3:GetObject
        archived          it must be restored before it can be read:
                          aws s3api restore-object --bucket data --key a/b.tar
                          --restore-request
                          'Days=7,GlacierJobParameters={Tier=Standard}'
        tags              not allowed: s3:GetObjectTagging
        legal hold        on
        ");
    }

    #[test]
    fn all_that_is_known_is_told() {
        let head = Head {
            size: 22,
            storage_class: "GLACIER".into(),
            etag: Some("\"ab-12\"".into()),
            restore: Some("ongoing-request=\"true\"".into()),
            headers: vec![("cache control", "no-store".into())],
            checksums: vec![("CRC32C", "AAAA".into())],
            checksum_type: Some("COMPOSITE".into()),
            metadata: vec![("a-long-name-of-somebody's".into(), "\x1b[2J".into())],
            ..Head::default()
        };
        let retention = crate::domain::object::Retention { mode: "GOVERNANCE".into(), until: None };
        let details = Details {
            head: Ok(head),
            tags: Ok(vec![("team".into(), "data".into())]),
            retention: Ok(Some(retention)),
            legal_hold: Err(Error::Aws {
                action: "s3:GetObjectLegalHold".into(),
                code: "NotImplemented".into(),
                message: String::new(),
                hint: None,
            }),
        };
        insta::assert_snapshot!(told(details, &Known::default()), @r#"
        s3://data/a/b.tar

        size              22 B
        storage class     GLACIER
        restore           is being restored
        cache control     no-store
        etag              "ab-12"
        parts             12
        CRC32C            AAAA (COMPOSITE)
        tag team          data
        retention         GOVERNANCE
        legal hold        not known here
        metadata a-long-name-of-somebody's \x1b[2J
        "#);
    }
}
