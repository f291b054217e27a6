//! The observations that the rules use.

use std::fmt;

use sparkproof_catalog::plan::DriverPlace;

/// Everything that was observed of a session.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// `sparkContext.master`, if the session call returned.
    pub context_master: Option<String>,
    /// The requested image.
    pub image: String,
    /// The driver's host as pods have it: an address, or the name of its Service.
    pub driver_host: String,
    /// The address it listens at.
    pub driver_address: String,
    /// Where it runs.
    pub driver: DriverPlace,
    /// Whether the cluster is the user's.
    pub cluster_of_user: bool,
    /// Executor pods.
    pub pods: Vec<PodSeen>,
    /// Events of the namespace.
    pub events: Vec<EventSeen>,
    /// Why there are none: "could not be listed: …".
    pub events_unseen: Option<String>,
    /// The driver's log.
    pub driver_log: String,
    /// The driver's exception, or the error that ended the wait.
    pub reason: String,
    /// Whether the driver (front end or JVM) ended or hangs.
    pub driver_gone: bool,
}

/// A pod.
#[derive(Debug, Clone, Default)]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// The status, e.g. `Pending`; `gone` if only its log is left.
    pub phase: String,
    /// Reason and message of a container that waits.
    pub waiting: Option<(String, String)>,
    /// The scheduler's message when it found no node.
    pub unscheduled: Option<String>,
    /// Exit code of the container, if it ended.
    pub exit_code: Option<i32>,
    /// Reason of the end, e.g. `OOMKilled`.
    pub end_reason: Option<String>,
    /// Whether it was ever in Spark's list of executors.
    pub registered: bool,
    /// Its log.
    pub log: String,
}

impl PodSeen {
    /// Whether it reached the driver: it registered, according to Spark's list or its log.
    pub fn reached_driver(&self) -> bool {
        self.registered || self.log.contains("Successfully registered with driver")
    }
}

impl fmt::Display for PodSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.phase)?;
        if let Some((reason, message)) = &self.waiting {
            write!(f, ", waits: {reason} {message}")?;
        }
        if let Some(message) = &self.unscheduled {
            write!(f, ", not scheduled: {message}")?;
        }
        if let Some(code) = self.exit_code {
            write!(f, ", ended with {code} {}", self.end_reason.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// An event.
#[derive(Debug, Clone, Default)]
pub struct EventSeen {
    /// Name of the object it is about.
    pub object: String,
    /// The reason, e.g. `FailedScheduling`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// How often it occurred.
    pub count: i32,
}

impl fmt::Display for EventSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ×{}: {}", self.object, self.reason, self.count, self.message)
    }
}
