//! The observed state of an executor's pod, from outside and from inside.

use k8s_openapi::api::core::v1::{Container, Pod, Volume};
use kube::ResourceExt;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_spark::session::EXECUTOR_CONTAINER;
use sparkproof_testbed::LiveSession;

/// The separator in the output of the script inside, and how the shell prints it. Two forms,
/// because the printed command lines include the script itself.
const PART: &str = "-- sparkproof --";
const PRINT_PART: &str = "echo '-- spark''proof --'";

/// Mount path of the Secret.
pub(super) const SECRET_PATH: &str = "/etc/sparkproof-secret/key";

/// The observed state of an executor's pod.
#[derive(Debug, Default)]
pub struct SeenExecutor {
    pub(super) pod: Pod,
    /// The application's id.
    pub(super) application: String,
    /// Environment of a process in the container, as `KEY=value`.
    pub(super) environment: Vec<String>,
    /// Lines of `/proc/mounts`.
    pub(super) mounts: Vec<String>,
    /// Command lines of the container's processes.
    pub(super) commands: String,
    /// Size of the mounted secret in bytes; `None` without the file.
    pub(super) secret_bytes: Option<usize>,
}

impl SeenExecutor {
    pub(super) async fn inspect(live: &LiveSession, pod: Pod) -> Result<Self> {
        // Prints the secret's length, never its value.
        let script = format!(
            "env; {PRINT_PART}; cat /proc/mounts; {PRINT_PART}; \
             cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; {PRINT_PART}; \
             test ! -e \"$1\" || wc -c <\"$1\""
        );
        let inside = live.executor(&pod.name_any());
        let said = inside.run(&["sh", "-c", &script, "sh", SECRET_PATH]).await?;
        let parts: Vec<&str> = said.split(PART).collect();
        let [environment, mounts, commands, secret] = parts[..] else {
            return Err(sparkproof_base::error::Error::internal(format!(
                "{} parts seen",
                parts.len()
            )));
        };
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let secret = secret.trim();
        let secret_bytes = match secret {
            "" => None,
            bytes => Some(bytes.parse().or_internal("a number of bytes")?),
        };
        Ok(SeenExecutor {
            application: live.application().to_owned(),
            environment: lines(environment),
            mounts: lines(mounts),
            commands: commands.to_owned(),
            secret_bytes,
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

    pub(super) fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten())
    }

    /// The value of an environment variable.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }
}
