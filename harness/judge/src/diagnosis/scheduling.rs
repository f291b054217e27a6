//! Pods for which there is no node.

use sparkproof_base::verdict::Cause;

use super::evidence::{Evidence, PodFacts};
use super::finding::{Ends, Finding, PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[];
pub(super) const POD: &[PodRule] = &[no_room];
pub(super) const LAST: &[PodRule] = &[other];

fn no_room(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled()?;
    let (cause, says, remedy) = if message.contains("Insufficient cpu") {
        (
            Cause::InsufficientCpu,
            "no node has as much CPU as it requests",
            "fewer executors, or less CPU each (--executor-cpu)",
        )
    } else if message.contains("Insufficient memory") {
        (
            Cause::InsufficientMemory,
            "no node has as much memory as it requests",
            "fewer executors, or less memory each (--executor-memory)",
        )
    } else {
        return None;
    };
    let finding = Finding::new(cause, format!("{says}: {message}"), remedy);
    Some(finding.of(pod).because(&pod.name, message).ends(Ends::IfItStays))
}

fn other(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled()?;
    // It waits for a claim that is made after it.
    let ends = if message.contains(&pod.name) { Ends::AtDeadline } else { Ends::IfItStays };
    let finding = Finding::new(
        Cause::Unschedulable,
        format!("it cannot be scheduled: {message}"),
        "read the scheduler's message: a taint, a selector or a volume",
    );
    Some(finding.of(pod).because(&pod.name, message).ends(ends))
}
