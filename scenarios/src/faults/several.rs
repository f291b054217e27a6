//! Two causes at once: both are named.

use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Cpu, Executors, Image, Memory, Put, Runs};
use super::fault::{Fault, pod};
use super::image::WANTS_PASSWORD;
use super::process::options;
use super::scheduling::{APART, BUSY};

/// Too few for two executors beside another pod.
const TWO_PODS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {pods: '2'}}
";
/// Too few for two executors, whatever else there is.
const ONE_POD: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {pods: '1'}}
";

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    let secret = || Conf("spark.kubernetes.executor.secretKeyRef.WORD", "team-key:word");
    let never = || Conf("spark.kubernetes.container.image.pullPolicy", "Never");
    vec![
        // The first executor has no Secret, the second no quota.
        Fault::two("secret-and-quota", Cause::SecretMissing, Cause::QuotaExceeded)
            .with(Put(TWO_PODS))
            .with(Put(BUSY))
            .with(Runs("busy"))
            .with(Executors(2))
            .with(secret())
            .says(&["team-key", "team-quota"]),
        Fault::two("selector-and-quota", Cause::NodeSelector, Cause::QuotaExceeded)
            .with(Put(ONE_POD))
            .with(Executors(2))
            .with(Conf("spark.kubernetes.executor.node.selector.kubernetes.io/os", "plan9"))
            .says(&["plan9", "team-quota"]),
        Fault::two("password-and-secret", Cause::RegistryDenies, Cause::SecretMissing)
            .with(Put(WANTS_PASSWORD))
            .with(Runs("registry"))
            .with(Image("127.0.0.1:21401/team/spark:1"))
            .with(Conf("spark.kubernetes.container.image.pullSecrets", "team-pull"))
            .says(&["team-pull"]),
        Fault::two("image-and-cpu", Cause::ImageNeverPulled, Cause::InsufficientCpu)
            .with(Image("sparkproof.invalid/spark:none"))
            .with(never())
            .with(Put(BUSY))
            .with(Runs("busy"))
            .with(Executors(3))
            .with(Cpu(400)),
        Fault::two("options-and-cpu", Cause::JvmOptions, Cause::InsufficientCpu)
            .with(options("-XX:MaxRAMPercentage=lots"))
            .with(Put(BUSY))
            .with(Runs("busy"))
            .with(Executors(3))
            .with(Cpu(400)),
        Fault::two("secret-and-affinity", Cause::SecretMissing, Cause::Unschedulable)
            .with(secret())
            .with(pod(APART))
            .with(Executors(3)),
        // The key is meant to cure what then kills the executors.
        Fault::two("memory-and-key", Cause::OutOfMemory, Cause::UnknownKey)
            .with(Memory(512))
            .with(Conf("spark.executor.memoryOverhead", "1m"))
            .with(options("-XX:+AlwaysPreTouch"))
            .with(Conf("spark.executor.memoryOverheadFacter", "0.9"))
            .says(&["memoryOverheadFacter"]),
        // A driver that is not in a pod has no use for the key.
        Fault::two("cpu-and-key", Cause::InsufficientCpu, Cause::KeyWithoutEffect)
            .with(Cpu(64_000))
            .with(Conf("spark.kubernetes.driver.request.cores", "1"))
            .says(&["spark.kubernetes.driver.request.cores"]),
    ]
}
