//! Events about pods that are being made.

use crate::diagnosis::evidence::{EventFacts, Evidence, PodFacts};

/// The last event of this reason about a pod that is being made, if kubelet has not come further
/// since.
pub(super) fn last_trouble<'a>(
    evidence: &'a Evidence,
    pod: &'a PodFacts,
    reason: &str,
) -> Option<&'a EventFacts> {
    if !pod.is_being_made() {
        return None;
    }
    let further = ["Pulling", "Pulled", "Created", "Started"];
    let mut events = evidence.events_of(&pod.name);
    let last = events.rfind(|event| event.reason == reason || further.contains(&&*event.reason))?;
    (last.reason == reason).then_some(last)
}
