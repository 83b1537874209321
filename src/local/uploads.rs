//! Uploads that have begun: S3 keeps their parts, and we keep which upload is of which copy, so that one that was killed
//! goes on.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files;
use super::lock::{self, Lock};
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
    /// The entity tag of that.
    pub etag: Option<String>,
    /// Bytes of all of it.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part: u64,
    /// The checksum that its parts have, by its name at AWS.
    pub algorithm: Option<String>,
    /// How the copy is stored.
    pub storage: String,
    /// Its parts are wrong, and nobody shall go on with it.
    pub given_up: bool,
}

/// The place of one upload in the state directory.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

/// Held by the one that works on an upload; dropping it lets the next one in.
#[derive(Debug)]
pub struct Alone {
    lock: Option<Lock>,
    journal: Journal,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.lock = None;
        // Where nothing is known there is nothing to keep others away from.
        if !self.journal.path.exists() {
            lock::remove(&self.journal.lock());
        }
    }
}

impl Journal {
    /// The place of the copy that has this identity (see [`super::part::identity`]).
    pub fn new(state_directory: &Path, identity: [u8; 32]) -> Self {
        Self { path: state_directory.join("uploads").join(format!("{}.json", hex(&identity))) }
    }

    /// Waits until nobody else works on the upload.
    ///
    /// # Errors
    /// [`Error::File`].
    pub async fn alone(&self) -> Result<Alone> {
        let (folder, path) = (self.path.parent().unwrap_or(&self.path), self.lock());
        files::private_directory(folder).map_err(Error::file("write", folder))?;
        let lock = lock::wait(&path).await.map_err(Error::file("lock", &path))?;
        Ok(Alone { lock: Some(lock), journal: self.clone() })
    }

    fn lock(&self) -> PathBuf {
        self.path.with_extension("lock")
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
    pub fn forget(&self, alone: Alone) -> Result<()> {
        let forgotten = self.remove();
        drop(alone);
        forgotten
    }

    fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(Error::file("remove", &self.path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_upload_is_known_until_it_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::new(state.path(), [7; 32]);
        assert_eq!(journal.read().unwrap(), None);
        let known = Known {
            upload_id: "id".into(),
            target: "s3://b/k".into(),
            source: "s3://a/k".into(),
            etag: Some("e".into()),
            size: 9 << 20,
            part: 8 << 20,
            algorithm: Some("CRC64NVME".into()),
            storage: String::new(),
            given_up: false,
        };
        journal.write(&known).unwrap();
        assert_eq!(journal.read().unwrap(), Some(known));
        std::fs::write(&journal.path, "half").unwrap();
        assert_eq!(journal.read().unwrap(), None);
        for _ in 0..2 {
            let alone = journal.alone().await.unwrap();
            journal.forget(alone).unwrap();
        }
        assert_eq!(std::fs::read_dir(state.path().join("uploads")).unwrap().count(), 0);
    }
}
