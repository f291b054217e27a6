//! The specification of an application, and its properties.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::labels::{KUBE_RUN, KUBE_SESSION};
use sparkproof_catalog::plan::conf::REDACTION;
use sparkproof_catalog::plan::{Conf, PodPlan, PodRole};

use crate::session::merge::merged;
use crate::session::spec::template_settings;

/// The input of `spark-submit`.
#[derive(Debug, Clone)]
pub struct ApplicationSpec {
    /// `spark.app.name`.
    pub name: String,
    /// Jar or Python file, at its path in the driver's pod: `local:///opt/spark/examples/…`.
    pub resource: String,
    /// Main class; `None` for Python.
    pub class: Option<String>,
    /// Arguments of the application.
    pub arguments: Vec<String>,
    /// Executors, at least 1.
    pub executors: u32,
    /// CPU request of each executor, e.g. `300m`.
    pub cpu: String,
    /// Heap of each executor, e.g. `512m`.
    pub memory: String,
    /// CPU request of the driver, e.g. `300m`.
    pub driver_cpu: String,
    /// Heap of the driver, e.g. `512m`.
    pub driver_memory: String,
    /// Files of the submission's `SPARK_CONF_DIR`, by name: Spark passes them to driver and
    /// executors.
    pub conf_files: BTreeMap<String, String>,
    /// CPU limit of the driver, e.g. `1000m`.
    pub driver_cpu_limit: String,
    /// CPU limit of each executor; `None`: none, as Spark's.
    pub executor_cpu_limit: Option<String>,
    /// Template of the driver's pod, for what properties cannot set.
    pub driver_template: Option<Pod>,
    /// Templates of the user, with which [`Self::driver_template`] is merged, and whether pods comply
    /// with Pod Security `restricted`.
    pub pods: PodPlan,
    /// Jars on the class path of the submission, for uploads.
    pub class_path: Vec<PathBuf>,
    /// Further configuration; keys that contradict the fields are refused.
    pub conf: Conf,
    /// Time limit from the submission to the end of the driver's pod.
    pub deadline: Duration,
}

/// The results of earlier stages that it needs.
#[derive(Debug)]
pub(super) struct SubmissionTarget<'a> {
    pub(super) server: &'a str,
    pub(super) namespace: &'a str,
    pub(super) service_account: &'a str,
    pub(super) image: &'a str,
    pub(super) run: &'a str,
    /// Name of the driver's pod, and value of the label of its executors.
    pub(super) session: &'a str,
    /// The submission's private directory.
    pub(super) dir: &'a Path,
}

impl ApplicationSpec {
    /// Id of a check of this application.
    pub fn check_id(&self, what: &str) -> String {
        format!("application.{}.{what}", self.name)
    }

    fn has_driver_template(&self) -> bool {
        self.driver_template.is_some() || self.pods.needs_template(PodRole::Driver)
    }

    /// The template of the driver's pod; `None` if Spark needs none.
    ///
    /// # Errors
    /// Bad input: the user's cannot be merged with the application's.
    pub(super) fn merged_driver_template(&self) -> Result<Option<Box<Pod>>> {
        let own = || self.driver_template.clone().unwrap_or_default();
        let needed = self.has_driver_template();
        needed.then(|| merged(PodRole::Driver, &self.pods, own()).map(Box::new)).transpose()
    }

    /// The properties. Bad input: the configuration contradicts the fields.
    pub(super) fn properties(
        &self,
        place: &SubmissionTarget<'_>,
    ) -> Result<BTreeMap<String, String>> {
        let mut all = self.conf.over(self.ours(place))?;
        let defaults = [
            ("spark.executor.cores", "1"),
            ("spark.kubernetes.container.image.pullPolicy", "IfNotPresent"),
            ("spark.kubernetes.driver.request.cores", &self.driver_cpu),
            ("spark.kubernetes.driver.limit.cores", &self.driver_cpu_limit),
            ("spark.driver.memory", &self.driver_memory),
            // The first task waits for all executors: otherwise a few tasks could end without them.
            ("spark.scheduler.minRegisteredResourcesRatio", "1.0"),
            ("spark.scheduler.maxRegisteredResourcesWaitingTime", "120s"),
        ];
        for (key, value) in defaults {
            all.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        Ok(all)
    }

    fn ours(&self, place: &SubmissionTarget<'_>) -> BTreeMap<String, String> {
        let account = || place.service_account.to_owned();
        let mut all: BTreeMap<String, String> = [
            ("spark.master", format!("k8s://{}", place.server)),
            ("spark.submit.deployMode", "cluster".into()),
            ("spark.app.name", self.name.clone()),
            ("spark.kubernetes.namespace", place.namespace.into()),
            ("spark.kubernetes.container.image", place.image.into()),
            ("spark.kubernetes.driver.pod.name", place.session.into()),
            ("spark.kubernetes.authenticate.driver.serviceAccountName", account()),
            ("spark.kubernetes.authenticate.executor.serviceAccountName", account()),
            ("spark.executor.instances", self.executors.to_string()),
            ("spark.kubernetes.executor.request.cores", self.cpu.clone()),
            ("spark.executor.memory", self.memory.clone()),
            // It is observed through the API server, not by a process that polls.
            ("spark.kubernetes.submission.waitAppCompletion", "false".into()),
            ("spark.redaction.regex", REDACTION.into()),
        ]
        .map(|(key, value): (&str, String)| (key.to_owned(), value))
        .into();
        if let Some(limit) = &self.executor_cpu_limit {
            all.insert("spark.kubernetes.executor.limit.cores".to_owned(), limit.clone());
        }
        if self.has_driver_template() {
            let file = driver_template_file(place.dir).display().to_string();
            all.insert("spark.kubernetes.driver.podTemplateFile".to_owned(), file);
            let name = PodRole::Driver.container().to_owned();
            all.insert("spark.kubernetes.driver.podTemplateContainerName".to_owned(), name);
        }
        if self.pods.needs_template(PodRole::Executor) {
            all.extend(template_settings(place.dir));
        }
        for role in ["driver", "executor"] {
            for (label, value) in [(KUBE_RUN, place.run), (KUBE_SESSION, place.session)] {
                all.insert(format!("spark.kubernetes.{role}.label.{label}"), value.to_owned());
            }
        }
        all
    }
}

/// Path of the template of the driver's pod.
pub(super) fn driver_template_file(dir: &Path) -> PathBuf {
    dir.join("driver.json")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::session::spec::written;
    use sparkproof_catalog::plan::conf::plan_refuses;

    pub(in super::super) fn spec() -> ApplicationSpec {
        ApplicationSpec {
            name: "pi".into(),
            resource: "local:///opt/spark/examples/jars/spark-examples.jar".into(),
            class: Some("org.apache.spark.examples.SparkPi".into()),
            arguments: vec!["20".into()],
            executors: 2,
            cpu: "200m".into(),
            memory: "512m".into(),
            conf_files: BTreeMap::new(),
            driver_cpu: "200m".into(),
            driver_memory: "512m".into(),
            driver_cpu_limit: "1000m".into(),
            executor_cpu_limit: None,
            driver_template: None,
            pods: PodPlan::default(),
            class_path: Vec::new(),
            conf: Conf::default(),
            deadline: Duration::from_secs(180),
        }
    }

    fn rendered(conf: &[(&str, &str)]) -> Result<String> {
        let mut spec = spec();
        spec.conf = conf.iter().copied().collect();
        rendered_of(&spec)
    }

    fn rendered_of(spec: &ApplicationSpec) -> Result<String> {
        spec.properties(&place()).map(|all| written(&all))
    }

    fn place() -> SubmissionTarget<'static> {
        SubmissionTarget {
            server: "https://127.0.0.1:6443",
            namespace: "spark",
            service_account: "spark",
            image: "localhost/sparkproof/spark:3.5.9-0123456789ab",
            run: "0123abcd",
            session: "session-x",
            dir: Path::new("/state/session-x"),
        }
    }

    #[test]
    fn a_template_is_named_where_there_is_one() {
        let with = ApplicationSpec { driver_template: Some(Pod::default()), ..spec() };
        let line = "spark.kubernetes.driver.podTemplateFile=/state/session-x/driver.json";
        assert!(rendered_of(&with).expect("valid").lines().any(|l| l == line));
        let pods = PodPlan { restricted: true, ..PodPlan::default() };
        let restricted = ApplicationSpec { pods, ..spec() };
        let text = rendered_of(&restricted).expect("valid");
        assert!(text.lines().any(|l| l == line), "{text}");
        let line = "spark.kubernetes.executor.podTemplateFile=/state/session-x/executor.json";
        assert!(text.lines().any(|l| l == line), "{text}");
        let made = restricted.merged_driver_template().expect("merged").expect("needed");
        assert!(made.spec.is_some_and(|spec| spec.security_context.is_some()));
        assert!(!rendered_of(&spec()).expect("valid").contains("podTemplateFile"));
    }

    #[test]
    fn an_application_is_as_reviewed() {
        insta::assert_snapshot!(rendered(&[("spark.eventLog.enabled", "false")]).expect("valid"));
    }

    #[test]
    fn what_is_ours_is_not_contradicted() {
        let error = rendered(&[("spark.executor.instances", "5")]).expect_err("contradiction");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(
            rendered(&[("spark.kubernetes.executor.container.image", "x")]).is_err(),
            "an alias"
        );
        let text = rendered(&[("spark.driver.memory", "1g")]).expect("a default");
        assert!(text.contains("spark.driver.memory=1g\n"), "{text}");
    }

    /// Otherwise a plan with such a key would be refused only after its cluster is up.
    #[test]
    fn every_key_of_an_application_is_known_to_the_plan() {
        let spec = ApplicationSpec {
            driver_template: Some(Pod::default()),
            pods: PodPlan { restricted: true, ..PodPlan::default() },
            ..spec()
        };
        for key in spec.ours(&place()).into_keys() {
            assert!(plan_refuses(&key), "{key}");
        }
    }
}
