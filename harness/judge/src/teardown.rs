//! What Kubernetes holds of a session after its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// Objects of a session by kind; names sorted. Pods carry their status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// Name and status of each pod.
    pub pods: BTreeMap<String, String>,
    /// ConfigMaps but for the root CA's.
    pub config_maps: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Persistent volume claims.
    pub claims: Vec<String>,
    /// StatefulSets: one that stays brings its pods back.
    pub stateful_sets: Vec<String>,
}

impl Leftovers {
    /// Nothing left.
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
            .collect();
        f.write_str(&all.join(", "))
    }
}

/// What is left of a session that deleted what it made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// What there is.
    pub left: Leftovers,
    /// Seconds from the session's end to this look.
    pub after_seconds: f64,
    /// Kinds that may not be listed.
    pub not_looked_for: Vec<String>,
    /// Lines of the driver's log that tell of a refusal.
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
            false => judged.with("not looked for", self.not_looked_for.join(", ")),
        }
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let of = |name, says, change: &dyn Fn(&mut Leftovers)| {
        let mut left = Leftovers::default();
        change(&mut left);
        let seen =
            Left { left, after_seconds: 1.3, not_looked_for: Vec::new(), denied: Vec::new() };
        Control::of(name, &(), &seen, says)
    };
    vec![
        of("nothing left", Says::Green, &|_| {}),
        of("a pod that ended", Says::Red("left: pod x-exec-1 (Completed)"), &|left| {
            left.pods.insert("x-exec-1".to_owned(), "Completed".to_owned());
        }),
        of("a pod that goes, too late", Says::Red("pod x-exec-1 (Terminating)"), &|left| {
            left.pods.insert("x-exec-1".to_owned(), "Terminating".to_owned());
        }),
        of("a ConfigMap", Says::Red("configmap spark-exec-1-conf-map"), &|left| {
            left.config_maps.push("spark-exec-1-conf-map".to_owned());
        }),
        of("a Service", Says::Red("service x-svc"), &|left| left.services.push("x-svc".to_owned())),
        of("a claim", Says::Red("persistentvolumeclaim x-pvc-0"), &|left| {
            left.claims.push("x-pvc-0".to_owned());
        }),
        of("a StatefulSet", Says::Red("statefulset spark-s-0"), &|left| {
            left.stateful_sets.push("spark-s-0".to_owned());
        }),
        Control::unseen::<Left>(&(), "what namespace x holds could not be listed"),
    ]
}

/// What a driver that was killed leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held(pub Leftovers);

/// What it should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// How many executor pods.
    pub executors: usize,
    /// As what they end, by kubectl's words; of a Spark whose executors run on, `Running`.
    pub ends: Vec<String>,
    /// How many ConfigMaps of executors.
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
            && held.stateful_sets.is_empty();
        let judged = match as_expected {
            true => Judged::green(),
            false => Judged::red(
                format!(
                    "{executors} pods ({}) and {config_maps} spark-exec-*-conf-map expected, held: \
                     {held}",
                    ends.join(" or ")
                ),
                "look at the executors' logs; another version of Spark may end them otherwise",
            ),
        };
        judged.with("held after kill -9", held)
    }
}

pub(crate) fn kill_controls() -> Vec<Control> {
    let ends = ["Error", "Completed"].map(str::to_owned).to_vec();
    let expected = Expected { executors: 2, ends, config_maps: 1 };
    let of = |name, says, change: &dyn Fn(&mut Leftovers)| {
        let mut held = Leftovers {
            pods: BTreeMap::from(
                [("x-exec-1", "Error"), ("x-exec-2", "Completed")]
                    .map(|(name, status)| (name.to_owned(), status.to_owned())),
            ),
            config_maps: vec!["spark-exec-9f-conf-map".to_owned()],
            ..Leftovers::default()
        };
        change(&mut held);
        Control::of(name, &expected, &Held(held), says)
    };
    let red = Says::Red("2 pods (Error or Completed) and 1 spark-exec-*-conf-map expected");
    vec![
        of("both ended and stay", Says::Green, &|_| {}),
        of("one went", red, &|held| drop(held.pods.pop_first())),
        of("one runs on", red, &|held| {
            held.pods.insert("x-exec-1".to_owned(), "Running".to_owned());
        }),
        of("one more", red, &|held| {
            held.pods.insert("x-exec-3".to_owned(), "Error".to_owned());
        }),
        of("no ConfigMap", red, &|held| held.config_maps.clear()),
        of("another ConfigMap", red, &|held| held.config_maps = vec!["mine".to_owned()]),
        of("one ConfigMap more", red, &|held| {
            held.config_maps.push("spark-exec-2-conf-map".to_owned());
        }),
        of("a Service", red, &|held| held.services.push("x-svc".to_owned())),
        of("a claim", red, &|held| held.claims.push("x-pvc-0".to_owned())),
        of("a StatefulSet", red, &|held| held.stateful_sets.push("s".to_owned())),
        of("nothing", red, &|held| *held = Leftovers::default()),
        Control::unseen::<Held>(&expected, "what namespace x holds could not be listed"),
    ]
}
