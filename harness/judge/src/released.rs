//! Whether the resources of a session, or of a run, are removed.

use std::collections::BTreeMap;

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
