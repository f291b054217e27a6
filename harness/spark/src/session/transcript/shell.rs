//! Runs lines in a shell.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_machine::exec::Tool;

/// Deadline of one answer: `kubectl` waits for a server that does not answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Runs the lines, and prints their exit status.
const TYPE: &str = "exec 2>&1; eval \"$1\"; status=$?; echo; echo \"[exit $status]\"";

/// A line that kubectl sometimes logs although the command succeeds: client-go's `websocket.go` reports
/// a stream that the other side closed first. It is removed from answers.
static NOISE: LazyLock<Regex> = LazyLock::new(|| {
    let line =
        r"(?m)^[IWE]\d{4} .*\bwebsocket\.go:\d+\] Unknown stream id \d+, discarding message\n";
    Regex::new(line).expect("valid")
});

/// A shell's environment.
#[derive(Debug)]
pub(super) struct Shell {
    /// The working directory and home, where kubectl keeps a cache.
    pub(super) dir: PathBuf,
    /// The value of `KUBECONFIG`.
    pub(super) kubeconfig: PathBuf,
    /// The value of `SPARK_HOME`.
    pub(super) spark_home: PathBuf,
}

impl Shell {
    /// Runs the lines; returns the output of both streams and `[exit N]`.
    pub(super) async fn type_in(&self, context: &Context, lines: &str) -> Result<String> {
        let kubeconfig: &Path = &self.kubeconfig;
        let done = Tool::new("bash")
            .args(["-c", TYPE, "bash", lines])
            .dir(&self.dir)
            .without_env(crate::session::driver::foreign())
            .env("KUBECONFIG", kubeconfig)
            .env("HOME", &self.dir)
            .env("SPARK_HOME", &self.spark_home)
            .env("LC_ALL", "C.UTF-8")
            .deadline(ANSWER)
            .run(context)
            .await?;
        Ok(NOISE.replace_all(&done.stdout, "").into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn an_answer_has_both_streams_and_the_status() {
        let (context, keep) = test_context();
        let path = keep.path().to_owned();
        let shell = Shell { dir: path.clone(), kubeconfig: path.clone(), spark_home: path };
        let said = shell.type_in(&context, "echo one\nls no-such-file").await.expect("typed");
        assert!(said.starts_with("one\n") && said.contains("No such file"), "{said}");
        assert!(said.ends_with("[exit 2]\n"), "{said}");
    }

    #[tokio::test]
    async fn a_tools_noise_is_no_answer() {
        let (context, keep) = test_context();
        let path = keep.path().to_owned();
        let shell = Shell { dir: path.clone(), kubeconfig: path.clone(), spark_home: path };
        let noise =
            "E1130 07:22:36.000001   42 websocket.go:296] Unknown stream id 1, discarding message";
        let said =
            shell.type_in(&context, &format!("echo '{noise}' >&2; echo copied; false")).await;
        assert_eq!(said.expect("typed"), "copied\n\n[exit 1]\n");
        let failed = shell.type_in(&context, "echo 'E1130 websocket.go:296] refused' >&2").await;
        assert_eq!(failed.expect("typed"), "E1130 websocket.go:296] refused\n\n[exit 0]\n");
    }
}
