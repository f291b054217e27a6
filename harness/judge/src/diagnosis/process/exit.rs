//! Exit codes, as Spark (`SparkExitCode`, `ExecutorExitCode`, `ExecutorPodsLifecycleManager`) and the
//! kernel mean them.

use sparkproof_base::verdict::Cause;

use super::super::evidence::{ContainerFacts, Ended, Evidence, PodFacts, PodRole};
use super::super::finding::{Ends, Finding};

/// What an exit code means, if it says anything.
pub(super) fn meaning(code: i32) -> Option<&'static str> {
    Some(match code {
        10 | 50 => "an uncaught exception",
        51 => "an uncaught exception, and another while it was logged",
        52 => "OutOfMemoryError",
        53 => "no local directory for scratch files",
        54 | 55 => "the external block store failed",
        56 => "no heartbeat reached the driver",
        57 => "Spark's task reaper ended it, since a task that was cancelled went on",
        101 => "the main class was not found or threw an exception",
        11 => "too many executors failed",
        126 => "a program that may not be executed",
        127 => "a program that was not found",
        129..=159 => return signal(code - 128),
        _ => return None,
    })
}

fn signal(number: i32) -> Option<&'static str> {
    Some(match number {
        2 => "SIGINT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM: its deletion was requested, or its node is shut down",
        _ => return None,
    })
}

/// Whether a container ends so when its pod is deleted.
pub(super) fn is_of_a_stop(end: &Ended) -> bool {
    matches!(end.code, 137 | 143) && end.reason != "OOMKilled"
}

/// The property of the heap of a pod's JVM.
pub(super) fn heap_of(role: PodRole) -> &'static str {
    if role == PodRole::Driver { "spark.driver.memory" } else { "spark.executor.memory" }
}

/// How to raise the heap.
pub(super) fn raise_heap(role: PodRole) -> &'static str {
    match role {
        PodRole::Driver => "raise --driver-memory",
        _ => "raise --executor-memory",
    }
}

/// How to raise a container's limit.
fn raise_limit(role: PodRole) -> &'static str {
    match role {
        PodRole::Driver => "raise --driver-memory or spark.driver.memoryOverhead",
        _ => "raise --executor-memory or spark.executor.memoryOverhead",
    }
}

/// The container's limit and the JVM's heap.
fn sizes(evidence: &Evidence, pod: &PodFacts, container: &ContainerFacts) -> String {
    let limit = container.limits.get("memory").map(|limit| format!("limit {limit}"));
    let heap = evidence.asked.conf.get(heap_of(pod.role)).map(|heap| format!("heap {heap}"));
    let both: Vec<String> = limit.into_iter().chain(heap).collect();
    if both.is_empty() { String::new() } else { format!(" ({})", both.join(", ")) }
}

fn killed_for_memory(pod: &PodFacts) -> Option<&ContainerFacts> {
    let killed = |end: &Option<Ended>| end.as_ref().is_some_and(|e| e.reason == "OOMKilled");
    pod.containers.iter().find(|c| killed(&c.ended) || killed(&c.ended_before))
}

/// A container with a Python worker that was killed.
pub(super) fn python_memory(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, end) = pod.failed()?;
    let words = ["Python worker exited unexpectedly (crashed)", "MemoryError"];
    let python =
        |line: &&str| words.iter().any(|w| line.contains(w)) && !line.contains("OutOfMemoryError");
    let line = pod.log.lines().rfind(python).filter(|_| end.code == 137)?;
    Some(
        Finding::new(
            Cause::PythonOutOfMemory,
            format!(
                "its Python workers used more memory than its container may{}",
                sizes(evidence, pod, container)
            ),
            "raise spark.executor.memoryOverhead, set spark.executor.pyspark.memory, or process \
             smaller batches in Python",
        )
        .of(pod)
        .because(&pod.name, line.trim())
        .because(&pod.name, pod.to_string()),
    )
}

pub(super) fn out_of_memory(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let container = killed_for_memory(pod)?;
    let sizes = sizes(evidence, pod, container);
    let (says, remedy) = if pod.is_sparks(container) {
        let says = format!("it was killed for using more memory than its limit{sizes}");
        (says, raise_limit(pod.role).to_owned())
    } else {
        let name = &container.name;
        let says =
            format!("its container {name} was killed for using more memory than its limit{sizes}");
        (says, format!("raise the memory limit of the container {name}"))
    };
    Some(
        Finding::new(Cause::OutOfMemory, says, remedy)
            .of(pod)
            .because(&pod.name, pod.to_string())
            .ends(Ends::IfItStays),
    )
}

/// A cause that an exit code stands for, with what it says and the remedy.
pub(super) fn cause(code: i32, role: PodRole) -> Option<(Cause, &'static str, String)> {
    Some(match code {
        52 => (
            Cause::HeapOutOfMemory,
            "its JVM ran out of memory (exit code 52)",
            raise_heap(role).to_owned(),
        ),
        53 => (
            Cause::NoLocalDirectory,
            "it could not make a directory for scratch files (exit code 53)",
            "give it an emptyDir that its user may write (a volume whose name starts with \
             spark-local-dir-), and no spark.local.dir"
                .to_owned(),
        ),
        56 => (
            Cause::HeartbeatLost,
            "no heartbeat of it reached the driver (exit code 56)",
            "look at pauses of the driver (garbage collection, CPU) and at the network between; \
             spark.executor.heartbeat.maxFailures is the limit"
                .to_owned(),
        ),
        132 | 134 | 135 | 136 | 139 => (
            Cause::Crashed,
            match code {
                134 => "its process aborted (exit code 134, SIGABRT)",
                135 => {
                    "its process crashed (exit code 135, SIGBUS: often a full or shrunk file that is mapped)"
                }
                139 => "its process crashed (exit code 139, SIGSEGV)",
                _ => "its process crashed (a signal of the processor)",
            },
            "read the log for the problematic frame; a native library or the Java version is the \
             usual reason"
                .to_owned(),
        ),
        _ => return None,
    })
}

pub(super) fn by_code(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, end) = pod.failed().filter(|(container, _)| pod.is_sparks(container))?;
    // Executors send no heartbeats to a driver that is gone.
    if pod.role == PodRole::Other || end.code == 56 && evidence.driver.gone {
        return None;
    }
    // Without a line about it, if nothing was flushed.
    let option = |name: &str| {
        let options =
            |(key, value): (&String, &String)| key.ends_with("JavaOptions") && value.contains(name);
        evidence.asked.conf.iter().any(options)
    };
    let code = match end.code {
        3 if option("ExitOnOutOfMemoryError") => 52,
        134 if option("CrashOnOutOfMemoryError") => 52,
        code => code,
    };
    let (cause, says, remedy) = cause(code, pod.role)?;
    let says = if cause == Cause::HeapOutOfMemory {
        format!(
            "its JVM ran out of memory: exit code {}{}",
            end.code,
            sizes(evidence, pod, container)
        )
    } else {
        says.to_owned()
    };
    Some(
        Finding::new(cause, says, remedy)
            .of(pod)
            .because(&pod.name, pod.to_string())
            .ends(Ends::IfItStays),
    )
}

/// SIGKILL that nobody explains. Not of a pod that is deleted or that kubelet ended (`status.reason`).
pub(super) fn killed(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, end) = pod.failed()?;
    if end.code != 137 || pod.deleting || pod.reason.is_some() || pod.role == PodRole::Other {
        return None;
    }
    // Of one that makes room for others, or whose node is shut down.
    if !matches!(&*end.reason, "" | "Error") || pod.condition("DisruptionTarget").is_some() {
        return None;
    }
    Some(
        Finding::new(
            Cause::Killed,
            format!(
                "it was killed (exit code 137, SIGKILL) and nobody says for what, probably for \
                 memory{}",
                sizes(evidence, pod, container)
            ),
            format!(
                "{}; if it stays, look at the node (memory, its kernel's log)",
                raise_limit(pod.role)
            ),
        )
        .of(pod)
        .because(&pod.name, pod.to_string()),
    )
}
