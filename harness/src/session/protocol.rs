//! What harness and driver say to each other: one JSON object a line, on a socket of our own.

use serde::{Deserialize, Serialize};

/// The version both sides must speak; the driver says it in its `hello`.
pub const PROTOCOL_VERSION: u32 = 1;
/// The longest line in bytes, either way.
pub(super) const LINE_LIMIT: usize = 4 << 20;

/// What the harness asks, one at a time. Each gets exactly one reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "request", content = "with", rename_all = "kebab-case")]
pub(super) enum Request {
    /// Start the JVM.
    Launch {},
    /// Start the session; returns when Spark says it is started.
    Start {
        /// First start a `local[*]` session, as a front end that is too eager does.
        eager_local_session: bool,
    },
    /// Say what the session is.
    Describe {},
    /// Run the probe's barrier stage.
    Barrier {
        /// Number of tasks, all at once.
        tasks: u32,
    },
    /// Sum `rows` numbers in `partitions` tasks.
    Job {
        /// Numbers from 0.
        rows: u64,
        /// Tasks.
        partitions: u32,
    },
    /// Stop the session.
    Stop {},
    /// End the process without stopping the session.
    Exit {},
}

/// A request with its number.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'a> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) request: &'a Request,
}

/// What the driver says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Message {
    /// First, once.
    Hello { version: u32 },
    /// While a request is under way; carries the process id, which nobody needs.
    Heartbeat(#[allow(dead_code)] u32),
    /// The one reply to a request.
    Reply {
        id: u64,
        #[serde(flatten)]
        outcome: Outcome,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Ok(serde_json::Value),
    Error(DriverError),
}

/// An exception in the driver.
#[derive(Debug, Clone, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub(super) struct DriverError {
    pub(super) kind: String,
    pub(super) message: String,
    /// With what Python and the JVM add.
    pub(super) trace: String,
}

/// The reply to `launch`.
#[derive(Debug, Deserialize)]
pub(super) struct Launched {
    pub(super) jvm_pid: u32,
}

/// What a session says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Described {
    /// `sparkContext.master`: where tasks really run.
    pub context_master: String,
    /// `spark.master` of the session's configuration, which an existing session repeats unread.
    pub conf_master: String,
    /// Application id.
    pub application: String,
    /// Address of the UI, which serves the REST API.
    pub ui: String,
    /// Spark's version.
    pub version: String,
    /// Python's version.
    pub python: String,
    /// Java's version.
    pub java: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_driver_writes_them() {
        let read = |text| serde_json::from_str::<Message>(text);
        assert!(matches!(
            read(r#"{"hello":{"version":1,"pid":7,"python":"3.11.7"}}"#),
            Ok(Message::Hello { version: 1 })
        ));
        assert!(matches!(read(r#"{"heartbeat":7}"#), Ok(Message::Heartbeat(7))));
        assert!(matches!(
            read(r#"{"reply":{"id":3,"ok":{}}}"#),
            Ok(Message::Reply { id: 3, outcome: Outcome::Ok(_) })
        ));
        let error = r#"{"reply":{"id":3,"error":{"kind":"E","message":"m","trace":""}}}"#;
        assert!(matches!(read(error), Ok(Message::Reply { outcome: Outcome::Error(_), .. })));
        assert!(read(r#"{"reply":{"id":3}}"#).is_err());
    }

    #[test]
    fn requests_are_written_as_the_driver_reads_them() {
        let line = |request| serde_json::to_string(&Numbered { id: 2, request }).expect("json");
        assert_eq!(
            line(&Request::Barrier { tasks: 3 }),
            r#"{"id":2,"request":"barrier","with":{"tasks":3}}"#
        );
        assert_eq!(line(&Request::Stop {}), r#"{"id":2,"request":"stop","with":{}}"#);
    }
}
