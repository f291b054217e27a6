//! Dependencies of an application, as they arrive at its driver and executors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
use crate::words::list;

/// SHA-256 in hex by name; `None` if the file is missing.
pub type Digests = BTreeMap<String, Option<String>>;

/// The dependencies that an application found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundDependencies {
    /// By executor's id.
    pub executors: BTreeMap<String, Digests>,
    /// At the driver.
    pub driver: Option<Digests>,
    /// The class of the jar that the driver loaded.
    pub class: Option<String>,
}

/// The dependencies that were sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentDependencies {
    /// SHA-256 in hex by name.
    pub digests: BTreeMap<String, String>,
    /// Name of the jar: executors have it as a file, the driver on its class path.
    pub jar: String,
    /// A class of the jar.
    pub class: String,
    /// Number of executors.
    pub executors: u32,
}

impl FoundDependencies {
    /// The differences from the originals, in words.
    fn differences(&self, sent: &SentDependencies) -> Vec<String> {
        let mut wrong = Vec::new();
        if usize::try_from(sent.executors) != Ok(self.executors.len()) || sent.executors == 0 {
            let ids = list(self.executors.keys());
            wrong.push(format!("{} executors expected, seen: {ids}", sent.executors));
        }
        if sent.digests.is_empty() {
            wrong.push("no dependency was sent".to_owned());
        }
        let none = Digests::new();
        let driver = ("driver", self.driver.as_ref().unwrap_or(&none));
        let executors = self.executors.iter().map(|(id, files)| (id.as_str(), files));
        for (who, files) in executors.chain([driver]) {
            let given =
                sent.digests.iter().filter(|(name, _)| who != "driver" || **name != sent.jar);
            for (name, digest) in given {
                match files.get(name).and_then(Option::as_ref) {
                    Some(seen) if seen == digest => {}
                    Some(seen) => wrong.push(format!("{who}: {name} is {seen}, {digest} was sent")),
                    None => wrong.push(format!("{who}: no {name}")),
                }
            }
        }
        if self.class.as_deref() != Some(&sent.class) {
            wrong.push(format!("driver: no class {} of the jar", sent.class));
        }
        wrong
    }
}

impl Observation for FoundDependencies {
    type Expected = SentDependencies;
    const KIND: &'static str = "application.dependencies.found";

    fn judge(&self, sent: &SentDependencies) -> Judged {
        let wrong = self.differences(sent);
        let judged = match wrong.is_empty() {
            true => Judged::green(),
            false => Judged { evidence: Vec::new(), red: Some((wrong.join("; "), None)) },
        };
        let who = list(self.executors.keys());
        let files = list(sent.digests.keys());
        judged.with("seen", format!("executors {who} and the driver: {files}"))
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let digests = [("a.bin", "11"), ("x.jar", "22")];
    let sent = SentDependencies {
        digests: digests.map(|(name, digest)| (name.to_owned(), digest.to_owned())).into(),
        jar: "x.jar".to_owned(),
        class: "sparkproof.Pi".to_owned(),
        executors: 2,
    };
    let control = |name, says, change: &dyn Fn(&mut FoundDependencies)| {
        let found = |(name, digest): (&str, &str)| (name.to_owned(), Some(digest.to_owned()));
        let mut seen = FoundDependencies {
            executors: ["1", "2"].map(|id| (id.to_owned(), digests.map(found).into())).into(),
            driver: Some([found(digests[0])].into()),
            class: Some("sparkproof.Pi".to_owned()),
        };
        change(&mut seen);
        Control::seen(name, &sent, &seen, says)
    };
    let file = |seen: &mut FoundDependencies, id: &str, name: &str, digest: Option<&str>| {
        let files = seen.executors.get_mut(id).or(seen.driver.as_mut()).into_iter();
        files.for_each(|files| drop(files.insert(name.to_owned(), digest.map(str::to_owned))));
    };
    vec![
        control("all complete", Says::Green, &|_| {}),
        control("other bytes", Says::Red("1: a.bin is 99, 11 was sent"), &|seen| {
            file(seen, "1", "a.bin", Some("99"));
        }),
        control("missing at an executor", Says::Red("2: no a.bin"), &|seen| {
            file(seen, "2", "a.bin", None);
        }),
        control("the jar missing", Says::Red("2: no x.jar"), &|seen| {
            file(seen, "2", "x.jar", None)
        }),
        control("missing at the driver", Says::Red("driver: no a.bin"), &|seen| {
            file(seen, "driver", "a.bin", None);
        }),
        control("one executor too few", Says::Red("2 executors expected, seen: 1"), &|seen| {
            drop(seen.executors.pop_last());
        }),
        control("no executors", Says::Red("expected, seen: none"), &|seen| seen.executors.clear()),
        control("an executor instead of the driver", Says::Red("driver: no a.bin"), &|seen| {
            let files = seen.executors["1"].clone();
            seen.executors.insert("3".to_owned(), files);
            seen.driver = None;
        }),
        control("no class", Says::Red("driver: no class sparkproof.Pi of"), &|seen| {
            seen.class = None
        }),
        control("another class", Says::Red("driver: no class"), &|seen| {
            seen.class = Some("sparkproof.Pie".to_owned());
        }),
        Control::seen(
            "nothing sent",
            &SentDependencies { digests: BTreeMap::new(), ..sent.clone() },
            &FoundDependencies {
                executors: ["1", "2"].map(|id| (id.to_owned(), Digests::new())).into(),
                driver: Some(Digests::new()),
                class: Some("sparkproof.Pi".to_owned()),
            },
            Says::Red("no dependency was sent"),
        ),
        Control::unseen::<FoundDependencies>(&sent, "the log has no line of the program"),
    ]
}
