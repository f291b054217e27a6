//! The Kubernetes volume from which files are read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The volume in which a variant's files lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeUse {
    /// A directory of the node.
    HostPath,
    /// One claim, which all executors share.
    SharedClaim,
    /// A claim for each executor.
    OwnClaim,
    /// An empty directory that is filled in the pod.
    EmptyDir,
    /// A ConfigMap.
    ConfigMap,
}

/// A volume of a pod, by the pod's specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSource {
    /// The field of its source, e.g. `persistentVolumeClaim`.
    pub kind: String,
    /// Name of the claim or ConfigMap, path on the node; empty for an emptyDir.
    pub name: String,
}

impl VolumeUse {
    /// The field of its source in a pod's specification.
    pub(super) fn kind(self) -> &'static str {
        match self {
            VolumeUse::HostPath => "hostPath",
            VolumeUse::SharedClaim | VolumeUse::OwnClaim => "persistentVolumeClaim",
            VolumeUse::EmptyDir => "emptyDir",
            VolumeUse::ConfigMap => "configMap",
        }
    }

    /// How claims are shared otherwise than expected, in words.
    pub(super) fn shared_wrongly(self, volumes: &[&VolumeSource]) -> Option<String> {
        let claims: BTreeSet<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        let expected = match self {
            VolumeUse::SharedClaim => 1,
            VolumeUse::OwnClaim => volumes.len(),
            _ => return None,
        };
        let what =
            || format!("{} pods have {} claims, expected {expected}", volumes.len(), claims.len());
        (claims.len() != expected).then(what)
    }
}
