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
mod spark_version;
mod store;
mod variant;
mod variant_id;

pub use geni::geni_for;
pub use guide::{Act, Erratum, Guide, List, Name, Owns, Step, Typed, When, filled, guide};
pub use hadoop::{JarSet, Pin, coordinates, pin_of};
pub use naming::{ReadCheck, order_of, read_check, strategy_of_id};
pub use spark_version::SparkVersion;
pub use store::StoreKind;
pub use variant::{Expected, Given, NO_SERVER, SeenBy, SessionKind, Variant, select, variants};
pub use variant_id::{STRATEGIES, StrategyName, VariantId};
