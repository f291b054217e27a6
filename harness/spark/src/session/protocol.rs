//! The protocol between sparkproof and a driver: one JSON object a line, through named pipes.

use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::Error;

use super::frame::Frame;
use super::reading::ReadPart;

/// The version of both sides, which the driver sends in its `hello`.
pub const PROTOCOL_VERSION: u32 = 4;
/// The longest line in bytes, in both directions.
pub(super) const LINE_LIMIT: usize = 4 << 20;

/// A request to the driver. Requests are sent one at a time; each gets exactly one reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "request", content = "with", rename_all = "kebab-case")]
pub(super) enum Request {
    /// Start the JVM.
    Launch {},
    /// Start the session; the reply comes when Spark's call returns.
    Start {
        /// First start a `local[*]` session, as Geni does when it is loaded.
        eager_local_session: bool,
    },
    /// Describe the session.
    Describe {},
    /// Run the probe's barrier stage.
    Barrier {
        /// Number of concurrent tasks.
        tasks: u32,
    },
    /// Sum `rows` numbers in `partitions` tasks.
    Job {
        /// How many numbers, from 0.
        rows: u64,
        /// Tasks.
        partitions: u32,
    },
    /// Run the probe's jobs that leave blocks on executors.
    Blocks {
        /// Number of blocks of each kind.
        tasks: u32,
        /// Also cache partitions in memory.
        cached: bool,
    },
    /// Start tasks that run until `unload`.
    Load {
        /// Number of tasks.
        tasks: u32,
    },
    /// End these tasks.
    Unload {},
    /// Run a barrier stage whose tasks read files.
    Read {
        /// Number of concurrent tasks.
        tasks: u32,
        /// What each task reads, in this order.
        parts: Vec<ReadPart>,
    },
    /// Ask what the executors' containers and the driver's JVM have cost so far.
    Cost {
        /// Number of executors.
        tasks: u32,
    },
    /// Run work whose cost is compared.
    Workload {
        /// Its name.
        name: String,
        /// Number of executors.
        tasks: u32,
        /// The job group, for the metrics.
        group: String,
    },
    /// List files in the driver's JVM.
    List {
        /// URI of a directory or a file.
        uri: String,
    },
    /// Read a DataFrame.
    Frame(Frame),
    /// Return the effective values of settings.
    Conf {
        /// Their keys.
        keys: Vec<String>,
    },
    /// Stop the session.
    Stop {},
    /// End the process without stopping the session.
    Exit {},
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |uris: &[&String]| match uris {
            [] => "nothing".to_owned(),
            [one] => (*one).clone(),
            [first, more @ ..] => format!("{first} and {} more", more.len()),
        };
        match self {
            Request::Read { tasks, parts } => {
                let uris: Vec<_> = parts.iter().flat_map(|part| &part.uris).collect();
                write!(f, "reading {} in {tasks} tasks", some(&uris))
            }
            Request::List { uri } => write!(f, "listing {uri}"),
            // Without the options, which may contain a secret.
            Request::Frame(frame) => {
                let uris: Vec<_> = frame.uris.iter().collect();
                write!(f, "a {} DataFrame of {}", frame.format, some(&uris))
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// A request with its number.
#[derive(Debug, Serialize)]
pub(super) struct Numbered<'a> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) request: &'a Request,
}

/// A message of the driver.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Message {
    /// The first message.
    Hello {
        version: u32,
        /// The process id of a front end that is a JVM.
        #[serde(default)]
        jvm: Option<u32>,
    },
    /// Sent during a request; has the process id, which is not used.
    Heartbeat(#[allow(dead_code)] u32),
    /// The one reply to a request.
    Reply {
        id: u64,
        #[serde(flatten)]
        outcome: ReplyOutcome,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ReplyOutcome {
    Ok(serde_json::Value),
    Error(DriverError),
}

/// An exception in the driver.
#[derive(Debug, Clone, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct DriverError {
    /// The exception's class in the front end's language.
    pub kind: String,
    /// Its message, without stack frames.
    pub message: String,
    /// The stack trace of the front end and the JVM.
    pub trace: String,
    /// The JVM's exception and its causes, outermost first; empty if the front end raised it.
    #[serde(default)]
    pub java: Vec<JavaException>,
}

/// An exception in the driver's JVM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JavaException {
    /// Its class.
    pub class: String,
    /// Its message, without stack frames. That of an aborted job includes the failed task's
    /// exception with its causes.
    pub message: String,
    /// Where it was thrown, e.g. `org.apache.hadoop.fs.FileSystem.get(FileSystem.java:477)`, since
    /// some exceptions have no message.
    #[serde(default)]
    pub at: String,
}

/// The driver ended, or hangs: the source of the resulting [`Error`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct DriverGone(String);

impl DriverGone {
    /// An error with the observation.
    pub(super) fn error(how: impl Into<String>) -> Error {
        let how = how.into();
        Error::environment(how.clone()).with_source(DriverGone(how))
    }

    /// Whether an error has this as a source.
    pub(super) fn is_cause_of(error: &Error) -> bool {
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            if cause.is::<DriverGone>() {
                return true;
            }
            source = cause.source();
        }
        false
    }
}

impl DriverError {
    /// The driver's exception in an error of a request.
    pub fn from_error(error: &Error) -> Option<&DriverError> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// Everything that the driver sent about it, to search for words.
    pub fn whole(&self) -> String {
        let mut lines = vec![self.to_string()];
        let java = |j: &JavaException| match j.at.as_str() {
            "" => format!("{}: {}", j.class, j.message),
            at => format!("{}: {}\n\tat {at}", j.class, j.message),
        };
        lines.extend(self.java.iter().map(java));
        lines.push(self.trace.clone());
        lines.join("\n")
    }
}

/// The reply to `launch`.
#[derive(Debug, Deserialize)]
pub(super) struct Launched {
    pub(super) jvm_pid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::reading::Reading;

    #[test]
    fn messages_are_read_as_the_driver_writes_them() {
        let read = |text| serde_json::from_str::<Message>(text);
        assert!(matches!(
            read(r#"{"hello":{"version":4,"pid":7,"python":"3.11.7"}}"#),
            Ok(Message::Hello { version: 4, jvm: None })
        ));
        let hello = read(r#"{"hello":{"version":4,"jvm":7}}"#);
        assert!(matches!(hello, Ok(Message::Hello { version: 4, jvm: Some(7) })));
        assert!(matches!(read(r#"{"heartbeat":7}"#), Ok(Message::Heartbeat(7))));
        assert!(matches!(
            read(r#"{"reply":{"id":3,"ok":{}}}"#),
            Ok(Message::Reply { id: 3, outcome: ReplyOutcome::Ok(_) })
        ));
        let error = r#"{"reply":{"id":3,"error":{"kind":"E","message":"m","trace":""}}}"#;
        assert!(matches!(read(error), Ok(Message::Reply { outcome: ReplyOutcome::Error(_), .. })));
        assert!(read(r#"{"reply":{"id":3}}"#).is_err());
    }

    #[test]
    fn an_exception_of_the_jvm_is_found_in_the_error_made_of_it() {
        let text = r#"{"kind":"AnalysisException","message":"m","trace":"t",
            "java":[{"class":"org.apache.spark.sql.AnalysisException","message":"[PATH_NOT_FOUND] x"},
                    {"class":"java.io.FileNotFoundException","message":"y","at":"a.b.c(D.java:1)"}]}"#;
        let error: DriverError = serde_json::from_str(text).expect("an error");
        let error = Error::red("the driver failed").with_source(error);
        let found = DriverError::from_error(&error).expect("found");
        assert_eq!(found.java[1].class, "java.io.FileNotFoundException");
        for words in [
            "AnalysisException: m",
            "AnalysisException: [PATH_NOT_FOUND] x",
            "\n\tat a.b.c(",
            "\nt",
        ] {
            assert!(found.whole().contains(words), "{words}");
        }
        assert!(DriverError::from_error(&Error::red("another")).is_none());
    }

    #[test]
    fn requests_are_written_as_the_driver_reads_them() {
        fn line(request: &Request) -> String {
            serde_json::to_string(&Numbered { id: 2, request }).expect("json")
        }
        assert_eq!(
            line(&Request::Barrier { tasks: 3 }),
            r#"{"id":2,"request":"barrier","with":{"tasks":3}}"#
        );
        assert_eq!(line(&Request::Stop {}), r#"{"id":2,"request":"stop","with":{}}"#);
        let uris = vec!["file:///a b".to_owned(), "x".to_owned()];
        let parts = vec![ReadPart { uris, how: Reading::Hash }];
        let read = Request::Read { tasks: 3, parts };
        assert_eq!(
            line(&read),
            concat!(
                r#"{"id":2,"request":"read","with":{"tasks":3,"#,
                r#""parts":[{"uris":["file:///a b","x"],"how":"hash"}]}}"#
            )
        );
        assert_eq!(read.to_string(), "reading file:///a b and 1 more in 3 tasks");
        assert_eq!(
            line(&Request::List { uri: "s3a://b".into() }),
            r#"{"id":2,"request":"list","with":{"uri":"s3a://b"}}"#
        );
        assert_eq!(
            line(&Request::Conf { keys: vec!["spark.master".into()] }),
            r#"{"id":2,"request":"conf","with":{"keys":["spark.master"]}}"#
        );
        let frame = Request::Frame(Frame {
            format: "csv".into(),
            uris: vec!["x".into()],
            schema: "id BIGINT".into(),
            options: [("mode".to_owned(), "FAILFAST".to_owned())].into(),
            max_partition_bytes: 5,
            open_cost_bytes: 6,
            group: "g".into(),
        });
        assert_eq!(
            line(&frame),
            concat!(
                r#"{"id":2,"request":"frame","with":{"format":"csv","uris":["x"],"#,
                r#""schema":"id BIGINT","options":{"mode":"FAILFAST"},"max_partition_bytes":5,"#,
                r#""open_cost_bytes":6,"group":"g"}}"#
            )
        );
        assert_eq!(frame.to_string(), "a csv DataFrame of x");
    }
}
