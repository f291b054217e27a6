//! Geni, where the machine has it.
//!
//! Its class path is the environment's (`--geni-classpath`), or what `clojure` resolves; where there is
//! neither, each scenario is skipped with that reason. A class path that is given and wrong is a failure.

use sparkproof::session::Geni;
use sparkproof::testbed::ScenarioContext;

use crate::frame::{Outcome, proof};

/// A scenario with Geni, or skipped.
pub async fn with_geni(
    name: &str,
    body: impl AsyncFnOnce(&ScenarioContext, Geni) -> sparkproof::Result<()>,
) -> Outcome {
    proof(name, async |p| {
        let given = p.environment.plan.geni_classpath.as_ref();
        match Geni::look(&p.context, given, &p.environment.image.version).await? {
            Ok(geni) => body(p, geni).await,
            Err(none) => {
                p.skip(&none.to_string());
                Ok(())
            }
        }
    })
    .await
}
