//! Pods that no node takes.

use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Cpu, Executors, Memory, Node, OncePlaced, Put, Template as Made};
use super::fault::{Fault, Template, container, pod};

/// A node that has room, and a taint.
const TAINTED: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: spare-$RUN
  labels: {pool: spare-$RUN, kubernetes.io/hostname: spare-$RUN, kubernetes.io/os: linux}
spec: {taints: [{key: dedicated, value: other-team, effect: NoSchedule}]}
status:
  capacity: {cpu: '4', memory: 8Gi, pods: '110'}
  allocatable: {cpu: '4', memory: 8Gi, pods: '110'}
  conditions: [{type: Ready, status: 'True', reason: KubeletReady, message: ready}]
";
const CORDONED: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: spare-$RUN
  labels: {pool: spare-$RUN, kubernetes.io/hostname: spare-$RUN, kubernetes.io/os: linux}
spec: {unschedulable: true}
status:
  capacity: {cpu: '4', memory: 8Gi, pods: '110'}
  allocatable: {cpu: '4', memory: 8Gi, pods: '110'}
  conditions: [{type: Ready, status: 'True', reason: KubeletReady, message: ready}]
";
/// It takes no pods, so none of another scenario's.
const FULL: &str = "\
apiVersion: v1
kind: Node
metadata:
  name: spare-$RUN
  labels: {pool: spare-$RUN, kubernetes.io/hostname: spare-$RUN, kubernetes.io/os: linux}
status:
  capacity: {cpu: '4', memory: 8Gi, pods: '0'}
  allocatable: {cpu: '4', memory: 8Gi, pods: '0'}
  conditions: [{type: Ready, status: 'True', reason: KubeletReady, message: ready}]
";
/// Below every other pod, so that only executors make room.
const LOW: &str = "\
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: low-$RUN}
value: -10
preemptionPolicy: Never
";
/// Fits on a node of 2 CPUs, of which Kubernetes takes about 1, only if an executor of 800m goes.
const URGENT: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: urgent}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: urgent, image: $IMAGE, command: [sleep, infinity], resources: {requests: {cpu: 600m}}}
";
/// Another pod, which leaves room for one executor of 400m on a node of 2 CPUs, of which Kubernetes
/// takes about 1.
pub(super) const BUSY: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: busy}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: busy, image: $IMAGE, command: [sleep, infinity], resources: {requests: {cpu: 400m}}}
";
const NODE_AFFINITY: &str = "\
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: \
[{matchExpressions: [{key: accelerator, operator: In, values: [tpu]}]}]}}}";
pub(super) const APART: &str = "\
affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
[{labelSelector: {matchLabels: {spark-role: executor}}, topologyKey: kubernetes.io/hostname}]}}";

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    let pool = || Conf("spark.kubernetes.node.selector.pool", "spare-$RUN");
    let os = |value| Conf("spark.kubernetes.executor.node.selector.kubernetes.io/os", value);
    vec![
        // Known before the driver starts: the pods of the node itself leave room for one.
        Fault::new("cpu-for-one-of-three", Cause::InsufficientCpu)
            .with(Executors(3))
            .with(Cpu(700))
            .says(&["room for 1 of 3 executors", "cpu"])
            .not(Cause::DriverUnreachable)
            .cured_by(Cpu(100)),
        Fault::new("memory-of-no-node", Cause::InsufficientMemory)
            .with(Memory(512 * 1024))
            .says(&["memory"])
            .cured_by(Memory(512)),
        Fault::new("resource-of-no-node", Cause::InsufficientResource)
            .with(container(
                "resources: {limits: {example.com/widget: 1}, requests: {example.com/widget: 1}}",
            ))
            .says(&["example.com/widget"]),
        Fault::new("node-selector", Cause::NodeSelector)
            .with(os("plan9"))
            .says(&["plan9"])
            .cured_by(os("linux")),
        Fault::new("node-affinity", Cause::NodeSelector)
            .with(pod(NODE_AFFINITY))
            .says(&["accelerator"]),
        // The scheduler says of the other node that the selector does not match.
        Fault::new("taint", Cause::Taint)
            .with(Node(TAINTED))
            .with(pool())
            .says(&["dedicated"])
            .not(Cause::NodeSelector),
        Fault::new("node-cordoned", Cause::NodeCordoned)
            .with(Node(CORDONED))
            .with(pool())
            .not(Cause::NodeSelector),
        Fault::new("too-many-pods", Cause::TooManyPods)
            .with(Node(FULL))
            .with(pool())
            .not(Cause::NodeSelector),
        Fault::new("no-scheduler", Cause::NoScheduler)
            .with(Conf("spark.kubernetes.scheduler.name", "volcano"))
            .says(&["volcano"])
            .cured_by(Conf("spark.kubernetes.scheduler.name", "default-scheduler")),
        Fault::new("scheduling-gate", Cause::SchedulingGated)
            .with(pod("schedulingGates: [{name: example.com/budget}]"))
            .says(&["example.com/budget"]),
        // Their replacements do not fit.
        Fault::new("preempted", Cause::Preempted)
            .with(Put(LOW))
            .with(pod("priorityClassName: low-$RUN"))
            .with(Cpu(800))
            .with(OncePlaced(URGENT))
            .not(Cause::InsufficientCpu),
        Fault::new("executors-apart", Cause::Unschedulable)
            .with(pod(APART))
            .with(Executors(3))
            .says(&["anti-affinity"])
            .cured_by(Executors(1)),
        Fault::new("host-port-taken", Cause::Unschedulable)
            .with(Made(Template {
                pod: "terminationGracePeriodSeconds: 1",
                container: "",
                beside: "- {name: metrics, image: $IMAGE, command: [sleep, infinity], \
                         ports: [{containerPort: 17079, hostPort: 17079}]}",
            }))
            .with(Executors(2))
            .says(&["port"]),
    ]
}
