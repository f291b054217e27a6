//! How the processes of executors and driver end, by their exit codes and logs.

use sparkproof_base::verdict::Cause;

use super::evidence::{Evidence, PodFacts};
use super::finding::{Ends, Finding, PodRule, SessionRule, last_lines};
use super::network::not_connected;

pub(super) const SESSION: &[SessionRule] = &[];
pub(super) const POD: &[PodRule] = &[passwd, versions, memory];
pub(super) const LAST: &[PodRule] = &[dying];
pub(super) const LAST_OF_SESSION: &[SessionRule] = &[driver];

/// The first line of a pod's log with one of the words.
fn line_with<'a>(pod: &'a PodFacts, words: &[&str]) -> Option<&'a str> {
    pod.log.lines().find(|line| words.iter().any(|w| line.contains(w))).map(str::trim)
}

fn passwd(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let line = line_with(pod, &["invalid null input: name", "UnixPrincipal"])?;
    Some(
        Finding::new(
            Cause::NoPasswdEntry,
            "it cannot log in: its user id has no entry in the image's /etc/passwd",
            "add an entry for the image's user, or make /etc/passwd writable by group 0 and let \
             the entrypoint add one",
        )
        .of(pod)
        .because(&pod.name, line),
    )
}

/// Messages that only a JVM of another version prints.
const OTHER_VERSION: [&str; 5] = [
    "InvalidClassException",
    "local class incompatible",
    // Drivers of 3.0 set no resource profile, which later executors need.
    "NumberFormatException: For input string: \"\"",
    "IllegalArgumentException: too many arguments",
    // The main class of executors changed in 3.1.
    "Could not find or load main class org.apache.spark",
];

/// Such an executor does not end: it waits two minutes for an answer that it cannot read (observed
/// with 3.5.9 and a driver of 3.0.1).
fn versions(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let line = line_with(pod, &OTHER_VERSION)?;
    let some_registered = evidence.executors().any(|pod| pod.registered);
    Some(
        Finding::new(
            Cause::VersionMismatch,
            "driver and executors have different Spark, Scala or Java versions",
            format!("use a driver of the version in {}", evidence.asked.image),
        )
        .of(pod)
        .because(&pod.name, line)
        .ends(if some_registered { Ends::AtDeadline } else { Ends::AtOnce }),
    )
}

fn memory(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (_, end) = pod.failed()?;
    (end.reason == "OOMKilled").then(|| {
        Finding::new(
            Cause::OutOfMemory,
            "it was killed for using more memory than its limit",
            "raise --executor-memory or spark.executor.memoryOverhead",
        )
        .of(pod)
        .because(&pod.name, pod.to_string())
    })
}

fn dying(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    // Executors end with their driver, so the driver's end is the cause.
    if evidence.driver.gone && (pod.reached_driver() || not_connected(evidence, pod).is_some()) {
        return None;
    }
    (pod.failed().is_some() || pod.phase == "Failed").then(|| {
        Finding::new(
            Cause::ExecutorsDie,
            format!("executors start and end: {pod}"),
            "read the executors' logs in the run directory",
        )
        .of(pod)
        .because(&pod.name, last_lines(&pod.log, 12))
    })
}

fn driver(evidence: &Evidence) -> Option<Finding> {
    evidence.driver.gone.then(|| {
        Finding::new(
            Cause::DriverEnded,
            evidence.driver.reason.clone(),
            "read the driver's log in the run directory",
        )
        .because("driver log", last_lines(&evidence.driver.log, 12))
    })
}
