//! Features of applications, as the pods of driver and executors show them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
use crate::log::FoundLines;

/// The variable in which executors have the driver's address.
const DRIVER_ADDRESS: &str = "SPARK_DRIVER_POD_IP";

/// Red if another number of executors was seen.
pub(super) fn all_seen(seen: usize, expected: u32) -> Result<(), String> {
    match usize::try_from(expected) == Ok(seen) && seen > 0 {
        true => Ok(()),
        false => Err(format!("{expected} executors expected, {seen} seen")),
    }
}

/// The verdict: evidence, or the reason why it is red.
pub(super) fn judged(holds: Result<String, String>) -> Judged {
    match holds {
        Ok(seen) => Judged::green().with("seen", seen),
        Err(reason) => Judged { evidence: Vec::new(), red: Some((reason, None)) },
    }
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or("none".to_owned(), |value| value.to_string())
}

/// The driver's address, and where its executors look for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverAddress {
    /// Address of the driver's pod.
    pub driver: Option<String>,
    /// The variable `SPARK_DRIVER_POD_IP` of each executor's pod.
    pub executors: BTreeMap<String, Option<String>>,
}

impl DriverAddress {
    /// The variable's name.
    pub const VARIABLE: &'static str = DRIVER_ADDRESS;

    fn holds(&self, executors: u32) -> Result<String, String> {
        all_seen(self.executors.len(), executors)?;
        let driver = self.driver.as_deref().ok_or("the driver's pod has no address")?;
        let mut others = self.executors.iter();
        match others.find(|(_, value)| value.as_deref() != Some(driver)) {
            None => Ok(format!("{DRIVER_ADDRESS}={driver}")),
            Some((name, value)) => {
                let value = or_none(value.as_ref());
                Err(format!("{name}: {DRIVER_ADDRESS} is {value}, the driver's pod at {driver}"))
            }
        }
    }
}

impl Observation for DriverAddress {
    /// Number of executors.
    type Expected = u32;
    const KIND: &'static str = "application.driver-address";

    fn judge(&self, executors: &u32) -> Judged {
        judged(self.holds(*executors))
    }
}

pub(crate) fn address_controls() -> Vec<Control> {
    let control = |name, driver: Option<&str>, executors: &[Option<&str>], says| {
        let of =
            |(n, value): (usize, &Option<&str>)| (format!("exec-{n}"), value.map(str::to_owned));
        let executors = (1..).zip(executors).map(of).collect();
        Control::seen(
            name,
            &2,
            &DriverAddress { driver: driver.map(str::to_owned), executors },
            says,
        )
    };
    let (at, other) = (Some("10.0.0.7"), Some("10.0.0.8"));
    vec![
        control("the driver's address", at, &[at, at], Says::Green),
        control(
            "another address",
            at,
            &[at, other],
            Says::Red("exec-2: SPARK_DRIVER_POD_IP is 10"),
        ),
        control("a longer address", at, &[at, Some("10.0.0.77")], Says::Red("is 10.0.0.77, the")),
        control("no variable", at, &[None, at], Says::Red("exec-1: SPARK_DRIVER_POD_IP is none")),
        control("a driver without one", None, &[at, at], Says::Red("driver's pod has no address")),
        control("neither has one", None, &[None, None], Says::Red("driver's pod has no address")),
        control("one executor too few", at, &[at], Says::Red("2 executors expected, 1 seen")),
        control("no executors", at, &[], Says::Red("2 executors expected, 0 seen")),
        Control::seen(
            "none expected, none there",
            &0,
            &DriverAddress { driver: at.map(str::to_owned), executors: BTreeMap::new() },
            Says::Red("0 executors expected, 0 seen"),
        ),
        Control::unseen::<DriverAddress>(&2, "the watch was refused"),
    ]
}

/// Lines with certain words in the log of each pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedEverywhere {
    /// In the driver's log.
    pub driver: FoundLines,
    /// In each executor's log; `None` if it was not read.
    pub executors: BTreeMap<String, Option<FoundLines>>,
}

/// The words that must be in each log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedWords {
    /// The words.
    pub words: String,
    /// Number of executors.
    pub executors: u32,
}

impl LoggedEverywhere {
    fn holds(&self, ExpectedWords { words, executors }: &ExpectedWords) -> Result<String, String> {
        let line = self.driver.first(words);
        let line = line.ok_or_else(|| format!("the driver's log has no `{words}`"))?;
        all_seen(self.executors.len(), *executors)?;
        for (name, found) in &self.executors {
            in_log(name, found.as_ref(), words)?;
        }
        Ok(line.to_owned())
    }
}

/// The line with these words in a pod's log.
pub(super) fn in_log<'a>(
    pod: &str,
    found: Option<&'a FoundLines>,
    words: &str,
) -> Result<&'a str, String> {
    let found = found.ok_or_else(|| format!("no log of {pod} was read"))?;
    found.first(words).ok_or_else(|| format!("the log of {pod} has no `{words}`"))
}

impl Observation for LoggedEverywhere {
    type Expected = ExpectedWords;
    const KIND: &'static str = "application.logged";

    fn judge(&self, expected: &ExpectedWords) -> Judged {
        judged(self.holds(expected))
    }
}

pub(crate) fn logged_controls() -> Vec<Control> {
    let words = "# logged as asked";
    let expected = ExpectedWords { words: words.to_owned(), executors: 2 };
    let with = "INFO SparkContext: Running # logged as asked\n";
    let control = |name, driver: &str, executors: &[Option<&str>], says| {
        let of = |(n, log): (usize, &Option<&str>)| {
            (format!("exec-{n}"), log.map(|log| FoundLines::of(log, words)))
        };
        let executors = (1..).zip(executors).map(of).collect();
        let seen = LoggedEverywhere { driver: FoundLines::of(driver, words), executors };
        Control::seen(name, &expected, &seen, says)
    };
    let plain = "INFO SparkContext: Running\n";
    vec![
        control("in each log", with, &[Some(with), Some(with)], Says::Green),
        control(
            "not in the driver's",
            plain,
            &[Some(with), Some(with)],
            Says::Red("the driver's log has no `# logged as asked`"),
        ),
        control(
            "not in one executor's",
            with,
            &[Some(with), Some(plain)],
            Says::Red("the log of exec-2 has no"),
        ),
        control(
            "one log is empty",
            with,
            &[Some(""), Some(with)],
            Says::Red("log of exec-1 has no"),
        ),
        control("one log was not read", with, &[Some(with), None], Says::Red("no log of exec-2")),
        control("one executor too few", with, &[Some(with)], Says::Red("2 executors expected")),
        control("no executors", with, &[], Says::Red("2 executors expected, 0 seen")),
        Control::unseen::<LoggedEverywhere>(&expected, "the driver's log could not be read"),
    ]
}

/// The priority of each pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priorities {
    /// The driver's.
    pub driver: Option<i32>,
    /// Each executor's.
    pub executors: BTreeMap<String, Option<i32>>,
}

/// The priority that the driver must have; executors have 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedPriority {
    /// The driver's.
    pub driver: i32,
    /// Number of executors.
    pub executors: u32,
}

impl Priorities {
    fn holds(&self, expected: &ExpectedPriority) -> Result<String, String> {
        all_seen(self.executors.len(), expected.executors)?;
        let priority = expected.driver;
        let plain = self.executors.values().all(|priority| *priority == Some(0));
        if self.driver == Some(priority) && plain {
            return Ok(format!("driver {priority}, executors 0"));
        }
        let executors: Vec<String> = self.executors.values().map(|p| or_none(*p)).collect();
        Err(format!(
            "priority {priority} of the driver and 0 of executors expected, seen: {} and {}",
            or_none(self.driver),
            executors.join(", ")
        ))
    }
}

impl Observation for Priorities {
    type Expected = ExpectedPriority;
    const KIND: &'static str = "application.priority";

    fn judge(&self, expected: &ExpectedPriority) -> Judged {
        judged(self.holds(expected))
    }
}

pub(crate) fn priority_controls() -> Vec<Control> {
    let expected = ExpectedPriority { driver: 2_000_001_000, executors: 2 };
    let control = |name, driver, executors: &[Option<i32>], says| {
        let of = |(n, priority): (usize, &Option<i32>)| (format!("exec-{n}"), *priority);
        let executors = (1..).zip(executors).map(of).collect();
        Control::seen(name, &expected, &Priorities { driver, executors }, says)
    };
    let (high, none) = (Some(2_000_001_000), Some(0));
    vec![
        control("as requested", high, &[none, none], Says::Green),
        control("a plain driver", none, &[none, none], Says::Red("seen: 0 and 0, 0")),
        control("a driver without one", None, &[none, none], Says::Red("seen: none and 0, 0")),
        control("another one", Some(2_000_000_000), &[none, none], Says::Red("2000001000 of the")),
        control("an executor, too", high, &[none, high], Says::Red("and 0, 2000001000")),
        control("one executor too few", high, &[none], Says::Red("2 executors expected, 1 seen")),
        control("no executors", high, &[], Says::Red("2 executors expected, 0 seen")),
        Control::unseen::<Priorities>(&expected, "the watch was refused"),
    ]
}

/// Request and limit of the memory of a pod's first container, as Kubernetes writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodMemory {
    /// Request, e.g. `921Mi`.
    pub request: Option<String>,
    /// Limit.
    pub limit: Option<String>,
}

/// The memory of each pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memories {
    /// Name of the driver's pod, and its memory.
    pub driver: (String, PodMemory),
    /// Each executor's.
    pub executors: BTreeMap<String, PodMemory>,
}

/// The memory that pods must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedMemory {
    /// The driver's in MiB.
    pub driver_mebi: u64,
    /// Each executor's in MiB.
    pub executor_mebi: u64,
    /// Number of executors.
    pub executors: u32,
}

impl Memories {
    fn holds(&self, expected: &ExpectedMemory) -> Result<String, String> {
        all_seen(self.executors.len(), expected.executors)?;
        let executors = self.executors.iter().map(|of| (of, expected.executor_mebi));
        let driver = ((&self.driver.0, &self.driver.1), expected.driver_mebi);
        let lines = std::iter::once(driver).chain(executors).map(|((name, memory), expected)| {
            let is = |quantity: &Option<String>| {
                quantity.as_deref().and_then(mebibytes) == Some(expected)
            };
            match is(&memory.request) && is(&memory.limit) {
                true => Ok(format!("{name}: {expected} MiB")),
                false => Err(format!(
                    "{name}: {expected} MiB expected, request {} and limit {} seen",
                    or_none(memory.request.as_ref()),
                    or_none(memory.limit.as_ref())
                )),
            }
        });
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }
}

/// Kubernetes shortens whole gibibytes.
fn mebibytes(quantity: &str) -> Option<u64> {
    match (quantity.strip_suffix("Mi"), quantity.strip_suffix("Gi")) {
        (Some(mebi), _) => mebi.parse().ok(),
        (_, Some(gibi)) => gibi.parse::<u64>().ok()?.checked_mul(1024),
        _ => None,
    }
}

impl Observation for Memories {
    type Expected = ExpectedMemory;
    const KIND: &'static str = "application.memory";

    fn judge(&self, expected: &ExpectedMemory) -> Judged {
        judged(self.holds(expected))
    }
}

pub(crate) fn memory_controls() -> Vec<Control> {
    let expected = ExpectedMemory { driver_mebi: 1024, executor_mebi: 1224, executors: 1 };
    let of = |request: &str, limit: &str| {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        PodMemory { request: given(request), limit: given(limit) }
    };
    let control = |name, driver: PodMemory, executors: &[PodMemory], says| {
        let executors =
            (1..).zip(executors).map(|(n, memory)| (format!("exec-{n}"), memory.clone())).collect();
        let seen = Memories { driver: ("d".to_owned(), driver), executors };
        Control::seen(name, &expected, &seen, says)
    };
    let (driver, executor) = (of("1Gi", "1Gi"), of("1224Mi", "1224Mi"));
    let d = driver.clone();
    let e = std::slice::from_ref(&executor);
    let says = "exec-1: 1224 MiB expected, request 1024Mi and limit 1024Mi seen";
    vec![
        control("as computed", d.clone(), e, Says::Green),
        control("without PySpark's", d.clone(), &[of("1024Mi", "1024Mi")], Says::Red(says)),
        control("another driver", of("896Mi", "896Mi"), e, Says::Red("d: 1024 MiB expected")),
        control("another limit", d.clone(), &[of("1224Mi", "2Gi")], Says::Red("limit 2Gi seen")),
        control("no limit", d.clone(), &[of("1224Mi", "")], Says::Red("limit none seen")),
        control("in bytes", of("1000000000", "1Gi"), e, Says::Red("request 1000000000 and")),
        control("none at all", of("", ""), e, Says::Red("request none and limit none")),
        control("one executor more", d.clone(), &[executor.clone(), executor.clone()], {
            Says::Red("1 executors expected, 2 seen")
        }),
        control("no executors", d, &[], Says::Red("1 executors expected, 0 seen")),
        Control::unseen::<Memories>(&expected, "the watch was refused"),
    ]
}
