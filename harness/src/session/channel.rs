//! The harness's end of the driver protocol.

use std::path::Path;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde::de::DeserializeOwned;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, timeout_at};
use tokio_util::codec::{Framed, LinesCodec};

use super::protocol::{LINE_LIMIT, Message, Numbered, Outcome, PROTOCOL_VERSION, Request};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};

/// A driver that sends nothing for so long during a request hangs: it sends a heartbeat every 2 s.
const SILENCE: Duration = Duration::from_secs(30);

/// Where a driver will connect.
#[derive(Debug)]
pub(super) struct Door(UnixListener);

impl Door {
    /// Listens at a path of a private directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let listener = UnixListener::bind(path);
        Ok(Door(listener.or_environment(format!("listening at {}", path.display()))?))
    }

    /// The driver's channel, after its `hello`; nothing else may come in.
    pub(super) async fn accept(self, context: &Context) -> Result<Channel> {
        let end = Instant::now() + Duration::from_secs(60);
        let accepted = timeout_at(
            end,
            context.cancel.guard(async {
                let (stream, _) = self.0.accept().await.or_environment("accepting the driver")?;
                Ok(stream)
            }),
        );
        let stream = accepted
            .await
            .map_err(|_| Error::environment("the driver had not connected after 60 s"))??;
        let mut channel = Channel::over(stream);
        match channel.next(context, end).await? {
            Message::Hello { version: PROTOCOL_VERSION } => Ok(channel),
            Message::Hello { version } => Err(Error::environment(format!(
                "the driver speaks protocol {version}, expected {PROTOCOL_VERSION}"
            ))),
            other => Err(Error::environment(format!("expected the driver's hello, got {other:?}"))),
        }
    }
}

/// A connected driver. Dropped, the driver ends.
#[derive(Debug)]
pub(super) struct Channel {
    lines: Framed<UnixStream, LinesCodec>,
    last: u64,
}

impl Channel {
    fn over(stream: UnixStream) -> Self {
        Channel { lines: Framed::new(stream, LinesCodec::new_with_max_length(LINE_LIMIT)), last: 0 }
    }

    /// The reply to a request. An exception in the driver is red, a broken channel environment.
    pub(super) async fn request<T: DeserializeOwned>(
        &mut self,
        context: &Context,
        request: &Request,
        deadline: Duration,
    ) -> Result<T> {
        let end = Instant::now() + deadline;
        self.last += 1;
        let line = serde_json::to_string(&Numbered { id: self.last, request })
            .or_internal("writing a request")?;
        self.lines.send(line).await.or_environment("the driver's channel is closed")?;
        loop {
            match self.next(context, end).await? {
                Message::Heartbeat(_) => {}
                Message::Reply { id, outcome } if id == self.last => {
                    return match outcome {
                        Outcome::Ok(value) => serde_json::from_value(value)
                            .or_environment(format!("the driver's reply to {request}")),
                        Outcome::Error(error) => {
                            Err(Error::red(format!("the driver failed at {request}"))
                                .because(error))
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

    async fn next(&mut self, context: &Context, end: Instant) -> Result<Message> {
        let silent = Instant::now() + SILENCE;
        let next = context.cancel.guard(async { Ok(self.lines.next().await) });
        let line = match timeout_at(end.min(silent), next).await {
            Ok(line) => line?,
            Err(_) if Instant::now() >= end => {
                return Err(Error::environment("the driver had not answered in time"));
            }
            Err(_) => {
                let seconds = SILENCE.as_secs();
                return Err(Error::environment(format!("the driver was silent for {seconds} s")));
            }
        };
        let line = line
            .ok_or_else(|| Error::environment("the driver closed its channel"))?
            .or_environment("reading from the driver")?;
        serde_json::from_str(&line).or_environment("reading from the driver")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_context;
    use rstest::rstest;
    use tokio::io::AsyncWriteExt;

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
        let error = reply.await.expect_err("silent").to_string();
        assert_eq!(error, "the driver was silent for 30 s");
    }
}
