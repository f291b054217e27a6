//! Geni, where the machine has it.
//!
//! Its class path is the environment's (`--geni-classpath`), or the one that `clojure` resolves.
//! Without either, scenarios are skipped with that reason. A wrong class path is a failure.

use sparkproof::session::Geni;
use sparkproof::testbed::ScenarioContext;

use crate::frame::{Outcome, proof};

/// Runs a scenario with Geni, or skips it.
pub async fn with_geni(
    name: &str,
    body: impl AsyncFnOnce(&ScenarioContext, Geni) -> sparkproof::Result<()>,
) -> Outcome {
    proof(name, async |p| {
        let given = p.environment.plan.geni_classpath.as_ref();
        match Geni::discover(&p.context, given, &p.environment.image.version).await? {
            Ok(geni) => body(p, geni).await,
            Err(none) => {
                p.skip(&none.to_string());
                Ok(())
            }
        }
    })
    .await
}
