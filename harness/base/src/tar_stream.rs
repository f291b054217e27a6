//! File trees as tar streams.

use std::path::{Path, PathBuf};

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio_util::io::SyncIoBridge;

use crate::error::{ErrorContext, Result};

/// A running tar stream.
#[derive(Debug)]
pub struct Packing(JoinHandle<std::io::Result<()>>);

/// Streams the tree below `dir`, packed while it is read.
pub fn pack(dir: &Path) -> (DuplexStream, Packing) {
    pack_as(vec![(dir.to_owned(), PathBuf::from("."))])
}

/// Streams files and trees below directories as one archive, each at its relative path.
pub fn pack_as(all: Vec<(PathBuf, PathBuf)>) -> (DuplexStream, Packing) {
    let (read, write) = tokio::io::duplex(1 << 20);
    let packed = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(SyncIoBridge::new(write));
        for (from, to) in all {
            match from.is_dir() {
                true => archive.append_dir_all(to, from)?,
                false => archive.append_path_with_name(from, to)?,
            }
        }
        archive.into_inner().map(drop)
    });
    (read, Packing(packed))
}

impl Packing {
    /// The error of the stream's reader, else that of packing. A failed reader breaks the packing
    /// off, so the reader's error is the cause.
    pub async fn after<T>(self, fed: Result<T>) -> Result<T> {
        let packed = self.0.await.or_internal("packing the data")?;
        let fed = fed?;
        packed.or_environment("packing the data")?;
        Ok(fed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[tokio::test]
    async fn a_reader_that_fails_says_why() {
        let keep = tempfile::tempdir().expect("a directory");
        std::fs::write(keep.path().join("f"), vec![0; 4 << 20]).expect("written");
        let (stream, packing) = pack(keep.path());
        drop(stream);
        let error = packing.after(Err::<(), _>(Error::red("disk full"))).await;
        assert_eq!(error.expect_err("failed").to_string(), "disk full");
        let (stream, packing) = pack(keep.path());
        drop(stream);
        let broken = packing.after(Ok(())).await.expect_err("broken off").to_string();
        assert!(broken.contains("packing the data"), "{broken}");
    }
}
