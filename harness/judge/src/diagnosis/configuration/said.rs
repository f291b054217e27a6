//! What a driver says.

use crate::diagnosis::evidence::{Evidence, PodRole};

/// What the driver says, wherever it says it, as long as no executor works for it: what it says
/// later is of its application.
pub(super) fn driver_says(evidence: &Evidence) -> Vec<(&str, &str)> {
    if evidence.executors().any(|pod| pod.is_healthy()) {
        return Vec::new();
    }
    let pods = evidence.pods.iter().filter(|pod| pod.role == PodRole::Driver);
    let logs = pods.map(|pod| (&*pod.name, &*pod.log));
    let driver = &evidence.driver;
    [("driver log", &*driver.log), ("driver", &*driver.reason)].into_iter().chain(logs).collect()
}
