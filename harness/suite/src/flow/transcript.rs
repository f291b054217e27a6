//! Types the guide on the cluster of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::{OwnedResource, labels};
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_catalog::{List, Owns, Step, guide};
use sparkproof_judge::{Promise, StepVerdict};
use sparkproof_spark::session::{Geni, Heard, Transcript, Typing, Versions};
use sparkproof_testbed::ScenarioContext;

/// The guide's `spark.executor.instances`.
const EXECUTORS: u32 = 3;

/// Why the guide cannot be typed on the cluster of a run, if so.
pub fn no_transcript(proof: &ScenarioContext) -> Option<String> {
    if proof.environment.engine.is_none() {
        let why = "sparkproof creates no cluster role binding on a user's cluster";
        return Some(why.to_owned());
    }
    let mut programs = ["kubectl", "bash"].into_iter();
    let missing = programs.find(|program| which::which(program).is_err());
    missing.map(|program| format!("{program} is not on PATH"))
}

/// A session of typing the guide.
#[derive(Debug)]
pub struct GuideTyping<'a>(&'a ScenarioContext);

impl<'a> GuideTyping<'a> {
    /// On the cluster of this scenario.
    pub fn on(proof: &'a ScenarioContext) -> Self {
        GuideTyping(proof)
    }

    /// Types a list of the guide's steps: shell lines with kubectl as a cluster administrator,
    /// forms into a REPL with this Geni. Each step is a check; a red one does not stop the others.
    ///
    /// # Errors
    /// Red: a corrected step does not do what the guide promises; a listed mistake does not occur,
    /// or one occurs that is not listed.
    pub async fn type_list(&self, list: List, geni: Geni) -> Result<Transcript> {
        let environment = &self.0.environment;
        let (context, image) = (&self.0.context, &environment.image);
        let versions = Versions { geni: geni.version, spark: image.version.clone() };
        let values = self.values(&versions);
        let kubeconfig = &environment.cluster.kubeconfig;
        let geni = (geni.class_path, versions);
        let mut typing = Typing::new(context, image, kubeconfig, geni, values)?;
        let phase = context.recorder.phase("transcript");
        let typed = self.type_all(list, &mut typing).await;
        let file = format!("transcript/{}.txt", list.name());
        context.recorder.artifact("transcript", &file, typing.said());
        phase.end(typed, |all| {
            let java = typing.java().unwrap_or("none");
            format!("{} steps of the guide, {}; Java {java}", all.0.len(), list.name())
        })
    }

    async fn type_all(&self, list: List, typing: &mut Typing) -> Result<Transcript> {
        let (context, guide) = (&self.0.context, guide());
        let mut transcript = Transcript::default();
        let mut first = FirstFailure::default();
        for step in guide.steps(list) {
            if !typing.is_meant(step) {
                continue;
            }
            let id = format!("guide.{}.{}", list.name(), step.id);
            if let Some(reason) = &step.not_typed {
                skip(context, &id, &step.promise, reason);
            }
            let verdict = match &step.not_typed {
                Some(reason) => Some(StepVerdict::NotTyped(reason.clone())),
                None => first.note(self.type_step(&id, step, typing).await)?,
            };
            let heard = verdict.map(|verdict| Heard { step: step.id.clone(), verdict });
            transcript.0.extend(heard);
        }
        first.or(transcript)
    }

    async fn type_step(&self, id: &str, step: &Step, typing: &mut Typing) -> Result<StepVerdict> {
        let context = &self.0.context;
        let promise = Promise::of(guide(), step);
        let answer = judged(context, (id, &step.promise), promise.clone(), async || {
            if let Some(owns) = step.owns {
                context.run.record(self.owned(owns, typing))?;
            }
            let answer = typing.make(step, &promise).await?;
            match step.owns {
                Some(owns) if answer.verdict(&promise).is_ok() => self.label(owns, typing).await?,
                _ => {}
            }
            Ok(answer)
        })
        .await?;
        answer.verdict(&promise).map_err(|(reason, remedy)| Error::red(reason).remedy(remedy))
    }

    fn values(&self, versions: &Versions) -> BTreeMap<&'static str, String> {
        let (run, environment) = (self.0.context.run.id(), &self.0.environment);
        let planned = &environment.plan.executors;
        BTreeMap::from([
            ("namespace", format!("spark-{run}")),
            ("binding", format!("spark-rolebinding-{run}")),
            ("server", environment.cluster.server.clone()),
            ("image", environment.image.reference.clone()),
            ("driver-host", environment.cluster.host_address.to_string()),
            ("cores", planned.share_of(EXECUTORS).to_string()),
            ("memory", format!("{}m", planned.memory.0)),
            ("data", format!("/tmp/sparkproof-{run}")),
            ("geni-version", versions.geni.clone()),
            ("spark-version", versions.spark.to_string()),
        ])
    }

    fn owned(&self, owns: Owns, typing: &Typing) -> OwnedResource {
        let cluster = &self.0.environment.cluster;
        let (kubeconfig, context) = (cluster.kubeconfig.clone(), cluster.context.clone());
        match owns {
            Owns::Namespace => {
                OwnedResource::Namespace { kubeconfig, context, name: typing.filled("<namespace>") }
            }
            Owns::ClusterRoleBinding => OwnedResource::ClusterRoleBinding {
                kubeconfig,
                context,
                name: typing.filled("<binding>"),
            },
            Owns::Data => OwnedResource::Path { path: PathBuf::from(typing.filled("<data>")) },
        }
    }

    /// Labels the object: kubectl's `create` takes no labels.
    async fn label(&self, owns: Owns, typing: &Typing) -> Result<()> {
        let client = self.0.client().clone();
        match owns {
            Owns::Namespace => {
                self.label_one::<Namespace>(Api::all(client), &typing.filled("<namespace>")).await
            }
            Owns::ClusterRoleBinding => {
                let name = typing.filled("<binding>");
                self.label_one::<ClusterRoleBinding>(Api::all(client), &name).await
            }
            Owns::Data => Ok(()),
        }
    }

    async fn label_one<K>(&self, api: Api<K>, name: &str) -> Result<()>
    where
        K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    {
        let labels = labels::kube(self.0.context.run.id(), labels::Lifetime::Run);
        let patch = Patch::Merge(serde_json::json!({ "metadata": { "labels": labels } }));
        let labelled = async { Ok(api.patch(name, &PatchParams::default(), &patch).await) };
        let labelled = self.0.context.cancel.guard(labelled).await?;
        labelled.map(drop).or_environment(format!("labelling {name}"))
    }
}
