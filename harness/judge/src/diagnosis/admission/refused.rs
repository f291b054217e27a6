//! Refusals of the API server, parsed once from wherever they are seen.

use std::sync::LazyLock;

use regex::Regex;

use super::super::evidence::{Evidence, Refusal};

/// A refusal of a request that makes something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// HTTP code; 0 if it was not said.
    pub(super) code: u16,
    /// What was requested, as in a URL: `pods`.
    pub(super) resource: String,
    /// Name of the object; empty if it was not said.
    pub(super) name: String,
    /// What the API server said, without what clients put before it.
    pub(super) message: String,
    /// Field and message of each cause.
    pub(super) causes: Vec<(String, String)>,
    /// Where it is seen.
    pub(super) seen_in: String,
    /// Whether it is of a request that sparkproof made itself, before or beside the driver.
    pub(super) dry: bool,
}

/// fabric8's message (`OperationSupport.requestFailure`, 4.9 to 7) up to the server's words. Only
/// requests that make something: a session also lists, watches and deletes, and goes on without.
static FAILURE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"Failure executing: (?:POST|PUT|PATCH) at: (\S+)\.(?: Message: )?")
        .expect("a valid expression")
});

/// fabric8 puts this before every 403 and 401 of a client in a pod (its `Config`), whatever the
/// server said: it is no sign of a missing permission.
static ITS_OWN_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:Forbidden|Unauthorized)! ?Configured service account doesn't have access\. Service account may have been revoked\. ?",
    )
    .expect("a valid expression")
});

/// Where fabric8's message ends: its copy of the status, the first frame, the next cause.
static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\.?\s*Received status: Status\(|\n\s+at |\n\s+\.\.\. \d+ more|\nCaused by: ")
        .expect("a valid expression")
});

/// Refusals in other clients' words: all quote the server's message, which begins so.
static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?s)(?:[a-zA-Z][\w.]* "[^"]+" is (?:forbidden|invalid): |admission webhook "|Internal error occurred: failed calling |namespaces "[^"]+" not found|(?:pods|configmaps|services|secrets|persistentvolumeclaims|statefulsets\.apps|deployments\.apps) "[^"]+" already exists|\w+ in version "[^"]+" cannot be handled as a ).*"#,
    )
    .expect("a valid expression")
});

static RUST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)(?:: [A-Z][A-Za-z]+)? \((?:ErrorResponse|Status) \{.*$")
        .expect("a valid expression")
});

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^([a-zA-Z][\w.]*) "([^"]+)" (?:is|already) "#).expect("a valid expression")
});

static CAUSE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"StatusCause\(field=(.*?), message=(.*?), reason=").expect("a valid expression")
});

static CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^Status\([^)]*?code=(\d{3})").expect("a valid expression"));

/// The server's message in fabric8's copy of the status.
static STATUS_MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)kind=Status, message=(.*?), metadata=").expect("a valid expression")
});

/// All refusals, oldest first: of a dry run, by a controller's events, by the driver.
pub(super) fn all(evidence: &Evidence) -> Vec<Refused> {
    let mut refused: Vec<Refused> = evidence.refusals.iter().map(structured).collect();
    let controllers = ["StatefulSet", "ReplicaSet", "Deployment"];
    let controller = &evidence.asked.controller;
    let events = evidence.events().iter().filter(|event| {
        let of_executors = event.reason == "FailedCreate"
            && controllers.contains(&&*event.kind)
            && of_spark(&event.object);
        of_executors || (!controller.is_empty() && event.object == *controller)
    });
    refused.extend(events.filter_map(|event| plain(&event.message, "event")));
    refused.extend(in_log(&evidence.driver.log, "driver log"));
    let reason = in_log(&evidence.driver.reason, "driver");
    if reason.is_empty() {
        refused.extend(plain(&evidence.driver.reason, "driver"));
    }
    refused.extend(reason);
    refused
}

/// Whether a controller is one that Spark made (`StatefulSetPodsAllocator`, and from 4.2
/// `DeploymentPodsAllocator`).
fn of_spark(object: &str) -> bool {
    object.starts_with("spark-s-") || object.starts_with("spark-d-")
}

fn structured(refusal: &Refusal) -> Refused {
    let refused = Refused {
        code: refusal.code,
        causes: refusal.causes.clone(),
        seen_in: refusal.request.clone(),
        dry: true,
        ..Refused::default()
    };
    refused.says(&refusal.message)
}

/// The refusals in a driver's log, or in an exception's text.
fn in_log(text: &str, seen_in: &str) -> Vec<Refused> {
    let text = unescaped(text);
    let one = |found: regex::Captures<'_>| {
        let whole = found.get(0)?;
        let rest = &text[whole.end()..];
        let next = FAILURE.find(rest).map_or(rest.len(), |next| next.start());
        let rest = &rest[..next];
        let end = END.find(rest);
        let message = match end {
            Some(end) => &rest[..end.start()],
            None => rest.lines().next().unwrap_or_default(),
        };
        let status = end.filter(|end| end.as_str().contains("Status("));
        let status = status.map_or("", |end| &rest[end.end() - "Status(".len()..]);
        // Its status repeats the message whole, also where the client says only `Forbidden`.
        let quoted = STATUS_MESSAGE.captures(status).and_then(|found| found.get(1));
        let message = quoted.map_or(message, |quoted| quoted.as_str());
        let refused = Refused {
            code: CODE.captures(&flat(status)).and_then(|c| c[1].parse().ok()).unwrap_or_default(),
            resource: resource(&found[1]).to_owned(),
            causes: CAUSE
                .captures_iter(status)
                .map(|c| (c[1].to_owned(), c[2].to_owned()))
                .collect(),
            seen_in: seen_in.to_owned(),
            ..Refused::default()
        };
        Some(refused.says(message))
    };
    FAILURE.captures_iter(&text).filter_map(one).collect()
}

/// A refusal in another client's words.
fn plain(text: &str, seen_in: &str) -> Option<Refused> {
    let text = unescaped(text);
    let message = PLAIN.find(&text)?.as_str();
    // Only webhooks say more than a line.
    let message = match message.starts_with("admission webhook") {
        true => message.split("\n\tat ").next().unwrap_or_default(),
        false => message.lines().next().unwrap_or_default(),
    };
    // What the Rust client puts after it: the status, and before that its reason.
    let message = RUST.replace(message, "");
    let refused = Refused { seen_in: seen_in.to_owned(), ..Refused::default() };
    Some(refused.says(&message))
}

impl Refused {
    fn says(mut self, message: &str) -> Self {
        let message = message.trim();
        let message = ITS_OWN_WORDS.replace(message, "");
        self.message = message.trim_end_matches('.').to_owned();
        if let Some(named) = NAMED.captures(&self.message) {
            self.name = named[2].to_owned();
            if self.resource.is_empty() {
                self.resource = named[1].to_lowercase();
            }
        }
        self
    }

    /// The message without line breaks, and not longer than one reads.
    pub(super) fn words(&self) -> String {
        const MOST: usize = 500;
        let words = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(MOST) {
            Some((at, _)) => format!("{}…", &words[..at]),
            None => words,
        }
    }

    /// The number of an executor whose pod it is: Spark gives every attempt the next one.
    pub(super) fn executor(&self) -> Option<u64> {
        number(&self.name)
    }

    /// Whether it is the driver's pod, which Spark names so in cluster mode.
    pub(super) fn is_driver(&self) -> bool {
        self.executor().is_none() && self.name.contains("driver")
    }

    /// Whose pod it is, for a sentence.
    pub(super) fn whose(&self) -> String {
        match self {
            _ if self.executor().is_some() => "executors".to_owned(),
            _ if self.is_driver() => "the driver's pod".to_owned(),
            Refused { resource, .. } if matches!(&**resource, "" | "pod" | "pods") => {
                "pods".to_owned()
            }
            Refused { resource, name, .. } => format!("{resource} {name}").trim_end().to_owned(),
        }
    }

    /// The middle of a key for its pod: `spark.kubernetes.<role>.`.
    pub(super) fn role(&self) -> &'static str {
        if self.is_driver() { "driver" } else { "executor" }
    }
}

/// The number in `<prefix>-exec-<number>`.
pub(super) fn number(pod: &str) -> Option<u64> {
    pod.rsplit_once("-exec-")?.1.parse().ok()
}

/// The resource in a URL of the API server: `…/namespaces/team/pods` or `…/pods/name`.
fn resource(url: &str) -> &str {
    let path = url.split('?').next().unwrap_or_default();
    let mut parts = path.split('/').skip_while(|part| *part != "namespaces").skip(2);
    parts.next().unwrap_or_default()
}

/// Logs in JSON, and errors that an operator quotes, escape what they contain.
fn unescaped(text: &str) -> String {
    if text.contains("\\\"") {
        text.replace("\\\"", "\"").replace("\\n", "\n").replace("\\t", "\t")
    } else {
        text.to_owned()
    }
}

fn flat(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
