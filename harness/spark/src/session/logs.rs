//! Logs of executor pods, followed while the pods exist, since Spark deletes failed ones.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, ResourceExt};
use sparkproof_base::wait::Source;
use sparkproof_judge::{CUT_OUT, NOT_READ_ON};
use sparkproof_kubernetes::facts;
use sparkproof_kubernetes::observe::Pods;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// Bytes that are kept of the beginning and of the end of each log.
const HEAD_BYTES: usize = 16 << 10;
const TAIL_BYTES: usize = 64 << 10;
/// How often a log is reopened without a new line in between.
const REOPENED: u32 = 20;

type Logs = Arc<Mutex<BTreeMap<String, String>>>;

/// The logs of a session's executors, followed until this value is dropped.
#[derive(Debug)]
pub(super) struct PodLogs {
    logs: Logs,
    _task: AbortOnDropHandle<()>,
}

impl PodLogs {
    /// Follows every pod that `pick` chooses, from its first start.
    pub(super) fn follow(
        api: Api<Pod>,
        pods: &Pods,
        pick: impl Fn(&Pod) -> bool + Send + 'static,
    ) -> Self {
        let logs = Logs::default();
        let (pods, shared) = (pods.clone(), logs.clone());
        let task = tokio::spawn(async move {
            // By uid, since a StatefulSet creates a pod of the same name again.
            let mut followed = HashSet::new();
            let mut followers = JoinSet::new();
            let Source::Changes(mut changes) = pods.changes() else { return };
            loop {
                for (name, pod) in pods.now() {
                    let uid = pod.uid().unwrap_or_else(|| name.clone());
                    if pick(&pod) && facts::has_started(&pod) && followed.insert(uid) {
                        let container = sparks_container(&pod);
                        followers.spawn(follow_one(api.clone(), name, container, shared.clone()));
                    }
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        });
        PodLogs { logs, _task: AbortOnDropHandle::new(task) }
    }

    /// These logs.
    #[cfg(test)]
    pub(super) fn known(logs: BTreeMap<String, String>) -> Self {
        let _task = AbortOnDropHandle::new(tokio::spawn(async {}));
        PodLogs { logs: Arc::new(Mutex::new(logs)), _task }
    }

    /// The logs so far, by pod.
    pub(super) fn now(&self) -> BTreeMap<String, String> {
        self.of(|_| true)
    }

    /// The logs so far of the pods that `pick` chooses. Others are not copied, which counts where it
    /// is looked again and again.
    pub(super) fn of(&self, pick: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
        let Ok(logs) = self.logs.lock() else { return BTreeMap::new() };
        let picked = logs.iter().filter(|(pod, _)| pick(pod));
        picked.map(|(pod, log)| (pod.clone(), log.clone())).collect()
    }
}

async fn follow_one(api: Api<Pod>, name: String, container: Option<String>, logs: Logs) {
    let add = |text: &str| {
        let Ok(mut logs) = logs.lock() else { return false };
        let log = logs.entry(name.clone()).or_default();
        log.push_str(text);
        log.push('\n');
        shorten(log);
        true
    };
    let ended = each_line(&api, (&name, container.as_deref()), add).await;
    if let Err(error) = ended {
        add(&not_followed(&error));
    }
}

/// The end of a log whose rest could not be read, so that it does not look complete.
pub(super) fn not_followed(error: &kube::Error) -> String {
    format!("{NOT_READ_ON}: {error}]")
}

/// The name of Spark's container, where a log must name it: in a pod that has others.
pub(super) fn sparks_container(pod: &Pod) -> Option<String> {
    let others = pod.spec.as_ref()?.containers.len() > 1;
    facts::sparks_container(pod).filter(|_| others).map(str::to_owned)
}

/// Passes each line of the log of a pod's container (the only one if none is named) to `sink`, until
/// the container ends or `sink` returns false. A broken or silent connection (see
/// `cluster::client_of`) is reopened from the last line on.
///
/// # Errors
/// The log cannot be opened, or breaks repeatedly without a new line.
pub(super) async fn each_line(
    api: &Api<Pod>,
    (name, container): (&str, Option<&str>),
    mut sink: impl FnMut(&str) -> bool + Send,
) -> kube::Result<()> {
    let container = container.map(str::to_owned);
    let mut parameters =
        LogParams { follow: true, timestamps: true, container, ..LogParams::default() };
    let (mut last, mut broken) = (None, 0);
    loop {
        let mut lines = api.log_stream(name, &parameters).await?.lines();
        let error = loop {
            match lines.try_next().await {
                Ok(Some(line)) => {
                    let (at, text) = stamped(&line);
                    if at.is_some() && at <= parameters.since_time {
                        continue;
                    }
                    (last, broken) = (at, 0);
                    if !sink(text) {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => break error,
            }
        };
        parameters.since_time = last;
        broken += 1;
        if broken > REOPENED {
            return Err(kube::Error::ReadEvents(error));
        }
    }
}

/// A line of a log and its time, which the API server puts before it.
fn stamped(line: &str) -> (Option<jiff::Timestamp>, &str) {
    let found = line.split_once(' ').and_then(|(at, text)| Some((at.parse().ok()?, text)));
    found.map_or((None, line), |(at, text)| (Some(at), text))
}

/// Cuts the middle out of a long log.
fn shorten(log: &mut String) {
    if log.len() <= HEAD_BYTES + 2 * TAIL_BYTES {
        return;
    }
    let boundary = |mut at: usize| {
        while !log.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (head, tail) = (boundary(HEAD_BYTES), boundary(log.len() - TAIL_BYTES));
    log.replace_range(head..tail, &format!("\n{CUT_OUT}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_head_and_its_tail() {
        let mut log = format!("first\n{}last\n", "é".repeat(TAIL_BYTES + HEAD_BYTES));
        shorten(&mut log);
        assert!(log.starts_with("first\n") && log.ends_with("last\n") && log.contains("[…]"));
        assert!(log.len() < HEAD_BYTES + TAIL_BYTES + 16);
    }

    #[test]
    fn of_several_containers_sparks_is_read() {
        let pod = |names: &[&str]| -> Pod {
            let containers: Vec<_> =
                names.iter().map(|name| serde_json::json!({ "name": name })).collect();
            let spec = serde_json::json!({ "spec": { "containers": containers } });
            serde_json::from_value(spec).expect("a pod")
        };
        let of = |names: &[&str]| sparks_container(&pod(names));
        assert_eq!(of(&["mine"]), None);
        let mesh = of(&["istio-proxy", "spark-kubernetes-executor"]);
        assert_eq!(mesh.as_deref(), Some("spark-kubernetes-executor"));
        assert_eq!(of(&["mine", "logs"]).as_deref(), Some("mine"));
    }

    /// An API server that has two lives of one pod, of which each prints its own line; the second
    /// one's log cannot be read.
    #[tokio::test]
    async fn the_second_life_of_a_pod_is_heard_too_and_what_cannot_be_read_says_so() {
        use http::{Request, Response};
        use kube::client::Body;
        use serde_json::json;
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let pod = |uid: &str, resource: &str| {
            let pod = json!({ "apiVersion": "v1", "kind": "Pod",
                "metadata": { "name": "s-0", "namespace": "n", "uid": uid, "resourceVersion": resource },
                "status": { "containerStatuses": [{ "name": "c", "image": "i", "imageID": "",
                    "ready": true, "restartCount": 0, "state": { "running": {} } }] } });
            pod
        };
        let (first, second) = (pod("a", "1"), pod("b", "2"));
        tokio::spawn(async move {
            let (mut watches, mut read) = (0, 0);
            while let Some((request, reply)) = handle.next_request().await {
                let (path, query) =
                    (request.uri().path(), request.uri().query().unwrap_or_default());
                let (code, text) = match (path.ends_with("/log"), query.contains("watch=true")) {
                    (true, _) => {
                        read += 1;
                        match read {
                            1 => (200, "2026-11-30T07:00:00.1Z I am the first\n".to_owned()),
                            _ => (500, json!({ "status": "Failure", "code": 500 }).to_string()),
                        }
                    }
                    (_, true) => {
                        watches += 1;
                        if watches > 1 {
                            // Open, and nothing happens.
                            std::mem::forget(reply);
                            continue;
                        }
                        let deleted = json!({ "type": "DELETED", "object": first });
                        let added = json!({ "type": "ADDED", "object": second });
                        (200, format!("{deleted}\n{added}\n"))
                    }
                    _ => {
                        let list =
                            json!({ "metadata": { "resourceVersion": "1" }, "items": [first] });
                        (200, list.to_string())
                    }
                };
                let body = Body::from(text.into_bytes());
                reply.send_response(Response::builder().status(code).body(body).expect("valid"));
            }
        });
        let (context, _keep) = sparkproof_base::testing::test_context();
        let client = kube::Client::new(service, "n");
        let pods = Pods::watch(client.clone(), "n", None, context.recorder.clone());
        let logs = PodLogs::follow(Api::namespaced(client, "n"), &pods, |_| true);
        let waiting = sparkproof_base::wait::Waiting::up_to(20, "both logs");
        let heard = sparkproof_base::wait::wait(&context, waiting, Source::Backoff, async || {
            match logs.now().remove("s-0").unwrap_or_default() {
                log if log.contains("could not read") => sparkproof_base::wait::Progress::Met(log),
                log => sparkproof_base::wait::Progress::NotYet(log),
            }
        });
        let log = heard.await.expect("heard");
        assert!(log.starts_with("I am the first\n[sparkproof could not read on: "), "{log}");
    }
}
