//! Named causes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::events::Evidence;

/// Why a session did not start, is not what it says, or cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The session runs in the driver's own process.
    LocalMaster,
    /// What is read without a session argument is of another session.
    OtherSession,
    /// Java closes packages that Spark needs open.
    ClosedModules,
    /// The account may not do what Spark needs.
    MissingVerb,
    /// The node may not pull and does not have it.
    ImageNeverPulled,
    /// The image cannot be pulled, or its name is none.
    WrongImage,
    /// The container could not be made of the image.
    ContainerNotCreated,
    /// No node has the CPU.
    InsufficientCpu,
    /// No node has the memory.
    InsufficientMemory,
    /// A claim that pods mount does not exist.
    MissingClaim,
    /// No node may take the pod, for another reason.
    Unschedulable,
    /// The node cannot mount a volume of the pod.
    VolumeNotMounted,
    /// The image's user has no passwd entry.
    NoPasswdEntry,
    /// Driver and executors are of different versions.
    VersionMismatch,
    /// Executors cannot reach the driver.
    DriverUnreachable,
    /// Executors were killed for their memory.
    OutOfMemory,
    /// Executors start and end.
    ExecutorsDie,
    /// The driver process ended or hangs.
    DriverEnded,
    /// The driver has a file that executors do not.
    FileMissing,
    /// Executors have a file that the driver does not, which lists and splits.
    DriverLacksFile,
    /// Not the bytes that were put there.
    ContentDiffers,
    /// The right bytes, but by another file system or from another mount.
    ReadElsewhere,
    /// What was mounted there is not any more.
    MountGone,
    /// The store does not answer.
    StoreUnreachable,
    /// The store's name is not known.
    UnknownHost,
    /// The store does not accept the key.
    StoreDeniesAccess,
    /// No class for the scheme: a jar is missing.
    MissingJar,
    /// This Spark does not read from such URLs.
    UnsupportedScheme,
    /// No rule knows it.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One spelling, in reports and in code.
        self.serialize(f)
    }
}

/// A cause with what it rests on. The source of the [`Error`] of a failed session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Its name.
    pub cause: Cause,
    /// One sentence.
    pub says: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
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
    /// The diagnosis that an error carries.
    pub fn of(error: &Error) -> Option<&Diagnosis> {
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
        assert_eq!(Diagnosis::of(&error).map(|d| d.cause), Some(Cause::WrongImage));
        assert_eq!(
            error.to_string(),
            "0 of 3 executors registered after 4 s: wrong-image: no such image"
        );
        assert_eq!(error.remedy.as_deref(), Some("push it"));
        assert_eq!(Diagnosis::of(&Error::red("x")), None);
    }
}
