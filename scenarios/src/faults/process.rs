//! Processes that do not start, or end.

use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Memory, PodTemplate};
use super::fault::{Change, Fault, Template, container, pod};

/// Sends a signal to the executor's JVM as soon as there is one.
macro_rules! signalled {
    ($signal:literal) => {
        concat!(
            "command: [bash, -c, 'until pkill -",
            $signal,
            " -x java; do :; done & exec /opt/entrypoint.sh \"$0\" \"$@\"']"
        )
    };
}

/// Options of executors' JVMs.
pub(super) fn options(text: &'static str) -> Change {
    Conf("spark.executor.extraJavaOptions", text)
}

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    let overhead = |value| Conf("spark.executor.memoryOverhead", value);
    vec![
        // Not an unknown one: Spark tells the JVM to ignore these (`JavaModuleOptions`).
        Fault::new("executors-bad-option", Cause::JvmOptions)
            .with(options("-XX:MaxRAMPercentage=lots"))
            .says(&["MaxRAMPercentage"])
            .cured_by(options("-XX:+UseSerialGC")),
        Fault::new("executors-two-collectors", Cause::JvmOptions)
            .with(options("-XX:+UseSerialGC -XX:+UseG1GC")),
        Fault::new("executors-stack-too-small", Cause::JvmOptions)
            .with(options("-Xss1k"))
            .cured_by(options("-Xss1m")),
        Fault::new("drivers-bad-option", Cause::JvmOptions)
            .with(Conf("spark.driver.extraJavaOptions", "-XX:MaxRAMPercentage=lots"))
            .says(&["MaxRAMPercentage"])
            .not(Cause::DriverEnded)
            .cured_by(Conf("spark.driver.extraJavaOptions", "-XX:+UseSerialGC")),
        // Spark gives up and stops the driver; the reason is the executors' option.
        Fault::new("gives-up", Cause::JvmOptions)
            .with(options("-XX:MaxRAMPercentage=lots"))
            .with(Conf("spark.executor.maxNumFailures", "1"))
            .says(&["MaxRAMPercentage"])
            .not(Cause::TooManyFailures),
        // Without its pages touched the heap does not fill the limit.
        Fault::new("container-out-of-memory", Cause::OutOfMemory)
            .with(Memory(512))
            .with(overhead("1m"))
            .with(options("-XX:+AlwaysPreTouch"))
            .cured_by(overhead("384m")),
        // Spark's exit code of an OutOfMemoryError.
        Fault::new("exit-52", Cause::HeapOutOfMemory)
            .with(container("command: [sh, -c, 'exit 52']"))
            .not(Cause::ExecutorsDie),
        Fault::new("exit-56", Cause::HeartbeatLost)
            .with(container("command: [sh, -c, 'exit 56']"))
            .not(Cause::ExecutorsDie),
        Fault::new("exit-1-without-a-word", Cause::ExecutorsDie)
            .with(container("command: [sh, -c, 'exit 1']")),
        Fault::new("scratch-read-only", Cause::NoLocalDirectory)
            .or(Cause::NotWritable)
            .with(Conf(
                "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.mount.path",
                "/scratch",
            ))
            .with(Conf(
                "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.mount.readOnly",
                "true",
            ))
            .says(&["/scratch"])
            .not(Cause::DriverUnreachable)
            .cured_by(Conf(
                "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.mount.readOnly",
                "false",
            )),
        Fault::new("root-read-only", Cause::NotWritable)
            .with(container("securityContext: {readOnlyRootFilesystem: true}"))
            .not(Cause::DriverUnreachable)
            .cured_by(PodTemplate(Template {
                pod: "volumes: [{name: tmp, emptyDir: {}}, {name: work, emptyDir: {}}]",
                container: "securityContext: {readOnlyRootFilesystem: true}\n\
                            volumeMounts: [{name: tmp, mountPath: /tmp}, \
                            {name: work, mountPath: /opt/spark/work-dir}]",
                beside: "",
            })),
        // Of no group that may write, so that the entrypoint cannot add an entry.
        Fault::new("user-without-entry", Cause::NoPasswdEntry)
            .with(pod("securityContext: {runAsUser: 12345, runAsGroup: 12345}"))
            .says(&["12345"])
            .not(Cause::NotWritable),
        Fault::new("killed", Cause::Killed)
            .with(container(signalled!("KILL")))
            .says(&["137"])
            .not(Cause::OutOfMemory),
        Fault::new("crashed", Cause::Crashed)
            .with(container(signalled!("SEGV")))
            .not(Cause::ExecutorsDie),
    ]
}
