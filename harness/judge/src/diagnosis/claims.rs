//! Claims and volumes.

use sparkproof_base::verdict::Cause;

use super::evidence::{Evidence, PodFacts};
use super::finding::{Ends, Finding, PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[];
pub(super) const POD: &[PodRule] = &[missing, not_mounted];

fn missing(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled().filter(|message| names_a_missing_claim(message))?;
    // One that Spark creates on demand, after the pod (`<pod>-pvc-0`), or one of its StatefulSet
    // (`<template>-<pod>`), which the scheduler may see after the pod.
    let own = message.contains(&pod.name);
    Some(
        Finding::new(
            Cause::MissingClaim,
            format!("it mounts a PersistentVolumeClaim that does not exist: {message}"),
            "create the claim in the session's namespace, or correct its name in \
             spark.kubernetes.executor.volumes.persistentVolumeClaim.*.options.claimName",
        )
        .of(pod)
        .because(&pod.name, message)
        .ends(if own { Ends::AtDeadline } else { Ends::IfItStays }),
    )
}

/// Matches the scheduler's messages: `persistentvolumeclaim "x" not found`, or `could not find
/// v1.PersistentVolumeClaim "namespace/x"` (both observed).
fn names_a_missing_claim(message: &str) -> bool {
    if message.contains("could not find v1.PersistentVolumeClaim") {
        return true;
    }
    let claims = message.split("persistentvolumeclaim \"").skip(1);
    claims.filter_map(|rest| rest.split_once('"')).any(|(_, rest)| rest.starts_with(" not found"))
}

/// A pod whose containers are not created yet, with the kubelet's event about its volumes.
fn not_mounted(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let creating = ["ContainerCreating", "PodInitializing"];
    pod.waiting().find(|(_, waits)| creating.contains(&&*waits.reason))?;
    let event = evidence.events_of(&pod.name).rfind(|event| event.reason == "FailedMount")?;
    Some(
        Finding::new(
            Cause::VolumeNotMounted,
            format!("the node cannot mount one of its volumes: {}", event.message),
            "create the volume's source (a ConfigMap, a directory of the node) before the session, \
             or correct its name",
        )
        .of(pod)
        .events([event]),
    )
}
