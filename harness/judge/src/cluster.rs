//! Whether a cluster is ready for user pods.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// What a cluster shows of its readiness, once it is ready or the time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// URL of the API server.
    pub server: String,
    /// The nodes.
    pub nodes: Nodes,
    /// Service accounts of the namespace `default`.
    pub accounts: Accounts,
    /// The deployment that serves DNS.
    pub dns: Workload,
    /// The provisioner of the default StorageClass.
    pub storage: Workload,
}

/// Whether each node is Ready, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes(pub BTreeMap<String, bool>);

/// Names of service accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts(pub Vec<String>);

/// A workload that a cluster needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// A deployment.
    Deployment {
        /// Its name.
        name: String,
        /// Available replicas; `None` if the deployment does not exist.
        available: Option<i32>,
    },
    /// A pod.
    Pod {
        /// Its name.
        name: String,
        /// Its phase; `None` if the pod does not exist.
        phase: Option<String>,
    },
}

impl Nodes {
    /// What is missing until exactly `n` nodes are Ready.
    pub fn missing(&self, n: usize) -> Option<String> {
        let ready = self.0.values().filter(|ready| **ready).count();
        let words = || match self.0.len() {
            all if all > n => format!("{ready} of {n} nodes Ready, {all} are there"),
            _ => format!("{ready} of {n} nodes Ready"),
        };
        (n == 0 || ready != n || self.0.len() != n).then(words)
    }
}

impl Accounts {
    /// What is missing until the default account exists.
    pub fn missing(&self) -> Option<String> {
        let there = self.0.iter().any(|name| name == "default");
        (!there).then(|| "no account named default".to_owned())
    }
}

impl Workload {
    /// What is missing until it is available.
    pub fn missing(&self) -> Option<String> {
        match self {
            Workload::Deployment { available: Some(1..), .. } => None,
            Workload::Deployment { name, available } => {
                let available = available.unwrap_or(0);
                Some(format!("deployment {name}: {available} replicas available"))
            }
            Workload::Pod { phase: Some(phase), .. } if phase == "Running" => None,
            Workload::Pod { name, phase } => {
                Some(format!("pod {name}: {}", phase.as_deref().unwrap_or("missing")))
            }
        }
    }
}

impl Observation for Readiness {
    /// How many nodes.
    type Expected = usize;
    const KIND: &'static str = "cluster.ready";

    fn judge(&self, nodes: &usize) -> Judged {
        let Readiness { nodes: seen, accounts, dns, storage, .. } = self;
        let missing = [seen.missing(*nodes), accounts.missing(), dns.missing(), storage.missing()];
        let missing: Vec<String> = missing.into_iter().flatten().collect();
        let judged = match missing.is_empty() {
            true => Judged::green(),
            false => Judged::red(
                format!("the cluster did not become ready: {}", missing.join("; ")),
                "read the pods of kube-system and the nodes' conditions",
            ),
        };
        let names: Vec<&str> = seen.0.keys().map(String::as_str).collect();
        judged.with("nodes", names.join(", ")).with("API server", &self.server)
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let deployment =
        |name: &str, available| Workload::Deployment { name: name.to_owned(), available };
    let pod = |phase: Option<&str>| Workload::Pod {
        name: "storage-provisioner".to_owned(),
        phase: phase.map(str::to_owned),
    };
    let control = |name, says, change: &dyn Fn(&mut Readiness)| {
        let mut seen = Readiness {
            server: "https://172.18.0.2:6443".to_owned(),
            nodes: Nodes(["x-control-plane", "x-worker"].map(|n| (n.to_owned(), true)).into()),
            accounts: Accounts(vec!["default".to_owned()]),
            dns: deployment("coredns", Some(2)),
            storage: deployment("local-path-provisioner", Some(1)),
        };
        change(&mut seen);
        Control::seen(name, &2, &seen, says)
    };
    let red =
        |name, words, change: &dyn Fn(&mut Readiness)| control(name, Says::Red(words), change);
    vec![
        control("all of kind's", Says::Green, &|_| {}),
        control("Minikube's provisioner is a pod", Says::Green, &|s| {
            s.storage = pod(Some("Running"))
        }),
        red("a node is not Ready", "not become ready: 1 of 2 nodes Ready", &|s| {
            s.nodes.0.insert("x-worker".to_owned(), false);
        }),
        red("a node too few", "1 of 2 nodes Ready", &|s| {
            s.nodes.0.remove("x-worker");
        }),
        red("a node too many", "3 of 2 nodes Ready", &|s| {
            s.nodes.0.insert("y".to_owned(), true);
        }),
        red("a node more, not Ready", "2 of 2 nodes Ready, 3 are there", &|s| {
            s.nodes.0.insert("y".to_owned(), false);
        }),
        red("no nodes", "0 of 2 nodes Ready", &|s| s.nodes.0.clear()),
        red("another account only", "no account named default", &|s| {
            s.accounts = Accounts(vec!["deployer".to_owned()]);
        }),
        red("no account", "no account named default", &|s| s.accounts.0.clear()),
        red("DNS without replicas", "deployment coredns: 0 replicas available", &|s| {
            s.dns = deployment("coredns", Some(0));
        }),
        red("no DNS", "deployment coredns: 0 replicas available", &|s| {
            s.dns = deployment("coredns", None);
        }),
        red("no provisioner", "pod storage-provisioner: missing", &|s| s.storage = pod(None)),
        red("a provisioner that is Pending", "pod storage-provisioner: Pending", &|s| {
            s.storage = pod(Some("Pending"));
        }),
        red("two things", "1 of 2 nodes Ready; no account named default", &|s| {
            s.nodes.0.insert("x-worker".to_owned(), false);
            s.accounts.0.clear();
        }),
        Control::unseen::<Readiness>(
            &2,
            "waited 120 s for nodes Ready; the watch fails: forbidden",
        ),
    ]
}
