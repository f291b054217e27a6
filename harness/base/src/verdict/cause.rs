//! Named causes of failures.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::events::EvidenceItem;

/// Why a session did not start, is not what it says, or cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The session is `local[*]`: it runs in the driver's process.
    LocalMaster,
    /// Reads without a session argument use another session.
    OtherSession,
    /// Java closes packages that Spark needs open.
    ClosedModules,
    /// The account lacks a permission that Spark needs.
    MissingVerb,
    /// The node does not have the image and must not pull it.
    ImageNeverPulled,
    /// The image cannot be pulled, or its name is invalid.
    WrongImage,
    /// The container could not be created.
    ContainerNotCreated,
    /// No node has enough CPU.
    InsufficientCpu,
    /// No node has enough memory.
    InsufficientMemory,
    /// A PersistentVolumeClaim of the pods does not exist.
    MissingClaim,
    /// The pod cannot be scheduled, for another reason.
    Unschedulable,
    /// The node cannot mount a volume of the pod.
    VolumeNotMounted,
    /// The image's user has no entry in `/etc/passwd`.
    NoPasswdEntry,
    /// Driver and executors have different Spark versions.
    VersionMismatch,
    /// Executors cannot reach the driver.
    DriverUnreachable,
    /// Executors were OOM-killed.
    OutOfMemory,
    /// Executors start and end, for an unknown reason.
    ExecutorsDie,
    /// The driver process ended or hangs.
    DriverEnded,
    /// A file is missing on an executor, or in the store.
    FileMissing,
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
    /// The FileSystem class of the scheme is missing: a jar is not on the class path.
    MissingJar,
    /// This Spark version does not support the scheme.
    UnsupportedScheme,
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
