//! The place from which Spark reads, and why a read from it failed.

use serde::{Deserialize, Serialize};
use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::{Diagnosis, Judged};

use super::mount::MountKind;
use super::task::FileRead;
use super::volume::VolumeUse;
use crate::diagnosis::{FailedRead, diagnose_read, read_elsewhere};

/// Where files lie, and how executors must see them there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Root of the files, without a slash at its end.
    pub uri: String,
    /// Hadoop's class for its scheme, without the package.
    pub file_system: String,
    /// The mount of local paths.
    pub mount: Option<MountKind>,
    /// The volume of the pods in which they lie, if it is one.
    pub volume: Option<VolumeUse>,
}

impl Place {
    /// Its scheme, e.g. `s3a`.
    pub fn scheme(&self) -> &str {
        self.uri.split(':').next().unwrap_or_default()
    }

    /// Why an exception in a JVM came.
    pub(super) fn diagnose(&self, text: &str, whose: &str, uri: &str) -> Diagnosis {
        let mounted = matches!(self.mount, Some(MountKind::Fuse(_)));
        diagnose_read(FailedRead { text, whose, uri, mounted })
    }

    /// The same with the mount that the reader saw: if it is the expected one, a missing file is
    /// not a missing mount.
    pub(super) fn diagnose_on(&self, text: &str, whose: &str, read: &FileRead) -> Diagnosis {
        let (Some(seen), Some(expected @ MountKind::Fuse(_))) = (&read.mount, &self.mount) else {
            return self.diagnose(text, whose, &read.uri);
        };
        let mounted = MountKind::of(seen) != *expected;
        let mut diagnosis = diagnose_read(FailedRead { text, whose, uri: &read.uri, mounted });
        let text = format!("{} at {}, from {}", seen.fs_type, seen.point, seen.source);
        diagnosis.evidence.push(EvidenceItem { name: "mount".into(), text });
        diagnosis
    }

    /// Why a read of the right bytes was one of another place, if it was.
    pub(super) fn elsewhere(&self, read: &FileRead, whose: &str) -> Option<Diagnosis> {
        let class = read.file_system.as_deref().map_or("none", |class| self.simple(class));
        if class != self.file_system {
            return Some(read_elsewhere(whose, &read.uri, class, &self.file_system));
        }
        let expected = self.mount.as_ref()?;
        let (kind, point) = match &read.mount {
            Some(mount) if MountKind::of(mount) == *expected => return None,
            Some(mount) => (mount.fs_type.as_str(), mount.point.as_str()),
            None => ("nothing", "nowhere"),
        };
        let seen = format!("the path is on {kind} at {point}, expected {expected}");
        Some(read_elsewhere(whose, &read.uri, &seen, &expected.to_string()))
    }

    /// The name of a class without its package. Hive's jar also has a `ProxyLocalFileSystem` for
    /// `file:`; which of the two a JVM uses depends on `ServiceLoader`'s order.
    pub(super) fn simple<'a>(&self, class: &'a str) -> &'a str {
        let name = class.rsplit('.').next().unwrap_or(class);
        name.strip_prefix("Proxy").filter(|rest| *rest == self.file_system).unwrap_or(name)
    }
}

/// Red, with a named cause.
pub(super) fn diagnosed(what: &str, diagnosis: &Diagnosis) -> Judged {
    let red = Judged::red(format!("{what}: {diagnosis}"), &diagnosis.remedy);
    let red = red.with("cause", diagnosis);
    diagnosis.evidence.iter().fold(red, |red, piece| red.with(&piece.name, &piece.text))
}
