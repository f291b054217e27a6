//! What a cluster refuses, does not place or cannot start.

use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::verdict::Cause;

use super::super::admission::QUOTA_PODS;
use super::super::claims::{mounted, on_demand};
use super::super::fault::Change::{
    Advertise, Conf, Cpu, Driver, Executors, FrontEnd as Shell, Image, Layer, May, Put,
    Template as Made,
};
use super::super::fault::{Fault, Template, container, pi, pod};

const SMALL_CLAIMS: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-storage}
spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 100Mi}}]}
";
const LARGER_CLAIMS: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-storage}
spec: {limits: [{type: PersistentVolumeClaim, max: {storage: 2Gi}}]}
";
const QUOTA_SCRATCH: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {requests.ephemeral-storage: 50Mi}}
";
const MORE_SCRATCH: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {requests.ephemeral-storage: 4Gi}}
";
const NO_SERVICES: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {services: '0'}}
";
const MORE_SERVICES: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {services: '5'}}
";
const SPREAD: &str = "\
topologySpreadConstraints: [{maxSkew: 1, topologyKey: example.com/rack, \
whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {spark-role: executor}}}]";
/// By the cluster's default class, whose volumes are directories of one node.
const FOR_MANY_NODES: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 10Mi}}}
";
/// Nothing listens there.
const NFS: &str = "\
apiVersion: v1
kind: PersistentVolume
metadata: {name: nfs-$NAMESPACE}
spec:
  storageClassName: ''
  capacity: {storage: 10Mi}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  mountOptions: [nfsvers=4.1, soft, retry=0, timeo=5, port=9]
  nfs: {server: 127.0.0.1, path: /team}
  claimRef: {namespace: $NAMESPACE, name: team-data}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec:
  storageClassName: ''
  volumeName: nfs-$NAMESPACE
  accessModes: [ReadWriteMany]
  resources: {requests: {storage: 10Mi}}
";
/// As the entry point of an image that is made for standalone clusters.
const RUNS_ITS_ARGUMENTS: &[u8] =
    b"#!/bin/bash\nset -e\necho Welcome to the Spark container\nexec \"$@\"\n";

/// The API server refuses.
pub(super) fn admission() -> Vec<Fault> {
    vec![
        // Report on LimitRanges and claims on demand: Spark makes the pod, then its claim is refused.
        on_demand("claim-above-limit-range", Cause::LimitRange, "standard")
            .with(Put(SMALL_CLAIMS))
            .with(May("persistentvolumeclaims", "create"))
            .says(&["storage", "100Mi"])
            .not(Cause::MissingClaim)
            .cured_by(Put(LARGER_CLAIMS)),
        // kubeflow/spark-operator#810, with another resource. Only of CPU and memory a quota also wants
        // that they are given.
        Fault::new("quota-wants-scratch", Cause::QuotaExceeded)
            .with(Put(QUOTA_SCRATCH))
            .with(container("resources: {requests: {ephemeral-storage: 100Mi}}"))
            .says(&["team-quota", "requests.ephemeral-storage"])
            .cured_by(Put(MORE_SCRATCH)),
        // Questions about quotas: the driver's pod counts, too.
        Fault::new("quota-taken-by-the-driver", Cause::QuotaExceeded)
            .with(Put(QUOTA_PODS))
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .says(&["team-quota", "pods"])
            .not(Cause::DriverUnreachable),
        // Reports on spark-submit whose Service is refused after the driver's pod was made.
        Fault::new("application-without-service", Cause::QuotaExceeded)
            .with(pi(|_| {}))
            .with(Put(NO_SERVICES))
            .says(&["team-quota", "services"])
            .not(Cause::ApplicationFailed)
            .cured_by(Put(MORE_SERVICES)),
    ]
}

/// No node takes the pod.
pub(super) fn scheduling() -> Vec<Fault> {
    vec![
        // awslabs/data-on-eks and others: executors with GPUs by Spark's own keys, no device plugin.
        Fault::new("gpu-of-no-node", Cause::InsufficientResource)
            .with(Conf("spark.executor.resource.gpu.amount", "1"))
            .with(Conf("spark.executor.resource.gpu.vendor", "nvidia.com"))
            .with(Conf("spark.executor.resource.gpu.discoveryScript", "/opt/getGpus.sh"))
            .with(Conf("spark.task.resource.gpu.amount", "1"))
            .says(&["nvidia.com/gpu"]),
        // Reports on spread constraints: no node has the label.
        Fault::new("no-node-has-the-topology", Cause::Unschedulable)
            .with(pod(SPREAD))
            .says(&["topology spread"]),
        // Questions about `nodeName`, which passes the scheduler: the kubelet rejects the pod.
        Fault::new("node-by-name-is-full", Cause::InsufficientCpu)
            .with(pod("nodeName: $NODE"))
            .with(Cpu(64_000))
            .says(&["cpu"])
            .not(Cause::ExecutorsDie),
        // kubeflow/spark-operator#1161: the driver itself stays Pending.
        Fault::new("application-drivers-selector", Cause::NodeSelector)
            .with(pi(|_| {}))
            .with(Conf("spark.kubernetes.driver.node.selector.pool", "nowhere"))
            .says(&["nowhere"])
            .not(Cause::ApplicationFailed),
    ]
}

/// Claims and volumes.
pub(super) fn claims() -> Vec<Fault> {
    vec![
        // rancher/local-path-provisioner#70.
        mounted("claim-for-many-nodes", Cause::ProvisioningFailed)
            .with(Put(FOR_MANY_NODES))
            .says(&["team-data"])
            .not(Cause::Unschedulable),
        // kubeflow/spark-operator#877 and NFS reports: the claim is bound, the mount fails.
        mounted("nfs-server-refuses", Cause::VolumeNotMounted).with(Put(NFS)),
    ]
}

/// Images.
pub(super) fn image() -> Vec<Fault> {
    let policy = |value| Conf("spark.kubernetes.container.image.pullPolicy", value);
    vec![
        // kubernetes-sigs/kind and minikube questions: the image was loaded, and is pulled all the same.
        Fault::new("pull-policy-always", Cause::RegistryUnreachable)
            .with(policy("Always"))
            .says(&["localhost"])
            .not(Cause::WrongImage)
            .cured_by(policy("IfNotPresent")),
        // bitnami/containers#4319, bitnami/charts#13974: `exec: executor: not found`.
        Fault::new("entrypoint-of-another-image", Cause::ImageWithoutSpark)
            .with(Layer("/opt/entrypoint.sh", RUNS_ITS_ARGUMENTS))
            .says(&["executor"])
            .not(Cause::ExecutorsDie),
        // Questions about `spark.executorEnv.JAVA_HOME`, copied from a laptop.
        Fault::new("java-home-of-a-laptop", Cause::ImageWithoutSpark)
            .with(Conf("spark.executorEnv.JAVA_HOME", "/Library/Java/Home"))
            .says(&["/Library/Java/Home"])
            .not(Cause::ExecutorsDie),
        // istio reports: the proxy's image cannot be pulled, so the pod does not become ready.
        Fault::new("sidecars-image", Cause::RegistryUnreachable)
            .with(Made(Template {
                pod: "terminationGracePeriodSeconds: 1",
                container: "",
                beside: "- {name: istio-proxy, image: 'hub.sparkproof.invalid/istio/proxyv2:1'}",
            }))
            .says(&["hub.sparkproof.invalid/istio/proxyv2:1"])
            .not(Cause::Sidecar),
    ]
}

/// Two causes at once.
pub(super) fn several() -> Vec<Fault> {
    vec![
        // The quota is known before anything asks the registry.
        Fault::new("registry-and-quota", Cause::QuotaExceeded)
            .with(Put(QUOTA_PODS))
            .with(Executors(2))
            .with(Image("127.0.0.1:9/team/spark:1"))
            .not(Cause::RegistryUnreachable)
            .says(&["team-quota"]),
        Fault::two("loopback-and-cpu", Cause::LoopbackDriver, Cause::InsufficientCpu)
            .with(Advertise([127, 0, 0, 1]))
            .with(Executors(3))
            .with(Cpu(700))
            .says(&["127.0.0.1"]),
        Fault::two("config-map-and-key", Cause::ConfigMapMissing, Cause::UnknownKey)
            .with(container("envFrom: [{configMapRef: {name: team-settings}}]"))
            .with(Conf("spark.kubernetes.executor.reqest.cores", "300m"))
            .says(&["team-settings", "spark.kubernetes.executor.reqest.cores"]),
    ]
}
