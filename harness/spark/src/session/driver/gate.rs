//! A gate: a process waits at it until it is opened, and ends if this process is gone.

use std::path::Path;

use rustix::fs::{Mode, mkfifoat};
use sparkproof_base::error::{ErrorContext, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

/// The writing end of a named pipe from which a shell reads one line.
#[derive(Debug)]
pub(super) struct Gate(pipe::Sender);

impl Gate {
    /// Creates a closed gate; its pipe is in a private directory.
    pub(super) fn make(path: &Path) -> Result<Self> {
        named_pipe(path)?;
        // Also for reading, so that it can be opened before the shell opens it.
        let sender = pipe::OpenOptions::new().read_write(true).open_sender(path);
        Ok(Gate(sender.or_environment(format!("opening {}", path.display()))?))
    }

    /// Opens the gate.
    pub(super) async fn open(&mut self) -> Result<()> {
        self.0.write_all(b"\n").await.or_environment("opening the driver's gate")
    }
}

/// Creates a named pipe that only the user can open.
pub(in crate::session) fn named_pipe(path: &Path) -> Result<()> {
    let made = mkfifoat(rustix::fs::CWD, path, Mode::RUSR | Mode::WUSR);
    made.or_environment(format!("making the pipe {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn waits(path: &Path) -> tokio::process::Child {
        let script = "read -r _ < \"$1\" || exit 3";
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", script, "sh"]).arg(path).kill_on_drop(true).stdin(Stdio::null());
        command.spawn().expect("sh")
    }

    #[tokio::test]
    async fn what_waits_goes_on_when_it_opens_and_ends_when_we_are_gone() {
        let keep = tempfile::tempdir().expect("dir");
        let path = keep.path().join("gate");
        let mut gate = Gate::make(&path).expect("made");
        let mut shell = waits(&path);
        gate.open().await.expect("opened");
        assert_eq!(shell.wait().await.expect("ended").code(), Some(0));

        let mut shell = waits(&path);
        // It holds its end open before this end is closed.
        let opened = || {
            let fds = procfs::process::Process::new(shell.id().expect("id").cast_signed())
                .and_then(|p| p.fd()?.collect::<procfs::ProcResult<Vec<_>>>());
            fds.is_ok_and(|fds| {
                fds.iter().any(
                    |fd| matches!(&fd.target, procfs::process::FDTarget::Path(at) if *at == path),
                )
            })
        };
        let (context, _keep) = sparkproof_base::testing::test_context();
        let waiting = sparkproof_base::wait::Waiting::up_to(10, "the shell to open the gate");
        sparkproof_base::wait::wait(
            &context,
            waiting,
            sparkproof_base::wait::Source::Backoff,
            async || {
                if opened() {
                    sparkproof_base::wait::Progress::Met(())
                } else {
                    sparkproof_base::wait::Progress::NotYet("closed".into())
                }
            },
        )
        .await
        .expect("opened");
        drop(gate);
        assert_eq!(shell.wait().await.expect("ended").code(), Some(3));
    }
}
