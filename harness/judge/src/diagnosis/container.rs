//! Containers that are not made, init containers that fail.

use sparkproof_base::verdict::Cause;

use super::evidence::{Evidence, PodFacts};
use super::finding::{Ends, Finding, PodRule};

pub(super) const POD: &[PodRule] = &[not_created];

/// Kubelet's reasons for a container that it cannot make (its `kuberuntime_container.go`).
const NOT_CREATED: [&str; 6] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    "PostStartHookError",
    "RunContainerError",
];

/// Kubelet's words for a late cache, the one `CreateContainerConfigError` that its next try mends.
const LATE: &str = "failed to sync";

fn not_created(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, waits) = pod.stuck()?;
    if !NOT_CREATED.contains(&&*waits.reason) {
        return None;
    }
    let (says, remedy) = match &*waits.reason {
        "CreateContainerConfigError" => (
            format!("what a container is configured with is not there: {}", waits.message),
            "make the Secret or the ConfigMap that the message names, in the session's namespace, \
             or correct its name or key; where it is about root, use an image of another user",
        ),
        _ => (
            format!("the container of {} could not be created", container.image),
            "read the message: a missing volume, or an image that was loaded in part",
        ),
    };
    let ends = if waits.message.contains(LATE) { Ends::AtDeadline } else { Ends::AtOnce };
    let failed = evidence.events_of(&pod.name).filter(|event| event.reason == "Failed");
    Some(
        Finding::new(Cause::ContainerNotCreated, says, remedy)
            .of(pod)
            .because(&pod.name, format!("{}: {}", waits.reason, waits.message))
            .events(failed)
            .ends(ends),
    )
}
