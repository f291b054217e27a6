//! An application whose driver pod has ended.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::verdict::Diagnosis;
use sparkproof_judge::diagnosis::missing_verbs;

/// What was observed of it.
#[derive(Debug)]
pub struct FinishedApplication {
    /// The driver's pod, after its end.
    pub driver: Pod,
    /// Every executor pod that started, by name, in its last state.
    pub executors: BTreeMap<String, Pod>,
    /// The StatefulSets of executor pods, in their first state.
    pub stateful_sets: BTreeMap<String, StatefulSet>,
    /// The maximum of executors that ran at once.
    pub most_running: usize,
    /// The driver's log, secrets masked.
    pub log: String,
    /// The log of each pod, secrets masked, as far as it was read before the end.
    pub pod_logs: BTreeMap<String, String>,
    /// Seconds from the submission to the end.
    pub seconds: f64,
    /// Why it failed, if it did.
    pub diagnosis: Option<Diagnosis>,
}

impl FinishedApplication {
    /// Exit code of the driver's container, if known.
    pub fn exit_code(&self) -> Option<i32> {
        let status = self.driver.status.as_ref()?;
        let container = status.container_statuses.iter().flatten().next()?;
        container.state.as_ref()?.terminated.as_ref().map(|ended| ended.exit_code)
    }

    /// Permissions that the driver lacked, according to its log.
    pub fn refused(&self) -> Vec<String> {
        missing_verbs(&self.log).iter().map(ToString::to_string).collect()
    }

    /// The phase of the driver's pod.
    pub fn phase(&self) -> &str {
        phase(&self.driver)
    }
}

/// A pod's phase, empty before it has one.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}
