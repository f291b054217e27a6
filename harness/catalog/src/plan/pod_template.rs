//! Templates of a session's pods, from files of the user: what is in them, what is refused, and what has
//! no effect.

use std::fmt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::Secrets;
use sparkproof_base::ledger::labels::KUBE_RUN;

use super::conf::is_secret;
use super::restricted;

/// Whose pods a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodRole {
    /// The pod of a driver, in client or cluster mode.
    Driver,
    /// The pods of executors.
    Executor,
}

impl PodRole {
    /// Name of Spark's container, if no template names it
    /// (`org.apache.spark.deploy.k8s.Constants`).
    pub fn container(self) -> &'static str {
        match self {
            PodRole::Driver => "spark-kubernetes-driver",
            PodRole::Executor => "spark-kubernetes-executor",
        }
    }
}

/// How the pods of sessions must be, besides what Spark and sparkproof set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PodPlan {
    /// The user's template of executors' pods.
    pub executor: Option<PodTemplate>,
    /// The user's template of a driver's pod.
    pub driver: Option<PodTemplate>,
    /// Whether they comply with Pod Security's level `restricted`.
    pub restricted: bool,
}

impl PodPlan {
    /// The user's template.
    pub fn template(&self, role: PodRole) -> Option<&PodTemplate> {
        match role {
            PodRole::Driver => self.driver.as_ref(),
            PodRole::Executor => self.executor.as_ref(),
        }
    }

    /// Whether Spark needs a template to make such a pod.
    pub fn needs_template(&self, role: PodRole) -> bool {
        self.restricted || self.template(role).is_some()
    }

    /// Registers secret values of the templates, so that they are masked in all output.
    pub fn register(&self, secrets: &Secrets) {
        for template in self.executor.iter().chain(&self.driver) {
            template.register(secrets);
        }
    }
}

/// A pod as a file describes it. Its `Debug` does not show the pod, which may have secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct PodTemplate {
    file: PathBuf,
    // On the heap: a Pod has 2 KiB, and plans are moved over the stack.
    pod: Box<Pod>,
}

impl fmt::Debug for PodTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pod of {}", self.file.display())
    }
}

/// Whether Spark or sparkproof finds pods by a label.
fn is_found_by(label: &str) -> bool {
    let domain = |label: &str| label.split_once('/').map(|(domain, _)| domain.to_owned());
    label.starts_with("spark-") || domain(label).is_some_and(|of| Some(of) == domain(KUBE_RUN))
}

/// Variables that Spark sets in its containers (`BasicExecutorFeatureStep`, `BasicDriverFeatureStep`,
/// `LocalDirsFeatureStep`).
const VARIABLES: [&str; 13] = [
    "SPARK_APPLICATION_ID",
    "SPARK_CLASSPATH",
    "SPARK_CONF_DIR",
    "SPARK_DRIVER_BIND_ADDRESS",
    "SPARK_DRIVER_POD_IP",
    "SPARK_DRIVER_URL",
    "SPARK_EXECUTOR_CORES",
    "SPARK_EXECUTOR_ID",
    "SPARK_EXECUTOR_MEMORY",
    "SPARK_EXECUTOR_POD_IP",
    "SPARK_EXECUTOR_POD_NAME",
    "SPARK_LOCAL_DIRS",
    "SPARK_RESOURCE_PROFILE_ID",
];
/// Beginnings of names of volumes that Spark and sparkproof add.
const VOLUMES: [&str; 3] = ["spark-conf-volume", "pod-template-volume", "sparkproof-"];
/// Paths that must be as they are in the image, or that Spark and sparkproof mount, with the reason.
const PATHS: [(&str, &str); 5] = [
    ("/", "it would hide the whole image"),
    ("/opt/spark/conf", "Spark mounts its configuration there"),
    ("/opt/spark/pod-template", "Spark mounts the executors' template there"),
    ("/sparkproof", "sparkproof mounts the driver's files there"),
    ("/var/tmp", "the ways of reading have their files there"),
];

impl PodTemplate {
    /// Reads a template: one Pod in YAML or JSON, of which every field is known.
    ///
    /// # Errors
    /// Bad input: the file cannot be read, is not YAML, holds no Pod or several documents, or has a field
    /// that a Pod does not have.
    pub fn read(named: &str, file: &Path) -> Result<Self> {
        let called = || format!("{named} {}", file.display());
        let text = fs_err::read_to_string(file).or_input(format!("reading {named}"))?;
        let pod = parsed(&text).map_err(|wrong| {
            Error::input(format!("{}: {wrong}", called()))
                .remedy("a template is one Pod in YAML (docs/pod-templates.md)")
        })?;
        Ok(PodTemplate { file: file.to_owned(), pod: Box::new(pod) })
    }

    /// The pod.
    pub fn pod(&self) -> &Pod {
        &self.pod
    }

    /// The file that it was read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Registers the values of variables that are secret by their name.
    fn register(&self, secrets: &Secrets) {
        let spec = self.pod.spec.iter();
        let containers = spec
            .flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
        for variable in containers.flat_map(|container| container.env.iter().flatten()) {
            let value = variable.value.as_deref().unwrap_or_default();
            // Dots, as in keys of Spark: `ACCESS_KEY` is as secret as `access.key`.
            if is_secret(&variable.name.replace('_', "."), value) {
                secrets.register(value);
            }
        }
    }

    /// Why pods of this role cannot be made from it.
    ///
    /// # Errors
    /// Bad input: fields that Spark sets, or on which the proof depends; with `restricted`, also those
    /// that Pod Security's level forbids.
    pub fn check(&self, named: &str, role: PodRole, restricted: bool) -> Result<()> {
        let mut reasons = refused(&self.pod, role);
        if restricted {
            let mut complying = Pod::clone(&self.pod);
            restricted::comply(&mut complying);
            let violated = restricted::violations(&complying).into_iter();
            reasons.extend(violated.map(|field| format!("{field}: --restricted forbids it")));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let file = self.file.display();
        Err(Error::input(format!("{named} {file}: {}", reasons.join("; ")))
            .remedy("take these fields out of the template (docs/pod-templates.md)"))
    }

    /// The fields that have no effect, with the reason (running-on-kubernetes.md, "Pod template
    /// properties").
    pub fn notes(&self, named: &str, role: PodRole) -> Vec<String> {
        let (metadata, spec) = (&self.pod.metadata, self.pod.spec.as_ref());
        let container = spec.and_then(|spec| sparks(spec, role));
        let resources = container.and_then(|container| container.resources.as_ref());
        let sizes = |of: Option<&std::collections::BTreeMap<String, _>>| {
            of.is_some_and(|of| of.contains_key("cpu") || of.contains_key("memory"))
        };
        let sized = resources
            .is_some_and(|both| sizes(both.requests.as_ref()) || sizes(both.limits.as_ref()));
        let flags = match role {
            PodRole::Driver => "--driver-cpu, --driver-cpu-limit and --driver-memory set them",
            PodRole::Executor => {
                "--executor-cpu, --executor-cpu-limit and --executor-memory set them"
            }
        };
        let set = [
            (metadata.name.is_some(), "metadata.name", "Spark names its pods"),
            (metadata.namespace.is_some(), "metadata.namespace", "--namespace names it"),
            (self.pod.status.is_some(), "status", "the cluster writes it"),
            (
                spec.is_some_and(|spec| spec.restart_policy.is_some()),
                "spec.restartPolicy",
                "it is Never for all pods of Spark",
            ),
            (container.is_some_and(|c| c.image.is_some()), "image", "--image names it"),
            (
                container.is_some_and(|c| c.image_pull_policy.is_some()),
                "imagePullPolicy",
                "--conf spark.kubernetes.container.image.pullPolicy sets it",
            ),
            (sized, "cpu and memory of resources", flags),
            (
                container.is_some_and(|c| !c.name.is_empty() && c.name != role.container()),
                "the name of Spark's container",
                "sparkproof finds it by Spark's default name",
            ),
        ];
        let file = self.file.display();
        let without = set.into_iter().filter(|(is_set, ..)| *is_set);
        without
            .map(|(_, field, why)| format!("{named} {file}: {field} has no effect: {why}"))
            .collect()
    }
}

/// The container that is Spark's: the one with its default name, else the first one (as Spark chooses).
pub fn sparks(spec: &PodSpec, role: PodRole) -> Option<&Container> {
    let own = spec.containers.iter().find(|container| container.name == role.container());
    own.or(spec.containers.first())
}

/// One Pod; or what is wrong.
fn parsed(text: &str) -> Result<Pod, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let mut unknown = Vec::new();
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        serde_ignored::deserialize(yaml, |path| unknown.push(field(&path.to_string())))
    });
    let pod: Option<Pod> = read.map_err(|error| {
        let words = error.to_string();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    })?;
    match (unknown.is_empty(), pod) {
        (false, _) => {
            let plural = if unknown.len() == 1 { "is no field" } else { "are no fields" };
            Err(format!("{} {plural} of a Pod (Kubernetes 1.34)", unknown.join(", ")))
        }
        (true, Some(pod)) if pod.spec.is_some() || pod.metadata != Default::default() => Ok(pod),
        (true, _) => Err("it has neither metadata nor spec".to_owned()),
    }
}

/// `spec.?.containers.0.?.imag` without the marks of optional values.
fn field(path: &str) -> String {
    path.split('.').filter(|part| *part != "?").collect::<Vec<_>>().join(".")
}

/// What Spark sets itself, and what a proof depends on.
fn refused(pod: &Pod, role: PodRole) -> Vec<String> {
    let mut all = Vec::new();
    for label in pod.metadata.labels.iter().flatten().map(|(label, _)| label) {
        if is_found_by(label) {
            all.push(format!("label {label}: Spark and sparkproof find pods by it"));
        }
    }
    if pod.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty()) {
        all.push("metadata.finalizers: the pods would stay, and their end is proven".to_owned());
    }
    let Some(spec) = &pod.spec else { return all };
    if spec.host_network == Some(true) {
        all.push("hostNetwork: executors are told apart by the addresses of their pods".to_owned());
    }
    if spec.service_account_name.is_some() || spec.service_account.is_some() {
        all.push(
            "serviceAccountName: --service-account names the account that is proven".to_owned(),
        );
    }
    if role == PodRole::Driver && spec.automount_service_account_token == Some(false) {
        all.push("automountServiceAccountToken: the driver authenticates by it".to_owned());
    }
    if spec.containers.len() > 1 {
        all.push(
            "a second container: the pod would not end with Spark's container; a sidecar is an init \
             container with restartPolicy Always"
                .to_owned(),
        );
    }
    if let Some(container) = sparks(spec, role) {
        of_container(container, &mut all);
    }
    for volume in spec.volumes.iter().flatten() {
        if VOLUMES.iter().any(|begin| volume.name.starts_with(begin)) {
            all.push(format!("volume {}: Spark or sparkproof adds one of this name", volume.name));
        }
    }
    all
}

fn of_container(container: &Container, all: &mut Vec<String>) {
    let words = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if words(&container.command) {
        all.push("command: the image's entry point starts Spark".to_owned());
    }
    if words(&container.args) {
        all.push("args: Spark sets them".to_owned());
    }
    for variable in container.env.iter().flatten() {
        if VARIABLES.contains(&variable.name.as_str()) {
            all.push(format!("env {}: Spark sets it", variable.name));
        }
    }
    for mount in container.volume_mounts.iter().flatten() {
        let path = mount.mount_path.trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        if let Some((_, why)) = PATHS.iter().find(|(taken, _)| *taken == path) {
            all.push(format!("mountPath {path}: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use sparkproof_base::Exit;

    fn read(text: &str) -> Result<PodTemplate> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        PodTemplate::read("--pod-template", file.path())
    }

    fn with(fields: &str) -> PodTemplate {
        read(&format!("apiVersion: v1\nkind: Pod\n{fields}")).expect(fields)
    }

    #[test]
    fn a_template_is_a_pod_in_yaml() {
        let template = with(
            "metadata: {labels: {team: a}}\n\
             spec:\n  tolerations: [{key: dedicated, operator: Exists}]\n  containers:\n  \
             - name: spark-kubernetes-executor\n    env: [{name: A, value: '1'}]\n    \
             resources: {limits: {nvidia.com/gpu: 1}}\n",
        );
        let spec = template.pod().spec.clone().expect("a specification");
        assert_eq!(spec.tolerations.map(|all| all.len()), Some(1));
        let limits = spec.containers[0].resources.clone().and_then(|r| r.limits).expect("limits");
        assert_eq!(limits["nvidia.com/gpu"].0, "1", "a number, as people write it");
        for role in [PodRole::Driver, PodRole::Executor] {
            template.check("x", role, true).expect("allowed");
        }
        assert!(template.notes("x", PodRole::Executor).is_empty());
        read("{\"spec\": {\"nodeSelector\": {\"a\": \"b\"}}}").expect("JSON, without a kind");
    }

    #[rstest]
    #[case::no_yaml("spec: [", "line 1")]
    #[case::empty("", "neither metadata nor spec")]
    #[case::nothing_in_it("kind: Pod\napiVersion: v1", "neither metadata nor spec")]
    #[case::a_text("hello", "")]
    #[case::another_kind("apiVersion: apps/v1\nkind: Deployment\nspec: {}", "apps/v1")]
    #[case::two("kind: Pod\nspec: {containers: []}\n---\nkind: Pod\nspec: {}", "multiple")]
    #[case::unknown("spec: {tolerationz: []}", "spec.tolerationz is no field of a Pod")]
    #[case::unknown_in_a_list(
        "spec:\n  containers:\n  - name: a\n  - name: b\n    imag: x\n    volumeMount: []",
        "spec.containers.1.imag, spec.containers.1.volumeMount are no fields"
    )]
    #[case::of_another_type("spec: {hostNetwork: [1]}", "line 1")]
    #[case::twice("spec: {nodeName: a, nodeName: b}", "nodeName")]
    fn what_is_no_template_is_refused(#[case] text: &str, #[case] words: &str) {
        let error = read(text).expect_err(text);
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
        assert!(error.remedy.is_some_and(|remedy| remedy.contains("docs/pod-templates.md")));
    }

    #[test]
    fn the_template_of_the_docs_is_one() {
        let page = include_str!("../../../../docs/pod-templates.md");
        let yaml = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let template = read(yaml.expect("a block of YAML")).expect("valid");
        for role in [PodRole::Driver, PodRole::Executor] {
            template.check("x", role, true).expect("allowed");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_refused() {
        let error = PodTemplate::read("--pod-template", Path::new("/nowhere.yaml"));
        assert_eq!(error.expect_err("missing").exit, Exit::BadInput);
    }

    #[rstest]
    #[case("metadata: {labels: {spark-role: executor}}", "label spark-role")]
    #[case("metadata: {labels: {sparkproof.io/run: x}}", "label sparkproof.io/run")]
    #[case("metadata: {finalizers: [a/b]}", "finalizers")]
    #[case("spec: {containers: [], hostNetwork: true}", "hostNetwork")]
    #[case("spec: {containers: [], serviceAccountName: x}", "--service-account")]
    #[case("spec: {containers: [{name: a}, {name: b}]}", "second container")]
    #[case("spec: {containers: [{name: a, command: [sh]}]}", "command: the image's entry point")]
    #[case("spec: {containers: [{name: a, args: [x]}]}", "args: Spark sets")]
    #[case(
        "spec: {containers: [{name: a, env: [{name: SPARK_EXECUTOR_ID}]}]}",
        "SPARK_EXECUTOR_ID"
    )]
    #[case("spec: {containers: [], volumes: [{name: sparkproof-x}]}", "volume sparkproof-x")]
    #[case(
        "spec: {containers: [{name: a, volumeMounts: [{name: v, mountPath: /var/tmp/}]}]}",
        "/var/tmp"
    )]
    fn what_spark_or_a_proof_needs_is_refused(#[case] fields: &str, #[case] words: &str) {
        let error = with(fields).check("--pod-template", PodRole::Executor, false);
        let error = error.expect_err(fields);
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn a_token_is_needed_by_drivers_only() {
        let template = with("spec: {containers: [], automountServiceAccountToken: false}");
        template.check("x", PodRole::Executor, false).expect("executors do not use it");
        assert!(template.check("x", PodRole::Driver, false).is_err());
    }

    #[test]
    fn what_restricted_forbids_is_refused_with_it() {
        let template = with("spec: {containers: [], volumes: [{name: a, hostPath: {path: /}}]}");
        template.check("x", PodRole::Executor, false).expect("allowed elsewhere");
        let error = template.check("x", PodRole::Executor, true).expect_err("forbidden");
        assert!(error.to_string().contains("type hostPath: --restricted forbids"), "{error}");
    }

    #[test]
    fn what_has_no_effect_is_said() {
        let template = with(
            "metadata: {name: a, namespace: b}\nspec:\n  restartPolicy: Always\n  containers:\n  \
             - {name: mine, image: i, imagePullPolicy: Always, resources: {limits: {cpu: 1}}}",
        );
        let notes = template.notes("--pod-template", PodRole::Executor);
        let fields = [
            "metadata.name ",
            "namespace",
            "restartPolicy",
            "image ",
            "PullPolicy",
            "cpu",
            "name of",
        ];
        for (note, field) in notes.iter().zip(fields) {
            assert!(note.contains(field) && note.contains("no effect"), "{note}");
        }
        assert_eq!(notes.len(), fields.len(), "{notes:?}");
    }

    #[test]
    fn secrets_are_registered_and_not_shown() {
        let secret = "hunter2-hunter2";
        let template = with(&format!(
            "spec: {{containers: [{{name: a, env: [{{name: DB_PASSWORD, value: {secret}}}]}}]}}"
        ));
        assert!(!format!("{template:?}").contains(secret));
        let secrets = Secrets::default();
        let plan = PodPlan { executor: Some(template), ..PodPlan::default() };
        plan.register(&secrets);
        assert!(!secrets.scrub(&format!("x {secret}")).contains(secret));
    }
}
