//! Sessions that must not be green, each with its reason.

use scenarios::frame::{Outcome, expect_red, proof};
use sparkproof::catalog::plan::{MebiBytes, MilliCpu};

#[tokio::test]
async fn a_wrong_image_is_named() -> Outcome {
    proof("a_wrong_image_is_named", async |p| {
        let session = p.session().executors(1).image("sparkproof.invalid/spark:nowhere");
        expect_red(
            session.start().await,
            &["registry-unreachable", "sparkproof.invalid/spark:nowhere"],
        )?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "full: a wrong image is in ci"]
async fn an_image_that_is_never_pulled_is_named() -> Outcome {
    proof("an_image_that_is_never_pulled_is_named", async |p| {
        let session = p
            .session()
            .executors(1)
            .image("sparkproof.invalid/spark:nowhere")
            .conf("spark.kubernetes.container.image.pullPolicy", "Never");
        expect_red(session.start().await, &["image-never-pulled"])?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "full: a wrong image is in ci"]
async fn a_secret_that_is_not_there_is_named() -> Outcome {
    proof("a_secret_that_is_not_there_is_named", async |p| {
        let session =
            p.session().executors(1).conf("spark.kubernetes.executor.secretKeyRef.KEY", "none:key");
        expect_red(session.start().await, &["secret-missing", "the Secret none does not exist"])?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn more_cpu_than_the_node_has_is_named() -> Outcome {
    proof("more_cpu_than_the_node_has_is_named", async |p| {
        let session = p.session().executors(1).cpu(MilliCpu(64_000));
        expect_red(session.start().await, &["insufficient-cpu", "more than any node can give"])?;
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "full: more CPU than the node has is in ci"]
async fn more_memory_than_the_node_has_is_named() -> Outcome {
    proof("more_memory_than_the_node_has_is_named", async |p| {
        let session = p.session().executors(1).memory(MebiBytes(512 * 1024));
        expect_red(session.start().await, &["insufficient-memory", "more than any node can give"])?;
        Ok(())
    })
    .await
}

/// 192.0.2.0/24 is reserved for documentation (RFC 5737). Even if a machine has the address, nothing
/// listens on it, because the driver listens on another one.
#[tokio::test]
async fn an_unreachable_driver_is_named() -> Outcome {
    proof("an_unreachable_driver_is_named", async |p| {
        let elsewhere = p.environment.cluster.host_address;
        let session = p.session().executors(1).driver_host([192, 0, 2, 2].into());
        let session = session.driver_bind(elsewhere);
        expect_red(session.start().await, &["driver-unreachable", "192.0.2.2"])?;
        Ok(())
    })
    .await
}

/// `spark.conf` says `k8s://`, the context runs `local[*]`: no pod, and never green.
#[tokio::test]
async fn a_local_session_that_says_k8s_is_named() -> Outcome {
    proof("a_local_session_that_says_k8s_is_named", async |p| {
        let session = p.session().executors(1).local_master();
        expect_red(session.start().await, &["local-master", "local["])?;
        Ok(())
    })
    .await
}
