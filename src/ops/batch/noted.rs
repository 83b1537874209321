//! Which job a command made: a small object beside its manifest, by which the next run finds it.
//!
//! That S3 gives the same job for the same token is not enough: it forgets jobs, and then makes a new one at once, which
//! would replace what was written since.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Line;
use crate::aws::s3::{Ask, Onto};
use crate::domain::batch::is_job_id;
use crate::domain::checksum::{Algorithm, Hasher};
use crate::domain::copy::{Storage, Stored};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// More than a note ever has.
const MOST_BYTES: usize = 4096;

/// How long S3 may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// What is noted.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Noted {
    /// The token of the request as the first of its kind.
    pub(super) token: String,
    /// The id of its last job.
    #[serde(rename = "job_id")]
    pub(super) job: String,
}

fn place(folder: &S3Uri) -> S3Uri {
    S3Uri::new(&folder.bucket, format!("{}job.json", folder.key))
}

impl Noted {
    /// The note in a folder; whatever else stands there is none.
    pub(super) async fn read(line: &Line, folder: &S3Uri) -> Result<Option<Self>> {
        let (place, ask) = (place(folder), Ask::default());
        let read = || async {
            let (mut body, mut bytes) = (line.s3.get(&place, &ask).await?, Vec::new());
            while let Some(piece) = body.next_within(SILENCE).await? {
                bytes.extend_from_slice(&piece);
                if bytes.len() > MOST_BYTES {
                    break;
                }
            }
            Ok(bytes)
        };
        match line.ask(read).await {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok().filter(|noted: &Self| is_job_id(&noted.job))),
            // Without s3:ListBucket S3 says of what is not there that it may not be read.
            Err(Error::NotFound { .. } | Error::Denied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts it into a folder, in place of the one before it.
    pub(super) async fn write(&self, line: &Line, folder: &S3Uri) -> Result<()> {
        let bytes = Bytes::from(serde_json::to_vec(self).map_err(std::io::Error::other)?);
        let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
        hasher.update(&bytes);
        let (place, checksum) = (place(folder), hasher.finish());
        let stored = Stored { headers: vec![("content-type", "application/json".to_owned())], ..Stored::default() };
        let storage = Storage::default();
        let put = || line.s3.put(&place, bytes.clone(), (&stored, &storage), &checksum, Onto::Anything);
        line.ask(put).await.map(|_| ())
    }
}
