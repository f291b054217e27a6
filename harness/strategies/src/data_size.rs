//! The size of the generated data.

/// Number of small files in the full suite's comparison.
const SMALL_FILES: u64 = 1000;
/// Files of `many.csv/`.
pub(super) const CSV_PARTS: u64 = 12;
/// Files of `many.parquet/`.
pub(super) const PARQUET_PARTS: u64 = 6;

/// The size of the generated data. A row is about 36 bytes as CSV and 45 as Parquet: two numbers
/// and the nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSize {
    /// Rows of `big.csv`.
    pub csv_rows: u64,
    /// Rows of each of the 12 files of `many.csv/`.
    pub csv_part_rows: u64,
    /// Rows of `big.parquet`, in 12 row groups.
    pub parquet_rows: u64,
    /// Rows of each of the 6 files of `many.parquet/`.
    pub parquet_part_rows: u64,
    /// Also JSON lines, text, gzip, a path with a space and non-ASCII characters, an empty file.
    pub full: bool,
    /// Rows in each of these files.
    pub full_rows: u64,
    /// Number of files in `small/`, with 100 rows each.
    pub small_files: u64,
}

impl Default for DataSize {
    /// Big files of about 4 MB: more than three blocks of 1 MiB, seconds for a scan.
    fn default() -> Self {
        DataSize {
            csv_rows: 115_000,
            csv_part_rows: 3_000,
            parquet_rows: 90_000,
            parquet_part_rows: 4_000,
            full: false,
            full_rows: 10_000,
            small_files: 0,
        }
    }
}

impl DataSize {
    /// Less than 700 kB in total, also for the full suite: fits into a ConfigMap (1 MiB).
    pub fn tiny() -> Self {
        DataSize {
            csv_rows: 4_000,
            csv_part_rows: 300,
            parquet_rows: 3_000,
            parquet_part_rows: 300,
            full: false,
            full_rows: 300,
            small_files: 0,
        }
    }

    /// That of the full suite.
    pub fn of_full_suite() -> Self {
        DataSize::default().full().small_files(SMALL_FILES)
    }

    /// With the files of the full suite.
    #[must_use]
    pub fn full(mut self) -> Self {
        self.full = true;
        self
    }

    /// Adds a directory with this number of small files, for the comparison.
    #[must_use]
    pub fn small_files(mut self, files: u64) -> Self {
        self.small_files = files;
        self
    }
}
