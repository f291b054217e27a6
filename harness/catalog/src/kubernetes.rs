//! The Kubernetes versions that a node can have, from `harness/catalog/versions/kubernetes.toml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, ErrorContext, Result};

/// A Kubernetes version that a node can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRelease {
    /// E.g. `v1.34.11`.
    pub version: String,
    /// Manifest digest of `kindest/node:<version>` as this kind release publishes it.
    pub published: Option<String>,
    /// Whether sparkproof can assemble a node image of it.
    #[serde(default)]
    pub assembled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KubernetesTable {
    kind: String,
    default: String,
    minikube: Minikube,
    release: Vec<KubernetesRelease>,
}

/// The pinned Minikube release.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Minikube {
    /// E.g. `v1.36.0`.
    pub version: String,
    /// The commit of its tag.
    pub commit: String,
    /// Repository of its base image.
    pub base: String,
    /// Manifest digest of its base image.
    pub base_digest: String,
    /// The Kubernetes version on that base image, unless another one is asked for.
    pub kubernetes: String,
    /// Digests of the released binaries, by Go's name of the architecture.
    pub sha256: BTreeMap<String, String>,
}

fn table() -> Result<KubernetesTable> {
    toml::from_str(include_str!("../versions/kubernetes.toml"))
        .or_internal("reading harness/catalog/versions/kubernetes.toml")
}

impl KubernetesRelease {
    /// The release of this version (with or without `v`); the pinned default for `None`.
    ///
    /// # Errors
    /// Bad input: the version is not in the table.
    pub fn resolve(version: Option<&str>) -> Result<Self> {
        let table = table()?;
        let wanted = version.unwrap_or(&table.default).trim_start_matches('v');
        let known = table.release.iter().map(|r| r.version.as_str()).collect::<Vec<_>>().join(", ");
        table.release.into_iter().find(|r| r.version.trim_start_matches('v') == wanted).ok_or_else(
            || {
                Error::input(format!("unknown Kubernetes version {wanted}, known: {known}"))
                    .remedy("choose one of them, or use an existing cluster by --kubeconfig")
            },
        )
    }

    /// Whether it is the default version, whose `go.mod` and `go.sum` are committed.
    pub fn is_default(&self) -> bool {
        table().is_ok_and(|table| table.default == self.version)
    }

    /// Major and minor number, `("1", "34")`.
    pub fn major_minor(&self) -> (&str, &str) {
        let mut parts = self.version.trim_start_matches('v').split('.');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }
}

/// The pinned kind release, e.g. `v0.33.0`.
pub fn kind_version() -> Result<String> {
    Ok(table()?.kind)
}

/// The pinned Minikube release with its base image and digests.
pub fn minikube() -> Result<Minikube> {
    Ok(table()?.minikube)
}

/// The pinned Minikube release, e.g. `v1.36.0`.
pub fn minikube_version() -> Result<String> {
    Ok(minikube()?.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_published_and_assembled() {
        let release = KubernetesRelease::resolve(None).expect("default");
        assert!(release.assembled && release.published.is_some());
        assert_eq!(KubernetesRelease::resolve(Some("1.33.5")).expect("known").version, "v1.33.5");
        assert_eq!(release.major_minor(), ("1", "34"));
    }

    #[test]
    fn an_unknown_version_is_refused_with_the_known_ones() {
        let error = KubernetesRelease::resolve(Some("v1.99.0")).expect_err("unknown");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.to_string().contains("v1.34.11"), "{error}");
    }
}
