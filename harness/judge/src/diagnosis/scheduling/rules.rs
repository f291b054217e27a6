//! Rules of the scheduler for which there is no cause of its own.

/// The scheduler that pods have which ask for none, and its Lease.
pub(super) const DEFAULT: (&str, &str) = ("default-scheduler", "kube-scheduler");

/// Words of the scheduler's plugins for which there is no cause of its own, what they mean, and what
/// to do.
pub(super) const RULES: [(&str, &str, &str); 8] = [
    (
        "topology spread constraints",
        "its topology spread constraints allow no node",
        "relax topologySpreadConstraints in the pod template (whenUnsatisfiable: ScheduleAnyway)",
    ),
    (
        "anti-affinity",
        "anti-affinity keeps it away from the nodes where other pods are",
        "fewer executors (--executors), more nodes, or a preferred instead of a required \
         podAntiAffinity in the pod template",
    ),
    (
        "pod affinity",
        "no node holds the pods that its pod affinity asks for",
        "correct podAffinity in the pod template, or start the pods that it asks for",
    ),
    (
        "free ports",
        "the host ports that it asks for are taken on every node",
        "remove hostPort or hostNetwork from the pod template, or ask for fewer executors than \
         there are nodes",
    ),
    (
        "requested node name",
        "the node that it names does not exist",
        "remove nodeName from the pod template",
    ),
    (
        "max volume count",
        "the nodes have as many volumes attached as they may",
        "fewer executors (--executors), fewer volumes each, or more nodes",
    ),
    (
        "cannot allocate all claims",
        "no node has the devices that its resource claims ask for",
        "correct resourceClaims in the pod template, or add nodes that have the devices",
    ),
    (
        "no nodes available to schedule pods",
        "the cluster has no nodes",
        "add a node, or wait until one is ready",
    ),
];
