//! The names by which what we own is found again.

use std::collections::HashMap;

use crate::run_id::{RunId, RunLabel};

/// Label of Docker objects: the run that made it, by [`super::Run::label`].
pub const RUN: &str = "io.sparkproof.run";
/// Label of Docker objects: `run`, `user` or `cache`.
pub const SCOPE: &str = "io.sparkproof.scope";
/// Label of Docker objects: the user's id on this host.
pub const OWNER: &str = "io.sparkproof.owner";
/// Label of Docker objects: seconds since 1970-01-01T00:00:00Z.
pub const CREATED_AT: &str = "io.sparkproof.created-at";
/// Label of Docker images: the id of the recipe that made it.
pub const RECIPE: &str = "io.sparkproof.recipe";
/// Label of a node's images, in containerd: the image's configuration, so that a tag that was moved
/// is seen.
pub const CONTAINERD_CONFIG: &str = "sparkproof.io/config";
/// kind's own label of its node containers: the cluster's name.
pub const KIND_CLUSTER: &str = "io.x-k8s.kind.cluster";
/// Minikube's own label of containers, networks and volumes: the node's name, which of a profile's
/// first node is the profile's (its pkg/drivers/kic/oci/types.go).
pub const MINIKUBE_NODE: &str = "name.minikube.sigs.k8s.io";

/// Label of Kubernetes objects: the run that made it.
pub const KUBE_RUN: &str = "sparkproof.io/run";
/// Label of Kubernetes objects: `run` or `user`.
pub const KUBE_SCOPE: &str = "sparkproof.io/scope";
/// Label of Kubernetes objects: the user's id on the host.
pub const KUBE_OWNER: &str = "sparkproof.io/owner";
/// Label of Kubernetes objects: seconds since 1970-01-01T00:00:00Z.
pub const KUBE_CREATED_AT: &str = "sparkproof.io/created-at";
/// Label of executor pods: which session they are of, known before Spark has an application id.
pub const KUBE_SESSION: &str = "sparkproof.io/session";
/// Label of a driver's pod and Service: the session.
pub const KUBE_DRIVER: &str = "sparkproof.io/driver";
/// Label of a storage server's pod, by which its Service finds it.
pub const KUBE_STORE: &str = "sparkproof.io/store";
/// Label that no node has: what selects it runs nowhere.
pub const KUBE_NOWHERE: &str = "sparkproof.io/nowhere";
/// Annotation of a Lease: the Spark application whose objects, which carry no label of ours, are the
/// run's.
pub const KUBE_APPLICATION: &str = "sparkproof.io/application";
/// Annotation of an object that is waited for: how often it was looked at.
pub const KUBE_LOOKED: &str = "sparkproof.io/looked";

/// Environment variable of every process that a run starts: its label. Children inherit it, so that
/// they are found even when their group leader is gone.
pub const RUN_VARIABLE: &str = "SPARKPROOF_OWNER_RUN";

/// How long something may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as its run.
    Run,
    /// Until the user says so.
    User,
    /// As long as it is useful.
    Cache,
}

impl Lifetime {
    /// The label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Lifetime::Run => "run",
            Lifetime::User => "user",
            Lifetime::Cache => "cache",
        }
    }
}

/// Labels of a Docker object made now by this user.
pub fn docker(run: &RunLabel, lifetime: Lifetime) -> HashMap<String, String> {
    of([RUN, SCOPE, OWNER, CREATED_AT], run, lifetime).collect()
}

/// Labels of a Kubernetes object made now by this user.
pub fn kube(run: &RunId, lifetime: Lifetime) -> std::collections::BTreeMap<String, String> {
    of([KUBE_RUN, KUBE_SCOPE, KUBE_OWNER, KUBE_CREATED_AT], run, lifetime).collect()
}

fn of(names: [&str; 4], run: &str, lifetime: Lifetime) -> impl Iterator<Item = (String, String)> {
    let owner = rustix::process::getuid().as_raw().to_string();
    let now = jiff::Timestamp::now().as_second().to_string();
    let values = [run.to_string(), lifetime.as_str().to_owned(), owner, now];
    names.map(str::to_owned).into_iter().zip(values)
}

impl From<super::Scope> for Lifetime {
    fn from(scope: super::Scope) -> Self {
        match scope {
            super::Scope::Run => Lifetime::Run,
            super::Scope::User => Lifetime::User,
        }
    }
}
