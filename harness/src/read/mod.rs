//! Reading files into Spark: the data that is read, and what must come out.

mod data;
mod data_size;
mod parquet;
mod rows;
mod table;

pub use data::Dataset;
pub use data_size::DataSize;
pub use rows::SCHEMA;
pub use table::{DataFile, Format, Table};
