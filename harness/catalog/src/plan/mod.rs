//! Raw arguments and `sparkproof.toml` become a validated [`ResolvedPlan`].

mod bounded;
mod class_path;
pub mod conf;
mod minikube;
mod names;
pub mod pod_template;
mod pods;
mod quantity;
mod raw;
mod registry;
mod resolved;
mod resources;
pub mod restricted;
mod rules;
mod selection;
mod source;
mod stores;

pub use crate::plan::bounded::Bounded;
pub use crate::plan::class_path::ClassPath;
pub use crate::plan::conf::{Conf, RawSetting, STRICT};
pub use crate::plan::pod_template::{PodPlan, PodRole, PodTemplate};
pub use crate::plan::pods::DriverSize;
pub use crate::plan::quantity::{MebiBytes, MilliCpu};
pub use crate::plan::raw::{
    CONFIG_FILE, DriverPlace, FrontEnd, ProviderChoice, RawPlan, RbacChoice, Suite,
};
pub use crate::plan::registry::Registry;
pub use crate::plan::resolved::{ClusterPlan, Executors, ResolvedPlan};
pub use crate::plan::resources::{Fit, Machine};
pub use crate::plan::source::SparkSource;
pub use crate::plan::stores::OwnStore;
