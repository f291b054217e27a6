//! The container engine: how it is found, installed, started and diagnosed; how the host is
//! restored; the OCI runtime shim.

mod baseline;
mod client;
pub mod configuration;
mod container;
mod contents;
mod daemon;
mod exec;
#[doc(hidden)]
pub mod fake;
mod found;
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
pub use client::{gone, made};
pub use container::Container;
pub use daemon::Daemon;
pub use found::{Found, inspect};
pub use host::program;
pub use host::{Capabilities, DOCKERD, TOUCHED_SYSCTLS, is_root, sysctls};
pub use install::apt;
pub use install::{INSTALLED, provide_program};
pub use network::{create_network, gateway, own_network};
pub use packages::LinuxDistribution;
pub use rules::lines as rule_lines;
pub use rules::{Rules, rules};
pub use users::would_stop;
pub use users::{EngineUse, needed_by_user_scope, stop_if_unused};
