//! The objects of a session that Kubernetes still has after its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// Objects of a session by kind; names sorted. Pods carry their status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// Name and status of each pod.
    pub pods: BTreeMap<String, String>,
    /// ConfigMaps, without that of the root CA.
    pub config_maps: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Persistent volume claims.
    pub claims: Vec<String>,
    /// StatefulSets: one that is left would create its pods again.
    pub stateful_sets: Vec<String>,
    /// NetworkPolicies: one that is left would bind the next session's pods.
    #[serde(default)]
    pub network_policies: Vec<String>,
}

impl Leftovers {
    /// True if nothing is left.
    pub fn is_empty(&self) -> bool {
        *self == Leftovers::default()
    }
}

impl std::fmt::Display for Leftovers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let pods = self.pods.iter().map(|(name, status)| format!("pod {name} ({status})"));
        let rest = |kind: &'static str, names: &[String]| {
            names.iter().map(move |name| format!("{kind} {name}")).collect::<Vec<_>>()
        };
        let all: Vec<String> = pods
            .chain(rest("configmap", &self.config_maps))
            .chain(rest("service", &self.services))
            .chain(rest("persistentvolumeclaim", &self.claims))
            .chain(rest("statefulset", &self.stateful_sets))
            .chain(rest("networkpolicy", &self.network_policies))
            .collect();
        f.write_str(&all.join(", "))
    }
}

/// The leftovers of a session whose driver cleaned up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// The leftovers.
    pub left: Leftovers,
    /// Seconds from the session's end to this observation.
    pub after_seconds: f64,
    /// Kinds that cannot be listed, for want of permission.
    pub not_looked_for: Vec<String>,
    /// Lines of the driver's log about a refusal.
    pub denied: Vec<String>,
}

impl Observation for Left {
    type Expected = ();
    const KIND: &'static str = "teardown.left";

    fn judge(&self, (): &()) -> Judged {
        let Left { left, after_seconds, .. } = self;
        let mut judged = if left.is_empty() {
            Judged::green().with("gone after", format!("{after_seconds:.1} s"))
        } else {
            let red = Judged::red(
                format!("{after_seconds:.1} s after the end these are left: {left}"),
                "grant deletecollection on pods, configmaps, services and claims",
            );
            red.with("left", left)
        };
        if !left.is_empty() && !self.denied.is_empty() {
            judged =
                judged.with("cause", "missing-verb").with("driver log", self.denied.join("\n"));
        }
        match self.not_looked_for.is_empty() {
            true => judged,
            false => judged.with("not listed", self.not_looked_for.join(", ")),
        }
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut Leftovers)| {
        let mut left = Leftovers::default();
        change(&mut left);
        let seen =
            Left { left, after_seconds: 1.3, not_looked_for: Vec::new(), denied: Vec::new() };
        Control::seen(name, &(), &seen, says)
    };
    vec![
        control("nothing left", Says::Green, &|_| {}),
        control("a pod that ended", Says::Red("left: pod x-exec-1 (Completed)"), &|left| {
            left.pods.insert("x-exec-1".to_owned(), "Completed".to_owned());
        }),
        control("a pod still Terminating", Says::Red("pod x-exec-1 (Terminating)"), &|left| {
            left.pods.insert("x-exec-1".to_owned(), "Terminating".to_owned());
        }),
        control("a ConfigMap", Says::Red("configmap spark-exec-1-conf-map"), &|left| {
            left.config_maps.push("spark-exec-1-conf-map".to_owned());
        }),
        control("a Service", Says::Red("service x-svc"), &|left| {
            left.services.push("x-svc".to_owned())
        }),
        control("a claim", Says::Red("persistentvolumeclaim x-pvc-0"), &|left| {
            left.claims.push("x-pvc-0".to_owned());
        }),
        control("a StatefulSet", Says::Red("statefulset spark-s-0"), &|left| {
            left.stateful_sets.push("spark-s-0".to_owned());
        }),
        control("a NetworkPolicy", Says::Red("networkpolicy x-policy"), &|left| {
            left.network_policies.push("x-policy".to_owned());
        }),
        Control::unseen::<Left>(&(), "namespace x could not be listed"),
    ]
}

/// The objects that a killed driver leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held(pub Leftovers);

/// The expectation for a killed driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Number of executor pods.
    pub executors: usize,
    /// Their possible states in kubectl's words; `Running` for a Spark version whose executors run
    /// on.
    pub ends: Vec<String>,
    /// Number of executor ConfigMaps.
    pub config_maps: usize,
}

impl Observation for Held {
    type Expected = Expected;
    const KIND: &'static str = "teardown.kill";

    fn judge(&self, expected: &Expected) -> Judged {
        let held = &self.0;
        let Expected { executors, ends, config_maps } = expected;
        let of_executors =
            |map: &String| map.starts_with("spark-exec-") && map.ends_with("-conf-map");
        let as_expected = held.pods.len() == *executors
            && held.pods.values().all(|status| ends.contains(status))
            && held.config_maps.len() == *config_maps
            && held.config_maps.iter().all(of_executors)
            && held.services.is_empty()
            && held.claims.is_empty()
            && held.stateful_sets.is_empty()
            && held.network_policies.is_empty();
        let judged = match as_expected {
            true => Judged::green(),
            false => Judged::red(
                format!(
                    "{executors} pods ({}) and {config_maps} spark-exec-*-conf-map expected, found: \
                     {held}",
                    ends.join(" or ")
                ),
                "read the executors' logs; another Spark version may end them differently",
            ),
        };
        judged.with("left after kill -9", held)
    }
}

pub(crate) fn kill_controls() -> Vec<Control> {
    let ends = ["Error", "Completed"].map(str::to_owned).to_vec();
    let expected = Expected { executors: 2, ends, config_maps: 1 };
    let control = |name, says, change: &dyn Fn(&mut Leftovers)| {
        let mut held = Leftovers {
            pods: BTreeMap::from(
                [("x-exec-1", "Error"), ("x-exec-2", "Completed")]
                    .map(|(name, status)| (name.to_owned(), status.to_owned())),
            ),
            config_maps: vec!["spark-exec-9f-conf-map".to_owned()],
            ..Leftovers::default()
        };
        change(&mut held);
        Control::seen(name, &expected, &Held(held), says)
    };
    let red = Says::Red("2 pods (Error or Completed) and 1 spark-exec-*-conf-map expected");
    vec![
        control("both ended and stay", Says::Green, &|_| {}),
        control("one went", red, &|held| drop(held.pods.pop_first())),
        control("one runs on", red, &|held| {
            held.pods.insert("x-exec-1".to_owned(), "Running".to_owned());
        }),
        control("one more", red, &|held| {
            held.pods.insert("x-exec-3".to_owned(), "Error".to_owned());
        }),
        control("no ConfigMap", red, &|held| held.config_maps.clear()),
        control("another ConfigMap", red, &|held| {
            held.config_maps = vec!["spark-drv-9f-conf-map".to_owned()];
        }),
        control("one ConfigMap more", red, &|held| {
            held.config_maps.push("spark-exec-2-conf-map".to_owned());
        }),
        control("a Service", red, &|held| held.services.push("x-svc".to_owned())),
        control("a claim", red, &|held| held.claims.push("x-pvc-0".to_owned())),
        control("a StatefulSet", red, &|held| held.stateful_sets.push("s".to_owned())),
        control("a NetworkPolicy", red, &|held| held.network_policies.push("p".to_owned())),
        control("nothing", red, &|held| *held = Leftovers::default()),
        Control::unseen::<Held>(&expected, "namespace x could not be listed"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_cause_only_if_something_is_left() {
        let is_cause = |services: &[String], denied: &[String]| {
            let (services, denied) = (services.to_vec(), denied.to_vec());
            let left = Leftovers { services, ..Leftovers::default() };
            let left = Left { left, after_seconds: 1.3, not_looked_for: Vec::new(), denied };
            left.judge(&()).evidence.iter().any(|piece| piece.text == "missing-verb")
        };
        let one = ["x".to_owned()];
        assert!(is_cause(&one, &one));
        assert!(!is_cause(&[], &one));
        assert!(!is_cause(&one, &[]));
    }
}
