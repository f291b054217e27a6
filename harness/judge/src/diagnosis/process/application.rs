//! How a driver ends: what its log says of it, of its executors, and of the application.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::super::evidence::{Evidence, PodFacts, PodRole};
use super::super::finding::{Ends, Finding, last_lines};
use super::super::java;
use super::super::store::{FailedRead, diagnose_read};
use super::{exit, table, words};

/// How much of a driver's log is read for what ended it: a stack trace of Spark has a hundred lines.
const LAST: usize = 600;

/// The driver's pod, if it has one.
pub(super) fn driver_pod(evidence: &Evidence) -> Option<&PodFacts> {
    evidence.pods.iter().rev().find(|pod| pod.role == PodRole::Driver)
}

/// Whether the driver ended with a failure.
fn has_ended(evidence: &Evidence) -> bool {
    let failed = |pod: &PodFacts| pod.failed().is_some() || pod.phase == "Failed";
    evidence.driver.gone || driver_pod(evidence).is_some_and(failed)
}

/// The driver's log: its own file, or its pod's.
fn log(evidence: &Evidence) -> &str {
    let pod = driver_pod(evidence).map_or("", |pod| &*pod.log);
    if evidence.driver.log.is_empty() { pod } else { &evidence.driver.log }
}

/// Lines that name a failure and are no exception of Java: of Python, of `SparkSubmit`, of HotSpot.
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[\w.]*(?:Error|Exception)(?:: |$)|Error: Failed to load class |Error: (?:No main|Cannot load)|python\S*: can't open|Fatal Python error|Terminating due to java|Aborting due to java|#\s+SIG|# There is insufficient|# A fatal error|/\S+: line \d+: )|\[PYTHON_VERSION_MISMATCH\]|SparkSubmit: Failed to load class ",
    )
    .expect("a valid expression")
});

/// The lines of a driver's log that tell what ended it, with the frames of stacks: what `main` threw;
/// what Python did; or, if neither is there, every failure that the driver did not only warn of.
fn failures(log: &str) -> Vec<&str> {
    // Only says that Python ended.
    let main = |line: &str| {
        line.starts_with("Exception in thread \"main\"") && !line.contains("SparkUserAppException")
    };
    let lines: Vec<&str> = log.lines().collect();
    let lines = &lines[lines.len().saturating_sub(LAST)..];
    let python = |line: &str| line.starts_with("Traceback (most recent call last)");
    let start = lines.iter().rposition(|line| main(line));
    let start = start.or_else(|| lines.iter().position(|line| python(line)));
    let mut warned = false;
    let mut failures = Vec::new();
    for line in &lines[start.unwrap_or_default()..] {
        let is_frame = line.trim_start().starts_with("at ");
        let is_cause = line.trim_start().starts_with("Caused by: ");
        if !is_frame && !is_cause {
            warned = line.starts_with("WARN ") || line.contains(" WARN ");
        }
        let fails = || FAILURE.is_match(line.trim_start()) || !java::chains(line).is_empty();
        if !warned && (is_frame || fails()) {
            failures.push(*line);
        }
    }
    failures
}

/// What a driver that ended, or the exception that it answered with, says.
pub(super) fn said(evidence: &Evidence) -> Option<Finding> {
    let mut lines: Vec<&str> = evidence.driver.reason.lines().collect();
    if has_ended(evidence) {
        lines.extend(failures(log(evidence)));
    }
    let found = words::find(&lines, table::Scope::Driver)?;
    // Of a heap that is the driver's own or an executor's.
    let executors = found.line.contains("executor ") || found.line.contains("Lost task");
    let role = if executors { PodRole::Executor } else { PodRole::Driver };
    Some(found.finding(evidence, role).because("driver", found.line).ends(Ends::AtDeadline))
}

/// `ExecutorPodsLifecycleManager`'s words; 3.0 has only the number.
static LOST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"The executor with id (\d+) exited with exit code (-?\d+)")
        .expect("a valid expression")
});

/// Executors whose pods are gone, by what the driver says of their end.
pub(super) fn lost(evidence: &Evidence) -> Option<Finding> {
    let (log, reason) = (log(evidence), &evidence.driver.reason);
    // Spark replaces executors that it loses; it is a failure if a job or all ended with them.
    let aborted = |line: &str| line.contains("Job aborted") && line.contains("ExecutorLostFailure");
    let fatal = LOST.is_match(reason)
        || has_ended(evidence) && (log.lines().any(aborted) || GAVE_UP.is_match(log));
    // One that is being deleted may have been ended by that; the driver knows better.
    let shows = |pod: &PodFacts| pod.failed().is_some() && !pod.deleting;
    if !fatal || evidence.executors().any(shows) {
        return None;
    }
    let text = format!("{log}\n{reason}");
    let found = LOST.captures_iter(&text).last()?;
    let code: i32 = found[2].parse().ok()?;
    let all = found.get(0)?;
    // The states of its containers follow.
    let after = paragraph(&text[all.start()..]);
    if after.contains("brief reason: Evicted") || after.contains("brief reason: Preempt") {
        return None;
    }
    let heap = evidence.asked.conf.get("spark.executor.memory");
    let heap = heap.map_or(String::new(), |heap| format!(" (heap {heap})"));
    let (cause, says, remedy) = match code {
        137 if after.contains("OOMKilled") => (
            Cause::OutOfMemory,
            format!("was killed for using more memory than its limit{heap}"),
            "raise --executor-memory or spark.executor.memoryOverhead".to_owned(),
        ),
        137 => (
            Cause::Killed,
            format!("was killed (exit code 137, SIGKILL), probably for memory{heap}"),
            "raise --executor-memory or spark.executor.memoryOverhead; if it stays, look at the node"
                .to_owned(),
        ),
        _ => {
            let (cause, says, remedy) = exit::cause(code, PodRole::Executor)?;
            (cause, format!("ended: {says}"), remedy)
        }
    };
    Some(
        Finding::new(cause, format!("executor {} {says}", &found[1]), remedy)
            .because("driver log", all.as_str()),
    )
}

/// The paragraph of the driver's log about an executor's end.
fn paragraph(text: &str) -> &str {
    let end = text.char_indices().nth(1500).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// `ExecutorPodsAllocator` and `ExecutorFailureTracker` (4.0).
static GAVE_UP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"Max number of executor failures \((\d+)\) reached").expect("a valid expression")
});

/// Spark gave up; why its executors failed is not known.
pub(super) fn gave_up(evidence: &Evidence) -> Option<Finding> {
    let texts = [log(evidence), &evidence.driver.reason];
    let found = texts.into_iter().find_map(|text| GAVE_UP.captures(text));
    let code = || {
        let (_, end) = driver_pod(evidence)?.failed()?;
        (end.code == 11).then_some(())
    };
    let says = match &found {
        Some(found) => format!("Spark gave up after {} executors failed", &found[1]),
        None => code().map(|()| "Spark gave up, since too many executors failed".to_owned())?,
    };
    Some(
        Finding::new(
            Cause::TooManyFailures,
            says,
            "read the executors' logs in the run directory; spark.executor.maxNumFailures is the \
             limit",
        )
        .because("driver log", last_lines(log(evidence), 12)),
    )
}

/// The application's own failure. Its driver's pod is one that `spark-submit` made, with the label of
/// an application; sparkproof's own driver pods do not have it.
pub(super) fn failed(evidence: &Evidence) -> Option<Finding> {
    let pod = driver_pod(evidence)?;
    if !pod.labels.contains_key("spark-app-selector") || !has_ended(evidence) {
        return None;
    }
    let text = log(evidence);
    let ended = pod.failed().map(|(_, end)| end.code);
    let says = thrown(text).or_else(|| {
        let code = ended?;
        let meaning = exit::meaning(code).map_or(String::new(), |m| format!(" ({m})"));
        Some(format!("it ended with exit code {code}{meaning}"))
    })?;
    if let Some(finding) = of_read(text) {
        return Some(finding);
    }
    Some(
        Finding::new(
            Cause::ApplicationFailed,
            format!("the application failed: {says}"),
            "correct the application: the driver's log in the run directory has the whole exception",
        )
        .because("driver log", last_lines(text, 12)),
    )
}

/// What was read, in a stack of Hadoop's or in Spark's own words.
static READ: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:s3[an]?|abfss?|wasbs?|hdfs|gs|file):/{1,3}[^\s'",;)\]]*[^\s'",;)\].:]"#)
        .expect("a valid expression")
});

/// A read that ended the application, as reads of sparkproof's own are explained.
fn of_read(log: &str) -> Option<Finding> {
    let lines: Vec<&str> = log.lines().collect();
    let lines = &lines[lines.len().saturating_sub(LAST)..];
    let begins = ["Traceback (most recent call last)", "Exception in thread \"main\""];
    let start = lines.iter().position(|line| begins.iter().any(|begin| line.starts_with(begin)))?;
    let text = lines[start..].join("\n");
    let of_files = ["org.apache.hadoop.fs.", "PATH_NOT_FOUND", "Path does not exist"];
    if !of_files.iter().any(|words| text.contains(words)) {
        return None;
    }
    let thrown: Vec<&str> = failures(log);
    let thrown: Vec<&str> =
        thrown.into_iter().filter(|line| !line.trim_start().starts_with("at ")).collect();
    let uri = READ.find(&text)?.as_str();
    let whose = if text.contains("Lost task") { "an executor" } else { "the driver" };
    let read = FailedRead { text: &thrown.join("\n"), whose, uri, mounted: false };
    let diagnosis = diagnose_read(read);
    (diagnosis.cause != Cause::Unknown).then(|| {
        Finding::new(diagnosis.cause, diagnosis.says, diagnosis.remedy)
            .because("driver log", last_lines(&thrown.join("\n"), 12))
    })
}

/// The last line of a Python traceback.
static PYTHON: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[\w]+\.)*\w*(?:Error|Exception|Exit|Interrupt|Warning)(?:: .*)?$")
        .expect("a valid expression")
});

/// What an application threw: the root of what ended `main`, or of a Python traceback.
fn thrown(log: &str) -> Option<String> {
    let chains = java::chains(log);
    let of_main = |chain: &&Vec<java::Thrown<'_>>| {
        let first = chain.first();
        // It only says that Python ended.
        first.is_some_and(|t| t.line.contains("Exception in thread \"main\""))
            && !first.is_some_and(|t| t.is(&["SparkUserAppException"]))
    };
    let main = chains.iter().rfind(of_main).and_then(|chain| chain.last());
    let python = || {
        let (_, trace) = log.rsplit_once("Traceback (most recent call last)")?;
        let line = trace.lines().find(|line| PYTHON.is_match(line))?;
        let java = if line.contains("Py4JJavaError") { java::chains(trace) } else { Vec::new() };
        // The first chain is Py4J's own line, the second what Java threw.
        let root = java.get(1).and_then(|chain| chain.last());
        Some(root.map_or(line.to_owned(), |t| format!("{}: {}", t.class, t.message)))
    };
    let text = main.map(|t| format!("{}: {}", t.class, t.message)).or_else(python)?;
    Some(text.chars().take(300).collect())
}
