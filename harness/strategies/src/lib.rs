//! The five file-reading strategies, one file each, which implement [`Strategy`].

mod baked;
mod copy;
mod data;
mod data_size;
mod host;
pub mod mount;
mod nodes;
mod objects;
mod parquet;
mod registry;
mod remote;
mod rows;
mod strategy;
mod table;
mod transfer;
pub mod volume;

pub use baked::Baked;
pub use copy::Copy;
pub use data::Dataset;
pub use data_size::DataSize;
pub use host::HostCopy;
pub use nodes::no_layers;
pub use nodes::own_on_nodes;
pub use registry::strategy_of;
pub use remote::s3_conf;
pub use remote::{Remote, Scheme};
pub use rows::SCHEMA;
pub use sparkproof_judge::{MountKind, VolumeUse};
pub use strategy::{Location, SetupCost, Strategy, StrategyContext};
pub use table::{DataFile, Format, Table};
