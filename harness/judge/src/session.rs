//! When a session counts as started: what Spark and Kubernetes say of its executors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A session's executors in Spark's list and in Kubernetes: addresses by executor id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Active executors in Spark's list.
    pub registered: BTreeMap<u32, String>,
    /// Pods that are Running and not being deleted.
    pub running: BTreeMap<u32, String>,
}

impl Agreement {
    /// How the two differ from `n` equal executors, in words.
    pub fn difference(&self, n: usize) -> Option<String> {
        let Agreement { registered, running } = self;
        if registered.len() == n && registered == running {
            return None;
        }
        let words = |executors: &BTreeMap<u32, String>| {
            let all: Vec<String> =
                executors.iter().map(|(id, address)| format!("{id} at {address}")).collect();
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        };
        Some(format!("registered {}; Running {}; expected {n}", words(registered), words(running)))
    }
}
