//! One watch of a namespace's pods: the last state of each, a signal on change, the timeline.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::Source;
use crate::events::{Body, PodMoment, Recorder};

/// A running watch. Clones share it; it ends with the last clone.
#[derive(Clone)]
pub struct Pods {
    state: Arc<Mutex<BTreeMap<String, Pod>>>,
    changes: watch::Receiver<u64>,
    _task: Arc<AbortOnDropHandle<()>>,
}

impl Pods {
    /// Watches all pods of a namespace, or those with a label; each moment of each pod is recorded
    /// at receive time.
    pub fn watch(
        client: kube::Client,
        namespace: &str,
        selector: Option<&str>,
        recorder: Recorder,
    ) -> Self {
        let config =
            watcher::Config { label_selector: selector.map(str::to_owned), ..Default::default() };
        let state = Arc::new(Mutex::new(BTreeMap::new()));
        let (changed, changes) = watch::channel(0);
        let writer = Writer { state: state.clone(), changed, recorder, seen: BTreeMap::new() };
        let api: Api<Pod> = Api::namespaced(client, namespace);
        let task = tokio::spawn(writer.follow(api, config));
        Pods { state, changes, _task: Arc::new(AbortOnDropHandle::new(task)) }
    }

    /// The pods as last seen, by name.
    pub fn now(&self) -> BTreeMap<String, Pod> {
        self.state.lock().map(|s| s.clone()).unwrap_or_default()
    }

    /// A source for [`super::wait`].
    pub fn changes(&self) -> Source {
        Source::Changes(self.changes.clone())
    }
}

impl std::fmt::Debug for Pods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pods").field("now", &self.now().keys()).finish_non_exhaustive()
    }
}

struct Writer {
    state: Arc<Mutex<BTreeMap<String, Pod>>>,
    changed: watch::Sender<u64>,
    recorder: Recorder,
    seen: BTreeMap<String, Vec<(PodMoment, String)>>,
}

impl Writer {
    async fn follow(mut self, api: Api<Pod>, config: watcher::Config) {
        // The default backoff makes a closed or refused watch resume.
        let events = watcher(api, config);
        let mut events = Box::pin(kube::runtime::WatchStreamExt::default_backoff(events));
        let mut listed = BTreeMap::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(watcher::Event::Apply(pod)) => self.put(pod),
                Ok(watcher::Event::Delete(pod)) => self.remove(&pod.name_any()),
                Ok(watcher::Event::Init) => listed.clear(),
                Ok(watcher::Event::InitApply(pod)) => {
                    listed.insert(pod.name_any(), pod);
                }
                Ok(watcher::Event::InitDone) => {
                    let gone: Vec<String> = self
                        .state
                        .lock()
                        .map(|s| s.keys().filter(|k| !listed.contains_key(*k)).cloned().collect())
                        .unwrap_or_default();
                    gone.iter().for_each(|name| self.remove(name));
                    std::mem::take(&mut listed).into_values().for_each(|pod| self.put(pod));
                }
                // Resumed by the backoff; a wait on this watch has a deadline of its own.
                Err(_) => {}
            }
            self.changed.send_modify(|n| *n += 1);
        }
    }

    fn put(&mut self, pod: Pod) {
        for (moment, detail) in moments(&pod) {
            self.note(&pod.name_any(), moment, detail);
        }
        if let Ok(mut state) = self.state.lock() {
            state.insert(pod.name_any(), pod);
        }
    }

    fn remove(&mut self, name: &str) {
        let known = self.state.lock().is_ok_and(|mut s| s.remove(name).is_some());
        if known {
            self.note(name, PodMoment::Deleted, String::new());
        }
    }

    /// Records a moment once.
    fn note(&mut self, pod: &str, moment: PodMoment, detail: String) {
        let seen = self.seen.entry(pod.to_owned()).or_default();
        if seen.iter().any(|(m, d)| *m == moment && *d == detail) {
            return;
        }
        seen.push((moment, detail.clone()));
        self.recorder.emit(Body::Pod { pod: pod.to_owned(), moment, detail });
    }
}

/// The moments that a pod's present state shows.
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
