//! Uploads that have begun: S3 keeps their parts, and we keep which upload is of which copy, so that one that was killed
//! goes on.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use crate::domain::text::hex;
use crate::error::{Error, Result};

/// What is known of an upload. None of it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its id at S3.
    pub upload_id: String,
    /// What becomes of it: with the id, what `aws s3api abort-multipart-upload` wants.
    pub target: String,
    /// What it is a copy of.
    pub source: String,
    /// Bytes of each part but the last.
    pub part: u64,
    /// The checksum that its parts have, by its name at AWS.
    pub algorithm: Option<String>,
}

/// The place of one upload in the state directory.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The place of the copy that has this identity (see [`super::part::identity`]).
    pub fn new(state_directory: &Path, identity: [u8; 32]) -> Self {
        Self { path: state_directory.join("uploads").join(format!("{}.json", hex(&identity))) }
    }

    /// What is known; nothing of a file that cannot be read as that. Blocks.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn read(&self) -> Result<Option<Known>> {
        match std::fs::read(&self.path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &self.path)(error)),
        }
    }

    /// Writes down what is known. Blocks.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write(&self, known: &Known) -> Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        let text = serde_json::to_vec(known).unwrap_or_default();
        let written = files::private_directory(folder).and_then(|()| files::write_private(&self.path, &text));
        written.map_err(Error::file("write", &self.path))
    }

    /// The upload is no more. Blocks.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn forget(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(Error::file("remove", &self.path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_known_until_it_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::new(state.path(), [7; 32]);
        assert_eq!(journal.read().unwrap(), None);
        let known = Known {
            upload_id: "id".into(),
            target: "s3://b/k".into(),
            source: "s3://a/k".into(),
            part: 8 << 20,
            algorithm: Some("CRC64NVME".into()),
        };
        journal.write(&known).unwrap();
        assert_eq!(journal.read().unwrap(), Some(known));
        std::fs::write(&journal.path, "half").unwrap();
        assert_eq!(journal.read().unwrap(), None);
        journal.forget().unwrap();
        journal.forget().unwrap();
    }
}
