//! What an account may do.

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// What the API server said of each verb, asked as the driver itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Who asked, e.g. `account spark`.
    pub who: String,
    /// Why it is not an account, if so.
    pub why_not_as_account: Option<String>,
    /// In which namespace.
    pub namespace: String,
    /// What is granted, as `create pods`.
    pub granted: Vec<String>,
}

impl Observation for Granted {
    /// What this version of Spark needs, as `create pods`.
    type Expected = Vec<String>;
    const KIND: &'static str = "access.can-i";

    fn judge(&self, needed: &Vec<String>) -> Judged {
        let missing: Vec<&str> =
            needed.iter().filter(|verb| !self.granted.contains(verb)).map(String::as_str).collect();
        let judged = match missing.is_empty() && !needed.is_empty() {
            true => Judged::green(),
            false if needed.is_empty() => Judged::red(
                "nothing was asked: it is not known what this Spark needs",
                "use a version of Spark that is known: `sparkproof doctor`",
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
        let judged = judged.with("asked as the driver itself", needed.join(", "));
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
    let of = |name, given: &[&str], says| Control::of(name, &needed, &granted(given), says);
    vec![
        of("all granted", &all, Says::Green),
        of("more than needed", &["create pods", "deletecollection pods", "get pods"], Says::Green),
        of(
            "one missing",
            &all[..1],
            Says::Red("account spark in namespace team may not: deletecollection pods"),
        ),
        of("none granted", &[], Says::Red("may not: create pods, deletecollection pods")),
        of(
            "another resource",
            &["create pods", "deletecollection services"],
            Says::Red("may not: deletecollection pods"),
        ),
        Control::of("nothing asked", &Vec::new(), &granted(&all), Says::Red("nothing was asked")),
        Control::unseen::<Granted>(&needed, "the API server did not answer"),
    ]
}
