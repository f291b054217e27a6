//! Kubernetes' objects as kubectl writes them.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sparkproof_base::events::Looked;
use sparkproof_kubernetes::facts::{DNS_LABEL, DNS_SERVICE, Listed};

/// Fields with a time at which something was seen; `deletionTimestamp` may be in the future.
const TIMES: [&str; 10] = [
    "creationTimestamp",
    "eventTime",
    "finishedAt",
    "lastHeartbeatTime",
    "lastObservedTime",
    "lastTimestamp",
    "lastTransitionTime",
    "renewTime",
    "startTime",
    "startedAt",
];
const NONE: &str = "none is among the files";

/// Objects that were read.
#[derive(Debug, Default)]
pub(super) struct Objects {
    all: Vec<Value>,
    /// Kinds that were listed, without an object of them.
    empty: Vec<String>,
}

impl Objects {
    /// Adds an object or a list; `file` is the name without its ending. Returns whether it is one.
    pub(super) fn add(&mut self, value: Value, file: &str) -> bool {
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        if kind.is_empty() || value["apiVersion"].as_str().is_none() {
            return false;
        }
        let Some(of) = kind.strip_suffix("List") else {
            self.all.push(value);
            return true;
        };
        let (of, version) = (of.to_owned(), value["apiVersion"].clone());
        let mut value = value;
        let Value::Array(items) = value["items"].take() else { return false };
        if items.is_empty() {
            self.empty.push(if of.is_empty() { file.to_owned() } else { of });
            return true;
        }
        for mut item in items {
            // The items of the API's own lists have no kind.
            if item["kind"].is_null() {
                item["kind"] = Value::from(of.clone());
                item["apiVersion"] = version.clone();
            }
            self.all.push(item);
        }
        true
    }

    /// The latest time in them: when they were read, or a little earlier.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.all.iter().filter_map(latest).max()
    }

    /// The objects of a kind that can be read; `pick` sees each with its namespace.
    fn of<K: DeserializeOwned>(&self, kind: &str, pick: impl Fn(&Value) -> bool) -> Looked<Vec<K>> {
        let all: Vec<&Value> = self.all.iter().filter(|one| one["kind"] == kind).collect();
        let plural = format!("{}s", kind.to_lowercase());
        let listed = |name: &String| name == kind || name.to_lowercase() == plural;
        if all.is_empty() && !self.empty.iter().any(listed) {
            return Looked::Unseen(NONE.to_owned());
        }
        let read = |value: &Value| serde_json::from_value(value.clone());
        match all.into_iter().filter(|one| pick(one)).map(read).collect::<Result<_, _>>() {
            Ok(seen) => Looked::Seen(seen),
            Err(error) => Looked::Unseen(format!("a {kind} of the files cannot be read: {error}")),
        }
    }

    /// All pods.
    pub(super) fn pods(&self) -> Looked<Vec<Pod>> {
        self.of("Pod", |_| true)
    }

    /// The events of a namespace.
    pub(super) fn events(&self, namespace: &str) -> Looked<Vec<Event>> {
        self.of("Event", |one| is_in(one, namespace))
    }

    /// The events of all namespaces.
    pub(super) fn all_events(&self) -> Vec<Event> {
        self.of("Event", |_| true).seen().cloned().unwrap_or_default()
    }

    /// The ConfigMaps of a namespace.
    pub(super) fn maps(&self, namespace: &str) -> Vec<ConfigMap> {
        let maps = self.of("ConfigMap", |one| is_in(one, namespace));
        maps.seen().cloned().unwrap_or_default()
    }

    /// What is around the pods of a namespace.
    pub(super) fn listed(&self, namespace: &str) -> Listed {
        let here = |one: &Value| is_in(one, namespace);
        let system = |one: &Value| is_in(one, "kube-system");
        let named = self.of("Namespace", |one| one["metadata"]["name"] == namespace);
        let first = |all: Looked<Vec<_>>| match all {
            Looked::Seen(all) => {
                all.into_iter().next().map_or(Looked::Unseen(NONE.to_owned()), Looked::Seen)
            }
            Looked::Unseen(why) => Looked::Unseen(why),
        };
        let (key, value) = DNS_LABEL;
        let serves = |pod: &Pod| pod.labels().get(key).is_some_and(|label| label == value);
        // Without the pods of kube-system it is not known whether any serves DNS.
        let resolvers = match self.of::<Pod>("Pod", system) {
            Looked::Seen(pods) if !pods.is_empty() => {
                Looked::Seen(pods.into_iter().filter(serves).collect())
            }
            _ => Looked::Unseen("no pod of kube-system is among the files".to_owned()),
        };
        let (key, service) = DNS_SERVICE;
        let of_service =
            |slice: &EndpointSlice| slice.labels().get(key).is_some_and(|one| one == service);
        let dns = match self.of::<EndpointSlice>("EndpointSlice", system) {
            Looked::Seen(all) => Looked::Seen(all.into_iter().filter(of_service).collect()),
            unseen => unseen,
        };
        Listed {
            namespace: first(named),
            accounts: self.of("ServiceAccount", here),
            quotas: self.of("ResourceQuota", here),
            ranges: self.of("LimitRange", here),
            policies: self.of("NetworkPolicy", here),
            claims: self.of("PersistentVolumeClaim", here),
            classes: self.of("StorageClass", |_| true),
            nodes: self.of("Node", |_| true),
            leases: self.of("Lease", system),
            resolvers,
            dns,
        }
    }
}

fn is_in(object: &Value, namespace: &str) -> bool {
    object["metadata"]["namespace"].as_str().unwrap_or_default() == namespace
}

fn latest(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Array(items) => items.iter().filter_map(latest).max(),
        Value::Object(fields) => {
            let time = |(key, value): (&String, &Value)| match TIMES.contains(&key.as_str()) {
                true => value.as_str()?.parse().ok(),
                false => latest(value),
            };
            fields.iter().filter_map(time).max()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_among_the_files_is_not_none() {
        let mut objects = Objects::default();
        let list = |items: Value| json!({ "apiVersion": "v1", "kind": "List", "items": items });
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota",
                            "metadata": { "name": "q", "namespace": "team" } });
        assert!(objects.add(list(json!([quota])), "quota"));
        assert!(objects.add(list(json!([])), "events"));
        assert!(
            objects.add(json!({ "apiVersion": "v1", "kind": "LimitRangeList", "items": [] }), "x")
        );
        assert!(!objects.add(json!({ "version": 1 }), "summary"));
        let listed = objects.listed("team");
        assert_eq!(listed.quotas.seen().map(Vec::len), Some(1));
        assert_eq!(objects.listed("other").quotas.seen().map(Vec::len), Some(0));
        assert_eq!(listed.ranges.seen().map(Vec::len), Some(0));
        assert_eq!(objects.events("team").seen().map(Vec::len), Some(0));
        assert!(listed.nodes.seen().is_none() && listed.resolvers.seen().is_none());
    }

    #[test]
    fn items_of_a_list_of_the_api_have_its_kind() {
        let mut objects = Objects::default();
        let time = "2026-12-01T09:00:00Z";
        let pods = json!({ "apiVersion": "v1", "kind": "PodList", "items": [
            { "metadata": { "name": "a", "namespace": "team", "creationTimestamp": time,
                            "deletionTimestamp": "2099-01-01T00:00:00Z" } } ] });
        assert!(objects.add(pods, "all"));
        assert_eq!(objects.pods().seen().map(Vec::len), Some(1));
        assert_eq!(objects.time(), time.parse().ok());
    }
}
