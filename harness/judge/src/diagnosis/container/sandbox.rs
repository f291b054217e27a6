//! Pods whose sandbox is not made.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::super::evidence::{Evidence, PodFacts};
use super::super::finding::{Ends, Finding};
use super::trouble::last_trouble;

/// containerd's `sandbox_run.go` and `config.go`, CRI-O's, kubelet's `runtimeclass`.
static NO_HANDLER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"no runtime for "([^"]*)" is configured|(?i:failed to find runtime handler) (\S+)|RuntimeClass "?([^"\s]+)"? not found"#,
    )
    .expect("a valid expression")
});

/// Words about a pod's sandbox, and what they mean.
const SANDBOX: [(&[&str], &str, &str); 4] = [
    (
        &[
            "no IP addresses available",
            "no available IP",
            "failed to allocate for range",
            "failed to assign an IP",
            "IPAM",
        ],
        "the node has no IP address left for its pods",
        "remove pods that have ended, or give the cluster's network a larger range",
    ),
    (
        &["failed to get sandbox image", "pause:"],
        "the node does not get the image of the pod's sandbox (pause)",
        "load that image into every node, or let the nodes reach its registry",
    ),
    (
        &["cni", "CNI", "setup network", "set up pod", "network", "Multus"],
        "the pod's network cannot be set up",
        "look at the pods of the network plugin on that node (kubectl -n kube-system get pods)",
    ),
    (&[""], "the pod's sandbox cannot be made", "look at the container runtime of the node"),
];

pub(super) fn not_made(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let event = ["FailedCreatePodSandBox", "NetworkNotReady"]
        .into_iter()
        .find_map(|reason| last_trouble(evidence, pod, reason))?;
    let message = &event.message;
    let class = NO_HANDLER.captures(message).and_then(|f| f.iter().skip(1).flatten().next());
    let finding = if let Some(class) = class {
        Finding::new(
            Cause::SandboxFailed,
            format!("the node has no runtime for the pod's RuntimeClass ({})", class.as_str()),
            "remove runtimeClassName from the pod template, or configure that runtime on the nodes",
        )
    } else if message.contains("no space left on device") {
        Finding::new(
            Cause::NodeDiskFull,
            "the node's disk is full, so the pod's sandbox is not made",
            "free disk space on the node",
        )
    } else {
        let fits = |(words, ..): &&(&[&str], &str, &str)| words.iter().any(|w| message.contains(w));
        let (_, says, remedy) = SANDBOX.iter().find(fits)?;
        Finding::new(Cause::SandboxFailed, format!("{says}: {message}"), *remedy)
    };
    // Kubelet tries again after 10 to 15 s (its `backOffPeriod`).
    Some(finding.of(pod).events([event]).ends(Ends::IfItStaysLong))
}
