//! Processes: of executors while a session runs, of applications, and what Spark refuses.

use sparkproof::verdict::Cause;

use super::super::fault::Change::{Broken, Conf, Template as Made};
use super::super::fault::{Fault, Template, container, pi, python};

/// 300 MB in a worker that may have 160.
const MUCH_MEMORY: &str = "\
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.sparkContext.parallelize([1], 1).map(lambda x: len('x' * (300 << 20))).collect())
";
/// One row of 1 GB.
const LARGE_ROW: &str = "\
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.range(0, 1, 1, 1).selectExpr(\"repeat('x', cast(id as int) + 1000000000) as text\")
print(rows.selectExpr('length(text)').collect())
";
/// 20 MB of shuffle that does not compress.
const SHUFFLES: &str = "\
import os
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.sparkContext.parallelize(range(20), 1).map(lambda x: (x, os.urandom(1 << 20)))
print(rows.partitionBy(2).count())
";
const ANY: &str = "\
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.sparkContext.parallelize([1, 2], 1).map(lambda x: x + 1).collect())
";
/// The module lies beside the program, in the driver's pod.
const OWN_MODULE: &str = "\
from pyspark.sql import SparkSession
from team_rules import twice
spark = SparkSession.builder.getOrCreate()
print(spark.sparkContext.parallelize([1, 2], 1).map(twice).collect())
";
const EXITS: &str = "\
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print('no input for today')
spark.stop()
sys.exit(3)
";
/// A file of the laptop from which the application was submitted.
const LAPTOP: &str = "\
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.read.csv('file:///home/alice/orders.csv').count())
";

/// The faults of this group.
pub(super) fn faults() -> Vec<Fault> {
    vec![
        // kubeflow/spark-operator#766, while a session runs.
        Fault::new("executors-killed-in-a-session", Cause::Killed)
            .with(Broken("pkill -KILL -x java"))
            .says(&["137"])
            .not(Cause::ExecutorsDie),
        // kubeflow/spark-operator#781: what is not the JVM's takes the container's memory. A file in
        // memory has no process that the kernel could kill instead. Not hidden by a second try.
        Fault::new("memory-taken-in-a-session", Cause::OutOfMemory)
            .with(Made(Template {
                pod: "volumes: [{name: fast, emptyDir: {medium: Memory}}]",
                container: "volumeMounts: [{name: fast, mountPath: /fast}]",
                beside: "",
            }))
            .with(Conf("spark.stage.maxConsecutiveAttempts", "1"))
            .with(Conf("spark.task.maxFailures", "1"))
            .with(Broken("head -c 2000000000 /dev/zero > /fast/fill"))
            .not(Cause::Killed),
        // Images of another Spark, or built without `-Pkubernetes`: its class is not there.
        Fault::new("image-without-kubernetes-module", Cause::VersionMismatch)
            .with(container(
                "securityContext: {runAsUser: 0}\n\
                 command: [bash, -c, 'rm /opt/spark/jars/spark-kubernetes*; \
                 exec /opt/entrypoint.sh \"$0\" \"$@\"']",
            ))
            .says(&["KubernetesExecutorBackend"])
            .not(Cause::ExecutorsDie),
        // SPARK-25021 and questions about `spark.executor.pyspark.memory`.
        Fault::new("python-worker-memory", Cause::PythonOutOfMemory)
            .with(python(MUCH_MEMORY))
            .with(Conf("spark.executor.pyspark.memory", "160m"))
            .not(Cause::ApplicationFailed),
        // spark-jobserver#1265, TIBCOSoftware/snappy-on-k8s#26.
        Fault::new("python-of-another-name", Cause::PythonMismatch)
            .with(python(ANY))
            .with(Conf("spark.pyspark.python", "python3.7"))
            .with(Conf("spark.pyspark.driver.python", "python3"))
            .says(&["python3.7"])
            .not(Cause::ApplicationFailed),
        // bitnami-docker-spark#81: `ModuleNotFoundError` on executors.
        Fault::new("module-on-the-driver-only", Cause::CodeMissing)
            .with(python(OWN_MODULE))
            .says(&["team_rules"])
            .not(Cause::ApplicationFailed),
        // kubeflow/spark-operator#1607: the jar is on the driver's class path only.
        Fault::new("classes-on-the-driver-only", Cause::CodeMissing)
            .with(pi(|spec| {
                let jar = spec.resource.trim_start_matches("local://").to_owned();
                spec.conf.insert("spark.driver.extraClassPath", jar);
                "spark-internal".clone_into(&mut spec.resource);
            }))
            .not(Cause::ApplicationFailed),
        // Questions about exit code 52 (SPARK-15087): one row that no heap holds.
        Fault::new("heap-of-an-application", Cause::HeapOutOfMemory)
            .with(python(LARGE_ROW))
            .not(Cause::ApplicationFailed),
        // SPARK-30985 and reports on `spark.kubernetes.local.dirs.tmpfs`.
        Fault::new("shuffle-in-little-memory", Cause::ScratchLimit)
            .with(python(SHUFFLES))
            .with(Conf(
                "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.mount.path",
                "/scratch",
            ))
            .with(Conf(
                "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.options.medium",
                "Memory",
            ))
            .with(Conf(
                "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.options.sizeLimit",
                "4Mi",
            ))
            .not(Cause::NodeDiskFull),
        // apache-spark-on-k8s/spark#590: the path is one of the laptop, or has a typing error.
        Fault::new("application-file-missing", Cause::ApplicationMissing)
            .with(pi(|spec| {
                spec.class = None;
                "local:///opt/spark/examples/none.py".clone_into(&mut spec.resource);
            }))
            .says(&["/opt/spark/examples/none.py"])
            .not(Cause::ApplicationFailed),
        Fault::new("application-exits", Cause::ApplicationFailed)
            .with(python(EXITS))
            .says(&["3"])
            .not(Cause::DriverEnded),
        // Questions about `file:///` in cluster mode: the driver is in a pod, not on the laptop.
        Fault::new("file-of-the-laptop", Cause::DriverLacksFile)
            .or(Cause::FileMissing)
            .with(python(LAPTOP))
            .says(&["/home/alice/orders.csv"])
            .not(Cause::ApplicationFailed),
    ]
}

/// What Spark refuses.
pub(super) fn configuration() -> Vec<Fault> {
    let overhead = |value| Conf("spark.executor.memoryOverhead", value);
    vec![
        // kubeflow/spark-operator#817, kubeflow/sdk#581: a unit of Kubernetes.
        Fault::new("unit-of-kubernetes", Cause::ConfigurationRefused)
            .with(overhead("384Mi"))
            .says(&["spark.executor.memoryOverhead"])
            .not(Cause::DriverEnded)
            .cured_by(overhead("384m")),
    ]
}
