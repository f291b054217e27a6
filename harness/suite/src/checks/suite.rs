//! The suite of `sparkproof run`, in order.

use sparkproof_base::error::Result;
use sparkproof_base::verdict::FirstFailure;
use sparkproof_catalog::plan::Suite;
use sparkproof_testbed::ScenarioContext;

use super::{
    barrier, let_go, namespaces_gone, owned_by_driver, pod_list, restricted, run_application_suite,
    run_decommission_suite, run_decommission_timeout_suite, run_dependency_suite,
    run_dynamic_allocation_suite, run_feature_suite, run_reading_suite, run_roll_suite,
    run_scale_down_suite, run_stateful_set_suite,
};

/// Starts the planned session and checks it from start to teardown. A red check ends the suite only
/// if later checks would have no meaning; the first red is returned.
pub async fn run_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    let mut live = proof.session().start().await?;
    let mut first = FirstFailure::default();

    let phase = context.recorder.phase("pods");
    let listed = pod_list(context, &live).await;
    let listed = phase.end(listed, |list| format!("{} Running, as snapshot", list.0.len()));
    first.note(listed)?;
    first.note(owned_by_driver(context, &live).await)?;
    if proof.environment.plan.pods.restricted {
        let enforced = proof.environment.terms.namespace.is_none();
        first.note(restricted(context, &live, enforced).await)?;
    }

    let phase = context.recorder.phase("executors");
    let proven = barrier(context, &mut live).await;
    let proven = phase.end(proven, |stage| {
        format!("one barrier task on each of {} executors", stage.tasks.len())
    });
    first.note(proven)?;

    let phase = context.recorder.phase("stop");
    let stopped = async {
        let ended = live.stop().await?;
        let_go(proof, ended).await
    }
    .await;
    let stopped = phase.end(stopped, |gone| (*gone).to_owned());
    first.note(stopped)?;
    first.note(run_reading_suite(proof).await)?;
    if proof.environment.plan.suite == Suite::Full {
        first.note(run_feature_suite(proof).await)?;
        first.note(run_dynamic_allocation_suite(proof).await)?;
        first.note(run_decommission_suite(proof).await)?;
        first.note(run_scale_down_suite(proof).await)?;
        first.note(run_decommission_timeout_suite(proof).await)?;
        first.note(run_roll_suite(proof).await)?;
        first.note(run_application_suite(proof).await)?;
        first.note(run_stateful_set_suite(proof.session()).await)?;
        first.note(run_dependency_suite(proof, |_| {}).await)?;
    }
    first.note(namespaces_gone(proof).await)?;
    first.or(())
}
