//! An application whose executor pods a StatefulSet creates (`StatefulSetPodsAllocator`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::skip;
use sparkproof_kubernetes::access::STATEFUL_SET;
use sparkproof_spark::session::{ApplicationSpec, FinishedApplication};
use sparkproof_strategies::no_layers;
use sparkproof_strategies::volume::on_demand;
use sparkproof_testbed::SessionBuilder;

use super::super::pods::is_owned_by;
use super::features::{ApplicationFeature, shown};

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
        holds: stateful_set,
    },
    ApplicationFeature {
        id: "executor-ids",
        title: "the driver numbers the set's executors and labels their pods",
        since: (3, 3),
        ask: |_| {},
        holds: executor_ids,
    },
    ApplicationFeature {
        id: "claims",
        title: "each executor's local directory is on a claim that the set created for its pod",
        // Older versions delete no claims, and the set's claims have no owner.
        since: (3, 4),
        ask: |spec| {
            spec.conf.extend(on_demand(VOLUME, CLASS, "64Mi", LOCAL_DIR.as_ref()).conf.iter());
        },
        holds: claims,
    },
    ApplicationFeature {
        id: "rights",
        title: "the driver was refused nothing",
        since: (3, 3),
        ask: |_| {},
        holds: rights,
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

fn stateful_set(finished: &FinishedApplication, spec: &ApplicationSpec) -> Result<String, String> {
    let sets = &finished.stateful_sets;
    let mut all = sets.values();
    let (Some(set), None) = (all.next(), all.next()) else {
        return Err(format!("one StatefulSet expected, seen of executors: {:?}", sets.keys()));
    };
    let name = set.name_any();
    if !is_owned_by(set, &finished.driver) {
        return Err(format!("{name} is not owned by {}", finished.driver.name_any()));
    }
    let replicas = set.spec.as_ref().and_then(|spec| spec.replicas);
    if replicas.and_then(|n| u32::try_from(n).ok()) != Some(spec.executors) {
        return Err(format!("{name} has {replicas:?} replicas, {} expected", spec.executors));
    }
    let executors = &finished.executors;
    match executors.iter().find(|(_, pod)| !is_owned_by(*pod, set)) {
        Some((other, _)) => Err(format!("{other} is not owned by {name}")),
        None => Ok(format!("{name} of {}: {:?}", finished.driver.name_any(), executors.keys())),
    }
}

/// Checks the executor ids: a pod has a placeholder until its executor has asked the driver for an
/// id.
fn executor_ids(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    let id = |pod: &Pod| pod.labels().get("spark-exec-id").cloned().unwrap_or_default();
    let labels: Vec<String> = finished.executors.values().map(id).collect();
    let ids: BTreeSet<u32> = labels.iter().filter_map(|id| id.parse().ok()).collect();
    match !ids.is_empty() && ids.len() == finished.executors.len() {
        true => Ok(format!("spark-exec-id {labels:?}")),
        false => {
            Err(format!("a different number expected on each pod, spark-exec-id is {labels:?}"))
        }
    }
}

/// Checks the claims. Kubernetes' controller derives the claim's name from the template and the
/// pod; the executor's log shows that the volume is mounted and writable.
fn claims(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    let says = format!("Created local directory at {LOCAL_DIR}/");
    let mut seen = Vec::new();
    for (name, pod) in &finished.executors {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let mut claims = volumes.filter_map(|v| v.persistent_volume_claim.as_ref());
        let expected = format!("{VOLUME}-{name}");
        if !claims.any(|claim| claim.claim_name == expected) {
            return Err(format!("{name} has no claim {expected}"));
        }
        let log = finished.pod_logs.get(name).map_or("", String::as_str);
        let line = log.lines().find(|line| line.contains(&says));
        seen.push(line.ok_or_else(|| format!("the log of {name} has no `{says}`"))?.to_owned());
    }
    match seen.is_empty() {
        true => Err("no executor was seen".to_owned()),
        false => Ok(seen.join("\n")),
    }
}

fn rights(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    match finished.refused().as_slice() {
        [] => Ok("no line of its log says so".to_owned()),
        refused => Err(format!("missing-verb: {}", refused.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::apps::v1::StatefulSet;
    use serde_json::json;

    use super::*;

    /// A driver `d`, a set of two with this owner, and its first executor.
    fn finished(owner: &str, replicas: u32, executor_owner: &str) -> FinishedApplication {
        let owned =
            |uid: &str| json!([{ "apiVersion": "v1", "kind": "K", "name": "n", "uid": uid }]);
        let object = |name: &str, uid: &str, owner: &str| {
            json!({ "name": name, "uid": uid, "ownerReferences": owned(owner),
                    "labels": { "spark-exec-id": "EXECID" } })
        };
        let set: StatefulSet = serde_json::from_value(json!({
            "metadata": object("s", "set", owner),
            "spec": { "replicas": replicas, "selector": {}, "serviceName": "", "template": {} },
        }))
        .expect("a set");
        let pod = |name: &str, uid: &str, owner: &str| -> Pod {
            serde_json::from_value(json!({ "metadata": object(name, uid, owner) })).expect("a pod")
        };
        FinishedApplication {
            driver: pod("d", "driver", "nobody"),
            executors: BTreeMap::from([("s-0".to_owned(), pod("s-0", "0", executor_owner))]),
            stateful_sets: BTreeMap::from([("s".to_owned(), set)]),
            most_running: 1,
            log: String::new(),
            pod_logs: BTreeMap::new(),
            seconds: 1.0,
        }
    }

    /// Of two executors.
    fn spec() -> ApplicationSpec {
        ApplicationSpec {
            name: "pi".to_owned(),
            resource: String::new(),
            class: None,
            arguments: Vec::new(),
            executors: 2,
            cpu: String::new(),
            memory: String::new(),
            conf_files: BTreeMap::new(),
            driver_template: None,
            class_path: Vec::new(),
            conf: sparkproof_catalog::plan::Conf::default(),
            deadline: std::time::Duration::ZERO,
        }
    }

    #[test]
    fn a_set_has_an_owner_a_number_and_pods() {
        let spec = spec();
        let seen = |owner, replicas, of| stateful_set(&finished(owner, replicas, of), &spec);
        assert!(seen("driver", 2, "set").is_ok());
        let red = |seen: Result<String, String>| seen.expect_err("red");
        assert_eq!(red(seen("other", 2, "set")), "s is not owned by d");
        assert_eq!(red(seen("driver", 3, "set")), "s has Some(3) replicas, 2 expected");
        assert_eq!(red(seen("driver", 2, "driver")), "s-0 is not owned by s");
    }

    #[test]
    fn a_placeholder_is_no_id_and_a_volume_is_named_after_the_pod() {
        let spec = spec();
        let of = finished("driver", 2, "set");
        let ids = executor_ids(&of, &spec).expect_err("red");
        assert!(ids.contains("EXECID"), "{ids}");
        let claims = claims(&of, &spec).expect_err("red");
        assert_eq!(claims, "s-0 has no claim spark-local-dir-1-s-0");
    }
}
