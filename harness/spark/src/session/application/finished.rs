//! An application whose driver's pod ended.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::verdict::Diagnosis;

use crate::diagnose::{Observed, diagnose, missing_verbs};

/// What was to be seen of it.
#[derive(Debug)]
pub struct Finished {
    /// The driver's pod, ended.
    pub driver: Pod,
    /// Every executor's pod that started, by name, as last seen.
    pub executors: BTreeMap<String, Pod>,
    /// The StatefulSets that made executors' pods, as first seen.
    pub stateful_sets: BTreeMap<String, StatefulSet>,
    /// The most executors that ran at once.
    pub most_running: usize,
    /// What the driver printed, scrubbed.
    pub log: String,
    /// What each pod printed, scrubbed, as far as it was heard before the end.
    pub pod_logs: BTreeMap<String, String>,
    /// From the submission to the end.
    pub seconds: f64,
}

impl Finished {
    /// How the driver's container ended, when the pod says it.
    pub fn exit_code(&self) -> Option<i32> {
        let status = self.driver.status.as_ref()?;
        let container = status.container_statuses.iter().flatten().next()?;
        container.state.as_ref()?.terminated.as_ref().map(|ended| ended.exit_code)
    }

    /// Why it failed.
    pub fn diagnose(&self) -> Diagnosis {
        let last: Vec<&str> = self.log.lines().rev().take(3).collect();
        diagnose(&Observed {
            driver_log: self.log.clone(),
            reason: last.into_iter().rev().collect::<Vec<_>>().join(" "),
            ..Observed::default()
        })
    }

    /// What the driver was refused, by its log.
    pub fn refused(&self) -> Vec<String> {
        missing_verbs(&self.log).iter().map(ToString::to_string).collect()
    }

    /// Whether it says that it succeeded.
    pub fn succeeded(&self) -> bool {
        phase(&self.driver) == "Succeeded"
    }
}

/// A pod's phase, empty before it has one.
pub(super) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}
