//! Images of storage servers, always assembled from packages: of the four only Azurite has a
//! maintained published image, and one way to get them is enough.

mod azure;
mod hdfs;
mod inputs;
mod moto;
mod provide;
mod s3;

pub use provide::provide;
