//! Images of storage servers, always assembled from packages: of the four only Azurite has a
//! published image that is kept up, and one way is proven better than two.

mod azure;
mod hdfs;
mod inputs;
mod moto;
mod provide;
mod s3;

pub use provide::provide;
