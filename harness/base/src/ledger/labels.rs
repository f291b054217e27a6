//! Labels by which the resources of runs are found.

use std::collections::HashMap;

use crate::run_id::{RunId, RunLabel};

/// Label of Docker objects: the run that created it, by [`super::Run::label`].
pub const RUN: &str = "io.sparkproof.run";
/// Label of Docker objects: `run`, `user` or `cache`.
pub const SCOPE: &str = "io.sparkproof.scope";
/// Label of Docker objects: the user's id on this host.
pub const OWNER: &str = "io.sparkproof.owner";
/// Label of Docker objects: seconds since 1970-01-01T00:00:00Z.
pub const CREATED_AT: &str = "io.sparkproof.created-at";
/// Label of Docker images: the id of the recipe that made it.
pub const RECIPE: &str = "io.sparkproof.recipe";
/// Label of a node's images, in containerd: the image's configuration, which shows a moved tag.
pub const CONTAINERD_CONFIG: &str = "sparkproof.io/config";
/// kind's label of its node containers: the cluster's name.
pub const KIND_CLUSTER: &str = "io.x-k8s.kind.cluster";
/// Minikube's label of containers, networks and volumes: the node's name. The first node has the
/// name of the profile (its pkg/drivers/kic/oci/types.go).
pub const MINIKUBE_NODE: &str = "name.minikube.sigs.k8s.io";

/// Label of Kubernetes objects: the run that created it.
pub const KUBE_RUN: &str = "sparkproof.io/run";
/// Label of Kubernetes objects: `run` or `user`.
pub const KUBE_SCOPE: &str = "sparkproof.io/scope";
/// Label of Kubernetes objects: the user's id on the host.
pub const KUBE_OWNER: &str = "sparkproof.io/owner";
/// Label of Kubernetes objects: seconds since 1970-01-01T00:00:00Z.
pub const KUBE_CREATED_AT: &str = "sparkproof.io/created-at";
/// Label of executor pods: their session, known before Spark has an application id.
pub const KUBE_SESSION: &str = "sparkproof.io/session";
/// Label of a driver's pod and Service: the session.
pub const KUBE_DRIVER: &str = "sparkproof.io/driver";
/// Label of a storage server's pod, which its Service selects.
pub const KUBE_STORE: &str = "sparkproof.io/store";
/// Label that no node has, so that pods which select it are never scheduled.
pub const KUBE_NOWHERE: &str = "sparkproof.io/nowhere";
/// Annotation of a Lease: the id of the Spark application whose objects, which have no sparkproof
/// label, belong to the run.
pub const KUBE_APPLICATION: &str = "sparkproof.io/application";
/// Annotation of an object that is waited for: how often it was checked.
pub const KUBE_LOOKED: &str = "sparkproof.io/looked";

/// Environment variable of every process of a run: the run's label. Children inherit it, so that
/// they are found even if their group leader is gone.
pub const RUN_VARIABLE: &str = "SPARKPROOF_OWNER_RUN";

/// How long a labelled resource may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until its run ends.
    Run,
    /// Until the user removes it (`down`).
    User,
    /// Until it is pruned.
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

/// Labels of a Docker object that this user creates now.
pub fn docker(run: &RunLabel, lifetime: Lifetime) -> HashMap<String, String> {
    labels([RUN, SCOPE, OWNER, CREATED_AT], run, lifetime).collect()
}

/// Labels of a Kubernetes object that this user creates now.
pub fn kube(run: &RunId, lifetime: Lifetime) -> std::collections::BTreeMap<String, String> {
    labels([KUBE_RUN, KUBE_SCOPE, KUBE_OWNER, KUBE_CREATED_AT], run, lifetime).collect()
}

fn labels(
    names: [&str; 4],
    run: &str,
    lifetime: Lifetime,
) -> impl Iterator<Item = (String, String)> {
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
