//! Commands in pods, and files into them: tar over exec, as `kubectl cp` does it.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use sparkproof_base::context::{Cancel, Context};
use sparkproof_base::error::{Error, ErrorContext, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest a command in a pod may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// The connection of a command that is spoken to. Dropping its streams alone closes nothing.
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

/// The status that a command in a pod ended with, not 0: the source of its error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitCode(pub i32);

impl ExitCode {
    /// That of the command that an error is of.
    pub fn of(error: &Error) -> Option<ExitCode> {
        std::error::Error::source(error)?.downcast_ref().copied()
    }

    /// As the API server tells it: by a cause of this name.
    fn told(status: &Status) -> Option<ExitCode> {
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
    /// Of a pod, by this API.
    pub fn new(context: &Context, api: Api<Pod>, pod: &str, container: &'static str) -> Self {
        InPod { cancel: context.cancel.clone(), api, pod: pod.to_owned(), container }
    }

    /// The same, for work of another discipline: cleaning up.
    #[must_use]
    pub fn under(&self, context: &Context) -> Self {
        InPod { cancel: context.cancel.clone(), ..self.clone() }
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

    /// Starts a command that is spoken to: what it is told, and what it says. It loses both when
    /// what is returned beside them is dropped.
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
                let code = status.as_ref().and_then(ExitCode::told);
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
    fn a_status_tells_the_exit_code_by_a_cause() {
        let cause = |reason: &str| {
            serde_json::json!({ "status": "Failure", "reason": "NonZeroExitCode",
                "message": "command terminated with non-zero exit code",
                "details": { "causes": [{ "reason": reason, "message": "77" }] } })
        };
        let told = |status| ExitCode::told(&serde_json::from_value(status).expect("a status"));
        assert_eq!(told(cause("ExitCode")), Some(ExitCode(77)));
        assert_eq!(told(cause("FieldValueInvalid")), None);
        let error = Error::environment("x").with_source(ExitCode(77));
        assert_eq!(ExitCode::of(&error), Some(ExitCode(77)));
        assert_eq!(ExitCode::of(&Error::environment("exit code 77")), None);
    }

    /// An API server that takes a request and says nothing.
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
