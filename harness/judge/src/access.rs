//! What an account may do.

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
