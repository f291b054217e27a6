//! A pseudo-terminal for a child process.

use std::fs::File;

use pty_process::{OwnedWritePty, Pty};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::RUN_VARIABLE;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio_util::task::AbortOnDropHandle;

use super::Group;

/// Ctrl-D, which at the beginning of a line ends the input.
const END_OF_INPUT: &[u8] = b"\x04";

/// Sparkproof's end of a terminal. Dropping it hangs up: the group at the other end gets SIGHUP. The
/// same happens when sparkproof is killed.
#[derive(Debug)]
pub struct Terminal {
    typing: OwnedWritePty,
    /// Reads all the time: a program blocks if its terminal's output is not read.
    _printed: AbortOnDropHandle<()>,
}

impl Terminal {
    /// Starts the command with the terminal as its controlling one. Its output goes to a file, without an
    /// echo of the input. `failed` makes the error for a program that cannot be started.
    pub fn spawn(
        context: &Context,
        mut command: Command,
        name: &str,
        printed: File,
        failed: impl FnOnce(pty_process::Error) -> Error,
    ) -> Result<(Group, Terminal)> {
        // It leads a session and so a group. The leader of a group could not start a session.
        command.env(RUN_VARIABLE, context.run.label().as_str()).kill_on_drop(true);
        let (child, own_end) = at_terminal(command).map_err(failed)?;
        let group = Group::led_by(context, child, name)?;
        let (mut output, typing) = own_end.into_split();
        let mut printed = tokio::fs::File::from_std(printed);
        let reading = tokio::spawn(async move {
            // It ends with an error once no process has the other end open.
            let _ = tokio::io::copy(&mut output, &mut printed).await;
        });
        Ok((group, Terminal { typing, _printed: AbortOnDropHandle::new(reading) }))
    }

    /// Types a line.
    pub async fn type_in(&mut self, line: &str) -> Result<()> {
        self.write(format!("{line}\n").as_bytes()).await
    }

    /// Types Ctrl-D.
    pub async fn end_input(&mut self) -> Result<()> {
        self.write(END_OF_INPUT).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.typing.write_all(bytes).await.or_environment("typing into a terminal")
    }
}

fn at_terminal(command: Command) -> pty_process::Result<(Child, Pty)> {
    let (ours, other) = pty_process::open()?;
    let mut modes = tcgetattr(&other)?;
    modes.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&other, OptionalActions::Now, &modes)?;
    let child = pty_process::Command::from(command).spawn(other)?;
    Ok((child, ours))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::time::Duration;

    use rustix::process::Signal;

    use super::*;
    use sparkproof_base::testing::test_context;
    use sparkproof_base::wait::{Progress, Source, Waiting, wait};

    struct Started {
        context: Context,
        keep: tempfile::TempDir,
        group: Group,
        terminal: Terminal,
    }

    impl Started {
        fn of(script: &str) -> Self {
            let (context, keep) = test_context();
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let printed = File::create(keep.path().join("printed")).expect("a file");
            let failed = |e| Error::environment("starting sh").with_source(e);
            let (group, terminal) =
                Terminal::spawn(&context, command, "sh", printed, failed).expect("sh");
            Started { context, keep, group, terminal }
        }

        /// Waits until this was printed.
        async fn prints(&self, expected: &str) {
            let waiting = Waiting::up_to(30, "what is printed");
            let file = self.keep.path().join("printed");
            wait(&self.context, waiting, Source::Backoff, async || match std::fs::read_to_string(
                &file,
            )
            .unwrap_or_default()
            {
                printed if printed == expected => Progress::Met(()),
                printed => Progress::NotYet(printed),
            })
            .await
            .expect("printed");
        }
    }

    async fn ended(group: &Group) -> std::process::ExitStatus {
        let ended = tokio::time::timeout(Duration::from_secs(30), group.ended());
        ended.await.expect("it ended")
    }

    #[tokio::test]
    async fn it_is_the_controlling_one_and_shows_answers_only() {
        let script = "test -t 0 && test -t 1 && test -t 2 && echo x >/dev/tty; exec cat";
        let mut started = Started::of(script);
        started.prints("x\r\n").await;
        started.terminal.type_in("typed").await.expect("typed");
        started.prints("x\r\ntyped\r\n").await;
        started.terminal.end_input().await.expect("typed");
        assert_eq!(ended(&started.group).await.code(), Some(0), "by the end of its input");
        started.prints("x\r\ntyped\r\n").await;
    }

    #[tokio::test]
    async fn our_end_that_is_gone_is_a_hang_up() {
        let started = Started::of("echo x >/dev/tty; exec sleep 600");
        started.prints("x\r\n").await;
        drop(started.terminal);
        assert_eq!(ended(&started.group).await.signal(), Some(Signal::HUP.as_raw()));
        drop(started.group);
        assert!(started.context.run.owned().is_empty());
    }

    #[tokio::test]
    async fn it_leads_a_group_of_its_own_that_the_ledger_knows() {
        let started = Started::of("sleep 600 & echo x; exec sleep 600");
        started.prints("x\r\n").await;
        let id = started.group.id().cast_signed();
        let group = || crate::exec::processes(|p| p.stat().is_ok_and(|stat| stat.pgrp == id));
        assert_eq!(group().len(), 2);
        assert_eq!(started.context.run.owned().len(), 1);
        drop(started.group);
        assert!(started.context.run.owned().is_empty());
        let waiting = Waiting::up_to(30, "the end of its group");
        wait(&started.context, waiting, Source::Backoff, async || match group().len() {
            0 => Progress::Met(()),
            left => Progress::NotYet(format!("{left} run")),
        })
        .await
        .expect("ended");
    }
}
