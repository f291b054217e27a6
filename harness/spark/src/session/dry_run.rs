//! What can be known before Spark starts: a dry run of an executor's pod (what admission refuses is
//! then known in a second, in the API server's own structured words), and whether quotas and nodes
//! have room for all executors.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, Container, LocalObjectReference, Pod, PodSpec, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::PostParams;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Cause;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::SparkVersion;
use sparkproof_judge::diagnosis::{
    Asked, Ends, Evidence, Finding, PlannedClaim, Surroundings, diagnose, findings,
};
use sparkproof_kubernetes::access::Access;
use sparkproof_kubernetes::facts;
use sparkproof_kubernetes::observe::Pods;

use super::evidence::{self, Place};
use super::size::memory;
use super::template::EXECUTOR_CONTAINER;

/// Seconds for which what may heal is tried again, e.g. a quota that pods use which are ending.
const PATIENCE: u64 = 5;

type Properties = BTreeMap<String, String>;
type Held = Looked<BTreeMap<String, BTreeMap<String, String>>>;

/// A session that is about to start.
pub(super) struct Before<'a> {
    pub(super) context: &'a Context,
    pub(super) access: &'a Access,
    /// Where it will be, by the cluster's own client: the account may see less.
    pub(super) place: &'a Place,
    pub(super) pods: &'a Pods,
    pub(super) asked: &'a Asked,
    pub(super) version: &'a SparkVersion,
    pub(super) properties: &'a Properties,
    /// The executors' template, if sparkproof rendered one.
    pub(super) template: Option<&'a Pod>,
    /// The driver's pod, if it is in one.
    pub(super) driver_pod: Option<&'a str>,
    /// The name of the session, below which its evidence is written.
    pub(super) name: &'a str,
}

impl Before<'_> {
    /// Tries to create an executor's pod and their ConfigMap, as the account, and counts the room for
    /// all executors. What cannot be tried or listed is accepted.
    ///
    /// # Errors
    /// Red with a [`sparkproof_base::verdict::Diagnosis`]: it cannot start, and a rule knows the
    /// cause; the evidence is then in the run directory. Interrupted.
    pub(super) async fn accepted(&self) -> Result<()> {
        match self.refused().await? {
            Some(evidence) => Err(failed(self.context, self.place, self.name, evidence).await),
            None => Ok(()),
        }
    }

    async fn refused(&self) -> Result<Option<Evidence>> {
        let pod = executor_pod(self.properties, self.template);
        let (Ok(client), Some(pod)) = (self.access.client().await, pod) else {
            return Ok(None);
        };
        let around = self.context.cancel.guard(async { Ok(self.around().await) }).await?;
        let (mut held, mut last) = (None, None);
        let waiting = Waiting::up_to(PATIENCE, "a dry run of an executor's pod");
        let tried = wait(self.context, waiting, Source::Backoff, async || {
            let evidence = self.look(&client, &pod, &around, &mut held).await;
            let found = findings(&evidence);
            let finals = || {
                found.iter().filter(|finding| {
                    is_final(finding, evidence.refusals.iter().map(|one| &*one.message))
                })
            };
            let at_once = finals().any(|finding| finding.ends == Ends::AtOnce);
            match finals().next() {
                Some(_) if at_once => Progress::Met(Some(evidence)),
                Some(first) => {
                    let words = format!("{}: {}", first.cause, first.says);
                    last = Some(evidence);
                    Progress::NotYet(words)
                }
                None => Progress::Met(None),
            }
        });
        match tried.await {
            Ok(refused) => Ok(refused),
            Err(error) if error.is_interruption() => Err(error),
            // A quota that pods use which are ending.
            Err(_) if self.pods.any_leaves() => Ok(None),
            Err(_) => Ok(last),
        }
    }

    /// What there is around it, within the time of a list.
    async fn around(&self) -> Surroundings {
        let listed = facts::around(&self.place.client, &self.place.namespace, &[]);
        tokio::time::timeout(evidence::AROUND, listed).await.unwrap_or_default()
    }

    /// One dry run, with what is planned: the pod as admission made it, if it did.
    /// `held` is listed once.
    async fn look(
        &self,
        client: &kube::Client,
        pod: &Pod,
        around: &Surroundings,
        held: &mut Option<Held>,
    ) -> Evidence {
        let parameters = PostParams { dry_run: true, ..PostParams::default() };
        let (pods, maps) = (
            Api::<Pod>::namespaced(client.clone(), &self.access.namespace),
            Api::<ConfigMap>::namespaced(client.clone(), &self.access.namespace),
        );
        let map = config_map(self.properties, self.version);
        let (made, mapped) = tokio::join!(pods.create(&parameters, pod), async {
            match &map {
                Some(map) => maps.create(&parameters, map).await.err(),
                None => None,
            }
        });
        let mut refusals = Vec::new();
        let mut refused = |error: Option<&kube::Error>, request: &str| {
            if let Some(kube::Error::Api(status)) = error {
                refusals.push(facts::refusal(status, request));
            }
        };
        // The last one is judged first, and without a pod the map does not matter.
        refused(mapped.as_ref(), "create configmaps (dry run)");
        refused(made.as_ref().err(), "create pods (dry run)");
        let admitted = made.as_ref().unwrap_or(pod);
        let priority = admitted.spec.as_ref().and_then(|spec| spec.priority).unwrap_or_default();
        let driver = self.driver_pod.and_then(|name| self.pods.get(name));
        let beside: Vec<Pod> = driver.iter().map(|pod| (**pod).clone()).collect();
        let claims = claims(self.properties);
        let mut planned = facts::planned(admitted, self.asked.executors, claims, &beside);
        planned.held = match held {
            Some(held) => held.clone(),
            None => held.insert(facts::held(&self.place.client, priority).await).clone(),
        };
        Evidence {
            asked: self.asked.clone(),
            refusals,
            around: around.clone(),
            planned: Some(planned),
            ..Evidence::default()
        }
    }
}

/// The error of a session that cannot start, whose evidence is then in the run directory.
async fn failed(context: &Context, place: &Place, name: &str, evidence: Evidence) -> Error {
    let around = evidence.around.clone();
    let evidence = evidence::complete(context, place, evidence).await;
    // What was judged.
    let evidence = Evidence { around, ..evidence };
    evidence::record(context, name, &evidence);
    diagnose(&evidence).error("the executors cannot be made")
}

/// Whether Spark's own pod would be refused, too. Permissions are checked, and explained, by what
/// needs them; a volume of the configuration is not in this pod.
fn is_final<'a>(finding: &Finding, mut messages: impl Iterator<Item = &'a str>) -> bool {
    let of_volume = finding.cause == Cause::InvalidPod
        && messages.any(|words| words.contains("olumeMounts") && words.contains("Not found"));
    finding.cause != Cause::MissingVerb && finding.ends != Ends::AtDeadline && !of_volume
}

/// An executor's pod as Spark would make it (`BasicExecutorFeatureStep`), as far as admission looks
/// at it; `None` if its name is not valid or its template cannot be read, which Spark itself says
/// best. `rendered` is sparkproof's template, which is not at its path here if the driver is in a pod.
fn executor_pod(properties: &Properties, rendered: Option<&Pod>) -> Option<Pod> {
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
        (Some(rendered), _) => rendered.clone(),
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

/// The ConfigMap that a driver in client mode makes for its executors since Spark 3.1
/// (`KubernetesClusterSchedulerBackend.setUpExecutorConfigMap`), without its content.
fn config_map(properties: &Properties, version: &SparkVersion) -> Option<ConfigMap> {
    let disabled = properties.get("spark.kubernetes.executor.disableConfigMap");
    if version.minor() < (3, 1) || disabled.is_some_and(|value| value == "true") {
        return None;
    }
    let mut map = ConfigMap::default();
    map.metadata.name = Some("spark-exec-0123456789abcdef-conf-map".to_owned());
    let app = properties.get("spark.app.id").map_or("spark-0123456789abcdef", String::as_str);
    let labels = [("spark-app-selector", app), ("spark-role", "executor")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    map.metadata.labels = Some(labels.into());
    Some(map)
}

/// The claims that Spark makes for each executor: those of volumes on demand
/// (`MountVolumesFeatureStep`).
fn claims(properties: &Properties) -> Vec<PlannedClaim> {
    let prefix = "spark.kubernetes.executor.volumes.persistentVolumeClaim.";
    let on_demand = below(properties, prefix).filter_map(|(key, value)| {
        let volume = key.strip_suffix(".options.claimName")?.to_owned();
        value.eq_ignore_ascii_case("OnDemand").then_some(volume)
    });
    let option = |volume: &str, name: &str| {
        properties.get(&format!("{prefix}{volume}.options.{name}")).cloned().unwrap_or_default()
    };
    on_demand
        .map(|volume| PlannedClaim {
            class: option(&volume, "storageClass"),
            size: option(&volume, "sizeLimit"),
        })
        .collect()
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
    use rstest::rstest;

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
        let rendered: Pod = serde_json::from_value(rendered).expect("a pod");
        let key = "spark.kubernetes.executor.podTemplateFile";
        let pod = executor_pod(&properties(&[(key, "/in/a/pod.json")]), Some(&rendered));
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

    #[tokio::test]
    async fn a_refusal_leaves_its_evidence() {
        use http::{Request, Response};
        use kube::client::Body;
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let body = r#"{"status":"Failure","code":403,"reason":"Forbidden","message":"no"}"#;
                let answer =
                    Response::builder().status(403).body(Body::from(body.as_bytes().to_vec()));
                reply.send_response(answer.expect("valid"));
            }
        });
        let (context, keep) = sparkproof_base::testing::test_context();
        let place = Place { client: kube::Client::new(service, "n"), namespace: "n".into() };
        let message = r#"pods "x-exec-1" is forbidden: no PriorityClass with name high was found"#;
        let refusal = sparkproof_judge::diagnosis::Refusal {
            code: 403,
            message: message.into(),
            request: "create pods (dry run)".into(),
            ..Default::default()
        };
        let evidence = Evidence { refusals: vec![refusal], ..Evidence::default() };
        let error = failed(&context, &place, "session-1", evidence).await;
        let named = sparkproof_base::verdict::Diagnosis::from_error(&error).map(|one| one.cause);
        assert_eq!(named, Some(Cause::ClassMissing));
        let written = keep.path().join("run/session-1/evidence.json");
        let written = std::fs::read_to_string(written).expect("written");
        let written: Evidence = serde_json::from_str(&written).expect("evidence");
        assert_eq!(diagnose(&written).cause, Cause::ClassMissing);
    }

    #[test]
    fn claims_on_demand_are_made_for_each_executor() {
        let prefix = "spark.kubernetes.executor.volumes.persistentVolumeClaim.data";
        let of = |name: &str| format!("{prefix}.options.{name}");
        let all = [(&*of("claimName"), "OnDemand"), (&*of("sizeLimit"), "1Gi")];
        let claim = PlannedClaim { class: String::new(), size: "1Gi".into() };
        assert_eq!(claims(&properties(&all)), [claim]);
        assert_eq!(claims(&properties(&[(&*of("claimName"), "mine")])), []);
    }

    #[rstest]
    #[case("3.0.3", &[], false)]
    #[case("3.1.3", &[], true)]
    #[case("4.0.1", &[("spark.kubernetes.executor.disableConfigMap", "true")], false)]
    fn executors_have_a_config_map(
        #[case] version: &str,
        #[case] set: &[(&str, &str)],
        #[case] made: bool,
    ) {
        let version = version.parse().expect("a version");
        assert_eq!(config_map(&properties(set), &version).is_some(), made);
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
