//! Mounts that are lost during a session and restored; what mounting requires.

use k8s_openapi::api::core::v1::VolumeMount;
use scenarios::frame::{Outcome, expect_red, first_pod, little, path_of, proof, started};
use sparkproof::catalog::VariantId;
use sparkproof::checks;
use sparkproof::deadlines::IN_NODE;
use sparkproof::error::{Error, Result};
use sparkproof::read::mount::{Client, Mounter};
use sparkproof::session::SessionOverlay;
use sparkproof::testbed::ScenarioContext;

/// Where the control mounts the same directory, without propagation.
const DEAF: &str = "/var/tmp/deaf";

/// Mounts the executors' directory again without propagation, Kubernetes' default: later mounts on the
/// node are not visible there.
fn also_without_propagation(added: &mut SessionOverlay) {
    let deaf = added.mounts.iter().map(|mount| VolumeMount {
        mount_path: DEAF.to_owned(),
        mount_propagation: None,
        ..mount.clone()
    });
    let deaf: Vec<_> = deaf.collect();
    added.mounts.extend(deaf);
}

/// Mounts of the run in the nodes' own namespaces.
async fn mounted_on_nodes(p: &ScenarioContext) -> Result<String> {
    let engine = p.environment.node_engine()?;
    let mut mounted = String::new();
    for node in p.environment.cluster.executor_nodes() {
        let cat = ["cat", "/proc/self/mountinfo"];
        let all = engine.exec(&p.context, &node, &cat, None::<&[u8]>, IN_NODE).await?;
        let ours = all.lines().filter(|line| line.contains("/var/tmp/sparkproof-"));
        ours.filter(|line| line.contains(p.context.run.id().as_str())).for_each(|line| {
            mounted.push_str(line);
            mounted.push('\n');
        });
    }
    Ok(mounted)
}

/// The daemons are killed, later they are deleted: each time no executor can read, and all can when the
/// daemons are back. Executors with the directory without propagation cannot.
#[tokio::test]
async fn a_mount_that_is_gone_is_named_and_its_return_is_seen() -> Outcome {
    proof("a_mount_that_is_gone_is_named_and_its_return_is_seen", async |p| {
        let id = VariantId::S3fsNode;
        let mut session = started(little(p, &[id]).change(also_without_propagation)).await?;
        let pod = first_pod(&session)?;
        let deaf = format!("{DEAF}/mounted/big.csv");
        session.prove(id).await?;
        pod.run(&["cat", &deaf]).await?;

        let mounter =
            Mounter::new(session.scene(), session.subject(id)?.strategy.variant(), Client::S3fs);
        mounter.kill(&p.context).await?;
        let dead = &["mount-gone", "0 of 3", "what serves the mount is gone"];
        expect_red(session.prove(id).await, dead)?;
        expect_red(pod.run(&["cat", &deaf]).await, &["Transport endpoint is not connected"])?;
        mounter.put_back(&p.context).await?;
        session.prove(id).await?;
        expect_red(pod.run(&["cat", &deaf]).await, &["Transport endpoint is not connected"])?;

        mounter.withdraw(&p.context).await?;
        let gone = &["mount-gone", "0 of 3", "the mount is gone"];
        expect_red(session.prove(id).await, gone)?;
        mounter.put_back(&p.context).await?;
        session.prove(id).await?;

        if mounted_on_nodes(p).await?.is_empty() {
            return Err(Error::red("the nodes show no mount while executors read from it"));
        }
        session.stop().await?;
        match mounted_on_nodes(p).await? {
            left if left.is_empty() => Ok(()),
            left => Err(Error::red(format!("still mounted on the nodes:\n{left}"))),
        }
    })
    .await
}

#[tokio::test]
#[ignore = "full: a mount that is gone on the node is in ci"]
async fn a_mount_that_is_gone_in_one_pod_is_named() -> Outcome {
    proof("a_mount_that_is_gone_in_one_pod_is_named", async |p| {
        let id = VariantId::S3fsExecutor;
        let mut session = started(little(p, &[id])).await?;
        session.prove(id).await?;
        // Commands run as the container's user, which is root; the JVM is not.
        let point = path_of(&session, id)?.join("mounted");
        let point = point.to_string_lossy();
        first_pod(&session)?.run(&["umount", "--lazy", &point]).await?;
        expect_red(session.prove(id).await, &["mount-gone", "2 of 3", "executor 1"])?;
        session.stop().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn less_than_a_privileged_root_cannot_mount() -> Outcome {
    proof("less_than_a_privileged_root_cannot_mount", async |p| {
        checks::fuse_privileges(&p.context, &p.environment).await
    })
    .await
}
