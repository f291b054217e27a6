//! Strategy 4: remote file systems, by URL.

mod azure;
mod hdfs;
mod s3;
mod strategy;
mod trust;
mod web;

pub use strategy::s3_conf;
pub use strategy::{Remote, Scheme};
