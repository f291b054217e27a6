//! Executors come with a session, as it asked for them, and go with it.

use sparkproof::{checks, flow};

const EXECUTORS: u32 = 2;

#[tokio::test]
async fn executors_come_labelled_and_go() -> miette::Result<()> {
    // The frame: whatever happens in it, a failed check, a panic or a signal, all it made is removed.
    flow::scenario("executors_come_labelled_and_go", async |p| {
        // A namespace, an account and a role of its own; returns when Spark and Kubernetes agree on N
        // executors, or says why they never will.
        let session = p.session().executors(EXECUTORS);
        let session = session.conf("spark.kubernetes.executor.label.team", "blue");
        let mut live = session.start().await?;

        // Checks of sparkproof's: exactly N Running pods, and a task on each of them.
        checks::pod_list(&p.context, &live).await?;
        checks::barrier(&p.context, &mut live).await?;

        // A check of your own.
        for (name, pod) in live.executor_pods() {
            let team = pod.metadata.labels.as_ref().and_then(|labels| labels.get("team"));
            assert_eq!(team.map(String::as_str), Some("blue"), "the label `team` of {name}");
        }

        // No pod, ConfigMap, Service or claim is left by Spark; then the namespace goes, too.
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await?;
        checks::namespace_gone(&p.context, &ended).await
    })
    .await?;
    Ok(())
}
