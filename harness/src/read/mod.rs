//! The five file-reading strategies, one file each; what they have in common is [`Strategy`].

mod copy;
mod data;
mod data_size;
mod host;
mod naming;
mod parquet;
mod pods;
mod rows;
mod strategy;
mod table;
mod variant;

pub use copy::{Copy, copy_into};
pub use data::Dataset;
pub use data_size::DataSize;
pub use host::HostCopy;
pub use naming::{STRATEGIES, StrategyName, order_of, variant_of_check};
pub use pods::InPod;
pub use rows::SCHEMA;
pub use strategy::{Location, Mount, Scene, Setup, Strategy, strategy_of};
pub use table::{DataFile, Format, Table};
pub use variant::{Expected, SessionKind, Variant, select, variants};
