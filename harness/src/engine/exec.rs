//! Commands in containers.

use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncWriteExt};

use super::Engine;
use crate::error::{Error, OrFail, Result};

impl Engine {
    /// Runs a command in a running container to its end; what it printed. A status other than 0 is
    /// an error of class environment with the last line it printed.
    pub async fn exec(
        &self,
        container: &str,
        command: &[&str],
        input: Option<impl AsyncRead + Unpin>,
    ) -> Result<String> {
        let what = || format!("`{}` on {container}", command.join(" "));
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdin: Some(input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await.or_environment(what())?.id;
        let started = self.docker.start_exec(&exec, None::<StartExecOptions>).await;
        let StartExecResults::Attached { mut output, input: mut pipe } =
            started.or_environment(what())?
        else {
            return Err(Error::internal(what()).because("started detached"));
        };
        let feed = async {
            if let Some(mut input) = input {
                // When it ends early, its status and words say why.
                let _ = tokio::io::copy(&mut input, &mut pipe).await;
                let _ = pipe.shutdown().await;
            }
            // The end of the output is the end of the command, which may not read all of it.
            std::future::pending().await
        };
        let read = async {
            let mut said = Vec::new();
            // A chunk may end within a character.
            while let Some(Ok(chunk)) = output.next().await {
                said.extend_from_slice(&chunk.into_bytes());
            }
            String::from_utf8_lossy(&said).into_owned()
        };
        let said = tokio::select! {
            said = read => said,
            never = feed => never,
        };
        let status = self.docker.inspect_exec(&exec).await.or_environment(what())?.exit_code;
        if status == Some(0) {
            return Ok(said);
        }
        let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default();
        Err(Error::environment(format!("{} ended with {status:?}: {last}", what())))
    }
}
