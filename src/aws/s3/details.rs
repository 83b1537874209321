//! What is known of an object beside its bytes.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{ChecksumMode, ObjectLockLegalHoldStatus};

use super::S3;
use crate::aws::errors::Call;
use crate::aws::timestamp;
use crate::domain::object::{Details, Head, Retention};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

impl S3 {
    /// All that can be asked of an object, or of this version of it, each part at the same time as the others.
    pub async fn details(&self, uri: &S3Uri, version: Option<&str>) -> Details {
        let (head, tags, retention, legal_hold) = tokio::join!(
            self.head(uri, version),
            self.tags(uri, version),
            self.retention(uri, version),
            self.legal_hold(uri, version),
        );
        Details { head, tags, retention, legal_hold }
    }

    /// All that HeadObject tells.
    pub async fn head(&self, uri: &S3Uri, version: Option<&str>) -> Result<Head> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let call = Call { name: &uri_text, ..self.call(action, &resource, Some(&uri.bucket)) };
        let request = |client: Client| {
            let request = client
                .head_object()
                .bucket(&uri.bucket)
                .key(&uri.key)
                .set_version_id(version.map(str::to_owned))
                .checksum_mode(ChecksumMode::Enabled)
                .send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.bodiless(uri, version, request).await?;
        let checksums = [
            ("CRC64NVME", answer.checksum_crc64_nvme),
            ("CRC32", answer.checksum_crc32),
            ("CRC32C", answer.checksum_crc32_c),
            ("SHA1", answer.checksum_sha1),
            ("SHA256", answer.checksum_sha256),
            ("SHA512", answer.checksum_sha512),
            ("MD5", answer.checksum_md5),
            ("XXHASH64", answer.checksum_xxhash64),
            ("XXHASH3", answer.checksum_xxhash3),
            ("XXHASH128", answer.checksum_xxhash128),
        ];
        let headers = [
            ("cache control", answer.cache_control),
            ("encoding", answer.content_encoding),
            ("disposition", answer.content_disposition),
            ("language", answer.content_language),
            ("expires", answer.expires_string),
            ("redirect", answer.website_redirect_location),
        ];
        let mut metadata: Vec<_> = answer.metadata.unwrap_or_default().into_iter().collect();
        metadata.sort();
        Ok(Head {
            size: answer.content_length.and_then(|size| size.try_into().ok()).unwrap_or(0),
            last_modified: answer.last_modified.as_ref().and_then(timestamp),
            etag: answer.e_tag,
            storage_class: answer.storage_class.map_or("STANDARD".into(), |class| class.as_str().to_owned()),
            restore: answer.restore,
            archive_status: answer.archive_status.map(|status| status.as_str().to_owned()),
            expiration: answer.expiration,
            content_type: answer.content_type,
            headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            encryption: answer.server_side_encryption.map(|kind| kind.as_str().to_owned()),
            kms_key_id: answer.ssekms_key_id,
            replication: answer.replication_status.map(|status| status.as_str().to_owned()),
            version_id: answer.version_id,
            checksums: checksums.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            checksum_type: answer.checksum_type.map(|kind| kind.as_str().to_owned()),
            metadata,
        })
    }

    /// The tags of an object, or of this version of it.
    ///
    /// # Errors
    /// [`Error::Denied`] without s3:GetObjectTagging.
    pub async fn tags(&self, uri: &S3Uri, version: Option<&str>) -> Result<Vec<(String, String)>> {
        let resource = self.arn(uri);
        let action = if version.is_some() { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" };
        let call = self.call(action, &resource, Some(&uri.bucket));
        let request = |client: Client| {
            let request = client.get_object_tagging().bucket(&uri.bucket).key(&uri.key);
            let request = request.set_version_id(version.map(str::to_owned)).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.in_region(&uri.bucket, request).await?;
        Ok(answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn retention(&self, uri: &S3Uri, version: Option<&str>) -> Result<Option<Retention>> {
        let resource = self.arn(uri);
        let call = self.call("s3:GetObjectRetention", &resource, Some(&uri.bucket));
        let request = |client: Client| {
            let request = client.get_object_retention().bucket(&uri.bucket).key(&uri.key);
            let request = request.set_version_id(version.map(str::to_owned)).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let Some(answer) = where_locks_are(self.in_region(&uri.bucket, request).await)? else { return Ok(None) };
        Ok(answer.retention.and_then(|retention| {
            let mode = retention.mode?.as_str().to_owned();
            Some(Retention { mode, until: retention.retain_until_date.as_ref().and_then(timestamp) })
        }))
    }

    async fn legal_hold(&self, uri: &S3Uri, version: Option<&str>) -> Result<Option<bool>> {
        let resource = self.arn(uri);
        let call = self.call("s3:GetObjectLegalHold", &resource, Some(&uri.bucket));
        let request = |client: Client| {
            let request = client.get_object_legal_hold().bucket(&uri.bucket).key(&uri.key);
            let request = request.set_version_id(version.map(str::to_owned)).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let Some(answer) = where_locks_are(self.in_region(&uri.bucket, request).await)? else { return Ok(None) };
        let status = answer.legal_hold.and_then(|hold| hold.status);
        Ok(status.map(|status| status == ObjectLockLegalHoldStatus::On))
    }
}

/// Buckets without object lock, and objects without a lock in one that has it, answer with an error: nothing to tell.
fn where_locks_are<T>(answer: Result<T>) -> Result<Option<T>> {
    const NONE: [&str; 4] = [
        "ObjectLockConfigurationNotFoundError",
        "ObjectLockConfigurationNotFound",
        "NoSuchObjectLockConfiguration",
        "InvalidRequest",
    ];
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Aws { code, .. }) if NONE.contains(&code.as_str()) => Ok(None),
        Err(error) => Err(error),
    }
}
