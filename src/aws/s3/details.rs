//! What is known of an object beside its bytes.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::ChecksumMode;

use super::S3;
use crate::aws::errors::Call;
use crate::aws::timestamp;
use crate::domain::object::Details;
use crate::domain::uri::S3Uri;
use crate::error::Result;

impl S3 {
    /// All that HeadObject tells.
    pub async fn details(&self, uri: &S3Uri) -> Result<Details> {
        let (resource, uri_text) = (self.arn(uri), uri.to_string());
        let call = Call { name: &uri_text, ..self.call("s3:GetObject", &resource, Some(&uri.bucket)) };
        let request = |client: Client| {
            let request =
                client.head_object().bucket(&uri.bucket).key(&uri.key).checksum_mode(ChecksumMode::Enabled).send();
            async { request.await.map_err(|error| call.failed(&error)) }
        };
        let answer = self.head(uri, None, request).await?;
        let checksums = [
            ("CRC64NVME", answer.checksum_crc64_nvme),
            ("CRC32", answer.checksum_crc32),
            ("CRC32C", answer.checksum_crc32_c),
            ("SHA1", answer.checksum_sha1),
            ("SHA256", answer.checksum_sha256),
        ];
        let mut metadata: Vec<_> = answer.metadata.unwrap_or_default().into_iter().collect();
        metadata.sort();
        Ok(Details {
            size: answer.content_length.and_then(|size| size.try_into().ok()).unwrap_or(0),
            last_modified: answer.last_modified.as_ref().and_then(timestamp),
            etag: answer.e_tag,
            storage_class: answer.storage_class.map_or("STANDARD".into(), |class| class.as_str().to_owned()),
            content_type: answer.content_type,
            encryption: answer.server_side_encryption.map(|kind| kind.as_str().to_owned()),
            kms_key_id: answer.ssekms_key_id,
            version_id: answer.version_id,
            checksums: checksums.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            metadata,
        })
    }
}
