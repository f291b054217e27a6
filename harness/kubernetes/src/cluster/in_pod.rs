//! Commands in pods, and copying files into them by tar over exec, like `kubectl cp`.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use sparkproof_base::context::{Cancel, Context};
use sparkproof_base::error::{Error, ErrorContext, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Time limit of a command in a pod.
const DEADLINE: Duration = Duration::from_secs(120);

/// The connection of an interactive command. Dropping its streams alone does not close it.
pub struct Attached(AttachedProcess);

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attached")
    }
}

/// The exit code, other than 0, of a command in a pod: the source of its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode(pub i32);

impl ExitCode {
    /// The exit code of the command that failed with this error.
    pub fn of(error: &Error) -> Option<ExitCode> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }

    /// From the API server's status, which has it as a cause of this name.
    fn from_status(status: &Status) -> Option<ExitCode> {
        let mut causes = status.details.as_ref()?.causes.iter().flatten();
        let cause = causes.find(|cause| cause.reason.as_deref() == Some("ExitCode"))?;
        cause.message.as_ref()?.parse().ok().map(ExitCode)
    }
}

impl std::fmt::Display for ExitCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for ExitCode {}

/// A container of a pod. An interruption ends every wait for it.
#[derive(Debug, Clone)]
pub struct InPod {
    cancel: Cancel,
    api: Api<Pod>,
    pod: String,
    container: &'static str,
}

impl InPod {
    /// The container of this name, through this API.
    pub fn new(context: &Context, api: Api<Pod>, pod: &str, container: &'static str) -> Self {
        InPod { cancel: context.cancel.clone(), api, pod: pod.to_owned(), container }
    }

    /// The same with another cancellation, for cleanup.
    #[must_use]
    pub fn under(&self, context: &Context) -> Self {
        InPod { cancel: context.cancel.clone(), ..self.clone() }
    }

    /// The pod's name.
    pub fn name(&self) -> &str {
        &self.pod
    }

    /// Runs a command to its end; returns its standard output. A status other than 0 is an error
    /// with its standard error.
    pub async fn run(&self, command: &[&str]) -> Result<String> {
        self.feed(command, tokio::io::empty()).await
    }

    /// The same, with standard input.
    pub async fn feed(&self, command: &[&str], input: impl AsyncRead + Unpin) -> Result<String> {
        let what = || format!("`{}` in the pod {}", command.join(" "), self.pod);
        let work = self.cancel.guard(self.attached(command, input));
        match tokio::time::timeout(DEADLINE, work).await {
            Ok(done) => done,
            Err(_) => Err(Error::environment(format!(
                "{} had not ended after {} s",
                what(),
                DEADLINE.as_secs()
            ))),
        }
    }

    /// Starts an interactive command; returns its input and output. Both are closed when the
    /// returned connection is dropped.
    pub async fn open(
        &self,
        command: &[&str],
    ) -> Result<(impl AsyncRead + AsyncWrite + Debug + use<>, Attached)> {
        let what = || format!("`{}` in the pod {}", command.join(" "), self.pod);
        let params = AttachParams::default()
            .container(self.container)
            .stdin(true)
            .stdout(true)
            .stderr(false);
        let attached = self.api.exec(&self.pod, command.iter().copied(), &params);
        let attached = async { attached.await.or_environment(what()) };
        let mut attached = self.cancel.guard(attached).await?;
        match (attached.stdout(), attached.stdin()) {
            (Some(out), Some(pipe)) => Ok((tokio::io::join(out, pipe), Attached(attached))),
            _ => Err(Error::internal(what()).with_source("a stream is missing")),
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
            return Err(Error::internal(what()).with_source("a stream is missing"));
        };
        let (mut said, mut complained) = (String::new(), String::new());
        let feed = async {
            // If the command ends early, its status and output have the reason.
            let _ = tokio::io::copy(&mut input, &mut pipe).await;
            let _ = pipe.shutdown().await;
        };
        let (_, read, also) =
            tokio::join!(feed, out.read_to_string(&mut said), err.read_to_string(&mut complained));
        read.or_environment(what())?;
        also.or_environment(what())?;
        let status = status.await;
        // An end without a status is an error (`kubectl cp` reports success then, measured).
        match status.as_ref().and_then(|s| s.status.as_deref()) {
            Some("Success") => Ok(said),
            _ => {
                let code = status.as_ref().and_then(ExitCode::from_status);
                let message = status.and_then(|s| s.message).unwrap_or("no status".into());
                let error = format!("{}: {message}: {}", what(), complained.trim());
                let error = Error::environment(error);
                Err(match code {
                    Some(code) => error.with_source(code),
                    None => error,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;

    use super::*;
    use sparkproof_base::testing::test_context;

    #[test]
    fn the_exit_code_is_a_cause_in_the_status() {
        let cause = |reason: &str| {
            serde_json::json!({ "status": "Failure", "reason": "NonZeroExitCode",
                "message": "command terminated with non-zero exit code",
                "details": { "causes": [{ "reason": reason, "message": "77" }] } })
        };
        let code =
            |status| ExitCode::from_status(&serde_json::from_value(status).expect("a status"));
        assert_eq!(code(cause("ExitCode")), Some(ExitCode(77)));
        assert_eq!(code(cause("FieldValueInvalid")), None);
        let error = Error::environment("x").with_source(ExitCode(77));
        assert_eq!(ExitCode::of(&error), Some(ExitCode(77)));
        assert_eq!(ExitCode::of(&Error::environment("exit code 77")), None);
    }

    /// An API server that accepts a request and never answers.
    #[tokio::test]
    async fn an_interruption_ends_a_command_in_a_pod() {
        let (context, _keep) = test_context();
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let api = Api::namespaced(kube::Client::new(service, "n"), "n");
        let inside = InPod::new(&context, api, "x", "c");
        let server = async {
            let asked = handle.next_request().await.expect("asked");
            context.cancel.cancel(sparkproof_base::Exit::Interrupt);
            asked
        };
        let both = async { tokio::join!(inside.run(&["true"]), server) };
        let (ran, _asked) = tokio::time::timeout(DEADLINE / 4, both).await.expect("bounded");
        assert!(ran.expect_err("interrupted").is_interruption());
        let opened = tokio::time::timeout(DEADLINE / 4, inside.open(&["true"])).await;
        assert!(opened.expect("bounded").err().is_some_and(|error| error.is_interruption()));
        // The first signal does not end cleaning up.
        let cleaning = inside.under(&context.for_teardown());
        let cleaned = tokio::time::timeout(Duration::from_millis(50), cleaning.run(&["true"]));
        assert!(cleaned.await.is_err());
    }
}
