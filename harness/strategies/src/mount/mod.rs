//! Strategy 2: a remote file system mounted at OS level by FUSE, on nodes or inside executors.

mod client;
mod executor;
mod image;
mod mounter;
mod node;
mod objects;
mod pods;
mod privilege;
mod source;

pub use client::Client;
pub use executor::ExecutorMount;
pub use mounter::Mounter;
pub use node::NodeMount;
pub use privilege::{Privilege, try_privileges};
