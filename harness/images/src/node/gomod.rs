//! The `go.mod` that builds one Kubernetes version.
//!
//! Kubernetes' own `go.mod` requires its staging modules as `v0.0.0` and replaces them by
//! directories, which its module zip does not contain. Here they are replaced by the published
//! modules of the same release, `v0.34.11` for `v1.34.11`; all other requirements stay as they are.
//! The default version's result is committed with its `go.sum`; another version's is derived from
//! the `go.mod` and `go.sum` in its own module zip, which the Go checksum database vouches for.

use std::borrow::Cow;

use sparkproof_catalog::kubernetes::KubernetesRelease;

/// Modules that are built together with Kubernetes, with its dependency versions, so that packages
/// are compiled once.
const BESIDE: &str = "github.com/rancher/local-path-provisioner v0.0.30";

/// Derives the `go.mod` for a release from that release's own.
pub(super) fn derive(upstream: &str, release: &KubernetesRelease) -> String {
    let staging = format!("v0{}", &release.version.trim_start_matches('v')[1..]);
    let mut lines: Vec<Cow<'_, str>> = upstream
        .lines()
        .filter(|line| !line.starts_with("//"))
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["module", _] => "module sparkproof/node".into(),
                // Not pseudo-versions, `v0.0.0-2025…`: those are separate modules.
                [module, "v0.0.0", rest @ ..] if module.starts_with("k8s.io/") => {
                    let rest = rest.iter().map(|word| format!(" {word}")).collect::<String>();
                    format!("\t{module} {staging}{rest}").into()
                }
                [module, "=>", path] if path.starts_with("./staging/") => {
                    format!("\t{module} => {module} {staging}").into()
                }
                _ => line.into(),
            }
        })
        .collect();
    lines.push(
        format!("\nrequire (\n\tk8s.io/kubernetes {}\n\t{BESIDE}\n)\n", release.version).into(),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::inputs;

    const UPSTREAM: &str = "\
// This is a generated file.
module k8s.io/kubernetes

go 1.24.0

require (
	github.com/blang/semver/v4 v4.0.0
	k8s.io/api v0.0.0
	k8s.io/kms v0.0.0 // indirect
	k8s.io/utils v0.0.0-20250604170112-4c0f3b243397
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kms => ./staging/src/k8s.io/kms
)
";

    #[test]
    fn staging_modules_get_the_release_and_nothing_else_changes() {
        let release = KubernetesRelease::resolve(Some("v1.33.5")).expect("known");
        insta::assert_snapshot!(derive(UPSTREAM, &release));
    }

    #[test]
    fn the_committed_one_has_what_derivation_writes() {
        let release = KubernetesRelease::resolve(None).expect("default");
        let committed = inputs::text("go/kubernetes/go.mod");
        let staging = format!("v0{}", &release.version[2..]);
        assert!(committed.contains(&format!("k8s.io/api => k8s.io/api {staging}")));
        assert!(committed.contains(BESIDE) && !committed.contains("./staging"));
        // Derived again from itself it stays as it is.
        let again = derive(committed, &release);
        assert!(again.starts_with(committed.trim_end()));
    }
}
