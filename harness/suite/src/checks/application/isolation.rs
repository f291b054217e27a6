//! The NetworkPolicy that Spark makes for an application's executors: who is let in.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::judged;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::{Attempt, Caller, ReachedExecutors};
use sparkproof_kubernetes::cluster::InPod;
use sparkproof_spark::session::{ApplicationSpec, EXECUTOR_CONTAINER};
use sparkproof_testbed::{PreparedSession, SessionBuilder};

use super::submitted::application_while;

/// The port at which executors serve blocks to each other; without a setting it is any.
const PORT: (&str, &str) = ("spark.blockManager.port", "7178");
/// Enough tasks that executors are there while they are asked.
const TASKS: u32 = 2500;
/// Seconds until executors listen, and until a network has heeded a policy.
const HEEDED: u64 = 60;
const STRANGER: &str = "stranger";
/// Connects to an address; says `connected`, or why not.
const CONNECT: &str = "if timeout 5 bash -c \"exec 3<>/dev/tcp/$0/$1\" 2>&1; then echo connected; else echo \"status $?\"; fi";
/// The name that Spark gives to a driver's container.
const DRIVER_CONTAINER: &str = "spark-kubernetes-driver";

/// Runs an application of two executors with a NetworkPolicy of its own (`NetworkPolicyFeatureStep`,
/// Spark 4.2, SPARK-55653), and checks that its pods reach the executors, and that another pod of the
/// namespace does not. `change` is for controls.
pub async fn run_isolation_suite(
    wanted: SessionBuilder<'_>,
    image: &SparkImage,
    change: impl FnOnce(&mut ApplicationSpec),
) -> Result<()> {
    let mut spec = wanted.proof().pi(2);
    "pi-isolation".clone_into(&mut spec.name);
    spec.arguments = vec![TASKS.to_string()];
    spec.conf.insert(PORT.0, PORT.1);
    change(&mut spec);
    let look = async |ground: &PreparedSession<'_>, driver: &str| {
        isolated(ground, driver, &image.reference, &spec).await
    };
    application_while(wanted, image, &spec, "Pi is roughly 3.1", look).await.map(drop)
}

async fn isolated(
    ground: &PreparedSession<'_>,
    driver: &str,
    image: &str,
    spec: &ApplicationSpec,
) -> Result<()> {
    let context = &ground.proof().context;
    let title = "only pods of the application reach its executors";
    judged(context, (&spec.check_id("isolation"), title), spec.executors, async || {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {STRANGER}}}\nspec:\n  \
             terminationGracePeriodSeconds: 0\n  containers:\n  - name: {EXECUTOR_CONTAINER}\n    \
             image: {image}\n    command: [sleep, infinity]\n    \
             resources: {{requests: {{cpu: 10m}}}}\n"
        );
        let obstacles = ground.obstacles();
        obstacles.put(&pod).await?;
        let running = running(ground, spec).await?;
        obstacles.until_running(STRANGER).await?;
        reached(ground, driver, &running).await
    })
    .await
    .map(drop)
}

/// Name and address of each executor, once all run.
async fn running(
    ground: &PreparedSession<'_>,
    spec: &ApplicationSpec,
) -> Result<BTreeMap<String, String>> {
    let waiting = Waiting { what: "running executors".to_owned(), deadline: spec.deadline };
    let pods = ground.pods();
    wait(&ground.proof().context, waiting, pods.changes(), async || {
        let running: BTreeMap<String, String> = pods.now().values().filter_map(|p| at(p)).collect();
        match u32::try_from(running.len()) == Ok(spec.executors) {
            true => Progress::Met(running),
            false => pods.not_yet(format!("{running:?}")),
        }
    })
    .await
}

/// Name and address of an executor's pod that runs.
fn at(pod: &Pod) -> Option<(String, String)> {
    let status = pod.status.as_ref()?;
    let is_executor = pod.labels().get("spark-role").is_some_and(|role| role == "executor");
    let runs = is_executor && status.phase.as_deref() == Some("Running");
    runs.then(|| Some((pod.name_any(), status.pod_ip.clone()?))).flatten()
}

/// Asks each executor from the driver's pod, from the other executor and from the stranger.
async fn reached(
    ground: &PreparedSession<'_>,
    driver: &str,
    executors: &BTreeMap<String, String>,
) -> Result<ReachedExecutors> {
    let context = &ground.proof().context;
    let namespace = &ground.access().namespace;
    let client = &ground.proof().environment.cluster.client;
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let inside = |pod: &str, container| InPod::new(context, pods.clone(), pod, container);
    let mut attempts = Vec::new();
    for (executor, address) in executors {
        let peer = executors.keys().find(|name| *name != executor);
        let peer = peer.ok_or_else(|| Error::internal("one executor has no peer"))?;
        // The driver first: once it is connected, the executor listens.
        for (from, pod) in [
            (Caller::Driver, inside(driver, DRIVER_CONTAINER)),
            (Caller::Peer, inside(peer, EXECUTOR_CONTAINER)),
            (Caller::Stranger, inside(STRANGER, EXECUTOR_CONTAINER)),
        ] {
            attempts.push(asked(ground, from, &pod, executor, address).await?);
        }
    }
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
    let of_application = ListParams::default().labels("spark-app-selector");
    let listed = context.cancel.guard(async {
        policies.list(&of_application).await.or_environment("listing NetworkPolicies")
    });
    let policies = listed.await?.iter().map(ResourceExt::name_any).collect();
    Ok(ReachedExecutors { policies, attempts })
}

/// Asks until the answer is the one that a heeded policy gives, or the time is over: then the last
/// answer counts.
async fn asked(
    ground: &PreparedSession<'_>,
    from: Caller,
    pod: &InPod,
    executor: &str,
    address: &str,
) -> Result<Attempt> {
    let begun = std::time::Instant::now();
    let context = &ground.proof().context;
    let waiting = Waiting::up_to(2 * HEEDED, format!("{from:?} asking {executor}"));
    // Polled: nothing can be watched that says when a policy is heeded.
    wait(context, waiting, Source::Backoff, async || {
        let said = match pod.run(&["bash", "-c", CONNECT, address, PORT.1]).await {
            Ok(said) => said.trim().to_owned(),
            Err(error) => return Progress::Never(error),
        };
        let connected = said.lines().next_back() == Some("connected");
        let heeded = connected == (from != Caller::Stranger);
        match heeded || begun.elapsed().as_secs() >= HEEDED {
            true => Progress::Met(Attempt { from, executor: executor.to_owned(), connected, said }),
            false => Progress::NotYet(said),
        }
    })
    .await
}
