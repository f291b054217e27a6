//! Files and hosts that a driver needs for its start.

use sparkproof_base::verdict::Cause;

use super::said::driver_says;
use crate::diagnosis::evidence::Evidence;
use crate::diagnosis::finding::{Ends, Finding};
use crate::diagnosis::java::{Thrown, chains};

/// What a `SparkContext` that cannot be made says, or spark-submit.
const STOPPED: [&str; 2] = ["SparkContext", "Exception in thread \"main\""];

/// A file or directory that does not exist, or a host that has no address, for something that the
/// configuration names. What Kubernetes' client says is about the API server.
pub(super) fn lacks(evidence: &Evidence) -> Option<Finding> {
    driver_says(evidence).into_iter().find_map(|(name, text)| {
        let chain = chains(text).into_iter().rfind(|chain| is_of_start(text, chain))?;
        let root = chain.last()?;
        let (cause, says, remedy) = what(evidence, root)?;
        Some(Finding::new(cause, says, remedy).because(name, root.line).ends(Ends::AtOnce))
    })
}

fn is_of_start(text: &str, chain: &[Thrown<'_>]) -> bool {
    let of_client = |thrown: &Thrown<'_>| {
        thrown.class.contains("kubernetes") || thrown.message.contains("kubernetes")
    };
    STOPPED.iter().any(|words| text.contains(words)) && !chain.iter().any(of_client)
}

fn what(evidence: &Evidence, root: &Thrown<'_>) -> Option<(Cause, String, String)> {
    // `(Permission denied)`, `(Is a directory)`: it is there.
    let there =
        root.message.ends_with(')') && !root.message.ends_with("(No such file or directory)");
    if !there && root.is(&["FileNotFoundException", "NoSuchFileException"]) {
        let path = path(root.message);
        let key = key(evidence, path)?;
        return Some((
            Cause::DriverLacksFile,
            format!("{path} does not exist where the driver runs ({key})"),
            format!("make it there, or correct {key}"),
        ));
    }
    if root.is(&["UnknownHostException"]) {
        let host = root.message.split(':').next().unwrap_or_default().trim();
        let key = key(evidence, host)?;
        return Some((
            Cause::UnknownHost,
            format!("the driver cannot resolve the name {host} ({key})"),
            format!("correct {key}, or make the name resolvable where the driver runs"),
        ));
    }
    None
}

/// `File file:/a/b does not exist`, or the path alone.
fn path(message: &str) -> &str {
    let path = message.strip_prefix("File ").unwrap_or(message);
    let path = path.split([' ', '(']).next().unwrap_or(path);
    path.strip_prefix("file:").unwrap_or(path)
}

/// The key whose value has this word.
fn key<'a>(evidence: &'a Evidence, word: &str) -> Option<&'a str> {
    let mut conf = evidence.asked.conf.iter().filter(|_| !word.is_empty());
    conf.find(|(_, value)| value.contains(word)).map(|(key, _)| key.as_str())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::diagnosis::testing::pod;

    const BEGUN: &str = "ERROR SparkContext: Error initializing SparkContext.\n";

    fn with(conf: (&str, &str), log: &str) -> Evidence {
        let mut evidence = pod(|_| {});
        evidence.pods.clear();
        evidence.asked.conf.insert(conf.0.to_owned(), conf.1.to_owned());
        evidence.driver.log = format!("{BEGUN}{log}");
        evidence
    }

    #[rstest]
    #[case(
        with(("spark.eventLog.dir", "file:///no/such"), "java.io.FileNotFoundException: File file:/no/such does not exist"),
        Cause::DriverLacksFile
    )]
    #[case(
        with(("spark.files", "https://files.example.test/x"), "java.net.UnknownHostException: files.example.test"),
        Cause::UnknownHost
    )]
    fn what_the_configuration_names_is_missed(#[case] evidence: Evidence, #[case] cause: Cause) {
        let found = lacks(&evidence).expect("found");
        assert_eq!(found.cause, cause);
        assert!(found.says.contains("spark."), "{}", found.says);
    }

    #[rstest]
    // Nothing of the configuration.
    #[case(with(("spark.x", "y"), "java.net.UnknownHostException: other.test"))]
    // The API server.
    #[case(with(
        ("spark.master", "k8s://https://api.test:6443"),
        "io.fabric8.kubernetes.client.KubernetesClientException: failed\nCaused by: java.net.UnknownHostException: api.test"
    ))]
    fn what_else_is_not_found_is_none(#[case] evidence: Evidence) {
        assert_eq!(lacks(&evidence), None);
    }
}
