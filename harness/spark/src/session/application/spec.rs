//! The specification of an application, and its properties.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::labels::{KUBE_RUN, KUBE_SESSION};
use sparkproof_catalog::plan::Conf;
use sparkproof_catalog::plan::conf::REDACTION;

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
    /// CPU request of the driver and of each executor, e.g. `300m`.
    pub cpu: String,
    /// Heap of the driver and of each executor, e.g. `512m`.
    pub memory: String,
    /// Files of the submission's `SPARK_CONF_DIR`, by name: Spark passes them to driver and
    /// executors.
    pub conf_files: BTreeMap<String, String>,
    /// Template of the driver's pod, for what properties cannot set.
    pub driver_template: Option<Pod>,
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

    /// The properties. Bad input: the configuration contradicts the fields.
    pub(super) fn properties(
        &self,
        place: &SubmissionTarget<'_>,
    ) -> Result<BTreeMap<String, String>> {
        let mut all = self.conf.over(self.ours(place))?;
        let defaults = [
            ("spark.executor.cores", "1"),
            ("spark.kubernetes.container.image.pullPolicy", "IfNotPresent"),
            ("spark.kubernetes.driver.request.cores", &self.cpu),
            ("spark.driver.memory", &self.memory),
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
        if self.driver_template.is_some() {
            let file = driver_template_file(place.dir).display().to_string();
            all.insert("spark.kubernetes.driver.podTemplateFile".to_owned(), file);
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
            driver_template: None,
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
        let spec = ApplicationSpec { driver_template: Some(Pod::default()), ..spec() };
        for key in spec.ours(&place()).into_keys() {
            assert!(plan_refuses(&key), "{key}");
        }
    }
}
