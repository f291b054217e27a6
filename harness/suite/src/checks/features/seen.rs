//! The observed state of an executor's pod, from outside and from inside.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Pod, Volume};
use kube::ResourceExt;
use sparkproof_base::error::{Error, Result};
use sparkproof_spark::session::EXECUTOR_CONTAINER;
use sparkproof_testbed::LiveSession;

/// The separator in the output of the script inside, and how the shell prints it. Two forms,
/// because the printed command lines include the script itself.
const PART: &str = "-- sparkproof --";
const PRINT_PART: &str = "echo '-- spark''proof --'";

/// The environment variable with the Secret's value.
pub(super) const SECRET_VARIABLE: &str = "SPARKPROOF_SECRET";

/// The observed state of an executor's pod.
#[derive(Debug, Default)]
pub struct SeenExecutor {
    pub(super) pod: Pod,
    /// Environment of a process in the container, as `KEY=value`, without the Secret.
    environment: Vec<String>,
    /// Lines of `/proc/mounts`.
    mounts: Vec<String>,
    /// Command lines of the container's processes.
    commands: String,
    /// SHA-256 of the Secret in the environment.
    pub(super) variable_sha256: Option<String>,
    /// SHA-256 of the mounted Secret.
    pub(super) file_sha256: Option<String>,
}

impl SeenExecutor {
    /// Looks at a pod and into it; `secret` is the file of the mounted Secret.
    pub(super) async fn inspect(live: &LiveSession, pod: Pod, secret: &str) -> Result<Self> {
        // Nothing secret leaves the pod: its digests are made inside.
        let script = format!(
            "(unset {SECRET_VARIABLE}; env); {PRINT_PART}; cat /proc/mounts; {PRINT_PART}; \
             cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; {PRINT_PART}; \
             test -z \"${{{SECRET_VARIABLE}+set}}\" || printf %s \"${SECRET_VARIABLE}\" | sha256sum; \
             {PRINT_PART}; test ! -e \"$1\" || sha256sum <\"$1\""
        );
        let inside = live.executor(&pod.name_any());
        let said = inside.run(&["sh", "-c", &script, "sh", secret]).await?;
        let parts: Vec<&str> = said.split(PART).collect();
        let [environment, mounts, commands, variable, file] = parts[..] else {
            return Err(Error::internal(format!("{} parts seen", parts.len())));
        };
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let digest = |text: &str| text.split_whitespace().next().map(str::to_owned);
        Ok(SeenExecutor {
            environment: lines(environment),
            mounts: lines(mounts),
            commands: commands.to_owned(),
            variable_sha256: digest(variable),
            file_sha256: digest(file),
            pod,
        })
    }

    pub(super) fn name(&self) -> String {
        self.pod.name_any()
    }

    pub(super) fn container(&self) -> Option<&Container> {
        let containers = &self.pod.spec.as_ref()?.containers;
        containers.iter().find(|container| container.name == EXECUTOR_CONTAINER)
    }

    /// The volume that is mounted at a path of the container.
    pub(super) fn volume_at(&self, path: &str) -> Option<&Volume> {
        let mut mounts = self.container()?.volume_mounts.iter().flatten();
        let name = &mounts.find(|mount| mount.mount_path == path)?.name;
        self.pod.spec.as_ref()?.volumes.iter().flatten().find(|volume| volume.name == *name)
    }

    /// The type of the file system that is mounted at a path.
    pub(super) fn file_system_at(&self, path: &str) -> Option<String> {
        let mounts = self.mounts.iter().rev().map(|line| line.split(' ').collect::<Vec<_>>());
        let mut there = mounts.filter(|fields| fields.get(1) == Some(&path));
        there.next()?.get(2).map(|&of| of.to_owned())
    }

    /// The value of an environment variable.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }

    /// The options of the JVMs that choose a garbage collector; `None` without one.
    pub(super) fn collectors(&self) -> Option<String> {
        let words = self.commands.split_whitespace();
        let chosen = words.filter(|word| word.starts_with("-XX:+Use") && word.ends_with("GC"));
        let chosen: BTreeSet<&str> = chosen.collect();
        (!chosen.is_empty()).then(|| chosen.into_iter().collect::<Vec<_>>().join(" "))
    }
}
