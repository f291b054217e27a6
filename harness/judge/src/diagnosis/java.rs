//! Exceptions in the log of a JVM.

use std::sync::LazyLock;

use regex::Regex;

/// An exception: one of a chain of causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thrown<'a> {
    /// Its class, e.g. `java.net.UnknownHostException`.
    pub(super) class: &'a str,
    /// The first line of its message.
    pub(super) message: &'a str,
    /// The whole line.
    pub(super) line: &'a str,
}

impl Thrown<'_> {
    /// Whether its class, without the package, is one of these.
    pub(super) fn is(&self, classes: &[&str]) -> bool {
        let name = self.class.rsplit(['.', '$']).next().unwrap_or_default();
        classes.contains(&name)
    }
}

/// The first line of an exception: a stack trace's, one of its causes, what a thread died of, what
/// Py4J quotes after `: `, or the end of a line of log4j.
static FIRST_LINE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"^\s*(?:(?P<cause>Caused by: |Suppressed: )|.*?(?:: |Exception in thread "[^"]*" ))?(?P<class>(?:[a-z][\w]*\.)+[A-Z][\w.$]*(?:Exception|Error|Throwable|Failure)[\w$]*)(?:: (?P<message>.*))?$"#,
    )
    .expect("a valid expression")
});

/// Every chain of exceptions in a log, each from the outermost to the innermost, in the order of the
/// log. Stack frames and other lines may stand between.
pub(super) fn chains(log: &str) -> Vec<Vec<Thrown<'_>>> {
    let mut chains: Vec<Vec<Thrown<'_>>> = Vec::new();
    for line in log.lines() {
        let Some(found) = FIRST_LINE.captures(line) else { continue };
        let group = |name| found.name(name).map_or("", |m| m.as_str());
        let thrown = Thrown { class: group("class"), message: group("message"), line: line.trim() };
        match (group("cause"), chains.last_mut()) {
            ("Caused by: ", Some(chain)) => chain.push(thrown),
            ("Suppressed: ", Some(_)) => {}
            _ => chains.push(vec![thrown]),
        }
    }
    chains
}

/// The innermost exception of each chain: what really went wrong.
pub(super) fn roots(log: &str) -> Vec<Thrown<'_>> {
    chains(log).into_iter().filter_map(|mut chain| chain.pop()).collect()
}

/// The innermost exception of the last chain.
pub(super) fn last_root(log: &str) -> Option<Thrown<'_>> {
    roots(log).pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_cause_is_the_root() {
        let log = "26/01/01 00:00:00 ERROR SparkContext: Error initializing SparkContext.\n\
            org.apache.spark.SparkException: External scheduler cannot be instantiated\n\
            \tat org.apache.spark.SparkContext$.createTaskScheduler(SparkContext.scala:3000)\n\
            Caused by: io.fabric8.kubernetes.client.KubernetesClientException: Operation: [get] failed\n\
            \t... 14 more\n\
            Caused by: java.net.UnknownHostException: kubernetes.default.svc: Try again\n\
            26/01/01 00:00:01 INFO SparkContext: SparkContext is stopping\n\
            Exception in thread \"main\" java.lang.IllegalStateException: x\n";
        let roots = roots(log);
        let classes: Vec<&str> = roots.iter().map(|t| t.class).collect();
        assert_eq!(classes, ["java.net.UnknownHostException", "java.lang.IllegalStateException"]);
        assert_eq!(roots[0].message, "kubernetes.default.svc: Try again");
        assert!(roots[0].is(&["UnknownHostException"]));
        assert_eq!(chains(log)[0].len(), 3);
    }

    #[test]
    fn what_py4j_and_log4j_quote_is_an_exception_too() {
        let log = "py4j.protocol.Py4JJavaError: An error occurred while calling o1.\n\
            : org.apache.spark.SparkException: Job aborted\n\
            WARN X: Lost task: java.io.IOException: Failed to connect to /10.0.0.1:1";
        let messages: Vec<&str> = chains(log).iter().map(|chain| chain[0].message).collect();
        assert_eq!(
            messages,
            [
                "An error occurred while calling o1.",
                "Job aborted",
                "Failed to connect to /10.0.0.1:1"
            ]
        );
    }

    #[test]
    fn frames_and_plain_words_are_no_exceptions() {
        let log =
            "\tat java.base/java.lang.Thread.run(Thread.java:840)\nINFO Executor: Error free\n";
        assert!(chains(log).is_empty(), "{:?}", chains(log));
    }
}
