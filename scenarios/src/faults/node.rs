//! Nodes, and what they do to pods.

use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Evicting, Node, Template as Made};
use super::fault::{Fault, Template, pod};

/// A node whose kubelet is silent.
const LOST: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: spare-$RUN
  labels: {kubernetes.io/hostname: spare-$RUN, kubernetes.io/os: linux}
spec: {taints: [{key: node.kubernetes.io/unreachable, effect: NoSchedule}]}
status:
  capacity: {cpu: '4', memory: 8Gi, pods: '110'}
  allocatable: {cpu: '4', memory: 8Gi, pods: '110'}
  conditions:
  - {type: Ready, status: Unknown, reason: NodeStatusUnknown,
     message: Kubelet stopped posting node status.}
";
/// A node whose disk is full.
const FULL: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: spare-$RUN
  labels: {pool: spare-$RUN, kubernetes.io/hostname: spare-$RUN, kubernetes.io/os: linux}
spec: {taints: [{key: node.kubernetes.io/disk-pressure, effect: NoSchedule}]}
status:
  capacity: {cpu: '4', memory: 8Gi, pods: '110'}
  allocatable: {cpu: '4', memory: 8Gi, pods: '110'}
  conditions:
  - {type: DiskPressure, status: 'True', reason: KubeletHasDiskPressure,
     message: kubelet has disk pressure}
  - {type: Ready, status: 'True', reason: KubeletReady, message: ready}
";

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    vec![
        // A kubelet measures volumes once a minute.
        Fault::new("scratch-volume-too-small", Cause::ScratchLimit)
            .with(Made(Template {
                pod: "terminationGracePeriodSeconds: 1\n\
                      volumes: [{name: scratch, emptyDir: {sizeLimit: 1Mi}}]",
                container: "volumeMounts: [{name: scratch, mountPath: /scratch}]\n\
                            command: [sh, -c, \
                            'head -c 50000000 /dev/zero > /scratch/fill; exec sleep infinity']",
                beside: "",
            }))
            .says(&["scratch"])
            .not(Cause::Evicted),
        Fault::new("scratch-of-a-container-too-small", Cause::ScratchLimit)
            .with(Made(Template {
                pod: "terminationGracePeriodSeconds: 1",
                container: "resources: {limits: {ephemeral-storage: 2Mi}}\n\
                            command: [sh, -c, \
                            'head -c 50000000 /dev/zero > /tmp/fill; exec sleep infinity']",
                beside: "",
            }))
            .says(&["2Mi"])
            .not(Cause::Evicted),
        Fault::new("node-lost", Cause::NodeLost)
            .with(Node(LOST))
            .with(pod("nodeName: spare-$RUN"))
            .says(&["spare-$RUN"]),
        Fault::new("node-disk-full", Cause::NodeDiskFull)
            .or(Cause::Taint)
            .with(Node(FULL))
            .with(Conf("spark.kubernetes.node.selector.pool", "spare-$RUN"))
            .says(&["disk"])
            .not(Cause::NodeSelector),
        Fault::new("executors-evicted", Cause::Evicted).with(Evicting).not(Cause::ExecutorsDie),
    ]
}
