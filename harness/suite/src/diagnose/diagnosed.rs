//! The result for one application.

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::{Looked, Secrets};
use sparkproof_base::verdict::{Cause, Diagnosis};
use sparkproof_judge::diagnosis::{
    Advice, ApplicationRun, Evidence, PodRole, advice, diagnose, findings, for_others, unseen,
};
use sparkproof_kubernetes::facts;

use super::application;
use super::material::{Group, Material};

/// What became of an application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApplicationState {
    /// Its driver's pod has not started.
    Pending,
    /// Its driver's pod runs.
    Running,
    /// It ended well.
    Succeeded,
    /// Its driver's pod ended with an error.
    Failed,
    /// Its driver has no pod that could be seen.
    #[default]
    Unknown,
}

impl ApplicationState {
    fn of(phase: &str) -> Self {
        match phase {
            "Pending" => ApplicationState::Pending,
            "Running" => ApplicationState::Running,
            "Succeeded" => ApplicationState::Succeeded,
            "Failed" => ApplicationState::Failed,
            _ => ApplicationState::Unknown,
        }
    }
}

impl std::fmt::Display for ApplicationState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ApplicationState::Pending => "pending",
            ApplicationState::Running => "running",
            ApplicationState::Succeeded => "succeeded",
            ApplicationState::Failed => "failed",
            ApplicationState::Unknown => "state not known",
        })
    }
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// The result for one application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diagnosed {
    /// The application's id.
    pub application: String,
    /// Its name, if a label has it.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: String,
    /// The name of its driver's pod.
    pub driver: Option<String>,
    /// What became of it.
    pub state: ApplicationState,
    /// Its pods in their last states, one line each.
    pub pods: Vec<String>,
    /// Why it failed or does not go on, and what else went wrong.
    pub cause: Option<Diagnosis>,
    /// What went wrong and did not keep it from succeeding.
    pub passed: Vec<Diagnosis>,
    /// Advice, which is never a cause.
    pub advice: Vec<Advice>,
    /// What could not be looked at: a cause may have hidden there.
    pub unseen: Vec<Unseen>,
}

impl Diagnosed {
    /// The result for an application that somebody else submitted.
    pub(super) fn of_group(
        group: &Group,
        material: &Material,
        secrets: &Secrets,
    ) -> Result<Diagnosed> {
        let evidence = application::evidence(group, material, secrets);
        let run = material.runs.get(&group.id);
        let mut diagnosed = Diagnosed {
            name: application::name(group),
            ..Diagnosed::judged(group.id.clone(), &evidence, for_others)
        };
        diagnosed.say_unread(group, material);
        match run {
            Some(Looked::Seen(run)) => diagnosed.advice = advice(run),
            Some(Looked::Unseen(why)) => diagnosed.not_seen("figures for advice", why),
            None => diagnosed.not_seen("figures for advice", "no event log was given"),
        }
        diagnosed.scrubbed(secrets)
    }

    /// The result for evidence; `reworded` fits its remedies to who asks.
    pub(super) fn judged(
        application: String,
        evidence: &Evidence,
        reworded: impl Fn(Diagnosis) -> Diagnosis,
    ) -> Diagnosed {
        let driver = evidence.pods.iter().find(|pod| pod.role == PodRole::Driver);
        let state = driver.map(|pod| ApplicationState::of(&pod.phase)).unwrap_or_default();
        let found = !findings(evidence).is_empty();
        let mut diagnosis = found.then(|| reworded(diagnose(evidence)));
        if let Some(diagnosis) = &mut diagnosis {
            // They are among what was not seen.
            diagnosis.evidence.retain(|item| item.name != "events");
        }
        let (cause, passed) = match (state, diagnosis) {
            (ApplicationState::Succeeded, Some(mut diagnosis)) => {
                let also = std::mem::take(&mut diagnosis.also);
                let all = std::iter::once(diagnosis).chain(also);
                // It ended, as it should.
                (None, all.filter(|one| one.cause != Cause::DriverEnded).collect())
            }
            (_, diagnosis) => (diagnosis, Vec::new()),
        };
        let mut diagnosed = Diagnosed {
            application,
            namespace: evidence.asked.namespace.clone(),
            driver: driver.map(|pod| pod.name.clone()),
            state,
            pods: evidence.pods.iter().map(ToString::to_string).collect(),
            cause,
            passed,
            ..Diagnosed::default()
        };
        for (what, why) in unseen(evidence) {
            diagnosed.not_seen(what, why);
        }
        diagnosed
    }

    /// Advice alone, of a run of which no pod is known.
    pub(super) fn of_run(run: &ApplicationRun) -> Diagnosed {
        Diagnosed {
            application: run.application.clone(),
            advice: advice(run),
            unseen: vec![Unseen {
                what: "pods, events and logs".to_owned(),
                why: "only an event log was given".to_owned(),
            }],
            ..Diagnosed::default()
        }
    }

    /// It is a session of sparkproof's own, of which no figures are kept.
    pub(super) fn of_own_run(&mut self) {
        self.not_seen("figures for advice", "the evidence of a session has none");
    }

    pub(super) fn not_seen(&mut self, what: &str, why: &str) {
        self.unseen.push(Unseen { what: what.to_owned(), why: why.to_owned() });
    }

    /// Logs and configuration that could not be read.
    fn say_unread(&mut self, group: &Group, material: &Material) {
        for pod in &self.pods_of(group) {
            match material.logs.get(pod) {
                Some(Looked::Unseen(why)) => self.not_seen(&format!("log of {pod}"), why),
                Some(Looked::Seen(_)) => {}
                None => self.not_seen(&format!("log of {pod}"), "it was not read"),
            }
        }
        match &group.driver {
            None if group.controller.is_some() => {
                self.not_seen("pods", "none exists: only events tell of the application");
            }
            None if !material.logs.contains_key("driver") => {
                let why = "none of the pods is the driver's: it runs elsewhere (client mode), or \
                           its pod is gone";
                self.not_seen("log of the driver", why);
            }
            None => {}
            Some(driver) => {
                let map = super::properties::map_of(driver);
                match map.as_ref().map(|name| (name, material.maps.get(name))) {
                    Some((_, Some(Looked::Seen(_)))) => {}
                    Some((name, Some(Looked::Unseen(why)))) => {
                        self.not_seen(&format!("configuration in {name}"), why);
                    }
                    Some((name, None)) => {
                        self.not_seen(&format!("configuration in {name}"), "it was not read");
                    }
                    None => self.not_seen("configuration", "the driver's pod mounts none"),
                }
            }
        }
    }

    /// The pods that have a log.
    fn pods_of(&self, group: &Group) -> Vec<String> {
        let started = |pod: &&k8s_openapi::api::core::v1::Pod| facts::has_started(pod);
        group.pods().filter(started).map(kube::ResourceExt::name_any).collect()
    }

    /// The same with every registered secret masked.
    fn scrubbed(self, secrets: &Secrets) -> Result<Diagnosed> {
        let mut value = serde_json::to_value(self).or_internal("writing a diagnosis")?;
        secrets.scrub_except(&mut value, &OWN);
        serde_json::from_value(value).or_internal("reading a diagnosis")
    }
}

/// Fields whose words are sparkproof's own.
const OWN: [&str; 4] = ["cause", "state", "topic", "weight"];
