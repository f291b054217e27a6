//! Logs of executor pods, followed while the pods exist: Spark deletes those that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::observe::{Pods, Source};

/// What is kept of each log: its first part says how it was started, its last how it ended.
const HEAD_BYTES: usize = 16 << 10;
const TAIL_BYTES: usize = 64 << 10;

type Logs = Arc<Mutex<BTreeMap<String, String>>>;

/// The logs of a session's executors; followed until dropped.
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
            let mut followed = BTreeSet::new();
            let mut followers = JoinSet::new();
            let Source::Changes(mut changes) = pods.changes() else { return };
            loop {
                for (name, pod) in pods.now() {
                    if pick(&pod) && has_started(&pod) && followed.insert(name.clone()) {
                        followers.spawn(follow_one(api.clone(), name, shared.clone()));
                    }
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        });
        PodLogs { logs, _task: AbortOnDropHandle::new(task) }
    }

    /// By pod, what was said so far.
    pub(super) fn now(&self) -> BTreeMap<String, String> {
        self.logs.lock().map(|l| l.clone()).unwrap_or_default()
    }
}

async fn follow_one(api: Api<Pod>, name: String, logs: Logs) {
    let parameters = LogParams { follow: true, ..LogParams::default() };
    let Ok(stream) = api.log_stream(&name, &parameters).await else { return };
    let mut lines = stream.lines();
    while let Ok(Some(line)) = lines.try_next().await {
        let Ok(mut logs) = logs.lock() else { return };
        let log = logs.entry(name.clone()).or_default();
        log.push_str(&line);
        log.push('\n');
        shorten(log);
    }
}

/// Cuts out of the middle.
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
    log.replace_range(head..tail, "\n[…]\n");
}

fn has_started(pod: &Pod) -> bool {
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    statuses
        .filter_map(|c| c.state.as_ref())
        .any(|state| state.running.is_some() || state.terminated.is_some())
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
}
