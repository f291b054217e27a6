//! Pods are created with the session, each executor works, a lost one is replaced, and the pods are
//! deleted with the session.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::{Patch, PatchParams};
use rstest::rstest;
use scenarios::assert_snapshot_of;
use scenarios::frame::{
    Outcome, expect_each_red, expect_red, leaves_nothing, little, maps_archived_classes, proof,
    proof_with, started,
};
use sparkproof::access::Rule;
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::RbacChoice;
use sparkproof::checks;
use sparkproof::error::ErrorContext;
use sparkproof::testbed::ScenarioContext;
use sparkproof::verdict::Cause;

#[rstest]
#[ignore = "full: three executors are in ci"]
#[case(1)]
#[case(3)]
#[ignore = "full: three executors are in ci"]
#[case(5)]
#[tokio::test]
async fn pods_live_as_long_as_the_session(#[case] executors: u32) -> Outcome {
    proof(&format!("pods_live_as_long_as_the_session_{executors}"), async |p| {
        let mut live = p.session().executors(executors).start().await?;
        let list = checks::pod_list(&p.context, &live).await?;
        assert_snapshot_of!(format!("pod_list_{executors}"), list.normalised().to_string());
        maps_archived_classes(p, &mut live).await?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await?;
        // The control of what a killed driver leaves: this one cleaned up.
        let stay = checks::executors_stay_after_kill(&p.context, &ended).await;
        expect_red(stay, &["spark-exec-*-conf-map expected, found: nothing"])?;
        checks::namespace_gone(&p.context, &ended).await
    })
    .await
}

/// The guide's own permissions: a cluster role binding to `edit`. Also the control of the removal: a
/// binding with a finalizer stays until that is taken away.
#[tokio::test]
#[ignore = "full: the run on an existing cluster in ci has these permissions"]
async fn the_permissions_of_the_guide_are_enough() -> Outcome {
    proof("the_permissions_of_the_guide_are_enough", async |p| {
        let live = p.session().executors(1).rbac(RbacChoice::Guide).start().await?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await?;
        hold_binding(p, &["example.com/control"]).await?;
        let gone = checks::namespace_gone(&p.context, &ended).await;
        expect_red(gone, &["spark-rolebinding is not removed; still there"])?;
        hold_binding(p, &[]).await?;
        checks::namespace_gone(&p.context, &ended).await
    })
    .await
}

/// Sets the finalizers of the guide's binding.
async fn hold_binding(p: &ScenarioContext, finalizers: &[&str]) -> sparkproof::Result<()> {
    let bindings: Api<ClusterRoleBinding> = Api::all(p.client().clone());
    let patch = Patch::Merge(serde_json::json!({ "metadata": { "finalizers": finalizers } }));
    let patched = bindings.patch("spark-rolebinding", &PatchParams::default(), &patch).await;
    patched.map(drop).or_environment("setting finalizers")
}

#[tokio::test]
async fn a_killed_executor_is_replaced() -> Outcome {
    proof("a_killed_executor_is_replaced", async |p| {
        let mut live = p.session().executors(2).start().await?;
        let lost = checks::lose_an_executor(&p.context, &live).await?;
        checks::replaced(&p.context, &live, &lost).await?;
        checks::barrier(&p.context, &mut live).await?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}

/// The control of the replacement: a driver that may no longer create pods cannot replace one. The
/// other executor has two cores, so that it can run both tasks of a barrier stage. It is also the
/// control of each check that counts executors: the other does all the work, and it does it right.
#[tokio::test]
async fn an_executor_that_is_not_replaced_is_red() -> Outcome {
    proof_with("an_executor_that_is_not_replaced_is_red", &[Cause::MissingVerb], async |p| {
        let builder = little(p, &[VariantId::Copy]).session(|session| {
            session.executors(2).conf("spark.executor.cores", "2").strict(false)
        });
        let mut session = started(builder).await?;
        let context = &p.context;
        let spread = checks::blocks_spread(context, &mut session.live, "decommission", 1).await;
        expect_red(spread, &[" has no shuffled block: "])?;
        let live = &session.live;
        let create = Rule { resource: "pods", verb: "create" };
        live.access().revoke(context, live.client(), create).await?;
        let lost = checks::lose_an_executor(context, live).await?;
        let replaced = checks::replaced(context, live, &lost).await;
        expect_red(replaced, &["not replaced", "may not create pods"])?;
        // The watch shows that one is gone.
        let listed = checks::pod_list(context, live).await;
        expect_red(listed, &["the pod list differs", "-exec-2 "])?;
        let ran = checks::barrier(context, &mut session.live).await;
        let words = "2 executors expected to run one task each, ran on: executor 2 on ";
        expect_red(ran, &[words, "; executor 2 on "])?;
        let copied = session.populate(VariantId::Copy).await;
        expect_red(copied, &["are in 1 pods, expected in 2"])?;
        let read = session.prove(VariantId::Copy).await;
        expect_red(read, &["2 executors expected to read, tasks ran on "])?;
        expect_each_red(
            p,
            &[
                ("read.0-copy.metrics", "1 of 2 executors read records"),
                ("read.0-copy.strict", "spark.excludeOnFailure.enabled is not set, expected false"),
            ],
        )?;
        leaves_nothing(p, session).await
    })
    .await
}
