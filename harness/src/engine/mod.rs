//! The container engine: finding, installing, starting and explaining it; giving the host back as
//! it was; the OCI runtime shim.

mod baseline;
mod client;
pub(crate) mod configuration;
mod container;
mod contents;
mod daemon;
mod exec;
#[cfg(test)]
pub(crate) mod fake;
mod host;
mod image_file;
mod install;
mod network;
mod packages;
mod privileged;
mod residue;
mod rules;
pub mod shim;
mod users;

pub use client::Engine;
pub(crate) use client::made;
pub(crate) use container::Container;
pub use daemon::Daemon;
pub(crate) use host::program;
pub use host::{Capabilities, DOCKERD, Found, TOUCHED_SYSCTLS, is_root, look, sysctls};
pub use install::apt;
pub(crate) use install::{INSTALLED, provide_program};
pub use network::own_network;
pub(crate) use packages::LinuxDistribution;
pub(crate) use rules::lines as rule_lines;
pub use rules::{Rules, rules};
pub(crate) use users::would_stop;
pub use users::{EngineUse, needed_by_user_scope, stop_if_unused};
