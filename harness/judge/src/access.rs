//! What an account may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// What the API server granted, asked as the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The identity that asked, e.g. `account spark`.
    pub who: String,
    /// Why the identity is not an account, if it is not.
    pub why_not_as_account: Option<String>,
    /// The namespace of the reviews.
    pub namespace: String,
    /// Granted verbs, as `create pods`.
    pub granted: Vec<String>,
}

impl Observation for Granted {
    /// The verbs that this Spark version needs, as `create pods`.
    type Expected = Vec<String>;
    const KIND: &'static str = "access.can-i";

    fn judge(&self, needed: &Vec<String>) -> Judged {
        let missing: Vec<&str> =
            needed.iter().filter(|verb| !self.granted.contains(verb)).map(String::as_str).collect();
        let judged = match missing.is_empty() && !needed.is_empty() {
            true => Judged::green(),
            false if needed.is_empty() => Judged::red(
                "no verb was asked for: the needs of this Spark version are not known",
                "use a known Spark version: `sparkproof doctor` lists them",
            ),
            false => Judged::red(
                format!(
                    "{} in namespace {} may not: {}",
                    self.who,
                    self.namespace,
                    missing.join(", ")
                ),
                "grant these verbs in the account's Role, or use --rbac minimal",
            )
            .with("cause", "missing-verb"),
        };
        let judged = judged.with("asked as the driver", needed.join(", "));
        match &self.why_not_as_account {
            Some(why) => judged.with("why not as an account", why),
            None => judged,
        }
    }
}

/// What the API server said about permissions of the kubeconfig's user, before anything was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPermissions {
    /// Granted verbs, as `create pods`.
    pub granted: BTreeSet<String>,
    /// Denied verbs.
    pub denied: BTreeSet<String>,
}

impl Observation for UserPermissions {
    /// The verbs that a feature needs. If one of them is denied, it is skipped and not judged.
    type Expected = Vec<String>;
    const KIND: &'static str = "access.uses";

    fn judge(&self, needed: &Vec<String>) -> Judged {
        let of = |those: &dyn Fn(&String) -> bool| {
            let found: Vec<&str> =
                needed.iter().filter(|verb| those(verb)).map(String::as_str).collect();
            (!found.is_empty()).then(|| found.join(", "))
        };
        let denied = of(&|verb| self.denied.contains(verb));
        let unasked = of(&|verb| !self.granted.contains(verb));
        let fault = match (denied, unasked) {
            _ if needed.is_empty() => Some("no verb is needed for this".to_owned()),
            (Some(verbs), _) => Some(format!("the kubeconfig's user may not {verbs}")),
            (None, Some(verbs)) => Some(format!("the API server was not asked about: {verbs}")),
            (None, None) => None,
        };
        match fault {
            None => Judged::green().with("asked and granted", needed.join(", ")),
            Some(fault) => {
                Judged::red(fault, "grant the verbs of docs/existing-clusters.md to the user")
            }
        }
    }
}

pub(crate) fn user_controls() -> Vec<Control> {
    let set = |verbs: &[&str]| verbs.iter().map(|&verb| verb.to_owned()).collect::<BTreeSet<_>>();
    let needed = ["get pods/log", "list events"].map(str::to_owned).to_vec();
    let seen = |granted: &[&str], denied: &[&str]| UserPermissions {
        granted: set(granted),
        denied: set(denied),
    };
    let control = |name, granted: &[&str], denied: &[&str], says| {
        Control::seen(name, &needed, &seen(granted, denied), says)
    };
    let all = ["get pods/log", "list events"];
    let unasked = Says::Red("the API server was not asked about: list events");
    vec![
        control("all granted", &all, &[], Says::Green),
        control("another denied", &all, &["list nodes"], Says::Green),
        control("one not asked about", &all[..1], &[], unasked),
        control("another resource", &["get pods/log", "list pods"], &[], unasked),
        control("one denied", &all[..1], &all[1..], Says::Red("may not list events")),
        control("both granted and denied", &all, &all[1..], Says::Red("may not list events")),
        control("none asked about", &[], &[], Says::Red("about: get pods/log, list events")),
        Control::seen("none needed", &Vec::new(), &seen(&all, &[]), Says::Red("no verb is needed")),
        Control::unseen::<UserPermissions>(&needed, "the API server did not answer"),
    ]
}

pub(crate) fn controls() -> Vec<Control> {
    let verbs = |verbs: &[&str]| verbs.iter().map(|&verb| verb.to_owned()).collect::<Vec<_>>();
    let needed = verbs(&["create pods", "deletecollection pods"]);
    let granted = |granted: &[&str]| Granted {
        who: "account spark".to_owned(),
        why_not_as_account: None,
        namespace: "team".to_owned(),
        granted: verbs(granted),
    };
    let all = ["create pods", "deletecollection pods"];
    let control = |name, given: &[&str], says| Control::seen(name, &needed, &granted(given), says);
    vec![
        control("all granted", &all, Says::Green),
        control(
            "more than needed",
            &["create pods", "deletecollection pods", "get pods"],
            Says::Green,
        ),
        control(
            "one missing",
            &all[..1],
            Says::Red("account spark in namespace team may not: deletecollection pods"),
        ),
        control("none granted", &[], Says::Red("may not: create pods, deletecollection pods")),
        control(
            "another resource",
            &["create pods", "deletecollection services"],
            Says::Red("may not: deletecollection pods"),
        ),
        Control::seen(
            "nothing asked",
            &Vec::new(),
            &granted(&all),
            Says::Red("no verb was asked for"),
        ),
        Control::unseen::<Granted>(&needed, "the API server did not answer"),
    ]
}
