//! Pods under Pod Security's level `restricted`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// A session's pods, and whether their namespace refuses others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictedPods {
    /// The API server's words on a dry run of an ordinary pod; `None`: it accepts one.
    pub refused: Option<String>,
    /// By the name of each pod, the fields by which it violates the level.
    pub pods: BTreeMap<String, Vec<String>>,
}

impl Observation for RestrictedPods {
    /// Whether the namespace must enforce the level.
    type Expected = bool;
    const KIND: &'static str = "pods.restricted";

    fn judge(&self, enforced: &bool) -> Judged {
        let violate = self.pods.iter().filter(|(_, fields)| !fields.is_empty());
        let violate: Vec<String> =
            violate.map(|(pod, fields)| format!("{pod}: {}", fields.join("; "))).collect();
        let judged = if self.pods.is_empty() {
            Judged::red("there is no pod", "start the session again")
        } else if !violate.is_empty() {
            Judged::red(
                format!("violate the level restricted: {}", violate.join(", ")),
                "use --restricted; see what else changes pods in this namespace (webhooks)",
            )
        } else if *enforced && self.refused.is_none() {
            Judged::red(
                "the namespace does not refuse an ordinary pod",
                "see that the API server's admission plugin PodSecurity is on, and that nothing takes \
                 labels off namespaces",
            )
        } else {
            Judged::green()
        };
        let words = self.refused.as_deref().unwrap_or("it is accepted");
        judged.with("an ordinary pod", words).with("pods", self.pods.keys().count())
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let seen = |first: &[&str], refused: bool| RestrictedPods {
        refused: refused.then(|| "violates PodSecurity \"restricted:latest\"".to_owned()),
        pods: BTreeMap::from([
            ("driver".to_owned(), Vec::new()),
            ("exec-1".to_owned(), first.iter().map(|&field| field.to_owned()).collect()),
        ]),
    };
    let root = "container spark: runAsNonRoot is not true";
    let none = RestrictedPods { pods: BTreeMap::new(), ..seen(&[], true) };
    vec![
        Control::seen("all comply, others are refused", &true, &seen(&[], true), Says::Green),
        Control::seen(
            "all comply in a namespace of the user's",
            &false,
            &seen(&[], false),
            Says::Green,
        ),
        Control::seen(
            "one may be root",
            &true,
            &seen(&[root], true),
            Says::Red("exec-1: container"),
        ),
        Control::seen(
            "nothing is enforced",
            &true,
            &seen(&[], false),
            Says::Red("does not refuse"),
        ),
        Control::seen("no pods", &true, &none, Says::Red("there is no pod")),
        Control::unseen::<RestrictedPods>(&true, "the watch was refused"),
    ]
}
