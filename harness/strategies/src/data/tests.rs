use std::collections::BTreeSet;
use std::io::Read;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::RowAccessor;

use super::*;

fn generate(nonce: &str, size: DataSize) -> (Dataset, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    (Dataset::generate(&dir.path().join("data"), nonce, size).expect("data"), dir)
}

/// Reads a table from its files, according to its format.
fn recount(data: &Dataset, table: &Table) -> (u64, u64, u64, u64) {
    let mut counted = (0, 0, 0, 0);
    let mut count = |id: u64, v: u64, nonce: &str| {
        let crc = u64::from(crc32fast::hash(format!("{id},{v},{nonce}").as_bytes()));
        counted = (counted.0 + 1, counted.1 + id, counted.2 + v, counted.3 + crc);
    };
    for file in &table.files {
        let mut bytes = std::fs::read(data.dir.join(&file.path)).expect("a file");
        assert_eq!(bytes.len() as u64, file.bytes);
        if file.path.ends_with(".gz") {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut text).expect("gzip");
            bytes = text;
        }
        if table.format == Format::Parquet {
            let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("Parquet");
            for row in reader.get_row_iter(None).expect("rows") {
                let row = row.expect("a row");
                let number = |i| row.get_long(i).expect("a number").cast_unsigned();
                count(number(0), number(1), row.get_string(2).expect("a string"));
            }
            continue;
        }
        for line in String::from_utf8(bytes).expect("UTF-8").lines() {
            if table.format == Format::Json {
                let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
                let number = |key: &str| row[key].as_u64().expect("a number");
                count(number("id"), number("v"), row["nonce"].as_str().expect("a string"));
            } else {
                let fields: Vec<&str> = line.split(',').collect();
                let [id, v, nonce] = fields[..] else { panic!("{line}") };
                count(id.parse().expect("id"), v.parse().expect("v"), nonce);
            }
        }
    }
    counted
}

#[test]
fn the_sums_are_those_of_what_is_in_the_files() {
    let (data, _keep) = generate("0123abcd-x", DataSize::tiny().full().small_files(7));
    assert_eq!(data.tables.len(), 10);
    for table in &data.tables {
        let stated = (table.rows, table.sum_id, table.sum_v, table.crc);
        assert_eq!(recount(&data, table), stated, "{}", table.name);
        assert_eq!(table.rows, table.files.iter().map(|f| f.rows).sum::<u64>());
    }
    assert_eq!(data.get("csv-empty").expect("a table").bytes(), 0);
    assert_eq!(data.get("csv-small").expect("a table").files.len(), 7);
    assert!(data.get("orc").is_err());
}

#[test]
fn only_nonce_and_size_decide_the_bytes() {
    let size = DataSize::tiny().full();
    let (one, _keep) = generate("a", size);
    let (same, _keep) = generate("a", size);
    assert_eq!(one.tables, same.tables);
    let (other, _keep) = generate("b", size);
    for (one, other) in one.files().zip(other.files()) {
        assert_eq!(one.sha256 == other.sha256, one.bytes == 0, "{}", one.path);
    }
}

#[test]
fn sizes_are_as_promised() {
    let (tiny, _keep) = generate("0123abcd-3-configmap", DataSize::tiny().full());
    assert!(tiny.bytes() < 700_000, "{}", tiny.bytes());
    let (data, _keep) = generate("0123abcd-4-hdfs", DataSize::default());
    for big in ["csv-big", "parquet-big"] {
        let bytes = data.get(big).expect("a table").bytes();
        assert!((3 << 20..5_000_000).contains(&bytes), "{big}: {bytes}");
    }
    let bytes = std::fs::read(data.dir.join("big.parquet")).expect("a file");
    let big = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("Parquet");
    assert_eq!(big.num_row_groups() as u64, ROW_GROUPS);
}

#[test]
fn keys_are_valid_and_distinct() {
    let (data, _keep) = generate("a", DataSize::tiny().full());
    let keys: BTreeSet<String> = data.files().map(DataFile::key).collect();
    assert_eq!(keys.len(), data.files().count());
    assert!(keys.contains("many.csv_2fpart-00.csv"), "{keys:?}");
    for key in keys {
        assert!(
            key.len() < 254
                && key.bytes().all(|b| b"-._".contains(&b) || b.is_ascii_alphanumeric())
        );
    }
}

#[test]
fn nothing_is_overwritten_and_everybody_may_read() {
    let (data, _keep) = generate("a", DataSize::tiny());
    let mode = |path: &str| {
        std::fs::metadata(data.dir.join(path)).expect("metadata").permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("many.csv"), mode("big.csv")), (0o755, 0o755, 0o644));
    let again = Dataset::generate(&data.dir, "a", DataSize::tiny()).expect_err("exists");
    assert!(again.to_string().contains("big.csv"), "{again}");
    assert!(Dataset::generate(&data.dir, "a b", DataSize::tiny()).is_err());
}

#[test]
fn a_table_is_read_in_splits_of_equal_size() {
    let (data, _keep) = generate("a", DataSize::tiny().full());
    let table = data.get("csv-big").expect("a table");
    let frame = table.frame("file:///x/", 3, "g");
    assert_eq!(frame.uris, ["file:///x/big.csv"]);
    assert!((table.bytes()..table.bytes() + 3).contains(&(3 * frame.max_partition_bytes)));
    assert_eq!(frame.options["mode"], "FAILFAST");
    let text = data.get("text").expect("a table").frame("s3a://b", 3, "g");
    assert_eq!((text.format.as_str(), text.schema.as_str()), ("text", "value STRING"));
    let empty = data.get("csv-empty").expect("a table").frame("s3a://b", 3, "g");
    assert_eq!(empty.max_partition_bytes, 1, "Spark refuses 0");
    let many = data.get("csv-many").expect("a table").file_uris("s3a://b");
    assert_eq!((many.len(), many[11].as_str()), (12, "s3a://b/many.csv/part-11.csv"));
}

#[test]
fn what_spark_says_it_read_is_bounded() {
    let (data, _keep) = generate("a", DataSize::tiny().full());
    for (name, partitions, less, more) in [
        ("csv-many", 3, 0, 0),
        ("csv-gzip", 3, 0, 0),
        ("text", 1, 0, 0),
        ("json", 3, 0, 2 * 131_072),
        ("parquet-big", 3, 1, 3 * 131_072),
    ] {
        let table = data.get(name).expect("a table");
        let (bytes, range) = (table.bytes(), table.input_bytes(partitions));
        assert_eq!((*range.start() < bytes, range.end() - bytes), (less > 0, more), "{name}");
    }
}
