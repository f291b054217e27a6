//! The configuration file for `kind create cluster`.

use std::path::Path;

use sparkproof_catalog::plan::{Fit, Machine};

/// File name and content of a kubeadm patch. A kubelet waits a random part of a probe's period
/// before the first probe. CoreDNS serves a second after its start, but with the default period its
/// Service had an address only 5 s later (median).
pub(super) const COREDNS_PATCH: (&str, &str) = (
    "corednsdeployment.yaml",
    "\
spec:
  template:
    spec:
      containers:
      - name: coredns
        readinessProbe: {periodSeconds: 1}
",
);

/// Settings for a faster boot, measured (first user pod after 15.3 s → 10.6 s on 2 cores): no
/// leader election with a single member, higher client rates, no fsync in etcd. Also the kubelet's
/// reservation, since a node container reports all of the host's resources.
///
/// The controller manager keeps its election, with a short retry period: without it, it exits when
/// the API server takes more than 10 s, as on a busy machine, and is restarted only 10 s later.
///
/// `patches` is a directory of this host with [`COREDNS_PATCH`] for kubeadm.
pub(super) fn render(
    workers: u32,
    fit: &Fit,
    machine: Machine,
    kubernetes_version: &str,
    cgroup_v1: bool,
    patches: &Path,
) -> String {
    let cpu = machine.cpu.0.saturating_sub(fit.node_cpu.0);
    let memory = machine.memory.0.saturating_sub(fit.node_memory.0);
    // Since 1.35 the kubelet refuses cgroup v1 by default; 1.30 does not have this field.
    let cgroup = if cgroup_v1 && minor(kubernetes_version).is_some_and(|minor| minor >= 35) {
        "\n  failCgroupV1: false"
    } else {
        ""
    };
    let patches = patches.display();
    let nodes = "- role: worker\n".repeat(workers as usize);
    format!(
        "\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  extraMounts:
  - {{hostPath: \"{patches}\", containerPath: /kind/patches, readOnly: true}}
{nodes}kubeadmConfigPatches:
- |
  kind: InitConfiguration
  patches: {{directory: /kind/patches}}
- |
  kind: ClusterConfiguration
  controllerManager:
    extraArgs: {{leader-elect-retry-period: 500ms, kube-api-qps: \"500\", kube-api-burst: \"1000\"}}
  scheduler:
    extraArgs: {{leader-elect: \"false\", kube-api-qps: \"500\", kube-api-burst: \"1000\"}}
  etcd:
    local:
      extraArgs: {{unsafe-no-fsync: \"true\"}}
- |
  kind: KubeletConfiguration
  kubeAPIQPS: 500
  kubeAPIBurst: 1000
  systemReserved: {{cpu: \"{cpu}m\", memory: \"{memory}Mi\"}}{cgroup}
"
    )
}

/// The minor version: 34 of `v1.34.4`.
fn minor(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::plan::{MebiBytes, MilliCpu};

    fn config(version: &str, workers: u32) -> String {
        let fit = Fit {
            node_cpu: MilliCpu(2000),
            node_memory: MebiBytes(8192),
            executor_cpu: MilliCpu(350),
            executor_memory: MebiBytes(512),
            warnings: Vec::new(),
        };
        let machine = Machine { cpu: MilliCpu(2000), memory: MebiBytes(24_000) };
        render(workers, &fit, machine, version, true, Path::new("/run/kubeadm"))
    }

    #[test]
    fn the_default_configuration() {
        insta::assert_snapshot!(config("v1.34.4", 2));
    }

    #[test]
    fn cgroup_v1_is_named_only_where_kubelet_refuses_it() {
        assert!(config("v1.36.3", 0).contains("failCgroupV1: false"));
        assert!(!config("v1.34.4", 0).contains("failCgroupV1"));
    }
}
