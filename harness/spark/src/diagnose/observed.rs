//! What rules read.

use std::fmt;

use sparkproof_catalog::plan::DriverPlace;

/// All that was seen of a session.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// `sparkContext.master`, when the session call returned.
    pub context_master: Option<String>,
    /// Image asked for.
    pub image: String,
    /// The driver's host as pods were told: an address, or the name of its Service.
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
    /// The driver's exception, or what ended the wait.
    pub reason: String,
    /// Whether the driver ended, front end or JVM, or hangs.
    pub driver_gone: bool,
}

/// A pod.
#[derive(Debug, Clone, Default)]
pub struct PodSeen {
    /// Its name.
    pub name: String,
    /// E.g. `Pending`; `gone` when only its log is left.
    pub phase: String,
    /// Reason and message of a container that waits.
    pub waiting: Option<(String, String)>,
    /// The scheduler's message when it found no node.
    pub unscheduled: Option<String>,
    /// When the container ended.
    pub exit_code: Option<i32>,
    /// Why, e.g. `OOMKilled`.
    pub end_reason: Option<String>,
    /// Whether Spark had it in its list of executors at some time.
    pub registered: bool,
    /// What it printed.
    pub log: String,
}

impl PodSeen {
    /// Whether it reached the driver: it registered, by Spark's list or by its own words.
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
    /// E.g. `FailedScheduling`.
    pub reason: String,
    /// In words.
    pub message: String,
    /// How often.
    pub count: i32,
}

impl fmt::Display for EventSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ×{}: {}", self.object, self.reason, self.count, self.message)
    }
}
