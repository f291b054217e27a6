//! The files of `harness/images/node/`.

use std::path::Path;

use include_dir::include_dir;
use sparkproof_base::error::{Error, Result};

use crate::Key;
use crate::embedded::Embedded;

static NODE: Embedded = Embedded(include_dir!("$CARGO_MANIFEST_DIR/node"));

/// A file's text.
pub(super) fn text(path: &str) -> &'static str {
    NODE.text(path)
}

/// All files below a directory with their paths in it.
pub(super) fn files(path: &str) -> Vec<(String, &'static [u8])> {
    NODE.files(path)
}

/// Writes a directory's files below `target`.
pub(super) fn extract(path: &str, target: &Path) -> Result<()> {
    NODE.extract(path, target)
}

/// Adds a directory's files to a key.
pub(super) fn add(key: Key, path: &str) -> Key {
    NODE.add(key, path)
}

/// The Go release that the default Kubernetes asks for, e.g. `1.25.0`.
pub fn go_version() -> Result<String> {
    let line = text("go/kubernetes/go.mod").lines().find_map(|l| l.strip_prefix("go "));
    line.map(str::to_owned).ok_or_else(|| Error::internal("go.mod names no Go release"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::kubernetes::{KubernetesRelease, kind_version, minikube};

    #[test]
    fn the_inputs_are_embedded() {
        let names: Vec<String> =
            NODE.files("go/kubernetes").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["go.mod", "go.sum", "netd/main.go", "pause/main.go"]);
        assert!(text("layer.sh").starts_with("#!/bin/sh"));
        assert!(text("no-such-file").is_empty());
    }

    #[test]
    fn a_key_follows_its_inputs() {
        let id = |path| add(Key::new("x"), path).id();
        assert_eq!(id("go/etcd"), id("go/etcd"));
        assert_ne!(id("go/etcd"), id("go/coredns"));
    }

    #[test]
    fn kind_is_of_one_version_everywhere() {
        let required = format!("sigs.k8s.io/kind {}", kind_version().expect("table"));
        assert!(text("go/kind/go.mod").contains(&required));
    }

    #[test]
    fn minikube_is_of_one_version_everywhere() {
        let minikube = minikube().expect("table");
        let required = format!("k8s.io/minikube {}", minikube.version);
        assert!(text("go/minikube/go.mod").contains(&required));
        let release = KubernetesRelease::resolve(Some(&minikube.kubernetes)).expect("known");
        assert_eq!(release.major_minor(), ("1", "33"));
        assert!(minikube.sha256.values().all(|digest| digest.len() == 64));
    }

    /// So that Go compiles that client once for all programs of a node.
    #[test]
    fn the_policy_controller_has_the_client_of_the_default_kubernetes() {
        let release = KubernetesRelease::resolve(None).expect("default");
        let client = format!("k8s.io/client-go v0{}", &release.version[2..]);
        assert!(text("go/policyd/go.mod").contains(&client));
    }

    #[test]
    fn the_default_kubernetes_is_committed() {
        let release = KubernetesRelease::resolve(None).expect("default");
        let required = format!("k8s.io/kubernetes {}", release.version);
        assert!(text("go/kubernetes/go.mod").contains(&required));
    }
}
