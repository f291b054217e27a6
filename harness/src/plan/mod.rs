//! Raw arguments and `sparkproof.toml` become a validated [`Plan`].

mod bounded;
mod class_path;
pub(crate) mod conf;
mod minikube;
mod quantity;
mod raw;
mod registry;
mod resources;
mod rules;
mod selection;
mod stores;
mod validated;

pub use bounded::Bounded;
pub use class_path::ClassPath;
pub use conf::{Conf, RawSetting, STRICT};
pub use quantity::{MebiBytes, MilliCpu};
pub use raw::{CONFIG_FILE, DriverPlace, FrontEnd, ProviderChoice, RawPlan, RbacChoice, Suite};
pub use registry::Registry;
pub use resources::{Fit, Machine};
pub use stores::OwnStore;
pub use validated::{ClusterPlan, Executors, Plan, SparkSource};
