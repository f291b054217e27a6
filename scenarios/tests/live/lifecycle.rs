//! Pods are created with the session, each executor works, a lost one is replaced, and the pods are
//! deleted with the session.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::{Patch, PatchParams};
use rstest::rstest;
use scenarios::assert_snapshot_of;
use scenarios::frame::{Outcome, expect_red, maps_archived_classes, proof};
use sparkproof::access::Rule;
use sparkproof::catalog::plan::RbacChoice;
use sparkproof::checks;
use sparkproof::error::ErrorContext;
use sparkproof::testbed::ScenarioContext;

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
/// other executor has two cores, so that it can run both tasks of a barrier stage.
#[tokio::test]
async fn an_executor_that_is_not_replaced_is_red() -> Outcome {
    proof("an_executor_that_is_not_replaced_is_red", async |p| {
        let session = p.session().executors(2).conf("spark.executor.cores", "2");
        let mut live = session.start().await?;
        let create = Rule { resource: "pods", verb: "create" };
        live.access().revoke(&p.context, live.client(), create).await?;
        let lost = checks::lose_an_executor(&p.context, &live).await?;
        expect_red(checks::replaced(&p.context, &live, &lost).await, &["not replaced"])?;
        // Also the control of the list: the watch shows that one is gone.
        let listed = checks::pod_list(&p.context, &live).await;
        expect_red(listed, &["the pod list differs", "-exec-2 "])?;
        let ran = checks::barrier(&p.context, &mut live).await;
        let words = "2 executors expected to run one task each, ran on: executor 2 on ";
        expect_red(ran, &[words, "; executor 2 on "])?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}
