//! Commands in containers.

use std::time::Duration;

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::time::timeout;

use super::Engine;

impl Engine {
    /// Runs a command in a running container to its end; returns its output of both streams. Docker
    /// cannot end a command: after the deadline it may run on.
    ///
    /// # Errors
    /// Environment: a status other than 0, the deadline passed, the daemon did not answer or closed
    /// the connection; with the last line of output. Interrupted.
    pub async fn exec(
        &self,
        context: &Context,
        container: &str,
        command: &[&str],
        input: Option<impl AsyncRead + Unpin>,
        deadline: Duration,
    ) -> Result<String> {
        let what = format!("`{}` on {container}", command.join(" "));
        let mut said = Vec::new();
        let work = self.run_in(container, command, input, &what, &mut said);
        let ended = context.cancel.guard(async { Ok(timeout(deadline, work).await) }).await?;
        let said = String::from_utf8_lossy(&said).into_owned();
        let last =
            || said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("nothing printed");
        let how = match ended {
            Ok(status) => match status? {
                Some(0) => return Ok(said),
                Some(status) => format!("ended with status {status}"),
                None => "ended without a status".to_owned(),
            },
            Err(_) => format!("had not ended after {} s", deadline.as_secs_f32()),
        };
        Err(Error::environment(format!("{what} {how}: {}", last())))
    }

    /// Its exit status. Output goes to `said`, also if this future is dropped.
    async fn run_in(
        &self,
        container: &str,
        command: &[&str],
        input: Option<impl AsyncRead + Unpin>,
        what: &str,
        said: &mut Vec<u8>,
    ) -> Result<Option<i64>> {
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdin: Some(input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.or_environment(what)?.id;
        let started = self.docker.start_exec(&exec, None::<StartExecOptions>).await;
        let StartExecResults::Attached { mut output, input: mut pipe } =
            started.or_environment(what)?
        else {
            return Err(Error::internal(what).with_source("started detached"));
        };
        let feed = async {
            if let Some(mut input) = input {
                // If it ends early, its status and output have the reason.
                let _ = tokio::io::copy(&mut input, &mut pipe).await;
                let _ = pipe.shutdown().await;
            }
            // The end of the output is the end of the command, which may not have read all of its
            // input.
            std::future::pending().await
        };
        let read = async {
            // A chunk may end inside a character.
            while let Some(chunk) = output.next().await {
                said.extend_from_slice(&chunk?.into_bytes());
            }
            Ok::<_, bollard::errors::Error>(())
        };
        tokio::select! {
            read = read => read.or_environment(what)?,
            never = feed => never,
        }
        let ended = self.docker.inspect_exec(&exec).await.or_environment(what)?;
        Ok(ended.exit_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::{Then, fake_docker, json};
    use sparkproof_base::testing::test_context;

    /// What a command printed, in one frame of standard output, and what becomes of the stream.
    async fn run(said: &str, then: Then, signal: Option<sparkproof_base::Exit>) -> Error {
        let (context, keep) = test_context();
        let mut stream =
            b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".to_vec();
        stream.extend([1, 0, 0, 0, 0, 0, 0, u8::try_from(said.len()).expect("short")]);
        stream.extend(said.as_bytes());
        let answers = move |request: &str| {
            if request.contains("/start HTTP") {
                return Some((stream.clone(), then));
            }
            let made = request.contains("/exec HTTP");
            // What it says of a command that it lost track of.
            let known = r#"{"ExitCode":0,"Running":false}"#;
            let reply = if made { json(201, r#"{"Id":"x"}"#) } else { json(200, known) };
            Some((reply, Then::Closed))
        };
        let engine = fake_docker(&keep.path().join("docker.sock"), answers).await;
        let limit = Duration::from_secs(if signal.is_some() { 600 } else { 1 });
        let ran = engine.exec(&context, "node", &["true"], Some(&b"input"[..]), limit);
        let signalled = async {
            tokio::task::yield_now().await;
            signal.into_iter().for_each(|exit| context.cancel.cancel(exit));
        };
        tokio::join!(ran, signalled).0.expect_err("it did not end")
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_given_up_with_what_it_printed() {
        let text = run("unmounting\n", Then::Kept, None).await.to_string();
        assert!(text.contains("had not ended after 1 s: unmounting"), "{text}");
    }

    #[tokio::test]
    async fn a_signal_ends_the_wait_for_a_command() {
        assert!(
            run("", Then::Kept, Some(sparkproof_base::Exit::Interrupt)).await.is_interruption()
        );
    }

    #[tokio::test]
    async fn a_broken_stream_is_no_end_of_a_command() {
        let text = run("half\n", Then::Reset, None).await.to_string();
        assert!(text.contains("onnection reset"), "{text}");
    }
}
