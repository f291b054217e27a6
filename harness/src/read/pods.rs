//! Commands in pods, and files into them: tar over exec, as `kubectl cp` does it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::error::{Error, OrFail, Result};
use crate::session::EXECUTOR_CONTAINER;

/// The longest a command in a pod may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// A container of a pod; the executor's unless told.
#[derive(Debug, Clone)]
pub struct InPod {
    api: Api<Pod>,
    pod: String,
    container: &'static str,
}

impl InPod {
    /// Of a pod of this namespace.
    pub fn new(client: &kube::Client, namespace: &str, pod: &str) -> Self {
        InPod {
            api: Api::namespaced(client.clone(), namespace),
            pod: pod.to_owned(),
            container: EXECUTOR_CONTAINER,
        }
    }

    /// Another container of it.
    #[must_use]
    pub fn container(self, container: &'static str) -> Self {
        InPod { container, ..self }
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        &self.pod
    }

    /// Runs a command to its end; what it printed on standard output. A status other than 0 is an
    /// error with what it printed on standard error.
    pub async fn run(&self, command: &[&str]) -> Result<String> {
        self.feed(command, tokio::io::empty()).await
    }

    /// The same, with standard input.
    pub async fn feed(&self, command: &[&str], input: impl AsyncRead + Unpin) -> Result<String> {
        let what = || format!("`{}` in the pod {}", command.join(" "), self.pod);
        let work = self.attached(command, input);
        match tokio::time::timeout(DEADLINE, work).await {
            Ok(done) => done,
            Err(_) => Err(Error::environment(format!(
                "{} had not ended after {} s",
                what(),
                DEADLINE.as_secs()
            ))),
        }
    }

    async fn attached(
        &self,
        command: &[&str],
        mut input: impl AsyncRead + Unpin,
    ) -> Result<String> {
        let what = || format!("`{}` in the pod {}", command.join(" "), self.pod);
        let params = AttachParams::default()
            .container(self.container)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .max_stdin_buf_size(1 << 20);
        let attached = self.api.exec(&self.pod, command.iter().copied(), &params).await;
        let mut attached = attached.or_environment(what())?;
        let (Some(mut pipe), Some(mut out), Some(mut err), Some(status)) =
            (attached.stdin(), attached.stdout(), attached.stderr(), attached.take_status())
        else {
            return Err(Error::internal(what()).because("a stream is missing"));
        };
        let (mut said, mut complained) = (String::new(), String::new());
        let feed = async {
            // When the command ends early, its status and words say why.
            let _ = tokio::io::copy(&mut input, &mut pipe).await;
            let _ = pipe.shutdown().await;
        };
        let (_, read, also) =
            tokio::join!(feed, out.read_to_string(&mut said), err.read_to_string(&mut complained));
        read.or_environment(what())?;
        also.or_environment(what())?;
        let status = status.await;
        // An end without a status is no success: `kubectl cp` reports one in such cases (measured).
        match status.as_ref().and_then(|s| s.status.as_deref()) {
            Some("Success") => Ok(said),
            _ => {
                let message = status.and_then(|s| s.message).unwrap_or("no status".into());
                Err(Error::environment(format!("{}: {message}: {}", what(), complained.trim())))
            }
        }
    }
}
