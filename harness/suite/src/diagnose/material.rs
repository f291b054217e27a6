//! What was read of a namespace, from its cluster or from files.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use sparkproof_base::events::Looked;
use sparkproof_judge::diagnosis::ApplicationRun;
use sparkproof_kubernetes::facts::Listed;

use super::wanted::Wanted;

/// What was read of a namespace.
#[derive(Debug, Default)]
pub(super) struct Material {
    /// When it was read.
    pub(super) now: Timestamp,
    pub(super) events: Looked<Vec<Event>>,
    pub(super) listed: Listed,
    /// ConfigMaps with Spark's properties, by name.
    pub(super) maps: BTreeMap<String, Looked<ConfigMap>>,
    /// Logs of pods, by name, of the previous instance first.
    pub(super) logs: BTreeMap<String, Looked<String>>,
    /// Figures of applications, by id.
    pub(super) runs: BTreeMap<String, Looked<ApplicationRun>>,
}

impl Material {
    /// Takes the figures of an event log, if it is this application's.
    pub(super) fn know(&mut self, application: &str, wanted: &Wanted) {
        if let Some(run) = &wanted.run {
            let known = match run.application == application {
                true => Looked::Seen(run.clone()),
                false => Looked::Unseen(format!("the event log is of {}", run.application)),
            };
            self.runs.insert(application.to_owned(), known);
        }
    }
}

/// An application's pods, as they were found.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// The application's id, or what else identifies it.
    pub(super) id: String,
    pub(super) namespace: String,
    pub(super) driver: Option<Pod>,
    pub(super) executors: Vec<Pod>,
    /// What should have made the driver's pod, of an application without any pod.
    pub(super) controller: Option<String>,
}

impl Group {
    /// All its pods, the driver's first.
    pub(super) fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.driver.iter().chain(&self.executors)
    }
}
