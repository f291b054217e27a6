//! Declarations: versions of Spark, of Kubernetes and of Hadoop's jars, stores, ways of reading
//! with their expectations, the guide as data. Also turns flags and `sparkproof.toml` into a
//! validated plan.

mod geni;
mod guide;
mod hadoop;
mod home;
pub mod kubernetes;
mod naming;
pub mod plan;
pub mod spark;
mod store;
mod variant;

pub use geni::geni_for;
pub use guide::{Act, Erratum, Guide, List, Name, Owns, Step, Typed, When, filled, guide};
pub use hadoop::{JarSet, Pin, coordinates, pin_of};
pub use home::{check_home, home_and_version, version_of};
pub use naming::{STRATEGIES, StrategyName, order_of, variant_of_check};
pub use store::StoreKind;
pub use variant::{Expected, Given, Seen, SessionKind, Variant, select, variants};
