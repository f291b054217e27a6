//! Words for an application that somebody else submitted: sparkproof's own flags are of no use to it.

use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Diagnosis;

use super::evidence::Evidence;

/// What a remedy says to users of sparkproof, and to others. The first that fits counts, so what
/// begins with another stands before it.
const WORDS: [(&str, &str); 21] = [
    ("--restricted, or a pod template", "a pod template"),
    ("--restricted", "pod templates that comply with Pod Security restricted"),
    ("--executors", "spark.executor.instances"),
    ("--executor-cpu", "spark.kubernetes.executor.request.cores"),
    ("--executor-cpu-limit", "spark.kubernetes.executor.limit.cores"),
    ("--executor-memory", "spark.executor.memory"),
    ("--driver-cpu", "spark.kubernetes.driver.request.cores"),
    ("--driver-cpu-limit", "spark.kubernetes.driver.limit.cores"),
    ("--driver-memory", "spark.driver.memory"),
    ("--driver-host", "spark.driver.host"),
    ("--driver pod", "cluster mode (spark-submit --deploy-mode cluster)"),
    ("--driver container", "a driver in a container on a network that pods reach"),
    ("--image-pull-secret", "spark.kubernetes.container.image.pullSecrets"),
    ("--image", "spark.kubernetes.container.image"),
    ("--namespace", "spark.kubernetes.namespace"),
    ("--pod-template", "spark.kubernetes.{driver,executor}.podTemplateFile"),
    ("--driver-pod-template", "spark.kubernetes.driver.podTemplateFile"),
    ("--service-account", "spark.kubernetes.authenticate.driver.serviceAccountName"),
    (" in the run directory", ""),
    (", or use sparkproof's image", ""),
    ("the session's namespace", "the application's namespace"),
];

/// The diagnosis with remedies in Spark's own terms.
#[must_use]
pub fn for_others(mut diagnosis: Diagnosis) -> Diagnosis {
    diagnosis.remedy = reworded(&diagnosis.remedy);
    diagnosis.also = diagnosis.also.into_iter().map(for_others).collect();
    diagnosis
}

fn reworded(remedy: &str) -> String {
    let mut words = String::with_capacity(remedy.len());
    let mut rest = remedy;
    while let Some(next) = rest.chars().next() {
        let of_word = |c: char| c.is_alphanumeric() || c == '-';
        let whole = |from: &str| !(from.starts_with('-') && words.ends_with(of_word));
        let fits = |(from, _): &&(&str, &str)| {
            whole(from) && rest.strip_prefix(from).is_some_and(|after| !after.starts_with(of_word))
        };
        match WORDS.iter().find(fits) {
            Some((from, to)) => {
                words.push_str(to);
                rest = &rest[from.len()..];
            }
            None => {
                words.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    words
}

/// The parts of the evidence that could not be looked at, each with its reason.
pub fn unseen(evidence: &Evidence) -> Vec<(&'static str, &str)> {
    fn why<T>(looked: &Looked<T>) -> Option<&str> {
        match looked {
            Looked::Seen(_) => None,
            Looked::Unseen(why) => Some(why),
        }
    }
    let around = &evidence.around;
    let parts = [
        ("events", why(&evidence.events)),
        ("labels of the namespace", why(&around.namespace_labels)),
        ("service accounts", why(&around.accounts)),
        ("quotas", why(&around.quotas)),
        ("limit ranges", why(&around.limit_ranges)),
        ("network policies", why(&around.policies)),
        ("claims", why(&around.claims)),
        ("storage classes", why(&around.classes)),
        ("nodes", why(&around.nodes)),
        ("leases of schedulers", why(&around.schedulers)),
        ("pods of DNS", why(&around.dns_ready)),
    ];
    parts.into_iter().filter_map(|(part, why)| Some((part, why?))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use rstest::rstest;
    use sparkproof_base::verdict::Cause;

    use super::*;

    /// Options of spark-submit, Java, kubectl, docker and mount; `--conf` is spark-submit's, too.
    const OF_OTHERS: [&str; 9] = [
        "--add-opens",
        "--class",
        "--conf",
        "--deploy-mode",
        "--driver-memory",
        "--make-rshared",
        "--platform",
        "--replicas",
        "--resourceProfileId",
    ];

    #[rstest]
    #[case(
        "raise --executor-memory or --conf spark.x=1",
        "raise spark.executor.memory or --conf spark.x=1"
    )]
    #[case(
        "fewer (--executors), or --executor-cpu",
        "fewer (spark.executor.instances), or spark.kubernetes.executor.request.cores"
    )]
    #[case(
        "give it with --image-pull-secret",
        "give it with spark.kubernetes.container.image.pullSecrets"
    )]
    #[case(
        "correct it with --image REGISTRY/NAME:TAG",
        "correct it with spark.kubernetes.container.image REGISTRY/NAME:TAG"
    )]
    #[case("read the logs in the run directory", "read the logs")]
    #[case(
        "--driver-host with an address; or --driver pod",
        "spark.driver.host with an address; or cluster mode (spark-submit --deploy-mode cluster)"
    )]
    #[case("--executors-x and x--image stay, é too", "--executors-x and x--image stay, é too")]
    fn remedies_are_in_the_terms_of_spark(#[case] ours: &str, #[case] theirs: &str) {
        let diagnosis = |also| Diagnosis {
            cause: Cause::OutOfMemory,
            says: String::new(),
            evidence: Vec::new(),
            remedy: ours.to_owned(),
            also,
        };
        let said = for_others(diagnosis(vec![diagnosis(Vec::new())]));
        assert_eq!((&*said.remedy, &*said.also[0].remedy), (theirs, theirs));
    }

    /// Every flag that a rule names is in the table.
    #[test]
    fn no_flag_of_sparkproof_is_left() {
        let mut named = BTreeSet::new();
        gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnosis"), &mut named);
        assert!(named.contains("--executors"), "{named:?}");
        let left: Vec<&String> = named
            .iter()
            .filter(|flag| !OF_OTHERS.contains(&flag.as_str()))
            // `--driver` is followed by a place.
            .filter(|flag| *flag != "--driver" && reworded(flag) == **flag)
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    fn gather(dir: &Path, named: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("listed")) {
            let path = entry.path();
            if path.is_dir() {
                gather(&path, named);
            // The table of causes is for users of sparkproof.
            } else if !path.ends_with("foreign.rs") && !path.ends_with("causes.rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let text: String = code.map(|line| format!("{line}\n")).collect();
                let flag = |c: char| !(c.is_ascii_alphabetic() || c == '-');
                let words = text.split(flag).filter_map(|word| word.strip_prefix("--"));
                let words = words.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
                named.extend(words.map(|word| format!("--{}", word.trim_end_matches('-'))));
            }
        }
    }

    #[test]
    fn what_was_not_looked_at_is_said() {
        let evidence = Evidence { events: Looked::Seen(Vec::new()), ..Evidence::default() };
        let parts: Vec<_> = unseen(&evidence).into_iter().map(|(part, _)| part).collect();
        assert!(!parts.contains(&"events") && parts.contains(&"nodes"), "{parts:?}");
        assert_eq!(parts.len(), 10);
    }
}
