//! One watch of a namespace's pods: the last state of each, a signal on change, the timeline.
//!
//! kube's reflector keeps the last states. This module tracks the life of each pod itself: the keys of
//! the reflector's store (`ObjectRef`) do not compare uids, and `touched_objects` does not distinguish
//! an end from a change.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{ObjectRef, Store, reflector, store};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, ResourceExt};
use sparkproof_base::error::Error;
use sparkproof_base::events::{Body, PodMoment, Recorder};
use sparkproof_base::wait::{Progress, Source};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// After this number of refusals in a row the watch fails for good; fewer may occur because a
/// permission that was just granted takes a moment.
const REFUSALS: u32 = 3;

/// A running watch. Clones share it; it ends with the last clone.
#[derive(Clone)]
pub struct Pods {
    store: Store<Pod>,
    namespace: String,
    changes: watch::Receiver<u64>,
    trouble: Arc<Mutex<Option<Trouble>>>,
    gone: Arc<Mutex<Vec<Arc<Pod>>>>,
    _task: Arc<AbortOnDropHandle<()>>,
}

/// The current failure of the watch.
#[derive(Debug, Clone)]
struct Trouble {
    error: String,
    /// How often in a row the API server refused it; 0 if the last error is of another kind.
    refusals: u32,
    /// The last refusal.
    refusal: Option<Refusal>,
}

/// Why the API server refuses a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The account lacks the permission.
    Forbidden,
    /// The credentials are not valid, e.g. an expired token.
    Unauthorized,
}

impl Refusal {
    fn remedy(self) -> &'static str {
        match self {
            Refusal::Forbidden => "allow list and watch on pods there to the kubeconfig's user",
            Refusal::Unauthorized => {
                "the API server does not accept the kubeconfig's credentials: renew them"
            }
        }
    }
}

impl Pods {
    /// Watches all pods of a namespace, or those with a label. Each event of each pod is recorded with
    /// the time of its receipt.
    pub fn watch(
        client: kube::Client,
        namespace: &str,
        selector: Option<&str>,
        recorder: Recorder,
    ) -> Self {
        let config =
            watcher::Config { label_selector: selector.map(str::to_owned), ..Default::default() };
        let (reader, writer) = store();
        let (changed, changes) = watch::channel(0);
        let trouble = Arc::new(Mutex::new(None));
        let mut lives = Lives::of(recorder);
        // With the default backoff, a closed or refused watch resumes.
        let events = watcher(Api::<Pod>::namespaced(client, namespace), config).default_backoff();
        let (mut events, shown) = (Box::pin(reflector(writer, events)), trouble.clone());
        let gone = Arc::<Mutex<Vec<Arc<Pod>>>>::default();
        let kept = gone.clone();
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if let Ok(mut trouble) = shown.lock() {
                    *trouble = after(trouble.take(), &event);
                }
                if let Ok(event) = event {
                    lives.note(&event);
                    if let (watcher::Event::Delete(pod), Ok(mut gone)) = (event, kept.lock()) {
                        gone.push(Arc::new(pod));
                    }
                }
                changed.send_modify(|n| *n += 1);
            }
        });
        let _task = Arc::new(AbortOnDropHandle::new(task));
        Pods { store: reader, namespace: namespace.to_owned(), changes, trouble, gone, _task }
    }

    /// The last state of every pod so far, those that were deleted first. Spark deletes executors
    /// that failed.
    pub fn ever(&self) -> Vec<Arc<Pod>> {
        let gone = self.gone.lock().map(|gone| gone.clone()).unwrap_or_default();
        gone.into_iter().chain(self.store.state()).collect()
    }

    /// The last state of each pod, by name.
    pub fn now(&self) -> BTreeMap<String, Arc<Pod>> {
        self.store.state().into_iter().map(|pod| (pod.name_any(), pod)).collect()
    }

    /// The last state of the pod of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Pod>> {
        self.store.get(&ObjectRef::new(name).within(&self.namespace))
    }

    /// Whether any pod is being deleted, which may free resources of a node.
    pub fn any_leaves(&self) -> bool {
        self.store.find(|pod| pod.metadata.deletion_timestamp.is_some()).is_some()
    }

    /// A source for [`sparkproof_base::wait::wait`].
    pub fn changes(&self) -> Source {
        Source::Changes(self.changes.clone())
    }

    /// The progress of a wait for a state of these pods. It includes a failure of the watch; a watch that
    /// is refused for good ends the wait.
    pub fn not_yet<T>(&self, state: impl Into<String>) -> Progress<T> {
        let state = state.into();
        match self.trouble.lock().ok().and_then(|trouble| trouble.clone()) {
            None => Progress::NotYet(state),
            Some(Trouble { error, refusals, refusal: Some(refusal) }) if refusals >= REFUSALS => {
                let what = format!("watching the pods of namespace {}: {error}", self.namespace);
                Progress::Never(Error::environment(what).remedy(refusal.remedy()))
            }
            Some(Trouble { error, .. }) => {
                Progress::NotYet(format!("{state}; watching the pods fails: {error}"))
            }
        }
    }
}

impl std::fmt::Debug for Pods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pods").field("now", &self.now().keys()).finish_non_exhaustive()
    }
}

/// The watch's failure after an event.
fn after(before: Option<Trouble>, event: &watcher::Result<watcher::Event<Pod>>) -> Option<Trouble> {
    match event {
        // The start of a list is not an answer yet.
        Ok(watcher::Event::Init) => before,
        Ok(_) => None,
        Err(error) => {
            let refusal = refusal(error);
            let refusals = match refusal {
                Some(_) => before.map_or(0, |trouble| trouble.refusals) + 1,
                None => 0,
            };
            Some(Trouble { error: error.to_string(), refusals, refusal })
        }
    }
}

/// The API server's refusal in an error, if it is one.
fn refusal(error: &watcher::Error) -> Option<Refusal> {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let status = match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => status,
        _ => return None,
    };
    match status.code {
        401 => Some(Refusal::Unauthorized),
        403 => Some(Refusal::Forbidden),
        _ => None,
    }
}

/// The lives of the pods that a watch saw, written to the timeline as they change. A name has one life at
/// a time: a StatefulSet creates its pod again with the same name and another uid.
#[derive(Debug)]
pub struct Lives {
    recorder: Recorder,
    named: HashMap<String, Life>,
}

#[derive(Debug)]
struct Life {
    uid: Option<String>,
    seen: Vec<(PodMoment, String)>,
    /// Whether the current or last list has it.
    listed: bool,
}

impl Lives {
    /// None yet; what changes goes to `recorder`.
    pub fn of(recorder: Recorder) -> Self {
        Lives { recorder, named: HashMap::new() }
    }

    /// Takes an event of the watch. Its cost does not depend on how many pods there are.
    pub fn note(&mut self, event: &watcher::Event<Pod>) {
        match event {
            watcher::Event::Apply(pod) | watcher::Event::InitApply(pod) => self.put(pod),
            watcher::Event::Delete(pod) => {
                if self.named.get(&pod.name_any()).is_some_and(|life| life.uid == pod.uid()) {
                    self.end(pod.name_any());
                }
            }
            watcher::Event::Init => self.named.values_mut().for_each(|life| life.listed = false),
            watcher::Event::InitDone => {
                let gone = self.named.iter().filter(|(_, life)| !life.listed);
                let gone: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
                gone.into_iter().for_each(|name| self.end(name));
            }
        }
    }

    fn put(&mut self, pod: &Pod) {
        let (name, uid) = (pod.name_any(), pod.uid());
        if self.named.get(&name).is_some_and(|life| life.uid != uid) {
            // The event of its end was missed.
            self.end(name.clone());
        }
        let new = || Life { uid, seen: Vec::new(), listed: true };
        let life = self.named.entry(name.clone()).or_insert_with(new);
        life.listed = true;
        for (moment, detail) in moments(pod) {
            if life.seen.iter().any(|(m, d)| *m == moment && *d == detail) {
                continue;
            }
            life.seen.push((moment, detail.clone()));
            self.recorder.emit(Body::Pod { pod: name.clone(), moment, detail });
        }
    }

    fn end(&mut self, name: String) {
        self.named.remove(&name);
        let (moment, detail) = (PodMoment::Deleted, String::new());
        self.recorder.emit(Body::Pod { pod: name, moment, detail });
    }
}

/// The moments of the timeline that a pod's current state shows.
fn moments(pod: &Pod) -> Vec<(PodMoment, String)> {
    let mut moments = vec![(PodMoment::Created, String::new())];
    if let Some(node) = pod.spec.as_ref().and_then(|s| s.node_name.clone()) {
        moments.push((PodMoment::Scheduled, node));
    }
    let Some(status) = &pod.status else { return moments };
    for container in status.container_statuses.iter().flatten() {
        let Some(state) = &container.state else { continue };
        if let Some(waiting) = &state.waiting
            && let Some(reason) = &waiting.reason
            && reason != "ContainerCreating"
        {
            moments.push((PodMoment::Waiting, reason.clone()));
        }
        if state.running.is_some() {
            moments.push((PodMoment::Started, String::new()));
        }
        if let Some(ended) = &state.terminated {
            moments.push((PodMoment::Ended, format!("exit code {}", ended.exit_code)));
        }
    }
    let ready =
        status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
    if ready {
        moments.push((PodMoment::Ready, String::new()));
    }
    moments
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use sparkproof_base::events::Event;
    use sparkproof_base::testing::test_context;
    use sparkproof_base::wait::{Waiting, wait};

    fn pod(uid: &str, ready: bool) -> Pod {
        let ready = if ready { "True" } else { "False" };
        let pod = json!({
            "metadata": { "name": "s-0", "namespace": "n", "uid": uid },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] },
        });
        serde_json::from_value(pod).expect("a pod")
    }

    /// What is recorded of pods: `s-0 Created`.
    fn recorded(keep: &tempfile::TempDir) -> Vec<String> {
        let file = format!("run/events-{}.jsonl", std::process::id());
        let text = std::fs::read_to_string(keep.path().join(file)).unwrap_or_default();
        let moment = |line: &str| match serde_json::from_str::<Event>(line).ok()?.body {
            Body::Pod { pod, moment, .. } => Some(format!("{pod} {moment:?}")),
            _ => None,
        };
        text.lines().filter_map(moment).collect()
    }

    #[tokio::test]
    async fn the_second_life_of_a_name_is_a_life_of_its_own() {
        use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
        let (context, keep) = test_context();
        let mut lives = Lives::of(context.recorder.clone());
        for event in [
            Init,
            InitDone,
            Apply(pod("a", true)),
            Delete(pod("a", true)),
            // A StatefulSet makes it again.
            Apply(pod("b", false)),
            Apply(pod("b", true)),
            // The watch was closed meanwhile: the next list has a third one.
            Init,
            InitApply(pod("c", true)),
            InitDone,
        ] {
            lives.note(&event);
        }
        let one = ["s-0 Created", "s-0 Ready", "s-0 Deleted"];
        let expected: Vec<&str> = one.into_iter().chain(one).chain(one).take(8).collect();
        assert_eq!(recorded(&keep), expected);
        assert_eq!(lives.named.len(), 1);
    }

    /// A Role without `list` and `watch` on pods; a token that ran out.
    #[rstest]
    #[case(403, "pods is forbidden: User \"u\" cannot list", "watch on pods")]
    #[case(401, "Unauthorized", "credentials")]
    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_refused_ends_a_wait_with_its_words(
        #[case] code: u16,
        #[case] message: &'static str,
        #[case] remedy: &str,
    ) {
        let (service, mut handle) =
            tower_test::mock::pair::<Request<HttpBody>, Response<HttpBody>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let status = json!({ "status": "Failure", "code": code, "reason": "x",
                                     "message": message });
                let body = HttpBody::from(serde_json::to_vec(&status).expect("json"));
                reply.send_response(Response::builder().status(code).body(body).expect("valid"));
            }
        });
        let (context, _keep) = test_context();
        let client = kube::Client::new(service, "n");
        let pods = Pods::watch(client, "n", None, context.recorder.clone());
        let waiting = Waiting::up_to(600, "a pod");
        let waited = wait(&context, waiting, pods.changes(), async || {
            pods.not_yet::<()>("it does not exist")
        });
        let begun = tokio::time::Instant::now();
        let error = waited.await.expect_err("refused");
        assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
        assert!(error.to_string().contains(message), "{error}");
        let shown = error.remedy.unwrap_or_default();
        assert!(shown.contains(remedy), "{shown}");
        assert_eq!(shown.contains("allow"), code == 403, "{shown}");
    }

    #[test]
    fn a_watch_that_fails_is_no_refusal_and_recovers() {
        let silent = || Err(watcher::Error::NoResourceVersion);
        let trouble = after(after(None, &silent()), &silent()).expect("trouble");
        assert_eq!(trouble.refusals, 0);
        assert!(after(Some(trouble.clone()), &Ok(watcher::Event::Init)).is_some(), "not answered");
        assert!(after(Some(trouble), &Ok(watcher::Event::InitDone)).is_none());
    }

    #[tokio::test]
    async fn what_is_seen_is_shared_and_not_copied() {
        let (reader, mut writer) = store();
        writer.apply_watcher_event(&watcher::Event::Apply(pod("a", true)));
        let (_changed, changes) = watch::channel(0);
        let task = tokio::spawn(std::future::pending());
        let pods = Pods {
            store: reader,
            namespace: "n".to_owned(),
            changes,
            trouble: Arc::default(),
            gone: Arc::default(),
            _task: Arc::new(AbortOnDropHandle::new(task)),
        };
        let (first, second) = (pods.now().remove("s-0"), pods.get("s-0"));
        let same = first.zip(second).is_some_and(|(a, b)| Arc::ptr_eq(&a, &b));
        assert!(same);
    }
}
