//! Verifies copied files by their hashes at the target.

use std::collections::BTreeMap;

use sparkproof_base::error::{Error, Result};

use super::Dataset;

/// Prints the hash of every file below the working directory, without `lost+found`.
pub(super) const HASH: &str = "find . -path ./lost+found -prune -o -type f -exec sha256sum {} +";

/// The hashes in the output of [`HASH`], by path.
pub(super) fn sums(output: &str) -> BTreeMap<String, String> {
    output
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name.trim_start_matches("./").to_owned(), sum.to_owned()))
        .collect()
}

/// Compares the output of [`HASH`] in `path` at some place (`in the pod x`) with the originals.
pub(super) fn verify(output: &str, data: &Dataset, path: &str, place: &str) -> Result<()> {
    let seen = sums(output);
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
    use crate::DataSize;

    #[test]
    fn every_file_must_have_arrived_with_its_bytes() {
        let keep = tempfile::tempdir().expect("a directory");
        let size = DataSize::tiny().full();
        let data = Dataset::generate(&keep.path().join("d"), "n-1", size).expect("generated");
        let line = |file: &crate::DataFile| format!("{}  ./{}\n", file.sha256, file.path);
        let all: String = data.files().map(line).collect();
        verify(&all, &data, "/data", "in the pod p").expect("all there");
        let fewer: String = data.files().skip(1).map(line).collect();
        let error = verify(&fewer, &data, "/data", "in the pod p").expect_err("one is missing");
        assert_eq!(error.to_string(), "/data/big.csv is not in the pod p");
        let other = all.replacen(&data.files().next().expect("one").sha256, "0123", 1);
        let error = verify(&other, &data, "/data", "on n").expect_err("one differs").to_string();
        assert!(error.starts_with("/data/big.csv has sha256 0123 on n, "), "{error}");
    }
}
