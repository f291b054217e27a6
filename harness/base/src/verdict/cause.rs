//! Named causes of failures.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::events::EvidenceItem;

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Why a session did not start, is not what it says, or cannot read. The groups are those
        /// of docs/causes.md.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// All causes, in the order of docs/causes.md.
            pub const ALL: &'static [Cause] = &[$(Cause::$name,)*];
        }
    };
}

causes! {
    // The session is not what it says.
    /// The session is `local[*]`: it runs in the driver's process.
    LocalMaster,
    /// Reads without a session argument use another session.
    OtherSession,
    /// Java closes packages that Spark needs open.
    ClosedModules,
    /// Spark refuses a value of its configuration.
    ConfigurationRefused,
    /// A key of the configuration is unknown to this Spark.
    UnknownKey,
    /// A key of the configuration has no effect in this mode.
    KeyWithoutEffect,
    /// A JVM does not start with its options.
    JvmOptions,
    /// The driver cannot listen at its address.
    CannotBind,
    // Refused by the API server.
    /// The account lacks a permission that Spark needs.
    MissingVerb,
    /// A ResourceQuota does not allow the pods.
    QuotaExceeded,
    /// A LimitRange does not allow the pods.
    LimitRange,
    /// Pod Security admission refuses the pods.
    PodSecurity,
    /// An admission policy or webhook refuses the pods.
    PolicyDenied,
    /// An admission webhook cannot be called.
    WebhookFailed,
    /// The pods' service account does not exist.
    AccountMissing,
    /// A PriorityClass or RuntimeClass of the pods does not exist.
    ClassMissing,
    /// The namespace does not exist, or is being deleted.
    NamespaceGone,
    /// A field of the pods is not valid: a name or a label, for instance.
    InvalidPod,
    /// An object of this name exists already.
    NameConflict,
    /// The API server does not answer.
    ApiUnreachable,
    /// The API server does not accept the credentials.
    Unauthorized,
    /// No token of the service account is mounted into the driver's pod.
    NoTokenMounted,
    /// The API server's certificate is not accepted.
    ApiTls,
    /// The API server answers that there are too many requests.
    ApiThrottled,
    /// The watch of the driver is too old, and is not renewed.
    WatchExpired,
    /// A proxy stands between the driver and the API server.
    Proxy,
    // Scheduling.
    /// No node has enough CPU.
    InsufficientCpu,
    /// No node has enough memory.
    InsufficientMemory,
    /// No node has enough of another resource, e.g. of GPUs.
    InsufficientResource,
    /// Every node that would fit has a taint that the pods do not tolerate.
    Taint,
    /// No node has the labels that the pods ask for.
    NodeSelector,
    /// The nodes are cordoned.
    NodeCordoned,
    /// The nodes hold as many pods as they may.
    TooManyPods,
    /// The scheduler that the pods ask for does not run.
    NoScheduler,
    /// The pods have a scheduling gate.
    SchedulingGated,
    /// Pods made room for others of a higher priority.
    Preempted,
    /// The pod cannot be scheduled, for another reason.
    Unschedulable,
    // Claims and volumes.
    /// A PersistentVolumeClaim of the pods does not exist.
    MissingClaim,
    /// A PersistentVolumeClaim of the pods is not bound.
    ClaimPending,
    /// The volume of a claim cannot be provided.
    ProvisioningFailed,
    /// The volume of a claim is gone.
    ClaimLost,
    /// A volume can be used on one node, or by one pod, at a time.
    SingleNodeClaim,
    /// A volume can be used on other nodes only.
    VolumeElsewhere,
    /// The node cannot mount a volume of the pod.
    VolumeNotMounted,
    // Image and container.
    /// The node does not have the image and must not pull it.
    ImageNeverPulled,
    /// The registry does not have the image.
    WrongImage,
    /// The image's name is not valid.
    InvalidImageName,
    /// The registry rejects the credentials, or wants some.
    RegistryDenies,
    /// The registry's limit of pulls is reached.
    RegistryRateLimit,
    /// The registry speaks plain HTTP, or its certificate is not accepted.
    RegistryTls,
    /// The registry does not answer.
    RegistryUnreachable,
    /// The image is of another architecture than the node.
    ImageOtherArchitecture,
    /// The image lacks Spark's entrypoint or its programs.
    ImageWithoutSpark,
    /// A Secret of the pods, or a key in it, does not exist.
    SecretMissing,
    /// A ConfigMap of the pods, or a key in it, does not exist.
    ConfigMapMissing,
    /// The image's user is root, which the pod must not be.
    RunsAsRoot,
    /// The pod's network or its sandbox cannot be made.
    SandboxFailed,
    /// The container could not be created.
    ContainerNotCreated,
    /// An init container failed.
    InitContainerFailed,
    // Node.
    /// The node evicted pods: it is short of memory, disk or process ids.
    Evicted,
    /// A pod used more scratch space than its limit.
    ScratchLimit,
    /// The node's disk is full.
    NodeDiskFull,
    /// A node is not ready any more.
    NodeLost,
    // Network.
    /// Executors cannot reach the driver.
    DriverUnreachable,
    /// The driver's address is one that only its own machine reaches.
    LoopbackDriver,
    /// Names cannot be resolved in pods.
    DnsBroken,
    /// A NetworkPolicy stands between the pods.
    NetworkPolicy,
    /// Pods of different nodes cannot reach each other.
    OtherNodesOnly,
    /// A container that Spark does not know stands between the pods.
    Sidecar,
    // Process.
    /// A JVM's heap was too small.
    HeapOutOfMemory,
    /// Executors were OOM-killed.
    OutOfMemory,
    /// Executors were killed, and nobody says for what.
    Killed,
    /// A Python worker was killed or ran out of memory.
    PythonOutOfMemory,
    /// Python is missing on executors, or of another version than the driver's.
    PythonMismatch,
    /// Executors have no directory for their scratch files.
    NoLocalDirectory,
    /// Executors could not send heartbeats to the driver.
    HeartbeatLost,
    /// A path that must be written is read-only, or of another user.
    NotWritable,
    /// The image's user has no entry in `/etc/passwd`.
    NoPasswdEntry,
    /// Driver and executors have different Spark versions.
    VersionMismatch,
    /// Jars of different versions of a library are mixed.
    JarMismatch,
    /// Code of the application is not on the executors, or of another Scala.
    CodeMissing,
    /// A JVM crashed.
    Crashed,
    /// Executors start and end, for an unknown reason.
    ExecutorsDie,
    /// Spark gave up, since too many executors failed.
    TooManyFailures,
    /// The application's file or main class does not exist.
    ApplicationMissing,
    /// The application itself failed.
    ApplicationFailed,
    /// The driver process ended or hangs.
    DriverEnded,
    // Files and stores.
    /// A file is missing on an executor, or in the store.
    FileMissing,
    /// A file is there, and the process may not read it.
    FileNotReadable,
    /// A file is missing on the driver, which lists and splits files.
    DriverLacksFile,
    /// The bytes differ from those that were written.
    ContentDiffers,
    /// The right bytes, but through another FileSystem or mount.
    ReadElsewhere,
    /// A FUSE mount is gone.
    MountGone,
    /// The store does not answer.
    StoreUnreachable,
    /// The store's host name cannot be resolved.
    UnknownHost,
    /// The store rejects the credentials.
    StoreDeniesAccess,
    /// No credentials for the store were found.
    StoreNoCredentials,
    /// The store's region is not known, or another one.
    StoreNoRegion,
    /// The store has no such bucket or container.
    StoreBucketMissing,
    /// The clocks of the client and the store differ too much.
    StoreClockSkew,
    /// The store's certificate is not accepted, or it speaks plain HTTP.
    StoreTls,
    /// The store's user may not read the file.
    StoreUserDenied,
    /// The store wants Kerberos.
    StoreWantsKerberos,
    /// The store answers that there are too many requests.
    StoreThrottles,
    /// The FileSystem class of the scheme is missing: a jar is not on the class path.
    MissingJar,
    /// This Spark version does not support the scheme.
    UnsupportedScheme,
    // No rule.
    /// No rule knows it.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The spelling of the serialised form.
        self.serialize(f)
    }
}

/// A cause with its evidence; the source of the [`Error`] of a failed session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The named cause.
    pub cause: Cause,
    /// The finding, in one sentence.
    pub says: String,
    /// The evidence.
    pub evidence: Vec<EvidenceItem>,
    /// What to do.
    pub remedy: String,
    /// What else went wrong, in the order in which it would have stopped the session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Diagnosis>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.says)
    }
}

impl std::error::Error for Diagnosis {}

impl Diagnosis {
    /// The diagnosis in an error's chain of sources.
    pub fn from_error(error: &Error) -> Option<&Diagnosis> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// A red error with this diagnosis: `what` is observed against expected.
    pub fn error(self, what: impl Into<String>) -> Error {
        let remedy = self.remedy.clone();
        Error::red(what).remedy(remedy).with_source(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_carries_its_diagnosis() {
        let diagnosis = Diagnosis {
            cause: Cause::WrongImage,
            says: "no such image".into(),
            evidence: Vec::new(),
            remedy: "push it".into(),
            also: Vec::new(),
        };
        let error = diagnosis.error("0 of 3 executors registered after 4 s");
        assert_eq!(Diagnosis::from_error(&error).map(|d| d.cause), Some(Cause::WrongImage));
        assert_eq!(
            error.to_string(),
            "0 of 3 executors registered after 4 s: wrong-image: no such image"
        );
        assert_eq!(error.remedy.as_deref(), Some("push it"));
        assert_eq!(Diagnosis::from_error(&Error::red("x")), None);
    }
}
