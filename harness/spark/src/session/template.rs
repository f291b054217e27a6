//! The pod template of executors, from the contributions of strategies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Container, HostAlias, Pod, PodSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_catalog::plan::{PodPlan, PodRole};

use super::merge::merged;
use super::overlay::SessionOverlay;

/// Name of the executor's container, with a template (`podTemplateContainerName`) and without
/// (`org.apache.spark.deploy.k8s.Constants.DEFAULT_EXECUTOR_CONTAINER_NAME`).
pub const EXECUTOR_CONTAINER: &str = "spark-kubernetes-executor";

/// The template of executors' pods: the user's, with what strategies add. `None` if Spark needs none.
///
/// # Errors
/// Bad input: the two cannot be merged.
pub(super) fn of_executors(plan: &PodPlan, added: &SessionOverlay) -> Result<Option<Box<Pod>>> {
    let needed = added.needs_template() || plan.needs_template(PodRole::Executor);
    needed.then(|| merged(PodRole::Executor, plan, pod(added)).map(Box::new)).transpose()
}

/// The template as JSON, which is valid YAML.
pub(super) fn render(pod: &Pod) -> Result<String> {
    serde_json::to_string_pretty(pod).or_internal("writing the pod template")
}

/// Spark sets image, arguments, environment and resources itself and keeps everything else
/// (`PodTemplateConfigMapStep`, running-on-kubernetes.md, "Pod template properties").
pub(super) fn pod(added: &SessionOverlay) -> Pod {
    let container = Container {
        name: EXECUTOR_CONTAINER.to_owned(),
        command: added.command.clone(),
        security_context: added.security_context.clone(),
        volume_mounts: some(added.mounts.clone()),
        ..Default::default()
    };
    let spec = PodSpec {
        containers: vec![container],
        init_containers: some(added.init_containers.clone()),
        volumes: some(added.volumes.clone()),
        host_aliases: host_aliases(&added.hosts),
        topology_spread_constraints: added.spread.then(|| vec![over_nodes()]),
        ..Default::default()
    };
    Pod { spec: Some(spec), ..Default::default() }
}

/// Makes the scheduler prefer nodes with fewer executors. By default all would be on the one node
/// without a control plane.
fn over_nodes() -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(LabelSelector {
            match_labels: Some([("spark-role".to_owned(), "executor".to_owned())].into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Host names of a pod, besides those of the cluster.
pub(super) fn host_aliases(hosts: &BTreeMap<String, IpAddr>) -> Option<Vec<HostAlias>> {
    let mut aliases = BTreeMap::<_, Vec<String>>::new();
    for (name, address) in hosts {
        aliases.entry(*address).or_default().push(name.clone());
    }
    let alias = |(ip, names): (IpAddr, _)| HostAlias { ip: ip.to_string(), hostnames: Some(names) };
    some(aliases.into_iter().map(alias).collect())
}

/// The hosts file of the driver's JVM (`-Djdk.net.hosts.file`). The JVM then uses no other source
/// of names, so the file also has this host's own names.
pub(super) fn hosts_file(added: &SessionOverlay, own_name: &str) -> String {
    let ours = [("localhost", "127.0.0.1"), (own_name, "127.0.0.1")];
    let ours = ours.map(|(name, address)| format!("{address} {name}\n"));
    let theirs = added.hosts.iter().map(|(name, address)| format!("{address} {name}\n"));
    ours.into_iter().chain(theirs).collect()
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn a_template_says_what_properties_cannot() {
        let config_map = json!({"name": "data", "configMap": {"name": "data"}});
        let added = SessionOverlay {
            volumes: vec![from_value(config_map).expect("a volume")],
            mounts: vec![
                from_value(json!({"name": "data", "mountPath": "/data"})).expect("a mount"),
            ],
            init_containers: vec![
                from_value(json!({"name": "fill", "image": "x"})).expect("a container"),
            ],
            hosts: [
                ("a.store.test".to_owned(), [10, 0, 0, 1].into()),
                ("b.store.test".to_owned(), [10, 0, 0, 1].into()),
            ]
            .into(),
            spread: true,
            ..Default::default()
        };
        let made = of_executors(&PodPlan::default(), &added).expect("merged").expect("needed");
        insta::assert_snapshot!(render(&made).expect("rendered"));
        let nothing = SessionOverlay::default();
        assert_eq!(of_executors(&PodPlan::default(), &nothing).expect("merged"), None);
        let restricted = PodPlan { restricted: true, ..PodPlan::default() };
        assert!(of_executors(&restricted, &nothing).expect("merged").is_some());
        assert_eq!(
            hosts_file(&added, "host"),
            "127.0.0.1 localhost\n127.0.0.1 host\n10.0.0.1 a.store.test\n10.0.0.1 b.store.test\n"
        );
    }
}
