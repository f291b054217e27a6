//! A session that ended, with what is left of it.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DeleteParams;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_catalog::SparkVersion;
use sparkproof_judge::diagnosis::missing_verbs;
use sparkproof_judge::{LogRead, Refusals};
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_kubernetes::lease::Lease;
use sparkproof_kubernetes::observe::{LeftoverQuery, Pods};
use sparkproof_kubernetes::release::{let_end, release};

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndKind {
    /// By `stop()`.
    Stopped,
    /// The driver exited without `stop()`: its JVM's shutdown hook ran.
    Exited,
    /// The driver's channel closed, and so its JVM called `exit`.
    Disconnected,
    /// By SIGHUP to the driver's JVM, as when its terminal is closed.
    HungUp,
    /// By kill -9 of the driver's JVM.
    Killed,
    /// Of an application: the pod of its driver, which had ended, was deleted.
    Collected,
}

/// A session that ended; its namespace is still there.
#[derive(Debug)]
pub struct EndedSession {
    /// How it ended.
    pub ending: EndKind,
    /// Number of its executors.
    pub executors: u32,
    /// The driver's Spark version.
    pub spark_version: SparkVersion,
    /// The cluster it ran on.
    pub cluster: Cluster,
    /// Its namespace, which still exists.
    pub namespace: String,
    /// Which objects of it to look for there.
    pub look: LeftoverQuery,
    /// The pod of its driver, which owns the session's objects; `None` if the driver was not in a pod.
    pub driver_pod: Option<String>,
    pub(crate) owned: Vec<OwnedResource>,
    pub(crate) _lease: Option<Lease>,
    pub(crate) driver_log: String,
    /// Keeps the watch alive, so that the timeline has the end of each pod.
    pub(crate) _pods: Pods,
}

impl EndedSession {
    /// Lines of the driver's log in which the API refused a verb.
    pub fn denied_in_driver_log(&self) -> Vec<String> {
        denied(&self.driver_log)
    }

    /// The refusals in the driver's log, and how far it was read.
    pub fn refusals(&self) -> Refusals {
        Refusals { log: LogRead::of(&self.driver_log), refused: self.denied_in_driver_log() }
    }

    /// Deletes the pod of its driver; Kubernetes then deletes the objects that it owns.
    pub async fn delete_driver_pod(&self, pod: &str) -> Result<()> {
        let api: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &self.namespace);
        let deleted = api.delete(pod, &DeleteParams::background()).await;
        deleted.map(drop).or_environment("deleting the driver's pod")
    }

    /// Whether its namespace is the user's, so that it is not deleted.
    pub fn namespace_stays(&self) -> bool {
        self.look.selector.is_some()
    }

    /// The resources that [`EndedSession::release`] removes.
    pub fn owned(&self) -> &[OwnedResource] {
        &self.owned
    }

    /// Whether other sessions may start before its namespace is gone: no other one uses that name.
    pub fn ends_in_background(&self, context: &Context) -> bool {
        !self.namespace_stays() && self.namespace.contains(context.run.id().as_str())
    }

    /// Asks for the end of its namespace, and waits until that has no pods.
    pub async fn let_end(&self, context: &Context) -> Result<()> {
        for owned in self.owned.iter().rev() {
            context.cancel.guard(let_end(context, owned)).await?;
        }
        Ok(())
    }

    /// Deletes namespace, account and bindings; in the user's namespace, only sparkproof's objects.
    pub async fn release(&self, context: &Context) -> Result<()> {
        for owned in self.owned.iter().rev() {
            // After a signal the teardown does it, because the ledger still lists what is not deleted here.
            context.cancel.guard(release(context, owned)).await?;
        }
        Ok(())
    }
}

/// Log lines about a missing verb, without those about a quota or an admission policy.
fn denied(log: &str) -> Vec<String> {
    let refused = log.lines().filter(|line| !missing_verbs(line).is_empty());
    let mut lines: Vec<String> = refused.map(str::to_owned).collect();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_quota_forbids_is_no_missing_verb() {
        let verb = r#"pods is forbidden: User "u" cannot deletecollection resource "pods""#;
        let quota = "pods \"x-exec-3\" is forbidden: exceeded quota: team, requested: pods=1";
        let log = format!("INFO begun\n{quota}\n{verb}\n{verb}\n{quota}\n");
        assert_eq!(denied(&log), [verb]);
    }
}
