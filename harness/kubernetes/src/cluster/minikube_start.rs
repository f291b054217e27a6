//! The command line of `minikube start`.

use std::path::{Path, PathBuf};

use sparkproof_catalog::plan::{Fit, Machine};

/// What the command line depends on.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) profile: &'a str,
    /// The Kubernetes version, e.g. `v1.33.5`.
    pub(super) kubernetes_version: &'a str,
    pub(super) workers: u32,
    pub(super) fit: &'a Fit,
    pub(super) machine: Machine,
    /// Whether this is root, which needs `--force`.
    pub(super) root: bool,
    /// For an assembled base image; otherwise Minikube downloads its own.
    pub(super) assembled: Option<Assembled<'a>>,
}

/// An assembled base image.
#[derive(Debug)]
pub(super) struct Assembled<'a> {
    pub(super) image: &'a str,
    /// Path of the pod network's manifest.
    pub(super) cni: PathBuf,
}

impl Start<'_> {
    /// The guide's arguments (`--memory 8192 --cpus 3`), and those that sparkproof needs:
    /// containerd, which accepts single layers of an image; and a kubelet reservation, since with
    /// the docker driver a node reports the host's resources (kubernetes/minikube#16635).
    pub(super) fn arguments(&self) -> Vec<String> {
        let fit = self.fit;
        // Minikube accepts whole CPUs only.
        let cpus = (fit.node_cpu.0 / 1000).max(1);
        let reserved_cpu = self.machine.cpu.0.saturating_sub(fit.node_cpu.0);
        let reserved_memory = self.machine.memory.0.saturating_sub(fit.node_memory.0);
        let mut arguments = vec![
            "start".to_owned(),
            format!("--profile={}", self.profile),
            "--driver=docker".to_owned(),
            "--container-runtime=containerd".to_owned(),
            format!("--kubernetes-version={}", self.kubernetes_version),
            format!("--memory={}", fit.node_memory.0),
            format!("--cpus={cpus}"),
            format!("--nodes={}", self.workers + 1),
            format!(
                "--extra-config=kubelet.system-reserved=cpu={reserved_cpu}m,memory={reserved_memory}Mi"
            ),
            // `readiness` waits for everything else.
            "--wait=apiserver".to_owned(),
            "--embed-certs".to_owned(),
            "--interactive=false".to_owned(),
        ];
        if self.root {
            arguments.push("--force".to_owned());
        }
        if let Some(assembled) = &self.assembled {
            arguments.extend([
                format!("--base-image={}", assembled.image),
                // The node has Kubernetes' images, but not those of the addons.
                "--preload=false".to_owned(),
                "--cache-images=false".to_owned(),
                "--install-addons=false".to_owned(),
                format!("--cni={}", assembled.cni.display()),
            ]);
        }
        arguments
    }
}

/// Environment variables that keep Minikube's files together and its output plain.
pub(super) fn environment(home: &Path, kubeconfig: &Path) -> [(&'static str, PathBuf); 4] {
    [
        // Minikube appends `.minikube`.
        ("minikube_profile::HOME", home.to_owned()),
        ("KUBECONFIG", kubeconfig.to_owned()),
        ("MINIKUBE_IN_STYLE", "false".into()),
        ("MINIKUBE_WANTUPDATENOTIFICATION", "false".into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::plan::{MebiBytes, MilliCpu};

    fn arguments(assembled: bool, root: bool, workers: u32) -> String {
        let fit = Fit {
            node_cpu: MilliCpu(3000),
            node_memory: MebiBytes(8192),
            executor_cpu: MilliCpu(350),
            executor_memory: MebiBytes(512),
            warnings: Vec::new(),
        };
        let start = Start {
            profile: "sparkproof-7f3a",
            kubernetes_version: "v1.33.5",
            workers,
            fit: &fit,
            machine: Machine { cpu: MilliCpu(4000), memory: MebiBytes(24_000) },
            root,
            assembled: assembled
                .then(|| Assembled { image: "sparkproof/minikube:1", cni: "/run/cni.yaml".into() }),
        };
        start.arguments().join("\n")
    }

    #[test]
    fn of_a_released_minikube() {
        insta::assert_snapshot!(arguments(false, false, 0));
    }

    #[test]
    fn of_an_assembled_base_image_as_root_with_two_workers() {
        insta::assert_snapshot!(arguments(true, true, 2));
    }
}
