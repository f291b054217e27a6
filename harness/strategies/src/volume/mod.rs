//! Strategy 3: Kubernetes volumes, one file a variant.

mod config_map;
mod content;
mod dynamic_claim;
mod empty_dir;
mod host_path;
mod property;
mod static_claim;

pub use config_map::ConfigMap;
pub use dynamic_claim::DynamicClaim;
pub use empty_dir::EmptyDir;
pub use host_path::HostPath;
pub use property::{by_claim, by_host_path, on_demand};
pub use static_claim::StaticClaim;
