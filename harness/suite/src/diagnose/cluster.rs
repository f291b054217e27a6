//! Applications in a namespace of a cluster. Everything is read, nothing written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::{AsyncReadExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, Pod};
use k8s_openapi::api::rbac::v1::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, LogParams};
use kube::{Api, Client, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::{Looked, Secrets};
use sparkproof_judge::CUT_OUT;
use sparkproof_judge::diagnosis::ApplicationRun;
use sparkproof_kubernetes::access::{Rule, policy};
use sparkproof_kubernetes::cluster::{Via, answers, client_of};
use sparkproof_kubernetes::facts::{self, Listed};
use sparkproof_kubernetes::removal::bounded;

use super::application::{groups, is_active, names, phase, without_pods};
use super::diagnosed::Diagnosed;
use super::material::{Group, Material};
use super::properties::{conf_of, map_of};
use super::rest;
use super::wanted::Wanted;

/// The beginning of a log that is read.
const HEAD_BYTES: i64 = 256 << 10;
/// Lines of its end.
const TAIL_LINES: i64 = 2_000;
/// Executors of an application whose logs are read, those that failed first.
const LOGS: usize = 100;
/// Logs that are read at a time.
const AT_ONCE: usize = 8;

/// A namespace of somebody else's cluster.
#[derive(Debug, Clone)]
pub struct ForeignCluster {
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    /// Context of the kubeconfig; `None` for the current one.
    pub context: Option<String>,
    /// The namespace.
    pub namespace: String,
}

const fn rule(resource: &'static str, verb: &'static str) -> Rule {
    Rule { resource, verb }
}

/// What is read in the namespace. Only the first is necessary.
const RULES: [Rule; 10] = [
    rule("pods", "list"),
    rule("pods/log", "get"),
    rule("pods/proxy", "get"),
    rule("events", "list"),
    rule("configmaps", "get"),
    rule("serviceaccounts", "list"),
    rule("resourcequotas", "list"),
    rule("limitranges", "list"),
    rule("persistentvolumeclaims", "list"),
    rule("networkpolicies.networking.k8s.io", "list"),
];

/// The Role that is enough in the namespace. docs/diagnosing.md shows it.
pub fn role(name: &str, namespace: &str) -> Role {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    };
    Role { metadata, rules: Some(policy(RULES)) }
}

/// Diagnoses the applications of a namespace.
///
/// # Errors
/// Bad input: the kubeconfig cannot be used; there is no such namespace or application. Environment:
/// the cluster does not answer, or pods may not be listed.
pub async fn of_cluster(
    context: &Context,
    place: &ForeignCluster,
    wanted: &Wanted,
) -> Result<Vec<Diagnosed>> {
    let client = client_of(&place.kubeconfig, place.context.as_deref(), Via::AsKubectl).await?;
    context.cancel.guard(diagnosed(context, client, place, wanted)).await
}

async fn diagnosed(
    context: &Context,
    client: Client,
    place: &ForeignCluster,
    wanted: &Wanted,
) -> Result<Vec<Diagnosed>> {
    let namespace = &place.namespace;
    let pods = pods(context, &client, place).await?;
    let now = Timestamp::now();
    let events = Api::<Event>::namespaced(client.clone(), namespace);
    let everything = ListParams::default();
    let events = facts::looked(events.list(&everything).await.map(|list| list.items));
    let mut found = groups(pods);
    let without = without_pods(&found, events.seen().into_iter().flatten());
    found.extend(without);
    let all = found.len();
    found.retain(|group| wanted.since.is_none_or(|since| is_active(group, since, now)));
    if found.is_empty() && all == 0 {
        exists(&client, namespace).await?;
    }
    let found = wanted.pick(found, &format!("namespace {namespace}"), names)?;
    let listed = Listed::list(&client, namespace).await;
    let mut material = Material { now, events, listed, ..Material::default() };
    let secrets = context.recorder.secrets();
    for group in &found {
        read(&client, group, &mut material).await;
        material.know(&group.id, wanted);
        if wanted.run.is_none() {
            let figures = figures(&client, group, &material, secrets).await;
            material.runs.insert(group.id.clone(), figures);
        }
    }
    found.iter().map(|group| Diagnosed::of_group(group, &material, secrets)).collect()
}

/// Spark's pods of the namespace.
async fn pods(context: &Context, client: &Client, place: &ForeignCluster) -> Result<Vec<Pod>> {
    let api: Api<Pod> = Api::namespaced(client.clone(), &place.namespace);
    let selector = ListParams::default().labels("spark-role in (driver,executor)");
    let listed = bounded(async { Ok(api.list(&selector).await) }).await;
    match listed {
        Ok(Ok(list)) => Ok(list.items),
        Ok(Err(kube::Error::Api(status))) => {
            let error = Error::environment(format!("listing pods: {}", status.message));
            Err(error
                .remedy("the Role of docs/diagnosing.md is enough; of it, list pods is necessary"))
        }
        other => {
            // It says best why a cluster does not answer.
            let named = (place.kubeconfig.as_path(), place.context.as_deref());
            answers(context, client, named, Via::AsKubectl).await?;
            let why = match other {
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
                Ok(Ok(_)) => String::new(),
            };
            Err(Error::environment(format!("listing pods: {why}")))
        }
    }
}

/// A namespace without pods may not exist: the API server lists them all the same.
async fn exists(client: &Client, namespace: &str) -> Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    match bounded(async { Ok(api.get_opt(namespace).await) }).await? {
        Ok(None) => Err(Error::input(format!("there is no namespace {namespace}"))),
        // Who may not see it cannot know.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Reads logs and configuration of an application.
async fn read(client: &Client, group: &Group, material: &mut Material) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &group.namespace);
    let mut executors: Vec<&Pod> = group.executors.iter().collect();
    executors.sort_by_key(|pod| phase(pod) == "Running");
    let wanted = group.driver.iter().chain(executors.into_iter().take(LOGS));
    let started: Vec<&Pod> = wanted.filter(|pod| facts::has_started(pod)).collect();
    let read = started.into_iter().map(|pod| {
        let pods = pods.clone();
        async move { (pod.name_any(), facts::looked(log(&pods, pod).await)) }
    });
    let logs: BTreeMap<_, _> =
        futures::stream::iter(read).buffer_unordered(AT_ONCE).collect().await;
    material.logs.extend(logs);
    for pod in &group.executors {
        if facts::has_started(pod) && !material.logs.contains_key(&pod.name_any()) {
            let why = format!("the logs of {LOGS} executors were read, those that ended first");
            material.logs.insert(pod.name_any(), Looked::Unseen(why));
        }
    }
    if let Some(name) = group.driver.as_ref().and_then(map_of) {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &group.namespace);
        let map = facts::looked(maps.get(&name).await);
        material.maps.insert(name, map);
    }
}

/// The log of Spark's container, of its previous instance first.
async fn log(api: &Api<Pod>, pod: &Pod) -> kube::Result<String> {
    let container = facts::sparks_container(pod).map(str::to_owned);
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let restarted = statuses
        .into_iter()
        .any(|status| Some(&status.name) == container.as_ref() && status.restart_count > 0);
    let name = pod.name_any();
    let mut log = String::new();
    if restarted {
        // The node may have removed it already.
        log += &instance(api, &name, container.clone(), true).await.unwrap_or_default();
    }
    log += &instance(api, &name, container, false).await?;
    Ok(log)
}

/// Beginning and end of a log.
async fn instance(
    api: &Api<Pod>,
    name: &str,
    container: Option<String>,
    previous: bool,
) -> kube::Result<String> {
    let whole = LogParams { container, previous, ..LogParams::default() };
    let head = LogParams { limit_bytes: Some(HEAD_BYTES), ..whole.clone() };
    let bytes = part(api, name, &head).await?;
    let mut log = String::from_utf8_lossy(&bytes).into_owned();
    if i64::try_from(bytes.len()).is_ok_and(|length| length >= HEAD_BYTES) {
        let tail = LogParams { tail_lines: Some(TAIL_LINES), ..whole };
        log = joined(&log, &String::from_utf8_lossy(&part(api, name, &tail).await?));
    }
    Ok(log)
}

/// A part of a log. It is bytes: a limit may cut a character.
async fn part(api: &Api<Pod>, name: &str, parameters: &LogParams) -> kube::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut log = std::pin::pin!(api.log_stream(name, parameters).await?);
    log.read_to_end(&mut bytes).await.map_err(kube::Error::ReadEvents)?;
    Ok(bytes)
}

/// The two parts of a log, which may overlap.
fn joined(head: &str, tail: &str) -> String {
    // Its last line may be cut.
    let head = head.rfind('\n').map_or("", |at| &head[..=at]);
    let mut lines = std::iter::once(0).chain(head.match_indices('\n').map(|(at, _)| at + 1));
    match lines.find(|at| *at < head.len() && tail.starts_with(&head[*at..])) {
        Some(at) => format!("{}{tail}", &head[..at]),
        None => format!("{head}{CUT_OUT}\n{tail}"),
    }
}

/// What Spark's REST API says of an application whose driver runs.
async fn figures(
    client: &Client,
    group: &Group,
    material: &Material,
    secrets: &Secrets,
) -> Looked<ApplicationRun> {
    let Some(driver) = group.driver.as_ref().filter(|driver| phase(driver) == "Running") else {
        let why =
            "Spark answers only while the driver's pod runs; an event log (--event-log) has them";
        return Looked::Unseen(why.to_owned());
    };
    let map = map_of(driver).and_then(|name| material.maps.get(&name)).and_then(Looked::seen);
    let port = map.and_then(|map| conf_of(map, secrets).remove("spark.ui.port"));
    let port = port.filter(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let port = port.as_deref().unwrap_or(rest::PORT);
    match rest::figures(client, &group.namespace, &driver.name_any(), port).await {
        Ok(run) => Looked::Seen(run),
        Err(why) => Looked::Unseen(why),
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use sparkproof_base::error::Exit;
    use sparkproof_base::testing::test_context;

    use super::*;

    const PAGE: &str = include_str!("../../../../docs/diagnosing.md");

    #[test]
    fn the_page_shows_the_role_as_it_is() {
        let yaml = serde_saphyr::to_string(&role("sparkproof-diagnose", "team")).expect("YAML");
        assert!(PAGE.contains(&format!("```yaml\n{yaml}")), "the page should show:\n{yaml}");
    }

    #[test]
    fn a_long_log_is_joined() {
        assert_eq!(joined("a\nb\nc\nd", "c\nd\ne\n"), "a\nb\nc\nd\ne\n");
        assert_eq!(joined("a\nb\nc", "a\nb\nc\nd\n"), "a\nb\nc\nd\n");
        assert_eq!(joined("a\nb\ncut", "x\ny\n"), format!("a\nb\n{CUT_OUT}\nx\ny\n"));
    }

    /// An API server that answers paths with these, and refuses all others.
    fn api(answers: Vec<(&'static str, Value)>) -> Client {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((request, reply)) = handle.next_request().await {
                let path = request.uri().path().to_owned();
                assert_eq!(request.method(), "GET", "nothing is written: {path}");
                let answer = answers.iter().find(|(known, _)| path == *known);
                let (code, text) = match answer {
                    Some((_, Value::String(log))) => (200, log.clone()),
                    Some((_, value)) if value["kind"] == "Status" => {
                        (value["code"].as_u64().unwrap_or(500), value.to_string())
                    }
                    Some((_, value)) => (200, value.to_string()),
                    None => {
                        let message = format!("{path} is forbidden");
                        (
                            403,
                            json!({ "kind": "Status", "status": "Failure", "code": 403,
                                      "reason": "Forbidden", "message": message })
                            .to_string(),
                        )
                    }
                };
                let code = u16::try_from(code).unwrap_or(500);
                let body = Body::from(text.into_bytes());
                reply.send_response(Response::builder().status(code).body(body).expect("valid"));
            }
        });
        Client::new(service, "team")
    }

    fn place() -> ForeignCluster {
        ForeignCluster { kubeconfig: "none".into(), context: None, namespace: "team".into() }
    }

    async fn asked(answers: Vec<(&'static str, Value)>) -> Result<Vec<Diagnosed>> {
        let (context, _keep) = test_context();
        diagnosed(&context, api(answers), &place(), &Wanted::default()).await
    }

    const PODS: &str = "/api/v1/namespaces/team/pods";

    fn pod(name: &str, role: &str, end: &Value) -> Value {
        json!({ "metadata": { "name": name, "namespace": "team", "uid": name,
                "labels": { "spark-role": role, "spark-app-selector": "spark-1", "spark-exec-id": "1" } },
            "spec": { "containers": [{ "name": format!("spark-kubernetes-{role}"), "image": "i",
                "env": [{ "name": "DB_PASSWORD", "value": "geheim42" }] }] },
            "status": { "phase": end["phase"], "containerStatuses": [{
                "name": format!("spark-kubernetes-{role}"), "image": "i", "imageID": "", "ready": false,
                "restartCount": 0, "state": end["state"] }] } })
    }

    #[tokio::test]
    async fn an_application_is_diagnosed_with_what_may_be_read() {
        let killed = json!({ "phase": "Failed", "state": { "terminated": {
            "exitCode": 137, "reason": "OOMKilled" } } });
        let runs = json!({ "phase": "Running", "state": { "running": {} } });
        let found = asked(vec![
            (
                PODS,
                json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
                pod("pi-driver", "driver", &runs), pod("pi-exec-1", "executor", &killed) ] }),
            ),
            ("/api/v1/namespaces/team/pods/pi-exec-1/log", Value::from("java with geheim42\n")),
        ])
        .await
        .expect("diagnosed");
        let [one] = &*found else { panic!("{found:?}") };
        let cause = one.cause.as_ref().expect("a cause");
        assert_eq!(cause.cause, sparkproof_base::verdict::Cause::OutOfMemory, "{cause:?}");
        assert!(cause.remedy.contains("spark.executor.memory"), "{}", cause.remedy);
        let all = serde_json::to_string(one).expect("JSON");
        assert!(!all.contains("geheim42") && !all.contains("--executor"), "{all}");
        let unseen: Vec<&str> = one.unseen.iter().map(|unseen| &*unseen.what).collect();
        for what in ["log of pi-driver", "events", "quotas", "nodes", "figures for advice"] {
            assert!(unseen.contains(&what), "{what}: {unseen:?}");
        }
        assert!(!unseen.contains(&"log of pi-exec-1"), "{unseen:?}");
    }

    /// Its driver's pod is refused, so that only its Job's events tell of it.
    #[tokio::test]
    async fn an_application_without_any_pod_is_diagnosed_by_events() {
        let message = "Error creating: pods \"nightly-spark-x\" is forbidden: exceeded quota: team, \
                       requested: pods=1, used: pods=2, limited: pods=2";
        let event = |name: &str, message: &str| {
            json!({ "metadata": { "name": format!("{name}.1"), "namespace": "team" },
                    "involvedObject": { "kind": "Job", "name": name, "namespace": "team" },
                    "reason": "FailedCreate", "message": message, "type": "Warning", "count": 3 })
        };
        let events = json!({ "apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": [
            event("nightly-spark", message), event("backup", "Error creating: pods \"b\" is forbidden: x") ] });
        let found = asked(vec![
            (PODS, json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [] })),
            ("/api/v1/namespaces/team/events", events),
        ])
        .await
        .expect("diagnosed");
        let [one] = &*found else { panic!("{found:?}") };
        assert_eq!(one.application, "nightly-spark");
        let cause = one.cause.as_ref().expect("a cause");
        assert_eq!(cause.cause, sparkproof_base::verdict::Cause::QuotaExceeded, "{cause:?}");
    }

    /// As a limit of bytes cuts a log within a character.
    #[tokio::test]
    async fn a_log_that_is_cut_within_a_character_is_read() {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                reply.send_response(Response::new(Body::from(b"caf\xc3".to_vec())));
            }
        });
        let api: Api<Pod> = Api::namespaced(Client::new(service, "team"), "team");
        let log = instance(&api, "pi-driver", None, false).await.expect("read");
        assert!(log.starts_with("caf"), "{log}");
    }

    #[tokio::test]
    async fn who_may_not_list_pods_is_told_what_is_necessary() {
        let error = asked(Vec::new()).await.expect_err("forbidden");
        assert_eq!(error.exit, Exit::Environment);
        assert!(error.summary().contains("docs/diagnosing.md"), "{}", error.summary());
    }

    #[tokio::test]
    async fn no_namespace_and_no_application_are_bad_input() {
        let empty = || {
            (PODS, json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [] }))
        };
        let missing = json!({ "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound",
                              "message": "namespaces \"team\" not found" });
        let error = asked(vec![empty(), ("/api/v1/namespaces/team", missing)]).await;
        let error = error.expect_err("no namespace");
        assert_eq!((error.exit, &*error.what), (Exit::BadInput, "there is no namespace team"));
        let error = asked(vec![empty()]).await.expect_err("no application");
        assert_eq!(error.exit, Exit::BadInput);
        assert_eq!(error.what, "no Spark application in namespace team");
    }
}
