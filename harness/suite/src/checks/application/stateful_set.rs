//! An application whose executor pods a StatefulSet creates (`StatefulSetPodsAllocator`).

use futures::future::BoxFuture;
use kube::ResourceExt;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::skip;
use sparkproof_judge::{
    Claims, ExecutorIds, ExpectedClaims, LogRead, PodClaims, Refusals, SetOfExecutors, StatefulSets,
};
use sparkproof_kubernetes::access::STATEFUL_SET;
use sparkproof_spark::session::ApplicationSpec;
use sparkproof_strategies::no_layers;
use sparkproof_strategies::volume::on_demand;
use sparkproof_testbed::SessionBuilder;

use super::features::{ApplicationFeature, Looking, shown};
use super::seen;

/// The features of such an application.
pub const ON_STATEFUL_SET: [ApplicationFeature; 4] = [
    ApplicationFeature {
        id: "stateful-set",
        title: "one StatefulSet, owned by the driver's pod, creates the requested executors",
        since: (3, 3),
        ask: |spec| {
            let key = "spark.kubernetes.allocation.pods.allocator".to_owned();
            spec.conf.insert(key, "statefulset");
        },
        check: stateful_set,
    },
    ApplicationFeature {
        id: "executor-ids",
        title: "the driver numbers the set's executors and labels their pods",
        since: (3, 3),
        ask: |_| {},
        check: executor_ids,
    },
    ApplicationFeature {
        id: "claims",
        title: "each executor's local directory is on a claim that the set created for its pod",
        // Older versions delete no claims, and the set's claims have no owner.
        since: (3, 4),
        ask: |spec| {
            spec.conf.extend(on_demand(VOLUME, CLASS, "64Mi", LOCAL_DIR.as_ref()).conf.iter());
        },
        check: claims,
    },
    ApplicationFeature {
        id: "rights",
        title: "the driver was refused nothing",
        since: (3, 3),
        ask: |_| {},
        check: rights,
    },
];

/// The default StorageClass of kind and Minikube.
const CLASS: &str = "standard";
/// Spark uses volumes with this prefix as local directories.
const VOLUME: &str = "spark-local-dir-1";
const LOCAL_DIR: &str = "/sparkproof-local";

/// Runs an application with two executors of a StatefulSet. Skipped if the image cannot get the
/// job, or with an older Spark version.
pub async fn run_stateful_set_suite(wanted: SessionBuilder<'_>) -> Result<()> {
    let proof = wanted.proof();
    let spec = ApplicationSpec { name: "pi-stateful-set".to_owned(), ..proof.pi(2) };
    let allocator = &ON_STATEFUL_SET[0];
    let older = proof.environment.image.version.minor() < allocator.since;
    let older = older.then(|| allocator.older());
    if let Some(reason) = no_layers(proof.environment.engine.as_ref()).or(older) {
        skip(&proof.context, &spec.check_id(allocator.id), allocator.title, &reason);
        return Ok(());
    }
    let image = proof.example_image().await?;
    shown(wanted.verbs(&STATEFUL_SET), &image, spec, &ON_STATEFUL_SET).await
}

fn stateful_set(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let finished = looking.finished;
    let sets = finished.stateful_sets.values().map(|set| SetOfExecutors {
        object: seen::object(set),
        replicas: set.spec.as_ref().and_then(|spec| spec.replicas),
    });
    let seen = StatefulSets {
        driver: seen::object(&finished.driver),
        sets: sets.collect(),
        executors: finished.executors.values().map(seen::object).collect(),
    };
    let executors = looking.spec.executors;
    looking.judge(executors, seen)
}

fn executor_ids(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let ids = seen::of_each(looking.finished, |pod| pod.labels().get("spark-exec-id").cloned());
    let executors = looking.spec.executors;
    looking.judge(executors, ExecutorIds(ids))
}

fn claims(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let words = format!("Created local directory at {LOCAL_DIR}/");
    let finished = looking.finished;
    let claims = seen::of_each(finished, |pod| PodClaims {
        claims: seen::claims(pod),
        log: seen::logged(finished, pod, &words),
    });
    let (volume, executors) = (VOLUME.to_owned(), looking.spec.executors);
    looking.judge(ExpectedClaims { volume, words, executors }, Claims(claims))
}

fn rights(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let finished = looking.finished;
    looking.judge((), Refusals { log: LogRead::of(&finished.log), refused: finished.refused() })
}
