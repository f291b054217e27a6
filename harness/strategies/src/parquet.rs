//! Generated rows as Parquet.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use ::parquet::errors::Result;
use ::parquet::file::properties::{WriterProperties, WriterVersion};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::types::Type;

use super::rows::{DataRow, rows};

static SCHEMA: LazyLock<Arc<Type>> = LazyLock::new(|| {
    let message =
        "message rows { OPTIONAL INT64 id; OPTIONAL INT64 v; OPTIONAL BINARY nonce (UTF8); }";
    Arc::new(parse_message_type(message).expect("a valid message type"))
});

/// A file with `groups` row groups of equal size, so that it splits into as many partitions. Plain
/// and uncompressed, so that the bytes of every value are read.
pub(super) fn file(ids: Range<u64>, nonce: &str, groups: u64) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_created_by("sparkproof version 1.0.0 (build 1)".into())
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, SCHEMA.clone(), properties.into())?;
    let size = (ids.end - ids.start).div_ceil(groups.max(1)).max(1);
    for start in ids.clone().step_by(usize::try_from(size).unwrap_or(usize::MAX)) {
        let part: Vec<DataRow<'_>> = rows(start..(start + size).min(ids.end), nonce).collect();
        let mut group = writer.next_row_group()?;
        column::<Int64Type>(&mut group, &part, |row| row.id.cast_signed())?;
        column::<Int64Type>(&mut group, &part, |row| row.v.cast_signed())?;
        column::<ByteArrayType>(&mut group, &part, |row| ByteArray::from(row.nonce))?;
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    rows: &[DataRow<'_>],
    value: impl Fn(&DataRow<'_>) -> T::T,
) -> Result<()> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    let values: Vec<T::T> = rows.iter().map(value).collect();
    // Optional in the schema, as Spark writes it; no value is null.
    let levels = vec![1; rows.len()];
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}
