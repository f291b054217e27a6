//! Raw arguments and `sparkproof.toml` become a validated [`Plan`].

mod bounded;
mod class_path;
pub mod conf;
mod minikube;
mod quantity;
mod raw;
mod registry;
mod resources;
mod rules;
mod selection;
mod stores;
mod validated;

pub use crate::catalog::plan::bounded::Bounded;
pub use crate::catalog::plan::class_path::ClassPath;
pub use crate::catalog::plan::conf::{Conf, RawSetting, STRICT};
pub use crate::catalog::plan::quantity::{MebiBytes, MilliCpu};
pub use crate::catalog::plan::raw::{
    CONFIG_FILE, DriverPlace, FrontEnd, ProviderChoice, RawPlan, RbacChoice, Suite,
};
pub use crate::catalog::plan::registry::Registry;
pub use crate::catalog::plan::resources::{Fit, Machine};
pub use crate::catalog::plan::stores::OwnStore;
pub use crate::catalog::plan::validated::{ClusterPlan, Executors, Plan, SparkSource};
