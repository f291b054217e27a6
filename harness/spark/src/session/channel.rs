//! The client side of the driver protocol.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, end_of, wait};
use sparkproof_kubernetes::cluster::{Attached, InPod};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::{Framed, LinesCodec};

use super::driver::named_pipe;
use super::protocol::{
    DriverGone, LINE_LIMIT, Message, Numbered, PROTOCOL_VERSION, ReplyOutcome, Request,
};

/// A driver that sends nothing for so long during a request counts as hanging: its heartbeat is 2
/// s.
const SILENCE: Duration = Duration::from_secs(30);

/// Copies between a pod's two named pipes and an exec's standard streams.
const BRIDGE: &str = "cat \"$1/replies\" & exec cat > \"$1/requests\"";

/// Waits for a driver to connect, through two named pipes in a private directory, which Java of any
/// version can open.
#[derive(Debug)]
pub(super) enum DriverListener {
    /// On this host.
    Pipes {
        /// The pipe of requests.
        requests: PathBuf,
        /// The pipe of replies.
        replies: pipe::Receiver,
    },
    /// In a pod, in this directory.
    InPod(Box<InPod>, String),
}

impl DriverListener {
    /// Creates the pipes `requests` and `replies` in a directory.
    pub(super) fn pipes(dir: &Path) -> Result<Self> {
        let (requests, replies) = (dir.join("requests"), dir.join("replies"));
        named_pipe(&requests)?;
        named_pipe(&replies)?;
        let replies = pipe::OpenOptions::new().open_receiver(&replies);
        Ok(DriverListener::Pipes {
            requests,
            replies: replies.or_environment("opening the driver's pipe")?,
        })
    }

    /// Waits for the driver's `hello`; returns its channel, and the JVM's process id if the `hello`
    /// has it. Any other message is an error.
    pub(super) async fn accept(
        self,
        context: &Context,
        deadline: Duration,
    ) -> Result<(Channel, Option<u32>)> {
        let end = end_of(deadline);
        let (mut channel, silence) =
            match self {
                DriverListener::Pipes { requests, replies } => {
                    let waiting = Waiting { what: "the driver to connect".into(), deadline };
                    // Polled: a pipe has no event for the opening of its other end.
                    let sender = wait(context, waiting, Source::Backoff, async || {
                        match pipe::OpenOptions::new().open_sender(&requests) {
                            Ok(sender) => Progress::Met(sender),
                            Err(e) if e.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                                Progress::NotYet("no driver reads requests".into())
                            }
                            Err(e) => {
                                let error = Error::environment("opening the pipe of requests");
                                Progress::Never(error.with_source(e))
                            }
                        }
                    });
                    // The driver opens the pipe of replies first, so that is open, too.
                    (Channel::over(tokio::io::join(replies, sender.await?)), SILENCE)
                }
                DriverListener::InPod(pod, dir) => {
                    let command = ["sh", "-c", BRIDGE, "sh", &dir];
                    let (stream, attached) = pod.under(context).open(&command).await?;
                    // The pod's bridge sends nothing before the driver has opened both.
                    (Channel { _attached: Some(attached), ..Channel::over(stream) }, deadline)
                }
            };
        match channel.next(context, end, silence).await? {
            Message::Hello { version: PROTOCOL_VERSION, jvm } => Ok((channel, jvm)),
            Message::Hello { version, .. } => Err(Error::environment(format!(
                "the driver speaks protocol {version}, expected {PROTOCOL_VERSION}"
            ))),
            other => Err(Error::environment(format!("expected the driver's hello, got {other:?}"))),
        }
    }
}

/// The transport of a channel.
trait Stream: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + std::fmt::Debug + Send + Sync + Unpin> Stream for T {}

/// The channel of a connected driver. Dropping it ends the driver.
#[derive(Debug)]
pub(super) struct Channel {
    lines: Framed<Box<dyn Stream>, LinesCodec>,
    last: u64,
    /// The exec into a pod; dropping it closes the channel.
    _attached: Option<Attached>,
}

impl Channel {
    fn over(stream: impl Stream + 'static) -> Self {
        let codec = LinesCodec::new_with_max_length(LINE_LIMIT);
        let lines = Framed::new(Box::new(stream) as Box<dyn Stream>, codec);
        Channel { lines, last: 0, _attached: None }
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    /// Red: an exception in the driver. Environment: the channel broke.
    pub(super) async fn request<T: DeserializeOwned>(
        &mut self,
        context: &Context,
        request: &Request,
        deadline: Duration,
    ) -> Result<T> {
        let end = end_of(deadline);
        self.last += 1;
        let line = serde_json::to_string(&Numbered { id: self.last, request })
            .or_internal("writing a request")?;
        let sent = async {
            match timeout_at(end, self.lines.send(line)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(e)) => {
                    Err(DriverGone::error(format!("the driver's channel is closed: {e}")))
                }
                Err(_) => Err(DriverGone::error("the driver does not read its channel")),
            }
        };
        context.cancel.guard(sent).await?;
        loop {
            match self.next(context, end, SILENCE).await? {
                Message::Heartbeat(_) => {}
                Message::Reply { id, outcome } if id == self.last => {
                    return match outcome {
                        ReplyOutcome::Ok(value) => serde_json::from_value(value)
                            .or_environment(format!("the driver's reply to {request}")),
                        ReplyOutcome::Error(error) => {
                            Err(Error::red(format!("the driver failed at {request}"))
                                .with_source(error))
                        }
                    };
                }
                other => {
                    return Err(Error::environment(format!(
                        "the driver said {other:?} during request {} ({request})",
                        self.last
                    )));
                }
            }
        }
    }

    async fn next(
        &mut self,
        context: &Context,
        end: Instant,
        silence: Duration,
    ) -> Result<Message> {
        let silent = end_of(silence);
        let next = context.cancel.guard(async { Ok(self.lines.next().await) });
        let line = match timeout_at(end.min(silent), next).await {
            Ok(line) => line?,
            Err(_) if Instant::now() >= end => {
                return Err(Error::environment("the driver had not answered in time"));
            }
            Err(_) => {
                let seconds = silence.as_secs();
                return Err(DriverGone::error(format!("the driver was silent for {seconds} s")));
            }
        };
        let line = line
            .ok_or_else(|| DriverGone::error("the driver closed its channel"))?
            .or_environment("reading from the driver")?;
        serde_json::from_str(&line).or_environment("reading from the driver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use sparkproof_base::testing::test_context;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    async fn ask(said: &[u8]) -> Result<serde_json::Value> {
        let (context, _keep) = test_context();
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let said = said.to_owned();
        let driver = tokio::spawn(async move {
            let _ = theirs.write_all(&said).await;
            let _ = theirs.shutdown().await;
            theirs
        });
        let mut channel = Channel::over(ours);
        let reply = channel.request(&context, &Request::Describe {}, Duration::from_secs(5)).await;
        drop(driver.await);
        reply
    }

    #[tokio::test]
    async fn heartbeats_then_one_reply() {
        let said =
            b"{\"heartbeat\":1}\n{\"heartbeat\":1}\n{\"reply\":{\"id\":1,\"ok\":{\"a\":1}}}\n";
        assert_eq!(ask(said).await.expect("a reply")["a"], 1);
    }

    /// What connects opens its end of replies first, and ends when requests do.
    #[tokio::test]
    async fn a_driver_connects_by_pipes() {
        let (context, keep) = test_context();
        let listener = DriverListener::pipes(keep.path()).expect("made");
        let script = r#"exec 3>"$1/replies" 4<"$1/requests"
            echo '{"hello":{"version":4,"jvm":7}}' >&3
            read -r _ <&4
            echo '{"reply":{"id":1,"ok":{"a":1}}}' >&3
            while read -r _ <&4; do :; done"#;
        let mut driver = tokio::process::Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(keep.path())
            .kill_on_drop(true)
            .spawn()
            .expect("sh");
        let seconds = Duration::from_secs(10);
        let (mut channel, jvm) = listener.accept(&context, seconds).await.expect("connected");
        assert_eq!(jvm, Some(7));
        let reply = channel.request::<serde_json::Value>(&context, &Request::Describe {}, seconds);
        assert_eq!(reply.await.expect("a reply")["a"], 1);
        drop(channel);
        assert!(driver.wait().await.expect("ended").success());
    }

    #[tokio::test]
    async fn pipes_that_nobody_opens_are_given_up() {
        let (context, keep) = test_context();
        let listener = DriverListener::pipes(keep.path()).expect("made");
        let error = listener.accept(&context, Duration::from_millis(10)).await.expect_err("nobody");
        assert!(error.to_string().contains("no driver reads requests"), "{error}");
    }

    #[rstest]
    #[case::closed(b"", "closed its channel")]
    #[case::garbage(b"INFO SparkContext: hello\n", "reading from the driver")]
    #[case::other_request(b"{\"reply\":{\"id\":9,\"ok\":{}}}\n", "during request 1")]
    #[case::exception(
        b"{\"reply\":{\"id\":1,\"error\":{\"kind\":\"Py4J\",\"message\":\"no\",\"trace\":\"\"}}}\n",
        "Py4J: no"
    )]
    #[tokio::test]
    async fn what_is_no_reply_is_an_error(#[case] said: &[u8], #[case] text: &str) {
        let error = ask(said).await.expect_err("no reply").to_string();
        assert!(error.contains(text), "{error}");
    }

    #[tokio::test]
    async fn an_oversize_line_is_refused() {
        let error = ask(&vec![b'x'; LINE_LIMIT + 2]).await.expect_err("too long").to_string();
        assert!(error.contains("max line length"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_driver_is_given_up() {
        let (context, _keep) = test_context();
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        let mut channel = Channel::over(ours);
        let reply = channel.request::<serde_json::Value>(
            &context,
            &Request::Describe {},
            Duration::from_secs(600),
        );
        let error = reply.await.expect_err("silent");
        assert_eq!(error.to_string(), "the driver was silent for 30 s");
        assert!(DriverGone::is_cause_of(&error));
    }

    #[tokio::test(start_paused = true)]
    async fn a_driver_that_ended_or_hangs_is_known_by_the_kind_of_the_error() {
        let closed = ask(b"").await.expect_err("closed");
        assert!(DriverGone::is_cause_of(&Error::red("no session").with_source(closed)));
        let garbage = ask(b"INFO\n").await.expect_err("garbage");
        assert!(!DriverGone::is_cause_of(&garbage), "{garbage}");
        let (context, _keep) = test_context();
        // A buffer for one byte that is never read.
        let (ours, _theirs) = tokio::io::duplex(1);
        let mut channel = Channel::over(ours);
        let seconds = Duration::from_secs(5);
        let reply = channel.request::<serde_json::Value>(&context, &Request::Describe {}, seconds);
        let unread = reply.await.expect_err("unread");
        assert_eq!(unread.to_string(), "the driver does not read its channel");
        assert!(DriverGone::is_cause_of(&unread));
    }
}
