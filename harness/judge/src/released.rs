//! Whether the resources of a session, or of a run, are removed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// What is left of a session's resources in the cluster, after they were removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReleased {
    /// Objects that still exist, by the resource to which they belong, e.g. `namespace spark-7f3a`.
    pub remains: BTreeMap<String, Vec<String>>,
    /// Why the removal failed, if it did.
    pub failure: Option<String>,
    /// Kinds that cannot be listed, for want of permission.
    pub not_looked_for: Vec<String>,
}

impl Observation for SessionReleased {
    /// The session's resources.
    type Expected = Vec<String>;
    const KIND: &'static str = "teardown.namespace";

    fn judge(&self, resources: &Vec<String>) -> Judged {
        let unseen = resources.iter().find(|resource| !self.remains.contains_key(*resource));
        let left = self.remains.iter().find(|(_, objects)| !objects.is_empty());
        let fault = match (&self.failure, left, unseen) {
            (Some(failure), _, _) => Some(failure.clone()),
            (None, Some((resource, objects)), _) => {
                Some(format!("{resource} is not removed; still there: {}", objects.join(", ")))
            }
            (None, None, Some(resource)) => Some(format!("{resource} was not looked for")),
            (None, None, None) if resources.is_empty() => {
                Some("the session has no resource that could be removed".to_owned())
            }
            (None, None, None) => None,
        };
        let judged = match fault {
            None => Judged::green(),
            Some(fault) => Judged::red(
                fault,
                "see what holds the objects (finalizers, a provisioner); `sparkproof sweep` removes \
                 them later",
            ),
        };
        let judged = judged.with("removed", resources.join("\n"));
        match self.not_looked_for.is_empty() {
            true => judged,
            false => judged.with("not listed", self.not_looked_for.join(", ")),
        }
    }
}

pub(crate) fn session_controls() -> Vec<Control> {
    let (namespace, binding) = ("namespace spark-7f3a", "cluster role binding spark-rolebinding");
    let expected = [namespace, binding].map(str::to_owned).to_vec();
    let control = |name, says, change: &dyn Fn(&mut SessionReleased)| {
        let mut seen = SessionReleased {
            remains: expected.iter().map(|resource| (resource.clone(), Vec::new())).collect(),
            failure: None,
            not_looked_for: Vec::new(),
        };
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let with = |name, words, resource: &str, object: &str| {
        control(name, Says::Red(words), &|seen| {
            seen.remains.insert(resource.to_owned(), vec![object.to_owned()]);
        })
    };
    vec![
        control("namespace and binding are gone", Says::Green, &|_| {}),
        control("kinds that may not be listed", Says::Green, &|seen| {
            seen.not_looked_for.push("services".to_owned());
        }),
        with(
            "a namespace that stays",
            "namespace spark-7f3a is not removed; still there: terminating",
            namespace,
            "terminating",
        ),
        with(
            "a binding that stays",
            "spark-rolebinding is not removed",
            binding,
            "clusterrolebinding",
        ),
        with(
            "an object in a user's namespace",
            "still there: pod x-exec-1",
            "team",
            "pod x-exec-1",
        ),
        control("a removal that failed", Says::Red("waited 120 s for the end of"), &|seen| {
            seen.failure = Some("waited 120 s for the end of namespace spark-7f3a".to_owned());
        }),
        control("one not looked for", Says::Red("spark-7f3a was not looked for"), &|seen| {
            seen.remains.remove("namespace spark-7f3a");
        }),
        control("none looked for", Says::Red("was not looked for"), &|seen| seen.remains.clear()),
        Control::seen(
            "nothing to remove",
            &Vec::new(),
            &SessionReleased {
                remains: BTreeMap::new(),
                failure: None,
                not_looked_for: Vec::new(),
            },
            Says::Red("no resource that could be removed"),
        ),
        Control::unseen::<SessionReleased>(&expected, "asking the API server: forbidden"),
    ]
}

/// How the removal of a run's resources ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReleased {
    /// Removed resources.
    pub removed: Vec<String>,
    /// Resources that the run still has.
    pub left: Vec<String>,
    /// Steps that failed, in order.
    pub failures: Vec<Failure>,
    /// By what it was cut short, if it was.
    pub cut_short: Option<String>,
    /// Whether the run's state directory still exists.
    pub state_stays: bool,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why.
    pub says: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl RunReleased {
    /// What is not as it should be, and what to do.
    pub fn fault(&self) -> Option<Failure> {
        let sweep = |says| {
            let remedy = Some("`sparkproof sweep` removes all of it".to_owned());
            Some(Failure { says, remedy })
        };
        let left = self.left.join(", ");
        match (&self.cut_short, self.failures.first()) {
            (Some(by), _) => {
                let left = match left.is_empty() {
                    true => "possibly the Docker daemon and processes of the run",
                    false => &left,
                };
                sweep(format!("cleanup was cut short by {by}; left: {left}"))
            }
            (None, Some(failure)) => Some(failure.clone()),
            (None, None) if !left.is_empty() => sweep(format!("not removed: {left}")),
            (None, None) if self.state_stays => {
                sweep("the run's state directory is not removed".to_owned())
            }
            (None, None) => None,
        }
    }
}

/// Of a removal without a fault.
impl fmt::Display for RunReleased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources = self.removed.len();
        let plural = if resources == 1 { "" } else { "s" };
        write!(f, "cleanup complete: {resources} resource{plural} removed")
    }
}

impl Observation for RunReleased {
    /// The run's resources before.
    type Expected = Vec<String>;
    const KIND: &'static str = "teardown.run";

    fn judge(&self, resources: &Vec<String>) -> Judged {
        let unknown = resources.iter().find(|resource| !self.removed.contains(resource));
        let fault = self.fault().or_else(|| {
            let says = format!("{} is neither removed nor left", unknown?);
            Some(Failure { says, remedy: Some("`sparkproof sweep` looks for it".to_owned()) })
        });
        let Some(Failure { says, remedy }) = fault else {
            return Judged::green().with("cleanup", self);
        };
        let judged = Judged { evidence: Vec::new(), red: Some((says, remedy)) };
        let failures: Vec<&str> = self.failures.iter().map(|f| f.says.as_str()).collect();
        let pieces = [("left", self.left.join("\n")), ("failures", failures.join("\n"))];
        let pieces = pieces.into_iter().filter(|(_, text)| !text.is_empty());
        pieces.fold(judged, |judged, (name, text)| judged.with(name, text))
    }
}

pub(crate) fn run_controls() -> Vec<Control> {
    let owned = ["kind cluster sparkproof-7f3a", "network sparkproof-7f3a"].map(str::to_owned);
    let expected = owned.to_vec();
    let control = |name, says, change: &dyn Fn(&mut RunReleased)| {
        let mut seen = RunReleased { removed: owned.to_vec(), ..RunReleased::default() };
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let failure = |says: &str| Failure { says: says.to_owned(), remedy: None };
    let red =
        |name, words, change: &dyn Fn(&mut RunReleased)| control(name, Says::Red(words), change);
    vec![
        control("all removed", Says::Green, &|_| {}),
        control("a tool's process as well", Says::Green, &|seen| {
            seen.removed.push("process 41 (kind)".to_owned());
        }),
        Control::seen("a run that made nothing", &Vec::new(), &RunReleased::default(), Says::Green),
        red("one left", "not removed: network sparkproof-7f3a", &|seen| {
            seen.left.extend(seen.removed.pop());
        }),
        red("one removal failed", "the daemon does not answer", &|seen| {
            seen.left.extend(seen.removed.pop());
            seen.failures.push(failure("the daemon does not answer"));
        }),
        red("a step failed after all removals", "the engine's lock", &|seen| {
            seen.failures.push(failure("the engine's lock"));
        }),
        red("two steps failed: the first is named", "the first", &|seen| {
            seen.failures.extend([failure("the first"), failure("the second")]);
        }),
        red("cut short", "cut short by a second signal; left: network sparkproof-7f3a", &|seen| {
            seen.left.extend(seen.removed.pop());
            seen.cut_short = Some("a second signal".to_owned());
        }),
        red("cut short after all removals", "left: possibly the Docker daemon", &|seen| {
            seen.cut_short = Some("its deadline of 600 s".to_owned());
        }),
        red("one neither removed nor left", "network sparkproof-7f3a is neither", &|seen| {
            seen.removed.pop();
        }),
        red("none removed, none left", "is neither removed nor left", &|seen| seen.removed.clear()),
        red("the state stays", "state directory is not removed", &|seen| seen.state_stays = true),
        Control::unseen::<RunReleased>(&expected, "the ledger cannot be read"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_of_a_failed_removal_has_no_empty_piece() {
        let failure = Failure { says: "the engine's lock".to_owned(), remedy: None };
        let failed = RunReleased { failures: vec![failure], ..RunReleased::default() };
        let names = failed.judge(&Vec::new()).evidence.into_iter().map(|piece| piece.name);
        assert_eq!(names.collect::<Vec<_>>(), ["failures"]);
    }
}
