//! Applications in cluster mode, whose driver runs in a pod.

mod dependencies;
mod features;
mod isolation;
mod seen;
mod stateful_set;
mod submitted;

use sparkproof_base::error::Result;
use sparkproof_base::verdict::{FirstFailure, skip};
use sparkproof_strategies::no_layers;
use sparkproof_testbed::ScenarioContext;

pub use self::dependencies::{DEPENDENCY_KEYS, run_dependency_suite};
use self::features::shown;
pub use self::features::{ApplicationFeature, ON_JVM, ON_PYTHON, application_features};
pub use self::isolation::run_isolation_suite;
pub use self::stateful_set::{ON_STATEFUL_SET, run_stateful_set_suite};
pub use self::submitted::{application, executors as application_executors, said};

/// Runs an application on the JVM and one in Python, with the features that each can show. Skipped
/// if the image cannot get them.
pub async fn run_application_suite(proof: &ScenarioContext) -> Result<()> {
    if let Some(reason) = no_layers(proof.environment.engine.as_ref()) {
        skip(&proof.context, "application", "applications by spark-submit", &reason);
        return Ok(());
    }
    let image = proof.example_image().await?;
    let mut first = FirstFailure::default();
    // One executor only: with PySpark's memory it is larger than planned.
    for (spec, features) in [(proof.pi(2), &ON_JVM[..]), (proof.python_pi(1), &ON_PYTHON[..])] {
        first.note(shown(proof.session(), &image, spec, features).await)?;
    }
    first.or(())
}
