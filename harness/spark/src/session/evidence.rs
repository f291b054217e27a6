//! Evidence about a session or application that failed, collected while its objects exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::Looked;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_judge::diagnosis::{DriverFacts, EventFacts, Evidence, PodFacts, Surroundings};
use sparkproof_kubernetes::facts as of;
use sparkproof_kubernetes::observe::Pods;

use tokio::time::timeout;

use super::agreement::is_of;
use super::logs::PodLogs;
use super::protocol::{DriverError, DriverGone};

/// How long the listing of what is around the pods may take.
pub(super) const AROUND: Duration = Duration::from_secs(10);

/// The file, in a session's directory, of what was observed of it before it was stopped.
pub const ENDED: &str = "ended.json";

/// Where a session's objects are.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) client: kube::Client,
    pub(super) namespace: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Place {
    /// Events of the namespace, and what is around these pods.
    pub(super) async fn list(&self, pods: &[PodFacts]) -> (Looked<Vec<EventFacts>>, Surroundings) {
        let (events, around) = tokio::join!(
            of::events(&self.client, &self.namespace),
            of::around(&self.client, &self.namespace, pods),
        );
        (of::looked(events), around)
    }

    /// The same, once it can be had: tried for a few seconds, also during an interruption.
    async fn list_at_last(
        &self,
        context: &Context,
        pods: &[PodFacts],
    ) -> (Looked<Vec<EventFacts>>, Surroundings) {
        let context = context.for_teardown();
        let waiting = Waiting::up_to(5, "the namespace's events");
        let listed: Result<_> =
            wait(&context, waiting, Source::Backoff, async || {
                match of::events(&self.client, &self.namespace).await {
                    Ok(events) => Progress::Met(events),
                    Err(kube::Error::Api(status)) if status.is_forbidden() => {
                        Progress::Never(Error::environment(status.message.clone()))
                    }
                    Err(e) => Progress::NotYet(e.to_string()),
                }
            })
            .await;
        let around = of::around(&self.client, &self.namespace, pods);
        let listed = match listed {
            Ok(events) => Looked::Seen(events),
            Err(error) => Looked::Unseen(error.to_string()),
        };
        (listed, timeout(AROUND, around).await.unwrap_or_default())
    }
}

/// The facts of pods, with their logs; also of deleted ones of which only the log is left. `came` has
/// the names of those that were in Spark's list.
pub(super) fn pod_facts<'a>(
    pods: impl IntoIterator<Item = &'a Arc<Pod>>,
    mut logs: BTreeMap<String, String>,
    came: &BTreeSet<String>,
) -> Vec<PodFacts> {
    let now = Timestamp::now();
    let mut seen: Vec<PodFacts> = pods.into_iter().map(|pod| of::pod(pod, now)).collect();
    // The deleted ones come first: of two lives of a name, the later has the log.
    for pod in seen.iter_mut().rev() {
        pod.log = logs.remove(&pod.name).unwrap_or_default();
    }
    let of_log = |(name, log)| PodFacts { name, log, ..PodFacts::default() };
    seen.extend(logs.into_iter().map(of_log));
    for pod in &mut seen {
        pod.registered = came.contains(&pod.name);
    }
    seen
}

/// A session's name, and that of its driver's pod, if it is in one.
pub(super) type Names<'a> = (&'a str, Option<&'a str>);

/// Every pod of a session so far, in its last state.
pub(super) fn facts(
    pods: &Pods,
    names: Names<'_>,
    logs: &PodLogs,
    came: &BTreeSet<String>,
) -> Vec<PodFacts> {
    of_names(pods, names, logs.now(), came)
}

/// The same for a look while it starts, without the logs of executors that are in Spark's list and
/// run: no rule reads them, and they are copied at each look.
pub(super) fn facts_for_a_look(
    pods: &Pods,
    names: Names<'_>,
    logs: &PodLogs,
    came: &BTreeSet<String>,
) -> Vec<PodFacts> {
    let runs = |pod: &str| {
        let pod = pods.get(pod);
        let status = pod.as_ref().and_then(|pod| pod.status.as_ref());
        status.and_then(|status| status.phase.as_deref()) == Some("Running")
    };
    of_names(pods, names, logs.of(|pod| !came.contains(pod) || !runs(pod)), came)
}

fn of_names(
    pods: &Pods,
    (session, driver): Names<'_>,
    logs: BTreeMap<String, String>,
    came: &BTreeSet<String>,
) -> Vec<PodFacts> {
    let ever = pods.ever();
    let ours = |pod: &&Arc<Pod>| is_of(pod, session) || driver == Some(&*pod.name_any());
    pod_facts(ever.iter().filter(ours), logs, came)
}

/// The driver's exception, with its stack trace, which has more than its message; or the error that
/// ended the wait.
pub(super) fn driver_facts(error: &Error) -> DriverFacts {
    let source = std::error::Error::source(error);
    let driver = source.and_then(|s| s.downcast_ref::<DriverError>());
    DriverFacts {
        reason: driver.map(|driver| format!("{error}\n{}", driver.trace)).unwrap_or_default(),
        ended_by: error.to_string(),
        gone: DriverGone::is_cause_of(error),
        ..DriverFacts::default()
    }
}

/// Adds events and surroundings to the evidence.
pub(super) async fn complete(context: &Context, place: &Place, mut evidence: Evidence) -> Evidence {
    (evidence.events, evidence.around) = place.list_at_last(context, &evidence.pods).await;
    evidence
}

/// Writes the evidence into the run directory, under the session's name: all of it as JSON, and
/// its parts as text.
pub(super) fn record(context: &Context, session: &str, evidence: &Evidence) {
    let recorder = &context.recorder;
    let lines = |lines: Vec<String>| lines.join("\n");
    let pods = lines(evidence.pods.iter().map(ToString::to_string).collect());
    recorder.artifact("pods of the session", &format!("{session}/pods.txt"), &pods);
    let events = match &evidence.events {
        Looked::Seen(events) => lines(events.iter().map(ToString::to_string).collect()),
        Looked::Unseen(why) => why.clone(),
    };
    recorder.artifact("Kubernetes events", &format!("{session}/events.txt"), &events);
    for pod in evidence.pods.iter().filter(|p| !p.log.is_empty()) {
        let name = format!("log of {}", pod.name);
        recorder.artifact(&name, &format!("{session}/{}.log", pod.name), &pod.log);
    }
    record_whole(context, "evidence", &format!("{session}/evidence.json"), evidence);
}

/// Writes what was observed of a session that was stopped.
pub(super) fn record_ended(context: &Context, session: &str, evidence: &Evidence) {
    record_whole(context, "session before its stop", &format!("{session}/{ENDED}"), evidence);
}

fn record_whole(context: &Context, title: &str, path: &str, evidence: &Evidence) {
    if let Ok(all) = serde_json::to_string_pretty(evidence) {
        context.recorder.artifact(title, path, &all);
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use sparkproof_base::testing::test_context;

    /// They are copied at each look, of many executors.
    #[tokio::test]
    async fn a_look_does_not_copy_the_logs_of_executors_that_are_registered_and_run() {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let pod = |id: u32, phase: &str| {
            json!({ "metadata": { "name": format!("x-exec-{id}"), "namespace": "n",
                        "labels": { sparkproof_base::ledger::labels::KUBE_SESSION: "s" } },
                    "status": { "phase": phase } })
        };
        let list = json!({ "kind": "PodList", "apiVersion": "v1", "metadata": { "resourceVersion": "1" },
            "items": [pod(1, "Running"), pod(2, "Failed"), pod(3, "Running")] });
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Some((request, reply)) = handle.next_request().await {
                if request.uri().query().is_some_and(|query| query.contains("watch")) {
                    open.push(reply);
                    continue;
                }
                reply.send_response(Response::new(Body::from(list.to_string().into_bytes())));
            }
        });
        let (context, _keep) = test_context();
        let pods =
            Pods::watch(kube::Client::new(service, "n"), "n", None, context.recorder.clone());
        wait(&context, Waiting::up_to(30, "the list"), pods.changes(), async || {
            if pods.now().len() == 3 { Progress::Met(()) } else { Progress::NotYet("none".into()) }
        })
        .await
        .expect("listed");
        let log = |id: u32| (format!("x-exec-{id}"), format!("log {id}"));
        let logs = PodLogs::known([log(1), log(2), log(3)].into());
        let came = ["x-exec-1".to_owned(), "x-exec-2".to_owned()].into();
        let logs_of = |facts: Vec<PodFacts>| -> BTreeMap<String, String> {
            facts.into_iter().map(|pod| (pod.name, pod.log)).collect()
        };
        let looked = logs_of(facts_for_a_look(&pods, ("s", None), &logs, &came));
        let texts: Vec<&str> = looked.values().map(String::as_str).collect();
        assert_eq!(texts, ["", "log 2", "log 3"]);
        assert_eq!(logs_of(facts(&pods, ("s", None), &logs, &came))["x-exec-1"], "log 1");
    }

    #[tokio::test]
    async fn what_may_not_be_listed_is_not_none() {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let status = json!({ "status": "Failure", "code": 403, "reason": "Forbidden",
                                     "message": "events is forbidden: User \"u\" cannot list" });
                let body = Body::from(serde_json::to_vec(&status).expect("json"));
                reply.send_response(Response::builder().status(403).body(body).expect("valid"));
            }
        });
        let (context, keep) = test_context();
        let place = Place { client: kube::Client::new(service, "n"), namespace: "n".into() };
        let evidence = complete(&context, &place, Evidence::default()).await;
        record(&context, "session-1", &evidence);
        let reason = "events is forbidden: User \"u\" cannot list";
        assert_eq!(evidence.events, Looked::Unseen(reason.to_owned()));
        assert!(evidence.around.nodes.seen().is_none(), "{:?}", evidence.around.nodes);
        let written = keep.path().join("run/session-1/events.txt");
        assert_eq!(std::fs::read_to_string(written).expect("written").trim(), reason);
        let written = keep.path().join("run/session-1/evidence.json");
        let text = std::fs::read_to_string(written).expect("written");
        assert_eq!(serde_json::from_str::<Evidence>(&text).expect("evidence"), evidence);
    }
}
