//! What a pod waits for, in words, while nothing is wrong with it yet.

use super::evidence::{EventFacts, Evidence, PodFacts};
use super::scheduling::is_scaling;

/// What an executor that is not registered waits for, e.g. `pulling registry/spark:1`. `None` for one
/// that ended or is registered.
pub fn awaits(evidence: &Evidence, pod: &PodFacts) -> Option<String> {
    if pod.registered || pod.deleting {
        return None;
    }
    match &*pod.phase {
        "Pending" if pod.node.is_none() => Some(no_node(evidence, pod)),
        "Pending" => Some(no_container(evidence, pod)),
        "Running" => Some("running, and not registered with the driver".to_owned()),
        _ => None,
    }
}

fn no_node(evidence: &Evidence, pod: &PodFacts) -> String {
    if let Some(event) = evidence.events_of(&pod.name).rfind(|event| is_scaling(event)) {
        return format!("waiting for a node, {}: {}", event.reason, brief(&event.message));
    }
    match pod.unscheduled().filter(|message| !message.is_empty()) {
        Some(message) => format!("waiting for a node: {}", brief(message)),
        None => "waiting for the scheduler".to_owned(),
    }
}

fn no_container(evidence: &Evidence, pod: &PodFacts) -> String {
    if let Some((_, waits)) = pod.stuck() {
        return format!("waiting, {}", waits.reason);
    }
    let told = |event: &&EventFacts| {
        event.reason == "Pulling"
            || event.reason == "Pulled"
            || event.reason.starts_with("Failed")
            || event.reason.contains("AttachVolume")
    };
    match evidence.events_of(&pod.name).rfind(told) {
        Some(event) if event.reason == "Pulling" => {
            // `Pulling image "registry/spark:1"` (kubelet's `image_manager.go`).
            let image = event.message.split('"').nth(1).unwrap_or("its image");
            format!("pulling {image}")
        }
        Some(event) if event.reason.starts_with("Failed") => {
            format!("waiting, {}: {}", event.reason, brief(&event.message))
        }
        _ => "starting its container".to_owned(),
    }
}

/// The first sentence, in one line.
fn brief(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = line.split(" preemption: ").next().unwrap_or(&line);
    first.chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use sparkproof_base::events::Looked;

    use super::super::testing::{event, pod, unscheduled, waiting};
    use super::*;

    fn on_node(events: &[(&str, &str)]) -> Evidence {
        let mut evidence = pod(|pod| {
            pod.waits("ContainerCreating", "");
            pod.node = Some("n".into());
        });
        let all = events.iter().map(|(reason, message)| event("x-exec-1", reason, message));
        evidence.events = Looked::Seen(all.collect());
        evidence
    }

    fn scaled(reason: &str, message: &str) -> Evidence {
        let mut evidence =
            unscheduled("0/1 nodes are available: 1 Insufficient cpu. preemption: x");
        evidence.events = Looked::Seen(vec![event("x-exec-1", reason, message)]);
        evidence
    }

    #[rstest]
    #[case(on_node(&[("Pulling", "Pulling image \"r/spark:1\"")]), Some("pulling r/spark:1"))]
    #[case(on_node(&[("Pulling", "Pulling image \"r/a\""), ("Pulled", "x")]), Some("starting its container"))]
    #[case(on_node(&[("FailedMount", "no such claim")]), Some("waiting, FailedMount: no such claim"))]
    #[case(on_node(&[]), Some("starting its container"))]
    #[case(
        unscheduled("0/1 nodes are available: 1 Insufficient cpu. preemption: x"),
        Some("waiting for a node: 0/1 nodes are available: 1 Insufficient cpu.")
    )]
    #[case(
        scaled("TriggeredScaleUp", "pod triggered scale-up: [{a 1->2}]"),
        Some("waiting for a node, TriggeredScaleUp: pod triggered scale-up: [{a 1->2}]")
    )]
    #[case(waiting("ImagePullBackOff"), Some("waiting for the scheduler"))]
    #[case(pod(|pod| { pod.waits("ImagePullBackOff", ""); pod.node = Some("n".into()) }), Some("waiting, ImagePullBackOff"))]
    #[case(pod(|pod| pod.phase = "Running".into()), Some("running, and not registered with the driver"))]
    #[case(pod(|pod| { pod.phase = "Running".into(); pod.registered = true }), None)]
    #[case(pod(|pod| pod.phase = "Failed".into()), None)]
    fn what_is_waited_for_is_said(#[case] evidence: Evidence, #[case] words: Option<&str>) {
        assert_eq!(awaits(&evidence, &evidence.pods[0]).as_deref(), words);
    }
}
