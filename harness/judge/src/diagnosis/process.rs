//! How the processes of executors and driver end, by their exit codes and logs.

mod application;
mod exit;
mod table;
mod words;

use sparkproof_base::verdict::Cause;

use super::evidence::{Evidence, PodFacts, PodRole};
use super::finding::{Ends, Finding, PodRule, SessionRule, last_lines};
use super::java;
use super::network::not_connected;

pub(super) const SESSION: &[SessionRule] = &[other_version, application::said, application::lost];
pub(super) const POD: &[PodRule] =
    &[passwd, exit::python_memory, exit::out_of_memory, said, exit::by_code, exit::killed];
pub(super) const LAST: &[PodRule] = &[dying];
pub(super) const LAST_OF_SESSION: &[SessionRule] =
    &[application::gave_up, application::failed, driver];

/// Whether its process ended with a failure, or only its log is left.
fn ended(pod: &PodFacts) -> bool {
    pod.failed().is_some() || matches!(&*pod.phase, "" | "Failed")
}

fn passwd(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    // At DEBUG, Hadoop names the principal of a login that went well.
    let words = ["invalid null input: name", "UnixPrincipal.<init>"];
    let line = pod.log.lines().find(|line| words.iter().any(|w| line.contains(w)))?.trim();
    Some(
        Finding::new(
            Cause::NoPasswdEntry,
            "it cannot log in: its user id has no entry in the image's /etc/passwd",
            "add an entry for the image's user, or make /etc/passwd writable by group 0 and let \
             the entrypoint add one",
        )
        .of(pod)
        .because(&pod.name, line)
        .ends(Ends::IfItStays),
    )
}

/// What the log of an executor says. Of one that reached the driver only what ended it: its tasks log
/// exceptions that do not.
fn said(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    if pod.role != PodRole::Executor {
        return None;
    }
    let reached = pod.reached_driver();
    if reached && (pod.failed().is_none() || evidence.driver.gone) {
        return None;
    }
    let lines: Vec<&str> = pod.log.lines().collect();
    let (lines, scope) = match (reached, exit_of(&lines)) {
        (false, _) => (lines, table::Scope::Started),
        // It did not get further than its registration.
        (true, Some(exit)) => (exit.to_vec(), table::Scope::Started),
        (true, None) => {
            let chain = java::chains(&pod.log).pop().unwrap_or_default();
            (chain.iter().map(|thrown| thrown.line).collect(), table::Scope::Ended)
        }
    };
    let found = words::find(&lines, scope)?;
    let differs = found.cause == Cause::VersionMismatch;
    if !ended(pod) && !differs {
        return None;
    }
    let some_registered = evidence.executors().any(|pod| pod.registered);
    let ends = match (some_registered, differs) {
        (true, _) => Ends::AtDeadline,
        // Such an executor does not end: it waits two minutes for an answer that it cannot read
        // (observed with 3.5.9 and a driver of 3.0.1).
        (false, true) => Ends::AtOnce,
        (false, false) => Ends::IfItStays,
    };
    Some(
        found
            .finding(evidence, PodRole::Executor)
            .of(pod)
            .because(&pod.name, found.line)
            .ends(ends),
    )
}

/// Why an executor ended itself (`CoarseGrainedExecutorBackend.exitExecutor`), with the exception that
/// follows. What its shutdown logs then is noise.
fn exit_of<'a, 'b>(lines: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let begin = lines.iter().rposition(|line| line.contains("self-exiting due to"))?;
    let levels = [" INFO ", " WARN ", " ERROR "];
    let logged = |line: &&str| levels.iter().any(|level| line.contains(level));
    let end = lines[begin + 1..].iter().position(logged);
    Some(&lines[begin..end.map_or(lines.len(), |end| begin + 1 + end)])
}

/// A driver that gets messages which it cannot read, while no executor registers.
fn other_version(evidence: &Evidence) -> Option<Finding> {
    if evidence.pods.iter().any(PodFacts::reached_driver) {
        return None;
    }
    let is = |line: &&str| {
        line.contains("local class incompatible") && line.contains("org.apache.spark.")
    };
    let line = evidence.driver.log.lines().find(is)?.trim();
    let found = words::find(&[line], table::Scope::Started)?;
    Some(found.finding(evidence, PodRole::Driver).because("driver log", line).ends(Ends::AtOnce))
}

fn dying(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    // Executors end with their driver, so the driver's end is the cause.
    if evidence.driver.gone && (pod.reached_driver() || not_connected(evidence, pod).is_some()) {
        return None;
    }
    if pod.role == PodRole::Driver || pod.failed().is_none() && pod.phase != "Failed" {
        return None;
    }
    if pod.deleting && pod.failed().is_some_and(|(_, end)| exit::is_of_a_stop(end)) {
        return None;
    }
    if let Some(finding) = application::gave_up(evidence) {
        return Some(finding.of(pod));
    }
    let meaning = pod.failed().and_then(|(_, end)| exit::meaning(end.code));
    let meaning = meaning.map_or(String::new(), |meaning| format!(" ({meaning})"));
    let lines: Vec<&str> = pod.log.lines().collect();
    let exit = exit_of(&lines).map_or(pod.log.clone(), |exit| exit.join("\n"));
    let thrown = java::last_root(&exit);
    let thrown = thrown.map_or(String::new(), |t| format!(", after {}: {}", t.class, t.message));
    Some(
        Finding::new(
            Cause::ExecutorsDie,
            format!("executors start and end: {pod}{meaning}{thrown}"),
            "read the executors' logs in the run directory",
        )
        .of(pod)
        .because(&pod.name, last_lines(&pod.log, 12)),
    )
}

fn driver(evidence: &Evidence) -> Option<Finding> {
    let pod = application::driver_pod(evidence);
    let code = pod.and_then(PodFacts::failed);
    if !evidence.driver.gone && code.is_none() {
        return None;
    }
    let mut says = evidence.driver.words().to_owned();
    if let Some((_, end)) = code {
        let meaning = exit::meaning(end.code).map_or(String::new(), |m| format!(" ({m})"));
        let end = format!("its container ended with exit code {}{meaning}", end.code);
        says = if says.is_empty() { end } else { format!("{says}; {end}") };
    }
    Some(
        Finding::new(Cause::DriverEnded, says, "read the driver's log in the run directory")
            .because("driver log", last_lines(&evidence.driver.log, 12)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::evidence::{ContainerFacts, Ended};
    use super::super::testing::{pod, said};
    use super::super::{diagnose, findings};
    use super::*;
    use rstest::rstest;

    /// An executor that ended so, with this log.
    fn ended(code: i32, reason: &str, log: &str) -> Evidence {
        let mut evidence = pod(|pod| {
            pod.ends(code, reason);
            pod.phase = "Failed".into();
            pod.log = log.into();
            pod.containers[0].limits.insert("memory".into(), "896Mi".into());
        });
        evidence.asked.conf.insert("spark.executor.memory".into(), "512m".into());
        evidence
    }

    /// A driver that ended with this log, and has no pods any more.
    fn driver_said(log: &str) -> Evidence {
        let mut evidence = Evidence { pods: Vec::new(), ..pod(|_| {}) };
        evidence.driver.log = log.into();
        evidence.driver.gone = true;
        evidence
    }

    const REGISTERED: &str =
        "INFO CoarseGrainedExecutorBackend: Successfully registered with driver\n";

    #[rstest]
    #[case(137, "OOMKilled", "", Cause::OutOfMemory, "limit 896Mi, heap 512m")]
    #[case(137, "Error", "", Cause::Killed, "limit 896Mi, heap 512m")]
    #[case(137, "", "", Cause::Killed, "SIGKILL")]
    #[case(52, "Error", "", Cause::HeapOutOfMemory, "exit code 52")]
    #[case(53, "Error", "", Cause::NoLocalDirectory, "scratch")]
    #[case(56, "Error", "", Cause::HeartbeatLost, "heartbeat")]
    #[case(134, "Error", "", Cause::Crashed, "SIGABRT")]
    #[case(139, "Error", "", Cause::Crashed, "SIGSEGV")]
    #[case(135, "Error", "", Cause::Crashed, "SIGBUS")]
    #[case(
        50,
        "Error",
        "ERROR SparkUncaughtExceptionHandler: Uncaught exception\njava.lang.IllegalStateException: of the executor",
        Cause::ExecutorsDie,
        "IllegalStateException: of the executor"
    )]
    #[case(143, "Error", "", Cause::ExecutorsDie, "SIGTERM")]
    #[case(1, "Error", "", Cause::ExecutorsDie, "executors start and end")]
    fn an_exit_code_is_explained(
        #[case] code: i32,
        #[case] reason: &str,
        #[case] log: &str,
        #[case] cause: Cause,
        #[case] says: &str,
    ) {
        for log in [log.to_owned(), format!("{REGISTERED}{log}")] {
            let diagnosis = diagnose(&ended(code, reason, &log));
            assert_eq!(diagnosis.cause, cause, "{diagnosis}");
            assert!(diagnosis.says.contains(says), "{diagnosis}");
        }
    }

    #[rstest]
    #[case(
        52,
        "java.lang.OutOfMemoryError: Java heap space",
        Cause::HeapOutOfMemory,
        "Java heap space",
        "--executor-memory"
    )]
    #[case(
        52,
        "ERROR Executor: Exception in task 0.0 in stage 0.0 (TID 0)\njava.lang.OutOfMemoryError: GC overhead limit exceeded\n\tat x.Y.z(Y.java:1)",
        Cause::HeapOutOfMemory,
        "GC overhead",
        "--executor-memory"
    )]
    #[case(
        3,
        "Terminating due to java.lang.OutOfMemoryError: Java heap space",
        Cause::HeapOutOfMemory,
        "Java heap space",
        "--executor-memory"
    )]
    #[case(
        134,
        "Aborting due to java.lang.OutOfMemoryError: Java heap space",
        Cause::HeapOutOfMemory,
        "Java heap space",
        "--executor-memory"
    )]
    #[case(
        1,
        "Caused by: java.lang.OutOfMemoryError: Metaspace",
        Cause::HeapOutOfMemory,
        "Metaspace",
        "MaxMetaspaceSize"
    )]
    #[case(
        1,
        "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached",
        Cause::HeapOutOfMemory,
        "threads",
        "-Xss"
    )]
    #[case(
        1,
        "java.lang.OutOfMemoryError: Cannot reserve 1048576 bytes of direct buffer memory (allocated: 1, limit: 2)",
        Cause::HeapOutOfMemory,
        "direct",
        "MaxDirectMemorySize"
    )]
    #[case(50, "java.lang.StackOverflowError", Cause::HeapOutOfMemory, "stack", "-Xss")]
    #[case(
        1,
        "# There is insufficient memory for the Java Runtime Environment to continue.\n# Native memory allocation (mmap) failed to map 5 bytes",
        Cause::OutOfMemory,
        "no memory",
        "memoryOverhead"
    )]
    #[case(
        134,
        "# A fatal error has been detected by the Java Runtime Environment:\n#\n#  SIGSEGV (0xb) at pc=0x0, pid=1",
        Cause::Crashed,
        "SIGSEGV",
        "problematic frame"
    )]
    #[case(
        1,
        "Exception: Python in worker has different version 3.7 than that in driver 3.8, PySpark cannot run with different minor versions.",
        Cause::PythonMismatch,
        "3.7 than that in driver 3.8",
        "spark.pyspark.python"
    )]
    #[case(
        1,
        "PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.10 than that in driver: 3.11, PySpark cannot run",
        Cause::PythonMismatch,
        "3.10 than that in driver: 3.11",
        "minor version"
    )]
    #[case(
        1,
        "java.io.IOException: Cannot run program \"python3\": error=2, No such file or directory",
        Cause::PythonMismatch,
        "python3",
        "image with Python"
    )]
    #[case(
        53,
        "ERROR DiskBlockManager: Failed to create local dir in /scratch. Ignoring this directory.\njava.io.IOException: Failed to create a temp directory (under /scratch) after 10 attempts!",
        Cause::NoLocalDirectory,
        "/scratch",
        "spark-local-dir-"
    )]
    #[case(
        1,
        "/opt/entrypoint.sh: line 40: /tmp/java_opts.txt: Read-only file system",
        Cause::NotWritable,
        "/tmp/java_opts.txt",
        "mount.path=/tmp"
    )]
    #[case(
        1,
        "/opt/entrypoint.sh: line 40: /tmp/java_opts.txt: Permission denied",
        Cause::NotWritable,
        "/tmp/java_opts.txt",
        "emptyDir"
    )]
    #[case(
        1,
        "mkdir: cannot create directory '/opt/spark/work-dir/x': Permission denied",
        Cause::NotWritable,
        "/opt/spark/work-dir/x",
        "emptyDir"
    )]
    #[case(
        1,
        "Caused by: java.nio.file.AccessDeniedException: /opt/spark/work-dir/x.jar",
        Cause::NotWritable,
        "/opt/spark/work-dir/x.jar",
        "emptyDir"
    )]
    #[case(
        1,
        "java.nio.file.FileSystemException: /tmp/spark-1: Read-only file system",
        Cause::NotWritable,
        "/tmp/spark-1",
        "emptyDir"
    )]
    #[case(
        1,
        "java.io.FileNotFoundException: /opt/spark/x (Read-only file system)",
        Cause::NotWritable,
        "/opt/spark/x",
        "emptyDir"
    )]
    #[case(
        1,
        "java.io.IOException: Failed to create a temp directory (under /tmp) after 10 attempts!",
        Cause::NotWritable,
        "/tmp",
        "emptyDir"
    )]
    #[case(
        1,
        "java.io.InvalidClassException: org.apache.spark.rpc.netty.X; local class incompatible: stream classdesc serialVersionUID = 1",
        Cause::VersionMismatch,
        "org.apache.spark.rpc.netty.X",
        "i:1"
    )]
    #[case(
        1,
        "Unrecognized options: --resourceProfileId 0",
        Cause::VersionMismatch,
        "different",
        "i:1"
    )]
    #[case(
        1,
        "java.lang.UnsupportedClassVersionError: org/apache/spark/X has been compiled by a more recent version",
        Cause::VersionMismatch,
        "Java is too old",
        "Java"
    )]
    #[case(
        1,
        "java.lang.NoClassDefFoundError: scala/Serializable",
        Cause::VersionMismatch,
        "Scala",
        "i:1"
    )]
    #[case(
        1,
        "java.lang.NumberFormatException: For input string: \"\"",
        Cause::VersionMismatch,
        "different",
        "i:1"
    )]
    #[case(
        1,
        "java.lang.NumberFormatException: For input string: \"60s\"",
        Cause::JarMismatch,
        "60s",
        "hadoop-*"
    )]
    #[case(
        1,
        "Exception in thread \"main\" java.lang.NoSuchMethodError: 'void com.google.common.base.Preconditions.checkArgument(boolean)'\n\tat org.apache.hadoop.conf.Configuration.set(Configuration.java:1)",
        Cause::JarMismatch,
        "used by org.apache.hadoop.conf.Configuration.set",
        "one version"
    )]
    #[case(
        1,
        "java.lang.NoClassDefFoundError: org/apache/hadoop/shaded/X",
        Cause::JarMismatch,
        "org/apache/hadoop/shaded/X",
        "one version"
    )]
    #[case(
        1,
        "java.lang.ClassNotFoundException: com.example.Plugin",
        Cause::CodeMissing,
        "com.example.Plugin",
        "spark.jars"
    )]
    fn an_executor_that_did_not_register_is_explained_by_its_log(
        #[case] code: i32,
        #[case] log: &str,
        #[case] cause: Cause,
        #[case] says: &str,
        #[case] remedy: &str,
    ) {
        let diagnosis = diagnose(&ended(code, "Error", log));
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(says), "{diagnosis}");
        assert!(diagnosis.remedy.contains(remedy), "{}", diagnosis.remedy);
    }

    /// Not what a task threw before, nor what it may throw without an end.
    #[rstest]
    #[case(
        1,
        "java.lang.NoSuchMethodError: 'x'\nERROR X: y\njava.lang.IllegalStateException: z",
        Cause::ExecutorsDie
    )]
    #[case(
        52,
        "java.lang.NoSuchMethodError: 'x'\njava.lang.OutOfMemoryError: Java heap space",
        Cause::HeapOutOfMemory
    )]
    #[case(
        137,
        "java.lang.ClassNotFoundException: com.example.X\njava.io.IOException: y",
        Cause::Killed
    )]
    #[case(1, "java.nio.file.AccessDeniedException: /data/x", Cause::ExecutorsDie)]
    #[case(
        1,
        "26/01/01 ERROR CoarseGrainedExecutorBackend: Executor self-exiting due to : Unable to create executor due to ./x.jar\njava.nio.file.AccessDeniedException: ./x.jar\n26/01/01 INFO ShutdownHookManager: called\n26/01/01 ERROR Utils: Uncaught exception in thread shutdown-hook-0\njava.lang.NullPointerException",
        Cause::NotWritable
    )]
    #[case(
        1,
        "26/01/01 ERROR CoarseGrainedExecutorBackend: Executor self-exiting due to : Unable to create executor due to Read-only file system\njava.io.IOException: Read-only file system\n\tat java.base/java.io.UnixFileSystem.createFileExclusively(Native Method)",
        Cause::NotWritable
    )]
    #[case(
        1,
        "26/01/01 ERROR CoarseGrainedExecutorBackend: Executor self-exiting due to : Unable to create executor due to No space left on device\njava.io.IOException: No space left on device",
        Cause::NodeDiskFull
    )]
    #[case(
        1,
        "java.lang.NoSuchMethodError: 'x'\n26/01/01 ERROR CoarseGrainedExecutorBackend: Executor self-exiting due to : Driver 10.0.0.1:7078 disassociated! Shutting down.",
        Cause::ExecutorsDie
    )]
    fn of_one_that_registered_the_last_exception_counts(
        #[case] code: i32,
        #[case] log: &str,
        #[case] cause: Cause,
    ) {
        let diagnosis = diagnose(&ended(code, "Error", &format!("{REGISTERED}{log}\n")));
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
    }

    #[test]
    fn python_and_a_container_that_is_killed_is_python() {
        let log = format!(
            "{REGISTERED}org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\n"
        );
        for reason in ["OOMKilled", "Error"] {
            let diagnosis = diagnose(&ended(137, reason, &log));
            assert_eq!(diagnosis.cause, Cause::PythonOutOfMemory, "{diagnosis}");
        }
    }

    #[test]
    fn a_sidecar_that_is_killed_for_memory_is_named() {
        let mut evidence = ended(0, "Completed", "");
        evidence.pods[0].containers[0].name = "spark-kubernetes-executor".into();
        let end = Ended { code: 137, reason: "OOMKilled".into(), ..Ended::default() };
        let proxy = ContainerFacts { name: "proxy".into(), ended: Some(end), ..Default::default() };
        evidence.pods[0].containers.push(proxy);
        assert!(diagnose(&evidence).says.contains("its container proxy"));
    }

    /// Pods that are deleted or evicted are not killed, and healthy ones are not looked at.
    #[test]
    fn a_stop_is_no_failure() {
        let mut stopped = ended(137, "Error", REGISTERED);
        stopped.pods[0].deleting = true;
        let mut term = ended(143, "Error", REGISTERED);
        term.pods[0].deleting = true;
        let mut runs = ended(0, "", "java.lang.OutOfMemoryError: Java heap space\n");
        runs.pods[0].phase = "Running".into();
        runs.pods[0].containers[0].ended = None;
        for evidence in [stopped, term, runs.clone()] {
            assert_eq!(findings(&evidence), []);
        }
        runs.pods[0].registered = true;
        runs.pods[0].log = "java.io.InvalidClassException: x; local class incompatible\n".into();
        assert_eq!(findings(&runs), []);
        let mut evicted = ended(137, "Error", REGISTERED);
        evicted.pods[0].reason = Some("Evicted".into());
        assert!(findings(&evicted).iter().all(|found| found.cause != Cause::Killed));
    }

    #[rstest]
    #[case(
        "ERROR TransportRequestHandler: Error\njava.lang.RuntimeException: java.io.InvalidClassException: org.apache.spark.rpc.X; local class incompatible: y",
        false,
        Cause::VersionMismatch
    )]
    #[case(
        "ERROR TransportRequestHandler: Error\njava.lang.RuntimeException: java.io.InvalidClassException: org.apache.spark.rpc.X; local class incompatible: y",
        true,
        Cause::Unknown
    )]
    fn a_driver_that_cannot_read_its_executors(
        #[case] log: &str,
        #[case] registered: bool,
        #[case] cause: Cause,
    ) {
        let mut evidence = said("");
        evidence.pods[0].phase = "Running".into();
        evidence.pods[0].registered = registered;
        evidence.driver.log = log.into();
        assert_eq!(diagnose(&evidence).cause, cause);
    }

    const ABORTED: &str = "Exception in thread \"main\" org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: Lost task 0.3 in stage 0.0 (TID 3) (10.0.0.1 executor 4): ";

    #[rstest]
    #[case(
        "java.lang.ClassCastException: cannot assign instance of java.lang.invoke.SerializedLambda to field org.apache.spark.rdd.X.f",
        Cause::CodeMissing
    )]
    #[case("java.lang.IllegalStateException: unread block data", Cause::CodeMissing)]
    #[case(
        "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: Executor heartbeat timed out after 125000 ms",
        Cause::HeartbeatLost
    )]
    #[case("java.lang.ClassNotFoundException: com.example.Job$$anonfun$1", Cause::CodeMissing)]
    #[case(
        "java.lang.NoSuchMethodError: 'scala.collection.immutable.Seq scala.Predef$.wrap(x)'",
        Cause::CodeMissing
    )]
    #[case("java.lang.NoSuchMethodError: 'void com.google.common.base.X.y()'", Cause::JarMismatch)]
    #[case(
        "java.io.IOException: Cannot run program \"python3\": error=2, No such file or directory",
        Cause::PythonMismatch
    )]
    #[case(
        "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)",
        Cause::PythonOutOfMemory
    )]
    #[case("java.lang.OutOfMemoryError: Java heap space", Cause::HeapOutOfMemory)]
    #[case(
        "java.lang.RuntimeException: java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
        Cause::MissingJar
    )]
    #[case(
        "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: \nThe executor with id 4 exited with exit code 137(SIGKILL, possible container OOM).\n\t termination reason: OOMKilled",
        Cause::OutOfMemory
    )]
    #[case(
        "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: \nThe executor with id 4 exited with exit code 137.",
        Cause::Killed
    )]
    #[case(
        "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: \nThe executor with id 4 exited with exit code 52(JVM OOM).",
        Cause::HeapOutOfMemory
    )]
    #[case(
        "ExecutorLostFailure (executor 4 exited caused by one of the running tasks) Reason: \nThe executor with id 4 exited with exit code 137(SIGKILL, possible container OOM).\nThe API gave the following brief reason: Evicted",
        Cause::DriverEnded
    )]
    #[case("java.lang.IllegalArgumentException: of the user", Cause::DriverEnded)]
    fn a_job_that_was_aborted_is_explained(#[case] text: &str, #[case] cause: Cause) {
        let log = format!("INFO X: y\n{ABORTED}{text}\n\tat x.Y.z(Y.scala:1)\n");
        let diagnosis = diagnose(&driver_said(&log));
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
    }

    /// What a driver warns of, and executors that it replaced, did not end it.
    #[test]
    fn what_a_driver_survived_does_not_explain_its_end() {
        let log = "26/01/01 00:00:00 WARN TaskSetManager: Lost task 0.0 in stage 0.0 (TID 0): java.lang.NoSuchMethodError: x\n\
            \tat x.Y.z(Y.java:1)\n\
            Caused by: java.lang.ClassNotFoundException: com.example.X\n\
            26/01/01 00:00:01 ERROR TaskSchedulerImpl: Lost executor 1 on 10.0.0.1: \n\
            The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).\n";
        assert_eq!(diagnose(&driver_said(log)).cause, Cause::DriverEnded);
        let mut healthy = driver_said(&log.replace(" WARN ", " ERROR "));
        healthy.driver.gone = false;
        assert_eq!(diagnose(&healthy).cause, Cause::Unknown);
    }

    /// A pod that Spark deletes ends by that, too; its driver says that it had ended before.
    #[test]
    fn an_executor_that_spark_deleted_is_explained_by_its_driver() {
        let mut evidence = ended(137, "Error", "");
        evidence.pods[0].deleting = true;
        assert_eq!(findings(&evidence), Vec::new());
        evidence.driver.reason = "Lost executor 1 on 10.0.0.1: \n\
            The executor with id 1 exited with exit code 137(SIGKILL, possible container OOM).\n"
            .into();
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::Killed, "{diagnosis}");
        assert!(diagnosis.says.contains("137"), "{diagnosis}");
    }

    #[test]
    fn spark_that_gave_up_says_so_if_nothing_else_is_known() {
        let log = "ERROR ExecutorPodsAllocator: Max number of executor failures (6) reached\n";
        let mut evidence = driver_said(log);
        assert_eq!(diagnose(&evidence).cause, Cause::TooManyFailures);
        evidence.driver.gone = false;
        evidence.pods = ended(1, "Error", "").pods;
        assert_eq!(diagnose(&evidence).cause, Cause::TooManyFailures);
        evidence.pods = ended(52, "Error", "").pods;
        assert_eq!(diagnose(&evidence).cause, Cause::HeapOutOfMemory);
    }

    fn application(log: &str, code: i32, submitted: bool) -> Evidence {
        let mut evidence = pod(|pod| {
            pod.role = PodRole::Driver;
            pod.phase = "Failed".into();
            pod.ends(code, "Error");
            pod.log = log.into();
            if submitted {
                pod.labels.insert("spark-app-selector".into(), "spark-1".into());
            }
        });
        evidence.driver.reason = "the driver's pod ended".into();
        evidence
    }

    #[rstest]
    #[case(
        "Exception in thread \"main\" java.lang.IllegalArgumentException: outer\n\tat x.Y.z(Y.java:1)\nCaused by: java.lang.IllegalStateException: inner\nINFO ShutdownHookManager: x",
        1,
        Cause::ApplicationFailed,
        "IllegalStateException: inner"
    )]
    #[case(
        "Traceback (most recent call last):\n  File \"/x.py\", line 1, in <module>\nValueError: of the user\nException in thread \"main\" org.apache.spark.SparkUserAppException: User application exited with 1",
        1,
        Cause::ApplicationFailed,
        "ValueError: of the user"
    )]
    #[case(
        "Traceback (most recent call last):\n  File \"/x.py\", line 1, in <module>\npy4j.protocol.Py4JJavaError: An error occurred while calling o1.\n: org.apache.spark.SparkException: outer\nCaused by: java.lang.IllegalStateException: inner",
        1,
        Cause::ApplicationFailed,
        "IllegalStateException: inner"
    )]
    #[case("", 3, Cause::ApplicationFailed, "exit code 3")]
    #[case(
        "Traceback (most recent call last):\n  File \"/opt/team/main.py\", line 3, in <module>\n    print(spark.read.csv('file:///home/alice/orders.csv').count())\npyspark.errors.exceptions.captured.AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/home/alice/orders.csv.\n26/12/01 16:52:10 INFO SparkContext: SparkContext is stopping with exitCode 0.",
        1,
        Cause::DriverLacksFile,
        "/home/alice/orders.csv"
    )]
    #[case(
        "Traceback (most recent call last):\n  File \"/opt/team/main.py\", line 3, in <module>\n    print(spark.read.csv('s3a://team-archive/x').count())\npy4j.protocol.Py4JJavaError: An error occurred while calling o1.csv.\n: java.io.FileNotFoundException: getFileStatus on s3a://team-archive/x: com.amazonaws.services.s3.model.AmazonS3Exception: The specified bucket does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)\n\tat org.apache.hadoop.fs.s3a.S3AUtils.translateException(S3AUtils.java:278)\nCaused by: com.amazonaws.services.s3.model.AmazonS3Exception: The specified bucket does not exist. (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)\n\tat com.amazonaws.http.X.y(X.java:1)",
        1,
        Cause::StoreBucketMissing,
        "s3a://team-archive/x"
    )]
    #[case(
        "Traceback (most recent call last):\n  File \"/x.py\", line 1, in <module>\nrequests.exceptions.SSLError: SSLHandshakeException while asking https://api.example.com",
        1,
        Cause::ApplicationFailed,
        "SSLError"
    )]
    #[case(
        "Error: Failed to load class com.example.Main.",
        101,
        Cause::ApplicationMissing,
        "com.example.Main"
    )]
    #[case(
        "python3: can't open file '/app/x.py': [Errno 2] No such file or directory",
        2,
        Cause::ApplicationMissing,
        "/app/x.py"
    )]
    #[case(
        "Traceback (most recent call last):\nModuleNotFoundError: No module named 'helper'",
        1,
        Cause::CodeMissing,
        "helper"
    )]
    #[case("java.lang.OutOfMemoryError: Java heap space", 52, Cause::HeapOutOfMemory, "heap")]
    fn an_application_that_failed_is_explained(
        #[case] log: &str,
        #[case] code: i32,
        #[case] cause: Cause,
        #[case] says: &str,
    ) {
        let diagnosis = diagnose(&application(log, code, true));
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(says), "{diagnosis}");
        if cause == Cause::ApplicationFailed {
            let session = diagnose(&application(log, code, false));
            assert_eq!(session.cause, Cause::DriverEnded, "{session}");
        }
    }

    #[test]
    fn a_drivers_memory_is_raised_with_its_own_property() {
        let mut evidence = application("", 137, true);
        evidence.pods[0].ends(137, "OOMKilled");
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::OutOfMemory);
        assert!(diagnosis.remedy.contains("spark.driver.memory"), "{}", diagnosis.remedy);
    }

    /// Each fault has its name, in the order in which they stop a session.
    #[test]
    fn two_faults_are_both_named() {
        let mut evidence = ended(137, "OOMKilled", REGISTERED);
        let mut other = PodFacts { name: "x-exec-2".into(), ..PodFacts::default() };
        other.waits("ErrImagePull", "rpc error: code = NotFound desc = x: not found");
        evidence.pods.push(other);
        let causes: Vec<Cause> = findings(&evidence).iter().map(|found| found.cause).collect();
        assert_eq!(causes, [Cause::WrongImage, Cause::OutOfMemory]);
    }

    /// A front end that lives on answers with the exception of its session call.
    #[test]
    fn the_exception_of_a_driver_that_lives_is_read() {
        let mut evidence = driver_said("");
        evidence.driver.gone = false;
        evidence.driver.reason =
            "SparkException: x\nNoSuchMethodError: 'void com.google.common.base.X.y()'".into();
        assert_eq!(diagnose(&evidence).cause, Cause::JarMismatch);
    }
}
