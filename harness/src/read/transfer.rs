//! Trees of files sent as tar, and hashed again where they arrive.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio_util::io::SyncIoBridge;

use super::Dataset;
use crate::error::{Error, OrFail, Result};

/// Prints the hash of every file below the working directory, but not of what a disk brings along.
pub(super) const HASH: &str = "find . -path ./lost+found -prune -o -type f -exec sha256sum {} +";

/// A tar stream under way.
#[derive(Debug)]
pub(super) struct Packing(JoinHandle<std::io::Result<()>>);

/// The tree below `dir` as a tar stream, packed while it is read.
pub(super) fn pack(dir: &Path) -> (DuplexStream, Packing) {
    let (read, write) = tokio::io::duplex(1 << 20);
    let dir = dir.to_owned();
    let packed = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(SyncIoBridge::new(write));
        archive.append_dir_all(".", dir)?;
        archive.into_inner().map(drop)
    });
    (read, Packing(packed))
}

impl Packing {
    /// What the reader of the stream came to, or else what the packing did: a reader that fails
    /// leaves the packing broken off, and its own words say why.
    pub(super) async fn after<T>(self, fed: Result<T>) -> Result<T> {
        let packed = self.0.await.or_internal("packing the data")?;
        let fed = fed?;
        packed.or_environment("packing the data")?;
        Ok(fed)
    }
}

/// Compares what [`HASH`] printed, run in `path` at some place (`in the pod x`), with what was sent.
pub(super) fn verify(sums: &str, data: &Dataset, path: &str, place: &str) -> Result<()> {
    let seen: BTreeMap<&str, &str> = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name.trim_start_matches("./"), sum))
        .collect();
    for file in data.files() {
        let name = &file.path;
        match seen.get(name.as_str()) {
            Some(sum) if *sum == file.sha256 => {}
            Some(sum) => {
                return Err(Error::red(format!(
                    "{path}/{name} has sha256 {sum} {place}, {} was sent",
                    file.sha256
                )));
            }
            None => return Err(Error::red(format!("{path}/{name} is not {place}"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::DataSize;

    #[test]
    fn every_file_must_have_arrived_with_its_bytes() {
        let keep = tempfile::tempdir().expect("a directory");
        let size = DataSize::tiny().full();
        let data = Dataset::generate(&keep.path().join("d"), "n-1", size).expect("generated");
        let line = |file: &crate::read::DataFile| format!("{}  ./{}\n", file.sha256, file.path);
        let all: String = data.files().map(line).collect();
        verify(&all, &data, "/data", "in the pod p").expect("all there");
        let fewer: String = data.files().skip(1).map(line).collect();
        let error = verify(&fewer, &data, "/data", "in the pod p").expect_err("one is missing");
        assert_eq!(error.to_string(), "/data/big.csv is not in the pod p");
        let other = all.replacen(&data.files().next().expect("one").sha256, "0123", 1);
        let error = verify(&other, &data, "/data", "on n").expect_err("one differs").to_string();
        assert!(error.starts_with("/data/big.csv has sha256 0123 on n, "), "{error}");
    }

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
