//! Pods of a live session.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// One row of the pod list: `NAME READY STATUS RESTARTS AGE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodRow {
    /// Pod name.
    pub name: String,
    /// Ready containers and all containers, e.g. `1/1`.
    pub ready: String,
    /// In kubectl's words, e.g. `Running`.
    pub status: String,
    /// Restarts, the sum of all containers.
    pub restarts: i32,
    /// Age in kubectl's format, e.g. `12s`, `3m4s`.
    pub age: String,
}

/// The pod list of a namespace as `kubectl get pods` and the guide show it, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodList(pub Vec<PodRow>);

/// Filters for what differs between runs.
const FILTERS: [(&str, &str); 1] = [
    // Spark's resource name prefix ends with 16 hex digits of the start time.
    (r"-[0-9a-f]{16}-exec-", "-[APP]-exec-"),
];
static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    FILTERS.iter().filter_map(|(from, to)| Some((Regex::new(from).ok()?, *to))).collect()
});

impl PodList {
    /// The list with ids and ages replaced by placeholders.
    #[must_use]
    pub fn normalised(&self) -> Self {
        let rows = self.0.iter().map(|row| {
            let name = COMPILED.iter().fold(row.name.clone(), |name, (from, to)| {
                from.replace_all(&name, *to).into_owned()
            });
            PodRow { name, age: "[AGE]".to_owned(), ..row.clone() }
        });
        PodList(rows.collect())
    }

    /// Executors whose id is greater than their number: Spark gives the next id to each that
    /// replaces one.
    fn replaced(&self, executors: u32) -> Vec<String> {
        let id = |row: &PodRow| row.name.rsplit_once("-exec-")?.1.parse::<u32>().ok();
        let (later, first): (Vec<_>, Vec<_>) = { self.0.iter() }
            .filter_map(|row| Some((id(row)?, row)))
            .partition(|(id, _)| *id > executors);
        let all_first = first.len() == executors as usize;
        later.into_iter().filter(|_| !all_first).map(|(_, row)| row.name.clone()).collect()
    }
}

impl std::fmt::Display for PodList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"].map(str::to_owned);
        let rows = self.0.iter().map(|row| {
            let restarts = row.restarts.to_string();
            [row.name.clone(), row.ready.clone(), row.status.clone(), restarts, row.age.clone()]
        });
        let table: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| table.iter().map(|r| r[column].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..5).map(width).collect();
        for (index, row) in table.iter().enumerate() {
            let line: String =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}   ")).collect();
            let end = if index + 1 < table.len() { "\n" } else { "" };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

/// The normalised list of N executors; the reviewed snapshots in `snapshots/` hold the same.
pub fn list_of(executors: u32) -> PodList {
    let row = |id: u32| PodRow {
        name: format!("sparkproof-[APP]-exec-{id}"),
        ready: "1/1".to_owned(),
        status: "Running".to_owned(),
        restarts: 0,
        age: "[AGE]".to_owned(),
    };
    let mut rows: Vec<PodRow> = (1..=executors).map(row).collect();
    // Sorted by name, as the list is.
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    PodList(rows)
}

impl Observation for PodList {
    /// How many executors.
    type Expected = u32;
    const KIND: &'static str = "pods.list";

    fn judge(&self, executors: &u32) -> Judged {
        let (observed, expected) = (self.normalised(), list_of(*executors));
        if observed == expected {
            return Judged::green().with("pod list", self);
        }
        let differs = format!("the pod list differs from the expected one:\n{observed}");
        let replaced = self.replaced(*executors);
        let (reason, remedy) = match replaced.is_empty() {
            true => (
                differs,
                "check what else runs there; if the new list is right, change `judge/src/pods.rs` \
                 and review the snapshot: cargo insta review",
            ),
            false => (
                format!(
                    "executors ended, and {} came in their place: {differs}",
                    replaced.join(", ")
                ),
                "read the logs of the executors that ended, in the run directory: docs/causes.md \
                 names what they may end of",
            ),
        };
        Judged::red(reason, remedy)
            .with("pod list", self)
            .with("expected", expected)
            .with("observed", observed)
    }
}

pub(crate) fn list_controls() -> Vec<Control> {
    let row = |id: u32| PodRow {
        name: format!("sparkproof-0123456789abcdef-exec-{id}"),
        ready: "1/1".to_owned(),
        status: "Running".to_owned(),
        restarts: 0,
        age: "12s".to_owned(),
    };
    let with = |change: &dyn Fn(&mut Vec<PodRow>)| {
        let mut rows: Vec<PodRow> = (1..=3).map(row).collect();
        change(&mut rows);
        PodList(rows)
    };
    let red = |name, words, change: &dyn Fn(&mut Vec<PodRow>)| {
        Control::seen(name, &3, &with(change), Says::Red(words))
    };
    let differs = "the pod list differs";
    vec![
        Control::seen("as the guide shows it", &3, &with(&|_| {}), Says::Green),
        Control::seen("none expected, none there", &0, &PodList(Vec::new()), Says::Green),
        red("one too few", differs, &|rows| drop(rows.pop())),
        red("one too many", "exec-4", &|rows| rows.push(row(4))),
        red("none", differs, &Vec::clear),
        red("a foreign pod", "postgres-0", &|rows| {
            rows.push(PodRow { name: "postgres-0".to_owned(), ..row(4) });
        }),
        red("one Pending", "Pending", &|rows| "Pending".clone_into(&mut rows[1].status)),
        red("one Terminating", "Terminating", &|rows| {
            "Terminating".clone_into(&mut rows[1].status)
        }),
        red("one not ready", "0/1", &|rows| "0/1".clone_into(&mut rows[1].ready)),
        red("one restarted", "1   ", &|rows| rows[1].restarts = 1),
        red("another id", "exec-7 came in their place", &|rows| rows[2] = row(7)),
        Control::unseen::<PodList>(&3, "the watch was refused"),
    ]
}

/// The owners of the executors' pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owners {
    /// Name of the driver's pod.
    pub driver: String,
    /// Uid of the driver's pod.
    pub uid: String,
    /// Uids of the owners, by name of the executor's pod.
    pub executors: BTreeMap<String, Vec<String>>,
}

impl Observation for Owners {
    type Expected = ();
    const KIND: &'static str = "pods.owner";

    fn judge(&self, (): &()) -> Judged {
        let owned = |owners: &Vec<String>| !self.uid.is_empty() && owners.contains(&self.uid);
        let others: Vec<&str> = self
            .executors
            .iter()
            .filter(|(_, owners)| !owned(owners))
            .map(|(name, _)| name.as_str())
            .collect();
        let names: Vec<&str> = self.executors.keys().map(String::as_str).collect();
        let judged = match (others.is_empty(), self.executors.is_empty()) {
            (true, false) => Judged::green(),
            (true, true) => Judged::red("there is no executor pod", "start the session again"),
            (false, _) => Judged::red(
                format!("not owned by {}: {}", self.driver, others.join(", ")),
                "set spark.kubernetes.driver.pod.name to the driver's pod",
            ),
        };
        judged.with("driver", &self.driver).with("executors", names.join("\n"))
    }
}

pub(crate) fn owner_controls() -> Vec<Control> {
    let owners = |first: &[&str]| Owners {
        driver: "driver".to_owned(),
        uid: "uid-1".to_owned(),
        executors: BTreeMap::from([
            ("exec-1".to_owned(), first.iter().map(|&uid| uid.to_owned()).collect()),
            ("exec-2".to_owned(), vec!["uid-1".to_owned()]),
        ]),
    };
    let control = |name, first: &[&str], says| Control::seen(name, &(), &owners(first), says);
    vec![
        control("all owned", &["uid-1"], Says::Green),
        control("owned by another, too", &["uid-9", "uid-1"], Says::Green),
        control("one without an owner", &[], Says::Red("not owned by driver: exec-1")),
        control("one of another owner", &["uid-9"], Says::Red("not owned by driver: exec-1")),
        Control::seen(
            "a driver whose uid was not read",
            &(),
            &Owners { uid: String::new(), ..owners(&[""]) },
            Says::Red("not owned by driver: exec-1, exec-2"),
        ),
        Control::seen(
            "no executors",
            &(),
            &Owners { executors: BTreeMap::new(), ..owners(&[]) },
            Says::Red("there is no executor pod"),
        ),
        Control::unseen::<Owners>(&(), "the watch was refused"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_the_reviewed_snapshots() {
        for executors in [1, 3, 5] {
            insta::with_settings!({
                snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots"),
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(format!("pod_list_{executors}"), list_of(executors));
            });
        }
        let ten = list_of(10).to_string();
        assert!(ten.lines().nth(2).is_some_and(|l| l.contains("-exec-10   1/1")), "{ten}");
        assert!(!ten.ends_with('\n'), "the last line does not end: {ten}");
        assert!(ten.lines().nth(1).is_some_and(|l| l.contains("-exec-1    1/1")), "{ten}");
    }
}
