//! A dry run of an executor's pod before Spark starts: what admission refuses is then known in a
//! second, in the API server's own structured words.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, LocalObjectReference, Pod, PodSpec, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::PostParams;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{Cause, Diagnosis};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_judge::diagnosis::{Asked, Ends, Evidence, Finding, diagnose, findings};
use sparkproof_kubernetes::access::Access;
use sparkproof_kubernetes::facts;
use sparkproof_kubernetes::observe::Pods;

use super::size::memory;
use super::template::EXECUTOR_CONTAINER;

/// Seconds for which what may heal is tried again, e.g. a quota that pods use which are ending.
const PATIENCE: u64 = 5;

type Properties = BTreeMap<String, String>;

/// Tries to create an executor's pod, as the account. What cannot be tried is accepted. `made` has the
/// properties, and the template if sparkproof rendered one.
///
/// # Errors
/// Red with a [`Diagnosis`]: it is refused, and a rule knows the cause. Interrupted.
pub(super) async fn accepted(
    context: &Context,
    access: &Access,
    pods: &Pods,
    asked: &Asked,
    made: (&Properties, Option<Box<Pod>>),
) -> Result<()> {
    match refused(context, access, pods, asked, made).await? {
        None => Ok(()),
        Some(diagnosis) => Err(diagnosis.error("an executor's pod is refused")),
    }
}

async fn refused(
    context: &Context,
    access: &Access,
    pods: &Pods,
    asked: &Asked,
    (properties, template): (&Properties, Option<Box<Pod>>),
) -> Result<Option<Diagnosis>> {
    let pod = executor_pod(properties, template);
    let (Ok(client), Some(pod)) = (access.client().await, pod) else {
        return Ok(None);
    };
    let api: Api<Pod> = Api::namespaced(client, &access.namespace);
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let mut last = None;
    let waiting = Waiting::up_to(PATIENCE, "a dry run of an executor's pod");
    let tried = wait(context, waiting, Source::Backoff, async || {
        let Err(kube::Error::Api(status)) = api.create(&parameters, &pod).await else {
            return Progress::Met(None);
        };
        let refusals = vec![facts::refusal(&status, "create pods (dry run)")];
        let evidence = Evidence { asked: asked.clone(), refusals, ..Evidence::default() };
        let found = findings(&evidence);
        match found.first() {
            Some(finding) if is_final(finding, &status.message) => {
                let diagnosis = diagnose(&evidence);
                if finding.ends == Ends::AtOnce {
                    return Progress::Met(Some(diagnosis));
                }
                let words = diagnosis.to_string();
                last = Some(diagnosis);
                Progress::NotYet(words)
            }
            _ => Progress::Met(None),
        }
    });
    match tried.await {
        Ok(refused) => Ok(refused),
        Err(error) if error.is_interruption() => Err(error),
        // A quota that pods use which are ending.
        Err(_) if pods.any_leaves() => Ok(None),
        Err(_) => Ok(last),
    }
}

/// Whether Spark's own pod would be refused, too. Permissions are checked, and explained, by what
/// needs them; a volume of the configuration is not in this pod.
fn is_final(finding: &Finding, message: &str) -> bool {
    let of_volume = message.contains("olumeMounts") && message.contains("Not found");
    finding.cause != Cause::MissingVerb && finding.ends != Ends::AtDeadline && !of_volume
}

/// An executor's pod as Spark would make it (`BasicExecutorFeatureStep`), as far as admission looks
/// at it; `None` if its name is not valid or its template cannot be read, which Spark itself says
/// best. `rendered` is sparkproof's template, which is not at its path here if the driver is in a pod.
fn executor_pod(properties: &Properties, rendered: Option<Box<Pod>>) -> Option<Pod> {
    let get = |key: &str| properties.get(key).map(String::as_str);
    let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let name = name_prefix(properties);
    if !name.chars().all(in_name) {
        return None;
    }
    let template = |file: &str| {
        let text = fs_err::read_to_string(file.trim_start_matches("file://")).ok()?;
        serde_saphyr::from_str::<Pod>(&text).ok()
    };
    let mut pod = match (rendered, get("spark.kubernetes.executor.podTemplateFile")) {
        (Some(rendered), _) => *rendered,
        (None, Some(file)) => template(file)?,
        (None, None) => Pod::default(),
    };
    let labels = [
        ("spark-role", "executor"),
        ("spark-exec-id", "1"),
        ("spark-exec-inactive", "false"),
        ("spark-exec-resourceprofile-id", "0"),
        ("spark-app-selector", get("spark.app.id").unwrap_or("spark-0123456789abcdef")),
        ("spark-app-name", &app_label(&name)),
        ("spark-version", "0"),
    ];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let given = below(properties, "spark.kubernetes.executor.label.");
    pod.metadata.name = Some(format!("{name}-exec-1"));
    pod.metadata.namespace = None;
    pod.metadata.labels.get_or_insert_default().extend(labels.into_iter().chain(given));
    let annotations = below(properties, "spark.kubernetes.executor.annotation.");
    pod.metadata.annotations.get_or_insert_default().extend(annotations);
    let spec = pod.spec.get_or_insert_default();
    let own =
        get("spark.kubernetes.executor.podTemplateContainerName").unwrap_or(EXECUTOR_CONTAINER);
    let at = spec.containers.iter().position(|container| container.name == own).unwrap_or(0);
    if spec.containers.is_empty() {
        spec.containers.push(Container::default());
    }
    let container = &mut spec.containers[at];
    if container.name.is_empty() {
        EXECUTOR_CONTAINER.clone_into(&mut container.name);
    }
    container.image_pull_policy =
        get("spark.kubernetes.container.image.pullPolicy").map(str::to_owned);
    container.image = get("spark.kubernetes.executor.container.image")
        .or(get("spark.kubernetes.container.image"))
        .map(str::to_owned);
    let template = container.resources.take().unwrap_or_default();
    container.resources = Some(resources(properties, template));
    spec.restart_policy = Some("Never".to_owned());
    of_cluster(properties, spec);
    Some(pod)
}

/// Account, scheduler, selector and pull secrets.
fn of_cluster(properties: &Properties, spec: &mut PodSpec) {
    let get = |key: &str| properties.get(key).cloned();
    let account = get("spark.kubernetes.authenticate.executor.serviceAccountName");
    // Spark keeps that of a template.
    spec.service_account_name = spec.service_account_name.take().or(account);
    let scheduler = get("spark.kubernetes.executor.scheduler.name");
    let scheduler = scheduler.or(get("spark.kubernetes.scheduler.name"));
    spec.scheduler_name = scheduler.or(spec.scheduler_name.take());
    let selector = below(properties, "spark.kubernetes.node.selector.");
    let selector = selector.chain(below(properties, "spark.kubernetes.executor.node.selector."));
    spec.node_selector.get_or_insert_default().extend(selector);
    if let Some(secrets) = get("spark.kubernetes.container.image.pullSecrets") {
        let secret = |name: &str| LocalObjectReference { name: name.trim().to_owned() };
        spec.image_pull_secrets = Some(secrets.split(',').map(secret).collect());
    }
}

/// The resources that Spark asks for, over those of a template.
fn resources(properties: &Properties, mut template: ResourceRequirements) -> ResourceRequirements {
    let get = |key: &str| properties.get(key).map(String::as_str);
    let factor = get("spark.executor.memoryOverheadFactor")
        .or(get("spark.kubernetes.memoryOverheadFactor"))
        .and_then(|factor| factor.parse().ok())
        .unwrap_or(0.1);
    let overhead = get("spark.executor.memoryOverhead");
    let memory = memory(get("spark.executor.memory"), overhead, factor);
    let memory = Quantity(format!("{memory}Mi"));
    let cpu = get("spark.kubernetes.executor.request.cores").or(get("spark.executor.cores"));
    let requests = template.requests.get_or_insert_default();
    requests.insert("memory".to_owned(), memory.clone());
    requests.insert("cpu".to_owned(), Quantity(cpu.unwrap_or("1").to_owned()));
    let limits = template.limits.get_or_insert_default();
    limits.insert("memory".to_owned(), memory);
    if let Some(limit) = get("spark.kubernetes.executor.limit.cores") {
        limits.insert("cpu".to_owned(), Quantity(limit.to_owned()));
    }
    template
}

/// The settings below a prefix, without it.
fn below(properties: &Properties, prefix: &str) -> impl Iterator<Item = (String, String)> {
    let named = |(key, value): (&String, &String)| {
        Some((key.strip_prefix(prefix)?.to_owned(), value.clone()))
    };
    properties.iter().filter_map(named).collect::<Vec<_>>().into_iter()
}

/// The beginning of executors' names (`KubernetesConf.getResourceNamePrefix`): the name of the
/// application in letters, digits and `-`, and a unique part.
fn name_prefix(properties: &Properties) -> String {
    if let Some(prefix) = properties.get("spark.kubernetes.executor.podNamePrefix") {
        return prefix.clone();
    }
    let app = properties.get("spark.app.name").map_or("spark", String::as_str);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let parts: String = app.trim().chars().map(plain).collect();
    let parts = parts.split('-').filter(|part| !part.is_empty());
    parts.chain(["0123456789abcdef"]).collect::<Vec<_>>().join("-")
}

/// The application's name as a label, of at most 63 characters (`KubernetesConf.getAppNameLabel`).
fn app_label(prefix: &str) -> String {
    let name = prefix.trim_end_matches("-0123456789abcdef");
    let label: String = name.chars().take(63).collect();
    label.trim_end_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(all: &[(&str, &str)]) -> Properties {
        all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn executor_pod_of(properties: &Properties) -> Option<Pod> {
        executor_pod(properties, None)
    }

    #[test]
    fn a_rendered_template_is_the_base_wherever_its_file_will_be() {
        let rendered = serde_json::json!({ "spec": { "priorityClassName": "high", "containers": [
            { "name": EXECUTOR_CONTAINER, "env": [{ "name": "A", "value": "1" }] }] } });
        let rendered = serde_json::from_value(rendered).expect("a pod");
        let key = "spark.kubernetes.executor.podTemplateFile";
        let pod = executor_pod(&properties(&[(key, "/in/a/pod.json")]), Some(Box::new(rendered)));
        let spec = pod.expect("a pod").spec.expect("a specification");
        assert_eq!(spec.priority_class_name.as_deref(), Some("high"));
        assert!(spec.containers.len() == 1 && spec.containers[0].env.is_some());
    }

    #[test]
    fn the_pod_is_what_spark_would_ask_for() {
        let pod = executor_pod_of(&properties(&[
            ("spark.app.name", "My App!"),
            ("spark.executor.memory", "512m"),
            ("spark.kubernetes.executor.request.cores", "300m"),
            ("spark.kubernetes.executor.limit.cores", "1"),
            ("spark.kubernetes.container.image", "i:1"),
            ("spark.kubernetes.executor.label.team", "a"),
            ("spark.kubernetes.executor.annotation.note", "b"),
            ("spark.kubernetes.node.selector.pool", "p"),
            ("spark.kubernetes.scheduler.name", "volcano"),
            ("spark.kubernetes.authenticate.executor.serviceAccountName", "spark"),
        ]));
        insta::assert_json_snapshot!(pod.expect("a pod"));
    }

    #[test]
    fn a_long_name_is_a_short_label() {
        let pod = executor_pod_of(&properties(&[("spark.app.name", &"long".repeat(40))]));
        let labels = pod.expect("a pod").metadata.labels.expect("labels");
        assert_eq!(labels["spark-app-name"].len(), 63);
    }

    #[test]
    fn a_template_is_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("x.yaml");
        let yaml = "spec:\n  priorityClassName: high\n  containers:\n  - name: mine\n    resources:\n      limits: {nvidia.com/gpu: 1}\n";
        std::fs::write(&file, yaml).expect("written");
        let key = "spark.kubernetes.executor.podTemplateFile";
        let pod =
            executor_pod_of(&properties(&[(key, &file.display().to_string())])).expect("read");
        let spec = pod.spec.expect("a specification");
        assert_eq!(spec.priority_class_name.as_deref(), Some("high"));
        let [container] = &*spec.containers else { panic!("{:?}", spec.containers) };
        assert_eq!(container.name, "mine");
        let limits = container.resources.as_ref().and_then(|all| all.limits.as_ref());
        let names: Vec<&String> = limits.expect("limits").keys().collect();
        assert_eq!(names, ["memory", "nvidia.com/gpu"]);
        assert!(executor_pod_of(&properties(&[(key, "/nowhere.yaml")])).is_none());
        let key = "spark.kubernetes.executor.podNamePrefix";
        assert!(executor_pod_of(&properties(&[(key, "My_Prefix")])).is_none());
    }
}
