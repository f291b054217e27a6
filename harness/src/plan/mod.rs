//! Raw arguments and `sparkproof.toml` become a validated [`Plan`].

mod class_path;
mod minikube;
mod quantity;
mod raw;
mod registry;
mod resources;
mod stores;
mod validated;

pub use class_path::ClassPath;
pub use quantity::{MebiBytes, MilliCpu};
pub use raw::{CONFIG_FILE, DriverPlace, FrontEnd, ProviderChoice, RawPlan, RbacChoice, Suite};
pub use registry::Registry;
pub use resources::{Fit, Machine};
pub use stores::OwnStore;
pub use validated::{ClusterPlan, Executors, Plan, SparkSource};
