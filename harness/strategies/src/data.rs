//! Generated data: the same bytes for the same nonce and size, with sums known beforehand.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use sparkproof_base::error::{Error, ErrorContext, Result};

use super::data_size::{CSV_PARTS, DataSize, PARQUET_PARTS};
use super::parquet;
use super::rows::{DataRow, lines, rows, sum_id, sum_v};
use super::table::{DataFile, Format, Table};

/// DataRow groups of the big Parquet file: a multiple of most numbers of executors.
const ROW_GROUPS: u64 = 12;
/// Rows of a file of `small/`.
const SMALL_ROWS: u64 = 100;

/// Generated data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The nonce, which makes it unique.
    pub nonce: String,
    /// The directory that it was written to.
    pub dir: PathBuf,
    /// Its tables; each file belongs to one.
    pub tables: Vec<Table>,
}

impl Dataset {
    /// Writes files below `dir` that every user may read, since pods run as another user. The nonce
    /// is of run and variant: letters, digits and `-`. An existing file is an error.
    pub fn generate(dir: &Path, nonce: &str, size: DataSize) -> Result<Dataset> {
        if nonce.is_empty() || !nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Error::internal(format!(
                "nonce `{nonce}` has characters other than letters, digits and `-`"
            )));
        }
        let mut data = Dataset { nonce: nonce.to_owned(), dir: dir.to_owned(), tables: vec![] };
        let csv = |ids, nonce: &str| Ok(lines(rows(ids, nonce), DataRow::csv));
        let parquet = |groups| {
            move |ids, nonce: &str| {
                parquet::file(ids, nonce, groups).or_internal("writing a Parquet file")
            }
        };
        let one = |_| String::new();
        let part = |end: &'static str| move |i| format!("/part-{i:02}{end}");
        let (n, m) = (size.csv_rows, size.csv_part_rows);
        data.table("csv-big", Format::Csv, "big.csv", (1, n), one, csv)?;
        data.table("csv-many", Format::Csv, "many.csv", (CSV_PARTS, m), part(".csv"), csv)?;
        let (n, m) = (size.parquet_rows, size.parquet_part_rows);
        let big = parquet(ROW_GROUPS);
        data.table("parquet-big", Format::Parquet, "big.parquet", (1, n), one, big)?;
        let (parts, ending) = ((PARQUET_PARTS, m), part(".parquet"));
        let many = parquet(1);
        data.table("parquet-many", Format::Parquet, "many.parquet", parts, ending, many)?;
        if size.full {
            let n = size.full_rows;
            let json = |ids, nonce: &str| Ok(lines(rows(ids, nonce), DataRow::json));
            data.table("json", Format::Json, "rows.json", (1, n), one, json)?;
            data.table("text", Format::Text, "rows.txt", (1, n), one, csv)?;
            let gzip = |ids, nonce: &str| gzip(&lines(rows(ids, nonce), DataRow::csv));
            data.table("csv-gzip", Format::Csv, "rows.csv.gz", (1, n), one, gzip)?;
            let name = "a path/ünïcode 文件.csv";
            data.table("csv-named", Format::Csv, name, (1, n), one, csv)?;
            data.table("csv-empty", Format::Csv, "empty.csv", (1, 0), one, csv)?;
        }
        if size.small_files > 0 {
            let (files, name) = ((size.small_files, SMALL_ROWS), |i| format!("/{i:05}.csv"));
            data.table("csv-small", Format::Csv, "small", files, name, csv)?;
        }
        Ok(data)
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &DataFile> {
        self.tables.iter().flat_map(|t| &t.files)
    }

    /// The path of each file, by its path in the data.
    pub fn sources(&self) -> BTreeMap<String, PathBuf> {
        self.files().map(|file| (file.path.clone(), self.dir.join(&file.path))).collect()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files().map(|f| f.bytes).sum()
    }

    /// The table with this name.
    pub fn get(&self, name: &str) -> Result<&Table> {
        let found = self.tables.iter().find(|t| t.name == name);
        found.ok_or_else(|| Error::internal(format!("no table {name} was generated")))
    }

    /// Writes a table with this number of files and of rows in each.
    fn table(
        &mut self,
        name: &'static str,
        format: Format,
        path: &'static str,
        (files, each): (u64, u64),
        file_name: impl Fn(u64) -> String,
        content: impl Fn(Range<u64>, &str) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let nonce = format!("{}-{name}", self.nonce);
        let total = files * each;
        let mut written = Vec::new();
        for i in 0..files {
            let bytes = content(i * each..(i + 1) * each, &nonce)?;
            let path = format!("{path}{}", file_name(i));
            write(&self.dir, &path, &bytes)?;
            written.push(DataFile {
                path,
                bytes: bytes.len() as u64,
                sha256: hex::encode(Sha256::digest(&bytes)),
                rows: each,
            });
        }
        self.tables.push(Table {
            name,
            format,
            path,
            files: written,
            rows: total,
            sum_id: sum_id(total),
            sum_v: sum_v(total),
            crc: rows(0..total, &nonce).map(|row| row.crc()).sum(),
        });
        Ok(())
    }
}

/// Reproducible: without a time stamp and a file name.
fn gzip(text: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::default());
    writer.write_all(text).or_internal("compressing rows")?;
    writer.finish().or_internal("compressing rows")
}

/// Writes a file that the user of the pods can read, with any umask.
fn write(dir: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let what = || format!("writing the data file {path}");
    let path = dir.join(path);
    let parent = path.parent().unwrap_or(dir);
    if !parent.is_dir() {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o755).create(parent);
        made.or_environment(what())?;
        for made in parent.ancestors().take_while(|a| a.starts_with(dir)) {
            let mode = std::fs::Permissions::from_mode(0o755);
            fs_err::set_permissions(made, mode).or_environment(what())?;
        }
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&path)
        .or_environment(what())?;
    file.set_permissions(std::fs::Permissions::from_mode(0o644)).or_environment(what())?;
    file.write_all(bytes).or_environment(what())
}

#[cfg(test)]
mod tests;
