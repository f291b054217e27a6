//! Settings that Spark refuses.

use sparkproof::verdict::Cause;

use super::fault::Change::{Bind, Conf, LocalMaster, Memory};
use super::fault::Fault;

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    let batch = |value| Conf("spark.kubernetes.allocation.batch.size", value);
    let prefix = |value| Conf("spark.kubernetes.executor.podNamePrefix", value);
    let heartbeat = |value| Conf("spark.executor.heartbeatInterval", value);
    vec![
        Fault::new("number-out-of-range", Cause::ConfigurationRefused)
            .with(batch("0"))
            .says(&["spark.kubernetes.allocation.batch.size"])
            .not(Cause::DriverEnded)
            .cured_by(batch("5")),
        Fault::new("name-prefix", Cause::ConfigurationRefused)
            .with(prefix("A_b"))
            .says(&["podNamePrefix"])
            .not(Cause::DriverEnded)
            .cured_by(prefix("a-b")),
        Fault::new("volume-type", Cause::ConfigurationRefused)
            .with(Conf("spark.kubernetes.executor.volumes.csi.data.mount.path", "/data"))
            .with(Conf("spark.kubernetes.executor.volumes.csi.data.options.driver", "x"))
            .says(&["csi"])
            .not(Cause::DriverEnded),
        Fault::new("heap-by-option", Cause::JvmOptions)
            .or(Cause::ConfigurationRefused)
            .with(Conf("spark.executor.extraJavaOptions", "-Xmx1g"))
            .says(&["Xmx"])
            .not(Cause::DriverEnded)
            .cured_by(Conf("spark.executor.extraJavaOptions", "-XX:+UseSerialGC")),
        Fault::new("heap-too-small", Cause::ConfigurationRefused)
            .with(Memory(100))
            .says(&["memory"])
            .not(Cause::DriverEnded)
            .cured_by(Memory(512)),
        Fault::new("heartbeat-longer-than-timeout", Cause::ConfigurationRefused)
            .with(heartbeat("200s"))
            .says(&["spark.executor.heartbeatInterval"])
            .not(Cause::DriverEnded)
            .cured_by(heartbeat("10s")),
        Fault::new("template-missing", Cause::ConfigurationRefused)
            .or(Cause::DriverLacksFile)
            .or(Cause::FileMissing)
            .with(Conf("spark.kubernetes.executor.podTemplateFile", "/no/such/template.yaml"))
            .says(&["/no/such/template.yaml"])
            .not(Cause::DriverEnded),
        Fault::new("event-log-directory-missing", Cause::DriverLacksFile)
            .or(Cause::FileMissing)
            .or(Cause::ConfigurationRefused)
            .with(Conf("spark.eventLog.enabled", "true"))
            .with(Conf("spark.eventLog.dir", "file:/no/such/directory"))
            .says(&["/no/such/directory"])
            .not(Cause::DriverEnded),
        Fault::new("cannot-bind", Cause::CannotBind)
            .with(Bind([192, 0, 2, 3]))
            .says(&["192.0.2.3"])
            .not(Cause::DriverEnded),
        Fault::new("local-master", Cause::LocalMaster).with(LocalMaster).says(&["local["]),
    ]
}
